/* wait and as_completed: who is done, in what order, and when the waiting ends. */
#include "support.h"

static async(int, after, (double, seconds), (int, v))
{
    int r = await(asyncio_sleep(seconds));
    if (r < 0)
        return r;
    note("%d", v);
    return v < 0 ? asyncio_raise(v, "no %d", -v) : v;
}

static async(int, turns, (int, n), (int, v))
{
    while (n--)
        await(asyncio_sleep(0));
    return v < 0 ? asyncio_raise(v, "no %d", -v) : v;
}

static void release_all(awaitable(int) * t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        asyncio_cancel(t[i]);
        asyncio_release(t[i]);
    }
}

/* --- wait --- */

ASYNC_TEST(wait_for_all)
{
    awaitable(int) a = asyncio_create_task(turns(3, 1)), b = asyncio_create_task(turns(1, 2));
    awaitable(int) t[] = {a, b};
    assert_int_equal(await(asyncio_wait(t, 2)), 2);
    assert_ptr_equal(t[0], a);
    assert_ptr_equal(t[1], b);
    assert_int_equal(asyncio_result(a) + asyncio_result(b), 3);
    assert_int_equal(asyncio_error(), 0);
}

ASYNC_TEST(wait_for_the_first)
{
    awaitable(int) a = asyncio_create_task(turns(9, 1)), b = asyncio_create_task(turns(1, 2)),
                   c = asyncio_future(int), d = asyncio_create_task(turns(1, 4));
    awaitable(int) t[] = {a, b, c, d};
    assert_int_equal(await(asyncio_wait(t, 4, ASYNCIO_FOREVER, ASYNCIO_FIRST_COMPLETED)), 2);
    assert_ptr_equal(t[0], b);
    assert_ptr_equal(t[1], d);
    assert_ptr_equal(t[2], a);
    assert_ptr_equal(t[3], c);
    assert_false(asyncio_done(a));
    assert_int_equal(await(asyncio_wait(t + 2, 2, ASYNCIO_FOREVER, ASYNCIO_FIRST_COMPLETED)), 1);
    assert_ptr_equal(t[2], a);
    assert_false(asyncio_cancelled(c));
}

ASYNC_TEST(wait_for_a_failure)
{
    awaitable(int) ok = asyncio_create_task(turns(1, 1)), bad = asyncio_create_task(turns(2, -EIO)),
                   c = asyncio_future(int), s = asyncio_create_task(after(FOR_EVER, 3));
    awaitable(int) t[] = {s, ok, c, bad};
    asyncio_cancel(c);
    assert_int_equal(await(asyncio_wait(t, 4, ASYNCIO_FOREVER, ASYNCIO_FIRST_EXCEPTION)), 3);
    assert_ptr_equal(t[0], ok);
    assert_ptr_equal(t[1], c);
    assert_ptr_equal(t[2], bad);
    assert_ptr_equal(t[3], s);
    release_all(t, 4);
}

/* Without a failure it waits for all. */
ASYNC_TEST(wait_for_a_failure_in_vain)
{
    awaitable(int) t[] = {asyncio_create_task(turns(1, 1)), asyncio_create_task(turns(4, 2))};
    assert_int_equal(await(asyncio_wait(t, 2, ASYNCIO_FOREVER, ASYNCIO_FIRST_EXCEPTION)), 2);
}

ASYNC_TEST(wait_in_time)
{
    awaitable(int)
        t[] = {asyncio_create_task(after(FOR_EVER, 1)), asyncio_create_task(turns(1, 2))};
    awaitable(int) first = t[0];
    await(t[1]);
    assert_int_equal(await(asyncio_wait(t, 2, MOMENT)), 1);
    assert_int_equal(asyncio_error(), 0);
    assert_ptr_equal(t[1], first);
    assert_false(asyncio_done(first));
    assert_int_equal(asyncio_cancelling(first), 0);
    assert_int_equal(await(asyncio_wait(&first, 1, 0, ASYNCIO_ALL_COMPLETED)), 0);
    assert_int_equal(await(asyncio_wait(&first, 1, -1, ASYNCIO_FIRST_COMPLETED)), 0);
    release_all(t, 2);
}

/* Also where nothing is left to wait for, as in Python. */
ASYNC_TEST(wait_takes_its_turns)
{
    awaitable(int) f = asyncio_future(int);
    asyncio_set_result(f, 1);
    awaitable(int) counter = asyncio_create_task(turns(9, 1));
    assert_int_equal(await(asyncio_wait(&f, 1, ASYNCIO_FOREVER, ASYNCIO_ALL_COMPLETED)), 1);
    assert_false(asyncio_done(counter));
    await(counter);
}

