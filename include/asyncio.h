/* asyncio for C: coroutines, tasks and an event loop, with the model and the names of Python's
 * asyncio. This header is the tour; what it leaves to <asyncio/language.h> is how the words below
 * are made of macros.
 *
 *     #include <asyncio.h>
 *
 *     async(int, add, (int, x), (int, y))         async def add(x, y):
 *     {
 *         return x + y;                               return x + y
 *     }
 *
 *     async(void, get_results)                    async def get_results():
 *     {
 *         printf("%d\n", await(add(3, 4)));           print(await add(3, 4))
 *     }
 *
 *     int main(void)
 *     {
 *         asyncio_run(get_results());             asyncio.run(get_results())
 *     }
 *
 * The words
 *   awaitable(T)                 what can be awaited for a T: a coroutine object, a task, a future,
 *                                an operation. A handle, pointer-sized; NULL is none.
 *   async(T, f, (type, x), …)    defines the coroutine function f, with up to 8 parameters. Calling
 *                                f runs nothing: it makes a coroutine object. `static` may stand in
 *                                front; a header declares it as `awaitable(T) f(type x);`.
 *   await(x)                     suspends until x is done; its value is the T of x. Awaiting a
 *                                coroutine is a call: on this stack, with no switch of its own.
 *   async_gen(T, g, (type, x), …)  defines an asynchronous generator function: calling g makes an
 *                                async_iterator(T).
 *   async_yield(v);              in its body: hands v to the loop. If that loop was left early, the
 *                                body returns from here (Python raises GeneratorExit), so what must
 *                                be undone belongs in async_with or a cleanup attribute.
 *   async_for (type x, it) { }   takes what `it` yields; break, continue and return work.
 *   async_with (m) { }           enters m and leaves it however the block is left.
 * All have long twins (ASYNCIO_AWAIT, …), alone under ASYNCIO_NO_KEYWORDS.
 *
 * Ownership
 *   1. A coroutine object or operation is used once: what takes it first owns it. A second use
 *      aborts the program with its name. One never used is warned of when the task that made it
 *      ends, as in Python; asyncio_release() closes it silently.
 *   2. A task or future is valid until its maker ends or calls asyncio_release() on it. Awaiting
 *      does not release. Releasing a running task lets it run on.
 *   3. asyncio_retain() keeps one beyond that, until its own asyncio_release().
 *   What a callback makes, or code outside of any loop, is its thread's: release it or spawn it.
 *   A handle used after it went aborts with a message; it never reads memory that is gone.
 *
 * Errors
 *   Results are ≥ 0 or -errno, pointers NULL. A coroutine fails with
 *   `return asyncio_raise(-EPROTO, "bad header %s", h);`, or by returning the very error its last
 *   await failed with. Who awaits it gets the value; where there is none, -errno if T is a signed
 *   integer, else zero; and asyncio_error() tells. NULL for an awaitable means no memory and can be
 *   handed on: awaiting it fails with -ENOMEM.
 *
 * Cancellation
 *   asyncio_cancel() asks once; the await the task is in, or its next one that suspends, fails with
 *   -ECANCELED. The task is cancelled if it then ends by passing that on: a signed integer by
 *   returning -ECANCELED, other types by returning empty (or being void) with no later await. Any
 *   other value swallows the cancellation, as catching CancelledError does. A task that ends while
 *   a request is still to be delivered is cancelled, whatever it returns.
 *
 * Threads: a loop belongs to the thread that runs it, and so do its awaitables. Everything here is
 * for that thread, except where a function says otherwise. */
#ifndef ASYNCIO_H
#define ASYNCIO_H

#include <asyncio/context.h>
#include <asyncio/exception.h>
#include <asyncio/graph.h>
#include <asyncio/io.h>
#include <asyncio/language.h>
#include <asyncio/runner.h>
#include <asyncio/signals.h>
#include <asyncio/simulation.h>

#include <errno.h>
#include <stdio.h>
#include <sys/types.h>

#ifdef __cplusplus
#error "<asyncio.h> is for C: its coroutine functions are made of GNU C"
#endif

