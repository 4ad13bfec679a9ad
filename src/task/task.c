#include "task/task.h"

#include "base/panic.h"
#include "task/diagnose.h"
#include "task/thread.h"

#include <string.h>

/* --- Switching --- */

static inline struct ai_task *task_of(struct ai_ready *ready)
{
    return ai_container(ready, struct ai_task, waiter.ready);
}

/* What will run soon is fetched in two steps: the record some places ahead, then, with the record
 * there, the top of the stack it points to. A few tasks are in the cache anyway. (Always inlined:
 * gcc takes a function that only prefetches for one that does nothing.) */
static inline __attribute__((always_inline)) void prefetch(const struct ai_ring *ring)
{
    enum { FEW = 16, FAR = 8, NEAR = 3 };

    if (__builtin_expect(ai_ring_count(ring) < FEW, 1))
        return;
    __builtin_prefetch(ai_ring_peek(ring, FAR));
#ifndef AI_CONTEXT_UCONTEXT
    struct ai_ready *near = ai_ring_peek(ring, NEAR);
    if (near->run == ai_task_resume) {
        __builtin_prefetch(task_of(near)->context.sp);
        __builtin_prefetch((char *)task_of(near)->context.sp + 64);
        __builtin_prefetch((char *)task_of(near)->context.sp + 128);
    }
#endif
}

static struct ai_task *start(struct ai_ready *ready);

static inline struct ai_context *go_on_with(struct ai_thread *thread, struct ai_ready *ready)
{
    ai_loop_take(thread->loop);
    prefetch(&thread->loop->ready);
    thread->task = task_of(ready);
    return &thread->task->context;
}

static __attribute__((noinline)) struct ai_context *next_context_slowly(struct ai_thread *thread)
{
    struct ai_ready *ready;

    while ((ready = ai_loop_next(thread->loop))) {
        if (ready->run == ai_task_resume)
            return go_on_with(thread, ready);
        if (ready->run != ai_task_start)
            break;
        ai_loop_take(thread->loop);
        if ((thread->task = start(ready)))
            return &thread->task->context;
    }
    thread->task = NULL;
    return &thread->loop->hub;
}

/* Where a task that parks or ends goes: to the next in line, or else to the hub. */
static inline struct ai_context *next_context(struct ai_thread *thread)
{
    struct ai_ready *ready = ai_loop_next(thread->loop);

    if (__builtin_expect(ready && ready->run == ai_task_resume, 1))
        return go_on_with(thread, ready);
    return next_context_slowly(thread);
}

/* errno belongs to the task. The next one may be this task itself: then the switch leads right
 * back. Returns the task, for callers that would have to keep it in a register meanwhile. */
static inline struct ai_task *park(struct ai_thread *thread, struct ai_task *task)
{
    struct ai_context *next = next_context(thread);

    task->saved_errno = *thread->errno_place;
#ifdef AI_SANITIZED
    if (next == &task->context)
        return task;
#endif
    ai_context_switch(&task->context, next);
    task = ai_thread.task;
    *ai_thread.errno_place = task->saved_errno;
    return task;
}

void ai_task_resume(struct ai_ready *ready)
{
    struct ai_thread *thread = &ai_thread;

    thread->task = task_of(ready);
    ai_context_switch(&thread->loop->hub, &thread->task->context);
}

/* --- Life --- */

struct ai_error *ai_settle(struct ai_task *task, struct ai_coroutine *c, const void *result)
{
    struct ai_object *o = &c->object;
    struct ai_error *error = o->error, *last = task->error;
    int code = ai_error_code(last);

    task->error = NULL;
    o->error = NULL;
    if (error) {
        ai_error_unref(last);
        return error;
    }
    bool passed_on = ai_result_signed(o) ? ai_result_integer(o, result) == code
                                         : code == -ECANCELED && ai_result_empty(o, result);
    if (passed_on)
        return last;
    ai_error_unref(last);
    return NULL;
}

/* Ends the task; returns what to go on with. That may need a stack: not the one this still runs on,
 * so stacks are given back only after this. */
static inline struct ai_context *conclude(struct ai_task *task, struct ai_error *error)
{
    struct ai_coroutine *root = task->root;

    root->task = NULL;
    if (!ai_list_empty(&task->owned))
        ai_disown_all(&task->owned);
    ai_complete(&root->object, error);
    return next_context(&ai_thread);
}

static void end(struct ai_task *task, struct ai_error *error)
{
    struct ai_stack stack = task->stack;
    struct ai_context *next = conclude(task, error);

    ai_stack_give(&ai_thread.stacks, &stack);
    ai_context_leave(&task->context, next);
}

