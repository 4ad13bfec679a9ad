/* A loop from its beginning to its end: asyncio_run, shutting down, embedding, threads, fork, and
 * what the debug mode tells. */
#include "support.h"

#include <poll.h>
#include <pthread.h>

static async(int, number, (int, n))
{
    await(asyncio_sleep(0));
    return n;
}

static async(double, fraction)
{
    return 0.25;
}

static async(const char *, text)
{
    return "text";
}

static async(void, nothing)
{
    note("nothing");
}

static async(int, fails)
{
    return asyncio_raise(-EPROTO, "no %s", "luck");
}

static async(int, for_ever)
{
    int r = await(asyncio_sleep(FOR_EVER));
    note("end");
    return r;
}

/* --- asyncio_run --- */

static void gives_the_result(void **state)
{
    (void)state;
    assert_int_equal(asyncio_run(number(7)), 7);
    assert_int_equal(asyncio_error(), 0);
    assert_true(asyncio_run(fraction()) == 0.25);
    assert_string_equal(asyncio_run(text()), "text");
    asyncio_run(nothing());
    assert_history("nothing");
    assert_int_equal(asyncio_run(asyncio_sleep(0)), 0);
    assert_int_equal(asyncio_run(asyncio_sleep(MOMENT)), 0);
}

static void gives_the_error(void **state)
{
    (void)state;
    assert_int_equal(asyncio_run(fails()), -EPROTO);
    assert_int_equal(asyncio_error(), -EPROTO);
    assert_string_equal(asyncio_error_message(), "no luck");
    assert_int_equal(asyncio_run(number(1)), 1);
    assert_int_equal(asyncio_error(), 0);
    assert_string_equal(asyncio_error_message(), "");
    assert_int_equal(asyncio_run((awaitable(int))NULL), -ENOMEM);
    assert_int_equal(asyncio_error(), -ENOMEM);
}

static async(int, cancels_itself)
{
    asyncio_cancel(asyncio_current_task());
    return await(asyncio_sleep(FOR_EVER));
}

static void may_be_cancelled(void **state)
{
    (void)state;
    assert_int_equal(asyncio_run(cancels_itself()), -ECANCELED);
    assert_int_equal(asyncio_error(), -ECANCELED);
}

static void one_after_the_other(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        assert_int_equal(asyncio_run(number(i)), i);
}

/* A coroutine object made before and between two loops is good in any. */
static void made_outside(void **state)
{
    (void)state;
    awaitable(int) a = number(1), b = number(2);
    assert_int_equal(asyncio_run(b), 2);
    assert_int_equal(asyncio_run(a), 1);
}

DEATH_TEST(within_a_task, "asyncio_run() cannot be called from a running event loop")
{
    asyncio_run(nothing());
}

static void run_in_callback(void *unused)
{
    (void)unused;
    asyncio_run(nothing());
}

DEATH_TEST(within_a_callback, "asyncio_run() cannot be called from a running event loop")
{
    asyncio_call_soon(run_in_callback, NULL);
    await(asyncio_sleep(MOMENT));
}

static void close_in_callback(void *unused)
{
    (void)unused;
    asyncio_loop_close();
}

DEATH_TEST(closed_by_a_callback, "Cannot close a running event loop")
{
    asyncio_call_soon(close_in_callback, NULL);
    await(asyncio_sleep(MOMENT));
}

DEATH_TEST(closed_by_a_task, "Cannot close a running event loop")
{
    asyncio_loop_close();
}

DEATH_TEST(turned_by_a_task, "asyncio_loop_turn() called from within the loop")
{
    asyncio_loop_turn();
}

/* --- Shutting down --- */

static async(void, leaves_many)
{
    for (int i = 0; i < 5000; i++) {
        asyncio_spawn(for_ever());
        asyncio_spawn(asyncio_sleep(FOR_EVER));
    }
    await(asyncio_sleep(0));
}

static void ten_thousand_open_tasks(void **state)
{
    (void)state;
    listen_to_stderr();
    asyncio_run(leaves_many());
    assert_string_equal(what_was_said(), "");
    assert_int_equal(strlen(history), 5000 * 4 - 1);
}

