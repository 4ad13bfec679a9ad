/* Semaphore, BoundedSemaphore, Barrier. */
#include "scenario.h"

#include <asyncio/sync.h>

/* Acquires, holds, releases. */
static async(int, taker, (const char *, name), (struct asyncio_semaphore *, sem), (double, hold))
{
    int r = await(asyncio_semaphore_acquire(sem));
    if (r) {
        trace("%s cancelled", name);
        return r;
    }
    trace("%s has it", name);
    await(asyncio_sleep(hold));
    asyncio_semaphore_release(sem);
    trace("%s released", name);
    return 0;
}

static async(int, keeper, (const char *, name), (struct asyncio_semaphore *, sem))
{
    int r = await(asyncio_semaphore_acquire(sem));
    if (r == 0)
        trace("%s has it, %s", name, yes(asyncio_semaphore_locked(sem)));
    return r;
}

static awaitable(int) keeps(const char *name, struct asyncio_semaphore *sem)
{
    return asyncio_create_task(keeper(name, sem));
}

/* --- Semaphore --- */

SCENARIO(initial_value_zero)
{
    struct asyncio_semaphore sem = {0};
    trace("%s", yes(asyncio_semaphore_locked(&sem)));
    asyncio_semaphore_release(&sem);
    trace("%s", yes(asyncio_semaphore_locked(&sem)));
}

SCENARIO(uncontended)
{
    struct asyncio_semaphore sem = asyncio_semaphore(1);
    trace("%s", yes(asyncio_semaphore_locked(&sem)));
    await(asyncio_semaphore_acquire(&sem));
    trace("%s", yes(asyncio_semaphore_locked(&sem)));
    asyncio_semaphore_release(&sem);
    trace("%s", yes(asyncio_semaphore_locked(&sem)));
}

SCENARIO(value_negative)
{
    MISUSE(asyncio_semaphore(-1));
}

SCENARIO(acquire)
{
    struct asyncio_semaphore sem = asyncio_semaphore(3);
    await(asyncio_semaphore_acquire(&sem));
    await(asyncio_semaphore_acquire(&sem));
    trace("%s", yes(asyncio_semaphore_locked(&sem)));
    awaitable(int) a = keeps("a", &sem), b = keeps("b", &sem), c = keeps("c", &sem);
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_semaphore_locked(&sem)));
    awaitable(int) d = keeps("d", &sem);
    asyncio_semaphore_release(&sem);
    asyncio_semaphore_release(&sem);
    await(asyncio_sleep(0));
    trace("%s %s %s %s %s", yes(asyncio_done(a)), yes(asyncio_done(b)), yes(asyncio_done(c)),
          yes(asyncio_done(d)), yes(asyncio_semaphore_locked(&sem)));
    asyncio_semaphore_release(&sem);
    await(d);
}

static void cancel_it(void *x)
{
    asyncio_cancel(x);
}

SCENARIO(acquire_cancel)
{
    struct asyncio_semaphore sem = asyncio_semaphore(1);
    await(asyncio_semaphore_acquire(&sem));
    awaitable(int) t = asyncio_create_task(asyncio_semaphore_acquire(&sem));
    asyncio_call_soon(cancel_it, t);
    trace("%s", outcome(await(t)));
    asyncio_semaphore_release(&sem);
    trace("%s", yes(asyncio_semaphore_locked(&sem)));
}

SCENARIO(acquire_cancel_before_awoken)
{
    struct asyncio_semaphore sem = {0};
    awaitable(int) a = keeps("a", &sem), b = keeps("b", &sem);
    awaitable(int) c = keeps("c", &sem), d = keeps("d", &sem);
    await(asyncio_sleep(0));
    asyncio_cancel(a);
    asyncio_cancel(b);
    asyncio_semaphore_release(&sem);
    await(turns(2));
    trace("%s %s", yes(asyncio_done(c)), yes(asyncio_done(d)));
    asyncio_cancel(c);
    asyncio_cancel(d);
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_cancelled(d)));
}

SCENARIO(acquire_hang)
{
    struct asyncio_semaphore sem = {0};
    awaitable(int) a = keeps("a", &sem), b = keeps("b", &sem);
    await(asyncio_sleep(0));
    asyncio_cancel(a);
    asyncio_semaphore_release(&sem);
    await(turns(2));
    trace("%s %s", yes(asyncio_semaphore_locked(&sem)), yes(asyncio_done(b)));
}

