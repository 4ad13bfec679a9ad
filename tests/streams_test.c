/* <asyncio/streams.h>: reading, writing, and the end of connections; what the peer does to them,
 * and cancellation. What is read is compared with CPython's test_streams where a test says so. */
#include "support.h"

#include "io/connection.h"

#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

/* A connection of which the test plays the other end, by plain calls that never block. */
struct peer {
    struct asyncio_stream_reader *r;
    struct asyncio_stream_writer *w;
    int fd;
};

static struct peer stream_on(int fd, int other, size_t limit)
{
    struct asyncio_streams s = asyncio_open_fd(fd, limit);
    assert_non_null(s.reader);
    assert_ptr_equal(asyncio_stream_reader_writer(s.reader), s.writer);
    assert_ptr_equal(asyncio_stream_writer_reader(s.writer), s.reader);
    return (struct peer){s.reader, s.writer, other};
}

static struct peer open_peer(size_t limit)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return stream_on(fds[0], fds[1], limit);
}

/* A TCP connection: the kernel's also in the simulation. */
/* So much is on its way at most, whatever the kernel knows of earlier connections: by that it
 * chooses its buffers. */
static int small_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), size = 1 << 16;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
    return fd;
}

static struct peer open_tcp(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int l = small_socket();
    assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(l, 1), 0);
    assert_int_equal(getsockname(l, (struct sockaddr *)&a, &n), 0);
    int ours = small_socket();
    assert_int_equal(connect(ours, (struct sockaddr *)&a, sizeof a), 0);
    int theirs = accept4(l, NULL, NULL, SOCK_CLOEXEC);
    assert_true(theirs >= 0);
    close(l);
    return stream_on(ours, theirs, 0);
}

