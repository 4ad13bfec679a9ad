/* The message of a cancellation: it reaches the await that is cancelled, and goes down with the
 * request and up with the failure, as in Python. */
#include "support.h"

/* A few turns: enough for whatever is on its way to arrive. */
#define SETTLE()                                                                                   \
    do {                                                                                           \
        for (int turn = 0; turn < 4; turn++)                                                       \
            await(asyncio_sleep(0));                                                               \
    } while (0)

static async(int, sleeper, (double, seconds))
{
    int r = await(asyncio_sleep(seconds));
    if (r < 0)
        note("%s", asyncio_error_message());
    return r;
}

static async(int, outer, (awaitable(int), x))
{
    int r = await(x);
    if (r < 0)
        note("outer:%s", asyncio_error_message());
    return r;
}

/* It was cancelled with this message, which its await and its handle tell. */
#define ASSERT_CANCELLED(t, message)                                                               \
    do {                                                                                           \
        assert_int_equal(await(t), -ECANCELED);                                                    \
        assert_int_equal(asyncio_error(), -ECANCELED);                                             \
        assert_string_equal(asyncio_error_message(), message);                                     \
        assert_true(asyncio_cancelled(t));                                                         \
        assert_int_equal(asyncio_exception(t), -ECANCELED);                                        \
        assert_string_equal(asyncio_exception_message(t), message);                                \
    } while (0)

ASYNC_TEST(without_one)
{
    awaitable(int) t = asyncio_create_task(sleeper(FOR_EVER));
    SETTLE();
    assert_true(asyncio_cancel(t));
    ASSERT_CANCELLED(t, "");
    assert_true(asyncio_cancel(asyncio_sleep(FOR_EVER), "unused: closed"));
    assert_false(asyncio_cancel(t, "done"));
    assert_false(asyncio_cancel(NULL, "nothing"));
    assert_string_equal(asyncio_exception_message(t), "");
}

ASYNC_TEST(before_the_start)
{
    awaitable(int) t = asyncio_create_task(sleeper(FOR_EVER));
    assert_true(asyncio_cancel(t, "before"));
    assert_string_equal(asyncio_exception_message(t), ""); /* not yet */
    ASSERT_CANCELLED(t, "before");
    assert_history("");
    t = asyncio_create_task(asyncio_sleep(FOR_EVER)); /* an operation likewise */
    assert_true(asyncio_cancel(t, "operation"));
    ASSERT_CANCELLED(t, "operation");
}

ASYNC_TEST(at_the_await)
{
    awaitable(int) t = asyncio_create_task(sleeper(FOR_EVER));
    SETTLE();
    assert_true(asyncio_cancel(t, "100% of it"));
    ASSERT_CANCELLED(t, "100% of it");
    assert_history("100% of it");
    t = asyncio_create_task(asyncio_sleep(FOR_EVER));
    SETTLE();
    assert_true(asyncio_cancel(t, "operation"));
    ASSERT_CANCELLED(t, "operation");
    t = asyncio_create_task(asyncio_sleep(0));
    await(asyncio_sleep(0));
    assert_true(asyncio_cancel(t, "at its end"));
    ASSERT_CANCELLED(t, "at its end");
}

ASYNC_TEST(a_future)
{
    awaitable(int) f = asyncio_future(int);
    assert_true(asyncio_cancel(f, "future"));
    ASSERT_CANCELLED(f, "future");
}

ASYNC_TEST(down_a_chain)
{
    awaitable(int) inner = asyncio_create_task(sleeper(FOR_EVER));
    awaitable(int) middle = asyncio_create_task(outer(inner));
    awaitable(int) t = asyncio_create_task(outer(middle));
    SETTLE();
    assert_true(asyncio_cancel(t, "chain"));
    ASSERT_CANCELLED(t, "chain");
    ASSERT_CANCELLED(middle, "chain");
    ASSERT_CANCELLED(inner, "chain");
    assert_history("chain outer:chain outer:chain");
}

ASYNC_TEST(a_chain_of_coroutines)
{
    awaitable(int) t = asyncio_create_task(outer(outer(sleeper(FOR_EVER))));
    SETTLE();
    assert_true(asyncio_cancel(t, "up"));
    ASSERT_CANCELLED(t, "up");
    assert_history("up outer:up outer:up");
}

