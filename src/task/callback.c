/* Callbacks on the hub: call_soon, call_later, call_at, and what is to be called when something is
 * done.
 *
 * A handle is an object like any other, so that one whose callback has run is told by its
 * generation. It is the loop's, in `callbacks` until it has run or was cancelled; what a loop
 * leaves behind is dropped when it ends. */
#include "task/callback.h"

#include "base/panic.h"
#include "task/diagnose.h"
#include "task/thread.h"

struct callback {
    struct ai_object object; /* its `ready` runs it; `tasks` links it in the thread's callbacks */
    void (*function)(void *);
    void *arg;
    ai_scope scope; /* it runs in */
    struct ai_timer timer;
    int64_t when; /* 0 without a timer */
    bool cancelled;
};

struct done_callback {
    struct ai_waiter waiter;
    struct ai_list link;
    struct ai_object *object;
    asyncio_done_callback *function;
    void *arg;
    ai_scope scope;
};

static const struct asyncio_awaitable_type callback_type = {
    .name = "callback",
    .kind = ASYNCIO__CALLBACK,
    .size = sizeof(struct callback),
};

static void drop(struct callback *c)
{
    ai_list_remove(&c->object.tasks);
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
    ai_scope_drop(&c->scope);
    c->object.state = AI_DONE;
    ai_unref(&c->object);
}

static void run(struct callback *c)
{
    if (!c->cancelled)
        ai_scope_call(&c->scope, c->function, c->arg);
    drop(c);
}

static void run_soon(struct ai_ready *ready)
{
    run(ai_container(ready, struct callback, object.ready));
}

static void run_timer(struct ai_ready *ready)
{
    run(ai_container(ready, struct callback, timer.ready));
}

static struct callback *callback_new(void (*function)(void *), void *arg)
{
    struct ai_loop *loop = ai_thread.loop;
    struct callback *c;

    if (!loop || !ai_ring_reserve(&loop->ready, 1))
        return NULL;
    if (!(c = (struct callback *)ai_object_new(&callback_type, sizeof *c))) {
        ai_ring_unreserve(&loop->ready, 1);
        return NULL;
    }
    ai_take(&c->object); /* from its maker: it is the loop's */
    c->function = function;
    c->arg = arg;
    c->scope = ai_scope_copy();
    c->object.ready.run = run_soon;
    ai_timer_init(&c->timer, run_timer);
    ai_list_append(&ai_thread.callbacks, &c->object.tasks);
    return c;
}

struct asyncio_handle *asyncio_call_soon(void (*function)(void *), void *arg)
{
    struct callback *c = callback_new(function, arg);

    if (!c)
        return NULL;
    ai_loop_push(ai_thread.loop, &c->object.ready);
    return ai_handle(&c->object);
}

static struct asyncio_handle *call_at(int64_t deadline, void (*function)(void *), void *arg)
{
    struct callback *c = callback_new(function, arg);

    if (!c)
        return NULL;
    c->when = deadline;
    if (ai_timer_start(&ai_thread.loop->timers, &c->timer, deadline)) {
        drop(c);
        return NULL;
    }
    return ai_handle(&c->object);
}

struct asyncio_handle *asyncio_call_later(double delay, void (*function)(void *), void *arg)
{
    struct ai_loop *loop = ai_thread.loop;

    return loop ? call_at(ai_loop_now(loop) + ai_nanoseconds(delay), function, arg) : NULL;
}

struct asyncio_handle *asyncio_call_at(double when, void (*function)(void *), void *arg)
{
    return call_at(ai_nanoseconds(when), function, arg);
}

/* What the handle still names, or NULL. */
static struct callback *callback_of(struct asyncio_handle *handle)
{
    struct ai_object *o = ai_object_if_any(handle);

    return o && o->type == &callback_type ? (struct callback *)o : NULL;
}

double asyncio_handle_when(struct asyncio_handle *handle)
{
    struct callback *c = callback_of(handle);

    return c ? (double)c->when / 1e9 : 0;
}

