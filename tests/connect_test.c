/* Connecting (io/connect.h): the order of addresses, who wins, what a failure says, and that no
 * descriptor is lost on any way out. */
#include "support.h"

#include "base/alloc.h"
#include "io/connect.h"
#include "io/race.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

/* An address, and what listens there. */
struct place {
    struct sockaddr_in address;
    struct addrinfo info;
    int fd;
};

static struct addrinfo info_of(struct sockaddr_in *address)
{
    return (struct addrinfo){.ai_family = AF_INET,
                             .ai_socktype = SOCK_STREAM,
                             .ai_addr = (struct sockaddr *)address,
                             .ai_addrlen = sizeof *address};
}

static async(int, bound, (struct place *, p))
{
    socklen_t size = sizeof p->address;
    p->address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    p->info = info_of(&p->address);
    p->fd = await(asyncio_socket(AF_INET, SOCK_STREAM, 0));
    assert_int_equal(await(asyncio_bind(p->fd, (struct sockaddr *)&p->address, size)), 0);
    return await(asyncio_getsockname(p->fd, (struct sockaddr *)&p->address, &size));
}

static async(int, listening, (struct place *, p))
{
    await(bound(p));
    return await(asyncio_listen(p->fd, 8));
}

static int port_of(const struct place *p)
{
    return ntohs(p->address.sin_port);
}

/* --- The order --- */

static void order(void **state)
{
    struct addrinfo four = {.ai_family = AF_INET}, six = {.ai_family = AF_INET6};
    struct ai_attempt at[6];
    static const struct {
        int first;
        const char *given, *order;
    } cases[] = {
        {0, "666444", "646464"}, {1, "666444", "646464"}, {2, "666444", "664644"},
        {9, "666444", "666444"}, {1, "466666", "466666"}, {1, "444446", "464444"},
        {1, "666666", "666666"},
    };
    (void)state;

    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char got[7] = "";
        for (int i = 0; i < 6; i++)
            at[i].to = cases[c].given[i] == '4' ? &four : &six;
        ai_interleave(at, 6, cases[c].first);
        for (int i = 0; i < 6; i++)
            got[i] = at[i].to == &four ? '4' : '6';
        assert_string_equal(got, cases[c].order);
    }
}

/* --- Who wins --- */

static async(void, closed, (int, fd))
{
    assert_int_equal(await(asyncio_close(fd)), 0);
}

static async(int, peer_port, (int, fd))
{
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    await(asyncio_getpeername(fd, (struct sockaddr *)&peer, &size));
    return ntohs(peer.sin_port);
}

ASYNC_TEST(connects)
{
    struct place p;
    await(listening(&p));
    struct ai_connect_options o = {.host = "127.0.0.1", .port = port_of(&p)};
    int fd = await(ai_connect_host(&o)), nodelay = 0;
    assert_true(fd >= 0);
    assert_int_equal(await(peer_port(fd)), port_of(&p));
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    if (!simulated()) {
        getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &(socklen_t){sizeof nodelay});
        assert_true(nodelay);
    }
    await(closed(fd));
    await(closed(p.fd));
}

/* The next address is tried when one has failed; those behind the winner are not. */
ASYNC_TEST(one_after_the_other)
{
    struct place refuses, good, other;
    await(bound(&refuses));
    await(listening(&good));
    await(listening(&other));
    struct ai_attempt at[3] = {{.to = &refuses.info}, {.to = &good.info}, {.to = &other.info}};
    int fd = await(ai_race(at, 3, NULL, 0));
    assert_int_equal(await(peer_port(fd)), port_of(&good));
    assert_int_equal(at[0].error, -ECONNREFUSED);
    assert_int_equal(at[2].state, AI_ATTEMPT_NEW);
    await(closed(fd));
    await(closed(refuses.fd));
    await(closed(good.fd));
    await(closed(other.fd));
}

/* One whose queue is full answers nobody. */
static async(int, silent, (struct place *, p), (int *, filler))
{
    await(bound(p));
    await(asyncio_listen(p->fd, 0));
    *filler = await(asyncio_socket(AF_INET, SOCK_STREAM, 0));
    return await(asyncio_connect(*filler, (struct sockaddr *)&p->address, sizeof p->address));
}

static async(int, races, (struct ai_attempt *, at), (int, n), (double, delay))
{
    return await(ai_race(at, (size_t)n, NULL, delay));
}