ASYNC_TEST(through_a_gather)
{
    awaitable(int) child = asyncio_create_task(sleeper(FOR_EVER));
    awaitable(int) t = asyncio_create_task(outer(asyncio_gather(child, asyncio_sleep(FOR_EVER))));
    SETTLE();
    assert_true(asyncio_cancel(t, "gather"));
    ASSERT_CANCELLED(t, "gather");
    ASSERT_CANCELLED(child, "gather");
    assert_history("gather outer:gather");
    awaitable(int) g = asyncio_gather(sleeper(FOR_EVER));
    SETTLE();
    assert_true(asyncio_cancel(g, "itself"));
    assert_int_equal(await(g), -ECANCELED);
    assert_string_equal(asyncio_error_message(), "itself");
}

/* A gather whose children all ignored it has the message of the request. */
static async(int, stubborn)
{
    await(asyncio_sleep(FOR_EVER));
    return 7;
}

ASYNC_TEST(a_gather_of_the_stubborn)
{
    awaitable(int) t = asyncio_create_task(outer(asyncio_gather(stubborn(), stubborn())));
    SETTLE();
    assert_true(asyncio_cancel(t, "all"));
    ASSERT_CANCELLED(t, "all");
    assert_history("outer:all");
}

ASYNC_TEST(through_wait_for_and_shield)
{
    awaitable(int) t = asyncio_create_task(asyncio_wait_for(sleeper(FOR_EVER), FOR_EVER));
    SETTLE();
    assert_true(asyncio_cancel(t, "wait_for"));
    ASSERT_CANCELLED(t, "wait_for");
    assert_history("wait_for");
    awaitable(int) inner = asyncio_create_task(stubborn());
    t = asyncio_create_task(outer(asyncio_shield(inner)));
    SETTLE();
    assert_true(asyncio_cancel(t, "shield"));
    ASSERT_CANCELLED(t, "shield");
    assert_false(asyncio_done(inner));
    assert_true(asyncio_cancel(inner, "forgotten"));
    assert_int_equal(await(inner), 7);
    assert_string_equal(asyncio_error_message(), "");
    assert_string_equal(asyncio_exception_message(inner), "");
    assert_history("outer:shield");
}

/* The first that arrives counts; before the start, the last that was asked. */
ASYNC_TEST(twice)
{
    awaitable(int) t = asyncio_create_task(sleeper(FOR_EVER));
    SETTLE();
    assert_true(asyncio_cancel(t, "first"));
    assert_true(asyncio_cancel(t, "second"));
    ASSERT_CANCELLED(t, "first");
    t = asyncio_create_task(sleeper(FOR_EVER));
    assert_true(asyncio_cancel(t, "first"));
    assert_true(asyncio_cancel(t, "second"));
    ASSERT_CANCELLED(t, "second");
    t = asyncio_create_task(sleeper(FOR_EVER));
    assert_true(asyncio_cancel(t, "first"));
    assert_true(asyncio_cancel(t));
    ASSERT_CANCELLED(t, "");
    t = asyncio_create_task(asyncio_sleep(FOR_EVER));
    assert_true(asyncio_cancel(t, "first"));
    assert_true(asyncio_cancel(t, "second"));
    ASSERT_CANCELLED(t, "second");
    assert_history("first");
}

ASYNC_TEST(a_future_that_is_done_meanwhile)
{
    awaitable(int) f = asyncio_future(int);
    awaitable(int) t = asyncio_create_task(outer(f));
    SETTLE();
    asyncio_set_result(f, 1);
    assert_true(asyncio_cancel(t, "late"));
    ASSERT_CANCELLED(t, "late");
    f = asyncio_future(int);
    t = asyncio_create_task(outer(f));
    SETTLE();
    assert_true(asyncio_cancel(f, "future"));
    assert_true(asyncio_cancel(t, "task"));
    ASSERT_CANCELLED(t, "future");
    assert_history("outer:late outer:future");
}

