/* gather and shield. */
#include "scenario.h"

SCENARIO(gather_success)
{
    int r[3];
    awaitable(int) a = asyncio_future(int), b = asyncio_future(int), c = asyncio_future(int);
    awaitable(int) g = asyncio_gather_into(r, a, b, c);
    asyncio_add_done_callback(g, tell, "gather");
    set(b, 1);
    set(a, 2);
    await(turns(3));
    trace("%s", state(g));
    set(c, 3);
    await(g);
    trace("%d %d %d", r[0], r[1], r[2]);
}

SCENARIO(gather_coroutines)
{
    int r[3];
    awaitable(int) g =
        asyncio_gather_into(r, worker("a", 0, 1), worker("b", 0, 2), worker("c", 0, 3));
    trace("gathered");
    await(g);
    trace("%d %d %d", r[0], r[1], r[2]);
}

SCENARIO(gather_in_order_of_arguments)
{
    int r[3];
    await(asyncio_gather_into(r, worker("a", 3, 1), worker("b", 1, 2), worker("c", 2, 3)));
    trace("%d %d %d", r[0], r[1], r[2]);
}

SCENARIO(gather_one_exception)
{
    awaitable(int) a = asyncio_future(int), b = asyncio_future(int), c = asyncio_future(int);
    awaitable(int) d = asyncio_future(int), e = asyncio_future(int);
    awaitable(int) g = asyncio_gather(a, b, c, d, e);
    asyncio_add_done_callback(g, tell, "gather");
    set(a, 1);
    set(b, -EPROTO);
    await(turns(2));
    trace("%s", state(g));
    set(c, 3);
    asyncio_cancel(d);
    set(e, -EIO);
    asyncio_exception(e);
    trace("%s", outcome(await(g)));
}

SCENARIO(gather_others_run_on)
{
    awaitable(int) a = asyncio_create_task(worker("a", 1, -EPROTO));
    awaitable(int) b = asyncio_create_task(worker("b", 2, 7));
    trace("%s", outcome(await(asyncio_gather(a, b))));
    trace("%s", state(b));
    trace("%s", outcome(await(b)));
}

SCENARIO(gather_first_of_two_exceptions)
{
    awaitable(int) a = asyncio_create_task(worker("a", 2, -EPROTO));
    awaitable(int) b = asyncio_create_task(worker("b", 1, -EIO));
    trace("%s", outcome(await(asyncio_gather(a, b))));
    trace("%s", outcome(await(a)));
}

SCENARIO(gather_nothing)
{
    awaitable(int) g = asyncio_gather();
    trace("%s", state(g));
    await(g);
    trace("at once");
}

SCENARIO(gather_the_same_twice)
{
    int r[2];
    awaitable(int) f = asyncio_future(int);
    awaitable(int) one = asyncio_gather_into(r, f), two = asyncio_gather_into(r + 1, f);
    set_later(f, 1, 5);
    await(one);
    trace("%d", r[0]);
    await(two);
    trace("%d", r[1]);
}

SCENARIO(gather_duplicate_tasks)
{
    int r[4];
    awaitable(int) t = asyncio_create_task(worker("a", 0, 1));
    await(asyncio_gather_into(r, t, t, worker("b", 0, 2), t));
    trace("%d %d %d %d", r[0], r[1], r[2], r[3]);
}

SCENARIO(gather_one_cancellation)
{
    awaitable(int) a = asyncio_future(int), b = asyncio_future(int), c = asyncio_future(int);
    awaitable(int) d = asyncio_future(int), e = asyncio_future(int);
    awaitable(int) g = asyncio_gather(a, b, c, d, e);
    asyncio_add_done_callback(g, tell, "gather");
    set(a, 1);
    asyncio_cancel(b);
    await(turns(2));
    trace("%s", state(g));
    set(c, 3);
    asyncio_cancel(d);
    set(e, -EIO);
    asyncio_exception(e);
    trace("%s", outcome(await(g)));
}

SCENARIO(gather_child_cancelled_does_not_cancel_the_others)
{
    awaitable(int) a = asyncio_create_task(worker("a", 5, 0));
    awaitable(int) b = asyncio_create_task(worker("b", 2, 2));
    await(asyncio_sleep(0));
    cancel_later(a, 1);
    trace("%s", outcome(await(asyncio_gather(a, b))));
    trace("%d", asyncio_cancelling(asyncio_current_task()));
    trace("%s", outcome(await(b)));
}

