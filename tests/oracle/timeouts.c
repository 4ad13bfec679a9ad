/* timeout, timeout_at. */
#include "scenario.h"

#include <asyncio/groups.h>

/* Awaits the body within the time-out, and says how that ended. */
static async(int, limited, (const char *, name), (struct asyncio_timeout *, cm),
             (awaitable(int), body))
{
    async_with(cm)
    {
        if (await(body) >= 0)
            trace("%s in time", name);
    }
    int error = asyncio_error();
    trace("%s %s, expired %s", name, error ? outcome(error) : "fine",
          yes(asyncio_timeout_expired(cm)));
    return error;
}

static void cancelling(void)
{
    trace("cancelling %d", asyncio_cancelling(asyncio_current_task()));
}

SCENARIO(timeout_basic)
{
    struct asyncio_timeout cm = asyncio_timeout(0.01);
    trace("%s", outcome(await(limited("a", &cm, worker("w", 10, 0)))));
    cancelling();
}

SCENARIO(timeout_at_basic)
{
    double deadline = asyncio_time() + 0.01;
    struct asyncio_timeout cm = asyncio_timeout_at(deadline);
    trace("%s", outcome(await(limited("a", &cm, worker("w", 10, 0)))));
    trace("%s", yes(asyncio_timeout_when(&cm) == deadline));
}

SCENARIO(nested_timeouts)
{
    double deadline = asyncio_time() + 0.01;
    struct asyncio_timeout out = asyncio_timeout_at(deadline), in = asyncio_timeout_at(deadline);
    trace("%s", outcome(await(limited("outer", &out, limited("inner", &in, worker("w", 10, 0))))));
}

SCENARIO(nested_timeouts_inner_first)
{
    struct asyncio_timeout out = asyncio_timeout(2), in = asyncio_timeout(1);
    trace("%s", outcome(await(limited("outer", &out, limited("inner", &in, worker("w", 10, 0))))));
    cancelling();
}

SCENARIO(nested_timeouts_outer_first)
{
    struct asyncio_timeout out = asyncio_timeout(1), in = asyncio_timeout(2);
    trace("%s", outcome(await(limited("outer", &out, limited("inner", &in, worker("w", 10, 0))))));
    cancelling();
}

SCENARIO(timeout_not_called)
{
    struct asyncio_timeout cm = asyncio_timeout(10);
    await(limited("a", &cm, worker("w", 0.01, 0)));
    trace("%s", yes(asyncio_timeout_when(&cm) > asyncio_time()));
}

SCENARIO(timeout_disabled)
{
    struct asyncio_timeout cm = asyncio_timeout(ASYNCIO_FOREVER);
    await(limited("a", &cm, worker("w", 100, 0)));
}

SCENARIO(timeout_zero)
{
    struct asyncio_timeout cm = asyncio_timeout(0);
    trace("%s", outcome(await(limited("a", &cm, worker("w", 10, 0)))));
}

SCENARIO(timeout_zero_sleep_zero)
{
    struct asyncio_timeout cm = asyncio_timeout(0);
    trace("%s", outcome(await(limited("a", &cm, asyncio_sleep(0)))));
}

SCENARIO(timeout_in_the_past_sleep_zero)
{
    struct asyncio_timeout cm = asyncio_timeout(-11);
    trace("%s", outcome(await(limited("a", &cm, asyncio_sleep(0)))));
}

SCENARIO(timeout_zero_without_await)
{
    struct asyncio_timeout cm = asyncio_timeout(0);
    trace("%s", outcome(await(limited("a", &cm, just(1)))));
    await(asyncio_sleep(0));
    trace("goes on");
}

SCENARIO(foreign_exception_passed)
{
    struct asyncio_timeout cm = asyncio_timeout(0.01);
    trace("%s", outcome(await(limited("a", &cm, just(-EPROTO)))));
}

static async(int, crash)
{
    await(asyncio_sleep(1));
    return asyncio_raise(-EPROTO, NULL);
}

SCENARIO(foreign_exception_on_timeout)
{
    struct asyncio_timeout cm = asyncio_timeout(0.01);
    trace("%s", outcome(await(limited("a", &cm, crash()))));
    cancelling();
}

static async(int, cancels_itself)
{
    asyncio_cancel(asyncio_current_task());
    return await(asyncio_sleep(10));
}

SCENARIO(foreign_cancel_doesnt_timeout_if_not_expired)
{
    struct asyncio_timeout cm = asyncio_timeout(10);
    awaitable(int) t = asyncio_create_task(limited("a", &cm, cancels_itself()));
    trace("%s", outcome(await(t)));
    trace("%s", yes(asyncio_cancelled(t)));
}

