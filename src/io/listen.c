/* Starting a server: sockets bound to all addresses of a host, to a path, or given. */
#include "base/panic.h"
#include "io/address.h"
#include "io/now.h"
#include "io/resolve.h"
#include "io/server.h"
#include "io/socket.h"
#include "task/task.h"
#include "task/thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* --- One socket --- */

/* Connections have what their listening socket has. */
static void set_options(int fd, int family, const struct asyncio_server_options *o)
{
    bool inet = family != AF_UNIX;

    ai_set_option(fd, SOL_SOCKET, SO_REUSEADDR, inet && !o->no_reuse_address);
    ai_set_option(fd, SOL_SOCKET, SO_REUSEPORT, inet && o->reuse_port);
    ai_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, o->keep_alive);
    ai_set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, family == AF_INET6);
    ai_set_nodelay(fd, family);
}

/* Bound to this address, or the error, raised. */
static int open_socket(const struct addrinfo *to, const struct asyncio_server_options *o)
{
    int fd = (int)ai_now((struct ai_op){.code = AI_OP_SOCKET,
                                        .fd = to->ai_family,
                                        .flags = SOCK_STREAM,
                                        .size = (size_t)to->ai_protocol});
    if (fd < 0)
        return asyncio_raise(fd, NULL);
    set_options(fd, to->ai_family, o);
    int error = ai_bind(fd, to->ai_addr, to->ai_addrlen);
    if (error == 0)
        return fd;
    ai_close(fd);
    return error;
}

static int port_of(int fd)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof address;

    ai_now((struct ai_op){.code = AI_OP_GETSOCKNAME, .fd = fd, .buf = &address, .more = &size});
    if (address.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&address)->sin_port);
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return 0;
}

/* --- The addresses of a host --- */

/* Of a family that this machine does not have, or an address that it does not (any more). */
static bool is_not_here(int error)
{
    return error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL || error == -EPROTONOSUPPORT;
}

/* It came before, of another entry for the same name. */
static bool is_repeated(const struct addrinfo *list, const struct addrinfo *a)
{
    for (; list != a; list = list->ai_next) {
        if (list->ai_addrlen == a->ai_addrlen &&
            memcmp(list->ai_addr, a->ai_addr, a->ai_addrlen) == 0)
            return true;
    }
    return false;
}

static int add_address(struct ai_server *s, const struct addrinfo *to,
                       const struct asyncio_server_options *o)
{
    int fd = open_socket(to, o);
    return fd < 0 ? fd : ai_server_add(s, fd, port_of(fd), NULL);
}

/* All that are here, and at least one. */
static int add_addresses(struct ai_server *s, const struct addrinfo *list,
                         const struct asyncio_server_options *o)
{
    int none = 0, added = 0;

    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        int error = is_repeated(list, a) ? 0 : add_address(s, a, o);
        if (error && !is_not_here(error))
            return error;
        added += error == 0;
        none = error ? error : none;
    }
    if (added == 0)
        return none;
    ai_error_clear(&ai_thread.task->top->object.error); /* of those that are not */
    return 0;
}

static ASYNCIO_ASYNC(int, add_host, (struct ai_server *, s),
                     (const struct asyncio_server_options *, o))
{
    struct ai_name name = {.host = o->host && *o->host ? o->host : NULL,
                           .port = o->port,
                           .family = o->family,
                           .type = SOCK_STREAM,
                           .flags = o->flags | AI_PASSIVE};
    struct addrinfo *list;
    int error = ASYNCIO_AWAIT(ai_resolve(&name, &list));

    if (error)
        return error;
    error = add_addresses(s, list, o);
    freeaddrinfo(list);
    return error;
}

/* --- Other sockets --- */

static int add_given(struct ai_server *s, int fd)
{
    ai_set_nodelay(fd, AF_INET);
    return ai_server_add(s, fd, port_of(fd), NULL);
}

