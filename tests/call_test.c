/* <asyncio/io.h>: the calls on descriptors and sockets, short, cancelled, and with the descriptor
 * closed under them. */
#include "support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

static const char hello[] = "hello";

struct pair {
    int a, b;
};

static struct pair socket_pair(int flags)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, fds), 0);
    return (struct pair){fds[0], fds[1]};
}

static void drop(struct pair p)
{
    close(p.a);
    close(p.b);
}

static async(ssize_t, reads, (int, fd), (char *, buf), (size_t, n))
{
    ssize_t got = await(asyncio_read(fd, buf, n));
    note("read:%zd", got);
    return got;
}

/* Suspends if there is nothing, and then gets what comes; at once if there is something. */
ASYNC_TEST(read_and_write)
{
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
        struct pair p = socket_pair(nonblocking ? SOCK_NONBLOCK : 0);
        char buf[16] = "";
        awaitable(ssize_t) r = asyncio_create_task(reads(p.a, buf, sizeof buf));
        await(asyncio_sleep(0));
        note("writes");
        assert_int_equal(await(asyncio_write(p.b, hello, 5)), 5);
        assert_int_equal(await(r), 5);
        assert_string_equal(buf, hello);
        assert_history("writes read:5");
        assert_int_equal(write(p.b, hello, 5), 5);
        assert_int_equal(await(asyncio_recv(p.a, buf, 2, MSG_PEEK)), 2);
        assert_int_equal(await(asyncio_recv(p.a, buf, 2, 0)), 2);
        assert_int_equal(await(asyncio_recv(p.a, buf, 9, 0)), 3);
        close(p.b);
        assert_int_equal(await(asyncio_read(p.a, buf, 9)), 0);
        assert_int_equal(await(asyncio_send(p.a, buf, 9, 0)), -EPIPE);
        assert_int_equal(asyncio_error(), -EPIPE);
        close(p.a);
    }
}

ASYNC_TEST(vectors)
{
    struct pair p = socket_pair(0);
    char a[3], b[8];
    struct iovec out[] = {{(char *)hello, 2}, {(char *)hello + 2, 3}};
    struct iovec in[] = {{a, 3}, {b, 8}};
    assert_int_equal(await(asyncio_writev(p.a, out, 2)), 5);
    assert_int_equal(await(asyncio_readv(p.b, in, 2)), 5);
    assert_memory_equal(a, "hel", 3);
    assert_memory_equal(b, "lo", 2);
    drop(p);
}

ASYNC_TEST(made_tasks_and_gathered)
{
    struct pair p = socket_pair(0);
    char buf[16];
    ssize_t got[2];
    struct asyncio_info info;
    awaitable(ssize_t) r = asyncio_create_task(asyncio_recv(p.a, buf, 16, 0));
    await(asyncio_sleep(0));
    asyncio_info(&info);
    assert_int_equal(info.stacks, 1); /* the main task's */
    assert_int_equal(await(asyncio_gather_into(got, r, asyncio_send(p.b, hello, 5, 0))), 0);
    assert_int_equal(got[0], 5);
    assert_int_equal(got[1], 5);
    drop(p);
}

/* A cancelled call is over only when the kernel has let go, and then nothing is read any more. */
ASYNC_TEST(cancelled)
{
    struct pair p = socket_pair(0);
    char buf[16] = "";
    awaitable(ssize_t) r = asyncio_create_task(reads(p.a, buf, sizeof buf));
    await(asyncio_sleep(0));
    asyncio_cancel(r);
    assert_int_equal(await(r), -ECANCELED);
    assert_true(asyncio_cancelled(r));
    assert_int_equal(write(p.b, hello, 5), 5);
    await(asyncio_sleep(0));
    assert_string_equal(buf, "");
    assert_int_equal(await(asyncio_wait_for(asyncio_read(p.a, buf, 5), FOR_EVER)), 5);
    assert_int_equal(await(asyncio_wait_for(asyncio_read(p.a, buf, 5), MOMENT)), -ETIMEDOUT);
    drop(p);
}

/* What was read before the cancellation came through is not lost: it comes with the next await. */
static async(int, reads_and_goes_on, (int, fd))
{
    char buf[16];
    ssize_t n = await(asyncio_read(fd, buf, sizeof buf));
    if (n == -ECANCELED)
        return -ECANCELED;
    assert_int_equal(n, 5);
    note("got");
    return await(asyncio_sleep(1));
}

