/* Awaitables that go on in steps: types of one's own with step(), awaited, made tasks, gathered,
 * cancelled in every state, and given up in the shutdown. */
#include "support.h"

/* A gate: who passes waits until it is opened, in order, and tells what happened to it. */
struct pass {
    struct asyncio_awaitable head;
    int result;
    int steps, wanted;
    bool stubborn;
};

static struct pass *waiting;

static int pass_step(void *self, bool cancelled)
{
    struct pass *p = self;

    p->steps++;
    note(cancelled ? "cancelled%d" : "step%d", p->steps);
    waiting = NULL;
    if (cancelled && !p->stubborn)
        return -ECANCELED;
    if (p->steps >= p->wanted) {
        p->result = p->steps * 10;
        return p->wanted ? 1 : -EPROTO;
    }
    waiting = p;
    return 0;
}

static void pass_is_given_up(void *self)
{
    (void)self;
    note("given-up");
}

static void pass_destroy(void *self)
{
    if (waiting == self)
        waiting = NULL;
    note("destroyed");
}

static const struct asyncio_awaitable_type pass_type = {
    .name = "pass",
    .size = sizeof(struct pass),
    .result_size = sizeof(int),
    .result_offset = offsetof(struct pass, result),
    .result_signed = true,
    .pool_class = ASYNCIO__POOL_CLASS(sizeof(struct pass)),
    .step = pass_step,
    .cancel = pass_is_given_up,
    .destroy = pass_destroy,
};

static awaitable(int) pass(int wanted)
{
    asyncio_any h = asyncio_awaitable_new(&pass_type);
    ((struct pass *)asyncio_awaitable_object(h))->wanted = wanted;
    return h;
}

static awaitable(int) stubborn_pass(int wanted)
{
    awaitable(int) h = pass(wanted);
    ((struct pass *)asyncio_awaitable_object(h))->stubborn = true;
    return h;
}

ASYNC_TEST(done_at_once_it_takes_no_turn)
{
    asyncio_call_soon((void (*)(void *))(void (*)(void))abort, NULL);
    assert_int_equal(await(pass(1)), 10);
    assert_int_equal(asyncio_error(), 0);
    assert_history("step1 destroyed");
    _exit(0); /* the callback would abort in the next turn */
}

static void in_a_child(void (*program)(void **))
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        is_child = true;
        program(NULL);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void done_at_once(void **state)
{
    (void)state;
    in_a_child(done_at_once_it_takes_no_turn);
}

static async(void, wakes, (int, times))
{
    for (int i = 0; i < times; i++) {
        await(asyncio_sleep(0));
        note("wake");
        asyncio_wake(waiting);
        asyncio_wake(waiting); /* one and the same */
    }
}

ASYNC_TEST(awaited_it_goes_on_when_woken)
{
    asyncio_spawn(wakes(2));
    assert_int_equal(await(pass(3)), 30);
    assert_history("step1 wake step2 wake step3 destroyed");
}

ASYNC_TEST(a_failure_is_the_awaits)
{
    assert_int_equal(await(pass(0)), -EPROTO);
    assert_int_equal(asyncio_error(), -EPROTO);
    awaitable(int) t = asyncio_create_task(pass(0));
    assert_int_equal(await(t), -EPROTO);
    assert_int_equal(asyncio_exception(t), -EPROTO);
}

ASYNC_TEST(as_a_task_it_needs_no_stack)
{
    struct asyncio_info info;

    awaitable(int) t = asyncio_create_task(pass(3));
    asyncio_spawn(wakes(2));
    await(asyncio_sleep(0));
    asyncio_info(&info);
    assert_int_equal(info.stacks, 2); /* this one and wakes() */
    assert_int_equal(await(t), 30);
    asyncio_release(t);
    assert_history("step1 wake step2 wake step3 destroyed");
}

ASYNC_TEST(gathered_and_waited_for)
{
    int results[2];

    assert_int_equal(await(asyncio_gather_into(results, pass(1), pass(1))), 0);
    assert_int_equal(results[1], 10);
    assert_int_equal(await(asyncio_wait_for(pass(2), MOMENT)), -ETIMEDOUT);
    assert_history("step1 step1 destroyed destroyed step1 cancelled2 destroyed");
}