static async(int, outer)
{
    struct asyncio_timeout cm = asyncio_timeout(0.001);
    await(limited("a", &cm, asyncio_sleep(10)));
    return 0;
}

SCENARIO(outer_task_is_not_cancelled)
{
    awaitable(int) t = asyncio_create_task(outer());
    await(t);
    trace("%s %s %d", yes(asyncio_cancelled(t)), yes(asyncio_done(t)), asyncio_cancelling(t));
}

static async(int, busy, (double, seconds))
{
    asyncio_block(seconds);
    trace("was busy");
    return await(asyncio_sleep(1));
}

static async(int, is_busy_within_another)
{
    struct asyncio_timeout cm = asyncio_timeout(0.2);
    int r = await(limited("inner", &cm, busy(0.1)));
    trace("%s", outcome(r));
    return await(just(0)); /* that error is not the last one any more */
}

static async(int, is_busy_then_sleeps, (double, seconds))
{
    struct asyncio_timeout cm = asyncio_timeout(0.01);
    int r = await(limited("inner", &cm, busy(seconds)));
    trace("%s", outcome(r));
    return await(asyncio_sleep(10));
}

SCENARIO(nested_timeouts_concurrent)
{
    struct asyncio_timeout cm = asyncio_timeout(0.002);
    trace("%s", outcome(await(limited("outer", &cm, is_busy_within_another()))));
}

SCENARIO(nested_timeouts_loop_busy)
{
    struct asyncio_timeout cm = asyncio_timeout(0.1);
    trace("%s", outcome(await(limited("outer", &cm, is_busy_then_sleeps(0.05)))));
    cancelling();
}

SCENARIO(nested_timeouts_both_late)
{
    struct asyncio_timeout cm = asyncio_timeout(0.1);
    trace("%s", outcome(await(limited("outer", &cm, is_busy_then_sleeps(0.1)))));
    cancelling();
}

static void cancel_it(void *x)
{
    asyncio_cancel(x);
}

SCENARIO(outer_cancellation_as_it_expires)
{
    struct asyncio_timeout cm = asyncio_timeout(1);
    awaitable(int) t = asyncio_create_task(limited("a", &cm, worker("w", 10, 0)));
    await(asyncio_sleep(0));
    asyncio_block(1);
    asyncio_call_soon(cancel_it, t);
    await(asyncio_sleep(0));
    trace("%s", outcome(await(t)));
    trace("%s %d", yes(asyncio_cancelled(t)), asyncio_cancelling(t));
}

SCENARIO(reschedule)
{
    struct asyncio_timeout cm = asyncio_timeout_at(asyncio_time() + 10);
    awaitable(int) t = asyncio_create_task(limited("a", &cm, worker("w", 50, 0)));
    await(asyncio_sleep(1));
    asyncio_timeout_reschedule(&cm, asyncio_time() + 20);
    await(asyncio_sleep(15));
    trace("%s %g", yes(asyncio_done(t)), asyncio_timeout_when(&cm) - asyncio_time());
    asyncio_timeout_reschedule(&cm, ASYNCIO_FOREVER);
    await(asyncio_sleep(10));
    trace("%s", yes(asyncio_done(t)));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}

SCENARIO(reschedule_earlier)
{
    struct asyncio_timeout cm = asyncio_timeout(10);
    awaitable(int) t = asyncio_create_task(limited("a", &cm, worker("w", 50, 0)));
    await(asyncio_sleep(1));
    asyncio_timeout_reschedule(&cm, asyncio_time() + 1);
    trace("%s", outcome(await(t)));
}

SCENARIO(reschedule_into_the_past)
{
    struct asyncio_timeout cm = asyncio_timeout(10);
    awaitable(int) t = asyncio_create_task(limited("a", &cm, worker("w", 50, 0)));
    await(asyncio_sleep(1));
    asyncio_timeout_reschedule(&cm, 0);
    trace("%s", outcome(await(t)));
}

static async(int, limits_its_end)
{
    int r = await(asyncio_sleep(1));
    if (r) {
        struct asyncio_timeout cm = asyncio_timeout(0.01);
        trace("%s", outcome(await(limited("inner", &cm, asyncio_sleep(10)))));
        return asyncio_raise(r, NULL);
    }
    return 0;
}

SCENARIO(nested_timeout_in_finally)
{
    struct asyncio_timeout cm = asyncio_timeout(0.01);
    trace("%s", outcome(await(limited("outer", &cm, limits_its_end()))));
    cancelling();
}

