/* asyncio_create_datagram_endpoint(): from addresses to a socket. As Python's, which goes through
 * pairs of a local and a remote address of the same family until one will do. */
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

static ASYNCIO_ASYNC(struct asyncio_datagram_endpoint *, open_pair, (const struct ends *, e),
                     (const struct asyncio_datagram_options *, o))
{
    int fd = open_socket(e, o);
    if (fd < 0)
        return NULL;
    int error = ASYNCIO_AWAIT(join_ends(fd, e, !o->allow_broadcast));
    if (error) {
        ai_close(fd);
        ai_raise_again(error);
        return NULL;
    }
    const struct addrinfo *to = o->allow_broadcast ? e->remote : NULL;
    struct asyncio_datagram_endpoint *made =
        ai_datagram_new(fd, to ? to->ai_addr : NULL, to ? to->ai_addrlen : 0);
    if (!made)
        asyncio_raise(-ENOMEM, NULL);
    return made;
}

/* --- All of them --- */

struct failure {
    int code;
    char text[256];
};

/* The first one is told of in the end. */
static void keep_failure(struct failure *first)
{
    if (first->code)
        return;
    first->code = asyncio_error();
    snprintf(first->text, sizeof first->text, "%s", asyncio_error_message());
}

static ASYNCIO_ASYNC(struct asyncio_datagram_endpoint *, open_any, (const struct addrinfo *, local),
                     (const struct addrinfo *, remote),
                     (const struct asyncio_datagram_options *, o))
{
    struct failure first = {0, "can not get address information"};
    const struct addrinfo *l = local, *r;

    do {
        r = remote;
        do {
            struct ends e = {l, r};
            if (l && r && l->ai_family != r->ai_family)
                continue;
            struct asyncio_datagram_endpoint *made = ASYNCIO_AWAIT(open_pair(&e, o));
            if (made || asyncio_error() == -ECANCELED)
                return made;
            keep_failure(&first);
        } while (r && (r = r->ai_next));
    } while (l && (l = l->ai_next));
    asyncio_raise(first.code ? first.code : -EINVAL, "%s", first.text);
    return NULL;
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

static ASYNCIO_ASYNC(struct asyncio_datagram_endpoint *, open_addresses,
                     (const struct asyncio_datagram_options *, o), (struct addresses *, local),
                     (struct addresses *, remote))
{
    struct ai_name near = {o->local_addr, o->local_port, o->family,
                           SOCK_DGRAM,    o->proto,      o->flags | AI_PASSIVE};
    struct ai_name far = {o->remote_addr, o->remote_port, o->family,
                          SOCK_DGRAM,     o->proto,       o->flags};
    int error = ASYNCIO_AWAIT(look_up(local, &near));

    if (error == 0)
        error = ASYNCIO_AWAIT(look_up(remote, &far));
    if (error) {
        ai_raise_again(error);
        return NULL;
    }
    if (o->family == AF_UNIX && o->local_addr && *o->local_addr)
        ai_remove_stale(o->local_addr);
    struct asyncio_datagram_endpoint *made = ASYNCIO_AWAIT(open_any(local->list, remote->list, o));
    if (!made)
        ai_raise_again(asyncio_error());
    return made;
}

/* --- From options --- */

static struct asyncio_datagram_endpoint *open_given(int fd)
{
    struct asyncio_datagram_endpoint *made = ai_datagram_new(fd, NULL, 0);

    if (!made)
        asyncio_raise(-ENOMEM, NULL);
    return made;
}

static ASYNCIO_ASYNC(struct asyncio_datagram_endpoint *, create_datagram_endpoint,
                     (struct asyncio_datagram_options, o))
{
    struct addresses local = {.found = false}, remote = {.found = false};

    if (o.sock > 0)
        return open_given(o.sock);
    struct asyncio_datagram_endpoint *made = ASYNCIO_AWAIT(open_addresses(&o, &local, &remote));
    release(&local);
    release(&remote);
    if (!made)
        ai_raise_again(asyncio_error());
    return made;
}

ASYNCIO_AWAITABLE(struct asyncio_datagram_endpoint *)
asyncio__create_datagram_endpoint(const struct asyncio_datagram_options *o)
{
    bool addressed = o->local_addr || o->local_port || o->remote_addr || o->remote_port;

    if (o->sock > 0 && addressed)
        ai_panic("ValueError: socket modifier keyword arguments can not be used when sock is "
                 "specified");
    if (o->sock <= 0 && !addressed && !o->family)
        ai_panic("ValueError: unexpected address family");
    return create_datagram_endpoint(*o);
}
