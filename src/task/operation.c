/* Starting, ending and cancelling: what is the same for all that can be awaited.
 *
 * An operation made a task has no stack. Its own place in the ready queue stands for the steps a
 * coroutine would take, so that it takes as many turns as one in Python: ai_operation_begin()
 * starts it, `finish` completes it in the turn after what it waited for. */
#include "base/panic.h"
#include "task/diagnose.h"
#include "task/step.h"
#include "task/task.h"
#include "task/thread.h"

static void finish(struct ai_ready *ready)
{
    struct ai_object *o = ai_container(ready, struct ai_object, ready);
    struct ai_error *error = o->error;

    o->error = NULL;
    ai_complete(o, error);
}

bool ai_operation_is_finishing(const struct ai_ready *ready)
{
    return ready->run == finish;
}

void ai_start(struct ai_object *o)
{
    if (o->type->step) {
        ai_step(o);
        return;
    }
    int code = o->type->start(o);
    if (code < 0)
        asyncio_complete(o, code);
}

void ai_operation_begin(struct ai_ready *ready)
{
    struct ai_object *o = ai_container(ready, struct ai_object, ready);

    o->ready.run = NULL;
    if (o->flags & AI_MUST_CANCEL || ai_thread.closing)
        ai_complete(o, ai_error_plain(-ECANCELED));
    else
        ai_start(o);
}

static bool is_begun(const struct ai_object *o)
{
    return o->ready.run != ai_operation_begin;
}

/* Then `finish` is in the ready queue. */
bool ai_is_finishing(const struct ai_object *o)
{
    return o->flags & AI_TASK && o->ready.run == finish;
}

void ai_finish(struct ai_object *o, struct ai_error *error, bool has_value)
{
    if (o->state != AI_PENDING || ai_is_finishing(o))
        ai_panic("RuntimeError: %s '%s' was completed twice, or before it was started",
                 ai_noun(o->type), o->type->name);
    if (has_value)
        o->flags |= AI_VALUE;
    if (!(o->flags & AI_TASK)) {
        ai_complete(o, error);
        return;
    }
    o->error = __builtin_expect(o->error != NULL, 0) ? ai_outcome(o, error) : error;
    o->ready.run = finish;
    ai_loop_push(ai_thread.loop, &o->ready);
}

void asyncio_complete(void *self, int code)
{
    if (code > 0)
        ai_panic("asyncio_complete(%d): an error is negative", code);
    ai_finish(self, ai_error_plain(code), code == 0);
}

/* --- Cancelling --- */

/* The message of a request that is not delivered yet. */
static void keep_message(struct ai_error **place)
{
    ai_error_set(place, ai_error_ref(ai_thread.cancel_message));
}

static void ask_later(struct ai_task *task)
{
    task->must_cancel = true;
    keep_message(&task->cancel_message);
}

/* The task goes on; a gather, which writes to where its awaiter wants the results, ends. */
static void stop_waiting(struct ai_task *task)
{
    struct ai_object *o = task->waiting;

    if (!(o->flags & AI_TASK)) {
        ai_complete(o, ai_error_plain(-ECANCELED));
        return;
    }
    ai_ref(o); /* the waiter's reference is still awaited */
    ai_wait_off(o, &task->waiter);
    ai_loop_push(ai_thread.loop, &task->waiter.ready);
}

/* What it waits for, a task or a gather, waits, in the end, for itself: it stops waiting. */
static void break_cycle(struct ai_task *task)
{
    if (!task->must_cancel)
        stop_waiting(task);
    ask_later(task);
}

static void cancel_wait(struct ai_task *task)
{
    task->being_cancelled = true;
    if (!task->waiting || !ai_cancel(task->waiting))
        ask_later(task);
    task->being_cancelled = false;
}

static bool cancel_task(struct ai_coroutine *c)
{
    struct ai_task *task = c->task;

    if (!task) {
        c->object.flags |= AI_MUST_CANCEL;
        keep_message(&c->object.error);
    } else if (task->being_cancelled) {
        break_cycle(task);
    } else {
        cancel_wait(task);
    }
    return true;
}

static bool cancel_operation(struct ai_object *o)
{
    if (o->type->step && !ai_step_cancel(o))
        return false;
    keep_message(&o->error);
    if (o->type->step)
        return true;
    if (o->flags & AI_TASK && !is_begun(o)) {
        o->flags |= AI_MUST_CANCEL;
    } else if (ai_is_finishing(o)) { /* what it came to counts no more, as for a coroutine */
        o->flags &= (uint8_t)~AI_VALUE;
        if (!o->error)
            o->error = ai_error_plain(-ECANCELED);
    } else if (o->type->cancel) {
        o->flags &= (uint8_t)~AI_MUST_CANCEL;
        o->type->cancel(o);
        return !(o->flags & AI_MUST_CANCEL);
    } else {
        asyncio_complete(o, -ECANCELED);
    }
    return true;
}

bool ai_cancel(struct ai_object *o)
{
    if (o->state == AI_DONE)
        return false;
    o->cancels += o->cancels < UINT8_MAX;
    return o->type->await ? cancel_task(ai_coroutine(o)) : cancel_operation(o);
}

/* (In parentheses: a macro of that name takes a message too.) */
bool(asyncio_cancel)(asyncio_any h)
{
    if (!h)
        return false;
    struct ai_object *o = ai_object(h);
    if (o->state == AI_UNUSED || o == ai_thread.yield) {
        ai_disown(o);
        return true;
    }
    if (o->type->kind > ASYNCIO__COROUTINE)
        ai_panic("TypeError: %s '%s' cannot be cancelled", ai_noun(o->type), o->type->name);
    if (o->type->await && !(o->flags & AI_TASK))
        ai_panic("TypeError: %s '%s' cannot be cancelled, only the task that awaits it",
                 ai_noun(o->type), o->type->name);
    return ai_cancel(o);
}

bool asyncio__cancel(asyncio_any h, const char *message)
{
    struct ai_error *outer = ai_thread.cancel_message;

    ai_thread.cancel_message = message ? ai_error_text(-ECANCELED, message) : NULL;
    bool asked = asyncio_cancel(h);
    ai_error_unref(ai_thread.cancel_message);
    ai_thread.cancel_message = outer;
    return asked;
}

int asyncio_cancelling(asyncio_any h)
{
    return ai_object(h)->cancels;
}

int asyncio_uncancel(asyncio_any h)
{
    struct ai_object *o = ai_object(h);

    if (o->cancels == 0 || --o->cancels > 0)
        return o->cancels;
    struct ai_task *task = o->type->await ? ai_coroutine(o)->task : NULL;
    if (task) {
        task->must_cancel = ai_thread.closing;
        ai_error_clear(&task->cancel_message);
    } else if (o->flags & AI_MUST_CANCEL) {
        ai_error_clear(&o->error);
    }
    o->flags &= (uint8_t)~AI_MUST_CANCEL;
    return 0;
}