static async(int, limits_after_cancellation, (double, limit), (bool, again))
{
    if (await(cancels_itself()) == -ECANCELED)
        trace("cancelled");
    struct asyncio_timeout cm = asyncio_timeout(limit);
    int r = await(limited("a", &cm, again ? cancels_itself() : asyncio_sleep(1)));
    trace("%s", outcome(r));
    cancelling();
    return 0;
}

SCENARIO(timeout_after_cancellation)
{
    trace("%s", outcome(await(asyncio_create_task(limits_after_cancellation(0, false)))));
}

SCENARIO(cancel_in_timeout_after_cancellation)
{
    trace("%s", outcome(await(asyncio_create_task(limits_after_cancellation(1, true)))));
}

/* --- Misuse --- */

static async(int, enters_again, (bool, within))
{
    struct asyncio_timeout cm = asyncio_timeout(0.01);
    async_with(&cm)
    {
        if (within)
            async_with(&cm);
    }
    async_with(&cm);
    return 0;
}

SCENARIO(timeout_already_entered)
{
    MISUSE(asyncio_run(enters_again(true)));
}

SCENARIO(timeout_double_enter)
{
    MISUSE(asyncio_run(enters_again(false)));
}

static async(int, reschedules_finished)
{
    struct asyncio_timeout cm = asyncio_timeout(0.01);
    async_with(&cm);
    return asyncio_timeout_reschedule(&cm, 0.02);
}

SCENARIO(timeout_finished)
{
    MISUSE(asyncio_run(reschedules_finished()));
}

SCENARIO(timeout_expired)
{
    struct asyncio_timeout cm = asyncio_timeout(0.01);
    await(limited("a", &cm, asyncio_sleep(1)));
    MISUSE(asyncio_timeout_reschedule(&cm, 0.02));
}

SCENARIO(timeout_not_entered)
{
    struct asyncio_timeout cm = asyncio_timeout(0.01);
    MISUSE(asyncio_timeout_reschedule(&cm, 0.02));
}

SCENARIO(timeout_swallowed)
{
    struct asyncio_timeout cm = asyncio_timeout(0.01);
    trace("%s", outcome(await(limited("a", &cm, stubborn("b", 1, 1, 0)))));
    cancelling();
}

SCENARIO(timeout_of_a_gather)
{
    struct asyncio_timeout cm = asyncio_timeout(1);
    awaitable(int) g = asyncio_gather(worker("b", 5, 0), worker("c", 5, 0));
    trace("%s", outcome(await(limited("a", &cm, g))));
}

/* --- Cancellation, uncancelled by blocks --- */

static async(int, make_request_with_timeout, (double, seconds), (double, pause))
{
    asyncio_any me = asyncio_current_task();
    async_with(asyncio_timeout(seconds))
    {
        trace("request");
        if (await(asyncio_sleep(pause)) == 0)
            trace("answered");
    }
    if (asyncio_error() == -ECANCELED)
        return -ECANCELED;
    if (asyncio_error() == -ETIMEDOUT)
        trace("timed out, cancelling %d", asyncio_cancelling(me));
    int r = await(asyncio_sleep(1));
    if (r == 0)
        trace("after the block");
    return r;
}

SCENARIO(uncancel_structured_blocks_in_time)
{
    awaitable(int) t = asyncio_create_task(make_request_with_timeout(2, 1));
    trace("%s", outcome(await(t)));
    trace("%d", asyncio_cancelling(t));
}

SCENARIO(uncancel_structured_blocks_timed_out)
{
    awaitable(int) t = asyncio_create_task(make_request_with_timeout(1, 2));
    trace("%s", outcome(await(t)));
    trace("%d", asyncio_cancelling(t));
}

SCENARIO(uncancel_structured_blocks_cancelled_before)
{
    awaitable(int) t = asyncio_create_task(make_request_with_timeout(2, 5));
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    trace("%d", asyncio_cancelling(t));
}

SCENARIO(uncancel_structured_blocks_cancelled_after)
{
    awaitable(int) t = asyncio_create_task(make_request_with_timeout(1, 5));
    await(asyncio_sleep(1.5));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    trace("%d", asyncio_cancelling(t));
}

SCENARIO(uncancel_structured_blocks_both_at_once)
{
    awaitable(int) t = asyncio_create_task(make_request_with_timeout(1, 5));
    await(asyncio_sleep(0));
    asyncio_block(2);
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    trace("%d", asyncio_cancelling(t));
}
