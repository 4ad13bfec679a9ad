/* Whatever can fail fails once: the n-th allocation, for every n until all goes well. A scenario
 * that uses the whole core runs each time in a thread of its own, which begins with nothing and has
 * to end with nothing. */
#include "support.h"

#include <pthread.h>
#include <sys/socket.h>

#ifdef AI_FAULTS

/* --- The scenario --- */

static async(int, leaf, (int, n))
{
    int r = await(asyncio_sleep(n % 2 ? MOMENT / 10 : 0));
    return r < 0 ? r : n;
}

static async(double, half, (double, x))
{
    await(asyncio_sleep(0));
    return x / 2;
}

static async(int, fails)
{
    await(asyncio_sleep(0));
    return asyncio_raise(-EPROTO, "message number %d", 1);
}

static async_gen(int, numbers, (int, n))
{
    for (int i = 0; i < n; i++) {
        int r = await(leaf(i));
        if (r < 0) {
            asyncio_raise(r, NULL);
            return;
        }
        async_yield(r);
    }
}

static int lamp_on(struct asyncio_context_manager *m)
{
    (void)m;
    return await(leaf(0));
}

static void lamp_off(struct asyncio_context_manager *m)
{
    (void)m;
    await(leaf(0));
}

static void set_future(void *f)
{
    asyncio_set_result((awaitable(int))f, 5);
}

static void set_int(void *arg)
{
    *(int *)arg = 1;
}

static void add_one(asyncio_any x, void *arg)
{
    (void)x;
    ++*(int *)arg;
}

/* Each part returns 0, or an error that has to be -ENOMEM. */

static async(int, part_tasks)
{
    char repr[256];
    awaitable(int) t = asyncio_create_task(leaf(1), "named");
    if (!t)
        return -ENOMEM;
    asyncio_repr(t, repr, sizeof repr);
    int r = asyncio_set_name(t, "renamed");
    return r < 0 ? r : await(t) < 0 ? asyncio_error() : 0;
}

static async(int, part_gather)
{
    int results[4];
    awaitable(double) d = half(3);
    int r = await(asyncio_gather_into(results, leaf(1), asyncio_create_task(leaf(2)),
                                      asyncio_sleep(MOMENT / 10), asyncio_sleep(0)));
    if (r < 0) {
        asyncio_release(d);
        return r;
    }
    if ((r = await(asyncio_gather(d, leaf(3)))) < 0)
        return r;
    return results[0] + results[1] == 3 ? 0 : -EILSEQ;
}

static async(int, part_generator)
{
    int sum = 0;
    async_for (int i, numbers(4))
        sum += i;
    if (asyncio_error())
        return asyncio_error();
    async_for (int i, numbers(4)) {
        if (i == 1)
            break;
    }
    return sum == 6 ? 0 : -EILSEQ;
}

static async(int, part_with)
{
    struct asyncio_context_manager lamp = {lamp_on, lamp_off};
    int r = 0;
    async_with(&lamp) r = await(leaf(2));
    return asyncio_error() < 0 ? asyncio_error() : r == 2 ? 0 : -EILSEQ;
}

static async(int, part_future)
{
    int called = 0, r;
    awaitable(int) f = asyncio_future(int);
    if (!f)
        return -ENOMEM;
    if ((r = asyncio_add_done_callback(f, add_one, &called)) < 0)
        return r;
    struct asyncio_handle *soon = asyncio_call_soon(set_future, f);
    struct asyncio_handle *later = asyncio_call_later(MOMENT / 20, set_future, f);
    if (!soon && !later)
        asyncio_set_result(f, 5);
    r = await(f);
    await(asyncio_sleep(0)); /* the done callback's turn */
    if (await(asyncio_sleep(MOMENT / 10)) < 0)
        asyncio_handle_cancel(later);
    if (r != 5 || called != 1)
        return -EILSEQ;
    return soon && later ? 0 : -ENOMEM;
}

static async(int, part_errors)
{
    awaitable(int) t = asyncio_create_task(fails());
    int r = await(t);
    if (r != -EPROTO)
        return r;
    return await(fails()) == -EPROTO ? 0 : asyncio_error();
}

static async(int, in_a_thread, (int, n))
{
    return n ? asyncio_raise(-EPROTO, "message number %d", n) : 0;
}

static asyncio_context_var(int) level = ASYNCIO_CONTEXT_VAR("level", 0);

static async(int, part_threads)
{
    struct asyncio_loop *loop = asyncio_get_running_loop();
    static int called; /* it may be called when this has returned */
    int r = asyncio_context_var_set(&level, 1);
    called = 0;
    if (r < 0)
        return r;
    r = await(asyncio_to_thread(in_a_thread(1)));
    if (!loop || r != -EPROTO)
        return loop ? r : -ENOMEM;
    if ((r = asyncio_call_soon_threadsafe(loop, set_int, &called)) < 0)
        return r;
    asyncio_concurrent_future(int) f = asyncio_run_coroutine_threadsafe(leaf(1), loop);
    awaitable(int) a = asyncio_wrap_future(f);
    r = await(a);
    asyncio_concurrent_cancel(f);
    asyncio_concurrent_release(f);
    if (r < 0)
        return r;
    if (called != 1)
        return -EILSEQ;
    return await(asyncio_shutdown_default_executor(60));
}

