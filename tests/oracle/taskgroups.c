/* TaskGroup. */
#include "scenario.h"

#include <asyncio/groups.h>

typedef struct asyncio_task_group group;
typedef awaitable(int) body_function(group *g);

#define CREATE asyncio_task_group_create_task

/* What the block came to, after it. */
static int how_it_ended(const char *name)
{
    int error = asyncio_error();
    size_t n = asyncio_error_count();
    char text[128] = "";

    if (error == -ECANCELED) {
        trace("%s ECANCELED", name);
    } else if (error) {
        for (size_t i = 0, at = 0; i < n; i++)
            at += (size_t)snprintf(text + at, sizeof text - at, " %s",
                                   outcome(asyncio_error_at(i, NULL)));
        trace("%s failed:%s", name, text);
    } else {
        trace("%s fine", name);
    }
    return error;
}

/* Runs body(group) in a group, and says with which errors that ended. */
static async(int, grouped, (const char *, name), (body_function *, body))
{
    group g = {0};

    async_with(&g)
    {
        int r = await(body(&g));
        if (r < 0 && r != -ECANCELED)
            asyncio_raise(r, NULL);
    }
    return how_it_ended(name);
}

static void cancelling(void)
{
    trace("cancelling %d", asyncio_cancelling(asyncio_current_task()));
}

/* Fails after so long, also when it is cancelled. */
static async(int, crash, (const char *, name), (double, seconds), (int, error))
{
    if (await(asyncio_sleep(seconds)))
        trace("%s cancelled, fails", name);
    return asyncio_raise(error, NULL);
}

/* A body: what stands in the braces, with the group g. */
#define BODY(name) static async(int, name, (group *, g))

static awaitable(int) t1, t2;

/* A task that runs such a group is cancelled after so many seconds. */
#define CANCELLED_AFTER(seconds, body)                                                             \
    awaitable(int) t = asyncio_create_task(grouped("group", body));                                \
    await(asyncio_sleep(seconds));                                                                 \
    asyncio_cancel(t);                                                                             \
    trace("%s", outcome(await(t)))

BODY(two)
{
    t1 = CREATE(g, worker("a", 0.1, 42));
    t2 = CREATE(g, worker("b", 0.2, 11));
    return 0;
}

SCENARIO(taskgroup_01)
{
    await(grouped("group", two));
    trace("%s %s", state(t1), state(t2));
}

BODY(two_in_turn)
{
    t1 = CREATE(g, worker("a", 0.1, 42));
    int r = await(asyncio_sleep(0.15));
    t2 = CREATE(g, worker("b", 0.2, 11));
    return r;
}

SCENARIO(taskgroup_02)
{
    await(grouped("group", two_in_turn));
    trace("%s %s", state(t1), state(t2));
}

BODY(cancels_one)
{
    t1 = CREATE(g, worker("a", 1, 42));
    int r = await(asyncio_sleep(0.15));
    asyncio_cancel(t1);
    t2 = CREATE(g, worker("b", 0.2, 11));
    return r;
}

SCENARIO(taskgroup_03)
{
    await(grouped("group", cancels_one));
    trace("%s %s", state(t1), state(t2));
}

BODY(one_fails)
{
    CREATE(g, worker("a", 0.1, -EPROTO));
    CREATE(g, worker("b", 1, 0));
    return 0;
}

SCENARIO(taskgroup_04)
{
    trace("%s", outcome(await(asyncio_create_task(grouped("group", one_fails)))));
}

BODY(nothing)
{
    (void)g;
    trace("body");
    return 0;
}

SCENARIO(group_of_nothing)
{
    await(grouped("group", nothing));
}

BODY(outlives_its_task)
{
    CREATE(g, worker("a", 0.1, 0));
    return await(asyncio_sleep(1));
}

SCENARIO(group_of_tasks_done_at_its_end)
{
    await(grouped("group", outlives_its_task));
}

