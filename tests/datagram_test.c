/* <asyncio/datagram.h>: endpoints by address, given ones, their errors, and their end. */
#include "support.h"

#include "base/alloc.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

static async(struct asyncio_datagram_endpoint *, bound)
{
    struct asyncio_datagram_endpoint *e =
        await(asyncio_create_datagram_endpoint(.local_addr = "127.0.0.1"));
    assert_non_null(e);
    return e;
}

static struct sockaddr_in name_of(struct asyncio_datagram_endpoint *e, const char *which)
{
    struct sockaddr_in name;
    assert_int_equal(asyncio_datagram_endpoint_get_extra_info(e, which, &name, sizeof name),
                     sizeof name);
    return name;
}

static int port_of(struct asyncio_datagram_endpoint *e)
{
    return ntohs(name_of(e, "sockname").sin_port);
}

static async(struct asyncio_datagram_endpoint *, connected, (int, port))
{
    struct asyncio_datagram_endpoint *e =
        await(asyncio_create_datagram_endpoint(.remote_addr = "127.0.0.1", .remote_port = port));
    assert_non_null(e);
    return e;
}

static async(ssize_t, receives, (struct asyncio_datagram_endpoint *, e))
{
    char buf[16];
    ssize_t n = await(asyncio_datagram_endpoint_recv(e, buf, sizeof buf));
    note("received:%zd", n);
    return n;
}

ASYNC_TEST(to_and_fro)
{
    struct asyncio_datagram_endpoint *a = await(bound()), *b = await(connected(port_of(a)));
    struct sockaddr_in from;
    unsigned size = sizeof from;
    char buf[16] = "";
    assert_int_equal(await(asyncio_datagram_endpoint_send(b, "hello", 5)), 5);
    assert_int_equal(await(asyncio_datagram_endpoint_send(b, "", 0)), 0);
    assert_int_equal(await(asyncio_datagram_endpoint_recvfrom(a, buf, sizeof buf,
                                                              (struct sockaddr *)&from, &size)),
                     5);
    assert_string_equal(buf, "hello");
    assert_int_equal(size, sizeof from);
    assert_int_equal(ntohs(from.sin_port), port_of(b));
    assert_int_equal(await(asyncio_datagram_endpoint_recv(a, buf, sizeof buf)), 0);
    assert_int_equal(
        await(asyncio_datagram_endpoint_sendto(a, "back", 4, (struct sockaddr *)&from, size)), 4);
    assert_int_equal(await(asyncio_datagram_endpoint_recv(b, buf, 2)), 2);
    assert_int_equal(ntohs(name_of(b, "peername").sin_port), port_of(a));
    assert_int_equal(await(asyncio_datagram_endpoint_send(a, "x", 1)), -EDESTADDRREQ);
}

ASYNC_TEST(waits)
{
    struct asyncio_datagram_endpoint *a = await(bound()), *b = await(connected(port_of(a)));
    awaitable(ssize_t) r = asyncio_create_task(receives(a));
    await(asyncio_sleep(0));
    note("sends");
    assert_int_equal(await(asyncio_datagram_endpoint_send(b, "hello", 5)), 5);
    assert_int_equal(await(r), 5);
    assert_history("sends received:5");
}

ASYNC_TEST(cancelled)
{
    struct asyncio_datagram_endpoint *a = await(bound()), *b = await(connected(port_of(a)));
    awaitable(ssize_t) r = asyncio_create_task(receives(a));
    await(asyncio_sleep(0));
    asyncio_cancel(r);
    assert_int_equal(await(r), -ECANCELED);
    assert_int_equal(await(asyncio_datagram_endpoint_send(b, "hello", 5)), 5);
    assert_int_equal(await(receives(a)), 5);
    assert_history("received:-125 received:5");
}

/* Nobody is there: the send goes well, and what follows it is told. */
ASYNC_TEST(refused)
{
    struct asyncio_datagram_endpoint *gone = await(bound());
    struct asyncio_datagram_endpoint *e = await(connected(port_of(gone)));
    asyncio_release(gone);
    assert_int_equal(await(asyncio_datagram_endpoint_send(e, "hello", 5)), 5);
    assert_int_equal(await(receives(e)), -ECONNREFUSED);
    *history = 0;
}

ASYNC_TEST(too_long)
{
    static char much[1 << 17];
    struct asyncio_datagram_endpoint *a = await(bound()), *b = await(connected(port_of(a)));
    assert_int_equal(await(asyncio_datagram_endpoint_send(b, much, sizeof much)), -EMSGSIZE);
}

/* --- Options --- */

/* Not connected, so that answers may come from anybody; sends go to the remote address all the
 * same. */
ASYNC_TEST(broadcast)
{
    struct asyncio_datagram_endpoint *a = await(bound()), *other = await(bound());
    struct asyncio_datagram_endpoint *b =
        await(asyncio_create_datagram_endpoint(.remote_addr = "127.0.0.1",
                                               .remote_port = port_of(a), .allow_broadcast = true));
    assert_int_equal(await(asyncio_datagram_endpoint_send(b, "hello", 5)), 5);
    assert_int_equal(await(receives(a)), 5);
    assert_int_equal(ntohs(name_of(b, "peername").sin_port), port_of(a));
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)port_of(b))};
    assert_int_equal(
        await(asyncio_datagram_endpoint_sendto(other, "hi", 2, (struct sockaddr *)&to, sizeof to)),
        2);
    assert_int_equal(await(receives(b)), 2);
    *history = 0;
}

