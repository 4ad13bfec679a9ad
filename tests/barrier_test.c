/* Barrier: it fills, drains, and fills again; is reset, and broken. */
#include "support.h"

static struct asyncio_barrier barrier;

static async(int, waits, (int, name))
{
    int r = await(asyncio_barrier_wait(&barrier));
    if (r >= 0)
        note("%d=%d", name, r);
    else
        note("%d:%s", name, r == -EPIPE ? "broken" : "cancelled");
    return r;
}

static async(void, turns, (int, n))
{
    while (n-- > 0)
        await(asyncio_sleep(0));
}

static async(void, fails_or_not, (int, name))
{
    await(waits(name));
}

static void wait_in_tasks(int from, int to)
{
    for (int i = from; i <= to; i++)
        asyncio_spawn(fails_or_not(i));
}

ASYNC_TEST(all_go_on_when_the_last_has_come)
{
    barrier = asyncio_barrier(3);
    assert_int_equal(asyncio_barrier_parties(&barrier), 3);
    wait_in_tasks(1, 2);
    await(turns(5));
    assert_int_equal(asyncio_barrier_n_waiting(&barrier), 2);
    assert_history("");
    assert_int_equal(await(waits(3)), 2);
    assert_int_equal(asyncio_barrier_n_waiting(&barrier), 0); /* draining */
    await(turns(5));
    assert_history("3=2 1=0 2=1");
}

ASYNC_TEST(async_with_waits_before_the_block)
{
    barrier = asyncio_barrier(2);
    awaitable(int) t = asyncio_create_task(waits(1));
    async_with(&barrier)
    {
        await(t);
        note("within");
    }
    await(asyncio_barrier_abort(&barrier));
    async_with(&barrier) note("not to be seen");
    assert_int_equal(asyncio_error(), -EPIPE);
    assert_history("1=1 within");
}

