/* Context variables: what a task, a callback, a thread sees of them. */
#include "scenario.h"

static asyncio_context_var(int) var = ASYNCIO_CONTEXT_VAR("var", 0);

#define GET() asyncio_context_var_get(&var)
#define SET(value) asyncio_context_var_set(&var, value)

static void show(void *name)
{
    trace("%s sees %d", (const char *)name, GET());
}

static async(int, sub)
{
    await(asyncio_sleep(0.01));
    show("sub");
    return SET(5);
}

SCENARIO(copied_at_creation)
{
    show("main");
    awaitable(int) t = asyncio_create_task(sub());
    SET(1);
    await(t);
    show("main");
}

static void done(asyncio_any f, void *unused)
{
    (void)f, (void)unused;
    show("callback");
    SET(7);
}

static void set_0(void *f)
{
    set(f, 0);
}

SCENARIO(callbacks_have_their_own)
{
    for (int j = 1; j <= 2; j++) {
        awaitable(int) f = asyncio_future(int);
        asyncio_add_done_callback(f, done, NULL);
        SET(j);
        asyncio_call_soon(set_0, f);
        await(f);
        show("main");
        for (int i = 10; i <= 20; i += 10) {
            SET(j + i);
            await(asyncio_sleep(0.001));
            show("main");
        }
    }
}

static async(int, sets_thrice, (char *, name), (int, n))
{
    for (int i = 0; i < 3; i++) {
        SET(n + i);
        await(asyncio_sleep(0.1));
        show(name);
    }
    return 0;
}

SCENARIO(tasks_in_parallel)
{
    await(asyncio_gather(sets_thrice("a", 10), sets_thrice("b", 20), sets_thrice("c", 30)));
    show("main");
}

static async(int, inner)
{
    show("inner");
    SET(3);
    show("inner");
    return 0;
}

static async(int, outer)
{
    SET(2);
    await(asyncio_create_task(inner()));
    show("outer");
    return 0;
}

SCENARIO(inherited)
{
    SET(1);
    await(asyncio_create_task(outer()));
    show("main");
}

static async(int, sets, (int, n))
{
    return SET(n);
}

SCENARIO(awaited_coroutines_share_it)
{
    await(sets(4));
    show("main");
}

SCENARIO(reset)
{
    asyncio_context_token(&var) token;
    asyncio_context_var_set(&var, 1, &token);
    show("main");
    asyncio_context_var_reset(&var, &token);
    show("main");
}

SCENARIO(reset_nested)
{
    asyncio_context_token(&var) out, in;
    asyncio_context_var_set(&var, 1, &out);
    asyncio_context_var_set(&var, 2, &in);
    asyncio_context_var_reset(&var, &in);
    show("main");
    asyncio_context_var_reset(&var, &out);
    show("main");
}

SCENARIO(get_default)
{
    static asyncio_context_var(int) unset = ASYNCIO_CONTEXT_VAR("unset");
    trace("%d", asyncio_context_var_get(&unset, 5));
    asyncio_context_var_set(&unset, 6);
    trace("%d", asyncio_context_var_get(&unset, 5));
}

static void within(void *unused)
{
    (void)unused;
    show("within");
    SET(9);
}

SCENARIO(run_in_a_context)
{
    struct asyncio_context *context = asyncio_copy_context();
    SET(1);
    asyncio_context_run(context, within, NULL);
    show("main");
    asyncio_context_run(context, within, NULL);
    trace("there: %d", asyncio_context_get(context, &var));
    asyncio_context_release(context);
}

static void set_2(void *unused)
{
    (void)unused;
    SET(2);
}

SCENARIO(copies_part)
{
    SET(1);
    struct asyncio_context *one = asyncio_copy_context(), *two = asyncio_context_copy(one);
    asyncio_context_run(two, set_2, NULL);
    trace("%d %d %d", asyncio_context_get(one, &var), asyncio_context_get(two, &var), GET());
    asyncio_context_release(one);
    asyncio_context_release(two);
}

SCENARIO(call_soon_in_a_copy)
{
    SET(1);
    asyncio_call_soon(show, "callback");
    SET(2);
    asyncio_call_later(1, show, "later");
    SET(3);
    await(asyncio_sleep(2));
    show("main");
}

static async(int, gets)
{
    return GET();
}

SCENARIO(to_thread_contextvars)
{
    SET(8);
    trace("%d", await(asyncio_to_thread(gets())));
}

static async(int, sets_and_returns_the_old, (int, value))
{
    count_turns();
    int old = GET();
    await(asyncio_sleep(0));
    SET(value);
    return old;
}

PLAIN_SCENARIO(run_keeps_context)
{
    struct asyncio_runner runner = {0};
    trace("%d", asyncio_runner_run(&runner, sets_and_returns_the_old(1)));
    trace("%d", asyncio_runner_run(&runner, sets_and_returns_the_old(2)));
    trace("%d", asyncio_runner_run(&runner, sets_and_returns_the_old(3)));
    asyncio_runner_close(&runner);
}

SCENARIO(gathered_coroutines_have_their_own)
{
    SET(1);
    await(asyncio_gather(sets(2), sets(3)));
    show("main");
}

static async_gen(int, generator)
{
    for (int i = 0; i < 2; i++) {
        show("generator");
        SET(10 + i);
        async_yield(i);
    }
}

SCENARIO(generators_share_it)
{
    async_for (int i, generator()) {
        (void)i;
        show("main");
        SET(GET() + 5);
    }
    show("main");
}

static async(int, sets_later, (int, value))
{
    await(asyncio_sleep(0));
    return SET(value);
}

SCENARIO(task_in_a_given_context)
{
    struct asyncio_context *context = asyncio_copy_context();
    trace("%d", asyncio_context_get(context, &var));
    await(asyncio_create_task(sets_later(1), NULL, context));
    trace("%d", asyncio_context_get(context, &var));
    await(asyncio_create_task(sets_later(2), NULL, context));
    trace("%d %d", asyncio_context_get(context, &var), GET());
    asyncio_context_release(context);
}

static async(int, adds_and_shows, (char *, name), (double, pause))
{
    SET(GET() + 1);
    await(asyncio_sleep(pause));
    show(name);
    return 0;
}

SCENARIO(two_tasks_in_one_context)
{
    struct asyncio_context *context = asyncio_copy_context();
    awaitable(int) a = asyncio_create_task(adds_and_shows("a", 1), NULL, context);
    awaitable(int) b = asyncio_create_task(adds_and_shows("b", 2), NULL, context);
    await(asyncio_gather(a, b));
    show("main");
    asyncio_context_release(context);
}
