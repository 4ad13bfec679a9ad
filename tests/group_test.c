/* TaskGroup: who is waited for, who is cancelled and by whom, what the block is left with. */
#include "support.h"

static struct asyncio_task_group *shared;

static async(int, value, (int, v))
{
    await(asyncio_sleep(0));
    return v;
}

static async(int, fails, (int, error), (double, seconds))
{
    if (await(asyncio_sleep(seconds)) == -ECANCELED) {
        note("cancelled:%d", -error);
        return -ECANCELED;
    }
    return asyncio_raise(error, "number %d", -error);
}

static async(int, sleeps, (const char *, name))
{
    int r = await(asyncio_sleep(FOR_EVER));
    note("%s%s", name, r == -ECANCELED ? "!" : "");
    return r;
}

static void cancel(void *task)
{
    asyncio_cancel(task);
}

#define assert_left_with(code, members)                                                            \
    do {                                                                                           \
        assert_int_equal(asyncio_error(), code);                                                   \
        assert_int_equal(asyncio_error_count(), members);                                          \
    } while (0)

/* --- All goes well --- */

ASYNC_TEST(an_empty_group)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg) note("body");
    assert_left_with(0, 0);
    assert_history("body");
}

ASYNC_TEST(all_are_waited_for)
{
    struct asyncio_task_group tg = {0};
    awaitable(int) a = NULL, b = NULL;
    async_with(&tg)
    {
        a = asyncio_task_group_create_task(&tg, value(1));
        b = asyncio_task_group_create_task(&tg, value(2), "second");
        assert_string_equal(asyncio_get_name(b), "second");
        asyncio_task_group_create_task(&tg, asyncio_sleep(MOMENT));
        asyncio_task_group_create_task(&tg, asyncio_sleep(0));
        asyncio_task_group_create_task(&tg, asyncio_gather(value(3), value(4)));
        assert_false(asyncio_done(a));
    }
    assert_left_with(0, 0);
    assert_true(asyncio_done(a));
    assert_int_equal(asyncio_result(a) + asyncio_result(b), 3);
}

ASYNC_TEST(awaited_in_the_body)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg) assert_int_equal(await(asyncio_task_group_create_task(&tg, value(7))), 7);
    assert_left_with(0, 0);
}

static async(void, grows, (int, n))
{
    if (n)
        asyncio_release(asyncio_task_group_create_task(shared, grows(n - 1)));
    await(asyncio_sleep(0));
    note("%d", n);
}

ASYNC_TEST(children_create_tasks)
{
    struct asyncio_task_group tg = {0};
    shared = &tg;
    async_with(&tg) asyncio_release(asyncio_task_group_create_task(&tg, grows(3)));
    assert_left_with(0, 0);
    assert_history("3 2 1 0");
}

static async(int, returns_from_within)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, value(1));
        return 5;
    }
    return 0;
}

ASYNC_TEST(a_group_left_by_return)
{
    assert_int_equal(await(returns_from_within()), 5);
    assert_left_with(0, 0);
}

/* --- Failures --- */

ASYNC_TEST(one_fails)
{
    struct asyncio_task_group tg = {0};
    awaitable(int) s = NULL, f = NULL;
    const char *message;
    async_with(&tg)
    {
        s = asyncio_task_group_create_task(&tg, sleeps("s"));
        f = asyncio_task_group_create_task(&tg, fails(-EPROTO, MOMENT));
        assert_int_equal(await(asyncio_sleep(FOR_EVER)), -ECANCELED);
        note("body");
    }
    assert_left_with(-EPROTO, 1);
    assert_string_equal(asyncio_error_message(),
                        "unhandled errors in a TaskGroup (1 sub-exception)");
    assert_int_equal(asyncio_error_at(0, &message), -EPROTO);
    assert_string_equal(message, "number 71");
    assert_int_equal(asyncio_error_at(1, &message), 0);
    assert_string_equal(message, "");
    assert_history("s! body");
    assert_true(asyncio_cancelled(s));
    assert_int_equal(asyncio_exception(f), -EPROTO);
    assert_int_equal(asyncio_cancelling(asyncio_current_task()), 0);
    assert_int_equal(await(asyncio_sleep(0)), 0);
    assert_left_with(0, 0);
}

