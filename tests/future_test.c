/* Futures, and what may be asked of whatever is shared. */
#include "support.h"

struct pair {
    long a, b;
};

static async(int, wait_on, (awaitable(int), f))
{
    int r = await(f);
    note("%d", r);
    return r;
}

ASYNC_TEST(pending)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(char *) p = asyncio_future(char *);
    assert_false(asyncio_done(f));
    assert_false(asyncio_cancelled(f));
    assert_int_equal(asyncio_result(f), -EBUSY);
    assert_null(asyncio_result(p));
    assert_int_equal(asyncio_exception(f), -EBUSY);
    assert_string_equal(asyncio_exception_message(f), "");
}

ASYNC_TEST(results_of_every_type)
{
    awaitable(int) i = asyncio_future(int);
    awaitable(signed char) c = asyncio_future(signed char);
    awaitable(double) d = asyncio_future(double);
    awaitable(const char *) s = asyncio_future(const char *);
    awaitable(struct pair) p = asyncio_future(struct pair);
    awaitable(void) v = asyncio_future(void);
    awaitable(bool) b = asyncio_future(bool);
    assert_int_equal(asyncio_set_result(i, -5), 0);
    assert_int_equal(asyncio_set_result(c, 'c'), 0);
    assert_int_equal(asyncio_set_result(d, 1), 0);
    assert_int_equal(asyncio_set_result(s, "text"), 0);
    assert_int_equal(asyncio_set_result(p, {1, 2}), 0);
    assert_int_equal(asyncio_set_result(v), 0);
    assert_int_equal(asyncio_set_result(b, true), 0);
    assert_int_equal(await(i), -5);
    assert_int_equal(asyncio_error(), 0); /* a value, if a negative one */
    assert_int_equal(await(c), 'c');
    assert_true(await(d) == 1.0);
    assert_string_equal(await(s), "text");
    assert_int_equal(await(p).a + await(p).b, 3);
    assert_int_equal(asyncio_result(p).b, 2);
    await(v);
    assert_true(await(b));
}

ASYNC_TEST(completed_once)
{
    awaitable(int) f = asyncio_future(int);
    assert_int_equal(asyncio_set_result(f, 1), 0);
    assert_int_equal(asyncio_set_result(f, 2), -EBUSY);
    assert_int_equal(asyncio_set_exception(f, -EIO, NULL), -EBUSY);
    assert_false(asyncio_cancel(f));
    assert_int_equal(asyncio_result(f), 1);
    assert_int_equal(asyncio_exception(f), 0);
}

ASYNC_TEST(failures)
{
    awaitable(int) f = asyncio_future(int);
    assert_int_equal(asyncio_set_exception(f, 5, "no"), -EINVAL);
    assert_int_equal(asyncio_set_exception(f, 0, "no"), -EINVAL);
    assert_false(asyncio_done(f));
    assert_int_equal(asyncio_set_exception(f, -EIO, "disk %d", 3), 0);
    assert_true(asyncio_done(f));
    assert_int_equal(asyncio_exception(f), -EIO);
    assert_string_equal(asyncio_exception_message(f), "disk 3");
    assert_int_equal(asyncio_result(f), -EIO);
    assert_int_equal(await(f), -EIO);
    assert_string_equal(asyncio_error_message(), "disk 3");
    awaitable(double) d = asyncio_future(double);
    asyncio_set_exception(d, -EPERM, NULL);
    assert_true(await(d) == 0);
    assert_int_equal(asyncio_error(), -EPERM);
    assert_string_equal(asyncio_error_message(), "");
}

ASYNC_TEST(many_wait)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(int) waiting[100];
    for (int i = 0; i < 100; i++)
        waiting[i] = asyncio_create_task(wait_on(f));
    await(asyncio_sleep(0));
    assert_history("");
    asyncio_set_result(f, 1);
    assert_history(""); /* in the next turn */
    for (int i = 0; i < 100; i++)
        assert_int_equal(await(waiting[i]), 1);
    assert_int_equal(strlen(history), 199);
}

/* Those in the middle of the queue go, the others stay in order. */
ASYNC_TEST(some_who_wait_are_cancelled)
{
    enum { MANY = 9 };
    awaitable(int) f[MANY], waiting[MANY], all = asyncio_future(int);
    for (int i = 0; i < MANY; i++) {
        f[i] = asyncio_future(int);
        waiting[i] = asyncio_create_task(wait_on(i % 2 ? all : f[i]));
    }
    await(asyncio_sleep(0));
    for (int i = 0; i < MANY; i += 2)
        asyncio_cancel(waiting[i]);
    asyncio_set_result(all, 7);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(await(waiting[i]), i % 2 ? 7 : -ECANCELED);
}

ASYNC_TEST(cancelled)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(int) t = asyncio_create_task(wait_on(f));
    await(asyncio_sleep(0));
    assert_true(asyncio_cancel(f));
    assert_true(asyncio_done(f));
    assert_true(asyncio_cancelled(f));
    assert_int_equal(asyncio_exception(f), -ECANCELED);
    assert_int_equal(await(t), -ECANCELED);
    assert_true(asyncio_cancelled(t)); /* it passed it on */
}

static void made_without_a_loop(void **state)
{
    (void)state;
    awaitable(int) f = asyncio_future(int);
    asyncio_set_result(f, 3);
    assert_int_equal(asyncio_run(wait_on(f)), 3);
    asyncio_release(f);
    f = asyncio_future(int);
    asyncio_cancel(f);
    assert_int_equal(asyncio_run(wait_on(f)), -ECANCELED);
    asyncio_release(f);
}

static awaitable(int) never;

static async(void, leaves_one_waiting)
{
    asyncio_spawn(wait_on(never));
    await(asyncio_sleep(0));
}

static void one_that_never_comes(void **state)
{
    (void)state;
    never = asyncio_future(int);
    asyncio_run(leaves_one_waiting());
    assert_true(asyncio_cancelled(never));
    asyncio_release(never);
    assert_history("-125");
}

static async(int, three)
{
    return 3;
}

ASYNC_TEST(what_it_is)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(int) c = three();

    assert_true(asyncio_isfuture(f));
    assert_false(asyncio_iscoroutine(f));
    assert_ptr_equal(asyncio_ensure_future(f), f);
    assert_true(asyncio_iscoroutine(c));
    assert_false(asyncio_isfuture(c));
    awaitable(int) t = asyncio_ensure_future(c);
    assert_true(asyncio_isfuture(t));
    assert_false(asyncio_iscoroutine(t));
    assert_ptr_equal(asyncio_ensure_future(t), t);
    assert_int_equal(await(t), 3);
    awaitable(int) s = asyncio_sleep(0);
    assert_false(asyncio_isfuture(s));
    assert_false(asyncio_iscoroutine(s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pending),
        TEST(results_of_every_type),
        TEST(completed_once),
        TEST(failures),
        TEST(many_wait),
        TEST(some_who_wait_are_cancelled),
        TEST(cancelled),
        TEST(made_without_a_loop),
        TEST(one_that_never_comes),
        TEST(what_it_is),
    };
    return cmocka_run_group_tests_name("future", tests, NULL, NULL);
}
