/* gather: order, failures, cancelling, in all its three forms. */
#include "support.h"

#define SETTLE()                                                                                   \
    do {                                                                                           \
        for (int turn = 0; turn < 4; turn++)                                                       \
            await(asyncio_sleep(0));                                                               \
    } while (0)

static async(int, after, (int, turns), (int, value))
{
    for (int i = 0; i < turns; i++) {
        int r = await(asyncio_sleep(0));
        if (r < 0)
            return r;
    }
    note("%d", value);
    return value;
}

static async(int, fails_after, (int, turns), (int, error))
{
    for (int i = 0; i < turns; i++)
        await(asyncio_sleep(0));
    return asyncio_raise(error, "failed after %d", turns);
}

static async(double, half, (int, n))
{
    await(asyncio_sleep(0));
    return n / 2.0;
}

static async(void, nothing)
{
    note("nothing");
}

static async(int, for_ever)
{
    int r = await(asyncio_sleep(FOR_EVER));
    note("woken");
    return r;
}

/* --- Results --- */

ASYNC_TEST(in_the_order_of_arguments)
{
    int results[4];
    assert_int_equal(
        await(asyncio_gather_into(results, after(3, 1), after(0, 2), after(2, 3), after(1, 4))), 0);
    assert_int_equal(asyncio_error(), 0);
    assert_int_equal(results[0], 1);
    assert_int_equal(results[1], 2);
    assert_int_equal(results[2], 3);
    assert_int_equal(results[3], 4);
    assert_history("2 4 3 1");
}

ASYNC_TEST(they_start_in_order)
{
    await(asyncio_gather(after(0, 1), after(0, 2), after(0, 3)));
    assert_history("1 2 3");
}

ASYNC_TEST(of_any_types)
{
    awaitable(double) d = asyncio_create_task(half(5));
    awaitable(int) f = asyncio_future(int);
    asyncio_set_result(f, 9);
    assert_int_equal(await(asyncio_gather(d, nothing(), after(1, 1), f, asyncio_sleep(0),
                                          asyncio_sleep(MOMENT))),
                     0);
    assert_true(asyncio_result(d) == 2.5);
    assert_history("nothing 1");
}

ASYNC_TEST(into_other_types)
{
    double results[2];
    assert_int_equal(await(asyncio_gather_into(results, half(1), half(3))), 0);
    assert_true(results[0] == 0.5 && results[1] == 1.5);
    int sleeps[3] = {1, 2, 3};
    assert_int_equal(await(asyncio_gather_into(sleeps, asyncio_sleep(0), asyncio_sleep(MOMENT),
                                               asyncio_gather(after(0, 1)))),
                     0);
    assert_int_equal(sleeps[0] + sleeps[1] + sleeps[2], 0);
}

ASYNC_TEST(of_an_array)
{
    awaitable(int) handles[5];
    for (int i = 0; i < 5; i++)
        handles[i] = after(0, i);
    assert_int_equal(await(asyncio_gather_n(handles, 5)), 0);
    assert_history("0 1 2 3 4");
    asyncio_any any[] = {half(1), after(0, 6)};
    assert_int_equal(await(asyncio_gather_n(any, 2)), 0);
    assert_history("6");
}

ASYNC_TEST(of_none)
{
    asyncio_any *none = NULL;
    assert_int_equal(await(asyncio_gather()), 0);
    assert_int_equal(await(asyncio_gather_n(none, 0)), 0);
}

ASYNC_TEST(of_one_twice)
{
    awaitable(int) t = asyncio_create_task(after(1, 7)), c = after(1, 8);
    int results[4];
    assert_int_equal(await(asyncio_gather_into(results, t, t, c, c)), 0);
    assert_int_equal(results[0] * 1000 + results[1] * 100 + results[2] * 10 + results[3], 7788);
    assert_history("7 8");
}

ASYNC_TEST(of_what_is_done)
{
    awaitable(int) t = asyncio_create_task(after(0, 7));
    int results[2];
    await(t);
    assert_int_equal(await(asyncio_gather_into(results, t, after(0, 8))), 0);
    assert_int_equal(results[0] * 10 + results[1], 78);
}

ASYNC_TEST(nested)
{
    int a[2], b[2], both[2];
    assert_int_equal(
        await(asyncio_gather_into(both, asyncio_gather_into(a, after(2, 1), after(1, 2)),
                                  asyncio_gather_into(b, after(0, 3), after(3, 4)))),
        0);
    assert_int_equal(a[0] * 1000 + a[1] * 100 + b[0] * 10 + b[1], 1234);
    assert_int_equal(both[0] + both[1], 0);
}

