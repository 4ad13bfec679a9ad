/* Cancelling, as Python does it: asked once, counted, delivered at the await; who swallows it and
 * who passes it on. */
#include "support.h"

/* A few turns: enough for whatever is on its way to arrive. */
#define SETTLE()                                                                                   \
    do {                                                                                           \
        for (int turn = 0; turn < 4; turn++)                                                       \
            await(asyncio_sleep(0));                                                               \
    } while (0)

static async(int, sleeper, (double, seconds))
{
    note("begin");
    int r = await(asyncio_sleep(seconds));
    note("%s", r == -ECANCELED ? "cancelled" : "slept");
    return r;
}

static void assert_cancelled(asyncio_any t)
{
    assert_true(asyncio_done(t));
    assert_true(asyncio_cancelled(t));
    assert_int_equal(asyncio_exception(t), -ECANCELED);
}

/* --- Where it finds the task --- */

ASYNC_TEST(before_the_start)
{
    awaitable(int) t = asyncio_create_task(sleeper(FOR_EVER));
    assert_true(asyncio_cancel(t));
    assert_false(asyncio_done(t));
    assert_int_equal(await(t), -ECANCELED);
    assert_int_equal(asyncio_error(), -ECANCELED);
    assert_cancelled(t);
    assert_history("");
}

ASYNC_TEST(an_operation_before_its_start)
{
    awaitable(int) t = asyncio_create_task(asyncio_sleep(FOR_EVER));
    assert_true(asyncio_cancel(t));
    assert_int_equal(await(t), -ECANCELED);
    assert_cancelled(t);
}

ASYNC_TEST(parked_on_an_operation)
{
    awaitable(int) t = asyncio_create_task(sleeper(FOR_EVER));
    SETTLE();
    assert_true(asyncio_cancel(t));
    assert_false(asyncio_done(t));
    assert_int_equal(await(t), -ECANCELED);
    assert_cancelled(t);
    assert_history("begin cancelled");
    assert_false(asyncio_cancel(t));
}

ASYNC_TEST(an_operation_that_is_a_task)
{
    awaitable(int) t = asyncio_create_task(asyncio_sleep(FOR_EVER));
    SETTLE();
    assert_true(asyncio_cancel(t));
    assert_true(asyncio_cancel(t));
    assert_int_equal(await(t), -ECANCELED);
    assert_cancelled(t);
}

static async(int, wait_on, (awaitable(int), x))
{
    int r = await(x);
    note("%d", r);
    return r;
}

ASYNC_TEST(parked_on_a_future)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(int) t = asyncio_create_task(wait_on(f));
    SETTLE();
    asyncio_cancel(t);
    assert_true(asyncio_cancelled(f)); /* at once, as in Python */
    assert_int_equal(await(t), -ECANCELED);
    assert_cancelled(t);
    assert_int_equal(asyncio_set_result(f, 1), -EBUSY);
}

ASYNC_TEST(parked_on_a_task)
{
    awaitable(int) inner = asyncio_create_task(sleeper(FOR_EVER));
    awaitable(int) outer = asyncio_create_task(wait_on(inner));
    SETTLE();
    asyncio_cancel(outer);
    assert_int_equal(await(outer), -ECANCELED);
    assert_cancelled(outer);
    assert_cancelled(inner);
}

ASYNC_TEST(parked_on_a_gather)
{
    awaitable(int) a = asyncio_create_task(sleeper(FOR_EVER));
    awaitable(int) b = asyncio_create_task(sleeper(FOR_EVER));
    awaitable(int) t = asyncio_create_task(wait_on(asyncio_gather(a, b)));
    SETTLE();
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    assert_cancelled(t);
    assert_cancelled(a);
    assert_cancelled(b);
}

static async(int, deep, (int, n))
{
    return n ? await(deep(n - 1)) : await(sleeper(FOR_EVER));
}

ASYNC_TEST(below_many_coroutines)
{
    awaitable(int) t = asyncio_create_task(deep(50));
    SETTLE();
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    assert_cancelled(t);
}

static async(int, yielding)
{
    int r = await(asyncio_sleep(0));
    note("%d", r == -ECANCELED);
    return r;
}

ASYNC_TEST(while_it_is_ready)
{
    awaitable(int) t = asyncio_create_task(yielding());
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    assert_cancelled(t);
    assert_history("1");
}

/* What it waited for is done, but it has not run yet: the result is lost, as in Python. */
ASYNC_TEST(between_the_result_and_the_waking)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(int) t = asyncio_create_task(wait_on(f));
    SETTLE();
    asyncio_set_result(f, 5);
    assert_true(asyncio_cancel(t));
    assert_int_equal(await(t), -ECANCELED);
    assert_cancelled(t);
    assert_int_equal(asyncio_result(f), 5);
}

