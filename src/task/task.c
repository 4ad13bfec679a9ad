/* A task's life: from the coroutine object that was scheduled to the value its root returned. */
#include "task/task.h"

#include "base/panic.h"
#include "task/diagnose.h"
#include "task/stack_report.h"
#include "task/switch.h"
#include "task/thread.h"

#include <string.h>

/* Records of ended tasks that stay as they are, on their stacks, for the next that start: a task
 * then costs no search for a stack and little to set up. */
enum { MOST_IDLE = 16 };

void ai_task_resume(struct ai_ready *ready)
{
    struct ai_thread *thread = &ai_thread;

    thread->task = ai_task_of(ready);
    ai_context_switch(&thread->loop->hub, &thread->task->context);
}

/* Whether what a coroutine returned says that it failed with its task's last error. What a block
 * put in a cancellation's place is passed on as the cancellation would have been. */
static bool is_passed_on(const struct ai_object *o, const struct ai_error *last, const void *result)
{
    int code = ai_error_code(last);
    unsigned marks = ai_error_marks(last);

    if (!ai_result_signed(o))
        return (code == -ECANCELED || marks & AI_ERROR_RETURNS) && ai_result_empty(o, result);
    int64_t value = ai_result_integer(o, result);
    return value == code || (marks && value == -ECANCELED);
}

/* The value was computed before its block was left. */
static struct ai_error *without_value(struct ai_object *o, struct ai_error *error, void *result)
{
    if (!ai_error_marks(error))
        return error;
    ai_result_fail(o, ai_error_code(error), result);
    return ai_error_marked(error, 0);
}

struct ai_error *ai_settle(struct ai_task *task, struct ai_coroutine *c, void *result)
{
    struct ai_object *o = &c->object;
    struct ai_error *raised = o->error, *last = task->error;

    task->error = NULL;
    o->error = NULL;
    if (!raised && is_passed_on(o, last, result))
        return without_value(o, last, result);
    ai_error_unref(last);
    return raised ? without_value(o, raised, result) : NULL;
}

/* Ends the task; returns what to go on with. That may need a stack: not the one this still runs on,
 * so stacks are given back only after this. */
static inline struct ai_next conclude(struct ai_task *task, struct ai_error *error)
{
    struct ai_coroutine *root = task->root;

    root->task = NULL;
    if ((uintptr_t)ai_thread.fresh | (uintptr_t)!ai_list_empty(&task->owned))
        ai_disown_all(&task->owned);
    ai_scope_drop(&root->scope);
    ai_complete(&root->object, error);
    return ai_next(&ai_thread);
}

static __attribute__((noinline)) void give_stack(struct ai_task *task)
{
    struct ai_stack stack = task->stack;

    ai_stack_give(&ai_thread.stacks, &stack);
}

static inline void give(struct ai_task *task)
{
    struct ai_thread *thread = &ai_thread;

    if (__builtin_expect(thread->idle_count == MOST_IDLE, 0)) {
        give_stack(task);
        return;
    }
    task->next_idle = thread->idle;
    thread->idle = task;
    thread->idle_count++;
}

void ai_tasks_trim(void)
{
    struct ai_thread *thread = &ai_thread;

    while (thread->idle) {
        struct ai_task *task = thread->idle;
        thread->idle = task->next_idle;
        thread->idle_count--;
        give_stack(task);
    }
}

/* The main task's variables may still be in use: tasks that outlive it are cancelled after it, and
 * may hold pointers to them (in Python such things live as long as anybody has them). So its stack
 * is not used again before the loop ends, or the next main task does; see also finish_main(). */
static __attribute__((noinline, cold)) void keep(struct ai_task *task)
{
    ai_task_drop_kept();
    ai_thread.kept = task;
}

void ai_task_drop_kept(void)
{
    struct ai_task *task = ai_thread.kept;

    ai_thread.kept = NULL;
    if (task)
        give(task);
}

static void run_root(void *arg);

/* A task begins on its stack, below its record. */
static inline void enter(struct ai_context *from, struct ai_task *task)
{
    ai_context_enter(from, &task->context, task->stack.low, task, run_root, task);
}

