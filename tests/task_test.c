/* Tasks: names, repr, who runs when, done callbacks, callbacks and timers of the loop. Turns are
 * Python's: what becomes ready during one runs in the next. */
#include "support.h"

static async(int, add, (int, x), (int, y))
{
    return x + y;
}

static async(int, for_ever)
{
    return await(asyncio_sleep(FOR_EVER));
}

static async(int, fails, (const char *, message))
{
    return asyncio_raise(-EPROTO, message ? "%s" : NULL, message);
}

static async(void, step, (const char *, name), (int, turns))
{
    for (int i = 0; i < turns; i++) {
        note("%s%d", name, i);
        await(asyncio_sleep(0));
    }
    note("%s.", name);
}

static void say(void *word)
{
    note("%s", (const char *)word);
}

/* --- Names --- */

static async(void, names_main)
{
    awaitable(int) named = asyncio_create_task(add(1, 2), "sum");
    awaitable(int) numbered = asyncio_create_task(add(1, 2));
    assert_string_equal(asyncio_get_name(named), "sum");
    unsigned long first, second;
    assert_int_equal(sscanf(asyncio_get_name(asyncio_current_task()), "Task-%lu", &first), 1);
    assert_int_equal(sscanf(asyncio_get_name(numbered), "Task-%lu", &second), 1);
    assert_int_equal(second, first + 1); /* a name uses no number */
    assert_int_equal(asyncio_set_name(numbered, "other"), 0);
    assert_string_equal(asyncio_get_name(numbered), "other");
    assert_int_equal(asyncio_set_name(numbered, ""), 0);
    assert_string_equal(asyncio_get_name(numbered), "");
    assert_int_equal(asyncio_set_name(asyncio_current_task(), "main"), 0);
    assert_string_equal(asyncio_get_name(asyncio_current_task()), "main");
    awaitable(int) f = asyncio_future(int);
    assert_string_equal(asyncio_get_name(f), "");
    assert_int_equal(asyncio_set_name(f, "x"), -EINVAL);
    await(numbered);
    assert_string_equal(asyncio_get_name(numbered), "");
}

static void names(void **state)
{
    (void)state;
    asyncio_run(names_main());
}

/* --- repr --- */

static char repr[512];

#define assert_repr(h, expected) assert_string_equal(asyncio_repr(h, repr, sizeof repr), expected)

#define assert_repr_begins(h, expected)                                                            \
    do {                                                                                           \
        asyncio_repr(h, repr, sizeof repr);                                                        \
        repr[strlen(expected)] = 0;                                                                \
        assert_string_equal(repr, expected);                                                       \
    } while (0)

#define assert_repr_ends(h, expected)                                                              \
    do {                                                                                           \
        asyncio_repr(h, repr, sizeof repr);                                                        \
        assert_true(strlen(repr) > strlen(expected));                                              \
        assert_string_equal(repr + strlen(repr) - strlen(expected), expected);                     \
    } while (0)

static async_gen(int, generator)
{
    async_yield(1);
}

ASYNC_TEST(repr_of_the_unused)
{
    awaitable(int) c = add(1, 2);
    assert_repr_begins(c, "<coroutine object add at 0x");
    asyncio_release(c);
    async_iterator(int) it = generator();
    assert_repr_begins(it, "<async_generator object generator at 0x");
    asyncio_release(it);
    assert_repr(NULL, "None");
}

ASYNC_TEST(repr_of_a_task)
{
    awaitable(int) t = asyncio_create_task(for_ever(), "t");
    assert_repr(t, "<Task pending name='t' coro=<for_ever()>>");
    await(asyncio_sleep(0));
    assert_repr_begins(t, "<Task pending name='t' coro=<for_ever() running at ");
    assert_repr_ends(t, "> wait_for=<sleep pending>>");
    asyncio_cancel(t);
    assert_repr_begins(t, "<Task cancelling name='t' coro=<for_ever() running at ");
    await(t);
    assert_repr_begins(t, "<Task cancelled name='t' coro=<for_ever() done, defined at ");

    t = asyncio_create_task(add(40, 2), "sum");
    await(t);
    assert_repr_begins(t, "<Task finished name='sum' coro=<add() done, defined at ");
    assert_repr_ends(t, "> result=42>");

    t = asyncio_create_task(fails("why"), "f");
    await(t);
    assert_repr_ends(t, "> exception=EPROTO('why')>");
    t = asyncio_create_task(fails(NULL), "f");
    await(t);
    assert_repr_ends(t, "> exception=EPROTO>");
}

static async(int, wait_on, (awaitable(int), x))
{
    return await(x);
}