ASYNC_TEST(happy_eyeballs)
{
    struct place hangs, good;
    int filler;
    await(silent(&hangs, &filler));
    await(listening(&good));
    struct ai_attempt at[2] = {{.to = &hangs.info}, {.to = &good.info}};
    int fd = await(ai_race(at, 2, NULL, MOMENT));
    assert_int_equal(await(peer_port(fd)), port_of(&good));
    assert_int_equal(at[0].error, -ECANCELED);
    assert_int_equal(at[0].fd, -1);
    await(closed(fd));
    await(closed(filler));
    await(closed(hangs.fd));
    await(closed(good.fd));
}

/* Cancelled before it begins, with one under way, and with two; and left behind at the loop's end.
 */
ASYNC_TEST(race_cancelled)
{
    struct place hangs;
    int filler;
    await(silent(&hangs, &filler));
    for (int turns = 0; turns < 4; turns++) {
        for (int delayed = 0; delayed < 2; delayed++) {
            struct ai_attempt at[2] = {{.to = &hangs.info}, {.to = &hangs.info}};
            awaitable(int) t = asyncio_create_task(races(at, 2, delayed ? 1e-9 : 0));
            for (int i = 0; i < turns; i++)
                await(asyncio_sleep(i == 2 ? MOMENT : 0));
            asyncio_cancel(t);
            assert_int_equal(await(t), -ECANCELED);
            assert_true(asyncio_cancelled(t));
        }
    }
    static struct ai_attempt left[2];
    left[0].to = left[1].to = &hangs.info;
    asyncio_spawn(ai_race(left, 2, NULL, 1e-9));
    await(asyncio_sleep(0));
    await(closed(filler));
    await(closed(hangs.fd));
}

/* Cancelled in the very turn in which it is connected. */
ASYNC_TEST(cancelled_too_late)
{
    struct place p;
    await(listening(&p));
    struct ai_attempt at[1] = {{.to = &p.info}};
    awaitable(int) t = asyncio_create_task(races(at, 1, 0));
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    int r = await(t);
    if (r >= 0)
        await(closed(r));
    else
        assert_int_equal(at[0].fd, -1);
    await(closed(p.fd));
}

/* --- Local addresses --- */

ASYNC_TEST(local_address)
{
    struct place p, mine;
    await(listening(&p));
    await(bound(&mine));
    await(closed(mine.fd));
    struct ai_connect_options o = {.host = "127.0.0.1",
                                   .port = port_of(&p),
                                   .local_host = "127.0.0.1",
                                   .local_port = port_of(&mine)};
    int fd = await(ai_connect_host(&o));
    struct sockaddr_in name;
    socklen_t size = sizeof name;
    assert_int_equal(await(asyncio_getsockname(fd, (struct sockaddr *)&name, &size)), 0);
    assert_int_equal(ntohs(name.sin_port), port_of(&mine));
    await(closed(fd));
    await(closed(p.fd));
}

ASYNC_TEST(local_address_failures)
{
    struct place p, taken;
    char text[200];
    await(listening(&p));
    await(listening(&taken));
    struct ai_connect_options o = {.host = "127.0.0.1",
                                   .port = port_of(&p),
                                   .local_host = "127.0.0.1",
                                   .local_port = port_of(&taken)};
    assert_int_equal(await(ai_connect_host(&o)), -EADDRINUSE);
    snprintf(text, sizeof text,
             "error while attempting to bind on address ('127.0.0.1', %d): Address already in use",
             port_of(&taken));
    assert_string_equal(asyncio_error_message(), text);
    o.local_host = "::1";
    assert_int_equal(await(ai_connect_host(&o)), -EADDRNOTAVAIL);
    assert_string_equal(asyncio_error_message(), "no matching local address with family=2 found");
    await(closed(taken.fd));
    await(closed(p.fd));
}

/* --- Failures --- */

ASYNC_TEST(refused)
{
    struct place p;
    char text[100];
    await(bound(&p));
    struct ai_connect_options o = {.host = "127.0.0.1", .port = port_of(&p)};
    assert_int_equal(await(ai_connect_host(&o)), -ECONNREFUSED);
    snprintf(text, sizeof text, "Connect call failed ('127.0.0.1', %d)", port_of(&p));
    assert_string_equal(asyncio_error_message(), text);
    await(closed(p.fd));
}

static async(bool, has_ipv6)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = await(asyncio_socket(AF_INET6, SOCK_STREAM, 0));
    int r = fd < 0 ? fd : await(asyncio_bind(fd, (struct sockaddr *)&address, sizeof address));
    if (fd >= 0)
        await(closed(fd));
    return r == 0;
}