/* The same, and the one that has ended leaves for good. */
static inline void become(struct ai_task *ended, struct ai_task *task)
{
    ai_context_become(&ended->context, &task->context, task->stack.low, task, run_root, task);
}

/* The last thing that is done on its stack. */
static inline void leave(struct ai_task *task, struct ai_next next)
{
    if (__builtin_expect(&task->root->object == ai_thread.main, 0))
        keep(task);
    else
        give(task);
    if (next.begins)
        become(task, ai_thread.task);
    else
        ai_context_leave(&task->context, next.context);
}

static void end(struct ai_task *task, struct ai_error *error)
{
    leave(task, conclude(task, error));
}

/* A request that was not delivered ends the task all the same, unless it failed. */
static __attribute__((noinline, cold)) struct ai_error *cancelled_at_end(struct ai_task *task,
                                                                         struct ai_error *error)
{
    struct ai_error *message = task->cancel_message;

    task->cancel_message = NULL;
    if (error || ai_thread.closing) {
        ai_error_unref(message);
        return error;
    }
    task->root->object.flags &= (uint8_t)~AI_VALUE;
    return message ? message : ai_error_plain(-ECANCELED);
}

static void finish(struct ai_task *task)
{
    struct ai_coroutine *root = task->root;
    struct ai_error *error = NULL;

    if (ai_thread.task != task)
        ai_panic("RuntimeError: coroutine '%s' returned in a forked child, which is outside of its "
                 "parent's loop: leave it by _exit() or exec()",
                 root->object.type->name);
    root->object.flags |= AI_VALUE;
    if (__builtin_expect(root->object.error || task->error, 0))
        error = ai_settle(task, root, ai_result_place(&root->object));
    if (__builtin_expect(task->must_cancel, 0))
        error = cancelled_at_end(task, error);
    end(task, error);
}

/* Farther down the stack: what runs here is not to overwrite the variables of the main coroutine.
 * (AddressSanitizer would put its marks around the gap, which is where they are.) */
static __attribute__((noinline, cold, no_sanitize_address)) void finish_main(struct ai_task *task)
{
    enum { MOST = 16 << 10 };
    if (ai_thread.reports_stacks)
        ai_stack_report_main(task);
    size_t quarter = ai_thread.stacks.usable_size / 4;
    volatile char *gap = __builtin_alloca(quarter < MOST ? quarter : MOST);

    *gap = 0;
    finish(task);
    *gap = 0; /* not reached: so that the gap is there all the time */
}

static void run_root(void *arg)
{
    struct ai_task *task = arg;
    struct ai_coroutine *root = task->root;

    root->object.type->await(root, ai_result_place(&root->object));
    if (__builtin_expect(&root->object == ai_thread.main, 0))
        finish_main(task);
    else
        finish(task);
}

/* A record at the top of a fresh stack, with what is the same for each task that it will serve: so
 * one ends. NULL without memory. */
static __attribute__((noinline)) struct ai_task *task_new(void)
{
    struct ai_stack stack;

    if (!ai_stack_take(&ai_thread.stacks, &stack))
        return NULL;
    struct ai_task *task =
        (struct ai_task *)((uintptr_t)(stack.high - sizeof *task) & ~(uintptr_t)63);
    task->waiter.ready.run = ai_task_resume;
    task->error = NULL;
    task->waiting = NULL;
    task->being_cancelled = false;
    task->cancel_message = NULL;
    task->stack = stack;
    ai_list_init(&task->owned);
    ai_list_init(&task->generators);
    ai_list_init(&task->timeouts);
    return task;
}

static inline struct ai_task *take_idle(struct ai_thread *thread)
{
    struct ai_task *task = thread->idle;

    thread->idle = task->next_idle;
    thread->idle_count--;
    ai_stack_wipe(&thread->stacks, task->stack.low, (char *)task);
    return task;
}

bool ai_task_clean_next(struct ai_stack *stack)
{
    struct ai_task *task = ai_thread.idle;

    if (!task) {
        task = task_new();
        if (!task)
            return false;
        give(task);
    }
    *stack = task->stack;
    ai_stack_clear(stack, (char *)task);
    return true;
}

