/* Timeouts around a block: what they cancel, what becomes of the cancellation, and that it reaches
 * the end of the coroutine whatever way the block is left. */
#include "support.h"

static struct asyncio_timeout *outer;

static bool about(double a, double b)
{
    return a - b < 0.05 && b - a < 0.05;
}

/* --- In time, and too late --- */

ASYNC_TEST(a_block_in_time)
{
    struct asyncio_timeout t = asyncio_timeout(10);
    assert_true(about(asyncio_timeout_when(&t), asyncio_time() + 10));
    int ran = 0;
    async_with(&t)
    {
        await(asyncio_sleep(MOMENT));
        ran++;
    }
    assert_int_equal(ran, 1);
    assert_int_equal(asyncio_error(), 0);
    assert_false(asyncio_timeout_expired(&t));
    assert_int_equal(asyncio_cancelling(asyncio_current_task()), 0);
}

ASYNC_TEST(a_block_too_late)
{
    struct asyncio_timeout t = asyncio_timeout(MOMENT);
    double start = asyncio_time();
    async_with(&t) assert_int_equal(await(asyncio_sleep(100)), -ECANCELED);
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
    assert_string_equal(asyncio_error_message(), "");
    assert_true(asyncio_timeout_expired(&t));
    assert_true(about(asyncio_time(), start));
    assert_int_equal(asyncio_cancelling(asyncio_current_task()), 0);
    assert_int_equal(await(asyncio_sleep(0)), 0);
}

ASYNC_TEST(a_timeout_by_value)
{
    async_with(asyncio_timeout(MOMENT)) await(asyncio_sleep(100));
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
    async_with(asyncio_timeout_at(asyncio_time() + MOMENT)) await(asyncio_sleep(100));
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
}

ASYNC_TEST(no_limit)
{
    struct asyncio_timeout t = asyncio_timeout(ASYNCIO_FOREVER);
    assert_true(asyncio_timeout_when(&t) == ASYNCIO_FOREVER);
    async_with(&t) await(asyncio_sleep(MOMENT));
    assert_int_equal(asyncio_error(), 0);
    async_with(asyncio_timeout_at(ASYNCIO_FOREVER)) await(asyncio_sleep(0));
    assert_int_equal(asyncio_error(), 0);
}

/* Python: it is called soon, and a block that never suspends is not bothered. */
ASYNC_TEST(a_limit_that_is_over)
{
    for (double seconds = -1; seconds <= 0; seconds++) {
        struct asyncio_timeout t = asyncio_timeout(seconds);
        async_with(&t) note("at once");
        assert_int_equal(asyncio_error(), 0);
        assert_false(asyncio_timeout_expired(&t));
        t = asyncio_timeout(seconds);
        async_with(&t) await(asyncio_sleep(FOR_EVER));
        assert_int_equal(asyncio_error(), -ETIMEDOUT);
        assert_true(asyncio_timeout_expired(&t));
    }
    assert_int_equal(await(asyncio_sleep(MOMENT)), 0);
}

/* Due in the very turn in which its block is left. */
ASYNC_TEST(left_when_it_is_due)
{
    for (int i = 0; i < 3; i++) {
        struct asyncio_timeout t = asyncio_timeout(0);
        async_with(&t) await(asyncio_sleep(0));
        if (!asyncio_timeout_expired(&t))
            assert_int_equal(asyncio_error(), 0);
    }
    assert_int_equal(await(asyncio_sleep(MOMENT)), 0);
    assert_int_equal(asyncio_cancelling(asyncio_current_task()), 0);
}

/* --- How the block is left --- */

static async(int, returned)
{
    async_with(asyncio_timeout(MOMENT)) return await(asyncio_sleep(100));
    return 1;
}

static async(int, returned_later)
{
    int r = 0;
    async_with(asyncio_timeout(MOMENT))
    {
        r = await(asyncio_sleep(100));
        if (r < 0)
            break;
        note("never");
    }
    return r;
}

