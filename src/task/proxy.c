/* What stands for another awaitable: wait_for, which ends it in time, and shield, which keeps a
 * cancellation from it.
 *
 * Each is an operation with room for the result of the one inside, so it needs no stack; a
 * coroutine inside becomes a task. It takes the one inside when it is made. */
#include "task/task.h"
#include "task/thread.h"

struct proxy {
    struct ai_sized sized;
    struct ai_waiter waiter; /* on `inner` */
    struct ai_object *inner;
    struct ai_timer timer;
    double timeout;
    bool timed_out;
    bool cancelled; /* from outside, which outranks the time-out */
    bool missed;    /* and the one inside was done already */
};

enum { RESULT = (sizeof(struct proxy) + 15) & ~15 };

static struct proxy *proxy_of(struct ai_waiter *w)
{
    return ai_container(w, struct proxy, waiter);
}

static void destroy(void *self)
{
    struct proxy *p = self;

    if (p->inner)
        ai_unref(p->inner);
}

static void waits_for(void *self, void (*visit)(asyncio_any x, void *arg), void *arg)
{
    const struct proxy *p = self;

    visit(ai_handle(p->inner), arg);
}

/* Ends as the one inside did. */
static void pass_on(struct proxy *p)
{
    struct ai_object *o = &p->sized.object, *inner = p->inner;

    inner->flags |= AI_RETRIEVED;
    if (p->missed)
        ai_finish(o, ai_error_plain(-ECANCELED), false);
    else if (p->timed_out && inner->flags & AI_CANCELLED)
        ai_finish(o, ai_error_plain(-ETIMEDOUT), false);
    else
        ai_finish(o, ai_error_ref(inner->error), ai_result(inner, ai_result_place(o)) == 0);
}

static struct proxy *proxy_new(const struct asyncio_awaitable_type *type, asyncio_any h)
{
    struct ai_object *inner = ai_object_to_take(h);

    if (!inner)
        return NULL;
    struct proxy *p = (struct proxy *)ai_object_new(type, RESULT + ai_result_size(inner));
    if (!p) {
        if (inner->state == AI_UNUSED)
            ai_disown(inner);
        return NULL;
    }
    p->sized.result_size = (uint32_t)ai_result_size(inner);
    p->sized.result_signed = ai_result_signed(inner);
    p->inner = ai_adopt(inner);
    return p;
}

/* Waits for the one inside, whose task has its place in the ready queue reserved. */
static bool watch(struct proxy *p, void (*done)(struct ai_ready *))
{
    if (!ai_ring_reserve(&ai_thread.loop->ready, 1))
        return false;
    p->waiter.ready.run = done;
    ai_ref(&p->sized.object);
    ai_wait_on(p->inner, &p->waiter);
    return true;
}

/* What every waiter's function ends with. */
static void unwatch(struct proxy *p)
{
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
    ai_unref(p->inner);
    ai_unref(&p->sized.object);
}

/* --- wait_for --- */

static void stop_timer(struct proxy *p)
{
    if (p->timer.place >= AI_TIMER_DUE) /* not running, or about to fire, which ends it too */
        return;
    ai_timer_stop(&ai_thread.loop->timers, &p->timer);
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
    ai_unref(&p->sized.object);
}

static void fire(struct ai_ready *ready)
{
    struct proxy *p = ai_container(ready, struct proxy, timer.ready);

    p->timer.place = AI_TIMER_IDLE;
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
    if (p->inner->state != AI_DONE && !p->cancelled) {
        p->timed_out = true;
        ai_cancel(p->inner);
    }
    ai_unref(&p->sized.object);
}

static void inner_done(struct ai_ready *ready)
{
    struct proxy *p = proxy_of((struct ai_waiter *)ready);

    stop_timer(p);
    pass_on(p);
    unwatch(p);
}

static bool start_timer(struct proxy *p)
{
    struct ai_loop *loop = ai_thread.loop;

    if (!ai_ring_reserve(&loop->ready, 1))
        return false;
    if (ai_loop_start_timer(loop, &p->timer, p->timeout)) {
        ai_ring_unreserve(&loop->ready, 1);
        return false;
    }
    ai_ref(&p->sized.object);
    return true;
}

static int wait_for_start(void *self)
{
    struct proxy *p = self;
    struct ai_object *inner = p->inner;
    bool late = !(p->timeout > 0);

    ai_timer_init(&p->timer, fire);
    if (late && inner->state == AI_UNUSED)
        return -ETIMEDOUT; /* it never runs */
    if (!ai_ensure_task(inner))
        return -ENOMEM;
    if (inner->state == AI_DONE) {
        pass_on(p);
        return 0;
    }
    if ((!late && !start_timer(p)) || !watch(p, inner_done)) {
        stop_timer(p);
        ai_cancel(inner);
        return -ENOMEM;
    }
    if (late) {
        p->timed_out = true;
        ai_cancel(inner);
    }
    return 0;
}

/* An outer cancellation outranks the time-out. */
static void wait_for_cancel(void *self)
{
    struct proxy *p = self;

    p->cancelled = true;
    p->timed_out = false;
    p->missed = !ai_cancel(p->inner);
}

static const struct asyncio_awaitable_type wait_for_type = {
    .name = "wait_for",
    .start = wait_for_start,
    .cancel = wait_for_cancel,
    .destroy = destroy,
    .waits_for = waits_for,
    .result_offset = RESULT,
};

asyncio_any asyncio__wait_for(asyncio_any x, double timeout)
{
    struct proxy *p = proxy_new(&wait_for_type, x);

    if (!p)
        return NULL;
    p->timeout = timeout;
    return ai_handle(&p->sized.object);
}

/* --- shield --- */

static void shielded_done(struct ai_ready *ready)
{
    struct proxy *p = proxy_of((struct ai_waiter *)ready);

    if (p->sized.object.state == AI_PENDING)
        pass_on(p);
    unwatch(p);
}

static const struct asyncio_awaitable_type shield_type = {
    .name = "shield",
    .destroy = destroy,
    .waits_for = waits_for,
    .result_offset = RESULT,
};

asyncio_any asyncio__shield(asyncio_any x)
{
    ai_thread_loop("asyncio_shield");
    struct proxy *p = proxy_new(&shield_type, x);

    if (!p)
        return NULL;
    struct ai_object *o = &p->sized.object;
    bool done = p->inner->state == AI_DONE;
    if (!done && (!ai_ensure_task(p->inner) || !watch(p, shielded_done))) {
        ai_disown(o);
        return NULL;
    }
    o->state = AI_PENDING;
    o->flags |= AI_SHARED | AI_ONCE;
    ai_ref(o);
    if (done) /* Python returns the one inside itself */
        pass_on(p);
    return ai_handle(o);
}
