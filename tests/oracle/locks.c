/* Lock, Event, Condition. */
#include "scenario.h"

#include <asyncio/sync.h>

/* Acquires, holds, releases. */
static async(int, taker, (const char *, name), (struct asyncio_lock *, lock), (double, hold))
{
    trace("%s asks", name);
    int r = await(asyncio_lock_acquire(lock));
    if (r) {
        trace("%s cancelled", name);
        return r;
    }
    trace("%s has it", name);
    r = await(asyncio_sleep(hold));
    asyncio_lock_release(lock);
    trace("%s released", name);
    return r;
}

/* Acquires, and leaves it to others to release. */
static async(int, keeper, (const char *, name), (struct asyncio_lock *, lock))
{
    int r = await(asyncio_lock_acquire(lock));
    if (r == 0)
        trace("%s has it", name);
    return r;
}

/* --- Lock --- */

SCENARIO(lock_uncontended)
{
    struct asyncio_lock lock = {0};
    trace("%s", yes(asyncio_lock_locked(&lock)));
    await(asyncio_lock_acquire(&lock));
    trace("%s", yes(asyncio_lock_locked(&lock)));
    asyncio_lock_release(&lock);
    trace("%s", yes(asyncio_lock_locked(&lock)));
}

SCENARIO(lock_acquire)
{
    struct asyncio_lock lock = {0};
    await(asyncio_lock_acquire(&lock));
    awaitable(int) a = asyncio_create_task(keeper("a", &lock));
    awaitable(int) b = asyncio_create_task(keeper("b", &lock));
    await(asyncio_sleep(0));
    asyncio_lock_release(&lock);
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    awaitable(int) c = asyncio_create_task(keeper("c", &lock));
    asyncio_lock_release(&lock);
    await(asyncio_sleep(0));
    asyncio_lock_release(&lock);
    await(asyncio_sleep(0));
    trace("%s %s %s %s", yes(asyncio_done(a)), yes(asyncio_done(b)), yes(asyncio_done(c)),
          yes(asyncio_lock_locked(&lock)));
}

static void cancel_it(void *x)
{
    asyncio_cancel(x);
}

SCENARIO(lock_acquire_cancel)
{
    struct asyncio_lock lock = {0};
    await(asyncio_lock_acquire(&lock));
    awaitable(int) t = asyncio_create_task(asyncio_lock_acquire(&lock));
    asyncio_call_soon(cancel_it, t);
    trace("%s", outcome(await(t)));
    asyncio_lock_release(&lock);
    trace("%s", yes(asyncio_lock_locked(&lock)));
}

static async(int, holder, (struct asyncio_lock *, lock), (awaitable(int), f))
{
    await(asyncio_lock_acquire(lock));
    await(f);
    asyncio_lock_release(lock);
    return 0;
}

SCENARIO(lock_cancel_race)
{
    struct asyncio_lock lock = {0};
    awaitable(int) f = asyncio_future(int), a = asyncio_create_task(holder(&lock, f));
    await(asyncio_sleep(0));
    awaitable(int) b = asyncio_create_task(taker("b", &lock, 0));
    await(asyncio_sleep(0));
    awaitable(int) c = asyncio_create_task(taker("c", &lock, 0));
    await(asyncio_sleep(0));
    set(f, 0);
    asyncio_cancel(b);
    await(asyncio_sleep(0));
    trace("%s %s %s", yes(asyncio_done(a)), yes(asyncio_cancelled(b)),
          yes(asyncio_lock_locked(&lock)));
    await(c);
    trace("%s", yes(asyncio_lock_locked(&lock)));
}

struct race {
    struct asyncio_lock *lock;
    awaitable(int) task;
};

static void trigger(void *arg)
{
    struct race *race = arg;
    asyncio_cancel(race->task);
    asyncio_lock_release(race->lock);
}