static inline void begin(struct ai_task *task, struct ai_coroutine *root)
{
    task->place = NULL;
    task->must_cancel = false;
    task->ignored = 0;
    task->root = task->top = root;
    root->task = task;
    root->place = NULL;
}

static __attribute__((noinline)) struct ai_task *start_slowly(struct ai_object *o)
{
    bool cancelled = o->flags & AI_MUST_CANCEL || ai_thread.closing;
    struct ai_task *task = cancelled ? NULL : task_new();

    if (task) {
        begin(task, ai_coroutine(o));
        return task;
    }
    ai_scope_drop(&ai_coroutine(o)->scope);
    ai_complete(o, ai_error_plain(cancelled ? -ECANCELED : -ENOMEM));
    return NULL;
}

/* The task of a coroutine object that was scheduled, ready to run; NULL if it is over already. */
static inline struct ai_task *start(struct ai_ready *ready)
{
    struct ai_thread *thread = &ai_thread;
    struct ai_object *o = ai_container(ready, struct ai_object, ready);

    if (__builtin_expect(o->flags & AI_MUST_CANCEL || thread->closing || !thread->idle, 0))
        return start_slowly(o);
    struct ai_task *task = take_idle(thread);
    begin(task, ai_coroutine(o));
    return task;
}

static inline __attribute__((always_inline)) struct ai_next next_to_start(struct ai_thread *thread)
{
    while (ai_loop_has_next(thread->loop)) {
        struct ai_ready *ready = ai_loop_next(thread->loop);
        if (ready->run == ai_task_resume)
            return (struct ai_next){ai_go_on_with(thread), false};
        if (ready->run != ai_task_start)
            break;
        ai_loop_take(thread->loop);
        if ((thread->task = start(ready)))
            return (struct ai_next){&thread->task->context, true};
    }
    thread->task = NULL;
    return (struct ai_next){&thread->loop->hub, false};
}

struct ai_next ai_next_slowly(struct ai_thread *thread)
{
    return next_to_start(thread);
}

void ai_park_slowly(struct ai_task *task)
{
    struct ai_next next = next_to_start(&ai_thread);

    if (next.begins)
        enter(&task->context, ai_thread.task);
    else
        ai_switch_from(task, next.context);
}

void ai_task_start(struct ai_ready *ready)
{
    struct ai_task *task = start(ready);

    if (!task)
        return;
    ai_thread.task = task;
    enter(&ai_thread.loop->hub, task);
}

/* Is taken from the queue before it could run. */
static void go_back(struct ai_ready *ready)
{
    (void)ready;
}

/* From the hub: what lies in front sends whoever parks back there. */
static void start_from_hub(struct ai_loop *loop, struct ai_task *task)
{
    static struct ai_ready hub = {go_back};

    ai_loop_push_front(loop, &hub);
    ai_thread.task = task;
    enter(&loop->hub, task);
    ai_loop_take(loop);
}

static void start_from_task(struct ai_loop *loop, struct ai_task *task, struct ai_task *maker)
{
    ai_loop_push_front(loop, &maker->waiter.ready);
    ai_thread.task = task;
    enter(&maker->context, task);
}

void ai_task_start_now(struct ai_ready *ready)
{
    int saved_errno = errno;
    struct ai_task *maker = ai_thread.task, *task = start(ready);

    if (!task)
        return;
    if (maker)
        start_from_task(ai_thread.loop, task, maker);
    else
        start_from_hub(ai_thread.loop, task);
    *ai_thread.errno_place = saved_errno;
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

void ai_task_abandon(struct ai_task *task)
{
    ai_report_abandoned(task);
    ai_timeouts_abandon(task);
    free_chain(task);
    ai_error_clear(&task->error);
    ai_error_clear(&task->cancel_message);
    struct ai_next next = conclude(task, ai_error_plain(-ECANCELED));
    ai_generators_abandon(task);
    leave(task, next);
}

asyncio_any asyncio_current_task(void)
{
    return ai_thread.task ? ai_handle(&ai_thread.task->root->object) : NULL;
}
