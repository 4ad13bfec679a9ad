/* Sockets in bad weather: clients send to a server, which sends it all back. What is read is what
 * was sent, in order and once, as far as it comes; where nobody met an error all of it comes; a
 * call that was cancelled has taken and sent nothing; no descriptor is lost; and everybody comes to
 * an end once the network is healed. */
#include "explore.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SERVER, WEATHER, CLIENT, WORKERS = CLIENT + 4, ROUNDS = 2, MOST = 2000, ACCEPTED = 64 };

/* A connection, seen from both its ends. */
static struct talk {
    size_t offered; /* to send(), some of which may be under way */
    size_t sent, heard, echoed;
    bool served_to_its_end;
} talks[WORKERS * ROUNDS];

static int accepted[ACCEPTED]; /* descriptors while they wait for their handler, else -1 */
static unsigned clients, handlers, count;

static void begin(void)
{
    memset(talks, 0, sizeof talks);
    clients = WORKERS - CLIENT;
    handlers = count = 0;
}

/* The first byte of each connection says which it is. */
static unsigned char byte_of(const struct talk *t, size_t at)
{
    return (unsigned char)(at == 0 ? t - talks : (t - talks) * 31 + (long)at * 7 + (long)at / 251);
}

static struct sockaddr_in address(const char *host, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    inet_pton(AF_INET, host, &a.sin_addr);
    return a;
}

/* Whether or not that can wait. */
static async(void, shut, (int, fd))
{
    if (pick(4) == 0 || await(asyncio_close(fd)) != 0)
        close(fd);
}

/* How long to wait for a call: not at all, for ever, or longer each time. */
static double patience(unsigned tries)
{
    return pick(3) ? 1e5 : 0.001 * pick(4) * (1 << (tries < 20 ? tries : 20));
}

/* -ETIMEDOUT: that is all. */
static async(ssize_t, receive, (int, fd), (unsigned char *, buf), (size_t, n), (unsigned, tries))
{
    ssize_t got = await(asyncio_wait_for(asyncio_recv(fd, buf, n, 0), patience(tries)));

    expect(got >= 0 || is_network_error((int)got));
    return got;
}

/* All of it: 0, or why not. *sent counts. */
static async(int, send_all, (int, fd), (const unsigned char *, buf), (size_t, n), (size_t *, sent))
{
    unsigned tries = 0;

    for (size_t at = 0; at < n;) {
        ssize_t r =
            await(asyncio_wait_for(asyncio_send(fd, buf + at, n - at, 0), patience(tries++)));
        expect(r > 0 || is_network_error((int)r));
        if (r > 0) {
            at += (size_t)r;
            *sent += (size_t)r;
        } else if (r != -ETIMEDOUT) {
            return (int)r;
        }
    }
    return 0;
}

/* --- The server --- */

static void hear(struct talk **t, const unsigned char *buf, size_t n)
{
    if (!*t) {
        expect(buf[0] < sizeof talks / sizeof *talks);
        *t = &talks[buf[0]];
    }
    for (size_t i = 0; i < n; i++)
        expect(buf[i] == byte_of(*t, (*t)->heard++));
    expect((*t)->heard <= (*t)->offered);
}

static async(ssize_t, echo, (int, fd))
{
    unsigned char buf[300];
    struct talk *t = NULL;
    ssize_t n = -ETIMEDOUT;

    for (unsigned tries = 0; n > 0 || n == -ETIMEDOUT; tries++) {
        n = await(receive(fd, buf, 1 + pick(sizeof buf), tries));
        if (n <= 0)
            continue;
        hear(&t, buf, (size_t)n);
        int error = await(send_all(fd, buf, (size_t)n, &t->echoed));
        if (error < 0)
            return error;
    }
    if (t && n == 0)
        t->served_to_its_end = true;
    return n;
}

static async(void, handle, (int *, place))
{
    int fd = *place;

    *place = -1;
    await(echo(fd));
    await(shut(fd));
}

