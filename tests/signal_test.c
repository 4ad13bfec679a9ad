/* <asyncio/signals.h>: handlers, waits and iterators, that none is lost, several loops, and what is
 * left of it afterwards. And SIGPIPE, which the runner ignores. */
#include "support.h"

#include "base/alloc.h"
#include "ctx/sanitize.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

typedef void disposition_function(int);

static disposition_function *disposition(int signo)
{
    struct sigaction now;
    sigaction(signo, NULL, &now);
    return now.sa_handler;
}

static void hear(void *name)
{
    note("%s", (const char *)name);
}

#define HEAR(signo, name) asyncio_add_signal_handler(signo, hear, (void *)(uintptr_t)(name))

/* Until the loop has asked for what came by now, and that has run. */
static async(void, settle)
{
    await(asyncio_sleep(MOMENT / 100));
    for (int i = 0; i < 3; i++)
        await(asyncio_sleep(0));
}

/* --- Handlers --- */

ASYNC_TEST(handler)
{
    assert_int_equal(HEAR(SIGUSR1, "one"), 0);
    assert_int_equal(HEAR(SIGUSR2, "two"), 0);
    raise(SIGUSR2);
    note("raised");
    await(settle());
    raise(SIGUSR1);
    await(settle());
    assert_history("raised two one");
    assert_true(asyncio_remove_signal_handler(SIGUSR2));
    assert_false(asyncio_remove_signal_handler(SIGUSR2));
    assert_true(disposition(SIGUSR2) == SIG_DFL);
    assert_true(disposition(SIGUSR1) != SIG_DFL);
}

ASYNC_TEST(each_delivery_counts)
{
    assert_int_equal(HEAR(SIGUSR1, "one"), 0);
    for (int i = 0; i < 3; i++)
        raise(SIGUSR1);
    await(settle());
    assert_history("one one one");
}

ASYNC_TEST(replaced)
{
    assert_int_equal(HEAR(SIGUSR1, "old"), 0);
    assert_int_equal(HEAR(SIGUSR1, "new"), 0);
    raise(SIGUSR1);
    await(settle());
    assert_history("new");
}

static void hear_once(void *signo)
{
    note("once");
    assert_true(asyncio_remove_signal_handler((int)(intptr_t)signo));
    assert_int_equal(HEAR(SIGUSR2, "other"), 0);
}

ASYNC_TEST(removes_itself)
{
    assert_int_equal(asyncio_add_signal_handler(SIGUSR1, hear_once, (void *)(intptr_t)SIGUSR1), 0);
    raise(SIGUSR1);
    await(settle());
    raise(SIGUSR2);
    await(settle());
    assert_history("once other");
    assert_true(disposition(SIGUSR1) == SIG_DFL);
}

/* What came before its handler was removed is dropped. */
ASYNC_TEST(removed_in_time)
{
    assert_int_equal(HEAR(SIGUSR1, "one"), 0);
    raise(SIGUSR1);
    assert_true(asyncio_remove_signal_handler(SIGUSR1));
    await(settle());
    assert_history("");
}

static asyncio_context_var(int) variable = ASYNCIO_CONTEXT_VAR("variable", 0);

static void hear_variable(void *unused)
{
    (void)unused;
    note("%d", asyncio_context_var_get(&variable));
}

static async(int, sets_a_handler)
{
    asyncio_context_var_set(&variable, 7);
    return asyncio_add_signal_handler(SIGUSR1, hear_variable, NULL);
}

ASYNC_TEST(in_the_context_of_its_maker)
{
    assert_int_equal(await(asyncio_create_task(sets_a_handler())), 0);
    raise(SIGUSR1);
    await(settle());
    assert_history("7");
}

/* --- Waiting --- */

static async(int, waits, (const char *, name), (int, a), (int, b))
{
    int signo = b ? await(asyncio_signal_wait(a, b)) : await(asyncio_signal_wait(a));
    note("%s:%d", name, signo == a ? 1 : signo == b ? 2 : signo);
    return signo;
}

