/* shield: keeps a cancellation from the one inside, which is a task of its own. */
#include "task/proxy.h"
#include "task/thread.h"

struct shield {
    struct ai_proxy proxy;
    struct ai_waiter waiter; /* on the one inside */
};

/* Ends as the one inside did. */
static void pass_on(struct shield *s)
{
    struct ai_object *o = &s->proxy.sized.object, *inner = s->proxy.inner;

    inner->flags |= AI_RETRIEVED;
    ai_finish(o, ai_error_ref(inner->error), ai_result(inner, ai_result_place(o)) == 0);
}

static void forget(struct shield *s)
{
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
    ai_unref(&s->proxy.sized.object);
}

static void inner_done(struct ai_ready *ready)
{
    struct shield *s = ai_container(ready, struct shield, waiter.ready);

    if (s->proxy.sized.object.state == AI_PENDING)
        pass_on(s);
    ai_unref(s->proxy.inner); /* the waiter's */
    forget(s);
}

/* Whoever is cancelled watches no more. */
static void cancel(void *self)
{
    struct shield *s = self;
    bool watches = s->proxy.inner->state != AI_DONE;

    if (watches)
        ai_wait_off(s->proxy.inner, &s->waiter);
    asyncio_complete(s, -ECANCELED);
    if (watches)
        forget(s);
}

/* The one inside has its place in the ready queue reserved, and the shield needs one more. */
static bool watch(struct shield *s)
{
    if (!ai_ensure_task(s->proxy.inner) || !ai_ring_reserve(&ai_thread.loop->ready, 1))
        return false;
    s->waiter.ready.run = inner_done;
    ai_ref(&s->proxy.sized.object);
    ai_wait_on(s->proxy.inner, &s->waiter);
    return true;
}

static const struct asyncio_awaitable_type shield_type = {
    .name = "shield",
    .cancel = cancel,
    .destroy = ai_proxy_destroy,
    .waits = &ai_proxy_waits,
    .result_offset = AI_PROXY_RESULT(sizeof(struct shield)),
};

asyncio_any asyncio__shield(asyncio_any x)
{
    ai_thread_loop("asyncio_shield");
    struct shield *s = (struct shield *)ai_proxy_new(&shield_type, ai_object_to_take(x));

    if (!s)
        return NULL;
    struct ai_object *o = &s->proxy.sized.object;
    bool done = s->proxy.inner->state == AI_DONE;
    if (!done && !watch(s)) {
        ai_disown(o);
        return NULL;
    }
    o->state = AI_PENDING;
    o->flags |= AI_SHARED | AI_ONCE;
    ai_ref(o);
    if (done) /* Python returns the one inside itself */
        pass_on(s);
    return ai_handle(o);
}
