/* How async_with enters and leaves locks, conditions, semaphores and barriers. */
#include "task/object.h"

#include <asyncio/sync.h>

/* Awaits as the task's own code at this place does. */
static int enter(asyncio_any x, const struct asyncio__place *place)
{
    int result;
    int error = asyncio__await(x, &result, place);

    return error ? error : result;
}

static int enter_lock(void *lock, const struct asyncio__place *place)
{
    return enter(asyncio_lock_acquire(lock), place);
}

static void leave_lock(void *lock, const struct asyncio__place *place, bool returns)
{
    (void)place, (void)returns;
    asyncio_lock_release(lock);
}

static int enter_condition(void *condition, const struct asyncio__place *place)
{
    return enter(asyncio_condition_acquire(condition), place);
}

static void leave_condition(void *condition, const struct asyncio__place *place, bool returns)
{
    (void)place, (void)returns;
    asyncio_condition_release(condition);
}

static int enter_semaphore(void *semaphore, const struct asyncio__place *place)
{
    return enter(asyncio_semaphore_acquire(semaphore), place);
}

static void leave_semaphore(void *semaphore, const struct asyncio__place *place, bool returns)
{
    (void)place, (void)returns;
    asyncio_semaphore_release(semaphore);
}

static int enter_bounded_semaphore(void *semaphore, const struct asyncio__place *place)
{
    return enter(asyncio_bounded_semaphore_acquire(semaphore), place);
}

static void leave_bounded_semaphore(void *semaphore, const struct asyncio__place *place,
                                    bool returns)
{
    (void)place, (void)returns;
    asyncio_bounded_semaphore_release(semaphore);
}

static int enter_barrier(void *barrier, const struct asyncio__place *place)
{
    return enter(asyncio_barrier_wait(barrier), place);
}

static void leave_barrier(void *barrier, const struct asyncio__place *place, bool returns)
{
    (void)barrier, (void)place, (void)returns;
}

const struct asyncio__with_type asyncio__lock_with = {enter_lock, leave_lock};
const struct asyncio__with_type asyncio__condition_with = {enter_condition, leave_condition};
const struct asyncio__with_type asyncio__semaphore_with = {enter_semaphore, leave_semaphore};
const struct asyncio__with_type asyncio__bounded_semaphore_with = {enter_bounded_semaphore,
                                                                   leave_bounded_semaphore};
const struct asyncio__with_type asyncio__barrier_with = {enter_barrier, leave_barrier};
