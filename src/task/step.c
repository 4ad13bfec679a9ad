#include "task/step.h"

#include "base/panic.h"
#include "task/diagnose.h"
#include "task/task.h"
#include "task/thread.h"

static void run(struct ai_ready *ready)
{
    ai_step(ai_container(ready, struct ai_object, ready));
}

bool ai_step_is_due(const struct ai_ready *ready)
{
    return ready->run == run;
}

/* The shutdown asks it again until it ends or is given up, as it does with tasks. */
static void go_on(struct ai_object *o)
{
    if (!ai_thread.closing)
        return;
    if (o->cancels <= AI_MOST_IGNORED) {
        ai_cancel(o);
        return;
    }
    ai_step_give_up(o);
    ai_complete(o, ai_error_plain(-ECANCELED));
}

void ai_step(struct ai_object *o)
{
    int code = o->type->step(o, ai_step_begin(o));

    if (code == 0) {
        go_on(o);
        return;
    }
    if (code > 0)
        o->flags |= AI_VALUE;
    ai_complete(o, ai_error_plain(code < 0 ? code : 1 - code));
}

/* Awaited, it may be woken within its very step, before its task waits: that looks for itself. */
void ai_step_wake(struct ai_object *o)
{
    if (ai_step_is_woken(o))
        return;
    o->ready.run = run;
    if (o->flags & AI_TASK)
        ai_loop_push(ai_thread.loop, &o->ready);
    else if (o->waiters)
        ai_loop_push(ai_thread.loop, &o->waiters->ready);
}

/* An await of it that succeeds leaves the task's error alone; ai_step() takes it from the code. */
int ai_step_fail(struct ai_object *o, int code)
{
    if (o->flags & AI_TASK)
        return 1 - code;
    ai_error_set(&ai_thread.task->error, ai_error_plain(code));
    return 1;
}

void ai_step_explain(struct ai_object *o, int code, const char *message)
{
    ai_error_set(&o->error, ai_error_text(code, message));
}

void ai_step_put_off(struct ai_object *o)
{
    struct ai_task *task = ai_thread.task;

    if (o->flags & AI_TASK || !task)
        return;
    task->must_cancel = true;
    ai_error_set(&task->cancel_message, ai_error_ref(o->error));
}

bool ai_step_cancel(struct ai_object *o)
{
    bool woken = ai_step_is_woken(o);

    if (woken && !(o->flags & AI_TASK))
        return false;
    o->flags |= AI_MUST_CANCEL;
    if (!woken)
        ai_step_wake(o);
    return true;
}

void asyncio_wake(void *self)
{
    struct ai_object *o = self;

    if (o->state != AI_PENDING || !o->type->step)
        ai_panic("RuntimeError: %s '%s' was woken, but is not under way", ai_noun(o->type),
                 o->type->name);
    ai_step_wake(o);
}
