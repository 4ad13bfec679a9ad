"""Lock, Event, Condition."""
from scenario import *


async def taker(name, lock, hold):
    """Acquires, holds, releases."""
    trace(f"{name} asks")
    try:
        await lock.acquire()
    except asyncio.CancelledError:
        trace(f"{name} cancelled")
        raise
    trace(f"{name} has it")
    try:
        await sleep(hold)
    finally:
        lock.release()
        trace(f"{name} released")


async def keeper(name, lock):
    """Acquires, and leaves it to others to release."""
    await lock.acquire()
    trace(f"{name} has it")


# --- Lock -----------------------------------------------------------------------------------------


@scenario("test_locks.test_lock")
async def lock_uncontended():
    lock = asyncio.Lock()
    trace(f"{lock.locked()}")
    await lock.acquire()
    trace(f"{lock.locked()}")
    lock.release()
    trace(f"{lock.locked()}")


@scenario("test_locks.test_acquire")
async def lock_acquire():
    lock = asyncio.Lock()
    await lock.acquire()
    a, b = task(keeper("a", lock)), task(keeper("b", lock))
    await sleep(0)
    lock.release()
    await sleep(0)
    await sleep(0)
    c = task(keeper("c", lock))
    lock.release()
    await sleep(0)
    lock.release()
    await sleep(0)
    trace(f"{a.done()} {b.done()} {c.done()} {lock.locked()}")


@scenario("test_locks.test_acquire_cancel")
async def lock_acquire_cancel():
    lock = asyncio.Lock()
    await lock.acquire()
    t = task(lock.acquire())
    call_soon(t.cancel)
    trace(await outcome(t))
    lock.release()
    trace(f"{lock.locked()}")


@scenario("test_locks.test_cancel_race")
async def lock_cancel_race():
    lock, f = asyncio.Lock(), future()

    async def holder():
        await lock.acquire()
        await f
        lock.release()

    a = task(holder())
    await sleep(0)
    b = task(taker("b", lock, 0))
    await sleep(0)
    c = task(taker("c", lock, 0))
    await sleep(0)
    f.set_result(0)
    b.cancel()
    await sleep(0)
    trace(f"{a.done()} {b.cancelled()} {lock.locked()}")
    await c
    trace(f"{lock.locked()}")


@scenario("test_locks.test_cancel_release_race")
async def lock_cancel_release_race():
    lock = asyncio.Lock()
    await lock.acquire()
    a, b, c = (task(keeper(name, lock)) for name in "abc")
    await sleep(0)

    def trigger():
        a.cancel()
        lock.release()

    call_soon(trigger)
    trace(await outcome(a))
    trace(f"{b.done()} {c.done()} {lock.locked()}")
    c.cancel()
    await sleep(0)
    trace(f"{c.cancelled()}")


@scenario("test_locks.test_finished_waiter_cancelled")
async def lock_finished_waiter_cancelled():
    lock = asyncio.Lock()
    await lock.acquire()
    a = task(keeper("a", lock))
    await sleep(0)
    b = task(keeper("b", lock))
    a.cancel()
    lock.release()
    await sleep(0)
    trace(f"{lock.locked()} {a.cancelled()}")
    await b


@scenario("test_locks.test_finished_waiter_cancelled")
async def lock_woken_waiter_cancelled():
    lock = asyncio.Lock()
    await lock.acquire()
    a, b = task(taker("a", lock, 1)), task(taker("b", lock, 1))
    await sleep(0)
    lock.release()
    a.cancel()
    trace(f"{lock.locked()}")
    trace(await outcome(a))
    trace(await outcome(b))
    trace(f"{lock.locked()}")


@scenario("test_locks.test_acquire")
async def lock_no_barging():
    lock = asyncio.Lock()
    await lock.acquire()
    a = task(keeper("a", lock))
    await sleep(0)
    lock.release()
    trace(f"{lock.locked()}")
    b = task(keeper("b", lock))
    await sleep(0)
    trace(f"{a.done()} {b.done()}")
    lock.release()
    await b


@scenario("test_locks.test_acquire")
async def lock_released_and_acquired_again():
    lock = asyncio.Lock()
    await lock.acquire()
    a = task(taker("a", lock, 0))
    await sleep(0)
    lock.release()
    await lock.acquire()
    trace("main has it")
    lock.release()
    await a


