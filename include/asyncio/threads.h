/* Threads and loops: blocking code in threads of a pool, and other threads' ways into a loop.
 *
 *     int n = await(asyncio_to_thread(fib(40)));       n = await asyncio.to_thread(fib, 40)
 *
 * What an async function does in a thread it does as a plain function: it may block, and it may
 * fail with asyncio_raise(); it may not await, but it may asyncio_run() a loop of its own. Its
 * arguments are copied there and its result back; what they point to must be there meanwhile.
 *
 * A loop is reached from other threads by its handle, struct asyncio_loop *, and by nothing else of
 * this header or of <asyncio.h>. */
#ifndef ASYNCIO_THREADS_H
#define ASYNCIO_THREADS_H

#include <asyncio/language.h>

#pragma GCC visibility push(default)

/* The untyped functions behind the typed macros; see each macro below. */
struct asyncio_loop;
struct asyncio_executor;
asyncio_any asyncio__to_thread(asyncio_any x);
asyncio_any asyncio__run_in_executor(asyncio_any x, struct asyncio_executor *executor);
void *asyncio__run_coroutine_threadsafe(asyncio_any x, struct asyncio_loop *loop);
asyncio_any asyncio__wrap_future(void *f);
int asyncio__concurrent_result(void *f, void *result, double seconds);

/* --- Into a loop from other threads ------------------------------------------------------------
 */

/* This thread's loop, for other threads: the handle stays good for them as long as the loop is
 * there, and after its end is refused with -ESHUTDOWN. (Handles come round after 32,768 loops.)
 * Aborts where no loop runs; NULL without memory. */
struct asyncio_loop *asyncio_get_running_loop(void);

/* callback(arg) runs in the next turn of that loop, on its thread; it must not await. From any
 * thread; those of one thread run in their order. 0, -ENOMEM, or -ESHUTDOWN: the loop has ended. A
 * callback that the loop's end overtakes never runs. It runs in a copy of the caller's context. */
int asyncio_call_soon_threadsafe(struct asyncio_loop *loop, void (*callback)(void *), void *arg);

/* --- Concurrent futures ------------------------------------------------------------------------
 */

/* A result that one thread makes and others may wait for (Python's concurrent.futures.Future).
 * Any thread may use it; it lives until asyncio_concurrent_release(). It cannot be awaited: see
 * asyncio_wrap_future(). NULL is one that failed for lack of memory. */
#define asyncio_concurrent_future(T) __typeof__(__typeof__(T)(****)(void))

/* asyncio_run_coroutine_threadsafe(x, loop): runs x, an unused coroutine object of an async
 * function (not a wait_for: what that waits for is this thread's), as a task of that loop: its
 * arguments and its context are taken there and the coroutine is made anew. An
 * asyncio_concurrent_future(T). It fails with -ESHUTDOWN if the loop has ended already, with
 * -ECANCELED if it ends before the task has, with -ENOMEM if memory is short there. NULL for NULL
 * or without memory, x closed. */
#define asyncio_run_coroutine_threadsafe(x, loop)                                                  \
    ASYNCIO__RUN_THREADSAFE(x, loop, ASYNCIO__CAT(asyncio__h, __COUNTER__))

/* asyncio_concurrent_result(f, seconds): blocks this thread until f is done, at most so long
 * (ASYNCIO_FOREVER: no limit), for its T; what fails with -ETIMEDOUT gives, if it is not done by
 * then. asyncio_error() tells. 0 seconds only look. On the thread of the loop that f is a task of
 * it would wait for itself, and aborts. */
#define asyncio_concurrent_result(f, seconds)                                                      \
    ASYNCIO__CONCURRENT_RESULT(f, seconds, ASYNCIO__CAT(asyncio__f, __COUNTER__),                  \
                               ASYNCIO__CAT(asyncio__v, __COUNTER__),                              \
                               ASYNCIO__CAT(asyncio__e, __COUNTER__))

/* The same for how it ended: 0, its -errno, or -ETIMEDOUT. The message of its failure, "" if there
 * is none, or while it is pending; valid until the release. */
int asyncio_concurrent_exception(void *f, double seconds);
const char *asyncio_concurrent_exception_message(void *f);

bool asyncio_concurrent_done(void *f);
bool asyncio_concurrent_cancelled(void *f);

/* Cancels it and what it stands for: a task is asked to end, a function that no thread has begun
 * never runs. false if it is done, or such a function runs. */
bool asyncio_concurrent_cancel(void *f);

/* Gives it up: what it stands for runs on. NULL does nothing. */
void asyncio_concurrent_release(void *f);

/* asyncio_wrap_future(f): an awaitable(T) of this thread's loop for f, which may be released then.
 * Cancelling it cancels f. NULL for NULL or without memory. */