static async(int, asks_itself, (awaitable(int), x))
{
    assert_true(asyncio_cancel(asyncio_current_task(), "myself"));
    return x ? await(x) : 0;
}

ASYNC_TEST(by_the_task_itself)
{
    awaitable(int) t = asyncio_create_task(asks_itself(asyncio_sleep(FOR_EVER)));
    ASSERT_CANCELLED(t, "myself");
    t = asyncio_create_task(asks_itself(asyncio_sleep(0)));
    ASSERT_CANCELLED(t, "myself");
    awaitable(int) inner = asyncio_create_task(sleeper(FOR_EVER));
    SETTLE();
    t = asyncio_create_task(asks_itself(inner));
    ASSERT_CANCELLED(t, "myself");
    ASSERT_CANCELLED(inner, "myself");
    t = asyncio_create_task(asks_itself(NULL)); /* it ends before its next await */
    ASSERT_CANCELLED(t, "myself");
    assert_history("myself");
}

/* One that was swallowed, or taken back, says nothing of a later one. */
static async(int, swallows)
{
    awaitable(int) f = asyncio_future(int);
    await(asyncio_sleep(FOR_EVER));
    note("%s", asyncio_error_message());
    asyncio_cancel(f);
    int r = await(f);
    note("later:%s", asyncio_error_message());
    return r;
}

ASYNC_TEST(swallowed)
{
    awaitable(int) t = asyncio_create_task(swallows());
    SETTLE();
    assert_true(asyncio_cancel(t, "once"));
    ASSERT_CANCELLED(t, "");
    assert_history("once later:");
}

static async(int, takes_back)
{
    asyncio_any self = asyncio_current_task();
    assert_true(asyncio_cancel(self, "no"));
    assert_int_equal(asyncio_uncancel(self), 0);
    assert_int_equal(await(asyncio_sleep(0)), 0);
    assert_true(asyncio_cancel(self));
    return await(asyncio_sleep(0));
}

static async(int, raises_all_the_same)
{
    assert_true(asyncio_cancel(asyncio_current_task(), "lost"));
    return asyncio_raise(-EPROTO, "mine");
}

ASYNC_TEST(taken_back)
{
    awaitable(int) t = asyncio_create_task(takes_back());
    ASSERT_CANCELLED(t, "");
    t = asyncio_create_task(sleeper(MOMENT));
    assert_true(asyncio_cancel(t, "no"));
    assert_int_equal(asyncio_uncancel(t), 0);
    assert_int_equal(await(t), 0);
    t = asyncio_create_task(raises_all_the_same());
    assert_int_equal(await(t), -EPROTO);
    assert_string_equal(asyncio_error_message(), "mine");
    assert_int_equal(await(asyncio_create_task(sleeper(0))), 0); /* whose record is the same */
}

/* --- Types of one's own --- */

/* Ends when its `inner` does; asks that one to end. */
struct wrapper {
    struct asyncio_awaitable head;
    int result;
    awaitable(int) inner;
};

static void inner_done(asyncio_any inner, void *self)
{
    struct wrapper *w = asyncio_awaitable_object(self);
    w->result = 0;
    asyncio_complete(w, asyncio_exception(inner));
}

static int wrapper_start(void *self)
{
    struct wrapper *w = self;
    return asyncio_add_done_callback(w->inner, inner_done, w);
}

static void wrapper_cancel(void *self)
{
    asyncio_cancel(((struct wrapper *)self)->inner);
}

static const struct asyncio_awaitable_type wrapper_type = {
    .name = "wrapper",
    .size = sizeof(struct wrapper),
    .result_size = sizeof(int),
    .result_offset = offsetof(struct wrapper, result),
    .result_signed = true,
    .start = wrapper_start,
    .cancel = wrapper_cancel,
};

static awaitable(int) wrap(awaitable(int) inner)
{
    asyncio_any h = asyncio_awaitable_new(&wrapper_type);
    ((struct wrapper *)asyncio_awaitable_object(h))->inner = inner;
    return h;
}

