/* Debug mode: what holds the loop, and where it is meanwhile. Whoever holds it here goes on until
 * it has been looked at, so nothing depends on how fast the machine is. */
#include "support.h"

#include "ctx/sanitize.h"
#include "task/thread.h"
#include "task/watchdog.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

/* What a step may take: next to nothing. */
#define INSTANT 0.001

#ifdef AI_HAVE_LIBDW
#define assert_says_where(text, part) assert_says(text, part)
#else
#define assert_says_where(text, part) (void)(text)
#endif

static void begin_debug(double slow)
{
    asyncio_set_slow_callback_duration(slow);
    asyncio_set_debug(true);
}

/* --- The threshold --- */

ASYNC_TEST(slow_is_what_one_says)
{
    assert_true(asyncio_get_slow_callback_duration() == 0.1);
    asyncio_set_slow_callback_duration(0.25);
    assert_true(asyncio_get_slow_callback_duration() == 0.25);
    asyncio_set_slow_callback_duration(-1); /* as 0: everything is slow */
    assert_true(asyncio_get_slow_callback_duration() == 0);
    asyncio_set_slow_callback_duration(0.1);
}

static async(void, blocks, (double, seconds))
{
    await(asyncio_sleep(0));
    asyncio_block(seconds);
    await(asyncio_sleep(0));
}

ASYNC_TEST(what_is_quick_enough_is_not_told)
{
    if (!simulated())
        return; /* no machine is quick enough for certain */
    listen_to_stderr();
    begin_debug(0.3);
    await(asyncio_create_task(blocks(0.25)));
    asyncio_set_slow_callback_duration(0.2);
    await(asyncio_create_task(blocks(0.125)));
    asyncio_set_debug(false);
    asyncio_set_slow_callback_duration(0.1);
    await(asyncio_create_task(blocks(5)));
    assert_string_equal(what_was_said(), "");
}

/* --- In virtual time --- */

static async(int, calls_what_blocks)
{
    await(blocks(0.25));
    return 0;
}

ASYNC_TEST(blocking_in_virtual_time)
{
    if (!simulated())
        return;
    begin_debug(0.1);
    listen_to_stderr();
    await(asyncio_create_task(calls_what_blocks(), "slow"));
    const char *text = what_was_said();
    asyncio_set_debug(false);
    assert_says(text, "name='slow' coro=<calls_what_blocks() ");
    assert_says(text, " took 0.250 seconds\nafter 0.100 and 0.200 seconds it was here:\n");
    assert_says_where(text, "in asyncio_block()\n");
    assert_says_where(text, "debug_test.c', line ");
    assert_says_where(text, "in async blocks()\n");
    assert_says_where(text, "in async calls_what_blocks()\n");
    assert_null(strstr(text, "in await_call()")); /* the library's own ways */
    assert_null(strstr(text, "0.500"));
}

static async(void, blocks_twice)
{
    asyncio_block(0.15);
    asyncio_block(0.15);
    asyncio_block(100);
}

ASYNC_TEST(blocking_again_and_again)
{
    if (!simulated())
        return;
    begin_debug(0.1);
    listen_to_stderr();
    await(asyncio_create_task(blocks_twice()));
    const char *text = what_was_said();
    asyncio_set_debug(false);
    assert_says(text, " took 100.300 seconds\nafter 0.100 seconds it was here:\n");
    assert_says_where(text, "in async blocks_twice()\n");
    assert_says_where(text, "after 0.200 seconds it was here:\n");
    assert_says_where(text, "in async blocks_twice()\n");
    assert_says_where(text, "after 0.500 seconds it was here:\n");
    assert_says_where(text, "in async blocks_twice()\n");
    assert_null(strstr(text, "1.000"));
}

/* --- In real time --- */

static _Thread_local volatile unsigned long turns;

static __attribute__((noinline)) void spin_until_seen(unsigned backtraces)
{
    while (ai_watchdog_backtraces(ai_thread.watchdog) < backtraces)
        turns++;
}

static async(int, spins, (unsigned, backtraces))
{
    await(asyncio_sleep(0));
    spin_until_seen(backtraces);
    return 7;
}

static async(int, awaits_what_spins)
{
    return await(spins(1));
}

ASYNC_TEST(a_task_that_computes)
{
    if (simulated())
        return;
    begin_debug(INSTANT);
    listen_to_stderr();
    assert_int_equal(await(asyncio_create_task(awaits_what_spins(), "busy")), 7);
    const char *text = what_was_said();
    asyncio_set_debug(false);
    assert_says(text, "Executing <Task finished name='busy' coro=<awaits_what_spins() ");
    assert_says(text, " seconds it was here:\n");
    assert_says_where(text, "in spin_until_seen()\n");
    assert_says_where(text, "in async spins()\n");
    assert_says_where(text, "in async awaits_what_spins()\n");
    assert_null(strstr(text, "in run_root()"));
}

