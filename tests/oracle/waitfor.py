"""wait_for. It is that of Python 3.12 and later: what it waits for runs in the task that waits."""
import math

from scenario import *


def timed(of=None):
    return scenario(of, since="3.12")


async def slow(seconds):
    """Takes its time, whoever asks."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        try:
            await sleep(end - loop.time())
        except asyncio.CancelledError:
            trace("slow ignores it")
    trace("slow ends")


@timed("test_waitfor.test_asyncio_wait_for_cancelled")
async def cancelled_waits_for_the_inner():
    t = task(asyncio.wait_for(slow(2), 4))
    await turns(3)
    t.cancel()
    trace(await outcome(t))


@timed("test_waitfor.test_asyncio_wait_for_cancelled")
async def cancelled_before_the_inner_begins():
    t = task(asyncio.wait_for(slow(2), 4))
    await sleep(0)
    t.cancel()
    trace(await outcome(t))


@timed("test_waitfor.test_asyncio_wait_for_timeout")
async def timeout_waits_for_the_inner():
    trace(await outcome(asyncio.wait_for(slow(2), 1)))


@timed("test_waitfor.test_wait_for_timeout_less_then_0_or_0_future_done")
async def timeout_0_future_done():
    f = future()
    set(f, 5)
    trace(await outcome(asyncio.wait_for(f, 0)))
    trace(await outcome(asyncio.wait_for(f, -1)))


@timed("test_waitfor.test_wait_for_timeout_less_then_0_or_0_coroutine_do_not_started")
async def timeout_0_coroutine_do_not_started():
    trace(await outcome(asyncio.wait_for(worker("a", 1), 0)))
    trace(await outcome(asyncio.wait_for(worker("b", 1), -1)))


@timed("test_waitfor.test_wait_for_timeout_less_then_0_or_0")
async def timeout_0():
    for seconds in (0, -1):
        t = task(worker("a", 10))
        await sleep(0)
        trace(await outcome(asyncio.wait_for(t, seconds)))
        trace(f"{t.done()} {t.cancelled()}")


@timed("test_waitfor.test_wait_for_timeout_less_then_0_or_0")
async def timeout_0_future_pending():
    f = future()
    trace(await outcome(asyncio.wait_for(f, 0)))
    trace(state(f))


@timed("test_waitfor.test_wait_for")
async def wait_for():
    t = task(worker("a", 10))
    trace(await outcome(asyncio.wait_for(t, 0.1)))
    trace(f"{t.done()} {t.cancelled()} {asyncio.current_task().cancelling()}")


@timed("test_waitfor.test_wait_for")
async def in_time():
    trace(await outcome(asyncio.wait_for(worker("a", 1, 7), 2)))
    await sleep(5)
    trace("nothing else comes")


@timed("test_waitfor.test_wait_for")
async def fails_in_time():
    trace(await outcome(asyncio.wait_for(worker("a", 1, EPROTO), 2)))


@timed("test_waitfor.test_wait_for_blocking")
async def blocking():
    trace(await outcome(asyncio.wait_for(worker("a", 100, 7), math.inf)))


@timed("test_waitfor.test_wait_for_race_condition")
async def race_condition():
    f = future()
    call_soon(set, f, 3)
    trace(await outcome(asyncio.wait_for(f, 0.2)))


@timed("test_waitfor.test_wait_for_cancellation_race_condition")
async def cancellation_race_condition():
    async def inner():
        try:
            await sleep(1)
        except asyncio.CancelledError:
            trace("swallowed")
        return 1

    trace(await outcome(asyncio.wait_for(inner(), 0.01)))


@timed("test_waitfor.test_wait_for_waits_for_task_cancellation")
async def waits_for_task_cancellation():
    t = task(slow_to_end("inner", 10, 0.5))
    trace(await outcome(asyncio.wait_for(t, 1)))
    trace(state(t))


@timed("test_waitfor.test_wait_for_waits_for_task_cancellation_w_timeout_0")
async def waits_for_task_cancellation_w_timeout_0():
    t = task(slow_to_end("inner", 10, 0.5))
    await sleep(1)
    trace(await outcome(asyncio.wait_for(t, 0)))
    trace(state(t))


@timed("test_waitfor.test_wait_for_reraises_exception_during_cancellation")
async def reraises_exception_during_cancellation():
    async def inner():
        try:
            await sleep(2)
        finally:
            give(EPROTO)

    trace(await outcome(asyncio.wait_for(task(inner()), 1)))


@timed("test_waitfor.test_cancel_blocking_wait_for")
async def cancel_blocking_wait_for():
    inner = task(waiter("inner", future()))
    t = task(asyncio.wait_for(inner, math.inf))
    call_soon(t.cancel)
    trace(await outcome(t))
    trace(f"{inner.cancelled()}")


@timed("test_waitfor.test_cancel_wait_for")
async def cancel_wait_for():
    inner = task(waiter("inner", future()))
    t = task(asyncio.wait_for(inner, 60))
    await sleep(1)
    t.cancel()
    trace(await outcome(t))
    trace(f"{inner.cancelled()} {inner.cancelling()}")


@timed("test_waitfor.test_wait_for_cancel_suppressed")
async def cancel_suppressed():
    async def swallows():
        try:
            await sleep(10)
        except asyncio.CancelledError:
            return 42

    trace(await outcome(asyncio.wait_for(swallows(), 0.1)))


@timed("test_waitfor.test_wait_for_issue86296")
async def issue86296():
    inner = task(just(5))

    async def waits():
        await asyncio.wait_for(inner, 100)
        await sleep(1)
        trace("not reached")

    t = task(waits())
    await sleep(0)
    t.cancel()
    trace(await outcome(t))
    trace(state(inner))


@timed("test_waitfor.test_wait_for_issue86296")
async def cancelled_as_the_future_completes():
    f = future()
    t = task(asyncio.wait_for(f, 100))
    await turns(3)
    set(f, 1)
    t.cancel()
    trace(await outcome(t))


@timed("test_waitfor.test_cancel_wait_for")
async def cancelled_before_it_starts():
    t = task(asyncio.wait_for(worker("a", 1), 5))
    t.cancel()
    trace(await outcome(t))


@timed("test_waitfor.test_wait_for")
async def future_is_cancelled_by_the_timeout():
    f = future()
    trace(await outcome(asyncio.wait_for(f, 1)))
    trace(f"{f.cancelled()}")


@timed("test_waitfor.test_wait_for")
async def inner_is_cancelled_by_another():
    t = task(worker("a", 10))
    cancel_later(t, 1)
    trace(await outcome(asyncio.wait_for(t, 5)))
    trace(f"{asyncio.current_task().cancelling()}")


@timed("test_waitfor.test_wait_for")
async def inside_one_another():
    trace(await outcome(asyncio.wait_for(asyncio.wait_for(worker("a", 10), 1), 5)))
    trace(await outcome(asyncio.wait_for(asyncio.wait_for(worker("b", 10), 5), 1)))


@timed("test_waitfor.test_wait_for")
async def of_a_gather():
    trace(await outcome(asyncio.wait_for(asyncio.gather(worker("a", 9), worker("b", 9)), 1)))


@timed("test_waitfor.test_cancel_wait_for")
async def cancelled_while_the_inner_takes_its_time():
    inner = task(slow_to_end("inner", 10, 5))
    t = task(asyncio.wait_for(inner, 60))
    await sleep(1)
    t.cancel()
    await sleep(1)
    trace(f"{state(t)} {state(inner)}")
    trace(await outcome(t))


@timed("test_waitfor.test_cancel_wait_for")
async def outer_cancellation_outranks_the_timeout():
    t = task(asyncio.wait_for(slow_to_end("inner", 10, 5), 1))
    await sleep(2)
    t.cancel()
    trace(await outcome(t))


@timed("test_waitfor.test_zero_timeout")
async def shield_zero_timeout():
    t = task(worker("a", 0.01, 7))
    trace(await outcome(asyncio.wait_for(asyncio.shield(t), 0)))
    trace(f"{t.done()}")
    await sleep(1)
    trace(state(t))


@timed("test_waitfor.test_none_timeout")
async def shield_none_timeout():
    t = task(worker("a", 1, 7))
    await asyncio.wait_for(asyncio.shield(t), math.inf)
    trace(state(t))


@timed("test_waitfor.test_shielded_timeout")
async def shielded_timeout():
    t = task(worker("a", 1, 7))
    trace(await outcome(asyncio.wait_for(asyncio.shield(t), 0.1)))
    trace(f"{t.done()} {t.cancelling()}")
    trace(await outcome(t))