/* Not among a coroutine's variables: who waits may outlive it, where the other failed. */
static _Thread_local struct asyncio_lock lock;
static _Thread_local struct asyncio_barrier barrier;

static async(int, takes_its_turn)
{
    int r = await(asyncio_lock_acquire(&lock));
    if (r < 0)
        return r;
    r = await(leaf(0));
    asyncio_lock_release(&lock);
    return r;
}

static async(int, part_sync)
{
    int r = await(asyncio_gather(takes_its_turn(), takes_its_turn(), takes_its_turn()));
    if (r < 0)
        return r;
    if (asyncio_lock_locked(&lock))
        return -EILSEQ;
    barrier = asyncio_barrier(2);
    r = await(asyncio_gather(asyncio_barrier_wait(&barrier), asyncio_barrier_wait(&barrier)));
    return r < 0 ? r : await(asyncio_wait_for(asyncio_lock_acquire(&lock), FOR_EVER));
}

static async(int, part_timeout)
{
    struct asyncio_timeout t = asyncio_timeout(FOR_EVER);
    int r = 0;
    async_with(&t)
    {
        if ((r = asyncio_timeout_reschedule(&t, asyncio_time() + MOMENT / 10)) < 0)
            return r;
        r = await(asyncio_sleep(FOR_EVER));
    }
    if (asyncio_error() != -ETIMEDOUT)
        return r < 0 ? r : asyncio_error();
    return 0;
}

static async(int, part_group)
{
    struct asyncio_task_group tg = {0};
    int made = 0;
    async_with(&tg)
    {
        made += asyncio_task_group_create_task(&tg, leaf(1)) != NULL;
        made += asyncio_task_group_create_task(&tg, fails(), "named") != NULL;
        made += asyncio_task_group_create_task(&tg, asyncio_sleep(FOR_EVER)) != NULL;
        made += asyncio_task_group_create_task(&tg, fails()) != NULL;
        if (made < 4)
            asyncio_task_group_cancel(&tg);
    }
    int error = asyncio_error();
    return error == -EPROTO || error == -ENOMEM ? (made == 4 && error == -EPROTO ? 0 : -ENOMEM)
           : made == 4                          ? error
                                                : -ENOMEM;
}

static async(int, part_wait)
{
    awaitable(int) t[] = {asyncio_create_task(leaf(1)), asyncio_create_task(leaf(0))};
    awaitable(int) all[] = {t[0], t[1]};
    ssize_t r = await(asyncio_wait(all, 2, FOR_EVER, ASYNCIO_ALL_COMPLETED));
    for (int i = 0; r < 0 && i < 2; i++)
        asyncio_cancel(t[i]);
    if (r < 2)
        return r < 0 ? (int)r : -EILSEQ;
    return asyncio_exception(asyncio_exception(t[0]) ? t[0] : t[1]);
}

/* How many come in time is the clock's affair. */
static async(int, part_as_completed)
{
    awaitable(int) t[] = {leaf(1), asyncio_create_task(leaf(0)), asyncio_sleep(FOR_EVER)};
    int failure = 0;
    async_for (awaitable(int) x, asyncio_as_completed(t, 3, MOMENT / 5)) {
        if (asyncio_exception(x))
            failure = asyncio_exception(x);
    }
    return asyncio_error() == -ETIMEDOUT ? failure : asyncio_error() ? asyncio_error() : -EILSEQ;
}

static async(int, feeds, (asyncio_queue(int), q), (int, n))
{
    int r = 0;
    for (int i = 0; i < n && r == 0; i++)
        r = await(asyncio_queue_put(q, i));
    asyncio_queue_shutdown(q, false);
    return r;
}

static async(int, part_queue)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 0);
    awaitable(int) t = q ? asyncio_create_task(feeds(q, 20)) : NULL;
    if (!t)
        return -ENOMEM;
    int r, v, got = 0;
    while ((r = await(asyncio_queue_get_into(q, &v))) == 0) {
        if (v != got++)
            return -EILSEQ;
    }
    int fed = await(t);
    return fed < 0 ? fed : r == -ESHUTDOWN && got == 20 ? 0 : r;
}

static async(int, sends, (asyncio_channel(int), ch))
{
    int r = await(asyncio_channel_send(ch, 5));
    asyncio_channel_close(ch);
    return r;
}

static async(int, part_select)
{
    asyncio_channel(int) ch = asyncio_channel_new(int, 0);
    awaitable(int) t = ch ? asyncio_create_task(sends(ch)) : NULL;
    if (!t)
        return -ENOMEM;
    int v = 0;
    int k = await(asyncio_select(asyncio_channel_recv_into(ch, &v), asyncio_sleep(FOR_EVER),
                                 asyncio_wait_for(asyncio_sleep(FOR_EVER), FOR_EVER)));
    int error = asyncio_error();
    asyncio_channel_close(ch);
    int r = await(t);
    if (error && error != -EPIPE)
        return error;
    return r < 0 ? r : k == 0 && v == 5 ? 0 : -EILSEQ;
}

