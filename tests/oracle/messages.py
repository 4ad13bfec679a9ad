"""Cancellations with a message, and the messages of errors."""
from scenario import *


def said(e):
    text = str(e.args[-1]) if e.args else ""
    return f"{error_name(e)} '{text}'"


async def told(x):
    """In C: await(x), then the error and its message."""
    try:
        return plain(await x)
    except (Exception, asyncio.CancelledError) as e:
        return said(e)


async def sleeps(name, seconds):
    try:
        await sleep(seconds)
    except asyncio.CancelledError as e:
        trace(f"{name} {said(e)}")
        raise
    return 0


async def awaits(name, x):
    try:
        return await x
    except (Exception, asyncio.CancelledError) as e:
        trace(f"{name} {said(e)}")
        raise


@scenario("test_tasks.test_task_cancel_message_getter")
async def cancel_message():
    t = task(sleeps("a", 10))
    await sleep(0)
    t.cancel("my message")
    trace(await told(t))


@scenario(
    "test_tasks.test_task_cancel_message_getter",
    differs="in C all who ask get the message, not the first alone",
    c="""0 #2 a ECANCELED 'my message'
         0 #3 ECANCELED 'my message'
         0 #3 ECANCELED 'my message'""",
)
async def cancel_message_asked_for_twice():
    t = task(sleeps("a", 10))
    await sleep(0)
    t.cancel("my message")
    trace(await told(t))
    trace(await told(t))


@scenario("test_tasks.test_task_cancel_message_setter")
async def cancel_message_of_the_last():
    t = task(sleeps("a", 10))
    await sleep(0)
    t.cancel("first")
    t.cancel("second")
    trace(await told(t))


@scenario("test_tasks.test_task_cancel_message_setter")
async def cancel_message_then_none():
    t = task(sleeps("a", 10))
    await sleep(0)
    t.cancel("first")
    t.cancel()
    trace(await told(t))


@scenario("test_tasks.test_cancel_with_message_then_future_result")
async def through_two_tasks():
    inner = task(sleeps("inner", 10))
    t = task(awaits("outer", inner))
    await turns(2)
    t.cancel("my message")
    trace(await told(t))


@scenario("test_tasks.test_cancel_with_message_then_future_exception")
async def through_two_tasks_when_it_completes():
    f = future()
    t = task(awaits("a", f))
    await sleep(0)
    set(f, 1)
    t.cancel("my message")
    trace(await told(t))


@scenario("test_tasks.test_cancel_with_message_before_starting_task")
async def cancel_before_starting_task():
    t = task(sleeps("a", 10))
    t.cancel("my message")
    trace(await told(t))


@scenario("test_tasks.test_cancel_with_message_before_starting_task")
async def cancel_before_starting_an_operation():
    t = task(sleep(10))
    t.cancel("my message")
    trace(await told(t))


@scenario("test_futures.test_future_cancel_message_getter")
async def future_cancel_message():
    f = future()
    f.cancel("my message")
    trace(await told(f))


@scenario("test_futures.test_future_cancel_message_setter")
async def future_cancelled_twice():
    f = future()
    f.cancel("first")
    trace(f"{f.cancel('second')}")
    trace(await told(f))


@scenario("test_futures.test_future_cancel_message_getter")
async def future_cancel_message_to_who_waits():
    f = future()
    t = task(awaits("a", f))
    await sleep(0)
    f.cancel("my message")
    trace(await told(t))


@scenario("test_tasks.test_cancel_gather_2")
async def cancel_gather():
    async def outer():
        await awaits("gather", asyncio.gather(sleeps("a", 10), sleeps("b", 10)))

    t = task(outer())
    await sleep(1)
    t.cancel("my message")
    trace(await told(t))


@scenario("test_tasks.test_shield_effect")
async def cancel_shield():
    inner = task(sleeps("inner", 2))

    async def outer():
        await awaits("outer", asyncio.shield(inner))

    t = task(outer())
    await sleep(1)
    t.cancel("my message")
    trace(await told(t))
    trace(await told(inner))


@scenario("test_tasks.test_cancellation_exception_context")
async def down_the_coroutines():
    async def outer():
        await awaits("middle", sleeps("inner", 10))

    t = task(outer())
    await sleep(1)
    t.cancel("POLLING")
    trace(await told(t))


@scenario("test_tasks.test_cancel_current_task")
async def cancel_self():
    async def cancels_itself():
        asyncio.current_task().cancel("myself")
        await awaits("a", sleep(1))

    trace(await told(task(cancels_itself())))


@scenario("test_tasks.test_cancel_at_end")
async def cancel_self_at_end():
    async def cancels_itself():
        asyncio.current_task().cancel("myself")
        return 1

    trace(await told(task(cancels_itself())))


@scenario("test_locks.test_cancelled_error_wakeup")
async def lock_acquire_cancelled():
    lock = asyncio.Lock()
    await lock.acquire()
    t = task(awaits("a", lock.acquire()))
    await sleep(0)
    t.cancel("foo")
    trace(await told(t))


@scenario("test_locks.test_cancelled_error_wakeup")
async def condition_wait_cancelled():
    cond = asyncio.Condition()
    await cond.acquire()
    t = task(awaits("a", cond.wait()))
    await sleep(0)
    t.cancel("foo")
    trace(await told(t))


@scenario("test_locks.test_cancelled_error_re_aquire", since="3.13")
async def condition_cancelled_while_it_acquires_again():
    cond = asyncio.Condition()
    await cond.acquire()
    t = task(awaits("a", cond.wait()))
    await sleep(0)
    await cond.acquire()
    cond.notify()
    await sleep(0)
    t.cancel("foo")
    cond.release()
    trace(await told(t))


@scenario("test_futures.test_exception")
async def exception_message():
    f = future()
    f.set_exception(OSError(-EPROTO, "bad header"))
    trace(await told(f))
    t = task(awaits("a", f))
    trace(await told(t))


@scenario("test_tasks.test_exception_traceback")
async def raised_message():
    async def raises():
        raise OSError(-EIO, "disk on fire")

    t = task(raises())
    trace(await told(t))
    trace(await told(awaits("a", raises())))


@scenario("test_tasks.test_one_exception")
async def gather_message():
    async def raises():
        raise OSError(-EIO, "disk on fire")

    trace(await told(asyncio.gather(sleeps("a", 1), raises())))
