/* A thread's loop from its making to its end, and what the hub does meanwhile.
 *
 * Shutting down: every task is cancelled and waited for, each of its further waits is cancelled
 * again (see cancelled() in await.c), futures that a gather or shield still waits for are
 * cancelled, and callbacks that have not run are dropped. Before the last of it, what the loop has
 * to do with other threads and with the kernel is wound up. What no task made is let go when the
 * thread ends. */
#include "task/run.h"

#include "base/panic.h"
#include "loop/inbox.h"
#include "task/callback.h"
#include "task/deadlock.h"
#include "task/diagnose.h"
#include "task/observe.h"
#include "task/shutdown.h"
#include "task/task.h"
#include "task/thread.h"

#include <stdlib.h>

/* The simulation has nobody else to say that it will wait for ever. */
static int idle(void)
{
    ai_stack_pool_trim(&ai_thread.stacks);
    return ai_thread.debug || ai_thread.loop->backend->choose ? ai_deadlock_look() : 0;
}

int ai_run_open(const char *backend)
{
    struct ai_thread *thread = &ai_thread;

    if (!ai_thread_begin())
        return -ENOMEM;
    struct ai_loop *loop = ai_allocate(sizeof *loop);
    if (!loop)
        return -ENOMEM;
    int error = ai_loop_open(loop, backend);
    if (error) {
        ai_report("asyncio: no event loop: %s", loop->why);
        ai_deallocate(loop, sizeof *loop);
        return error;
    }
    thread->loop = loop;
    loop->idle = idle;
    ai_overflow_watch();
    ai_observe_begin();
    return 0;
}

int ai_run_turn(bool block)
{
    ai_thread.turning = true;
    int error = ai_loop_turn(ai_thread.loop, block);
    ai_thread.turning = false;
    return error;
}

void ai_run_must_turn(bool block)
{
    int error = ai_run_turn(block);

    if (error)
        ai_panic("the %s back-end failed: error %d", ai_thread.loop->backend->name, -error);
}

/* The tasks that are left, kept until it is known how they ended; NULL where memory is short, and
 * then those that fail are told of as any whose failure nobody saw. */
static struct ai_object **keep_tasks(size_t n)
{
    struct ai_object **kept = n ? ai_allocate(n * sizeof(struct ai_object *)) : NULL;

    if (!kept)
        return NULL;
    size_t i = 0;
    ai_list_each (node, &ai_thread.tasks)
        kept[i++] = ai_ref(ai_container(node, struct ai_object, tasks));
    return kept;
}

static void report_failures(struct ai_object **kept, size_t n)
{
    if (!kept)
        return;
    for (size_t i = 0; i < n; i++) {
        if (kept[i]->error && !(kept[i]->flags & AI_CANCELLED))
            ai_report_shutdown_failure(kept[i]);
        ai_unref(kept[i]);
    }
    ai_deallocate(kept, n * sizeof(struct ai_object *));
}

static void cancel_tasks(void)
{
    struct ai_thread *thread = &ai_thread;
    size_t n = thread->tasks_alive;
    struct ai_object **kept = keep_tasks(n);

    ai_list_each (node, &thread->tasks)
        ai_cancel(ai_container(node, struct ai_object, tasks));
    while (!ai_list_empty(&thread->tasks))
        ai_run_must_turn(true);
    report_failures(kept, n);
}

void ai_wind_up_later(struct ai_wind_up *w)
{
    if (w->listed)
        return;
    w->listed = true;
    w->next = ai_thread.winding_up;
    ai_thread.winding_up = w;
}

void ai_wind_up_forget(void)
{
    for (struct ai_wind_up *w = ai_thread.winding_up; w; w = w->next) {
        w->listed = false;
        w->forget();
    }
    ai_thread.winding_up = NULL;
}

static bool is_winding_up(void)
{
    struct ai_wind_up *w = ai_thread.winding_up;
    bool more = false;

    ai_thread.winding_up = NULL;
    for (struct ai_wind_up *next; w; w = next) {
        next = w->next;
        w->listed = false;
        if (w->step()) {
            ai_wind_up_later(w);
            more = true;
        }
    }
    return more;
}

/* What it has to do with other threads, which may still make tasks here, that end at once, and with
 * the kernel. */
static void wind_up(void)
{
    struct ai_thread *thread = &ai_thread;

    while (!ai_list_empty(&thread->tasks) || is_winding_up())
        ai_run_must_turn(true);
    ai_inbox_close(thread->loop);
}

