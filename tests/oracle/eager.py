"""Eager tasks, and the factory that makes all tasks so."""
import contextvars

from scenario import *


def eagerly(of):
    return scenario(f"test_eager_task_factory.{of}", since="3.12")


def eager(c, name=None):
    return asyncio.Task(c, loop=asyncio.get_running_loop(), name=name, eager_start=True)


@eagerly("test_eager_completion")
async def eager_completion():
    t = eager(just(5))
    trace(state(t))
    trace(f"{await t}")


@eagerly("test_await_future_during_eager_step")
async def await_future_during_eager_step():
    async def sets(f):
        trace("sets")
        set(f, 7)
        return 1

    f = future()
    t = eager(sets(f))
    trace(f"{state(t)} {await f}")


@eagerly("test_block_after_eager_step")
async def block_after_eager_step():
    t = eager(worker("a", 0.1, 3))
    trace(state(t))
    trace(f"{await t}")


@eagerly("test_block_after_eager_step")
async def beside_a_task_that_is_not():
    a = task(worker("a", 0, 1))
    b = eager(worker("b", 0, 2))
    trace("made")
    trace(f"{await a} {await b}")


@eagerly("test_cancellation_after_eager_completion")
async def cancellation_after_eager_completion():
    t = eager(just(5))
    trace(f"{t.cancel()} {await t} {t.cancelled()}")


@eagerly("test_cancellation_after_eager_step_blocks")
async def cancellation_after_eager_step_blocks():
    t = eager(worker("a", 0.1))
    trace(f"{t.cancel()} {t.cancelling()}")
    trace(await outcome(t))


@eagerly("test_current_task")
async def current_task():
    async def me():
        trace(asyncio.current_task().get_name())
        await sleep(0.1)
        trace(asyncio.current_task().get_name())

    asyncio.current_task().set_name("main")
    t = eager(me(), "eager")
    trace(asyncio.current_task().get_name())
    await t
    trace(asyncio.current_task().get_name())


async def counts_tasks(f):
    trace(f"{len(asyncio.all_tasks())} tasks")
    await f


@eagerly("test_all_tasks_with_eager_completion")
async def all_tasks_with_eager_completion():
    f = future()
    set(f, 1)
    t = eager(counts_tasks(f))
    trace(f"{t.done()} {len(asyncio.all_tasks())} tasks")


@eagerly("test_all_tasks_with_blocking")
async def all_tasks_with_blocking():
    f = future()
    t = eager(counts_tasks(f))
    trace(f"{t.done()} {len(asyncio.all_tasks())} tasks")
    set(f, 1)
    await t
    trace(f"{len(asyncio.all_tasks())} tasks")


var = contextvars.ContextVar("var", default=0)


@eagerly("test_context_vars")
async def context_vars():
    async def sets():
        trace(f"{var.get()}")
        var.set(2)
        await sleep(0.1)
        trace(f"{var.get()}")
        var.set(3)

    var.set(1)
    t = eager(sets())
    trace(f"main {var.get()}")
    await t
    trace(f"main {var.get()}")


@eagerly("test_eager_completion")
async def eager_failure():
    t = eager(just(EPROTO))
    trace(state(t))
    trace(await outcome(t))


@eagerly("test_recursive_gather")
async def eager_within_eager():
    async def outer():
        trace("outer")
        t = eager(worker("inner", 0, 4))
        trace("outer goes on")
        return await t

    t = eager(outer())
    trace("main goes on")
    trace(f"{await t}")


@eagerly("test_await_future_during_eager_step")
async def awaits_what_is_done():
    async def chain():
        f = future()
        set(f, 1)
        return await f + await eager(just(2))

    t = eager(chain())
    trace(state(t))


@eagerly("test_cancellation_after_eager_step_blocks")
async def cancels_itself_in_the_eager_step():
    async def cancels():
        asyncio.current_task().cancel()
        trace("asked")
        await sleep(1)

    t = eager(cancels())
    trace(f"{state(t)} {t.cancelling()}")
    trace(await outcome(t))


@eagerly("test_eager_completion")
async def done_callback_of_an_eager_task():
    t = eager(just(3))
    t.add_done_callback(tell("t"))
    trace("added")
    await sleep(0)


@eagerly("test_eager_task_factory_set")
async def factory():
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    trace(f"{loop.get_task_factory() is asyncio.eager_task_factory}")
    t = task(worker("a", 0.1, 3))
    trace(state(t))
    trace(f"{await t}")
    trace(state(task(just(1))))
    loop.set_task_factory(None)
    trace(state(task(just(2))))
    await sleep(0)


@eagerly("test_recursive_gather")
async def gather_with_the_factory():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    g = asyncio.gather(just(1), just(2))
    trace(f"{g.done()}")
    await g
    await asyncio.gather(worker("a", 2), worker("b", 1))
    trace("both")


@eagerly("test_recursive_taskgroups")
async def group_with_the_factory():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    async with TaskGroup() as g:
        g.create_task(worker("a", 2))
        g.create_task(worker("b", 1))
        trace("body ends")
    trace("both")


@eagerly("test_recursive_taskgroups")
async def group_of_done_tasks():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    async with TaskGroup() as g:
        trace(state(g.create_task(just(1))))
        trace(state(g.create_task(just(2))))
    trace("at once")


@eagerly("test_awaitables_chain")
async def coroutines_are_no_tasks():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

    async def chain(n):
        return 1 + await chain(n - 1) if n else len(asyncio.all_tasks())

    trace(f"{await chain(10)}")
