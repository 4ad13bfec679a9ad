/* wait_for. Here it runs a coroutine in a task of its own, and so takes its own number of turns. */
#include "scenario.h"

#include <math.h>

static async(int, slow, (double, seconds))
{
    double end = asyncio_time() + seconds;
    while (asyncio_time() < end)
        if (await(asyncio_sleep(end - asyncio_time())))
            trace("slow ignores it");
    trace("slow ends");
    return 0;
}

SCENARIO(cancelled_waits_for_the_inner)
{
    awaitable(int) t = asyncio_create_task(asyncio_wait_for(slow(2), 4));
    await(turns(3));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}

SCENARIO(cancelled_before_the_inner_begins)
{
    awaitable(int) t = asyncio_create_task(asyncio_wait_for(slow(2), 4));
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}

SCENARIO(timeout_waits_for_the_inner)
{
    trace("%s", outcome(await(asyncio_wait_for(slow(2), 1))));
}

SCENARIO(timeout_0_future_done)
{
    awaitable(int) f = asyncio_future(int);
    set(f, 5);
    trace("%s", outcome(await(asyncio_wait_for(f, 0))));
    trace("%s", outcome(await(asyncio_wait_for(f, -1))));
}

SCENARIO(timeout_0_coroutine_do_not_started)
{
    trace("%s", outcome(await(asyncio_wait_for(worker("a", 1, 0), 0))));
    trace("%s", outcome(await(asyncio_wait_for(worker("b", 1, 0), -1))));
}

SCENARIO(timeout_0)
{
    for (int seconds = 0; seconds >= -1; seconds--) {
        awaitable(int) t = asyncio_create_task(worker("a", 10, 0));
        await(asyncio_sleep(0));
        trace("%s", outcome(await(asyncio_wait_for(t, seconds))));
        trace("%s %s", yes(asyncio_done(t)), yes(asyncio_cancelled(t)));
    }
}

SCENARIO(timeout_0_future_pending)
{
    awaitable(int) f = asyncio_future(int);
    trace("%s", outcome(await(asyncio_wait_for(f, 0))));
    trace("%s", state(f));
}

SCENARIO(wait_for)
{
    awaitable(int) t = asyncio_create_task(worker("a", 10, 0));
    trace("%s", outcome(await(asyncio_wait_for(t, 0.1))));
    trace("%s %s %d", yes(asyncio_done(t)), yes(asyncio_cancelled(t)),
          asyncio_cancelling(asyncio_current_task()));
}

SCENARIO(in_time)
{
    trace("%s", outcome(await(asyncio_wait_for(worker("a", 1, 7), 2))));
    await(asyncio_sleep(5));
    trace("nothing else comes");
}

SCENARIO(fails_in_time)
{
    trace("%s", outcome(await(asyncio_wait_for(worker("a", 1, -EPROTO), 2))));
}

SCENARIO(blocking)
{
    trace("%s", outcome(await(asyncio_wait_for(worker("a", 100, 7), INFINITY))));
}

static void set_3(void *f)
{
    set(f, 3);
}

SCENARIO(race_condition)
{
    awaitable(int) f = asyncio_future(int);
    asyncio_call_soon(set_3, f);
    trace("%s", outcome(await(asyncio_wait_for(f, 0.2))));
}

static async(int, swallows, (int, value))
{
    if (await(asyncio_sleep(1)))
        trace("swallowed");
    return value;
}

SCENARIO(cancellation_race_condition)
{
    trace("%s", outcome(await(asyncio_wait_for(swallows(1), 0.01))));
}

SCENARIO(waits_for_task_cancellation)
{
    awaitable(int) t = asyncio_create_task(slow_to_end("inner", 10, 0.5));
    trace("%s", outcome(await(asyncio_wait_for(t, 1))));
    trace("%s", state(t));
}

SCENARIO(waits_for_task_cancellation_w_timeout_0)
{
    awaitable(int) t = asyncio_create_task(slow_to_end("inner", 10, 0.5));
    await(asyncio_sleep(1));
    trace("%s", outcome(await(asyncio_wait_for(t, 0))));
    trace("%s", state(t));
}

static async(int, fails_at_its_end)
{
    await(asyncio_sleep(2));
    return asyncio_raise(-EPROTO, NULL);
}

SCENARIO(reraises_exception_during_cancellation)
{
    awaitable(int) t = asyncio_create_task(fails_at_its_end());
    trace("%s", outcome(await(asyncio_wait_for(t, 1))));
}

static void cancel_it(void *x)
{
    asyncio_cancel(x);
}

