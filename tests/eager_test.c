/* Eager tasks: they start where they are made, as Python's with eager_start=True; and the factories
 * that make them. */
#include "support.h"

static async(int, at_once, (int, n))
{
    note("at_once");
    return n;
}

static async(int, suspends, (int, n))
{
    note("a%d", n);
    int r = await(asyncio_sleep(0));
    if (r < 0)
        return r;
    note("b%d", n);
    return n;
}

static async(int, fails)
{
    return asyncio_raise(-EPROTO, "eagerly");
}

static size_t tasks_alive(void)
{
    return asyncio_all_tasks(NULL, 0);
}

/* --- Where it starts, and where its maker goes on --- */

ASYNC_TEST(done_at_once)
{
    awaitable(int) t = asyncio_create_eager_task(at_once(5));
    assert_history("at_once");
    assert_true(asyncio_done(t));
    assert_int_equal(asyncio_result(t), 5);
    assert_int_equal(asyncio_exception(t), 0);
    assert_int_equal(tasks_alive(), 1);
    assert_int_equal(await(t), 5);
    assert_false(asyncio_cancel(t));
}

ASYNC_TEST(failed_at_once)
{
    awaitable(int) t = asyncio_create_eager_task(fails(), "named");
    assert_int_equal(asyncio_exception(t), -EPROTO);
    assert_string_equal(asyncio_exception_message(t), "eagerly");
    assert_string_equal(asyncio_get_name(t), "named");
    assert_int_equal(asyncio_error(), 0); /* of ours */
}

ASYNC_TEST(until_it_suspends)
{
    awaitable(int) other = asyncio_create_task(suspends(1));
    awaitable(int) t = asyncio_create_eager_task(suspends(2));
    note("maker");
    assert_false(asyncio_done(t));
    assert_int_equal(tasks_alive(), 3);
    assert_int_equal(await(t), 2);
    assert_int_equal(await(other), 1);
    assert_history("a2 maker a1 b2 b1");
}

static async(int, looks_around, (asyncio_any, maker))
{
    asyncio_any tasks[2] = {NULL, NULL};
    assert_ptr_not_equal(asyncio_current_task(), maker);
    assert_string_equal(asyncio_get_name(asyncio_current_task()), "looks");
    assert_int_equal(asyncio_all_tasks(tasks, 2), 2);
    assert_ptr_equal(tasks[1], asyncio_current_task());
    errno = ENOSYS;
    await(asyncio_sleep(0));
    assert_int_equal(errno, ENOSYS);
    return 0;
}

ASYNC_TEST(each_is_itself)
{
    asyncio_any me = asyncio_current_task();
    errno = EDOM;
    awaitable(int) t = asyncio_create_eager_task(looks_around(me), "looks");
    assert_int_equal(errno, EDOM);
    assert_ptr_equal(asyncio_current_task(), me);
    await(t);
}

static async(int, nests, (int, depth))
{
    note("in%d", depth);
    awaitable(int) t = depth ? asyncio_create_eager_task(nests(depth - 1)) : NULL;
    note("on%d", depth);
    await(asyncio_sleep(0));
    note("out%d", depth);
    return t ? await(t) + 1 : 0;
}

ASYNC_TEST(within_each_other)
{
    awaitable(int) t = asyncio_create_eager_task(nests(2));
    note("maker");
    assert_int_equal(await(t), 2);
    assert_history("in2 in1 in0 on0 on1 on2 maker out0 out1 out2");
}

static async(int, cancels, (asyncio_any, who))
{
    assert_true(asyncio_cancel(who, "by its own"));
    return 0;
}

static async(int, is_cancelled)
{
    awaitable(int) t = asyncio_create_eager_task(cancels(asyncio_current_task()));
    assert_true(asyncio_done(t));
    return await(asyncio_sleep(FOR_EVER));
}

static async(int, cancelled_there)
{
    asyncio_cancel(asyncio_current_task());
    return 0;
}

ASYNC_TEST(cancelling)
{
    awaitable(int) t = asyncio_create_task(is_cancelled());
    assert_int_equal(await(t), -ECANCELED);
    assert_string_equal(asyncio_error_message(), "by its own");
    t = asyncio_create_eager_task(cancelled_there());
    assert_true(asyncio_cancelled(t));
    t = asyncio_create_eager_task(suspends(1));
    assert_true(asyncio_cancel(t));
    assert_int_equal(await(t), -ECANCELED);
}