static async(int8_t, returned_narrow)
{
    async_with(asyncio_timeout(MOMENT)) return (int8_t)await(asyncio_sleep(100));
    return 1;
}

static async(void *, returned_nothing)
{
    async_with(asyncio_timeout(MOMENT))
    {
        if (await(asyncio_sleep(100)) < 0)
            return NULL;
    }
    return "";
}

static async(void, returned_void)
{
    async_with(asyncio_timeout(MOMENT))
    {
        if (await(asyncio_sleep(100)) < 0)
            return;
    }
    note("never");
}

static async(int, raised_cancelled)
{
    async_with(asyncio_timeout(MOMENT))
    {
        if (await(asyncio_sleep(100)) < 0)
            return asyncio_raise(-ECANCELED, "a cancellation of my own");
    }
    return 1;
}

ASYNC_TEST(left_by_return)
{
    assert_int_equal(await(returned()), -ETIMEDOUT);
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
    assert_int_equal(await(asyncio_create_task(returned())), -ETIMEDOUT);
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
    assert_int_equal(await(returned_later()), -ETIMEDOUT);
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
    assert_int_equal(await(returned_narrow()), -ETIMEDOUT);
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
    assert_null(await(returned_nothing()));
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
    await(returned_void());
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
    awaitable(void) t = asyncio_create_task(returned_void());
    await(t);
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
    assert_false(asyncio_cancelled(t));
    assert_int_equal(await(raised_cancelled()), -ETIMEDOUT);
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
    assert_history("");
}

static async(int, handled)
{
    async_with(asyncio_timeout(MOMENT))
    {
        if (await(asyncio_sleep(100)) < 0)
            return 7;
    }
    return 1;
}

static async(void, handled_behind)
{
    async_with(asyncio_timeout(MOMENT))
    {
        if (await(asyncio_sleep(100)) < 0)
            break;
    }
    if (asyncio_error() == -ETIMEDOUT)
        note("handled");
}

static async(int, raised_another)
{
    async_with(asyncio_timeout(MOMENT))
    {
        if (await(asyncio_sleep(100)) < 0)
            return asyncio_raise(-EPROTO, "of its own");
    }
    return 1;
}

ASYNC_TEST(what_is_made_of_it_in_the_block_counts)
{
    assert_int_equal(await(handled()), 7);
    assert_int_equal(asyncio_error(), 0);
    await(handled_behind());
    assert_int_equal(asyncio_error(), 0);
    assert_history("handled");
    assert_int_equal(await(raised_another()), -EPROTO);
    assert_int_equal(asyncio_error(), -EPROTO);
    assert_string_equal(asyncio_error_message(), "of its own");
}

static async_gen(int, timed_numbers)
{
    async_yield(1);
    async_with(asyncio_timeout(MOMENT))
    {
        if (await(asyncio_sleep(100)) < 0)
            return;
    }
    async_yield(2);
}

ASYNC_TEST(a_generator_with_a_timeout)
{
    async_for (int i, timed_numbers())
        note("%d", i);
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
    assert_history("1");
}

ASYNC_TEST(the_error_is_swallowed_by_another_await)
{
    struct asyncio_timeout t = asyncio_timeout(MOMENT);
    async_with(&t)
    {
        await(asyncio_sleep(100));
        assert_int_equal(await(asyncio_sleep(0)), 0);
    }
    assert_true(asyncio_timeout_expired(&t));
    assert_int_equal(asyncio_error(), 0);
    assert_int_equal(asyncio_cancelling(asyncio_current_task()), 0);
}

/* Entering is an await: what failed before is no concern of the block. */
ASYNC_TEST(an_error_before_the_block)
{
    awaitable(int) f = asyncio_future(int);
    asyncio_cancel(f);
    assert_int_equal(await(f), -ECANCELED);
    async_with(asyncio_timeout(10)) assert_int_equal(asyncio_error(), 0);
    assert_int_equal(asyncio_error(), 0);
}

