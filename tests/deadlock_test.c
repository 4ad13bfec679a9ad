/* All tasks wait and nothing is left that could wake them: what is said of it, and what is not
 * taken for it. In the simulation that ends the run; elsewhere a thread does, which nobody knows
 * of, when it has been said. */
#include "support.h"

#include "loop/inbox.h"
#include "task/thread.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

/* --- A run that comes to a deadlock --- */

static asyncio_any main_task;

static async(int, is_main, (awaitable(int), x))
{
    main_task = asyncio_current_task();
    return await(x);
}

static void nothing(void *unused)
{
    (void)unused;
}

static void cancel_main(void *unused)
{
    (void)unused;
    asyncio_cancel(main_task);
}

static unsigned times_said(const char *part)
{
    unsigned n = 0;
    char text[sizeof said.text];
    ssize_t size = pread(said.file, text, sizeof text - 1, 0);

    text[size > 0 ? size : 0] = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        n++;
    return n;
}

/* Wakes it once it has been said, to no purpose; and once more to end it. */
static void *wake_and_end(void *loop)
{
    while (times_said("Deadlock: ") == 0)
        sched_yield();
    asyncio_call_soon_threadsafe(loop, nothing, NULL);
    asyncio_call_soon_threadsafe(loop, cancel_main, NULL);
    return NULL;
}

static int run(struct asyncio_runner *r, awaitable(int) x)
{
    pthread_t thread;

    if (simulated())
        return asyncio_runner_run(r, is_main(x));
    pthread_create(&thread, NULL, wake_and_end, ai_inbox_open(ai_thread.loop));
    int code = asyncio_runner_run(r, is_main(x));
    pthread_join(thread, NULL);
    return code;
}

/* What is said, `make` being called with a loop. */
static const char *deadlocked(awaitable(int) (*make)(void))
{
    struct asyncio_runner r = {.debug = 1};

    assert_int_equal(asyncio_runner_init(&r), 0);
    listen_to_stderr();
    int code = run(&r, make());
    int error = asyncio_error();
    const char *text = what_was_said();
    asyncio_runner_close(&r);
    assert_int_equal(code, simulated() ? -EDEADLK : -ECANCELED);
    assert_int_equal(error, code);
    return text;
}

/* --- What is one --- */

static struct asyncio_event event;

static async(int, waits_alone)
{
    return await(asyncio_event_wait(&event));
}

static void one_that_waits(void **state)
{
    const char *text = deadlocked(waits_alone);
    (void)state;

    assert_says(text, "Deadlock: 1 task waits, and nothing in this program will wake it unless "
                      "another thread or a signal does\n* Task(name='Task-");
    assert_says(text, "in async Event.wait()\n");
    assert_says(text, "in async waits_alone()\n");
    assert_says(text, "in async is_main()\n");
    assert_null(strstr(text, "each other"));
}

static awaitable(int) ring[3];

static async(int, waits_for_next, (unsigned, i))
{
    await(asyncio_sleep(0));
    int r = await(ring[(i + 1) % 3]);
    asyncio_release(ring[i]);
    return r;
}

static async(int, makes_a_ring)
{
    static const char *const names[] = {"one", "two", "three"};

    for (unsigned i = 0; i < 3; i++)
        ring[i] = asyncio_retain(asyncio_create_task(waits_for_next(i), names[i]));
    return await(asyncio_gather(ring[0], waits_alone()));
}

static void tasks_in_a_ring(void **state)
{
    const char *text = deadlocked(makes_a_ring);
    (void)state;

    assert_says(text, "Deadlock: 5 tasks wait, ");
    assert_says(text, "These wait for each other:\n"
                      "  'one' waits for 'two'\n"
                      "  'two' waits for 'three'\n"
                      "  'three' waits for 'one'\n"
                      "* Task(name='one', ");
    assert_says(text, "* Task(name='one', id=");
    assert_says(text, " (shown above)\n");
    assert_says(text, "in async waits_for_next()");
    assert_says(text, "in async Event.wait()"); /* the gather's other one */
}

static struct asyncio_lock locks[2];

static async(int, takes_both, (unsigned, first))
{
    async_with(&locks[first])
    {
        await(asyncio_sleep(0));
        async_with(&locks[!first]) note("both");
    }
    return asyncio_error();
}

static async(int, locks_crosswise)
{
    awaitable(int) a = asyncio_create_task(takes_both(0), "a");
    awaitable(int) b = asyncio_create_task(takes_both(1), "b");

    return await(asyncio_gather(a, b));
}