ASYNC_TEST(wait_for_one)
{
    awaitable(int) t = asyncio_create_task(waits("w", SIGUSR1, SIGUSR2));
    await(settle());
    assert_history("");
    raise(SIGUSR2);
    assert_int_equal(await(t), SIGUSR2);
    assert_history("w:2");
}

ASYNC_TEST(everybody_gets_it)
{
    int got[3];
    assert_int_equal(HEAR(SIGUSR1, "handler"), 0);
    awaitable(int) a = asyncio_create_task(waits("a", SIGUSR1, 0));
    awaitable(int) b = asyncio_create_task(waits("b", SIGUSR2, SIGUSR1));
    awaitable(int) c = asyncio_create_task(asyncio_signal_wait(SIGUSR1)); /* without a stack */
    await(settle());
    raise(SIGUSR1);
    assert_int_equal(await(asyncio_gather_into(got, a, b, c)), 0);
    assert_int_equal(got[0], SIGUSR1);
    assert_int_equal(got[1], SIGUSR1);
    assert_int_equal(got[2], SIGUSR1);
    assert_history("handler a:1 b:2");
}

/* Between two waits too. */
ASYNC_TEST(kept_for_the_next_wait)
{
    raise(SIGURG); /* by default ignored, and not yet waited for */
    assert_int_equal(await(asyncio_wait_for(asyncio_signal_wait(SIGURG, SIGUSR1), MOMENT)),
                     -ETIMEDOUT);
    raise(SIGUSR1);
    raise(SIGURG);
    raise(SIGURG);
    await(settle());
    assert_int_equal(await(asyncio_signal_wait(SIGUSR1)), SIGUSR1);
    assert_int_equal(await(asyncio_signal_wait(SIGURG)), SIGURG);
    assert_int_equal(await(asyncio_signal_wait(SIGURG)), SIGURG);
    raise(SIGUSR1);
    await(settle());
    assert_true(asyncio_remove_signal_handler(SIGUSR1)); /* which forgets it */
    assert_true(disposition(SIGUSR1) == SIG_DFL);
    assert_int_equal(await(asyncio_wait_for(asyncio_signal_wait(SIGUSR1), MOMENT)), -ETIMEDOUT);
}

/* Somebody was there for it. */
ASYNC_TEST(not_kept_where_it_was_taken)
{
    assert_int_equal(await(asyncio_wait_for(asyncio_signal_wait(SIGUSR1), MOMENT)), -ETIMEDOUT);
    assert_int_equal(HEAR(SIGUSR1, "handler"), 0);
    raise(SIGUSR1);
    await(settle());
    assert_history("handler");
    assert_int_equal(await(asyncio_wait_for(asyncio_signal_wait(SIGUSR1), MOMENT)), -ETIMEDOUT);
}

ASYNC_TEST(wait_cancelled)
{
    awaitable(int) t = asyncio_create_task(waits("w", SIGUSR1, 0));
    await(settle());
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    assert_true(asyncio_cancelled(t));
    raise(SIGUSR1); /* nobody's: kept */
    await(settle());
    assert_int_equal(await(asyncio_signal_wait(SIGUSR1)), SIGUSR1);
    assert_history("w:-125");
}

static async(int, waits_and_goes_on)
{
    int signo = await(asyncio_signal_wait(SIGUSR1));
    note("%d", signo == SIGUSR1);
    return await(asyncio_sleep(1));
}

static void cancel(void *task)
{
    asyncio_cancel((asyncio_any)task);
}

/* A wait that is cancelled before it is woken, or after: the signal is not lost. */
ASYNC_TEST(cancelled_too_late)
{
    awaitable(int) t = asyncio_create_task(waits_and_goes_on());
    await(settle());
    assert_int_equal(asyncio_add_signal_handler(SIGUSR1, cancel, t), 0); /* called behind waits */
    raise(SIGUSR1);
    assert_int_equal(await(t), -ECANCELED);
    assert_history("1");
    awaitable(int) u = asyncio_create_task(asyncio_signal_wait(SIGUSR1));
    await(settle());
    assert_int_equal(asyncio_add_signal_handler(SIGUSR1, cancel, u), 0);
    raise(SIGUSR1);
    assert_int_equal(await(u), SIGUSR1);
}

