/* Cancellations with a message, and the messages of errors. */
#include "scenario.h"

#include <asyncio/sync.h>

/* The last await's error and message. */
static const char *said(void)
{
    static char text[128];
    snprintf(text, sizeof text, "%s '%s'", outcome(asyncio_error()), asyncio_error_message());
    return text;
}

/* What awaiting x came to. */
#define TOLD(x) told(await(x))

static const char *told(int r)
{
    return asyncio_error() ? said() : outcome(r);
}

static async(int, sleeps, (const char *, name), (double, seconds))
{
    int r = await(asyncio_sleep(seconds));
    if (r)
        trace("%s %s", name, said());
    return r;
}

static async(int, awaits, (const char *, name), (awaitable(int), x))
{
    int r = await(x);
    if (r < 0)
        trace("%s %s", name, said());
    return r;
}

SCENARIO(cancel_message)
{
    awaitable(int) t = asyncio_create_task(sleeps("a", 10));
    await(asyncio_sleep(0));
    asyncio_cancel(t, "my message");
    trace("%s", TOLD(t));
}

SCENARIO(cancel_message_asked_for_twice)
{
    awaitable(int) t = asyncio_create_task(sleeps("a", 10));
    await(asyncio_sleep(0));
    asyncio_cancel(t, "my message");
    trace("%s", TOLD(t));
    trace("%s", TOLD(t));
}

SCENARIO(cancel_message_of_the_last)
{
    awaitable(int) t = asyncio_create_task(sleeps("a", 10));
    await(asyncio_sleep(0));
    asyncio_cancel(t, "first");
    asyncio_cancel(t, "second");
    trace("%s", TOLD(t));
}

SCENARIO(cancel_message_then_none)
{
    awaitable(int) t = asyncio_create_task(sleeps("a", 10));
    await(asyncio_sleep(0));
    asyncio_cancel(t, "first");
    asyncio_cancel(t);
    trace("%s", TOLD(t));
}

SCENARIO(through_two_tasks)
{
    awaitable(int) inner = asyncio_create_task(sleeps("inner", 10));
    awaitable(int) t = asyncio_create_task(awaits("outer", inner));
    await(turns(2));
    asyncio_cancel(t, "my message");
    trace("%s", TOLD(t));
}

SCENARIO(through_two_tasks_when_it_completes)
{
    awaitable(int) f = asyncio_future(int), t = asyncio_create_task(awaits("a", f));
    await(asyncio_sleep(0));
    set(f, 1);
    asyncio_cancel(t, "my message");
    trace("%s", TOLD(t));
}

SCENARIO(cancel_before_starting_task)
{
    awaitable(int) t = asyncio_create_task(sleeps("a", 10));
    asyncio_cancel(t, "my message");
    trace("%s", TOLD(t));
}

SCENARIO(cancel_before_starting_an_operation)
{
    awaitable(int) t = asyncio_create_task(asyncio_sleep(10));
    asyncio_cancel(t, "my message");
    trace("%s", TOLD(t));
}

SCENARIO(future_cancel_message)
{
    awaitable(int) f = asyncio_future(int);
    asyncio_cancel(f, "my message");
    trace("%s", TOLD(f));
}

SCENARIO(future_cancelled_twice)
{
    awaitable(int) f = asyncio_future(int);
    asyncio_cancel(f, "first");
    trace("%s", yes(asyncio_cancel(f, "second")));
    trace("%s", TOLD(f));
}

SCENARIO(future_cancel_message_to_who_waits)
{
    awaitable(int) f = asyncio_future(int), t = asyncio_create_task(awaits("a", f));
    await(asyncio_sleep(0));
    asyncio_cancel(f, "my message");
    trace("%s", TOLD(t));
}

static async(int, outer_of_gather)
{
    return await(awaits("gather", asyncio_gather(sleeps("a", 10), sleeps("b", 10))));
}

SCENARIO(cancel_gather)
{
    awaitable(int) t = asyncio_create_task(outer_of_gather());
    await(asyncio_sleep(1));
    asyncio_cancel(t, "my message");
    trace("%s", TOLD(t));
}

static async(int, outer_of_shield, (awaitable(int), inner))
{
    return await(awaits("outer", asyncio_shield(inner)));
}

SCENARIO(cancel_shield)
{
    awaitable(int) inner = asyncio_create_task(sleeps("inner", 2));
    awaitable(int) t = asyncio_create_task(outer_of_shield(inner));
    await(asyncio_sleep(1));
    asyncio_cancel(t, "my message");
    trace("%s", TOLD(t));
    trace("%s", TOLD(inner));
}

static async(int, outer_of_coroutines)
{
    return await(awaits("middle", sleeps("inner", 10)));
}

SCENARIO(down_the_coroutines)
{
    awaitable(int) t = asyncio_create_task(outer_of_coroutines());
    await(asyncio_sleep(1));
    asyncio_cancel(t, "POLLING");
    trace("%s", TOLD(t));
}

static async(int, cancels_itself)
{
    asyncio_cancel(asyncio_current_task(), "myself");
    return await(awaits("a", asyncio_sleep(1)));
}

SCENARIO(cancel_self)
{
    trace("%s", TOLD(asyncio_create_task(cancels_itself())));
}

static async(int, cancels_itself_at_end)
{
    asyncio_cancel(asyncio_current_task(), "myself");
    return 1;
}

SCENARIO(cancel_self_at_end)
{
    trace("%s", TOLD(asyncio_create_task(cancels_itself_at_end())));
}

SCENARIO(lock_acquire_cancelled)
{
    struct asyncio_lock lock = {0};
    await(asyncio_lock_acquire(&lock));
    awaitable(int) t = asyncio_create_task(awaits("a", asyncio_lock_acquire(&lock)));
    await(asyncio_sleep(0));
    asyncio_cancel(t, "foo");
    trace("%s", TOLD(t));
}

SCENARIO(condition_wait_cancelled)
{
    struct asyncio_condition cond = {0};
    await(asyncio_condition_acquire(&cond));
    awaitable(int) t = asyncio_create_task(awaits("a", asyncio_condition_wait(&cond)));
    await(asyncio_sleep(0));
    asyncio_cancel(t, "foo");
    trace("%s", TOLD(t));
}

SCENARIO(condition_cancelled_while_it_acquires_again)
{
    struct asyncio_condition cond = {0};
    await(asyncio_condition_acquire(&cond));
    awaitable(int) t = asyncio_create_task(awaits("a", asyncio_condition_wait(&cond)));
    await(asyncio_sleep(0));
    await(asyncio_condition_acquire(&cond));
    asyncio_condition_notify(&cond, 1);
    await(asyncio_sleep(0));
    asyncio_cancel(t, "foo");
    asyncio_condition_release(&cond);
    trace("%s", TOLD(t));
}

SCENARIO(exception_message)
{
    awaitable(int) f = asyncio_future(int);
    asyncio_set_exception(f, -EPROTO, "bad header");
    trace("%s", TOLD(f));
    awaitable(int) t = asyncio_create_task(awaits("a", f));
    trace("%s", TOLD(t));
}

static async(int, raises)
{
    return asyncio_raise(-EIO, "disk on fire");
}

SCENARIO(raised_message)
{
    awaitable(int) t = asyncio_create_task(raises());
    trace("%s", TOLD(t));
    trace("%s", TOLD(awaits("a", raises())));
}

SCENARIO(gather_message)
{
    trace("%s", TOLD(asyncio_gather(sleeps("a", 1), raises())));
}