static async(int, cancel_oneself, (int, awaits))
{
    assert_true(asyncio_cancel(asyncio_current_task()));
    awaitable(int) done = asyncio_future(int);
    asyncio_set_result(done, 3);
    assert_int_equal(await(done), 3); /* does not suspend */
    assert_int_equal(asyncio_error(), 0);
    note("on");
    return awaits ? await(asyncio_sleep(0)) : 7;
}

ASYNC_TEST(oneself)
{
    awaitable(int) t = asyncio_create_task(cancel_oneself(1));
    assert_int_equal(await(t), -ECANCELED);
    assert_cancelled(t);
    assert_history("on");
}

ASYNC_TEST(oneself_at_the_end)
{
    awaitable(int) t = asyncio_create_task(cancel_oneself(0));
    assert_int_equal(await(t), -ECANCELED);
    assert_int_equal(asyncio_result(t), -ECANCELED);
    assert_cancelled(t);
    assert_history("on");
}

ASYNC_TEST(what_is_not_running)
{
    assert_false(asyncio_cancel(NULL));
    assert_true(asyncio_cancel(sleeper(1))); /* closed: nothing is said of it */
    assert_true(asyncio_cancel(asyncio_sleep(1)));
    assert_true(asyncio_cancel(asyncio_sleep(0)));
    awaitable(int) f = asyncio_future(int);
    assert_true(asyncio_cancel(f));
    assert_false(asyncio_cancel(f));
    assert_cancelled(f);
    assert_int_equal(await(f), -ECANCELED);
    assert_history("");
}

static awaitable(int) running;

static async(int, awaits_the_global)
{
    running = asyncio_retain(sleeper(FOR_EVER));
    return await(running);
}

DEATH_TEST(a_coroutine_that_another_task_awaits,
           "coroutine 'sleeper' cannot be cancelled, only the task that awaits it")
{
    asyncio_spawn(awaits_the_global());
    SETTLE();
    asyncio_cancel(running);
}

/* --- Swallowed, twice, counted --- */

static async(int, swallows, (int, times))
{
    for (int i = 0; i < times; i++) {
        if (await(asyncio_sleep(FOR_EVER)) == -ECANCELED)
            note("no");
    }
    return 5;
}

ASYNC_TEST(swallowed)
{
    awaitable(int) t = asyncio_create_task(swallows(1));
    SETTLE();
    asyncio_cancel(t);
    assert_int_equal(await(t), 5);
    assert_int_equal(asyncio_error(), 0);
    assert_false(asyncio_cancelled(t));
    assert_int_equal(asyncio_exception(t), 0);
    assert_history("no");
}

ASYNC_TEST(asked_again)
{
    awaitable(int) t = asyncio_create_task(swallows(2));
    SETTLE();
    asyncio_cancel(t);
    asyncio_cancel(t); /* before it ran: delivered once all the same, as the sleep is done */
    assert_int_equal(asyncio_cancelling(t), 2);
    SETTLE();
    assert_history("no");
    asyncio_cancel(t);
    assert_int_equal(asyncio_cancelling(t), 3);
    assert_int_equal(await(t), 5);
    assert_history("no");
}

static async(int, uncancels)
{
    asyncio_any self = asyncio_current_task();
    int r = await(asyncio_sleep(FOR_EVER));
    note("%d,%d", r, asyncio_cancelling(self));
    note("%d", asyncio_uncancel(self));
    r = await(asyncio_sleep(0));
    note("%d,%d", r, asyncio_cancelling(self));
    return 0;
}

ASYNC_TEST(counted)
{
    awaitable(int) t = asyncio_create_task(uncancels());
    SETTLE();
    assert_int_equal(asyncio_cancelling(t), 0);
    assert_int_equal(asyncio_uncancel(t), 0);
    asyncio_cancel(t);
    assert_int_equal(asyncio_cancelling(t), 1);
    assert_int_equal(await(t), 0);
    assert_history("-125,1 0 0,0");
}

static async(int, takes_it_back)
{
    asyncio_any self = asyncio_current_task();
    asyncio_cancel(self);
    asyncio_cancel(self);
    assert_int_equal(asyncio_uncancel(self), 1);
    assert_int_equal(asyncio_uncancel(self), 0);
    return await(asyncio_sleep(0)); /* nothing is left to be delivered */
}

ASYNC_TEST(taken_back)
{
    assert_int_equal(await(asyncio_create_task(takes_it_back())), 0);
    awaitable(int) t = asyncio_create_task(sleeper(0));
    asyncio_cancel(t);
    assert_int_equal(asyncio_uncancel(t), 0);
    assert_int_equal(await(t), 0);
    assert_history("begin slept");
}

