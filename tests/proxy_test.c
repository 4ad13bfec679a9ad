/* wait_for and shield: values, time-outs, cancellations of either side. Delays are told apart by
 * their order only: what is to be late never comes. */
#include "support.h"

static async(int, soon, (int, value))
{
    await(asyncio_sleep(0));
    return value;
}

static async(int, for_ever)
{
    int r = await(asyncio_sleep(FOR_EVER));
    note("%s", r == -ECANCELED ? "cancelled" : "woken");
    return r;
}

static async(int, stubborn, (int, value))
{
    await(asyncio_sleep(FOR_EVER));
    return value;
}

static async(const char *, text)
{
    await(asyncio_sleep(0));
    return "text";
}

static async(int, fails)
{
    await(asyncio_sleep(0));
    return asyncio_raise(-EPROTO, "bad %s", "header");
}

/* --- wait_for --- */

ASYNC_TEST(in_time)
{
    assert_int_equal(await(asyncio_wait_for(soon(7), FOR_EVER)), 7);
    assert_int_equal(asyncio_error(), 0);
    assert_string_equal(await(asyncio_wait_for(text(), FOR_EVER)), "text");
    assert_int_equal(await(asyncio_wait_for(asyncio_sleep(0), FOR_EVER)), 0);
    assert_int_equal(await(asyncio_wait_for(asyncio_sleep(MOMENT), FOR_EVER)), 0);
}

ASYNC_TEST(too_late)
{
    assert_int_equal(await(asyncio_wait_for(for_ever(), MOMENT)), -ETIMEDOUT);
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
    assert_history("cancelled");
    assert_int_equal(await(asyncio_wait_for(asyncio_sleep(FOR_EVER), MOMENT)), -ETIMEDOUT);
    awaitable(char *) never = asyncio_future(char *);
    assert_null(await(asyncio_wait_for(never, MOMENT)));
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
    assert_true(asyncio_cancelled(never));
}

ASYNC_TEST(a_value_that_comes_all_the_same)
{
    assert_int_equal(await(asyncio_wait_for(stubborn(9), MOMENT)), 9);
    assert_int_equal(asyncio_error(), 0);
}

ASYNC_TEST(no_time_at_all)
{
    assert_int_equal(await(asyncio_wait_for(for_ever(), 0)), -ETIMEDOUT);
    assert_int_equal(await(asyncio_wait_for(for_ever(), -1)), -ETIMEDOUT);
    assert_history(""); /* it never ran */
    awaitable(int) done = asyncio_create_task(soon(3));
    await(done);
    assert_int_equal(await(asyncio_wait_for(done, 0)), 3);
    awaitable(int) running = asyncio_create_task(for_ever());
    await(asyncio_sleep(0));
    assert_int_equal(await(asyncio_wait_for(running, 0)), -ETIMEDOUT);
    assert_true(asyncio_cancelled(running));
    assert_history("cancelled");
}

ASYNC_TEST(a_failure_keeps_its_message)
{
    assert_int_equal(await(asyncio_wait_for(fails(), FOR_EVER)), -EPROTO);
    assert_string_equal(asyncio_error_message(), "bad header");
}

static async(int, waits)
{
    int r = await(asyncio_wait_for(for_ever(), FOR_EVER));
    note("%s", r == -ECANCELED ? "waiter" : "?");
    return r;
}

ASYNC_TEST(an_outer_cancellation)
{
    awaitable(int) task = asyncio_create_task(waits());
    for (int i = 0; i < 4; i++)
        await(asyncio_sleep(0));
    assert_true(asyncio_cancel(task));
    assert_int_equal(await(task), -ECANCELED);
    assert_true(asyncio_cancelled(task));
    assert_history("cancelled waiter");
}

ASYNC_TEST(gathered_and_as_a_task)
{
    int results[3];
    assert_int_equal(await(asyncio_gather_into(results, asyncio_wait_for(soon(1), FOR_EVER),
                                               asyncio_wait_for(asyncio_sleep(MOMENT), FOR_EVER),
                                               asyncio_wait_for(soon(2), FOR_EVER))),
                     0);
    assert_int_equal(results[0] + results[1] + results[2], 3);
    awaitable(int) task = asyncio_create_task(asyncio_wait_for(for_ever(), MOMENT));
    assert_int_equal(await(task), -ETIMEDOUT);
    assert_int_equal(await(task), -ETIMEDOUT);
}

ASYNC_TEST(nested_time_outs)
{
    awaitable(int) inner = asyncio_wait_for(for_ever(), MOMENT);
    assert_int_equal(await(asyncio_wait_for(inner, FOR_EVER)), -ETIMEDOUT);
    awaitable(int) outer = asyncio_wait_for(asyncio_wait_for(for_ever(), FOR_EVER), MOMENT);
    assert_int_equal(await(outer), -ETIMEDOUT);
}

ASYNC_TEST(never_awaited)
{
    asyncio_release(asyncio_wait_for(for_ever(), 1));
    asyncio_cancel(asyncio_wait_for(soon(1), 1));
    assert_null(asyncio_wait_for((awaitable(int))NULL, 1));
    assert_int_equal(await(asyncio_wait_for((awaitable(int))NULL, 1)), -ENOMEM);
}

/* The one inside takes its time to end: the timer fires meanwhile, and does not outrank who
 * cancelled. */