static void spin(void *unused)
{
    (void)unused;
    spin_until_seen(1);
    turns++; /* it is no jump */
}

ASYNC_TEST(a_callback_that_computes)
{
    if (simulated())
        return;
    begin_debug(INSTANT);
    listen_to_stderr();
    asyncio_call_soon(spin, NULL);
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    const char *text = what_was_said();
    asyncio_set_debug(false);
    assert_says(text, "Executing a callback took ");
    assert_says_where(text, "in spin()\n");
    assert_null(strstr(text, "in main()")); /* what is beyond the step */
}

static async(int, spins_at_once)
{
    spin_until_seen(1);
    return 1;
}

static async(int, makes_an_eager_one)
{
    awaitable(int) t = asyncio_create_eager_task(spins_at_once());
    spin_until_seen(1); /* a step that was interrupted is watched again */
    return await(t);
}

ASYNC_TEST(a_step_within_a_step)
{
    if (simulated())
        return;
    begin_debug(INSTANT);
    listen_to_stderr();
    assert_int_equal(await(asyncio_create_task(makes_an_eager_one())), 1);
    const char *text = what_was_said();
    asyncio_set_debug(false);
    assert_says(text, "coro=<spins_at_once() ");
    assert_says_where(text, "in async spins_at_once()\n");
    assert_says(text, "coro=<makes_an_eager_one() ");
    assert_says_where(text, "in async makes_an_eager_one()\n");
}

ASYNC_TEST(told_while_it_goes_on)
{
    if (simulated())
        return;
    begin_debug(INSTANT);
    listen_to_stderr();
    await(asyncio_create_task(spins(5), "for ever"));
    await(asyncio_create_task(spins(5)));
    const char *text = what_was_said();
    asyncio_set_debug(false);
    assert_says(text, "Executing <Task pending name='for ever' coro=<spins()>> is taking ");
    assert_says(text, "Executing <Task pending name='Task-");
    assert_says(text, " seconds so far\nafter ");
    assert_says(text, " seconds it is here:\n");
    assert_says(text, " took ");
}

/* --- What must not be felt --- */

struct pipe {
    int in, out;
    const struct ai_watchdog *watchdog;
    pthread_t thread;
};

static void *write_when_seen(void *arg)
{
    struct pipe *p = arg;

    while (ai_watchdog_backtraces(p->watchdog) == 0)
        sched_yield();
    return write(p->out, "x", 1) == 1 ? NULL : p;
}

static void open_pipe(struct pipe *p)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    *p = (struct pipe){.in = fds[0], .out = fds[1], .watchdog = ai_thread.watchdog};
    assert_int_equal(pthread_create(&p->thread, NULL, write_when_seen, p), 0);
}

static void close_pipe(struct pipe *p)
{
    pthread_join(p->thread, NULL);
    close(p->in);
    close(p->out);
}

/* poll(2) would fail with EINTR for any handler, SA_RESTART or not. */
static async(int, polls)
{
    struct pipe p;

    await(asyncio_sleep(0));
    open_pipe(&p);
    int n = poll(&(struct pollfd){.fd = p.in, .events = POLLIN}, 1, -1);
    close_pipe(&p);
    return n;
}

ASYNC_TEST(a_system_call_is_not_interrupted)
{
    if (simulated())
        return;
    begin_debug(INSTANT);
    listen_to_stderr();
    int n = await(asyncio_create_task(polls()));
    const char *text = what_was_said();
    asyncio_set_debug(false);
    assert_int_equal(n, 1);
    assert_says_where(text, "in async polls()\n");
}

#ifdef __x86_64__

struct late {
    struct pipe pipe;
    pid_t loop;
};

/* As if it had found the loop's thread computing. */
static void *send_late(void *arg)
{
    struct late *l = arg;

    for (int signo = SIGRTMIN; signo < SIGRTMAX; signo++) {
        struct sigaction action;
        if (sigaction(signo, NULL, &action) == 0 && action.sa_flags & SA_SIGINFO)
            syscall(SYS_tgkill, getpid(), l->loop, signo);
    }
    return write(l->pipe.out, "x", 1) == 1 ? NULL : l;
}

static async(int, polls_for_too_long)
{
    struct late l = {.loop = gettid()};
    struct pollfd fd = {.events = POLLIN};
    int fds[2], n;

    await(spins(1)); /* it is installed */
    assert_int_equal(pipe(fds), 0);
    l.pipe = (struct pipe){.in = fds[0], .out = fds[1]};
    fd.fd = fds[0];
    assert_int_equal(pthread_create(&l.pipe.thread, NULL, send_late, &l), 0);
    n = poll(&fd, 1, -1);
    close_pipe(&l.pipe);
    return n;
}