static async(int, awaits_maker, (awaitable(int), maker))
{
    return await(maker) + 1;
}

static awaitable(int) of_ours;

static async(int, is_awaited)
{
    of_ours = asyncio_retain(
        asyncio_create_eager_task(awaits_maker((awaitable(int))asyncio_current_task())));
    await(asyncio_sleep(0));
    return 41;
}

ASYNC_TEST(awaiting_its_maker)
{
    awaitable(int) t = asyncio_create_task(is_awaited());
    assert_int_equal(await(t), 41);
    assert_int_equal(await(of_ours), 42);
    asyncio_release(of_ours);
}

static async_gen(int, generator)
{
    awaitable(int) t = asyncio_create_eager_task(suspends(7));
    async_yield(1);
    async_yield(await(t));
}

ASYNC_TEST(made_by_a_generator)
{
    async_for (int n, generator())
        note("%d", n);
    assert_history("a7 1 b7 7");
}

static async(int, iterates)
{
    int sum = 0;
    async_for (int n, generator())
        sum += n;
    return sum;
}

ASYNC_TEST(that_iterates)
{
    awaitable(int) t = asyncio_create_eager_task(iterates());
    note("maker");
    assert_int_equal(await(t), 8);
    assert_history("a7 maker b7");
}

static async(int, gives_itself_up)
{
    asyncio_release(asyncio_current_task());
    return 0;
}

ASYNC_TEST(ownership)
{
    asyncio_create_eager_task(gives_itself_up());
    asyncio_release(asyncio_create_eager_task(suspends(1)));
    asyncio_create_eager_task(suspends(2)); /* ours: it goes with us */
    assert_history("a1 a2");
    await(asyncio_sleep(MOMENT));
    assert_history("b1 b2");
    assert_null(asyncio_create_eager_task((awaitable(int))NULL));
}

/* --- Operations --- */

ASYNC_TEST(an_operation)
{
    double begun = asyncio_time();
    awaitable(int) t = asyncio_create_eager_task(asyncio_sleep(MOMENT));
    asyncio_block(MOMENT);
    assert_int_equal(await(t), 0);
    if (simulated())
        assert_true(asyncio_time() - begun < MOMENT * 1.5); /* its time ran from the start */
    t = asyncio_create_eager_task(asyncio_sleep(0));
    assert_false(asyncio_done(t));
    await(asyncio_sleep(0));
    assert_true(asyncio_done(t));
    struct asyncio_event event = {.set = true};
    t = asyncio_create_eager_task(asyncio_event_wait(&event));
    assert_true(asyncio_done(t));
    t = asyncio_create_eager_task(asyncio_gather(at_once(1))); /* is under way: as create_task */
    assert_int_equal(await(t), 0);
}

/* --- From the hub --- */

static void make_one(void *arg)
{
    errno = EDOM;
    note("callback");
    *(awaitable(int) *)arg = asyncio_retain(asyncio_create_eager_task(nests(1)));
    assert_null(asyncio_current_task());
    assert_int_equal(errno, EDOM);
    note("back");
    asyncio_release(asyncio_create_eager_task(at_once(0)));
    note("over");
}

ASYNC_TEST(of_a_callback)
{
    awaitable(int) t = NULL;
    asyncio_call_soon(make_one, &t);
    awaitable(int) other = asyncio_create_task(suspends(9));
    await(asyncio_sleep(0));
    note("main");
    assert_int_equal(await(t), 1);
    await(other);
    assert_history("callback in1 in0 on0 on1 back at_once over a9 main out0 out1 b9");
    asyncio_release(t), asyncio_release(t);
}

/* --- Many, with the ready queue full --- */

static async(int, makes_many, (int, n))
{
    int sum = 0;
    for (int i = 0; i < n; i++) {
        asyncio_spawn(at_once(i));
        sum += asyncio_done(asyncio_create_eager_task(suspends(i)));
        *history = 0;
    }
    return sum;
}

ASYNC_TEST(many)
{
    assert_int_equal(await(makes_many(1000)), 0);
    await(asyncio_sleep(MOMENT));
    *history = 0;
    assert_int_equal(tasks_alive(), 1);
}

