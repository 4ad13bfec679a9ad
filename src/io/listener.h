/* A listening socket, and accepting from it. */
#ifndef AI_IO_LISTENER_H
#define AI_IO_LISTENER_H

#include <stdbool.h>

struct ai_listener;

/* Takes a connection over; or returns -errno, and the descriptor stays, to be offered again when
 * accepting goes on. Called on the hub. */
typedef int ai_accepted(void *owner, int fd);

/* A socket that is bound, which it takes over. NULL without memory: then it is the caller's. */
struct ai_listener *ai_listener_new(int fd, void *owner, ai_accepted *accepted);

/* Begins to listen and to accept; once. 0 or -errno. */
int ai_listener_start(struct ai_listener *l, int backlog);

/* Stops and closes it: nothing is offered any more. The listener is gone. */
void ai_listener_close(struct ai_listener *l);

int ai_listener_fd(const struct ai_listener *l);

#endif
