/* Looking at every step the loop takes: debug mode (what held it for too long) and the trace. Where
 * neither is on, the loop does not come by here. */
#ifndef AI_TASK_OBSERVE_H
#define AI_TASK_OBSERVE_H

#include "task/task.h"

/* Starts observing this thread's loop if debug mode or ASYNCIO_TRACE asks for it. */
void ai_observe_begin(void);
void ai_observe_end(void);

/* Whose step an entry of the ready queue is: a task's, or NULL for a callback's; and whether it is
 * the first of a task. */
struct ai_object *ai_observed_task_slowly(struct ai_ready *ready);
static inline struct ai_object *ai_observed_task(const struct ai_ready *ready)
{
    struct ai_ready *r = (struct ai_ready *)ready;

    if (__builtin_expect(r->run == ai_task_resume, 1))
        return &ai_container(r, struct ai_task, waiter.ready)->root->object;
    return ai_observed_task_slowly(r);
}

bool ai_observed_is_new(const struct ai_ready *ready);

#endif