ASYNC_TEST(closed_unused)
{
    asyncio_release(asyncio_signal_wait(SIGUSR1));
    asyncio_release(asyncio_signals(SIGUSR1));
    assert_true(disposition(SIGUSR1) == SIG_DFL);
}

/* --- One after the other --- */

static void raise_one(void *unused)
{
    (void)unused;
    raise(SIGUSR1);
}

ASYNC_TEST(iterator)
{
    int n = 0;
    asyncio_call_soon(raise_one, NULL);
    async_for (int signo, asyncio_signals(SIGUSR2, SIGUSR1)) {
        note("%s", signo == SIGUSR1 ? "one" : "two");
        if (n++ == 0) { /* while the body runs, and while it waits */
            raise(SIGUSR2);
            raise(SIGUSR1);
            await(settle());
            raise(SIGUSR1);
        }
        if (n == 4)
            break;
    }
    assert_history("one one two one");
    assert_true(disposition(SIGUSR1) == SIG_DFL);
    assert_true(disposition(SIGUSR2) == SIG_DFL);
}

static async(int, counts, (int, signo), (int, most))
{
    int n = 0;
    async_for (int got, asyncio_signals(signo)) {
        assert_int_equal(got, signo);
        if (++n == most)
            return n;
    }
    note("%d after %d", asyncio_error(), n);
    return asyncio_error();
}

ASYNC_TEST(several_iterators)
{
    awaitable(int) a = asyncio_create_task(counts(SIGUSR1, 3));
    awaitable(int) b = asyncio_create_task(counts(SIGUSR1, 2));
    awaitable(int) c = asyncio_create_task(counts(SIGUSR1, 9));
    await(settle());
    for (int i = 0; i < 3; i++)
        raise(SIGUSR1);
    assert_int_equal(await(asyncio_gather(a, b)), 0);
    assert_int_equal(asyncio_result(a), 3);
    assert_int_equal(asyncio_result(b), 2);
    await(settle());
    asyncio_cancel(c);
    assert_int_equal(await(c), -ECANCELED);
    assert_history("-125 after 3");
    assert_true(disposition(SIGUSR1) == SIG_DFL);
}

/* --- What is left --- */

static void own(int signo)
{
    (void)signo;
    note("own");
}

static async(void, leaves_everything)
{
    assert_int_equal(HEAR(SIGUSR1, "one"), 0);
    asyncio_spawn(waits("w", SIGUSR2, 0));
    asyncio_spawn(counts(SIGHUP, 9));
    await(settle());
    raise(SIGUSR1);
    raise(SIGUSR2); /* to be delivered in the shutdown, or not at all */
    raise(SIGHUP);
}

