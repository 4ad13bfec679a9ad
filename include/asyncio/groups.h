/* Timeouts around a block, and groups of tasks that end with it. Included by <asyncio.h>.
 *
 *     async_with (asyncio_timeout(10))                    async with asyncio.timeout(10):
 *     {                                                       await fetch(url)
 *         await(fetch(url));
 *     }
 *     if (asyncio_error() == -ETIMEDOUT)                  (except TimeoutError)
 *         puts("too slow");                                   print("too slow")
 *
 *     struct asyncio_task_group tg = {0};
 *     async_with (&tg)                                    async with asyncio.TaskGroup() as tg:
 *     {
 *         asyncio_task_group_create_task(&tg, f());           tg.create_task(f())
 *         asyncio_task_group_create_task(&tg, g());           tg.create_task(g())
 *     }                                                   # both are done
 *
 * What a block is left with. A block fails where asyncio_raise() is in effect when it is left, and
 * is left by a cancellation where its last await failed with -ECANCELED: what the coroutine then
 * returns, or whether it does, makes no difference. After the block asyncio_error() tells what it
 * came to. Where it is left by return with something that it turns into another failure, the
 * coroutine fails with that, whatever was computed before. */
#ifndef ASYNCIO_GROUPS_H
#define ASYNCIO_GROUPS_H

#include <asyncio/language.h>

#include <sys/types.h>

#pragma GCC visibility push(default)

/* --- Timeouts ----------------------------------------------------------------------------------
 */

/* Made by one of the two functions below and entered once, by async_with, itself or a pointer to
 * it. Its members are the library's. */
struct asyncio_timeout {
    double when;
    long long deadline;
    void *task, *link[2];
    _Alignas(8) unsigned char timer[16];
    unsigned char state, cancelling;
};

/* A time limit for a block, this many seconds from now, or at this time of asyncio_time();
 * ASYNCIO_FOREVER (Python: None) for no limit. When it comes, the task is cancelled within the
 * block. If the block is then left by that cancellation, what it is left with is -ETIMEDOUT: so
 * does a coroutine fail that passes the -ECANCELED on, by returning it, or nothing, from within.
 * Cancelled from outside as well, it stays -ECANCELED. A limit that is over already cancels the
 * first await that takes a turn. Entering fails with -ENOMEM alone. */
struct asyncio_timeout asyncio_timeout(double seconds);
struct asyncio_timeout asyncio_timeout_at(double when);

/* Its time on asyncio_time(), ASYNCIO_FOREVER for none. */
double asyncio_timeout_when(const struct asyncio_timeout *timeout);

/* Another time for it, while its block runs and it has not expired; else this ends the program. 0,
 * or -ENOMEM: then it has none. */
int asyncio_timeout_reschedule(struct asyncio_timeout *timeout, double when);

/* Whether its time came while the block ran. */
bool asyncio_timeout_expired(const struct asyncio_timeout *timeout);

/* --- Groups of tasks ---------------------------------------------------------------------------
 */

/* Zeroed, and entered once, by `async_with (&tg)`. The block is left when all its tasks are done.
 * The first of them that fails, or a body that fails, has the others and the body cancelled, and
 * they are waited for all the same. Then the block is left with all failures in one:
 * asyncio_error() is the code of the first, asyncio_error_message() "unhandled errors in a
 * TaskGroup (2 sub-exceptions)", and asyncio_error_at() gives each of them. A child that is
 * cancelled is no failure. A cancellation from outside has the tasks cancelled, and is what the
 * block is left with unless something failed; then it comes at the next await that suspends.
 * Entering fails with -ENOMEM alone. Its members are the library's. */
struct asyncio_task_group {
    void *group;
    unsigned char state;
};

asyncio_any asyncio__task_group_create_task(struct asyncio_task_group *group, asyncio_any x,
                                            const char *name);

/* asyncio_task_group_create_task(&tg, x), asyncio_task_group_create_task(&tg, x, "name"): as
 * asyncio_create_task(), within the group; the body and the group's tasks may call it. The handle
 * is the caller's as any task's: where many are created, release it at once. A group that is
 * shutting down cancels the task before it ever runs (Python: RuntimeError). A group that has not
 * been entered or has been left, or an x that is a task or future already, ends the program. NULL
 * for NULL or without memory, x closed. */
#define asyncio_task_group_create_task(group, ...)                                                 \
    ASYNCIO__CAT(ASYNCIO__GROUP_TASK_, ASYNCIO__ONE_OR_N(__VA_ARGS__))(group, __VA_ARGS__)

/* Cancels the tasks of the group and its body; the block is then left without a cancellation, as if
 * at its end. Before it is entered: as soon as it is. A group that has been left: nothing. */
void asyncio_task_group_cancel(struct asyncio_task_group *group);

/* --- Waiting for several -----------------------------------------------------------------------
 */