static async(int, outer, (awaitable(int), a), (awaitable(int), b))
{
    int r = await(asyncio_gather(a, b));
    if (r == 0)
        trace("not reached");
    return r;
}

SCENARIO(gather_cancellation_broadcast)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(int) a = asyncio_create_task(waiter("a", f)), b = asyncio_create_task(waiter("b", f));
    awaitable(int) t = asyncio_create_task(outer(a, b));
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_cancel(t)));
    trace("%s", outcome(await(t)));
    trace("%s %s %s %d %d", state(f), yes(asyncio_cancelled(a)), yes(asyncio_cancelled(b)),
          asyncio_cancelling(a), asyncio_cancelling(t));
}

SCENARIO(gather_cancelled_itself)
{
    awaitable(int) a = asyncio_create_task(worker("a", 5, 0));
    awaitable(int) b = asyncio_create_task(worker("b", 5, 0));
    awaitable(int) g = asyncio_gather(a, b);
    asyncio_add_done_callback(g, tell, "gather");
    await(asyncio_sleep(1));
    bool asked = asyncio_cancel(g);
    trace("%s %s", yes(asked), state(g));
    trace("%s", outcome(await(g)));
}

SCENARIO(gather_cancelled_children_swallow)
{
    awaitable(int) a = asyncio_create_task(stubborn("a", 5, 1, 1));
    awaitable(int) b = asyncio_create_task(stubborn("b", 5, 2, 2));
    awaitable(int) g = asyncio_gather(a, b);
    asyncio_add_done_callback(g, tell, "gather");
    await(asyncio_sleep(1));
    asyncio_cancel(g);
    trace("%s", outcome(await(g)));
    trace("%s %s", state(a), state(b));
}

SCENARIO(gather_cancelled_waits_for_the_first_only)
{
    awaitable(int) a = asyncio_create_task(worker("a", 9, 0));
    awaitable(int) b = asyncio_create_task(slow_to_end("b", 9, 3));
    awaitable(int) g = asyncio_gather(a, b);
    await(asyncio_sleep(1));
    asyncio_cancel(g);
    trace("%s", outcome(await(g)));
    trace("%s", state(b));
    trace("%s", outcome(await(b)));
}

static async(int, fails, (awaitable(int), f))
{
    await(f);
    return asyncio_raise(-EPROTO, NULL);
}

SCENARIO(gather_exception_marking)
{
    awaitable(int) a = asyncio_future(int), b = asyncio_future(int);
    awaitable(int) t = asyncio_create_task(outer(fails(a), fails(b)));
    await(asyncio_sleep(0));
    set(a, 0);
    await(asyncio_sleep(0));
    set(b, 0);
    await(turns(2));
    trace("%s", state(t));
    await(turns(2));
    trace("%s", state(t));
}

static void cancel_other(asyncio_any x, void *g)
{
    (void)x;
    trace("cancel: %s", yes(asyncio_cancel(g)));
}

SCENARIO(cancel_gather_1)
{
    int r[1];
    awaitable(int) f = asyncio_future(int), g = asyncio_gather_into(r, waiter("a", f));
    asyncio_add_done_callback(g, tell, "gather");
    await(turns(2));
    asyncio_add_done_callback(f, cancel_other, g);
    set(f, 42);
    await(g);
    trace("%d", r[0]);
}

SCENARIO(cancel_gather_of_done_children)
{
    int r[2];
    awaitable(int) a = asyncio_future(int), b = asyncio_future(int);
    set(a, 1);
    set(b, 2);
    awaitable(int) g = asyncio_gather_into(r, a, b);
    const char *before = state(g);
    trace("%s %s", before, yes(asyncio_cancel(g)));
    await(g);
    trace("%d %d", r[0], r[1]);
}

SCENARIO(gather_of_one_that_failed)
{
    awaitable(int) a = asyncio_future(int), b = asyncio_future(int);
    set(b, -EPROTO);
    trace("%s", outcome(await(asyncio_gather(a, b))));
    trace("%s", state(a));
}

