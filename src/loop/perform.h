/* Doing an operation by its system call: what back-ends built on readiness share. It is done
 * without blocking and without touching the descriptor's flags, which other processes may share. */
#ifndef AI_LOOP_PERFORM_H
#define AI_LOOP_PERFORM_H

#include "loop/backend.h"

#include <stdbool.h>

enum ai_perform_class {
    AI_PERFORM_AT_ONCE, /* never waits for anything */
    AI_PERFORM_WAITS,   /* for a descriptor to become ready */
    AI_PERFORM_STORAGE, /* for the disk, if at all */
};

enum ai_perform_class ai_perform_class(const struct ai_op *op);

/* Instead of a result: only by the plain call, which waits for the disk. */
#define AI_PERFORM_BLOCKS INT64_MIN

/* The operation's result as of now, or -EAGAIN where the descriptor has to become ready first, or
 * AI_PERFORM_BLOCKS. A receive of a lent buffer has to be given one before. */
int64_t ai_perform(const struct ai_op *op);

/* The same by the plain call, which may block. */
int64_t ai_perform_blocking(const struct ai_op *op);

/* The poll(2) events that the operation waits for, and whether these mean its turn has come: errors
 * and hang-ups wake everybody. */
short ai_perform_events(const struct ai_op *op);
bool ai_perform_due(const struct ai_op *op, unsigned events);

/* Completes all operations that are on the list now, and returns their number; those their done()
 * adds stay for the next time. */
int ai_complete_all(struct ai_list *ended);

#endif
