"""Context variables: what a task, a callback, a thread sees of them."""
import contextvars

from scenario import *

var = contextvars.ContextVar("var", default=0)


def show(name):
    trace(f"{name} sees {var.get()}")


@scenario("test_tasks.test_context_1")
async def copied_at_creation():
    async def sub():
        await sleep(0.01)
        show("sub")
        var.set(5)

    show("main")
    t = task(sub())
    var.set(1)
    await t
    show("main")


@scenario("test_tasks.test_context_2")
async def callbacks_have_their_own():
    def done(f):
        show("callback")
        var.set(7)

    for j in (1, 2):
        f = future()
        f.add_done_callback(done)
        var.set(j)
        call_soon(set, f, 0)
        await f
        show("main")
        for i in (10, 20):
            var.set(j + i)
            await sleep(0.001)
            show("main")


@scenario("test_tasks.test_context_3")
async def tasks_in_parallel():
    async def sub(name, n):
        for i in range(3):
            var.set(n + i)
            await sleep(0.1)
            show(name)

    await asyncio.gather(sub("a", 10), sub("b", 20), sub("c", 30))
    show("main")


@scenario("test_tasks.test_context_1")
async def inherited():
    async def inner():
        show("inner")
        var.set(3)
        show("inner")

    async def outer():
        var.set(2)
        await task(inner())
        show("outer")

    var.set(1)
    await task(outer())
    show("main")


@scenario("test_tasks.test_context_1")
async def awaited_coroutines_share_it():
    async def inner():
        var.set(4)

    await inner()
    show("main")


@scenario("test_context.test_context_run_1")
async def reset():
    token = var.set(1)
    show("main")
    var.reset(token)
    show("main")


@scenario("test_context.test_context_run_1")
async def reset_nested():
    outer = var.set(1)
    inner = var.set(2)
    var.reset(inner)
    show("main")
    var.reset(outer)
    show("main")


@scenario("test_context.test_context_getset_1")
async def get_default():
    unset = contextvars.ContextVar("unset")
    trace(f"{unset.get(5)}")
    unset.set(6)
    trace(f"{unset.get(5)}")


@scenario("test_context.test_context_run_2")
async def run_in_a_context():
    context = contextvars.copy_context()

    def within():
        show("within")
        var.set(9)

    var.set(1)
    context.run(within)
    show("main")
    context.run(within)
    trace(f"there: {context[var]}")


@scenario("test_context.test_context_copy_1")
async def copies_part():
    var.set(1)
    one = contextvars.copy_context()
    two = one.copy()
    two.run(var.set, 2)
    trace(f"{one[var]} {two[var]} {var.get()}")


@scenario("test_base_events.test_call_soon")
async def call_soon_in_a_copy():
    var.set(1)
    call_soon(show, "callback")
    var.set(2)
    call_later(1, show, "later")
    var.set(3)
    await sleep(2)
    show("main")


@scenario(
    "test_threads.test_to_thread_contextvars",
    turns=False,
    differs="another thread takes the turns it takes",
)
async def to_thread_contextvars():
    var.set(8)
    trace(f"{await asyncio.to_thread(var.get)}")


@scenario(
    "test_runners.test_run_keeps_context",
    plain=True,
    turns=False,
    differs="each run in C begins with a copy of its thread's context, not of a runner's",
    c="""0 0
         0 0
         0 0""",
)
def run_keeps_context():
    async def sets(value):
        count_turns()
        old = var.get()
        await sleep(0)
        var.set(value)
        return old

    with asyncio.Runner(loop_factory=Loop) as runner:
        trace(f"{runner.run(sets(1))}")
        trace(f"{runner.run(sets(2))}")
        trace(f"{runner.run(sets(3))}")


@scenario("test_tasks.test_context_3")
async def gathered_coroutines_have_their_own():
    async def sets(n):
        var.set(n)

    var.set(1)
    await asyncio.gather(sets(2), sets(3))
    show("main")


@scenario("own")
async def generators_share_it():
    async def generator():
        for i in range(2):
            show("generator")
            var.set(10 + i)
            yield i

    async for _ in generator():
        show("main")
        var.set(var.get() + 5)
    show("main")


async def sets_later(value):
    await sleep(0)
    var.set(value)


@scenario("test_tasks.test_context_4")
async def task_in_a_given_context():
    context = contextvars.copy_context()
    trace(f"{context.get(var, 0)}")
    await task(sets_later(1), context=context)
    trace(f"{context.get(var, 0)}")
    await task(sets_later(2), context=context)
    trace(f"{context.get(var, 0)} {var.get()}")


@scenario("test_tasks.test_context_5")
async def two_tasks_in_one_context():
    context = contextvars.copy_context()

    async def shows(name, pause):
        var.set(var.get() + 1)
        await sleep(pause)
        show(name)

    a, b = task(shows("a", 1), context=context), task(shows("b", 2), context=context)
    await asyncio.gather(a, b)
    show("main")