/* Those deeper than the one in the middle end at once. */
static async(int, deep, (int, n))
{
    if (n == 0)
        return 0;
    awaitable(int) t = asyncio_create_eager_task(deep(n - 1));
    if (n == 500)
        await(asyncio_sleep(0));
    return await(t) + 1;
}

ASYNC_TEST(deeply)
{
    assert_int_equal(await(asyncio_create_eager_task(deep(1000))), 1000);
}

/* --- Observed --- */

ASYNC_TEST(in_debug_mode)
{
    awaitable(int) t = NULL;
    asyncio_set_debug(true);
    asyncio_call_soon(make_one, &t);
    awaitable(int) other = asyncio_create_task(suspends(9));
    await(asyncio_sleep(0));
    note("main");
    assert_int_equal(await(t), 1);
    await(other);
    awaitable(int) last = asyncio_create_eager_task(suspends(3));
    note("maker");
    await(last);
    asyncio_set_debug(false);
    assert_history("callback in1 in0 on0 on1 back at_once over a9 main out0 out1 b9 a3 maker b3");
    asyncio_release(t), asyncio_release(t);
}

static async(int, blocks)
{
    asyncio_block(0.2);
    return 0;
}

ASYNC_TEST(told_as_slow)
{
    if (!simulated()) /* where it is quick */
        return;
    asyncio_set_debug(true);
    await(asyncio_sleep(0)); /* from here on */
    listen_to_stderr();
    asyncio_create_eager_task(blocks());
    assert_says(what_was_said(), "coro=<blocks()");
    listen_to_stderr();
    asyncio_set_debug(false);
    await(asyncio_sleep(0)); /* and its maker with it */
    what_was_said();
}

/* --- Where it cannot start --- */

static void outside_of_a_turn(void **state)
{
    (void)state;
    assert_int_equal(asyncio_loop_new(), 0);
    awaitable(int) t = asyncio_create_eager_task(at_once(3));
    assert_false(asyncio_done(t));
    assert_history("");
    asyncio_loop_turn();
    assert_int_equal(asyncio_result(t), 3);
    assert_history("at_once");
    asyncio_loop_close();
    asyncio_release(t);
}

static async(int, makes_one_at_the_end)
{
    await(asyncio_sleep(FOR_EVER));
    awaitable(int) t = asyncio_create_eager_task(at_once(1));
    note("%s", asyncio_cancelled(t) ? "never" : "ran");
    return 0;
}

static async(void, leaves_one)
{
    asyncio_spawn(makes_one_at_the_end());
    await(asyncio_sleep(0));
}

static void during_the_shutdown(void **state)
{
    (void)state;
    asyncio_run(leaves_one());
    assert_history("never");
}

static void make_without_a_loop(void)
{
    asyncio_create_eager_task(at_once(1));
}

static void without_a_loop(void **state)
{
    (void)state;
    assert_aborts(make_without_a_loop, "RuntimeError: no running event loop");
}

DEATH_TEST(an_iterator, "TypeError: a coroutine was expected, got async generator 'generator'")
{
    asyncio_create_eager_task((awaitable(int))(void *)generator());
    await(asyncio_sleep(0));
}

DEATH_TEST(used_twice, "RuntimeError: cannot reuse already awaited coroutine 'at_once'")
{
    awaitable(int) c = at_once(1);
    await(c);
    asyncio_create_eager_task(c);
}

/* --- Factories --- */

static asyncio_any counts(asyncio_any x, const char *name)
{
    note("make:%s", name ? name : "");
    return asyncio_task(x, name);
}

ASYNC_TEST(a_factory)
{
    assert_null(asyncio_get_task_factory());
    asyncio_set_task_factory(counts);
    assert_ptr_equal(asyncio_get_task_factory(), counts);
    awaitable(int) c = at_once(1), t = asyncio_create_task(c, "one");
    assert_ptr_equal(t, c);
    assert_string_equal(asyncio_get_name(t), "one");
    assert_int_equal(await(t), 1);
    assert_int_equal(await(asyncio_gather(at_once(2), asyncio_sleep(0), t)), 0);
    assert_int_equal(await(asyncio_shield(at_once(3))), 3);
    asyncio_spawn(at_once(4));
    assert_ptr_equal(asyncio_create_task(t), t); /* a task already */
    assert_null(asyncio_create_task((awaitable(int))NULL));
    asyncio_set_task_factory(NULL);
    awaitable(int) plain = asyncio_create_task(at_once(5));
    await(plain);
    assert_history("make:one at_once make: make: at_once make: at_once make: at_once at_once");
}