ASYNC_TEST(cancelled_too_late)
{
    struct pair p = socket_pair(0);
    awaitable(int) t = asyncio_create_task(reads_and_goes_on(p.a));
    await(asyncio_sleep(0));
    assert_int_equal(write(p.b, hello, 5), 5);
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    char buf[16];
    ssize_t left = recv(p.a, buf, sizeof buf, MSG_DONTWAIT);
    assert_true((strcmp(history, "got") == 0) != (left == 5));
    *history = 0;
    drop(p);
}

ASYNC_TEST(closed_by_another_task)
{
    struct pair p = socket_pair(0);
    char buf[16];
    awaitable(ssize_t) r = asyncio_create_task(reads(p.a, buf, sizeof buf));
    await(asyncio_sleep(0));
    assert_int_equal(await(asyncio_close(p.a)), 0);
    assert_int_equal(await(r), -EBADF);
    assert_int_equal(await(asyncio_close(p.a)), -EBADF);
    assert_int_equal(await(asyncio_read(-1, buf, 1)), -EBADF);
    close(p.b);
    assert_history("read:-9");
}

ASYNC_TEST(polled)
{
    struct pair p = socket_pair(0);
    assert_int_equal(await(asyncio_poll(p.a, POLLIN | POLLOUT)), POLLOUT);
    awaitable(int) t = asyncio_create_task(asyncio_poll(p.a, POLLIN));
    await(asyncio_sleep(0));
    assert_false(asyncio_done(t));
    assert_int_equal(await(asyncio_write(p.b, hello, 1)), 1);
    assert_int_equal(await(t), POLLIN);
    drop(p);
}

/* --- Sockets --- */

static socklen_t size_of_address = sizeof(struct sockaddr_in);

static struct sockaddr_in loopback(void)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static async(int, listener, (struct sockaddr_in *, address))
{
    int fd = await(asyncio_socket(AF_INET, SOCK_STREAM, 0));
    *address = loopback();
    assert_int_equal(await(asyncio_bind(fd, (struct sockaddr *)address, sizeof *address)), 0);
    assert_int_equal(await(asyncio_listen(fd, 8)), 0);
    assert_int_equal(await(asyncio_getsockname(fd, (struct sockaddr *)address, &size_of_address)),
                     0);
    return fd;
}

static async(void, echoes, (int, fd))
{
    char buf[16];
    int c = await(asyncio_accept(fd, NULL, NULL));
    for (ssize_t n; (n = await(asyncio_recv(c, buf, sizeof buf, 0))) > 0;)
        await(asyncio_send(c, buf, (size_t)n, 0));
    await(asyncio_close(c));
}

ASYNC_TEST(echo)
{
    struct sockaddr_in address, peer;
    int fd = await(listener(&address));
    awaitable(void) server = asyncio_create_task(echoes(fd));
    int c = await(asyncio_socket(AF_INET, SOCK_STREAM, 0));
    assert_int_equal(await(asyncio_connect(c, (struct sockaddr *)&address, sizeof address)), 0);
    assert_int_equal(await(asyncio_getpeername(c, (struct sockaddr *)&peer, &size_of_address)), 0);
    assert_int_equal(peer.sin_port, address.sin_port);
    for (int i = 0; i < 100; i++) {
        char buf[16] = "";
        assert_int_equal(await(asyncio_send(c, hello, 5, 0)), 5);
        assert_int_equal(await(asyncio_recv(c, buf, sizeof buf, 0)), 5);
        assert_string_equal(buf, hello);
    }
    assert_int_equal(await(asyncio_shutdown(c, SHUT_WR)), 0);
    await(server);
    await(asyncio_close(c));
    await(asyncio_close(fd));
}

ASYNC_TEST(refused)
{
    struct sockaddr_in address;
    int fd = await(listener(&address));
    await(asyncio_close(fd));
    int c = await(asyncio_socket(AF_INET, SOCK_STREAM, 0));
    assert_int_equal(await(asyncio_connect(c, (struct sockaddr *)&address, sizeof address)),
                     -ECONNREFUSED);
    await(asyncio_close(c));
}

ASYNC_TEST(accept_cancelled)
{
    struct sockaddr_in address;
    int fd = await(listener(&address));
    assert_int_equal(await(asyncio_wait_for(asyncio_accept(fd, NULL, NULL), MOMENT)), -ETIMEDOUT);
    awaitable(int) t = asyncio_create_task(asyncio_accept(fd, NULL, NULL));
    await(asyncio_sleep(0));
    await(asyncio_close(fd));
    assert_int_equal(await(t), -EBADF);
}