static void peer_says(struct peer p, const char *text)
{
    assert_int_equal(send(p.fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void peer_ends(struct peer p)
{
    assert_int_equal(shutdown(p.fd, SHUT_WR), 0);
}

/* What it sends next is answered with a reset, and what it was to read is lost. */
static void peer_resets(struct peer p)
{
    setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(p.fd);
}

static void peer_heard_nothing(struct peer p)
{
    char c;
    assert_int_equal(recv(p.fd, &c, 1, MSG_DONTWAIT), -1);
}

static void peer_hears(struct peer p, const char *text)
{
    char got[256] = "";
    for (size_t n = 0; n < strlen(text);) {
        ssize_t more = await(asyncio_recv(p.fd, got + n, strlen(text) - n, 0));
        assert_true(more > 0);
        n += (size_t)more;
    }
    assert_string_equal(got, text);
}

static void peer_hears_end(struct peer p)
{
    char c;
    assert_int_equal(await(asyncio_recv(p.fd, &c, 1, 0)), 0);
}

/* Lets so much come that nobody has read. */
static void comes(struct peer p, size_t n)
{
    while (ai_buffer_count(&ai_connection_of(p.r)->input) < n)
        await(asyncio_sleep(0));
}

/* Lets what is under way come to where it waits. */
static async(void, turns, (int, n))
{
    while (n-- > 0)
        await(asyncio_sleep(0));
}

/* --- Reading --- */

static char buf[1 << 20];

#define assert_reads(p, n, text)                                                                   \
    do {                                                                                           \
        ssize_t got = await(asyncio_stream_reader_read((p).r, buf, n));                            \
        assert_int_equal(got, strlen(text));                                                       \
        assert_memory_equal(buf, text, strlen(text));                                              \
    } while (0)

#define assert_line(p, text)                                                                       \
    do {                                                                                           \
        char *its_line = NULL;                                                                     \
        ssize_t got = await(asyncio_stream_reader_readline((p).r, &its_line));                     \
        assert_int_equal(got, strlen(text));                                                       \
        assert_string_equal(its_line, text);                                                       \
    } while (0)

#define assert_until(p, text, ...)                                                                 \
    do {                                                                                           \
        char *its_data = NULL;                                                                     \
        ssize_t got = await(asyncio_stream_reader_readuntil((p).r, &its_data, __VA_ARGS__));       \
        assert_int_equal(got, strlen(text));                                                       \
        assert_string_equal(its_data, text);                                                       \
    } while (0)

/* test_read_*: some, across what came, at the end. */
ASYNC_TEST(read_some)
{
    struct peer p = open_peer(0);
    assert_int_equal(await(asyncio_stream_reader_read(p.r, buf, 0)), 0);
    peer_says(p, "line1\nline2\n");
    assert_reads(p, 3, "lin");
    assert_reads(p, 100, "e1\nline2\n");
    assert_false(asyncio_stream_reader_at_eof(p.r));
    peer_says(p, "rest");
    peer_ends(p);
    assert_reads(p, 2, "re");
    assert_reads(p, 100, "st");
    assert_reads(p, 100, "");
    assert_true(asyncio_stream_reader_at_eof(p.r));
    assert_int_equal(asyncio_stream_reader_exception(p.r), 0);
    assert_reads(p, 100, "");
    close(p.fd);
}

/* test_read_eof, test_read_until_eof, test_read_limit. */
ASYNC_TEST(read_all)
{
    struct peer p = open_peer(3);
    char *data = NULL;
    peer_says(p, "chunk1\n");
    awaitable(ssize_t) t = asyncio_create_task(asyncio_stream_reader_read_all(p.r, &data));
    await(turns(3));
    peer_says(p, "chunk2");
    await(turns(3));
    assert_false(asyncio_done(t));
    peer_ends(p);
    assert_int_equal(await(t), 13);
    assert_string_equal(data, "chunk1\nchunk2");
    assert_int_equal(await(asyncio_stream_reader_read_all(p.r, &data)), 0);
    assert_string_equal(data, "");
    close(p.fd);
}

/* test_readline*. */
ASYNC_TEST(lines)
{
    struct peer p = open_peer(0);
    peer_says(p, "line1\nline2\nli");
    assert_line(p, "line1\n");
    assert_line(p, "line2\n");
    char *line = NULL;
    awaitable(ssize_t) t = asyncio_create_task(asyncio_stream_reader_readline(p.r, &line));
    await(turns(3));
    peer_says(p, "ne");
    await(turns(3));
    assert_false(asyncio_done(t));
    peer_says(p, "3\n\nlast");
    assert_int_equal(await(t), 6);
    assert_string_equal(line, "line3\n");
    assert_line(p, "\n");
    peer_ends(p);
    assert_line(p, "last");
    assert_line(p, "");
    assert_true(asyncio_stream_reader_at_eof(p.r));
    close(p.fd);
}

/* test_readline_limit_with_existing_data, test_readline_nolimit_nowait, and what stays. */
ASYNC_TEST(long_lines)
{
    struct peer p = open_peer(3);
    char *line;
    peer_says(p, "line1\nno\n");
    assert_int_equal(await(asyncio_stream_reader_readline(p.r, &line)), -EMSGSIZE);
    assert_int_equal(asyncio_error(), -EMSGSIZE);
    assert_line(p, "no\n");
    peer_says(p, "without an end");
    assert_int_equal(await(asyncio_stream_reader_readline(p.r, &line)), -EMSGSIZE);
    peer_says(p, "abc\n");
    assert_line(p, "abc\n");
    close(p.fd);
}

/* test_readuntil_*: found, in pieces, too far, not at all. */
ASYNC_TEST(until)
{
    struct peer p = open_peer(0);
    char *data = NULL;
    peer_says(p, "some dataAAA");
    assert_until(p, "some dataAAA", "AAA");
    awaitable(ssize_t) t = asyncio_create_task(asyncio_stream_reader_readuntil(p.r, &data, "AAA"));
    size_t n = 0;
    const char *pieces[] = {"x", "A", "A", "BA", "A"};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        peer_says(p, pieces[i]);
        comes(p, n += strlen(pieces[i]));
        assert_false(asyncio_done(t));
    }
    peer_says(p, "Arest");
    assert_int_equal(await(t), 7);
    assert_string_equal(data, "xAABAAA");
    peer_ends(p);
    assert_int_equal(await(asyncio_stream_reader_readuntil(p.r, &data, "AAA")), -ENODATA);
    assert_string_equal(data, "rest");
    assert_int_equal(asyncio_stream_reader_partial(p.r), 4);
    assert_int_equal(await(asyncio_stream_reader_readuntil(p.r, &data, "AAA")), -ENODATA);
    assert_int_equal(asyncio_stream_reader_partial(p.r), 0);
    close(p.fd);
}

/* test_readuntil_limit, test_readuntil_limit_found_sep. */
ASYNC_TEST(until_the_limit)
{
    struct peer p = open_peer(3);
    char *data;
    peer_says(p, "some dataAA");
    assert_int_equal(await(asyncio_stream_reader_readuntil(p.r, &data, "AAA")), -EMSGSIZE);
    assert_int_equal(asyncio_stream_reader_partial(p.r), 9);
    peer_says(p, "A");
    assert_int_equal(await(asyncio_stream_reader_readuntil(p.r, &data, "ZZ")), -EMSGSIZE);
    assert_int_equal(asyncio_stream_reader_partial(p.r), 10);
    assert_int_equal(await(asyncio_stream_reader_readexactly(p.r, buf, 12)), 12);
    peer_says(p, "some dataAAA");
    assert_int_equal(await(asyncio_stream_reader_readuntil(p.r, &data, "AAA")), -EMSGSIZE);
    assert_int_equal(asyncio_stream_reader_partial(p.r), 9);
    assert_reads(p, 100, "some dataAAA");
    close(p.fd);
}

/* test_readuntil_multi_separator*: the one that ends first, the shortest of those. */
ASYNC_TEST(until_any)
{
    struct peer p = open_peer(0);
    peer_says(p, "XxXY1ABCDEFGHI2...ab3");
    assert_until(p, "XxXY1", "2", "1", "3");
    assert_until(p, "ABCD", "CDE", "BCD", "GH");
    assert_until(p, "EFGHI2", "HI2", "I2");
    assert_until(p, "...ab3", "nothing", "b3");
    close(p.fd);
}

/* test_readexactly_*. */
ASYNC_TEST(exactly)
{
    struct peer p = open_peer(3);
    assert_int_equal(await(asyncio_stream_reader_readexactly(p.r, buf, 0)), 0);
    awaitable(ssize_t) t = asyncio_create_task(asyncio_stream_reader_readexactly(p.r, buf, 12));
    for (size_t i = 1; i <= 2; i++) {
        peer_says(p, "12345");
        comes(p, 5 * i);
        assert_false(asyncio_done(t));
    }
    peer_says(p, "67rest");
    assert_int_equal(await(t), 12);
    assert_memory_equal(buf, "123451234567", 12);
    peer_ends(p);
    assert_int_equal(await(asyncio_stream_reader_readexactly(p.r, buf, 5)), -ENODATA);
    assert_int_equal(asyncio_stream_reader_partial(p.r), 4);
    assert_memory_equal(buf, "rest", 4);
    assert_int_equal(await(asyncio_stream_reader_readexactly(p.r, buf, 5)), -ENODATA);
    assert_int_equal(asyncio_stream_reader_partial(p.r), 0);
    close(p.fd);
}

ASYNC_TEST(for_each_line)
{
    struct peer p = open_peer(4);
    peer_says(p, "a\nb\nc");
    peer_ends(p);
    async_for (char *line, asyncio_stream_reader_lines(p.r))
        note("%.1s", line);
    assert_int_equal(asyncio_error(), 0);
    assert_history("a b c");
    close(p.fd);
    p = open_peer(4);
    peer_says(p, "a\nmuch too long\nb\n");
    async_for (char *line, asyncio_stream_reader_lines(p.r))
        note("%.1s", line);
    assert_int_equal(asyncio_error(), -EMSGSIZE);
    async_for (char *line, asyncio_stream_reader_lines(p.r)) {
        note("%.1s", line);
        break;
    }
    assert_history("a b");
    close(p.fd);
}

/* What a read has pointed to may be written to, and stays where it is when more comes. */
ASYNC_TEST(pointers_stay_good)
{
    struct peer p = open_peer(0);
    char *line;
    peer_says(p, "abcd");
    awaitable(ssize_t) t = asyncio_create_task(asyncio_stream_reader_readexactly(p.r, buf, 100));
    comes(p, 4);
    asyncio_cancel(t); /* leaves its receive under way */
    assert_int_equal(await(t), -ECANCELED);
    assert_int_equal(await(asyncio_stream_reader_readuntil(p.r, &line, "b")), 2);
    memset(buf, 'x', 100000);
    buf[100000] = 0;
    int flags = fcntl(p.fd, F_GETFL);
    fcntl(p.fd, F_SETFL, flags | O_NONBLOCK);
    assert_true(write(p.fd, buf, 100000) > 1000);
    comes(p, 3);
    assert_string_equal(line, "ab");
    line[0] = 'z';
    assert_reads(p, 1, "c");
    assert_reads(p, 3, "dxx");
    close(p.fd);
}

/* --- Writing --- */

ASYNC_TEST(writes)
{
    struct peer p = open_peer(0);
    struct iovec lines[] = {{"one ", 4}, {"", 0}, {"two ", 4}};
    assert_int_equal(asyncio_stream_writer_write(p.w, "zero ", 5), 0);
    assert_int_equal(asyncio_stream_writer_writelines(p.w, lines, 3), 0);
    assert_int_equal(asyncio_stream_writer_printf(p.w, "%d%s", 3, ""), 1);
    assert_int_equal(asyncio_stream_writer_get_write_buffer_size(p.w), 14);
    peer_heard_nothing(p);
    assert_int_equal(await(asyncio_stream_writer_drain(p.w)), 0);
    peer_hears(p, "zero one two 3");
    assert_int_equal(asyncio_stream_writer_get_write_buffer_size(p.w), 0);
    assert_int_equal(asyncio_stream_writer_printf(p.w, "%*d", 1000, 1), 1000);
    assert_int_equal(await(asyncio_stream_writer_drain(p.w)), 0);
    assert_int_equal(await(asyncio_recv(p.fd, buf, 1000, MSG_WAITALL)), 1000);
    assert_true(buf[0] == ' ' && buf[999] == '1');
    close(p.fd);
}

/* Without a drain() it is sent before the loop waits. */
ASYNC_TEST(sent_by_itself)
{
    struct peer p = open_peer(0);
    asyncio_stream_writer_write(p.w, "a", 1);
    asyncio_stream_writer_write(p.w, "b", 1);
    peer_heard_nothing(p);
    awaitable(ssize_t) t = asyncio_create_task(asyncio_stream_reader_read(p.r, buf, 1));
    peer_hears(p, "ab");
    peer_says(p, "c");
    assert_int_equal(await(t), 1);
    close(p.fd);
}

ASYNC_TEST(water_marks)
{
    struct peer p = open_peer(0);
    size_t low, high;
    asyncio_stream_writer_get_write_buffer_limits(p.w, &low, &high);
    assert_int_equal(low, 16384);
    assert_int_equal(high, 65536);
    asyncio_stream_writer_set_write_buffer_limits(p.w, -1, 100);
    asyncio_stream_writer_get_write_buffer_limits(p.w, &low, &high);
    assert_int_equal(low, 100);
    assert_int_equal(high, 400);
    asyncio_stream_writer_set_write_buffer_limits(p.w, 80, -1);
    asyncio_stream_writer_get_write_buffer_limits(p.w, &low, &high);
    assert_int_equal(low, 20);
    assert_int_equal(high, 80);
    close(p.fd);
}

enum { MUCH = 4 << 20, PIECE = 1 << 16 };

static async(int, write_much, (struct asyncio_stream_writer *, w))
{
    static char piece[PIECE];
    size_t most = 0;
    for (int i = 0; i < MUCH / PIECE; i++) {
        memset(piece, 'a' + i % 26, sizeof piece);
        asyncio_stream_writer_write(w, piece, sizeof piece);
        int error = await(asyncio_stream_writer_drain(w));
        if (error)
            return error;
        size_t n = asyncio_stream_writer_get_write_buffer_size(w);
        most = n > most ? n : most;
    }
    assert_true(most <= (64 << 10) + PIECE);
    return 0;
}

/* A peer that reads slowly bounds what is kept; every byte arrives once and in order. */
ASYNC_TEST(slow_reader)
{
    struct peer p = open_peer(0);
    struct asyncio_streams s = asyncio_open_fd(p.fd, 0);
    awaitable(int) t = asyncio_create_task(write_much(p.w));
    await(turns(100));
    assert_false(asyncio_done(t));
    for (size_t got = 0; got < MUCH;) {
        ssize_t n = await(asyncio_stream_reader_read(s.reader, buf, 10000));
        assert_true(n > 0);
        for (ssize_t i = 0; i < n; i++, got++)
            if (buf[i] != (char)('a' + got / PIECE % 26))
                fail_msg("byte %zu", got);
    }
    assert_int_equal(await(t), 0);
}

ASYNC_TEST(large_reads)
{
    struct peer p = open_peer(0);
    struct asyncio_streams s = asyncio_open_fd(p.fd, 0);
    awaitable(int) t = asyncio_create_task(write_much(p.w));
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(await(asyncio_stream_reader_readexactly(s.reader, buf, 1 << 20)), 1 << 20);
        for (size_t k = 0; k < 1 << 20; k++)
            if (buf[k] != (char)('a' + ((i << 20) + k) / PIECE % 26))
                fail_msg("byte %zu of %zu", k, i);
    }
    assert_int_equal(await(t), 0);
}

/* Several wait for one writer. */
ASYNC_TEST(drained_by_many)
{
    struct peer p = open_peer(0);
    memset(buf, 'x', sizeof buf);
    asyncio_stream_writer_write(p.w, buf, sizeof buf);
    awaitable(int) a = asyncio_create_task(asyncio_stream_writer_drain(p.w));
    awaitable(int) b = asyncio_create_task(asyncio_stream_writer_drain(p.w));
    await(turns(3));
    assert_false(asyncio_done(a) || asyncio_done(b));
    asyncio_cancel(a);
    assert_int_equal(await(a), -ECANCELED);
    struct asyncio_streams s = asyncio_open_fd(p.fd, 0);
    assert_int_equal(await(asyncio_stream_reader_readexactly(s.reader, buf, sizeof buf)),
                     sizeof buf);
    assert_int_equal(await(b), 0);
}

/* --- The end --- */

ASYNC_TEST(half_closed)
{
    struct peer p = open_tcp();
    assert_true(asyncio_stream_writer_can_write_eof(p.w));
    asyncio_stream_writer_write(p.w, "request", 7);
    assert_int_equal(asyncio_stream_writer_write_eof(p.w), 0);
    awaitable(ssize_t) t = asyncio_create_task(asyncio_stream_reader_read(p.r, buf, 100));
    peer_hears(p, "request");
    peer_hears_end(p);
    assert_false(asyncio_done(t));
    peer_says(p, "answer");
    assert_int_equal(await(t), 6);
    assert_false(asyncio_stream_writer_is_closing(p.w));
    asyncio_stream_writer_close(p.w);
    assert_int_equal(await(asyncio_stream_writer_wait_closed(p.w)), 0);
    peer_hears_end(p);
    close(p.fd);
}

ASYNC_TEST(closed)
{
    struct peer p = open_peer(0);
    awaitable(int) t = asyncio_create_task(asyncio_stream_writer_wait_closed(p.w));
    await(turns(3));
    assert_false(asyncio_done(t));
    asyncio_stream_writer_write(p.w, "bye", 3);
    asyncio_stream_writer_close(p.w);
    asyncio_stream_writer_close(p.w);
    assert_true(asyncio_stream_writer_is_closing(p.w));
    assert_int_equal(asyncio_stream_writer_write(p.w, "more", 4), -EPIPE);
    assert_int_equal(await(t), 0);
    assert_int_equal(await(asyncio_stream_writer_wait_closed(p.w)), 0);
    assert_int_equal(await(asyncio_stream_writer_drain(p.w)), -ECONNRESET);
    assert_int_equal(asyncio_stream_writer_write_eof(p.w), 0);
    assert_int_equal(asyncio_stream_writer_get_extra_info(p.w, "socket", buf, 4), -EBADF);
    assert_reads(p, 100, "");
    peer_hears(p, "bye");
    peer_hears_end(p);
    close(p.fd);
}

/* What had come before is read still. */
ASYNC_TEST(closed_under_a_reader)
{
    struct peer p = open_peer(0);
    char *line;
    awaitable(ssize_t) t = asyncio_create_task(asyncio_stream_reader_readline(p.r, &line));
    peer_says(p, "half a line");
    comes(p, 11);
    asyncio_stream_writer_close(p.w);
    assert_int_equal(await(t), 11);
    assert_string_equal(line, "half a line");
    assert_line(p, "");
    peer_hears_end(p);
    close(p.fd);
}

/* The peer reads nothing: what was written is waited for, until somebody loses patience. */
ASYNC_TEST(aborted)
{
    struct peer p = open_peer(0);
    memset(buf, 'x', sizeof buf);
    asyncio_stream_writer_write(p.w, buf, sizeof buf);
    awaitable(int) d = asyncio_create_task(asyncio_stream_writer_drain(p.w));
    awaitable(ssize_t) r = asyncio_create_task(asyncio_stream_reader_read(p.r, buf, 1));
    await(turns(3));
    asyncio_stream_writer_close(p.w);
    await(turns(3));
    awaitable(int) c = asyncio_create_task(asyncio_stream_writer_wait_closed(p.w));
    await(turns(3));
    assert_false(asyncio_done(c));
    asyncio_stream_writer_abort(p.w);
    assert_int_equal(await(c), -ECONNABORTED);
    assert_int_equal(await(d), -ECONNABORTED);
    assert_int_equal(await(r), 0);
    assert_int_equal(await(asyncio_stream_writer_wait_closed(p.w)), -ECONNABORTED);
    close(p.fd);
}

static async(struct asyncio_stream_writer *, owner, (int, fd), (bool, keep))
{
    struct asyncio_streams s = asyncio_open_fd(fd, 0);
    asyncio_stream_writer_write(s.writer, "last words", 10);
    if (keep)
        asyncio_retain(s.writer);
    return s.writer;
}

/* They belong to their task. */
ASYNC_TEST(owned)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    await(asyncio_create_task(owner(fds[0], false)));
    struct peer p = {NULL, NULL, fds[1]};
    peer_hears(p, "last words");
    peer_hears_end(p);
    close(fds[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    struct asyncio_stream_writer *w = await(asyncio_create_task(owner(fds[0], true)));
    assert_int_equal(await(asyncio_stream_writer_drain(w)), 0);
    p.fd = fds[1];
    peer_hears(p, "last words");
    assert_int_equal(asyncio_stream_writer_write(w, "!", 1), 0);
    asyncio_release(w);
    peer_hears(p, "!");
    peer_hears_end(p);
    close(fds[1]);
}

/* Who reads what another task owns sees the end when that ends. */
static async(void, owns_for_a_while, (int, fd), (struct asyncio_stream_reader **, r))
{
    *r = asyncio_open_fd(fd, 0).reader;
    await(turns(5));
}

ASYNC_TEST(owner_ends_first)
{
    struct asyncio_stream_reader *r;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    awaitable(void) t = asyncio_create_task(owns_for_a_while(fds[0], &r));
    await(turns(2));
    assert_int_equal(await(asyncio_stream_reader_read(r, buf, 1)), 0);
    await(t);
    close(fds[1]);
}

/* --- The end of the loop --- */

static int loop_fds[2];

static async(void, leaves_everything)
{
    struct asyncio_streams s = asyncio_open_fd(loop_fds[0], 0);
    asyncio_stream_writer_write(s.writer, "all", 3);
    asyncio_spawn(asyncio_stream_reader_read(s.reader, buf, 1));
    await(turns(3));
    asyncio_stream_writer_write(s.writer, " of it", 6);
}

/* Sent was what could be; nothing is left behind. */
static void left_open(void **state)
{
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, loop_fds), 0);
    asyncio_run(leaves_everything());
    assert_int_equal(recv(loop_fds[1], buf, 100, MSG_WAITALL | MSG_DONTWAIT), 9);
    assert_int_equal(recv(loop_fds[1], buf, 100, 0), 0);
    close(loop_fds[1]);
}