static async(void, leaves_unstarted)
{
    asyncio_spawn(nothing());
    asyncio_spawn(for_ever());
}

/* As in Python: what was ready when main ended still takes its first step. */
static void one_more_turn(void **state)
{
    (void)state;
    asyncio_run(leaves_unstarted());
    assert_history("nothing end");
}

static long taken, taken_by_main, called;

static async(void, takes_turns)
{
    for (taken = 0; await(asyncio_sleep(0)) == 0;)
        taken++;
}

static void call_again(void *arg)
{
    called++;
    asyncio_call_soon(call_again, arg);
}

static async(void, outruns)
{
    asyncio_spawn(takes_turns());
    asyncio_call_soon(call_again, NULL);
    called = 0;
    for (int i = 0; i < 5000; i++)
        await(asyncio_sleep(0));
    taken_by_main = taken;
    called = 0;
}

/* Also where the loop is in a hurry, and does not ask the back-end at each turn. */
static void and_no_other(void **state)
{
    (void)state;
    struct asyncio_runner r = {0};
    for (int i = 0; i < 3; i++) {
        asyncio_runner_run(&r, outruns());
        assert_int_equal(taken, taken_by_main + i + 1); /* those of the runs before go on, too */
        assert_int_equal(called, i + 1);
    }
    asyncio_runner_close(&r);
}

static async(void, tidies_up)
{
    await(asyncio_sleep(FOR_EVER));
    note("%d", await(asyncio_sleep(MOMENT))); /* sticks: cancelled again */
    note("%d", await(number(3)));             /* a call, whose await is cancelled */
    asyncio_spawn(nothing());                 /* never begins */
}

static async(void, leaves_one_tidying)
{
    asyncio_spawn(tidies_up());
    await(asyncio_sleep(0));
}

static void cancellations_stick(void **state)
{
    (void)state;
    asyncio_run(leaves_one_tidying());
    assert_history("-125 3");
}

/* Those that ignore it, wherever they are. */
static async(void, ignores_in_sleep)
{
    for (;;)
        await(asyncio_sleep(MOMENT));
}

static async(void, ignores_in_yield)
{
    for (;;)
        await(asyncio_sleep(0));
}

static async(void, ignores_in_future)
{
    awaitable(int) f = asyncio_future(int);
    for (;;) {
        await(f);
        asyncio_release(f);
        f = asyncio_future(int);
    }
}

static async(void, ignores_in_task)
{
    for (;;)
        await(asyncio_create_task(number(1)));
}

static async(void, ignores_in_gather)
{
    for (;;)
        await(asyncio_gather(number(1), asyncio_sleep(FOR_EVER)));
}

static async(void, ignores_in_call)
{
    await(ignores_in_sleep());
}

static async_gen(int, ignoring)
{
    for (;;)
        await(asyncio_sleep(MOMENT));
    async_yield(1);
}

static async(void, ignores_in_generator)
{
    async_for (int i, ignoring())
        note("%d", i);
}

static async_gen(int, yielding)
{
    for (;;)
        async_yield(1);
}

static async(void, ignores_in_body_of_loop)
{
    async_for (int i, yielding())
        await(asyncio_sleep(MOMENT * i));
}

static async(void, leaves, (asyncio_any, x))
{
    asyncio_spawn(x);
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
}

static void ignored_cancellations(void **state)
{
    awaitable(void) (*those[])(void) = {
        ignores_in_sleep, ignores_in_yield,  ignores_in_future,    ignores_in_task,
        ignores_in_call,  ignores_in_gather, ignores_in_generator, ignores_in_body_of_loop,
    };
    (void)state;
    for (size_t i = 0; i < sizeof those / sizeof *those; i++) {
        listen_to_stderr();
        asyncio_run(leaves(those[i]()));
        const char *said_of_it = what_was_said();
        assert_says(said_of_it, "Task was destroyed but it is pending!\ntask: <Task ");
        assert_says(said_of_it, "coro=<ignores_in_");
    }
}

static void again(void *arg)
{
    asyncio_call_soon(again, arg);
}