BODY(three_fail)
{
    CREATE(g, crash("a", 0.1, -EPROTO));
    CREATE(g, crash("b", 0.1, -EPROTO));
    CREATE(g, crash("c", 0.1, -EPROTO));
    CREATE(g, worker("d", 5, 0));
    return await(worker("body", 10, 0));
}

SCENARIO(cancel_children_on_child_error)
{
    trace("%s", outcome(await(asyncio_create_task(grouped("group", three_fail)))));
}

BODY(three_work)
{
    CREATE(g, worker("a", 5, 0));
    CREATE(g, worker("b", 5, 0));
    CREATE(g, worker("c", 5, 0));
    return 0;
}

SCENARIO(cancellation)
{
    CANCELLED_AFTER(0.1, three_work);
    trace("%s %d", yes(asyncio_cancelled(t)), asyncio_cancelling(t));
}

BODY(works_too)
{
    await(three_work(g));
    return await(worker("body", 10, 0));
}

SCENARIO(taskgroup_07)
{
    CANCELLED_AFTER(0.1, works_too);
    trace("%s", yes(asyncio_cancelled(t)));
}

BODY(all_crash)
{
    CREATE(g, crash("a", 10, -EPROTO));
    CREATE(g, crash("b", 10, -EPROTO));
    CREATE(g, crash("c", 10, -EPROTO));
    return await(asyncio_sleep(10));
}

SCENARIO(taskgroup_08)
{
    CANCELLED_AFTER(0.1, all_crash);
}

BODY(fails_later)
{
    t1 = CREATE(g, worker("a", 1, 0));
    t2 = CREATE(g, worker("b", 2, 0));
    await(asyncio_sleep(0.1));
    return asyncio_raise(-EPROTO, NULL);
}

SCENARIO(taskgroup_09)
{
    trace("%s", outcome(await(grouped("group", fails_later))));
    trace("%s %s", state(t1), state(t2));
}

BODY(fails_at_once)
{
    t1 = CREATE(g, worker("a", 1, 0));
    t2 = CREATE(g, worker("b", 2, 0));
    return asyncio_raise(-EPROTO, NULL);
}

SCENARIO(taskgroup_10)
{
    trace("%s", outcome(await(grouped("group", fails_at_once))));
    trace("%s %s", state(t1), state(t2));
}

/* --- One within another --- */

BODY(inner_crashes)
{
    CREATE(g, crash("a", 10, -EPROTO));
    CREATE(g, crash("b", 10, -EPROTO));
    return await(asyncio_sleep(10));
}

BODY(with_inner)
{
    (void)g;
    return await(grouped("inner", inner_crashes));
}

static async(void, outer_cancelled, (body_function *, body))
{
    awaitable(int) t = asyncio_create_task(grouped("outer", body));
    await(asyncio_sleep(0.1));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}

SCENARIO(taskgroup_11)
{
    await(outer_cancelled(with_inner));
}

BODY(with_inner_and_one)
{
    CREATE(g, worker("c", 10, 0));
    return await(grouped("inner", inner_crashes));
}

SCENARIO(taskgroup_12)
{
    await(outer_cancelled(with_inner_and_one));
}

BODY(late)
{
    CREATE(g, worker("late", 10, -EIO));
    return 0;
}

BODY(soon_then_late)
{
    CREATE(g, worker("soon", 0.1, -EPROTO));
    return await(grouped("inner", late));
}

SCENARIO(taskgroup_13)
{
    trace("%s", outcome(await(asyncio_create_task(grouped("outer", soon_then_late)))));
}

BODY(soon)
{
    CREATE(g, worker("soon", 0.1, -EIO));
    return 0;
}

BODY(late_then_soon)
{
    CREATE(g, worker("late", 10, -EPROTO));
    return await(grouped("inner", soon));
}

SCENARIO(taskgroup_14)
{
    trace("%s", outcome(await(asyncio_create_task(grouped("outer", late_then_soon)))));
}

BODY(takes_its_time)
{
    CREATE(g, worker("child", 0.3, -EPROTO));
    return await(slow_to_end("body", 10, 0.5));
}

SCENARIO(taskgroup_15)
{
    CANCELLED_AFTER(0.1, takes_its_time);
}

