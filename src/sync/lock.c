/* Lock. Releasing it unlocks it and calls who is first in line; it is locked again when that one
 * takes its step. Until then nobody else gets it, since somebody stands in line. */
#include "sync/lock.h"

#include "base/panic.h"
#include "task/task.h"
#include "task/thread.h"

static void call_first(struct asyncio_lock *lock)
{
    struct ai_caller *first = ai_line_first(&lock->line);

    if (first && !ai_caller_is_woken(first))
        ai_caller_call(first);
}

static __attribute__((noinline)) int wait_in_line(struct asyncio_lock *lock, struct ai_caller *c)
{
    c->line = &lock->line;
    ai_line_join(c);
    return 0;
}

/* It is the task's that runs this step, unless that is a task of its own. */
static inline int take(struct asyncio_lock *lock)
{
    const struct ai_task *task = ai_thread.task;

    lock->locked = true;
    lock->asyncio__holder = task ? ai_handle(&task->root->object) : NULL;
    return 1;
}

/* Cancelled, it passes on what it may have been called for. */
static __attribute__((noinline)) int go_on(struct asyncio_lock *lock, struct ai_caller *c,
                                           bool cancelled)
{
    if (!ai_line_leave(c, cancelled))
        return take(lock);
    if (!lock->locked)
        call_first(lock);
    return -ECANCELED;
}

int ai_lock_step(struct asyncio_lock *lock, struct ai_caller *c, bool cancelled)
{
    if (__builtin_expect(c->in_line, 0))
        return go_on(lock, c, cancelled);
    if (lock->locked || ai_line_is_waited_in(&lock->line))
        return wait_in_line(lock, c);
    return take(lock);
}

static struct asyncio_lock *lock_of(const struct ai_caller *c)
{
    return ai_container(c->line, struct asyncio_lock, line);
}

static int acquire_step(void *self, bool cancelled)
{
    return ai_lock_step(lock_of(self), self, cancelled);
}

asyncio_any ai_lock_holder(void *self)
{
    const struct ai_caller *c = self;

    return c->in_line && lock_of(c)->locked ? lock_of(c)->asyncio__holder : NULL;
}

static int acquire_at_once(void *self, void *result, const struct asyncio__place *place)
{
    struct asyncio_lock *lock = lock_of(self);

    if (lock->locked || lock->line.first)
        return ai_await_step(self, result, place);
    take(lock);
    *(int *)result = 0;
    return ai_done_at_once(self);
}

ASYNCIO_AWAITABLE(int) asyncio_lock_acquire(struct asyncio_lock *lock)
{
    static const struct asyncio_awaitable_type type = {
        AI_CALLER_MEMBERS("Lock.acquire", struct ai_caller, acquire_step),
        .at_once = acquire_at_once,
        .holder = ai_lock_holder,
    };

    return ai_caller_handle(ai_caller_new(&type, &lock->line));
}

void asyncio_lock_release(struct asyncio_lock *lock)
{
    if (!lock->locked)
        ai_panic("RuntimeError: Lock is not acquired.");
    lock->locked = false;
    call_first(lock);
}

bool asyncio_lock_locked(const struct asyncio_lock *lock)
{
    return lock->locked;
}

char *asyncio_lock_repr(const struct asyncio_lock *lock, char *buf, size_t n)
{
    return ai_line_repr(&lock->line, "Lock", lock, lock->locked ? "locked" : "unlocked", buf, n);
}
