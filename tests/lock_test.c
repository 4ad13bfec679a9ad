/* Lock: at once where it is free, else in the order of asking, and never lost. */
#include "support.h"

#include "base/alloc.h"

#include <pthread.h>

static struct asyncio_lock lock;

/* Has the lock for some turns. */
static async(int, holds, (int, name), (int, turns))
{
    int r = await(asyncio_lock_acquire(&lock));
    if (r < 0) {
        note("%d:%s", name, r == -ECANCELED ? "cancelled" : "failed");
        return r;
    }
    note("%d", name);
    while (turns-- > 0)
        await(asyncio_sleep(0));
    asyncio_lock_release(&lock);
    return 0;
}

static void must_not_run(void *unused)
{
    (void)unused;
    fail_msg("the loop took a turn");
}

ASYNC_TEST(free_it_is_had_at_once)
{
    struct asyncio_handle *next_turn = asyncio_call_soon(must_not_run, NULL);
    await(asyncio_lock_acquire(&lock)); /* now there is a slot */
    asyncio_lock_release(&lock);
    size_t allocated = ai_allocated();

    assert_false(asyncio_lock_locked(&lock));
    assert_int_equal(await(asyncio_lock_acquire(&lock)), 0);
    assert_true(asyncio_lock_locked(&lock));
    assert_int_equal(asyncio_error(), 0);
    asyncio_lock_release(&lock);
    assert_false(asyncio_lock_locked(&lock));
    assert_int_equal(ai_allocated(), allocated);
    asyncio_handle_cancel(next_turn);
}

ASYNC_TEST(who_waits_has_it_in_order)
{
    await(asyncio_lock_acquire(&lock));
    for (int i = 1; i <= 4; i++)
        asyncio_spawn(holds(i, 1));
    await(asyncio_sleep(0));
    assert_history("");
    asyncio_lock_release(&lock);
    await(holds(5, 0));
    assert_history("1 2 3 4 5");
}

/* Released, it is free until who waits first takes its step, but not to be had by others. */
ASYNC_TEST(nobody_gets_in_between)
{
    await(asyncio_lock_acquire(&lock));
    asyncio_spawn(holds(1, 0));
    await(asyncio_sleep(0));
    asyncio_lock_release(&lock);
    assert_false(asyncio_lock_locked(&lock));
    await(holds(2, 0));
    assert_history("1 2");
}

/* It goes on in the turn after the release, no later. */
ASYNC_TEST(released_it_takes_one_turn)
{
    await(asyncio_lock_acquire(&lock));
    awaitable(int) t = asyncio_create_task(holds(1, 0));
    await(asyncio_sleep(0));
    asyncio_lock_release(&lock);
    await(asyncio_sleep(0));
    assert_true(asyncio_done(t));
    assert_history("1");
}

ASYNC_TEST(who_is_cancelled_leaves_the_line)
{
    await(asyncio_lock_acquire(&lock));
    awaitable(int) a = asyncio_create_task(holds(1, 0));
    awaitable(int) b = asyncio_create_task(holds(2, 0));
    await(asyncio_sleep(0));
    assert_true(asyncio_cancel(a));
    assert_int_equal(await(a), -ECANCELED);
    assert_true(asyncio_lock_locked(&lock));
    asyncio_lock_release(&lock);
    assert_int_equal(await(b), 0);
    assert_history("1:cancelled 2");
}

/* It has been called when it is cancelled: the next one is called in its stead. */
ASYNC_TEST(who_is_called_and_cancelled_passes_it_on)
{
    await(asyncio_lock_acquire(&lock));
    awaitable(int) a = asyncio_create_task(holds(1, 0));
    awaitable(int) b = asyncio_create_task(asyncio_lock_acquire(&lock));
    awaitable(int) c = asyncio_create_task(holds(3, 0));
    await(asyncio_sleep(0));
    asyncio_lock_release(&lock);
    asyncio_cancel(a);
    await(asyncio_sleep(0)); /* a passes it on to b */
    asyncio_cancel(b);
    assert_int_equal(await(c), 0);
    assert_int_equal(await(a), -ECANCELED);
    assert_int_equal(await(b), -ECANCELED);
    assert_history("1:cancelled 3");
}

/* Released while the first in line is cancelled but has not gone: it calls the next as it goes. */
ASYNC_TEST(who_is_cancelled_and_then_released_for_passes_it_on)
{
    await(asyncio_lock_acquire(&lock));
    awaitable(int) a = asyncio_create_task(holds(1, 0));
    awaitable(int) b = asyncio_create_task(holds(2, 0));
    await(asyncio_sleep(0));
    asyncio_cancel(a);
    asyncio_lock_release(&lock);
    assert_int_equal(await(b), 0);
    assert_true(asyncio_cancelled(a));
    assert_history("1:cancelled 2");
}

