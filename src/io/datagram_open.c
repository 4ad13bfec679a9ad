/* asyncio_create_datagram_endpoint(): from addresses to a socket. As Python's, which goes through
 * pairs of a local and a remote address of the same family until one will do.
 *
 * Who asks owns the endpoint, also where what opens it runs as a task of its own: it is made with
 * the awaitable, and gets its socket in the end. */
#include "base/panic.h"
#include "io/address.h"
#include "io/datagram.h"
#include "io/now.h"
#include "io/resolve.h"
#include "io/socket.h"
#include "task/object.h"

#include <asyncio/datagram.h>
#include <asyncio/io.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* One address of each end, or NULL where that is left open. */
struct ends {
    const struct addrinfo *local, *remote;
};

/* --- One pair --- */

static int open_socket(const struct ends *e, const struct asyncio_datagram_options *o)
{
    const struct addrinfo *any = e->local ? e->local : e->remote;
    int fd = (int)ai_now((struct ai_op){
        .code = AI_OP_SOCKET,
        .fd = any ? any->ai_family : o->family,
        .flags = SOCK_DGRAM,
        .size = (size_t)(any ? any->ai_protocol : o->proto),
    });
    if (fd < 0)
        return asyncio_raise(fd, NULL);
    ai_set_option(fd, SOL_SOCKET, SO_REUSEPORT, o->reuse_port);
    ai_set_option(fd, SOL_SOCKET, SO_BROADCAST, o->allow_broadcast);
    return fd;
}

/* Where broadcasts are allowed the socket is not connected: answers come from others. */
static ASYNCIO_ASYNC(int, join_ends, (int, fd), (const struct ends *, e), (bool, connects))
{
    int error = e->local ? ai_bind(fd, e->local->ai_addr, e->local->ai_addrlen) : 0;

    if (error || !e->remote || !connects)
        return error;
    return ASYNCIO_AWAIT(asyncio_connect(fd, e->remote->ai_addr, e->remote->ai_addrlen));
}

static ASYNCIO_ASYNC(int, open_pair, (const struct ends *, e),
                     (const struct asyncio_datagram_options *, o))
{
    int fd = open_socket(e, o);
    int error = fd < 0 ? fd : ASYNCIO_AWAIT(join_ends(fd, e, !o->allow_broadcast));

    if (error == 0)
        return fd;
    if (fd >= 0)
        ai_close(fd);
    return error;
}

/* --- All of them --- */

struct failure {
    int code;
    char text[256];
};

/* The first one is told of in the end. */
static void keep_failure(struct failure *first, int code)
{
    if (first->code)
        return;
    first->code = code;
    snprintf(first->text, sizeof first->text, "%s", asyncio_error_message());
}

/* The first pair that will do goes to *at, which has the first addresses. */
static ASYNCIO_ASYNC(int, open_any, (struct ends *, at),
                     (const struct asyncio_datagram_options *, o))
{
    const struct addrinfo *remotes = at->remote;
    struct failure first = {0};

    do {
        at->remote = remotes;
        do {
            if (at->local && at->remote && at->local->ai_family != at->remote->ai_family)
                continue;
            int fd = ASYNCIO_AWAIT(open_pair(at, o));
            if (fd >= 0 || fd == -ECANCELED)
                return fd;
            keep_failure(&first, fd);
        } while (at->remote && (at->remote = at->remote->ai_next));
    } while (at->local && (at->local = at->local->ai_next));
    if (!first.code)
        return asyncio_raise(-EINVAL, "can not get address information");
    return asyncio_raise(first.code, "%s", first.text);
}

/* --- Addresses --- */

/* Found by getaddrinfo(), or the one of a path. */
struct addresses {
    struct addrinfo *list;
    bool found;
    struct addrinfo info;
    struct sockaddr_un path;
};