ASYNC_TEST(passed_on_by_a_type)
{
    awaitable(int) inner = asyncio_create_task(sleeper(FOR_EVER));
    awaitable(int) t = asyncio_create_task(outer(wrap(inner)));
    SETTLE();
    assert_true(asyncio_cancel(t, "through"));
    ASSERT_CANCELLED(t, "through");
    ASSERT_CANCELLED(inner, "through");
    assert_history("through outer:through");
    inner = asyncio_create_task(stubborn()); /* then it succeeds, whatever it was asked */
    t = asyncio_create_task(wrap(inner));
    SETTLE();
    assert_true(asyncio_cancel(t, "dropped"));
    assert_int_equal(await(t), 0);
    assert_string_equal(asyncio_exception_message(t), "");
}

struct stepper {
    struct asyncio_awaitable head;
    int result, turns;
    bool asked, swallows;
};

/* Takes some turns to end once it was asked to, or has its value after all. */
static int stepper_step(void *self, bool cancelled)
{
    struct stepper *s = self;
    if (cancelled)
        note("asked");
    s->asked |= cancelled;
    if (!s->asked)
        return 0;
    if (s->swallows)
        return 1;
    if (s->turns++ == 2)
        return -ECANCELED;
    asyncio_wake(s);
    return 0;
}

static const struct asyncio_awaitable_type stepper_type = {
    .name = "stepper",
    .size = sizeof(struct stepper),
    .result_size = sizeof(int),
    .result_offset = offsetof(struct stepper, result),
    .result_signed = true,
    .step = stepper_step,
};

static awaitable(int) stepper(void)
{
    return asyncio_awaitable_new(&stepper_type);
}

static void let_swallow(asyncio_any h)
{
    ((struct stepper *)asyncio_awaitable_object(h))->swallows = true;
}

ASYNC_TEST(of_what_goes_on_in_steps)
{
    awaitable(int) t = asyncio_create_task(stepper());
    SETTLE();
    assert_true(asyncio_cancel(t, "task"));
    ASSERT_CANCELLED(t, "task");
    t = asyncio_create_task(outer(stepper()));
    SETTLE();
    assert_true(asyncio_cancel(t, "awaited"));
    ASSERT_CANCELLED(t, "awaited");
    awaitable(int) s = stepper();
    t = asyncio_create_task(outer(s));
    SETTLE();
    asyncio_wake(asyncio_awaitable_object(s)); /* its turn comes anyway */
    assert_true(asyncio_cancel(t, "woken"));
    ASSERT_CANCELLED(t, "woken");
    assert_history("asked asked outer:awaited asked outer:woken");
}

ASYNC_TEST(swallowed_by_a_step)
{
    awaitable(int) s = stepper();
    awaitable(int) t = asyncio_create_task(outer(s));
    SETTLE();
    let_swallow(s);
    assert_true(asyncio_cancel(t, "lost"));
    assert_int_equal(await(t), 0);
    assert_string_equal(asyncio_exception_message(t), "");
    t = asyncio_create_task(stepper());
    SETTLE();
    let_swallow(t);
    assert_true(asyncio_cancel(t, "lost"));
    assert_int_equal(await(t), 0);
    assert_string_equal(asyncio_exception_message(t), "");
    assert_history("asked asked");
}

/* --- The end of the loop --- */

static async(void, leaves_some)
{
    awaitable(int) t = asyncio_create_task(sleeper(FOR_EVER));
    awaitable(int) waits = asyncio_create_task(outer(t));
    await(asyncio_sleep(MOMENT));
    asyncio_cancel(waits, "the end");
}

static void at_the_end_of_the_loop(void **state)
{
    (void)state;
    asyncio_run(leaves_some());
    assert_history("the end outer:the end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_one),
        TEST(before_the_start),
        TEST(at_the_await),
        TEST(a_future),
        TEST(down_a_chain),
        TEST(a_chain_of_coroutines),
        TEST(through_a_gather),
        TEST(a_gather_of_the_stubborn),
        TEST(through_wait_for_and_shield),
        TEST(twice),
        TEST(a_future_that_is_done_meanwhile),
        TEST(by_the_task_itself),
        TEST(swallowed),
        TEST(taken_back),
        TEST(passed_on_by_a_type),
        TEST(of_what_goes_on_in_steps),
        TEST(swallowed_by_a_step),
        TEST(at_the_end_of_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
