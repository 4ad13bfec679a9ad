/* Condition. Who waits stands in the condition's line and then, notified or cancelled, in that of
 * its lock, from which no cancellation takes it for good. */
#include "sync/condition.h"

#include "base/panic.h"

static void check_locked(struct asyncio_condition *condition, const char *what)
{
    if (!ai_condition_lock(condition)->locked)
        ai_panic("RuntimeError: cannot %s on un-acquired lock", what);
}

/* --- Waiting --- */

static int start_waiting(struct ai_condition_caller *c)
{
    check_locked(c->condition, "wait");
    asyncio_lock_release(ai_condition_lock(c->condition));
    c->caller.line = &c->condition->line;
    ai_line_join(&c->caller);
    c->phase = AI_WAITING;
    return 0;
}

static bool stop_waiting(struct ai_condition_caller *c, bool cancelled)
{
    c->cancelled = ai_line_leave(&c->caller, cancelled);
    c->phase = AI_LOCKING;
    return false; /* the cancellation has been noted */
}

/* Cancelled while it is about to, it begins anew, at the end of the line. */
static bool take_lock(struct ai_condition_caller *c, bool cancelled)
{
    struct asyncio_lock *lock = ai_condition_lock(c->condition);
    int code = ai_lock_step(lock, &c->caller, cancelled);

    if (code < 0) {
        c->cancelled = true;
        code = ai_lock_step(lock, &c->caller, false);
    }
    return code > 0;
}

/* Whoever fails may have been notified before: somebody else is then to go on instead. */
static int finish_wait(struct ai_condition_caller *c)
{
    c->phase = AI_ASKING;
    if (!c->cancelled)
        return 1;
    ai_line_call(&c->condition->line, 1);
    return -ECANCELED;
}

static int go_on(struct ai_condition_caller *c, bool cancelled)
{
    if (c->phase == AI_WAITING)
        cancelled = stop_waiting(c, cancelled);
    return take_lock(c, cancelled) ? finish_wait(c) : 0;
}

int ai_condition_step(struct ai_condition_caller *c, bool cancelled)
{
    bool notified = c->phase != AI_ASKING;
    int code = notified ? go_on(c, cancelled) : 1;

    if (code <= 0 || (c->predicate ? c->predicate(c->arg) : notified))
        return code;
    return start_waiting(c);
}

static int wait_step(void *self, bool cancelled)
{
    return ai_condition_step(self, cancelled);
}

/* --- The interface --- */

struct asyncio_condition asyncio_condition(struct asyncio_lock *lock)
{
    return (struct asyncio_condition){.lock = lock};
}

ASYNCIO_AWAITABLE(int) asyncio_condition_acquire(struct asyncio_condition *condition)
{
    return asyncio_lock_acquire(ai_condition_lock(condition));
}

void asyncio_condition_release(struct asyncio_condition *condition)
{
    asyncio_lock_release(ai_condition_lock(condition));
}

bool asyncio_condition_locked(const struct asyncio_condition *condition)
{
    return (condition->lock ? condition->lock : &condition->own)->locked;
}

struct ai_condition_caller *ai_condition_caller_new(const struct asyncio_awaitable_type *type,
                                                    struct asyncio_condition *condition)
{
    struct ai_condition_caller *c = ai_caller_new(type, &condition->line);

    if (!c)
        return NULL;
    c->condition = condition;
    c->predicate = NULL;
    c->phase = AI_ASKING;
    return c;
}

ASYNCIO_AWAITABLE(int) asyncio_condition_wait(struct asyncio_condition *condition)
{
    static const struct asyncio_awaitable_type type =
        AI_CALLER("Condition.wait", struct ai_condition_caller, wait_step);
    struct ai_condition_caller *c = ai_condition_caller_new(&type, condition);

    return c ? ai_caller_handle(&c->caller) : NULL;
}

ASYNCIO_AWAITABLE(int)
asyncio_condition_wait_for(struct asyncio_condition *condition, bool (*predicate)(void *arg),
                           void *arg)
{
    static const struct asyncio_awaitable_type type =
        AI_CALLER("Condition.wait_for", struct ai_condition_caller, wait_step);
    struct ai_condition_caller *c = ai_condition_caller_new(&type, condition);

    if (!c)
        return NULL;
    c->predicate = predicate;
    c->arg = arg;
    return ai_caller_handle(&c->caller);
}

void asyncio_condition_notify(struct asyncio_condition *condition, size_t n)
{
    check_locked(condition, "notify");
    ai_line_call(&condition->line, n);
}

void asyncio_condition_notify_all(struct asyncio_condition *condition)
{
    asyncio_condition_notify(condition, SIZE_MAX);
}

char *asyncio_condition_repr(const struct asyncio_condition *condition, char *buf, size_t n)
{
    const char *state = asyncio_condition_locked(condition) ? "locked" : "unlocked";

    return ai_line_repr(&condition->line, "Condition", condition, state, buf, n);
}
