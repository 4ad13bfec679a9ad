"""wait."""
from scenario import *

FIRST, EXCEPTION, ALL = asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION, asyncio.ALL_COMPLETED


async def waits(tasks, seconds=None, return_when=ALL):
    """Waits for some of these, and says which are done, in their own order."""
    done, pending = await asyncio.wait(tasks, timeout=seconds, return_when=return_when)
    assert done | pending == {*tasks} and not done & pending
    trace(f"done: {' '.join([str(i) for i, t in enumerate(tasks) if t in done])}")
    return len(done)


@scenario("test_tasks.test_wait")
async def wait_for_all():
    ts = [task(worker("a", 0.1, 1)), task(worker("b", 0.15, 2))]
    trace(f"{await waits(ts)}")
    trace(f"{await waits(ts)} again, at once")


@scenario(
    "test_tasks.test_wait_duplicate_coroutines",
    differs="an array is no set: in C one that is twice in it counts twice",
    c="""0 #3 done: 0 1 2
         0 #3 3""",
)
async def wait_duplicates():
    t, other = task(just(1)), task(just(2))
    trace(f"{await waits([t, t, other])}")


@scenario("test_tasks.test_wait_first_completed")
async def wait_first_completed():
    ts = [task(worker("a", 10)), task(worker("b", 0.1))]
    await waits(ts, return_when=FIRST)
    trace(f"{state(ts[0])} {state(ts[1])}")


@scenario("test_tasks.test_wait_really_done")
async def wait_really_done():
    ts = [task(turns(1)), task(turns(2))]
    await waits(ts, return_when=FIRST)


@scenario("test_tasks.test_wait_first_exception")
async def wait_first_exception():
    ts = [task(worker("a", 10)), task(just(EPROTO))]
    await waits(ts, return_when=EXCEPTION)
    trace(f"{state(ts[0])} {state(ts[1])}")


@scenario("test_tasks.test_wait_first_exception_in_wait")
async def wait_first_exception_in_wait():
    ts = [task(worker("a", 10)), task(worker("b", 0.01, EPROTO)), task(worker("c", 0.005, 1))]
    await waits(ts, return_when=EXCEPTION)


@scenario("test_tasks.test_wait_first_exception")
async def wait_first_exception_none():
    ts = [task(worker("a", 1)), task(worker("b", 2))]
    await waits(ts, return_when=EXCEPTION)


@scenario("test_tasks.test_wait_first_exception")
async def wait_first_exception_cancellation_is_none():
    ts = [task(worker("a", 5)), task(worker("b", 2))]
    await sleep(0)
    cancel_later(ts[0], 1)
    await waits(ts, return_when=EXCEPTION)


@scenario("test_tasks.test_wait_with_exception")
async def wait_with_exception():
    ts = [task(worker("a", 0.1)), task(worker("b", 0.15, EPROTO))]
    await waits(ts)
    await waits(ts)
    trace(f"{state(ts[0])} {state(ts[1])}")


@scenario("test_tasks.test_wait_with_timeout")
async def wait_with_timeout():
    ts = [task(worker("a", 0.1)), task(worker("b", 0.15))]
    trace(f"{await waits(ts, 0.11)}")
    trace(f"{await waits(ts)}")


@scenario("test_tasks.test_wait_with_timeout")
async def wait_with_timeout_0():
    ts = [task(worker("a", 1)), task(just(2))]
    trace(f"{await waits(ts, 0)}")
    await turns(2)
    trace(f"{await waits(ts, 0)}")


@scenario("test_tasks.test_wait_with_timeout")
async def wait_with_timeout_none_done():
    ts = [task(worker("a", 2)), task(worker("b", 2.5))]
    trace(f"{await waits(ts, 1)}")
    trace(f"{ts[0].cancelling()}")
    await waits(ts)


@scenario("test_tasks.test_yield_wait_does_not_shield_cancel")
async def wait_cancelled():
    f = future()
    inner = task(waiter("inner", f))

    async def outer():
        await waits([inner])
        trace("not reached")

    t = task(outer())
    await turns(2)
    t.cancel()
    trace(await outcome(t))
    trace(f"{state(inner)}")
    set(f, 1)
    await inner


@scenario("test_tasks.test_wait_with_iterator_of_tasks")
async def wait_for_futures():
    fs = [future(), future()]
    set_later(fs[1], 1, 5)
    await waits(fs, return_when=FIRST)
    set(fs[0], 3)
    await waits(fs)


@scenario("test_tasks.test_wait_generator")
async def wait_for_ten():
    trace(f"{await waits([task(just(i)) for i in range(10)])}")


@scenario("test_tasks.test_wait")
async def wait_one_is_done_already():
    ts = [task(just(1)), task(worker("b", 1))]
    await turns(2)
    await waits(ts, return_when=FIRST)
    await waits(ts)


@scenario("test_tasks.test_wait_concurrent_complete")
async def wait_concurrent_complete():
    ts = [task(worker("a", 0.1)), task(worker("b", 0.15))]
    trace(f"{await waits(ts, 0.1)}")
    await waits(ts)


@scenario("test_tasks.test_wait_errors")
async def wait_for_nothing():
    await misuse(lambda: asyncio.wait([]))


@scenario("test_tasks.test_yield_wait_does_not_shield_cancel")
async def wait_cancelled_as_all_are_done():
    f = future()

    async def outer():
        await waits([f])
        trace("not reached")

    t = task(outer())
    await turns(2)
    set(f, 1)
    t.cancel()
    trace(await outcome(t))
