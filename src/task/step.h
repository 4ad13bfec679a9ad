/* Objects that go on in steps: coroutines without a stack.
 *
 * One under way waits (`ready.run` is NULL) or is woken. Then it takes its next step in its turn:
 * as a task by its own entry in the ready queue, else by that of the task that awaits it, which
 * steps it on its own stack. So it takes as many turns as the coroutine it stands for in Python. A
 * request to end is a wake-up too, noted in AI_MUST_CANCEL. */
#ifndef AI_TASK_STEP_H
#define AI_TASK_STEP_H

#include "task/object.h"

/* What a type's at_once() is for: most of what is awaited was made just before that, and need not
 * wait. It does what it can by itself and ends in one of these: in the first, with the result
 * stored, where nothing is left to do; in the second where it has seen to it that it is woken, as a
 * step that returns 0; in the last where none of this went, and nothing has been done. The task has
 * no error that would have to be forgotten. */
static inline int ai_done_at_once(struct ai_object *o)
{
    ai_object_bury(o, ai_handle(o), o->type->pool_class, o->type->size);
    return 0;
}

int ai_await_later(struct ai_object *o, void *result, const struct asyncio__place *place);
int ai_await_step(struct ai_object *o, void *result, const struct asyncio__place *place);

/* Before each step: from here on it waits. Whether it was asked to end. */
static inline bool ai_step_begin(struct ai_object *o)
{
    bool cancelled = o->flags & AI_MUST_CANCEL;

    o->flags &= (uint8_t)~AI_MUST_CANCEL;
    o->ready.run = NULL;
    return cancelled;
}

static inline bool ai_step_is_woken(const struct ai_object *o)
{
    return o->ready.run != NULL;
}

/* The next step of one that was made a task. */
void ai_step(struct ai_object *o);

/* Whether an entry of the ready queue is that. */
bool ai_step_is_due(const struct ai_ready *ready);

void ai_step_wake(struct ai_object *o);

/* It goes on and on in the shutdown, and takes no further step. */
static inline void ai_step_give_up(struct ai_object *o)
{
    if (o->type->cancel)
        o->type->cancel(o);
}

/* Lets one that is under way, and stays its caller's, go on to its end as an await of it would. It
 * has no result. 0 or -errno; the task's error says the same. */
struct ai_task;
int ai_await_steps(struct ai_task *task, struct ai_object *o, const struct asyncio__place *place);

/* What its step returns that is done, with its result in place, and has failed all the same. */
int ai_step_fail(struct ai_object *o, int code);

/* In its step, which is about to fail with this code: why. */
void ai_step_explain(struct ai_object *o, int code, const char *message);

/* In its step, which is cancelled: it is done all the same, and the next await of the task that
 * awaits it is to be cancelled instead. */
void ai_step_put_off(struct ai_object *o);

/* Asks it to end: false where it was woken before and the task that awaits it has to remember. */
bool ai_step_cancel(struct ai_object *o);

#endif