SCENARIO(lock_cancel_release_race)
{
    struct asyncio_lock lock = {0};
    await(asyncio_lock_acquire(&lock));
    awaitable(int) a = asyncio_create_task(keeper("a", &lock));
    awaitable(int) b = asyncio_create_task(keeper("b", &lock));
    awaitable(int) c = asyncio_create_task(keeper("c", &lock));
    await(asyncio_sleep(0));
    struct race race = {&lock, a};
    asyncio_call_soon(trigger, &race);
    trace("%s", outcome(await(a)));
    trace("%s %s %s", yes(asyncio_done(b)), yes(asyncio_done(c)), yes(asyncio_lock_locked(&lock)));
    asyncio_cancel(c);
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_cancelled(c)));
}

SCENARIO(lock_finished_waiter_cancelled)
{
    struct asyncio_lock lock = {0};
    await(asyncio_lock_acquire(&lock));
    awaitable(int) a = asyncio_create_task(keeper("a", &lock));
    await(asyncio_sleep(0));
    awaitable(int) b = asyncio_create_task(keeper("b", &lock));
    asyncio_cancel(a);
    asyncio_lock_release(&lock);
    await(asyncio_sleep(0));
    trace("%s %s", yes(asyncio_lock_locked(&lock)), yes(asyncio_cancelled(a)));
    await(b);
}

SCENARIO(lock_woken_waiter_cancelled)
{
    struct asyncio_lock lock = {0};
    await(asyncio_lock_acquire(&lock));
    awaitable(int) a = asyncio_create_task(taker("a", &lock, 1));
    awaitable(int) b = asyncio_create_task(taker("b", &lock, 1));
    await(asyncio_sleep(0));
    asyncio_lock_release(&lock);
    asyncio_cancel(a);
    trace("%s", yes(asyncio_lock_locked(&lock)));
    trace("%s", outcome(await(a)));
    trace("%s", outcome(await(b)));
    trace("%s", yes(asyncio_lock_locked(&lock)));
}

SCENARIO(lock_no_barging)
{
    struct asyncio_lock lock = {0};
    await(asyncio_lock_acquire(&lock));
    awaitable(int) a = asyncio_create_task(keeper("a", &lock));
    await(asyncio_sleep(0));
    asyncio_lock_release(&lock);
    trace("%s", yes(asyncio_lock_locked(&lock)));
    awaitable(int) b = asyncio_create_task(keeper("b", &lock));
    await(asyncio_sleep(0));
    trace("%s %s", yes(asyncio_done(a)), yes(asyncio_done(b)));
    asyncio_lock_release(&lock);
    await(b);
}

SCENARIO(lock_released_and_acquired_again)
{
    struct asyncio_lock lock = {0};
    await(asyncio_lock_acquire(&lock));
    awaitable(int) a = asyncio_create_task(taker("a", &lock, 0));
    await(asyncio_sleep(0));
    asyncio_lock_release(&lock);
    await(asyncio_lock_acquire(&lock));
    trace("main has it");
    asyncio_lock_release(&lock);
    await(a);
}

SCENARIO(lock_fifo_of_many)
{
    struct asyncio_lock lock = {0};
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 5; i++)
        asyncio_spawn(taker(names[i], &lock, 1));
    await(asyncio_sleep(6));
    trace("%s", yes(asyncio_lock_locked(&lock)));
}

SCENARIO(lock_waiter_in_the_middle_cancelled)
{
    struct asyncio_lock lock = {0};
    awaitable(int) a = asyncio_create_task(taker("a", &lock, 1));
    awaitable(int) b = asyncio_create_task(taker("b", &lock, 1));
    awaitable(int) c = asyncio_create_task(taker("c", &lock, 1));
    await(asyncio_sleep(0.5));
    asyncio_cancel(b);
    trace("%s", outcome(await(b)));
    await(a);
    await(c);
}

SCENARIO(lock_release_not_acquired)
{
    struct asyncio_lock lock = {0};
    MISUSE(asyncio_lock_release(&lock));
}

SCENARIO(lock_release_no_waiters)
{
    struct asyncio_lock lock = {0};
    await(asyncio_lock_acquire(&lock));
    trace("%s", yes(asyncio_lock_locked(&lock)));
    asyncio_lock_release(&lock);
    trace("%s", yes(asyncio_lock_locked(&lock)));
    MISUSE(asyncio_lock_release(&lock));
}

