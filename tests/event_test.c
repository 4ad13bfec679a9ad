/* Event: set, all go on; not set, all wait. */
#include "support.h"

static struct asyncio_event event;

static async(int, waits, (int, name))
{
    int r = await(asyncio_event_wait(&event));
    note(r < 0 ? "%d:cancelled" : "%d", name);
    return r;
}

static void must_not_run(void *unused)
{
    (void)unused;
    fail_msg("the loop took a turn");
}

ASYNC_TEST(set_it_is_waited_for_in_no_turn)
{
    struct asyncio_handle *next_turn = asyncio_call_soon(must_not_run, NULL);

    assert_false(asyncio_event_is_set(&event));
    asyncio_event_set(&event);
    assert_true(asyncio_event_is_set(&event));
    assert_int_equal(await(asyncio_event_wait(&event)), 0);
    asyncio_event_clear(&event);
    assert_false(asyncio_event_is_set(&event));
    asyncio_handle_cancel(next_turn);
}

ASYNC_TEST(all_go_on_in_order_in_the_next_turn)
{
    for (int i = 1; i <= 3; i++)
        asyncio_spawn(waits(i));
    await(asyncio_sleep(0));
    assert_history("");
    asyncio_event_set(&event);
    asyncio_event_set(&event);
    assert_history("");
    await(asyncio_sleep(0));
    assert_history("1 2 3");
    asyncio_event_clear(&event);
}

ASYNC_TEST(cleared_at_once_it_was_set_all_the_same)
{
    awaitable(int) before = asyncio_create_task(waits(1));
    await(asyncio_sleep(0));
    asyncio_event_set(&event);
    asyncio_event_clear(&event);
    awaitable(int) after = asyncio_create_task(waits(2));
    assert_int_equal(await(before), 0);
    await(asyncio_sleep(0));
    assert_false(asyncio_done(after));
    asyncio_event_set(&event);
    assert_int_equal(await(after), 0);
    asyncio_event_clear(&event);
    assert_history("1 2");
}

ASYNC_TEST(cancelled_it_leaves_the_others)
{
    awaitable(int) a = asyncio_create_task(waits(1));
    awaitable(int) b = asyncio_create_task(waits(2));
    awaitable(int) c = asyncio_create_task(asyncio_event_wait(&event));
    await(asyncio_sleep(0));
    asyncio_cancel(a);
    asyncio_event_set(&event);
    asyncio_cancel(c); /* called, and cancelled all the same */
    assert_int_equal(await(b), 0);
    assert_int_equal(await(a), -ECANCELED);
    assert_int_equal(await(c), -ECANCELED);
    asyncio_event_clear(&event);
    assert_history("1:cancelled 2");
}

ASYNC_TEST(waited_for_for_a_while)
{
    assert_int_equal(await(asyncio_wait_for(asyncio_event_wait(&event), MOMENT)), -ETIMEDOUT);
    asyncio_call_later(MOMENT, (void (*)(void *))(void (*)(void))asyncio_event_set, &event);
    assert_int_equal(await(asyncio_wait_for(asyncio_event_wait(&event), FOR_EVER)), 0);
    asyncio_event_clear(&event);
}

ASYNC_TEST(it_says_what_it_is)
{
    char repr[128], expected[128];

    asyncio_spawn(asyncio_event_wait(&event));
    asyncio_spawn(asyncio_event_wait(&event));
    await(asyncio_sleep(0));
    snprintf(expected, sizeof expected, "<asyncio.locks.Event object at %p [unset, waiters:2]>",
             (void *)&event);
    assert_string_equal(asyncio_event_repr(&event, repr, sizeof repr), expected);
    asyncio_event_set(&event);
    await(asyncio_sleep(0));
    snprintf(expected, sizeof expected, "<asyncio.locks.Event object at %p [set]>", (void *)&event);
    assert_string_equal(asyncio_event_repr(&event, repr, sizeof repr), expected);
    asyncio_event_clear(&event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(set_it_is_waited_for_in_no_turn),
        TEST(all_go_on_in_order_in_the_next_turn),
        TEST(cleared_at_once_it_was_set_all_the_same),
        TEST(cancelled_it_leaves_the_others),
        TEST(waited_for_for_a_while),
        TEST(it_says_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