SCENARIO(cancel_gather_as_all_children_end)
{
    int r[2];
    awaitable(int) a = asyncio_future(int), b = asyncio_future(int);
    awaitable(int) g = asyncio_gather_into(r, a, b);
    set(a, 1);
    set(b, 2);
    const char *before = state(g);
    trace("%s %s", before, yes(asyncio_cancel(g)));
    await(g);
    trace("%d %d", r[0], r[1]);
}

static async(int, outer_of_one, (awaitable(int), f))
{
    int r = await(asyncio_gather(f));
    if (r == -ECANCELED)
        trace("cancelled");
    return r;
}

SCENARIO(cancel_the_awaiter_as_all_children_end)
{
    awaitable(int) f = asyncio_future(int), t = asyncio_create_task(outer_of_one(f));
    await(turns(2));
    set(f, 1);
    trace("%s", yes(asyncio_cancel(t)));
    trace("%s", outcome(await(t)));
}

static async(int, repeats)
{
    for (int i = 0; i < 20; i++) {
        int r = await(asyncio_gather(asyncio_sleep(0.05)));
        if (r)
            return r;
        trace("%d", i);
    }
    return 0;
}

SCENARIO(cancel_gather_2)
{
    awaitable(int) t = asyncio_create_task(repeats());
    await(asyncio_sleep(0.12));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}

SCENARIO(gather_in_gather)
{
    await(asyncio_gather(asyncio_gather(worker("a", 1, 0), worker("b", 2, 0)), worker("c", 3, 0),
                         asyncio_gather(worker("d", 1.5, 0), worker("e", 2.5, 0))));
    trace("all");
}

static async(int, outer_of_gathers)
{
    return await(
        asyncio_gather(asyncio_gather(worker("a", 9, 0), worker("b", 9, 0)), worker("c", 9, 0)));
}

SCENARIO(gather_in_gather_cancelled)
{
    awaitable(int) t = asyncio_create_task(outer_of_gathers());
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}

SCENARIO(gather_child_fails_in_its_first_step)
{
    trace("%s", outcome(await(asyncio_gather(just(-EPROTO), worker("b", 1, 0)))));
    await(asyncio_sleep(2));
    trace("b ran on");
}

/* --- With exceptions as results --- */

static void show_all(size_t n, const int *results, const int *errors)
{
    char text[128] = "";
    for (size_t i = 0, at = 0; i < n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i ? " " : "",
                               outcome(errors[i] ? errors[i] : results[i]));
    trace("%s", text);
}

#define SOME asyncio_gather_into_return_exceptions

SCENARIO(return_exceptions_success)
{
    int r[2], e[2];
    await(SOME(r, e, worker("a", 2, 1), worker("b", 1, 2)));
    show_all(2, r, e);
}

static void say_done(asyncio_any x, void *unused)
{
    (void)x, (void)unused;
    trace("gather is done");
}

SCENARIO(return_exceptions)
{
    int r[4], e[4];
    awaitable(int) a = asyncio_future(int), b = asyncio_future(int);
    awaitable(int) c = asyncio_future(int), d = asyncio_future(int);
    awaitable(int) g = SOME(r, e, a, b, c, d);
    asyncio_add_done_callback(g, say_done, NULL);
    set(b, 1);
    set(c, -EPROTO);
    set(a, 3);
    await(turns(2));
    trace("%s", yes(asyncio_done(g)));
    set(d, -EIO);
    await(g);
    show_all(4, r, e);
}

SCENARIO(return_exceptions_one_cancellation)
{
    int r[6], e[6];
    awaitable(int) f[6];
    for (int i = 0; i < 6; i++)
        f[i] = asyncio_future(int);
    awaitable(int) g = SOME(r, e, f[0], f[1], f[2], f[3], f[4], f[5]);
    set(f[0], 1);
    set(f[1], -EPROTO);
    asyncio_cancel(f[2]);
    await(turns(2));
    trace("%s", yes(asyncio_done(g)));
    set(f[3], 3);
    asyncio_cancel(f[4]);
    set(f[5], -EIO);
    await(g);
    show_all(6, r, e);
}

static async(int, outer_of_three)
{
    int r[3], e[3];
    int error =
        await(SOME(r, e, worker("a", 5, 0), slow_to_end("b", 5, 2), stubborn("c", 5, 1, 0)));
    if (error == 0)
        show_all(3, r, e);
    return error;
}

