/* Condition: who waits gives up the lock meanwhile, always takes it again, and no notification is
 * lost. */
#include "support.h"

static struct asyncio_condition condition;

static async(int, waits, (int, name))
{
    await(asyncio_condition_acquire(&condition));
    int r = await(asyncio_condition_wait(&condition));
    assert_true(asyncio_condition_locked(&condition));
    note(r < 0 ? "%d:cancelled" : "%d", name);
    asyncio_condition_release(&condition);
    return r;
}

static async(void, notifies, (int, n))
{
    await(asyncio_condition_acquire(&condition));
    asyncio_condition_notify(&condition, (size_t)n);
    asyncio_condition_release(&condition);
}

static async(void, turns, (int, n))
{
    while (n-- > 0)
        await(asyncio_sleep(0));
}

ASYNC_TEST(as_many_as_are_notified_go_on_in_order)
{
    for (int i = 1; i <= 5; i++)
        asyncio_spawn(waits(i));
    await(asyncio_sleep(0));
    assert_false(asyncio_condition_locked(&condition));
    await(notifies(1));
    await(turns(9));
    assert_history("1");
    await(notifies(2));
    await(turns(9));
    assert_history("2 3");
    await(notifies(0));
    await(turns(9));
    assert_history("");
    await(asyncio_condition_acquire(&condition));
    asyncio_condition_notify_all(&condition);
    await(turns(9));
    assert_history(""); /* not without the lock */
    asyncio_condition_release(&condition);
    await(turns(9));
    assert_history("4 5");
}

static async(void, waits_and_stays, (int, name))
{
    await(asyncio_condition_acquire(&condition));
    await(asyncio_condition_wait(&condition));
    note("%d", name);
    await(asyncio_sleep(0));
    asyncio_condition_release(&condition);
}

/* Each in the turn after the one before has released it. */
ASYNC_TEST(they_take_the_lock_in_turn)
{
    for (int i = 1; i <= 3; i++)
        asyncio_spawn(waits_and_stays(i));
    await(asyncio_sleep(0));
    await(notifies(3));
    for (int i = 0; i < 6; i++) {
        await(asyncio_sleep(0));
        note("-");
    }
    assert_history("1 - - 2 - - 3 - -");
}

ASYNC_TEST(async_with_holds_its_lock)
{
    awaitable(int) t = asyncio_create_task(waits(1));
    await(asyncio_sleep(0));
    async_with(&condition)
    {
        assert_true(asyncio_condition_locked(&condition));
        asyncio_condition_notify_all(&condition);
    }
    assert_false(asyncio_condition_locked(&condition));
    assert_int_equal(await(t), 0);
    assert_history("1");
}

ASYNC_TEST(with_a_lock_that_others_use)
{
    struct asyncio_lock lock = {0};
    struct asyncio_condition a = asyncio_condition(&lock), b = asyncio_condition(&lock);

    await(asyncio_condition_acquire(&a));
    assert_true(asyncio_lock_locked(&lock));
    assert_true(asyncio_condition_locked(&b));
    awaitable(int) t = asyncio_create_task(asyncio_condition_acquire(&b));
    await(asyncio_sleep(0));
    awaitable(int) w = asyncio_create_task(asyncio_condition_wait(&a));
    assert_int_equal(await(t), 0);
    await(asyncio_sleep(0));
    asyncio_condition_notify(&b, 1); /* nobody */
    asyncio_condition_notify(&a, 1);
    asyncio_condition_release(&b);
    assert_int_equal(await(w), 0);
    asyncio_lock_release(&lock);
}

/* --- wait_for --- */

static int level;

static bool is_reached(void *wanted)
{
    note("%d>=%d?", level, *(int *)wanted);
    return level >= *(int *)wanted;
}

static async(int, waits_for, (int, wanted))
{
    await(asyncio_condition_acquire(&condition));
    int r = await(asyncio_condition_wait_for(&condition, is_reached, &wanted));
    note("%s", r < 0 ? "cancelled" : "reached");
    asyncio_condition_release(&condition);
    return r;
}

static async(void, raises_to, (int, n))
{
    await(asyncio_condition_acquire(&condition));
    level = n;
    asyncio_condition_notify_all(&condition);
    asyncio_condition_release(&condition);
    await(turns(3));
}

ASYNC_TEST(what_holds_is_not_waited_for)
{
    int zero = 0;

    level = 0;
    assert_int_equal(await(asyncio_condition_wait_for(&condition, is_reached, &zero)), 0);
    assert_history("0>=0?"); /* not even the lock is asked for, as in Python */
}

