/* as_completed. */
#include "scenario.h"

#include <asyncio/groups.h>

#define FOR_ALL ASYNCIO_FOREVER

static awaitable(int) works(const char *name, double seconds, int value)
{
    return asyncio_create_task(worker(name, seconds, value));
}

/* The plain iterator's way: n awaitables, each the next that is done. */
#define AS_COMPLETED(tasks, seconds)                                                               \
    asyncio_as_completed(tasks, sizeof(tasks) / sizeof *(tasks), seconds)
#define NEXT asyncio_as_completed_next

SCENARIO(as_completed)
{
    awaitable(int) t[] = {works("b", 2, 2), works("c", 3, 3), works("a", 1, 1)}, x;
    async_iterator(awaitable(int)) it = AS_COMPLETED(t, FOR_ALL);
    while ((x = NEXT(it)))
        trace("got %d", await(x));
}

SCENARIO(as_completed_with_a_failure)
{
    awaitable(int) t[] = {works("a", 1, -EPROTO), works("b", 2, 2)}, x;
    async_iterator(awaitable(int)) it = AS_COMPLETED(t, FOR_ALL);
    while ((x = NEXT(it)))
        trace("got %s", outcome(await(x)));
}

SCENARIO(as_completed_same_tasks_in_as_out)
{
    awaitable(int) t[] = {works("a", 2, 0), works("b", 1, 0)};
    async_for (awaitable(int) x, AS_COMPLETED(t, FOR_ALL))
        trace("%d %s", x == t[0] ? 0 : 1, state(x));
}

SCENARIO(as_completed_with_timeout)
{
    awaitable(int) t[] = {works("a", 0.1, 1), works("b", 0.15, 2)}, x;
    async_iterator(awaitable(int)) it = AS_COMPLETED(t, 0.12);
    while ((x = NEXT(it)))
        trace("%s", outcome(await(x)));
    trace("%s", state(t[1]));
}

SCENARIO(as_completed_with_timeout_async)
{
    awaitable(int) t[] = {works("a", 0.1, 1), works("b", 0.15, 2)};
    async_for (awaitable(int) x, AS_COMPLETED(t, 0.12))
        trace("%s", state(x));
    trace("%s", last_error());
    trace("%s", state(t[1]));
}

SCENARIO(as_completed_with_unused_timeout)
{
    awaitable(int) t[] = {works("a", 0.01, 1)}, x;
    async_iterator(awaitable(int)) it = AS_COMPLETED(t, 1);
    while ((x = NEXT(it)))
        trace("got %d", await(x));
    await(asyncio_sleep(2));
    trace("nothing else comes");
}

SCENARIO(as_completed_reverse_wait)
{
    awaitable(int) t[] = {works("a", 0.05, 1), works("b", 0.1, 2)};
    async_iterator(awaitable(int)) it = AS_COMPLETED(t, FOR_ALL);
    awaitable(int) x = NEXT(it), y = NEXT(it);
    trace("%d", await(y));
    trace("%d", await(x));
}

SCENARIO(as_completed_concurrent)
{
    awaitable(int) t[] = {works("a", 1, 1), works("b", 2, 2)};
    async_iterator(awaitable(int)) it = AS_COMPLETED(t, FOR_ALL);
    awaitable(int) one = asyncio_create_task(waiter("one", NEXT(it)));
    awaitable(int) two = asyncio_create_task(waiter("two", NEXT(it)));
    await(one);
    await(two);
}

SCENARIO(as_completed_duplicates)
{
    awaitable(int) twice = works("a", 1, 1), t[] = {twice, twice, works("b", 2, 2)}, x;
    async_iterator(awaitable(int)) it = AS_COMPLETED(t, FOR_ALL);
    while ((x = NEXT(it)))
        trace("got %d", await(x));
}

SCENARIO(as_completed_coroutine)
{
    awaitable(int) t[] = {worker("a", 1, 42)}, x;
    async_iterator(awaitable(int)) it = AS_COMPLETED(t, FOR_ALL);
    while ((x = NEXT(it)))
        trace("got %d", await(x));
}

static async(int, outer, (awaitable(int) *, t))
{
    async_iterator(awaitable(int)) it = asyncio_as_completed(t, 2, FOR_ALL);
    int r = await(NEXT(it));
    if (r == -ECANCELED)
        trace("cancelled");
    return r;
}

SCENARIO(as_completed_cancelled)
{
    awaitable(int) tasks[] = {works("a", 5, 0), works("b", 6, 0)};
    awaitable(int) t = asyncio_create_task(outer(tasks));
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    trace("%s %d", state(tasks[0]), asyncio_cancelling(tasks[0]));
    asyncio_cancel(tasks[0]);
    asyncio_cancel(tasks[1]);
    await(asyncio_sleep(0));
}

SCENARIO(as_completed_of_done_ones)
{
    awaitable(int) t[] = {asyncio_create_task(just(1)), asyncio_create_task(just(2))}, x;
    int sum = 0;
    await(turns(2));
    async_iterator(awaitable(int)) it = AS_COMPLETED(t, FOR_ALL);
    while ((x = NEXT(it)))
        sum += await(x);
    trace("got %d", sum);
}

/* A loop that is left closes what it went through: who wants to resume asks for the next. */
SCENARIO(as_completed_resume_iterator)
{
    awaitable(int) t[] = {works("a", 1, 1), works("b", 2, 2), works("c", 3, 3)}, x;
    async_iterator(awaitable(int)) it = AS_COMPLETED(t, FOR_ALL);
    while ((x = NEXT(it))) {
        trace("got %d", await(x));
        break;
    }
    while ((x = NEXT(it)))
        trace("got %d", await(x));
}
