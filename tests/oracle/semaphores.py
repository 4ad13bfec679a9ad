"""Semaphore, BoundedSemaphore, Barrier."""
from scenario import *


async def taker(name, sem, hold):
    """Acquires, holds, releases."""
    try:
        await sem.acquire()
    except asyncio.CancelledError:
        trace(f"{name} cancelled")
        raise
    trace(f"{name} has it")
    await sleep(hold)
    sem.release()
    trace(f"{name} released")


async def keeper(name, sem):
    await sem.acquire()
    trace(f"{name} has it, {sem.locked()}")


# --- Semaphore ------------------------------------------------------------------------------------


@scenario("test_locks.test_initial_value_zero")
async def initial_value_zero():
    sem = asyncio.Semaphore(0)
    trace(f"{sem.locked()}")
    sem.release()
    trace(f"{sem.locked()}")


@scenario("test_locks.test_semaphore")
async def uncontended():
    sem = asyncio.Semaphore(1)
    trace(f"{sem.locked()}")
    await sem.acquire()
    trace(f"{sem.locked()}")
    sem.release()
    trace(f"{sem.locked()}")


@scenario("test_locks.test_semaphore_value")
async def value_negative():
    await misuse(lambda: asyncio.Semaphore(-1))


@scenario("test_locks.test_acquire")
async def acquire():
    sem = asyncio.Semaphore(3)
    await sem.acquire()
    await sem.acquire()
    trace(f"{sem.locked()}")
    a, b, c = (task(keeper(name, sem)) for name in "abc")
    await sleep(0)
    trace(f"{sem.locked()}")
    d = task(keeper("d", sem))
    sem.release()
    sem.release()
    await sleep(0)
    trace(f"{a.done()} {b.done()} {c.done()} {d.done()} {sem.locked()}")
    sem.release()
    await d


@scenario("test_locks.test_acquire_cancel")
async def acquire_cancel():
    sem = asyncio.Semaphore(1)
    await sem.acquire()
    t = task(sem.acquire())
    call_soon(t.cancel)
    trace(await outcome(t))
    sem.release()
    trace(f"{sem.locked()}")


@scenario("test_locks.test_acquire_cancel_before_awoken")
async def acquire_cancel_before_awoken():
    sem = asyncio.Semaphore(0)
    a, b, c, d = (task(keeper(name, sem)) for name in "abcd")
    await sleep(0)
    a.cancel()
    b.cancel()
    sem.release()
    await turns(2)
    trace(f"{c.done()} {d.done()}")
    c.cancel()
    d.cancel()
    await sleep(0)
    trace(f"{d.cancelled()}")


@scenario("test_locks.test_acquire_hang")
async def acquire_hang():
    sem = asyncio.Semaphore(0)
    a, b = task(keeper("a", sem)), task(keeper("b", sem))
    await sleep(0)
    a.cancel()
    sem.release()
    await turns(2)
    trace(f"{sem.locked()} {b.done()}")


@scenario("test_locks.test_acquire_hang")
async def acquire_cancelled_when_woken():
    sem = asyncio.Semaphore(0)
    a, b = task(keeper("a", sem)), task(keeper("b", sem))
    await sleep(0)
    sem.release()
    a.cancel()
    await turns(3)
    trace(f"{a.cancelled()} {b.done()} {sem.locked()}")
    sem.release()
    await b


@scenario("test_locks.test_acquire_no_hang", since="3.12")
async def acquire_no_hang():
    sem = asyncio.Semaphore(1)

    async def one():
        async with sem:
            await sleep(0)
        t2.cancel()

    async def two():
        async with sem:
            trace("not reached")

    t1, t2 = task(one()), task(two())
    trace(f"{await outcome(t1)} {await outcome(t2)}")
    trace(await outcome(asyncio.wait_for(taker("main", sem, 0), 1)))


@scenario("test_locks.test_release_not_acquired")
async def bounded_release_not_acquired():
    sem = asyncio.BoundedSemaphore(1)
    await misuse(sem.release)


@scenario("test_locks.test_release_not_acquired")
async def bounded_acquired_and_released():
    sem = asyncio.BoundedSemaphore(2)
    await sem.acquire()
    await sem.acquire()
    trace(f"{sem.locked()}")
    t = task(taker("a", sem, 1))
    await sleep(0)
    sem.release()
    await t
    sem.release()
    await misuse(sem.release)


@scenario("test_locks.test_release_no_waiters")
async def release_no_waiters():
    sem = asyncio.Semaphore(1)
    await sem.acquire()
    trace(f"{sem.locked()}")
    sem.release()
    sem.release()
    await sem.acquire()
    trace(f"{sem.locked()}")


@scenario("test_locks.test_acquire_fifo_order")
async def acquire_fifo_order():
    sem = asyncio.Semaphore(1)

    async def twice(name):
        for i in (1, 2):
            await sem.acquire()
            trace(f"{name}_{i}")
            await sleep(0.01)
            sem.release()

    await asyncio.gather(twice("a"), twice("b"), twice("c"))


