/* One descriptor to poll for a ring, its wake-up and a deadline, for those who embed the loop.
 *
 * Deferred work is run when the thread enters the ring, and wakes nobody who polls the ring's own
 * descriptor meanwhile. There a registered eventfd, the bell, is rung in its place. */
#ifndef AI_LOOP_IO_URING_EMBED_H
#define AI_LOOP_IO_URING_EMBED_H

#include <liburing.h>
#include <stdbool.h>

struct ai_embedding {
    int fd, timer, bell; /* -1 until it is opened; fd polls the others */
};

/* 0, once and for all, or -errno. */
int ai_embedding_open(struct ai_embedding *e, const struct io_uring *uring, int wake_fd);
void ai_embedding_close(struct ai_embedding *e);

/* Silences the bell, which rings for the first work to come. 1 if there is some already, 0 if not,
 * or -errno. */
int ai_embedding_reset_bell(struct ai_embedding *e, struct io_uring *uring);

#endif
