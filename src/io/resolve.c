#include "io/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

static int code_of(int failure)
{
    switch (failure) {
    case EAI_SYSTEM:
        return -errno;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_FAMILY:
        return -EAFNOSUPPORT;
    default:
        return -ENOENT;
    }
}

ASYNCIO_ASYNC(int, ai_resolve, (const struct ai_name *, name), (struct addrinfo **, list))
{
    struct addrinfo hints = {.ai_family = name->family,
                             .ai_socktype = name->type,
                             .ai_protocol = name->proto,
                             .ai_flags = name->flags | AI_NUMERICHOST | AI_NUMERICSERV};
    char port[16];

    snprintf(port, sizeof port, "%d", name->port);
    int failure = getaddrinfo(name->host, port, &hints, list);
    return failure ? asyncio_raise(code_of(failure), "%s", gai_strerror(failure)) : 0;
}
