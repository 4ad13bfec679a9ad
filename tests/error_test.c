/* How things fail: raise, passing on, what asyncio_error() tells, and what is said of a failure
 * that nobody asked about. */
#include "support.h"

static async(int, fails, (int, turns))
{
    for (int i = 0; i < turns; i++)
        await(asyncio_sleep(0));
    return asyncio_raise(-EPROTO, "after %d", turns);
}

static async(int, succeeds, (int, value))
{
    await(asyncio_sleep(0));
    return value;
}

#define assert_error(code, message)                                                                \
    do {                                                                                           \
        assert_int_equal(asyncio_error(), code);                                                   \
        assert_string_equal(asyncio_error_message(), message);                                     \
    } while (0)

/* --- What the last await came to --- */

ASYNC_TEST(after_each_kind_of_await)
{
    assert_error(0, "");
    assert_int_equal(await(fails(0)), -EPROTO);
    assert_error(-EPROTO, "after 0");
    assert_int_equal(await(asyncio_sleep(0)), 0);
    assert_error(0, "");
    assert_int_equal(await(asyncio_create_task(fails(1))), -EPROTO);
    assert_error(-EPROTO, "after 1");
    assert_int_equal(await(asyncio_sleep(MOMENT)), 0);
    assert_error(0, "");
    assert_int_equal(await(asyncio_gather(fails(2))), -EPROTO);
    assert_error(-EPROTO, "after 2");
    assert_int_equal(await(succeeds(-5)), -5);
    assert_error(0, "");
    awaitable(int) f = asyncio_future(int);
    asyncio_set_exception(f, -EIO, "future");
    assert_int_equal(await(f), -EIO);
    assert_error(-EIO, "future");
}

static async(int, looks_first)
{
    note("%d", asyncio_error());
    return 0;
}

ASYNC_TEST(a_call_begins_without_error)
{
    await(fails(0));
    await(looks_first());
    assert_history("0");
}

static async(void, other_task)
{
    await(fails(0));
    note("%d", asyncio_error());
    await(asyncio_sleep(0));
    note("%d", asyncio_error());
}

ASYNC_TEST(errors_are_a_tasks_own)
{
    asyncio_spawn(other_task());
    await(fails(1));
    assert_error(-EPROTO, "after 1");
    await(asyncio_sleep(0));
    assert_history("-71 0");
}

/* --- Passing on --- */

static async(int, passes_on, (int, depth))
{
    int r = depth ? await(passes_on(depth - 1)) : await(fails(1));
    return r;
}

ASYNC_TEST(passed_on_keeps_the_message)
{
    assert_int_equal(await(passes_on(20)), -EPROTO);
    assert_error(-EPROTO, "after 1");
    awaitable(int) t = asyncio_create_task(passes_on(3));
    await(t);
    assert_int_equal(asyncio_exception(t), -EPROTO);
    assert_string_equal(asyncio_exception_message(t), "after 1");
}

static async(int, handles, (int, value))
{
    if (await(fails(0)) < 0)
        return value;
    return 0;
}

ASYNC_TEST(handled)
{
    assert_int_equal(await(handles(3)), 3);
    assert_error(0, "");
    assert_int_equal(await(handles(-EIO)), -EIO); /* a value that nobody failed with */
    assert_error(0, "");
}

static async(int, raises_over)
{
    await(fails(0));
    asyncio_raise(-EIO, "first");
    return asyncio_raise(-EBADF, "second");
}

ASYNC_TEST(the_last_raise_counts)
{
    assert_int_equal(await(raises_over()), -EBADF);
    assert_error(-EBADF, "second");
}

struct pair {
    long a, b;
};

static async(struct pair, raises_with_a_value)
{
    asyncio_raise(-EIO, "but");
    return (struct pair){1, 2};
}

static async(void, raises_void)
{
    asyncio_raise(-EIO, "void");
}

static async(char *, raises_pointer)
{
    asyncio_raise(-EIO, NULL);
    return NULL;
}

ASYNC_TEST(raised_whatever_the_type)
{
    struct pair p = await(raises_with_a_value());
    assert_int_equal(p.a + p.b, 3); /* what awaits it gets the value */
    assert_error(-EIO, "but");
    p = await(asyncio_create_task(raises_with_a_value()));
    assert_int_equal(p.a + p.b, 3);
    assert_error(-EIO, "but");
    await(raises_void());
    assert_error(-EIO, "void");
    assert_null(await(raises_pointer()));
    assert_error(-EIO, "");
}

static async(int, raises_for_its_caller)
{
    await(raises_void());
    return 0; /* not passed on */
}