SCENARIO(acquire_cancelled_when_woken)
{
    struct asyncio_semaphore sem = {0};
    awaitable(int) a = keeps("a", &sem), b = keeps("b", &sem);
    await(asyncio_sleep(0));
    asyncio_semaphore_release(&sem);
    asyncio_cancel(a);
    await(turns(3));
    trace("%s %s %s", yes(asyncio_cancelled(a)), yes(asyncio_done(b)),
          yes(asyncio_semaphore_locked(&sem)));
    asyncio_semaphore_release(&sem);
    await(b);
}

static awaitable(int) t2;

static async(int, one, (struct asyncio_semaphore *, sem))
{
    async_with(sem) await(asyncio_sleep(0));
    asyncio_cancel(t2);
    return 0;
}

static async(int, two, (struct asyncio_semaphore *, sem))
{
    async_with(sem) trace("not reached");
    return asyncio_error();
}

SCENARIO(acquire_no_hang)
{
    struct asyncio_semaphore sem = asyncio_semaphore(1);
    awaitable(int) t1 = asyncio_create_task(one(&sem));
    t2 = asyncio_create_task(two(&sem));
    int r1 = await(t1), r2 = await(t2);
    trace("%s %s", outcome(r1), outcome(r2));
    trace("%s", outcome(await(asyncio_wait_for(taker("main", &sem, 0), 1))));
}

SCENARIO(bounded_release_not_acquired)
{
    struct asyncio_bounded_semaphore sem = asyncio_bounded_semaphore(1);
    MISUSE(asyncio_bounded_semaphore_release(&sem));
}

static async(int, bounded_taker, (const char *, name), (struct asyncio_bounded_semaphore *, sem))
{
    await(asyncio_bounded_semaphore_acquire(sem));
    trace("%s has it", name);
    await(asyncio_sleep(1));
    asyncio_bounded_semaphore_release(sem);
    trace("%s released", name);
    return 0;
}

SCENARIO(bounded_acquired_and_released)
{
    struct asyncio_bounded_semaphore sem = asyncio_bounded_semaphore(2);
    await(asyncio_bounded_semaphore_acquire(&sem));
    await(asyncio_bounded_semaphore_acquire(&sem));
    trace("%s", yes(asyncio_bounded_semaphore_locked(&sem)));
    awaitable(int) t = asyncio_create_task(bounded_taker("a", &sem));
    await(asyncio_sleep(0));
    asyncio_bounded_semaphore_release(&sem);
    await(t);
    asyncio_bounded_semaphore_release(&sem);
    MISUSE(asyncio_bounded_semaphore_release(&sem));
}

SCENARIO(release_no_waiters)
{
    struct asyncio_semaphore sem = asyncio_semaphore(1);
    await(asyncio_semaphore_acquire(&sem));
    trace("%s", yes(asyncio_semaphore_locked(&sem)));
    asyncio_semaphore_release(&sem);
    asyncio_semaphore_release(&sem);
    await(asyncio_semaphore_acquire(&sem));
    trace("%s", yes(asyncio_semaphore_locked(&sem)));
}

static async(int, twice, (const char *, name), (struct asyncio_semaphore *, sem))
{
    for (int i = 1; i <= 2; i++) {
        await(asyncio_semaphore_acquire(sem));
        trace("%s_%d", name, i);
        await(asyncio_sleep(0.01));
        asyncio_semaphore_release(sem);
    }
    return 0;
}

SCENARIO(acquire_fifo_order)
{
    struct asyncio_semaphore sem = asyncio_semaphore(1);
    await(asyncio_gather(twice("a", &sem), twice("b", &sem), twice("c", &sem)));
}

static async(int, again, (struct asyncio_semaphore *, sem))
{
    await(asyncio_semaphore_acquire(sem));
    trace("2");
    asyncio_semaphore_release(sem);
    await(asyncio_semaphore_acquire(sem));
    trace("4");
    return 0;
}

SCENARIO(acquire_fifo_order_2)
{
    struct asyncio_semaphore sem = asyncio_semaphore(1);
    awaitable(int) a = keeps("1", &sem), b = asyncio_create_task(again(&sem));
    awaitable(int) c = keeps("3", &sem);
    await(asyncio_sleep(0));
    asyncio_semaphore_release(&sem);
    asyncio_semaphore_release(&sem);
    await(asyncio_gather(a, b, c));
}

