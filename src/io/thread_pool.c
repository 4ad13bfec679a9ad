/* Threads that run what is submitted: asyncio_thread_pool_executor().
 *
 * Everything is under one lock but the work itself. A thread is started when there is more work
 * than threads that wait for some, up to the most there may be, and stays. Threads end when the
 * pool is ending and nothing is queued. Then whoever waits joins them all and frees the pool; if
 * nobody does, they are detached, and the last one frees it. */
#include "base/panic.h"
#include "task/thread.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

struct item {
    struct item *next;
    void (*run)(void *arg);
    void *arg;
};

struct worker {
    struct worker *next;
    pthread_t thread;
};

enum { NAME = 16 }; /* what the kernel keeps of a thread's name */

struct pool {
    struct asyncio_executor executor;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct item *first, **last;
    size_t queued, idle, threads, most;
    struct worker *workers; /* whom to join */
    unsigned named;
    bool ending, detached;
    unsigned forks; /* when it was made, or made good in the child of a fork */
    char prefix[NAME];
};

static _Thread_local struct pool *working_for;

static struct pool *pool_of(struct asyncio_executor *executor)
{
    return (struct pool *)executor;
}

/* --- Life --- */

static void init(struct pool *pool)
{
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pool->last = &pool->first;
    pool->forks = ai_forks;
}

/* In the child of a fork the pool's threads are not there, nor is what they were to do. */
static void lock(struct pool *pool)
{
    if (pool->forks != ai_forks) {
        pool->first = NULL;
        pool->workers = NULL;
        pool->queued = pool->idle = pool->threads = 0;
        init(pool);
    }
    pthread_mutex_lock(&pool->lock);
}

static void free_pool(struct pool *pool)
{
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    ai_deallocate(pool, sizeof *pool);
}

/* --- A thread --- */

static struct item *next_item(struct pool *pool)
{
    while (!pool->first && !pool->ending) {
        pool->idle++;
        pthread_cond_wait(&pool->work, &pool->lock);
        pool->idle--;
    }
    struct item *item = pool->first;
    if (!item)
        return NULL;
    pool->queued--;
    if (!(pool->first = item->next))
        pool->last = &pool->first;
    return item;
}

static void run(struct item *item)
{
    void (*function)(void *) = item->run;
    void *arg = item->arg;
    unsigned forks = ai_forks;

    ai_deallocate(item, sizeof *item);
    function(arg);
    if (ai_forks != forks)
        ai_panic("RuntimeError: a function in a thread returned in a forked child, where its pool "
                 "is not: leave it by _exit() or exec()");
    ai_thread_tidy();
}

static void name_thread(struct pool *pool)
{
    char name[NAME + 12];
    int n = snprintf(NULL, 0, "_%u", pool->named);

    snprintf(name, sizeof name, "%.*s_%u", NAME - 1 - n, pool->prefix, pool->named);
    pool->named++;
    pthread_setname_np(pthread_self(), name);
}

static void *work(void *arg)
{
    struct pool *pool = arg;

    working_for = pool;
    pthread_mutex_lock(&pool->lock);
    name_thread(pool);
    for (struct item *item; (item = next_item(pool));) {
        pthread_mutex_unlock(&pool->lock);
        run(item);
        pthread_mutex_lock(&pool->lock);
    }
    bool last = --pool->threads == 0 && pool->detached;
    pthread_mutex_unlock(&pool->lock);
    if (last)
        free_pool(pool);
    return NULL;
}

/* --- What the executor does --- */

static int start_thread(struct pool *pool)
{
    struct worker *w = ai_allocate(sizeof *w);

    if (!w)
        return -ENOMEM;
    int error = pthread_create(&w->thread, NULL, work, pool);
    if (error) {
        ai_deallocate(w, sizeof *w);
        return -error;
    }
    w->next = pool->workers;
    pool->workers = w;
    pool->threads++;
    return 0;
}

/* Without a thread of its own it waits for one of the others, if there are any. */
static int enqueue(struct pool *pool, struct item *item)
{
    if (pool->ending)
        return -ESHUTDOWN;
    if (pool->queued >= pool->idle && pool->threads < pool->most) {
        int error = start_thread(pool);
        if (error && pool->threads == 0)
            return error;
    }
    *pool->last = item;
    pool->last = &item->next;
    pool->queued++;
    pthread_cond_signal(&pool->work);
    return 0;
}

static int submit(struct asyncio_executor *self, void (*function)(void *), void *arg)
{
    struct pool *pool = pool_of(self);
    struct item *item = ai_allocate(sizeof *item);

    if (!item)
        return -ENOMEM;
    *item = (struct item){NULL, function, arg};
    lock(pool);
    int error = enqueue(pool, item);
    pthread_mutex_unlock(&pool->lock);
    if (error)
        ai_deallocate(item, sizeof *item);
    return error;
}

static void leave(pthread_t thread, bool wait)
{
    if (wait)
        pthread_join(thread, NULL);
    else
        pthread_detach(thread);
}

static void leave_all(struct worker *w, bool wait)
{
    for (struct worker *next; w; w = next) {
        next = w->next;
        leave(w->thread, wait);
        ai_deallocate(w, sizeof *w);
    }
}

static void shut_down(struct asyncio_executor *self, bool wait)
{
    struct pool *pool = pool_of(self);

    if (wait && working_for == pool)
        ai_panic("RuntimeError: cannot join current thread: a thread pool was shut down by one of "
                 "its own functions");
    lock(pool);
    pool->ending = true;
    pool->detached = !wait;
    pthread_cond_broadcast(&pool->work);
    struct worker *workers = pool->workers;
    bool last = wait || pool->threads == 0;
    if (!wait)
        leave_all(workers, false); /* while they are held back by the lock */
    pthread_mutex_unlock(&pool->lock);
    if (wait)
        leave_all(workers, true);
    if (last)
        free_pool(pool);
}

/* --- Making one --- */

static size_t default_workers(void)
{
    cpu_set_t set;
    int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;

    return cpus + 4 < 32 ? (size_t)cpus + 4 : 32;
}

struct asyncio_executor *asyncio_thread_pool_executor(size_t max_workers, const char *prefix)
{
    struct pool *pool = ai_allocate(sizeof *pool);

    if (!pool)
        return NULL;
    pool->executor = (struct asyncio_executor){submit, shut_down};
    pool->most = max_workers ? max_workers : default_workers();
    snprintf(pool->prefix, sizeof pool->prefix, "%s", prefix ? prefix : "asyncio");
    init(pool);
    return &pool->executor;
}