@scenario("test_locks.test_acquire_fifo_order_2")
async def acquire_fifo_order_2():
    sem = asyncio.Semaphore(1)

    async def again():
        await sem.acquire()
        trace("2")
        sem.release()
        await sem.acquire()
        trace("4")

    a, b, c = task(keeper("1", sem)), task(again()), task(keeper("3", sem))
    await sleep(0)
    sem.release()
    sem.release()
    await asyncio.gather(a, b, c)


@scenario("test_locks.test_acquire_fifo_order_3")
async def acquire_fifo_order_3():
    sem = asyncio.Semaphore(0)
    a, b, c = (task(keeper(name, sem)) for name in "123")
    await sleep(0)
    a.cancel()
    await sleep(0)
    sem.release()
    sem.release()
    await b
    await c
    trace(f"{a.cancelled()}")


@scenario("test_locks.test_acquire_fifo_order_4", since="3.13")
async def acquire_fifo_order_4():
    sem = asyncio.Semaphore(0)

    async def first():
        await sem.acquire()
        trace("1")
        await task(keeper("4", sem))

    async def second():
        for _ in range(4):
            sem.release()
        trace(f"{sem.locked()}")
        await sem.acquire()
        trace("2")

    a, b, c = task(first()), task(second()), task(keeper("3", sem))
    await asyncio.gather(a, b, c)


@scenario("test_locks.test_acquire_fifo_order")
async def no_barging():
    sem = asyncio.Semaphore(1)
    await sem.acquire()
    a = task(keeper("a", sem))
    await sleep(0)
    sem.release()
    trace(f"{sem.locked()}")
    b = task(keeper("b", sem))
    await turns(2)
    trace(f"{a.done()} {b.done()}")
    sem.release()
    await b


@scenario("test_locks.test_acquire")
async def three_at_a_time():
    sem = asyncio.Semaphore(3)
    for name in "abcdefg":
        task(taker(name, sem, 1))
    await sleep(4)


@scenario("test_locks.test_acquire_cancel")
async def cancelled_in_the_middle_of_the_line():
    sem = asyncio.Semaphore(1)
    a, b, c = (task(taker(name, sem, 2)) for name in "abc")
    await sleep(1)
    b.cancel()
    trace(await outcome(b))
    await a
    await c


@scenario("test_locks.test_context_manager")
async def context_manager():
    sem = asyncio.Semaphore(1)
    async with sem:
        trace(f"{sem.locked()}")
    trace(f"{sem.locked()}")


# --- Barrier --------------------------------------------------------------------------------------


async def party(name, barrier, times=1):
    """Waits so many times, and says what it got."""
    for _ in range(times):
        try:
            i = await barrier.wait()
        except (asyncio.BrokenBarrierError, asyncio.CancelledError) as e:
            trace(f"{name} {error_name(e)}")
            raise
        trace(f"{name} is {i}")


def parties(names, barrier, times=1):
    made = [task(party(name, barrier, times)) for name in names]
    for t in made:
        t.add_done_callback(lambda t: t.cancelled() or t.exception())
    return made


def about(barrier):
    trace(f"{barrier.n_waiting} wait, {barrier.broken}")


@scenario("test_locks.test_barrier_parties")
async def barrier_parties():
    await misuse(lambda: asyncio.Barrier(0))
    await misuse(lambda: asyncio.Barrier(-4))
    trace(f"{asyncio.Barrier(5).parties}")


@scenario("test_locks.test_barrier")
async def barrier():
    b = asyncio.Barrier(3)
    t = parties("abc", b)
    await asyncio.gather(*t)
    about(b)


@scenario("test_locks.test_context_manager")
async def barrier_context_manager():
    b = asyncio.Barrier(3)

    async def enters(name):
        async with b:
            trace(f"{name} inside")

    await asyncio.gather(*(enters(name) for name in "abc"))
    about(b)


@scenario("test_locks.test_filling_one_task")
async def barrier_filling_one_task():
    b = asyncio.Barrier(1)
    trace(f"{await b.wait()}")
    about(b)


@scenario("test_locks.test_filling_one_task_twice")
async def barrier_filling_one_task_twice():
    b = asyncio.Barrier(1)
    a = task(b.wait())
    await sleep(0)
    about(b)
    c = task(b.wait())
    await sleep(0)
    trace(f"{state(a)} {state(c)}")
    about(b)


@scenario("test_locks.test_filling_task_by_task")
async def barrier_filling_task_by_task():
    b = asyncio.Barrier(3)
    t = []
    for name in "abc":
        t += parties(name, b)
        await sleep(0)
        about(b)
    await asyncio.gather(*t)
    about(b)


@scenario("test_locks.test_filling_tasks_wait_twice")
async def barrier_filling_tasks_wait_twice():
    b = asyncio.Barrier(3)
    await asyncio.gather(*parties("abc", b, 2))
    about(b)


@scenario("test_locks.test_filling_tasks_check_return_value")
async def barrier_five_rounds():
    b = asyncio.Barrier(2)
    await asyncio.gather(*parties("ab", b, 5))
    about(b)