ASYNC_TEST(repr_of_who_waits)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(int) inner = asyncio_create_task(wait_on(f), "inner");
    awaitable(int) outer = asyncio_create_task(wait_on(inner), "outer");
    await(asyncio_sleep(0));
    assert_repr_ends(inner, "> wait_for=<Future pending>>");
    assert_repr_ends(outer, "> wait_for=<Task pending name='inner'>>");
    asyncio_set_result(f, 1);
    await(outer);
}

ASYNC_TEST(repr_of_a_future)
{
    awaitable(int) f = asyncio_future(int);
    assert_repr(f, "<Future pending>");
    asyncio_set_result(f, 5);
    assert_repr(f, "<Future finished result=5>");
    awaitable(long) l = asyncio_future(long);
    asyncio_set_exception(l, -EIO, "bad %s", "disk");
    assert_repr(l, "<Future finished exception=EIO('bad disk')>");
    assert_int_equal(asyncio_exception(l), -EIO);
    awaitable(void) v = asyncio_future(void);
    asyncio_cancel(v);
    assert_repr(v, "<Future cancelled>");
}

ASYNC_TEST(repr_is_cut_to_fit)
{
    char small[8] = "1234567", none[1] = {'x'};
    awaitable(int) t = asyncio_create_task(add(1, 2), "a long name");
    assert_string_equal(asyncio_repr(t, small, sizeof small), "<Task p");
    assert_string_equal(asyncio_repr(t, none, 1), "");
    assert_ptr_equal(asyncio_repr(t, none, 0), none);
    await(t);
}

/* --- Who is there --- */

static async(asyncio_any, who_am_i)
{
    await(asyncio_sleep(0));
    return asyncio_current_task();
}

static void in_callback(void *unused)
{
    (void)unused;
    note("%s", asyncio_current_task() ? "a task" : "none");
}

ASYNC_TEST(current_task)
{
    awaitable(asyncio_any) t = asyncio_create_task(who_am_i());
    assert_ptr_equal(await(t), t);
    assert_ptr_equal(await(who_am_i()), asyncio_current_task());
    asyncio_call_soon(in_callback, NULL);
    await(asyncio_sleep(0));
    assert_history("none");
}

ASYNC_TEST(all_tasks)
{
    asyncio_any tasks[4] = {0};
    assert_int_equal(asyncio_all_tasks(tasks, 4), 1);
    assert_ptr_equal(tasks[0], asyncio_current_task());
    awaitable(int) a = asyncio_create_task(for_ever()), b = asyncio_create_task(asyncio_sleep(9));
    assert_int_equal(asyncio_all_tasks(tasks, 2), 3);
    assert_ptr_equal(tasks[1], a);
    assert_null(tasks[2]);
    assert_int_equal(asyncio_all_tasks(tasks, 4), 3);
    assert_ptr_equal(tasks[2], b);
    asyncio_cancel(a);
    await(a);
    assert_int_equal(asyncio_all_tasks(NULL, 0), 2);
}

/* --- Turns --- */

ASYNC_TEST(tasks_take_turns)
{
    awaitable(void) a = asyncio_create_task(step("a", 2)), b = asyncio_create_task(step("b", 2));
    note("main");
    await(a);
    await(b);
    assert_history("main a0 b0 a1 b1 a. b.");
}

ASYNC_TEST(sleep_0_is_one_turn)
{
    asyncio_spawn(step("a", 3));
    for (int i = 0; i < 4; i++) {
        await(asyncio_sleep(0));
        note("%d", i);
    }
    assert_history("a0 0 a1 1 a2 2 a. 3");
}

static void say_later(void *word)
{
    note("soon");
    asyncio_call_soon(say, word);
}

/* What a turn makes ready runs in the next. */
ASYNC_TEST(a_callback_scheduled_by_a_callback)
{
    asyncio_call_soon(say_later, "later");
    asyncio_call_soon(say, "same");
    await(asyncio_sleep(0));
    note("|");
    await(asyncio_sleep(0));
    assert_history("soon same | later");
}

/* As many turns from an event to who waits for it as in Python. */
ASYNC_TEST(turns_until_woken)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(int) inner = asyncio_create_task(wait_on(f));
    awaitable(int) outer = asyncio_create_task(wait_on(inner));
    await(asyncio_sleep(0));
    asyncio_set_result(f, 1);
    note("%d%d", asyncio_done(inner), asyncio_done(outer));
    await(asyncio_sleep(0));
    note("%d%d", asyncio_done(inner), asyncio_done(outer));
    await(asyncio_sleep(0));
    note("%d%d", asyncio_done(inner), asyncio_done(outer));
    assert_history("00 10 11");
}

/* A task made of a sleep takes the turns one with a coroutine around it does. */
static async(int, sleep_0)
{
    return await(asyncio_sleep(0));
}

