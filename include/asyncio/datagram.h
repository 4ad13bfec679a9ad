/* Datagrams: UDP sockets and Unix sockets of that kind. Included by <asyncio.h>.
 *
 *     struct asyncio_datagram_endpoint *e =
 *         await(asyncio_create_datagram_endpoint(.local_addr = "127.0.0.1", .local_port = 9999));
 *     struct sockaddr_in from;
 *     unsigned size = sizeof from;
 *     char buf[1500];
 *     ssize_t n = await(asyncio_datagram_endpoint_recvfrom(e, buf, sizeof buf,
 *                                                          (struct sockaddr *)&from, &size));
 *     await(asyncio_datagram_endpoint_sendto(e, buf, (size_t)n, (struct sockaddr *)&from, size));
 *
 * Python's endpoint calls the methods of a protocol: datagram_received(), error_received(). Here
 * one awaits what comes, as with streams: a datagram is received when somebody asks for one, those
 * that come earlier wait in the kernel, and an error is the result of the call that met it.
 *
 * An endpoint belongs to the task that asked for it, also where it is opened by a task of its own:
 * when that ends it is closed and gone; used after that it ends the program. asyncio_retain() keeps
 * it until its asyncio_release(); asyncio_release() alone is an earlier end. */
#ifndef ASYNCIO_DATAGRAM_H
#define ASYNCIO_DATAGRAM_H

#include <asyncio/language.h>

#include <sys/types.h>

#pragma GCC visibility push(default)

struct sockaddr;
struct asyncio_datagram_endpoint;

/* Each may be left out, and is then what is said of 0. Strings have to stay valid until the
 * endpoint is made. */
struct asyncio_datagram_options {
    const char *local_addr;  /* to be bound to: a name, a numeric address, or, with AF_UNIX, a path;
                              * NULL: any */
    int local_port;          /* 0: any */
    const char *remote_addr; /* whom to send to, and receive from alone; NULL: anybody */
    int remote_port;
    int family; /* AF_INET, AF_INET6, AF_UNIX; 0: what the addresses are. With no address at all it
                 * is needed */
    int proto, flags;     /* as of getaddrinfo() */
    int sock;             /* > 0: a datagram socket, which the endpoint takes over, instead */
    bool reuse_port;      /* others may be bound there too */
    bool allow_broadcast; /* the remote address may be a broadcast address; answers may come from
                           * anybody */
    int asyncio__begin;
};

/* asyncio_create_datagram_endpoint(.local_addr = …, .local_port = …, .remote_addr = …, …):
 * awaitable(struct asyncio_datagram_endpoint *). Where a name has several addresses, the first pair
 * of a local and a remote one that will do. NULL where there is none, and asyncio_error() says why:
 * what socket(), bind() and connect() say of the first pair; an error of a name's look-up; -EINVAL
 * where the two addresses have no family in common; -EMFILE; -ENOMEM; -ECANCELED. */
#define asyncio_create_datagram_endpoint(...)                                                      \
    asyncio__create_datagram_endpoint(                                                             \
        &(struct asyncio_datagram_options){.asyncio__begin = 0, __VA_ARGS__})
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(struct asyncio_datagram_endpoint *)
    asyncio__create_datagram_endpoint(const struct asyncio_datagram_options *options);

/* The next datagram: how many bytes it has, or as many as there is room for; 0 for one without any.
 * Where it came from goes to `address`, as much of it as *size says, and its size to *size; both
 * may be NULL.
 *
 * These fail with an error that an earlier send has brought about, such as -ECONNREFUSED where
 * nobody is at the remote address (Python's error_received()); with -EBADF when the endpoint is or
 * gets closed; -ENOMEM; and -ECANCELED, and then no datagram is lost. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_datagram_endpoint_recv(struct asyncio_datagram_endpoint *e, void *buf, size_t n);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_datagram_endpoint_recvfrom(struct asyncio_datagram_endpoint *e, void *buf, size_t n,
                                       struct sockaddr *address, unsigned *size);

/* Sends one, to the remote address or this one: n. They wait where the kernel has no room. Errors
 * as above, and -EDESTADDRREQ without an address; -EMSGSIZE for more than a datagram can have. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_datagram_endpoint_send(struct asyncio_datagram_endpoint *e, const void *buf, size_t n);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_datagram_endpoint_sendto(struct asyncio_datagram_endpoint *e, const void *buf, size_t n,
                                     const struct sockaddr *address, unsigned size);

/* Closes it; who waits for a datagram gets -EBADF. Again: nothing. */
void asyncio_datagram_endpoint_close(struct asyncio_datagram_endpoint *e);

bool asyncio_datagram_endpoint_is_closing(const struct asyncio_datagram_endpoint *e);

/* What is known of it by this name, stored at value: "sockname", "peername", a struct sockaddr_…,
 * as large as there is room for; "socket", an int, the descriptor. How many bytes that are, or
 * -errno: -ENOENT for any other name, -EINVAL where there is no room, -EBADF when it is closed. */
ssize_t asyncio_datagram_endpoint_get_extra_info(const struct asyncio_datagram_endpoint *e,
                                                 const char *name, void *value, size_t size);

#pragma GCC visibility pop

#endif
