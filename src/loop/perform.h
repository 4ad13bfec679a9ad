/* What back-ends built on readiness share: doing an operation without blocking and without touching
 * the descriptor's flags, which other processes may share. */
#ifndef AI_LOOP_PERFORM_H
#define AI_LOOP_PERFORM_H

#include "loop/backend.h"

#include <stdbool.h>

/* The operation's result as of now, or -EAGAIN where it would have to wait. What can never be
 * waited for, such as a regular file, is done on the spot, the disk waited for. */
int64_t ai_perform(const struct ai_op *op);

/* The same by the plain call, which may block: for descriptors that turn out not to be pollable. */
int64_t ai_perform_blocking(const struct ai_op *op);

/* The poll(2) events that the operation waits for, and whether these mean its turn has come: errors
 * and hang-ups wake everybody. */
short ai_perform_events(const struct ai_op *op);
bool ai_perform_due(const struct ai_op *op, unsigned events);

/* Completes all operations that are on the list now, and returns their number; those their done()
 * adds stay for the next time. */
int ai_complete_all(struct ai_list *ended);

#endif