ASYNC_TEST(nor_by_a_signal_that_comes_too_late)
{
    if (simulated())
        return;
    begin_debug(INSTANT);
    listen_to_stderr();
    int n = await(asyncio_create_task(polls_for_too_long()));
    what_was_said();
    asyncio_set_debug(false);
    assert_int_equal(n, 1);
}

#endif

static async(int, spins_deaf)
{
    sigset_t all, before;

    await(asyncio_sleep(0));
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (ai_watchdog_looks(ai_thread.watchdog) == 0)
        turns++;
    sigpending(&all);
    for (int signo = SIGRTMIN; signo <= SIGRTMAX; signo++)
        assert_false(sigismember(&all, signo));
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return 0;
}

ASYNC_TEST(blocked_signals_stay_unsent)
{
    if (simulated())
        return;
    begin_debug(INSTANT);
    listen_to_stderr();
    await(asyncio_create_task(spins_deaf()));
    const char *text = what_was_said();
    asyncio_set_debug(false);
    assert_says(text, "coro=<spins_deaf() ");
}

static void never(int signo)
{
    (void)signo;
    _exit(1);
}

static async(int, spins_looked_at)
{
    await(asyncio_sleep(0));
    while (ai_watchdog_looks(ai_thread.watchdog) == 0)
        turns++;
    return 0;
}

/* It has a handler for each signal there is. */
static void handles_all(void)
{
    for (int signo = SIGRTMIN; signo <= SIGRTMAX; signo++)
        signal(signo, never);
    begin_debug(INSTANT);
    asyncio_run(spins_looked_at());
}

static void the_program_s_signals_are_its_own(void **state)
{
    (void)state;
    if (simulated())
        return;
    assert_int_equal(in_child(handles_all), 0);
    assert_says(said.text, "coro=<spins_looked_at() ");
}

/* --- Forked, switched off --- */

static async(int, forks)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        is_child = true;
        asyncio_set_debug(true);
        _exit(asyncio_run(spins(1)));
    }
    waitpid(child, &status, 0);
    return status;
}

ASYNC_TEST(a_forked_child_is_watched_by_its_own)
{
#ifdef AI_TSAN
    return; /* it starts no threads in the child of a program that had several */
#endif
    if (simulated())
        return;
    begin_debug(INSTANT);
    listen_to_stderr();
    int status = await(asyncio_create_task(forks()));
    const char *text = what_was_said();
    asyncio_set_debug(false);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    assert_says(text, "coro=<spins() ");
}

static async(void, switches_it_off)
{
    await(asyncio_sleep(0));
    if (!simulated())
        spin_until_seen(1);
    asyncio_set_debug(false);
    asyncio_set_debug(true);
    asyncio_set_debug(false);
}

ASYNC_TEST(switched_off_within_a_step)
{
    begin_debug(INSTANT);
    listen_to_stderr();
    await(asyncio_create_task(switches_it_off()));
    assert_null(strstr(what_was_said(), "coro=<switches_it_off() done"));
}

static void in_a_runner(void **state)
{
    struct asyncio_runner runner = {.debug = 1};
    (void)state;

    if (simulated())
        return;
    assert_false(asyncio_get_debug());
    asyncio_set_slow_callback_duration(INSTANT);
    listen_to_stderr();
    assert_int_equal(asyncio_runner_run(&runner, spins(1)), 7);
    asyncio_runner_close(&runner);
    const char *text = what_was_said();
    assert_false(asyncio_get_debug());
    assert_says_where(text, "in async spins()\n");
}

static void *run_a_loop(void *unused)
{
    (void)unused;
    begin_debug(INSTANT);
    return (void *)(intptr_t)asyncio_run(spins(3));
}

static void several_loops_at_once(void **state)
{
    enum { N = 3 };
    pthread_t thread[N];
    void *result;
    (void)state;

    if (simulated())
        return;
    listen_to_stderr();
    for (int i = 0; i < N; i++)
        pthread_create(&thread[i], NULL, run_a_loop, NULL);
    for (int i = 0; i < N; i++) {
        pthread_join(thread[i], &result);
        assert_int_equal((intptr_t)result, 7);
    }
    assert_says_where(what_was_said(), "in async spins()\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(slow_is_what_one_says),
        TEST(what_is_quick_enough_is_not_told),
        TEST(blocking_in_virtual_time),
        TEST(blocking_again_and_again),
        TEST(a_task_that_computes),
        TEST(a_callback_that_computes),
        TEST(a_step_within_a_step),
        TEST(told_while_it_goes_on),
        TEST(a_system_call_is_not_interrupted),
#ifdef __x86_64__
        TEST(nor_by_a_signal_that_comes_too_late),
#endif
        TEST(blocked_signals_stay_unsent),
        TEST(the_program_s_signals_are_its_own),
        TEST(a_forked_child_is_watched_by_its_own),
        TEST(switched_off_within_a_step),
        TEST(in_a_runner),
        TEST(several_loops_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
