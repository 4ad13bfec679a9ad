/* Tasks: their making, names, turns, and above all their cancellation. */
#include "scenario.h"

static async(int, inner, (const char *, name), (int, value))
{
    trace("%s runs", name);
    await(asyncio_sleep(0));
    return value;
}

static async(int, outer)
{
    int a = await(inner("inner1", 42));
    int b = await(inner("inner2", 1000));
    return a + b;
}

SCENARIO(task_basics)
{
    awaitable(int) t = asyncio_create_task(outer());
    trace("made: %s", state(t));
    trace("got %d", await(t));
    trace("again %d", await(t));
}

SCENARIO(bare_create_task)
{
    awaitable(int) t = asyncio_create_task(worker("a", 0, 7));
    trace("made");
    trace("got %d", await(t));
}

SCENARIO(bare_create_named_task)
{
    awaitable(int) t = asyncio_create_task(just(1), "named");
    trace("%s", asyncio_get_name(t));
    await(t);
    trace("done %s", asyncio_get_name(t));
}

SCENARIO(task_set_methods)
{
    awaitable(int) t = asyncio_create_task(just(1));
    asyncio_set_name(t, "other");
    trace("%s", asyncio_get_name(t));
    await(t);
}

SCENARIO(task_result_set_twice)
{
    awaitable(int) t = asyncio_create_task(worker("a", 1, 5));
    trace("%s", state(t));
    await(t);
    trace("%s", state(t));
}

SCENARIO(coroutine_runs_in_next_turn)
{
    asyncio_spawn(worker("a", 0, 0));
    asyncio_spawn(worker("b", 0, 0));
    asyncio_spawn(worker("c", 0, 0));
    trace("made");
    await(asyncio_sleep(0));
    trace("after one turn");
    await(asyncio_sleep(0));
    trace("after two");
}

SCENARIO(task_awaited_by_two)
{
    awaitable(int) t = asyncio_create_task(worker("a", 1, 3));
    awaitable(int) one = asyncio_create_task(waiter("one", t));
    awaitable(int) two = asyncio_create_task(waiter("two", t));
    await(one);
    await(two);
}

SCENARIO(await_runs_without_a_turn)
{
    trace("got %d", await(just(1)) + await(just(2)));
    trace("in the same turn");
}

SCENARIO(task_fails)
{
    awaitable(int) t = asyncio_create_task(worker("a", 1, -EPROTO));
    trace("got %s", outcome(await(t)));
    trace("again %s, %s", outcome(await(t)), state(t));
}

SCENARIO(cancelling)
{
    awaitable(int) t = asyncio_create_task(asyncio_sleep(10));
    trace("%d", asyncio_cancelling(t));
    bool asked = asyncio_cancel(t);
    trace("%s %d", yes(asked), asyncio_cancelling(t));
    asked = asyncio_cancel(t);
    trace("%s %d", yes(asked), asyncio_cancelling(t));
    trace("%s", outcome(await(t)));
    asked = asyncio_cancel(t);
    trace("%s %d", yes(asked), asyncio_cancelling(t));
}

static async(int, uncancels)
{
    if (await(asyncio_sleep(10))) {
        asyncio_any me = asyncio_current_task();
        int n = asyncio_cancelling(me);
        trace("swallows, %d, %d left", n, asyncio_uncancel(me));
        trace("%d left", asyncio_uncancel(me));
    }
    if (await(asyncio_sleep(10)))
        return -ECANCELED;
    trace("sleeper ends");
    return 5;
}

SCENARIO(uncancel_basic)
{
    awaitable(int) t = asyncio_create_task(uncancels());
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    trace("asked %d", asyncio_cancelling(t));
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    trace("asked %d", asyncio_cancelling(t));
    trace("%d left", asyncio_uncancel(t));
    trace("%s", outcome(await(t)));
    trace("%d", asyncio_cancelling(t));
}

static async(int, runs, (awaitable(int), f))
{
    trace("waits");
    trace("got %d", await(f));
    await(asyncio_sleep(0));
    trace("goes on");
    return 42;
}

SCENARIO(uncancel_resets_must_cancel)
{
    awaitable(int) f = asyncio_future(int), t = asyncio_create_task(runs(f));
    await(asyncio_sleep(0));
    asyncio_set_result(f, 7);
    asyncio_cancel(t);
    trace("%d asked", asyncio_cancelling(t));
    trace("%d left", asyncio_uncancel(t));
    int r = await(t);
    trace("%d, %d", r, asyncio_cancelling(t));
}