SCENARIO(acquire_fifo_order_3)
{
    struct asyncio_semaphore sem = {0};
    awaitable(int) a = keeps("1", &sem), b = keeps("2", &sem), c = keeps("3", &sem);
    await(asyncio_sleep(0));
    asyncio_cancel(a);
    await(asyncio_sleep(0));
    asyncio_semaphore_release(&sem);
    asyncio_semaphore_release(&sem);
    await(b);
    await(c);
    trace("%s", yes(asyncio_cancelled(a)));
}

static async(int, first, (struct asyncio_semaphore *, sem))
{
    await(asyncio_semaphore_acquire(sem));
    trace("1");
    return await(asyncio_create_task(keeper("4", sem)));
}

static async(int, second, (struct asyncio_semaphore *, sem))
{
    for (int i = 0; i < 4; i++)
        asyncio_semaphore_release(sem);
    trace("%s", yes(asyncio_semaphore_locked(sem)));
    await(asyncio_semaphore_acquire(sem));
    trace("2");
    return 0;
}

SCENARIO(acquire_fifo_order_4)
{
    struct asyncio_semaphore sem = {0};
    awaitable(int) a = asyncio_create_task(first(&sem)), b = asyncio_create_task(second(&sem));
    awaitable(int) c = keeps("3", &sem);
    await(asyncio_gather(a, b, c));
}

SCENARIO(no_barging)
{
    struct asyncio_semaphore sem = asyncio_semaphore(1);
    await(asyncio_semaphore_acquire(&sem));
    awaitable(int) a = keeps("a", &sem);
    await(asyncio_sleep(0));
    asyncio_semaphore_release(&sem);
    trace("%s", yes(asyncio_semaphore_locked(&sem)));
    awaitable(int) b = keeps("b", &sem);
    await(turns(2));
    trace("%s %s", yes(asyncio_done(a)), yes(asyncio_done(b)));
    asyncio_semaphore_release(&sem);
    await(b);
}

SCENARIO(three_at_a_time)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
    struct asyncio_semaphore sem = asyncio_semaphore(3);
    for (int i = 0; i < 7; i++)
        asyncio_spawn(taker(names[i], &sem, 1));
    await(asyncio_sleep(4));
}

SCENARIO(cancelled_in_the_middle_of_the_line)
{
    struct asyncio_semaphore sem = asyncio_semaphore(1);
    awaitable(int) a = asyncio_create_task(taker("a", &sem, 2));
    awaitable(int) b = asyncio_create_task(taker("b", &sem, 2));
    awaitable(int) c = asyncio_create_task(taker("c", &sem, 2));
    await(asyncio_sleep(1));
    asyncio_cancel(b);
    trace("%s", outcome(await(b)));
    await(a);
    await(c);
}

SCENARIO(context_manager)
{
    struct asyncio_semaphore sem = asyncio_semaphore(1);
    async_with(&sem) trace("%s", yes(asyncio_semaphore_locked(&sem)));
    trace("%s", yes(asyncio_semaphore_locked(&sem)));
}

/* --- Barrier --- */

/* Waits so many times, and says what it got. */
static async(int, party, (const char *, name), (struct asyncio_barrier *, barrier), (int, times))
{
    while (times-- > 0) {
        int i = await(asyncio_barrier_wait(barrier));
        if (i < 0) {
            trace("%s %s", name, outcome(i));
            return i;
        }
        trace("%s is %d", name, i);
    }
    return 0;
}

static void ask(asyncio_any x, void *unused)
{
    (void)unused;
    asyncio_exception(x);
}

static awaitable(int) waits(const char *name, struct asyncio_barrier *barrier, int times)
{
    awaitable(int) t = asyncio_create_task(party(name, barrier, times));
    asyncio_add_done_callback(t, ask, NULL);
    return t;
}

static void about(struct asyncio_barrier *b)
{
    trace("%d wait, %s", asyncio_barrier_n_waiting(b), yes(asyncio_barrier_broken(b)));
}

SCENARIO(barrier_parties)
{
    MISUSE(asyncio_barrier(0));
    MISUSE(asyncio_barrier(-4));
    struct asyncio_barrier b = asyncio_barrier(5);
    trace("%d", asyncio_barrier_parties(&b));
}

SCENARIO(barrier)
{
    struct asyncio_barrier b = asyncio_barrier(3);
    await(asyncio_gather(waits("a", &b, 1), waits("b", &b, 1), waits("c", &b, 1)));
    about(&b);
}

