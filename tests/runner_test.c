/* Runners, SIGINT, the exception handler. */
#include "support.h"

#include <pthread.h>

static async(int, number, (int, n))
{
    await(asyncio_sleep(0));
    return n;
}

static async(int, for_ever)
{
    int r = await(asyncio_sleep(FOR_EVER));
    note("ended%d", r);
    return r;
}

static async(void, nothing)
{
    note("nothing");
}

static async(int, awaits, (awaitable(int), x))
{
    return await(x);
}

/* --- Runs --- */

static async(double, leaves, (awaitable(int) *, task))
{
    *task = asyncio_retain(asyncio_create_task(for_ever()));
    await(asyncio_sleep(0));
    return 0.5;
}

static async(bool, is_done, (awaitable(int), task))
{
    await(asyncio_sleep(0));
    return asyncio_done(task);
}

/* What one run leaves goes on in the next, and is cancelled at the end. */
static void one_loop_for_several_runs(void **state)
{
    struct asyncio_runner r = {0};
    awaitable(int) left;
    (void)state;

    assert_true(asyncio_runner_run(&r, leaves(&left)) == 0.5);
    double before = asyncio_time();
    assert_false(asyncio_runner_run(&r, is_done(left)));
    assert_int_equal(asyncio_runner_run(&r, asyncio_sleep(MOMENT)), 0);
    assert_true(asyncio_time() > before);
    asyncio_runner_run(&r, nothing());
    assert_history("nothing");
    asyncio_runner_close(&r);
    assert_history("ended-125");
    assert_true(asyncio_cancelled(left));
    asyncio_release(left);
    asyncio_runner_close(&r); /* once more does nothing */
}

static void never_used(void **state)
{
    struct asyncio_runner r = {0};
    (void)state;
    asyncio_runner_close(&r);
    assert_int_equal(asyncio_runner_run(&r, number(3)), 3); /* and it is not closed by that */
    asyncio_runner_close(&r);
}

static async(int, tells_error, (int, error))
{
    return asyncio_raise(error, "number %d", error);
}

static void errors_of_each_run(void **state)
{
    struct asyncio_runner r = {0};
    (void)state;
    assert_int_equal(asyncio_runner_run(&r, tells_error(-EPROTO)), -EPROTO);
    assert_int_equal(asyncio_error(), -EPROTO);
    assert_string_equal(asyncio_error_message(), "number -71");
    assert_int_equal(asyncio_runner_run(&r, (awaitable(int))NULL), -ENOMEM);
    assert_int_equal(asyncio_error(), -ENOMEM);
    assert_int_equal(asyncio_runner_run(&r, number(1)), 1);
    assert_int_equal(asyncio_error(), 0);
    asyncio_runner_close(&r);
}

/* Its loop is there for futures and tasks that are made before the first run. */
static void made_between_runs(void **state)
{
    struct asyncio_runner r = {0};
    (void)state;
    assert_int_equal(asyncio_runner_init(&r), 0);
    assert_int_equal(asyncio_runner_init(&r), 0);
    awaitable(int) t = asyncio_create_task(number(5));
    assert_int_equal(asyncio_runner_run(&r, asyncio_sleep(MOMENT)), 0);
    assert_true(asyncio_done(t));
    assert_int_equal(asyncio_result(t), 5);
    asyncio_release(t);
    asyncio_runner_close(&r);
}

static struct {
    struct asyncio_loop *loop;
    awaitable(int) future;
} given;

static void give_result(void *unused)
{
    (void)unused;
    asyncio_set_result(given.future, 9);
}

static void *give_from_a_thread(void *unused)
{
    asyncio_call_soon_threadsafe(given.loop, give_result, NULL);
    return unused;
}

static async(bool, has_loop, (struct asyncio_runner *, r), (struct asyncio_loop *, loop))
{
    return asyncio_runner_get_loop(r) == loop && asyncio_get_running_loop() == loop;
}