static void locks_in_a_ring(void **state)
{
    const char *text = deadlocked(locks_crosswise);
    (void)state;

    assert_says(text, "These wait for each other:\n"
                      "  'a' waits in Lock.acquire() for what 'b' holds\n"
                      "  'b' waits in Lock.acquire() for what 'a' holds\n");
    assert_says(text, "in async Lock.acquire()\n");
    *history = 0;
}

static async(int, holds, (struct asyncio_lock *, lock))
{
    async_with(lock) await(asyncio_event_wait(&event));
    return -ECANCELED;
}

static async(int, waits_for_a_lock)
{
    asyncio_create_task(holds(&locks[0]), "holder");
    await(asyncio_sleep(0));
    return await(asyncio_lock_acquire(&locks[0]));
}

/* No ring; nor does a holder that has gone do harm. */
static void a_lock_that_is_kept(void **state)
{
    const char *text = deadlocked(waits_for_a_lock);
    (void)state;

    assert_says(text, "Deadlock: 2 tasks wait, ");
    assert_null(strstr(text, "each other"));
    assert_false(locks[0].locked);
}

static async(int, locks_and_leaves, (struct asyncio_lock *, lock))
{
    return await(asyncio_lock_acquire(lock));
}

static async(int, waits_for_who_left)
{
    await(locks_and_leaves(&locks[1]));
    int error = await(asyncio_create_task(locks_and_leaves(&locks[0])));
    return error ? error : await(asyncio_lock_acquire(&locks[0]));
}

static void a_lock_whose_holder_is_gone(void **state)
{
    const char *text = deadlocked(waits_for_who_left);
    (void)state;

    assert_null(strstr(text, "each other"));
    asyncio_lock_release(&locks[0]);
    asyncio_lock_release(&locks[1]);
}

static async(int, waits_for_itself)
{
    int error = await(asyncio_lock_acquire(&locks[0]));
    error = error ? error : await(asyncio_lock_acquire(&locks[0]));
    asyncio_lock_release(&locks[0]);
    return error;
}

static void a_lock_of_its_own(void **state)
{
    const char *text = deadlocked(waits_for_itself);
    (void)state;

    assert_says(text, "These wait for each other:\n  'Task-");
    assert_says(text, "waits in Lock.acquire() for what 'Task-");
}

static async(int, waits_in_many)
{
    for (int i = 0; i < 100; i++)
        asyncio_spawn(waits_alone());
    return await(waits_alone());
}

static void a_hundred(void **state)
{
    const char *text = deadlocked(waits_in_many);
    (void)state;

    assert_says(text, "Deadlock: 101 tasks wait, ");
    assert_says(text, "\n...\n");
}

/* --- When --- */

static async(int, swallows)
{
    int r = await(waits_alone());
    r = await(waits_alone());
    note("%d", r);
    return 7;
}

/* In the simulation each ends one wait. */
static void another_wait_another_time(void **state)
{
    (void)state;
    if (!simulated())
        return;
    listen_to_stderr();
    int code = asyncio_run(swallows()), n = (int)times_said("Deadlock: ");
    what_was_said();
    assert_int_equal(code, 7);
    assert_int_equal(asyncio_error(), 0);
    assert_int_equal(n, 2);
    assert_history("-125");
}

static async(int, never_hears)
{
    for (;;)
        await(asyncio_event_wait(&event));
    return 0;
}

static void runs_what_never_hears(void)
{
    asyncio_run(never_hears());
}

static void one_that_never_hears(void **state)
{
    (void)state;
    if (simulated())
        assert_aborts(runs_what_never_hears, "waits for ever and ignores its cancellation");
}

static async(void, void_that_waits)
{
    await(asyncio_event_wait(&event));
}

static void of_another_type(void **state)
{
    (void)state;
    if (!simulated())
        return;
    listen_to_stderr();
    asyncio_run(void_that_waits());
    int error = asyncio_error();
    what_was_said();
    assert_int_equal(error, -EDEADLK);
}

static void told_once(void **state)
{
    (void)state;
    if (simulated())
        return;
    struct asyncio_runner r = {.debug = 1};
    assert_int_equal(asyncio_runner_init(&r), 0);
    listen_to_stderr();
    run(&r, waits_alone()); /* which is woken in between */
    unsigned n = times_said("Deadlock: ");
    what_was_said();
    asyncio_runner_close(&r);
    assert_int_equal(n, 1);
}

/* --- What is none --- */

