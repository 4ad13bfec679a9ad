"""Tasks: their making, names, turns, and above all their cancellation."""
from scenario import *


@scenario()
async def task_basics():
    async def inner(name, value):
        trace(f"{name} runs")
        await sleep(0)
        return value

    async def outer():
        a = await inner("inner1", 42)
        b = await inner("inner2", 1000)
        return a + b

    t = task(outer())
    trace(f"made: {state(t)}")
    trace(f"got {await t}")
    trace(f"again {await t}")


@scenario()
async def bare_create_task():
    t = task(worker("a", 0, 7))
    trace("made")
    trace(f"got {await t}")


@scenario()
async def bare_create_named_task():
    t = task(just(1), name="named")
    trace(t.get_name())
    await t
    trace(f"done {t.get_name()}")


@scenario()
async def task_set_methods():
    t = task(just(1))
    t.set_name("other")
    trace(t.get_name())
    await t


@scenario("test_tasks.test_task_set_methods")
async def task_result_set_twice():
    t = task(worker("a", 1, 5))
    trace(state(t))
    await t
    trace(state(t))


@scenario("test_tasks.test_ensure_future_coroutine")
async def coroutine_runs_in_next_turn():
    for name in "abc":
        task(worker(name))
    trace("made")
    await sleep(0)
    trace("after one turn")
    await sleep(0)
    trace("after two")


@scenario("test_tasks.test_ensure_future_task")
async def task_awaited_by_two():
    t = task(worker("a", 1, 3))
    one, two = task(waiter("one", t)), task(waiter("two", t))
    await one
    await two


@scenario("test_tasks.test_task_basics")
async def await_runs_without_a_turn():
    trace(f"got {await just(1) + await just(2)}")
    trace("in the same turn")


@scenario("test_tasks.test_task_basics")
async def task_fails():
    t = task(worker("a", 1, EPROTO))
    trace(f"got {await outcome(t)}")
    trace(f"again {await outcome(t)}, {state(t)}")


@scenario()
async def cancelling():
    t = task(sleep(10))
    trace(f"{t.cancelling()}")
    trace(f"{t.cancel()} {t.cancelling()}")
    trace(f"{t.cancel()} {t.cancelling()}")
    trace(await outcome(t))
    trace(f"{t.cancel()} {t.cancelling()}")


@scenario(since="3.13")
async def uncancel_basic():
    async def sleeper():
        try:
            await sleep(10)
        except asyncio.CancelledError:
            t = asyncio.current_task()
            trace(f"swallows, {t.cancelling()}, {t.uncancel()} left")
            trace(f"{t.uncancel()} left")
        await sleep(10)
        trace("sleeper ends")
        return 5

    t = task(sleeper())
    await sleep(0)
    t.cancel()
    trace(f"asked {t.cancelling()}")
    await sleep(0)
    t.cancel()
    trace(f"asked {t.cancelling()}")
    trace(f"{t.uncancel()} left")
    trace(await outcome(t))
    trace(f"{t.cancelling()}")


@scenario(since="3.13")
async def uncancel_resets_must_cancel():
    async def runs(f):
        trace("waits")
        trace(f"got {await f}")
        await sleep(0)
        trace("goes on")
        return 42

    f = future()
    t = task(runs(f))
    await sleep(0)
    f.set_result(7)
    t.cancel()
    trace(f"{t.cancelling()} asked")
    trace(f"{t.uncancel()} left")
    trace(f"{await t}, {t.cancelling()}")


@scenario("test_tasks.test_uncancel_resets_must_cancel", since="3.13")
async def uncancel_before_it_starts():
    t = task(worker("a", 1, 3))
    t.cancel()
    t.cancel()
    trace(f"{t.uncancel()} left, {t.uncancel()} left, {t.uncancel()} left")
    trace(await outcome(t))


@scenario()
async def cancel():
    t = task(worker("a", 10))
    await sleep(0)
    trace(f"{t.cancel()}, {state(t)}")
    trace(await outcome(t))
    trace(f"{state(t)} {t.cancelled()} {t.cancel()}")


@scenario("test_tasks.test_cancel_with_message_before_starting_task")
async def cancel_before_it_starts():
    t = task(worker("a", 10))
    trace(f"{t.cancel()}, {state(t)}")
    trace(await outcome(t))


@scenario()
async def cancel_yield():
    async def yields():
        try:
            await turns(2)
        except asyncio.CancelledError:
            trace("cancelled")
            raise
        return 12

    t = task(yields())
    await sleep(0)
    t.cancel()
    trace(await outcome(t))