/* Its loop can be named to other threads before it runs. */
static void named_to_other_threads(void **state)
{
    struct asyncio_runner r = {0}, none = {.backend = "windmill"};
    pthread_t thread;
    (void)state;

    given.loop = asyncio_runner_get_loop(&r);
    assert_non_null(given.loop);
    given.future = asyncio_future(int);
    pthread_create(&thread, NULL, give_from_a_thread, NULL);
    assert_int_equal(asyncio_runner_run(&r, awaits(given.future)), 9);
    assert_true(asyncio_runner_run(&r, has_loop(&r, given.loop)));
    pthread_join(thread, NULL);
    asyncio_release(given.future);
    asyncio_runner_close(&r);
    assert_int_equal(asyncio_call_soon_threadsafe(given.loop, give_result, NULL), -ESHUTDOWN);
    listen_to_stderr();
    assert_null(asyncio_runner_get_loop(&none));
    assert_says(what_was_said(), "windmill");
}

static asyncio_any main_task;

static async(void, names_itself, (awaitable(int) *, child))
{
    main_task = asyncio_current_task();
    *child = asyncio_retain(asyncio_create_task(for_ever()));
    await(asyncio_sleep(0));
}

static async(bool, main_is_done)
{
    await(asyncio_sleep(FOR_EVER));
    return asyncio_done(main_task);
}

static async(void, names_itself_too)
{
    main_task = asyncio_current_task();
    asyncio_spawn(main_is_done());
    await(asyncio_sleep(0));
}

/* What runs during the shutdown may still name the main task. */
static void the_main_task_stays(void **state)
{
    struct asyncio_runner r = {0};
    awaitable(int) child;
    (void)state;
    asyncio_runner_run(&r, names_itself(&child));
    assert_true(asyncio_done(main_task));
    asyncio_release(child);
    asyncio_runner_run(&r, nothing());
    asyncio_runner_close(&r);
    asyncio_run(names_itself_too());
    assert_history("nothing ended-125");
}

static async(void, tells_debug)
{
    note("%s", asyncio_get_debug() ? "debug" : "quiet");
}

static void run_with_debug(int debug)
{
    struct asyncio_runner r = {.debug = debug};
    asyncio_runner_run(&r, tells_debug());
    asyncio_runner_close(&r);
    note("%s", asyncio_get_debug() ? "debug" : "quiet");
}

static void debug_is_its_own(void **state)
{
    (void)state;
    run_with_debug(1);
    run_with_debug(-1);
    run_with_debug(0);
    asyncio_set_debug(true);
    run_with_debug(-1);
    run_with_debug(0);
    asyncio_set_debug(false);
    assert_history("debug quiet quiet quiet quiet quiet quiet debug debug debug");
}

static async(void, tells_back_end)
{
    struct asyncio_info info;
    asyncio_info(&info);
    note("%s|%s", info.backend, info.backend_reason);
}

static void back_end_by_name(void **state)
{
    struct asyncio_runner sim = {.backend = "sim"}, none = {.backend = "windmill"};
    (void)state;
    asyncio_runner_run(&sim, tells_back_end());
    asyncio_runner_close(&sim);
    assert_history("sim|sim: as asyncio_runner.backend says");
    listen_to_stderr();
    int code = asyncio_runner_run(&none, number(1));
    assert_int_equal(asyncio_error(), -EINVAL);
    assert_int_equal(asyncio_runner_init(&none), -EINVAL);
    assert_says(what_was_said(), "asyncio_runner.backend=windmill: it can be");
    assert_int_equal(code, -EINVAL);
    asyncio_runner_close(&none);
}

static void cleaned_up(void **state)
{
    (void)state;
    {
        struct asyncio_runner r __attribute__((cleanup(asyncio_runner_close))) = {0};
        awaitable(int) left;
        asyncio_runner_run(&r, leaves(&left));
        asyncio_release(left);
    }
    assert_history("ended-125");
    assert_int_equal(asyncio_run(number(2)), 2);
}

/* The child of a fork between two runs has no part in the loop. */
static struct asyncio_runner forked;

