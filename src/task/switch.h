/* From one task to the next: the hottest path there is, inlined into whatever parks.
 *
 * Whoever leaves a stack names the task that goes on in ai_thread.task, NULL for the hub. */
#ifndef AI_TASK_SWITCH_H
#define AI_TASK_SWITCH_H

#include "task/task.h"
#include "task/thread.h"

/* Where to go on; `begins` where it was never there before. */
struct ai_next {
    struct ai_context *context;
    bool begins;
};

/* The next one where it is no parked task: one to be started, or the hub. */
struct ai_next ai_next_slowly(struct ai_thread *thread);

/* Goes there. */
void ai_park_slowly(struct ai_task *task);

static inline struct ai_task *ai_task_of(struct ai_ready *ready)
{
    return ai_container(ready, struct ai_task, waiter.ready);
}

/* What will run soon is fetched in two steps: the record some places ahead, then, with the record
 * there, the top of the stack it points to. A few tasks are in the cache anyway. (Always inlined:
 * gcc takes a function that only prefetches for one that does nothing.) */
static inline __attribute__((always_inline)) void ai_prefetch(const struct ai_ring *ring)
{
    enum { FEW = 16, FAR = 8, NEAR = 3 };

    if (__builtin_expect(ai_ring_count(ring) < FEW, 1))
        return;
    __builtin_prefetch(ai_ring_peek(ring, FAR));
#ifndef AI_CONTEXT_UCONTEXT
    struct ai_ready *near = ai_ring_peek(ring, NEAR);
    if (near->run == ai_task_resume) {
        __builtin_prefetch(ai_task_of(near)->context.sp);
        __builtin_prefetch((char *)ai_task_of(near)->context.sp + 64);
        __builtin_prefetch((char *)ai_task_of(near)->context.sp + 128);
    }
#endif
}

/* Whether the next in line is a task that parked. */
static inline bool ai_task_is_next(struct ai_loop *loop)
{
    return ai_loop_has_next(loop) && ai_loop_next(loop)->run == ai_task_resume;
}

/* That is it. */
static inline struct ai_context *ai_go_on_with(struct ai_thread *thread)
{
    struct ai_ready *ready = ai_loop_next(thread->loop);

    ai_loop_take(thread->loop);
    ai_prefetch(&thread->loop->ready);
    thread->task = ai_task_of(ready);
    return &thread->task->context;
}

/* Where a task that parks or ends goes: to the next in line, or else to the hub. */
static inline struct ai_next ai_next(struct ai_thread *thread)
{
    if (__builtin_expect(ai_task_is_next(thread->loop), 1))
        return (struct ai_next){ai_go_on_with(thread), false};
    return ai_next_slowly(thread);
}

/* The next one may be this task itself: then the switch leads right back. */
static inline void ai_switch_from(struct ai_task *task, struct ai_context *next)
{
#ifdef AI_SANITIZED
    if (next == &task->context)
        return;
#endif
    ai_context_switch(&task->context, next);
}

/* errno belongs to the task. Returns the task, and leaves what is rare to a function of its own:
 * so callers need not keep anything in registers meanwhile. */
static inline __attribute__((always_inline)) struct ai_task *ai_park(struct ai_thread *thread,
                                                                     struct ai_task *task)
{
    task->saved_errno = *thread->errno_place; /* first: finding the next may make a stack */
    if (__builtin_expect(ai_task_is_next(thread->loop), 1))
        ai_switch_from(task, ai_go_on_with(thread));
    else
        ai_park_slowly(task);
    task = ai_thread.task;
    *ai_thread.errno_place = task->saved_errno;
    return task;
}

#endif
