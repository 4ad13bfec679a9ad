/* to_thread, executors, and what other threads do to a loop. */
#include "scenario.h"

#include <asyncio/threads.h>

#include <math.h>
#include <stdatomic.h>

static atomic_int calls;

static async(int, add, (int, a), (int, b))
{
    return a + b;
}

static async(int, fails)
{
    return asyncio_raise(-EIO, "disk on fire");
}

static async(int, called)
{
    calls++;
    return 0;
}

SCENARIO(to_thread_result)
{
    trace("%s", outcome(await(asyncio_to_thread(add(40, 2)))));
}

SCENARIO(to_thread_exception)
{
    trace("%s", outcome(await(asyncio_to_thread(fails()))));
}

SCENARIO(to_thread_once)
{
    calls = 0;
    awaitable(int) x = asyncio_to_thread(called());
    trace("made: %d", calls);
    await(x);
    trace("awaited: %d", calls);
}

SCENARIO(to_thread_concurrent)
{
    awaitable(int) x[10];
    calls = 0;
    for (int i = 0; i < 10; i++)
        x[i] = asyncio_to_thread(called());
    await(asyncio_gather_n(x, 10));
    trace("%d", calls);
}

SCENARIO(to_thread_as_a_task)
{
    awaitable(int) t = asyncio_create_task(asyncio_to_thread(add(1, 2)));
    trace("%s", state(t));
    trace("%s", outcome(await(t)));
}

SCENARIO(to_thread_in_time)
{
    trace("%s", outcome(await(asyncio_wait_for(asyncio_to_thread(add(1, 2)), INFINITY))));
}

SCENARIO(executor_of_its_own)
{
    struct asyncio_executor *pool = asyncio_thread_pool_executor(1, NULL);
    awaitable(int) f[4];
    int r[4];
    for (int i = 0; i < 4; i++)
        f[i] = asyncio_run_in_executor(pool, add(i, i));
    for (int i = 0; i < 4; i++)
        r[i] = await(f[i]);
    trace("%d %d %d %d", r[0], r[1], r[2], r[3]);
    trace("%s", outcome(await(asyncio_run_in_executor(pool, fails()))));
    pool->shutdown(pool, true);
}

SCENARIO(executor_begins_at_once)
{
    calls = 0;
    awaitable(int) f = asyncio_run_in_executor(NULL, called());
    while (!asyncio_done(f))
        await(asyncio_sleep(0));
    trace("%d", calls);
    await(f);
}

static void set_5(void *f)
{
    set(f, 5);
}

static async(int, in_thread, (struct asyncio_loop *, loop), (awaitable(int), f))
{
    asyncio_call_soon_threadsafe(loop, say, "one");
    asyncio_call_soon_threadsafe(loop, say, "two");
    asyncio_call_soon_threadsafe(loop, say, "three");
    return asyncio_call_soon_threadsafe(loop, set_5, f);
}

SCENARIO(call_soon_threadsafe)
{
    awaitable(int) f = asyncio_future(int);
    await(asyncio_to_thread(in_thread(asyncio_get_running_loop(), f)));
    trace("%s", outcome(await(f)));
}

SCENARIO(call_soon_threadsafe_same_thread)
{
    asyncio_call_soon_threadsafe(asyncio_get_running_loop(), say, "called");
    trace("not yet");
    await(turns(2));
}

static async(int, adds, (int, a), (int, b), (bool, fail))
{
    await(asyncio_sleep(0.05));
    return fail ? asyncio_raise(-EIO, NULL) : a + b;
}

static async(int, cancels_itself)
{
    asyncio_cancel(asyncio_current_task());
    return await(asyncio_sleep(0));
}

static async(int, waits, (awaitable(int), f))
{
    return await(f);
}

/* What the thread is to run: a coroutine object belongs to the thread that made it. */
enum what { ADD, FAIL, WAIT, CANCEL };

static awaitable(int) make(enum what what, awaitable(int) f)
{
    return what == WAIT ? waits(f) : what == CANCEL ? cancels_itself() : adds(1, 2, what == FAIL);
}

static async(int, target, (struct asyncio_loop *, loop), (enum what, what), (awaitable(int), f),
             (double, seconds))
{
    asyncio_concurrent_future(int) c = asyncio_run_coroutine_threadsafe(make(what, f), loop);
    int r = asyncio_concurrent_result(c, seconds);
    asyncio_concurrent_cancel(c);
    asyncio_concurrent_release(c);
    return r < 0 ? asyncio_raise(r, NULL) : r;
}

static async(void, thread_runs, (enum what, what), (awaitable(int), f), (double, seconds))
{
    int r = await(asyncio_to_thread(target(asyncio_get_running_loop(), what, f, seconds)));
    trace("%s", outcome(r));
}

SCENARIO(run_coroutine_threadsafe)
{
    await(thread_runs(ADD, NULL, INFINITY));
}

SCENARIO(run_coroutine_threadsafe_with_exception)
{
    await(thread_runs(FAIL, NULL, INFINITY));
}

SCENARIO(run_coroutine_threadsafe_with_timeout)
{
    awaitable(int) f = asyncio_future(int);
    await(thread_runs(WAIT, f, 0));
    await(turns(5));
    trace("%zu", asyncio_all_tasks(NULL, 0));
}

SCENARIO(run_coroutine_threadsafe_task_cancelled)
{
    await(thread_runs(CANCEL, NULL, INFINITY));
}

SCENARIO(wrap_future)
{
    asyncio_concurrent_future(int) f =
        asyncio_run_coroutine_threadsafe(adds(1, 2, false), asyncio_get_running_loop());
    trace("%s", outcome(await(asyncio_wrap_future(f))));
    asyncio_concurrent_release(f);
}

SCENARIO(wrap_future_cancelled)
{
    asyncio_concurrent_future(int) f =
        asyncio_run_coroutine_threadsafe(worker("a", 5, 0), asyncio_get_running_loop());
    awaitable(int) w = asyncio_create_task(waiter("w", asyncio_wrap_future(f)));
    await(asyncio_sleep(1));
    asyncio_cancel(w);
    trace("%s", outcome(await(w)));
    await(turns(3));
    trace("%s", yes(asyncio_concurrent_cancelled(f)));
    asyncio_concurrent_release(f);
}

SCENARIO(wrap_future_of_a_failure)
{
    asyncio_concurrent_future(int) f =
        asyncio_run_coroutine_threadsafe(adds(1, 2, true), asyncio_get_running_loop());
    trace("%s", outcome(await(asyncio_wrap_future(f))));
    bool cancelled = asyncio_concurrent_cancelled(f);
    trace("%s %s", yes(cancelled), yes(asyncio_concurrent_cancel(f)));
    asyncio_concurrent_release(f);
}
