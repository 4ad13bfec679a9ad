/* Semaphore and BoundedSemaphore: as many as there are, in order, and none is lost. */
#include "support.h"

static struct asyncio_semaphore semaphore;

static async(int, takes, (int, name))
{
    int r = await(asyncio_semaphore_acquire(&semaphore));
    note(r < 0 ? "%d:cancelled" : "%d", name);
    return r;
}

static void must_not_run(void *unused)
{
    (void)unused;
    fail_msg("the loop took a turn");
}

ASYNC_TEST(what_is_there_is_had_at_once)
{
    struct asyncio_handle *next_turn = asyncio_call_soon(must_not_run, NULL);

    semaphore = asyncio_semaphore(2);
    assert_int_equal(await(asyncio_semaphore_acquire(&semaphore)), 0);
    assert_false(asyncio_semaphore_locked(&semaphore));
    assert_int_equal(await(asyncio_semaphore_acquire(&semaphore)), 0);
    assert_true(asyncio_semaphore_locked(&semaphore));
    asyncio_semaphore_release(&semaphore);
    assert_false(asyncio_semaphore_locked(&semaphore));
    asyncio_handle_cancel(next_turn);
}

ASYNC_TEST(who_waits_has_it_in_order)
{
    semaphore = asyncio_semaphore(1);
    for (int i = 1; i <= 5; i++)
        asyncio_spawn(takes(i));
    await(asyncio_sleep(0));
    assert_history("1");
    asyncio_semaphore_release(&semaphore);
    asyncio_semaphore_release(&semaphore);
    assert_history("");
    await(asyncio_sleep(0));
    assert_history("2 3");
    for (int i = 0; i < 3; i++)
        asyncio_semaphore_release(&semaphore);
    await(asyncio_sleep(0));
    assert_history("4 5");
    assert_false(asyncio_semaphore_locked(&semaphore));
}

ASYNC_TEST(zeroed_it_waits_to_be_released)
{
    memset(&semaphore, 0, sizeof semaphore);
    assert_true(asyncio_semaphore_locked(&semaphore));
    asyncio_call_soon((void (*)(void *))(void (*)(void))asyncio_semaphore_release, &semaphore);
    assert_int_equal(await(takes(1)), 0);
    assert_history("1");
}

/* What was released belongs to who was called; what is more is not to be had before that one. */
ASYNC_TEST(nobody_gets_in_between)
{
    semaphore = asyncio_semaphore(0);
    asyncio_spawn(takes(1));
    await(asyncio_sleep(0));
    asyncio_semaphore_release(&semaphore);
    asyncio_semaphore_release(&semaphore);
    assert_true(asyncio_semaphore_locked(&semaphore));
    await(takes(2));
    assert_history("1 2");
}

/* 2 came while 1 had been called: it is called by 1, in whose step there is enough. */
ASYNC_TEST(who_came_too_early_is_called)
{
    semaphore = asyncio_semaphore(0);
    awaitable(int) a = asyncio_create_task(takes(1));
    await(asyncio_sleep(0));
    asyncio_semaphore_release(&semaphore);
    asyncio_semaphore_release(&semaphore);
    awaitable(int) b = asyncio_create_task(asyncio_semaphore_acquire(&semaphore));
    assert_int_equal(await(asyncio_gather(a, b)), 0);
    assert_true(asyncio_semaphore_locked(&semaphore));
    assert_history("1");
}

ASYNC_TEST(who_is_cancelled_leaves_the_line)
{
    semaphore = asyncio_semaphore(0);
    awaitable(int) a = asyncio_create_task(takes(1));
    awaitable(int) b = asyncio_create_task(takes(2));
    await(asyncio_sleep(0));
    asyncio_cancel(a);
    asyncio_semaphore_release(&semaphore); /* for 2: 1 will not come */
    assert_int_equal(await(b), 0);
    assert_int_equal(await(a), -ECANCELED);
    assert_true(asyncio_semaphore_locked(&semaphore));
    assert_history("1:cancelled 2");
}

ASYNC_TEST(who_is_called_and_cancelled_gives_it_back)
{
    semaphore = asyncio_semaphore(0);
    awaitable(int) a = asyncio_create_task(takes(1));
    awaitable(int) b = asyncio_create_task(asyncio_semaphore_acquire(&semaphore));
    awaitable(int) c = asyncio_create_task(takes(3));
    await(asyncio_sleep(0));
    asyncio_semaphore_release(&semaphore);
    asyncio_semaphore_release(&semaphore);
    asyncio_cancel(a);
    asyncio_cancel(b);
    assert_int_equal(await(c), 0);
    assert_int_equal(await(a), -ECANCELED);
    assert_int_equal(await(b), -ECANCELED);
    assert_history("1:cancelled 3");
    assert_false(asyncio_semaphore_locked(&semaphore));
    await(takes(4));
    assert_true(asyncio_semaphore_locked(&semaphore));
    assert_history("4");
}

ASYNC_TEST(a_line_of_the_cancelled_is_no_line)
{
    semaphore = asyncio_semaphore(0);
    awaitable(int) a = asyncio_create_task(takes(1));
    await(asyncio_sleep(0));
    asyncio_cancel(a);
    asyncio_semaphore_release(&semaphore);
    assert_false(asyncio_semaphore_locked(&semaphore));
    await(takes(2));
    assert_int_equal(await(a), -ECANCELED);
    assert_history("2 1:cancelled");
}

