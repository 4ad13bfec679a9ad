/* Tasks and coroutines: what runs on a stack.
 *
 * A coroutine object is its frame: the head below, then the result and the arguments. Awaited, it
 * runs as a call on the stack of the task that awaits it. Made a task it gets, when it first runs,
 * a stack of its own, at whose top lies the task record (struct ai_task), so that a simple parked
 * task costs its frame and one page; both go when its root coroutine returns.
 *
 * A task runs, is ready (its waiter is in the ready queue), or is parked: `waiting` names what it
 * waits on, whose list of waiters holds the task's. root to top, linked by `parent`, are its
 * coroutines from the outermost to the one that runs; each knows where it is awaited, and the task
 * where its innermost await is. So the whole waiting graph is there at any time. */
#ifndef AI_TASK_TASK_H
#define AI_TASK_TASK_H

#include "ctx/stack.h"
#include "task/object.h"

/* How many waits of a task are cancelled in vain during the shutdown before it is given up. */
enum { AI_MOST_IGNORED = 100 };

/* The first cache line holds what a yield touches. */
struct ai_task {
    struct ai_waiter waiter; /* run: goes on with the task */
    struct ai_context context;
    struct ai_error *error;             /* how its last await failed */
    const struct asyncio__place *place; /* of its innermost await */
    struct ai_object *waiting;          /* what it is parked on, or NULL */
    int saved_errno;
    bool being_cancelled;            /* what it waits for is just being cancelled */
    bool must_cancel;                /* a cancellation waits to be delivered */
    struct ai_error *cancel_message; /* of that one, or NULL */
    unsigned ignored;                /* cancellations during the shutdown that did not end it */
    struct ai_coroutine *root, *top;
    int64_t since; /* when it began to wait, as the loop knew the time: for who looks on */
    struct ai_task *next_idle;
    struct ai_list owned;      /* the objects it made */
    struct ai_list generators; /* that it has begun and that are not at their end */
    struct ai_list timeouts;   /* whose blocks it is in */
    struct ai_stack stack;
};

static inline struct ai_coroutine *ai_coroutine(struct ai_object *o)
{
    return (struct ai_coroutine *)o;
}

/* How many requests to cancel it there were, but for one that a wait which had succeeded put off:
 * that counts as made by others within whatever block is entered before it is delivered. */
static inline uint8_t ai_task_cancels_delivered(const struct ai_task *task)
{
    uint8_t cancels = task->root->object.cancels;

    return (uint8_t)(cancels - (cancels > 0 && task->must_cancel));
}

/* Gives back the stack of a main task that has ended. */
void ai_task_drop_kept(void);

/* Gives back the stacks of the records that are kept for tasks to come. */
void ai_tasks_trim(void);

/* Drops a task that will not end, from its own stack or that of a generator of its, for good. Only
 * after a wait is over, so that nothing refers to the task. */
void ai_task_abandon(struct ai_task *task);

/* Zeroes the stack that the next task to start will take, so that its use can be seen: which one it
 * is. False without memory. */
bool ai_task_clean_next(struct ai_stack *stack);

/* What runs a ready task: ready queue entries with this function are parked tasks. */
void ai_task_resume(struct ai_ready *ready);

/* Starts the task of a coroutine object that ai_ensure_task() scheduled. */
void ai_task_start(struct ai_ready *ready);

/* The same, on whatever stack this is called: returns when the task first suspends, or ends. */
void ai_task_start_now(struct ai_ready *ready);

/* Starts an operation that is a task. */
void ai_operation_begin(struct ai_ready *ready);

/* Whether this is the last turn of one that is a task. */
bool ai_operation_is_finishing(const struct ai_ready *ready);

/* How a coroutine that has returned `result` ended: what it raised, what of its task's last error
 * it passed on, or NULL. Where a block that it returned from made it fail, the result is put right.
 */
struct ai_error *ai_settle(struct ai_task *task, struct ai_coroutine *c, void *result);

/* Leaving a loop or a block may await too; the error that it is left with outlives that. */
static inline struct ai_error *ai_error_keep(struct ai_task *task)
{
    struct ai_error *kept = task ? task->error : NULL;

    if (kept)
        task->error = NULL;
    return kept;
}

static inline void ai_error_restore(struct ai_task *task, struct ai_error *kept)
{
    if (kept)
        ai_error_set(&task->error, kept);
}

/* Stops the timeouts of an abandoned task. */
void ai_timeouts_abandon(struct ai_task *task);

/* Gives back the stacks of the generators that an abandoned task leaves half-way. */
void ai_generators_abandon(struct ai_task *task);

/* What asyncio_sleep(0) returns: one object a thread, never used up, since it holds nothing. */
struct ai_object *ai_yield_new(void);

/* The object of a handle for whoever is to keep it (a task, a gather, ...): one of its own for a
 * sleep(0). NULL for NULL, or without memory. */
struct ai_object *ai_object_to_take_slowly(asyncio_any h);
static inline struct ai_object *ai_object_to_take(asyncio_any h)
{
    bool usual = h && h != ASYNCIO__YIELD;
    return __builtin_expect(usual, 1) ? ai_object(h) : ai_object_to_take_slowly(h);
}

#endif