@scenario("test_locks.test_acquire")
async def lock_fifo_of_many():
    lock = asyncio.Lock()
    for name in "abcde":
        task(taker(name, lock, 1))
    await sleep(6)
    trace(f"{lock.locked()}")


@scenario("test_locks.test_cancel_race")
async def lock_waiter_in_the_middle_cancelled():
    lock = asyncio.Lock()
    a, b, c = (task(taker(name, lock, 1)) for name in "abc")
    await sleep(0.5)
    b.cancel()
    trace(await outcome(b))
    await a
    await c


@scenario("test_locks.test_release_not_acquired")
async def lock_release_not_acquired():
    lock = asyncio.Lock()
    await misuse(lock.release)


@scenario("test_locks.test_release_no_waiters")
async def lock_release_no_waiters():
    lock = asyncio.Lock()
    await lock.acquire()
    trace(f"{lock.locked()}")
    lock.release()
    trace(f"{lock.locked()}")
    await misuse(lock.release)


@scenario("test_locks.test_context_manager")
async def lock_context_manager():
    lock = asyncio.Lock()
    async with lock:
        trace(f"{lock.locked()}")
    trace(f"{lock.locked()}")


@scenario("test_locks.test_context_manager")
async def lock_context_manager_left_early():
    lock = asyncio.Lock()
    for _ in range(3):
        async with lock:
            trace(f"{lock.locked()}")
            break
    trace(f"{lock.locked()}")


@scenario("test_locks.test_context_manager")
async def lock_context_manager_cancelled():
    lock = asyncio.Lock()

    async def inside(name):
        async with lock:
            trace(f"{name} inside")
            await sleep(5)

    a, b, c = task(inside("a")), task(inside("b")), task(inside("c"))
    await sleep(1)
    b.cancel()
    a.cancel()
    trace(f"{await outcome(a)} {await outcome(b)}")
    await c
    trace(f"{lock.locked()}")


@scenario("test_locks.test_acquire_cancel", since="3.12")
async def lock_wait_for():
    lock = asyncio.Lock()
    a = task(taker("a", lock, 5))
    await sleep(0)
    trace(await outcome(asyncio.wait_for(lock.acquire(), 1)))
    await a
    trace(f"{lock.locked()}")


# --- Event ----------------------------------------------------------------------------------------


async def event_waiter(name, event):
    try:
        await event.wait()
    except asyncio.CancelledError:
        trace(f"{name} cancelled")
        raise
    trace(f"{name} goes on")


@scenario("test_locks.test_wait")
async def event_wait():
    event = asyncio.Event()
    trace(f"{event.is_set()}")
    a, b = task(event_waiter("a", event)), task(event_waiter("b", event))
    await sleep(0)
    c = task(event_waiter("c", event))
    event.set()
    await sleep(0)
    trace(f"{a.done()} {b.done()} {c.done()}")


@scenario("test_locks.test_wait_on_set")
async def event_wait_on_set():
    event = asyncio.Event()
    event.set()
    await event.wait()
    trace("at once")


@scenario("test_locks.test_wait_cancel")
async def event_wait_cancel():
    event = asyncio.Event()
    t = task(event.wait())
    call_soon(t.cancel)
    trace(await outcome(t))
    event.set()
    trace(f"{event.is_set()}")


@scenario("test_locks.test_clear")
async def event_clear():
    event = asyncio.Event()
    event.clear()
    trace(f"{event.is_set()}")
    event.set()
    trace(f"{event.is_set()}")
    event.clear()
    trace(f"{event.is_set()}")


@scenario("test_locks.test_clear_with_waiters")
async def event_clear_with_waiters():
    event = asyncio.Event()
    t = task(event_waiter("a", event))
    await sleep(0)
    event.set()
    event.clear()
    trace(f"{event.is_set()}")
    event.set()
    event.set()
    await sleep(0)
    trace(f"{t.done()}")


@scenario("test_locks.test_clear_with_waiters")
async def event_set_and_cleared():
    event = asyncio.Event()
    a = task(event_waiter("a", event))
    await sleep(0)
    event.set()
    event.clear()
    b = task(event_waiter("b", event))
    await turns(3)
    trace(f"{a.done()} {b.done()}")
    event.set()
    await b


