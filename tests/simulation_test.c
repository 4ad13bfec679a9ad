/* The simulated network: <asyncio/simulation.h>, and what sockets do on the simulation. On the
 * other back-ends there is nothing of it, and that is tested. */
#include "support.h"

#include "loop/loop.h"
#include "task/thread.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#define MS INT64_C(1000000)

/* Nanoseconds, exactly. */
static int64_t now(void)
{
    return ai_loop_now(ai_thread.loop);
}

/* --- Addresses and sockets --- */

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    };
    socklen_t size;
};

/* "10.0.0.1", "::1", "/a path" or "@an abstract name" */
static struct address at(const char *text, int port)
{
    struct address a = {.in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)},
                        .size = sizeof a.in};
    if (strchr("/@", *text)) {
        a = (struct address){.un = {.sun_family = AF_UNIX}};
        strcpy(a.un.sun_path, text);
        a.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text));
        if (*text == '@')
            *a.un.sun_path = 0;
    } else if (inet_pton(AF_INET, text, &a.in.sin_addr) != 1) {
        a = (struct address){.in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)},
                             .size = sizeof a.in6};
        assert_int_equal(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
    }
    return a;
}

static async(int, opens, (const char *, host), (int, type))
{
    struct address a = at(host, 0);
    return await(asyncio_socket(a.any.sa_family, type, 0));
}

static async(int, binds, (int, fd), (const char *, host), (int, port))
{
    struct address a = at(host, port);
    return await(asyncio_bind(fd, &a.any, a.size));
}

static async(int, connects, (int, fd), (const char *, host), (int, port))
{
    struct address a = at(host, port);
    return await(asyncio_connect(fd, &a.any, a.size));
}

static async(int, listens, (const char *, host), (int, port), (int, backlog))
{
    int fd = await(opens(host, SOCK_STREAM));
    assert_true(fd >= 0);
    assert_int_equal(await(binds(fd, host, port)), 0);
    assert_int_equal(await(asyncio_listen(fd, backlog)), 0);
    return fd;
}

/* Of one that is connected from `from`, if not NULL: the descriptor, or how it failed. */
static async(int, dials, (const char *, host), (int, port), (const char *, from))
{
    int fd = await(opens(host, SOCK_STREAM));
    if (fd < 0)
        return fd;
    if (from)
        assert_int_equal(await(binds(fd, from, 0)), 0);
    int error = await(connects(fd, host, port));
    if (error == 0)
        return fd;
    await(asyncio_close(fd));
    return error;
}

struct pair {
    int a, b; /* who connected, and who accepted */
};

static async(struct pair, connection, (const char *, host), (const char *, from))
{
    int listener = await(listens(host, 80, 8));
    struct pair p;
    p.a = await(dials(host, 80, from));
    p.b = await(asyncio_accept(listener, NULL, NULL));
    assert_true(p.a >= 0 && p.b >= 0);
    await(asyncio_close(listener));
    return p;
}

static async(void, drops, (struct pair, p))
{
    await(asyncio_close(p.a));
    await(asyncio_close(p.b));
}

/* Of a name of the internet. */
static async(int, port_of, (int, fd))
{
    struct address a = {.size = sizeof a.in6};
    assert_int_equal(await(asyncio_getsockname(fd, &a.any, &a.size)), 0);
    return ntohs(a.in.sin_port);
}

static async(ssize_t, says, (int, fd), (const char *, text))
{
    return await(asyncio_send(fd, text, strlen(text), 0));
}

/* That this is what comes next, in one piece. */
static async(void, hears, (int, fd), (const char *, text))
{
    char buf[256] = "";
    ssize_t n = await(asyncio_recv(fd, buf, sizeof buf - 1, 0));
    assert_int_equal(n, strlen(text));
    assert_string_equal(buf, text);
}

/* The result of receiving something that is not there. */
static async(ssize_t, hears_nothing, (int, fd))
{
    char c;
    return await(asyncio_recv(fd, &c, 1, 0));
}

/* --- Elsewhere --- */

ASYNC_TEST(not_supported)
{
    assert_int_equal(asyncio_simulation_set(.latency = 1), -ENOTSUP);
    assert_int_equal(asyncio_simulation_partition("10.0.0.1", NULL), -ENOTSUP);
    assert_int_equal(asyncio_simulation_heal(NULL, NULL), -ENOTSUP);
    assert_int_equal(asyncio_simulation_seed(), -ENOTSUP);
}

static void not_supported_without_a_loop(void **state)
{
    (void)state;
    assert_int_equal(asyncio_simulation_set(), -ENOTSUP);
    assert_int_equal(asyncio_simulation_seed(), -ENOTSUP);
}

/* --- Connections --- */

ASYNC_TEST(talks_without_time)
{
    static const char *const hosts[] = {"127.0.0.1", "10.1.2.3", "fe80::7", "/tmp/x", "@x"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        int64_t begun = now();
        struct pair p = await(connection(hosts[i], NULL));
        assert_int_equal(await(says(p.a, "hello")), 5);
        assert_int_equal(await(says(p.a, " you")), 4);
        await(hears(p.b, "hello you"));
        awaitable(void) t = asyncio_create_task(hears(p.a, "oh"));
        await(asyncio_sleep(0));
        assert_int_equal(await(says(p.b, "oh")), 2);
        await(t);
        assert_int_equal(await(asyncio_close(p.a)), 0);
        assert_int_equal(await(hears_nothing(p.b)), 0);
        assert_int_equal(await(asyncio_close(p.b)), 0);
        assert_int_equal(now(), begun);
    }
}

ASYNC_TEST(latency)
{
    assert_int_equal(asyncio_simulation_set(.latency = 0.001), 0);
    int listener = await(listens("10.0.0.1", 80, 8));
    awaitable(int) accepted = asyncio_create_task(asyncio_accept(listener, NULL, NULL));
    int a = await(dials("10.0.0.1", 80, NULL));
    assert_int_equal(now(), 2 * MS);
    int b = await(accepted);
    assert_int_equal(now(), 3 * MS);
    await(says(a, "to"));
    await(says(a, "gether"));
    await(hears(b, "together"));
    assert_int_equal(now(), 4 * MS);
    await(says(b, "back"));
    await(asyncio_close(b));
    await(hears(a, "back"));
    assert_int_equal(await(hears_nothing(a)), 0);
    assert_int_equal(now(), 5 * MS);
    await(asyncio_close(a));
    await(asyncio_close(listener));
    assert_int_equal(await(dials("10.0.0.1", 80, NULL)), -ECONNREFUSED);
    assert_int_equal(now(), 7 * MS);
    struct pair p = await(connection("/tmp/near", NULL));
    assert_int_equal(now(), 7 * MS);
    await(drops(p));
}