ASYNC_TEST(both_ends)
{
    struct asyncio_datagram_endpoint *a = await(bound()), *gone = await(bound());
    int port = port_of(gone);
    asyncio_release(gone);
    struct asyncio_datagram_endpoint *b = await(
        asyncio_create_datagram_endpoint(.local_addr = "127.0.0.1", .local_port = port,
                                         .remote_addr = "127.0.0.1", .remote_port = port_of(a)));
    assert_int_equal(port_of(b), port);
    assert_int_equal(ntohs(name_of(b, "peername").sin_port), port_of(a));
}

ASYNC_TEST(only_a_family)
{
    struct asyncio_datagram_endpoint *a = await(bound());
    struct asyncio_datagram_endpoint *b =
        await(asyncio_create_datagram_endpoint(.family = AF_INET));
    struct sockaddr_in to = name_of(a, "sockname");
    assert_int_equal(
        await(asyncio_datagram_endpoint_sendto(b, "hi", 2, (struct sockaddr *)&to, sizeof to)), 2);
    assert_int_equal(await(receives(a)), 2);
    *history = 0;
}

ASYNC_TEST(given_socket)
{
    struct asyncio_datagram_endpoint *a = await(bound());
    int sock = await(asyncio_socket(AF_INET, SOCK_DGRAM, 0)), got;
    struct asyncio_datagram_endpoint *b = await(asyncio_create_datagram_endpoint(.sock = sock));
    struct sockaddr_in to = name_of(a, "sockname");
    assert_int_equal(
        await(asyncio_datagram_endpoint_sendto(b, "hi", 2, (struct sockaddr *)&to, sizeof to)), 2);
    assert_int_equal(asyncio_datagram_endpoint_get_extra_info(b, "socket", &got, sizeof got),
                     sizeof got);
    assert_int_equal(got, sock);
    asyncio_release(b);
    assert_int_equal(await(asyncio_close(sock)), -EBADF);
}

ASYNC_TEST(shared_port)
{
    if (simulated())
        return;
    struct asyncio_datagram_endpoint *a =
        await(asyncio_create_datagram_endpoint(.local_addr = "127.0.0.1", .reuse_port = true));
    assert_non_null(
        await(asyncio_create_datagram_endpoint(.local_addr = "127.0.0.1", .local_port = port_of(a),
                                               .reuse_port = true)));
}

ASYNC_TEST(failures)
{
    struct asyncio_datagram_endpoint *a = await(bound());
    char text[200];
    assert_null(await(
        asyncio_create_datagram_endpoint(.local_addr = "127.0.0.1", .local_port = port_of(a))));
    assert_int_equal(asyncio_error(), -EADDRINUSE);
    snprintf(text, sizeof text,
             "error while attempting to bind on address ('127.0.0.1', %d): Address already in use",
             port_of(a));
    assert_string_equal(asyncio_error_message(), text);
    assert_null(await(asyncio_create_datagram_endpoint(.local_addr = "127.0.0.1",
                                                       .remote_addr = "::1", .remote_port = 9)));
    assert_int_equal(asyncio_error(), -EINVAL);
    assert_string_equal(asyncio_error_message(), "can not get address information");
    char c;
    assert_int_equal(asyncio_datagram_endpoint_get_extra_info(a, "socket", &c, 1), -EINVAL);
    assert_int_equal(asyncio_datagram_endpoint_get_extra_info(a, "cipher", &c, 1), -ENOENT);
    assert_int_equal(asyncio_datagram_endpoint_get_extra_info(a, "peername", &c, 1), -ENOTCONN);
}

ASYNC_TEST(unix_sockets)
{
    if (simulated())
        return;
    char directory[] = "/tmp/datagram_test.XXXXXX", path[64];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/s", directory);
    for (int again = 0; again < 2; again++) { /* the second finds what the first has left */
        struct asyncio_datagram_endpoint *a =
            await(asyncio_create_datagram_endpoint(.family = AF_UNIX, .local_addr = path));
        struct asyncio_datagram_endpoint *b =
            await(asyncio_create_datagram_endpoint(.family = AF_UNIX, .remote_addr = path));
        assert_int_equal(await(asyncio_datagram_endpoint_send(b, "hello", 5)), 5);
        assert_int_equal(await(receives(a)), 5);
        asyncio_release(a);
        asyncio_release(b);
    }
    unlink(path);
    assert_null(await(asyncio_create_datagram_endpoint(.family = AF_UNIX, .remote_addr = path)));
    assert_int_equal(asyncio_error(), -ENOENT);
    rmdir(directory);
    *history = 0;
}

/* --- Its end --- */