/* The wrong T is an error, not a warning (as it is by default from gcc 14 and clang 16 on). */
#pragma GCC diagnostic error "-Wincompatible-pointer-types"
#pragma GCC diagnostic error "-Wint-conversion"

#pragma GCC visibility push(default)

#define ASYNCIO_VERSION "0.1.0"

/* Seconds that never end, for whatever takes a time limit. */
#define ASYNCIO_FOREVER (__builtin_inf())

/* The untyped functions behind the typed macros; see each macro below. */
int asyncio__run(asyncio_any x, void *result);
asyncio_any asyncio__create_task(asyncio_any x, const char *name);
asyncio_any asyncio__create_task_in(asyncio_any x, const char *name,
                                    struct asyncio_context *context);
asyncio_any asyncio__task(asyncio_any x, const char *name);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio__gather(asyncio_any const *x, size_t n, void *results, size_t size, int *errors);
asyncio_any asyncio__wait_for(asyncio_any x, double seconds);
asyncio_any asyncio__shield(asyncio_any x);
asyncio_any asyncio__future(size_t size, bool is_signed);
int asyncio__set_result(asyncio_any f, const void *value);
int asyncio__result(asyncio_any x, void *result);
asyncio_any asyncio__retain(asyncio_any x);
bool asyncio__cancel(asyncio_any x, const char *message);

/* For what fails, or does not, without being awaited: what asyncio_error() and
 * asyncio_error_message() say. */
void asyncio__set_error(int error, const char *message);

/* --- Running -----------------------------------------------------------------------------------
 */

/* asyncio_run(x): runs x (a coroutine, as a task) and the loop until x is done, then cancels every
 * task that is left, waits for them, and closes the loop; its value is the T of x. asyncio_error()
 * then tells whether x failed. Tasks that outlive x may go on using pointers to its variables: the
 * first 16 KiB of its stack stay as they were. If there is no memory or no back-end for a loop, x
 * is closed without having run and asyncio_error() says so. Calling it where a loop runs already
 * aborts. A task that ignores its cancellation again and again is reported and destroyed. Where x
 * fails and its T cannot carry that (void, a pointer, ...), the exception handler is told. On
 * SIGINT, and for several runs on one loop, see <asyncio/runner.h>. */
#define asyncio_run(x) ASYNCIO__CALL(asyncio__run, x)

/* asyncio_create_task(x), asyncio_create_task(x, "name"), asyncio_create_task(x, "name", context):
 * schedules x as a task of its own and returns the same handle. It first runs in the loop's next
 * turn. An operation made a task needs no stack. NULL gives NULL. The name may be NULL; a context
 * that is not NULL is shared with the task, which else has a copy of the current one. */
#define asyncio_create_task(...)                                                                   \
    ASYNCIO__CAT(ASYNCIO__CREATE_TASK_, ASYNCIO__ARITY(__VA_ARGS__))(__VA_ARGS__)

/* asyncio_ensure_future(x): x itself where it is a task or future, else a task of it. */
#define asyncio_ensure_future(x) asyncio_create_task(x)

/* asyncio_create_eager_task(x), asyncio_create_eager_task(x, "name"): the same, but x starts at
 * once (Python's eager_start=True), on a stack of its own, and this returns when it first suspends.
 * If it ended before that it is done, and has taken no turn of the loop. Outside of the loop's
 * turns it is scheduled. Without memory NULL, x closed; without memory for a stack it is done with
 * -ENOMEM. */
#define asyncio_create_eager_task(...)                                                             \
    ASYNCIO__CAT(ASYNCIO__EAGER_TASK_, ASYNCIO__ONE_OR_N(__VA_ARGS__))(__VA_ARGS__)

/* Fire and forget: asyncio_create_task() and asyncio_release() in one. NULL does nothing. */
void asyncio_spawn(asyncio_any x);