static async(int, outer)
{
    return await(asyncio_create_task(grouped("group", takes_its_time)));
}

SCENARIO(taskgroup_16)
{
    awaitable(int) t = asyncio_create_task(outer());
    await(asyncio_sleep(0.1));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}

BODY(body_alone)
{
    (void)g;
    return await(worker("body", 10, 0));
}

SCENARIO(taskgroup_17)
{
    CANCELLED_AFTER(0.1, body_alone);
}

BODY(body_crashes)
{
    (void)g;
    return await(crash("body", 10, -EIO));
}

SCENARIO(taskgroup_18)
{
    CANCELLED_AFTER(0.1, body_crashes);
}

BODY(both_fail)
{
    CREATE(g, worker("a", 0.1, -EPROTO));
    return await(crash("body", 10, -EIO));
}

SCENARIO(taskgroup_19)
{
    trace("%s", outcome(await(asyncio_create_task(grouped("group", both_fail)))));
}

BODY(two_work)
{
    CREATE(g, worker("a", 1, 0));
    CREATE(g, worker("b", 2, 0));
    return 0;
}

SCENARIO(taskgroup_22)
{
    CANCELLED_AFTER(0.05, two_work);
}

BODY(one_by_one)
{
    static const char *const names[] = {"w0", "w1", "w2", "w3"};
    for (int i = 0; i < 4; i++) {
        await(asyncio_sleep(1));
        CREATE(g, worker(names[i], 1.5, 0));
    }
    return await(asyncio_sleep(3));
}

SCENARIO(taskgroup_23)
{
    await(grouped("group", one_by_one));
}

static async(int, root, (group *, g))
{
    await(asyncio_sleep(0.1));
    CREATE(g, worker("a", 0.1, 0));
    CREATE(g, worker("b", 0.2, 0));
    return 0;
}

BODY(with_a_root)
{
    CREATE(g, root(g));
    return 0;
}

SCENARIO(taskgroup_24)
{
    await(grouped("group", with_a_root));
}

static int heads;

static async(int, hydra, (group *, g))
{
    heads++;
    int r = await(asyncio_sleep(0.01));
    if (r)
        return r;
    CREATE(g, hydra(g));
    CREATE(g, hydra(g));
    return 0;
}

static async(int, hercules)
{
    while (heads < 10)
        await(asyncio_sleep(0.015));
    return asyncio_raise(-EPROTO, NULL);
}

BODY(fight)
{
    CREATE(g, hydra(g));
    CREATE(g, hercules());
    return 0;
}

SCENARIO(taskgroup_25)
{
    heads = 0;
    trace("%s", outcome(await(grouped("group", fight))));
    trace("%d", heads);
}

BODY(names_one)
{
    trace("%s", asyncio_get_name(CREATE(g, just(1), "yolo")));
    return 0;
}

SCENARIO(taskgroup_task_name)
{
    await(grouped("group", names_one));
}

/* --- Misuse --- */

SCENARIO(taskgroup_not_entered)
{
    group g = {0};
    MISUSE(CREATE(&g, just(1)));
}

SCENARIO(taskgroup_finished)
{
    group g = {0};
    async_with(&g);
    MISUSE(CREATE(&g, just(1)));
}

static async(int, enters_again, (bool, within))
{
    group g = {0};
    async_with(&g)
    {
        if (within)
            async_with(&g);
    }
    async_with(&g);
    return 0;
}

SCENARIO(taskgroup_already_entered)
{
    MISUSE(asyncio_run(enters_again(true)));
}

SCENARIO(taskgroup_double_enter)
{
    MISUSE(asyncio_run(enters_again(false)));
}

static async(int, makes_another, (group *, g))
{
    if (await(asyncio_sleep(1)) == 0)
        return 0;
    trace("b cancelled");
    trace("the late one %s", outcome(await(CREATE(g, worker("c", 1, 0)))));
    return 0;
}