static void in_the_child(void)
{
    asyncio_runner_close(&forked);
    if (asyncio_run(number(8)) != 8)
        _exit(1);
}

static void forked_between_runs(void **state)
{
    (void)state;
    forked = (struct asyncio_runner){0};
    assert_int_equal(asyncio_runner_run(&forked, number(1)), 1);
    assert_int_equal(in_child(in_the_child), 0);
    assert_int_equal(asyncio_runner_run(&forked, number(2)), 2);
    asyncio_runner_close(&forked);
}

/* --- Misuse --- */

static struct asyncio_runner misused;

DEATH_TEST(run_within_a_loop, "asyncio_runner_run() cannot be called from a running event loop")
{
    asyncio_runner_run(&misused, nothing());
}

static async(void, runs_itself)
{
    asyncio_runner_run(&misused, nothing());
}

static void nested_program(void)
{
    asyncio_runner_run(&misused, runs_itself());
}

static void run_within_itself(void **state)
{
    (void)state;
    assert_aborts(nested_program,
                  "asyncio_runner_run() cannot be called from a running event loop");
}

static async(void, closes_it)
{
    asyncio_runner_close(&misused);
}

static void closed_within_program(void)
{
    asyncio_runner_run(&misused, closes_it());
}

static void closed_within_itself(void **state)
{
    (void)state;
    assert_aborts(closed_within_program, "Cannot close a running event loop");
}

static void closed_program(void)
{
    asyncio_runner_init(&misused);
    asyncio_runner_close(&misused);
    asyncio_runner_run(&misused, nothing());
}

static void run_when_closed(void **state)
{
    (void)state;
    assert_aborts(closed_program, "RuntimeError: Runner is closed");
}

static void another_program(void)
{
    asyncio_runner_init(&misused);
    asyncio_run(nothing());
}

static void two_loops(void **state)
{
    (void)state;
    assert_aborts(another_program, "asyncio_run() cannot be called from a running event loop");
}

static void loop_close_program(void)
{
    asyncio_runner_init(&misused);
    asyncio_loop_close();
}

static void closed_as_a_loop(void **state)
{
    (void)state;
    assert_aborts(loop_close_program, "asyncio_runner_close() closes it");
}

static void *use_elsewhere(void *function)
{
    (*(void (**)(void))function)();
    return NULL;
}

static void run_elsewhere(void)
{
    asyncio_runner_run(&misused, nothing());
}

static void close_elsewhere(void)
{
    asyncio_runner_close(&misused);
}

static void from_another_thread(void (*function)(void))
{
    pthread_t thread;
    asyncio_runner_init(&misused);
    pthread_create(&thread, NULL, use_elsewhere, &function);
    pthread_join(thread, NULL);
}

static void run_elsewhere_program(void)
{
    from_another_thread(run_elsewhere);
}

static void close_elsewhere_program(void)
{
    from_another_thread(close_elsewhere);
}

static void another_threads_runner(void **state)
{
    (void)state;
    assert_aborts(run_elsewhere_program, "the runner's loop is another thread's");
    assert_aborts(close_elsewhere_program, "the runner's loop is another thread's");
}

static void task_program(void)
{
    asyncio_runner_init(&misused);
    asyncio_runner_run(&misused, asyncio_create_task(number(1)));
}

static void a_task_is_no_coroutine(void **state)
{
    (void)state;
    assert_aborts(task_program, "ValueError: a coroutine was expected, got task 'number'");
}

/* --- SIGINT --- */

static void (*disposition(void))(int)
{
    struct sigaction now;
    sigaction(SIGINT, NULL, &now);
    return now.sa_handler;
}

static void interrupt(void *unused)
{
    (void)unused;
    raise(SIGINT);
}

static async(int, interrupted_while_parked)
{
    asyncio_call_soon(interrupt, NULL);
    int r = await(for_ever());
    note("cancelling%d", asyncio_cancelling(asyncio_current_task()));
    return r;
}

