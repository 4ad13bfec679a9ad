/* A server: listening sockets, the connections that came from them, and who waits for its end. */
#ifndef AI_IO_SERVER_H
#define AI_IO_SERVER_H

#include "io/client.h"

/* A server without sockets, owned by the task that runs, or NULL without memory. It ends by
 * asyncio_server_close(), of which ai_disown() is one. */
struct ai_server;
struct ai_server *ai_server_new(const struct asyncio_server_options *options);
struct asyncio_server *ai_server_handle(struct ai_server *s);
void ai_server_drop(struct ai_server *s);

/* One more socket, which it takes over, at this port, or with this path to be removed at its end
 * (or NULL). 0, or -ENOMEM: the socket is closed. */
int ai_server_add(struct ai_server *s, int fd, int port, const char *path);

/* Begins to listen. 0 or -errno. */
int ai_server_start(struct ai_server *s);

#endif