/* Two in the same turn: the second is no longer cancelled in time. */
ASYNC_TEST(several_fail)
{
    struct asyncio_task_group tg = {0};
    const char *message;
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, fails(-EPROTO, 0));
        asyncio_task_group_create_task(&tg, fails(-EBADF, 0));
        asyncio_task_group_create_task(&tg, sleeps("s"));
    }
    assert_int_equal(asyncio_error_count(), 2);
    assert_string_equal(asyncio_error_message(),
                        "unhandled errors in a TaskGroup (2 sub-exceptions)");
    assert_int_equal(asyncio_error(), asyncio_error_at(0, NULL));
    assert_int_equal(asyncio_error_at(0, NULL) + asyncio_error_at(1, NULL), -EPROTO - EBADF);
    int second = asyncio_error_at(1, &message);
    assert_string_equal(message, second == -EBADF ? "number 9" : "number 71");
    assert_history("s!");
}

static async(int, group_that_fails)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, fails(-EPROTO, 0));
        return await(sleeps("body"));
    }
    return 1;
}

static async(int, group_that_fails_after_its_value)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, fails(-EPROTO, 0));
        return 5;
    }
    return 1;
}

static async(void *, group_that_fails_without)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, fails(-EPROTO, 0));
        return "";
    }
    return NULL;
}

static async(int, group_that_fails_behind)
{
    struct asyncio_task_group tg = {0};
    int r = 0;
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, fails(-EPROTO, 0));
        r = await(sleeps("body"));
    }
    return r;
}

ASYNC_TEST(its_errors_travel)
{
    assert_int_equal(await(group_that_fails()), -EPROTO);
    assert_left_with(-EPROTO, 1);
    awaitable(int) t = asyncio_create_task(group_that_fails());
    assert_int_equal(await(t), -EPROTO);
    assert_left_with(-EPROTO, 1);
    assert_string_equal(asyncio_exception_message(t),
                        "unhandled errors in a TaskGroup (1 sub-exception)");
    assert_int_equal(await(group_that_fails_after_its_value()), -EPROTO);
    assert_left_with(-EPROTO, 1);
    assert_null(await(group_that_fails_without()));
    assert_left_with(-EPROTO, 1);
    assert_int_equal(await(group_that_fails_behind()), -EPROTO);
    assert_left_with(-EPROTO, 1);
    assert_history("body! body! body!");
}

/* A body that fails counts last. */
static async(int, body_that_fails, (int, error))
{
    struct asyncio_task_group tg = {0};
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, sleeps("s"));
        if (error)
            asyncio_task_group_create_task(&tg, fails(error, 0));
        await(asyncio_sleep(MOMENT));
        return asyncio_raise(-EACCES, "the body");
    }
    return 1;
}

ASYNC_TEST(the_body_fails)
{
    const char *message;
    assert_int_equal(await(body_that_fails(0)), -EACCES);
    assert_left_with(-EACCES, 1);
    assert_int_equal(asyncio_error_at(0, &message), -EACCES);
    assert_string_equal(message, "the body");
    assert_int_equal(await(body_that_fails(-EPROTO)), -EPROTO);
    assert_left_with(-EPROTO, 2);
    assert_int_equal(asyncio_error_at(1, &message), -EACCES);
    assert_history("s! s!");
}

/* What a body makes of an error of its own is its own affair. */
ASYNC_TEST(the_body_deals_with_an_error)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, value(1));
        assert_int_equal(await(fails(-EPROTO, 0)), -EPROTO);
    }
    assert_int_equal(await(asyncio_sleep(0)), 0);
}

ASYNC_TEST(a_cancelled_child_is_no_failure)
{
    struct asyncio_task_group tg = {0};
    awaitable(int) v = NULL;
    async_with(&tg)
    {
        awaitable(int) s = asyncio_task_group_create_task(&tg, sleeps("s"));
        v = asyncio_task_group_create_task(&tg, value(1));
        await(asyncio_sleep(0));
        asyncio_cancel(s);
    }
    assert_left_with(0, 0);
    assert_int_equal(asyncio_result(v), 1);
    assert_history("s!");
}

static async(int, minds, (const char *, name))
{
    await(asyncio_sleep(FOR_EVER));
    return asyncio_raise(-EIO, "%s", name);
}