static async(void, leaves_too_much)
{
    struct asyncio_streams s = asyncio_open_fd(loop_fds[0], 0);
    asyncio_stream_writer_write(s.writer, buf, sizeof buf);
    asyncio_spawn(asyncio_stream_writer_drain(s.writer));
    asyncio_spawn(asyncio_stream_writer_wait_closed(s.writer));
    await(turns(3));
}

static void left_unsent(void **state)
{
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, loop_fds), 0);
    asyncio_run(leaves_too_much());
    close(loop_fds[1]);
}

/* --- The peer --- */

/* Before, while and after it is read and written. */
ASYNC_TEST(peer_gone_while_reading)
{
    struct peer p = open_tcp();
    char *line;
    awaitable(ssize_t) t = asyncio_create_task(asyncio_stream_reader_readline(p.r, &line));
    peer_says(p, "half");
    comes(p, 4);
    peer_resets(p);
    assert_int_equal(await(t), -ECONNRESET);
    assert_int_equal(asyncio_stream_reader_exception(p.r), -ECONNRESET);
    assert_reads(p, 100, "half");
    assert_int_equal(await(asyncio_stream_reader_read(p.r, buf, 1)), -ECONNRESET);
    assert_int_equal(await(asyncio_stream_reader_readexactly(p.r, buf, 1)), -ECONNRESET);
    assert_int_equal(await(asyncio_stream_writer_drain(p.w)), -ECONNRESET);
}