static void cancels_the_main_task(void **state)
{
    (void)state;
    assert_int_equal(asyncio_run(interrupted_while_parked()), -EINTR);
    assert_int_equal(asyncio_error(), -EINTR);
    assert_string_equal(asyncio_error_message(), "");
    assert_history("ended-125 cancelling1");
    assert_true(disposition() == SIG_DFL);
}

/* Types that cannot carry it. */
static async(const char *, interrupted_text)
{
    raise(SIGINT);
    await(asyncio_sleep(FOR_EVER));
    return NULL;
}

static async(void, interrupted_void)
{
    raise(SIGINT);
    await(asyncio_sleep(FOR_EVER));
}

static void of_any_type(void **state)
{
    (void)state;
    listen_to_stderr();
    const char *text = asyncio_run(interrupted_text());
    int error = asyncio_error();
    asyncio_run(interrupted_void());
    assert_string_equal(what_was_said(), "");
    assert_null(text);
    assert_int_equal(error, -EINTR);
    assert_int_equal(asyncio_error(), -EINTR);
}

static void *interrupt_later(void *process)
{
    usleep(20000);
    kill((pid_t)(intptr_t)process, SIGINT);
    return NULL;
}

static void wakes_a_loop_that_waits(void **state)
{
    pthread_t thread;
    struct asyncio_runner r = {0};
    (void)state;

    assert_non_null(asyncio_runner_get_loop(&r)); /* so nobody thinks that this is a deadlock */
    awaitable(int) f = asyncio_future(int);
    pthread_create(&thread, NULL, interrupt_later, (void *)(intptr_t)getpid());
    assert_int_equal(asyncio_runner_run(&r, awaits(f)), -EINTR);
    pthread_join(thread, NULL);
    asyncio_release(f);
    asyncio_runner_close(&r);
}

/* One that computes is not disturbed. */
static async(int, computes)
{
    raise(SIGINT);
    note("computed");
    int r = await(asyncio_sleep(MOMENT));
    note("%d", r);
    return r;
}

static void at_the_next_await(void **state)
{
    (void)state;
    assert_int_equal(asyncio_run(computes()), -EINTR);
    assert_history("computed -125");
}

static async(int, swallows)
{
    raise(SIGINT);
    note("%d", await(asyncio_sleep(FOR_EVER)));
    note("%d", await(asyncio_sleep(MOMENT)));
    return 4;
}

static void may_be_swallowed(void **state)
{
    struct asyncio_runner r = {0};
    (void)state;
    assert_int_equal(asyncio_runner_run(&r, swallows()), 4);
    assert_int_equal(asyncio_error(), 0);
    assert_history("-125 0");
    assert_int_equal(asyncio_runner_run(&r, computes()), -EINTR); /* and each run has its own */
    assert_int_equal(asyncio_runner_run(&r, number(1)), 1);
    asyncio_runner_close(&r);
    assert_history("computed -125");
}

static async(int, cancelled_besides)
{
    raise(SIGINT);
    asyncio_cancel(asyncio_current_task());
    return await(awaits(asyncio_future(int)));
}

/* Asked to end by others too, it is just cancelled, as in Python. */
static void not_the_only_request(void **state)
{
    (void)state;
    assert_int_equal(asyncio_run(cancelled_besides()), -ECANCELED);
    assert_int_equal(asyncio_error(), -ECANCELED);
}

static async(int, interrupted_at_the_end)
{
    await(asyncio_sleep(0));
    raise(SIGINT);
    return 6;
}

static void never_lost(void **state)
{
    (void)state;
    assert_int_equal(asyncio_run(interrupted_at_the_end()), -EINTR);
}

static async(int, ends_in_error)
{
    raise(SIGINT);
    await(asyncio_sleep(FOR_EVER));
    return asyncio_raise(-EIO, "disk");
}

static void an_error_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(asyncio_run(ends_in_error()), -EIO);
    assert_string_equal(asyncio_error_message(), "disk");
}

