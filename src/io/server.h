/* A server: listening sockets, the connections that came from them, and who waits for its end. */
#ifndef AI_IO_SERVER_H
#define AI_IO_SERVER_H

#include "io/client.h"

struct ai_server;

/* A server without sockets, owned by the task that runs; NULL without memory. */
struct asyncio_server *ai_server_new(const struct asyncio_server_options *options);

/* Holds it while it is started: NULL where it has gone already. In the end its handle, if it still
 * has an owner; or, where starting it has failed, NULL: it is dropped. */
struct ai_server *ai_server_hold(struct asyncio_server *server);
struct asyncio_server *ai_server_let_go(struct ai_server *s, bool fine);

/* One more socket, which it takes over, at this port, or with this path to be removed at its end
 * (or NULL). 0, or -ENOMEM: the socket is closed. */
int ai_server_add(struct ai_server *s, int fd, int port, const char *path);

/* Begins to listen. 0 or -errno. */
int ai_server_start(struct ai_server *s);

#endif
