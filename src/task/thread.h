/* What a thread has: its loop, its running task, the pool its objects and the stacks its tasks live
 * in. Begun by the first object made on the thread, ended with the thread. */
#ifndef AI_TASK_THREAD_H
#define AI_TASK_THREAD_H

#include "ctx/stack.h"
#include "task/contextvar.h"
#include "task/object.h"

#include <stdatomic.h>

/* A coroutine's body called as a plain function, outside of any task: in a thread of an executor.
 */
struct ai_plain_call {
    const struct ai_loop *loop; /* the thread's, or NULL: a loop that is run within is another */
    struct ai_error *error;     /* what it raised */
};

struct ai_thread {
    struct ai_task *task; /* that runs now; NULL on the hub and outside of any loop */
    asyncio_any fresh;    /* the object made last, until it is used or linked: see make.h */
    struct ai_loop *loop; /* NULL where there is none */
    struct ai_stack_pool stacks;
    const struct ai_object *main; /* the task that a runner runs */
    struct ai_task *kept;         /* its record, when it has ended: see task.c */
    struct ai_task *idle; /* records on their stacks, for the next tasks that start: see task.c */
    unsigned idle_count;
    struct ai_list owned; /* made by no task */
    struct ai_list tasks; /* that are not done, oldest first */
    struct ai_list futures;
    struct ai_list callbacks, done_callbacks; /* that have not run: see callback.c */
    size_t tasks_alive;                       /* how many those are */
    uintptr_t numbered;                       /* tasks so far, for their names */
    struct ai_object *yield;                  /* stands for what asyncio_sleep(0) returns */
    int *errno_place;                         /* of this thread */
    struct ai_error *error;                   /* of the last asyncio_run() */
    struct ai_error *cancel_message;          /* of the request that is just being made, or NULL */
    struct asyncio_runner *runner;            /* whose the loop is, if a runner's */
    asyncio_exception_handler *exception_handler; /* of the loop, NULL for the default one */
    void *exception_arg;
    asyncio_task_factory *task_factory; /* of the loop, or NULL */
    struct ai_plain_call *plain_call;   /* that runs here, or NULL */
    struct ai_wind_up *winding_up;      /* what the loop's end has to see to, or NULL */
    void *signal_stack;                 /* for a handler of stack overflows */
    ai_scope scope;                     /* the context where no task runs */
    struct asyncio_context *given;      /* to a task that is being made, or NULL */
    const struct ai_object *given_to;
    int64_t closing_since;        /* when the loop began to shut down */
    int64_t slow;                 /* debug mode: nanoseconds a step may take */
    uintptr_t deadlock;           /* stands for the one that was told of last */
    struct ai_watchdog *watchdog; /* that watches the loop in debug mode, or NULL */
    bool scoped;                  /* any context may hold something */
    bool begun;
    bool turning; /* the loop runs: this is called from a task or a callback */
    bool debug;
    bool reports_stacks; /* see stack_report.h */
    bool closing;        /* the loop is shutting down: cancellations stick */
    int tid;
    struct ai_list link; /* in ai_threads */
};

extern _Thread_local struct ai_thread ai_thread __attribute__((tls_model("initial-exec")));

/* All that have begun; for who looks from outside, who cannot ask for the lock. */
extern struct ai_list ai_threads;

/* Begins the thread if it has not; false without memory. */
bool ai_thread_begin(void);

/* Between two users of a thread that is outside of any loop: lets go of what the first has left. */
void ai_thread_tidy(void);

/* What asyncio_error() is to tell. Takes the error over. */
void ai_thread_set_error(struct ai_error *error);

/* The plain call that this is directly in, or NULL. */
struct ai_plain_call *ai_thread_plain_call(void);

/* How often this process is the child of a fork since the library was first used. */
extern atomic_uint ai_forks;

/* Aborts unless the thread has a loop; `what` was called. */
struct ai_loop *ai_thread_loop(const char *what);

#endif
