/* <asyncio/streams.h>: reading, writing, and the end of connections; what the peer does to them,
 * and cancellation. */
#include "support.h"

#include <sys/socket.h>

struct peer {
    struct asyncio_stream_reader *r;
    struct asyncio_stream_writer *w;
    int fd; /* the other end */
};

static struct peer open_peer(size_t limit)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    struct asyncio_streams s = asyncio_open_fd(fds[0], limit);
    assert_non_null(s.reader);
    return (struct peer){s.reader, s.writer, fds[1]};
}

ASYNC_TEST(echo)
{
    struct peer p = open_peer(0);
    char buf[16] = "", *line;
    assert_int_equal(write(p.fd, "hello\nworld\n", 12), 12);
    assert_int_equal(await(asyncio_stream_reader_readexactly(p.r, buf, 3)), 3);
    assert_string_equal(buf, "hel");
    assert_int_equal(await(asyncio_stream_reader_readline(p.r, &line)), 3);
    assert_string_equal(line, "lo\n");
    assert_int_equal(await(asyncio_stream_reader_read(p.r, buf, sizeof buf)), 6);
    assert_memory_equal(buf, "world\n", 6);
    assert_int_equal(asyncio_stream_writer_write(p.w, "a", 1), 0);
    assert_int_equal(asyncio_stream_writer_printf(p.w, "%d\n", 42), 3);
    assert_int_equal(await(asyncio_stream_writer_drain(p.w)), 0);
    asyncio_stream_writer_close(p.w);
    assert_int_equal(await(asyncio_stream_writer_wait_closed(p.w)), 0);
    assert_int_equal(read(p.fd, buf, sizeof buf), 4);
    assert_memory_equal(buf, "a42\n", 4);
    assert_int_equal(read(p.fd, buf, sizeof buf), 0);
    close(p.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(echo),
    };
    return cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}