static async(int, answers, (int, fd))
{
    struct asyncio_streams s = asyncio_open_fd(fd, 0);
    if (!s.reader) {
        close(fd);
        return -ENOMEM;
    }
    async_for (char *line, asyncio_stream_reader_lines(s.reader)) {
        asyncio_stream_writer_printf(s.writer, "%600s", line);
        int r = await(asyncio_stream_writer_drain(s.writer));
        if (r < 0)
            return r;
    }
    return asyncio_error();
}

/* The other side sees an end wherever memory was short on this one. */
static async(int, part_streams)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    awaitable(int) t = asyncio_create_task(answers(fds[1]));
    if (!t)
        close(fds[1]);
    struct asyncio_streams s = asyncio_open_fd(fds[0], 0);
    if (!s.reader) {
        close(fds[0]);
        await(t);
        return -ENOMEM;
    }
    char all[600], *data;
    int first = asyncio_stream_writer_write(s.writer, "line\n", 5);
    int r = first;
    if (first == 0)
        r = (int)await(asyncio_stream_reader_readexactly(s.reader, all, 300));
    if (r == 300)
        r = (int)await(asyncio_stream_reader_readuntil(s.reader, &data, "none", "e\n"));
    asyncio_stream_writer_close(s.writer);
    int closed = await(asyncio_stream_writer_wait_closed(s.writer));
    int answered = await(t);
    if (first < 0 || answered == -ENOMEM || closed == -ENOMEM || r == -ENOMEM)
        return -ENOMEM;
    return r == 300 && answered == 0 ? 0 : -EILSEQ;
}

static async(int, part_file)
{
    struct asyncio_file *f = await(asyncio_file_open("/dev/zero", "r+", .limit = 40000));
    if (!f)
        return asyncio_error();
    char *line;
    ssize_t n = await(asyncio_file_readline(f, &line));
    if (n != -EMSGSIZE)
        return n == -ENOMEM ? -ENOMEM : -EILSEQ;
    n = await(asyncio_file_write(f, "lost", 4));
    int closed = await(asyncio_file_close(f));
    return n < 0 ? (int)n : closed;
}

static async(int, part_leftovers)
{
    asyncio_spawn(leaf(1));
    asyncio_spawn(asyncio_sleep(FOR_EVER));
    asyncio_spawn(asyncio_gather(asyncio_sleep(FOR_EVER), leaf(1)));
    asyncio_spawn(asyncio_to_thread(in_a_thread(1)));
    asyncio_call_later(FOR_EVER, set_future, NULL);
    return 0;
}

static async(int, scenario)
{
    awaitable(int) (*const parts[])(void) = {
        part_tasks,   part_gather,  part_generator, part_with,    part_future,       part_errors,
        part_sync,    part_timeout, part_group,     part_wait,    part_as_completed, part_leftovers,
        part_threads, part_queue,   part_select,    part_streams, part_file};
    int first = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int r = await(parts[i]());
        if (r < 0 && first == 0)
            first = r;
    }
    return first;
}

/* --- The faults --- */

static long until_failure; /* allocations that go well before the one that does not */

static bool fail_one(size_t size)
{
    (void)size;
    return until_failure-- == 0;
}

static bool fail_from_there_on(size_t size)
{
    (void)size;
    return until_failure-- <= 0;
}

static void *run_scenario(void *result)
{
    *(int *)result = asyncio_run(scenario());
    ai_allocation_fails = NULL;
    return NULL;
}

/* What it came to when the n-th allocation failed; whether any did. */
static int with_fault(bool (*fault)(size_t), long n, bool *failed)
{
    pthread_t thread;
    size_t before = ai_allocated();
    int descriptors = open_descriptors(), result = 0;

    until_failure = n;
    listen_to_stderr();
    ai_allocation_fails = fault;
    assert_int_equal(pthread_create(&thread, NULL, run_scenario, &result), 0);
    pthread_join(thread, NULL);
    *failed = until_failure < 0;
    what_was_said();
    if (ai_allocated() != before || open_descriptors() != descriptors)
        fail_msg("allocation %ld failed: %zd bytes and %d descriptors are left", n,
                 (ssize_t)(ai_allocated() - before), open_descriptors() - descriptors);
    if (result != 0 && result != -ENOMEM)
        fail_msg("allocation %ld failed: %d", n, result);
    return result;
}

static void run_faults(bool (*fault)(size_t))
{
    bool failed = true;
    long n = 0;
    int result = 0;

    for (; failed; n++)
        result = with_fault(fault, n, &failed);
    assert_int_equal(result, 0);
    assert_true(n > 50);
}

static void every_allocation(void **state)
{
    (void)state;
    run_faults(fail_one);
}

static void no_memory_from_there_on(void **state)
{
    (void)state;
    run_faults(fail_from_there_on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_allocation),
        TEST(no_memory_from_there_on),
    };
    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}

#else

int main(void)
{
    puts("1..0 # SKIP built without faults");
    return 0;
}

#endif
