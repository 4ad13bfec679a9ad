"""Queue, LifoQueue, PriorityQueue."""
from scenario import *


def nowait(act, *arguments):
    """The value of get_nowait(), put_nowait(), or the name of the error."""
    try:
        return plain(act(*arguments))
    except Exception as e:
        return error_name(e)


def about(q):
    trace(f"{q.qsize()} of {q.maxsize}, empty {q.empty()}, full {q.full()}")


async def putter(name, q, first, n):
    """Puts n items."""
    for i in range(first, first + n):
        try:
            await q.put(i)
        except (Exception, asyncio.CancelledError) as e:
            trace(f"{name} {error_name(e)}")
            raise
        trace(f"{name} put {i}")


async def getter(name, q, n):
    """Gets n items."""
    for _ in range(n):
        try:
            item = await q.get()
        except (Exception, asyncio.CancelledError) as e:
            trace(f"{name} {error_name(e)}")
            raise
        trace(f"{name} got {item}")


@scenario()
async def empty():
    q = asyncio.Queue()
    about(q)
    await q.put(1)
    about(q)
    trace(f"{await q.get()}")
    about(q)


@scenario()
async def full():
    q = asyncio.Queue()
    about(q)
    q = asyncio.Queue(1)
    await q.put(1)
    about(q)


@scenario("test_queues.test_maxsize")
async def maxsize_negative():
    q = asyncio.Queue(-1)
    trace(f"{q.full()} {nowait(q.put_nowait, 1)} {q.full()}")


@scenario()
async def order():
    q = asyncio.Queue()
    for i in (1, 3, 2):
        await q.put(i)
    trace(" ".join([str(await q.get()) for _ in range(3)]))


@scenario()
async def maxsize():
    q = asyncio.Queue(2)
    t = task(putter("p", q, 0, 3))
    await turns(2)
    trace(f"got {await q.get()}")
    await sleep(0)
    trace(f"got {await q.get()}")
    trace(f"got {await q.get()}")
    trace(f"{t.done()}")


@scenario()
async def blocking_get():
    q = asyncio.Queue()
    q.put_nowait(1)
    trace(f"{await q.get()}")


@scenario()
async def blocking_get_wait():
    q = asyncio.Queue()
    t = task(getter("g", q, 1))
    await sleep(0)
    call_later(1, q.put_nowait, 1)
    await t


@scenario()
async def nonblocking_get():
    q = asyncio.Queue()
    q.put_nowait(1)
    trace(nowait(q.get_nowait))


@scenario()
async def nonblocking_get_exception():
    q = asyncio.Queue()
    trace(nowait(q.get_nowait))


@scenario()
async def get_cancelled_race():
    q = asyncio.Queue()
    a, b = task(getter("a", q, 1)), task(getter("b", q, 1))
    await sleep(0)
    a.cancel()
    await sleep(0)
    trace(f"{a.done()}")
    await q.put(7)
    await sleep(0)
    await b


@scenario()
async def get_with_waiting_putters():
    q = asyncio.Queue(1)
    task(q.put(1))
    task(q.put(2))
    trace(f"{await q.get()}")
    trace(f"{await q.get()}")


@scenario()
async def why_are_getters_waiting():
    q = asyncio.Queue(1)
    await asyncio.gather(putter("p", q, 0, 5), getter("g", q, 5))


@scenario("test_queues.test_cancelled_getters_not_being_held_in_self_getters")
async def cancelled_getter_is_gone():
    q = asyncio.Queue(5)
    t = task(getter("a", q, 1))
    await sleep(0.1)
    t.cancel()
    trace(await outcome(t))
    q.put_nowait(1)
    trace(f"{q.qsize()}")
    await getter("main", q, 1)


@scenario()
async def blocking_put():
    q = asyncio.Queue()
    await q.put(1)
    trace(f"{await q.get()}")


@scenario()
async def blocking_put_wait():
    q = asyncio.Queue(1)
    call_later(0.01, q.get_nowait)
    t = task(putter("p", q, 1, 2))
    await sleep(0)
    trace(f"{t.done()}")
    await t


@scenario()
async def get_cancel_drop_one_pending_reader():
    q = asyncio.Queue()
    t = task(getter("a", q, 1))
    await sleep(0)
    q.put_nowait(1)
    q.put_nowait(2)
    t.cancel()
    trace(await outcome(t))
    await getter("main", q, 2)


