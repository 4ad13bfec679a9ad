/* wait_for: another awaitable, ended in time.
 *
 * It is a coroutine, as in Python: within a time limit it awaits the one inside, right where it is
 * itself awaited. So the one inside is told of a time-out by its own await, and whatever it was
 * just given (a lock, an item) it keeps or gives on, but does not lose. */
#include "task/proxy.h"
#include "task/thread.h"
#include "task/timeout.h"

struct wait_for {
    struct ai_proxy proxy;
    struct asyncio_timeout timeout;
    double seconds;
    bool timed_out; /* a cancellation stands for that */
};

static struct ai_object *self_of(struct wait_for *w)
{
    return &w->proxy.sized.object;
}

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
    w->timeout = asyncio_timeout(w->seconds);
    int code = ai_timeout_enter(&w->timeout);
    if (code)
        return code;
    code = await_inner(w, task, result);
    w->timed_out = ai_timeout_leave(&w->timeout);
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
    struct ai_object *inner = w->proxy.inner, *root = &task->root->object;
    uint8_t cancels = ai_task_cancels_delivered(task);

    if (!ai_ensure_task(inner))
        return -ENOMEM;
    if (!ai_cancel(inner))
        return await_inner(w, task, result);
    int code = inner->state == AI_DONE ? let_others_run(w) : 0;
    if (!code)
        code = await_inner(w, task, result);
    struct ai_error *kept = ai_error_keep(task);
    int error = let_others_run(w);
    w->timed_out = root->cancels <= cancels;
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

    int code = (w->seconds > 0 ? await_in_time : await_too_late)(w, task, result);
    if (code && !task->error) /* it was not awaited */
        task->error = ai_error_plain(code);
    if (w->timed_out && ai_error_code(task->error) == -ECANCELED) {
        code = -ETIMEDOUT;
        ai_error_set(&task->error, ai_error_plain(code));
    }
    ai_proxy_raise(self_of(w), code, result);
}

static const struct asyncio_awaitable_type wait_for_type = {
    .name = "wait_for",
    .kind = ASYNCIO__COROUTINE,
    .await = run,
    .destroy = ai_proxy_destroy,
    .waits = &ai_proxy_waits,
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
