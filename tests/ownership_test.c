/* Who owns what, and what is said to those who use what is not theirs. */
#include "support.h"

#include <pthread.h>

#define SETTLE()                                                                                   \
    do {                                                                                           \
        for (int turn = 0; turn < 4; turn++)                                                       \
            await(asyncio_sleep(0));                                                               \
    } while (0)

static async(int, add, (int, x), (int, y))
{
    await(asyncio_sleep(0));
    note("%d", x + y);
    return x + y;
}

static size_t awaitables(void)
{
    struct asyncio_info info;
    asyncio_info(&info);
    return info.awaitables;
}

/* --- Used once --- */

DEATH_TEST(a_coroutine_awaited_twice, "cannot reuse already awaited coroutine 'add'")
{
    awaitable(int) c = add(1, 2);
    await(c);
    await(c);
}

DEATH_TEST(a_coroutine_awaited_twice_while_it_runs, "cannot reuse already awaited coroutine 'add'")
{
    awaitable(int) c = asyncio_retain(add(1, 2));
    await(c);
    await(c);
}

DEATH_TEST(awaited_then_made_a_task, "cannot reuse already awaited coroutine 'add'")
{
    awaitable(int) c = add(1, 2);
    await(c);
    asyncio_create_task(c);
}

DEATH_TEST(gathered_then_awaited, "RuntimeError: cannot")
{
    awaitable(int) c = add(1, 2);
    await(asyncio_gather(c));
    add(3, 4); /* takes its place */
    await(c);
}

DEATH_TEST(an_operation_awaited_twice, "cannot reuse already awaited awaitable 'sleep'")
{
    awaitable(int) s = asyncio_sleep(MOMENT);
    await(s);
    await(s);
}

/* However often its memory was used since. */
DEATH_TEST(long_gone, "cannot reuse an awaitable that is gone")
{
    awaitable(int) c = add(0, 0);
    await(c);
    for (int i = 0; i < 1000; i++)
        await(add(1, i));
    await(c);
}

static async(int, awaits_itself)
{
    return await((awaitable(int))asyncio_current_task());
}

DEATH_TEST(a_task_awaits_itself, "RuntimeError: Task cannot await on itself: 'awaits_itself'")
{
    await(asyncio_create_task(awaits_itself()));
}

/* --- Tasks and futures: awaited as often as one likes, until their maker ends --- */

ASYNC_TEST(a_task_awaited_often)
{
    awaitable(int) t = asyncio_create_task(add(1, 2));
    for (int i = 0; i < 3; i++)
        assert_int_equal(await(t), 3);
    assert_ptr_equal(asyncio_create_task(t), t); /* one already: the same */
    assert_history("3");
}

ASYNC_TEST(a_future_awaited_often)
{
    awaitable(int) f = asyncio_future(int);
    asyncio_set_result(f, 4);
    for (int i = 0; i < 3; i++)
        assert_int_equal(await(f), 4);
}

static awaitable(int) left_behind;

static async(void, makes_a_task)
{
    left_behind = asyncio_create_task(add(1, 2));
}

DEATH_TEST(after_its_makers_end, "RuntimeError: cannot")
{
    await(asyncio_create_task(makes_a_task()));
    SETTLE();
    await(left_behind);
}

static async(void, makes_one_to_keep)
{
    left_behind = asyncio_retain(asyncio_create_task(add(1, 2)));
}

ASYNC_TEST(retained_beyond_its_makers_end)
{
    await(asyncio_create_task(makes_one_to_keep()));
    SETTLE();
    assert_int_equal(await(left_behind), 3);
    asyncio_release(left_behind);
}

/* A coroutine that is only called makes things for its task. */
ASYNC_TEST(a_called_coroutine_is_no_maker)
{
    await(makes_a_task());
    SETTLE();
    assert_int_equal(await(left_behind), 3);
}

static async(void, makes_and_leaves)
{
    asyncio_create_task(add(20, 22));
    asyncio_create_task(add(20, 23));
}

ASYNC_TEST(tasks_outlive_their_maker)
{
    await(asyncio_create_task(makes_and_leaves()));
    SETTLE();
    assert_history("42 43");
}