/* --- Who is cancelled: by what it returns --- */

static async(void, nothing)
{
    await(asyncio_sleep(FOR_EVER));
}

static async(void, nothing_but_awaits_on)
{
    await(asyncio_sleep(FOR_EVER));
    await(asyncio_sleep(0));
}

static async(char *, pointer, (char *, value))
{
    await(asyncio_sleep(FOR_EVER));
    return value;
}

struct pair {
    int a, b;
};

static async(struct pair, pair, (int, a))
{
    await(asyncio_sleep(FOR_EVER));
    return (struct pair){a, 0};
}

static async(unsigned, natural, (unsigned, n))
{
    await(asyncio_sleep(FOR_EVER));
    return n;
}

static async(short, narrow)
{
    return (short)await(asyncio_sleep(FOR_EVER));
}

static async(int, other_error)
{
    await(asyncio_sleep(FOR_EVER));
    return -EPROTO;
}

static async(int, raises_instead)
{
    await(asyncio_sleep(FOR_EVER));
    return asyncio_raise(-EPROTO, "rather this");
}

static async(int, raises_it)
{
    await(asyncio_sleep(0));
    return asyncio_raise(-ECANCELED, "of its own accord");
}

#define ASSERT_ENDS(call, is_cancelled, code)                                                      \
    do {                                                                                           \
        asyncio_any t = asyncio_create_task(call);                                                 \
        SETTLE();                                                                                  \
        asyncio_cancel(t);                                                                         \
        SETTLE();                                                                                  \
        assert_true(asyncio_done(t));                                                              \
        assert_int_equal(asyncio_cancelled(t), is_cancelled);                                      \
        assert_int_equal(asyncio_exception(t), code);                                              \
    } while (0)

ASYNC_TEST(by_what_it_returns)
{
    char c = 0;
    ASSERT_ENDS(nothing(), true, -ECANCELED);
    ASSERT_ENDS(nothing_but_awaits_on(), false, 0);
    ASSERT_ENDS(pointer(NULL), true, -ECANCELED);
    ASSERT_ENDS(pointer(&c), false, 0);
    ASSERT_ENDS(pair(0), true, -ECANCELED);
    ASSERT_ENDS(pair(1), false, 0);
    ASSERT_ENDS(natural(0), true, -ECANCELED);
    ASSERT_ENDS(natural(1), false, 0);
    ASSERT_ENDS(narrow(), true, -ECANCELED);
    ASSERT_ENDS(other_error(), false, 0); /* a value, which nobody failed with */
    ASSERT_ENDS(raises_instead(), false, -EPROTO);
    awaitable(int) t = asyncio_create_task(raises_it());
    assert_int_equal(await(t), -ECANCELED);
    assert_true(asyncio_cancelled(t));
    assert_string_equal(asyncio_exception_message(t), "of its own accord");
}

/* --- Cleaning up --- */

static async(int, cleans_up)
{
    int r = await(asyncio_sleep(FOR_EVER));
    note("cleaning");
    await(asyncio_sleep(MOMENT)); /* asked only once: this one sleeps */
    note("clean");
    return r == -ECANCELED ? asyncio_raise(r, "%s", "") : r;
}

ASYNC_TEST(cleaning_up_may_await)
{
    awaitable(int) t = asyncio_create_task(cleans_up());
    SETTLE();
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    assert_cancelled(t);
    assert_history("cleaning clean");
}

static async(int, waits_for_a_cleaner)
{
    awaitable(int) t = asyncio_create_task(cleans_up());
    return await(t);
}

/* Who awaits a task that takes its time to end waits for it to end. */
ASYNC_TEST(waiting_for_the_end)
{
    awaitable(int) t = asyncio_create_task(waits_for_a_cleaner());
    SETTLE();
    asyncio_cancel(t);
    SETTLE();
    assert_false(asyncio_done(t));
    assert_int_equal(await(t), -ECANCELED);
    assert_cancelled(t);
    assert_history("cleaning clean");
}

/* One of several that wait cancels what all of them wait for. */
ASYNC_TEST(a_shared_task)
{
    awaitable(int) shared = asyncio_create_task(sleeper(FOR_EVER));
    awaitable(int) a = asyncio_create_task(wait_on(shared));
    awaitable(int) b = asyncio_create_task(wait_on(shared));
    SETTLE();
    asyncio_cancel(a);
    assert_int_equal(await(b), -ECANCELED);
    assert_cancelled(a);
    assert_cancelled(b);
    assert_cancelled(shared);
}

/* --- At every suspension --- */

static async_gen(int, numbers)
{
    for (int i = 0; i < 3; i++) {
        if (await(asyncio_sleep(0)))
            return;
        async_yield(i);
    }
}

