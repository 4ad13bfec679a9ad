/* What is said of a loop that does not come to its end, or comes to it too late. */
#include "support.h"

#include "loop/inbox.h"
#include "task/thread.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

/* What a loop's end may take: next to nothing. */
#define INSTANT 0.0001

#ifdef AI_HAVE_LIBDW
#define assert_says_where(text, part) assert_says(text, part)
#else
#define assert_says_where(text, part) (void)(text)
#endif

static bool is_said(const char *part)
{
    static _Thread_local char text[sizeof said.text];
    ssize_t size = pread(said.file, text, sizeof text - 1, 0);

    text[size > 0 ? size : 0] = 0;
    return strstr(text, part);
}

static const char *debugged(awaitable(int) x)
{
    struct asyncio_runner r = {.debug = 1};

    asyncio_set_slow_callback_duration(INSTANT);
    listen_to_stderr();
    asyncio_runner_run(&r, x);
    asyncio_runner_close(&r);
    asyncio_set_slow_callback_duration(0.1);
    return what_was_said();
}

/* --- One that ignores its cancellation --- */

static async(void, sleeps_on)
{
    await(asyncio_sleep(FOR_EVER));
}

static async(void, ignores)
{
    for (;;)
        await(sleeps_on());
}

static async(int, leaves_one_that_ignores)
{
    asyncio_spawn(ignores());
    await(asyncio_sleep(0));
    return 0;
}

static void told_where_it_ignores(void **state)
{
    (void)state;
    listen_to_stderr();
    asyncio_run(leaves_one_that_ignores());
    const char *text = what_was_said();
    assert_says(text, "Task was destroyed but it is pending!\ntask: <Task cancelling name='Task-");
    assert_says(text, "\nIt ignored its cancellation 101 times in 0.0");
    assert_says(text, " seconds, the last time here:\n* Task(name='Task-");
    assert_says(text, "in async sleeps_on()\n");
    assert_says(text, "in async ignores()\n");
}

static void note_message(const struct asyncio_exception_context *context, void *unused)
{
    (void)unused;
    note("%s", context->message);
}

static async(int, handles_what_ignores)
{
    asyncio_set_exception_handler(note_message, NULL);
    return await(leaves_one_that_ignores());
}

/* Whoever has a handler hears it from that alone. */
static void told_to_a_handler(void **state)
{
    (void)state;
    listen_to_stderr();
    asyncio_run(handles_what_ignores());
    assert_string_equal(what_was_said(), "");
    assert_history("Task was destroyed but it is pending!");
}

/* --- A task that cannot be cancelled --- */

struct stubborn {
    struct asyncio_awaitable head;
};

static int stubborn_start(void *self)
{
    (void)self;
    return 0;
}

static void stubborn_cancel(void *self)
{
    (void)self;
}

static const struct asyncio_awaitable_type stubborn_type = {
    .name = "stubborn",
    .size = sizeof(struct stubborn),
    .start = stubborn_start,
    .cancel = stubborn_cancel,
};

static void *object;

static void complete(void *unused)
{
    (void)unused;
    asyncio_complete(object, 0);
}

static void *complete_when_said(void *loop)
{
    while (!is_said("in async waits_stubbornly()"))
        sched_yield();
    asyncio_call_soon_threadsafe(loop, complete, NULL);
    return NULL;
}

static async(void, waits_stubbornly)
{
    awaitable(void) h = asyncio_awaitable_new(&stubborn_type);
    object = asyncio_awaitable_object(h);
    await(h);
}

static pthread_t thread;

static async(int, leaves_a_stubborn_one)
{
    asyncio_create_task(waits_stubbornly(), "stubborn one");
    await(asyncio_sleep(0));
    pthread_create(&thread, NULL, complete_when_said, asyncio_get_running_loop());
    return 0;
}

static void told_what_task_it_waits_for(void **state)
{
    const char *text = debugged(leaves_a_stubborn_one());
    (void)state;

    pthread_join(thread, NULL);
    assert_says(text, "Closing the loop is taking ");
    assert_says(text, " seconds so far\nIt waits for 1 task:\n* Task(name='stubborn one', ");
    assert_says(text, "in async stubborn()\n");
}

/* --- A thread that does not return --- */

static int fds[2];

static void *write_when_said(void *unused)
{
    (void)unused;
    while (!is_said("reads_for_long() in thread ") || !is_said("seconds\n"))
        sched_yield();
    return write(fds[1], "x", 1) == 1 ? NULL : fds;
}

static atomic_bool begun;

static async(int, reads_for_long)
{
    char c;

    atomic_store(&begun, true);
    return (int)read(fds[0], &c, 1);
}

static async(int, leaves_a_thread)
{
    assert_int_equal(pipe(fds), 0);
    atomic_store(&begun, false);
    asyncio_spawn(asyncio_to_thread(reads_for_long()));
    await(asyncio_sleep(0));
    while (!atomic_load(&begun)) /* or it would be cancelled in time */
        sched_yield();
    pthread_create(&thread, NULL, write_when_said, NULL);
    return 0;
}

static void told_what_thread_it_waits_for(void **state)
{
    const char *text = debugged(leaves_a_thread());
    (void)state;

    pthread_join(thread, NULL);
    close(fds[0]), close(fds[1]);
    assert_says(text, "Closing the loop is taking ");
    assert_says(text, "It waits for what runs in threads:\n* reads_for_long() in thread ");
    assert_null(strstr(text, "* join()"));
}

/* --- Soon enough --- */

static async(int, leaves_nothing)
{
    asyncio_spawn(sleeps_on());
    await(asyncio_sleep(0));
    return 0;
}

static void nothing_is_told_of_a_quick_end(void **state)
{
    struct asyncio_runner r = {.debug = 1};
    (void)state;

    asyncio_set_slow_callback_duration(FOR_EVER);
    listen_to_stderr();
    asyncio_runner_run(&r, leaves_nothing());
    asyncio_runner_close(&r);
    asyncio_set_slow_callback_duration(0.1);
    assert_string_equal(what_was_said(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(told_where_it_ignores),          TEST(told_to_a_handler),
        TEST(told_what_task_it_waits_for),    TEST(told_what_thread_it_waits_for),
        TEST(nothing_is_told_of_a_quick_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
