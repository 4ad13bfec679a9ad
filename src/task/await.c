/* await: a call for a coroutine, a wait for everything else. */
#include "base/panic.h"
#include "task/diagnose.h"
#include "task/make.h"
#include "task/step.h"
#include "task/switch.h"
#include "task/task.h"
#include "task/thread.h"

static void fail_await(struct ai_task *task, int code)
{
    ai_error_set(&task->error, ai_error_plain(code));
}

/* During the shutdown a cancellation sticks: each further wait of a task that goes on is cancelled
 * too, in a turn of its own so that the others get theirs, until it is given up. */
static void deliver(struct ai_task *task)
{
    task->must_cancel = ai_thread.closing;
    task->ignored += ai_thread.closing;
    ai_error_clear(&task->cancel_message);
}

/* Delivers a cancellation, with its message unless the await failed with one already. */
static __attribute__((noinline, cold)) int cancelled(struct ai_task *task)
{
    if (ai_error_code(task->error) != -ECANCELED) {
        ai_error_set(&task->error, task->cancel_message);
        task->cancel_message = NULL;
    }
    if (!task->error)
        fail_await(task, -ECANCELED);
    deliver(task);
    return -ECANCELED;
}

/* A request that found nothing to cancel finds what the task now waits for. */
static __attribute__((noinline, cold)) void ask_now(struct ai_task *task, struct ai_object *o)
{
    struct ai_error *outer = ai_thread.cancel_message;

    ai_thread.cancel_message = task->cancel_message;
    task->must_cancel = !ai_cancel(o);
    ai_thread.cancel_message = outer;
    if (!task->must_cancel)
        ai_error_clear(&task->cancel_message);
}

/* The end of a wait that came to `code`. */
static inline int awaited(struct ai_task *task, int code)
{
    if (__builtin_expect(code == -ECANCELED, 0) && task->ignored > AI_MOST_IGNORED)
        ai_task_abandon(task);
    return code;
}

static inline void say_waiting(struct ai_task *task, struct ai_object *o)
{
    task->waiting = o;
    task->since = ai_thread.loop->asked;
}

/* Parks until `o`, pending, is done. */
static inline void wait_for(struct ai_task *task, struct ai_object *o)
{
    ai_wait_on(o, &task->waiter);
    say_waiting(task, o);
    if (__builtin_expect(task->must_cancel, 0))
        ask_now(task, o);
    ai_park(&ai_thread, task);
    task->waiting = NULL;
}

/* What an await of a shared object or an operation, which is done, comes to. Drops the reference
 * that waiting took. */
static int outcome(struct ai_task *task, struct ai_object *o, void *result, bool waited)
{
    int code;

    o->flags |= AI_RETRIEVED; /* also by one who is cancelled at the same time */
    if (__builtin_expect(task->must_cancel, 0) && waited) {
        if (ai_error_code(o->error) == -ECANCELED)
            task->error = ai_error_ref(o->error);
        code = cancelled(task);
    } else {
        task->error = ai_error_ref(o->error);
        code = ai_result(o, result);
        if (__builtin_expect(ai_thread.closing, 0) && ai_error_code(o->error) == -ECANCELED)
            code = cancelled(task);
    }
    ai_unref(o);
    return code;
}

static inline int await_pending(struct ai_task *task, struct ai_object *o, void *result)
{
    ai_error_clear(&task->error);
    bool waits = o->state == AI_PENDING;
    if (waits)
        wait_for(task, o);
    else
        ai_ref(o); /* as the wait would have */
    return outcome(task, o, result, waits);
}

static inline int await_operation(struct ai_task *task, struct ai_object *o, void *result)
{
    ai_ref(o); /* past its completion */
    ai_take(o);
    ai_start(o);
    int code = await_pending(task, o, result);
    ai_unref(o);
    return awaited(task, code);
}

static inline int await_shared(struct ai_task *task, struct ai_object *o, void *result)
{
    bool once = o->flags & AI_ONCE;

    if (!(o->flags & AI_SHARED))
        ai_reused(o);
    if (o == &task->root->object)
        ai_panic("RuntimeError: Task cannot await on itself: '%s'", o->type->name);
    int code = await_pending(task, o, result);
    if (once)
        ai_disown(o);
    return awaited(task, code);
}

/* Parks until `o`, which goes on in steps, is woken: whether it is to end. */
static bool await_wake(struct ai_task *task, struct ai_object *o)
{
    struct ai_waiter *w = &task->waiter;

    o->waiters = w->next = w->prev = w;
    say_waiting(task, o);
    if (ai_step_is_woken(o))
        ai_loop_push(ai_thread.loop, &w->ready);
    if (__builtin_expect(task->must_cancel, 0))
        ask_now(task, o);
    ai_park(&ai_thread, task);
    task->waiting = NULL;
    o->waiters = NULL;
    return task->must_cancel | ai_step_begin(o);
}

