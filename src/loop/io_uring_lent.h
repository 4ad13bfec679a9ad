/* Buffers that a ring lends to receives: the kernel takes one when there is something to put into
 * it, so that a connection which waits holds none. Made when first asked for. Few and small: the
 * kernel takes them in turn, so all of them have to stay in the cache. */
#ifndef AI_LOOP_IO_URING_LENT_H
#define AI_LOOP_IO_URING_LENT_H

#include <liburing.h>

enum { AI_LENT_GROUP = 1, AI_LENT_SIZE = 1 << 12, AI_LENT_COUNT = 64 };

struct ai_lent {
    struct io_uring_buf_ring *ring; /* NULL: none yet */
    char *memory;
};

/* 0; -ENOMEM; or what the kernel says that has no such thing. */
int ai_lent_open(struct ai_lent *lent, struct io_uring *uring);
void ai_lent_close(struct ai_lent *lent);

/* The buffer of this number, and its return to the kernel. */
char *ai_lent_buffer(const struct ai_lent *lent, unsigned id);
void ai_lent_give_back(struct ai_lent *lent, unsigned id);

#endif