/* --- Release --- */

ASYNC_TEST(releasing_the_unused_closes_it)
{
    size_t before = awaitables();
    listen_to_stderr();
    asyncio_release(add(1, 2));
    asyncio_release(asyncio_sleep(1));
    asyncio_release(asyncio_sleep(0));
    asyncio_release(NULL);
    assert_string_equal(what_was_said(), "");
    assert_int_equal(awaitables(), before);
    assert_int_equal(await(asyncio_sleep(0)), 0);
}

ASYNC_TEST(releasing_what_runs_lets_it_run)
{
    size_t before = awaitables();
    awaitable(int) t = asyncio_create_task(add(1, 2));
    asyncio_release(t);
    SETTLE();
    assert_int_equal(awaitables(), before);
    awaitable(int) s = asyncio_create_task(asyncio_sleep(0));
    asyncio_release(s);
    SETTLE();
    assert_int_equal(awaitables(), before);
    assert_history("3");
}

ASYNC_TEST(spawned)
{
    size_t before = awaitables();
    asyncio_spawn(add(1, 2));
    asyncio_spawn(asyncio_sleep(0));
    asyncio_spawn(NULL);
    SETTLE();
    assert_int_equal(awaitables(), before);
    assert_history("3");
}

ASYNC_TEST(releasing_what_is_done)
{
    size_t before = awaitables();
    awaitable(int) t = asyncio_create_task(add(1, 2));
    await(t);
    asyncio_release(t);
    awaitable(double) f = asyncio_future(double);
    asyncio_release(f);
    assert_int_equal(awaitables(), before);
}

static async(int, waits, (awaitable(int), f))
{
    return await(f);
}

ASYNC_TEST(releasing_what_is_awaited)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(int) t = asyncio_create_task(waits(f));
    await(asyncio_sleep(0));
    asyncio_retain(f);
    asyncio_release(f);
    asyncio_set_result(f, 6);
    asyncio_release(f);
    assert_int_equal(await(t), 6);
}

ASYNC_TEST(retained_and_released)
{
    size_t before = awaitables();
    awaitable(int) t = asyncio_create_task(add(1, 2));
    asyncio_retain(t);
    asyncio_retain(t);
    asyncio_release(t);
    assert_int_equal(await(t), 3);
    asyncio_release(t);
    assert_int_equal(asyncio_result(t), 3);
    asyncio_release(t);
    assert_int_equal(awaitables(), before);
    assert_null(asyncio_retain((awaitable(int))NULL));
}

static async(void, keeps, (awaitable(int), t))
{
    asyncio_retain(t);
    assert_int_equal(await(t), 3);
    asyncio_release(t);
}

ASYNC_TEST(a_retain_and_its_release_leave_nothing)
{
    size_t before = awaitables();
    awaitable(int) t = asyncio_create_task(add(1, 2));
    await(asyncio_gather(keeps(t), keeps(t)));
    assert_int_equal(asyncio_result(t), 3);
    asyncio_release(t);
    assert_int_equal(awaitables(), before);
}

/* More often than is counted: whose release is whose is not known then, but they add up. */
ASYNC_TEST(retained_very_often)
{
    for (int done = 0; done <= 1; done++) {
        awaitable(int) t = asyncio_create_task(asyncio_sleep(MOMENT));
        awaitable(int) next =
            asyncio_create_task(add(1, 2)); /* its neighbour in its maker's list */
        for (int i = 0; i < 300; i++)
            asyncio_retain(t);
        if (done)
            await(t);
        for (int i = 0; i <= 300; i++)
            asyncio_release(t);
        await(asyncio_sleep(2 * MOMENT));
        asyncio_release(next);
    }
}

ASYNC_TEST(an_unused_coroutine_retained)
{
    size_t before = awaitables();
    awaitable(int) c = asyncio_retain(add(1, 2));
    asyncio_release(c); /* what was retained: the maker has it still */
    assert_int_equal(await(c), 3);
    c = asyncio_retain(add(3, 4));
    assert_int_equal(await(c), 7);
    asyncio_release(c); /* what was retained is let go by a release, and by nothing else */
    c = asyncio_retain(add(5, 6));
    asyncio_release(c);
    awaitable(int) t = asyncio_create_task(c);
    assert_int_equal(await(t), 11);
    asyncio_release(t);
    assert_int_equal(awaitables(), before);
}