ASYNC_TEST(alone_it_does_not_wait)
{
    barrier = asyncio_barrier(1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(await(asyncio_barrier_wait(&barrier)), 0);
    assert_false(asyncio_condition_locked(&barrier.condition));
}

/* Those who come while it drains are of the next round. */
ASYNC_TEST(it_fills_again)
{
    barrier = asyncio_barrier(2);
    wait_in_tasks(1, 5);
    await(turns(20));
    assert_history("2=1 1=0 4=1 3=0");
    assert_int_equal(asyncio_barrier_n_waiting(&barrier), 1);
    await(waits(6));
    await(turns(3));
    assert_history("6=1 5=0");
}

ASYNC_TEST(who_is_cancelled_is_one_less)
{
    barrier = asyncio_barrier(2);
    awaitable(int) t = asyncio_create_task(waits(1));
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    assert_int_equal(asyncio_barrier_n_waiting(&barrier), 0);
    assert_false(asyncio_barrier_broken(&barrier));
    wait_in_tasks(2, 3);
    await(turns(5));
    assert_history("1:cancelled 3=1 2=0");
}

ASYNC_TEST(cancelled_at_the_gate)
{
    barrier = asyncio_barrier(2);
    wait_in_tasks(1, 2);
    awaitable(int) third = asyncio_create_task(waits(3));
    await(turns(1));
    assert_int_equal(barrier.state, 1); /* it drains, and the third waits at the gate */
    asyncio_cancel(third);
    assert_int_equal(await(third), -ECANCELED);
    await(turns(5));
    assert_false(asyncio_condition_locked(&barrier.condition));
    wait_in_tasks(4, 5);
    await(turns(5));
    assert_history("2=1 1=0 3:cancelled 5=1 4=0");
}

ASYNC_TEST(aborted_it_is_broken_until_it_is_reset)
{
    barrier = asyncio_barrier(3);
    wait_in_tasks(1, 2);
    await(turns(2));
    assert_int_equal(await(asyncio_barrier_abort(&barrier)), 0);
    assert_true(asyncio_barrier_broken(&barrier));
    await(turns(3));
    assert_int_equal(await(waits(3)), -EPIPE);
    assert_int_equal(asyncio_error(), -EPIPE);
    assert_true(asyncio_barrier_broken(&barrier));
    assert_int_equal(await(asyncio_barrier_reset(&barrier)), 0);
    assert_false(asyncio_barrier_broken(&barrier));
    wait_in_tasks(4, 6);
    await(turns(5));
    assert_history("1:broken 2:broken 3:broken 6=2 4=0 5=1");
}

ASYNC_TEST(reset_those_within_fail)
{
    barrier = asyncio_barrier(3);
    wait_in_tasks(1, 2);
    await(turns(2));
    assert_int_equal(await(asyncio_barrier_reset(&barrier)), 0);
    assert_int_equal(asyncio_barrier_n_waiting(&barrier), 0);
    wait_in_tasks(3, 5); /* at the gate until those are gone */
    await(turns(9));
    assert_false(asyncio_barrier_broken(&barrier));
    assert_history("1:broken 2:broken 5=2 3=0 4=1");
}

ASYNC_TEST(empty_it_may_be_reset)
{
    barrier = asyncio_barrier(2);
    assert_int_equal(await(asyncio_barrier_reset(&barrier)), 0);
    wait_in_tasks(1, 2);
    await(turns(4));
    assert_history("2=1 1=0");
}

ASYNC_TEST(changing_it_may_be_cancelled)
{
    barrier = asyncio_barrier(2);
    await(asyncio_condition_acquire(&barrier.condition));
    awaitable(int) a = asyncio_create_task(asyncio_barrier_abort(&barrier));
    awaitable(int) r = asyncio_create_task(asyncio_barrier_reset(&barrier));
    awaitable(int) w = asyncio_create_task(waits(1));
    await(turns(1));
    asyncio_cancel(a);
    asyncio_cancel(w);
    assert_int_equal(await(a), -ECANCELED);
    assert_int_equal(await(w), -ECANCELED);
    asyncio_condition_release(&barrier.condition);
    assert_int_equal(await(r), 0);
    assert_false(asyncio_barrier_broken(&barrier));
    assert_history("1:cancelled");
}

ASYNC_TEST(gathered_it_needs_no_stack)
{
    struct asyncio_info info;
    int index[3];

    barrier = asyncio_barrier(3);
    awaitable(int) all =
        asyncio_gather_into(index, asyncio_barrier_wait(&barrier), asyncio_barrier_wait(&barrier),
                            asyncio_barrier_wait(&barrier));
    await(asyncio_sleep(0));
    asyncio_info(&info);
    assert_int_equal(info.stacks, 1);
    assert_int_equal(await(all), 0);
    assert_int_equal(index[0] + index[1] * 10 + index[2] * 100, 210);
}

ASYNC_TEST(it_says_what_it_is)
{
    char repr[128], expected[128];

    barrier = asyncio_barrier(4);
    snprintf(expected, sizeof expected,
             "<asyncio.locks.Barrier object at %p [filling, waiters:0/4]>", (void *)&barrier);
    assert_string_equal(asyncio_barrier_repr(&barrier, repr, sizeof repr), expected);
    await(asyncio_barrier_abort(&barrier));
    snprintf(expected, sizeof expected, "<asyncio.locks.Barrier object at %p [broken]>",
             (void *)&barrier);
    assert_string_equal(asyncio_barrier_repr(&barrier, repr, sizeof repr), expected);
}

DEATH_TEST(no_parties, "ValueError: parties must be > 0")
{
    barrier = asyncio_barrier(0);
}

/* --- Any order of things --- */

enum { PARTIES = 3, TASKS = 7, ROUNDS = 30, SEEDS = 60 };

static struct {
    unsigned seed;
    int round, seen; /* the indices seen in this round */
    int active;
    awaitable(void) tasks[TASKS];
} model;

static unsigned chance(unsigned n)
{
    model.seed = model.seed * 1664525 + 1013904223;
    return (model.seed >> 16) % n;
}

/* No index twice in a round, unless somebody was cancelled after it had come. */
static async(void, meets)
{
    for (int i = 0; i < ROUNDS; i++) {
        int index = await(asyncio_barrier_wait(&barrier));
        assert_true(index < PARTIES);
        if (index >= 0)
            model.round++;
        else
            assert_true(index == -ECANCELED || index == -EPIPE);
        await(turns((int)chance(3)));
    }
    model.active--;
}

static async(void, disturbs)
{
    while (model.active > 0) {
        unsigned what = chance(8);
        if (what == 0)
            await(asyncio_barrier_reset(&barrier));
        else if (what == 1)
            await(asyncio_barrier_abort(&barrier));
        else if (what < 5)
            asyncio_cancel(model.tasks[chance(TASKS)]);
        await(turns((int)chance(3)));
        if (asyncio_barrier_broken(&barrier) || model.active < PARTIES)
            await(asyncio_barrier_reset(&barrier));
        await(asyncio_sleep(0));
    }
}

ASYNC_TEST(whatever_happens_nobody_stays_behind)
{
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        memset(&model, 0, sizeof model);
        model.seed = seed;
        model.active = TASKS;
        barrier = asyncio_barrier(PARTIES);
        for (int i = 0; i < TASKS; i++)
            model.tasks[i] = asyncio_create_task(meets());
        await(asyncio_sleep(0));
        await(disturbs());
        for (int i = 0; i < TASKS; i++) {
            await(model.tasks[i]);
            asyncio_release(model.tasks[i]);
        }
        assert_true(model.round > 0);
        assert_int_equal(barrier.count, 0);
        assert_false(asyncio_condition_locked(&barrier.condition));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_go_on_when_the_last_has_come),
        TEST(async_with_waits_before_the_block),
        TEST(alone_it_does_not_wait),
        TEST(it_fills_again),
        TEST(who_is_cancelled_is_one_less),
        TEST(cancelled_at_the_gate),
        TEST(aborted_it_is_broken_until_it_is_reset),
        TEST(reset_those_within_fail),
        TEST(empty_it_may_be_reset),
        TEST(changing_it_may_be_cancelled),
        TEST(gathered_it_needs_no_stack),
        TEST(it_says_what_it_is),
        TEST(no_parties),
        TEST(whatever_happens_nobody_stays_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
