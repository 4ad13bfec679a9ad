/* The task of a connection that a server has accepted. */
#ifndef AI_IO_CLIENT_H
#define AI_IO_CLIENT_H

#include "io/connection.h"

#include <asyncio/server.h>

/* What is the same for all connections of a server: they and it share it. */
struct ai_client_options {
    uint32_t refs;
    asyncio_client_connected *handler;
    void *arg;
    size_t limit;
    struct asyncio_ssl_context *ssl; /* or NULL */
    double handshake_timeout, shutdown_timeout;
    /* Of use only while the server is there: */
    struct ai_list *peers;                 /* where the connection is until it is closed */
    void (*lost)(struct ai_connection *c); /* then */
};

/* A copy of these, with one reference, or NULL. */
struct ai_client_options *ai_client_options_new(const struct ai_client_options *options);
void ai_client_options_drop(struct ai_client_options *options);

/* A connection of this socket, which it takes over, and the task that handles it, scheduled. 0, or
 * -ENOMEM: then the socket is the caller's still. */
int ai_client_new(int fd, struct ai_client_options *options, void *owner);

#endif