ASYNC_TEST(a_sibling_fails_when_it_is_cancelled)
{
    struct asyncio_task_group tg = {0};
    const char *message;
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, minds("a"));
        asyncio_task_group_create_task(&tg, fails(-EPROTO, MOMENT));
    }
    assert_left_with(-EPROTO, 2);
    assert_int_equal(asyncio_error_at(1, &message), -EIO);
    assert_string_equal(message, "a");
}

static async(int, nested)
{
    struct asyncio_task_group outer = {0}, inner = {0};
    async_with(&outer)
    {
        asyncio_task_group_create_task(&outer, sleeps("outer"));
        async_with(&inner)
        {
            asyncio_task_group_create_task(&inner, fails(-EPROTO, MOMENT));
            return await(sleeps("body"));
        }
    }
    return 1;
}

ASYNC_TEST(groups_within_groups)
{
    const char *message;
    assert_int_equal(await(nested()), -EPROTO);
    assert_left_with(-EPROTO, 1);
    assert_int_equal(asyncio_error_at(0, &message), -EPROTO);
    assert_string_equal(message, "unhandled errors in a TaskGroup (1 sub-exception)");
    assert_history("body! outer!");
}

static async(int, timed)
{
    struct asyncio_task_group tg = {0};
    async_with(asyncio_timeout(MOMENT))
    {
        async_with(&tg)
        {
            asyncio_task_group_create_task(&tg, sleeps("child"));
            return await(sleeps("body"));
        }
    }
    return 1;
}

ASYNC_TEST(a_group_in_a_timeout)
{
    assert_int_equal(await(timed()), -ETIMEDOUT);
    assert_left_with(-ETIMEDOUT, 1);
    assert_history("body! child!");
}

static async(int, timed_within)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, sleeps("child"));
        async_with(asyncio_timeout(MOMENT)) return await(sleeps("body"));
    }
    return 1;
}

ASYNC_TEST(a_timeout_in_a_group)
{
    assert_int_equal(await(timed_within()), -ETIMEDOUT);
    assert_left_with(-ETIMEDOUT, 1);
    assert_string_equal(asyncio_error_message(),
                        "unhandled errors in a TaskGroup (1 sub-exception)");
    assert_history("body! child!");
}

/* --- Cancelled from outside --- */

static async(int, waits_in_body)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, sleeps("child"));
        return await(sleeps("body"));
    }
    return 1;
}

static async(int, waits_at_the_end)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, sleeps("child"));
        return 5;
    }
    return 1;
}

static async(void, waits_at_the_end_without)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg) asyncio_task_group_create_task(&tg, sleeps("child"));
}

ASYNC_TEST(cancelled_from_outside)
{
    awaitable(int) t = asyncio_create_task(waits_in_body());
    await(asyncio_sleep(MOMENT));
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    assert_true(asyncio_cancelled(t));
    assert_history("body! child!");

    t = asyncio_create_task(waits_at_the_end());
    await(asyncio_sleep(MOMENT));
    asyncio_cancel(t, "enough");
    assert_int_equal(await(t), -ECANCELED);
    assert_true(asyncio_cancelled(t));
    assert_string_equal(asyncio_error_message(), "enough");
    assert_history("child!");

    awaitable(void) v = asyncio_create_task(waits_at_the_end_without());
    await(asyncio_sleep(MOMENT));
    asyncio_cancel(v);
    await(v);
    assert_true(asyncio_cancelled(v));
    assert_history("child!");
}

/* Asked by the group and by somebody else: errors outrank it, and it comes afterwards. */
static async(int, asked_twice)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, minds("a"));
        await(asyncio_sleep(FOR_EVER));
        note("body");
    }
    note("%d %zu %d", asyncio_error() == -EIO, asyncio_error_count(),
         asyncio_cancelling(asyncio_current_task()));
    int r = await(asyncio_sleep(0));
    note("%d", r == -ECANCELED);
    return r;
}

ASYNC_TEST(errors_outrank_a_cancellation)
{
    awaitable(int) t = asyncio_create_task(asked_twice());
    await(asyncio_sleep(MOMENT));
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    assert_true(asyncio_cancelled(t));
    assert_history("body 1 1 1 1");
}