static async(long, tree, (int, depth))
{
    long sums[10], sum = 0;

    if (depth == 0)
        return 1;
    int error = await(asyncio_gather_into(
        sums, tree(depth - 1), tree(depth - 1), tree(depth - 1), tree(depth - 1), tree(depth - 1),
        tree(depth - 1), tree(depth - 1), tree(depth - 1), tree(depth - 1), tree(depth - 1)));
    for (int i = 0; i < 10; i++)
        sum += sums[i];
    return error ? error : sum;
}

ASYNC_TEST(a_tree)
{
    assert_int_equal(await(tree(3)), 1000);
}

ASYNC_TEST(ten_thousand)
{
    enum { MANY = 10000 };
    awaitable(double) *handles = malloc(MANY * sizeof *handles);
    for (int i = 0; i < MANY; i++)
        handles[i] = asyncio_create_task(half(i));
    assert_int_equal(await(asyncio_gather_n(handles, MANY)), 0);
    double sum = 0;
    for (int i = 0; i < MANY; i++)
        sum += asyncio_result(handles[i]);
    assert_true(sum == MANY / 4.0 * (MANY - 1));
    free(handles);
}

ASYNC_TEST(ten_thousand_sleeps)
{
    enum { MANY = 10000 };
    awaitable(int) *handles = malloc(MANY * sizeof *handles);
    struct asyncio_info info;
    for (int i = 0; i < MANY; i++)
        handles[i] = asyncio_sleep(MOMENT * (i % 7) / 7);
    awaitable(int) g = asyncio_gather_n(handles, MANY);
    free(handles);
    await(asyncio_sleep(0));
    asyncio_info(&info);
    assert_int_equal(info.stacks, 1);
    assert_int_equal(await(g), 0);
}

/* --- Ownership --- */

ASYNC_TEST(what_it_took_is_its_own)
{
    struct asyncio_info before, after_it;
    asyncio_info(&before);
    for (int i = 0; i < 3; i++)
        await(asyncio_gather(after(0, i), asyncio_sleep(0)));
    SETTLE();
    asyncio_info(&after_it);
    assert_int_equal(after_it.awaitables, before.awaitables);
    assert_history("0 1 2");
}

ASYNC_TEST(as_a_task)
{
    awaitable(int) t = asyncio_create_task(asyncio_gather(after(1, 1), after(0, 2)));
    SETTLE();
    assert_true(asyncio_done(t));
    assert_int_equal(await(t), 0);
    assert_int_equal(await(t), 0); /* made a task it may be awaited again */
    asyncio_spawn(asyncio_gather(after(0, 3)));
    SETTLE();
    assert_history("2 1 3");
}

ASYNC_TEST(never_awaited)
{
    awaitable(int) g = asyncio_gather(after(0, 1), after(5, 2));
    SETTLE();
    asyncio_release(g); /* it runs on */
    SETTLE();
    SETTLE();
    assert_history("1 2");
}

DEATH_TEST(awaited_twice, "cannot reuse already awaited awaitable 'gather'")
{
    awaitable(int) g = asyncio_gather(after(0, 1));
    await(g);
    await(g);
}

DEATH_TEST(what_is_no_awaitable, "is no awaitable")
{
    int number = 0;
    asyncio_any handles[] = {&number};
    await(asyncio_gather_n(handles, 1));
}

static awaitable(int) unused_handle;

static void gathered_outside(void)
{
    unused_handle = asyncio_gather(after(0, 1));
}

static void outside_of_a_loop(void **state)
{
    (void)state;
    assert_aborts(gathered_outside, "no running event loop (asyncio_gather)");
}

/* --- Failures --- */

ASYNC_TEST(the_first_error_at_once)
{
    int results[3] = {-1, -1, -1};
    awaitable(int) slow = asyncio_create_task(after(5, 9));
    assert_int_equal(
        await(asyncio_gather_into(results, after(0, 1), fails_after(1, -EPROTO), slow)), -EPROTO);
    assert_int_equal(asyncio_error(), -EPROTO);
    assert_string_equal(asyncio_error_message(), "failed after 1");
    assert_false(asyncio_done(slow)); /* the others run on */
    assert_int_equal(await(slow), 9);
    SETTLE();
    assert_int_equal(results[0], 1);
    assert_int_equal(results[1], -EPROTO);
    assert_int_equal(results[2], -1); /* nobody writes there any more */
}