BODY(makes_one_late)
{
    CREATE(g, worker("a", 0.001, -EPROTO));
    CREATE(g, makes_another(g));
    return 0;
}

SCENARIO(taskgroup_no_create_task_after_failure)
{
    trace("%s", outcome(await(grouped("group", makes_one_late))));
}

/* --- Cancellations counted --- */

BODY(one_that_fails)
{
    CREATE(g, worker("a", 0, -EPROTO));
    return 0;
}

SCENARIO(cancelling_level_preserved)
{
    trace("%s", outcome(await(grouped("group", one_that_fails))));
    cancelling();
}

static group *outer_group;

BODY(fails_in_both)
{
    CREATE(g, worker("a", 0, -EPROTO));
    CREATE(outer_group, worker("b", 0, -EIO));
    return 0;
}

BODY(with_inner_that_fails_in_both)
{
    outer_group = g;
    int r = await(grouped("inner", fails_in_both));
    trace("%s", outcome(r));
    cancelling();
    return 0;
}

SCENARIO(nested_groups_both_cancelled)
{
    trace("%s", outcome(await(grouped("outer", with_inner_that_fails_in_both))));
    cancelling();
}

BODY(fails_while_the_body_works)
{
    CREATE(g, worker("a", 0, -EPROTO));
    return await(worker("body", 1, 0));
}

static async(int, sleeps_after_the_group)
{
    int r = await(grouped("group", fails_while_the_body_works));
    trace("%s", outcome(r));
    cancelling();
    r = await(asyncio_sleep(1));
    if (r == 0)
        trace("not reached");
    return r;
}

SCENARIO(error_and_cancel)
{
    awaitable(int) t = asyncio_create_task(sleeps_after_the_group());
    await(turns(2));
    asyncio_cancel(t);
    trace("%d", asyncio_cancelling(t));
    trace("%s", outcome(await(t)));
    trace("%s", yes(asyncio_cancelled(t)));
}

/* --- Children and bodies --- */

BODY(fails_in_its_first_step)
{
    CREATE(g, just(-EPROTO));
    CREATE(g, worker("b", 1, 0));
    trace("body ends");
    return 0;
}

SCENARIO(child_fails_in_its_first_step)
{
    trace("%s", outcome(await(grouped("group", fails_in_its_first_step))));
    cancelling();
}

BODY(fails_beside_a_slow_one)
{
    CREATE(g, worker("a", 1, -EPROTO));
    CREATE(g, slow_to_end("b", 10, 2));
    return await(worker("body", 5, 0));
}

SCENARIO(child_fails_while_the_body_sleeps)
{
    trace("%s", outcome(await(grouped("group", fails_beside_a_slow_one))));
    cancelling();
}

BODY(stubborn_body)
{
    CREATE(g, worker("a", 1, -EPROTO));
    return await(stubborn("body", 5, 1, 0));
}

SCENARIO(body_swallows_the_cancellation)
{
    trace("%s", outcome(await(grouped("group", stubborn_body))));
    cancelling();
}

BODY(one_is_cancelled)
{
    awaitable(int) t = CREATE(g, worker("a", 5, 0));
    CREATE(g, worker("b", 2, 0));
    cancel_later(t, 1);
    return 0;
}

SCENARIO(child_cancelled_by_itself)
{
    await(grouped("group", one_is_cancelled));
}

BODY(works_beside_one)
{
    CREATE(g, worker("a", 1, 0));
    return await(worker("body", 1, 0));
}

SCENARIO(cancelled_before_the_body_begins)
{
    awaitable(int) t = asyncio_create_task(grouped("group", works_beside_one));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}

BODY(slow_children)
{
    CREATE(g, slow_to_end("a", 10, 2));
    CREATE(g, stubborn("b", 10, 3, 0));
    return 0;
}

SCENARIO(cancelled_while_it_waits_for_slow_children)
{
    awaitable(int) t = asyncio_create_task(grouped("group", slow_children));
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    trace("%s", yes(asyncio_cancelled(t)));
}

BODY(crashes_when_cancelled)
{
    CREATE(g, crash("a", 10, -EIO));
    CREATE(g, worker("b", 10, 0));
    return 0;
}