SCENARIO(uncancel_before_it_starts)
{
    awaitable(int) t = asyncio_create_task(worker("a", 1, 3));
    asyncio_cancel(t);
    asyncio_cancel(t);
    int first = asyncio_uncancel(t), second = asyncio_uncancel(t), third = asyncio_uncancel(t);
    trace("%d left, %d left, %d left", first, second, third);
    trace("%s", outcome(await(t)));
}

SCENARIO(cancel)
{
    awaitable(int) t = asyncio_create_task(worker("a", 10, 0));
    await(asyncio_sleep(0));
    bool asked = asyncio_cancel(t);
    trace("%s, %s", yes(asked), state(t));
    trace("%s", outcome(await(t)));
    trace("%s %s %s", state(t), yes(asyncio_cancelled(t)), yes(asyncio_cancel(t)));
}

SCENARIO(cancel_before_it_starts)
{
    awaitable(int) t = asyncio_create_task(worker("a", 10, 0));
    bool asked = asyncio_cancel(t);
    trace("%s, %s", yes(asked), state(t));
    trace("%s", outcome(await(t)));
}

static async(int, yields)
{
    await(turns(2));
    if (asyncio_error()) {
        trace("cancelled");
        return -ECANCELED;
    }
    return 12;
}

SCENARIO(cancel_yield)
{
    awaitable(int) t = asyncio_create_task(yields());
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}

SCENARIO(cancel_inner_future)
{
    awaitable(int) f = asyncio_future(int), t = asyncio_create_task(waiter("a", f));
    await(asyncio_sleep(0));
    asyncio_cancel(f);
    trace("%s, %s", state(f), state(t));
    trace("%s", outcome(await(t)));
    trace("%s", yes(asyncio_cancelled(t)));
}

static async(int, waits, (awaitable(int), f))
{
    int r = await(f);
    return r < 0 ? r : 12;
}

SCENARIO(cancel_both_task_and_inner_future)
{
    awaitable(int) f = asyncio_future(int), t = asyncio_create_task(waits(f));
    await(asyncio_sleep(0));
    asyncio_cancel(f);
    trace("%s", yes(asyncio_cancel(t)));
    int r = await(t);
    trace("%s, %s, %s", outcome(r), state(f), yes(asyncio_cancelled(t)));
}

static async(int, catches, (awaitable(int), f1), (awaitable(int), f2))
{
    await(f1);
    int r = await(f2);
    if (r == -ECANCELED) {
        trace("caught");
        return 42;
    }
    return r;
}

SCENARIO(cancel_task_catching)
{
    awaitable(int) f1 = asyncio_future(int), f2 = asyncio_future(int);
    awaitable(int) t = asyncio_create_task(catches(f1, f2));
    await(asyncio_sleep(0));
    asyncio_set_result(f1, 1);
    await(turns(2));
    asyncio_cancel(t);
    trace("%s", state(f2));
    int r = await(t);
    trace("%s, %s", outcome(r), yes(asyncio_cancelled(t)));
}

static async(int, ignores, (awaitable(int), f1), (awaitable(int), f2), (awaitable(int), f3))
{
    await(f1);
    if (await(f2) == -ECANCELED)
        trace("ignored");
    trace("got %d", await(f3));
    return 42;
}

SCENARIO(cancel_task_ignoring)
{
    awaitable(int) f1 = asyncio_future(int), f2 = asyncio_future(int), f3 = asyncio_future(int);
    awaitable(int) t = asyncio_create_task(ignores(f1, f2, f3));
    await(asyncio_sleep(0));
    asyncio_set_result(f1, 1);
    await(turns(2));
    asyncio_cancel(t);
    trace("%s, %s", state(f2), state(t));
    await(turns(2));
    asyncio_set_result(f3, 3);
    int r = await(t);
    trace("%s, %s", outcome(r), yes(asyncio_cancelled(t)));
}

static async(int, cancels_itself)
{
    asyncio_cancel(asyncio_current_task());
    trace("asked");
    if (await(asyncio_sleep(100)))
        return -ECANCELED;
    trace("not reached");
    return 0;
}

SCENARIO(cancel_current_task)
{
    awaitable(int) t = asyncio_create_task(cancels_itself());
    trace("%s", outcome(await(t)));
    trace("%s", yes(asyncio_cancelled(t)));
}

static async(int, cancels_itself_once)
{
    asyncio_cancel(asyncio_current_task());
    if (await(asyncio_sleep(0)))
        trace("cancelled");
    await(asyncio_sleep(0));
    trace("only once");
    return 1;
}

SCENARIO(cancel_self_and_yield)
{
    trace("%s", outcome(await(asyncio_create_task(cancels_itself_once()))));
}