static async(int, tidies_up)
{
    await(asyncio_sleep(FOR_EVER));
    await(asyncio_sleep(MOMENT));
    note("tidy");
    return 0;
}

static async(int, holds_a_tidy_one)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg) asyncio_task_group_create_task(&tg, tidies_up());
    return asyncio_error();
}

/* Cancelled again while it waits for those it has cancelled: it goes on waiting. */
ASYNC_TEST(cancelled_again_and_again)
{
    awaitable(int) t = asyncio_create_task(holds_a_tidy_one());
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    for (int i = 0; i < 3; i++) {
        asyncio_cancel(t);
        await(asyncio_sleep(0));
    }
    assert_false(asyncio_done(t));
    assert_int_equal(await(t), -ECANCELED);
    assert_true(asyncio_cancelled(t));
    assert_history("tidy");
}

/* --- A group that shuts down --- */

static async(int, creates_another)
{
    await(asyncio_sleep(FOR_EVER));
    awaitable(int) t = asyncio_task_group_create_task(shared, value(1));
    int r = await(t);
    note("%d%d", r == -ECANCELED, asyncio_cancelled(t));
    return -ECANCELED;
}

ASYNC_TEST(a_task_for_a_group_that_shuts_down)
{
    struct asyncio_task_group tg = {0};
    shared = &tg;
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, creates_another());
        asyncio_task_group_create_task(&tg, fails(-EPROTO, MOMENT));
    }
    assert_left_with(-EPROTO, 1);
    assert_history("11");
}

/* --- Eager tasks --- */

static async(int, at_once, (int, v))
{
    note("%d", v);
    return v > 0 ? v : asyncio_raise(-EPROTO, NULL);
}

ASYNC_TEST(eager_tasks)
{
    struct asyncio_task_group tg = {0};
    asyncio_set_task_factory(asyncio_eager_task_factory);
    async_with(&tg)
    {
        assert_true(asyncio_done(asyncio_task_group_create_task(&tg, at_once(1))));
        asyncio_task_group_create_task(&tg, sleeps("s"));
        asyncio_task_group_create_task(&tg, at_once(0));
        asyncio_task_group_create_task(&tg, at_once(2));
        note("body");
        assert_int_equal(await(asyncio_sleep(FOR_EVER)), -ECANCELED);
    }
    assert_left_with(-EPROTO, 1);
    assert_history("1 0 body s!");
}

/* --- asyncio_task_group_cancel() --- */

ASYNC_TEST(cancelled_by_its_body)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, sleeps("child"));
        await(asyncio_sleep(0));
        asyncio_task_group_cancel(&tg);
        asyncio_task_group_cancel(&tg);
        assert_int_equal(await(asyncio_sleep(FOR_EVER)), -ECANCELED);
    }
    assert_left_with(0, 0);
    assert_int_equal(asyncio_cancelling(asyncio_current_task()), 0);
    assert_int_equal(await(asyncio_sleep(0)), 0);
    asyncio_task_group_cancel(&tg);
    assert_int_equal(await(asyncio_sleep(0)), 0);
    assert_history("child!");
}

ASYNC_TEST(cancelled_without_another_await)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg) asyncio_task_group_cancel(&tg);
    assert_left_with(0, 0);
    assert_int_equal(await(asyncio_sleep(0)), 0);
}

static void cancel_group(void *group)
{
    asyncio_task_group_cancel(group);
}

ASYNC_TEST(cancelled_while_it_waits)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, sleeps("child"));
        asyncio_call_later(MOMENT, cancel_group, &tg);
    }
    assert_left_with(0, 0);
    assert_history("child!");
    assert_int_equal(await(asyncio_sleep(0)), 0);
}

ASYNC_TEST(cancelled_before_it_is_entered)
{
    struct asyncio_task_group tg = {0};
    asyncio_task_group_cancel(&tg);
    async_with(&tg)
    {
        note("body");
        assert_int_equal(await(asyncio_sleep(FOR_EVER)), -ECANCELED);
    }
    assert_left_with(0, 0);
    assert_history("body");
}

static async(int, cancels_itself_and_is_cancelled)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg)
    {
        asyncio_call_soon(cancel, asyncio_current_task());
        asyncio_call_soon(cancel_group, &tg);
        return await(sleeps("body"));
    }
    return 1;
}

