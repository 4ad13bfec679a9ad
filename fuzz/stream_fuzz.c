/* Fuzzes the stream reader against a model of it: the stream's whole content, and how far it was
 * read.
 *
 * The first bytes of an input say how the rest, the content, is cut into writes and what reads it:
 * read(), readexactly(), readline() and readuntil() with separators out of the content. What each
 * gives has to be what the content has there. Runs in the simulation, a loop for each input. */
#include <asyncio.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LIMIT = 64, SCRIPT = 32 };

struct input {
    const uint8_t *script, *content;
    size_t size; /* of the content */
    int fds[2];
    int at; /* in the script, whose end is its beginning */
};

static unsigned next(struct input *in)
{
    return in->script[in->at++ % SCRIPT];
}

static void expect(bool claim, const char *what)
{
    if (claim)
        return;
    fprintf(stderr, "the reader is wrong: %s\n", what);
    abort();
}

static async(void, feed, (const struct input *, in), (int, fd))
{
    struct asyncio_streams s = asyncio_open_fd(fd, 0);
    if (!s.writer)
        return;
    for (size_t at = 0, i = 0; at < in->size; i++) {
        size_t n = in->script[i % SCRIPT] + 1u;
        n = n < in->size - at ? n : in->size - at;
        asyncio_stream_writer_write(s.writer, in->content + at, n);
        at += n;
        if (i % 3 == 0 && await(asyncio_stream_writer_drain(s.writer)) < 0)
            return;
    }
    asyncio_stream_writer_close(s.writer);
    await(asyncio_stream_writer_wait_closed(s.writer));
}

/* Where the first of two separators ends that the content has from `at` on; or 0. */
static size_t find(const struct input *in, size_t at, const char *a, const char *b)
{
    for (size_t end = at + 1; end <= in->size; end++) {
        const char *texts[] = {a, b};
        for (int i = 0; i < 2; i++) {
            size_t n = strlen(texts[i]);
            if (end - at >= n && memcmp(in->content + end - n, texts[i], n) == 0)
                return end;
        }
    }
    return 0;
}

static void expect_bytes(const struct input *in, size_t at, const void *data, ssize_t n)
{
    expect(n >= 0 && (size_t)n <= in->size - at, "more than there is");
    expect(memcmp(in->content + at, data, (size_t)n) == 0, "other bytes");
}

/* Each returns how far that went, or -1 where what follows cannot be told. */
static async(ssize_t, read_some, (struct input *, in), (size_t, at),
             (struct asyncio_stream_reader *, r))
{
    char buf[256];
    size_t wanted = next(in) % sizeof buf + 1;
    ssize_t n = await(asyncio_stream_reader_read(r, buf, wanted));
    expect(n <= (ssize_t)wanted, "more than was asked for");
    expect(n > 0 || at == in->size, "an early end");
    expect_bytes(in, at, buf, n);
    return n;
}

static async(ssize_t, read_exactly, (struct input *, in), (size_t, at),
             (struct asyncio_stream_reader *, r))
{
    char buf[256];
    size_t wanted = next(in) % sizeof buf + 1;
    ssize_t n = await(asyncio_stream_reader_readexactly(r, buf, wanted));
    if (wanted > in->size - at) {
        expect(n == -ENODATA, "no incomplete read");
        n = (ssize_t)asyncio_stream_reader_partial(r);
        expect((size_t)n == in->size - at, "the partial bytes");
    } else {
        expect(n == (ssize_t)wanted, "not exactly");
    }
    expect_bytes(in, at, buf, n);
    return n;
}

static async(ssize_t, read_line, (struct input *, in), (size_t, at),
             (struct asyncio_stream_reader *, r))
{
    char *line;
    ssize_t n = await(asyncio_stream_reader_readline(r, &line));
    size_t end = find(in, at, "\n", "\n");
    if (n == -EMSGSIZE) {
        expect((end ? end : in->size) - at > LIMIT, "a line that is not too long");
        return -1;
    }
    expect(n == (ssize_t)((end ? end : in->size) - at), "the length of a line");
    expect_bytes(in, at, line, n);
    expect(line[n] == '\0', "no NUL behind a line");
    return n;
}

static async(ssize_t, read_until, (struct input *, in), (size_t, at),
             (struct asyncio_stream_reader *, r))
{
    char a[4] = "", b[4] = "", *data;
    for (unsigned i = 0, n = next(in) % 3; i <= n; i++)
        a[i] = (char)(next(in) | 1);
    for (unsigned i = 0, n = next(in) % 3; i <= n; i++)
        b[i] = (char)(in->content[next(in) % in->size] | 1);
    ssize_t n = await(asyncio_stream_reader_readuntil(r, &data, a, b));
    size_t end = find(in, at, a, b);
    if (n == -EMSGSIZE) {
        expect((end ? end : in->size) - at > LIMIT, "a limit that was not reached");
        return 0;
    }
    if (!end) {
        expect(n == -ENODATA, "no incomplete read");
        n = (ssize_t)asyncio_stream_reader_partial(r);
        expect((size_t)n == in->size - at, "the partial bytes");
    } else {
        expect(n == (ssize_t)(end - at), "where the separator ends");
    }
    expect_bytes(in, at, data, n);
    return n;
}

static async(void, check, (struct input *, in), (int, fd))
{
    struct asyncio_streams s = asyncio_open_fd(fd, LIMIT);
    if (!s.reader)
        return;
    ssize_t n = 0;
    for (size_t at = 0; n >= 0 && at < in->size; at += (size_t)n)
        switch (next(in) % 4) {
        case 0:
            n = await(read_some(in, at, s.reader));
            break;
        case 1:
            n = await(read_exactly(in, at, s.reader));
            break;
        case 2:
            n = await(read_line(in, at, s.reader));
            break;
        default:
            n = await(read_until(in, at, s.reader));
            if (n == 0)
                n = await(read_some(in, at, s.reader));
        }
    if (n >= 0) {
        char c;
        expect(await(asyncio_stream_reader_read(s.reader, &c, 1)) == 0, "no end");
        expect(asyncio_stream_reader_at_eof(s.reader), "not at its end");
    }
}

static async(void, both, (struct input *, in))
{
    awaitable(void) feeding = asyncio_create_task(feed(in, in->fds[0]));
    await(check(in, in->fds[1]));
    asyncio_cancel(feeding);
    await(feeding);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return setenv("ASYNCIO_BACKEND", "sim", 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {.script = data, .content = data + SCRIPT, .size = size - SCRIPT};
    if (size <= SCRIPT || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in.fds) < 0)
        return 0;
    asyncio_run(both(&in));
    return 0;
}