ASYNC_TEST(what_does_not_hold_is_waited_for_again)
{
    level = 0;
    awaitable(int) t = asyncio_create_task(waits_for(2));
    await(asyncio_sleep(0));
    await(raises_to(1));
    assert_false(asyncio_done(t));
    await(raises_to(2));
    assert_int_equal(await(t), 0);
    assert_history("0>=2? 1>=2? 2>=2? reached");
}

ASYNC_TEST(what_never_holds_is_cancelled)
{
    level = 0;
    assert_int_equal(await(asyncio_wait_for(waits_for(1), MOMENT)), -ETIMEDOUT);
    assert_false(asyncio_condition_locked(&condition));
    assert_history("0>=1? cancelled");
}

/* --- Cancelled --- */

ASYNC_TEST(cancelled_it_has_the_lock_again)
{
    awaitable(int) t = asyncio_create_task(waits(1));
    await(asyncio_sleep(0));
    await(asyncio_condition_acquire(&condition));
    asyncio_cancel(t);
    await(turns(3));
    assert_history("");
    asyncio_condition_release(&condition);
    assert_int_equal(await(t), -ECANCELED);
    assert_history("1:cancelled");
}

ASYNC_TEST(cancelled_again_and_again_it_has_the_lock)
{
    awaitable(int) t = asyncio_create_task(waits(1));
    awaitable(int) u = asyncio_create_task(waits(2));
    await(asyncio_sleep(0));
    await(asyncio_condition_acquire(&condition));
    for (int i = 0; i < 4; i++) {
        asyncio_cancel(t);
        await(turns(i)); /* the first: before it has begun to wait for the lock */
    }
    asyncio_condition_notify_all(&condition);
    asyncio_condition_release(&condition);
    asyncio_cancel(t); /* called for the lock, and cancelled: the lock is passed on */
    assert_int_equal(await(t), -ECANCELED);
    assert_int_equal(await(u), 0);
    assert_false(asyncio_condition_locked(&condition));
    assert_history("2 1:cancelled"); /* it went to the end of the line each time */
}

ASYNC_TEST(notified_and_cancelled_it_passes_that_on)
{
    awaitable(int) a = asyncio_create_task(waits(1));
    awaitable(int) b = asyncio_create_task(waits(2));
    awaitable(int) c = asyncio_create_task(waits(3));
    await(asyncio_sleep(0));
    await(notifies(1));
    asyncio_cancel(a);
    assert_int_equal(await(a), -ECANCELED);
    assert_int_equal(await(b), 0);
    assert_false(asyncio_done(c));
    await(notifies(1));
    assert_int_equal(await(c), 0);
    assert_history("1:cancelled 2 3");
}

/* Notified, it waits for the lock only, and is cancelled there. */
ASYNC_TEST(cancelled_while_it_takes_the_lock_it_passes_on)
{
    awaitable(int) a = asyncio_create_task(waits(1));
    awaitable(int) b = asyncio_create_task(waits(2));
    await(asyncio_sleep(0));
    await(asyncio_condition_acquire(&condition));
    asyncio_condition_notify(&condition, 1);
    await(turns(2));
    asyncio_cancel(a);
    await(turns(2));
    assert_false(asyncio_done(a));
    asyncio_condition_release(&condition);
    assert_int_equal(await(a), -ECANCELED);
    assert_int_equal(await(b), 0);
    assert_history("1:cancelled 2");
}

ASYNC_TEST(it_says_what_it_is)
{
    char repr[128], expected[128];

    awaitable(int) t = asyncio_create_task(waits(1));
    await(asyncio_sleep(0));
    snprintf(expected, sizeof expected,
             "<asyncio.locks.Condition object at %p [unlocked, waiters:1]>", (void *)&condition);
    assert_string_equal(asyncio_condition_repr(&condition, repr, sizeof repr), expected);
    await(notifies(1));
    await(t);
    assert_history("1");
}

/* --- The end, and misuse --- */

static async(void, holds_on)
{
    await(asyncio_condition_acquire(&condition));
    await(asyncio_event_wait(&(struct asyncio_event){0}));
    while (asyncio_error() == -ECANCELED)
        await(asyncio_sleep(0));
}

static async(void, leaves_who_cannot_end)
{
    asyncio_spawn(waits(1));
    await(asyncio_sleep(0));
    await(asyncio_condition_acquire(&condition));
    asyncio_spawn(asyncio_condition_wait(&condition)); /* which releases it */
    asyncio_spawn(holds_on());
    await(asyncio_sleep(0));
}