/* Nobody has to wait for those who are cancelled. */
ASYNC_TEST(a_line_of_the_cancelled_is_no_line)
{
    await(asyncio_lock_acquire(&lock));
    awaitable(int) a = asyncio_create_task(holds(1, 0));
    awaitable(int) b = asyncio_create_task(asyncio_lock_acquire(&lock));
    await(asyncio_sleep(0));
    asyncio_cancel(a);
    asyncio_cancel(b);
    asyncio_lock_release(&lock);
    assert_int_equal(await(holds(2, 0)), 0);
    assert_int_equal(await(a), -ECANCELED);
    assert_history("2 1:cancelled");
}

/* The count of requests is taken back, the cancelled wait is not. */
ASYNC_TEST(uncancelled_it_is_cancelled_all_the_same)
{
    await(asyncio_lock_acquire(&lock));
    awaitable(int) a = asyncio_create_task(holds(1, 0));
    awaitable(int) b = asyncio_create_task(asyncio_lock_acquire(&lock));
    await(asyncio_sleep(0));
    asyncio_cancel(a);
    asyncio_uncancel(a);
    asyncio_cancel(b);
    asyncio_uncancel(b);
    assert_int_equal(await(a), -ECANCELED);
    assert_int_equal(await(b), -ECANCELED);
    assert_true(asyncio_lock_locked(&lock));
    asyncio_lock_release(&lock);
    assert_history("1:cancelled");
}

ASYNC_TEST(a_timeout_gives_up_its_place)
{
    await(asyncio_lock_acquire(&lock));
    assert_int_equal(await(asyncio_wait_for(asyncio_lock_acquire(&lock), MOMENT)), -ETIMEDOUT);
    assert_int_equal(await(asyncio_wait_for(asyncio_lock_acquire(&lock), 0)), -ETIMEDOUT);
    asyncio_lock_release(&lock);
    assert_int_equal(await(asyncio_wait_for(asyncio_lock_acquire(&lock), FOR_EVER)), 0);
    asyncio_lock_release(&lock);
}

ASYNC_TEST(made_tasks_they_need_no_stack)
{
    struct asyncio_info info;

    await(asyncio_lock_acquire(&lock));
    awaitable(int) a = asyncio_create_task(asyncio_lock_acquire(&lock));
    awaitable(int) both = asyncio_gather(asyncio_lock_acquire(&lock), asyncio_lock_acquire(&lock));
    await(asyncio_sleep(0));
    asyncio_info(&info);
    assert_int_equal(info.stacks, 1);
    asyncio_lock_release(&lock);
    assert_int_equal(await(a), 0);
    asyncio_lock_release(&lock);
    await(asyncio_sleep(0));
    assert_true(asyncio_lock_locked(&lock));
    asyncio_lock_release(&lock);
    assert_int_equal(await(both), 0);
    asyncio_lock_release(&lock);
}

ASYNC_TEST(unused_it_takes_nothing)
{
    asyncio_release(asyncio_lock_acquire(&lock));
    assert_false(asyncio_lock_locked(&lock));
    listen_to_stderr();
    asyncio_spawn(holds(1, 0));
    await(asyncio_sleep(0));
    assert_string_equal(what_was_said(), "");
    assert_history("1");
}

static async(int, leaves_early, (int, how))
{
    for (int i = 0; i < 2; i++) {
        async_with(&lock)
        {
            assert_true(asyncio_lock_locked(&lock));
            note("%d", i);
            if (how == 0)
                break; /* the block alone, which is a loop in C */
            if (how == 1)
                continue;
            if (how == 2)
                return 7;
        }
        assert_false(asyncio_lock_locked(&lock));
    }
    return 0;
}

ASYNC_TEST(async_with_releases_it_however_it_is_left)
{
    for (int how = 0; how < 4; how++) {
        assert_int_equal(await(leaves_early(how)), how == 2 ? 7 : 0);
        assert_false(asyncio_lock_locked(&lock));
    }
    assert_history("0 1 0 1 0 0 1");
}

static async(int, enters)
{
    async_with(&lock) note("within");
    return asyncio_error();
}

ASYNC_TEST(async_with_is_skipped_when_it_is_cancelled)
{
    await(asyncio_lock_acquire(&lock));
    awaitable(int) t = asyncio_create_task(enters());
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    assert_true(asyncio_lock_locked(&lock));
    asyncio_lock_release(&lock);
    assert_int_equal(await(enters()), 0);
    assert_history("within");
}

ASYNC_TEST(it_says_what_it_is)
{
    char repr[128], expected[128];

    snprintf(expected, sizeof expected, "<asyncio.locks.Lock object at %p [unlocked]>",
             (void *)&lock);
    assert_string_equal(asyncio_lock_repr(&lock, repr, sizeof repr), expected);
    await(asyncio_lock_acquire(&lock));
    awaitable(int) t = asyncio_create_task(holds(1, 0));
    await(asyncio_sleep(0));
    snprintf(expected, sizeof expected, "<asyncio.locks.Lock object at %p [locked, waiters:1]>",
             (void *)&lock);
    assert_string_equal(asyncio_lock_repr(&lock, repr, sizeof repr), expected);
    assert_string_equal(asyncio_lock_repr(&lock, repr, 9), "<asyncio");
    asyncio_lock_release(&lock);
    await(t);
    assert_history("1");
}

/* --- Any order of things --- */

