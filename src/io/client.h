/* The task of a connection that a server has accepted. */
#ifndef AI_IO_CLIENT_H
#define AI_IO_CLIENT_H

#include "io/connection.h"

#include <asyncio/server.h>

struct ai_client_options {
    asyncio_client_connected *handler;
    void *arg;
    size_t limit;
    struct asyncio_ssl_context *tls; /* or NULL */
    double handshake_timeout, shutdown_timeout;
};

/* A connection of this socket, which it takes over, and the task that handles it, scheduled; the
 * reference is the caller's. NULL without memory: then the socket is the caller's still. */
struct ai_connection *ai_client_new(int fd, const struct ai_client_options *options);

#endif