ASYNC_TEST(peer_gone_while_idle)
{
    struct peer p = open_tcp();
    peer_resets(p);
    assert_int_equal(await(asyncio_stream_reader_read(p.r, buf, 1)), -ECONNRESET);
    asyncio_stream_writer_close(p.w);
    assert_int_equal(await(asyncio_stream_writer_wait_closed(p.w)), 0);
}

/* The kernel tells the first who asks; the other side learns it from us. */
ASYNC_TEST(peer_gone_before_writing)
{
    struct peer p = open_tcp();
    peer_resets(p);
    asyncio_stream_writer_write(p.w, "x", 1);
    int error = await(asyncio_stream_writer_drain(p.w));
    while (error == 0) {
        asyncio_stream_writer_write(p.w, "x", 1);
        await(asyncio_sleep(0));
        error = await(asyncio_stream_writer_drain(p.w));
    }
    assert_true(error == -ECONNRESET || error == -EPIPE);
    assert_true(asyncio_stream_writer_is_closing(p.w));
    assert_int_equal(asyncio_stream_writer_write(p.w, "x", 1), error);
    assert_int_equal(await(asyncio_stream_reader_read(p.r, buf, 1)), error);
    asyncio_stream_writer_close(p.w);
    assert_int_equal(await(asyncio_stream_writer_wait_closed(p.w)), error);
}

