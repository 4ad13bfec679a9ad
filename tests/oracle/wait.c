/* wait. */
#include "scenario.h"

#include <asyncio/groups.h>

typedef enum asyncio_return_when when;

enum { MOST = 10 };

static bool is_among(asyncio_any x, asyncio_any const *done, size_t n)
{
    while (n-- > 0)
        if (*done++ == x)
            return true;
    return false;
}

/* Waits for some of these, and says which are done, in their own order. */
static async(int, waits, (awaitable(int) *, tasks), (size_t, n), (double, seconds), (when, until))
{
    awaitable(int) place[MOST];
    char text[64] = "";

    if (n)
        memcpy(place, tasks, n * sizeof *tasks);
    ssize_t done = await(asyncio_wait(place, n, seconds, until));
    if (done < 0)
        return (int)done;
    for (size_t i = 0, at = 0, said = 0; i < n; i++)
        if (is_among(tasks[i], (asyncio_any *)place, (size_t)done))
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%zu", said++ ? " " : "", i);
    trace("done: %s", text);
    return (int)done;
}

/* Waits for the tasks in an array. */
#define WAITS(tasks, seconds, until)                                                               \
    await(waits(tasks, sizeof(tasks) / sizeof *(tasks), seconds, until))
#define WAITS_FOR_ALL(tasks) WAITS(tasks, ASYNCIO_FOREVER, ASYNCIO_ALL_COMPLETED)
#define WAITS_FIRST(tasks) WAITS(tasks, ASYNCIO_FOREVER, ASYNCIO_FIRST_COMPLETED)
#define WAITS_EXCEPTION(tasks) WAITS(tasks, ASYNCIO_FOREVER, ASYNCIO_FIRST_EXCEPTION)
#define WAITS_SO_LONG(tasks, seconds) WAITS(tasks, seconds, ASYNCIO_ALL_COMPLETED)

static awaitable(int) works(const char *name, double seconds, int value)
{
    return asyncio_create_task(worker(name, seconds, value));
}

SCENARIO(wait_for_all)
{
    awaitable(int) t[] = {works("a", 0.1, 1), works("b", 0.15, 2)};
    trace("%d", WAITS_FOR_ALL(t));
    trace("%d again, at once", WAITS_FOR_ALL(t));
}

SCENARIO(wait_duplicates)
{
    awaitable(int) twice = asyncio_create_task(just(1));
    awaitable(int) t[] = {twice, twice, asyncio_create_task(just(2))};
    trace("%d", WAITS_FOR_ALL(t));
}

SCENARIO(wait_first_completed)
{
    awaitable(int) t[] = {works("a", 10, 0), works("b", 0.1, 0)};
    WAITS_FIRST(t);
    trace("%s %s", state(t[0]), state(t[1]));
}

static async(int, lets_pass, (int, n))
{
    await(turns(n));
    return 0;
}

SCENARIO(wait_really_done)
{
    awaitable(int) t[] = {asyncio_create_task(lets_pass(1)), asyncio_create_task(lets_pass(2))};
    WAITS_FIRST(t);
}

SCENARIO(wait_first_exception)
{
    awaitable(int) t[] = {works("a", 10, 0), asyncio_create_task(just(-EPROTO))};
    WAITS_EXCEPTION(t);
    trace("%s %s", state(t[0]), state(t[1]));
}

SCENARIO(wait_first_exception_in_wait)
{
    awaitable(int) t[] = {works("a", 10, 0), works("b", 0.01, -EPROTO), works("c", 0.005, 1)};
    WAITS_EXCEPTION(t);
}

SCENARIO(wait_first_exception_none)
{
    awaitable(int) t[] = {works("a", 1, 0), works("b", 2, 0)};
    WAITS_EXCEPTION(t);
}

SCENARIO(wait_first_exception_cancellation_is_none)
{
    awaitable(int) t[] = {works("a", 5, 0), works("b", 2, 0)};
    await(asyncio_sleep(0));
    cancel_later(t[0], 1);
    WAITS_EXCEPTION(t);
}

SCENARIO(wait_with_exception)
{
    awaitable(int) t[] = {works("a", 0.1, 0), works("b", 0.15, -EPROTO)};
    WAITS_FOR_ALL(t);
    WAITS_FOR_ALL(t);
    trace("%s %s", state(t[0]), state(t[1]));
}

SCENARIO(wait_with_timeout)
{
    awaitable(int) t[] = {works("a", 0.1, 0), works("b", 0.15, 0)};
    trace("%d", WAITS_SO_LONG(t, 0.11));
    trace("%d", WAITS_FOR_ALL(t));
}

SCENARIO(wait_with_timeout_0)
{
    awaitable(int) t[] = {works("a", 1, 0), asyncio_create_task(just(2))};
    trace("%d", WAITS_SO_LONG(t, 0));
    await(turns(2));
    trace("%d", WAITS_SO_LONG(t, 0));
}

SCENARIO(wait_with_timeout_none_done)
{
    awaitable(int) t[] = {works("a", 2, 0), works("b", 2.5, 0)};
    trace("%d", WAITS_SO_LONG(t, 1));
    trace("%d", asyncio_cancelling(t[0]));
    WAITS_FOR_ALL(t);
}

static async(int, waits_for_one, (awaitable(int), x))
{
    int r = await(waits(&x, 1, ASYNCIO_FOREVER, ASYNCIO_ALL_COMPLETED));
    if (r > 0)
        trace("not reached");
    return r;
}

SCENARIO(wait_cancelled)
{
    awaitable(int) f = asyncio_future(int), inner = asyncio_create_task(waiter("inner", f));
    awaitable(int) t = asyncio_create_task(waits_for_one(inner));
    await(turns(2));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    trace("%s", state(inner));
    set(f, 1);
    await(inner);
}

SCENARIO(wait_for_futures)
{
    awaitable(int) f[] = {asyncio_future(int), asyncio_future(int)};
    set_later(f[1], 1, 5);
    WAITS_FIRST(f);
    set(f[0], 3);
    WAITS_FOR_ALL(f);
}

SCENARIO(wait_for_ten)
{
    awaitable(int) t[10];
    for (int i = 0; i < 10; i++)
        t[i] = asyncio_create_task(just(i));
    trace("%d", WAITS_FOR_ALL(t));
}

SCENARIO(wait_one_is_done_already)
{
    awaitable(int) t[] = {asyncio_create_task(just(1)), works("b", 1, 0)};
    await(turns(2));
    WAITS_FIRST(t);
    WAITS_FOR_ALL(t);
}

SCENARIO(wait_concurrent_complete)
{
    awaitable(int) t[] = {works("a", 0.1, 0), works("b", 0.15, 0)};
    trace("%d", WAITS_SO_LONG(t, 0.1));
    WAITS_FOR_ALL(t);
}

static async(int, waits_for_nothing)
{
    return await(waits(NULL, 0, 1, ASYNCIO_ALL_COMPLETED));
}

SCENARIO(wait_for_nothing)
{
    MISUSE(asyncio_run(waits_for_nothing()));
}

SCENARIO(wait_cancelled_as_all_are_done)
{
    awaitable(int) f = asyncio_future(int), t = asyncio_create_task(waits_for_one(f));
    await(turns(2));
    set(f, 1);
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
}