SCENARIO(return_exceptions_cancelled)
{
    awaitable(int) t = asyncio_create_task(outer_of_three());
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}

SCENARIO(return_exceptions_of_tasks_that_fail)
{
    int r[3], e[3];
    await(SOME(r, e, worker("a", 2, -EPROTO), worker("b", 1, -EIO), worker("c", 3, 7)));
    show_all(3, r, e);
}

/* --- shield --- */

SCENARIO(shield_result)
{
    awaitable(int) f = asyncio_future(int), s = asyncio_shield(f);
    set(f, 42);
    trace("%d", await(s));
}

SCENARIO(shield_exception)
{
    awaitable(int) f = asyncio_future(int), s = asyncio_shield(f);
    asyncio_add_done_callback(s, tell, "shield");
    await(asyncio_sleep(0));
    set(f, -EPROTO);
    trace("%s", outcome(await(s)));
}

SCENARIO(shield_cancel_inner)
{
    awaitable(int) f = asyncio_future(int), s = asyncio_shield(f);
    asyncio_add_done_callback(s, tell, "shield");
    await(asyncio_sleep(0));
    asyncio_cancel(f);
    await(asyncio_sleep(0));
    trace("%s", state(s));
    trace("%s", outcome(await(s)));
}

SCENARIO(shield_cancel_outer)
{
    awaitable(int) f = asyncio_future(int), s = asyncio_shield(f);
    asyncio_add_done_callback(s, tell, "shield");
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_cancel(s)));
    await(asyncio_sleep(0));
    trace("%s %s", state(s), state(f));
    set(f, 1);
    await(turns(2));
    trace("%s %s", state(s), state(f));
}

SCENARIO(shield_shortcut)
{
    awaitable(int) f = asyncio_future(int);
    set(f, 42);
    trace("%d", await(asyncio_shield(f)));
}

static async(int, outer_of_shield, (awaitable(int), x))
{
    int r = await(asyncio_shield(x));
    if (r == 0)
        trace("not reached");
    return r;
}

SCENARIO(shield_effect)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(int) t = asyncio_create_task(outer_of_shield(waiter("inner", f)));
    await(turns(2));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    set(f, 1);
    await(turns(2));
    trace("inner ran on");
}

SCENARIO(shield_gather)
{
    awaitable(int) a = asyncio_future(int), b = asyncio_future(int), g = asyncio_gather(a, b);
    asyncio_add_done_callback(g, tell, "gather");
    awaitable(int) s = asyncio_shield(g);
    await(asyncio_sleep(0));
    asyncio_cancel(s);
    await(asyncio_sleep(0));
    trace("%s %s", state(s), state(a));
    set(a, 1);
    set(b, 2);
    await(turns(3));
}

SCENARIO(gather_shield)
{
    awaitable(int) a = asyncio_future(int), b = asyncio_future(int);
    awaitable(int) s1 = asyncio_shield(a), s2 = asyncio_shield(b);
    asyncio_add_done_callback(s1, tell, "shield 1");
    asyncio_add_done_callback(s2, tell, "shield 2");
    awaitable(int) g = asyncio_gather(s1, s2);
    asyncio_add_done_callback(g, tell, "gather");
    await(asyncio_sleep(0));
    asyncio_cancel(g);
    await(turns(3));
    trace("%s %s", state(a), state(b));
    set(a, 1);
    set(b, 2);
    await(turns(2));
}

SCENARIO(shield_coroutine)
{
    awaitable(int) s = asyncio_shield(worker("a", 0, 42));
    trace("shielded");
    trace("%d", await(s));
}

SCENARIO(shield_of_a_task_cancelled_later)
{
    awaitable(int) inner = asyncio_create_task(worker("inner", 5, 1));
    awaitable(int) t = asyncio_create_task(outer_of_shield(inner));
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    trace("%s", outcome(await(inner)));
}

static async(int, outer_that_waits, (awaitable(int), inner))
{
    if (await(asyncio_shield(inner)) == -ECANCELED)
        trace("cancelled, but waits");
    return await(inner);
}

SCENARIO(shield_swallow_and_await_again)
{
    awaitable(int) inner = asyncio_create_task(worker("inner", 5, 8));
    awaitable(int) t = asyncio_create_task(outer_that_waits(inner));
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}