/* Suspends for this many seconds; 0 or less gives every other ready task a turn. The clock starts
 * when it is awaited (or made a task, gathered, …). 0 or -ECANCELED. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_sleep(double seconds);

ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio__sleep(double seconds);
extern __inline __attribute__((gnu_inline)) ASYNCIO_AWAITABLE(int) asyncio_sleep(double seconds)
{
    return seconds > 0 ? asyncio__sleep(seconds) : (ASYNCIO_AWAITABLE(int))ASYNCIO__YIELD;
}

/* time.sleep(): blocks the thread and with it every task. In the simulation it takes no time, but
 * the loop's clock moves on all the same. */
void asyncio_block(double seconds);

/* --- Several at once ---------------------------------------------------------------------------
 */

/* asyncio_gather(a, b, …), of any types; asyncio_gather_n(handles, n); asyncio_gather_into(results,
 * a, b, …), the values in order in `results`, which must live until it is done. Each is scheduled
 * at once, as a task unless it is one. Done when all are, or at the first failure: 0, or that error
 * (the others run on). Cancelling it cancels all of them. Of one that failed, `results` gets what
 * await would have given. NULL among them, or no memory: -ENOMEM, the others closed. */
#define asyncio_gather(...) ASYNCIO__GATHER(NULL, __VA_ARGS__) /* in two steps: so it nests */
#define asyncio_gather_n(handles, n) ASYNCIO__GATHER_N(handles, n, NULL)
#define asyncio_gather_into(results, ...) ASYNCIO__GATHER_INTO(results, NULL, __VA_ARGS__)

/* The same with failures as results (Python: return_exceptions=True), 0 or -errno of each in order
 * in `errors`, an array of int: it is done when all are, and fails only if it is itself cancelled
 * or for want of memory. */
#define asyncio_gather_return_exceptions(errors, ...) ASYNCIO__GATHER(errors, __VA_ARGS__)
#define asyncio_gather_n_return_exceptions(errors, handles, n) ASYNCIO__GATHER_N(handles, n, errors)
#define asyncio_gather_into_return_exceptions(results, errors, ...)                                \
    ASYNCIO__GATHER_INTO(results, errors, __VA_ARGS__)

/* asyncio_wait_for(x, seconds): the T of x, if it is done within that time. Else x is cancelled and
 * waited for, and this fails with -ETIMEDOUT, unless x came to a value all the same. A coroutine
 * runs in the task that awaits this; where seconds is 0 or less it never runs. Cancelling this
 * cancels x. NULL for NULL or without memory, x closed. */
#define asyncio_wait_for(x, seconds) ASYNCIO__TYPED(x, ASYNCIO__WAIT_FOR, seconds)

/* asyncio_shield(x): the T of x; cancelling this does not cancel x. A coroutine is scheduled at
 * once and is the shield's: to keep it, make a task of it first. NULL as above. */
#define asyncio_shield(x) ASYNCIO__TYPED(x, ASYNCIO__SHIELD, )

/* --- Futures -----------------------------------------------------------------------------------
 */

/* asyncio_future(T): a pending future of this thread's loop, which somebody completes. */
#define asyncio_future(T)                                                                          \
    ((ASYNCIO_AWAITABLE(T))asyncio__future(ASYNCIO__IS_VOID(T) ? 0 : sizeof(ASYNCIO__VALUE(T)),    \
                                           ASYNCIO__SIGNED(T)))

/* asyncio_set_result(f, v), asyncio_set_result(f) for void: completes the future. 0, or -EBUSY if
 * it is done. Who awaits it runs in the loop's next turn. */
#define asyncio_set_result(...)                                                                    \
    ASYNCIO__CAT(ASYNCIO__SET_RESULT_, ASYNCIO__ONE_OR_N(__VA_ARGS__))(__VA_ARGS__)

/* Completes the future with a failure: -errno and, unless format is NULL, a message. 0, or -EBUSY
 * if it is done, -EINVAL for an error that is not negative. */