static int use_path(struct addresses *a, const char *path)
{
    int size = ai_address_unix(&a->path, path);

    if (size < 0)
        return asyncio_raise(size, "AF_UNIX path too long");
    a->info = (struct addrinfo){.ai_family = AF_UNIX,
                                .ai_addr = (struct sockaddr *)&a->path,
                                .ai_addrlen = (socklen_t)size};
    a->list = &a->info;
    return 0;
}

static ASYNCIO_ASYNC(int, look_up, (struct addresses *, a), (const struct ai_name *, name))
{
    if (!name->host && (!name->port || name->family == AF_UNIX))
        return 0;
    if (name->family == AF_UNIX)
        return use_path(a, name->host);
    int error = ASYNCIO_AWAIT(ai_resolve(name, &a->list));
    a->found = error == 0;
    return error;
}

static void release(struct addresses *a)
{
    if (a->found)
        freeaddrinfo(a->list);
}

static ASYNCIO_ASYNC(int, look_up_both, (const struct asyncio_datagram_options *, o),
                     (struct addresses *, local), (struct addresses *, remote))
{
    struct ai_name near = {o->local_addr, o->local_port, o->family,
                           SOCK_DGRAM,    o->proto,      o->flags | AI_PASSIVE};
    struct ai_name far = {o->remote_addr, o->remote_port, o->family,
                          SOCK_DGRAM,     o->proto,       o->flags};
    int error = ASYNCIO_AWAIT(look_up(local, &near));

    return error ? error : ASYNCIO_AWAIT(look_up(remote, &far));
}

static void remove_stale(const struct asyncio_datagram_options *o)
{
    if (o->family == AF_UNIX && o->local_addr && *o->local_addr)
        ai_remove_stale(o->local_addr);
}

/* --- The endpoint --- */

/* What was opened is the endpoint's, or nobody's. */
static struct asyncio_datagram_endpoint *finish(struct asyncio_datagram_endpoint *e, int fd,
                                                const struct addrinfo *to)
{
    int error =
        fd < 0 ? fd : ai_datagram_open(e, fd, to ? to->ai_addr : NULL, to ? to->ai_addrlen : 0);

    if (error == 0)
        return e;
    ai_raise_again(error);
    ai_datagram_drop(e);
    return NULL;
}

static ASYNCIO_ASYNC(struct asyncio_datagram_endpoint *, create_datagram_endpoint,
                     (struct asyncio_datagram_options, o), (struct asyncio_datagram_endpoint *, e))
{
    struct addresses local = {.found = false}, remote = {.found = false};

    if (o.sock > 0)
        return finish(e, o.sock, NULL);
    int fd = ASYNCIO_AWAIT(look_up_both(&o, &local, &remote));
    struct ends at = {local.list, remote.list};
    if (fd == 0) {
        remove_stale(&o);
        fd = ASYNCIO_AWAIT(open_any(&at, &o));
    }
    e = finish(e, fd, o.allow_broadcast ? at.remote : NULL);
    release(&local);
    release(&remote);
    return e;
}

static void check(const struct asyncio_datagram_options *o)
{
    bool addressed = o->local_addr || o->local_port || o->remote_addr || o->remote_port;

    if (o->sock > 0 && addressed)
        ai_panic("ValueError: socket modifier keyword arguments can not be used when sock is "
                 "specified");
    if (o->sock <= 0 && !addressed && !o->family)
        ai_panic("ValueError: unexpected address family");
}

ASYNCIO_AWAITABLE(struct asyncio_datagram_endpoint *)
asyncio__create_datagram_endpoint(const struct asyncio_datagram_options *o)
{
    check(o);
    struct asyncio_datagram_endpoint *e = ai_datagram_new();
    ASYNCIO_AWAITABLE(struct asyncio_datagram_endpoint *)
    h = e ? create_datagram_endpoint(*o, e) : NULL;
    if (h)
        return h;
    ai_datagram_drop(e);
    if (o->sock > 0)
        ai_close(o->sock);
    return NULL;
}