static int quiet(awaitable(int) x)
{
    struct asyncio_runner r = {.debug = 1};

    assert_int_equal(asyncio_runner_init(&r), 0);
    asyncio_set_slow_callback_duration(FOR_EVER);
    listen_to_stderr();
    int code = asyncio_runner_run(&r, x);
    asyncio_runner_close(&r);
    asyncio_set_slow_callback_duration(0.1);
    assert_string_equal(what_was_said(), "");
    return code;
}

static async(int, sleeps)
{
    return await(asyncio_sleep(MOMENT));
}

static void *write_soon(void *fd)
{
    sched_yield();
    return write(*(int *)fd, "x", 1) == 1 ? NULL : fd;
}

static async(int, reads)
{
    int fds[2];
    char c;
    pthread_t thread;

    assert_int_equal(pipe(fds), 0);
    pthread_create(&thread, NULL, write_soon, &fds[1]);
    int n = (int)await(asyncio_read(fds[0], &c, 1));
    pthread_join(thread, NULL);
    close(fds[0]), close(fds[1]);
    return n;
}

static async(int, computes_in_a_thread)
{
    sched_yield();
    return 3;
}

static async(int, waits_for_a_thread)
{
    return await(asyncio_to_thread(computes_in_a_thread()));
}

static void what_is_under_way(void **state)
{
    (void)state;
    assert_int_equal(quiet(sleeps()), 0);
    assert_int_equal(quiet(reads()), 1);
    assert_int_equal(quiet(waits_for_a_thread()), 3);
}

static async(int, reads_then_waits)
{
    await(reads());
    await(asyncio_sleep(MOMENT));
    await(asyncio_to_thread(computes_in_a_thread()));
    return await(waits_alone());
}

/* What has been under way is no longer. */
static void after_all_that(void **state)
{
    (void)state;
    assert_says(deadlocked(reads_then_waits), "in async reads_then_waits()");
}

static void set_event(void *unused)
{
    (void)unused;
    asyncio_event_set(&event);
}

static void *set_event_from_thread(void *loop)
{
    asyncio_call_soon_threadsafe(loop, set_event, NULL);
    return NULL;
}

static async(int, is_woken_by_a_thread)
{
    pthread_t thread;

    pthread_create(&thread, NULL, set_event_from_thread, asyncio_get_running_loop());
    int r = await(asyncio_event_wait(&event));
    pthread_join(thread, NULL);
    asyncio_event_clear(&event);
    return r;
}

static void a_loop_that_threads_know(void **state)
{
    (void)state;
    assert_int_equal(quiet(is_woken_by_a_thread()), 0);
}

static void on_signal(void *unused)
{
    (void)unused;
}

static async(int, listens)
{
    pthread_t thread;

    asyncio_add_signal_handler(SIGUSR1, on_signal, NULL);
    pthread_create(&thread, NULL, set_event_from_thread, ai_inbox_open(ai_thread.loop));
    int r = await(asyncio_event_wait(&event));
    pthread_join(thread, NULL);
    asyncio_event_clear(&event);
    asyncio_remove_signal_handler(SIGUSR1);
    return r;
}

static void a_loop_that_listens_to_signals(void **state)
{
    (void)state;
    assert_int_equal(quiet(listens()), 0);
}

static async(int, has_a_ring_and_a_thread)
{
    pthread_t thread;

    pthread_create(&thread, NULL, wake_and_end, asyncio_get_running_loop());
    main_task = asyncio_current_task();
    int r = await(makes_a_ring());
    pthread_join(thread, NULL);
    return r;
}

/* A ring is one whoever may wake the loop. */
static void a_ring_is_told_of_all_the_same(void **state)
{
    struct asyncio_runner r = {.debug = 1};
    (void)state;

    listen_to_stderr();
    int code = asyncio_runner_run(&r, has_a_ring_and_a_thread());
    asyncio_runner_close(&r);
    const char *text = what_was_said();
    assert_int_equal(code, -ECANCELED);
    assert_says(text, "Deadlock: tasks wait for each other\nThese wait for each other:\n"
                      "  'one' waits for 'two'\n");
    assert_null(strstr(text, "Event.wait"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_waits),
        TEST(tasks_in_a_ring),
        TEST(locks_in_a_ring),
        TEST(a_lock_that_is_kept),
        TEST(a_lock_whose_holder_is_gone),
        TEST(a_lock_of_its_own),
        TEST(a_hundred),
        TEST(another_wait_another_time),
        TEST(one_that_never_hears),
        TEST(of_another_type),
        TEST(told_once),
        TEST(what_is_under_way),
        TEST(after_all_that),
        TEST(a_loop_that_threads_know),
        TEST(a_loop_that_listens_to_signals),
        TEST(a_ring_is_told_of_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