int asyncio_set_exception(asyncio_any f, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* asyncio_result(x): the T of a task or future that is done, as await would give it; of a pending
 * one, what fails with -EBUSY gives. */
#define asyncio_result(x) ASYNCIO__CALL(asyncio__result, x)

/* 0 if it succeeded, its -errno if it failed (-ECANCELED if it was cancelled), -EBUSY while it is
 * pending. */
int asyncio_exception(asyncio_any x);

/* The message of its failure, "" if there is none; valid as long as the handle. */
const char *asyncio_exception_message(asyncio_any x);

bool asyncio_done(asyncio_any x);
bool asyncio_cancelled(asyncio_any x);

/* Whether it is a task, a future or what else may be awaited again and again; whether it is a
 * coroutine object that no task was made of. */
bool asyncio_isfuture(asyncio_any x);
bool asyncio_iscoroutine(asyncio_any x);

/* callback(x, arg) is called by the loop in the turn after x is done (the next one if it is
 * already). It must not await. 0 or -ENOMEM. remove: how many were removed. */
typedef void asyncio_done_callback(asyncio_any x, void *arg);
int asyncio_add_done_callback(asyncio_any x, asyncio_done_callback *callback, void *arg);
int asyncio_remove_done_callback(asyncio_any x, asyncio_done_callback *callback);

/* --- Tasks -------------------------------------------------------------------------------------
 */

/* Asks a task to end: what it awaits is cancelled, or else its next await that suspends; one that
 * never started never will. A future or gather is cancelled itself. false if it is done. An unused
 * coroutine or operation is closed. asyncio_cancel(x, "message"): the await that is cancelled fails
 * with that message, and so does what passes it on; it goes down all that is cancelled with it, and
 * a type's cancel() that asks others passes it on. Without memory for it there is none. */
bool asyncio_cancel(asyncio_any x);
#define asyncio_cancel(...)                                                                        \
    ASYNCIO__CAT(ASYNCIO__CANCEL_, ASYNCIO__ONE_OR_N(__VA_ARGS__))(__VA_ARGS__)

/* How often the task was asked to end, less the asyncio_uncancel() calls; uncancel returns what is
 * left. */
int asyncio_cancelling(asyncio_any task);
int asyncio_uncancel(asyncio_any task);

/* Names: "Task-1", … unless set. The string is valid until the next asyncio_set_name(), or for a
 * number name until the next call. set: 0 or -ENOMEM. */
int asyncio_set_name(asyncio_any task, const char *name);
const char *asyncio_get_name(asyncio_any task);

/* The running task, NULL outside of one. */
asyncio_any asyncio_current_task(void);

/* The tasks of this thread's loop that are not done, oldest first: the first n go to `tasks`,
 * whose handles are valid as long as they are. Returns how many there are. */
size_t asyncio_all_tasks(asyncio_any *tasks, size_t n);

/* `<coroutine object add at 0x…>`, `<Task pending name='Task-2' coro=<f()>>`, … into buf, cut to
 * fit. Returns buf. */
char *asyncio_repr(asyncio_any x, char *buf, size_t n);

/* Who makes the tasks of this thread's loop: of all that asyncio_create_task(), asyncio_spawn(),
 * asyncio_gather() and others make one of. It is called with the handle of a coroutine or operation
 * that nobody has used and a name or NULL, and returns that handle, which it has made a task by
 * asyncio_task() or asyncio_create_eager_task(), or NULL where those do, without memory. (Python's
 * may return anything.) NULL, as at first: asyncio_task(). set aborts without a loop. */
typedef asyncio_any asyncio_task_factory(asyncio_any x, const char *name);
void asyncio_set_task_factory(asyncio_task_factory *factory);
asyncio_task_factory *asyncio_get_task_factory(void);

/* The factory of eager tasks. */
asyncio_any asyncio_eager_task_factory(asyncio_any x, const char *name);

/* asyncio_task(x), asyncio_task(x, "name"): asyncio_create_task() without the factory, for it. */
#define asyncio_task(...) ASYNCIO__CAT(ASYNCIO__TASK_, ASYNCIO__ONE_OR_N(__VA_ARGS__))(__VA_ARGS__)

/* --- Ownership ---------------------------------------------------------------------------------
 */

/* asyncio_retain(x): the same handle, valid until a release of its own, also beyond its maker's
 * end. Whoever keeps a handle retains it, and releases it when done. */
#define asyncio_retain(x) ASYNCIO__RETAIN(x, ASYNCIO__CAT(asyncio__h, __COUNTER__))

/* Gives up what one asyncio_retain() kept; where there is none (any more), the handle itself, as
 * its maker's end would: an unused coroutine, operation or iterator is closed. NULL does nothing.
 */
void asyncio_release(asyncio_any x);

/* --- Timeouts, groups, waiting for several -----------------------------------------------------
 */

#include <asyncio/groups.h>

/* --- Locks, events, conditions, semaphores, barriers -------------------------------------------
 */

#include <asyncio/sync.h>

/* --- Queues ------------------------------------------------------------------------------------
 */

#include <asyncio/queue.h>

/* --- Channels, select --------------------------------------------------------------------------
 */

#include <asyncio/channel.h>

/* --- Errors ------------------------------------------------------------------------------------
 */

/* Makes the coroutine that runs fail with this error and message; returns `error`. */
int asyncio_raise(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What the last await of this task came to: 0 or -errno, and its message, "" if there is none,
 * valid until the next await. Outside a task: of the last asyncio_run() of this thread. */
int asyncio_error(void);
const char *asyncio_error_message(void);

/* Where several failed, as in a task group, that error has the code of the first, and members. How
 * many it has: 1 where it is no group, 0 where all went well. The i-th one's code and, unless
 * `message` is NULL, message, valid as long as the above; 0 and "" beyond the last. */
size_t asyncio_error_count(void);
int asyncio_error_at(size_t i, const char **message);

/* --- The loop ----------------------------------------------------------------------------------
 */

/* Seconds on the loop's clock: monotonic, or simulated. */
double asyncio_time(void);

/* A scheduled callback (Python's Handle and TimerHandle). It may be used after it ran: then it
 * names nothing, and cancelling it does nothing. */
struct asyncio_handle;

/* callback(arg) runs in the loop's next turn; after `delay` seconds; at `when` on asyncio_time().
 * It runs on the loop's own stack and must not await. NULL without memory or without a loop. */
struct asyncio_handle *asyncio_call_soon(void (*callback)(void *), void *arg);
struct asyncio_handle *asyncio_call_later(double delay, void (*callback)(void *), void *arg);
struct asyncio_handle *asyncio_call_at(double when, void (*callback)(void *), void *arg);
void asyncio_handle_cancel(struct asyncio_handle *handle);

/* When the callback is to run, on asyncio_time(); 0 where the handle names nothing any more, or
 * nothing with a time. */
double asyncio_handle_when(struct asyncio_handle *handle);

/* Debug mode (ASYNCIO_DEBUG=1, or set here, for this thread): reports what held the loop for longer
 * than its slow_callback_duration, with the backtrace at that time; see asyncio(7). */
void asyncio_set_debug(bool on);
bool asyncio_get_debug(void);

/* Seconds that a step may take before debug mode reports it: 0.1, or as set here, for this thread.
 * In the simulation steps take time only by asyncio_block(). */
void asyncio_set_slow_callback_duration(double seconds);
double asyncio_get_slow_callback_duration(void);

/* Bytes of the stack of each task of this thread, to which a guard is added; 0 means the default:
 * ASYNCIO_STACK_SIZE in the environment, else 128 KiB. Memory is taken only for pages that are
 * touched. 0, or -EBUSY while any task has a stack. */
int asyncio_set_stack_size(size_t bytes);

/* What this thread runs on, and how much of it is in use. */
struct asyncio_info {
    const char *version;
    const char *backend;        /* "io_uring", "epoll", "sim" */
    const char *backend_reason; /* why this one */
    const char *context;        /* "x86_64", "aarch64", "ucontext" */
    const char *guard;          /* how stacks are guarded: "madvise", "mprotect"; "" before any */
    size_t stack_size;
    size_t awaitables; /* that exist */
    size_t tasks;      /* that are not done */
    size_t stacks;     /* in use */
};
void asyncio_info(struct asyncio_info *info);

/* Embedding in a foreign loop. asyncio_loop_new() makes a loop for this thread without running it:
 * tasks may then be created. The foreign loop polls asyncio_loop_fd() for reading and calls
 * asyncio_loop_turn() when it is ready: that never blocks, and returns the number of tasks that are
 * not done, or -errno. The descriptor is readable too when a timer is due or a turn is pending.
 * asyncio_loop_close() ends the loop as asyncio_run() does at its end. new: 0, -ENOMEM, -EBUSY (the
 * thread has a loop), or the back-end's error. */
int asyncio_loop_new(void);
int asyncio_loop_fd(void);
int asyncio_loop_turn(void);
void asyncio_loop_close(void);

/* --- What the macros above are made of ---------------------------------------------------------
 */

/* function(x, …) with the type of x. Names end in a number of their own, so that calls nest. */
#define ASYNCIO__TYPED(x, function, argument)                                                      \
    ASYNCIO__TYPED_(x, function, argument, ASYNCIO__CAT(asyncio__h, __COUNTER__))
#define ASYNCIO__TYPED_(x, function, argument, h)                                                  \
    __extension__({                                                                                \
        __auto_type h = (x);                                                                       \
        ASYNCIO__CHECK(h);                                                                         \
        (__typeof__(h))function((asyncio_any)h, argument);                                         \
    })
#define ASYNCIO__WAIT_FOR(h, seconds) asyncio__wait_for(h, seconds)
#define ASYNCIO__SHIELD(h, none) asyncio__shield(h)
#define ASYNCIO__GROUP_TASK_1(group, x) ASYNCIO__GROUP_TASK_2(group, x, NULL)
#define ASYNCIO__GROUP_TASK_2(group, x, name)                                                      \
    ASYNCIO__GROUP_TASK(group, x, name, ASYNCIO__CAT(asyncio__h, __COUNTER__))
#define ASYNCIO__GROUP_TASK(group, x, name, h)                                                     \
    __extension__({                                                                                \
        __auto_type h = (x);                                                                       \
        ASYNCIO__CHECK(h);                                                                         \
        (__typeof__(h))asyncio__task_group_create_task(group, (asyncio_any)h, name);               \
    })
#define ASYNCIO__CREATE_TASK_0(x) ASYNCIO__TYPED(x, asyncio__create_task, NULL)
#define ASYNCIO__CREATE_TASK_1(x, name) ASYNCIO__TYPED(x, asyncio__create_task, name)
#define ASYNCIO__CREATE_TASK_2(x, name, context)                                                   \
    ASYNCIO__TYPED(x, ASYNCIO__CREATE_TASK_IN, (name, context))
#define ASYNCIO__CREATE_TASK_IN(h, pair) asyncio__create_task_in(h, ASYNCIO__PAIR pair)
#define ASYNCIO__PAIR(a, b) a, b

#define ASYNCIO__TASK_1(x) ASYNCIO__ANY_TYPED(x, asyncio__task, NULL)
#define ASYNCIO__TASK_2(x, name) ASYNCIO__ANY_TYPED(x, asyncio__task, name)
#define ASYNCIO__EAGER_TASK_1(x) ASYNCIO__TYPED(x, asyncio_eager_task_factory, NULL)
#define ASYNCIO__EAGER_TASK_2(x, name) ASYNCIO__TYPED(x, asyncio_eager_task_factory, name)

/* As ASYNCIO__TYPED, and for an asyncio_any too, as a factory has it. */
#define ASYNCIO__ANY_TYPED(x, function, argument)                                                  \
    ASYNCIO__ANY_TYPED_(x, function, argument, ASYNCIO__CAT(asyncio__h, __COUNTER__))
#define ASYNCIO__ANY_TYPED_(x, function, argument, h)                                              \
    __extension__({                                                                                \
        __auto_type h = (x);                                                                       \
        (__typeof__(h))function((asyncio_any)h, argument);                                         \
    })

#define ASYNCIO__CANCEL_1(x) (asyncio_cancel)(x)
#define ASYNCIO__CANCEL_2(x, message) asyncio__cancel(x, message)

/* Iterators may be retained too. */
#define ASYNCIO__RETAIN(x, h)                                                                      \
    __extension__({                                                                                \
        __auto_type h = (x);                                                                       \
        (__typeof__(h))asyncio__retain((asyncio_any)h);                                            \
    })

/* function(x, &value), its value. */
#define ASYNCIO__CALL(function, x)                                                                 \
    ASYNCIO__CALL_(function, x, ASYNCIO__CAT(asyncio__h, __COUNTER__),                             \
                   ASYNCIO__CAT(asyncio__v, __COUNTER__), ASYNCIO__CAT(asyncio__e, __COUNTER__))
#define ASYNCIO__CALL_(function, x, h, v, e)                                                       \
    __extension__({                                                                                \
        __auto_type h = (x);                                                                       \
        ASYNCIO__CHECK(h);                                                                         \
        ASYNCIO__VALUE(ASYNCIO__RESULT(h)) v;                                                      \
        int e = function((asyncio_any)h, &v);                                                      \
        if (e)                                                                                     \
            v = ASYNCIO__FAILED(ASYNCIO__RESULT(h), e);                                            \
        ASYNCIO__GIVE(ASYNCIO__RESULT(h), v);                                                      \
    })

/* An array of awaitables, of whatever T: the sizeof has its elements checked. */
#define ASYNCIO__HANDLES(handles)                                                                  \
    ((asyncio_any *)(1 ? (handles) : ((void)sizeof(asyncio__retain((handles)[0])), (handles))))

#define ASYNCIO__GATHER(errors, ...)                                                               \
    asyncio__gather((asyncio_any const[]){NULL, __VA_ARGS__} + 1,                                  \
                    sizeof((asyncio_any[]){NULL, __VA_ARGS__}) / sizeof(asyncio_any) - 1, NULL, 0, \
                    errors)
#define ASYNCIO__GATHER_N(handles, n, errors)                                                      \
    asyncio__gather((asyncio_any const *)ASYNCIO__HANDLES(handles), n, NULL, 0, errors)
#define ASYNCIO__GATHER_INTO(results, errors, ...)                                                 \
    asyncio__gather(                                                                               \
        (asyncio_any const *)(ASYNCIO_AWAITABLE(__typeof__((results)[0]))[]){__VA_ARGS__},         \
        sizeof((ASYNCIO_AWAITABLE(__typeof__((results)[0]))[]){__VA_ARGS__}) /                     \
            sizeof(asyncio_any),                                                                   \
        results, sizeof((results)[0]), errors)

#define ASYNCIO__SET_RESULT_1(f) asyncio__set_result(f, NULL)
#define ASYNCIO__SET_RESULT_2(f, ...)                                                              \
    ASYNCIO__SET_RESULT_(f, ASYNCIO__CAT(asyncio__h, __COUNTER__),                                 \
                         ASYNCIO__CAT(asyncio__v, __COUNTER__), __VA_ARGS__)
#define ASYNCIO__SET_RESULT_(f, h, v, ...)                                                         \
    __extension__({                                                                                \
        __auto_type h = (f);                                                                       \
        ASYNCIO__CHECK(h);                                                                         \
        ASYNCIO__VALUE(ASYNCIO__RESULT(h)) v = __VA_ARGS__;                                        \
        asyncio__set_result((asyncio_any)h, &v);                                                   \
    })

#pragma GCC visibility pop

#include <asyncio/threads.h>

/* --- Streams -----------------------------------------------------------------------------------
 */

#include <asyncio/streams.h>

/* --- Servers -----------------------------------------------------------------------------------
 */

#include <asyncio/server.h>

/* --- Datagrams ---------------------------------------------------------------------------------
 */

#include <asyncio/datagram.h>

/* --- Files -------------------------------------------------------------------------------------
 */

#include <asyncio/file.h>

/* --- Processes ---------------------------------------------------------------------------------
 */

#include <asyncio/subprocess.h>

#endif
