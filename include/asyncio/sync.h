/* Locks, events, conditions, semaphores and barriers, as in Python's asyncio.
 *
 * Each is a plain structure: zeroed (`= {0}`) or made by value by the function of its name, with
 * nothing to release, and its members are the library's. It belongs to one loop: to be used by
 * tasks and callbacks of one thread, one after another. It has to outlive everybody who waits on it
 * (Python's lives as long as anybody has it), until they have gone on, so it does not belong among
 * the variables of a coroutine that may end before its tasks, the main one of asyncio_run() aside,
 * whose variables stay. Destroying one that somebody waits on is not told.
 *
 * Acquiring and waiting are awaitables as any other: they may be given to asyncio_wait_for(),
 * gathered, made tasks, which need no stack. What can be had at once takes no turn of the loop and
 * allocates nothing. Who has to wait goes on in the order of asking, in the turn after it was let
 * go on, and nobody else gets in between. All fail with -ECANCELED when cancelled, and give nothing
 * up that was meant for others; with -ENOMEM without memory (they are NULL then, and nothing has
 * been acquired).
 *
 * `async_with (&lock) { … }` acquires and, however the block is left, releases; for a condition and
 * the semaphores too. With a barrier it waits. Where that fails, as when it is cancelled, the block
 * is skipped and asyncio_error() tells. */
#ifndef ASYNCIO_SYNC_H
#define ASYNCIO_SYNC_H

#include <asyncio/language.h>

#pragma GCC visibility push(default)

/* Those who wait, in order. */
struct asyncio__line {
    void *first, *last;
};

/* --- Lock --------------------------------------------------------------------------------------
 */

/* Held by one at a time, who need not be the task that releases it. Zeroed: unlocked. */
struct asyncio_lock {
    struct asyncio__line line;
    bool locked;
    void *asyncio__holder; /* who locked it last */
};

/* Waits until it is unlocked and everybody who came before has had it, and locks it. 0 or
 * -ECANCELED. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_lock_acquire(struct asyncio_lock *lock);

/* Unlocks it; who waits first gets it. One that is not locked: ends the program. */
void asyncio_lock_release(struct asyncio_lock *lock);

bool asyncio_lock_locked(const struct asyncio_lock *lock);

/* --- Event -------------------------------------------------------------------------------------
 */

/* A flag that can be waited for. Zeroed: not set. */
struct asyncio_event {
    struct asyncio__line line;
    bool set;
};

/* Waits until it is set. Who waited when it was set goes on even where it has been cleared since.
 * 0 or -ECANCELED. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_event_wait(struct asyncio_event *event);

/* Sets it: all who wait go on. */
void asyncio_event_set(struct asyncio_event *event);

void asyncio_event_clear(struct asyncio_event *event);
bool asyncio_event_is_set(const struct asyncio_event *event);

/* --- Condition ---------------------------------------------------------------------------------
 */

/* Lets those who hold a lock wait for what others, holding it, bring about. Zeroed: with a lock of
 * its own. */
struct asyncio_condition {
    struct asyncio__line line;
    struct asyncio_lock *lock; /* NULL: its own */
    struct asyncio_lock own;
};

/* With this lock, which others may use too; NULL: with its own. */
struct asyncio_condition asyncio_condition(struct asyncio_lock *lock);

/* What these do to its lock. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_condition_acquire(struct asyncio_condition *condition);
void asyncio_condition_release(struct asyncio_condition *condition);
bool asyncio_condition_locked(const struct asyncio_condition *condition);

/* Releases the lock, waits to be notified, and acquires the lock again: also when it is cancelled,
 * however often; a notification that it had then goes to the next. It may return though nothing has
 * changed: look again, or use wait_for. 0 or -ECANCELED. If the lock is not locked: ends the
 * program. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_condition_wait(struct asyncio_condition *condition);

/* Waits until predicate(arg) is true, asked at once and after every notification with the lock
 * held; it must not await. 0 or -ECANCELED. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_condition_wait_for(struct asyncio_condition *condition, bool (*predicate)(void *arg),
                               void *arg);

/* Notifies n of those who wait, or all of them: they go on when they have the lock. If the lock is
 * not locked: ends the program. */