ASYNC_TEST(an_outer_cancellation_outranks_its_own)
{
    awaitable(int) t = asyncio_create_task(cancels_itself_and_is_cancelled());
    assert_int_equal(await(t), -ECANCELED);
    assert_true(asyncio_cancelled(t));
    assert_history("body!");
}

ASYNC_TEST(cancelled_and_failed)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, minds("a"));
        await(asyncio_sleep(0));
        asyncio_task_group_cancel(&tg);
        await(asyncio_sleep(FOR_EVER));
    }
    assert_left_with(-EIO, 1);
    assert_int_equal(await(asyncio_sleep(0)), 0);
}

/* --- Misuse --- */

DEATH_TEST(not_entered, "RuntimeError: TaskGroup <TaskGroup> has not been entered")
{
    struct asyncio_task_group tg = {0};
    asyncio_task_group_create_task(&tg, value(1));
}

DEATH_TEST(finished, "RuntimeError: TaskGroup <TaskGroup entered> is finished")
{
    struct asyncio_task_group tg = {0};
    async_with(&tg) continue;
    asyncio_task_group_create_task(&tg, value(1));
}

DEATH_TEST(entered_twice, "RuntimeError: TaskGroup <TaskGroup entered> has already been entered")
{
    struct asyncio_task_group tg = {0};
    async_with(&tg) continue;
    async_with(&tg) continue;
}

DEATH_TEST(a_task_of_a_task, "TypeError: a coroutine was expected, got task 'value'")
{
    struct asyncio_task_group tg = {0};
    async_with(&tg) asyncio_task_group_create_task(&tg, asyncio_create_task(value(1)));
}

static void outside_program(void)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg) continue;
}

static void outside_of_a_task(void **state)
{
    (void)state;
    assert_aborts(outside_program,
                  "RuntimeError: TaskGroup <TaskGroup> cannot determine the parent task");
}

/* --- The end of the loop --- */

static async(int, endless)
{
    for (;;)
        await(asyncio_sleep(FOR_EVER));
    return 0;
}

static async(int, endless_group)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, fails(-EPROTO, 0));
        asyncio_task_group_create_task(&tg, endless());
        await(asyncio_sleep(FOR_EVER));
        return asyncio_raise(-EIO, "kept by the group");
    }
    return 0;
}

static async(int, endless_body)
{
    struct asyncio_task_group tg = {0};
    async_with(&tg)
    {
        asyncio_task_group_create_task(&tg, endless());
        await(endless());
    }
    return 0;
}

ASYNC_TEST(tasks_that_never_end)
{
    asyncio_spawn(endless_group());
    asyncio_spawn(endless_body());
    await(asyncio_sleep(MOMENT));
}

static void abandoned(void **state)
{
    listen_to_stderr();
    tasks_that_never_end(state);
    assert_says(what_was_said(), "Task was destroyed but it is pending!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_group),
        TEST(all_are_waited_for),
        TEST(awaited_in_the_body),
        TEST(children_create_tasks),
        TEST(a_group_left_by_return),
        TEST(one_fails),
        TEST(several_fail),
        TEST(its_errors_travel),
        TEST(the_body_fails),
        TEST(the_body_deals_with_an_error),
        TEST(a_cancelled_child_is_no_failure),
        TEST(a_sibling_fails_when_it_is_cancelled),
        TEST(groups_within_groups),
        TEST(a_group_in_a_timeout),
        TEST(a_timeout_in_a_group),
        TEST(cancelled_from_outside),
        TEST(errors_outrank_a_cancellation),
        TEST(cancelled_again_and_again),
        TEST(a_task_for_a_group_that_shuts_down),
        TEST(eager_tasks),
        TEST(cancelled_by_its_body),
        TEST(cancelled_without_another_await),
        TEST(cancelled_while_it_waits),
        TEST(cancelled_before_it_is_entered),
        TEST(an_outer_cancellation_outranks_its_own),
        TEST(cancelled_and_failed),
        TEST(not_entered),
        TEST(finished),
        TEST(entered_twice),
        TEST(a_task_of_a_task),
        TEST(outside_of_a_task),
        TEST(abandoned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