static async(void, interrupted_twice)
{
    raise(SIGINT);
    raise(SIGINT);
    _exit(1);
}

static void twice_program(void)
{
    asyncio_run(interrupted_twice());
}

static async(void, stubborn)
{
    raise(SIGINT);
    while (await(asyncio_sleep(MOMENT)) != -EIO) {
        if (asyncio_error() == -ECANCELED)
            raise(SIGINT);
    }
}

static void stubborn_program(void)
{
    asyncio_run(stubborn());
}

static async(int, interrupted_late)
{
    await(asyncio_sleep(FOR_EVER));
    raise(SIGINT);
    _exit(1);
}

static async(void, leaves_interrupted_late)
{
    asyncio_spawn(interrupted_late());
    await(asyncio_sleep(0));
}

static void late_program(void)
{
    asyncio_run(leaves_interrupted_late());
}

static void between_program(void)
{
    struct asyncio_runner r = {0};
    asyncio_runner_run(&r, number(1));
    raise(SIGINT);
}

static void is_killed(void (*program)(void))
{
    int status = in_child(program);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
}

/* The second, and one that comes when no main task runs. */
static void kills(void **state)
{
    (void)state;
    is_killed(twice_program);
    is_killed(stubborn_program);
    is_killed(late_program);
    is_killed(between_program);
}

static void my_handler(int signal)
{
    note("handler%d", signal);
}

static async(int, interrupted_number)
{
    raise(SIGINT);
    return await(number(3));
}

static void handlers_are_let_alone(void **state)
{
    (void)state;
    signal(SIGINT, my_handler);
    assert_int_equal(asyncio_run(interrupted_number()), 3);
    assert_true(disposition() == my_handler);
    signal(SIGINT, SIG_IGN);
    assert_int_equal(asyncio_run(interrupted_number()), 3);
    assert_true(disposition() == SIG_IGN);
    signal(SIGINT, SIG_DFL);
    assert_history("handler2");
}

static async(int, installs_a_handler)
{
    signal(SIGINT, my_handler);
    return await(interrupted_number());
}

static void and_those_set_within(void **state)
{
    (void)state;
    assert_int_equal(asyncio_run(installs_a_handler()), 3);
    assert_true(disposition() == my_handler);
    signal(SIGINT, SIG_DFL);
    assert_history("handler2");
}

static async(bool, disposition_is_default)
{
    return disposition() == SIG_DFL;
}

static void *run_in_thread(void *is_default)
{
    *(bool *)is_default = asyncio_run(disposition_is_default());
    return NULL;
}

static void not_in_other_threads(void **state)
{
    pthread_t thread;
    bool is_default = false;
    (void)state;
    pthread_create(&thread, NULL, run_in_thread, &is_default);
    pthread_join(thread, NULL);
    assert_true(is_default);
    assert_false(asyncio_run(disposition_is_default()));
}

static async(int, forks)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_DUMPABLE, 0);
        raise(SIGINT);
        _exit(1);
    }
    waitpid(child, &status, 0);
    await(asyncio_sleep(0));
    return status;
}

static void nor_in_a_child(void **state)
{
    (void)state;
    int status = asyncio_run(forks());
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
}

/* --- The exception handler --- */

static void tell(const struct asyncio_exception_context *c, void *arg)
{
    char task[256], future[256];

    assert_null(asyncio_current_task());
    note("[%s|%s|%s|%d|%s|%s]", c->message, c->task ? asyncio_repr(c->task, task, sizeof task) : "",
         c->future ? asyncio_repr(c->future, future, sizeof future) : "", c->error,
         c->error_message, (const char *)arg);
}

#define assert_told(part)                                                                          \
    do {                                                                                           \
        assert_says(history, part);                                                                \
        *history = 0;                                                                              \
    } while (0)

static async(void, fails)
{
    await(asyncio_sleep(0));
    asyncio_raise(-EPROTO, "no luck");
}