void asyncio_condition_notify(struct asyncio_condition *condition, size_t n);
void asyncio_condition_notify_all(struct asyncio_condition *condition);

/* --- Semaphore ---------------------------------------------------------------------------------
 */

/* A count of what may still be acquired. Zeroed: of nothing until it is released. */
struct asyncio_semaphore {
    struct asyncio__line line;
    long value;
};

/* Of this value; a negative one ends the program. A static one: `= {.value = 3}`. */
struct asyncio_semaphore asyncio_semaphore(long value);

/* Waits until the count is above 0 and everybody who came before has had theirs, and takes 1. 0 or
 * -ECANCELED. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_semaphore_acquire(struct asyncio_semaphore *semaphore);

/* Adds 1, which who waits first gets. */
void asyncio_semaphore_release(struct asyncio_semaphore *semaphore);

/* Whether acquiring it would wait. */
bool asyncio_semaphore_locked(const struct asyncio_semaphore *semaphore);

/* One that cannot be released more often than it was acquired. */
struct asyncio_bounded_semaphore {
    struct asyncio_semaphore semaphore;
    long bound;
};

/* The same as above; releasing it beyond the value it was made with ends the program. */
struct asyncio_bounded_semaphore asyncio_bounded_semaphore(long value);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_bounded_semaphore_acquire(struct asyncio_bounded_semaphore *semaphore);
void asyncio_bounded_semaphore_release(struct asyncio_bounded_semaphore *semaphore);
bool asyncio_bounded_semaphore_locked(const struct asyncio_bounded_semaphore *semaphore);

/* --- Barrier -----------------------------------------------------------------------------------
 */

/* Where a number of tasks wait for each other, again and again. */
struct asyncio_barrier {
    struct asyncio_condition condition;
    int parties;
    int count; /* within */
    unsigned char state;
};

/* For this many parties; fewer than 1 end the program. */
struct asyncio_barrier asyncio_barrier(int parties);

/* Waits until `parties` tasks wait here, then all go on. Its value is how many had come before:
 * each gets another one, from 0 to parties - 1. While those of the round before are still leaving,
 * it waits for that first. -EPIPE where the barrier is broken, or is broken or reset while it waits
 * (Python: BrokenBarrierError), or -ECANCELED, which makes it one less. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_barrier_wait(struct asyncio_barrier *barrier);

/* Makes it as new, also when it is broken: those who wait fail with -EPIPE. 0 or -ECANCELED. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_barrier_reset(struct asyncio_barrier *barrier);

/* Breaks it: those who wait, and will, fail with -EPIPE. 0 or -ECANCELED. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_barrier_abort(struct asyncio_barrier *barrier);

int asyncio_barrier_parties(const struct asyncio_barrier *barrier);
int asyncio_barrier_n_waiting(const struct asyncio_barrier *barrier);
bool asyncio_barrier_broken(const struct asyncio_barrier *barrier);

/* --- repr --------------------------------------------------------------------------------------
 */

/* `<asyncio.locks.Lock object at 0x… [locked, waiters:1]>` and the like into buf, cut to fit. They
 * return buf. */
char *asyncio_lock_repr(const struct asyncio_lock *lock, char *buf, size_t n);
char *asyncio_event_repr(const struct asyncio_event *event, char *buf, size_t n);
char *asyncio_condition_repr(const struct asyncio_condition *condition, char *buf, size_t n);
char *asyncio_semaphore_repr(const struct asyncio_semaphore *semaphore, char *buf, size_t n);
char *asyncio_bounded_semaphore_repr(const struct asyncio_bounded_semaphore *semaphore, char *buf,
                                     size_t n);
char *asyncio_barrier_repr(const struct asyncio_barrier *barrier, char *buf, size_t n);

#pragma GCC visibility pop

#endif
