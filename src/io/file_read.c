/* Reading buffered files. What is read goes to the buffer, and is taken from it when there is
 * enough: so a read that is cancelled loses nothing. */
#include "base/panic.h"
#include "io/file.h"
#include "io/lines.h"

#include <asyncio/io.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { PIECE = 32 << 10 };

static struct ai_file *enter(struct asyncio_file *h, const char *what)
{
    struct ai_file *f = ai_file_enter(h, what);

    if (!f->reads)
        ai_panic("io.UnsupportedOperation: not readable");
    return f;
}

/* Reads some more: how much, 0 at the end, -errno. */
static ASYNCIO_ASYNC(ssize_t, fill, (struct ai_file *, f))
{
    int error = ASYNCIO_AWAIT(ai_file_flush(f));
    char *room = error ? NULL : ai_buffer_room(&f->input, PIECE);

    if (!room)
        return error ? error : asyncio_raise(-ENOMEM, NULL);
    ssize_t n = ASYNCIO_AWAIT(asyncio_read(f->fd, room, ai_buffer_space(&f->input)));
    if (n > 0)
        ai_buffer_added(&f->input, (size_t)n);
    return n;
}

/* Takes n bytes, which stay where they are until the next call. */
static char *point(struct ai_file *f, size_t n)
{
    if (n == 0) {
        *f->nothing = 0;
        return f->nothing;
    }
    char *data = ai_buffer_bytes(&f->input);
    f->line_end = data + n;
    f->line_byte = data[n];
    data[n] = 0;
    ai_buffer_drop(&f->input, n);
    return data;
}

/* Until there are n bytes: how many there are at the end, -errno. */
static ASYNCIO_ASYNC(ssize_t, gather, (struct ai_file *, f), (size_t, n))
{
    ssize_t more = 1;

    while (ai_buffer_count(&f->input) < n && more > 0)
        more = ASYNCIO_AWAIT(fill(f));
    size_t count = ai_buffer_count(&f->input);
    return more < 0 ? more : (ssize_t)(count < n ? count : n);
}

/* --- So many bytes --- */

static ASYNCIO_ASYNC(ssize_t, take, (struct ai_file *, f), (char *, buf), (size_t, n))
{
    ssize_t got = ASYNCIO_AWAIT(gather(f, n));

    if (got > 0) {
        memcpy(buf, ai_buffer_bytes(&f->input), (size_t)got);
        ai_buffer_drop(&f->input, (size_t)got);
    }
    return got;
}

/* Much is read to where it is wanted; what comes short of that goes through the buffer. */
static ASYNCIO_ASYNC(ssize_t, take_much, (struct ai_file *, f), (char *, buf), (size_t, n))
{
    int error = ASYNCIO_AWAIT(ai_file_flush(f));
    ssize_t got = error ? error : ASYNCIO_AWAIT(asyncio_read(f->fd, buf, n));
    bool whole = got <= 0 || (size_t)got == n;

    if (whole || !ai_buffer_append(&f->input, buf, (size_t)got))
        return got;
    return ASYNCIO_AWAIT(take(f, buf, n));
}

ASYNCIO_ASYNC(ssize_t, asyncio_file_read, (struct asyncio_file *, h), (void *, buf), (size_t, n))
{
    struct ai_file *f = enter(h, "read");
    bool much = n >= PIECE && ai_buffer_count(&f->input) == 0;
    ssize_t got = ASYNCIO_AWAIT(much ? take_much(f, buf, n) : take(f, buf, n));

    ai_file_leave(f);
    return got;
}

ASYNCIO_ASYNC(ssize_t, asyncio_file_read_all, (struct asyncio_file *, h), (char **, data))
{
    struct ai_file *f = enter(h, "read_all");
    ssize_t got = ASYNCIO_AWAIT(gather(f, SSIZE_MAX));

    if (got >= 0)
        *data = point(f, (size_t)got);
    ai_file_leave(f);
    return got;
}

/* --- Lines --- */

/* It goes where it is known to end, else all that there is. */
static ssize_t too_long(struct ai_file *f, const char *newline)
{
    struct ai_buffer *b = &f->input;

    ai_buffer_drop(b, newline ? (size_t)(newline + 1 - ai_buffer_bytes(b)) : ai_buffer_count(b));
    return asyncio_raise(-EMSGSIZE, "a line is longer than the limit");
}

/* The length of the next line, -errno. */
static ASYNCIO_ASYNC(ssize_t, find_line, (struct ai_file *, f))
{
    struct ai_buffer *b = &f->input;

    for (size_t searched = 0;;) {
        size_t n = ai_buffer_count(b);
        char *from = n > 0 ? ai_buffer_bytes(b) : NULL;
        char *newline = n > searched ? memchr(from + searched, '\n', n - searched) : NULL;
        if ((newline ? (size_t)(newline - from) : n) > f->limit)
            return too_long(f, newline);
        if (newline)
            return newline + 1 - from;
        searched = n;
        ssize_t more = ASYNCIO_AWAIT(fill(f));
        if (more <= 0)
            return more < 0 ? more : (ssize_t)n;
    }
}

ASYNCIO_ASYNC(ssize_t, asyncio_file_readline, (struct asyncio_file *, h), (char **, line))
{
    struct ai_file *f = enter(h, "readline");
    ssize_t n = ASYNCIO_AWAIT(find_line(f));

    if (n >= 0)
        *line = point(f, (size_t)n);
    ai_file_leave(f);
    return n;
}

static ASYNCIO_AWAITABLE(ssize_t) next_line(void *file, char **line)
{
    return asyncio_file_readline(file, line);
}

ASYNCIO_ASYNC_ITERATOR(char *) asyncio_file_lines(struct asyncio_file *f)
{
    return ai_lines_new(f, next_line);
}