ASYNC_TEST(of_several_errors_the_first)
{
    listen_to_stderr();
    assert_int_equal(await(asyncio_gather(fails_after(2, -EIO), fails_after(1, -EPROTO))), -EPROTO);
    SETTLE();
    assert_string_equal(what_was_said(), ""); /* the other counts as retrieved */
}

static async(int, fails_with_a_value)
{
    asyncio_raise(-EIO, "all the same");
    return 5;
}

ASYNC_TEST(a_value_besides_an_error)
{
    int results[1];
    assert_int_equal(await(asyncio_gather_into(results, fails_with_a_value())), -EIO);
    assert_int_equal(results[0], 5);
}

ASYNC_TEST(errors_in_other_types)
{
    double doubles[2] = {7, 7};
    awaitable(double) f = asyncio_future(double);
    asyncio_set_exception(f, -EPERM, NULL);
    assert_int_equal(await(asyncio_gather_into(doubles, f, half(2))), -EPERM);
    assert_true(doubles[0] == 0);
    short shorts[1] = {7};
    awaitable(short) s = asyncio_future(short);
    asyncio_set_exception(s, -EPERM, NULL);
    assert_int_equal(await(asyncio_gather_into(shorts, s)), -EPERM);
    assert_int_equal(shorts[0], -EPERM);
}

ASYNC_TEST(null_among_them)
{
    awaitable(int) no = NULL;
    assert_int_equal(await(asyncio_gather(after(0, 1), no, after(0, 2))), -ENOMEM);
    SETTLE();
    assert_history("");
}

/* --- Cancelling --- */

ASYNC_TEST(cancelled_it_cancels_all)
{
    awaitable(int) t = asyncio_create_task(for_ever());
    awaitable(int) g = asyncio_gather(t, for_ever(), asyncio_sleep(FOR_EVER));
    SETTLE();
    assert_true(asyncio_cancel(g));
    assert_int_equal(await(g), -ECANCELED);
    assert_true(asyncio_cancelled(t));
    assert_history("woken woken");
}

/* As in Python: what all its children came to is not lost by that, and the gather says so. */
ASYNC_TEST(cancelled_when_all_are_done)
{
    int results[2];
    awaitable(int) a = asyncio_future(int), b = asyncio_future(int);
    awaitable(int) gather = asyncio_gather_into(results, a, b);

    asyncio_set_result(a, 1);
    asyncio_set_result(b, 2);
    assert_false(asyncio_done(gather));
    assert_false(asyncio_cancel(gather));
    assert_int_equal(await(gather), 0);
    assert_int_equal(results[0] + results[1], 3);
}

ASYNC_TEST(all_done_already)
{
    int results[2];
    awaitable(int) a = asyncio_future(int), b = asyncio_future(int);

    asyncio_set_result(a, 1);
    asyncio_set_result(b, 2);
    awaitable(int) gather = asyncio_gather_into(results, a, b);
    assert_true(asyncio_done(gather));
    assert_int_equal(await(gather), 0);
    assert_int_equal(results[0] + results[1], 3);

    awaitable(int) failed = asyncio_future(int), pending = asyncio_future(int);
    asyncio_set_exception(failed, -EPROTO, NULL);
    assert_int_equal(await(asyncio_gather(pending, failed, a)), -EPROTO);
}

ASYNC_TEST(cancelled_before_they_start)
{
    awaitable(int) g = asyncio_gather(for_ever(), after(0, 1));
    assert_true(asyncio_cancel(g));
    assert_int_equal(await(g), -ECANCELED);
    SETTLE();
    assert_history("");
}

ASYNC_TEST(a_childs_cancellation_is_its_error)
{
    awaitable(int) t = asyncio_create_task(for_ever());
    awaitable(int) other = asyncio_create_task(after(8, 1));
    awaitable(int) g = asyncio_gather(other, t);
    SETTLE();
    asyncio_cancel(t);
    assert_int_equal(await(g), -ECANCELED);
    assert_int_equal(asyncio_cancelling(asyncio_current_task()), 0);
    assert_int_equal(await(other), 1); /* was not cancelled */
    assert_int_equal(await(asyncio_sleep(0)), 0);
}

static async(int, refuses)
{
    while (await(asyncio_sleep(MOMENT)) == -ECANCELED)
        continue;
    return 1;
}

ASYNC_TEST(children_that_do_not_mind)
{
    awaitable(int) g = asyncio_gather(refuses(), refuses());
    SETTLE();
    asyncio_cancel(g);
    assert_int_equal(await(g), -ECANCELED); /* when both are done */
}

