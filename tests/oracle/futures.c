/* Futures and callbacks: states, results, who is called when. */
#include "scenario.h"

SCENARIO(initial_state)
{
    awaitable(int) f = asyncio_future(int);
    trace("%s %s %s", yes(asyncio_done(f)), yes(asyncio_cancelled(f)), state(f));
    bool asked = asyncio_cancel(f);
    trace("%s %s %s", yes(asked), yes(asyncio_done(f)), yes(asyncio_cancelled(f)));
}

SCENARIO(cancel)
{
    awaitable(int) f = asyncio_future(int);
    bool asked = asyncio_cancel(f);
    trace("%s %s %s", yes(asked), yes(asyncio_cancelled(f)), state(f));
    trace("%s", yes(asyncio_cancel(f)));
    trace("%s", outcome(await(f)));
}

SCENARIO(result)
{
    awaitable(int) f = asyncio_future(int);
    trace("%s", outcome(asyncio_result(f)));
    trace("%s", outcome(asyncio_set_result(f, 42)));
    trace("%s %s %s", yes(asyncio_done(f)), yes(asyncio_cancelled(f)), state(f));
    trace("%s", outcome(asyncio_set_result(f, 43)));
    trace("%s %s", state(f), yes(asyncio_cancel(f)));
}

SCENARIO(exception)
{
    awaitable(int) f = asyncio_future(int);
    trace("%s", outcome(asyncio_exception(f)));
    trace("%s", outcome(asyncio_set_exception(f, -EPROTO, NULL)));
    trace("%s %s %s", yes(asyncio_done(f)), yes(asyncio_cancelled(f)), state(f));
    trace("%s", outcome(asyncio_set_exception(f, -EIO, NULL)));
    trace("%s", outcome(asyncio_set_result(f, 1)));
    trace("%s %s", state(f), yes(asyncio_cancel(f)));
}

SCENARIO(no_exception)
{
    awaitable(int) f = asyncio_future(int);
    set(f, 1);
    trace("%s", asyncio_exception(f) ? outcome(asyncio_exception(f)) : "None");
}

SCENARIO(set_after_cancel)
{
    awaitable(int) f = asyncio_future(int);
    asyncio_cancel(f);
    trace("%s", outcome(asyncio_set_result(f, 1)));
    trace("%s", outcome(asyncio_set_exception(f, -EIO, NULL)));
    trace("%s", state(f));
}

SCENARIO(yield_from_twice)
{
    awaitable(int) f = asyncio_future(int), t = asyncio_create_task(waiter("a", f));
    await(asyncio_sleep(0));
    set(f, 3);
    trace("%d", await(f));
    trace("%d", await(t));
    trace("%d", await(f));
}

SCENARIO(awaited_by_many)
{
    awaitable(int) f = asyncio_future(int);
    asyncio_spawn(waiter("a", f));
    asyncio_spawn(waiter("b", f));
    asyncio_spawn(waiter("c", f));
    set_later(f, 1, 5);
    trace("main got %d", await(f));
    await(asyncio_sleep(0));
}

SCENARIO(fails_for_all_who_wait)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(int) a = asyncio_create_task(waiter("a", f)), b = asyncio_create_task(waiter("b", f));
    await(asyncio_sleep(0));
    set(f, -EPROTO);
    int ra = await(a), rb = await(b), rf = await(f);
    trace("%s %s %s", outcome(ra), outcome(rb), outcome(rf));
}

SCENARIO(cancelled_for_all_who_wait)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(int) a = asyncio_create_task(waiter("a", f)), b = asyncio_create_task(waiter("b", f));
    await(asyncio_sleep(0));
    asyncio_cancel(f);
    int ra = await(a), rb = await(b);
    trace("%s %s %s %d", outcome(ra), outcome(rb), yes(asyncio_cancelled(a)),
          asyncio_cancelling(b));
}

SCENARIO(waiter_stops_waiting)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(int) a = asyncio_create_task(waiter("a", f)), b = asyncio_create_task(waiter("b", f));
    await(asyncio_sleep(0));
    trace("%s", state(f));
    awaitable(int) f2 = asyncio_shield(f);
    set(f, 1);
    int r2 = await(f2), ra = await(a), rb = await(b);
    trace("%d %d %d", r2, ra, rb);
}

/* --- Callbacks --- */

static void one(asyncio_any f, void *unused)
{
    (void)unused;
    trace("one %s", state(f));
}

static void two(asyncio_any f, void *unused)
{
    (void)unused;
    trace("two %s", state(f));
}

static void three(asyncio_any f, void *unused)
{
    (void)unused;
    trace("three %s", state(f));
}

static void add(asyncio_any f, asyncio_done_callback *a, asyncio_done_callback *b,
                asyncio_done_callback *c)
{
    if (a)
        asyncio_add_done_callback(f, a, NULL);
    if (b)
        asyncio_add_done_callback(f, b, NULL);
    if (c)
        asyncio_add_done_callback(f, c, NULL);
}

SCENARIO(callbacks_invoked_on_set_result)
{
    awaitable(int) f = asyncio_future(int);
    add(f, one, two, NULL);
    set(f, 42);
    trace("set");
    await(asyncio_sleep(0));
    trace("a turn later");
}

SCENARIO(callbacks_invoked_on_set_exception)
{
    awaitable(int) f = asyncio_future(int);
    add(f, one, NULL, NULL);
    set(f, -EPROTO);
    trace("set");
    await(asyncio_sleep(0));
}