ASYNC_TEST(peer_gone_while_draining)
{
    struct peer p = open_tcp();
    asyncio_stream_writer_set_write_buffer_limits(p.w, 0, 0);
    awaitable(int) t = asyncio_create_task(write_much(p.w));
    await(turns(10));
    assert_false(asyncio_done(t));
    peer_resets(p);
    int error = await(t);
    assert_true(error == -ECONNRESET || error == -EPIPE);
    assert_int_equal(asyncio_stream_writer_get_write_buffer_size(p.w), 0);
}

/* Closing, with something left to send. */
ASYNC_TEST(peer_gone_while_closing)
{
    struct peer p = open_tcp();
    for (int i = 0; i < 16; i++)
        asyncio_stream_writer_write(p.w, buf, sizeof buf);
    asyncio_stream_writer_close(p.w);
    await(turns(10));
    peer_resets(p);
    int error = await(asyncio_stream_writer_wait_closed(p.w));
    assert_true(error == -ECONNRESET || error == -EPIPE);
}

/* --- Cancellation --- */

/* A read that is cancelled over and over loses no byte. */
ASYNC_TEST(cancelled_reads)
{
    struct peer p = open_peer(0);
    char all[64] = "";
    size_t n = 0;
    for (int i = 0; n < 26; i++) {
        awaitable(ssize_t) t = asyncio_create_task(asyncio_stream_reader_read(p.r, buf, 5));
        await(turns(i % 3));
        if (i < 26)
            assert_int_equal(send(p.fd, &(char){(char)('a' + i)}, 1, 0), 1);
        await(turns(i / 3 % 3));
        if (i < 60)
            asyncio_cancel(t);
        ssize_t got = await(t);
        if (got == -ECANCELED)
            continue;
        assert_true(got > 0 && n + (size_t)got <= 26);
        memcpy(all + n, buf, (size_t)got);
        n += (size_t)got;
    }
    assert_string_equal(all, "abcdefghijklmnopqrstuvwxyz");
    close(p.fd);
}

/* The same within a task that awaits, where the request may come with the data. */
static async(ssize_t, reads_five, (struct asyncio_stream_reader *, r), (char *, to))
{
    ssize_t n = await(asyncio_stream_reader_readexactly(r, to, 5));
    if (n == 5)
        note("got");
    int late = await(asyncio_sleep(0));
    return n < 0 ? n : late ? late : n;
}

ASYNC_TEST(cancelled_exactly)
{
    for (int when = 0; when < 6; when++) {
        struct peer p = open_peer(0);
        char five[6] = "";
        awaitable(ssize_t) t = asyncio_create_task(reads_five(p.r, five));
        await(turns(2));
        peer_says(p, "12");
        await(turns(when));
        peer_says(p, "345");
        await(turns(when / 2));
        asyncio_cancel(t);
        ssize_t n = await(t);
        if (n < 0 && !*history)
            assert_int_equal(await(asyncio_stream_reader_readexactly(p.r, five, 5)), 5);
        assert_string_equal(five, "12345");
        *history = 0;
        close(p.fd);
    }
}