ASYNC_TEST(wait_for_one_twice)
{
    awaitable(int) t[2] = {asyncio_create_task(turns(2, 1))};
    t[1] = t[0];
    assert_int_equal(await(asyncio_wait(t, 2, ASYNCIO_FOREVER, ASYNCIO_ALL_COMPLETED)), 2);
}

ASYNC_TEST(wait_cancelled)
{
    awaitable(int)
        t[] = {asyncio_create_task(after(FOR_EVER, 1)), asyncio_create_task(turns(2, 2))};
    awaitable(int) first = t[0];
    awaitable(ssize_t) w = asyncio_create_task(asyncio_wait(t, 2, FOR_EVER, ASYNCIO_ALL_COMPLETED));
    for (int i = 0; i < 3; i++)
        await(asyncio_sleep(0));
    asyncio_cancel(w);
    assert_int_equal(await(w), -ECANCELED);
    assert_true(asyncio_cancelled(w));
    assert_ptr_equal(t[0], first);
    assert_false(asyncio_done(first));
    assert_int_equal(asyncio_cancelling(first), 0);
    release_all(t, 2);
}

/* Cancelled or over in the very turn in which one of them is done. */
ASYNC_TEST(wait_left_meanwhile)
{
    for (int n = 0; n < 8; n++) {
        awaitable(int) f = asyncio_future(int), g = asyncio_future(int);
        awaitable(int) t[] = {f, g};
        awaitable(ssize_t) w =
            asyncio_create_task(asyncio_wait(t, 2, n % 2 ? 0 : FOR_EVER, ASYNCIO_ALL_COMPLETED));
        for (int i = 0; i < n / 2; i++)
            await(asyncio_sleep(0));
        asyncio_set_result(f, 1);
        asyncio_cancel(w);
        ssize_t r = await(w);
        assert_true(r == -ECANCELED || (n % 2 && r >= 0 && r <= 1));
        asyncio_set_result(g, 1);
        await(asyncio_sleep(0));
    }
}

ASYNC_TEST(wait_of_other_things)
{
    awaitable(double) d = asyncio_future(double);
    awaitable(int) g = asyncio_gather(turns(1, 1), turns(2, 2));
    awaitable(int) sleep = asyncio_create_task(asyncio_sleep(0));
    asyncio_any t[] = {d, g, sleep};
    await(asyncio_wait(&t[1], 2, ASYNCIO_FOREVER, ASYNCIO_ALL_COMPLETED));
    assert_int_equal(await(asyncio_wait(t, 3, MOMENT, ASYNCIO_ALL_COMPLETED)), 2);
    assert_ptr_equal(t[2], d);
    assert_int_equal(await(g), 0);
}

ASYNC_TEST(wait_without_memory)
{
    awaitable(int) t[] = {NULL};
    assert_null(asyncio_wait(t, 1, 1, ASYNCIO_ALL_COMPLETED));
    assert_int_equal(await(asyncio_wait(t, 1, 1, ASYNCIO_ALL_COMPLETED)), -ENOMEM);
}

/* What is never awaited lets go of all. */
ASYNC_TEST(wait_unused)
{
    awaitable(int) t[] = {asyncio_create_task(turns(0, 1))};
    asyncio_release(asyncio_wait(t, 1, 1, ASYNCIO_ALL_COMPLETED));
    assert_int_equal(await(t[0]), 1);
}

DEATH_TEST(wait_for_none, "ValueError: Set of Tasks/Futures is empty.")
{
    awaitable(int) t[] = {NULL};
    await(asyncio_wait(t, 0, 1, ASYNCIO_ALL_COMPLETED));
}

DEATH_TEST(wait_for_a_coroutine,
           "TypeError: Passing coroutines is forbidden, use tasks explicitly: coroutine 'turns'")
{
    awaitable(int) t[] = {turns(1, 1)};
    await(asyncio_wait(t, 1, 1, ASYNCIO_ALL_COMPLETED));
}

DEATH_TEST(wait_until_when, "ValueError: Invalid return_when value: 7")
{
    awaitable(int) t[] = {asyncio_create_task(turns(1, 1))};
    await(asyncio_wait(t, 1, 1, (enum asyncio_return_when)7));
}

/* --- as_completed --- */

