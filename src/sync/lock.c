/* Lock. Releasing it unlocks it and calls who is first in line; it is locked again when that one
 * takes its step. Until then nobody else gets it, since somebody stands in line. */
#include "sync/lock.h"

#include "base/panic.h"

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

/* Cancelled, it passes on what it may have been called for. */
static __attribute__((noinline)) int go_on(struct asyncio_lock *lock, struct ai_caller *c,
                                           bool cancelled)
{
    if (!ai_line_leave(c, cancelled)) {
        lock->locked = true;
        return 1;
    }
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
    lock->locked = true;
    return 1;
}

static int acquire_step(void *self, bool cancelled)
{
    struct ai_caller *c = self;

    return ai_lock_step(ai_container(c->line, struct asyncio_lock, line), c, cancelled);
}

ASYNCIO_AWAITABLE(int) asyncio_lock_acquire(struct asyncio_lock *lock)
{
    static const struct asyncio_awaitable_type type =
        AI_CALLER("Lock.acquire", struct ai_caller, acquire_step);

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
