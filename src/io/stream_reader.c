/* StreamReader: the reads of <asyncio/streams.h>, each a way of reading (io/reading.h). */
#include "base/panic.h"
#include "io/lines.h"
#include "io/reading.h"
#include "task/thread.h"

#include <errno.h>
#include <string.h>

/* --- So many bytes --- */

static int take(struct ai_reading *r, size_t n)
{
    struct ai_connection *c = r->connection;

    memcpy(r->to, ai_buffer_bytes(&c->input), n);
    ai_buffer_drop(&c->input, n);
    r->result = (ssize_t)n;
    return 1;
}

static int take_some(struct ai_reading *r)
{
    size_t n = ai_buffer_count(&r->connection->input);

    if (r->most == 0)
        return 1;
    return n > 0 ? take(r, n < r->most ? n : r->most) : 0;
}

static int take_nothing(struct ai_reading *r)
{
    r->result = 0;
    return 1;
}

static int take_exactly(struct ai_reading *r)
{
    if (r->most == 0)
        return 1;
    return ai_buffer_count(&r->connection->input) >= r->most ? take(r, r->most) : 0;
}

static int take_part(struct ai_reading *r)
{
    struct ai_connection *c = r->connection;

    c->partial = ai_buffer_count(&c->input);
    if (c->partial > 0)
        take(r, c->partial);
    return -ENODATA;
}

static asyncio_any read_bytes(const struct asyncio_awaitable_type *type,
                              const struct ai_reading_way *way, const void *reader, void *buf,
                              size_t least, size_t most)
{
    struct ai_reading *r = ai_reading_new(type, ai_connection_of(reader), way);

    if (!r)
        return NULL;
    r->to = buf;
    r->least = least;
    r->most = most;
    return ai_reading_handle(r);
}

ASYNCIO_AWAITABLE(ssize_t)
asyncio_stream_reader_read(struct asyncio_stream_reader *r, void *buf, size_t n)
{
    static const struct asyncio_awaitable_type type = AI_READING_TYPE("StreamReader.read", result);
    static const struct ai_reading_way way = {"read", take_some, take_nothing};
    return read_bytes(&type, &way, r, buf, 1, n);
}

ASYNCIO_AWAITABLE(ssize_t)
asyncio_stream_reader_readexactly(struct asyncio_stream_reader *r, void *buf, size_t n)
{
    static const struct asyncio_awaitable_type type =
        AI_READING_TYPE("StreamReader.readexactly", result);
    static const struct ai_reading_way way = {"readexactly", take_exactly, take_part};
    return read_bytes(&type, &way, r, buf, n, n);
}

/* --- What is pointed to --- */

static int point(struct ai_reading *r, size_t n)
{
    *r->data = ai_connection_point(r->connection, n);
    r->result = (ssize_t)n;
    return 1;
}

static int point_to_nothing_yet(struct ai_reading *r)
{
    (void)r;
    return 0;
}

static int point_to_all(struct ai_reading *r)
{
    return point(r, ai_buffer_count(&r->connection->input));
}

static int point_to_part(struct ai_reading *r)
{
    r->connection->partial = ai_buffer_count(&r->connection->input);
    point_to_all(r);
    return -ENODATA;
}

/* Where the separator that ends first begins and ends; false, there is none. */
struct match {
    size_t begin, end;
};

static bool find_one(const char *data, size_t n, size_t offset, const char *separator,
                     struct match *m)
{
    size_t size = strlen(separator);
    const char *at = memmem(data + offset, n - offset, separator, size);

    if (!at)
        return false;
    *m = (struct match){(size_t)(at - data), (size_t)(at - data) + size};
    return true;
}

static bool find(const struct ai_reading *r, struct match *first)
{
    const struct ai_buffer *b = &r->connection->input;
    size_t n = ai_buffer_count(b), offset = r->offset < n ? r->offset : n;
    struct match m;

    first->end = SIZE_MAX;
    for (size_t i = 0; n > 0 && r->separators[i]; i++) {
        bool found = find_one(ai_buffer_bytes(b), n, offset, r->separators[i], &m);
        bool better =
            found && (m.end < first->end || (m.end == first->end && m.begin > first->begin));
        if (better)
            *first = m;
    }
    return first->end != SIZE_MAX;
}

static size_t longest(const struct ai_reading *r)
{
    size_t most = 0;

    for (size_t i = 0; r->separators[i]; i++) {
        size_t n = strlen(r->separators[i]);
        most = n > most ? n : most;
    }
    return most;
}

