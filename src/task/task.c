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
 * there, the top of the stack it points to. */
static inline void prefetch(const struct ai_ring *ring)
{
    __builtin_prefetch(ai_ring_peek(ring, 4));
#ifndef AI_CONTEXT_UCONTEXT
    struct ai_ready *near = ai_ring_peek(ring, 1);
    if (ai_ring_count(ring) > 1 && near->run == ai_task_resume) {
        __builtin_prefetch(task_of(near)->context.sp);
        __builtin_prefetch((char *)task_of(near)->context.sp + 64);
    }
#endif
}

static inline struct ai_context *next_context(struct ai_thread *thread)
{
    struct ai_loop *loop = thread->loop;
    struct ai_ready *ready = ai_loop_next(loop, ai_task_resume);

    if (!ready) {
        thread->task = NULL;
        return &loop->hub;
    }
    prefetch(&loop->ready);
    thread->task = task_of(ready);
    return &thread->task->context;
}

void ai_park(struct ai_task *task)
{
    struct ai_context *next = next_context(&ai_thread);
    int saved = errno;

    if (next != &task->context) {
        ai_context_switch(&task->context, next);
        errno = saved;
    }
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

static void finish(struct ai_task *task, struct ai_error *error)
{
    struct ai_coroutine *root = task->root;

    root->task = NULL;
    ai_disown_all(&task->owned);
    ai_stack_give(&ai_thread.stacks, &task->stack);
    ai_complete(&root->object, error);
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
    finish(task, error);
    ai_context_leave(&task->context, next_context(&ai_thread));
}

/* The task record at the top of a fresh stack. */
static struct ai_task *place_task(const struct ai_stack *stack, struct ai_coroutine *root)
{
    struct ai_task *task =
        (struct ai_task *)((uintptr_t)(stack->high - sizeof *task) & ~(uintptr_t)63);

    *task = (struct ai_task){.waiter.ready.run = ai_task_resume, .root = root, .top = root};
    task->stack = *stack;
    ai_list_init(&task->owned);
    ai_list_init(&task->generators);
    ai_context_init(&task->context, stack->low, task, run_root, task);
    root->task = task;
    root->place = NULL;
    return task;
}

void ai_task_start(struct ai_ready *ready)
{
    struct ai_object *o = ai_container(ready, struct ai_object, ready);
    struct ai_stack stack;

    if (o->flags & AI_MUST_CANCEL || ai_thread.closing)
        ai_complete(o, ai_error_plain(-ECANCELED));
    else if (!ai_stack_take(&ai_thread.stacks, &stack))
        ai_complete(o, ai_error_plain(-ENOMEM));
    else
        ai_task_resume(&place_task(&stack, ai_coroutine(o))->waiter.ready);
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

/* On the task's own stack, which it leaves for good. */
_Noreturn static void abandon(struct ai_task *task)
{
    ai_report_destroyed_pending(&task->root->object);
    free_chain(task);
    ai_generators_abandon(task);
    ai_error_set(&task->error, NULL);
    finish(task, ai_error_plain(-ECANCELED));
    ai_context_leave(&task->context, next_context(&ai_thread));
}

/* --- Await --- */

static void fail_await(struct ai_task *task, int code)
{
    ai_error_set(&task->error, ai_error_plain(code));
}

/* A cancellation that arrived while it was parked, or during the shutdown any further wait. */
static bool cancellation_due(struct ai_task *task)
{
    struct ai_object *root = &task->root->object;

    if (__builtin_expect(!(root->flags & AI_MUST_CANCEL), 1))
        return false;
    root->flags &= (uint8_t)~AI_MUST_CANCEL;
    return true;
}

/* Waits in vain for ever during the shutdown: every wait of a task that goes on is cancelled again,
 * in a turn of its own, so that the others get theirs. */
static void insist(struct ai_task *task)
{
    if (task->ignored++ == AI_MOST_IGNORED)
        abandon(task);
    task->root->object.flags |= AI_MUST_CANCEL;
}

static int yield(struct ai_task *task)
{
    ai_error_set(&task->error, NULL);
    ai_loop_push(ai_thread.loop, &task->waiter.ready);
    ai_park(task);
    if (__builtin_expect(ai_thread.closing, 0))
        insist(task);
    if (!cancellation_due(task))
        return 0;
    fail_await(task, -ECANCELED);
    return -ECANCELED;
}

/* Parks until `o`, pending, is done. */
static void wait_for(struct ai_task *task, struct ai_object *o)
{
    ai_wait_on(o, &task->waiter);
    task->waiting = o;
    if (__builtin_expect(ai_thread.closing, 0)) {
        insist(task);
        if (ai_cancel(o))
            task->root->object.flags &= (uint8_t)~AI_MUST_CANCEL;
    } else if (__builtin_expect(task->root->object.flags & AI_MUST_CANCEL, 0) && ai_cancel(o)) {
        task->root->object.flags &= (uint8_t)~AI_MUST_CANCEL;
    }
    ai_park(task);
    task->waiting = NULL;
}

int ai_await_pending(struct ai_task *task, struct ai_object *o, void *result)
{
    int code;

    ai_error_set(&task->error, NULL);
    if (o->state == AI_PENDING)
        wait_for(task, o);
    else
        ai_ref(o); /* as the wait would have */
    if (cancellation_due(task)) {
        code = -ECANCELED;
        fail_await(task, code);
    } else {
        o->flags |= AI_RETRIEVED;
        task->error = ai_error_ref(o->error);
        code = ai_result(o, result);
    }
    ai_unref(o);
    return code;
}

static int await_operation(struct ai_task *task, struct ai_object *o, void *result)
{
    ai_ref(o); /* past its completion */
    ai_take(o);
    ai_start(o);
    int code = ai_await_pending(task, o, result);
    ai_unref(o);
    return code;
}

static int await_shared(struct ai_task *task, struct ai_object *o, void *result)
{
    bool once = o->flags & AI_ONCE;

    if (!(o->flags & AI_SHARED))
        ai_reused(o);
    if (o == &task->root->object)
        ai_panic("RuntimeError: Task cannot await on itself: '%s'", o->type->name);
    int code = ai_await_pending(task, o, result);
    if (once)
        ai_disown(o);
    return code;
}

/* A coroutine awaited is a call. */
static inline int call(struct ai_task *task, struct ai_coroutine *c, void *result,
                       const struct asyncio__place *place)
{
    ai_take(&c->object);
    ai_error_set(&task->error, NULL);
    c->task = task;
    c->place = place;
    c->parent = task->top;
    task->top = c;
    c->object.type->await(c, result);
    task->top = c->parent;
    if (__builtin_expect(c->object.error || task->error, 0))
        task->error = ai_settle(task, c, result);
    ai_unref(&c->object);
    return 0;
}

int asyncio__await(asyncio_any h, void *result, const struct asyncio__place *place)
{
    struct ai_task *task = ai_thread.task;

    if (__builtin_expect(!task, 0))
        ai_panic("RuntimeError: await outside of a task, in %s() at %s:%d", place->function,
                 place->file, place->line);
    task->place = place;
    if (__builtin_expect(!h, 0)) {
        fail_await(task, -ENOMEM);
        return -ENOMEM;
    }
    struct ai_object *o = ai_object(h);
    if (o->state != AI_UNUSED)
        return o == ai_thread.yield ? yield(task) : await_shared(task, o, result);
    if (o->type->await)
        return call(task, ai_coroutine(o), result, place);
    if (o->type->kind != ASYNCIO__OPERATION)
        ai_panic("TypeError: %s '%s' can't be used in 'await' expression", ai_noun(o->type),
                 o->type->name);
    return await_operation(task, o, result);
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