ASYNC_TEST(in_the_order_of_their_ends)
{
    awaitable(int)
        t[] = {asyncio_create_task(turns(5, 1)), asyncio_create_task(turns(1, 2)), turns(3, 3)};
    async_for (awaitable(int) x, asyncio_as_completed(t, 3)) {
        assert_true(x == t[0] || x == t[1] || x == t[2]);
        assert_true(asyncio_done(x));
        note("%d", await(x));
    }
    assert_int_equal(asyncio_error(), 0);
    assert_history("2 3 1");
    assert_int_equal(asyncio_result(t[2]), 3);
}

ASYNC_TEST(of_nothing)
{
    awaitable(int) t[] = {NULL};
    async_for (awaitable(int) x, asyncio_as_completed(t, 0, 1))
        note("never%d", await(x));
    assert_int_equal(asyncio_error(), 0);
    async_iterator(awaitable(int)) it = asyncio_as_completed(t, 0, 1);
    assert_null(asyncio_as_completed_next(it));
    assert_int_equal(asyncio_error(), 0);
    assert_history("");
}

ASYNC_TEST(one_by_one)
{
    awaitable(int) t[] = {turns(5, 1), turns(1, 2), turns(3, -EIO)};
    async_iterator(awaitable(int)) it = asyncio_as_completed(t, 3, FOR_EVER);
    awaitable(int) x;
    int n = 0;
    while ((x = asyncio_as_completed_next(it))) {
        note("%d", await(x));
        if (++n == 2) {
            assert_int_equal(asyncio_error(), -EIO);
            assert_string_equal(asyncio_error_message(), "no 5");
        }
    }
    assert_int_equal(n, 3);
    assert_history("2 -5 1");
    asyncio_release(it);
}

static async(void, nothing)
{
    await(asyncio_sleep(0));
}

static async(double, half, (int, n))
{
    await(asyncio_sleep(0));
    return n / 2.0;
}

ASYNC_TEST(of_other_types)
{
    awaitable(void) v[] = {nothing()};
    async_iterator(awaitable(void)) it = asyncio_as_completed(v, 1, 1);
    await(asyncio_as_completed_next(it));
    assert_int_equal(asyncio_error(), 0);
    awaitable(double) const d[] = {half(3), half(3)};
    async_for (awaitable(double) x, asyncio_as_completed(d, 2, 1))
        assert_true(await(x) == 1.5);
    awaitable(int) o[] = {asyncio_sleep(0), asyncio_sleep(MOMENT), asyncio_gather(half(1))};
    async_for (awaitable(int) x, asyncio_as_completed(o, 3, ASYNCIO_FOREVER))
        assert_int_equal(asyncio_result(x), 0);
}

/* Several ask at once: the first who asked gets the first that is done. */
ASYNC_TEST(several_ask)
{
    awaitable(int) t[] = {turns(6, 1), turns(4, 2), turns(2, 3)};
    int results[3];
    async_iterator(awaitable(int)) it = asyncio_as_completed(t, 3, FOR_EVER);
    assert_int_equal(
        await(asyncio_gather_into(results, asyncio_as_completed_next(it),
                                  asyncio_as_completed_next(it), asyncio_as_completed_next(it))),
        0);
    assert_int_equal(results[0], 3);
    assert_int_equal(results[1], 2);
    assert_int_equal(results[2], 1);
    asyncio_release(it);
}

ASYNC_TEST(not_in_time)
{
    awaitable(int) t[] = {after(FOR_EVER, 1), asyncio_create_task(turns(1, 2)), after(FOR_EVER, 3)};
    await(t[1]); /* now, as a busy machine may be late for its turn */
    async_for (awaitable(int) x, asyncio_as_completed(t, 3, MOMENT))
        note("%d", await(x));
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
    assert_history("2");
    assert_false(asyncio_done(t[0]));
    assert_int_equal(asyncio_cancelling(t[0]), 0);

    awaitable(int) two[] = {t[0], t[2]};
    async_iterator(awaitable(int)) it = asyncio_as_completed(two, 2, MOMENT);
    awaitable(int) a = asyncio_create_task(asyncio_as_completed_next(it)),
                   b = asyncio_create_task(asyncio_as_completed_next(it));
    assert_int_equal(await(a), -ETIMEDOUT);
    assert_int_equal(await(b), -ETIMEDOUT);
    asyncio_release(it);
    release_all(t, 3);
}

/* What was done in time is given also when the time is over. */
ASYNC_TEST(in_time_but_asked_late)
{
    awaitable(int) t[] = {asyncio_create_task(turns(1, 1)), after(FOR_EVER, 2)};
    await(t[0]);
    async_iterator(awaitable(int)) it = asyncio_as_completed(t, 2, MOMENT);
    await(asyncio_sleep(MOMENT * 3));
    assert_int_equal(await(asyncio_as_completed_next(it)), 1);
    assert_int_equal(await(asyncio_as_completed_next(it)), -ETIMEDOUT);
    assert_int_equal(asyncio_error(), -ETIMEDOUT);
    asyncio_release(it);
    release_all(t, 2);
}

