/* wait: until some of several are done.
 *
 * It goes on in steps: the first watches all, the last sorts the array. Each watch is a waiter; one
 * whose object is done is on its way or has run, and until it has, it holds the wait, which may be
 * over by then. */
#include "base/panic.h"
#include "task/deadline.h"
#include "task/diagnose.h"
#include "task/step.h"
#include "task/thread.h"

struct watch {
    struct ai_waiter waiter;
    struct ai_object *object;
    struct wait *wait;
};

struct wait {
    struct ai_object object;
    ssize_t result;
    asyncio_any *handles;
    struct watch *watches;
    size_t count, capacity, left;
    struct ai_timer timer;
    double timeout;
    enum asyncio_return_when until;
    bool begun, over;
};

/* --- Those that are waited for --- */

static bool is_enough(struct wait *w, struct ai_object *o)
{
    if (w->left == 0 || w->until == ASYNCIO_FIRST_COMPLETED)
        return true;
    if (w->until != ASYNCIO_FIRST_EXCEPTION || !o->error || o->flags & AI_CANCELLED)
        return false;
    o->flags |= AI_RETRIEVED;
    return true;
}

static void done(struct ai_ready *ready)
{
    struct watch *watch = ai_container(ready, struct watch, waiter.ready);
    struct wait *w = watch->wait;

    ai_ring_unreserve(&ai_thread.loop->ready, 1);
    w->left--;
    if (!w->over && is_enough(w, watch->object)) {
        ai_deadline_stop(&w->timer);
        ai_step_wake(&w->object);
    }
    ai_unref(watch->object); /* the waiter's */
    ai_unref(&w->object);    /* the watch's */
}

static void watch_all(struct wait *w)
{
    for (size_t i = 0; i < w->count; i++) {
        struct watch *watch = &w->watches[i];
        watch->wait = w;
        watch->waiter.ready.run = done;
        ai_ref(&w->object);
        ai_wait_on(watch->object, &watch->waiter);
    }
}

static void unwatch_all(struct wait *w)
{
    for (size_t i = 0; i < w->count; i++) {
        struct watch *watch = &w->watches[i];
        if (watch->object->state == AI_DONE)
            continue;
        ai_wait_off(watch->object, &watch->waiter);
        ai_ring_unreserve(&ai_thread.loop->ready, 1);
        ai_unref(&w->object);
    }
}

/* --- Its steps --- */

static void fire(struct ai_ready *ready)
{
    struct wait *w = ai_container(ready, struct wait, timer.ready);

    ai_deadline_over(&w->timer);
    ai_step_wake(&w->object);
}

static int begin(struct wait *w)
{
    struct ai_ring *ring = &ai_thread.loop->ready;
    int64_t deadline = ai_deadline_after(w->timeout);

    ai_timer_init(&w->timer, fire);
    if (!ai_ring_reserve(ring, w->count))
        return -ENOMEM;
    if (deadline != AI_NEVER && ai_deadline_start(&w->timer, deadline)) {
        ai_ring_unreserve(ring, w->count);
        return -ENOMEM;
    }
    w->begun = true;
    w->left = w->count;
    watch_all(w);
    return 0;
}

static size_t put(struct wait *w, size_t at, bool done)
{
    for (size_t i = 0; i < w->count; i++) {
        struct ai_object *o = w->watches[i].object;
        if ((o->state == AI_DONE) == done)
            w->handles[at++] = ai_handle(o);
    }
    return at;
}

static int step(void *self, bool cancelled)
{
    struct wait *w = self;

    if (!w->begun && !cancelled)
        return begin(w);
    if (w->begun) {
        w->over = true;
        ai_deadline_stop(&w->timer);
        unwatch_all(w);
    }
    if (cancelled)
        return -ECANCELED;
    w->result = (ssize_t)put(w, 0, true);
    put(w, (size_t)w->result, false);
    return 1;
}

static void waits_for(void *self, void (*visit)(asyncio_any x, void *arg), void *arg)
{
    const struct wait *w = self;

    for (size_t i = 0; i < w->count; i++)
        visit(ai_handle(w->watches[i].object), arg);
}

static void destroy(void *self)
{
    struct wait *w = self;

    for (size_t i = 0; i < w->count; i++)
        ai_unref(w->watches[i].object);
    ai_deallocate(w->watches, w->capacity * sizeof *w->watches);
}

static const struct asyncio_awaitable_type wait_type = {
    .name = "wait",
    .size = sizeof(struct wait),
    .result_size = sizeof(ssize_t),
    .result_offset = offsetof(struct wait, result),
    .result_signed = true,
    .pool_class = ASYNCIO__POOL_CLASS(sizeof(struct wait)),
    .step = step,
    .destroy = destroy,
    .waits_for = waits_for,
};

/* --- Making one --- */

static struct wait *wait_new(size_t n)
{
    struct wait *w = (struct wait *)ai_object_new(&wait_type, sizeof *w);

    if (!w)
        return NULL;
    w->capacity = n;
    w->watches = ai_allocate(n * sizeof *w->watches);
    if (w->watches)
        return w;
    w->capacity = 0;
    ai_disown(&w->object);
    return NULL;
}

static void *give_up(struct wait *w)
{
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
    struct wait *w = wait_new(n);
    if (!w)
        return NULL;
    w->handles = handles;
    w->timeout = timeout;
    w->until = until;
    for (; w->count < n; w->count++) {
        if (!handles[w->count])
            return give_up(w);
        w->watches[w->count].object = ai_ref(future(handles[w->count]));
    }
    return ai_handle(&w->object);
}
