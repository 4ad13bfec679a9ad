/* Timeouts around a block. Included by <asyncio.h>.
 *
 *     async_with (asyncio_timeout(10))                    async with asyncio.timeout(10):
 *     {                                                       await fetch(url)
 *         await(fetch(url));
 *     }
 *     if (asyncio_error() == -ETIMEDOUT)                  (except TimeoutError)
 *         puts("too slow");                                   print("too slow")
 *
 * What a block is left with. A block fails where asyncio_raise() is in effect when it is left, and
 * is left by a cancellation where its last await failed with -ECANCELED: what the coroutine then
 * returns, or whether it does, makes no difference. After the block asyncio_error() tells what it
 * came to. Where it is left by return with something that it turns into another failure, the
 * coroutine fails with that, whatever was computed before. */
#ifndef ASYNCIO_GROUPS_H
#define ASYNCIO_GROUPS_H

#include <asyncio/language.h>

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

#pragma GCC visibility pop

#endif