ASYNC_TEST(the_eager_factory)
{
    asyncio_set_task_factory(asyncio_eager_task_factory);
    awaitable(int) t = asyncio_create_task(at_once(1), "eager");
    assert_true(asyncio_done(t));
    assert_string_equal(asyncio_get_name(t), "eager");
    int results[2];
    awaitable(int) g = asyncio_gather_into(results, at_once(2), at_once(3));
    assert_true(asyncio_done(g));
    assert_int_equal(await(g), 0);
    assert_int_equal(results[0] + results[1], 5);
    assert_int_equal(await(asyncio_gather(suspends(4), at_once(5))), 0);
    asyncio_spawn(suspends(6));
    assert_int_equal(await(asyncio_shield(suspends(8))), 8);
    assert_history("at_once at_once at_once a4 at_once b4 a6 a8 b6 b8");
}

/* Each loop begins without one. */
ASYNC_TEST(no_factory)
{
    assert_null(asyncio_get_task_factory());
}

static asyncio_any refuses(asyncio_any x, const char *name)
{
    (void)name;
    asyncio_release(x);
    return NULL;
}

ASYNC_TEST(a_factory_that_fails)
{
    asyncio_set_task_factory(refuses);
    assert_null(asyncio_create_task(at_once(1)));
    asyncio_spawn(at_once(2));
    assert_int_equal(await(asyncio_gather(at_once(3), at_once(4))), -ENOMEM);
    assert_null(asyncio_shield(at_once(5)));
}

static asyncio_any gives_another(asyncio_any x, const char *name)
{
    asyncio_release(x);
    return asyncio_task((asyncio_any)at_once(1), name);
}

static asyncio_any makes_none(asyncio_any x, const char *name)
{
    (void)name;
    return x;
}

DEATH_TEST(a_factory_of_others, "TypeError: a task factory has to make a task of what it is given")
{
    asyncio_set_task_factory(gives_another);
    await(asyncio_create_task(at_once(2)));
}

DEATH_TEST(a_factory_of_nothing, "TypeError: a task factory has to make a task of what it is given")
{
    asyncio_set_task_factory(makes_none);
    await(asyncio_create_task(at_once(2)));
}

#ifdef AI_FAULTS
static int left;

static bool refuse(size_t size)
{
    (void)size;
    return left-- <= 0;
}

ASYNC_TEST(without_memory)
{
    for (int n = 0, code = -ENOMEM; code == -ENOMEM; n++) {
        awaitable(int) c = suspends(n);
        left = n;
        ai_allocation_fails = refuse;
        awaitable(int) t = asyncio_create_eager_task(c, "a name that is not short");
        ai_allocation_fails = NULL;
        code = await(t) < 0 ? asyncio_error() : 0;
        assert_true(code == 0 || code == -ENOMEM);
        assert_true(n < 10);
    }
    *history = 0;
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(done_at_once),
        TEST(failed_at_once),
        TEST(until_it_suspends),
        TEST(each_is_itself),
        TEST(within_each_other),
        TEST(cancelling),
        TEST(awaiting_its_maker),
        TEST(made_by_a_generator),
        TEST(that_iterates),
        TEST(ownership),
        TEST(an_operation),
        TEST(of_a_callback),
        TEST(many),
        TEST(deeply),
        TEST(in_debug_mode),
        TEST(told_as_slow),
        TEST(outside_of_a_turn),
        TEST(during_the_shutdown),
        TEST(without_a_loop),
        TEST(an_iterator),
        TEST(used_twice),
        TEST(a_factory),
        TEST(the_eager_factory),
        TEST(no_factory),
        TEST(a_factory_that_fails),
        TEST(a_factory_of_others),
        TEST(a_factory_of_nothing),
#ifdef AI_FAULTS
        TEST(without_memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