SCENARIO(lock_context_manager)
{
    struct asyncio_lock lock = {0};
    async_with(&lock) trace("%s", yes(asyncio_lock_locked(&lock)));
    trace("%s", yes(asyncio_lock_locked(&lock)));
}

SCENARIO(lock_context_manager_left_early)
{
    struct asyncio_lock lock = {0};
    for (int i = 0; i < 1; i++) {
        async_with(&lock)
        {
            trace("%s", yes(asyncio_lock_locked(&lock)));
            break;
        }
    }
    trace("%s", yes(asyncio_lock_locked(&lock)));
}

static async(int, inside, (const char *, name), (struct asyncio_lock *, lock))
{
    async_with(lock)
    {
        trace("%s inside", name);
        return await(asyncio_sleep(5));
    }
    return asyncio_error();
}

SCENARIO(lock_context_manager_cancelled)
{
    struct asyncio_lock lock = {0};
    awaitable(int) a = asyncio_create_task(inside("a", &lock));
    awaitable(int) b = asyncio_create_task(inside("b", &lock));
    awaitable(int) c = asyncio_create_task(inside("c", &lock));
    await(asyncio_sleep(1));
    asyncio_cancel(b);
    asyncio_cancel(a);
    int ra = await(a), rb = await(b);
    trace("%s %s", outcome(ra), outcome(rb));
    await(c);
    trace("%s", yes(asyncio_lock_locked(&lock)));
}

SCENARIO(lock_wait_for)
{
    struct asyncio_lock lock = {0};
    awaitable(int) a = asyncio_create_task(taker("a", &lock, 5));
    await(asyncio_sleep(0));
    trace("%s", outcome(await(asyncio_wait_for(asyncio_lock_acquire(&lock), 1))));
    await(a);
    trace("%s", yes(asyncio_lock_locked(&lock)));
}

/* --- Event --- */

static async(int, event_waiter, (const char *, name), (struct asyncio_event *, event))
{
    int r = await(asyncio_event_wait(event));
    trace("%s %s", name, r ? "cancelled" : "goes on");
    return r;
}

SCENARIO(event_wait)
{
    struct asyncio_event event = {0};
    trace("%s", yes(asyncio_event_is_set(&event)));
    awaitable(int) a = asyncio_create_task(event_waiter("a", &event));
    awaitable(int) b = asyncio_create_task(event_waiter("b", &event));
    await(asyncio_sleep(0));
    awaitable(int) c = asyncio_create_task(event_waiter("c", &event));
    asyncio_event_set(&event);
    await(asyncio_sleep(0));
    trace("%s %s %s", yes(asyncio_done(a)), yes(asyncio_done(b)), yes(asyncio_done(c)));
}

SCENARIO(event_wait_on_set)
{
    struct asyncio_event event = {0};
    asyncio_event_set(&event);
    await(asyncio_event_wait(&event));
    trace("at once");
}

SCENARIO(event_wait_cancel)
{
    struct asyncio_event event = {0};
    awaitable(int) t = asyncio_create_task(asyncio_event_wait(&event));
    asyncio_call_soon(cancel_it, t);
    trace("%s", outcome(await(t)));
    asyncio_event_set(&event);
    trace("%s", yes(asyncio_event_is_set(&event)));
}

SCENARIO(event_clear)
{
    struct asyncio_event event = {0};
    asyncio_event_clear(&event);
    trace("%s", yes(asyncio_event_is_set(&event)));
    asyncio_event_set(&event);
    trace("%s", yes(asyncio_event_is_set(&event)));
    asyncio_event_clear(&event);
    trace("%s", yes(asyncio_event_is_set(&event)));
}

SCENARIO(event_clear_with_waiters)
{
    struct asyncio_event event = {0};
    awaitable(int) t = asyncio_create_task(event_waiter("a", &event));
    await(asyncio_sleep(0));
    asyncio_event_set(&event);
    asyncio_event_clear(&event);
    trace("%s", yes(asyncio_event_is_set(&event)));
    asyncio_event_set(&event);
    asyncio_event_set(&event);
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_done(t)));
}