DEATH_TEST(used_after_its_release, "cannot use task 'add' after its release or its maker's end")
{
    awaitable(int) t = asyncio_create_task(add(1, 2));
    await(t);
    asyncio_release(t);
    await(t);
}

DEATH_TEST(a_future_used_after_its_release, "cannot use future 'Future' after its release")
{
    awaitable(int) f = asyncio_future(int);
    asyncio_release(f);
    asyncio_done(f);
}

DEATH_TEST(released_too_often, "was released more often than it was retained")
{
    awaitable(int) t = asyncio_create_task(add(1, 2));
    asyncio_release(t);
    asyncio_release(t);
}

static async(int, awaits_it, (awaitable(int), t))
{
    return await(t);
}

DEATH_TEST(released_too_often_while_awaited, "was released more often than it was retained")
{
    awaitable(int) t = asyncio_create_task(asyncio_sleep(FOR_EVER));
    asyncio_create_task(awaits_it(t));
    await(asyncio_sleep(0));
    asyncio_release(t);
    asyncio_release(t); /* not what the one that awaits it holds */
}

DEATH_TEST(released_too_often_when_done, "cannot use task 'add' after its release")
{
    awaitable(int) t = asyncio_create_task(add(1, 2));
    await(t);
    asyncio_release(t);
    asyncio_release(t);
}

/* --- Never awaited --- */

static async(void, forgets)
{
    add(1, 2);
    (void)!asyncio_sleep(1);
}

ASYNC_TEST(never_awaited)
{
    listen_to_stderr();
    await(asyncio_create_task(forgets()));
    const char *text = what_was_said();
    assert_says(text, "RuntimeWarning: coroutine 'add' was never awaited\n");
    assert_says(text, "RuntimeWarning: coroutine 'sleep' was never awaited\n");
    assert_says(text, "ownership_test.c:"); /* where it was made, or else where it is defined */
}

static async(void, forgets_sleep_0)
{
    asyncio_any s = asyncio_sleep(0);
    (void)s;
}

ASYNC_TEST(nothing_is_said_of_what_was_used)
{
    listen_to_stderr();
    await(asyncio_create_task(forgets_sleep_0()));
    await(asyncio_create_task(makes_and_leaves()));
    SETTLE();
    assert_string_equal(what_was_said(), "");
}

/* --- What is no awaitable at all --- */

static int number;

DEATH_TEST(a_foreign_pointer, "is no awaitable (in a_foreign_pointer_main() at ")
{
    await((awaitable(int))(void *)&number);
}

DEATH_TEST(a_foreign_pointer_released, "is no awaitable")
{
    asyncio_release(&number);
}

DEATH_TEST(null_is_no_task, "TypeError: NULL is no awaitable")
{
    asyncio_done(NULL);
}

ASYNC_TEST(null_is_no_memory)
{
    awaitable(int) no = NULL;
    awaitable(char *) no_pointer = NULL;
    awaitable(void) nothing = NULL;
    assert_int_equal(await(no), -ENOMEM);
    assert_int_equal(asyncio_error(), -ENOMEM);
    assert_null(await(no_pointer));
    await(nothing);
    assert_int_equal(asyncio_error(), -ENOMEM);
    assert_null(asyncio_create_task(no));
    assert_int_equal(await(asyncio_create_task(no)), -ENOMEM);
}

static void *use_elsewhere(void *h)
{
    asyncio_done(h);
    return NULL;
}

DEATH_TEST(of_another_thread, "'add' belongs to the loop of another thread")
{
    pthread_t thread;
    pthread_create(&thread, NULL, use_elsewhere, asyncio_create_task(add(1, 2)));
    pthread_join(thread, NULL);
}

static void *release_elsewhere(void *h)
{
    asyncio_release(h);
    return NULL;
}