static void later(void *arg)
{
    asyncio_call_later(FOR_EVER, later, arg);
}

static void on_done(asyncio_any x, void *arg)
{
    (void)arg;
    asyncio_add_done_callback(x, on_done, NULL);
}

static async(void, leaves_callbacks)
{
    awaitable(int) f = asyncio_future(int);
    asyncio_call_soon(again, NULL);
    later(NULL);
    asyncio_add_done_callback(f, on_done, NULL);
    asyncio_set_result(f, 0);
    asyncio_add_done_callback(asyncio_current_task(), on_done, NULL);
    asyncio_add_done_callback(asyncio_future(int), on_done, NULL);
    await(asyncio_sleep(0));
}

/* None of them holds the loop open. */
static void callbacks_that_never_end(void **state)
{
    (void)state;
    asyncio_run(leaves_callbacks());
}

static void note_done(asyncio_any x, void *arg)
{
    (void)x;
    note("done %s", (const char *)arg);
}

static async(void, leaves_a_done_callback)
{
    awaitable(int) t = asyncio_create_task(for_ever());
    asyncio_add_done_callback(t, note_done, "t");
    await(asyncio_sleep(0));
}

static void done_callbacks_of_the_cancelled(void **state)
{
    (void)state;
    asyncio_run(leaves_a_done_callback());
    assert_history("end done t");
}

static async(void, leaves_a_gather)
{
    asyncio_spawn(asyncio_gather(for_ever(), asyncio_gather(for_ever(), asyncio_sleep(FOR_EVER))));
    awaitable(int) g = asyncio_gather(for_ever(), asyncio_sleep(FOR_EVER));
    await(asyncio_sleep(0));
    (void)g;
}

static void gathers_left_open(void **state)
{
    (void)state;
    asyncio_run(leaves_a_gather());
    assert_history("end end end");
}

static async(void, fails_at_last)
{
    await(asyncio_sleep(FOR_EVER));
    asyncio_raise(-EPROTO, "while closing");
}

static void a_task_that_fails_then(void **state)
{
    (void)state;
    listen_to_stderr();
    asyncio_run(leaves(fails_at_last()));
    assert_says(what_was_said(),
                "unhandled exception during asyncio.run() shutdown\ntask: <Task finished ");
}

/* --- The back-end --- */

static void an_unknown_back_end(void **state)
{
    const char *before = getenv("ASYNCIO_BACKEND");
    char *kept = before ? strdup(before) : NULL;
    (void)state;
    setenv("ASYNCIO_BACKEND", "windmill", 1);
    listen_to_stderr();
    int r = asyncio_run(number(1)), error = asyncio_error();
    const char *said_of_it = what_was_said();
    if (kept)
        setenv("ASYNCIO_BACKEND", kept, 1);
    else
        unsetenv("ASYNCIO_BACKEND");
    free(kept);
    assert_int_equal(r, -EINVAL);
    assert_int_equal(error, -EINVAL);
    assert_says(said_of_it, "asyncio: no event loop: ASYNCIO_BACKEND=windmill");
}

static void a_refused_back_end_program(void)
{
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, 0});
    _exit(asyncio_run(number(1)) == -EMFILE && asyncio_loop_new() == -EMFILE ? 0 : 1);
}

static void a_refused_back_end(void **state)
{
    (void)state;
    assert_int_equal(in_child(a_refused_back_end_program), 0);
    assert_says(said.text, "asyncio: no event loop: ");
}

ASYNC_TEST(info)
{
    struct asyncio_info in;
    asyncio_info(&in);
    const char *backend = getenv("ASYNCIO_BACKEND");
    assert_string_equal(in.version, ASYNCIO_VERSION);
    if (backend)
        assert_string_equal(in.backend, backend);
    assert_true(*in.backend_reason);
    assert_true(*in.context);
    assert_true(*in.guard);
    assert_int_equal(in.tasks, 1);
    assert_int_equal(in.stacks, 1);
    assert_true(in.stack_size >= 16 << 10);
    assert_int_equal(asyncio_set_stack_size(1 << 20), -EBUSY);
}

/* --- Embedding --- */

