/* wait: until some of several are done.
 *
 * It goes on in steps: the first watches all, the last sorts the array. */
#include "base/panic.h"
#include "task/deadline.h"
#include "task/diagnose.h"
#include "task/step.h"
#include "task/thread.h"
#include "task/watch.h"

struct wait {
    struct ai_object object;
    ssize_t result;
    asyncio_any *handles;
    struct ai_watches *watches;
    size_t left;
    struct ai_timer timer;
    double timeout;
    enum asyncio_return_when until;
};

static bool is_enough(struct wait *w, struct ai_object *o)
{
    if (w->left == 0 || w->until == ASYNCIO_FIRST_COMPLETED)
        return true;
    if (w->until != ASYNCIO_FIRST_EXCEPTION || !o->error || o->flags & AI_CANCELLED)
        return false;
    o->flags |= AI_RETRIEVED;
    return true;
}

static void done(void *owner, struct ai_watch *watch)
{
    struct wait *w = owner;

    w->left--;
    if (!is_enough(w, watch->object))
        return;
    ai_deadline_stop(&w->timer);
    ai_step_wake(&w->object);
}

static void fire(struct ai_ready *ready)
{
    struct wait *w = ai_container(ready, struct wait, timer.ready);

    ai_deadline_over(&w->timer);
    ai_step_wake(&w->object);
}

static int begin(struct wait *w)
{
    int64_t deadline = ai_deadline_after(w->timeout);

    if (deadline != AI_NEVER && ai_deadline_start(&w->timer, deadline))
        return -ENOMEM;
    if (ai_watches_begin(w->watches, w, done))
        return 0;
    ai_deadline_stop(&w->timer);
    return -ENOMEM;
}

static size_t put(struct wait *w, size_t at, bool done)
{
    for (size_t i = 0; i < w->watches->count; i++) {
        struct ai_object *o = w->watches->at[i].object;
        if ((o->state == AI_DONE) == done)
            w->handles[at++] = ai_handle(o);
    }
    return at;
}

static int step(void *self, bool cancelled)
{
    struct wait *w = self;

    if (!cancelled && !w->watches->owner)
        return begin(w);
    ai_deadline_stop(&w->timer);
    ai_watches_stop(w->watches);
    if (cancelled)
        return -ECANCELED;
    w->result = (ssize_t)put(w, 0, true);
    put(w, (size_t)w->result, false);
    return 1;
}

static void destroy(void *self)
{
    ai_watches_close(((struct wait *)self)->watches);
}

static const struct asyncio__waits waits =
    AI_WATCHES_WAITS(.depth = 1, .through = {offsetof(struct wait, watches)});

static const struct asyncio_awaitable_type wait_type = {
    .name = "wait",
    .size = sizeof(struct wait),
    .result_size = sizeof(ssize_t),
    .result_offset = offsetof(struct wait, result),
    .result_signed = true,
    .pool_class = ASYNCIO__POOL_CLASS(sizeof(struct wait)),
    .step = step,
    .destroy = destroy,
    .waits = &waits,
};

/* --- Making one --- */

static void *give_up(struct wait *w)
{
    if (w)
        ai_disown(&w->object);
    return NULL;
}

static struct ai_object *future(asyncio_any h)
{
    struct ai_object *o = ai_object(h);

    if (!(o->flags & AI_SHARED))
        ai_panic("TypeError: Passing coroutines is forbidden, use tasks explicitly: %s '%s'",
                 ai_noun(o->type), o->type->name);
    return o;
}

ASYNCIO_AWAITABLE(ssize_t)
asyncio__wait(asyncio_any *handles, size_t n, double timeout, enum asyncio_return_when until)
{
    if (n == 0)
        ai_panic("ValueError: Set of Tasks/Futures is empty.");
    if ((unsigned)until > ASYNCIO_FIRST_EXCEPTION)
        ai_panic("ValueError: Invalid return_when value: %d", (int)until);
    ai_thread_loop("asyncio_wait");
    struct wait *w = (struct wait *)ai_object_new(&wait_type, sizeof *w);
    if (!w || !(w->watches = ai_watches_new(n)))
        return give_up(w);
    ai_timer_init(&w->timer, fire);
    w->handles = handles;
    w->timeout = timeout;
    w->until = until;
    w->left = n;
    for (size_t i = 0; i < n; i++) {
        if (!handles[i])
            return give_up(w);
        ai_watches_add(w->watches, future(handles[i]));
    }
    return ai_handle(&w->object);
}
