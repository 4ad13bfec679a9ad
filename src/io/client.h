/* The task of a connection that a server has accepted. */
#ifndef AI_IO_CLIENT_H
#define AI_IO_CLIENT_H

#include "io/connection.h"

#include <asyncio/server.h>

struct ai_client_options {
    asyncio_client_connected *handler;
    void *arg;
    size_t limit;
    struct asyncio_ssl_context *ssl; /* or NULL */
    double handshake_timeout, shutdown_timeout;
    struct ai_list *peers;                 /* where the connection is until it is closed */
    void (*lost)(struct ai_connection *c); /* then */
};

/* A connection of this socket, which it takes over, and the task that handles it, scheduled. 0, or
 * -ENOMEM: then the socket is the caller's still. */
int ai_client_new(int fd, const struct ai_client_options *options, void *owner);

#endif