ASYNC_TEST(timed_out)
{
    struct peer p = open_peer(0);
    char *line;
    for (int i = 0; i < 3; i++) {
        peer_says(p, "x");
        assert_int_equal(
            await(asyncio_wait_for(asyncio_stream_reader_readline(p.r, &line), MOMENT)),
            -ETIMEDOUT);
    }
    peer_says(p, "\n");
    assert_line(p, "xxx\n");
    close(p.fd);
}

ASYNC_TEST(cancelled_before_they_begin)
{
    struct peer p = open_peer(0);
    awaitable(ssize_t) t = asyncio_create_task(asyncio_stream_reader_read(p.r, buf, 1));
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    awaitable(int) d = asyncio_create_task(asyncio_stream_writer_drain(p.w));
    asyncio_cancel(d);
    assert_int_equal(await(d), -ECANCELED);
    asyncio_release(asyncio_stream_reader_read(p.r, buf, 1));
    asyncio_release(asyncio_stream_reader_readuntil(p.r, (char **)&(char *){NULL}, "a", "b"));
    asyncio_release(asyncio_stream_writer_drain(p.w));
    close(p.fd);
}

/* --- Opening --- */

struct listener {
    int fd, port;
};

static struct listener listen_on_loopback(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    unsigned n = sizeof a;
    int fd = await(asyncio_socket(AF_INET, SOCK_STREAM, 0));
    assert_int_equal(await(asyncio_bind(fd, (struct sockaddr *)&a, sizeof a)), 0);
    assert_int_equal(await(asyncio_listen(fd, 8)), 0);
    assert_int_equal(await(asyncio_getsockname(fd, (struct sockaddr *)&a, &n)), 0);
    return (struct listener){fd, ntohs(a.sin_port)};
}

/* Answers one line in capitals. */
static async(void, serve_one, (int, fd))
{
    int c = await(asyncio_accept(fd, NULL, NULL));
    struct asyncio_streams s = asyncio_open_fd(c, 0);
    char *line;
    ssize_t n = await(asyncio_stream_reader_readline(s.reader, &line));
    for (ssize_t i = 0; i < n; i++)
        line[i] = (char)(line[i] >= 'a' ? line[i] - 'a' + 'A' : line[i]);
    asyncio_stream_writer_write(s.writer, line, (size_t)(n > 0 ? n : 0));
    asyncio_stream_writer_close(s.writer);
    await(asyncio_stream_writer_wait_closed(s.writer));
}

static async(void, asks, (struct asyncio_streams, s))
{
    char *data;
    assert_non_null(s.reader);
    asyncio_stream_writer_write(s.writer, "question\n", 9);
    assert_int_equal(await(asyncio_stream_reader_read_all(s.reader, &data)), 9);
    assert_string_equal(data, "QUESTION\n");
    asyncio_stream_writer_close(s.writer);
    assert_int_equal(await(asyncio_stream_writer_wait_closed(s.writer)), 0);
}

/* Whatever runs it, what is opened is its caller's. */
ASYNC_TEST(open_connection)
{
    struct listener l = listen_on_loopback();
    for (int i = 0; i < 3; i++) {
        awaitable(void) server = asyncio_create_task(serve_one(l.fd));
        awaitable(struct asyncio_streams) x =
            asyncio_open_connection("127.0.0.1", l.port, .limit = 100);
        struct asyncio_streams s = i == 0   ? await(x)
                                   : i == 1 ? await(asyncio_wait_for(x, FOR_EVER))
                                            : await(asyncio_create_task(x));
        await(asks(s));
        await(server);
    }
    await(asyncio_close(l.fd));
}

ASYNC_TEST(open_unix_connection)
{
    char path[] = "/tmp/asyncio-streams-XXXXXX", name[64];
    assert_non_null(mkdtemp(path));
    snprintf(name, sizeof name, "%s/socket", path);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, name);
    int fd = await(asyncio_socket(AF_UNIX, SOCK_STREAM, 0));
    assert_int_equal(await(asyncio_bind(fd, (struct sockaddr *)&a, sizeof a)), 0);
    assert_int_equal(await(asyncio_listen(fd, 8)), 0);
    awaitable(void) server = asyncio_create_task(serve_one(fd));
    await(asks(await(asyncio_open_unix_connection(name))));
    await(server);
    await(asyncio_close(fd));
    unlink(name);
    rmdir(path);
    assert_null(await(asyncio_open_unix_connection(name)).reader);
    assert_true(asyncio_error() < 0);
}

ASYNC_TEST(open_nothing)
{
    struct listener l = listen_on_loopback();
    await(asyncio_close(l.fd));
    struct asyncio_streams s = await(asyncio_open_connection("127.0.0.1", l.port));
    assert_null(s.reader);
    assert_null(s.writer);
    assert_int_equal(asyncio_error(), -ECONNREFUSED);
    assert_says(asyncio_error_message(), "127.0.0.1");
    asyncio_release(asyncio_open_connection("127.0.0.1", l.port));
    awaitable(struct asyncio_streams) t =
        asyncio_create_task(asyncio_open_connection("127.0.0.1", l.port));
    asyncio_cancel(t);
    assert_null(await(t).reader);
    assert_int_equal(asyncio_error(), -ECANCELED);
}

/* Nobody is left to whom it could belong. */
static async(void, opens_and_leaves, (int, port), (awaitable(struct asyncio_streams) *, t))
{
    *t = asyncio_retain(asyncio_create_task(asyncio_open_connection("127.0.0.1", port)));
}

ASYNC_TEST(open_for_nobody)
{
    struct listener l = listen_on_loopback();
    awaitable(struct asyncio_streams) t;
    await(asyncio_create_task(opens_and_leaves(l.port, &t)));
    assert_null(await(t).reader);
    assert_int_equal(asyncio_error(), -ECANCELED);
    asyncio_release(t);
    int c = await(asyncio_accept(l.fd, NULL, NULL));
    ssize_t n = await(asyncio_recv(c, buf, 1, 0));
    assert_true(n == 0 || n == -ECONNRESET);
    await(asyncio_close(c));
    await(asyncio_close(l.fd));
}