ASYNC_TEST(turns_of_an_operation)
{
    awaitable(int) a = asyncio_create_task(sleep_0()), b = asyncio_create_task(asyncio_sleep(0));
    for (int i = 0; i < 3; i++) {
        note("%d%d", asyncio_done(a), asyncio_done(b));
        await(asyncio_sleep(0));
    }
    assert_history("00 00 11");
    await(b);
}

static async(void, wait_and_say, (awaitable(int), f), (const char *, name))
{
    await(f);
    note("%s", name);
}

ASYNC_TEST(woken_in_the_order_they_waited)
{
    awaitable(int) f = asyncio_future(int);
    asyncio_spawn(wait_and_say(f, "a"));
    asyncio_spawn(wait_and_say(f, "b"));
    asyncio_spawn(wait_and_say(f, "c"));
    await(asyncio_sleep(0));
    asyncio_set_result(f, 1);
    await(asyncio_sleep(0));
    assert_history("a b c");
}

static async(int, keeps_errno, (int, value))
{
    errno = value;
    for (int i = 0; i < 5; i++) {
        await(asyncio_sleep(i % 2 ? MOMENT / 10 : 0));
        if (errno != value)
            return -EILSEQ;
    }
    return 0;
}

ASYNC_TEST(errno_is_a_tasks_own)
{
    assert_int_equal(await(asyncio_gather(keeps_errno(1), keeps_errno(2), keeps_errno(3))), 0);
}

static async(int, counts, (int *, sum))
{
    await(asyncio_sleep(0));
    ++*sum;
    return 0;
}

ASYNC_TEST(thousands_of_tasks)
{
    int sum = 0;
    for (int i = 0; i < 20000; i++)
        asyncio_spawn(counts(&sum));
    await(asyncio_sleep(0));
    assert_int_equal(asyncio_all_tasks(NULL, 0), 20001);
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    assert_int_equal(sum, 20000);
}

/* --- Done callbacks --- */

static void on_done(asyncio_any x, void *arg)
{
    note("%s%d", (const char *)arg, asyncio_done(x));
}

static void on_done_2(asyncio_any x, void *arg)
{
    note("two%s%d", (const char *)arg, asyncio_done(x));
}

ASYNC_TEST(done_callbacks)
{
    awaitable(int) t = asyncio_create_task(add(1, 2));
    assert_int_equal(asyncio_add_done_callback(t, on_done, "a"), 0);
    assert_int_equal(asyncio_add_done_callback(t, on_done_2, "b"), 0);
    await(asyncio_sleep(0));
    note("|");
    await(asyncio_sleep(0));
    assert_int_equal(asyncio_add_done_callback(t, on_done, "late"), 0);
    note("|");
    await(asyncio_sleep(0));
    assert_history("| a1 twob1 | late1");
}

ASYNC_TEST(done_callbacks_removed)
{
    awaitable(int) t = asyncio_create_task(add(1, 2));
    asyncio_add_done_callback(t, on_done, "a");
    asyncio_add_done_callback(t, on_done_2, "b");
    asyncio_add_done_callback(t, on_done, "c");
    assert_int_equal(asyncio_remove_done_callback(t, on_done), 2);
    assert_int_equal(asyncio_remove_done_callback(t, on_done), 0);
    await(t);
    asyncio_add_done_callback(t, on_done, "late");
    assert_int_equal(asyncio_remove_done_callback(t, on_done), 1); /* on its way already */
    await(asyncio_sleep(0));
    assert_history("twob1");
}

/* It keeps what it is about. */
ASYNC_TEST(done_callbacks_of_the_released)
{
    awaitable(int) t = asyncio_create_task(add(1, 2));
    asyncio_add_done_callback(t, on_done, "a");
    asyncio_release(t);
    awaitable(int) f = asyncio_future(int);
    asyncio_add_done_callback(f, on_done, "f");
    asyncio_set_result(f, 1);
    asyncio_release(f);
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    assert_history("f1 a1");
}

/* --- call_soon, call_later, call_at --- */

ASYNC_TEST(when_a_callback_runs)
{
    struct asyncio_handle *h = asyncio_call_at(asyncio_time() + 100, say, "never");
    struct asyncio_handle *soon = asyncio_call_soon(say, "soon");

    assert_true(asyncio_handle_when(h) >= asyncio_time() + 99);
    assert_true(asyncio_handle_when(soon) == 0);
    asyncio_handle_cancel(h);
    assert_true(asyncio_handle_when(h) == 0);
}

ASYNC_TEST(callbacks_in_order)
{
    asyncio_call_soon(say, "a");
    struct asyncio_handle *b = asyncio_call_soon(say, "b");
    asyncio_call_soon(say, "c");
    asyncio_handle_cancel(b);
    asyncio_handle_cancel(b);
    await(asyncio_sleep(0));
    asyncio_handle_cancel(b); /* long gone */
    assert_true(asyncio_handle_when(b) == 0);
    assert_history("a c");
}