DEATH_TEST(released_by_another_thread, "'add' belongs to the loop of another thread")
{
    pthread_t thread;
    awaitable(int) done = asyncio_create_task(add(1, 2));
    await(done);
    pthread_create(&thread, NULL, release_elsewhere, done);
    pthread_join(thread, NULL);
}

static void *leave_one(void *place)
{
    *(asyncio_any *)place = asyncio_retain(add(1, 2));
    return NULL;
}

DEATH_TEST(of_a_thread_that_ended, "'add' belongs to the loop of another thread")
{
    pthread_t thread;
    asyncio_any h;
    pthread_create(&thread, NULL, leave_one, &h);
    pthread_join(thread, NULL);
    asyncio_done(h);
}

/* --- The wrong kind --- */

static void on_done(asyncio_any x, void *arg)
{
    (void)x, (void)arg;
}

DEATH_TEST(a_coroutine_has_no_done_callbacks,
           "TypeError: a task or future was expected, got coroutine 'add'")
{
    asyncio_add_done_callback(add(1, 2), on_done, NULL);
}

DEATH_TEST(a_task_takes_no_result, "RuntimeError: only a future takes a result, not task 'add'")
{
    awaitable(int) t = asyncio_create_task(add(1, 2));
    asyncio_set_result(t, 1);
}

DEATH_TEST(a_coroutine_takes_no_exception, "only a future takes a result, not coroutine 'add'")
{
    asyncio_set_exception(add(1, 2), -EIO, NULL);
}

static void awaits_outside(void)
{
    await(add(1, 2));
}

static void creates_outside(void)
{
    asyncio_create_task(add(1, 2));
}

static void awaits_in_a_callback(void *unused)
{
    (void)unused;
    await(add(1, 2));
}

static async(void, calls_back)
{
    asyncio_call_soon(awaits_in_a_callback, NULL);
    await(asyncio_sleep(MOMENT));
}

static void calls_back_program(void)
{
    asyncio_run(calls_back());
}

static void outside_of_a_task(void **state)
{
    (void)state;
    assert_aborts(awaits_outside, "RuntimeError: await outside of a task, in awaits_outside() at ");
    assert_aborts(creates_outside, "RuntimeError: no running event loop");
    assert_aborts(calls_back_program,
                  "RuntimeError: await outside of a task, in awaits_in_a_callback() at ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_coroutine_awaited_twice),
        TEST(a_coroutine_awaited_twice_while_it_runs),
        TEST(awaited_then_made_a_task),
        TEST(gathered_then_awaited),
        TEST(an_operation_awaited_twice),
        TEST(long_gone),
        TEST(a_task_awaits_itself),
        TEST(a_task_awaited_often),
        TEST(a_future_awaited_often),
        TEST(after_its_makers_end),
        TEST(retained_beyond_its_makers_end),
        TEST(a_called_coroutine_is_no_maker),
        TEST(tasks_outlive_their_maker),
        TEST(releasing_the_unused_closes_it),
        TEST(releasing_what_runs_lets_it_run),
        TEST(spawned),
        TEST(releasing_what_is_done),
        TEST(releasing_what_is_awaited),
        TEST(retained_and_released),
        TEST(a_retain_and_its_release_leave_nothing),
        TEST(retained_very_often),
        TEST(an_unused_coroutine_retained),
        TEST(used_after_its_release),
        TEST(a_future_used_after_its_release),
        TEST(released_too_often),
        TEST(released_too_often_while_awaited),
        TEST(released_too_often_when_done),
        TEST(never_awaited),
        TEST(nothing_is_said_of_what_was_used),
        TEST(a_foreign_pointer),
        TEST(a_foreign_pointer_released),
        TEST(null_is_no_task),
        TEST(null_is_no_memory),
        TEST(of_another_thread),
        TEST(released_by_another_thread),
        TEST(of_a_thread_that_ended),
        TEST(a_coroutine_has_no_done_callbacks),
        TEST(a_task_takes_no_result),
        TEST(a_coroutine_takes_no_exception),
        TEST(outside_of_a_task),
    };
    return cmocka_run_group_tests_name("ownership", tests, NULL, NULL);
}