/* --- Other descriptors --- */

ASYNC_TEST(pipes)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    struct asyncio_streams in = asyncio_open_fd(fds[0], 0), out = asyncio_open_fd(fds[1], 0);
    char *line;
    int fd = -1;
    awaitable(ssize_t) t = asyncio_create_task(asyncio_stream_reader_readline(in.reader, &line));
    await(turns(2));
    assert_int_equal(asyncio_stream_writer_get_extra_info(out.writer, "pipe", &fd, sizeof fd),
                     sizeof fd);
    assert_int_equal(fd, fds[1]);
    assert_int_equal(asyncio_stream_writer_get_extra_info(out.writer, "peername", buf, 100),
                     -ENOENT);
    asyncio_stream_writer_write(out.writer, "through a pipe\n", 15);
    assert_int_equal(await(asyncio_stream_writer_drain(out.writer)), 0);
    assert_int_equal(await(t), 15);
    assert_string_equal(line, "through a pipe\n");
    awaitable(int) w = asyncio_create_task(write_much(out.writer));
    size_t n = 0;
    for (ssize_t got;
         n < MUCH && (got = await(asyncio_stream_reader_read(in.reader, buf, PIECE))) > 0;)
        n += (size_t)got;
    assert_int_equal(n, MUCH);
    assert_int_equal(await(w), 0);
    t = asyncio_create_task(asyncio_stream_reader_read(in.reader, buf, 1));
    await(turns(2));
    assert_int_equal(asyncio_stream_writer_write_eof(out.writer), 0);
    assert_int_equal(await(t), 0);
}

ASYNC_TEST(broken_pipe)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    struct asyncio_streams out = asyncio_open_fd(fds[1], 0);
    close(fds[0]);
    asyncio_stream_writer_write(out.writer, "x", 1);
    int error = await(asyncio_stream_writer_drain(out.writer));
    for (int i = 0; error == 0 && i < 10; i++) {
        await(asyncio_sleep(MOMENT));
        error = await(asyncio_stream_writer_drain(out.writer));
    }
    assert_int_equal(error, -EPIPE);
}

ASYNC_TEST(extra_info)
{
    struct peer p = open_tcp();
    struct sockaddr_in ours, theirs, seen;
    socklen_t n = sizeof seen;
    int fd;
    assert_int_equal(asyncio_stream_writer_get_extra_info(p.w, "sockname", &ours, sizeof ours),
                     sizeof ours);
    assert_int_equal(asyncio_stream_writer_get_extra_info(p.w, "peername", &theirs, sizeof theirs),
                     sizeof theirs);
    getpeername(p.fd, (struct sockaddr *)&seen, &n);
    assert_int_equal(seen.sin_port, ours.sin_port);
    assert_int_not_equal(ours.sin_port, theirs.sin_port);
    assert_int_equal(asyncio_stream_writer_get_extra_info(p.w, "socket", &fd, sizeof fd),
                     sizeof fd);
    assert_int_equal(asyncio_stream_writer_get_extra_info(p.w, "socket", &fd, 1), -EINVAL);
    assert_int_equal(asyncio_stream_writer_get_extra_info(p.w, "cipher", buf, 100), -ENOENT);
    close(p.fd);
}

/* --- Filters --- */

/* A cipher: each byte is turned round. The handshake is one '?' from each side, a '.' ends it. */
struct cipher {
    struct ai_filter filter;
    bool asked, answered;
};

static unsigned ciphers;

static int cipher_handshake(struct ai_filter *f, struct ai_connection *c)
{
    struct cipher *x = (struct cipher *)f;
    int error = x->asked ? 0 : ai_connection_put(c, "?", 1);
    x->asked = true;
    return error ? error : x->answered;
}

static int cipher_decode(struct ai_filter *f, struct ai_connection *c, const char *data, size_t n)
{
    struct cipher *x = (struct cipher *)f;
    int error = n == 0 ? -EPROTO : 0; /* cut short */
    for (size_t i = 0; i < n && !error; i++) {
        if (!x->answered) {
            x->answered = data[i] == '?';
            error = x->answered ? 0 : -EBADMSG;
        } else if (data[i] == '.') {
            ai_connection_feed_eof(c);
        } else {
            error = ai_connection_feed(c, &(char){(char)~data[i]}, 1);
        }
    }
    return error;
}

static int cipher_encode(struct ai_filter *f, struct ai_connection *c, const char *data, size_t n)
{
    (void)f;
    int error = 0;
    for (size_t i = 0; i < n && !error; i++)
        error = ai_connection_put(c, &(char){(char)~data[i]}, 1);
    return error;
}

static bool cipher_shutdown(struct ai_filter *f, struct ai_connection *c)
{
    (void)f;
    ai_connection_put(c, ".", 1);
    return false;
}

static ssize_t cipher_info(struct ai_filter *f, const char *name, void *value, size_t size)
{
    (void)f;
    if (strcmp(name, "cipher") != 0)
        return -ENOENT;
    strncpy(value, "none", size);
    return 4;
}

static void cipher_free(struct ai_filter *f)
{
    free(f);
    ciphers--;
}

static struct ai_filter *cipher_make(struct ai_filter_source *s, bool is_server, const char *name,
                                     int *error)
{
    static const struct ai_filter_type type = {
        .handshake = cipher_handshake,
        .decode = cipher_decode,
        .encode = cipher_encode,
        .shutdown = cipher_shutdown,
        .extra_info = cipher_info,
        .free = cipher_free,
    };
    (void)s, (void)is_server, (void)name, (void)error;
    struct cipher *x = calloc(1, sizeof *x);
    x->filter.type = &type;
    ciphers++;
    return &x->filter;
}

static struct ai_filter_source source = {.make = cipher_make};

static awaitable(int) start(struct peer p)
{
    return ai_connection_secure(ai_connection_of(p.r), (struct asyncio_ssl_context *)&source, false,
                                NULL, FOR_EVER);
}