SCENARIO(event_set_and_cleared)
{
    struct asyncio_event event = {0};
    awaitable(int) a = asyncio_create_task(event_waiter("a", &event));
    await(asyncio_sleep(0));
    asyncio_event_set(&event);
    asyncio_event_clear(&event);
    awaitable(int) b = asyncio_create_task(event_waiter("b", &event));
    await(turns(3));
    trace("%s %s", yes(asyncio_done(a)), yes(asyncio_done(b)));
    asyncio_event_set(&event);
    await(b);
}

SCENARIO(event_one_of_two_cancelled_as_it_is_set)
{
    struct asyncio_event event = {0};
    awaitable(int) a = asyncio_create_task(event_waiter("a", &event));
    awaitable(int) b = asyncio_create_task(event_waiter("b", &event));
    await(asyncio_sleep(0));
    asyncio_event_set(&event);
    asyncio_cancel(a);
    int ra = await(a), rb = await(b);
    trace("%s %s", outcome(ra), outcome(rb));
}

/* --- Condition --- */

static async(int, cond_waiter, (const char *, name), (struct asyncio_condition *, cond),
             (bool, release))
{
    await(asyncio_condition_acquire(cond));
    int r = await(asyncio_condition_wait(cond));
    if (r)
        trace("%s cancelled, %s", name, yes(asyncio_condition_locked(cond)));
    else
        trace("%s goes on", name);
    if (r || release)
        asyncio_condition_release(cond);
    return r;
}

static awaitable(int) cond_task(const char *name, struct asyncio_condition *cond)
{
    return asyncio_create_task(cond_waiter(name, cond, true));
}

SCENARIO(condition_wait)
{
    struct asyncio_condition cond = {0};
    awaitable(int) a = asyncio_create_task(cond_waiter("a", &cond, false));
    awaitable(int) b = asyncio_create_task(cond_waiter("b", &cond, false));
    awaitable(int) c = asyncio_create_task(cond_waiter("c", &cond, false));
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_condition_locked(&cond)));
    await(asyncio_condition_acquire(&cond));
    asyncio_condition_notify(&cond, 1);
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_condition_locked(&cond)));
    asyncio_condition_release(&cond);
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_condition_locked(&cond)));
    asyncio_condition_notify(&cond, 2);
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_condition_locked(&cond)));
    asyncio_condition_release(&cond);
    await(asyncio_sleep(0));
    asyncio_condition_release(&cond);
    await(asyncio_sleep(0));
    trace("%s %s %s %s", yes(asyncio_done(a)), yes(asyncio_done(b)), yes(asyncio_done(c)),
          yes(asyncio_condition_locked(&cond)));
}

SCENARIO(condition_wait_cancel)
{
    struct asyncio_condition cond = {0};
    await(asyncio_condition_acquire(&cond));
    awaitable(int) t = asyncio_create_task(asyncio_condition_wait(&cond));
    asyncio_call_soon(cancel_it, t);
    trace("%s", outcome(await(t)));
    trace("%s", yes(asyncio_condition_locked(&cond)));
}

static void release_it(void *cond)
{
    asyncio_condition_release(cond);
}

SCENARIO(condition_wait_cancel_contested)
{
    struct asyncio_condition cond = {0};
    await(asyncio_condition_acquire(&cond));
    awaitable(int) t = asyncio_create_task(asyncio_condition_wait(&cond));
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_condition_locked(&cond)));
    await(asyncio_condition_acquire(&cond));
    asyncio_condition_notify(&cond, 1);
    asyncio_call_soon(cancel_it, t);
    asyncio_call_soon(release_it, &cond);
    trace("%s", outcome(await(t)));
    trace("%s", yes(asyncio_condition_locked(&cond)));
}

SCENARIO(condition_wait_cancel_after_notify)
{
    struct asyncio_condition cond = {0};
    awaitable(int) t = cond_task("a", &cond);
    await(asyncio_sleep(0));
    await(asyncio_condition_acquire(&cond));
    asyncio_condition_notify(&cond, 1);
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    await(asyncio_sleep(0));
    asyncio_condition_release(&cond);
    await(asyncio_sleep(0));
    trace("%s %s", yes(asyncio_cancelled(t)), yes(asyncio_condition_locked(&cond)));
}