/* The lock is never released: those who want it back are given up, and leave its line. */
static void given_up_in_the_shutdown(void **state)
{
    (void)state;
    listen_to_stderr();
    asyncio_run(leaves_who_cannot_end());
    assert_says(what_was_said(), "Task was destroyed but it is pending!");
    assert_null(condition.line.first);
    assert_null(condition.own.line.first);
    assert_null(condition.own.line.last);
    memset(&condition, 0, sizeof condition);
    *history = 0;
}

DEATH_TEST(waiting_without_the_lock, "RuntimeError: cannot wait on un-acquired lock")
{
    await(asyncio_condition_wait(&condition));
}

DEATH_TEST(notifying_without_the_lock, "RuntimeError: cannot notify on un-acquired lock")
{
    asyncio_condition_notify(&condition, 1);
}

DEATH_TEST(releasing_without_the_lock, "RuntimeError: Lock is not acquired.")
{
    asyncio_condition_release(&condition);
}

/* --- Any order of things --- */

enum { TASKS = 8, ROUNDS = 30, SEEDS = 60 };

static struct {
    unsigned seed;
    int items, made, taken, ended;
    bool within;
    awaitable(void) takers[TASKS];
} model;

static unsigned chance(unsigned n)
{
    model.seed = model.seed * 1664525 + 1013904223;
    return (model.seed >> 16) % n;
}

static bool is_something_there(void *unused)
{
    (void)unused;
    assert_true(asyncio_condition_locked(&condition));
    return model.items > 0 || model.made == TASKS * ROUNDS;
}

static async(void, takes)
{
    for (;;) {
        if (await(asyncio_condition_acquire(&condition)) < 0)
            continue;
        int r = await(asyncio_condition_wait_for(&condition, is_something_there, NULL));
        assert_false(model.within);
        bool over = r == 0 && model.items == 0;
        model.within = true;
        if (r == 0 && chance(2))
            await(asyncio_sleep(0));
        if (r == 0 && model.items > 0) {
            model.items--;
            model.taken++;
        }
        model.within = false;
        asyncio_condition_release(&condition);
        if (over)
            break;
    }
    model.ended++;
}

/* One notification for each item: were one lost, an item would stay, and the end not be reached. */
static async(void, makes)
{
    while (model.made < TASKS * ROUNDS) {
        await(asyncio_condition_acquire(&condition));
        model.made++;
        model.items++;
        asyncio_condition_notify(&condition, 1);
        asyncio_condition_release(&condition);
        if (chance(3) == 0)
            asyncio_cancel(model.takers[chance(TASKS)]);
        await(turns((int)chance(4)));
    }
    while (model.taken < TASKS * ROUNDS)
        await(asyncio_sleep(0));
    await(notifies(TASKS));
}

ASYNC_TEST(whatever_happens_nothing_is_lost)
{
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        memset(&model, 0, sizeof model);
        model.seed = seed;
        for (int i = 0; i < TASKS; i++)
            model.takers[i] = asyncio_create_task(takes());
        await(asyncio_sleep(0));
        assert_int_equal(await(asyncio_wait_for(asyncio_gather(makes()), FOR_EVER)), 0);
        for (int i = 0; i < TASKS; i++) {
            await(model.takers[i]);
            asyncio_release(model.takers[i]);
        }
        assert_int_equal(model.ended, TASKS);
        assert_false(asyncio_condition_locked(&condition));
        assert_null(condition.line.first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(as_many_as_are_notified_go_on_in_order),
        TEST(they_take_the_lock_in_turn),
        TEST(async_with_holds_its_lock),
        TEST(with_a_lock_that_others_use),
        TEST(what_holds_is_not_waited_for),
        TEST(what_does_not_hold_is_waited_for_again),
        TEST(what_never_holds_is_cancelled),
        TEST(cancelled_it_has_the_lock_again),
        TEST(cancelled_again_and_again_it_has_the_lock),
        TEST(notified_and_cancelled_it_passes_that_on),
        TEST(cancelled_while_it_takes_the_lock_it_passes_on),
        TEST(it_says_what_it_is),
        TEST(given_up_in_the_shutdown),
        TEST(waiting_without_the_lock),
        TEST(notifying_without_the_lock),
        TEST(releasing_without_the_lock),
        TEST(whatever_happens_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