enum asyncio_return_when {
    ASYNCIO_ALL_COMPLETED,
    ASYNCIO_FIRST_COMPLETED, /* one of them is done, or more in the same turn */
    ASYNCIO_FIRST_EXCEPTION, /* one of them failed, cancelled ones aside, or all are done */
};

/* asyncio_wait(handles, n), asyncio_wait(handles, n, timeout),
 * asyncio_wait(handles, n, timeout, return_when): waits for n tasks or futures, of any T, until so
 * many of them are done (all, unless told otherwise) or so many seconds have passed
 * (ASYNCIO_FOREVER, as when it is left out: no limit). Then those that
 * are done stand first in the array, the others behind, both in the order they had, and this gives
 * how many are done. It cancels none, and that the time is over is no failure. The array has to
 * live until then; it is as it was if this fails: with -ECANCELED when it is cancelled, which
 * leaves them alone, or -ENOMEM, also where NULL is among them. A coroutine among them, or none at
 * all, or another return_when ends the program. */
#define asyncio_wait(...) ASYNCIO__CAT(ASYNCIO__WAIT_, ASYNCIO__ARITY(__VA_ARGS__))(__VA_ARGS__)
#define ASYNCIO__WAIT_1(handles, n) ASYNCIO__WAIT_2(handles, n, ASYNCIO_FOREVER)
#define ASYNCIO__WAIT_2(handles, n, timeout)                                                       \
    ASYNCIO__WAIT_3(handles, n, timeout, ASYNCIO_ALL_COMPLETED)
#define ASYNCIO__WAIT_3(handles, n, timeout, return_when)                                          \
    asyncio__wait(ASYNCIO__HANDLES(handles), n, timeout, return_when)
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio__wait(asyncio_any *handles, size_t n, double timeout,
                  enum asyncio_return_when return_when);

/* asyncio_as_completed(handles, n), asyncio_as_completed(handles, n, timeout): n awaitables of one
 * T in the order in which they are done. Each is scheduled at once, as a task unless it is one, and
 * stays its maker's; one that is there twice counts twice. Either
 *
 *     async_for (awaitable(T) x, asyncio_as_completed(handles, n, timeout))
 *
 * gives each when it is done: asyncio_result(x) or await(x) is its value. When so many seconds have
 * passed (ASYNCIO_FOREVER, as when it is left out: no limit) the loop ends, with -ETIMEDOUT as
 * asyncio_error(); also with -ECANCELED and -ENOMEM, and with 0 when all are done. It cancels none.
 * Or else
 *
 *     T v = await(asyncio_as_completed_next(it));
 *
 * is the value of the next that is done, and fails as that did, or with -ETIMEDOUT; there are n of
 * these, then it gives NULL, and asyncio_error() is 0 (without memory: NULL and -ENOMEM). Let go by
 * asyncio_release(it) or at its maker's end. NULL among the handles, or no memory: NULL, what was
 * not scheduled closed, the tasks made cancelled. */
#define asyncio_as_completed(...)                                                                  \
    ASYNCIO__CAT(ASYNCIO__AS_COMPLETED_, ASYNCIO__ARITY(__VA_ARGS__))(__VA_ARGS__)
#define ASYNCIO__AS_COMPLETED_1(handles, n) ASYNCIO__AS_COMPLETED_2(handles, n, ASYNCIO_FOREVER)
#define ASYNCIO__AS_COMPLETED_2(handles, n, timeout)                                               \
    ((ASYNCIO_ASYNC_ITERATOR(__typeof__((void)0, (handles)[0])))asyncio__as_completed(             \
        (asyncio_any const *)ASYNCIO__HANDLES(handles), n, timeout))
#define asyncio_as_completed_next(it)                                                              \
    ASYNCIO__NEXT_COMPLETED(it, ASYNCIO__CAT(asyncio__h, __COUNTER__),                             \
                            ASYNCIO__CAT(asyncio__v, __COUNTER__))
asyncio_any asyncio__as_completed(asyncio_any const *handles, size_t n, double timeout);
asyncio_any asyncio__as_completed_next(asyncio_any it, size_t size, bool is_signed);

#define ASYNCIO__NEXT_COMPLETED(it, i, h)                                                          \
    __extension__({                                                                                \
        __auto_type i = (it);                                                                      \
        ASYNCIO__ELEMENT(i) h = NULL;                                                              \
        ASYNCIO__CHECK(h);                                                                         \
        h = asyncio__as_completed_next(                                                            \
            (asyncio_any)i,                                                                        \
            ASYNCIO__IS_VOID(ASYNCIO__RESULT(h)) ? 0 : sizeof(ASYNCIO__VALUE(ASYNCIO__RESULT(h))), \
            ASYNCIO__SIGNED(ASYNCIO__RESULT(h)));                                                  \
        h;                                                                                         \
    })

#pragma GCC visibility pop

#endif