static async(int, enters, (const char *, name), (struct asyncio_barrier *, b))
{
    async_with(b) trace("%s inside", name);
    return 0;
}

SCENARIO(barrier_context_manager)
{
    struct asyncio_barrier b = asyncio_barrier(3);
    await(asyncio_gather(enters("a", &b), enters("b", &b), enters("c", &b)));
    about(&b);
}

SCENARIO(barrier_filling_one_task)
{
    struct asyncio_barrier b = asyncio_barrier(1);
    trace("%d", await(asyncio_barrier_wait(&b)));
    about(&b);
}

SCENARIO(barrier_filling_one_task_twice)
{
    struct asyncio_barrier b = asyncio_barrier(1);
    awaitable(int) a = asyncio_create_task(asyncio_barrier_wait(&b));
    await(asyncio_sleep(0));
    about(&b);
    awaitable(int) c = asyncio_create_task(asyncio_barrier_wait(&b));
    await(asyncio_sleep(0));
    trace("%s %s", state(a), state(c));
    about(&b);
}

SCENARIO(barrier_filling_task_by_task)
{
    static const char *const names[] = {"a", "b", "c"};
    struct asyncio_barrier b = asyncio_barrier(3);
    awaitable(int) t[3];
    for (int i = 0; i < 3; i++) {
        t[i] = waits(names[i], &b, 1);
        await(asyncio_sleep(0));
        about(&b);
    }
    await(asyncio_gather(t[0], t[1], t[2]));
    about(&b);
}

SCENARIO(barrier_filling_tasks_wait_twice)
{
    struct asyncio_barrier b = asyncio_barrier(3);
    await(asyncio_gather(waits("a", &b, 2), waits("b", &b, 2), waits("c", &b, 2)));
    about(&b);
}

SCENARIO(barrier_five_rounds)
{
    struct asyncio_barrier b = asyncio_barrier(2);
    await(asyncio_gather(waits("a", &b, 5), waits("b", &b, 5)));
    about(&b);
}

SCENARIO(barrier_blocking_tasks_while_draining)
{
    struct asyncio_barrier b = asyncio_barrier(3);
    awaitable(int) t[] = {waits("a", &b, 1), waits("b", &b, 1), waits("c", &b, 1),
                          waits("d", &b, 1), waits("e", &b, 1)};
    await(asyncio_sleep(1));
    about(&b);
    await(asyncio_gather(t[0], t[1], t[2], t[3], t[4], waits("f", &b, 1)));
    about(&b);
}

SCENARIO(barrier_filling_tasks_cancel_one)
{
    struct asyncio_barrier b = asyncio_barrier(3);
    awaitable(int) a = waits("a", &b, 1);
    await(asyncio_sleep(0));
    about(&b);
    awaitable(int) c = waits("b", &b, 1);
    await(asyncio_sleep(0));
    about(&b);
    asyncio_cancel(a);
    await(asyncio_sleep(0));
    about(&b);
    trace("%s", outcome(await(a)));
    awaitable(int) d = waits("c", &b, 1), e = waits("d", &b, 1);
    await(asyncio_gather(c, d, e));
    about(&b);
}

SCENARIO(barrier_reset)
{
    struct asyncio_barrier b = asyncio_barrier(1);
    asyncio_spawn(asyncio_barrier_reset(&b));
    await(asyncio_sleep(0));
    about(&b);
}

SCENARIO(barrier_reset_while_tasks_waiting)
{
    struct asyncio_barrier b = asyncio_barrier(4);
    waits("a", &b, 1);
    waits("b", &b, 1);
    waits("c", &b, 1);
    await(asyncio_sleep(0));
    about(&b);
    asyncio_spawn(asyncio_barrier_reset(&b));
    await(turns(5));
    about(&b);
}

static async(int, stays, (const char *, name), (struct asyncio_barrier *, b))
{
    if (await(asyncio_barrier_wait(b)) == -EPIPE)
        trace("%s reset", name);
    trace("%s is %d", name, await(asyncio_barrier_wait(b)));
    return 0;
}

SCENARIO(barrier_reset_and_wait_again)
{
    struct asyncio_barrier b = asyncio_barrier(3);
    awaitable(int) x = asyncio_create_task(stays("a", &b)), y = asyncio_create_task(stays("b", &b));
    asyncio_spawn(asyncio_barrier_reset(&b));
    await(asyncio_sleep(0));
    awaitable(int) z = waits("c", &b, 1);
    await(asyncio_gather(x, y, z));
    about(&b);
}

