/* Into a loop from other threads: its handle, call_soon_threadsafe, run_coroutine_threadsafe. */
#include "base/panic.h"
#include "io/concurrent.h"
#include "task/task.h"
#include "task/thread.h"

#include <string.h>

struct asyncio_loop *asyncio_get_running_loop(void)
{
    ai_thread_loop("asyncio_get_running_loop")->is_known = true;
    return ai_inbox_open(ai_thread.loop);
}

/* --- Callbacks --- */

struct call {
    struct ai_message message;
    void (*function)(void *);
    void *arg;
    ai_scope scope; /* it runs in */
};

static void free_call(struct call *c)
{
    ai_scope_drop(&c->scope);
    ai_deallocate(c, sizeof *c);
}

static void receive_call(struct ai_message *m, bool lost)
{
    struct call *c = ai_container(m, struct call, message);

    if (!lost)
        ai_scope_call(&c->scope, c->function, c->arg);
    free_call(c);
}

static struct call *call_new(void (*function)(void *), void *arg)
{
    struct call *c = ai_allocate(sizeof *c);

    if (!c)
        return NULL;
    *c = (struct call){{.receive = receive_call}, function, arg, NULL};
    if (ai_scope_send(&c->scope))
        return c;
    free_call(c);
    return NULL;
}

int asyncio_call_soon_threadsafe(struct asyncio_loop *loop, void (*function)(void *), void *arg)
{
    /* On the loop's own thread it keeps its place among the callbacks made there, as in Python. */
    if (ai_inbox_is_of(ai_thread.loop, loop))
        return asyncio_call_soon(function, arg) ? 0 : -ENOMEM;
    struct call *c = call_new(function, arg);
    if (!c)
        return -ENOMEM;
    int error = ai_inbox_post(loop, &c->message);
    if (error)
        free_call(c);
    return error;
}

/* --- Coroutines --- */

/* `task` and `waiter` are the loop's thread's. References: one of each message on its way, and one
 * of the task. */
struct remote {
    struct ai_concurrent future;
    struct ai_message start, stop;
    struct ai_object *task; /* while it runs */
    struct ai_waiter waiter;
};

static struct remote *remote_of(struct ai_concurrent *f)
{
    return (struct remote *)f;
}

/* The waiter's own reference to the task goes with it. */
static void task_done(struct ai_ready *ready)
{
    struct remote *r = ai_container(ready, struct remote, waiter.ready);
    struct ai_object *o = r->task;

    r->task = NULL;
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
    o->flags |= AI_RETRIEVED;
    bool has_value = o->flags & AI_VALUE;
    if (has_value && !asyncio_concurrent_done(r))
        ai_result(o, ai_concurrent_result_place(&r->future));
    ai_concurrent_finish(&r->future, ai_error_ref(o->error), has_value);
    ai_unref(o);
    ai_concurrent_unref(&r->future);
}

/* The coroutine as an object of this thread; NULL without memory. */
static struct ai_object *coroutine_anew(const struct ai_concurrent *f)
{
    enum { HEAD = sizeof(struct asyncio_awaitable) };
    asyncio_any h = asyncio__coroutine(f->type, NULL);

    if (!h)
        return NULL;
    struct ai_object *o = ai_object(h);
    memcpy((char *)o + HEAD, (char *)f->frame + HEAD, f->type->size - HEAD);
    return o;
}

/* In the context that was sent, of which the task takes a copy. */
static void start_task(void *self)
{
    struct remote *r = self;
    struct ai_ring *ring = &ai_thread.loop->ready;

    if (!ai_ring_reserve(ring, 1))
        return;
    struct ai_object *o = coroutine_anew(&r->future);
    if (!o || !ai_ensure_task(o)) {
        ai_ring_unreserve(ring, 1);
        if (o)
            ai_disown(o);
        return;
    }
    r->task = o;
    r->waiter.ready.run = task_done;
    ai_wait_on(o, &r->waiter);
    ai_disown(o);
}

static void receive_start(struct ai_message *m, bool lost)
{
    struct remote *r = ai_container(m, struct remote, start);

    if (!lost && !asyncio_concurrent_done(r)) {
        ai_scope_call(&r->future.scope, start_task, r);
        ai_scope_drop(&r->future.scope);
        if (r->task)
            return; /* the reference is the task's */
        ai_concurrent_finish(&r->future, ai_error_plain(-ENOMEM), false);
    }
    ai_concurrent_finish(&r->future, ai_error_plain(-ECANCELED), false);
    ai_concurrent_unref(&r->future);
}

static void receive_stop(struct ai_message *m, bool lost)
{
    struct remote *r = ai_container(m, struct remote, stop);

    if (!lost && r->task)
        ai_cancel(r->task);
    ai_concurrent_unref(&r->future);
}

static void post(struct remote *r, struct ai_message *m)
{
    ai_concurrent_ref(&r->future);
    if (ai_inbox_post(r->future.loop, m) == 0)
        return;
    ai_concurrent_finish(&r->future, ai_error_plain(-ESHUTDOWN), false);
    ai_concurrent_unref(&r->future);
}

static void stop(struct ai_concurrent *f)
{
    post(remote_of(f), &remote_of(f)->stop);
}

void *asyncio__run_coroutine_threadsafe(asyncio_any h, struct asyncio_loop *loop)
{
    if (!h)
        return NULL;
    struct remote *r = ai_concurrent_send(ai_coroutine_to_send(h), sizeof *r);
    if (!r)
        return NULL;
    r->future.loop = loop;
    r->future.cancelled = stop;
    r->start.receive = receive_start;
    r->stop.receive = receive_stop;
    post(r, &r->start);
    return r;
}