ASYNC_TEST(tells_of_never_retrieved)
{
    void *arg = &arg;

    assert_null(asyncio_get_exception_handler(&arg));
    assert_null(arg);
    asyncio_set_exception_handler(tell, (void *)"me");
    assert_true(asyncio_get_exception_handler(&arg) == tell);
    assert_string_equal(arg, "me");
    assert_true(asyncio_get_exception_handler(NULL) == tell);
    listen_to_stderr();
    asyncio_spawn(fails());
    await(asyncio_sleep(MOMENT));
    awaitable(int) f = asyncio_future(int);
    asyncio_set_exception(f, -EIO, "lost");
    asyncio_release(f);
    assert_string_equal(what_was_said(), "");
    assert_says(history, "[Task exception was never retrieved||<Task finished name='Task-");
    assert_says(history, "exception=EPROTO('no luck')>|-71|no luck|me]");
    assert_told("[Future exception was never retrieved||<Future finished exception=EIO('lost')>"
                "|-5|lost|me]");
    asyncio_set_exception_handler(NULL, NULL);
    listen_to_stderr();
    asyncio_spawn(fails());
    await(asyncio_sleep(MOMENT));
    assert_says(what_was_said(), "Task exception was never retrieved\nfuture: <Task ");
    assert_says(said.text, "\nerror: -71 (Protocol error): no luck\n");
    assert_history("");
}

static asyncio_any kept;

static void keep(const struct asyncio_exception_context *c, void *arg)
{
    (void)arg;
    kept = asyncio_retain(c->future);
}

/* The one who is told may keep the task. */
ASYNC_TEST(may_be_kept)
{
    asyncio_set_exception_handler(keep, NULL);
    asyncio_spawn(fails());
    await(asyncio_sleep(MOMENT));
    assert_non_null(kept);
    assert_int_equal(asyncio_exception(kept), -EPROTO);
    assert_string_equal(asyncio_exception_message(kept), "no luck");
    asyncio_set_exception_handler(tell, (void *)"");
    asyncio_release(kept);
    assert_history("");
}

static async(int, fails_at_last)
{
    await(asyncio_sleep(FOR_EVER));
    return asyncio_raise(-EBADF, "closing");
}

static async(int, ends_at_last)
{
    await(asyncio_sleep(FOR_EVER));
    return 3;
}

static async(void, leaves_failures)
{
    asyncio_set_exception_handler(tell, (void *)"");
    asyncio_spawn(awaits(asyncio_create_task(fails_at_last())));
    asyncio_spawn(ends_at_last());
    asyncio_spawn(for_ever());
    await(asyncio_sleep(MOMENT));
}

/* Each task that was left and failed, though another saw it too; as in Python. */
static void tells_of_the_shutdown(void **state)
{
    (void)state;
    asyncio_run(leaves_failures());
    assert_says(history, "[unhandled exception during asyncio.run() shutdown|<Task finished");
    assert_says(history, "coro=<awaits() done");
    assert_told("exception=EBADF('closing')>||-9|closing|]");
    assert_null(asyncio_get_exception_handler(NULL));
}

static async(void, ignores)
{
    for (;;)
        await(asyncio_sleep(FOR_EVER));
}

static async(void, leaves_one_that_ignores)
{
    asyncio_set_exception_handler(tell, (void *)"");
    asyncio_spawn(ignores());
    await(asyncio_sleep(0));
}

static void tells_of_the_destroyed(void **state)
{
    (void)state;
    asyncio_run(leaves_one_that_ignores());
    assert_told("[Task was destroyed but it is pending!|<Task cancelling name='Task-");
}

/* --- A main task whose T cannot carry the error --- */

static async(double, fails_as_double)
{
    asyncio_raise(-EPROTO, "bad header %s", "x");
    return 0;
}

static async(unsigned, cancels_itself)
{
    asyncio_cancel(asyncio_current_task());
    await(asyncio_sleep(0));
    return 0;
}