@scenario("test_locks.test_blocking_tasks_while_draining")
async def barrier_blocking_tasks_while_draining():
    b = asyncio.Barrier(3)
    t = parties("abc", b) + parties("de", b)
    await sleep(1)
    about(b)
    t += parties("f", b)
    await asyncio.gather(*t)
    about(b)


@scenario("test_locks.test_filling_tasks_cancel_one")
async def barrier_filling_tasks_cancel_one():
    b = asyncio.Barrier(3)
    (a,) = parties("a", b)
    await sleep(0)
    about(b)
    (c,) = parties("b", b)
    await sleep(0)
    about(b)
    a.cancel()
    await sleep(0)
    about(b)
    trace(await outcome(a))
    t = parties("cd", b)
    await asyncio.gather(c, *t)
    about(b)


@scenario("test_locks.test_reset_barrier")
async def barrier_reset():
    b = asyncio.Barrier(1)
    task(b.reset())
    await sleep(0)
    about(b)


@scenario("test_locks.test_reset_barrier_while_tasks_waiting")
async def barrier_reset_while_tasks_waiting():
    b = asyncio.Barrier(4)
    parties("abc", b)
    await sleep(0)
    about(b)
    task(b.reset())
    await turns(5)
    about(b)


@scenario("test_locks.test_reset_barrier_while_tasks_waiting_and_waiting_again")
async def barrier_reset_and_wait_again():
    b = asyncio.Barrier(3)

    async def stays(name):
        try:
            await b.wait()
        except asyncio.BrokenBarrierError:
            trace(f"{name} reset")
        trace(f"{name} is {await b.wait()}")

    t = [task(stays(name)) for name in "ab"]
    task(b.reset())
    await sleep(0)
    t += parties("c", b)
    await asyncio.gather(*t)
    about(b)


@scenario("test_locks.test_reset_barrier_while_tasks_draining")
async def barrier_reset_while_tasks_draining():
    b = asyncio.Barrier(3)
    t = parties("abc", b, 2)
    await turns(2)
    await b.reset()
    about(b)
    await turns(5)
    about(b)
    for x in t:
        x.cancel()


@scenario("test_locks.test_abort_barrier")
async def barrier_abort():
    b = asyncio.Barrier(1)
    task(b.abort())
    await sleep(0)
    about(b)


@scenario("test_locks.test_abort_barrier_when_exception")
async def barrier_abort_while_tasks_waiting():
    b = asyncio.Barrier(4)
    parties("abc", b)
    await sleep(0)
    await b.abort()
    about(b)
    await turns(4)
    about(b)
    parties("d", b)
    await turns(2)


@scenario("test_locks.test_abort_barrier_when_exception_then_resetting")
async def barrier_abort_then_reset():
    b = asyncio.Barrier(3)
    parties("ab", b)
    await sleep(0)
    await b.abort()
    await turns(3)
    await b.reset()
    about(b)
    await asyncio.gather(*parties("cde", b))
    about(b)


@scenario("test_locks.test_draining_state")
async def barrier_draining_state():
    b = asyncio.Barrier(3)

    async def looks(name):
        async with b:
            trace(f"{name}: {b.n_waiting} wait")

    await asyncio.gather(*(looks(name) for name in "abc"))


@scenario("test_locks.test_reset_barrier_when_tasks_half_draining")
async def barrier_reset_when_tasks_half_draining():
    b = asyncio.Barrier(5)
    left = 0

    async def passes(name):
        nonlocal left
        try:
            trace(f"{name} is {await b.wait()}")
        except asyncio.BrokenBarrierError:
            trace(f"{name} reset")
            return
        left += 1
        if left == 3:
            await b.reset()
            trace("has reset")

    await asyncio.gather(*(passes(name) for name in "abcde"))
    about(b)


@scenario("test_locks.test_reset_barrier_when_tasks_half_draining_half_blocking")
async def barrier_reset_when_tasks_half_draining_half_blocking():
    b = asyncio.Barrier(5)
    count = 0

    async def passes(name):
        nonlocal count
        try:
            await b.wait()
        except asyncio.BrokenBarrierError:
            trace(f"{name} reset")
            await b.wait()
            trace(f"{name} through")
            return
        count += 1
        if count > 2:
            trace(f"{name} resets")
            await b.reset()
            await b.wait()
        else:
            try:
                await b.wait()
            except asyncio.BrokenBarrierError:
                trace(f"{name} reset outside")
        trace(f"{name} through")

    await asyncio.gather(*(passes(name) for name in "abcde"))
    about(b)


@scenario("test_locks.test_abort_barrier_when_tasks_half_draining_half_blocking")
async def barrier_abort_when_tasks_half_draining_half_blocking():
    b = asyncio.Barrier(5)
    count = 0

    async def passes(name):
        nonlocal count
        try:
            await b.wait()
        except asyncio.BrokenBarrierError:
            trace(f"{name} broken")
            return
        count += 1
        if count > 2:
            trace(f"{name} aborts")
            await b.abort()
            return
        try:
            await b.wait()
        except asyncio.BrokenBarrierError:
            trace(f"{name} broken outside")

    await asyncio.gather(*(passes(name) for name in "abcde"))
    about(b)