SCENARIO(callbacks_invoked_on_cancel)
{
    awaitable(int) f = asyncio_future(int);
    add(f, one, NULL, NULL);
    asyncio_cancel(f);
    trace("cancelled");
    await(asyncio_sleep(0));
}

SCENARIO(callbacks_of_one_that_is_done)
{
    awaitable(int) f = asyncio_future(int);
    set(f, 1);
    add(f, one, NULL, NULL);
    trace("added");
    await(asyncio_sleep(0));
    trace("a turn later");
}

SCENARIO(callbacks_of_a_task)
{
    awaitable(int) t = asyncio_create_task(worker("a", 1, 5));
    add(t, one, NULL, NULL);
    trace("%d", await(t));
}

SCENARIO(callbacks_and_waiters_in_order)
{
    awaitable(int) f = asyncio_future(int);
    add(f, one, NULL, NULL);
    awaitable(int) t = asyncio_create_task(waiter("a", f));
    await(asyncio_sleep(0));
    add(f, two, NULL, NULL);
    set(f, 1);
    await(turns(2));
    await(t);
}

SCENARIO(callback_added_twice)
{
    awaitable(int) f = asyncio_future(int);
    add(f, one, one, NULL);
    set(f, 1);
    await(turns(2));
}

SCENARIO(remove_done_callback)
{
    awaitable(int) f = asyncio_future(int);
    add(f, one, two, one);
    trace("%d", asyncio_remove_done_callback(f, one));
    trace("%d", asyncio_remove_done_callback(f, one));
    set(f, 1);
    await(asyncio_sleep(0));
}

SCENARIO(callbacks_remove_first_callback)
{
    awaitable(int) f = asyncio_future(int);
    add(f, one, two, three);
    trace("%d", asyncio_remove_done_callback(f, one));
    set(f, 1);
    await(asyncio_sleep(0));
}

SCENARIO(callbacks_remove_first_and_second_callback)
{
    awaitable(int) f = asyncio_future(int);
    add(f, one, two, three);
    int first = asyncio_remove_done_callback(f, one);
    trace("%d %d", first, asyncio_remove_done_callback(f, two));
    set(f, 1);
    await(asyncio_sleep(0));
}

SCENARIO(callbacks_remove_third_callback)
{
    awaitable(int) f = asyncio_future(int);
    add(f, one, two, three);
    trace("%d", asyncio_remove_done_callback(f, three));
    set(f, 1);
    await(asyncio_sleep(0));
}

SCENARIO(remove_done_callbacks_list_clear)
{
    awaitable(int) f = asyncio_future(int);
    add(f, one, one, two);
    int n1 = asyncio_remove_done_callback(f, one), n2 = asyncio_remove_done_callback(f, two);
    trace("%d %d %d", n1, n2, asyncio_remove_done_callback(f, three));
    set(f, 1);
    await(asyncio_sleep(0));
    trace("none");
}

static void removes(asyncio_any f, void *unused)
{
    (void)unused;
    trace("removes");
    asyncio_remove_done_callback(f, two);
}

SCENARIO(schedule_callbacks_list_mutation_1)
{
    awaitable(int) f = asyncio_future(int);
    add(f, one, removes, NULL);
    set(f, 1);
    add(f, three, NULL, NULL);
    await(turns(2));
}

static void adds(asyncio_any f, void *unused)
{
    (void)unused;
    trace("adds");
    add(f, two, NULL, NULL);
}

SCENARIO(callback_adds_a_callback)
{
    awaitable(int) f = asyncio_future(int);
    add(f, adds, one, NULL);
    set(f, 1);
    await(turns(3));
}

static void set_it(void *f)
{
    trace("%s", outcome(asyncio_set_result((awaitable(int))f, 1)));
}

SCENARIO(set_in_a_callback_after_cancel)
{
    awaitable(int) f = asyncio_future(int);
    asyncio_call_soon(set_it, f);
    asyncio_cancel(f);
    await(asyncio_sleep(0));
    trace("%s", state(f));
}

/* --- call_soon, call_later, call_at --- */

SCENARIO(call_soon_in_order)
{
    asyncio_call_soon(say, "a");
    asyncio_call_soon(say, "b");
    asyncio_call_soon(say, "c");
    trace("called");
    await(asyncio_sleep(0));
    trace("a turn later");
}

SCENARIO(call_later_in_order)
{
    asyncio_call_later(2, say, "two");
    asyncio_call_later(1, say, "one");
    asyncio_call_later(0, say, "zero");
    trace("called");
    await(asyncio_sleep(3));
}

SCENARIO(call_at_and_in_the_past)
{
    asyncio_call_at(asyncio_time() + 1, say, "in a second");
    asyncio_call_at(asyncio_time() - 1, say, "past");
    await(asyncio_sleep(2));
}

SCENARIO(callback_cancelled)
{
    struct asyncio_handle *h = asyncio_call_later(1, say, "not reached");
    asyncio_call_later(2, say, "reached");
    asyncio_handle_cancel(h);
    await(asyncio_sleep(3));
    trace("done");
}

static void again(void *unused)
{
    (void)unused;
    trace("callback");
    asyncio_call_soon(say, "of the callback");
}

SCENARIO(callback_calls_soon)
{
    asyncio_call_soon(again, NULL);
    await(turns(3));
    trace("three turns later");
}

SCENARIO(timers_and_ready_in_one_turn)
{
    asyncio_call_later(1, say, "timer");
    asyncio_spawn(worker("a", 1, 0));
    await(asyncio_sleep(0.5));
    asyncio_block(1);
    asyncio_call_soon(say, "soon");
    trace("blocked");
    await(turns(3));
}