/* The steps after the first. During the shutdown each further wait is cancelled too, and there
 * comes an end to it: as in cancelled(). */
static __attribute__((noinline)) int further_steps(struct ai_task *task, struct ai_object *o)
{
    int code;

    do {
        bool cancelled = await_wake(task, o);
        if (__builtin_expect(cancelled, 0)) {
            if (task->cancel_message)
                ai_error_set(&o->error, ai_error_ref(task->cancel_message));
            deliver(task);
        }
        code = o->type->step(o, cancelled);
    } while (code == 0 && task->ignored <= AI_MOST_IGNORED);
    if (code > 0)
        ai_error_clear(&o->error); /* it was cancelled, and ended well all the same */
    if (code != 0)
        return code;
    ai_step_give_up(o);
    return -ECANCELED;
}

/* A first step that was not enough: > 0 when one was, or -errno. */
static __attribute__((noinline)) int step_on(struct ai_object *o, int code)
{
    struct ai_task *task = ai_thread.task;

    if (code == 0)
        code = further_steps(task, o);
    if (code < 0)
        task->error = ai_outcome(o, ai_error_plain(code));
    return code;
}

/* How the last await failed is forgotten by the next. */
static __attribute__((noinline, cold)) void clear_error(void)
{
    ai_error_clear(&ai_thread.task->error);
}

/* Something that goes on in steps, awaited. It has been taken. */
static inline int step_through(struct ai_task *task, struct ai_object *o, void *result)
{
    if (__builtin_expect(task->error != NULL, 0))
        clear_error();
    o->ready.run = NULL; /* its flags are left alone: drop_plain() reads the whole word */
    int code = o->type->step(o, false);
    if (__builtin_expect(code <= 0, 0) && (code = step_on(o, code)) < 0)
        return code;
    ai_result_copy(o, result);
    return 0;
}

int ai_await_steps(struct ai_task *task, struct ai_object *o, const struct asyncio__place *place)
{
    max_align_t nothing;

    task->place = place;
    return awaited(task, step_through(task, o, &nothing));
}

/* A coroutine awaited is a call. It has been taken. */
static inline void call(struct ai_coroutine *c, void *result, const struct asyncio__place *place)
{
    struct ai_task *task = ai_thread.task;

    if (__builtin_expect(task->error != NULL, 0))
        clear_error();
    c->place = place;
    c->parent = task->top;
    task->top = c;
    c->object.type->await(c, result);
    task = ai_thread.task;
    task->top = c->parent;
    if (__builtin_expect((uintptr_t)c->object.error | (uintptr_t)task->error, 0))
        task->error = ai_settle(task, c, result);
}

static inline int await_slowly(struct ai_task *task, struct ai_object *o, void *result)
{
    if (o->type->kind > ASYNCIO__COROUTINE)
        ai_panic("TypeError: %s '%s' can't be used in 'await' expression", ai_noun(o->type),
                 o->type->name);
    if (o->state != AI_UNUSED)
        return await_shared(task, o, result);
    if (!o->type->await && !o->type->step)
        return await_operation(task, o, result);
    int code = 0;
    ai_take(o);
    if (o->type->await)
        call(ai_coroutine(o), result, task->place);
    else
        code = step_through(task, o, result);
    o->state = AI_DONE;
    ai_unref(o);
    return awaited(task, code);
}

static __attribute__((noinline)) int await_any(asyncio_any h, void *result,
                                               const struct asyncio__place *place)
{
    struct ai_task *task = ai_thread.task;

    if (!task)
        ai_panic("RuntimeError: await outside of a task%s, in %s() at %s:%d",
                 ai_thread_plain_call() ? " (in a thread, where async functions are plain ones)"
                                        : "",
                 ai_function(place), place->file, place->line);
    task->place = place;
    if (h)
        return await_slowly(task, ai_object(h), result);
    fail_await(task, -ENOMEM);
    return -ENOMEM;
}

/* The same as ai_is_valid(), within a task, whose thread has objects. */
static inline bool is_valid(asyncio_any h)
{
    const struct ai_object *o = asyncio_awaitable_object(h);

    return ai_is_handle(h) && o->handle == (uintptr_t)h &&
           (atomic_load_explicit(&ai_pools, memory_order_relaxed) == 1 ||
            ai_pool_of(o) == &ai_pool);
}

/* One that nobody has used, nor retained. */
static inline bool is_untouched(const struct ai_object *o)
{
    return o->life == ai_life(0, AI_UNUSED, AI_OWNED);
}

/* A task or future under way. */
static inline bool is_awaited_often(const struct ai_object *o)
{
    return o->state == AI_PENDING && (o->flags & (AI_SHARED | AI_ONCE)) == AI_SHARED;
}

/* Taken and let go are written as words of their own: what is known of such an object is not read
 * back, since the next one is likely to be made in the same slot, and would wait for it. */