@scenario()
async def get_cancel_drop_many_pending_readers():
    q = asyncio.Queue()
    a, b, c = (task(getter(name, q, 1)) for name in "abc")
    await sleep(0)
    q.put_nowait(1)
    q.put_nowait(2)
    a.cancel()
    trace(await outcome(a))
    await b
    await c
    trace(f"{q.qsize()}")


@scenario()
async def put_cancel_drop():
    q = asyncio.Queue(1)
    q.put_nowait(1)
    t = task(putter("p", q, 2, 1))
    await sleep(0)
    trace(nowait(q.get_nowait))
    t.cancel()
    trace(await outcome(t))
    await putter("main", q, 2, 1)
    trace(f"{nowait(q.get_nowait)} {q.qsize()}")


@scenario()
async def nonblocking_put_exception():
    q = asyncio.Queue(1)
    trace(nowait(q.put_nowait, 1))
    trace(nowait(q.put_nowait, 2))


@scenario()
async def put_cancelled():
    q = asyncio.Queue()
    t = task(putter("p", q, 1, 1))
    trace(f"{await q.get()}")
    trace(f"{t.done()}")


@scenario()
async def put_cancelled_race():
    q = asyncio.Queue(1)
    a, b, c = (task(putter(name, q, i, 1)) for i, name in enumerate("abc"))
    await sleep(0)
    trace(f"{a.done()} {b.done()}")
    c.cancel()
    await sleep(0)
    trace(f"{c.done()}")
    trace(nowait(q.get_nowait))
    await sleep(0)
    trace(nowait(q.get_nowait))
    await b


@scenario()
async def put_with_waiting_getters():
    q = asyncio.Queue()
    t = task(getter("g", q, 1))
    await sleep(0)
    await q.put(5)
    trace("put")
    await t


@scenario()
async def why_are_putters_waiting():
    q = asyncio.Queue(2)

    async def drains():
        await sleep(0)
        for _ in range(q.qsize()):
            trace(f"drained {nowait(q.get_nowait)}")

    await asyncio.gather(drains(), *(putter(name, q, i, 1) for i, name in enumerate("abcd")))


@scenario("test_queues.test_cancelled_puts_not_being_held_in_self_putters")
async def cancelled_putter_is_gone():
    q = asyncio.Queue(1)
    q.put_nowait(1)
    t = task(putter("a", q, 2, 1))
    await sleep(0)
    t.cancel()
    trace(await outcome(t))
    trace(f"{nowait(q.get_nowait)} {nowait(q.get_nowait)}")


@scenario("test_queues.test_cancelled_put_silence_value_error_exception")
async def woken_putter_is_cancelled():
    q = asyncio.Queue(1)
    q.put_nowait(1)
    a, b = task(putter("a", q, 2, 1)), task(putter("b", q, 3, 1))
    await sleep(0)
    trace(nowait(q.get_nowait))
    a.cancel()
    trace(await outcome(a))
    await b
    trace(nowait(q.get_nowait))


@scenario("test_queues.test_get_cancelled_race")
async def woken_getter_is_cancelled():
    q = asyncio.Queue()
    a, b = task(getter("a", q, 1)), task(getter("b", q, 1))
    await sleep(0)
    q.put_nowait(1)
    a.cancel()
    trace(await outcome(a))
    await b


@scenario("test_queues.test_why_are_getters_waiting")
async def two_producers_two_consumers():
    q = asyncio.Queue(2)
    await asyncio.gather(
        putter("p", q, 0, 4), putter("q", q, 10, 4), getter("a", q, 4), getter("b", q, 4)
    )
    trace(f"{q.qsize()}")


@scenario("test_queues.test_put_with_waiting_getters")
async def getters_in_order():
    q = asyncio.Queue()
    ts = [task(getter(name, q, 1)) for name in "abc"]
    await sleep(0)
    for i in range(3):
        q.put_nowait(i)
    await asyncio.gather(*ts)


@scenario("test_queues.test_order")
async def lifo_order():
    q = asyncio.LifoQueue()
    for i in (1, 3, 2):
        await q.put(i)
    trace(" ".join([str(await q.get()) for _ in range(3)]))


@scenario("test_queues.test_order")
async def priority_order():
    q = asyncio.PriorityQueue()
    for i in (5, 1, 3, 2, 4):
        await q.put(i)
    trace(" ".join([str(await q.get()) for _ in range(5)]))


