"""to_thread, executors, and what other threads do to a loop."""
import concurrent.futures

from scenario import *

THREADS = "other threads take the turns they take"


def threaded(of):
    return scenario(of, turns=False, differs=THREADS)


to_thread = asyncio.to_thread
calls = []


def add(a, b):
    return a + b


def fails():
    raise OSError(-EIO, "disk on fire")


def called():
    calls.append(1)


@threaded("test_threads.test_to_thread")
async def to_thread_result():
    trace(await outcome(to_thread(add, 40, 2)))


@threaded("test_threads.test_to_thread_exception")
async def to_thread_exception():
    trace(await outcome(to_thread(fails)))


@threaded("test_threads.test_to_thread_once")
async def to_thread_once():
    calls.clear()
    x = to_thread(called)
    trace(f"made: {len(calls)}")
    await x
    trace(f"awaited: {len(calls)}")


@threaded("test_threads.test_to_thread_concurrent")
async def to_thread_concurrent():
    calls.clear()
    await asyncio.gather(*(to_thread(called) for _ in range(10)))
    trace(f"{len(calls)}")


@threaded("test_threads.test_to_thread")
async def to_thread_as_a_task():
    t = task(to_thread(add, 1, 2))
    trace(state(t))
    trace(await outcome(t))


@threaded("test_threads.test_to_thread")
async def to_thread_in_time():
    trace(await outcome(asyncio.wait_for(to_thread(add, 1, 2), None)))


@threaded("test_events.test_run_in_executor")
async def executor_of_its_own():
    loop = asyncio.get_running_loop()
    pool = concurrent.futures.ThreadPoolExecutor(1)
    fs = [loop.run_in_executor(pool, add, i, i) for i in range(4)]
    trace(" ".join([await outcome(f) for f in fs]))
    trace(await outcome(loop.run_in_executor(pool, fails)))
    pool.shutdown()


@threaded("test_events.test_run_in_executor")
async def executor_begins_at_once():
    calls.clear()
    f = asyncio.get_running_loop().run_in_executor(None, called)
    while not f.done():
        await sleep(0)
    trace(f"{len(calls)}")
    await f


@threaded("test_events.test_call_soon_threadsafe")
async def call_soon_threadsafe():
    loop, f = asyncio.get_running_loop(), future()

    def in_thread():
        for text in ("one", "two", "three"):
            loop.call_soon_threadsafe(say, text)
        loop.call_soon_threadsafe(set, f, 5)

    await to_thread(in_thread)
    trace(await outcome(f))


@threaded("test_events.test_call_soon_threadsafe_same_thread")
async def call_soon_threadsafe_same_thread():
    asyncio.get_running_loop().call_soon_threadsafe(say, "called")
    trace("not yet")
    await turns(2)


async def adds(a, b, fail):
    await sleep(0.05)
    if fail:
        give(EIO)
    return a + b


async def cancels_itself():
    asyncio.current_task().cancel()
    await sleep(0)


def target(loop, c, seconds):
    f = asyncio.run_coroutine_threadsafe(c, loop)
    try:
        return f.result(seconds)
    finally:
        f.done() or f.cancel()


async def thread_runs(c, seconds=None):
    trace(await outcome(to_thread(target, asyncio.get_running_loop(), c, seconds)))


@threaded("test_tasks.test_run_coroutine_threadsafe")
async def run_coroutine_threadsafe():
    await thread_runs(adds(1, 2, False))


@threaded("test_tasks.test_run_coroutine_threadsafe_with_exception")
async def run_coroutine_threadsafe_with_exception():
    await thread_runs(adds(1, 2, True))


@threaded("test_tasks.test_run_coroutine_threadsafe_with_timeout")
async def run_coroutine_threadsafe_with_timeout():
    async def waits(f):
        await f

    await thread_runs(waits(future()), 0)
    await turns(5)
    trace(f"{len(asyncio.all_tasks())}")


@threaded("test_tasks.test_run_coroutine_threadsafe_task_cancelled")
async def run_coroutine_threadsafe_task_cancelled():
    await thread_runs(cancels_itself())


@threaded("test_futures.test_wrap_future")
async def wrap_future():
    loop = asyncio.get_running_loop()
    f = asyncio.run_coroutine_threadsafe(adds(1, 2, False), loop)
    trace(await outcome(asyncio.wrap_future(f)))


@threaded("test_futures.test_wrap_future_cancel")
async def wrap_future_cancelled():
    f = asyncio.run_coroutine_threadsafe(worker("a", 5), asyncio.get_running_loop())
    w = task(waiter("w", asyncio.wrap_future(f)))
    await sleep(1)
    w.cancel()
    trace(await outcome(w))
    await turns(3)
    trace(f"{f.cancelled()}")


@threaded("test_futures.test_wrap_future_cancel2")
async def wrap_future_of_a_failure():
    f = asyncio.run_coroutine_threadsafe(adds(1, 2, True), asyncio.get_running_loop())
    trace(await outcome(asyncio.wrap_future(f)))
    trace(f"{f.cancelled()} {f.cancel()}")