void asyncio_handle_cancel(struct asyncio_handle *handle)
{
    struct callback *c = callback_of(handle);

    if (!c || c->cancelled)
        return;
    c->cancelled = true;
    if (c->timer.place < AI_TIMER_DUE) {
        ai_timer_stop(&ai_thread.loop->timers, &c->timer);
        drop(c);
    }
}

/* --- When something is done --- */

static void done_callback_free(struct done_callback *d)
{
    ai_list_remove(&d->link);
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
    ai_scope_drop(&d->scope);
    ai_deallocate(d, sizeof *d);
}

static void call_back(void *self)
{
    struct done_callback *d = self;

    d->function(ai_handle(d->object), d->arg);
}

static void run_done_callback(struct ai_ready *ready)
{
    struct done_callback *d = ai_container(ready, struct done_callback, waiter.ready);
    struct ai_object *o = d->object;

    if (d->function)
        ai_scope_call(&d->scope, call_back, d);
    done_callback_free(d);
    ai_unref(o);
}

int asyncio_add_done_callback(asyncio_any h, asyncio_done_callback *function, void *arg)
{
    struct ai_object *o = ai_object(h);
    struct ai_loop *loop = ai_thread_loop("asyncio_add_done_callback");

    if (!(o->flags & AI_SHARED))
        ai_panic("TypeError: a task or future was expected, got %s '%s'", ai_noun(o->type),
                 o->type->name);
    if (!ai_ring_reserve(&loop->ready, 1))
        return -ENOMEM;
    struct done_callback *d = ai_allocate(sizeof *d);
    if (!d) {
        ai_ring_unreserve(&loop->ready, 1);
        return -ENOMEM;
    }
    *d = (struct done_callback){.waiter.ready.run = run_done_callback,
                                .object = o,
                                .function = function,
                                .arg = arg,
                                .scope = ai_scope_copy()};
    ai_list_append(&ai_thread.done_callbacks, &d->link);
    ai_wait_on(o, &d->waiter);
    return 0;
}

/* Those on their way to run are told to do nothing. */
int asyncio_remove_done_callback(asyncio_any h, asyncio_done_callback *function)
{
    struct ai_object *o = ai_object(h);
    int removed = 0;

    ai_list_each (node, &ai_thread.done_callbacks) {
        struct done_callback *d = ai_container(node, struct done_callback, link);
        if (d->object != o || d->function != function)
            continue;
        removed++;
        d->function = NULL;
        if (o->state != AI_DONE) {
            ai_wait_off(o, &d->waiter);
            done_callback_free(d);
        }
    }
    return removed;
}

const void *ai_callback_function(const struct ai_ready *ready)
{
    struct ai_ready *r = (struct ai_ready *)ready;
    void (*function)(void *) = NULL;
    asyncio_done_callback *done = NULL;

    if (r->run == run_soon)
        function = ai_container(r, struct callback, object.ready)->function;
    else if (r->run == run_timer)
        function = ai_container(r, struct callback, timer.ready)->function;
    else if (r->run == run_done_callback)
        done = ai_container(r, struct done_callback, waiter.ready)->function;
    return function ? *(void **)&function : done ? *(void **)&done : *(void **)&r->run;
}

void ai_callbacks_silence(void)
{
    ai_list_each (node, &ai_thread.callbacks)
        ai_container(node, struct callback, object.tasks)->cancelled = true;
    ai_list_each (node, &ai_thread.done_callbacks)
        ai_container(node, struct done_callback, link)->function = NULL;
}

void ai_callbacks_drop(void)
{
    while (!ai_list_empty(&ai_thread.callbacks))
        drop(ai_container(ai_thread.callbacks.next, struct callback, object.tasks));
    while (!ai_list_empty(&ai_thread.done_callbacks)) {
        struct done_callback *d =
            ai_container(ai_thread.done_callbacks.next, struct done_callback, link);
        struct ai_object *o = d->object;
        if (o->state != AI_DONE)
            ai_wait_off(o, &d->waiter);
        else
            ai_unref(o);
        done_callback_free(d);
    }
}