static async(int, cancels_itself_at_end)
{
    asyncio_cancel(asyncio_current_task());
    return 12;
}

SCENARIO(cancel_at_end)
{
    awaitable(int) t = asyncio_create_task(cancels_itself_at_end());
    trace("%s", outcome(await(t)));
    trace("%s %d", yes(asyncio_cancelled(t)), asyncio_cancelling(t));
}

static async(int, outer_of_two)
{
    awaitable(int) t = asyncio_create_task(worker("inner", 10, 0));
    asyncio_spawn(worker("other", 2, 0));
    int r = await(t);
    trace("inner %s, cancelled %s", outcome(r), yes(asyncio_cancelled(t)));
    return -ECANCELED;
}

SCENARIO(cancel_awaited_task)
{
    awaitable(int) t = asyncio_create_task(outer_of_two());
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    await(asyncio_sleep(2));
}

SCENARIO(cancel_down_a_chain)
{
    awaitable(int) in = asyncio_create_task(worker("inner", 10, 0));
    awaitable(int) middle = asyncio_create_task(waiter("middle", in));
    awaitable(int) out = asyncio_create_task(waiter("outer", middle));
    await(asyncio_sleep(1));
    asyncio_cancel(out);
    trace("%s %s %s", state(out), state(middle), state(in));
    trace("%s", outcome(await(out)));
}

SCENARIO(cancel_the_innermost)
{
    awaitable(int) in = asyncio_create_task(worker("inner", 10, 0));
    awaitable(int) out = asyncio_create_task(waiter("outer", in));
    await(asyncio_sleep(1));
    asyncio_cancel(in);
    trace("%s", outcome(await(out)));
    trace("%s %d", yes(asyncio_cancelled(out)), asyncio_cancelling(out));
}

SCENARIO(cancel_as_the_future_completes)
{
    awaitable(int) f = asyncio_future(int), t = asyncio_create_task(waiter("a", f));
    await(asyncio_sleep(0));
    asyncio_set_result(f, 3);
    trace("%s", yes(asyncio_cancel(t)));
    int r = await(t);
    trace("%s %s", outcome(r), state(f));
}

SCENARIO(cancel_as_the_future_fails)
{
    awaitable(int) f = asyncio_future(int), t = asyncio_create_task(waiter("a", f));
    await(asyncio_sleep(0));
    set(f, -EPROTO);
    trace("%s", yes(asyncio_cancel(t)));
    int r = await(t);
    trace("%s %s", outcome(r), state(f));
}

SCENARIO(cancel_then_the_future_completes)
{
    awaitable(int) f = asyncio_future(int), t = asyncio_create_task(waiter("a", f));
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    trace("%s %s", yes(asyncio_done(f)), state(f));
    trace("%s", outcome(await(t)));
}

SCENARIO(cancel_twice_is_delivered_once)
{
    awaitable(int) t = asyncio_create_task(stubborn("a", 10, 1, 5));
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    asyncio_cancel(t);
    trace("%d", asyncio_cancelling(t));
    int r = await(t);
    trace("%s %s %d", outcome(r), yes(asyncio_cancelled(t)), asyncio_cancelling(t));
}

SCENARIO(cancel_again_while_it_ends)
{
    awaitable(int) t = asyncio_create_task(slow_to_end("a", 10, 5));
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}

SCENARIO(cancel_a_stubborn_one_again)
{
    awaitable(int) t = asyncio_create_task(stubborn("a", 10, 10, 0));
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    await(asyncio_sleep(1));
    trace("%s", state(t));
    asyncio_cancel(t);
    int r = await(t);
    trace("%s %d", outcome(r), asyncio_cancelling(t));
}

static async(int, fails_if_cancelled)
{
    if (await(asyncio_sleep(10)))
        return asyncio_raise(-EPROTO, NULL);
    return 0;
}

SCENARIO(fails_when_cancelled)
{
    awaitable(int) t = asyncio_create_task(fails_if_cancelled());
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    int r = await(t);
    trace("%s %s", outcome(r), yes(asyncio_cancelled(t)));
}

static async(int, inner_sleep)
{
    int r = await(asyncio_sleep(10));
    if (r)
        trace("inner cancelled");
    return r;
}

static async(int, outer_of_sleep)
{
    int r = await(inner_sleep());
    if (r)
        trace("outer cancelled");
    return r;
}

SCENARIO(cancel_while_another_coroutine_awaits)
{
    awaitable(int) t = asyncio_create_task(outer_of_sleep());
    await(asyncio_sleep(2));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}

