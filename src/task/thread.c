#include "task/thread.h"

#include "base/panic.h"
#include "loop/inbox.h"
#include "loop/signal.h"
#include "task/broken_pipe.h"
#include "task/diagnose.h"
#include "task/run.h"
#include "task/task.h"
#include "task/watchdog.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

_Thread_local struct ai_thread ai_thread;

struct ai_list ai_threads = AI_LIST_INIT(ai_threads);
static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool have_key;

atomic_uint ai_forks;

static void enter(struct ai_thread *thread)
{
    thread->tid = gettid();
    pthread_mutex_lock(&threads_lock);
    ai_list_append(&ai_threads, &thread->link);
    pthread_mutex_unlock(&threads_lock);
}

static void leave(struct ai_thread *thread)
{
    pthread_mutex_lock(&threads_lock);
    ai_list_remove(&thread->link);
    pthread_mutex_unlock(&threads_lock);
}

/* Only the thread that forked is there. */
static void leave_all_but(struct ai_thread *thread)
{
    ai_list_init(&ai_threads);
    pthread_mutex_unlock(&threads_lock);
    if (thread->begun)
        enter(thread);
}

static void end(void *unused)
{
    struct ai_thread *thread = &ai_thread;
    (void)unused;

    if (!thread->begun || thread->loop)
        return; /* exit() within a loop: its stacks are still in use */
    ai_disown_all(&thread->owned);
    ai_error_set(&thread->error, NULL);
    ai_scope_drop(&thread->scope);
    thread->begun = false;
    leave(thread);
    ai_unref(thread->yield);
    ai_overflow_unwatch();
    ai_tasks_trim();
    if (thread->stacks.taken == 0)
        ai_stack_pool_close(&thread->stacks);
    if (ai_pool_used(&ai_pool) == 0) /* a handle retained for ever keeps its memory */
        ai_pool_close(&ai_pool);
}

/* exit() runs no key's destructor. */
static void end_at_exit(void)
{
    end(NULL);
}

void ai_thread_tidy(void)
{
    if (!ai_thread.begun || ai_thread.loop)
        return;
    ai_disown_all(&ai_thread.owned);
    ai_error_set(&ai_thread.error, NULL);
}

struct ai_plain_call *ai_thread_plain_call(void)
{
    struct ai_plain_call *call = ai_thread.plain_call;

    return call && !ai_thread.task && call->loop == ai_thread.loop ? call : NULL;
}

/* The child of a fork has its parent's memory but neither its kernel objects nor its place in the
 * loop: it is outside of any loop, and may run one of its own. */
static void forget_in_child(void)
{
    struct ai_loop *loop = ai_thread.loop;

    ai_forks++;
    ai_broken_pipe_after_fork(true);
    ai_signals_after_fork(true);
    ai_inbox_after_fork(true);
    leave_all_but(&ai_thread);
    if (!loop)
        return;
    loop->backend->forget(loop->state);
    if (ai_thread.runner)
        ai_runner_forget(ai_thread.runner);
    ai_thread.exception_handler = NULL;
    ai_thread.task_factory = NULL;
    ai_thread.loop = NULL;
    ai_thread.task = NULL;
    ai_thread.main = NULL;
    ai_thread.kept = NULL;
    ai_thread.closing = false;
    ai_thread.turning = false;
    ai_watchdog_forget();
    ai_wind_up_forget();
    ai_thread.fresh = NULL;
    ai_list_init(&ai_thread.tasks);
    ai_list_init(&ai_thread.owned);
    ai_list_init(&ai_thread.futures);
    ai_list_init(&ai_thread.callbacks);
    ai_list_init(&ai_thread.done_callbacks);
    ai_thread.tasks_alive = 0;
}

static void lock_before_fork(void)
{
    pthread_mutex_lock(&threads_lock);
    ai_inbox_before_fork();
    ai_signals_before_fork();
    ai_broken_pipe_before_fork();
}

static void unlock_in_parent(void)
{
    ai_broken_pipe_after_fork(false);
    ai_signals_after_fork(false);
    ai_inbox_after_fork(false);
    pthread_mutex_unlock(&threads_lock);
}

static void set_up_process(void)
{
    have_key = pthread_key_create(&key, end) == 0;
    atexit(end_at_exit);
    pthread_atfork(lock_before_fork, unlock_in_parent, forget_in_child);
}

bool ai_thread_begin(void)
{
    struct ai_thread *thread = &ai_thread;

    if (thread->begun)
        return true;
    pthread_once(&once, set_up_process);
    if (have_key)
        pthread_setspecific(key, thread);
    const char *debug = getenv("ASYNCIO_DEBUG");
    thread->slow = AI_SLOW;
    thread->debug = debug && *debug && *debug != '0';
    ai_list_init(&thread->owned);
    ai_list_init(&thread->tasks);
    ai_list_init(&thread->futures);
    ai_list_init(&thread->callbacks);
    ai_list_init(&thread->done_callbacks);
    ai_stack_pool_init(&thread->stacks, 0);
    thread->begun = true;
    thread->yield = ai_yield_new();
    if (!thread->yield) {
        thread->begun = false;
        ai_pool_close(&ai_pool);
        return false;
    }
    thread->errno_place = &errno;
    enter(thread);
    return true;
}

struct ai_loop *ai_thread_loop(const char *what)
{
    if (!ai_thread.loop)
        ai_panic("RuntimeError: no running event loop (%s)", what);
    return ai_thread.loop;
}
