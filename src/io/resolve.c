#include "io/resolve.h"

#include <asyncio/dns.h>

#include <stdio.h>
#include <sys/socket.h>

ASYNCIO_ASYNC(int, ai_resolve, (const struct ai_name *, name), (struct addrinfo **, list))
{
    struct addrinfo hints = {.ai_family = name->family,
                             .ai_socktype = name->type,
                             .ai_protocol = name->proto,
                             .ai_flags = name->flags};
    char port[16];

    snprintf(port, sizeof port, "%d", name->port);
    return ASYNCIO_AWAIT(asyncio_getaddrinfo(name->host, port, &hints, list));
}