ASYNC_TEST(async_with_has_one)
{
    struct asyncio_bounded_semaphore bounded = asyncio_bounded_semaphore(1);

    semaphore = asyncio_semaphore(2);
    async_with(&semaphore)
    {
        async_with(&bounded)
        {
            assert_int_equal(semaphore.value, 1);
            assert_true(asyncio_bounded_semaphore_locked(&bounded));
        }
        assert_false(asyncio_bounded_semaphore_locked(&bounded));
    }
    assert_int_equal(semaphore.value, 2);
}

ASYNC_TEST(bounded_it_is_the_same)
{
    struct asyncio_bounded_semaphore s = asyncio_bounded_semaphore(1);

    assert_int_equal(await(asyncio_bounded_semaphore_acquire(&s)), 0);
    assert_true(asyncio_bounded_semaphore_locked(&s));
    assert_int_equal(await(asyncio_wait_for(asyncio_bounded_semaphore_acquire(&s), MOMENT)),
                     -ETIMEDOUT);
    asyncio_bounded_semaphore_release(&s);
    assert_false(asyncio_bounded_semaphore_locked(&s));
}

ASYNC_TEST(it_says_what_it_is)
{
    struct asyncio_bounded_semaphore bounded = asyncio_bounded_semaphore(3);
    char repr[128], expected[128];

    snprintf(expected, sizeof expected,
             "<asyncio.locks.BoundedSemaphore object at %p [unlocked, value:3]>", (void *)&bounded);
    assert_string_equal(asyncio_bounded_semaphore_repr(&bounded, repr, sizeof repr), expected);
    semaphore = asyncio_semaphore(0);
    asyncio_spawn(asyncio_semaphore_acquire(&semaphore));
    await(asyncio_sleep(0));
    snprintf(expected, sizeof expected,
             "<asyncio.locks.Semaphore object at %p [locked, waiters:1]>", (void *)&semaphore);
    assert_string_equal(asyncio_semaphore_repr(&semaphore, repr, sizeof repr), expected);
    asyncio_semaphore_release(&semaphore);
    await(asyncio_sleep(0));
}

DEATH_TEST(a_negative_value, "ValueError: Semaphore initial value must be >= 0")
{
    semaphore = asyncio_semaphore(-1);
}

DEATH_TEST(bounded_released_too_often, "ValueError: BoundedSemaphore released too many times")
{
    struct asyncio_bounded_semaphore s = asyncio_bounded_semaphore(1);

    await(asyncio_bounded_semaphore_acquire(&s));
    asyncio_bounded_semaphore_release(&s);
    asyncio_bounded_semaphore_release(&s);
}

/* --- Any order of things --- */

enum { TASKS = 10, ROUNDS = 40, SEEDS = 60, MOST = 3 };

static struct {
    unsigned seed;
    int within, asked, had;
    awaitable(void) tasks[TASKS];
    bool called_off[TASKS * ROUNDS];
} model;

static unsigned chance(unsigned n)
{
    model.seed = model.seed * 1664525 + 1013904223;
    return (model.seed >> 16) % n;
}

/* Tickets are drawn when asking, and served in order. */
static async(void, visits)
{
    for (int i = 0; i < ROUNDS; i++) {
        int ticket = model.asked++;
        if (await(asyncio_semaphore_acquire(&semaphore)) < 0) {
            model.called_off[ticket] = true;
            continue;
        }
        assert_true(model.within++ < MOST);
        while (model.had < ticket)
            assert_true(model.called_off[model.had++]);
        assert_int_equal(model.had++, ticket);
        for (unsigned turns = chance(4); turns > 0; turns--)
            await(asyncio_sleep(0));
        model.within--;
        asyncio_semaphore_release(&semaphore);
        for (unsigned turns = chance(2); turns > 0; turns--)
            await(asyncio_sleep(0));
    }
}

static async(void, disturbs)
{
    for (int i = 0; i < ROUNDS * 2; i++) {
        asyncio_cancel(model.tasks[chance(TASKS)]);
        await(asyncio_sleep(0));
    }
}

ASYNC_TEST(whatever_happens_none_is_lost)
{
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        memset(&model, 0, sizeof model);
        model.seed = seed;
        semaphore = asyncio_semaphore(MOST);
        for (int i = 0; i < TASKS; i++)
            model.tasks[i] = asyncio_create_task(visits());
        await(asyncio_sleep(0));
        await(disturbs());
        for (int i = 0; i < TASKS; i++) {
            await(model.tasks[i]);
            asyncio_release(model.tasks[i]);
        }
        assert_int_equal(semaphore.value, MOST);
        assert_null(semaphore.line.first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_there_is_had_at_once),
        TEST(who_waits_has_it_in_order),
        TEST(zeroed_it_waits_to_be_released),
        TEST(nobody_gets_in_between),
        TEST(who_came_too_early_is_called),
        TEST(who_is_cancelled_leaves_the_line),
        TEST(who_is_called_and_cancelled_gives_it_back),
        TEST(a_line_of_the_cancelled_is_no_line),
        TEST(async_with_has_one),
        TEST(bounded_it_is_the_same),
        TEST(it_says_what_it_is),
        TEST(a_negative_value),
        TEST(bounded_released_too_often),
        TEST(whatever_happens_none_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