static int explain(int error, const char *path)
{
    return error == -EADDRINUSE ? asyncio_raise(error, "Address '%s' is already in use", path)
                                : error;
}

static int add_path(struct ai_server *s, const struct asyncio_server_options *o)
{
    struct sockaddr_un address;
    const char *path = o->host;
    int size = ai_address_unix(&address, path);
    struct addrinfo to = {.ai_family = AF_UNIX,
                          .ai_addr = (struct sockaddr *)&address,
                          .ai_addrlen = (socklen_t)size};

    if (size < 0)
        return asyncio_raise(size, "AF_UNIX path too long");
    if (*path)
        ai_remove_stale(path);
    int fd = open_socket(&to, o);
    if (fd < 0)
        return explain(fd, path);
    int error = ai_server_add(s, fd, 0, *path && !o->no_cleanup_socket ? path : NULL);
    if (error && *path)
        unlink(path);
    return error;
}

/* --- Starting --- */

/* The server is the caller's, who may have ended meanwhile; what did not come to one goes. */
static struct asyncio_server *begin(struct ai_server *s, int error,
                                    const struct asyncio_server_options *o)
{
    if (error == 0 && !o->start_later)
        error = ai_server_start(s);
    struct asyncio_server *handle = ai_server_let_go(s, error == 0);
    if (!handle)
        ai_raise_again(error ? error : -ECANCELED);
    return handle;
}

static struct asyncio_server *gone(const struct asyncio_server_options *o)
{
    if (o->sock > 0)
        ai_close(o->sock);
    asyncio_raise(-ECANCELED, NULL);
    return NULL;
}

static ASYNCIO_ASYNC(struct asyncio_server *, start_server, (struct asyncio_server_options, o),
                     (struct asyncio_server *, handle))
{
    struct ai_server *s = ai_server_hold(handle);

    if (!s)
        return gone(&o);
    int error = o.sock > 0 ? add_given(s, o.sock) : ASYNCIO_AWAIT(add_host(s, &o));
    return begin(s, error, &o);
}

static ASYNCIO_ASYNC(struct asyncio_server *, start_unix_server, (struct asyncio_server_options, o),
                     (struct asyncio_server *, handle))
{
    struct ai_server *s = ai_server_hold(handle);

    if (!s)
        return gone(&o);
    int error = o.sock > 0 ? add_given(s, o.sock) : add_path(s, &o);
    return begin(s, error, &o);
}

static void check(const struct asyncio_server_options *o)
{
    if (!o->handler)
        ai_panic("TypeError: a server needs a handler");
    if (o->sock > 0 && (o->host || o->port))
        ai_panic("ValueError: host/port and sock can not be specified at the same time");
}

typedef ASYNCIO_AWAITABLE(struct asyncio_server *)
    starter(struct asyncio_server_options options, struct asyncio_server *handle);

/* Who asks owns the server, also where what starts it runs as a task of its own: it is made with
 * the awaitable. */
static ASYNCIO_AWAITABLE(struct asyncio_server *)
    start(starter *start_it, const struct asyncio_server_options *o)
{
    struct asyncio_server *server = ai_server_new(o);
    ASYNCIO_AWAITABLE(struct asyncio_server *) h = server ? start_it(*o, server) : NULL;

    if (h)
        return h;
    asyncio_release(server);
    if (o->sock > 0)
        ai_close(o->sock);
    return NULL;
}

ASYNCIO_AWAITABLE(struct asyncio_server *)
asyncio__start_server(const struct asyncio_server_options *options)
{
    check(options);
    return start(start_server, options);
}

ASYNCIO_AWAITABLE(struct asyncio_server *)
asyncio__start_unix_server(const struct asyncio_server_options *options)
{
    check(options);
    if (options->sock <= 0 && !options->host)
        ai_panic("ValueError: path was not specified, and no sock specified");
    return start(start_unix_server, options);
}
