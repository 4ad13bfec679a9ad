"""as_completed."""
from scenario import *



@scenario("test_tasks.test_as_completed")
async def as_completed():
    ts = [task(worker("b", 2, 2)), task(worker("c", 3, 3)), task(worker("a", 1, 1))]
    for x in asyncio.as_completed(ts):
        trace(f"got {await x}")


@scenario("test_tasks.test_as_completed")
async def as_completed_with_a_failure():
    ts = [task(worker("a", 1, EPROTO)), task(worker("b", 2, 2))]
    for x in asyncio.as_completed(ts):
        trace(f"got {await outcome(x)}")


@scenario("test_tasks.test_as_completed_same_tasks_in_as_out", since="3.13")
async def as_completed_same_tasks_in_as_out():
    ts = [task(worker("a", 2)), task(worker("b", 1))]
    async for x in asyncio.as_completed(ts):
        trace(f"{ts.index(x)} {state(x)}")


@scenario("test_tasks.test_as_completed_with_timeout")
async def as_completed_with_timeout():
    ts = [task(worker("a", 0.1, 1)), task(worker("b", 0.15, 2))]
    for x in asyncio.as_completed(ts, timeout=0.12):
        trace(await outcome(x))
    trace(f"{state(ts[1])}")


@scenario("test_tasks.test_as_completed_with_timeout", since="3.13")
async def as_completed_with_timeout_async():
    ts = [task(worker("a", 0.1, 1)), task(worker("b", 0.15, 2))]
    try:
        async for x in asyncio.as_completed(ts, timeout=0.12):
            trace(state(x))
    except TimeoutError:
        trace("ETIMEDOUT")
    trace(f"{state(ts[1])}")


@scenario("test_tasks.test_as_completed_with_unused_timeout")
async def as_completed_with_unused_timeout():
    for x in asyncio.as_completed([task(worker("a", 0.01, 1))], timeout=1):
        trace(f"got {await x}")
    await sleep(2)
    trace("nothing else comes")


@scenario("test_tasks.test_as_completed_reverse_wait")
async def as_completed_reverse_wait():
    ts = [task(worker("a", 0.05, 1)), task(worker("b", 0.1, 2))]
    xs = list(asyncio.as_completed(ts))
    trace(f"{await xs[1]}")
    trace(f"{await xs[0]}")


@scenario("test_tasks.test_as_completed_concurrent")
async def as_completed_concurrent():
    ts = [task(worker("a", 1, 1)), task(worker("b", 2, 2))]
    x, y = asyncio.as_completed(ts)
    one, two = task(waiter("one", x)), task(waiter("two", y))
    await one
    await two


@scenario(
    "test_tasks.test_as_completed_duplicate_coroutines",
    differs="an array is no set: in C one that is twice in it counts twice",
    c="""0 #1 a starts
         0 #1 b starts
         1 #3 a ends
         1 #5 got 1
         1 #5 got 1
         2 #7 b ends
         2 #9 got 2""",
)
async def as_completed_duplicates():
    t = task(worker("a", 1, 1))
    for x in asyncio.as_completed([t, t, task(worker("b", 2, 2))]):
        trace(f"got {await x}")


@scenario("test_tasks.test_as_completed_coroutine_use_running_loop")
async def as_completed_coroutine():
    for x in asyncio.as_completed([worker("a", 1, 42)]):
        trace(f"got {await x}")


@scenario("test_tasks.test_as_completed")
async def as_completed_cancelled():
    ts = [task(worker("a", 5)), task(worker("b", 6))]

    async def outer():
        for x in asyncio.as_completed(ts):
            try:
                await x
            except asyncio.CancelledError:
                trace("cancelled")
                raise

    t = task(outer())
    await sleep(1)
    t.cancel()
    trace(await outcome(t))
    trace(f"{state(ts[0])} {ts[0].cancelling()}")
    for x in ts:
        x.cancel()
    await sleep(0)


@scenario("test_tasks.test_as_completed")
async def as_completed_of_done_ones():
    ts = [task(just(1)), task(just(2))]
    await turns(2)
    trace(f"got {sum([await x for x in asyncio.as_completed(ts)])}")


@scenario("test_tasks.test_as_completed_resume_iterator", since="3.13")
async def as_completed_resume_iterator():
    it = asyncio.as_completed([task(worker(n, i, i)) for i, n in enumerate("abc", 1)])
    async for x in it:
        trace(f"got {await x}")
        break
    async for x in it:
        trace(f"got {await x}")