static void run_root(void *arg)
{
    struct ai_task *task = arg;
    struct ai_coroutine *root = task->root;
    struct ai_error *error = NULL;
    void *result = ai_result_place(&root->object);

    root->object.type->await(root, result);
    if (ai_thread.task != task)
        ai_panic("RuntimeError: coroutine '%s' returned in a forked child, which is outside of its "
                 "parent's loop: leave it by _exit() or exec()",
                 root->object.type->name);
    root->object.flags |= AI_VALUE;
    if (__builtin_expect(root->object.error || task->error, 0))
        error = ai_settle(task, root, result);
    if (__builtin_expect(task->must_cancel, 0) && !error && !ai_thread.closing) {
        root->object.flags &= (uint8_t)~AI_VALUE; /* it ended before its next await */
        error = ai_error_plain(-ECANCELED);
    }
    end(task, error);
}

/* The task record at the top of a fresh stack. */
static struct ai_task *place_task(const struct ai_stack *stack, struct ai_coroutine *root)
{
    struct ai_task *task =
        (struct ai_task *)((uintptr_t)(stack->high - sizeof *task) & ~(uintptr_t)63);

    task->waiter.ready.run = ai_task_resume;
    task->error = NULL;
    task->place = NULL;
    task->waiting = NULL;
    task->must_cancel = false;
    task->ignored = 0;
    task->root = task->top = root;
    task->stack = *stack;
    ai_list_init(&task->owned);
    ai_list_init(&task->generators);
    ai_context_init(&task->context, stack->low, task, run_root, task);
    root->task = task;
    root->place = NULL;
    return task;
}

/* The task of a coroutine object that was scheduled, ready to run; NULL if it is over already. */
static struct ai_task *start(struct ai_ready *ready)
{
    struct ai_object *o = ai_container(ready, struct ai_object, ready);
    struct ai_stack stack;

    if (o->flags & AI_MUST_CANCEL || ai_thread.closing)
        ai_complete(o, ai_error_plain(-ECANCELED));
    else if (!ai_stack_take(&ai_thread.stacks, &stack))
        ai_complete(o, ai_error_plain(-ENOMEM));
    else
        return place_task(&stack, ai_coroutine(o));
    return NULL;
}

void ai_task_start(struct ai_ready *ready)
{
    struct ai_task *task = start(ready);

    if (task)
        ai_task_resume(&task->waiter.ready);
}

/* Coroutines between the root and the top were taken by their awaits, which will not end. */
static void free_chain(struct ai_task *task)
{
    for (struct ai_coroutine *c = task->top, *parent; c != task->root; c = parent) {
        parent = c->parent;
        if (c->object.type->kind != ASYNCIO__GENERATOR)
            ai_unref(&c->object);
    }
}

/* On the task's own stack or a generator's, which it leaves for good. Only after a wait is over, so
 * that nothing refers to the task. */
static void abandon(struct ai_task *task)
{
    struct ai_stack stack = task->stack;

    ai_report_destroyed_pending(&task->root->object);
    free_chain(task);
    ai_error_clear(&task->error);
    struct ai_context *next = conclude(task, ai_error_plain(-ECANCELED));
    ai_generators_abandon(task);
    ai_stack_give(&ai_thread.stacks, &stack);
    ai_context_leave(&task->context, next);
}

/* --- Await --- */

static void fail_await(struct ai_task *task, int code)
{
    ai_error_set(&task->error, ai_error_plain(code));
}

/* Delivers a cancellation. During the shutdown it sticks: each further wait of a task that goes on
 * is cancelled too, in a turn of its own so that the others get theirs, until it is given up. */
static __attribute__((noinline, cold)) int cancelled(struct ai_task *task)
{
    task->must_cancel = ai_thread.closing;
    task->ignored += ai_thread.closing;
    fail_await(task, -ECANCELED);
    return -ECANCELED;
}

/* The end of a wait that came to `code`. */
static inline int awaited(struct ai_task *task, int code)
{
    if (__builtin_expect(code == -ECANCELED, 0) && task->ignored > AI_MOST_IGNORED)
        abandon(task);
    return code;
}

/* sleep(0) */
static __attribute__((noinline)) int yield(struct ai_task *task, int *result,
                                           const struct asyncio__place *place)
{
    struct ai_thread *thread = &ai_thread;

    *result = 0;
    task->place = place;
    ai_error_clear(&task->error);
    ai_loop_push(thread->loop, &task->waiter.ready);
    task = park(thread, task);
    return __builtin_expect(task->must_cancel, 0) ? awaited(task, cancelled(task)) : 0;
}

/* Parks until `o`, pending, is done. */
static inline void wait_for(struct ai_task *task, struct ai_object *o)
{
    ai_wait_on(o, &task->waiter);
    task->waiting = o;
    if (__builtin_expect(task->must_cancel, 0))
        task->must_cancel = !ai_cancel(o);
    park(&ai_thread, task);
    task->waiting = NULL;
}