@scenario()
async def cancel_inner_future():
    f = future()
    t = task(waiter("a", f))
    await sleep(0)
    f.cancel()
    trace(f"{state(f)}, {state(t)}")
    trace(await outcome(t))
    trace(f"{t.cancelled()}")


@scenario()
async def cancel_both_task_and_inner_future():
    f = future()

    async def waits():
        await f
        return 12

    t = task(waits())
    await sleep(0)
    f.cancel()
    trace(f"{t.cancel()}")
    trace(f"{await outcome(t)}, {state(f)}, {t.cancelled()}")


@scenario()
async def cancel_task_catching():
    f1, f2 = future(), future()

    async def catches():
        await f1
        try:
            await f2
        except asyncio.CancelledError:
            trace("caught")
            return 42

    t = task(catches())
    await sleep(0)
    f1.set_result(1)
    await turns(2)
    t.cancel()
    trace(state(f2))
    trace(f"{await outcome(t)}, {t.cancelled()}")


@scenario()
async def cancel_task_ignoring():
    f1, f2, f3 = future(), future(), future()

    async def ignores():
        await f1
        try:
            await f2
        except asyncio.CancelledError:
            trace("ignored")
        trace(f"got {await f3}")
        return 42

    t = task(ignores())
    await sleep(0)
    f1.set_result(1)
    await turns(2)
    t.cancel()
    trace(f"{state(f2)}, {state(t)}")
    await turns(2)
    f3.set_result(3)
    trace(f"{await outcome(t)}, {t.cancelled()}")


@scenario()
async def cancel_current_task():
    async def cancels_itself():
        asyncio.current_task().cancel()
        trace("asked")
        await sleep(100)
        trace("not reached")

    t = task(cancels_itself())
    trace(await outcome(t))
    trace(f"{t.cancelled()}")


@scenario("test_tasks.test_cancel_current_task")
async def cancel_self_and_yield():
    async def cancels_itself():
        asyncio.current_task().cancel()
        try:
            await sleep(0)
        except asyncio.CancelledError:
            trace("cancelled")
        await sleep(0)
        trace("only once")
        return 1

    trace(await outcome(task(cancels_itself())))


@scenario()
async def cancel_at_end():
    async def cancels_itself():
        asyncio.current_task().cancel()
        return 12

    t = task(cancels_itself())
    trace(await outcome(t))
    trace(f"{t.cancelled()} {t.cancelling()}")


@scenario()
async def cancel_awaited_task():
    async def inner():
        await sleep(10)

    async def outer():
        t = task(worker("inner", 10))
        task(worker("other", 2))
        trace(f"inner {await outcome(t)}, cancelled {t.cancelled()}")
        raise asyncio.CancelledError

    t = task(outer())
    await sleep(1)
    t.cancel()
    trace(await outcome(t))
    await sleep(2)


@scenario("test_tasks.test_cancel_awaited_task")
async def cancel_down_a_chain():
    inner = task(worker("inner", 10))
    middle = task(waiter("middle", inner))
    outer = task(waiter("outer", middle))
    await sleep(1)
    outer.cancel()
    trace(f"{state(outer)} {state(middle)} {state(inner)}")
    trace(await outcome(outer))


@scenario("test_tasks.test_cancel_awaited_task")
async def cancel_the_innermost():
    inner = task(worker("inner", 10))
    outer = task(waiter("outer", inner))
    await sleep(1)
    inner.cancel()
    trace(await outcome(outer))
    trace(f"{outer.cancelled()} {outer.cancelling()}")


@scenario("test_tasks.test_cancel_with_message_then_future_result")
async def cancel_as_the_future_completes():
    f = future()
    t = task(waiter("a", f))
    await sleep(0)
    f.set_result(3)
    trace(f"{t.cancel()}")
    trace(f"{await outcome(t)} {state(f)}")


@scenario("test_tasks.test_cancel_with_message_then_future_exception")
async def cancel_as_the_future_fails():
    f = future()
    t = task(waiter("a", f))
    await sleep(0)
    f.set_exception(OSError(-EPROTO, ""))
    trace(f"{t.cancel()}")
    trace(f"{await outcome(t)} {state(f)}")


@scenario("test_tasks.test_cancel_with_message_then_future_result")
async def cancel_then_the_future_completes():
    f = future()
    t = task(waiter("a", f))
    await sleep(0)
    t.cancel()
    trace(f"{f.done()} {state(f)}")
    trace(await outcome(t))


@scenario("test_tasks.test_cancel")
async def cancel_twice_is_delivered_once():
    t = task(stubborn("a", 10, 1, 5))
    await sleep(0)
    t.cancel()
    t.cancel()
    trace(f"{t.cancelling()}")
    trace(f"{await outcome(t)} {t.cancelled()} {t.cancelling()}")


