/* Threads: functions in executors, and other threads' ways into a loop. */
#include "support.h"

#include "ctx/sanitize.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/syscall.h>

struct pair {
    long a, b;
};

static pthread_t thread_of_loop;

static int threads_alive(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* Those that nobody joins take a moment. */
static void wait_for_end_of_threads(int before)
{
    while (threads_alive() > before)
        sched_yield();
}

/* --- to_thread --- */

static async(int, add, (int, x), (int, y))
{
    return pthread_equal(pthread_self(), thread_of_loop) ? -1 : x + y;
}

static async(struct pair, swapped, (struct pair, p))
{
    return (struct pair){p.b, p.a};
}

static async(void, store, (int *, place), (int, value))
{
    *place = value;
}

static async(const char *, text)
{
    return "text";
}

ASYNC_TEST(results_of_every_type)
{
    int stored = 0;
    thread_of_loop = pthread_self();
    assert_int_equal(await(asyncio_to_thread(add(3, 4))), 7);
    assert_int_equal(await(asyncio_to_thread(swapped((struct pair){1, 2}))).b, 1);
    await(asyncio_to_thread(store(&stored, 5)));
    assert_int_equal(stored, 5);
    assert_string_equal(await(asyncio_to_thread(text())), "text");
    assert_int_equal(asyncio_error(), 0);
}

static async(int, refuses)
{
    return asyncio_raise(-EPROTO, "bad %s", "luck");
}

static async(const char *, refuses_text)
{
    asyncio_raise(-EPERM, NULL);
    return NULL;
}

ASYNC_TEST(errors)
{
    assert_int_equal(await(asyncio_to_thread(refuses())), -EPROTO);
    assert_int_equal(asyncio_error(), -EPROTO);
    assert_string_equal(asyncio_error_message(), "bad luck");
    assert_null(await(asyncio_to_thread(refuses_text())));
    assert_int_equal(asyncio_error(), -EPERM);
}

ASYNC_TEST(lazy)
{
    int stored = 0;
    awaitable(void) a = asyncio_to_thread(store(&stored, 1));
    asyncio_release(a);
    awaitable(void) b = asyncio_to_thread(store(&stored, 2));
    await(asyncio_sleep(MOMENT));
    assert_int_equal(stored, 0);
    await(b);
    assert_int_equal(stored, 2);
}

ASYNC_TEST(composed)
{
    int results[3];
    thread_of_loop = pthread_self();
    awaitable(int) t = asyncio_create_task(asyncio_to_thread(add(1, 2)));
    int r = await(asyncio_gather_into(results, asyncio_to_thread(add(3, 4)), t,
                                      asyncio_wait_for(asyncio_to_thread(add(5, 6)), 60)));
    assert_int_equal(r, 0);
    assert_int_equal(results[0], 7);
    assert_int_equal(results[1], 3);
    assert_int_equal(results[2], 11);
    assert_int_equal(await(asyncio_shield(asyncio_to_thread(add(7, 8)))), 15);
}

static void a_root_of_its_own(void **state)
{
    (void)state;
    thread_of_loop = pthread_self();
    assert_int_equal(asyncio_run(asyncio_to_thread(add(1, 1))), 2);
}

static void count_turns(void *arg)
{
    ++*(int *)arg;
}

ASYNC_TEST(null_for_null)
{
    assert_null(asyncio_to_thread((awaitable(int))NULL));
    assert_int_equal(await(asyncio_to_thread((awaitable(int))NULL)), -ENOMEM);
    assert_null(asyncio_run_coroutine_threadsafe((awaitable(int))NULL, NULL));
    assert_null(asyncio_wrap_future((asyncio_concurrent_future(int))NULL));
    assert_int_equal(asyncio_concurrent_result((asyncio_concurrent_future(int))NULL, 0), -ENOMEM);
    assert_int_equal(asyncio_concurrent_exception(NULL, 0), -ENOMEM);
    assert_string_equal(asyncio_concurrent_exception_message(NULL), "");
    assert_true(asyncio_concurrent_done(NULL));
    assert_false(asyncio_concurrent_cancelled(NULL));
    assert_false(asyncio_concurrent_cancel(NULL));
    asyncio_concurrent_release(NULL);
}

/* --- Cancelling --- */

static struct gate {
    sem_t entered, open;
    atomic_int passed;
} gate;

static void gate_init(void)
{
    sem_init(&gate.entered, 0, 0);
    sem_init(&gate.open, 0, 0);
    gate.passed = 0;
}

static async(int, pass_gate, (int, value))
{
    sem_post(&gate.entered);
    sem_wait(&gate.open);
    gate.passed++;
    return value;
}

ASYNC_TEST(cancelled_while_it_runs)
{
    gate_init();
    awaitable(int) t = asyncio_create_task(asyncio_to_thread(pass_gate(1)));
    await(asyncio_sleep(0));
    sem_wait(&gate.entered);
    assert_true(asyncio_cancel(t));
    assert_int_equal(await(t), -ECANCELED);
    assert_true(asyncio_cancelled(t));
    assert_int_equal(gate.passed, 0);
    sem_post(&gate.open); /* the end of the loop waits for it */
}

static void function_outlives_awaiter(void **state)
{
    cancelled_while_it_runs(state);
    assert_int_equal(gate.passed, 1);
}

ASYNC_TEST(cancelled_before_it_runs)
{
    int stored = 0;
    gate_init();
    struct asyncio_executor *one = asyncio_thread_pool_executor(1, "one");
    awaitable(int) first = asyncio_run_in_executor(one, pass_gate(1));
    awaitable(void) second = asyncio_run_in_executor(one, store(&stored, 1));
    sem_wait(&gate.entered);
    assert_true(asyncio_cancel(second));
    assert_false(asyncio_cancel(second));
    await(second);
    assert_int_equal(asyncio_error(), -ECANCELED);
    sem_post(&gate.open);
    assert_int_equal(await(first), 1);
    one->shutdown(one, true);
    assert_int_equal(stored, 0);
}

ASYNC_TEST(timed_out)
{
    gate_init();
    int r = await(asyncio_wait_for(asyncio_to_thread(pass_gate(1)), MOMENT));
    assert_int_equal(r, -ETIMEDOUT);
    sem_post(&gate.open);
}

/* Its message may be on its way already. */
ASYNC_TEST(cancelled_as_it_ends)
{
    for (int i = 0; i < 50; i++) {
        gate_init();
        awaitable(int) t = asyncio_create_task(asyncio_to_thread(pass_gate(i)));
        await(asyncio_sleep(0));
        sem_wait(&gate.entered);
        sem_post(&gate.open);
        while (i % 2 && !gate.passed)
            sched_yield();
        asyncio_cancel(t);
        assert_int_equal(await(t), -ECANCELED);
        asyncio_release(t);
        while (!gate.passed)
            sched_yield();
    }
}

/* --- Executors of one's own --- */

static int run_now(struct asyncio_executor *self, void (*run)(void *), void *arg)
{
    (void)self;
    note("submit");
    run(arg);
    return 0;
}

static int run_never(struct asyncio_executor *self, void (*run)(void *), void *arg)
{
    (void)self, (void)run, (void)arg;
    return -EBUSY;
}

static void nothing_to_end(struct asyncio_executor *self, bool wait)
{
    (void)self;
    note("shutdown %d", wait);
}

static struct asyncio_executor here = {run_now, nothing_to_end};
static struct asyncio_executor busy = {run_never, nothing_to_end};

/* --- Context --- */

static asyncio_context_var(int) level = ASYNCIO_CONTEXT_VAR("level", 0);

static async(int, raises_level)
{
    int found = asyncio_context_var_get(&level);
    asyncio_context_var_set(&level, found + 1);
    return found * 10 + asyncio_context_var_get(&level);
}

static async(int, raises_level_in_loop)
{
    return asyncio_run(raises_level());
}

static async(int, raises_level_of, (struct asyncio_loop *, loop))
{
    asyncio_context_var_set(&level, 8);
    asyncio_concurrent_future(int) f = asyncio_run_coroutine_threadsafe(raises_level(), loop);
    int r = asyncio_concurrent_result(f, ASYNCIO_FOREVER);
    asyncio_concurrent_release(f);
    return r;
}

static void note_level(void *unused)
{
    (void)unused;
    note("level %d", asyncio_context_var_get(&level));
}

static async(int, has_level_noted, (struct asyncio_loop *, loop))
{
    asyncio_context_var_set(&level, 9);
    return asyncio_call_soon_threadsafe(loop, note_level, NULL);
}

ASYNC_TEST(context)
{
    struct asyncio_loop *loop = asyncio_get_running_loop();
    asyncio_context_var_set(&level, 3);
    awaitable(int) a = asyncio_to_thread(raises_level());
    asyncio_context_var_set(&level, 4);
    assert_int_equal(await(a), 34); /* of when it was made */
    assert_int_equal(await(asyncio_to_thread(raises_level())), 45);
    assert_int_equal(await(asyncio_create_task(asyncio_to_thread(raises_level()))), 45);
    assert_int_equal(await(asyncio_to_thread(raises_level_in_loop())), 45);
    assert_int_equal(await(asyncio_run_in_executor(NULL, raises_level())), 1);
    assert_int_equal(await(asyncio_run_in_executor(NULL, raises_level())), 1);
    assert_int_equal(await(asyncio_run_in_executor(&here, raises_level())), 1);
    assert_int_equal(await(asyncio_to_thread(raises_level_of(loop))), 89);
    assert_int_equal(await(asyncio_to_thread(has_level_noted(loop))), 0);
    assert_history("submit level 9");
    assert_int_equal(asyncio_context_var_get(&level), 4);
}

/* --- In the thread --- */

static async(int, half_asleep, (int, n))
{
    await(asyncio_sleep(MOMENT));
    return n / 2;
}

static async(int, run_own_loop, (int, n))
{
    return asyncio_run(half_asleep(n));
}

ASYNC_TEST(a_loop_of_its_own)
{
    assert_int_equal(await(asyncio_to_thread(run_own_loop(8))), 4);
    assert_int_equal(await(asyncio_gather(asyncio_to_thread(run_own_loop(8)),
                                          asyncio_to_thread(run_own_loop(6)))),
                     0);
}

static void raise_in_callback(void *unused)
{
    (void)unused;
    asyncio_raise(-EPERM, "of no concern to the function");
}

static async(int, awaits_callback)
{
    asyncio_call_soon(raise_in_callback, NULL);
    return await(asyncio_sleep(MOMENT));
}

static async(int, runs_raising_callback)
{
    return asyncio_run(awaits_callback());
}

ASYNC_TEST(a_callback_is_not_the_function)
{
    assert_int_equal(await(asyncio_to_thread(runs_raising_callback())), 0);
    assert_int_equal(asyncio_error(), 0);
}

static async(int, forgets)
{
    half_asleep(1);
    return 0;
}

ASYNC_TEST(never_awaited_in_a_thread)
{
    listen_to_stderr();
    int r = await(asyncio_to_thread(forgets()));
    await(asyncio_shutdown_default_executor(ASYNCIO_FOREVER));
    const char *text = what_was_said();
    assert_int_equal(r, 0);
    assert_says(text, "RuntimeWarning: coroutine 'half_asleep' was never awaited");
}

static async(int, sees_error)
{
    return asyncio_error();
}

static async(int, runs_failing)
{
    return asyncio_run(refuses());
}

ASYNC_TEST(what_one_leaves_the_next_does_not_find)
{
    struct asyncio_executor *one = asyncio_thread_pool_executor(1, NULL);
    assert_int_equal(await(asyncio_run_in_executor(one, runs_failing())), -EPROTO);
    assert_int_equal(await(asyncio_run_in_executor(one, sees_error())), 0);
    one->shutdown(one, true);
}

static async(int, checks_name, (const char *, expected))
{
    char name[32] = "";
    pthread_getname_np(pthread_self(), name, sizeof name);
    return strcmp(name, expected);
}

ASYNC_TEST(names)
{
    assert_int_equal(await(asyncio_to_thread(checks_name("asyncio_0"))), 0);
    struct asyncio_executor *pool = asyncio_thread_pool_executor(1, "a very long prefix");
    assert_int_equal(await(asyncio_run_in_executor(pool, checks_name("a very long p_0"))), 0);
    pool->shutdown(pool, true);
}

/* --- An executor that cancels what it is given, and refuses it --- */

static awaitable(int) submitted;

static int cancels_and_refuses(struct asyncio_executor *self, void (*run)(void *), void *arg)
{
    (void)self, (void)run, (void)arg;
    asyncio_cancel(submitted);
    return -EAGAIN;
}

static async(int, submits_to, (struct asyncio_executor *, executor))
{
    return await(asyncio_run_in_executor(executor, add(1, 2)));
}

ASYNC_TEST(cancelled_while_it_is_submitted)
{
    static struct asyncio_executor executor = {.submit = cancels_and_refuses};

    submitted = asyncio_create_task(submits_to(&executor));
    assert_int_equal(await(submitted), -EAGAIN);
    asyncio_set_default_executor(&executor);
    submitted = asyncio_create_task(asyncio_to_thread(add(1, 2)));
    assert_int_equal(await(submitted), -ECANCELED);
    asyncio_set_default_executor(NULL);
}

DEATH_TEST(await_in_a_thread, "await outside of a task (in a thread")
{
    await(asyncio_to_thread(half_asleep(1)));
}

DEATH_TEST(a_task_in_a_thread, "a coroutine object was expected, got task 'half_asleep'")
{
    await(asyncio_to_thread(asyncio_create_task(half_asleep(1))));
}

DEATH_TEST(an_operation_in_a_thread, "a coroutine object was expected, got awaitable 'sleep'")
{
    await(asyncio_to_thread(asyncio_sleep(1)));
}

DEATH_TEST(a_wait_for_in_a_thread, "coroutine of an async function was expected, got 'wait_for'")
{
    await(asyncio_to_thread(asyncio_wait_for(half_asleep(1), 1)));
}

DEATH_TEST(used_twice, "cannot reuse already awaited coroutine 'add'")
{
    awaitable(int) x = add(1, 2);
    await(asyncio_to_thread(x));
    await(x);
}

/* --- Executors --- */

static async(int, where)
{
    return asyncio_current_task() ? -1 : asyncio_raise(-EPERM, "here");
}

ASYNC_TEST(an_executor_of_ones_own)
{
    awaitable(int) a = asyncio_run_in_executor(&here, where());
    assert_history("submit");
    assert_int_equal(await(a), -EPERM);
    assert_string_equal(asyncio_error_message(), "here");
    assert_int_equal(await(asyncio_to_thread(where())), -EPERM);
    assert_history("");
}

ASYNC_TEST(uses_default)
{
    asyncio_set_default_executor(&here);
    assert_int_equal(await(asyncio_to_thread(where())), -EPERM);
    assert_history("submit");
}

static void a_default_of_ones_own(void **state)
{
    uses_default(state);
    assert_history("shutdown 1");
}

ASYNC_TEST(an_executor_that_refuses)
{
    assert_int_equal(await(asyncio_run_in_executor(&busy, where())), -EBUSY);
    asyncio_set_default_executor(&busy);
    assert_int_equal(await(asyncio_to_thread(where())), -EBUSY);
    assert_int_equal(await(asyncio_create_task(asyncio_to_thread(where()))), -EBUSY);
    asyncio_set_default_executor(NULL);
}

static async(int, thread_number)
{
    return (int)syscall(SYS_gettid);
}

/* Until the thread has nothing to do, which it tells nobody but the kernel. */
static void wait_until_asleep(int thread)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
    while (state != 'S') {
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        assert_int_equal(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
        fclose(f);
        sched_yield();
    }
}

/* Threads are started only while none is idle. */
ASYNC_TEST(threads_are_reused)
{
    struct asyncio_executor *pool = asyncio_thread_pool_executor(8, NULL);
    int first = await(asyncio_run_in_executor(pool, thread_number()));
    for (int i = 0; i < 20; i++) {
        wait_until_asleep(first);
        assert_int_equal(await(asyncio_run_in_executor(pool, thread_number())), first);
    }
    pool->shutdown(pool, true);
}

ASYNC_TEST(as_many_as_there_may_be)
{
    gate_init();
    struct asyncio_executor *pool = asyncio_thread_pool_executor(3, NULL);
    int before = threads_alive();
    awaitable(int) all[6];
    for (int i = 0; i < 6; i++)
        all[i] = asyncio_run_in_executor(pool, pass_gate(i));
    for (int i = 0; i < 3; i++)
        sem_wait(&gate.entered);
    assert_int_equal(threads_alive(), before + 3);
    assert_int_equal(sem_trywait(&gate.entered), -1);
    for (int i = 0; i < 6; i++)
        sem_post(&gate.open);
    for (int i = 0; i < 6; i++)
        assert_int_equal(await(all[i]), i);
    pool->shutdown(pool, false);
}

static void no_thread_is_left(void **state)
{
    int before = threads_alive();
    as_many_as_there_may_be(state);
    wait_for_end_of_threads(before);
    results_of_every_type(state);
    wait_for_end_of_threads(before); /* one that was joined may still be on its way out */
}

ASYNC_TEST(shut_down_with_work_left)
{
    gate_init();
    struct asyncio_executor *pool = asyncio_thread_pool_executor(1, NULL);
    awaitable(int) a = asyncio_run_in_executor(pool, pass_gate(1));
    awaitable(int) b = asyncio_run_in_executor(pool, pass_gate(2));
    pool->shutdown(pool, false);
    sem_post(&gate.open);
    sem_post(&gate.open);
    assert_int_equal(await(a), 1);
    assert_int_equal(await(b), 2);
}

/* What was accepted is run, waited for or not. */
static void no_work_is_lost(void **state)
{
    int before = threads_alive();
    shut_down_with_work_left(state);
    wait_for_end_of_threads(before);
}

static async(int, ends_its_pool, (struct asyncio_executor *, pool))
{
    pool->shutdown(pool, true);
    return 0;
}

DEATH_TEST(a_pool_that_joins_itself, "RuntimeError: cannot join current thread")
{
    struct asyncio_executor *pool = asyncio_thread_pool_executor(1, NULL);
    await(asyncio_run_in_executor(pool, ends_its_pool(pool)));
}

static void get_loop_outside(void)
{
    asyncio_get_running_loop();
}

static void outside_of_a_loop(void **state)
{
    (void)state;
    assert_aborts(get_loop_outside, "no running event loop (asyncio_get_running_loop)");
}

/* --- Shutting the default executor down --- */

ASYNC_TEST(shut_down_by_hand)
{
    thread_of_loop = pthread_self();
    assert_int_equal(await(asyncio_to_thread(add(1, 2))), 3);
    assert_int_equal(await(asyncio_shutdown_default_executor(ASYNCIO_FOREVER)), 0);
    assert_int_equal(await(asyncio_shutdown_default_executor(0)), 0);
    assert_int_equal(await(asyncio_to_thread(add(1, 2))), -ESHUTDOWN);
    assert_int_equal(await(asyncio_run_in_executor(NULL, add(1, 2))), -ESHUTDOWN);
}

ASYNC_TEST(shut_down_before_any_use)
{
    assert_int_equal(await(asyncio_shutdown_default_executor(1)), 0);
    assert_int_equal(await(asyncio_to_thread(add(1, 2))), -ESHUTDOWN);
}

static void the_next_loop_has_its_own(void **state)
{
    (void)state;
    assert_int_equal(asyncio_run(asyncio_shutdown_default_executor(1)), 0);
    assert_int_equal(asyncio_run(asyncio_to_thread(runs_failing())), -EPROTO);
}

ASYNC_TEST(shut_down_too_slowly)
{
    gate_init();
    awaitable(int) a = asyncio_run_in_executor(NULL, pass_gate(5));
    sem_wait(&gate.entered);
    assert_int_equal(await(asyncio_shutdown_default_executor(MOMENT)), -ETIMEDOUT);
    sem_post(&gate.open);
    assert_int_equal(await(a), 5);
}

ASYNC_TEST(shut_down_cancelled)
{
    gate_init();
    awaitable(int) a = asyncio_run_in_executor(NULL, pass_gate(5));
    sem_wait(&gate.entered);
    awaitable(int) t = asyncio_create_task(asyncio_shutdown_default_executor(ASYNCIO_FOREVER));
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    sem_post(&gate.open);
    assert_int_equal(await(a), 5);
}

static void threads_that_end_by_themselves(void **state)
{
    int before = threads_alive();
    shut_down_too_slowly(state);
    shut_down_cancelled(state);
    wait_for_end_of_threads(before);
}

static async(int, posts, (struct asyncio_loop *, loop), (int *, turns))
{
    sem_post(&gate.entered);
    sem_wait(&gate.open);
    return asyncio_call_soon_threadsafe(loop, count_turns, turns);
}

static async(void, leaves_posting, (int *, turns))
{
    asyncio_spawn(asyncio_to_thread(posts(asyncio_get_running_loop(), turns)));
    await(asyncio_sleep(0));
    sem_wait(&gate.entered);
    sem_post(&gate.open);
}

/* What runs at the end may still reach the loop. */
static void the_loop_turns_until_all_have_ended(void **state)
{
    int turns = 0;
    (void)state;
    gate_init();
    asyncio_run(leaves_posting(&turns));
    assert_int_equal(turns, 1);
}

static async(void, leaves_in_executor, (struct asyncio_executor *, pool))
{
    asyncio_spawn(asyncio_run_in_executor(pool, pass_gate(1)));
    asyncio_run_in_executor(pool, pass_gate(2));
    sem_wait(&gate.entered);
    sem_wait(&gate.entered);
    await(asyncio_sleep(0));
}

/* A pool of one's own is not waited for, and finds nobody there. */
static void a_function_outlives_the_loop(void **state)
{
    (void)state;
    gate_init();
    struct asyncio_executor *pool = asyncio_thread_pool_executor(2, NULL);
    asyncio_run(leaves_in_executor(pool));
    sem_post(&gate.open);
    sem_post(&gate.open);
    pool->shutdown(pool, true);
    assert_int_equal(gate.passed, 2);
}

/* --- call_soon_threadsafe --- */

struct visitor {
    struct asyncio_loop *loop;
    asyncio_any future;
    int calls, error;
};

static void *in_thread(void *(*function)(void *), void *arg)
{
    pthread_t thread;
    void *result;
    assert_int_equal(pthread_create(&thread, NULL, function, arg), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    return result;
}

static void set_future(void *arg)
{
    struct visitor *v = arg;
    assert_true(pthread_equal(pthread_self(), thread_of_loop));
    asyncio_set_result((awaitable(int))v->future, 5);
}

static void *visit(void *arg)
{
    struct visitor *v = arg;
    v->error = asyncio_call_soon_threadsafe(v->loop, set_future, v);
    return NULL;
}

ASYNC_TEST(a_call_from_another_thread)
{
    pthread_t thread;
    awaitable(int) f = asyncio_future(int);
    struct visitor v = {.loop = asyncio_get_running_loop(), .future = f};
    thread_of_loop = pthread_self();
    assert_ptr_equal(v.loop, asyncio_get_running_loop());
    pthread_create(&thread, NULL, visit, &v);
    assert_int_equal(await(f), 5); /* for real, whatever the clock */
    pthread_join(thread, NULL);
    assert_int_equal(v.error, 0);
}

static void note_number(void *arg)
{
    note("%d", *(int *)arg);
}

/* Posted from the loop itself, it runs where asyncio_call_soon() would have it run. */
ASYNC_TEST(posted_to_oneself)
{
    int one = 1, two = 2, three = 3;
    struct asyncio_loop *loop = asyncio_get_running_loop();
    asyncio_call_soon(note_number, &one);
    asyncio_call_soon_threadsafe(loop, note_number, &two);
    asyncio_call_soon(note_number, &three);
    await(asyncio_sleep(0));
    assert_history("1 2 3");
}

enum { EACH = 2000, POSTERS = 4 };

static struct asyncio_loop *crowded;
static int last_of[POSTERS], received;
static struct numbered {
    int poster, number;
} numbered[POSTERS][EACH];

static void receive_numbered(void *arg)
{
    struct numbered *n = arg;
    assert_int_equal(n->number, last_of[n->poster]++);
    received++;
}

static async(int, post_many, (int, poster))
{
    for (int i = 0; i < EACH; i++) {
        numbered[poster][i] = (struct numbered){poster, i};
        int r = asyncio_call_soon_threadsafe(crowded, receive_numbered, &numbered[poster][i]);
        if (r < 0)
            return r;
    }
    return 0;
}

ASYNC_TEST(many_at_once)
{
    crowded = asyncio_get_running_loop();
    memset(last_of, 0, sizeof last_of);
    received = 0;
    int r = await(asyncio_gather(asyncio_to_thread(post_many(0)), asyncio_to_thread(post_many(1)),
                                 asyncio_to_thread(post_many(2)), asyncio_to_thread(post_many(3))));
    assert_int_equal(r, 0);
    assert_int_equal(received, EACH * POSTERS);
}

static async(struct asyncio_loop *, own_handle)
{
    return asyncio_get_running_loop();
}

static void posted_to_a_loop_that_has_ended(void **state)
{
    int n = 0;
    (void)state;
    struct asyncio_loop *old = asyncio_run(own_handle());
    assert_int_equal(asyncio_call_soon_threadsafe(old, count_turns, &n), -ESHUTDOWN);
    assert_int_equal(asyncio_call_soon_threadsafe(NULL, count_turns, &n), -ESHUTDOWN);
    for (int i = 0; i < 100; i++)
        assert_ptr_not_equal(asyncio_run(own_handle()), old);
    assert_int_equal(asyncio_call_soon_threadsafe(old, count_turns, &n), -ESHUTDOWN);
    assert_int_equal(n, 0);
}

static async(void, posts_last, (int *, n))
{
    asyncio_call_soon_threadsafe(asyncio_get_running_loop(), count_turns, n);
}

/* As asyncio_call_soon() in main's last step: there is one turn more. */
static void posted_in_the_last_step(void **state)
{
    int n = 0;
    (void)state;
    asyncio_run(posts_last(&n));
    assert_int_equal(n, 1);
}

/* --- run_coroutine_threadsafe --- */

static async(int, on_the_loop, (int, x))
{
    if (!pthread_equal(pthread_self(), thread_of_loop))
        return -1;
    int r = await(asyncio_sleep(MOMENT));
    return r < 0 ? r : 2 * x;
}

static async(int, asks_loop, (struct asyncio_loop *, loop), (int, x))
{
    asyncio_concurrent_future(int) f = asyncio_run_coroutine_threadsafe(on_the_loop(x), loop);
    int r = asyncio_concurrent_result(f, ASYNCIO_FOREVER);
    bool fine = asyncio_concurrent_done(f) && !asyncio_concurrent_cancelled(f) &&
                asyncio_concurrent_exception(f, 0) == 0 && !asyncio_concurrent_cancel(f) &&
                asyncio_error() == 0;
    asyncio_concurrent_release(f);
    return fine ? r : -EILSEQ;
}

ASYNC_TEST(a_coroutine_from_another_thread)
{
    struct asyncio_loop *loop = asyncio_get_running_loop();
    thread_of_loop = pthread_self();
    assert_int_equal(await(asyncio_to_thread(asks_loop(loop, 4))), 8);
}

static async(int, asks_for_failure, (struct asyncio_loop *, loop))
{
    asyncio_concurrent_future(int) f = asyncio_run_coroutine_threadsafe(refuses(), loop);
    int r = asyncio_concurrent_result(f, 60);
    if (strcmp(asyncio_concurrent_exception_message(f), "bad luck") == 0 &&
        strcmp(asyncio_error_message(), "bad luck") == 0 && asyncio_error() == -EPROTO)
        r = asyncio_concurrent_exception(f, 0);
    asyncio_concurrent_release(f);
    return r;
}

ASYNC_TEST(a_coroutine_that_fails)
{
    assert_int_equal(await(asyncio_to_thread(asks_for_failure(asyncio_get_running_loop()))),
                     -EPROTO);
    assert_int_equal(asyncio_error(), 0);
}

static async(int, sleeps_for_ever)
{
    note("begun");
    sem_post(&gate.entered);
    int r = await(asyncio_sleep(FOR_EVER));
    note("%s", r == -ECANCELED ? "cancelled" : "?");
    return r;
}

static async(int, asks_impatiently, (struct asyncio_loop *, loop))
{
    asyncio_concurrent_future(int) f = asyncio_run_coroutine_threadsafe(sleeps_for_ever(), loop);
    sem_wait(&gate.entered);
    if (asyncio_concurrent_result(f, MOMENT) != -ETIMEDOUT || asyncio_error() != -ETIMEDOUT)
        return 1;
    if (asyncio_concurrent_exception(f, 0) != -ETIMEDOUT || asyncio_concurrent_done(f))
        return 2;
    if (!asyncio_concurrent_cancel(f) || asyncio_concurrent_cancel(f))
        return 3;
    if (!asyncio_concurrent_cancelled(f))
        return 4;
    int r = asyncio_concurrent_result(f, ASYNCIO_FOREVER);
    asyncio_concurrent_release(f);
    return r;
}

ASYNC_TEST(a_coroutine_cancelled_from_there)
{
    gate_init();
    assert_int_equal(await(asyncio_to_thread(asks_impatiently(asyncio_get_running_loop()))),
                     -ECANCELED);
    while (asyncio_all_tasks(NULL, 0) > 1)
        await(asyncio_sleep(0));
    assert_history("begun cancelled");
}

ASYNC_TEST(a_coroutine_cancelled_before_it_is_there)
{
    asyncio_concurrent_future(int) f =
        asyncio_run_coroutine_threadsafe(sleeps_for_ever(), asyncio_get_running_loop());
    assert_true(asyncio_concurrent_cancel(f));
    asyncio_concurrent_release(f);
    await(asyncio_sleep(MOMENT));
    assert_history("");
}

static asyncio_concurrent_future(int) left_behind;

static async(int, leaves_coroutine, (struct asyncio_loop *, loop))
{
    left_behind = asyncio_run_coroutine_threadsafe(sleeps_for_ever(), loop);
    return 0;
}

static async(void, ends_with_a_visitor)
{
    await(asyncio_to_thread(leaves_coroutine(asyncio_get_running_loop())));
    await(asyncio_sleep(MOMENT));
}

static void the_loop_ends_before_the_coroutine(void **state)
{
    (void)state;
    asyncio_run(ends_with_a_visitor());
    assert_int_equal(asyncio_concurrent_result(left_behind, ASYNCIO_FOREVER), -ECANCELED);
    assert_int_equal(asyncio_error(), -ECANCELED);
    asyncio_concurrent_release(left_behind);
    assert_history("begun cancelled");
}

static void a_coroutine_for_a_loop_that_has_ended(void **state)
{
    (void)state;
    struct asyncio_loop *old = asyncio_run(own_handle());
    asyncio_concurrent_future(int) f = asyncio_run_coroutine_threadsafe(on_the_loop(1), old);
    assert_true(asyncio_concurrent_done(f));
    assert_false(asyncio_concurrent_cancelled(f));
    assert_int_equal(asyncio_concurrent_result(f, 0), -ESHUTDOWN);
    asyncio_concurrent_release(f);
}

DEATH_TEST(a_thread_that_waits_for_itself, "await asyncio_wrap_future() instead")
{
    asyncio_concurrent_future(int) f =
        asyncio_run_coroutine_threadsafe(on_the_loop(1), asyncio_get_running_loop());
    asyncio_concurrent_result(f, 1);
    await(asyncio_sleep(0));
}

/* --- wrap_future --- */

ASYNC_TEST(wrapped)
{
    thread_of_loop = pthread_self();
    struct asyncio_loop *loop = asyncio_get_running_loop();
    asyncio_concurrent_future(int) f = asyncio_run_coroutine_threadsafe(on_the_loop(4), loop);
    awaitable(int) a = asyncio_wrap_future(f), b = asyncio_wrap_future(f);
    assert_int_equal(await(a), 8);
    assert_int_equal(await(b), 8); /* done before it is awaited */
    asyncio_concurrent_release(f);
}

ASYNC_TEST(wrapped_and_cancelled)
{
    struct asyncio_loop *loop = asyncio_get_running_loop();
    asyncio_concurrent_future(int) f = asyncio_run_coroutine_threadsafe(sleeps_for_ever(), loop);
    int r = await(asyncio_wait_for(asyncio_wrap_future(f), MOMENT));
    assert_int_equal(r, -ETIMEDOUT);
    assert_true(asyncio_concurrent_cancelled(f));
    asyncio_concurrent_release(f);
    while (asyncio_all_tasks(NULL, 0) > 1)
        await(asyncio_sleep(0));
    assert_history("begun cancelled");
}

/* Two loops, each in a thread, that await each other's coroutines. */
static struct asyncio_loop *other;

static async(int, triple, (int, x))
{
    int r = await(asyncio_sleep(0));
    return r < 0 ? r : 3 * x;
}

static async(int, serves)
{
    awaitable(int) stop = asyncio_future(int);
    other = asyncio_get_running_loop();
    sem_post(&gate.entered);
    (void)stop;
    return await(asyncio_sleep(0)) + await(stop);
}

static void *run_server(void *unused)
{
    (void)unused;
    asyncio_run(serves());
    return NULL;
}

static void cancel_all_tasks(void *unused)
{
    asyncio_any all[8];
    size_t n = asyncio_all_tasks(all, 8);
    (void)unused;
    for (size_t i = 0; i < n && i < 8; i++)
        asyncio_cancel(all[i]);
}

ASYNC_TEST(two_loops)
{
    pthread_t thread;
    gate_init();
    pthread_create(&thread, NULL, run_server, NULL);
    sem_wait(&gate.entered);
    for (int i = 0; i < 100; i++) {
        asyncio_concurrent_future(int) f = asyncio_run_coroutine_threadsafe(triple(i), other);
        awaitable(int) a = asyncio_wrap_future(f);
        asyncio_concurrent_release(f);
        assert_int_equal(await(a), 3 * i);
    }
    assert_int_equal(asyncio_call_soon_threadsafe(other, cancel_all_tasks, NULL), 0);
    pthread_join(thread, NULL);
    assert_int_equal(asyncio_call_soon_threadsafe(other, cancel_all_tasks, NULL), -ESHUTDOWN);
}

/* --- fork --- */

/* ThreadSanitizer can follow no child of several threads that starts others. */
#ifdef AI_TSAN
#define FOLLOWS_FORK false
#else
#define FOLLOWS_FORK true
#endif

static async(int, child_main)
{
    return await(asyncio_to_thread(swapped((struct pair){1, 2}))).b;
}

static struct asyncio_executor *common;

static async(int, child_with_common_pool)
{
    int r = await(asyncio_run_in_executor(common, run_own_loop(8)));
    common->shutdown(common, true);
    return r;
}

static void child_program(void)
{
    int n = 0;
    if (asyncio_call_soon_threadsafe(other, count_turns, &n) != -ESHUTDOWN)
        _exit(1);
    if (asyncio_run(child_main()) != 1)
        _exit(2);
    _exit(asyncio_run(child_with_common_pool()) == 4 ? 0 : 3);
}

ASYNC_TEST(in_the_child_of_a_fork)
{
    if (!FOLLOWS_FORK)
        return;
    gate_init();
    other = asyncio_get_running_loop();
    common = asyncio_thread_pool_executor(2, NULL);
    awaitable(int) a = asyncio_run_in_executor(common, pass_gate(3));
    awaitable(int) b = asyncio_to_thread(pass_gate(4));
    awaitable(int) t = asyncio_create_task(b);
    await(asyncio_sleep(0));
    sem_wait(&gate.entered);
    sem_wait(&gate.entered);
    int status = in_child(child_program);
    assert_int_equal(status, 0);
    sem_post(&gate.open);
    sem_post(&gate.open);
    assert_int_equal(await(a), 3);
    assert_int_equal(await(t), 4);
    common->shutdown(common, true);
}

static async(int, forks_and_returns)
{
    pid_t child = fork();
    int status = 0;
    if (child == 0) {
        prctl(PR_SET_DUMPABLE, 0);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        is_child = true;
        return 0;
    }
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

ASYNC_TEST(a_function_that_returns_in_a_child)
{
    if (!FOLLOWS_FORK)
        return;
    listen_to_stderr();
    int signal = await(asyncio_to_thread(forks_and_returns()));
    const char *text = what_was_said();
    assert_int_equal(signal, SIGABRT);
    assert_says(text, "returned in a forked child");
}

/* --- The simulation's clock --- */

static async(int, takes_a_while)
{
    usleep(20000);
    return 0;
}

static async(void, sleeps_and_notes, (double, seconds))
{
    if (await(asyncio_sleep(seconds)) == 0)
        note("%.0f", seconds);
}

/* What a thread does takes no virtual time, if the clock would not have come so far by itself. */
ASYNC_TEST(time_waits_for_threads)
{
    if (!simulated())
        return;
    double begun = asyncio_time();
    asyncio_spawn(sleeps_and_notes(600));
    assert_int_equal(await(asyncio_to_thread(takes_a_while())), 0);
    assert_true(asyncio_time() == begun);
    assert_int_equal(await(asyncio_sleep(1000)), 0);
    assert_history("600");
}

ASYNC_TEST(time_goes_on_beside_threads)
{
    gate_init();
    awaitable(int) a = asyncio_run_in_executor(NULL, pass_gate(1));
    await(sleeps_and_notes(0.01)); /* what the function waits for comes with it */
    sem_post(&gate.open);
    assert_int_equal(await(a), 1);
    assert_history("0");
}

/* --- Embedded --- */

static void count_visit(void *arg)
{
    ((struct visitor *)arg)->calls++;
}

static void *visit_count(void *arg)
{
    struct visitor *v = arg;
    v->error = asyncio_call_soon_threadsafe(v->loop, count_visit, v);
    return NULL;
}

static void embedded(void **state)
{
    struct pollfd p = {.events = POLLIN};
    (void)state;
    assert_int_equal(asyncio_loop_new(), 0);
    if ((p.fd = asyncio_loop_fd()) >= 0) {
        struct visitor v = {.loop = asyncio_get_running_loop()};
        asyncio_loop_turn();
        in_thread(visit_count, &v);
        assert_int_equal(poll(&p, 1, -1), 1);
        while (v.calls == 0)
            asyncio_loop_turn();
    }
    asyncio_loop_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(results_of_every_type),
        TEST(errors),
        TEST(lazy),
        TEST(composed),
        TEST(a_root_of_its_own),
        TEST(null_for_null),
        TEST(function_outlives_awaiter),
        TEST(cancelled_before_it_runs),
        TEST(timed_out),
        TEST(cancelled_as_it_ends),
        TEST(context),
        TEST(a_loop_of_its_own),
        TEST(a_callback_is_not_the_function),
        TEST(never_awaited_in_a_thread),
        TEST(what_one_leaves_the_next_does_not_find),
        TEST(names),
        TEST(cancelled_while_it_is_submitted),
        TEST(await_in_a_thread),
        TEST(a_task_in_a_thread),
        TEST(an_operation_in_a_thread),
        TEST(a_wait_for_in_a_thread),
        TEST(used_twice),
        TEST(an_executor_of_ones_own),
        TEST(a_default_of_ones_own),
        TEST(an_executor_that_refuses),
        TEST(threads_are_reused),
        TEST(no_thread_is_left),
        TEST(no_work_is_lost),
        TEST(a_pool_that_joins_itself),
        TEST(outside_of_a_loop),
        TEST(shut_down_by_hand),
        TEST(shut_down_before_any_use),
        TEST(the_next_loop_has_its_own),
        TEST(threads_that_end_by_themselves),
        TEST(the_loop_turns_until_all_have_ended),
        TEST(a_function_outlives_the_loop),
        TEST(a_call_from_another_thread),
        TEST(posted_to_oneself),
        TEST(many_at_once),
        TEST(posted_to_a_loop_that_has_ended),
        TEST(posted_in_the_last_step),
        TEST(a_coroutine_from_another_thread),
        TEST(a_coroutine_that_fails),
        TEST(a_coroutine_cancelled_from_there),
        TEST(a_coroutine_cancelled_before_it_is_there),
        TEST(the_loop_ends_before_the_coroutine),
        TEST(a_coroutine_for_a_loop_that_has_ended),
        TEST(a_thread_that_waits_for_itself),
        TEST(wrapped),
        TEST(wrapped_and_cancelled),
        TEST(two_loops),
        TEST(in_the_child_of_a_fork),
        TEST(a_function_that_returns_in_a_child),
        TEST(time_waits_for_threads),
        TEST(time_goes_on_beside_threads),
        TEST(embedded),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