/* Without a host it is this machine's two addresses. */
ASYNC_TEST(all_refused)
{
    struct place p;
    char text[200];
    const char *message;
    if (!await(has_ipv6()))
        return;
    await(bound(&p));
    struct ai_connect_options o = {.port = port_of(&p), .happy_eyeballs_delay = FOR_EVER};
    assert_int_equal(await(ai_connect_host(&o)), -ECONNREFUSED);
    snprintf(text, sizeof text,
             "Multiple exceptions: [Errno 111] Connect call failed ('::1', %d, 0, 0), "
             "[Errno 111] Connect call failed ('127.0.0.1', %d)",
             port_of(&p), port_of(&p));
    assert_string_equal(asyncio_error_message(), text);
    o.all_errors = true;
    assert_int_equal(await(ai_connect_host(&o)), -ECONNREFUSED);
    assert_int_equal(asyncio_error_count(), 2);
    assert_int_equal(asyncio_error_at(1, &message), -ECONNREFUSED);
    snprintf(text, sizeof text, "Connect call failed ('127.0.0.1', %d)", port_of(&p));
    assert_string_equal(message, text);
    await(closed(p.fd));
}

ASYNC_TEST(unresolved)
{
    struct ai_connect_options o = {.host = "999.0.0.1", .port = 1, .flags = AI_NUMERICHOST};
    assert_true(await(ai_connect_host(&o)) < 0);
    assert_string_not_equal(asyncio_error_message(), "");
}

/* --- Unix sockets --- */

ASYNC_TEST(unix_sockets)
{
    char directory[] = "/tmp/connect_test.XXXXXX", text[200];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_non_null(mkdtemp(directory));
    snprintf(address.sun_path, sizeof address.sun_path, "%s/s", directory);
    assert_int_equal(await(ai_connect_unix(address.sun_path)), -ENOENT);
    snprintf(text, sizeof text, "Connect call failed '%s'", address.sun_path);
    assert_string_equal(asyncio_error_message(), text);

    int listener = await(asyncio_socket(AF_UNIX, SOCK_STREAM, 0));
    assert_int_equal(await(asyncio_bind(listener, (struct sockaddr *)&address, sizeof address)), 0);
    assert_int_equal(await(asyncio_listen(listener, 1)), 0);
    int fd = await(ai_connect_unix(address.sun_path));
    assert_true(fd >= 0);
    await(closed(fd));
    await(closed(listener));
    unlink(address.sun_path);
    rmdir(directory);

    assert_int_equal(await(ai_connect_unix("\0connect_test, nobody")), -ECONNREFUSED);
    assert_string_equal(asyncio_error_message(), "Connect call failed '\\x00connect_test, nobody'");
    char path[200] = "";
    memset(path, 'x', sizeof path - 1);
    assert_int_equal(await(ai_connect_unix(path)), -ENAMETOOLONG);
    assert_string_equal(asyncio_error_message(), "AF_UNIX path too long");
}

/* --- Without memory --- */

#ifdef AI_FAULTS
static int countdown;

static bool fails_once(size_t size)
{
    (void)size;
    return countdown > 0 && --countdown == 0;
}

/* The n-th allocation fails, for every n until all goes well. */
ASYNC_TEST(without_memory)
{
    struct place refuses, good;
    await(bound(&refuses));
    await(listening(&good));
    struct ai_connect_options o = {.host = "127.0.0.1", .local_host = "127.0.0.1"};
    for (int n = 1, fine = 0; !fine; n++) {
        o.port = port_of(&refuses);
        countdown = n;
        ai_allocation_fails = fails_once;
        int r = await(ai_connect_host(&o));
        assert_true(r == -ENOMEM || r == -ECONNREFUSED);
        o.port = port_of(&good);
        int fd = await(ai_connect_host(&o));
        ai_allocation_fails = NULL;
        assert_true(fd >= 0 || fd == -ENOMEM);
        fine = countdown > 0;
        countdown = 0;
        if (fd < 0)
            continue;
        await(closed(fd));
        await(closed(await(asyncio_accept(good.fd, NULL, NULL))));
    }
    await(closed(refuses.fd));
    await(closed(good.fd));
}
#endif

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(order),
        TEST(connects),
        TEST(one_after_the_other),
        TEST(happy_eyeballs),
        TEST(race_cancelled),
        TEST(cancelled_too_late),
        TEST(local_address),
        TEST(local_address_failures),
        TEST(refused),
        TEST(all_refused),
        TEST(unresolved),
        TEST(unix_sockets),
#ifdef AI_FAULTS
        TEST(without_memory),
#endif
    };
    return cmocka_run_group_tests_name("connect", tests, NULL, NULL);
}