ASYNC_TEST(timers_in_order)
{
    struct asyncio_handle *made[6];
    for (double now = asyncio_time();; now = asyncio_time()) {
        made[0] = asyncio_call_at(now + 4 * MOMENT, say, "d");
        made[1] = asyncio_call_later(3 * MOMENT, say, "c");
        made[2] = asyncio_call_later(2 * MOMENT, say, "x");
        made[3] = asyncio_call_at(now + 1 * MOMENT, say, "a");
        made[4] = asyncio_call_at(now - 5, say, "past");
        made[5] = asyncio_call_later(-1, say, "negative");
        if (asyncio_time() < now + MOMENT) /* else they are in another order: again */
            break;
        for (int i = 0; i < 6; i++)
            asyncio_handle_cancel(made[i]);
    }
    asyncio_handle_cancel(made[2]);
    await(asyncio_sleep(5 * MOMENT));
    assert_history("past negative a c d");
}

ASYNC_TEST(timers_that_tie_are_first_in_first_out)
{
    double when = asyncio_time() + 2 * MOMENT;
    char names[40][12];
    for (int i = 0; i < 40; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        if (simulated() && i % 3 == 0)
            await(asyncio_sleep(MOMENT /
                                37)); /* that they were asked for at other times is no matter */
        asyncio_call_at(when, say, names[i]);
    }
    await(asyncio_sleep(4 * MOMENT));
    assert_history("0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 "
                   "29 30 31 32 33 34 35 36 37 38 39");
}

static async(void, sleep_and_say, (double, seconds), (const char *, name))
{
    await(asyncio_sleep(seconds));
    note("%s", name);
}

ASYNC_TEST(virtual_time_is_exact)
{
    if (!simulated())
        return;
    double begun = asyncio_time();
    await(asyncio_gather(sleep_and_say(3, "c"), sleep_and_say(1, "a"), sleep_and_say(2, "b"),
                         sleep_and_say(3, "d"), sleep_and_say(1e5, "e")));
    assert_history("a b c d e");
    assert_true(asyncio_time() - begun == 1e5);
    asyncio_block(7);
    assert_true(asyncio_time() - begun == 1e5 + 7);
}

ASYNC_TEST(odd_sleeps)
{
    assert_int_equal(await(asyncio_sleep(-1)), 0);
    assert_int_equal(await(asyncio_sleep(-0.0)), 0);
    assert_int_equal(await(asyncio_sleep(__builtin_nan(""))), 0);
    assert_int_equal(await(asyncio_sleep(1e-12)), 0);
    awaitable(int) t = asyncio_create_task(asyncio_sleep(__builtin_inf()));
    await(asyncio_sleep(MOMENT));
    assert_false(asyncio_done(t));
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
}

static struct asyncio_handle *own;

static void cancel_own(void *unused)
{
    (void)unused;
    note("once");
    asyncio_handle_cancel(own);
}

ASYNC_TEST(a_callback_that_cancels_itself)
{
    own = asyncio_call_soon(cancel_own, NULL);
    await(asyncio_sleep(0));
    own = asyncio_call_later(MOMENT, cancel_own, NULL);
    await(asyncio_sleep(2 * MOMENT));
    assert_history("once once");
}

static void spawn_from_callback(void *unused)
{
    (void)unused;
    asyncio_spawn(step("x", 1));
}

ASYNC_TEST(a_callback_that_spawns)
{
    asyncio_call_soon(spawn_from_callback, NULL);
    for (int i = 0; i < 4; i++)
        await(asyncio_sleep(0));
    assert_history("x0 x.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names),
        TEST(repr_of_the_unused),
        TEST(repr_of_a_task),
        TEST(repr_of_who_waits),
        TEST(repr_of_a_future),
        TEST(repr_is_cut_to_fit),
        TEST(current_task),
        TEST(all_tasks),
        TEST(tasks_take_turns),
        TEST(sleep_0_is_one_turn),
        TEST(a_callback_scheduled_by_a_callback),
        TEST(turns_until_woken),
        TEST(turns_of_an_operation),
        TEST(woken_in_the_order_they_waited),
        TEST(errno_is_a_tasks_own),
        TEST(thousands_of_tasks),
        TEST(done_callbacks),
        TEST(done_callbacks_removed),
        TEST(done_callbacks_of_the_released),
        TEST(callbacks_in_order),
        TEST(when_a_callback_runs),
        TEST(timers_in_order),
        TEST(timers_that_tie_are_first_in_first_out),
        TEST(virtual_time_is_exact),
        TEST(odd_sleeps),
        TEST(a_callback_that_cancels_itself),
        TEST(a_callback_that_spawns),
    };
    return cmocka_run_group_tests_name("task", tests, NULL, NULL);
}