@scenario("test_locks.test_wait_cancel")
async def event_one_of_two_cancelled_as_it_is_set():
    event = asyncio.Event()
    a, b = task(event_waiter("a", event)), task(event_waiter("b", event))
    await sleep(0)
    event.set()
    a.cancel()
    trace(f"{await outcome(a)} {await outcome(b)}")


# --- Condition ------------------------------------------------------------------------------------


async def cond_waiter(name, cond, release=True):
    await cond.acquire()
    try:
        await cond.wait()
    except asyncio.CancelledError:
        trace(f"{name} cancelled, {cond.locked()}")
        cond.release()
        raise
    trace(f"{name} goes on")
    if release:
        cond.release()


@scenario("test_locks.test_wait")
async def condition_wait():
    cond = asyncio.Condition()
    a, b, c = (task(cond_waiter(name, cond, False)) for name in "abc")
    await sleep(0)
    trace(f"{cond.locked()}")
    await cond.acquire()
    cond.notify()
    await sleep(0)
    trace(f"{cond.locked()}")
    cond.release()
    await sleep(0)
    trace(f"{cond.locked()}")
    cond.notify(2)
    await sleep(0)
    trace(f"{cond.locked()}")
    cond.release()
    await sleep(0)
    cond.release()
    await sleep(0)
    trace(f"{a.done()} {b.done()} {c.done()} {cond.locked()}")


@scenario("test_locks.test_wait_cancel")
async def condition_wait_cancel():
    cond = asyncio.Condition()
    await cond.acquire()
    t = task(cond.wait())
    call_soon(t.cancel)
    trace(await outcome(t))
    trace(f"{cond.locked()}")


@scenario("test_locks.test_wait_cancel_contested", since="3.13")
async def condition_wait_cancel_contested():
    cond = asyncio.Condition()
    await cond.acquire()
    t = task(cond.wait())
    await sleep(0)
    trace(f"{cond.locked()}")
    await cond.acquire()
    cond.notify()
    call_soon(t.cancel)
    call_soon(cond.release)
    trace(await outcome(t))
    trace(f"{cond.locked()}")


@scenario("test_locks.test_wait_cancel_after_notify")
async def condition_wait_cancel_after_notify():
    cond = asyncio.Condition()
    t = task(cond_waiter("a", cond))
    await sleep(0)
    await cond.acquire()
    cond.notify()
    await sleep(0)
    t.cancel()
    await sleep(0)
    cond.release()
    await sleep(0)
    trace(f"{t.cancelled()} {cond.locked()}")


@scenario("test_locks.test_wait_unacquired")
async def condition_wait_unacquired():
    cond = asyncio.Condition()
    await misuse(cond.wait)


@scenario("test_locks.test_wait_for")
async def condition_wait_for():
    cond = asyncio.Condition()
    ready = False

    async def waits():
        await cond.acquire()
        await cond.wait_for(lambda: ready)
        trace("goes on")
        cond.release()

    t = task(waits())
    await sleep(0)
    await cond.acquire()
    cond.notify()
    cond.release()
    await turns(3)
    trace(f"{t.done()}")
    ready = True
    await cond.acquire()
    cond.notify()
    cond.release()
    await sleep(0)
    trace(f"{t.done()}")


@scenario("test_locks.test_wait_for_unacquired")
async def condition_wait_for_unacquired():
    cond = asyncio.Condition()
    await cond.wait_for(lambda: True)
    trace("true at once")
    await misuse(lambda: cond.wait_for(lambda: False))


@scenario("test_locks.test_notify")
async def condition_notify():
    cond = asyncio.Condition()
    a, b, c = (task(cond_waiter(name, cond)) for name in "abc")
    await sleep(0)
    await cond.acquire()
    cond.notify(1)
    cond.release()
    await sleep(0)
    trace("notified 1")
    await cond.acquire()
    cond.notify(1)
    cond.notify(2048)
    cond.release()
    await sleep(0)
    trace(f"{a.done()} {b.done()} {c.done()}")
    await turns(2)
    trace(f"{a.done()} {b.done()} {c.done()}")