static void a_failing_main_is_told_of(void **state)
{
    (void)state;
    listen_to_stderr();
    asyncio_run(fails());
    assert_int_equal(asyncio_error(), -EPROTO);
    assert_says(what_was_said(), "coroutine 'fails' failed\ntask: <Task finished name='Task-");
    assert_says(said.text, "\nerror: -71 (Protocol error): no luck\n");
    assert_null(strstr(said.text, "retrieved"));
    listen_to_stderr();
    assert_true(asyncio_run(fails_as_double()) == 0);
    assert_says(what_was_said(), "coroutine 'fails_as_double' failed\n");
    assert_says(said.text, "\nerror: -71 (Protocol error): bad header x\n");
}

static void but_not_where_it_shows(void **state)
{
    (void)state;
    listen_to_stderr();
    assert_int_equal(asyncio_run(tells_error(-EIO)), -EIO);
    assert_int_equal(asyncio_run(cancels_itself()), 0);
    assert_string_equal(what_was_said(), "");
}

/* --- By the program --- */

ASYNC_TEST(called_by_the_program)
{
    asyncio_set_exception_handler(tell, (void *)"");
    asyncio_call_exception_handler(&(struct asyncio_exception_context){
        .message = "odd", .error = -EIO, .error_message = "unit 1"});
    assert_history("[odd|||-5|unit 1|]");
    listen_to_stderr();
    asyncio_default_exception_handler(&(struct asyncio_exception_context){.error = -EIO});
    assert_string_equal(what_was_said(),
                        "Unhandled exception in event loop\nerror: -5 (Input/output error)\n");
}

static void without_a_loop(void **state)
{
    (void)state;
    listen_to_stderr();
    asyncio_call_exception_handler(&(struct asyncio_exception_context){.message = "alone"});
    assert_string_equal(what_was_said(), "alone\n");
}

static void set_program(void)
{
    asyncio_set_exception_handler(tell, NULL);
}

static void set_without_a_loop(void **state)
{
    (void)state;
    assert_aborts(set_program, "no running event loop (asyncio_set_exception_handler)");
}

static void awaits_in_handler(const struct asyncio_exception_context *c, void *arg)
{
    (void)c;
    (void)arg;
    await(asyncio_sleep(0));
}

DEATH_TEST(a_handler_must_not_await, "await outside of a task")
{
    asyncio_set_exception_handler(awaits_in_handler, NULL);
    asyncio_call_exception_handler(&(struct asyncio_exception_context){.message = "odd"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_loop_for_several_runs),
        TEST(never_used),
        TEST(errors_of_each_run),
        TEST(made_between_runs),
        TEST(named_to_other_threads),
        TEST(the_main_task_stays),
        TEST(debug_is_its_own),
        TEST(back_end_by_name),
        TEST(cleaned_up),
        TEST(forked_between_runs),
        TEST(run_within_a_loop),
        TEST(run_within_itself),
        TEST(closed_within_itself),
        TEST(run_when_closed),
        TEST(two_loops),
        TEST(closed_as_a_loop),
        TEST(another_threads_runner),
        TEST(a_task_is_no_coroutine),
        TEST(cancels_the_main_task),
        TEST(of_any_type),
        TEST(wakes_a_loop_that_waits),
        TEST(at_the_next_await),
        TEST(may_be_swallowed),
        TEST(not_the_only_request),
        TEST(never_lost),
        TEST(an_error_is_an_error),
        TEST(kills),
        TEST(handlers_are_let_alone),
        TEST(and_those_set_within),
        TEST(not_in_other_threads),
        TEST(nor_in_a_child),
        TEST(tells_of_never_retrieved),
        TEST(may_be_kept),
        TEST(tells_of_the_shutdown),
        TEST(tells_of_the_destroyed),
        TEST(a_failing_main_is_told_of),
        TEST(but_not_where_it_shows),
        TEST(called_by_the_program),
        TEST(without_a_loop),
        TEST(set_without_a_loop),
        TEST(a_handler_must_not_await),
    };

    return cmocka_run_group_tests_name("runner", tests, NULL, NULL);
}