static void without_a_loop(void **state)
{
    (void)state;
    assert_null(asyncio_call_soon(again, NULL));
    assert_null(asyncio_call_later(1, again, NULL));
    assert_null(asyncio_call_at(1, again, NULL));
    asyncio_handle_cancel(NULL);
    assert_null(asyncio_current_task());
    assert_int_equal(asyncio_all_tasks(NULL, 0), 0);
    assert_int_equal(asyncio_raise(-EIO, "nowhere"), -EIO);
    assert_true(asyncio_time() >= 0);
    asyncio_loop_close();
}

static async(void, waits_a_moment)
{
    note("a");
    await(asyncio_sleep(MOMENT));
    note("b");
    await(asyncio_sleep(0));
    note("c");
}

static void note_timer(void *unused)
{
    (void)unused;
    note("timer");
}

/* The foreign loop: poll(2), for as long as there are tasks. */
static void drive(void)
{
    for (;;) {
        struct pollfd p = {.fd = asyncio_loop_fd(), .events = POLLIN};
        assert_true(p.fd >= 0);
        assert_int_equal(poll(&p, 1, 5000), 1);
        int left = asyncio_loop_turn();
        assert_true(left >= 0);
        if (left == 0)
            break;
    }
}

static void embedded(void **state)
{
    (void)state;
    if (simulated()) /* whose time nobody else can wait for */
        return;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(asyncio_loop_new(), 0);
        assert_int_equal(asyncio_loop_new(), -EBUSY);
        awaitable(void) t = asyncio_create_task(waits_a_moment());
        asyncio_call_later(MOMENT / 2, note_timer, NULL);
        assert_history("");
        drive();
        assert_true(asyncio_done(t));
        asyncio_release(t);
        asyncio_loop_close();
        assert_history("a timer b c");
    }
}

static void embedded_and_closed_early(void **state)
{
    (void)state;
    assert_int_equal(asyncio_loop_new(), 0);
    assert_true(simulated() ? asyncio_loop_fd() == -ENOTSUP : asyncio_loop_fd() >= 0);
    asyncio_spawn(for_ever());
    assert_int_equal(asyncio_loop_turn(), 1);
    assert_int_equal(asyncio_loop_turn(), 1);
    asyncio_loop_close();
    assert_history("end");
}

/* --- Threads, fork, exit --- */

static async(int, thread_main, (int, n))
{
    int sums[8], sum = 0;
    for (int round = 0; round < 20; round++) {
        await(asyncio_gather_into(sums, number(n), number(n), number(n), number(n), number(n),
                                  number(n), number(n), number(n)));
        for (int i = 0; i < 8; i++)
            sum += sums[i];
        await(asyncio_sleep(MOMENT / 20));
    }
    return sum;
}

static void *run_thread(void *n)
{
    int *place = n;
    *place = asyncio_run(thread_main(*place));
    return NULL;
}

