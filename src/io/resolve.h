/* The addresses of a host and port for stream and datagram sockets. */
#ifndef AI_IO_RESOLVE_H
#define AI_IO_RESOLVE_H

#include "task/object.h"

#include <netdb.h>

/* What is asked for; host NULL: this machine, or, with AI_PASSIVE, all its interfaces. */
struct ai_name {
    const char *host;
    int port;
    int family;
    int type; /* SOCK_STREAM, ... */
    int proto;
    int flags; /* AI_PASSIVE, ... */
};

/* 0, *list then to be freed with freeaddrinfo() and never empty, or the error, raised with its
 * message. `name` is to be valid until then. */
ASYNCIO_AWAITABLE(int) ai_resolve(const struct ai_name *name, struct addrinfo **list);

#endif