ASYNC_TEST(raised_in_the_coroutine_that_runs)
{
    assert_int_equal(await(raises_for_its_caller()), 0);
    assert_error(0, "");
}

DEATH_TEST(raised_positive, "asyncio_raise(5): an error is negative")
{
    asyncio_raise(5, "x");
}

ASYNC_TEST(a_long_message)
{
    char x[3001];
    memset(x, 'x', 3000);
    x[3000] = 0;
    awaitable(int) f = asyncio_future(int);
    asyncio_set_exception(f, -EIO, "%s", x);
    await(f);
    assert_int_equal(strlen(asyncio_error_message()), 3000);
}

/* --- Never retrieved --- */

static async(void, leaves_failing, (int, how))
{
    awaitable(int) t = asyncio_create_task(fails(0)), f = asyncio_future(int);
    asyncio_set_exception(f, -EIO, NULL);
    asyncio_exception(f);
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    switch (how) {
    case 1:
        await(t);
        break;
    case 2:
        asyncio_exception(t);
        break;
    case 3:
        asyncio_result(t);
        break;
    case 4:
        await(asyncio_gather(t));
        break;
    case 5:
        asyncio_exception_message(t);
        break;
    default:
        asyncio_done(t); /* is no question about how */
    }
}

ASYNC_TEST(never_retrieved)
{
    listen_to_stderr();
    await(asyncio_create_task(leaves_failing(0)));
    const char *text = what_was_said();
    assert_says(text, "Task exception was never retrieved\nfuture: <Task finished name='Task-");
    assert_says(text, "exception=EPROTO('after 0')>\n");
    assert_null(strstr(text, "Future exception"));
}

ASYNC_TEST(retrieved_in_any_way)
{
    for (int how = 1; how <= 5; how++) {
        listen_to_stderr();
        await(asyncio_create_task(leaves_failing(how)));
        assert_string_equal(what_was_said(), "");
    }
}

static async(int, fails_in_the_second_turn)
{
    await(asyncio_sleep(0));
    return asyncio_raise(-EIO, "late");
}

static async(int, awaits, (awaitable(int), t))
{
    return await(t);
}

/* It has failed, and before who awaits it goes on, that one is cancelled. */
ASYNC_TEST(retrieved_by_one_who_is_cancelled)
{
    listen_to_stderr();
    awaitable(int) t = asyncio_create_task(fails_in_the_second_turn());
    awaitable(int) w = asyncio_create_task(awaits(t));
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    assert_true(asyncio_done(t));
    assert_true(asyncio_cancel(w));
    assert_int_equal(await(w), -ECANCELED);
    asyncio_release(w);
    asyncio_release(t);
    assert_string_equal(what_was_said(), "");
}

ASYNC_TEST(spawned_and_failed)
{
    listen_to_stderr();
    asyncio_spawn(fails(0));
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    assert_says(what_was_said(), "Task exception was never retrieved\n");
}

ASYNC_TEST(a_future_never_retrieved)
{
    listen_to_stderr();
    awaitable(int) f = asyncio_future(int);
    asyncio_set_exception(f, -EIO, "lost");
    asyncio_release(f);
    assert_says(what_was_said(), "Future exception was never retrieved\n"
                                 "future: <Future finished exception=EIO('lost')>\n");
}

static async(int, for_ever)
{
    return await(asyncio_sleep(FOR_EVER));
}

/* A cancelled one is nobody's fault, nor is one that returned a negative value. */
ASYNC_TEST(nothing_to_retrieve)
{
    listen_to_stderr();
    awaitable(int) t = asyncio_create_task(for_ever()), f = asyncio_future(int);
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    asyncio_cancel(f);
    asyncio_release(t);
    asyncio_release(f);
    asyncio_spawn(handles(-EIO));
    for (int i = 0; i < 4; i++)
        await(asyncio_sleep(0));
    assert_string_equal(what_was_said(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(after_each_kind_of_await),
        TEST(a_call_begins_without_error),
        TEST(errors_are_a_tasks_own),
        TEST(passed_on_keeps_the_message),
        TEST(handled),
        TEST(the_last_raise_counts),
        TEST(raised_whatever_the_type),
        TEST(raised_in_the_coroutine_that_runs),
        TEST(raised_positive),
        TEST(a_long_message),
        TEST(never_retrieved),
        TEST(retrieved_in_any_way),
        TEST(retrieved_by_one_who_is_cancelled),
        TEST(spawned_and_failed),
        TEST(a_future_never_retrieved),
        TEST(nothing_to_retrieve),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