#define asyncio_wrap_future(f) ASYNCIO__WRAP_FUTURE(f, ASYNCIO__CAT(asyncio__f, __COUNTER__))

/* --- Functions in threads ----------------------------------------------------------------------
 */

/* asyncio_to_thread(x): the T of x, an unused coroutine object of an async function, whose body is
 * called in a thread of the loop's default executor, in a copy of the context current now. Nothing
 * happens before it is awaited (or made a task, gathered, …). Cancelling it fails it with
 * -ECANCELED at once; a function that has begun then runs on all the same, as a thread cannot be
 * stopped; one that has not never does. Fails with -EAGAIN if there is no thread to be had,
 * -ESHUTDOWN after asyncio_shutdown_default_executor(). NULL for NULL or without memory, x closed.
 */
#define asyncio_to_thread(x) ASYNCIO__TYPED(x, ASYNCIO__TO_THREAD, )

/* asyncio_run_in_executor(executor, x): the same in this executor (NULL: the default one), at
 * once, and, as in Python, in an empty context. */
#define asyncio_run_in_executor(executor, x) ASYNCIO__TYPED(x, asyncio__run_in_executor, executor)

/* --- Executors ---------------------------------------------------------------------------------
 */

/* What runs functions, perhaps in threads. One's own begins with this.
 *
 * submit() has run(arg) called once, soon, on any thread (even on this one, and before it returns).
 * 0 or -errno: then it will not be called. Called on the threads of the loops that use it.
 * shutdown() ends the executor: what was submitted is still run. If `wait`, it returns when that
 * has happened; else at once. The executor is not used after it, by anybody. */
struct asyncio_executor {
    int (*submit)(struct asyncio_executor *self, void (*run)(void *arg), void *arg);
    void (*shutdown)(struct asyncio_executor *self, bool wait);
};

/* Threads, up to max_workers (0: the processors and four, at most 32), started when there is work
 * and none is idle, and kept for more; named PREFIX_0, … (NULL: "asyncio"; the kernel keeps 15
 * bytes). Its shutdown() frees it; with `wait`, not from one of its own threads. NULL without
 * memory. */
struct asyncio_executor *asyncio_thread_pool_executor(size_t max_workers,
                                                      const char *thread_name_prefix);

/* What this thread's loop takes for asyncio_to_thread(), in place of the pool it would make. The
 * loop owns it: its end shuts it down, and waits for what runs there. What was set before is the
 * caller's again. */
void asyncio_set_default_executor(struct asyncio_executor *executor);

/* Shuts the default executor down and waits for what it runs, for so long (ASYNCIO_FOREVER: no
 * limit); what uses it afterwards fails with -ESHUTDOWN. asyncio_run() does so at its end, without
 * a limit. 0; -ETIMEDOUT or -ECANCELED: what runs there then goes on by itself. NULL without
 * memory. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_shutdown_default_executor(double seconds);

/* --- What the macros above are made of ---------------------------------------------------------
 */

#define ASYNCIO__TO_THREAD(h, none) asyncio__to_thread(h)

/* T of a concurrent future; a compile error where f is none. */
#define ASYNCIO__CONCURRENT(f) __typeof__((****(f))())
#define ASYNCIO__CHECK_CONCURRENT(f) ((void)_Generic((f), ASYNCIO__CONCURRENT(f)(****)(void) : 0))

#define ASYNCIO__RUN_THREADSAFE(x, loop, h)                                                        \
    __extension__({                                                                                \
        __auto_type h = (x);                                                                       \
        ASYNCIO__CHECK(h);                                                                         \
        (asyncio_concurrent_future(ASYNCIO__RESULT(h)))                                            \
            asyncio__run_coroutine_threadsafe((asyncio_any)h, loop);                               \
    })

#define ASYNCIO__WRAP_FUTURE(future, f)                                                            \
    __extension__({                                                                                \
        __auto_type f = (future);                                                                  \
        ASYNCIO__CHECK_CONCURRENT(f);                                                              \
        (ASYNCIO_AWAITABLE(ASYNCIO__CONCURRENT(f))) asyncio__wrap_future((void *)f);               \
    })

#define ASYNCIO__CONCURRENT_RESULT(future, seconds, f, v, e)                                       \
    __extension__({                                                                                \
        __auto_type f = (future);                                                                  \
        ASYNCIO__CHECK_CONCURRENT(f);                                                              \
        ASYNCIO__VALUE(ASYNCIO__CONCURRENT(f)) v;                                                  \
        int e = asyncio__concurrent_result((void *)f, &v, seconds);                                \
        if (e)                                                                                     \
            v = ASYNCIO__FAILED(ASYNCIO__CONCURRENT(f), e);                                        \
        ASYNCIO__GIVE(ASYNCIO__CONCURRENT(f), v);                                                  \
    })

#pragma GCC visibility pop

#endif
