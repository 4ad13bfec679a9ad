/* asyncio_sendall() and asyncio_sock_sendfile(): much, slowly received, cancelled, and failing. */
#include "support.h"

#include <sys/mman.h>
#include <sys/socket.h>

enum { MUCH = 1 << 20 };

static char *pattern(void)
{
    char *data = malloc(MUCH);
    for (int i = 0; i < MUCH; i++)
        data[i] = (char)(i * 2654435761u >> 24);
    return data;
}

struct pair {
    int a, b;
};

static struct pair socket_pair(void)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return (struct pair){fds[0], fds[1]};
}

/* Up to the end of what comes: whether it is what it should be. */
static async(bool, compares, (int, fd), (const char *, data), (size_t, n))
{
    static char buf[5000];
    size_t at = 0;
    for (ssize_t got; (got = await(asyncio_recv(fd, buf, sizeof buf, 0))) > 0;) {
        if (at + (size_t)got > n || memcmp(buf, data + at, (size_t)got) != 0)
            return false;
        at += (size_t)got;
    }
    return at == n;
}

ASYNC_TEST(all)
{
    struct pair p = socket_pair();
    char *data = pattern();
    awaitable(bool) r = asyncio_create_task(compares(p.b, data, MUCH));
    assert_int_equal(await(asyncio_sendall(p.a, data, MUCH)), 0);
    close(p.a);
    assert_true(await(r));
    close(p.b);
    free(data);
}

/* A task of its own needs no stack, and sends nothing as well. */
ASYNC_TEST(made_a_task)
{
    struct pair p = socket_pair();
    char *data = pattern();
    awaitable(int) s = asyncio_create_task(asyncio_sendall(p.a, data, MUCH));
    awaitable(bool) r = asyncio_create_task(compares(p.b, data, MUCH));
    assert_int_equal(await(s), 0);
    assert_int_equal(await(asyncio_sendall(p.a, data, 0)), 0);
    close(p.a);
    assert_true(await(r));
    close(p.b);
    free(data);
}

/* What has been sent is the beginning. */
ASYNC_TEST(cancelled)
{
    for (int as_task = 0; as_task < 2; as_task++) {
        struct pair p = socket_pair();
        char *data = pattern(), *buf = malloc(MUCH);
        if (as_task) {
            awaitable(int) s = asyncio_create_task(asyncio_sendall(p.a, data, MUCH));
            await(asyncio_sleep(MOMENT));
            asyncio_cancel(s);
            assert_int_equal(await(s), -ECANCELED);
            assert_true(asyncio_cancelled(s));
        } else {
            assert_int_equal(await(asyncio_wait_for(asyncio_sendall(p.a, data, MUCH), MOMENT)),
                             -ETIMEDOUT);
        }
        close(p.a);
        size_t at = 0;
        for (ssize_t n; (n = await(asyncio_recv(p.b, buf + at, MUCH - at, 0))) > 0;)
            at += (size_t)n;
        assert_in_range(at, 1, MUCH - 1);
        assert_memory_equal(buf, data, at);
        close(p.b);
        free(data);
        free(buf);
    }
}

static async(int, sends, (int, fd), (const char *, data))
{
    return await(asyncio_sendall(fd, data, MUCH));
}

ASYNC_TEST(peer_goes)
{
    struct pair p = socket_pair();
    char *data = pattern(), buf[10];
    awaitable(int) s = asyncio_create_task(sends(p.a, data));
    await(asyncio_sleep(0));
    assert_int_equal(await(asyncio_recv(p.b, buf, 10, 0)), 10);
    close(p.b);
    int r = await(s);
    assert_true(r == -EPIPE || r == -ECONNRESET);
    close(p.a);
    free(data);
}

/* --- Files --- */

static int file_of(const char *data)
{
    int file = memfd_create("sendall_test", MFD_CLOEXEC);
    assert_int_equal(pwrite(file, data, MUCH, 0), MUCH);
    return file;
}

ASYNC_TEST(a_file)
{
    static const struct {
        off_t offset;
        size_t n, sent;
    } cases[] = {{0, 0, MUCH}, {5, 0, MUCH - 5}, {7, 100, 100}, {MUCH - 9, 100, 9}, {MUCH, 0, 0}};
    char *data = pattern();
    int file = file_of(data);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pair p = socket_pair();
        awaitable(bool) r =
            asyncio_create_task(compares(p.b, data + cases[i].offset, cases[i].sent));
        assert_int_equal(await(asyncio_sock_sendfile(p.a, file, cases[i].offset, cases[i].n)),
                         cases[i].sent);
        close(p.a);
        assert_true(await(r));
        close(p.b);
    }
    assert_int_equal(lseek(file, 0, SEEK_CUR), 0);
    close(file);
    free(data);
}

ASYNC_TEST(a_file_that_fails)
{
    struct pair p = socket_pair();
    char *data = pattern();
    int file = file_of(data);
    assert_int_equal(await(asyncio_sock_sendfile(p.a, -1, 0, 0)), -EBADF);
    assert_int_equal(await(asyncio_sock_sendfile(p.a, file, -1, 0)), -EINVAL);
    assert_int_equal(await(asyncio_wait_for(asyncio_sock_sendfile(p.a, file, 0, 0), MOMENT)),
                     -ETIMEDOUT);
    close(p.b);
    assert_int_equal(await(asyncio_sock_sendfile(p.a, file, 0, 0)), -EPIPE);
    close(p.a);
    close(file);
    free(data);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(all),       TEST(made_a_task), TEST(cancelled),
        TEST(peer_goes), TEST(a_file),      TEST(a_file_that_fails),
    };
    return cmocka_run_group_tests_name("sendall", tests, NULL, NULL);
}