SCENARIO(child_fails_after_the_group_was_cancelled)
{
    CANCELLED_AFTER(1, crashes_when_cancelled);
    trace("%s", yes(asyncio_cancelled(t)));
}

/* --- Within a time-out --- */

BODY(crashes_beside_the_body)
{
    CREATE(g, crash("a", 2, -EIO));
    return await(worker("body", 1, 0));
}

static async(int, limited, (double, seconds), (body_function *, body))
{
    async_with(asyncio_timeout(seconds)) return await(grouped("group", body));
    return asyncio_error();
}

SCENARIO(timeout_taskgroup)
{
    trace("%s", outcome(await(limited(0.01, crashes_beside_the_body))));
    cancelling();
}

BODY(two_long_ones)
{
    CREATE(g, worker("a", 5, 0));
    CREATE(g, worker("b", 5, 0));
    return 0;
}

SCENARIO(timeout_taskgroup_in_time)
{
    trace("%s", outcome(await(limited(1, two_long_ones))));
    cancelling();
}

/* --- TaskGroup.cancel --- */

BODY(cancels_in_its_body)
{
    CREATE(g, worker("a", 5, 0));
    await(asyncio_sleep(1));
    asyncio_task_group_cancel(g);
    return await(worker("body", 5, 0));
}

SCENARIO(cancel_group_in_its_body)
{
    trace("%s", outcome(await(grouped("group", cancels_in_its_body))));
    cancelling();
}

static async(int, cancels_group, (group *, g))
{
    await(asyncio_sleep(1));
    trace("cancels");
    asyncio_task_group_cancel(g);
    return 0;
}

BODY(with_one_that_cancels)
{
    CREATE(g, worker("a", 5, 0));
    CREATE(g, cancels_group(g));
    return await(worker("body", 5, 0));
}

SCENARIO(cancel_group_from_a_child)
{
    trace("%s", outcome(await(grouped("group", with_one_that_cancels))));
    cancelling();
}

static void cancel_it(void *g)
{
    asyncio_task_group_cancel(g);
}

BODY(cancelled_by_a_callback)
{
    CREATE(g, worker("a", 5, 0));
    asyncio_call_later(1, cancel_it, g);
    return 0;
}

SCENARIO(cancel_group_whose_body_is_over)
{
    trace("%s", outcome(await(grouped("group", cancelled_by_a_callback))));
    cancelling();
}

SCENARIO(cancel_group_twice_and_after_its_end)
{
    group g = {0};
    async_with(&g)
    {
        CREATE(&g, worker("a", 5, 0));
        await(asyncio_sleep(1));
        asyncio_task_group_cancel(&g);
        asyncio_task_group_cancel(&g);
    }
    asyncio_task_group_cancel(&g);
    await(asyncio_sleep(1));
    trace("nothing is cancelled");
}

SCENARIO(cancel_group_before_it_is_entered)
{
    group g = {0};
    asyncio_task_group_cancel(&g);
    async_with(&g)
    {
        if (await(worker("body", 5, 0)) == 0)
            trace("not reached");
    }
    trace("left");
    cancelling();
}

BODY(cancels_one_that_crashes)
{
    CREATE(g, crash("a", 5, -EIO));
    await(asyncio_sleep(1));
    asyncio_task_group_cancel(g);
    return 0;
}

SCENARIO(cancel_group_and_a_child_fails)
{
    trace("%s", outcome(await(grouped("group", cancels_one_that_crashes))));
    cancelling();
}

BODY(cancels_a_slow_one)
{
    CREATE(g, slow_to_end("a", 5, 5));
    await(asyncio_sleep(1));
    asyncio_task_group_cancel(g);
    return await(asyncio_sleep(5));
}

SCENARIO(cancel_group_and_its_task)
{
    awaitable(int) t = asyncio_create_task(grouped("group", cancels_a_slow_one));
    await(asyncio_sleep(2));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    trace("%s", yes(asyncio_cancelled(t)));
}