ASYNC_TEST(left_early)
{
    awaitable(int) t[] = {turns(1, 1), turns(2, 2), turns(3, 3), after(FOR_EVER, 4)};
    async_for (awaitable(int) x, asyncio_as_completed(t, 4, FOR_EVER)) {
        note("%d", await(x));
        break;
    }
    assert_history("1");
    assert_int_equal(await(t[2]), 3);
    release_all(t, 4);
}

static async(int, first_of, (awaitable(int) *, t), (size_t, n))
{
    async_for (awaitable(int) x, asyncio_as_completed(t, n, FOR_EVER))
        return await(x);
    return asyncio_error();
}

ASYNC_TEST(cancelled_in_the_loop)
{
    awaitable(int) t[] = {asyncio_create_task(after(FOR_EVER, 1))};
    awaitable(int) f = asyncio_create_task(first_of(t, 1));
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    asyncio_cancel(f);
    assert_int_equal(await(f), -ECANCELED);
    assert_true(asyncio_cancelled(f));
    assert_int_equal(asyncio_cancelling(t[0]), 0);
    release_all(t, 1);
}

/* A getter that is cancelled when it was called already passes the call on. */
ASYNC_TEST(a_getter_cancelled_late)
{
    awaitable(int) f = asyncio_future(int), g = asyncio_future(int);
    awaitable(int) t[] = {f, g};
    async_iterator(awaitable(int)) it = asyncio_as_completed(t, 2, FOR_EVER);
    awaitable(int) a = asyncio_create_task(asyncio_as_completed_next(it)),
                   b = asyncio_create_task(asyncio_as_completed_next(it));
    for (int i = 0; i < 3; i++)
        await(asyncio_sleep(0));
    asyncio_set_result(f, 1);
    await(asyncio_sleep(0));
    asyncio_cancel(a);
    assert_int_equal(await(a), -ECANCELED);
    assert_int_equal(await(b), 1);
    asyncio_set_result(g, 2);
    await(asyncio_sleep(0));
    asyncio_release(it);
}

ASYNC_TEST(of_no_memory)
{
    awaitable(int) t[] = {turns(1, 1), NULL, turns(1, 2)};
    async_for (awaitable(int) x, asyncio_as_completed(t, 3, 1))
        note("%d", await(x));
    assert_int_equal(asyncio_error(), -ENOMEM);
    assert_int_equal(await(t[0]), -ECANCELED);
    assert_history("");
}

static async(int, leaves_it)
{
    awaitable(int) t[] = {after(FOR_EVER, 1), asyncio_future(int)};
    async_iterator(awaitable(int)) it = asyncio_as_completed(t, 2, FOR_EVER);
    await(asyncio_sleep(0));
    return asyncio_as_completed_next(it) ? 1 : 0;
}

/* The one that was asked for is warned of, and holds it until then. */
ASYNC_TEST(left_to_its_maker)
{
    listen_to_stderr();
    int r = await(asyncio_create_task(leaves_it()));
    assert_says(what_was_said(), "coroutine 'as_completed' was never awaited");
    assert_int_equal(r, 1);
}

DEATH_TEST(next_of_a_generator, "TypeError: what asyncio_as_completed() made was expected")
{
    asyncio_as_completed_next((async_iterator(awaitable(int)))(asyncio_any)turns(1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wait_for_all),
        TEST(wait_for_the_first),
        TEST(wait_for_a_failure),
        TEST(wait_for_a_failure_in_vain),
        TEST(wait_in_time),
        TEST(wait_takes_its_turns),
        TEST(wait_for_one_twice),
        TEST(wait_cancelled),
        TEST(wait_left_meanwhile),
        TEST(wait_of_other_things),
        TEST(wait_without_memory),
        TEST(wait_unused),
        TEST(wait_for_none),
        TEST(wait_for_a_coroutine),
        TEST(wait_until_when),
        TEST(in_the_order_of_their_ends),
        TEST(of_nothing),
        TEST(one_by_one),
        TEST(of_other_types),
        TEST(several_ask),
        TEST(not_in_time),
        TEST(in_time_but_asked_late),
        TEST(left_early),
        TEST(cancelled_in_the_loop),
        TEST(a_getter_cancelled_late),
        TEST(of_no_memory),
        TEST(left_to_its_maker),
        TEST(next_of_a_generator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