static async(int, awaits, (awaitable(int), x))
{
    int n = await(x);
    note("got%d", n);
    return n;
}

ASYNC_TEST(cancelled_while_it_waits)
{
    awaitable(int) t = asyncio_create_task(awaits(pass(2)));
    await(asyncio_sleep(0));
    assert_true(asyncio_cancel(t));
    assert_int_equal(await(t), -ECANCELED);
    assert_true(asyncio_cancelled(t));

    awaitable(int) u = asyncio_create_task(pass(2));
    await(asyncio_sleep(0));
    assert_true(asyncio_cancel(u));
    assert_int_equal(await(u), -ECANCELED);
    assert_true(asyncio_cancelled(u));
    asyncio_release(u);
    assert_history("step1 cancelled2 destroyed got-125 step1 cancelled2 destroyed");
}

/* Its step tells it, though it was woken: a lock handed to it is to be handed on. */
ASYNC_TEST(cancelled_after_it_was_woken)
{
    awaitable(int) t = asyncio_create_task(awaits(pass(2)));
    await(asyncio_sleep(0));
    asyncio_wake(waiting);
    assert_true(asyncio_cancel(t));
    assert_int_equal(await(t), -ECANCELED);

    awaitable(int) u = asyncio_create_task(pass(2));
    await(asyncio_sleep(0));
    asyncio_wake(waiting);
    assert_true(asyncio_cancel(u));
    assert_int_equal(await(u), -ECANCELED);
    asyncio_release(u);
    assert_history("step1 cancelled2 destroyed got-125 step1 cancelled2 destroyed");
}

ASYNC_TEST(cancelled_before_it_began)
{
    awaitable(int) t = asyncio_create_task(pass(2));
    assert_true(asyncio_cancel(t));
    assert_int_equal(await(t), -ECANCELED);
    asyncio_release(t);
    assert_history("destroyed");
}

static async(int, cancels_itself)
{
    asyncio_cancel(asyncio_current_task());
    note("%d", await(pass(1))); /* does not suspend: not yet delivered */
    return await(pass(2));
}

ASYNC_TEST(cancelled_before_it_waits)
{
    awaitable(int) t = asyncio_create_task(cancels_itself());
    assert_int_equal(await(t), -ECANCELED);
    assert_history("step1 destroyed 10 step1 cancelled2 destroyed");
}

/* What puts things in order before it ends may wait again, and is asked once. */
ASYNC_TEST(a_stubborn_one_goes_on)
{
    awaitable(int) t = asyncio_create_task(awaits(stubborn_pass(3)));
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    asyncio_spawn(wakes(1));
    await(asyncio_sleep(0));
    assert_int_equal(await(t), 30);
    assert_history("step1 cancelled2 wake step3 destroyed got30");
}

static async(void, leaves_stubborn_ones)
{
    asyncio_spawn(awaits(stubborn_pass(1000)));
    asyncio_spawn(stubborn_pass(1000));
    await(asyncio_sleep(0));
}

static void given_up_in_the_shutdown(void **state)
{
    (void)state;
    listen_to_stderr();
    asyncio_run(leaves_stubborn_ones());
    assert_says(what_was_said(), "Task was destroyed but it is pending!");
    const char *first = strstr(history, "given-up destroyed");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "given-up destroyed"));
    *history = 0;
}

static async(void, wakes_too_early)
{
    awaitable(int) p = pass(2);
    asyncio_wake(asyncio_awaitable_object(p));
}

static void waking_what_is_not_under_way(void)
{
    asyncio_run(wakes_too_early());
}

static void aborts_when_not_under_way(void **state)
{
    (void)state;
    assert_aborts(waking_what_is_not_under_way, "'pass' was woken, but is not under way");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(done_at_once),
        TEST(awaited_it_goes_on_when_woken),
        TEST(a_failure_is_the_awaits),
        TEST(as_a_task_it_needs_no_stack),
        TEST(gathered_and_waited_for),
        TEST(cancelled_while_it_waits),
        TEST(cancelled_after_it_was_woken),
        TEST(cancelled_before_it_began),
        TEST(cancelled_before_it_waits),
        TEST(a_stubborn_one_goes_on),
        TEST(given_up_in_the_shutdown),
        TEST(aborts_when_not_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