@scenario("test_locks.test_notify_all")
async def condition_notify_all():
    cond = asyncio.Condition()
    a, b = (task(cond_waiter(name, cond)) for name in "ab")
    await sleep(0)
    await cond.acquire()
    cond.notify_all()
    cond.release()
    await a
    await b


@scenario("test_locks.test_notify_unacquired")
async def condition_notify_unacquired():
    cond = asyncio.Condition()
    await misuse(cond.notify)


@scenario("test_locks.test_notify_all_unacquired")
async def condition_notify_all_unacquired():
    cond = asyncio.Condition()
    await misuse(cond.notify_all)


@scenario("test_locks.test_notify")
async def condition_notify_nobody():
    cond = asyncio.Condition()
    async with cond:
        cond.notify()
    t = task(cond_waiter("a", cond))
    await turns(3)
    trace(f"{t.done()}")
    async with cond:
        cond.notify()
    await t


@scenario("test_locks.test_context_manager")
async def condition_context_manager():
    cond = asyncio.Condition()
    async with cond:
        trace(f"{cond.locked()}")
    trace(f"{cond.locked()}")


@scenario("test_locks.test_explicit_lock")
async def condition_explicit_lock():
    lock = asyncio.Lock()
    cond = asyncio.Condition(lock)
    async with cond:
        trace(f"{lock.locked()} {cond.locked()}")
    async with lock:
        trace(f"{lock.locked()} {cond.locked()}")
    trace(f"{lock.locked()} {cond.locked()}")


@scenario("test_locks.test_explicit_lock")
async def condition_two_of_one_lock():
    lock = asyncio.Lock()
    one, two = asyncio.Condition(lock), asyncio.Condition(lock)
    a, b = task(cond_waiter("a", one)), task(cond_waiter("b", two))
    await sleep(0)
    async with lock:
        two.notify()
        trace("notified two")
    await b
    trace(f"{a.done()}")
    async with one:
        one.notify()
    await a


@scenario("test_locks.test_timeout_in_block", since="3.12")
async def condition_timeout_in_block():
    cond = asyncio.Condition()
    async with cond:
        trace(await outcome(asyncio.wait_for(cond.wait(), 0.5)))
        trace(f"{cond.locked()}")
    trace(f"{cond.locked()}")


@scenario("test_locks.test_cancelled_error_wakeup", since="3.13")
async def condition_cancelled_while_waiting():
    cond = asyncio.Condition()
    a, b = task(cond_waiter("a", cond)), task(cond_waiter("b", cond))
    await sleep(0)
    a.cancel()
    trace(await outcome(a))
    async with cond:
        cond.notify()
    await b


@scenario("test_locks.test_cancelled_error_re_aquire")
async def condition_cancelled_while_it_acquires_again():
    cond = asyncio.Condition()
    t = task(cond_waiter("a", cond))
    await sleep(0)
    await cond.acquire()
    cond.notify()
    await sleep(0)
    t.cancel()
    cond.release()
    trace(await outcome(t))
    trace(f"{cond.locked()}")


def consumers(cond, state):
    async def consumer(name):
        async with cond:
            while True:
                await cond.wait_for(lambda: state[0] != 0)
                trace(f"{name} sees {state[0]}")
                if state[0] < 0:
                    return
                state[0] -= 1

    return [task(consumer(name)) for name in "ab"]


@scenario("test_locks.test_cancelled_wakeup", since="3.13")
async def condition_cancelled_wakeup():
    cond, state = asyncio.Condition(), [0]
    a, b = consumers(cond, state)
    await sleep(0)
    async with cond:
        state[0] += 1
        cond.notify(1)
        a.cancel()
    await turns(4)
    trace(f"{state[0]} {a.cancelled()}")
    async with cond:
        state[0] = -1
        cond.notify_all()
    await b


@scenario("test_locks.test_cancelled_wakeup_relock", since="3.13")
async def condition_cancelled_wakeup_relock():
    cond, state = asyncio.Condition(), [0]
    a, b = consumers(cond, state)
    await sleep(0)
    async with cond:
        state[0] += 1
        cond.notify(1)
        await sleep(0)
        a.cancel()
    await turns(5)
    trace(f"{state[0]} {a.cancelled()}")
    async with cond:
        state[0] = -1
        cond.notify_all()
    await b
