/* ASYNCIO_TRACE=FILE: what ran when, who woke whom, in the format that Perfetto opens.
 *
 * Each loop has a lane, in which its callbacks are and its waiting for the kernel, and below it one
 * for each task, made of slices: a step, named after its coroutine; what it is parked on then, from
 * the end of the step until somebody wakes it; nothing while it is ready and waits for its turn.
 * Flows lead from who made something ready to its next step: to a new task's first. Files and lines
 * are in the slices' source locations, how a task ended in an annotation of its last step.
 *
 * A step begins when the one before it ended, so the clock is read once for each. */
#ifndef AI_TASK_TRACE_H
#define AI_TASK_TRACE_H

#include "task/object.h"

/* Whether this thread's loop is traced. */
bool ai_trace_begin(void);
void ai_trace_end(void);

/* A step, while it is under way. */
struct ai_traced {
    const struct ai_object *task; /* or NULL: a callback */
    uint64_t track;
    struct ai_traced *outer; /* that it interrupts, or NULL */
    bool again;              /* the task goes on in the next turn, by itself */
};

/* Around a step: of `task`, which the caller holds, or of a callback where that is NULL. Nothing
 * where the loop is not traced. */
void ai_trace_enter(struct ai_traced *s, const struct ai_ready *ready, struct ai_object *task);
void ai_trace_leave(struct ai_traced *s);

/* Around asking the back-end what has completed, and at a turn's beginning without that. */
void ai_trace_wait(void);
void ai_trace_turn(void);

#endif