static void a_loop_in_each_thread(void **state)
{
    pthread_t threads[4];
    int numbers[4];
    (void)state;
    for (int i = 0; i < 4; i++) {
        numbers[i] = i + 1;
        assert_int_equal(pthread_create(&threads[i], NULL, run_thread, &numbers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(numbers[i], (i + 1) * 160);
    }
}

ASYNC_TEST(fork_within_a_task)
{
    asyncio_spawn(for_ever());
    await(asyncio_sleep(0));
    pid_t child = fork();
    if (child == 0) {
        int r = asyncio_current_task() || asyncio_all_tasks(NULL, 0) ? 1 : 0;
        _exit(r || asyncio_run(thread_main(2)) != 320);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(await(number(5)), 5); /* the parent's loop does not mind */
    assert_int_equal(await(asyncio_sleep(MOMENT)), 0);
}

DEATH_TEST(a_child_that_returns,
           "returned in a forked child, which is outside of its parent's loop")
{
    pid_t child = fork();
    if (child) {
        int status;
        waitpid(child, &status, 0);
        if (WIFSIGNALED(status))
            abort(); /* so that this one's end tells of the other's */
    }
}

static async(void, exits)
{
    asyncio_spawn(for_ever());
    await(asyncio_sleep(0));
    exit(3);
}

static void exits_program(void)
{
    asyncio_run(exits());
}

static void exit_within_a_task(void **state)
{
    (void)state;
    int status = in_child(exits_program);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    assert_string_equal(said.text, "");
}

/* --- Debug mode --- */

static async(void, holds_the_loop)
{
    await(asyncio_sleep(0));
    asyncio_block(0.25);
}

static void hold_the_loop(void *unused)
{
    (void)unused;
    asyncio_block(0.125);
}

ASYNC_TEST(a_slow_step_is_reported)
{
    if (!simulated())
        return; /* takes no time there */
    asyncio_set_debug(true);
    assert_true(asyncio_get_debug());
    listen_to_stderr();
    await(asyncio_create_task(holds_the_loop(), "slow"));
    asyncio_call_soon(hold_the_loop, NULL);
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    const char *text_of_it = what_was_said();
    assert_says(text_of_it, "Executing <Task ");
    assert_says(text_of_it, "name='slow' coro=<holds_the_loop() ");
    assert_says(text_of_it, " took 0.250 seconds\n");
    assert_says(text_of_it, "Executing a callback took 0.125 seconds\n");
    asyncio_set_debug(false);
}

/* --- What main's variables are to tasks that outlive it --- */

struct shared {
    char text[64];
    struct asyncio_event event;
    struct asyncio_lock lock;
};

static async(void, waits_for_event, (struct shared *, s))
{
    await(asyncio_event_wait(&s->event));
    note("%s", s->text);
}

static async(void, holds_lock, (struct shared *, s))
{
    async_with(&s->lock) await(asyncio_sleep(FOR_EVER));
    note("%d", asyncio_lock_locked(&s->lock));
}

static async(void, starts_late, (struct shared *, s))
{
    await(asyncio_sleep(FOR_EVER)); /* on a stack of its own, though main's was given back last */
    note("late %s", s->text);
}

static async(void, leaves_early)
{
    struct shared s = {.text = "main's own"};
    asyncio_spawn(waits_for_event(&s));
    asyncio_spawn(holds_lock(&s));
    asyncio_spawn(waits_for_event(&s));
    await(asyncio_sleep(0));
    asyncio_spawn(starts_late(&s)); /* in the turn after this has ended */
}

static void mains_variables_outlive_it(void **state)
{
    (void)state;
    asyncio_run(leaves_early());
    assert_history("main's own 0 main's own late main's own");
}

/* A user who is not root may not lock much, and the kernel is slow to forget a ring. */
static void many_loops_with_little_memory(void **state)
{
    (void)state;
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit little = {96 << 10, 96 << 10};
        int sum = 0;
        setrlimit(RLIMIT_MEMLOCK, &little);
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(2);
        for (int i = 0; i < 50; i++)
            sum += asyncio_run(number(1));
        _exit(sum != 50);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(many_loops_with_little_memory),
        TEST(mains_variables_outlive_it),
        TEST(gives_the_result),
        TEST(gives_the_error),
        TEST(may_be_cancelled),
        TEST(one_after_the_other),
        TEST(made_outside),
        TEST(within_a_task),
        TEST(within_a_callback),
        TEST(closed_by_a_callback),
        TEST(closed_by_a_task),
        TEST(turned_by_a_task),
        TEST(ten_thousand_open_tasks),
        TEST(one_more_turn),
        TEST(and_no_other),
        TEST(cancellations_stick),
        TEST(ignored_cancellations),
        TEST(callbacks_that_never_end),
        TEST(done_callbacks_of_the_cancelled),
        TEST(gathers_left_open),
        TEST(a_task_that_fails_then),
        TEST(an_unknown_back_end),
        TEST(a_refused_back_end),
        TEST(info),
        TEST(without_a_loop),
        TEST(embedded),
        TEST(embedded_and_closed_early),
        TEST(a_loop_in_each_thread),
        TEST(fork_within_a_task),
        TEST(a_child_that_returns),
        TEST(exit_within_a_task),
        TEST(a_slow_step_is_reported),
    };
    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