static void shut_down(void)
{
    struct ai_thread *thread = &ai_thread;

    struct ai_shutdown_watch watch;

    thread->closing = true;
    thread->closing_since = ai_loop_now(thread->loop);
    ai_shutdown_watch(&watch);
    cancel_tasks();
    wind_up();
    ai_shutdown_unwatch(&watch);
    ai_futures_cancel();
    ai_run_must_turn(false); /* what all these have woken: gathers, done callbacks */
    while (ai_ring_count(&thread->loop->ready)) { /* and no more than that */
        ai_callbacks_silence();
        ai_run_must_turn(false);
    }
}

void ai_run_close(void)
{
    struct ai_thread *thread = &ai_thread;
    struct ai_loop *loop = thread->loop;

    shut_down();
    ai_callbacks_drop();
    ai_task_drop_kept();
    ai_observe_end();
    thread->closing = false;
    thread->exception_handler = NULL;
    thread->task_factory = NULL;
    thread->loop = NULL;
    ai_loop_close(loop);
    ai_deallocate(loop, sizeof *loop);
}

/* --- Embedding --- */

int asyncio_loop_new(void)
{
    return ai_thread.loop ? -EBUSY : ai_run_open(NULL);
}

int asyncio_loop_fd(void)
{
    struct ai_loop *loop = ai_thread_loop("asyncio_loop_fd");

    if (ai_ring_count(&loop->ready))
        loop->backend->wake(loop->state);

    return loop->backend->fd(loop->state, ai_timers_next(&loop->timers));
}

int asyncio_loop_turn(void)
{
    struct ai_loop *loop = ai_thread_loop("asyncio_loop_turn");

    if (ai_thread.turning)
        ai_panic("RuntimeError: asyncio_loop_turn() called from within the loop");
    int error = ai_run_turn(false);
    if (error)
        return error;
    if (ai_ring_count(&loop->ready))
        loop->backend->wake(loop->state);
    loop->backend->fd(loop->state, ai_timers_next(&loop->timers)); /* sets its deadline */
    return (int)ai_thread.tasks_alive;
}

void asyncio_loop_close(void)
{
    if (!ai_thread.loop)
        return;
    if (ai_thread.turning)
        ai_panic("RuntimeError: Cannot close a running event loop");
    if (ai_thread.runner)
        ai_panic("RuntimeError: this loop is a runner's: asyncio_runner_close() closes it");
    ai_run_close();
}

/* --- Asking --- */

double asyncio_time(void)
{
    const struct ai_loop *loop = ai_thread.loop;

    return (double)(loop ? loop->backend->now(loop->state) : ai_backend_epoll.now(NULL)) / 1e9;
}

size_t asyncio_all_tasks(asyncio_any *tasks, size_t n)
{
    size_t i = 0;

    if (ai_thread.tasks_alive == 0)
        return 0;
    ai_list_each (node, &ai_thread.tasks) {
        if (i == n)
            break;
        tasks[i++] = ai_handle(ai_container(node, struct ai_object, tasks));
    }
    return ai_thread.tasks_alive;
}

int asyncio_set_stack_size(size_t bytes)
{
    if (!ai_thread_begin())
        return -ENOMEM;
    ai_tasks_trim();
    if (ai_thread.stacks.taken)
        return -EBUSY;
    ai_stack_pool_close(&ai_thread.stacks);
    ai_stack_pool_init(&ai_thread.stacks, bytes);
    return 0;
}

void asyncio_info(struct asyncio_info *info)
{
    static _Thread_local char why[sizeof ai_thread.loop->why];
    struct ai_loop *loop = ai_thread.loop;
    const struct ai_backend *backend = loop ? loop->backend : NULL;
    void *state;

    ai_thread_begin();
    if (loop)
        __builtin_memcpy(why, loop->why, sizeof why);
    else if (ai_backend_open(NULL, &backend, &state, why, sizeof why) == 0) /* what one would get */
        backend->close(state);
    else
        backend = NULL;
    *info = (struct asyncio_info)
    {
        .version = ASYNCIO_VERSION, .backend = backend ? backend->name : "none",
        .backend_reason = why,
#if defined(AI_CONTEXT_UCONTEXT)
        .context = "ucontext",
#elif defined(__x86_64__)
        .context = "x86_64",
#else
        .context = "aarch64",
#endif
        .guard = ai_thread.stacks.guard ? ai_thread.stacks.guard : "",
        .stack_size = ai_thread.stacks.usable_size,
        .awaitables = ai_pool_used(&ai_pool) - (ai_thread.yield != NULL),
        .tasks = ai_thread.tasks_alive, .stacks = ai_thread.stacks.taken - ai_thread.idle_count,
    };
}