/* It may not even have begun. */
static void has_handled(asyncio_any task, void *place)
{
    int *fd = place;

    (void)task;
    handlers--;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* 0 or its descriptor. */
static async(int, listener)
{
    struct sockaddr_in a = address(HOST, 80);
    int fd = await(asyncio_socket(AF_INET, SOCK_STREAM, 0));

    if (fd < 0)
        return fd;
    int error = await(asyncio_bind(fd, (struct sockaddr *)&a, sizeof a));
    if (error == 0)
        error = await(asyncio_listen(fd, (int)pick(4)));
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

static void begin_to_handle(int fd)
{
    expect(count < ACCEPTED);
    int *place = &accepted[count++];
    awaitable(void) task = asyncio_create_task(handle(place));

    *place = task ? fd : -1;
    if (!task) {
        close(fd);
        return;
    }
    handlers += asyncio_add_done_callback(task, has_handled, place) == 0;
    asyncio_release(task);
}

static async(int, server)
{
    int error = 0, fd;

    while ((fd = await(listener())) < 0) {
        expect(is_network_error(fd));
        if (fd == -ECANCELED)
            return fd;
    }
    while ((clients > 0 || handlers > 0) && error != -ECANCELED) {
        error = await(asyncio_wait_for(asyncio_accept(fd, NULL, NULL), 1));
        expect(error >= 0 || is_network_error(error));
        if (error >= 0)
            begin_to_handle(error);
    }
    await(shut(fd));
    return error;
}

/* --- The clients --- */

static async(int, dial, (int, number))
{
    struct sockaddr_in a = address(HOST, 80),
                       own = address(number % 2 ? "10.0.0.2" : "10.0.0.3", 0);
    int fd = await(asyncio_socket(AF_INET, SOCK_STREAM, 0));

    if (fd < 0)
        return fd;
    int error = pick(4) ? await(asyncio_bind(fd, (struct sockaddr *)&own, sizeof own)) : 0;
    if (error == 0)
        error = await(asyncio_wait_for(asyncio_connect(fd, (struct sockaddr *)&a, sizeof a),
                                       pick(2) ? 0.01 : 1000));
    if (error == 0)
        return fd;
    close(fd);
    return error;
}

static async(int, speak, (int, fd), (struct talk *, t))
{
    unsigned char buf[600];
    size_t total = 1 + pick(MOST);
    int error = 0;

    while (t->sent < total && error == 0) {
        size_t n =
            1 + pick((unsigned)(total - t->sent < sizeof buf ? total - t->sent : sizeof buf));
        for (size_t i = 0; i < n; i++)
            buf[i] = byte_of(t, t->sent + i);
        t->offered = t->sent + n;
        error = await(send_all(fd, buf, n, &t->sent));
        if (error == 0 && pick(4) == 0)
            error = await(nap());
    }
    return error < 0 ? error : await(asyncio_shutdown(fd, SHUT_WR));
}

/* Where nobody speaks any more the answer may not end. */
static async(ssize_t, listen_to, (int, fd), (struct talk *, t), (awaitable(int), speaker))
{
    unsigned char buf[300];
    size_t got = 0;
    ssize_t n = -ETIMEDOUT;

    for (unsigned tries = 0; n > 0 || n == -ETIMEDOUT; tries++) {
        if (asyncio_done(speaker) && asyncio_exception(speaker) < 0)
            return -ECANCELED;
        n = await(receive(fd, buf, 1 + pick(sizeof buf), tries));
        for (ssize_t i = 0; i < n; i++)
            expect(buf[i] == byte_of(t, got++));
        expect(got <= t->offered);
        if (pick(4) == 0)
            await(nap());
    }
    expect(n != 0 || !t->served_to_its_end || (got == t->echoed && got == t->heard));
    return n;
}

/* The one who speaks has to be silent before the descriptor goes. */
static async(ssize_t, converse, (int, fd), (struct talk *, t))
{
    awaitable(int) speaker = asyncio_create_task(speak(fd, t));
    ssize_t error = speaker ? await(listen_to(fd, t, speaker)) : -ENOMEM;

    if (error < 0 && speaker)
        asyncio_cancel(speaker);
    for (bool cancelled = false; speaker && !asyncio_done(speaker); cancelled = true) {
        if (cancelled)
            asyncio_cancel(speaker);
        await(asyncio_shield(speaker));
    }
    if (error == 0 && speaker && asyncio_exception(speaker) == 0 && t->served_to_its_end)
        expect(t->sent == t->heard);
    return error;
}

static async(int, client, (int, number))
{
    int error = 0;

    for (int i = 0; i < ROUNDS && error != -ECANCELED; i++) {
        int fd = await(dial(number));
        expect(fd >= 0 || is_network_error(fd));
        error = fd;
        if (fd >= 0) {
            error = (int)await(converse(fd, &talks[number * ROUNDS + i]));
            await(shut(fd));
        }
        if (error != -ECANCELED)
            error = await(nap());
    }
    return error;
}

static void absent(int number)
{
    clients -= number >= CLIENT;
}

static async(int, worker, (int, number))
{
    if (number == SERVER)
        return await(server());
    if (number == WEATHER)
        return await(weather());
    int error = await(client(number));
    clients--;
    return error;
}

static void end(void)
{
    for (unsigned i = 0; i < count; i++) {
        if (accepted[i] >= 0) /* its handler never began, and nobody was told */
            close(accepted[i]);
    }
}

const struct exploration explore_network = {.name = "network",
                                            .workers = WORKERS,
                                            .begin = begin,
                                            .worker = worker,
                                            .absent = absent,
                                            .end = end};