/* --- Nested --- */

static int nested(double inside, double outside)
{
    struct asyncio_timeout a = asyncio_timeout(outside), b = asyncio_timeout(inside);
    async_with(&a)
    {
        async_with(&b) await(asyncio_sleep(100));
        note("%d", asyncio_error() == -ETIMEDOUT);
    }
    note("%d", asyncio_error() == -ETIMEDOUT);
    return asyncio_timeout_expired(&a) * 2 + asyncio_timeout_expired(&b);
}

ASYNC_TEST(nested_timeouts)
{
    assert_int_equal(nested(MOMENT, 10), 1);
    assert_history("1 1");
    assert_int_equal(nested(10, MOMENT), 2);
    assert_history("0 1");
    assert_int_equal(await(asyncio_sleep(0)), 0);
}

ASYNC_TEST(both_at_once)
{
    double when = asyncio_time() + MOMENT;
    struct asyncio_timeout a = asyncio_timeout_at(when), b = asyncio_timeout_at(when);
    async_with(&a)
    {
        async_with(&b) await(asyncio_sleep(100));
    }
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
    assert_true(asyncio_timeout_expired(&a) || asyncio_timeout_expired(&b));
    assert_int_equal(asyncio_cancelling(asyncio_current_task()), 0);
    assert_int_equal(await(asyncio_sleep(0)), 0);
}

/* --- Cancelled from outside --- */

static async(int, limited, (double, seconds))
{
    async_with(asyncio_timeout(seconds)) return await(asyncio_sleep(FOR_EVER));
    return 1;
}

ASYNC_TEST(an_outer_cancellation)
{
    awaitable(int) t = asyncio_create_task(limited(10));
    await(asyncio_sleep(MOMENT));
    assert_true(asyncio_cancel(t));
    assert_int_equal(await(t), -ECANCELED);
    assert_true(asyncio_cancelled(t));
}

static void cancel_task(void *task)
{
    asyncio_cancel(task);
}

static void cancel_task_first(void *task)
{
    asyncio_cancel(task);
    asyncio_timeout_reschedule(outer, asyncio_time() - 1);
}

static async(int, limited_twice, (void (*)(void *), callback))
{
    struct asyncio_timeout t = asyncio_timeout(10);
    outer = &t;
    asyncio_call_soon(callback, asyncio_current_task());
    async_with(&t) return await(asyncio_sleep(FOR_EVER));
    return 1;
}

ASYNC_TEST(an_outer_cancellation_wins)
{
    awaitable(int) t = asyncio_create_task(limited_twice(cancel_task_first));
    assert_int_equal(await(t), -ECANCELED);
    assert_true(asyncio_cancelled(t));
}

static async(void, within_cancelled)
{
    struct asyncio_timeout t = asyncio_timeout(MOMENT);
    asyncio_call_soon(cancel_task, asyncio_current_task());
    assert_int_equal(await(asyncio_sleep(FOR_EVER)), -ECANCELED);
    async_with(&t) await(asyncio_sleep(FOR_EVER));
    note("%s %d", asyncio_error() == -ETIMEDOUT ? "timeout" : "?",
         asyncio_cancelling(asyncio_current_task()));
}

/* What was cancelled before the block does not count against it. */
ASYNC_TEST(a_timeout_of_a_cancelled_task)
{
    await(asyncio_create_task(within_cancelled()));
    assert_history("timeout 1");
}

/* --- Rescheduling --- */