static void restored_at_the_end(void **state)
{
    (void)state;
    signal(SIGUSR1, own);
    signal(SIGHUP, SIG_IGN);
    asyncio_run(leaves_everything());
    assert_true(disposition(SIGUSR1) == own);
    assert_true(disposition(SIGUSR2) == SIG_DFL);
    assert_true(disposition(SIGHUP) == SIG_IGN);
    *history = 0;
    raise(SIGUSR1);
    assert_history("own");
    signal(SIGUSR1, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
}

static async(void, sets_another)
{
    assert_int_equal(HEAR(SIGUSR1, "one"), 0);
    signal(SIGUSR1, own);
}

static void one_that_the_program_sets_stays(void **state)
{
    (void)state;
    asyncio_run(sets_another());
    assert_true(disposition(SIGUSR1) == own);
    signal(SIGUSR1, SIG_DFL);
}

/* A runner keeps them from run to run. */
static void between_runs(void **state)
{
    struct asyncio_runner r = {0};
    (void)state;
    assert_int_equal(asyncio_runner_init(&r), 0);
    assert_int_equal(HEAR(SIGUSR1, "one"), 0);
    raise(SIGUSR1);
    asyncio_runner_run(&r, settle());
    raise(SIGUSR1);
    asyncio_runner_run(&r, settle());
    assert_history("one one");
    asyncio_runner_close(&r);
    assert_true(disposition(SIGUSR1) == SIG_DFL);
}

static void forks(void)
{
    struct asyncio_runner r = {0};
    int status;
    assert_int_equal(asyncio_runner_init(&r), 0);
    if (HEAR(SIGUSR1, "one") || disposition(SIGPIPE) != SIG_IGN)
        _exit(1);
    pid_t child = fork();
    if (child == 0)
        _exit(disposition(SIGUSR1) != SIG_DFL || disposition(SIGPIPE) != SIG_DFL);
    waitpid(child, &status, 0);
    _exit(status != 0 || disposition(SIGUSR1) == SIG_DFL || disposition(SIGPIPE) != SIG_IGN);
}

static void not_for_the_child_of_a_fork(void **state)
{
    (void)state;
    assert_int_equal(in_child(forks), 0);
}

/* --- SIGINT --- */

static async(int, handles_sigint)
{
    assert_int_equal(HEAR(SIGINT, "handled"), 0);
    raise(SIGINT);
    raise(SIGINT); /* no reason to die */
    await(settle());
    assert_true(asyncio_remove_signal_handler(SIGINT));
    raise(SIGINT); /* the runner's again */
    return await(asyncio_sleep(FOR_EVER));
}

static async(int, leaves_sigint)
{
    assert_int_equal(HEAR(SIGINT, "handled"), 0);
    raise(SIGINT);
    await(settle());
    return 7;
}

static void sigint(void **state)
{
    struct asyncio_runner r = {0};
    (void)state;
    assert_int_equal(asyncio_run(handles_sigint()), -EINTR);
    assert_history("handled handled");
    assert_true(disposition(SIGINT) == SIG_DFL);
    assert_int_equal(asyncio_runner_run(&r, leaves_sigint()), 7);
    assert_true(disposition(SIGINT) != SIG_DFL);
    assert_int_equal(asyncio_runner_run(&r, leaves_sigint()), 7);
    asyncio_runner_close(&r);
    assert_true(disposition(SIGINT) == SIG_DFL);
    assert_history("handled handled");
}

static void dies_of_sigint(void)
{
    struct asyncio_runner r = {0};
    asyncio_runner_run(&r, leaves_sigint());
    asyncio_remove_signal_handler(SIGINT);
    raise(SIGINT);
}

static void removed_outside_of_a_run(void **state)
{
    (void)state;
    int status = in_child(dies_of_sigint);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

/* --- Other threads --- */

static void *send_when_told(void *go)
{
    while (!atomic_load((atomic_bool *)go))
        sched_yield();
    kill(getpid(), SIGUSR1);
    return NULL;
}

static void tell(void *go)
{
    atomic_store((atomic_bool *)go, true);
}

/* The loop is waiting, or about to. */
ASYNC_TEST(wakes_a_loop_that_waits)
{
    static atomic_bool go;
    pthread_t thread;
    go = false;
    pthread_create(&thread, NULL, send_when_told, &go);
    asyncio_call_soon(tell, &go);
    assert_int_equal(await(asyncio_signal_wait(SIGUSR1)), SIGUSR1);
    pthread_join(thread, NULL);
}

static atomic_int ready;

static async(int, hears_one)
{
    awaitable(int) t = asyncio_create_task(counts(SIGUSR1, 1));
    await(settle());
    atomic_fetch_add(&ready, 1);
    return await(t);
}

static void *hears_in_a_loop(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)asyncio_run(hears_one());
}

static void each_loop_gets_it(void **state)
{
    enum { LOOPS = 4 };
    pthread_t threads[LOOPS];
    void *n;
    (void)state;
    ready = 0;
    for (int i = 0; i < LOOPS; i++)
        pthread_create(&threads[i], NULL, hears_in_a_loop, NULL);
    while (atomic_load(&ready) < LOOPS)
        sched_yield();
    kill(getpid(), SIGUSR1);
    for (int i = 0; i < LOOPS; i++) {
        pthread_join(threads[i], &n);
        assert_int_equal((intptr_t)n, 1);
    }
    assert_true(disposition(SIGUSR1) == SIG_DFL);
}

enum { SENDERS = 2, SENT = 1000 };

/* Real-time signals are queued: as many arrive as are sent. */
static void *send_many(void *unused)
{
    (void)unused;
    for (int i = 0; i < SENT; i++) {
        while (sigqueue(getpid(), SIGRTMIN, (union sigval){0}))
            sched_yield();
    }
    return NULL;
}

ASYNC_TEST(none_is_lost)
{
    pthread_t senders[SENDERS];
    int n = 0;
    assert_int_equal(await(asyncio_wait_for(asyncio_signal_wait(SIGRTMIN), 0.000001)), -ETIMEDOUT);
#ifdef AI_TSAN /* delivers signals when it suits it, and merges what came meanwhile */
    return;
#endif
    for (int i = 0; i < SENDERS; i++)
        pthread_create(&senders[i], NULL, send_many, NULL);
    while (n < SENDERS * SENT) {
        assert_int_equal(await(asyncio_signal_wait(SIGRTMIN)), SIGRTMIN);
        n++;
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(senders[i], NULL);
    raise(SIGRTMIN);
    assert_int_equal(await(asyncio_signal_wait(SIGRTMIN)), SIGRTMIN);
}

static atomic_bool over;

static void *send_without_end(void *unused)
{
    (void)unused;
    while (!atomic_load(&over)) {
        kill(getpid(), SIGUSR1);
        sched_yield();
    }
    return NULL;
}

static async(void, gets_one)
{
    assert_int_equal(await(asyncio_signal_wait(SIGUSR1)), SIGUSR1);
}

static void *opens_and_closes(void *unused)
{
    (void)unused;
    for (int i = 0; i < 30; i++)
        asyncio_run(gets_one());
    return NULL;
}

/* Loops come and go while it rains. */
static void in_a_storm(void **state)
{
    pthread_t storm, loops[2];
    (void)state;
    signal(SIGUSR1, SIG_IGN);
    over = false;
    pthread_create(&storm, NULL, send_without_end, NULL);
    for (int i = 0; i < 2; i++)
        pthread_create(&loops[i], NULL, opens_and_closes, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(loops[i], NULL);
    over = true;
    pthread_join(storm, NULL);
    assert_true(disposition(SIGUSR1) == SIG_IGN);
    signal(SIGUSR1, SIG_DFL);
}

/* --- SIGPIPE --- */

static async(ssize_t, writes_to_nobody)
{
    int fds[2];
    assert_true(disposition(SIGPIPE) == SIG_IGN);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    close(fds[0]);
    ssize_t n = await(asyncio_write(fds[1], "x", 1));
    close(fds[1]);
    return n;
}

static void *runs(void *unused)
{
    (void)unused;
    assert_int_equal(asyncio_run(writes_to_nobody()), -EPIPE);
    return NULL;
}

static void sigpipe_is_ignored(void **state)
{
    struct asyncio_runner r = {0};
    pthread_t thread;
    (void)state;
    assert_true(disposition(SIGPIPE) == SIG_DFL);
    assert_int_equal(asyncio_run(writes_to_nobody()), -EPIPE);
    assert_true(disposition(SIGPIPE) == SIG_DFL);
    assert_int_equal(asyncio_runner_init(&r), 0);
    pthread_create(&thread, NULL, runs, NULL);
    pthread_join(thread, NULL);
    assert_true(disposition(SIGPIPE) == SIG_IGN); /* still one */
    asyncio_runner_close(&r);
    assert_true(disposition(SIGPIPE) == SIG_DFL);
}

static async(void, sets_sigpipe, (disposition_function *, to))
{
    assert_true(disposition(SIGPIPE) == own);
    signal(SIGPIPE, to);
}

static void sigpipe_is_the_programs(void **state)
{
    (void)state;
    signal(SIGPIPE, own);
    asyncio_run(sets_sigpipe(own));
    assert_true(disposition(SIGPIPE) == own);
    asyncio_run(sets_sigpipe(SIG_IGN));
    assert_true(disposition(SIGPIPE) == SIG_IGN);
    asyncio_run(asyncio_sleep(0));
    assert_true(disposition(SIGPIPE) == SIG_IGN);
    signal(SIGPIPE, SIG_DFL);
}

/* --- Failures and misuse --- */

static size_t failing;

static bool fail_this(size_t size)
{
    (void)size;
    return failing > 0 && --failing == 0;
}

static async(int, tries_everything)
{
    int error = HEAR(SIGUSR1, "one");
    if (error)
        return error;
    awaitable(int) w = asyncio_signal_wait(SIGUSR2);
    raise(SIGUSR1);
    error = await(asyncio_wait_for(w, 0.000001));
    if (error != -ETIMEDOUT)
        return error;
    async_for (int signo, asyncio_signals(SIGUSR1)) {
        note("%d", signo == SIGUSR1);
        break;
    }
    return asyncio_error();
}

static async(int, rains)
{
    awaitable(int) t = asyncio_create_task(tries_everything());
    if (!t)
        return -ENOMEM;
    while (!asyncio_done(t)) {
        if (disposition(SIGUSR1) != SIG_DFL)
            raise(SIGUSR1);
        await(asyncio_sleep(MOMENT / 100));
    }
    return asyncio_result(t);
}

static void without_memory(void **state)
{
    int r = -ENOMEM;
    (void)state;
    for (size_t n = 1; r == -ENOMEM; n++) {
        failing = n;
        ai_allocation_fails = fail_this;
        listen_to_stderr();
        r = asyncio_run(rains());
        what_was_said();
        ai_allocation_fails = NULL;
        assert_true(disposition(SIGUSR1) == SIG_DFL);
        assert_true(disposition(SIGUSR2) == SIG_DFL);
    }
    assert_int_equal(r, 0);
}

DEATH_TEST(no_such_signal, "ValueError: invalid signal number 0")
{
    HEAR(0, "");
}

DEATH_TEST(no_such_signal_to_wait_for, "ValueError: invalid signal number 65")
{
    await(asyncio_signal_wait(SIGUSR1, 65));
}

DEATH_TEST(one_that_nobody_catches, "RuntimeError: sig 9 cannot be caught")
{
    HEAR(SIGKILL, "");
}

DEATH_TEST(a_fault, "RuntimeError: sig 11 cannot be caught")
{
    async_for (int signo, asyncio_signals(SIGSEGV))
        (void)signo;
}

static void without_a_loop_program(void)
{
    HEAR(SIGUSR1, "");
}

static void without_a_loop(void **state)
{
    (void)state;
    assert_aborts(without_a_loop_program, "RuntimeError: no running event loop");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(handler),
        TEST(each_delivery_counts),
        TEST(replaced),
        TEST(removes_itself),
        TEST(removed_in_time),
        TEST(in_the_context_of_its_maker),
        TEST(wait_for_one),
        TEST(everybody_gets_it),
        TEST(kept_for_the_next_wait),
        TEST(not_kept_where_it_was_taken),
        TEST(wait_cancelled),
        TEST(cancelled_too_late),
        TEST(closed_unused),
        TEST(iterator),
        TEST(several_iterators),
        TEST(restored_at_the_end),
        TEST(one_that_the_program_sets_stays),
        TEST(between_runs),
        TEST(not_for_the_child_of_a_fork),
        TEST(sigint),
        TEST(removed_outside_of_a_run),
        TEST(wakes_a_loop_that_waits),
        TEST(each_loop_gets_it),
        TEST(none_is_lost),
        TEST(in_a_storm),
        TEST(sigpipe_is_ignored),
        TEST(sigpipe_is_the_programs),
        TEST(without_memory),
        TEST(no_such_signal),
        TEST(no_such_signal_to_wait_for),
        TEST(one_that_nobody_catches),
        TEST(a_fault),
        TEST(without_a_loop),
    };
    signal(SIGPIPE, SIG_DFL); /* whatever the tests are run by */
    return cmocka_run_group_tests_name("signal", tests, NULL, NULL);
}