@scenario("test_queues.test_order")
async def priority_of_those_who_wait():
    q = asyncio.PriorityQueue(1)
    ts = [task(putter(name, q, i, 1)) for i, name in ((3, "c"), (1, "a"), (2, "b"))]
    await sleep(0)
    await getter("main", q, 3)
    await asyncio.gather(*ts)


@scenario()
async def task_done_underflow():
    q = asyncio.Queue()
    await misuse(q.task_done)


@scenario()
async def task_done():
    q = asyncio.Queue()
    for i in range(6):
        q.put_nowait(i)

    async def works(name):
        while True:
            trace(f"{name} got {await q.get()}")
            await sleep(1)
            q.task_done()

    a, b = task(works("a")), task(works("b"))
    await q.join()
    trace("joined")
    a.cancel()
    b.cancel()


@scenario()
async def join_empty_queue():
    q = asyncio.Queue()
    await q.join()
    await q.join()
    trace("at once")


@scenario("test_queues.test_task_done")
async def join_after_more_is_put():
    q = asyncio.Queue()
    q.put_nowait(1)
    t = task(q.join())
    await sleep(0)
    q.get_nowait()
    q.put_nowait(2)
    q.task_done()
    await turns(2)
    trace(f"{t.done()}")
    q.get_nowait()
    q.task_done()
    await t
    trace("joined")


@scenario("test_queues.test_task_done")
async def join_cancelled():
    q = asyncio.Queue()
    q.put_nowait(1)
    t = task(q.join())
    await sleep(1)
    t.cancel()
    trace(await outcome(t))
    q.get_nowait()
    q.task_done()
    await q.join()
    trace("joined")


async def all_refused(q):
    trace(await outcome(q.put(1)))
    trace(nowait(q.put_nowait, 1))
    trace(await outcome(q.get()))
    trace(nowait(q.get_nowait))


@scenario(since="3.13")
async def shutdown_empty():
    q = asyncio.Queue()
    t = task(getter("g", q, 1))
    await sleep(0)
    q.shutdown()
    await q.join()
    await sleep(0)
    trace(f"{t.done()} {await outcome(t)}")
    await all_refused(q)


@scenario(since="3.13")
async def shutdown_nonempty():
    q = asyncio.Queue(1)
    q.put_nowait(7)
    j, p = task(q.join()), task(putter("p", q, 8, 1))
    await sleep(0)
    trace(f"{p.done()}")
    q.shutdown()
    trace(f"{q.qsize()}")
    await sleep(0)
    trace(f"{p.done()} {await outcome(p)}")
    trace(f"{await q.get()}")
    await sleep(0)
    trace(f"{j.done()}")
    await all_refused(q)
    q.task_done()
    await sleep(0)
    trace(f"{j.done()}")
    await misuse(q.task_done)


@scenario(since="3.13")
async def shutdown_immediate():
    q = asyncio.Queue()
    q.put_nowait(7)
    j = task(q.join())
    q.shutdown(immediate=True)
    trace(f"{q.qsize()}")
    await sleep(0)
    trace(f"{j.done()}")
    await all_refused(q)
    await misuse(q.task_done)


@scenario(since="3.13")
async def shutdown_immediate_with_unfinished():
    q = asyncio.Queue()
    q.put_nowait(7)
    q.put_nowait(8)
    j = task(q.join())
    trace(f"{await q.get()}")
    q.shutdown(immediate=True)
    trace(f"{q.qsize()}")
    await sleep(0)
    trace(f"{j.done()}")
    await all_refused(q)
    q.task_done()
    await misuse(q.task_done)
    await sleep(0)
    trace(f"{j.done()}")


@scenario("test_queues.test_shutdown_empty", since="3.13")
async def shutdown_wakes_all_getters():
    q = asyncio.Queue()
    a, b = task(getter("a", q, 1)), task(getter("b", q, 1))
    await sleep(1)
    q.shutdown()
    trace(f"{await outcome(a)} {await outcome(b)}")


@scenario("test_queues.test_shutdown_nonempty", since="3.13")
async def shutdown_wakes_all_putters():
    q = asyncio.Queue(1)
    q.put_nowait(0)
    a, b = task(putter("a", q, 1, 1)), task(putter("b", q, 2, 1))
    await sleep(1)
    q.shutdown(immediate=True)
    trace(f"{await outcome(a)} {await outcome(b)} {q.qsize()}")