ASYNC_TEST(rescheduled)
{
    struct asyncio_timeout t = asyncio_timeout(FOR_EVER);
    async_with(&t)
    {
        assert_int_equal(asyncio_timeout_reschedule(&t, asyncio_time() + MOMENT), 0);
        assert_true(about(asyncio_timeout_when(&t), asyncio_time()));
        await(asyncio_sleep(FOR_EVER));
    }
    assert_int_equal(asyncio_error(), -ETIMEDOUT);

    t = asyncio_timeout(MOMENT);
    async_with(&t)
    {
        assert_int_equal(asyncio_timeout_reschedule(&t, ASYNCIO_FOREVER), 0);
        await(asyncio_sleep(MOMENT * 2));
    }
    assert_int_equal(asyncio_error(), 0);
    assert_true(asyncio_timeout_when(&t) == ASYNCIO_FOREVER);

    t = asyncio_timeout(ASYNCIO_FOREVER);
    async_with(&t)
    {
        assert_int_equal(asyncio_timeout_reschedule(&t, asyncio_time()), 0);
        await(asyncio_sleep(FOR_EVER));
    }
    assert_int_equal(asyncio_error(), -ETIMEDOUT);

    t = asyncio_timeout(0);
    async_with(&t)
    {
        assert_int_equal(asyncio_timeout_reschedule(&t, asyncio_time() + 10), 0);
        await(asyncio_sleep(MOMENT));
    }
    assert_int_equal(asyncio_error(), 0);
}

DEATH_TEST(rescheduled_before, "RuntimeError: Timeout has not been entered")
{
    struct asyncio_timeout t = asyncio_timeout(1);
    asyncio_timeout_reschedule(&t, 1);
}

DEATH_TEST(rescheduled_after, "RuntimeError: Cannot change state of finished Timeout")
{
    struct asyncio_timeout t = asyncio_timeout(1);
    async_with(&t) continue;
    asyncio_timeout_reschedule(&t, 1);
}

DEATH_TEST(rescheduled_late, "RuntimeError: Cannot change state of expiring Timeout")
{
    struct asyncio_timeout t = asyncio_timeout(0);
    async_with(&t)
    {
        await(asyncio_sleep(FOR_EVER));
        asyncio_timeout_reschedule(&t, 1);
    }
}

DEATH_TEST(entered_twice, "RuntimeError: Timeout has already been entered")
{
    struct asyncio_timeout t = asyncio_timeout(1);
    async_with(&t) continue;
    async_with(&t) continue;
}

static void outside_program(void)
{
    async_with(asyncio_timeout_at(1)) continue;
}

static void outside_of_a_task(void **state)
{
    (void)state;
    assert_aborts(outside_program, "RuntimeError: Timeout should be used inside a task");
}

/* --- The end of the loop --- */

static async(void, stubborn)
{
    async_with(asyncio_timeout(MOMENT))
    {
        for (;;)
            await(asyncio_sleep(FOR_EVER));
    }
}

/* A task that is given up in the middle of its block leaves no timer behind. */
ASYNC_TEST(a_task_that_never_ends)
{
    asyncio_spawn(stubborn());
    await(asyncio_sleep(0));
}

static void abandoned(void **state)
{
    listen_to_stderr();
    a_task_that_never_ends(state);
    assert_says(what_was_said(), "Task was destroyed but it is pending!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_block_in_time),
        TEST(a_block_too_late),
        TEST(a_timeout_by_value),
        TEST(no_limit),
        TEST(a_limit_that_is_over),
        TEST(left_when_it_is_due),
        TEST(left_by_return),
        TEST(what_is_made_of_it_in_the_block_counts),
        TEST(a_generator_with_a_timeout),
        TEST(the_error_is_swallowed_by_another_await),
        TEST(an_error_before_the_block),
        TEST(nested_timeouts),
        TEST(both_at_once),
        TEST(an_outer_cancellation),
        TEST(an_outer_cancellation_wins),
        TEST(a_timeout_of_a_cancelled_task),
        TEST(rescheduled),
        TEST(rescheduled_before),
        TEST(rescheduled_after),
        TEST(rescheduled_late),
        TEST(entered_twice),
        TEST(outside_of_a_task),
        TEST(abandoned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