@scenario("test_tasks.test_cancel")
async def cancel_again_while_it_ends():
    t = task(slow_to_end("a", 10, 5))
    await sleep(1)
    t.cancel()
    await sleep(1)
    t.cancel()
    trace(await outcome(t))


@scenario("test_tasks.test_cancel_task_ignoring")
async def cancel_a_stubborn_one_again():
    t = task(stubborn("a", 10, 10))
    await sleep(1)
    t.cancel()
    await sleep(1)
    trace(state(t))
    t.cancel()
    trace(f"{await outcome(t)} {t.cancelling()}")


@scenario("test_tasks.test_exception_chaining_after_await")
async def fails_when_cancelled():
    async def fails():
        try:
            await sleep(10)
        except asyncio.CancelledError:
            raise OSError(-EPROTO, "")

    t = task(fails())
    await sleep(0)
    t.cancel()
    trace(f"{await outcome(t)} {t.cancelled()}")


@scenario("test_tasks.test_cancellation_exception_context")
async def cancel_while_another_coroutine_awaits():
    async def inner():
        try:
            await sleep(10)
        except asyncio.CancelledError:
            trace("inner cancelled")
            raise

    async def outer():
        try:
            await inner()
        except asyncio.CancelledError:
            trace("outer cancelled")
            raise
        return 0

    t = task(outer())
    await sleep(2)
    t.cancel()
    trace(await outcome(t))


@scenario("test_tasks.test_cancel_task_catching")
async def inner_coroutine_swallows():
    async def outer():
        r = await stubborn("inner", 10, 1, 4)
        trace(f"outer got {r}")
        return r

    t = task(outer())
    await sleep(2)
    t.cancel()
    trace(f"{await outcome(t)} {t.cancelled()}")


@scenario("test_tasks.test_sleep")
async def sleep_():
    t0 = task(worker("a", 0.1, 1))
    trace(f"{await t0}")
    await sleep(0.2)
    trace("slept")


@scenario()
async def sleep_cancel():
    t = task(sleep(10))
    await sleep(1)
    t.cancel()
    trace(await outcome(t))
    await sleep(20)
    trace("nothing else comes")


@scenario()
async def task_cancel_sleeping_task():
    t = task(worker("a", 10))
    asyncio.get_running_loop().call_later(3, t.cancel)
    trace(await outcome(t))


@scenario()
async def task_cancel_waiter_future():
    f = future()
    t = task(waiter("a", f))
    await sleep(0)
    t.cancel()
    trace(f"{state(f)}")
    trace(await outcome(t))


@scenario("test_tasks.test_sleep_zero")
async def sleep_zero():
    loop = asyncio.get_running_loop()
    loop.call_soon(say, "callback")
    trace("before")
    await sleep(0)
    trace("after")
    loop.call_soon(say, "callback")
    await sleep(-1)
    trace("after less than zero")


@scenario("test_tasks.test_sleep")
async def sleeps_end_in_order():
    for name, seconds in (("c", 3), ("a", 1), ("b", 2)):
        task(worker(name, seconds))
    await sleep(4)
    trace("all")


@scenario("test_tasks.test_sleep")
async def sleep_of_a_task_takes_a_turn_to_begin():
    t = task(sleep(1))
    block(0.5)
    trace("blocked")
    await t
    trace("slept")


@scenario("test_tasks.test_step_result_future")
async def future_that_is_done():
    f = future()
    f.set_result(1)
    trace(f"got {await f}")
    trace("in the same turn")


@scenario()
async def current_task():
    async def me():
        trace(asyncio.current_task().get_name())

    await task(me(), name="one")
    t = task(me(), name="two")
    await t


@scenario()
async def current_task_with_interleaving_tasks():
    async def me(n):
        for _ in range(n):
            trace(asyncio.current_task().get_name())
            await sleep(0)

    one, two = task(me(3), name="one"), task(me(2), name="two")
    await one
    await two


@scenario("test_tasks.test_current_task")
async def current_task_in_a_callback():
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: trace(f"{asyncio.current_task() is None}"))
    await sleep(0)
    trace(f"{asyncio.current_task() is None}")


@scenario()
async def yield_future_passes_cancel():
    f = future()

    async def outer():
        t = task(waiter("inner", f))
        try:
            await t
        except asyncio.CancelledError:
            trace("outer cancelled")
            raise

    t = task(outer())
    await turns(2)
    t.cancel()
    trace(f"{state(f)}")
    trace(f"{await outcome(t)} {t.cancelled()}")