SCENARIO(barrier_reset_while_tasks_draining)
{
    static struct asyncio_barrier b; /* they end after this does */
    b = asyncio_barrier(3);
    awaitable(int) t[] = {waits("a", &b, 2), waits("b", &b, 2), waits("c", &b, 2)};
    await(turns(2));
    await(asyncio_barrier_reset(&b));
    about(&b);
    await(turns(5));
    about(&b);
    for (int i = 0; i < 3; i++)
        asyncio_cancel(t[i]);
}

SCENARIO(barrier_abort)
{
    struct asyncio_barrier b = asyncio_barrier(1);
    asyncio_spawn(asyncio_barrier_abort(&b));
    await(asyncio_sleep(0));
    about(&b);
}

SCENARIO(barrier_abort_while_tasks_waiting)
{
    struct asyncio_barrier b = asyncio_barrier(4);
    waits("a", &b, 1);
    waits("b", &b, 1);
    waits("c", &b, 1);
    await(asyncio_sleep(0));
    await(asyncio_barrier_abort(&b));
    about(&b);
    await(turns(4));
    about(&b);
    waits("d", &b, 1);
    await(turns(2));
}

SCENARIO(barrier_abort_then_reset)
{
    struct asyncio_barrier b = asyncio_barrier(3);
    waits("a", &b, 1);
    waits("b", &b, 1);
    await(asyncio_sleep(0));
    await(asyncio_barrier_abort(&b));
    await(turns(3));
    await(asyncio_barrier_reset(&b));
    about(&b);
    awaitable(int) c = waits("c", &b, 1), d = waits("d", &b, 1), e = waits("e", &b, 1);
    await(asyncio_gather(c, d, e));
    about(&b);
}

static async(int, looks, (const char *, name), (struct asyncio_barrier *, b))
{
    async_with(b) trace("%s: %d wait", name, asyncio_barrier_n_waiting(b));
    return 0;
}

SCENARIO(barrier_draining_state)
{
    struct asyncio_barrier b = asyncio_barrier(3);
    await(asyncio_gather(looks("a", &b), looks("b", &b), looks("c", &b)));
}

/* So many were let through. */
static int passed;

/* Five of a kind. */
#define FIVE(f, b)                                                                                 \
    passed = 0;                                                                                    \
    await(asyncio_gather(f("a", b), f("b", b), f("c", b), f("d", b), f("e", b)));                  \
    about(b)

static async(int, passes_or_resets, (const char *, name), (struct asyncio_barrier *, b))
{
    int i = await(asyncio_barrier_wait(b));
    if (i < 0) {
        trace("%s reset", name);
        return 0;
    }
    trace("%s is %d", name, i);
    if (++passed == 3) {
        await(asyncio_barrier_reset(b));
        trace("has reset");
    }
    return 0;
}

SCENARIO(barrier_reset_when_tasks_half_draining)
{
    struct asyncio_barrier b = asyncio_barrier(5);
    FIVE(passes_or_resets, &b);
}

static async(int, passes_again, (const char *, name), (struct asyncio_barrier *, b))
{
    int i = await(asyncio_barrier_wait(b));
    if (i < 0) {
        trace("%s reset", name);
        await(asyncio_barrier_wait(b));
    } else if (++passed > 2) {
        trace("%s resets", name);
        await(asyncio_barrier_reset(b));
        await(asyncio_barrier_wait(b));
    } else if (await(asyncio_barrier_wait(b)) < 0) {
        trace("%s reset outside", name);
    }
    trace("%s through", name);
    return 0;
}

SCENARIO(barrier_reset_when_tasks_half_draining_half_blocking)
{
    struct asyncio_barrier b = asyncio_barrier(5);
    FIVE(passes_again, &b);
}

static async(int, passes_or_aborts, (const char *, name), (struct asyncio_barrier *, b))
{
    if (await(asyncio_barrier_wait(b)) < 0) {
        trace("%s broken", name);
    } else if (++passed > 2) {
        trace("%s aborts", name);
        await(asyncio_barrier_abort(b));
    } else if (await(asyncio_barrier_wait(b)) < 0) {
        trace("%s broken outside", name);
    }
    return 0;
}

SCENARIO(barrier_abort_when_tasks_half_draining_half_blocking)
{
    struct asyncio_barrier b = asyncio_barrier(5);
    FIVE(passes_or_aborts, &b);
}