static inline void drop_plain(struct ai_object *o)
{
    const struct asyncio_awaitable_type *type = o->type;

    if (__builtin_expect(o->life == ai_life(0, AI_PENDING, 0), 1)) {
        if (type->destroy)
            type->destroy(o);
        ai_object_bury(o, ai_handle(o), type->pool_class, type->size);
        return;
    }
    o->state = AI_DONE; /* retained while it ran */
    ai_unref(o);
}

/* What is known before the call is looked up anew after it, which costs less than to keep it. */
static __attribute__((noinline)) int await_call(struct ai_object *o, void *result,
                                                const struct asyncio__place *place)
{
    o->life = ai_life(0, AI_PENDING, 0);
    call(ai_coroutine(o), result, place);
    drop_plain(o);
    return 0;
}

static __attribute__((noinline)) int failed_step(struct ai_object *o, int code)
{
    drop_plain(o);
    return awaited(ai_thread.task, code);
}

int ai_await_step(struct ai_object *o, void *result, const struct asyncio__place *place)
{
    struct ai_task *task = ai_thread.task;

    o->life = ai_life(0, AI_PENDING, 0);
    task->place = place;
    int code = step_through(task, o, result);
    if (__builtin_expect(code, 0))
        return failed_step(o, code);
    drop_plain(o);
    return 0;
}

int ai_await_later(struct ai_object *o, void *result, const struct asyncio__place *place)
{
    o->life = ai_life(0, AI_PENDING, 0);
    o->ready.run = NULL;
    ai_thread.task->place = place;
    int code = step_on(o, 0);
    if (__builtin_expect(code < 0, 0))
        return failed_step(o, code);
    ai_result_copy(o, result);
    drop_plain(o);
    return 0;
}

/* The usual way through await_shared(). */
static __attribute__((noinline)) int await_task(asyncio_any h, void *result,
                                                const struct asyncio__place *place)
{
    struct ai_task *task = ai_thread.task;
    struct ai_object *o = asyncio_awaitable_object(h);

    if (__builtin_expect(task->error || task->must_cancel || o == &task->root->object, 0))
        return await_any(h, result, place);
    task->place = place;
    ai_waiters_append(ai_ref(o), &task->waiter);
    say_waiting(task, o);
    task = ai_park(&ai_thread, task);
    task->waiting = NULL;
    if (__builtin_expect(task->must_cancel || o->error || !(o->flags & AI_VALUE), 0))
        return awaited(task, outcome(task, o, result, true));
    o->flags |= AI_RETRIEVED;
    ai_result_copy(o, result);
    ai_unref(o);
    return 0;
}

static __attribute__((noinline)) int yield_slowly(void *result, const struct asyncio__place *place)
{
    struct ai_task *task = ai_thread.task;

    if (!task)
        return await_any(ASYNCIO__YIELD, result, place);
    ai_error_clear(&task->error);
    return asyncio__yield_turn(result, place);
}

static __attribute__((noinline)) int yielded(struct ai_task *task)
{
    return task->must_cancel ? awaited(task, cancelled(task)) : 0;
}

/* sleep(0), the shortest way from one task to the next. What is rare is left to functions that are
 * jumped to, so that nothing has to be saved here. */
int asyncio__yield_turn(void *result, const struct asyncio__place *place)
{
    struct ai_task *task = ai_thread.task;

    if (__builtin_expect(!task || task->error, 0))
        return yield_slowly(result, place);
    *(int *)result = 0;
    task->place = place;
    ai_loop_push(ai_thread.loop, &task->waiter.ready);
    task = ai_park(&ai_thread, task);
    return __builtin_expect(task->must_cancel, 0) ? yielded(task) : 0;
}

/* Only a fork in the road: each way is a function of its own, so that none pays for what another
 * needs. The object made last needs no checking; it is what most awaits are of. */
static __attribute__((noinline)) int await_other(asyncio_any h, void *result,
                                                 const struct asyncio__place *place)
{
    struct ai_object *o = asyncio_awaitable_object(h);

    if (h == ASYNCIO__YIELD)
        return asyncio__yield_turn(result, place);
    if (!ai_thread.task || !is_valid(h))
        return await_any(h, result, place);
    if (is_untouched(o) && o->type->pool_class) {
        ai_list_unlink(&o->owned);
        return o->type->await ? await_call(o, result, place) : ai_await_step(o, result, place);
    }
    if (is_awaited_often(o))
        return await_task(h, result, place);
    return await_any(h, result, place);
}

int asyncio__await(asyncio_any h, void *result, const struct asyncio__place *place)
{
    struct ai_object *o = asyncio_awaitable_object(h);

    if (h == ai_thread.fresh && h && ai_thread.task && is_untouched(o)) {
        ai_thread.fresh = NULL;
        if (o->type->await)
            return await_call(o, result, place);
        if (o->type->at_once && !ai_thread.task->error)
            return o->type->at_once(o, result, place);
        return ai_await_step(o, result, place);
    }
    return await_other(h, result, place);
}