ASYNC_TEST(closed)
{
    struct asyncio_datagram_endpoint *e = await(bound());
    char c;
    awaitable(ssize_t) early = asyncio_datagram_endpoint_recv(e, &c, 1);
    awaitable(ssize_t) r = asyncio_create_task(receives(e));
    await(asyncio_sleep(0));
    assert_false(asyncio_datagram_endpoint_is_closing(e));
    asyncio_datagram_endpoint_close(e);
    asyncio_datagram_endpoint_close(e);
    assert_true(asyncio_datagram_endpoint_is_closing(e));
    assert_int_equal(await(r), -EBADF);
    assert_int_equal(await(early), -EBADF);
    assert_int_equal(await(asyncio_datagram_endpoint_send(e, "x", 1)), -EBADF);
    assert_int_equal(asyncio_datagram_endpoint_get_extra_info(e, "socket", &c, 1), -EBADF);
    assert_history("received:-9");
}

static async(void, makes_one, (struct asyncio_datagram_endpoint **, e), (awaitable(ssize_t) *, r))
{
    *e = await(bound());
    *r = asyncio_retain(asyncio_create_task(receives(*e)));
    await(asyncio_sleep(0));
}

/* It ends with the task that made it, also where another one waits for a datagram. */
ASYNC_TEST(owned)
{
    struct asyncio_datagram_endpoint *e;
    awaitable(ssize_t) r;
    await(asyncio_create_task(makes_one(&e, &r)));
    assert_int_equal(await(r), -EBADF);
    asyncio_release(r);
    assert_history("received:-9");
}

static async(void, asks_for_one, (awaitable(struct asyncio_datagram_endpoint *) *, t))
{
    *t = asyncio_retain(
        asyncio_create_task(asyncio_create_datagram_endpoint(.local_addr = "127.0.0.1")));
}

ASYNC_TEST(opened_by_a_task)
{
    awaitable(struct asyncio_datagram_endpoint *) t =
        asyncio_create_task(asyncio_create_datagram_endpoint(.local_addr = "127.0.0.1"));
    struct asyncio_datagram_endpoint *e = await(t);
    assert_true(port_of(e) > 0);
    await(asyncio_create_task(asks_for_one(&t)));
    assert_null(await(t));
    assert_int_equal(asyncio_error(), -ECANCELED);
    asyncio_release(t);
}

static void hears(const struct asyncio_exception_context *context, void *arg)
{
    (void)arg;
    assert_int_equal(context->error, -EBADF);
}

/* They go with the main task, and those who wait are told. */
ASYNC_TEST(left_behind)
{
    static char nowhere[1];
    asyncio_set_exception_handler(hears, NULL);
    asyncio_spawn(receives(await(bound())));
    asyncio_spawn(asyncio_datagram_endpoint_recv(await(bound()), nowhere, 1));
    await(asyncio_sleep(0));
    asyncio_spawn(asyncio_datagram_endpoint_recv(await(bound()), nowhere, 1));
}

DEATH_TEST(used_when_gone, "a datagram endpoint was used after the task that it belonged to ended")
{
    struct asyncio_datagram_endpoint *e = await(bound());
    asyncio_release(e);
    asyncio_datagram_endpoint_close(e);
}

DEATH_TEST(no_family, "ValueError: unexpected address family")
{
    await(asyncio_create_datagram_endpoint());
}

/* --- Without memory --- */

#ifdef AI_FAULTS
static int countdown;

static bool fails_once(size_t size)
{
    (void)size;
    return countdown > 0 && --countdown == 0;
}

ASYNC_TEST(without_memory)
{
    struct asyncio_datagram_endpoint *a = await(bound());
    char buf[8];
    for (int n = 1, fine = 0; !fine; n++) {
        ssize_t sent = 0;
        countdown = n;
        ai_allocation_fails = fails_once;
        struct asyncio_datagram_endpoint *e = await(
            asyncio_create_datagram_endpoint(.local_addr = "127.0.0.1", .remote_addr = "127.0.0.1",
                                             .remote_port = port_of(a)));
        assert_true(e || asyncio_error() == -ENOMEM);
        if (e)
            sent = await(asyncio_datagram_endpoint_send(e, "hello", 5));
        ssize_t got = sent > 0 ? await(asyncio_datagram_endpoint_recv(a, buf, sizeof buf)) : 0;
        ai_allocation_fails = NULL;
        if (got < 0)
            assert_int_equal(await(asyncio_datagram_endpoint_recv(a, buf, sizeof buf)), 5);
        fine = countdown > 0;
        countdown = 0;
        asyncio_release(e);
    }
}
#endif

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(to_and_fro),     TEST(waits),       TEST(cancelled),        TEST(refused),
        TEST(too_long),       TEST(broadcast),   TEST(both_ends),        TEST(only_a_family),
        TEST(given_socket),   TEST(shared_port), TEST(failures),         TEST(unix_sockets),
        TEST(closed),         TEST(owned),       TEST(opened_by_a_task), TEST(left_behind),
        TEST(used_when_gone), TEST(no_family),
#ifdef AI_FAULTS
        TEST(without_memory),
#endif
    };
    return cmocka_run_group_tests_name("datagram", tests, NULL, NULL);
}