ASYNC_TEST(in_order_through_jitter)
{
    unsigned char sent = 0, buf[64];
    asyncio_simulation_set(.latency = 0.01, .jitter = 0.1);
    struct pair p = await(connection("10.0.0.1", NULL));
    for (; sent < 100; sent++) {
        assert_int_equal(await(asyncio_send(p.a, &sent, 1, 0)), 1);
        await(asyncio_sleep(0.001));
    }
    for (unsigned got = 0; got < 100;) {
        ssize_t n = await(asyncio_recv(p.b, buf, sizeof buf, 0));
        assert_true(n > 0);
        for (ssize_t i = 0; i < n; i++)
            assert_int_equal(buf[i], got++);
    }
    await(drops(p));
}

ASYNC_TEST(bandwidth)
{
    static char buf[5000];
    asyncio_simulation_set(.latency = 0.5, .bandwidth = 1000);
    struct pair p = await(connection("10.0.0.1", NULL));
    int64_t begun = now();
    assert_int_equal(await(asyncio_send(p.a, buf, sizeof buf, 0)), 5000);
    assert_int_equal(await(asyncio_recv(p.b, buf, sizeof buf, 0)), 1448);
    assert_int_equal(now() - begun, 1948 * MS);
    assert_int_equal(await(asyncio_recv(p.b, buf, 3552, MSG_WAITALL)), 3552);
    assert_int_equal(now() - begun, 5500 * MS);
    await(drops(p));
}

/* A sender waits while the receiver does not read, and what it sends is what is received. */
static async(ssize_t, sends_numbers, (int, fd), (unsigned, count))
{
    static unsigned char buf[10000];
    unsigned sent = 0;
    while (sent < count) {
        for (unsigned i = 0; i < sizeof buf; i++)
            buf[i] = (unsigned char)((sent + i) * 7);
        size_t n = count - sent < sizeof buf ? count - sent : sizeof buf;
        ssize_t r = await(asyncio_send(fd, buf, n, 0));
        if (r < 0)
            return r;
        sent += (unsigned)r;
    }
    await(asyncio_shutdown(fd, SHUT_WR));
    return sent;
}

static async(unsigned, receives_numbers, (int, fd))
{
    static unsigned char buf[3000];
    unsigned got = 0;
    for (ssize_t n; (n = await(asyncio_recv(fd, buf, sizeof buf, 0))) != 0;) {
        assert_true(n > 0);
        for (ssize_t i = 0; i < n; i++, got++)
            assert_int_equal(buf[i], (unsigned char)(got * 7));
    }
    return got;
}

ASYNC_TEST(senders_wait)
{
    enum { BYTES = 1000000 };
    for (int weather = 0; weather < 2; weather++) {
        if (weather)
            asyncio_simulation_set(.latency = 0.01, .jitter = 0.02, .short_reads = 0.5,
                                   .short_writes = 0.5, .eagain = 0.5, .buffer = 5000);
        struct pair p = await(connection("10.0.0.1", NULL));
        awaitable(ssize_t) sender = asyncio_create_task(sends_numbers(p.a, BYTES));
        await(asyncio_sleep(10));
        assert_false(asyncio_done(sender));
        assert_int_equal(await(receives_numbers(p.b)), BYTES);
        assert_int_equal(await(sender), BYTES);
        await(drops(p));
    }
}

ASYNC_TEST(calls_and_flags)
{
    char a[3], b[8] = "";
    struct iovec in[] = {{a, 3}, {b, 7}}, out[] = {{(char *)"he", 2}, {(char *)"llo!", 4}};
    struct msghdr m = {.msg_iov = in, .msg_iovlen = 2, .msg_name = b, .msg_namelen = 8};
    struct pair p = await(connection("10.0.0.1", NULL));
    assert_int_equal(await(asyncio_writev(p.a, out, 2)), 6);
    assert_int_equal(await(asyncio_readv(p.b, in, 2)), 6);
    assert_memory_equal(a, "hel", 3);
    assert_string_equal(b, "lo!");
    assert_int_equal(await(asyncio_write(p.a, "sesame", 6)), 6);
    assert_int_equal(await(asyncio_recv(p.b, b, 8, MSG_PEEK)), 6);
    assert_int_equal(await(asyncio_recvmsg(p.b, &m, 0)), 6);
    assert_int_equal(m.msg_namelen, 0);
    assert_int_equal(await(asyncio_sendmsg(p.a, &(struct msghdr){.msg_iov = out, .msg_iovlen = 2},
                                           MSG_NOSIGNAL)),
                     6);
    awaitable(ssize_t) all = asyncio_create_task(asyncio_recv(p.b, b, 8, MSG_WAITALL));
    await(asyncio_sleep(1));
    assert_false(asyncio_done(all));
    await(says(p.a, "123"));
    assert_int_equal(await(all), 8);
    assert_int_equal(await(asyncio_read(p.b, b, 8)), 1);
    assert_int_equal(await(asyncio_pread(p.b, b, 1, 0)), -ESPIPE);
    assert_int_equal(await(asyncio_recv(p.b, b, 1, MSG_OOB)), -EOPNOTSUPP);
    m.msg_control = b;
    m.msg_controllen = 8;
    assert_int_equal(await(asyncio_sendmsg(p.a, &m, 0)), -EOPNOTSUPP);
    await(drops(p));
}