@scenario("test_tasks.test_task_cancel_waiter_future")
async def cancel_between_wake_and_run():
    f = future()
    t = task(waiter("a", f))
    await sleep(0)
    asyncio.get_running_loop().call_soon(t.cancel)
    f.set_result(1)
    trace(await outcome(t))


@scenario("test_tasks.test_task_cancel_sleeping_task")
async def cancel_as_the_sleep_ends():
    t = task(worker("a", 1))
    await sleep(0)
    await sleep(1)
    trace(f"{state(t)} {t.cancel()}")
    trace(await outcome(t))


@scenario("test_tasks.test_cancel_both_task_and_inner_future")
async def cancel_one_of_two_who_wait():
    f = future()
    a, b = task(waiter("a", f)), task(waiter("b", f))
    await sleep(0)
    a.cancel()
    trace(f"{state(f)}")
    trace(f"{await outcome(a)} {await outcome(b)} {a.cancelling()} {b.cancelling()}")


@scenario("test_tasks.test_cancel_at_end")
async def cancel_self_then_fail():
    async def fails():
        asyncio.current_task().cancel()
        raise OSError(-EPROTO, "")

    t = task(fails())
    trace(f"{await outcome(t)} {t.cancelled()}")


@scenario("test_eager_task_factory.test_all_tasks_with_blocking")
async def all_tasks():
    a, b = task(worker("a", 1)), task(worker("b", 2))
    trace(f"{len(asyncio.all_tasks())}")
    await a
    trace(f"{len(asyncio.all_tasks())}")
    await b
    trace(f"{len(asyncio.all_tasks())}")


# --- Misuse ---------------------------------------------------------------------------------------


@scenario(
    differs="no second task is told, the program ends; the name is the coroutine's",
    c="0 #0 RuntimeError: Task cannot await on itself: 'awaits_itself'",
)
async def task_awaits_on_itself():
    async def awaits_itself():
        await asyncio.current_task()

    await misuse(lambda: task(awaits_itself()))


@scenario("test_tasks.test_cancel_task_ignoring")
async def uncancelled_task_goes_on():
    async def ignores():
        t = asyncio.current_task()
        while t.cancelling() < 3:
            try:
                await sleep(10)
            except asyncio.CancelledError:
                trace(f"ignored {t.cancelling()}")
        return 3

    t = task(ignores())
    for _ in range(3):
        await sleep(1)
        t.cancel()
    trace(await outcome(t))


@scenario("test_tasks.test_task_del_collect")
async def nobody_holds_it():
    task(worker("a", 1))
    await sleep(2)
    trace("it ran all the same")


@scenario("test_tasks.test_baseexception_during_cancel")
async def fails_after_it_ignored():
    async def ignores_then_fails():
        try:
            await sleep(10)
        except asyncio.CancelledError:
            await sleep(1)
            give(EPROTO)

    t = task(ignores_then_fails())
    await sleep(1)
    t.cancel()
    trace(f"{await outcome(t)} {t.cancelled()}")


@scenario("test_tasks.test_ensure_future_future")
async def ensure_future_of_a_future():
    f = future()
    trace(f"{asyncio.ensure_future(f) is f}")
    set(f, 3)
    trace(f"{await asyncio.ensure_future(f)}")


@scenario("test_tasks.test_ensure_future_coroutine")
async def ensure_future_of_a_coroutine():
    t = asyncio.ensure_future(worker("a", 1, 4))
    trace(f"{asyncio.isfuture(t)} {asyncio.ensure_future(t) is t}")
    trace(f"{await t}")


# --- Asynchronous generators ----------------------------------------------------------------------


async def counts(n, pause):
    for i in range(n):
        yield i
        await sleep(pause)


@scenario("own")
async def generator():
    async for i in counts(3, 1):
        trace(f"got {i}")
    trace("at its end")


@scenario("own")
async def generator_within_generator():
    async def doubles():
        async for i in counts(3, 1):
            yield 2 * i

    async for i in doubles():
        trace(f"got {i}")


@scenario("own")
async def generators_of_two_tasks():
    async def counts_for(name, pause):
        async for i in counts(3, pause):
            trace(f"{name} got {i}")

    await asyncio.gather(counts_for("a", 2), counts_for("b", 3))


@scenario("own")
async def generator_cancelled():
    async def loops():
        try:
            async for i in counts(9, 1):
                trace(f"got {i}")
        except asyncio.CancelledError:
            trace("cancelled")
            raise

    t = task(loops())
    await sleep(1.5)
    t.cancel()
    trace(await outcome(t))