ASYNC_TEST(datagrams)
{
    struct sockaddr_in address = loopback(), from;
    int a = await(asyncio_socket(AF_INET, SOCK_DGRAM, 0));
    int b = await(asyncio_socket(AF_INET, SOCK_DGRAM, 0));
    char buf[16];
    socklen_t size = sizeof from;
    assert_int_equal(await(asyncio_bind(a, (struct sockaddr *)&address, sizeof address)), 0);
    assert_int_equal(await(asyncio_getsockname(a, (struct sockaddr *)&address, &size)), 0);
    assert_int_equal(
        await(asyncio_sendto(b, hello, 5, 0, (struct sockaddr *)&address, sizeof address)), 5);
    assert_int_equal(
        await(asyncio_sendto(b, hello, 3, 0, (struct sockaddr *)&address, sizeof address)), 3);
    size = sizeof from;
    assert_int_equal(
        await(asyncio_recvfrom(a, buf, sizeof buf, 0, (struct sockaddr *)&from, &size)), 5);
    assert_int_equal(size, sizeof from);
    assert_int_equal(from.sin_family, AF_INET);
    assert_int_equal(await(asyncio_recv(a, buf, sizeof buf, 0)), 3);
    await(asyncio_close(a));
    await(asyncio_close(b));
}

/* --- Files --- */

ASYNC_TEST(files)
{
    char name[] = "/tmp/call_test.XXXXXX", other[sizeof name + 4], buf[16] = "";
    struct statx st;
    assert_non_null(mkdtemp(name));
    snprintf(other, sizeof other, "%s/f", name);
    int fd = await(asyncio_open(other, O_RDWR | O_CREAT | O_EXCL, 0600));
    assert_true(fd >= 0);
    assert_int_equal(await(asyncio_write(fd, "0123456789", 10)), 10);
    assert_int_equal(await(asyncio_pwrite(fd, "AB", 2, 4)), 2);
    assert_int_equal(await(asyncio_pread(fd, buf, 5, 3)), 5);
    assert_string_equal(buf, "3AB67");
    assert_int_equal(await(asyncio_pread(fd, buf, 5, -1)), -EINVAL);
    assert_int_equal(await(asyncio_fsync(fd)), 0);
    assert_int_equal(await(asyncio_ftruncate(fd, 7)), 0);
    assert_int_equal(await(asyncio_statx(AT_FDCWD, other, 0, STATX_SIZE, &st)), 0);
    assert_int_equal(st.stx_size, 7);
    assert_int_equal(await(asyncio_close(fd)), 0);
    assert_int_equal(await(asyncio_open("/tmp/call_test/none", O_RDONLY)), -ENOENT);
    assert_int_equal(await(asyncio_rmdir(name)), -ENOTEMPTY);
    assert_int_equal(await(asyncio_unlink(other)), 0);
    assert_int_equal(await(asyncio_unlink(other)), -ENOENT);
    assert_int_equal(await(asyncio_rmdir(name)), 0);
}

/* Nobody who reads all the time keeps the others waiting. */
static async(void, counts, (int *, turns))
{
    for (;;) {
        ++*turns;
        if (await(asyncio_sleep(0)) != 0)
            return;
    }
}

ASYNC_TEST(no_starving)
{
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC), turns = 0;
    char c;
    awaitable(void) t = asyncio_create_task(counts(&turns));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(await(asyncio_read(fd, &c, 1)), 1);
    assert_true(turns > 10);
    asyncio_cancel(t);
    await(t);
    close(fd);
}

/* At the end of the run the call is under way. */
ASYNC_TEST(left_behind)
{
    static char buf[16];
    static struct pair p;
    p = socket_pair(0);
    asyncio_spawn(reads(p.a, buf, sizeof buf));
    asyncio_spawn(asyncio_recv(p.a, buf, sizeof buf, 0));
    await(asyncio_sleep(0));
    int other = dup(p.b);
    drop(p);
    close(other);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(read_and_write),
        TEST(vectors),
        TEST(made_tasks_and_gathered),
        TEST(cancelled),
        TEST(cancelled_too_late),
        TEST(closed_by_another_task),
        TEST(polled),
        TEST(echo),
        TEST(refused),
        TEST(accept_cancelled),
        TEST(datagrams),
        TEST(files),
        TEST(no_starving),
        TEST(left_behind),
    };
    return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