static inline int await_pending(struct ai_task *task, struct ai_object *o, void *result)
{
    ai_error_clear(&task->error);
    bool waits = o->state == AI_PENDING;
    if (waits)
        wait_for(task, o);
    else
        ai_ref(o); /* as the wait would have */
    int code;
    if (__builtin_expect(task->must_cancel, 0) && waits) {
        code = cancelled(task);
    } else {
        o->flags |= AI_RETRIEVED;
        task->error = ai_error_ref(o->error);
        code = ai_result(o, result);
        if (__builtin_expect(ai_thread.closing, 0) && ai_error_code(o->error) == -ECANCELED)
            code = cancelled(task);
    }
    ai_unref(o);
    return code;
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

/* A coroutine awaited is a call. It has been taken. */
static inline void call(struct ai_task *task, struct ai_coroutine *c, void *result,
                        const struct asyncio__place *place)
{
    struct ai_coroutine *parent = task->top;

    ai_error_clear(&task->error);
    c->place = place;
    c->parent = parent;
    task->top = c;
    c->object.type->await(c, result);
    task->top = parent;
    if (__builtin_expect((uintptr_t)c->object.error | (uintptr_t)task->error, 0))
        task->error = ai_settle(task, c, result);
}

static inline int await_slowly(struct ai_task *task, struct ai_object *o, void *result)
{
    if (o->state != AI_UNUSED)
        return await_shared(task, o, result);
    if (o->type->kind > ASYNCIO__COROUTINE)
        ai_panic("TypeError: %s '%s' can't be used in 'await' expression", ai_noun(o->type),
                 o->type->name);
    if (!o->type->await)
        return await_operation(task, o, result);
    ai_take(o);
    call(task, ai_coroutine(o), result, task->place);
    o->state = AI_DONE;
    ai_unref(o);
    return 0;
}

static __attribute__((noinline)) int await_any(asyncio_any h, void *result,
                                               const struct asyncio__place *place)
{
    struct ai_task *task = ai_thread.task;

    if (!task)
        ai_panic("RuntimeError: await outside of a task, in %s() at %s:%d", ai_function(place),
                 place->file, place->line);
    task->place = place;
    if (h)
        return await_slowly(task, ai_object(h), result);
    fail_await(task, -ENOMEM);
    return -ENOMEM;
}

/* Whether the handle names a coroutine of this thread, made by async(), that nobody has used: all
 * that a call can do without asking further. */
static inline bool is_plain_call(asyncio_any h)
{
    const struct ai_object *o = asyncio_awaitable_object(h);

    return ai_is_handle(h) && o->handle == (uintptr_t)h &&
           o->life == ai_life(1, AI_UNUSED, AI_OWNED) && ai_pool_of(o) == &ai_pool &&
           o->type->pool_class;
}

/* One of which nobody else knows. What is known of it is not read back: the next one is likely to
 * be made in the same slot, and would wait for it. */
static __attribute__((noinline)) int await_call(struct ai_task *task, asyncio_any h, void *result,
                                                const struct asyncio__place *place)
{
    struct ai_object *o = asyncio_awaitable_object(h);
    struct ai_list *next = o->owned.next, *prev = o->owned.prev;

    next->prev = prev;
    prev->next = next;
    o->life = ai_life(1, AI_PENDING, 0);
    call(task, ai_coroutine(o), result, place);
    if (__builtin_expect(o->life == ai_life(1, AI_PENDING, 0), 1)) {
        ai_object_bury(o, h, o->type->pool_class, o->type->size);
        return 0;
    }
    o->state = AI_DONE; /* retained while it ran */
    ai_unref(o);
    return 0;
}

/* Only a fork in the road: each way is a function of its own, so that none pays for what another
 * needs. */
int asyncio__await(asyncio_any h, void *result, const struct asyncio__place *place)
{
    struct ai_task *task = ai_thread.task;

    if (__builtin_expect(!task, 0))
        return await_any(h, result, place);
    if (h == ai_thread.yield_handle)
        return yield(task, result, place);
    if (is_plain_call(h))
        return await_call(task, h, result, place);
    return await_any(h, result, place);
}

/* --- What the user asks of tasks --- */

asyncio_any asyncio_current_task(void)
{
    return ai_thread.task ? ai_handle(&ai_thread.task->root->object) : NULL;
}

int asyncio_raise(int error, const char *format, ...)
{
    struct ai_task *task = ai_thread.task;

    if (error >= 0)
        ai_panic("asyncio_raise(%d): an error is negative", error);
    if (task) {
        va_list args;
        va_start(args, format);
        ai_error_set(&task->top->object.error, ai_error_new(error, format, args));
        va_end(args);
    }
    return error;
}

static const struct ai_error *last_error(void)
{
    return ai_thread.task ? ai_thread.task->error : ai_thread.error;
}

int asyncio_error(void)
{
    return ai_error_code(last_error());
}

const char *asyncio_error_message(void)
{
    return ai_error_message(last_error());
}
