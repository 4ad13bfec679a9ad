/* See connect.h. The names are resolved, the addresses put in order, and raced for; here too is
 * what a failure says. */
#include "io/connect.h"

#include "base/alloc.h"
#include "io/address.h"
#include "io/race.h"
#include "io/resolve.h"
#include "io/socket.h"
#include "task/task.h"
#include "task/thread.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* --- What failures say --- */

/* Python's words, without those of the error itself. */
static void describe(const struct ai_attempt *a, char *buf, size_t n)
{
    const struct addrinfo *which = a->stage == AI_ATTEMPT_BIND ? a->from : a->to;
    char address[160];

    if (a->stage == AI_ATTEMPT_BIND && !which) {
        snprintf(buf, n, "no matching local address with family=%d found", a->to->ai_family);
        return;
    }
    ai_address_repr(which->ai_addr, which->ai_addrlen, address, sizeof address);
    if (a->stage == AI_ATTEMPT_BIND)
        snprintf(buf, n, "error while attempting to bind on address %s: %s", address,
                 strerror(-a->error));
    else if (a->stage == AI_ATTEMPT_CONNECT)
        snprintf(buf, n, "Connect call failed %s", address);
    else
        snprintf(buf, n, "%s", strerror(-a->error));
}

/* All of them, as far as there is room. */
static void describe_all(const struct ai_attempt *at, size_t n, char *buf, size_t size)
{
    size_t used = (size_t)snprintf(buf, size, "Multiple exceptions: ");
    char text[256];

    for (size_t i = 0; i < n && used < size; i++) {
        describe(&at[i], text, sizeof text);
        used += (size_t)snprintf(buf + used, size - used, "%s[Errno %d] %s", i ? ", " : "",
                                 -at[i].error, text);
    }
}

static struct ai_error *group(const struct ai_attempt *at, size_t n)
{
    struct ai_error *all =
        ai_error_group(ai_error_plain(at[0].error), n, "create_connection failed");
    char text[256];

    for (size_t i = 0; all && i < n; i++) {
        describe(&at[i], text, sizeof text);
        ai_error_put(all, i, ai_error_text(at[i].error, text));
    }
    return all;
}

static int fail(const struct ai_attempt *at, size_t n, bool all)
{
    char text[2048];
    struct ai_error *error = all ? group(at, n) : NULL;

    if (error) {
        ai_error_set(&ai_thread.task->top->object.error, error);
        return at[0].error;
    }
    if (n == 1)
        describe(&at[0], text, sizeof text);
    else
        describe_all(at, n, text, sizeof text);
    return asyncio_raise(at[0].error, "%s", text);
}

/* --- Connecting --- */

struct addresses {
    struct addrinfo *to, *from;
};

static size_t count(const struct addrinfo *list)
{
    size_t n = 0;

    for (; list; list = list->ai_next)
        n++;
    return n;
}

static struct ai_attempt *attempts_new(const struct addrinfo *list, size_t n)
{
    struct ai_attempt *at = ai_allocate(n * sizeof *at);

    for (size_t i = 0; at && i < n; i++, list = list->ai_next)
        at[i].to = list;
    return at;
}

static ASYNCIO_ASYNC(int, connect_to, (const struct ai_connect_options *, o),
                     (const struct addresses *, a))
{
    size_t n = count(a->to);
    struct ai_attempt *at = attempts_new(a->to, n);
    bool staggered = o->happy_eyeballs_delay > 0;

    if (!at)
        return asyncio_raise(-ENOMEM, NULL);
    if (staggered || o->first_address_family_count > 0)
        ai_interleave(at, n, o->first_address_family_count);
    int fd = ASYNCIO_AWAIT(ai_race(at, n, a->from, o->happy_eyeballs_delay));
    if (fd >= 0)
        ai_set_nodelay(fd, a->to->ai_family);
    else if (fd != -ECANCELED && at[0].state == AI_ATTEMPT_OVER)
        fail(at, n, o->all_errors);
    ai_deallocate(at, n * sizeof *at);
    return fd;
}

static ASYNCIO_ASYNC(int, resolve, (const struct ai_connect_options *, o), (struct addresses *, a))
{
    struct ai_name remote = {o->host, o->port, o->family, SOCK_STREAM, o->proto, o->flags};
    struct ai_name local = {o->local_host, o->local_port, o->family,
                            SOCK_STREAM,   o->proto,      o->flags | AI_PASSIVE};
    int error = ASYNCIO_AWAIT(ai_resolve(&remote, &a->to));

    if (error == 0 && (o->local_host || o->local_port))
        error = ASYNCIO_AWAIT(ai_resolve(&local, &a->from));
    return error;
}

static void release(struct addresses *a)
{
    if (a->to)
        freeaddrinfo(a->to);
    if (a->from)
        freeaddrinfo(a->from);
}

ASYNCIO_ASYNC(int, ai_connect_host, (const struct ai_connect_options *, o))
{
    struct addresses a = {NULL, NULL};
    int fd = ASYNCIO_AWAIT(resolve(o, &a));

    if (fd == 0)
        fd = ASYNCIO_AWAIT(connect_to(o, &a));
    release(&a);
    return fd;
}

ASYNCIO_ASYNC(int, ai_connect_unix, (const char *, path))
{
    struct sockaddr_un address;
    int size = ai_address_unix(&address, path);

    if (size < 0)
        return asyncio_raise(size, "AF_UNIX path too long");
    struct addrinfo to = {.ai_family = AF_UNIX,
                          .ai_socktype = SOCK_STREAM,
                          .ai_addr = (struct sockaddr *)&address,
                          .ai_addrlen = (socklen_t)size};
    struct ai_connect_options o = {0};
    struct addresses a = {&to, NULL};
    return ASYNCIO_AWAIT(connect_to(&o, &a));
}
