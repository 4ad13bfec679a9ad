/* See executor.h. Here are asyncio_set_default_executor(), asyncio_shutdown_default_executor() and
 * what the end of a loop does about its threads.
 *
 * To shut an executor down is to wait for what it runs, and that blocks: it is done in a thread of
 * its own, the only one of a pool made for it, while the loop goes on. */
#include "io/executor.h"

#include "io/wrap.h"
#include "task/run.h"
#include "task/thread.h"

struct leave {
    struct asyncio_executor *executor; /* that is to end */
    struct asyncio_executor *joiner;   /* where that is waited for */
    struct ai_concurrent *joined;
};

static _Thread_local struct mine {
    struct asyncio_executor *executor;
    bool refuses;       /* it was shut down */
    struct leave leave; /* of it, at the loop's end */
    asyncio_any left;   /* done when that is */
} mine;

static bool wind_up(void);
static void forget_in_child(void);
static _Thread_local struct ai_wind_up winding_up = {
    .step = wind_up, .say = ai_wraps_say, .forget = forget_in_child};

/* --- The default executor --- */

int ai_default_executor(struct asyncio_executor **executor)
{
    if (mine.refuses)
        return -ESHUTDOWN;
    if (!mine.executor)
        mine.executor = asyncio_thread_pool_executor(0, NULL);
    *executor = mine.executor;
    return mine.executor ? 0 : -ENOMEM;
}

void asyncio_set_default_executor(struct asyncio_executor *executor)
{
    ai_thread_loop("asyncio_set_default_executor");
    mine.executor = executor;
    ai_executor_end_later();
}

/* The executor to be shut down, if any; no other comes after it. */
static struct asyncio_executor *take_default(void)
{
    struct asyncio_executor *executor = mine.executor;

    mine.executor = NULL;
    mine.refuses = true;
    return executor;
}

/* --- Shutting one down --- */

static ASYNCIO_ASYNC(int, join, (struct asyncio_executor *, executor))
{
    executor->shutdown(executor, true);
    return 0;
}

/* What is done when it has been joined; NULL without memory or threads. */
static asyncio_any leave_begin(struct leave *l, struct asyncio_executor *executor)
{
    asyncio_any h = join(executor);

    *l = (struct leave){.executor = executor};
    if (h)
        l->joined = ai_concurrent_new(ai_coroutine_to_send(h), sizeof *l->joined);
    if (!l->joined)
        return NULL;
    l->joiner = asyncio_thread_pool_executor(1, "asyncio-join");
    if (!l->joiner)
        return NULL;
    struct ai_object *o = ai_wrap_new(ai_concurrent_ref(l->joined), true, l->joiner);
    l->joined->owner = NULL; /* nobody waits for this but for what it waits for */
    return ai_wrap_start(o);
}

/* Where it could not be joined in a thread: here, if somebody is to wait for it. If nobody waits
 * any more, the joiner goes on by itself. */
static void leave_end(struct leave *l, bool wait)
{
    bool done = false, begun = false;

    if (l->joined) {
        asyncio_concurrent_cancel(l->joined); /* if it has not begun, it never will */
        done = asyncio_concurrent_done(l->joined);
        begun = !done || l->joined->has_value;
    }
    if (!begun)
        l->executor->shutdown(l->executor, wait);
    if (l->joiner)
        l->joiner->shutdown(l->joiner, done);
    asyncio_concurrent_release(l->joined);
}

ASYNCIO_ASYNC(int, asyncio_shutdown_default_executor, (double, seconds))
{
    struct asyncio_executor *executor = take_default();
    struct leave l;

    ai_executor_end_later(); /* the next loop has one again */
    if (!executor)
        return 0;
    asyncio_any left = leave_begin(&l, executor);
    int r = ASYNCIO_AWAIT((ASYNCIO_AWAITABLE(int))asyncio__wait_for(left, seconds));
    bool gave_up = r == -ETIMEDOUT || r == -ECANCELED;
    leave_end(&l, !gave_up);
    return gave_up ? r : 0;
}

/* --- The end of the loop --- */

static void forget(void)
{
    mine = (struct mine){0};
}

/* True as long as the loop has to turn. */
static bool wind_up(void)
{
    struct asyncio_executor *executor = take_default();

    if (executor)
        mine.left = leave_begin(&mine.leave, executor);
    if (mine.left && !asyncio_done(mine.left))
        return true;
    if (mine.leave.executor)
        leave_end(&mine.leave, true);
    asyncio_release(mine.left);
    ai_wraps_cancel();
    forget();
    return false;
}

static void forget_in_child(void)
{
    forget();
    ai_wraps_forget();
}

void ai_executor_end_later(void)
{
    ai_wind_up_later(&winding_up);
}