ASYNC_TEST(filtered)
{
    struct peer p = open_peer(0);
    peer_says(p, "plain\n?");
    assert_line(p, "plain\n");
    asyncio_stream_writer_write(p.w, "p", 1);
    assert_int_equal(await(start(p)), 0);
    assert_false(asyncio_stream_writer_can_write_eof(p.w));
    assert_int_equal(asyncio_stream_writer_write_eof(p.w), -EOPNOTSUPP);
    assert_int_equal(asyncio_stream_writer_get_extra_info(p.w, "cipher", buf, 100), 4);
    assert_int_equal(asyncio_stream_writer_get_extra_info(p.w, "other", buf, 100), -ENOENT);
    asyncio_stream_writer_write(p.w, "\x9e", 1);
    assert_int_equal(await(asyncio_stream_writer_drain(p.w)), 0);
    peer_hears(p, "p?a");
    awaitable(ssize_t) t = asyncio_create_task(asyncio_stream_reader_readexactly(p.r, buf, 3));
    peer_says(p, "\x9e");
    comes(p, 1);
    peer_says(p, "\x9d\x9c\x9b.");
    assert_int_equal(await(t), 3);
    assert_memory_equal(buf, "abc", 3);
    assert_reads(p, 10, "d");
    assert_reads(p, 10, "");
    asyncio_stream_writer_close(p.w);
    assert_int_equal(await(asyncio_stream_writer_wait_closed(p.w)), 0);
    peer_hears(p, ".");
    peer_hears_end(p);
    close(p.fd);
}

ASYNC_TEST(filters_fail)
{
    struct peer p = open_peer(0);
    awaitable(int) t = asyncio_create_task(start(p));
    await(turns(3));
    peer_says(p, "!");
    assert_int_equal(await(t), -EBADMSG);
    asyncio_stream_writer_abort(p.w);
    close(p.fd);
    p = open_peer(0);
    t = asyncio_create_task(start(p));
    await(turns(3));
    peer_ends(p);
    assert_int_equal(await(t), -EPROTO);
    close(p.fd);
    p = open_peer(0);
    t = asyncio_create_task(start(p));
    await(turns(3));
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    close(p.fd);
    p = open_peer(0);
    assert_int_equal(await(asyncio_wait_for(start(p), MOMENT)), -ETIMEDOUT);
    peer_says(p, "?\x9e"); /* cut short after the first byte */
    peer_ends(p);
    assert_int_equal(await(start(p)), 0);
    assert_reads(p, 10, "a");
    assert_int_equal(await(asyncio_stream_reader_read(p.r, buf, 1)), -EPROTO);
    close(p.fd);
}

static void no_filter_left(void **state)
{
    (void)state;
    assert_int_equal(ciphers, 0);
}

/* --- Misuse --- */

DEATH_TEST(two_readers, "RuntimeError: readuntil() called while another coroutine is already "
                        "waiting for incoming data")
{
    struct peer p = open_peer(0);
    char *line;
    asyncio_spawn(asyncio_stream_reader_read(p.r, buf, 1));
    await(turns(2));
    await(asyncio_stream_reader_readline(p.r, &line));
}

DEATH_TEST(write_after_eof, "RuntimeError: Cannot call write() after write_eof()")
{
    struct peer p = open_peer(0);
    asyncio_stream_writer_write_eof(p.w);
    asyncio_stream_writer_write(p.w, "x", 1);
}

DEATH_TEST(used_after_the_task, "RuntimeError: a stream was used after the task")
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    struct asyncio_stream_writer *w = await(asyncio_create_task(owner(fds[0], false)));
    asyncio_stream_writer_write(w, "x", 1);
}

DEATH_TEST(no_stream, "ValueError: NULL is no stream")
{
    await(asyncio_stream_reader_read(NULL, buf, 1));
}

DEATH_TEST(something_else, "TypeError: awaitable 'sleep' is no stream")
{
    awaitable(int) t = asyncio_create_task(asyncio_sleep(1));
    await(asyncio_stream_writer_drain((struct asyncio_stream_writer *)t));
}

DEATH_TEST(empty_separator, "ValueError: Separator should be at least one-byte string")
{
    char *data;
    struct peer p = open_peer(0);
    await(asyncio_stream_reader_readuntil(p.r, &data, "a", ""));
}

DEATH_TEST(bad_limits, "ValueError: high (1) must be >= low (2) must be >= 0")
{
    struct peer p = open_peer(0);
    asyncio_stream_writer_set_write_buffer_limits(p.w, 1, 2);
    await(asyncio_sleep(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(read_some),
        TEST(read_all),
        TEST(lines),
        TEST(long_lines),
        TEST(until),
        TEST(until_the_limit),
        TEST(until_any),
        TEST(exactly),
        TEST(for_each_line),
        TEST(pointers_stay_good),
        TEST(writes),
        TEST(sent_by_itself),
        TEST(water_marks),
        TEST(slow_reader),
        TEST(large_reads),
        TEST(drained_by_many),
        TEST(half_closed),
        TEST(closed),
        TEST(closed_under_a_reader),
        TEST(aborted),
        TEST(owned),
        TEST(owner_ends_first),
        TEST(left_open),
        TEST(left_unsent),
        TEST(peer_gone_while_reading),
        TEST(peer_gone_while_idle),
        TEST(peer_gone_before_writing),
        TEST(peer_gone_while_draining),
        TEST(peer_gone_while_closing),
        TEST(cancelled_reads),
        TEST(cancelled_exactly),
        TEST(timed_out),
        TEST(cancelled_before_they_begin),
        TEST(open_connection),
        TEST(open_unix_connection),
        TEST(open_nothing),
        TEST(open_for_nobody),
        TEST(pipes),
        TEST(broken_pipe),
        TEST(extra_info),
        TEST(filtered),
        TEST(filters_fail),
        TEST(no_filter_left),
        TEST(two_readers),
        TEST(write_after_eof),
        TEST(used_after_the_task),
        TEST(no_stream),
        TEST(something_else),
        TEST(empty_separator),
        TEST(bad_limits),
    };
    return cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}