static async(int, outer_of_stubborn)
{
    int r = await(stubborn("inner", 10, 1, 4));
    trace("outer got %d", r);
    return r;
}

SCENARIO(inner_coroutine_swallows)
{
    awaitable(int) t = asyncio_create_task(outer_of_stubborn());
    await(asyncio_sleep(2));
    asyncio_cancel(t);
    int r = await(t);
    trace("%s %s", outcome(r), yes(asyncio_cancelled(t)));
}

SCENARIO(sleep_)
{
    trace("%d", await(asyncio_create_task(worker("a", 0.1, 1))));
    await(asyncio_sleep(0.2));
    trace("slept");
}

SCENARIO(sleep_cancel)
{
    awaitable(int) t = asyncio_create_task(asyncio_sleep(10));
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    await(asyncio_sleep(20));
    trace("nothing else comes");
}

SCENARIO(task_cancel_sleeping_task)
{
    awaitable(int) t = asyncio_create_task(worker("a", 10, 0));
    cancel_later(t, 3);
    trace("%s", outcome(await(t)));
}

SCENARIO(task_cancel_waiter_future)
{
    awaitable(int) f = asyncio_future(int), t = asyncio_create_task(waiter("a", f));
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    trace("%s", state(f));
    trace("%s", outcome(await(t)));
}

SCENARIO(sleep_zero)
{
    asyncio_call_soon(say, "callback");
    trace("before");
    await(asyncio_sleep(0));
    trace("after");
    asyncio_call_soon(say, "callback");
    await(asyncio_sleep(-1));
    trace("after less than zero");
}

SCENARIO(sleeps_end_in_order)
{
    asyncio_spawn(worker("c", 3, 0));
    asyncio_spawn(worker("a", 1, 0));
    asyncio_spawn(worker("b", 2, 0));
    await(asyncio_sleep(4));
    trace("all");
}

SCENARIO(sleep_of_a_task_takes_a_turn_to_begin)
{
    awaitable(int) t = asyncio_create_task(asyncio_sleep(1));
    asyncio_block(0.5);
    trace("blocked");
    await(t);
    trace("slept");
}

SCENARIO(future_that_is_done)
{
    awaitable(int) f = asyncio_future(int);
    asyncio_set_result(f, 1);
    trace("got %d", await(f));
    trace("in the same turn");
}

static async(void, me, (int, n))
{
    for (int i = 0; i < n; i++) {
        trace("%s", asyncio_get_name(asyncio_current_task()));
        if (n > 1)
            await(asyncio_sleep(0));
    }
}

SCENARIO(current_task)
{
    await(asyncio_create_task(me(1), "one"));
    await(asyncio_create_task(me(1), "two"));
}

SCENARIO(current_task_with_interleaving_tasks)
{
    awaitable(void) one = asyncio_create_task(me(3), "one");
    awaitable(void) two = asyncio_create_task(me(2), "two");
    await(one);
    await(two);
}

static void no_task(void *unused)
{
    (void)unused;
    trace("%s", yes(asyncio_current_task() == NULL));
}

SCENARIO(current_task_in_a_callback)
{
    asyncio_call_soon(no_task, NULL);
    await(asyncio_sleep(0));
    no_task(NULL);
}

static async(int, outer_of_waiter, (awaitable(int), f))
{
    int r = await(asyncio_create_task(waiter("inner", f)));
    if (r < 0)
        trace("outer cancelled");
    return r;
}

SCENARIO(yield_future_passes_cancel)
{
    awaitable(int) f = asyncio_future(int), t = asyncio_create_task(outer_of_waiter(f));
    await(turns(2));
    asyncio_cancel(t);
    trace("%s", state(f));
    int r = await(t);
    trace("%s %s", outcome(r), yes(asyncio_cancelled(t)));
}

static void cancel_it(void *x)
{
    asyncio_cancel(x);
}

SCENARIO(cancel_between_wake_and_run)
{
    awaitable(int) f = asyncio_future(int), t = asyncio_create_task(waiter("a", f));
    await(asyncio_sleep(0));
    asyncio_call_soon(cancel_it, t);
    asyncio_set_result(f, 1);
    trace("%s", outcome(await(t)));
}

SCENARIO(cancel_as_the_sleep_ends)
{
    awaitable(int) t = asyncio_create_task(worker("a", 1, 0));
    await(asyncio_sleep(0));
    await(asyncio_sleep(1));
    const char *before = state(t);
    trace("%s %s", before, yes(asyncio_cancel(t)));
    trace("%s", outcome(await(t)));
}