ASYNC_TEST(cancelled_and_late)
{
    char buf[4];
    struct pair p = await(connection("10.0.0.1", NULL));
    awaitable(ssize_t) all = asyncio_create_task(asyncio_recv(p.b, buf, 4, MSG_WAITALL));
    awaitable(void) next = asyncio_create_task(hears(p.b, "ab"));
    await(asyncio_sleep(0));
    await(says(p.a, "ab"));
    await(asyncio_sleep(1));
    assert_false(asyncio_done(next)); /* it stands behind the other */
    asyncio_cancel(all);
    assert_int_equal(await(all), -ECANCELED);
    await(next);
    int64_t begun = now();
    assert_int_equal(await(asyncio_wait_for(asyncio_read(p.b, buf, 4), 0.123456789)), -ETIMEDOUT);
    assert_int_equal(now() - begun, 123456789);
    asyncio_simulation_set(.latency = 0.5);
    await(says(p.a, "x"));
    assert_int_equal(await(asyncio_wait_for(asyncio_read(p.b, buf, 4), 0.499999999)), -ETIMEDOUT);
    assert_int_equal(await(asyncio_wait_for(asyncio_read(p.b, buf, 4), 0.000000002)), 1);
    await(drops(p));
}

ASYNC_TEST(half_closed)
{
    struct pair p = await(connection("10.0.0.1", NULL));
    assert_int_equal(await(asyncio_poll(p.b, POLLIN | POLLOUT)), POLLOUT);
    assert_int_equal(await(asyncio_shutdown(p.a, 7)), -EINVAL);
    assert_int_equal(await(asyncio_shutdown(p.a, SHUT_WR)), 0);
    assert_int_equal(await(says(p.a, "x")), -EPIPE);
    assert_int_equal(await(asyncio_poll(p.b, POLLIN | POLLRDHUP)), POLLIN | POLLRDHUP);
    assert_int_equal(await(hears_nothing(p.b)), 0);
    assert_int_equal(await(says(p.b, "more")), 4);
    await(hears(p.a, "more"));
    assert_int_equal(await(asyncio_shutdown(p.b, SHUT_WR)), 0);
    assert_int_equal(await(asyncio_poll(p.b, POLLOUT)), POLLOUT | POLLHUP);
    await(drops(p));
    int fd = await(opens("10.0.0.1", SOCK_STREAM));
    assert_int_equal(await(asyncio_shutdown(fd, SHUT_WR)), -ENOTCONN);
    assert_int_equal(await(hears_nothing(fd)), -ENOTCONN);
    assert_int_equal(await(says(fd, "x")), -EPIPE);
    assert_int_equal(await(asyncio_poll(fd, POLLIN)), POLLHUP);
    await(asyncio_close(fd));
}

/* --- Their ends --- */

ASYNC_TEST(closed_with_unread_data)
{
    static const char *const hosts[] = {"10.0.0.1", "@x"};
    for (int i = 0; i < 2; i++) {
        struct pair p = await(connection(hosts[i], NULL));
        await(says(p.a, "unread"));
        await(says(p.b, "read"));
        await(asyncio_close(p.b));
        await(hears(p.a, "read"));
        assert_int_equal(await(hears_nothing(p.a)), -ECONNRESET);
        assert_int_equal(await(hears_nothing(p.a)), 0);
        assert_int_equal(await(says(p.a, "x")), -EPIPE);
        await(asyncio_close(p.a));
    }
}

ASYNC_TEST(sends_to_one_that_has_gone)
{
    asyncio_simulation_set(.latency = 0.01);
    struct pair p = await(connection("10.0.0.1", NULL));
    await(asyncio_close(p.b));
    assert_int_equal(await(says(p.a, "into the void")), 13);
    assert_int_equal(await(hears_nothing(p.a)), 0);
    await(asyncio_sleep(0.1));
    assert_int_equal(await(says(p.a, "x")), -EPIPE);
    await(asyncio_close(p.a));

    p = await(connection("10.0.0.1", NULL));
    await(says(p.a, "under way"));
    await(asyncio_close(p.b));
    assert_int_equal(await(hears_nothing(p.a)), 0);
    await(asyncio_sleep(0.1));
    assert_int_equal(await(says(p.a, "x")), -EPIPE);
    await(asyncio_close(p.a));

    p = await(connection("@x", NULL));
    await(asyncio_close(p.b));
    assert_int_equal(await(says(p.a, "x")), -EPIPE);
    await(asyncio_close(p.a));
}