static async(int, ends_slowly)
{
    await(asyncio_sleep(FOR_EVER));
    await(asyncio_sleep(MOMENT * 4));
    return -ECANCELED;
}

static async(int, waits_for_a_moment)
{
    return await(asyncio_wait_for(ends_slowly(), MOMENT * 2));
}

ASYNC_TEST(a_cancellation_outranks_the_time)
{
    awaitable(int) task = asyncio_create_task(waits_for_a_moment());
    await(asyncio_sleep(MOMENT));
    asyncio_cancel(task);
    assert_int_not_equal(await(task), -ETIMEDOUT);
}

static async(void, waits_twice)
{
    awaitable(int) c = soon(1);
    awaitable(int) w = asyncio_wait_for(c, 1);
    (void)w;
    await(c);
}

static void take_twice(void)
{
    asyncio_run(waits_twice());
}

static void what_a_wait_for_took(void **state)
{
    (void)state;
    assert_aborts(take_twice, "cannot reuse already awaited coroutine 'soon'");
}

/* --- shield --- */

ASYNC_TEST(shield_passes_on)
{
    assert_int_equal(await(asyncio_shield(soon(4))), 4);
    assert_int_equal(await(asyncio_shield(fails())), -EPROTO);
    assert_string_equal(asyncio_error_message(), "bad header");
    awaitable(int) task = asyncio_create_task(soon(5));
    assert_int_equal(await(asyncio_shield(task)), 5);
    assert_int_equal(await(asyncio_shield(task)), 5);
}

static async(int, behind_a_shield, (awaitable(int), task))
{
    int r = await(asyncio_shield(task));
    note("%d", r == -ECANCELED);
    return r;
}

ASYNC_TEST(the_inner_is_not_cancelled)
{
    awaitable(int) gate = asyncio_future(int);
    awaitable(int) inner = asyncio_create_task(asyncio_wait_for(gate, FOR_EVER));
    awaitable(int) outer = asyncio_create_task(behind_a_shield(inner));
    for (int i = 0; i < 4; i++)
        await(asyncio_sleep(0));
    assert_true(asyncio_cancel(outer));
    assert_int_equal(await(outer), -ECANCELED);
    assert_history("1");
    assert_false(asyncio_done(inner));
    assert_int_equal(asyncio_set_result(gate, 6), 0);
    assert_int_equal(await(inner), 6);
}

ASYNC_TEST(a_cancelled_inner)
{
    awaitable(int) inner = asyncio_create_task(for_ever());
    awaitable(int) outer = asyncio_create_task(behind_a_shield(inner));
    for (int i = 0; i < 4; i++)
        await(asyncio_sleep(0));
    asyncio_cancel(inner);
    assert_int_equal(await(outer), -ECANCELED);
    assert_history("cancelled 1");
}

static void say_turn(void *unused)
{
    (void)unused;
    note("turn");
}

ASYNC_TEST(a_shield_of_what_is_done_takes_no_turn)
{
    awaitable(int) f = asyncio_future(int);

    asyncio_set_result(f, 4);
    asyncio_call_soon(say_turn, NULL);
    assert_int_equal(await(asyncio_shield(f)), 4);
    assert_history("");
    await(asyncio_sleep(0));
    assert_history("turn");
}

ASYNC_TEST(a_shield_nobody_awaits)
{
    awaitable(int) shield = asyncio_shield(soon(1));
    (void)shield;
    asyncio_release(asyncio_shield(for_ever())); /* goes on until the loop ends */
    await(asyncio_sleep(0));
}

/* --- What is left when the loop ends --- */

ASYNC_TEST(what_nobody_awaits_nor_completes)
{
    awaitable(int) gather = asyncio_gather(asyncio_future(int), asyncio_sleep(0));
    awaitable(int) shield = asyncio_shield(asyncio_future(int));
    (void)gather, (void)shield;
    await(asyncio_sleep(0)); /* the ledger says the rest */
}

ASYNC_TEST(a_gather_that_fails_leaves_tasks_alone)
{
    awaitable(int) task = asyncio_create_task(soon(8));
    assert_int_equal(await(asyncio_gather(task, (awaitable(int))NULL)), -ENOMEM);
    assert_int_equal(await(task), 8);
}

static void run_a_future(void)
{
    asyncio_run(asyncio_future(int));
}

static void a_future_is_no_program(void **state)
{
    (void)state;
    assert_aborts(run_a_future, "a coroutine was expected, got future");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(in_time),
        TEST(too_late),
        TEST(a_value_that_comes_all_the_same),
        TEST(no_time_at_all),
        TEST(a_failure_keeps_its_message),
        TEST(an_outer_cancellation),
        TEST(gathered_and_as_a_task),
        TEST(nested_time_outs),
        TEST(never_awaited),
        TEST(a_cancellation_outranks_the_time),
        TEST(what_a_wait_for_took),
        TEST(shield_passes_on),
        TEST(the_inner_is_not_cancelled),
        TEST(a_cancelled_inner),
        TEST(a_shield_of_what_is_done_takes_no_turn),
        TEST(a_shield_nobody_awaits),
        TEST(what_nobody_awaits_nor_completes),
        TEST(a_gather_that_fails_leaves_tasks_alone),
        TEST(a_future_is_no_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