SCENARIO(condition_wait_unacquired)
{
    struct asyncio_condition cond = {0};
    MISUSE(asyncio_run(asyncio_condition_wait(&cond)));
}

static bool is_true(void *arg)
{
    return *(bool *)arg;
}

static async(int, waits_for, (struct asyncio_condition *, cond), (bool *, ready))
{
    await(asyncio_condition_acquire(cond));
    await(asyncio_condition_wait_for(cond, is_true, ready));
    trace("goes on");
    asyncio_condition_release(cond);
    return 0;
}

SCENARIO(condition_wait_for)
{
    struct asyncio_condition cond = {0};
    bool ready = false;
    awaitable(int) t = asyncio_create_task(waits_for(&cond, &ready));
    await(asyncio_sleep(0));
    await(asyncio_condition_acquire(&cond));
    asyncio_condition_notify(&cond, 1);
    asyncio_condition_release(&cond);
    await(turns(3));
    trace("%s", yes(asyncio_done(t)));
    ready = true;
    await(asyncio_condition_acquire(&cond));
    asyncio_condition_notify(&cond, 1);
    asyncio_condition_release(&cond);
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_done(t)));
}

SCENARIO(condition_wait_for_unacquired)
{
    struct asyncio_condition cond = {0};
    bool ready = true;
    await(asyncio_condition_wait_for(&cond, is_true, &ready));
    trace("true at once");
    ready = false;
    MISUSE(asyncio_run(asyncio_condition_wait_for(&cond, is_true, &ready)));
}

SCENARIO(condition_notify)
{
    struct asyncio_condition cond = {0};
    awaitable(int) a = cond_task("a", &cond), b = cond_task("b", &cond), c = cond_task("c", &cond);
    await(asyncio_sleep(0));
    await(asyncio_condition_acquire(&cond));
    asyncio_condition_notify(&cond, 1);
    asyncio_condition_release(&cond);
    await(asyncio_sleep(0));
    trace("notified 1");
    await(asyncio_condition_acquire(&cond));
    asyncio_condition_notify(&cond, 1);
    asyncio_condition_notify(&cond, 2048);
    asyncio_condition_release(&cond);
    await(asyncio_sleep(0));
    trace("%s %s %s", yes(asyncio_done(a)), yes(asyncio_done(b)), yes(asyncio_done(c)));
    await(turns(2));
    trace("%s %s %s", yes(asyncio_done(a)), yes(asyncio_done(b)), yes(asyncio_done(c)));
}

SCENARIO(condition_notify_all)
{
    struct asyncio_condition cond = {0};
    awaitable(int) a = cond_task("a", &cond), b = cond_task("b", &cond);
    await(asyncio_sleep(0));
    await(asyncio_condition_acquire(&cond));
    asyncio_condition_notify_all(&cond);
    asyncio_condition_release(&cond);
    await(a);
    await(b);
}

SCENARIO(condition_notify_unacquired)
{
    struct asyncio_condition cond = {0};
    MISUSE(asyncio_condition_notify(&cond, 1));
}

SCENARIO(condition_notify_all_unacquired)
{
    struct asyncio_condition cond = {0};
    MISUSE(asyncio_condition_notify_all(&cond));
}

SCENARIO(condition_notify_nobody)
{
    struct asyncio_condition cond = {0};
    async_with(&cond) asyncio_condition_notify(&cond, 1);
    awaitable(int) t = cond_task("a", &cond);
    await(turns(3));
    trace("%s", yes(asyncio_done(t)));
    async_with(&cond) asyncio_condition_notify(&cond, 1);
    await(t);
}

SCENARIO(condition_context_manager)
{
    struct asyncio_condition cond = {0};
    async_with(&cond) trace("%s", yes(asyncio_condition_locked(&cond)));
    trace("%s", yes(asyncio_condition_locked(&cond)));
}

