/* Eager tasks, and the factory that makes all tasks so. */
#include "scenario.h"

#include <asyncio/groups.h>

#define EAGER asyncio_create_eager_task

SCENARIO(eager_completion)
{
    awaitable(int) t = EAGER(just(5));
    trace("%s", state(t));
    trace("%d", await(t));
}

static async(int, sets, (awaitable(int), f))
{
    trace("sets");
    set(f, 7);
    return 1;
}

SCENARIO(await_future_during_eager_step)
{
    awaitable(int) f = asyncio_future(int), t = EAGER(sets(f));
    const char *s = state(t);
    trace("%s %d", s, await(f));
}

SCENARIO(block_after_eager_step)
{
    awaitable(int) t = EAGER(worker("a", 0.1, 3));
    trace("%s", state(t));
    trace("%d", await(t));
}

SCENARIO(beside_a_task_that_is_not)
{
    awaitable(int) a = asyncio_create_task(worker("a", 0, 1)), b = EAGER(worker("b", 0, 2));
    trace("made");
    int ra = await(a), rb = await(b);
    trace("%d %d", ra, rb);
}

SCENARIO(cancellation_after_eager_completion)
{
    awaitable(int) t = EAGER(just(5));
    bool asked = asyncio_cancel(t);
    int r = await(t);
    trace("%s %d %s", yes(asked), r, yes(asyncio_cancelled(t)));
}

SCENARIO(cancellation_after_eager_step_blocks)
{
    awaitable(int) t = EAGER(worker("a", 0.1, 0));
    bool asked = asyncio_cancel(t);
    trace("%s %d", yes(asked), asyncio_cancelling(t));
    trace("%s", outcome(await(t)));
}

static void say_name(void)
{
    trace("%s", asyncio_get_name(asyncio_current_task()));
}

static async(int, me)
{
    say_name();
    await(asyncio_sleep(0.1));
    say_name();
    return 0;
}

SCENARIO(current_task)
{
    asyncio_set_name(asyncio_current_task(), "main");
    awaitable(int) t = EAGER(me(), "eager");
    say_name();
    await(t);
    say_name();
}

static async(int, counts_tasks, (awaitable(int), f))
{
    trace("%zu tasks", asyncio_all_tasks(NULL, 0));
    return await(f);
}

SCENARIO(all_tasks_with_eager_completion)
{
    awaitable(int) f = asyncio_future(int);
    set(f, 1);
    awaitable(int) t = EAGER(counts_tasks(f));
    trace("%s %zu tasks", yes(asyncio_done(t)), asyncio_all_tasks(NULL, 0));
}

SCENARIO(all_tasks_with_blocking)
{
    awaitable(int) f = asyncio_future(int), t = EAGER(counts_tasks(f));
    trace("%s %zu tasks", yes(asyncio_done(t)), asyncio_all_tasks(NULL, 0));
    set(f, 1);
    await(t);
    trace("%zu tasks", asyncio_all_tasks(NULL, 0));
}

static asyncio_context_var(int) var = ASYNCIO_CONTEXT_VAR("var", 0);

static async(int, sets_var)
{
    trace("%d", asyncio_context_var_get(&var));
    asyncio_context_var_set(&var, 2);
    await(asyncio_sleep(0.1));
    trace("%d", asyncio_context_var_get(&var));
    return asyncio_context_var_set(&var, 3);
}

SCENARIO(context_vars)
{
    asyncio_context_var_set(&var, 1);
    awaitable(int) t = EAGER(sets_var());
    trace("main %d", asyncio_context_var_get(&var));
    await(t);
    trace("main %d", asyncio_context_var_get(&var));
}

SCENARIO(eager_failure)
{
    awaitable(int) t = EAGER(just(-EPROTO));
    trace("%s", state(t));
    trace("%s", outcome(await(t)));
}

static async(int, outer)
{
    trace("outer");
    awaitable(int) t = EAGER(worker("inner", 0, 4));
    trace("outer goes on");
    return await(t);
}

SCENARIO(eager_within_eager)
{
    awaitable(int) t = EAGER(outer());
    trace("main goes on");
    trace("%d", await(t));
}

static async(int, chain_of_done)
{
    awaitable(int) f = asyncio_future(int);
    set(f, 1);
    int a = await(f);
    return a + await(EAGER(just(2)));
}

SCENARIO(awaits_what_is_done)
{
    trace("%s", state(EAGER(chain_of_done())));
}

static async(int, cancels)
{
    asyncio_cancel(asyncio_current_task());
    trace("asked");
    return await(asyncio_sleep(1));
}

SCENARIO(cancels_itself_in_the_eager_step)
{
    awaitable(int) t = EAGER(cancels());
    trace("%s %d", state(t), asyncio_cancelling(t));
    trace("%s", outcome(await(t)));
}

SCENARIO(done_callback_of_an_eager_task)
{
    awaitable(int) t = EAGER(just(3));
    asyncio_add_done_callback(t, tell, "t");
    trace("added");
    await(asyncio_sleep(0));
}

SCENARIO(factory)
{
    asyncio_set_task_factory(asyncio_eager_task_factory);
    trace("%s", yes(asyncio_get_task_factory() == asyncio_eager_task_factory));
    awaitable(int) t = asyncio_create_task(worker("a", 0.1, 3));
    trace("%s", state(t));
    trace("%d", await(t));
    trace("%s", state(asyncio_create_task(just(1))));
    asyncio_set_task_factory(NULL);
    trace("%s", state(asyncio_create_task(just(2))));
    await(asyncio_sleep(0));
}

SCENARIO(gather_with_the_factory)
{
    asyncio_set_task_factory(asyncio_eager_task_factory);
    awaitable(int) g = asyncio_gather(just(1), just(2));
    trace("%s", yes(asyncio_done(g)));
    await(g);
    await(asyncio_gather(worker("a", 2, 0), worker("b", 1, 0)));
    trace("both");
}

SCENARIO(group_with_the_factory)
{
    asyncio_set_task_factory(asyncio_eager_task_factory);
    struct asyncio_task_group g = {0};
    async_with(&g)
    {
        asyncio_task_group_create_task(&g, worker("a", 2, 0));
        asyncio_task_group_create_task(&g, worker("b", 1, 0));
        trace("body ends");
    }
    trace("both");
}

SCENARIO(group_of_done_tasks)
{
    asyncio_set_task_factory(asyncio_eager_task_factory);
    struct asyncio_task_group g = {0};
    async_with(&g)
    {
        trace("%s", state(asyncio_task_group_create_task(&g, just(1))));
        trace("%s", state(asyncio_task_group_create_task(&g, just(2))));
    }
    trace("at once");
}

static async(int, chain, (int, n))
{
    return n ? 1 + await(chain(n - 1)) : (int)asyncio_all_tasks(NULL, 0);
}

SCENARIO(coroutines_are_no_tasks)
{
    asyncio_set_task_factory(asyncio_eager_task_factory);
    trace("%d", await(chain(10)));
}
