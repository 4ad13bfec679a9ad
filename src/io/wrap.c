/* See wrap.h. Here are asyncio_wrap_future(), asyncio_to_thread() and asyncio_run_in_executor().
 *
 * The operation and its wait are two, since either may be over first: cancelled, the operation ends
 * at once while the wait may be on its way as a message already. While both are there each knows
 * the other. */
#include "io/wrap.h"

#include "io/executor.h"
#include "io/running.h"
#include "task/task.h"
#include "task/thread.h"

struct wrap {
    struct ai_sized sized;
    struct ai_concurrent *future;
    struct wait *wait; /* from its start to its end */
    struct ai_list link;
    struct asyncio_executor *executor; /* NULL: the default one */
    bool submits;
};

struct wait {
    struct ai_wait base;
    struct wrap *wrap; /* NULL: cancelled */
    struct ai_concurrent *future;
};

enum { RESULT = (sizeof(struct wrap) + 15) & ~15 };

/* Those that have started and not ended; linked when the first of this thread starts. */
static _Thread_local struct ai_list started;

/* --- What runs in the executor --- */

static void call_body(void *self)
{
    struct ai_concurrent *f = self;

    f->type->await(f->frame, ai_concurrent_result_place(f));
}

static struct ai_error *call_plainly(struct ai_concurrent *f)
{
    struct ai_thread *thread = &ai_thread;
    struct ai_task *task = thread->task; /* there is one where submit() calls it right away */
    struct ai_plain_call call = {.loop = thread->loop}, *outer = thread->plain_call;

    thread->task = NULL;
    thread->plain_call = &call;
    ai_scope_call(&f->scope, call_body, f);
    ai_scope_drop(&f->scope);
    thread->plain_call = outer;
    thread->task = task;
    return call.error;
}

static void run(void *arg)
{
    struct ai_concurrent *f = arg;
    struct ai_running call;

    if (ai_concurrent_begin(f)) {
        ai_running_begin(&call, f->type->name, f->owner);
        struct ai_error *error = call_plainly(f);
        ai_running_end(&call);
        ai_concurrent_finish(f, error, true);
    }
    ai_concurrent_unref(f);
}

static int submit(struct wrap *w)
{
    struct asyncio_executor *executor = w->executor;
    int error = executor ? 0 : ai_default_executor(&executor);

    if (error)
        return error;
    ai_concurrent_ref(w->future);
    error = executor->submit(executor, run, w->future);
    if (error)
        ai_concurrent_unref(w->future);
    return error;
}

/* --- The wait --- */

static void free_wait(struct wait *wait)
{
    ai_concurrent_unref(wait->future);
    ai_deallocate(wait, sizeof *wait);
}

static void expect(const struct wrap *w, int change)
{
    struct ai_loop *loop = ai_thread.loop;
    bool own = w->future->loop && w->future->loop == w->wait->base.loop;

    if (!own)
        ai_loop_expect(loop, change);
}

/* Parts the two, the wait being received or off. */
static void end_wait(struct wrap *w)
{
    expect(w, -1);
    w->wait->wrap = NULL;
    w->wait = NULL;
    ai_list_remove(&w->link);
}

static void pass_on(struct wrap *w)
{
    struct ai_concurrent *f = w->future;
    struct ai_object *o = &w->sized.object;

    if (f->has_value)
        __builtin_memcpy(ai_result_place(o), ai_concurrent_result_place(f), f->type->result_size);
    ai_finish(o, ai_error_ref(f->error), f->has_value);
}

static void receive(struct ai_message *m, bool lost)
{
    struct wait *wait = ai_container(m, struct wait, base.message);
    struct wrap *w = wait->wrap;
    (void)lost; /* the loop's end has cancelled who waited */

    if (w) {
        end_wait(w);
        pass_on(w);
    }
    free_wait(wait);
}

static struct wait *wait_new(struct wrap *w)
{
    struct asyncio_loop *loop = ai_inbox_open(ai_thread.loop);
    struct wait *wait = loop ? ai_allocate(sizeof *wait) : NULL;

    if (!wait)
        return NULL;
    wait->base.message.receive = receive;
    wait->base.loop = loop;
    wait->wrap = w;
    wait->future = ai_concurrent_ref(w->future);
    ai_list_init(&wait->base.link);
    return wait;
}