ASYNC_TEST(aborted)
{
    struct pair p = await(connection("10.0.0.1", NULL));
    struct linger linger = {.l_onoff = 1};
    assert_int_equal(setsockopt(p.a, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    await(asyncio_close(p.a));
    assert_int_equal(await(hears_nothing(p.b)), -ECONNRESET);
    await(asyncio_close(p.b));
}

ASYNC_TEST(closed_by_another_task)
{
    struct pair p = await(connection("10.0.0.1", NULL));
    awaitable(ssize_t) t = asyncio_create_task(hears_nothing(p.a));
    await(asyncio_sleep(0));
    assert_int_equal(await(asyncio_close(p.a)), 0);
    assert_int_equal(await(t), -EBADF);
    assert_int_equal(await(asyncio_close(p.a)), -EBADF);
    assert_int_equal(await(hears_nothing(p.b)), 0);
    await(asyncio_close(p.b));
}

/* By close(2), of which the library is not told. */
ASYNC_TEST(closed_behind_its_back)
{
    struct pair p = await(connection("10.0.0.1", NULL));
    awaitable(ssize_t) t = asyncio_create_task(hears_nothing(p.a));
    await(asyncio_sleep(0));
    close(p.a);
    int64_t begun = now();
    assert_int_equal(await(hears_nothing(p.b)), 0);
    assert_int_equal(await(t), -EBADF);
    assert_int_equal(now(), begun);

    int pipes[2]; /* the number comes back as something else */
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_true(pipes[0] == p.a || pipes[1] == p.a);
    assert_int_equal(await(asyncio_write(pipes[1], "x", 1)), 1);
    assert_int_equal(await(asyncio_recv(pipes[0], &begun, 1, 0)), -ENOTSOCK);
    assert_int_equal(await(asyncio_read(pipes[0], &begun, 1)), 1);
    close(pipes[0]);
    close(pipes[1]);
    await(asyncio_close(p.b));

    p = await(connection("10.0.0.1", NULL));
    int filler = fcntl(0, F_DUPFD_CLOEXEC, 0);
    close(p.a);
    int again = await(opens("10.0.0.1", SOCK_STREAM)); /* or as another socket */
    assert_int_equal(again, p.a);
    close(filler);
    assert_int_equal(await(hears_nothing(again)), -ENOTCONN);
    assert_int_equal(await(hears_nothing(p.b)), 0);
    await(drops(p));
}

/* --- Connecting --- */

ASYNC_TEST(waits_for_the_backlog)
{
    int fds[4], listener = await(listens("10.0.0.1", 80, 1));
    fds[0] = await(dials("10.0.0.1", 80, NULL));
    fds[1] = await(dials("10.0.0.1", 80, NULL));
    awaitable(int) third = asyncio_create_task(dials("10.0.0.1", 80, NULL));
    awaitable(int) fourth = asyncio_create_task(dials("10.0.0.1", 80, NULL));
    int64_t begun = now();
    await(asyncio_sleep(100));
    assert_false(asyncio_done(third));
    fds[2] = await(asyncio_accept(listener, NULL, NULL));
    fds[3] = await(third);
    assert_int_equal(await(fourth), -ETIMEDOUT);
    assert_int_equal(now() - begun, 127000 * MS);
    fourth = asyncio_create_task(dials("10.0.0.1", 80, NULL));
    await(asyncio_sleep(0));
    await(asyncio_close(listener)); /* those it has not accepted are reset, and who waits refused */
    assert_int_equal(await(fourth), -ECONNREFUSED);
    assert_int_equal(await(hears_nothing(fds[1])), -ECONNRESET);
    for (int i = 0; i < 4; i++)
        await(asyncio_close(fds[i]));
}

ASYNC_TEST(connects_once)
{
    int listener = await(listens("127.0.0.1", 80, 8));
    int fd = await(opens("127.0.0.1", SOCK_STREAM));
    assert_int_equal(await(connects(fd, "127.0.0.1", 81)), -ECONNREFUSED);
    assert_int_equal(await(connects(fd, "::1", 80)), -EAFNOSUPPORT);
    assert_int_equal(await(connects(fd, "0.0.0.0", 80)), 0);
    assert_int_equal(await(connects(fd, "127.0.0.1", 80)), -EISCONN);
    assert_int_equal(await(connects(listener, "127.0.0.1", 80)), -EISCONN);
    assert_int_equal(await(asyncio_accept(fd, NULL, NULL)), -EINVAL);
    await(asyncio_close(fd)); /* and is accepted all the same */
    struct address peer = {.size = sizeof peer.in6};
    fd = await(asyncio_accept4(listener, &peer.any, &peer.size, SOCK_NONBLOCK));
    assert_true(fd >= 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
    assert_int_equal(peer.size, sizeof peer.in);
    assert_int_equal(peer.in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    assert_int_equal(await(hears_nothing(fd)), 0);
    await(asyncio_close(fd));
    awaitable(int) t = asyncio_create_task(asyncio_accept(listener, NULL, NULL));
    await(asyncio_sleep(0));
    assert_int_equal(await(asyncio_shutdown(listener, SHUT_RD)), 0);
    assert_int_equal(await(t), -EINVAL);
    await(asyncio_close(listener));
}

/* Cancelled while it is under way, and closed: nobody is left to be accepted. */
ASYNC_TEST(connecting_is_cancelled)
{
    asyncio_simulation_set(.latency = 0.1);
    int listener = await(listens("10.0.0.1", 80, 8));
    for (int i = 1; i < 5; i++) {
        int fd = await(opens("10.0.0.1", SOCK_STREAM));
        awaitable(int) t = asyncio_create_task(connects(fd, "10.0.0.1", 80));
        await(asyncio_sleep(0.05 * i));
        asyncio_cancel(t);
        int error = await(t);
        assert_int_equal(error, i == 4 ? 0 : -ECANCELED);
        await(asyncio_close(fd));
    }
    int b = await(asyncio_wait_for(asyncio_accept(listener, NULL, NULL), 10));
    assert_true(b >= 0); /* the fourth */
    assert_int_equal(await(asyncio_wait_for(asyncio_accept(listener, NULL, NULL), 10)), -ETIMEDOUT);
    await(asyncio_close(b));
    await(asyncio_close(listener));
}

/* --- Names --- */

ASYNC_TEST(ports)
{
    int a = await(opens("10.0.0.1", SOCK_STREAM)), b = await(opens("10.0.0.1", SOCK_STREAM));
    int c = await(opens("10.0.0.1", SOCK_DGRAM)), six = await(opens("::1", SOCK_STREAM));
    assert_int_equal(await(port_of(a)), 0);
    assert_int_equal(await(binds(a, "10.0.0.1", 0)), 0);
    int port = await(port_of(a));
    assert_true(port > 0);
    assert_int_equal(await(binds(a, "10.0.0.1", 0)), -EINVAL);
    assert_int_equal(await(binds(b, "10.0.0.1", port)), -EADDRINUSE);
    assert_int_equal(await(binds(b, "0.0.0.0", port)), -EADDRINUSE);
    assert_int_equal(await(binds(six, "::", port)), -EADDRINUSE);
    assert_int_equal(await(binds(c, "10.0.0.1", port)), 0);
    assert_int_equal(await(binds(b, "10.0.0.2", port)), 0);
    await(asyncio_close(a));
    assert_int_equal(setsockopt(six, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int)), 0);
    assert_int_equal(await(binds(six, "::", port)), 0);
    a = await(opens("10.0.0.1", SOCK_STREAM));
    assert_int_equal(await(binds(a, "10.0.0.1", port)), 0);
    await(asyncio_close(a));
    await(asyncio_close(b));
    await(asyncio_close(c));
    await(asyncio_close(six));
}

ASYNC_TEST(ports_that_are_shared)
{
    static const int options[] = {SO_REUSEADDR, SO_REUSEPORT};
    for (int i = 0; i < 2; i++) {
        int a = await(opens("10.0.0.1", SOCK_STREAM)), b = await(opens("10.0.0.1", SOCK_STREAM));
        setsockopt(a, SOL_SOCKET, options[i], &(int){1}, sizeof(int));
        setsockopt(b, SOL_SOCKET, options[i], &(int){1}, sizeof(int));
        assert_int_equal(await(binds(a, "10.0.0.1", 80)), 0);
        assert_int_equal(await(binds(b, "10.0.0.1", 80)), 0);
        assert_int_equal(await(asyncio_listen(a, 8)), 0);
        assert_int_equal(await(asyncio_listen(b, 8)), i ? 0 : -EADDRINUSE);
        await(asyncio_close(a));
        await(asyncio_close(b));
    }
}

ASYNC_TEST(both_versions)
{
    struct address peer = {.size = sizeof peer.in6}, own = peer;
    int listener = await(listens("::", 80, 8));
    int a = await(dials("10.0.0.7", 80, NULL));
    int b = await(asyncio_accept(listener, &peer.any, &peer.size));
    char text[INET6_ADDRSTRLEN];
    assert_string_equal(inet_ntop(AF_INET6, &peer.in6.sin6_addr, text, sizeof text),
                        "::ffff:10.0.0.7");
    assert_int_equal(await(asyncio_getpeername(a, &own.any, &own.size)), 0);
    assert_int_equal(own.in.sin_addr.s_addr, htonl(0x0a000007));
    own.size = sizeof own.in6;
    assert_int_equal(await(asyncio_getsockname(b, &own.any, &own.size)), 0);
    assert_int_equal(own.in6.sin6_port, htons(80));
    assert_int_equal(await(asyncio_getpeername(listener, &own.any, &own.size)), -ENOTCONN);
    await(asyncio_close(a));
    await(asyncio_close(b));
    await(asyncio_close(listener));
}

ASYNC_TEST(paths)
{
    struct address a = {.size = sizeof a.un};
    assert_int_equal(await(dials("/tmp/nobody", 0, NULL)), -ENOENT);
    assert_int_equal(await(dials("@nobody", 0, NULL)), -ECONNREFUSED);
    int listener = await(listens("/tmp/somebody", 0, 8)), fd = await(opens("@", SOCK_STREAM));
    assert_int_equal(await(binds(fd, "/tmp/somebody", 0)), -EADDRINUSE);
    assert_int_equal(access("/tmp/somebody", F_OK), -1);
    assert_int_equal(await(asyncio_bind(fd, &(struct sockaddr){.sa_family = AF_UNIX}, 2)), 0);
    assert_int_equal(await(asyncio_getsockname(fd, &a.any, &a.size)), 0);
    assert_int_equal(a.size, 2 + 6);
    assert_int_equal(await(connects(fd, "/tmp/somebody", 0)), 0);
    a.size = sizeof a.un;
    assert_int_equal(await(asyncio_getpeername(fd, &a.any, &a.size)), 0);
    assert_string_equal(a.un.sun_path, "/tmp/somebody");
    assert_int_equal(a.size, 2 + sizeof "/tmp/somebody");
    await(asyncio_close(fd));
    await(asyncio_close(listener));
}

/* A real socket knows nothing of it. */
ASYNC_TEST(real_sockets_are_elsewhere)
{
    int listener = await(listens("127.0.0.1", 0, 8));
    int port = await(port_of(listener));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(await(connects(fd, "127.0.0.1", port)), -ECONNREFUSED);
    close(fd);
    await(asyncio_close(listener));
}

/* --- Datagrams --- */

static async(struct pair, datagram_pair, (const char *, host), (const char *, from))
{
    struct pair p;
    p.a = await(opens(host, SOCK_DGRAM));
    p.b = await(opens(host, SOCK_DGRAM));
    assert_int_equal(await(binds(p.a, from, *from == '@' ? 0 : 1000)), 0);
    assert_int_equal(await(binds(p.b, host, 53)), 0);
    assert_int_equal(await(connects(p.a, host, 53)), 0);
    return p;
}

ASYNC_TEST(datagrams)
{
    char buf[8] = "";
    struct address from = {.size = sizeof from};
    struct pair p = await(datagram_pair("10.0.0.1", "10.0.0.2"));
    await(says(p.a, "first"));
    await(says(p.a, ""));
    await(says(p.a, "the second"));
    await(hears(p.b, "first"));
    await(hears(p.b, ""));
    assert_int_equal(await(asyncio_recv(p.b, buf, 3, MSG_PEEK | MSG_TRUNC)), 10);
    assert_int_equal(await(asyncio_recvfrom(p.b, buf, 3, 0, &from.any, &from.size)), 3);
    assert_string_equal(buf, "the");
    assert_int_equal(from.in.sin_port, htons(1000));
    assert_int_equal(await(says(p.b, "x")), -EDESTADDRREQ);
    assert_int_equal(await(asyncio_sendto(p.b, "back", 4, 0, &from.any, from.size)), 4);
    await(hears(p.a, "back"));
    from.in.sin_port = htons(9);
    assert_int_equal(await(asyncio_sendto(p.b, "lost", 4, 0, &from.any, from.size)), 4);
    await(asyncio_close(p.b));
    assert_int_equal(await(says(p.a, "nobody there")), 12);
    assert_int_equal(await(hears_nothing(p.a)), -ECONNREFUSED);
    static char large[65508];
    assert_int_equal(await(asyncio_send(p.a, large, sizeof large, 0)), -EMSGSIZE);
    await(asyncio_close(p.a));
}

ASYNC_TEST(datagrams_by_path)
{
    static char large[30000];
    struct pair p = await(datagram_pair("@b", "@a"));
    for (int i = 0; i < 2; i++)
        assert_int_equal(await(asyncio_send(p.a, large, sizeof large, 0)), sizeof large);
    awaitable(ssize_t) third = asyncio_create_task(asyncio_send(p.a, large, sizeof large, 0));
    await(asyncio_sleep(1));
    assert_false(asyncio_done(third));
    assert_int_equal(await(asyncio_recv(p.b, large, sizeof large, 0)), sizeof large);
    assert_int_equal(await(third), sizeof large);
    await(asyncio_close(p.b));
    assert_int_equal(await(says(p.a, "x")), -ECONNREFUSED);
    await(asyncio_close(p.a));
}

static async(int, count_datagrams, (int, fd), (bool *, in_order))
{
    int n = 0, last = -1;
    unsigned char c;
    *in_order = true;
    while (await(asyncio_wait_for(asyncio_recv(fd, &c, 1, 0), 5)) == 1) {
        *in_order &= c >= last;
        last = c;
        n++;
    }
    return n;
}

static async(void, sends_datagrams, (int, fd))
{
    for (unsigned char c = 0; c < 200; c++) {
        assert_int_equal(await(asyncio_send(fd, &c, 1, 0)), 1);
        await(asyncio_sleep(0.0001));
    }
}

ASYNC_TEST(datagrams_in_bad_weather)
{
    bool in_order;
    struct pair p = await(datagram_pair("10.0.0.1", "10.0.0.2"));
    asyncio_simulation_set(.datagram_loss = 0.5);
    await(sends_datagrams(p.a));
    int n = await(count_datagrams(p.b, &in_order));
    assert_true(n > 50 && n < 150 && in_order);
    asyncio_simulation_set(.duplicate = 0.5);
    await(sends_datagrams(p.a));
    n = await(count_datagrams(p.b, &in_order));
    assert_true(n > 250 && n < 350 && in_order);
    asyncio_simulation_set(.latency = 0.001, .reorder = 0.1);
    await(sends_datagrams(p.a));
    assert_int_equal(await(count_datagrams(p.b, &in_order)), 200);
    assert_false(in_order);
    asyncio_simulation_set(.buffer = 20);
    await(sends_datagrams(p.a));
    n = await(count_datagrams(p.b, &in_order));
    assert_true(n > 0 && n < 20 && in_order);
    await(drops(p));
}

/* --- Partitions --- */

ASYNC_TEST(partitioned)
{
    asyncio_simulation_set(.latency = 0.01);
    struct pair p = await(connection("10.0.0.1", "10.0.0.2"));
    struct pair near = await(connection("10.0.0.1", NULL));
    assert_int_equal(asyncio_simulation_partition("10.0.0.2", "10.0.0.1"), 0);
    int64_t begun = now();
    await(says(p.a, "waits"));
    await(says(near.a, "gets through"));
    await(hears(near.b, "gets through"));
    awaitable(void) t = asyncio_create_task(hears(p.b, "waits"));
    await(asyncio_sleep(500));
    assert_false(asyncio_done(t));
    assert_int_equal(asyncio_simulation_heal("10.0.0.1", NULL), 0);
    await(t);
    assert_int_equal(now() - begun, 500020 * MS);
    await(drops(p));
    await(drops(near));
}

ASYNC_TEST(partitioned_for_too_long)
{
    struct pair p = await(connection("10.0.0.1", "10.0.0.2"));
    int listener = await(listens("10.0.0.1", 81, 8));
    asyncio_simulation_partition("10.0.0.1", NULL);
    int64_t begun = now();
    assert_int_equal(await(dials("10.0.0.1", 81, "10.0.0.2")), -ETIMEDOUT);
    assert_int_equal(now() - begun, 127000 * MS);
    begun = now();
    await(says(p.a, "waits"));
    assert_int_equal(await(hears_nothing(p.a)), -ETIMEDOUT);
    assert_int_equal(now() - begun, 924600 * MS);
    asyncio_simulation_heal(NULL, NULL);
    assert_int_equal(await(asyncio_wait_for(hears_nothing(p.b), 1000)), -ETIMEDOUT);
    assert_int_equal(await(says(p.b, "anybody there?")), 14);
    assert_int_equal(await(hears_nothing(p.b)), -ECONNRESET);
    await(drops(p));
    await(asyncio_close(listener));
}

ASYNC_TEST(connects_when_it_is_healed)
{
    int listener = await(listens("10.0.0.1", 80, 8));
    for (int i = 0; i < 6; i++) {
        asyncio_simulation_set(.latency = 1);
        awaitable(int) accepted = asyncio_create_task(asyncio_accept(listener, NULL, NULL));
        awaitable(int) a = asyncio_create_task(dials("10.0.0.1", 80, "10.0.0.2"));
        await(asyncio_sleep(0.5 * i));
        asyncio_simulation_partition("10.0.0.1", "10.0.0.2");
        await(asyncio_sleep(10));
        asyncio_simulation_heal("10.0.0.1", "10.0.0.2");
        await(drops((struct pair){await(a), await(accepted)}));
    }
    await(asyncio_close(listener));
}

ASYNC_TEST(datagrams_and_partitions)
{
    struct pair p = await(datagram_pair("10.0.0.1", "10.0.0.2"));
    asyncio_simulation_set(.latency = 1);
    await(says(p.a, "caught on the way"));
    await(asyncio_sleep(0.5));
    asyncio_simulation_partition("10.0.0.2", NULL);
    await(asyncio_sleep(1));
    await(says(p.a, "lost"));
    asyncio_simulation_heal(NULL, "10.0.0.2");
    await(says(p.a, "arrives"));
    await(hears(p.b, "arrives"));
    await(drops(p));
}

/* --- Faults --- */

ASYNC_TEST(faults_that_are_certain)
{
    struct pair p = await(connection("10.0.0.1", NULL));
    int listener = await(listens("10.0.0.1", 81, 8));
    asyncio_simulation_set(.refuse = 1);
    assert_int_equal(await(dials("10.0.0.1", 81, NULL)), -ECONNREFUSED);
    asyncio_simulation_set();
    int fd = await(dials("10.0.0.1", 81, NULL));
    asyncio_simulation_set(.emfile = 1);
    assert_int_equal(await(opens("10.0.0.1", SOCK_STREAM)), -EMFILE);
    assert_int_equal(await(asyncio_accept(listener, NULL, NULL)), -EMFILE);
    asyncio_simulation_set();
    await(drops((struct pair){fd, await(asyncio_accept(listener, NULL, NULL))}));
    char buf[8];
    asyncio_simulation_set(.short_writes = 1, .short_reads = 1);
    ssize_t sent = await(says(p.a, "shorter"));
    assert_in_range(sent, 1, 6);
    asyncio_simulation_set(.short_reads = 1);
    await(says(p.a, "shorter"));
    assert_in_range(await(asyncio_recv(p.b, buf, sizeof buf, 0)), 1, 7);
    awaitable(ssize_t) other = asyncio_create_task(hears_nothing(p.a));
    await(asyncio_sleep(0));
    asyncio_simulation_set(.reset = 1);
    assert_int_equal(await(says(p.b, "x")), -ECONNRESET);
    assert_int_equal(await(other), -ECONNRESET);
    asyncio_simulation_set();
    assert_int_equal(await(says(p.b, "x")), -EPIPE);
    await(drops(p));
    await(asyncio_close(listener));
}

/* Everything that could be had at once takes a turn, and no time. */
ASYNC_TEST(eagain)
{
    asyncio_simulation_set(.eagain = 1);
    struct pair p = await(connection("10.0.0.1", NULL));
    assert_int_equal(await(says(p.a, "hello")), 5);
    await(hears(p.b, "hello"));
    assert_int_equal(await(asyncio_poll(p.a, POLLOUT)), POLLOUT);
    awaitable(ssize_t) t = asyncio_create_task(asyncio_send(p.a, "x", 1, 0));
    await(asyncio_sleep(0));
    assert_false(asyncio_done(t));
    asyncio_cancel(t); /* too late: it is not lost */
    assert_int_equal(await(t), 1);
    await(hears(p.b, "x"));
    assert_int_equal(await(asyncio_wait_for(hears_nothing(p.b), 1)), -ETIMEDOUT);
    assert_int_equal(now(), 1000 * MS);
    await(drops(p));
}

/* A cancellation that comes when the call is done is not taken for a time-out of what comes next.
 */
static async(int, receives_then_waits, (int, fd), (int, way))
{
    char c;
    ssize_t n = await(asyncio_recv(fd, &c, 1, 0));
    if (n < 0)
        return (int)n;
    assert_int_equal(n, 1);
    if (way == 0)
        return await(asyncio_wait_for(asyncio_sleep(1), 0));
    if (way == 1)
        return await(asyncio_wait_for(asyncio_sleep(1), 0.5));
    int error = 0;
    struct asyncio_timeout t = asyncio_timeout(0);
    async_with(&t) error = await(asyncio_sleep(1));
    assert_int_equal(error, -ECANCELED);
    return asyncio_error();
}

ASYNC_TEST(cancelled_too_late)
{
    for (int way = 0; way < 3; way++) {
        asyncio_simulation_set();
        struct pair p = await(connection("10.0.0.1", NULL));
        await(says(p.a, "x"));
        asyncio_simulation_set(.eagain = 1);
        awaitable(int) t = asyncio_create_task(receives_then_waits(p.b, way));
        await(asyncio_sleep(0));
        asyncio_cancel(t);
        assert_int_equal(await(t), -ECANCELED);
        assert_true(asyncio_cancelled(t));
        await(drops(p));
    }
}

DEATH_TEST(out_of_range, "ValueError: asyncio_simulation_set(): reset is out of its range")
{
    asyncio_simulation_set(.latency = 1, .reset = 1.5);
}

DEATH_TEST(no_address, "ValueError: 'here' does not appear to be an IPv4 or IPv6 address")
{
    asyncio_simulation_partition("here", "10.0.0.1");
}

static async(void, sees_latency)
{
    await(drops(await(connection("10.0.0.1", NULL))));
    assert_int_equal(now(), 3 * MS);
}

static void environment(void **state)
{
    (void)state;
    setenv("ASYNCIO_SIM", "latency=1e-3,buffer=10", 1);
    asyncio_run(sees_latency());
    static const char *const wrong[] = {"latence=1",         "latency", "latency=", "latency=x",
                                        "latency=1;reset=0", "reset=2", "reset=nan"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct asyncio_runner r = {0};
        setenv("ASYNCIO_SIM", wrong[i], 1);
        assert_int_equal(asyncio_runner_init(&r), -EINVAL);
    }
    unsetenv("ASYNCIO_SIM");
}

/* --- The seed --- */

/* Some clients of a server in bad weather: who heard what, and when. */
static async(void, serves, (int, fd))
{
    char buf[64];
    for (ssize_t n; (n = await(asyncio_recv(fd, buf, sizeof buf, 0))) > 0;)
        await(asyncio_send(fd, buf, (size_t)n, 0));
    await(asyncio_close(fd));
}

static async(void, accepts, (int, listener))
{
    for (int fd; (fd = await(asyncio_accept(listener, NULL, NULL))) != -ECANCELED;) {
        if (fd >= 0)
            asyncio_spawn(serves(fd));
    }
}

static async(void, asks, (int, number))
{
    char buf[64] = "";
    int fd = await(dials("10.0.0.1", 80, "10.0.0.2"));
    note("%d:%d@%" PRId64, number, fd < 0 ? fd : 0, now());
    for (int i = 0; fd >= 0 && i < 5; i++) {
        ssize_t n = await(says(fd, "a question"));
        if (n > 0)
            n = await(asyncio_recv(fd, buf, (size_t)n, 0));
        note("%d:%zd@%" PRId64, number, n, now());
    }
    if (fd >= 0)
        await(asyncio_close(fd));
}

static async(void, bad_weather)
{
    awaitable(void) clients[10];
    asyncio_simulation_set(.latency = 0.01, .jitter = 0.01, .refuse = 0.1, .reset = 0.02,
                           .short_reads = 0.2, .short_writes = 0.2, .eagain = 0.2, .emfile = 0.05);
    int listener;
    while ((listener = await(opens("10.0.0.1", SOCK_STREAM))) < 0)
        ;
    await(binds(listener, "10.0.0.1", 80));
    await(asyncio_listen(listener, 8));
    awaitable(void) server = asyncio_create_task(accepts(listener));
    for (int i = 0; i < 10; i++)
        clients[i] = asyncio_create_task(asks(i));
    await(asyncio_gather_n(clients, 10));
    await(asyncio_sleep(10));
    asyncio_cancel(server);
    await(server);
    await(asyncio_close(listener));
}

static void history_of(const char *seed, char *copy)
{
    setenv("ASYNCIO_SEED", seed, 1);
    asyncio_run(bad_weather());
    strcpy(copy, history);
    *history = 0;
}

static void replayed(void **state)
{
    (void)state;
    static char first[sizeof history], again[sizeof history], other[sizeof history];
    history_of("4711", first);
    history_of("4711", again);
    history_of("4712", other);
    unsetenv("ASYNCIO_SEED");
    assert_true(strlen(first) > 500);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
}

static async(void, tells_seed, (int64_t, seed))
{
    assert_int_equal(asyncio_simulation_seed(), seed);
}

static void the_seed(void **state)
{
    (void)state;
    asyncio_run(tells_seed(0));
    setenv("ASYNCIO_SEED", "42", 1);
    asyncio_run(tells_seed(42));
    unsetenv("ASYNCIO_SEED");
}

/* --- Many --- */

static int ended;

static async(void, sees_the_end, (int, fd))
{
    ended += await(hears_nothing(fd)) == 0;
    await(asyncio_close(fd));
}

/* In one moment, as the others see a moment later. */
ASYNC_TEST(ten_thousand_dropped_at_once)
{
    struct rlimit files, more = {20100, 20100};
    getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_max >= 20100 || setrlimit(RLIMIT_NOFILE, &more) != 0) /* root may */
        more = (struct rlimit){files.rlim_max, files.rlim_max};
    setrlimit(RLIMIT_NOFILE, &more);
    int many = more.rlim_max >= 20100 ? 10000 : ((int)more.rlim_max - 100) / 2;
    int *fds = malloc((size_t)many * sizeof *fds);
    ended = 0;
    asyncio_simulation_set(.latency = 0.001);
    int listener = await(listens("10.0.0.1", 80, 8));
    awaitable(void) *tasks = malloc((size_t)many * sizeof *tasks);
    for (int i = 0; i < many; i++) {
        fds[i] = await(dials("10.0.0.1", 80, NULL));
        int b = await(asyncio_accept(listener, NULL, NULL));
        tasks[i] = asyncio_create_task(sees_the_end(b));
    }
    await(asyncio_sleep(1));
    int64_t begun = now();
    for (int i = 0; i < many; i++)
        await(asyncio_close(fds[i]));
    for (int i = 0; i < many; i++)
        await(tasks[i]);
    assert_int_equal(ended, many);
    assert_int_equal(now() - begun, MS);
    await(asyncio_close(listener));
    setrlimit(RLIMIT_NOFILE, &files);
    free(fds);
    free(tasks);
}

/* --- Without memory --- */

#ifdef AI_FAULTS
static size_t until_refused;

static bool refuse(size_t size)
{
    (void)size;
    return until_refused && --until_refused == 0;
}

/* Whatever fails says so, and everything is closed. */
static async(void, all_of_it)
{
    asyncio_simulation_set(.latency = 0.001);
    struct address a = at("10.0.0.1", 80), b = at("10.0.0.2", 53);
    char buf[8];
    int fds[5], n = 0;
    fds[n++] = await(asyncio_socket(AF_INET, SOCK_STREAM, 0));
    fds[n++] = await(asyncio_socket(AF_INET, SOCK_STREAM, 0));
    fds[n++] = await(asyncio_socket(AF_INET, SOCK_DGRAM, 0));
    await(asyncio_bind(fds[0], &a.any, a.size));
    await(asyncio_listen(fds[0], 8));
    await(asyncio_bind(fds[2], &b.any, b.size));
    if (await(asyncio_sendto(fds[2], "hello", 5, 0, &b.any, b.size)) > 0)
        await(asyncio_recv(fds[2], buf, 1, 0));
    asyncio_simulation_partition("10.0.0.3", NULL);
    if (await(asyncio_connect(fds[1], &a.any, a.size)) == 0)
        fds[n++] = await(asyncio_accept(fds[0], NULL, NULL));
    if (n > 3 && await(asyncio_send(fds[1], "hello", 5, 0)) > 0)
        await(asyncio_recv(fds[3], buf, 5, 0));
    while (n > 0)
        close(fds[--n]);
}

static void without_memory(void **state)
{
    (void)state;
    for (size_t nth = 1; nth < 1000; nth++) {
        struct ledger before = ledger_now();
        until_refused = nth;
        ai_allocation_fails = refuse;
        asyncio_run(all_of_it());
        ai_allocation_fails = NULL;
        struct ledger after = ledger_now();
        assert_int_equal(after.descriptors, before.descriptors);
        assert_int_equal(after.allocated, before.allocated);
        if (until_refused != 0)
            return;
    }
    fail_msg("it never runs to its end");
}
#endif

int main(void)
{
    static const struct CMUnitTest elsewhere[] = {
        TEST(not_supported),
        TEST(not_supported_without_a_loop),
    };
    static const struct CMUnitTest tests[] = {
        TEST(not_supported_without_a_loop),
        TEST(talks_without_time),
        TEST(latency),
        TEST(in_order_through_jitter),
        TEST(bandwidth),
        TEST(senders_wait),
        TEST(calls_and_flags),
        TEST(cancelled_and_late),
        TEST(half_closed),
        TEST(closed_with_unread_data),
        TEST(sends_to_one_that_has_gone),
        TEST(aborted),
        TEST(closed_by_another_task),
        TEST(closed_behind_its_back),
        TEST(waits_for_the_backlog),
        TEST(connects_once),
        TEST(connecting_is_cancelled),
        TEST(ports),
        TEST(ports_that_are_shared),
        TEST(both_versions),
        TEST(paths),
        TEST(real_sockets_are_elsewhere),
        TEST(datagrams),
        TEST(datagrams_by_path),
        TEST(datagrams_in_bad_weather),
        TEST(partitioned),
        TEST(partitioned_for_too_long),
        TEST(connects_when_it_is_healed),
        TEST(datagrams_and_partitions),
        TEST(faults_that_are_certain),
        TEST(eagain),
        TEST(cancelled_too_late),
        TEST(out_of_range),
        TEST(no_address),
        TEST(environment),
        TEST(replayed),
        TEST(the_seed),
        TEST(ten_thousand_dropped_at_once),
#ifdef AI_FAULTS
        TEST(without_memory),
#endif
    };
    if (!simulated())
        return cmocka_run_group_tests_name("simulation, elsewhere", elsewhere, NULL, NULL);
    return cmocka_run_group_tests_name("simulation", tests, NULL, NULL);
}