SCENARIO(condition_explicit_lock)
{
    struct asyncio_lock lock = {0};
    struct asyncio_condition cond = asyncio_condition(&lock);
    async_with(&cond)
        trace("%s %s", yes(asyncio_lock_locked(&lock)), yes(asyncio_condition_locked(&cond)));
    async_with(&lock)
        trace("%s %s", yes(asyncio_lock_locked(&lock)), yes(asyncio_condition_locked(&cond)));
    trace("%s %s", yes(asyncio_lock_locked(&lock)), yes(asyncio_condition_locked(&cond)));
}

SCENARIO(condition_two_of_one_lock)
{
    struct asyncio_lock lock = {0};
    struct asyncio_condition one = asyncio_condition(&lock), two = asyncio_condition(&lock);
    awaitable(int) a = cond_task("a", &one), b = cond_task("b", &two);
    await(asyncio_sleep(0));
    async_with(&lock)
    {
        asyncio_condition_notify(&two, 1);
        trace("notified two");
    }
    await(b);
    trace("%s", yes(asyncio_done(a)));
    async_with(&one) asyncio_condition_notify(&one, 1);
    await(a);
}

SCENARIO(condition_timeout_in_block)
{
    struct asyncio_condition cond = {0};
    async_with(&cond)
    {
        trace("%s", outcome(await(asyncio_wait_for(asyncio_condition_wait(&cond), 0.5))));
        trace("%s", yes(asyncio_condition_locked(&cond)));
    }
    trace("%s", yes(asyncio_condition_locked(&cond)));
}

SCENARIO(condition_cancelled_while_waiting)
{
    struct asyncio_condition cond = {0};
    awaitable(int) a = cond_task("a", &cond), b = cond_task("b", &cond);
    await(asyncio_sleep(0));
    asyncio_cancel(a);
    trace("%s", outcome(await(a)));
    async_with(&cond) asyncio_condition_notify(&cond, 1);
    await(b);
}

SCENARIO(condition_cancelled_while_it_acquires_again)
{
    struct asyncio_condition cond = {0};
    awaitable(int) t = cond_task("a", &cond);
    await(asyncio_sleep(0));
    await(asyncio_condition_acquire(&cond));
    asyncio_condition_notify(&cond, 1);
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    asyncio_condition_release(&cond);
    trace("%s", outcome(await(t)));
    trace("%s", yes(asyncio_condition_locked(&cond)));
}

static bool is_not_0(void *n)
{
    return *(int *)n != 0;
}

static async(int, consumer, (const char *, name), (struct asyncio_condition *, cond), (int *, n))
{
    async_with(cond)
    {
        for (;;) {
            int r = await(asyncio_condition_wait_for(cond, is_not_0, n));
            if (r)
                return r;
            trace("%s sees %d", name, *n);
            if (*n < 0)
                return 0;
            --*n;
        }
    }
    return asyncio_error();
}

SCENARIO(condition_cancelled_wakeup)
{
    struct asyncio_condition cond = {0};
    int n = 0;
    awaitable(int) a = asyncio_create_task(consumer("a", &cond, &n));
    awaitable(int) b = asyncio_create_task(consumer("b", &cond, &n));
    await(asyncio_sleep(0));
    async_with(&cond)
    {
        n++;
        asyncio_condition_notify(&cond, 1);
        asyncio_cancel(a);
    }
    await(turns(4));
    trace("%d %s", n, yes(asyncio_cancelled(a)));
    async_with(&cond)
    {
        n = -1;
        asyncio_condition_notify_all(&cond);
    }
    await(b);
}

SCENARIO(condition_cancelled_wakeup_relock)
{
    struct asyncio_condition cond = {0};
    int n = 0;
    awaitable(int) a = asyncio_create_task(consumer("a", &cond, &n));
    awaitable(int) b = asyncio_create_task(consumer("b", &cond, &n));
    await(asyncio_sleep(0));
    async_with(&cond)
    {
        n++;
        asyncio_condition_notify(&cond, 1);
        await(asyncio_sleep(0));
        asyncio_cancel(a);
    }
    await(turns(5));
    trace("%d %s", n, yes(asyncio_cancelled(a)));
    async_with(&cond)
    {
        n = -1;
        asyncio_condition_notify_all(&cond);
    }
    await(b);
}