SCENARIO(cancel_blocking_wait_for)
{
    awaitable(int) inner = asyncio_create_task(waiter("inner", asyncio_future(int)));
    awaitable(int) t = asyncio_create_task(asyncio_wait_for(inner, INFINITY));
    asyncio_call_soon(cancel_it, t);
    trace("%s", outcome(await(t)));
    trace("%s", yes(asyncio_cancelled(inner)));
}

SCENARIO(cancel_wait_for)
{
    awaitable(int) inner = asyncio_create_task(waiter("inner", asyncio_future(int)));
    awaitable(int) t = asyncio_create_task(asyncio_wait_for(inner, 60));
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    trace("%s %d", yes(asyncio_cancelled(inner)), asyncio_cancelling(inner));
}

static async(int, swallows_quietly)
{
    return await(asyncio_sleep(10)) ? 42 : 0;
}

SCENARIO(cancel_suppressed)
{
    trace("%s", outcome(await(asyncio_wait_for(swallows_quietly(), 0.1))));
}

static async(int, waits, (awaitable(int), inner))
{
    int r = await(asyncio_wait_for(inner, 100));
    if (r == -ECANCELED)
        return r;
    r = await(asyncio_sleep(1));
    if (r == 0)
        trace("not reached");
    return r;
}

SCENARIO(issue86296)
{
    awaitable(int) inner = asyncio_create_task(just(5));
    awaitable(int) t = asyncio_create_task(waits(inner));
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    trace("%s", state(inner));
}

SCENARIO(cancelled_as_the_future_completes)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(int) t = asyncio_create_task(asyncio_wait_for(f, 100));
    await(turns(3));
    set(f, 1);
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}

SCENARIO(cancelled_before_it_starts)
{
    awaitable(int) t = asyncio_create_task(asyncio_wait_for(worker("a", 1, 0), 5));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}

SCENARIO(future_is_cancelled_by_the_timeout)
{
    awaitable(int) f = asyncio_future(int);
    trace("%s", outcome(await(asyncio_wait_for(f, 1))));
    trace("%s", yes(asyncio_cancelled(f)));
}

SCENARIO(inner_is_cancelled_by_another)
{
    awaitable(int) t = asyncio_create_task(worker("a", 10, 0));
    cancel_later(t, 1);
    trace("%s", outcome(await(asyncio_wait_for(t, 5))));
    trace("%d", asyncio_cancelling(asyncio_current_task()));
}

SCENARIO(inside_one_another)
{
    trace("%s", outcome(await(asyncio_wait_for(asyncio_wait_for(worker("a", 10, 0), 1), 5))));
    trace("%s", outcome(await(asyncio_wait_for(asyncio_wait_for(worker("b", 10, 0), 5), 1))));
}

SCENARIO(of_a_gather)
{
    awaitable(int) g = asyncio_gather(worker("a", 9, 0), worker("b", 9, 0));
    trace("%s", outcome(await(asyncio_wait_for(g, 1))));
}

SCENARIO(cancelled_while_the_inner_takes_its_time)
{
    awaitable(int) inner = asyncio_create_task(slow_to_end("inner", 10, 5));
    awaitable(int) t = asyncio_create_task(asyncio_wait_for(inner, 60));
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    await(asyncio_sleep(1));
    trace("%s %s", state(t), state(inner));
    trace("%s", outcome(await(t)));
}

SCENARIO(outer_cancellation_outranks_the_timeout)
{
    awaitable(int) t = asyncio_create_task(asyncio_wait_for(slow_to_end("inner", 10, 5), 1));
    await(asyncio_sleep(2));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}

SCENARIO(shield_zero_timeout)
{
    awaitable(int) t = asyncio_create_task(worker("a", 0.01, 7));
    trace("%s", outcome(await(asyncio_wait_for(asyncio_shield(t), 0))));
    trace("%s", yes(asyncio_done(t)));
    await(asyncio_sleep(1));
    trace("%s", state(t));
}

SCENARIO(shield_none_timeout)
{
    awaitable(int) t = asyncio_create_task(worker("a", 1, 7));
    await(asyncio_wait_for(asyncio_shield(t), INFINITY));
    trace("%s", state(t));
}

SCENARIO(shielded_timeout)
{
    awaitable(int) t = asyncio_create_task(worker("a", 1, 7));
    trace("%s", outcome(await(asyncio_wait_for(asyncio_shield(t), 0.1))));
    trace("%s %d", yes(asyncio_done(t)), asyncio_cancelling(t));
    trace("%s", outcome(await(t)));
}