static async(int, fails_when_cancelled)
{
    await(asyncio_sleep(FOR_EVER));
    return asyncio_raise(-EPROTO, "cleaning up");
}

ASYNC_TEST(an_error_outranks_the_cancellation)
{
    awaitable(int) g = asyncio_gather(fails_when_cancelled(), for_ever());
    SETTLE();
    asyncio_cancel(g);
    assert_int_equal(await(g), -EPROTO);
    SETTLE();
}

ASYNC_TEST(nested_and_cancelled)
{
    awaitable(int) g = asyncio_gather(asyncio_gather(for_ever(), for_ever()), for_ever());
    SETTLE();
    asyncio_cancel(g);
    assert_int_equal(await(g), -ECANCELED);
    SETTLE();
    assert_history("woken woken woken");
}

/* --- Exceptions as results --- */

static async(int, comes_to, (int, v))
{
    await(asyncio_sleep(0));
    return v < 0 ? asyncio_raise(v, "no %d", -v) : v;
}

ASYNC_TEST(exceptions_as_results)
{
    int errors[3] = {1, 1, 1}, results[3];
    awaitable(int) t = asyncio_create_task(for_ever());
    asyncio_cancel(t);
    assert_int_equal(await(asyncio_gather_return_exceptions(errors, comes_to(-EPROTO), t,
                                                            asyncio_sleep(MOMENT))),
                     0);
    assert_int_equal(errors[0], -EPROTO);
    assert_int_equal(errors[1], -ECANCELED);
    assert_int_equal(errors[2], 0);

    awaitable(int) two[] = {comes_to(1), comes_to(-EPROTO)};
    assert_int_equal(await(asyncio_gather_n_return_exceptions(errors, two, 2)), 0);
    assert_int_equal(errors[0], 0);
    assert_int_equal(errors[1], -EPROTO);

    assert_int_equal(await(asyncio_gather_into_return_exceptions(results, errors, comes_to(-EPROTO),
                                                                 comes_to(2), comes_to(-EBADF))),
                     0);
    assert_int_equal(results[0], -EPROTO);
    assert_int_equal(results[1], 2);
    assert_int_equal(results[2], -EBADF);
    assert_int_equal(errors[0] + errors[1], -EPROTO);
    assert_int_equal(errors[2], -EBADF);
}

ASYNC_TEST(exceptions_as_results_cancelled)
{
    int errors[2] = {1, 1};
    awaitable(int) g = asyncio_gather_return_exceptions(errors, for_ever(), fails_when_cancelled());
    SETTLE();
    asyncio_cancel(g);
    assert_int_equal(await(g), -ECANCELED);
    assert_int_equal(errors[0], -ECANCELED);
    assert_int_equal(errors[1], -EPROTO);
}

ASYNC_TEST(exceptions_as_results_of_nothing)
{
    int errors[1] = {1};
    awaitable(int) none[1] = {NULL};
    assert_int_equal(await(asyncio_gather_n_return_exceptions(errors, none, 0)), 0);
    assert_int_equal(await(asyncio_gather_n_return_exceptions(errors, none, 1)), -ENOMEM);
    assert_int_equal(errors[0], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(in_the_order_of_arguments),
        TEST(they_start_in_order),
        TEST(of_any_types),
        TEST(into_other_types),
        TEST(of_an_array),
        TEST(of_none),
        TEST(of_one_twice),
        TEST(of_what_is_done),
        TEST(nested),
        TEST(a_tree),
        TEST(ten_thousand),
        TEST(ten_thousand_sleeps),
        TEST(what_it_took_is_its_own),
        TEST(as_a_task),
        TEST(never_awaited),
        TEST(awaited_twice),
        TEST(what_is_no_awaitable),
        TEST(outside_of_a_loop),
        TEST(the_first_error_at_once),
        TEST(of_several_errors_the_first),
        TEST(a_value_besides_an_error),
        TEST(errors_in_other_types),
        TEST(null_among_them),
        TEST(cancelled_it_cancels_all),
        TEST(cancelled_when_all_are_done),
        TEST(all_done_already),
        TEST(cancelled_before_they_start),
        TEST(a_childs_cancellation_is_its_error),
        TEST(children_that_do_not_mind),
        TEST(an_error_outranks_the_cancellation),
        TEST(nested_and_cancelled),
        TEST(exceptions_as_results),
        TEST(exceptions_as_results_cancelled),
        TEST(exceptions_as_results_of_nothing),
    };
    return cmocka_run_group_tests_name("gather", tests, NULL, NULL);
}