enum { TASKS = 12, ROUNDS = 40, SEEDS = 60 };

static struct {
    unsigned seed;
    int within, asked, had;
    awaitable(void) tasks[TASKS];
    bool called_off[ROUNDS * TASKS]; /* of the tickets: they were cancelled */
} model;

static unsigned chance(unsigned n)
{
    model.seed = model.seed * 1664525 + 1013904223;
    return (model.seed >> 16) % n;
}

/* Tickets are drawn when asking; who has the lock has the least of those still valid. */
static async(void, visits)
{
    for (int i = 0; i < ROUNDS; i++) {
        int ticket = model.asked++;
        if (await(asyncio_lock_acquire(&lock)) < 0) {
            model.called_off[ticket] = true;
            continue;
        }
        assert_int_equal(model.within++, 0);
        while (model.had < ticket)
            assert_true(model.called_off[model.had++]);
        assert_int_equal(model.had++, ticket);
        for (unsigned turns = chance(3); turns > 0; turns--)
            await(asyncio_sleep(0));
        model.within--;
        asyncio_lock_release(&lock);
        for (unsigned turns = chance(2); turns > 0; turns--)
            await(asyncio_sleep(0));
    }
}

static async(void, disturbs)
{
    for (int i = 0; i < ROUNDS * 4; i++) {
        unsigned victim = chance(TASKS);
        if (asyncio_lock_locked(&lock) || chance(2))
            asyncio_cancel(model.tasks[victim]);
        await(asyncio_sleep(0));
    }
}

ASYNC_TEST(whatever_happens_it_is_not_lost)
{
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        memset(&model, 0, sizeof model);
        model.seed = seed;
        for (int i = 0; i < TASKS; i++)
            model.tasks[i] = asyncio_create_task(visits());
        await(asyncio_sleep(0)); /* all begin */
        await(disturbs());
        for (int i = 0; i < TASKS; i++) {
            await(model.tasks[i]);
            asyncio_release(model.tasks[i]);
        }
        assert_false(asyncio_lock_locked(&lock));
        assert_int_equal(model.asked, TASKS * ROUNDS);
    }
}

/* --- The end, and misuse --- */

static async(void, leaves_a_line)
{
    await(asyncio_lock_acquire(&lock));
    asyncio_spawn(holds(1, 0));
    asyncio_spawn(asyncio_lock_acquire(&lock));
    await(asyncio_sleep(0));
}

static void the_shutdown_leaves_no_line(void **state)
{
    char repr[128];

    (void)state;
    asyncio_run(leaves_a_line());
    assert_non_null(strstr(asyncio_lock_repr(&lock, repr, sizeof repr), "[locked]"));
    asyncio_lock_release(&lock);
    assert_history("1:cancelled");
}

DEATH_TEST(released_unlocked, "RuntimeError: Lock is not acquired.")
{
    asyncio_lock_release(&lock);
}

DEATH_TEST(awaited_twice, "cannot reuse already awaited awaitable 'Lock.acquire'")
{
    awaitable(int) a = asyncio_lock_acquire(&lock);
    await(a);
    await(a);
}

static void *runs_another_loop(void *unused)
{
    asyncio_run(holds(2, 0));
    return unused;
}

DEATH_TEST(used_by_two_loops, "is bound to a different event loop")
{
    pthread_t other;

    await(asyncio_lock_acquire(&lock));
    asyncio_spawn(holds(1, 0));
    await(asyncio_sleep(0));
    pthread_create(&other, NULL, runs_another_loop, NULL);
    pthread_join(other, NULL);
}

#ifdef AI_FAULTS
static bool no_memory(size_t size)
{
    (void)size;
    return true;
}

ASYNC_TEST(without_memory_it_is_not_had)
{
    ai_allocation_fails = no_memory;
    awaitable(int) a = asyncio_lock_acquire(&lock);
    ai_allocation_fails = NULL;
    assert_null(a);
    assert_int_equal(await(a), -ENOMEM);
    assert_false(asyncio_lock_locked(&lock));
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(free_it_is_had_at_once),
        TEST(who_waits_has_it_in_order),
        TEST(nobody_gets_in_between),
        TEST(released_it_takes_one_turn),
        TEST(who_is_cancelled_leaves_the_line),
        TEST(who_is_called_and_cancelled_passes_it_on),
        TEST(who_is_cancelled_and_then_released_for_passes_it_on),
        TEST(a_line_of_the_cancelled_is_no_line),
        TEST(uncancelled_it_is_cancelled_all_the_same),
        TEST(a_timeout_gives_up_its_place),
        TEST(made_tasks_they_need_no_stack),
        TEST(unused_it_takes_nothing),
        TEST(async_with_releases_it_however_it_is_left),
        TEST(async_with_is_skipped_when_it_is_cancelled),
        TEST(it_says_what_it_is),
        TEST(whatever_happens_it_is_not_lost),
        TEST(the_shutdown_leaves_no_line),
        TEST(released_unlocked),
        TEST(awaited_twice),
        TEST(used_by_two_loops),
#ifdef AI_FAULTS
        TEST(without_memory_it_is_not_had),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