static void drop_wait(struct wrap *w)
{
    struct wait *wait = w->wait;

    end_wait(w);
    if (ai_concurrent_wait_off(w->future, &wait->base))
        free_wait(wait);
}

/* --- The operation --- */

static void begin_wait(struct wrap *w, struct wait *wait)
{
    if (!started.next)
        ai_list_init(&started);
    ai_list_append(&started, &w->link);
    w->wait = wait;
    expect(w, +1);
    ai_executor_end_later();
}

/* submit() is anybody's, and may have ended this very operation. */
static int submit_waiting(struct wrap *w)
{
    struct ai_object *o = ai_ref(&w->sized.object);
    int error = submit(w);

    if (!w->wait)
        error = 0;
    else if (error)
        drop_wait(w);
    ai_unref(o);
    return error;
}

static int start(void *self)
{
    struct wrap *w = self;
    struct wait *wait = wait_new(w);

    if (!wait)
        return ai_thread.closing ? -ECANCELED : -ENOMEM;
    if (!ai_concurrent_wait_on(w->future, &wait->base)) { /* it is done */
        free_wait(wait);
        pass_on(w);
        return 0;
    }
    begin_wait(w, wait);
    return w->submits ? submit_waiting(w) : 0;
}

static void cancel(void *self)
{
    struct wrap *w = self;

    drop_wait(w);
    asyncio_concurrent_cancel(w->future);
    asyncio_complete(w, -ECANCELED);
}

static void destroy(void *self)
{
    ai_concurrent_unref(((struct wrap *)self)->future);
}

static const struct asyncio_awaitable_type wrap_type = {
    .name = "wrap_future",
    .start = start,
    .cancel = cancel,
    .destroy = destroy,
    .result_offset = RESULT,
};

static const struct asyncio_awaitable_type call_type = {
    .name = "to_thread",
    .start = start,
    .cancel = cancel,
    .destroy = destroy,
    .result_offset = RESULT,
};

struct ai_object *ai_wrap_new(struct ai_concurrent *f, bool submits,
                              struct asyncio_executor *executor)
{
    const struct asyncio_awaitable_type *type = submits ? &call_type : &wrap_type;
    struct ai_object *o = f ? ai_object_new(type, RESULT + f->type->result_size) : NULL;

    if (!o) {
        asyncio_concurrent_release(f);
        return NULL;
    }
    struct wrap *w = (struct wrap *)o;
    w->sized.result_size = f->type->result_size;
    w->sized.result_signed = f->type->result_signed;
    w->future = f;
    w->submits = submits;
    if (submits)
        f->owner = &started;
    w->executor = executor;
    return o;
}

asyncio_any ai_wrap_start(struct ai_object *o)
{
    if (!o)
        return NULL;
    o->state = AI_PENDING;
    o->flags |= AI_SHARED | AI_ONCE;
    ai_ref(o);
    ai_start(o);
    return ai_handle(o);
}

void ai_wraps_cancel(void)
{
    while (started.next && !ai_list_empty(&started))
        cancel(ai_container(started.next, struct wrap, link));
}

void ai_wraps_say(void)
{
    ai_running_say(&started);
}

void ai_wraps_forget(void)
{
    started.next = NULL;
}

/* --- The public functions --- */

static asyncio_any handle(struct ai_object *o)
{
    return o ? ai_handle(o) : NULL;
}

asyncio_any asyncio__to_thread(asyncio_any h)
{
    if (!h)
        return NULL;
    struct ai_concurrent *f = ai_concurrent_send(ai_coroutine_to_send(h), sizeof *f);
    return handle(ai_wrap_new(f, true, NULL));
}

/* Its context is not passed on, as in Python. */
asyncio_any asyncio__run_in_executor(asyncio_any h, struct asyncio_executor *executor)
{
    ai_thread_loop("asyncio_run_in_executor");
    if (!h)
        return NULL;
    struct ai_concurrent *f = ai_concurrent_new(ai_coroutine_to_send(h), sizeof *f);
    return ai_wrap_start(ai_wrap_new(f, true, executor));
}

asyncio_any asyncio__wrap_future(void *f)
{
    return f ? handle(ai_wrap_new(ai_concurrent_ref(f), false, NULL)) : NULL;
}