SCENARIO(cancel_one_of_two_who_wait)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(int) a = asyncio_create_task(waiter("a", f)), b = asyncio_create_task(waiter("b", f));
    await(asyncio_sleep(0));
    asyncio_cancel(a);
    trace("%s", state(f));
    int ra = await(a), rb = await(b);
    trace("%s %s %d %d", outcome(ra), outcome(rb), asyncio_cancelling(a), asyncio_cancelling(b));
}

static async(int, cancels_itself_and_fails)
{
    asyncio_cancel(asyncio_current_task());
    return asyncio_raise(-EPROTO, NULL);
}

SCENARIO(cancel_self_then_fail)
{
    awaitable(int) t = asyncio_create_task(cancels_itself_and_fails());
    int r = await(t);
    trace("%s %s", outcome(r), yes(asyncio_cancelled(t)));
}

SCENARIO(all_tasks)
{
    awaitable(int) a = asyncio_create_task(worker("a", 1, 0));
    awaitable(int) b = asyncio_create_task(worker("b", 2, 0));
    trace("%zu", asyncio_all_tasks(NULL, 0));
    await(a);
    trace("%zu", asyncio_all_tasks(NULL, 0));
    await(b);
    trace("%zu", asyncio_all_tasks(NULL, 0));
}

/* --- Misuse --- */

static async(int, awaits_itself)
{
    return await((awaitable(int))asyncio_current_task());
}

SCENARIO(task_awaits_on_itself)
{
    MISUSE(asyncio_run(awaits_itself()));
}

static async(int, ignores_three)
{
    asyncio_any self = asyncio_current_task();
    while (asyncio_cancelling(self) < 3)
        if (await(asyncio_sleep(10)))
            trace("ignored %d", asyncio_cancelling(self));
    return 3;
}

SCENARIO(uncancelled_task_goes_on)
{
    awaitable(int) t = asyncio_create_task(ignores_three());
    for (int i = 0; i < 3; i++) {
        await(asyncio_sleep(1));
        asyncio_cancel(t);
    }
    trace("%s", outcome(await(t)));
}

SCENARIO(nobody_holds_it)
{
    asyncio_spawn(worker("a", 1, 0));
    await(asyncio_sleep(2));
    trace("it ran all the same");
}

static async(int, ignores_then_fails)
{
    if (await(asyncio_sleep(10)) == 0)
        return 0;
    await(asyncio_sleep(1));
    return asyncio_raise(-EPROTO, NULL);
}

SCENARIO(fails_after_it_ignored)
{
    awaitable(int) t = asyncio_create_task(ignores_then_fails());
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    int r = await(t);
    trace("%s %s", outcome(r), yes(asyncio_cancelled(t)));
}

SCENARIO(ensure_future_of_a_future)
{
    awaitable(int) f = asyncio_future(int);
    trace("%s", yes(asyncio_ensure_future(f) == f));
    set(f, 3);
    trace("%d", await(asyncio_ensure_future(f)));
}

SCENARIO(ensure_future_of_a_coroutine)
{
    awaitable(int) t = asyncio_ensure_future(worker("a", 1, 4));
    trace("%s %s", yes(asyncio_isfuture(t)), yes(asyncio_ensure_future(t) == t));
    trace("%d", await(t));
}

/* --- Asynchronous generators --- */

static async_gen(int, counts, (int, n), (double, pause))
{
    for (int i = 0; i < n; i++) {
        async_yield(i);
        await(asyncio_sleep(pause));
    }
}

SCENARIO(generator)
{
    async_for (int i, counts(3, 1))
        trace("got %d", i);
    trace("at its end");
}

static async_gen(int, doubles)
{
    async_for (int i, counts(3, 1))
        async_yield(2 * i);
}

SCENARIO(generator_within_generator)
{
    async_for (int i, doubles())
        trace("got %d", i);
}

static async(int, counts_for, (const char *, name), (double, pause))
{
    async_for (int i, counts(3, pause))
        trace("%s got %d", name, i);
    return 0;
}

SCENARIO(generators_of_two_tasks)
{
    await(asyncio_gather(counts_for("a", 2), counts_for("b", 3)));
}

static async_gen(int, counts_until_cancelled, (int, n))
{
    for (int i = 0; i < n; i++) {
        async_yield(i);
        if (await(asyncio_sleep(1)))
            break;
    }
}

static async(int, loops)
{
    async_for (int i, counts_until_cancelled(9))
        trace("got %d", i);
    if (asyncio_error() == -ECANCELED)
        trace("cancelled");
    return asyncio_error();
}

SCENARIO(generator_cancelled)
{
    awaitable(int) t = asyncio_create_task(loops());
    await(asyncio_sleep(1.5));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}