static int lamp_on(struct asyncio_context_manager *m)
{
    (void)m;
    return await(asyncio_sleep(0));
}

static void lamp_off(struct asyncio_context_manager *m)
{
    (void)m;
    await(asyncio_sleep(0));
}

static async(int, leaf, (int, n))
{
    int r = await(asyncio_sleep(n % 2 ? MOMENT : 0));
    return r ? r : n;
}

static async(int, scenario)
{
    struct asyncio_context_manager lamp = {lamp_on, lamp_off};
    int results[3], sum = 0, r;

    async_with(&lamp)
    {
        if ((r = await(leaf(1))) < 0)
            return r;
        if ((r = await(
                 asyncio_gather_into(results, leaf(2), asyncio_create_task(leaf(3)), leaf(4)))) < 0)
            return r;
        async_for (int i, numbers()) {
            if ((r = await(leaf(i))) < 0)
                return r;
            sum += r;
        }
        if (asyncio_error() < 0)
            return asyncio_error();
    }
    if (asyncio_error() < 0) /* on the way in or out */
        return asyncio_error();
    awaitable(int) f = asyncio_future(int);
    awaitable(int) t = asyncio_create_task(wait_on(f));
    if ((r = await(asyncio_sleep(0))) < 0)
        return r;
    asyncio_set_result(f, 1);
    r = await(t);
    return r < 0 ? r : sum + results[0] + results[1] + results[2] + r;
}

/* Until it passes untouched. */
ASYNC_TEST(at_every_turn)
{
    int k = 0, completed = 0;

    while (completed < 3) {
        awaitable(int) t = asyncio_create_task(scenario());
        for (int i = 0; i < k; i++)
            await(asyncio_sleep(i % 2 ? MOMENT / 4 : 0));
        bool asked = asyncio_cancel(t);
        int r = await(t);
        if (r != -ECANCELED && r != 13)
            fail_msg("cancelled in turn %d it returned %d", k, r);
        completed += !asked;
        asyncio_release(t);
        k++;
    }
    assert_true(k > 10);
}

static awaitable(int) first, second;

static async(int, waits_for_the_second)
{
    return await(second);
}

static async(int, waits_for_the_first)
{
    return await(first);
}

/* Nobody can end them but the end of the loop. */
ASYNC_TEST(tasks_that_wait_for_each_other)
{
    first = asyncio_create_task(waits_for_the_second());
    second = asyncio_create_task(waits_for_the_first());
    await(asyncio_sleep(0));
    assert_true(asyncio_cancel(first));
    assert_int_equal(await(first), -ECANCELED);
    assert_int_equal(await(second), -ECANCELED);
    first = asyncio_create_task(waits_for_the_second());
    second = asyncio_create_task(waits_for_the_first());
    await(asyncio_sleep(0));
}

/* --- Through a gather: its results are not written any more once their place may be gone --- */

static awaitable(int) circle[2];
static int gathered[1] = {-1};

static async(int, gathers_the_other)
{
    return await(asyncio_gather_into(gathered, circle[1]));
}

static async(int, has_a_result_all_the_same)
{
    await(circle[0]);
    return 5;
}

ASYNC_TEST(tasks_that_gather_each_other)
{
    circle[0] = asyncio_create_task(gathers_the_other());
    circle[1] = asyncio_create_task(has_a_result_all_the_same());
    await(asyncio_sleep(0));
    asyncio_cancel(circle[0]);
    assert_int_equal(await(circle[0]), -ECANCELED);
    assert_int_equal(await(circle[1]), 5);
    await(asyncio_sleep(0));
    assert_int_equal(gathered[0], -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(before_the_start),
        TEST(an_operation_before_its_start),
        TEST(parked_on_an_operation),
        TEST(an_operation_that_is_a_task),
        TEST(parked_on_a_future),
        TEST(parked_on_a_task),
        TEST(parked_on_a_gather),
        TEST(below_many_coroutines),
        TEST(while_it_is_ready),
        TEST(between_the_result_and_the_waking),
        TEST(oneself),
        TEST(oneself_at_the_end),
        TEST(what_is_not_running),
        TEST(a_coroutine_that_another_task_awaits),
        TEST(swallowed),
        TEST(asked_again),
        TEST(counted),
        TEST(taken_back),
        TEST(by_what_it_returns),
        TEST(cleaning_up_may_await),
        TEST(waiting_for_the_end),
        TEST(a_shared_task),
        TEST(at_every_turn),
        TEST(tasks_that_wait_for_each_other),
        TEST(tasks_that_gather_each_other),
    };
    return cmocka_run_group_tests_name("cancel", tests, NULL, NULL);
}
