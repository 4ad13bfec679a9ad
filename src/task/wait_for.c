/* wait_for: another awaitable, ended in time.
 *
 * It is a coroutine, as in Python: it awaits the one inside right where it is itself awaited, and
 * its timer cancels the task that does so, a request it takes back afterwards. So the one inside is
 * told of a time-out by its own await, and whatever it was just given (a lock, an item) it keeps or
 * gives on, but does not lose. */
#include "task/proxy.h"
#include "task/thread.h"

#include <math.h>

struct wait_for {
    struct ai_proxy proxy;
    struct ai_timer timer;
    double seconds;
    struct ai_task *task; /* that awaits it, while the timer may cancel it */
    bool timed_out;
};

static struct ai_object *self_of(struct wait_for *w)
{
    return &w->proxy.sized.object;
}

/* --- The timer --- */

static bool is_arriving(const struct ai_task *task)
{
    return task->waiting && task->waiting->state == AI_DONE;
}

static void fire(struct ai_ready *ready)
{
    struct wait_for *w = ai_container(ready, struct wait_for, timer.ready);

    w->timer.place = AI_TIMER_IDLE;
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
    if (w->task && !is_arriving(w->task))
        w->timed_out = ai_cancel(&w->task->root->object);
    ai_unref(self_of(w));
}

static bool start_timer(struct wait_for *w)
{
    struct ai_loop *loop = ai_thread.loop;

    ai_timer_init(&w->timer, fire);
    if (isinf(w->seconds))
        return true;
    if (!ai_ring_reserve(&loop->ready, 1))
        return false;
    if (ai_loop_start_timer(loop, &w->timer, w->seconds)) {
        ai_ring_unreserve(&loop->ready, 1);
        return false;
    }
    ai_ref(self_of(w));
    return true;
}

/* One that is due fires all the same: into nothing. */
static void stop_timer(struct wait_for *w)
{
    w->task = NULL;
    if (w->timer.place >= AI_TIMER_DUE)
        return;
    ai_timer_stop(&ai_thread.loop->timers, &w->timer);
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
    ai_unref(self_of(w));
}

/* --- The coroutine --- */

/* Where this is awaited; as a task of its own, nowhere. */
static const struct asyncio__place *place_of(struct wait_for *w)
{
    static const struct asyncio__place here = {__FILE__, __LINE__, "wait_for"};
    const struct asyncio__place *place = w->proxy.sized.coroutine.place;

    return place ? place : &here;
}

/* One that nobody has used is handed on as if the task had made it. */
static int await_inner(struct wait_for *w, struct ai_task *task, void *result)
{
    struct ai_object *inner = w->proxy.inner;

    if (inner->state == AI_UNUSED) {
        w->proxy.inner = NULL;
        inner->flags |= AI_OWNED;
        ai_list_append(&task->owned, &inner->owned);
    }
    return asyncio__await(ai_handle(inner), result, place_of(w));
}

static int await_in_time(struct wait_for *w, struct ai_task *task, void *result)
{
    if (!start_timer(w))
        return -ENOMEM;
    w->task = task;
    int code = await_inner(w, task, result);
    stop_timer(w);
    if (w->timed_out)
        asyncio_uncancel(ai_handle(&task->root->object));
    return code;
}

static int let_others_run(struct wait_for *w)
{
    int none;

    return asyncio__await(ASYNCIO__YIELD, &none, place_of(w));
}

/* What was never begun never runs; what runs is ended, and waited for, and, as in Python, a turn is
 * taken before that and another after. */
static int await_too_late(struct wait_for *w, struct ai_task *task, void *result)
{
    struct ai_object *inner = w->proxy.inner;

    if (!ai_ensure_task(inner))
        return -ENOMEM;
    w->timed_out = ai_cancel(inner);
    if (!w->timed_out)
        return await_inner(w, task, result);
    int code = inner->state == AI_DONE ? let_others_run(w) : 0;
    if (!code)
        code = await_inner(w, task, result);
    struct ai_error *kept = ai_error_keep(task);
    int error = let_others_run(w);
    if (error) {
        ai_error_unref(kept);
        return error;
    }
    task->error = kept;
    return code;
}

static void run(void *self, void *result)
{
    struct wait_for *w = self;
    struct ai_task *task = ai_thread.task;
    uint8_t cancels = task->root->object.cancels;

    int code = (w->seconds > 0 ? await_in_time : await_too_late)(w, task, result);
    if (code && !task->error) /* it was not awaited */
        task->error = ai_error_plain(code);
    if (w->timed_out && ai_error_code(task->error) == -ECANCELED &&
        task->root->object.cancels <= cancels) { /* nobody else has asked */
        code = -ETIMEDOUT;
        ai_error_set(&task->error, ai_error_plain(code));
    }
    if (code)
        ai_result_fail(self_of(w), code, result);
    self_of(w)->error = task->error; /* it raises what it met */
    task->error = NULL;
}

static const struct asyncio_awaitable_type wait_for_type = {
    .name = "wait_for",
    .kind = ASYNCIO__COROUTINE,
    .await = run,
    .destroy = ai_proxy_destroy,
    .waits_for = ai_proxy_waits_for,
    .result_offset = AI_PROXY_RESULT(sizeof(struct wait_for)),
    .file = __FILE__,
    .line = __LINE__,
};

asyncio_any asyncio__wait_for(asyncio_any x, double seconds)
{
    struct ai_object *inner = ai_object_to_take(x);
    struct wait_for *w = (struct wait_for *)ai_proxy_new(&wait_for_type, inner);

    if (!w)
        return NULL;
    w->seconds = seconds;
    return ai_handle(self_of(w));
}