static int overrun(struct ai_reading *r, size_t n)
{
    r->connection->partial = n;
    return -EMSGSIZE;
}

/* What has been searched is not searched again, but for what may be the beginning of a separator.
 */
static int take_until(struct ai_reading *r)
{
    struct ai_connection *c = r->connection;
    size_t n = ai_buffer_count(&c->input), most = longest(r);
    struct match m = {0};

    if (find(r, &m))
        return m.begin > c->limit ? overrun(r, m.begin) : point(r, m.end);
    r->offset = n + 1 > most ? n + 1 - most : 0;
    return r->offset > c->limit ? overrun(r, r->offset) : 0;
}

/* As in Python, the line goes where it is known to end, else all that there is. */
static int take_line(struct ai_reading *r)
{
    struct ai_connection *c = r->connection;
    int code = take_until(r);

    if (code != -EMSGSIZE)
        return code;
    size_t n = ai_buffer_count(&c->input);
    bool whole = c->partial < n && ai_buffer_bytes(&c->input)[c->partial] == '\n';
    ai_buffer_drop(&c->input, whole ? c->partial + 1 : n);
    return code;
}

static struct ai_reading *read_to_point(const struct asyncio_awaitable_type *type,
                                        const struct ai_reading_way *way, const void *reader,
                                        char **data)
{
    struct ai_reading *r = ai_reading_new(type, ai_connection_of(reader), way);

    if (r)
        r->data = data;
    return r;
}

ASYNCIO_AWAITABLE(ssize_t)
asyncio_stream_reader_read_all(struct asyncio_stream_reader *reader, char **data)
{
    static const struct asyncio_awaitable_type type =
        AI_READING_TYPE("StreamReader.read_all", result);
    static const struct ai_reading_way way = {"read", point_to_nothing_yet, point_to_all};
    struct ai_reading *r = read_to_point(&type, &way, reader, data);

    if (r)
        r->least = SIZE_MAX;
    return ai_reading_handle(r);
}

ASYNCIO_AWAITABLE(ssize_t)
asyncio_stream_reader_readline(struct asyncio_stream_reader *reader, char **line)
{
    static const struct asyncio_awaitable_type type =
        AI_READING_TYPE("StreamReader.readline", result);
    static const struct ai_reading_way way = {"readuntil", take_line, point_to_all};
    static const char *const newline[] = {"\n", NULL};
    struct ai_reading *r = read_to_point(&type, &way, reader, line);

    if (r)
        r->separators = newline;
    return ai_reading_handle(r);
}

static void check(const char *const *separators)
{
    if (!*separators)
        ai_panic("ValueError: Separator should contain at least one element");
    for (; *separators; separators++) {
        if (!**separators)
            ai_panic("ValueError: Separator should be at least one-byte string");
    }
}

ASYNCIO_AWAITABLE(ssize_t)
asyncio__stream_reader_readuntil(struct asyncio_stream_reader *reader, char **data,
                                 const char *const *separators)
{
    static const struct asyncio_awaitable_type type =
        AI_READING_TYPE("StreamReader.readuntil", result);
    static const struct ai_reading_way way = {"readuntil", take_until, point_to_part};

    check(separators);
    struct ai_reading *r = read_to_point(&type, &way, reader, data);
    return r && ai_reading_separate(r, separators) ? ai_reading_handle(r) : NULL;
}

/* --- Line by line --- */

static ASYNCIO_AWAITABLE(ssize_t) next_line(void *reader, char **line)
{
    return asyncio_stream_reader_readline(reader, line);
}

ASYNCIO_ASYNC_ITERATOR(char *) asyncio_stream_reader_lines(struct asyncio_stream_reader *reader)
{
    return ai_lines_new(reader, next_line);
}

/* --- The reader --- */

size_t asyncio_stream_reader_partial(const struct asyncio_stream_reader *r)
{
    return ai_connection_of(r)->partial;
}

bool asyncio_stream_reader_at_eof(const struct asyncio_stream_reader *r)
{
    const struct ai_connection *c = ai_connection_of(r);
    return c->in_eof && ai_buffer_count(&c->input) == 0;
}

int asyncio_stream_reader_exception(const struct asyncio_stream_reader *r)
{
    const struct ai_connection *c = ai_connection_of(r);
    return c->in_error ? c->in_error : c->out_error;
}

struct asyncio_stream_writer *asyncio_stream_reader_writer(struct asyncio_stream_reader *r)
{
    ai_connection_of(r);
    return (struct asyncio_stream_writer *)r;
}
