"""gather and shield."""
from scenario import *


def show(values):
    trace(" ".join(str(v) for v in values))


@scenario("test_tasks.test_success")
async def gather_success():
    a, b, c = future(), future(), future()
    g = asyncio.gather(a, b, c)
    g.add_done_callback(tell("gather"))
    set(b, 1)
    set(a, 2)
    await turns(3)
    trace(state(g))
    set(c, 3)
    show(await g)


@scenario("test_tasks.test_success")
async def gather_coroutines():
    g = asyncio.gather(worker("a", 0, 1), worker("b", 0, 2), worker("c", 0, 3))
    trace("gathered")
    show(await g)


@scenario("test_tasks.test_success")
async def gather_in_order_of_arguments():
    show(await asyncio.gather(worker("a", 3, 1), worker("b", 1, 2), worker("c", 2, 3)))


@scenario("test_tasks.test_one_exception")
async def gather_one_exception():
    a, b, c, d, e = (future() for _ in range(5))
    g = asyncio.gather(a, b, c, d, e)
    g.add_done_callback(tell("gather"))
    set(a, 1)
    set(b, EPROTO)
    await turns(2)
    trace(state(g))
    set(c, 3)
    d.cancel()
    set(e, EIO)
    e.exception()
    trace(await outcome(g))


@scenario("test_tasks.test_one_exception")
async def gather_others_run_on():
    a, b = task(worker("a", 1, EPROTO)), task(worker("b", 2, 7))
    trace(await outcome(asyncio.gather(a, b)))
    trace(f"{state(b)}")
    trace(await outcome(b))


@scenario("test_tasks.test_return_exceptions")
async def gather_first_of_two_exceptions():
    a, b = task(worker("a", 2, EPROTO)), task(worker("b", 1, EIO))
    trace(await outcome(asyncio.gather(a, b)))
    trace(await outcome(a))


@scenario("test_tasks.test_constructor_empty_sequence_use_running_loop")
async def gather_nothing():
    g = asyncio.gather()
    trace(state(g))
    await g
    trace("at once")


@scenario("test_tasks.test_constructor_homogenous_futures")
async def gather_the_same_twice():
    f = future()
    one, two = asyncio.gather(f), asyncio.gather(f)
    set_later(f, 1, 5)
    show(await one)
    show(await two)


@scenario("test_tasks.test_duplicate_coroutines")
async def gather_duplicate_tasks():
    t = task(worker("a", 0, 1))
    show(await asyncio.gather(t, t, worker("b", 0, 2), t))


@scenario("test_tasks.test_one_cancellation")
async def gather_one_cancellation():
    a, b, c, d, e = (future() for _ in range(5))
    g = asyncio.gather(a, b, c, d, e)
    g.add_done_callback(tell("gather"))
    set(a, 1)
    b.cancel()
    await turns(2)
    trace(state(g))
    set(c, 3)
    d.cancel()
    set(e, EIO)
    e.exception()
    trace(await outcome(g))


@scenario("test_tasks.test_one_cancellation")
async def gather_child_cancelled_does_not_cancel_the_others():
    a, b = task(worker("a", 5)), task(worker("b", 2, 2))
    await sleep(0)
    cancel_later(a, 1)
    trace(await outcome(asyncio.gather(a, b)))
    trace(f"{asyncio.current_task().cancelling()}")
    trace(await outcome(b))


@scenario("test_tasks.test_cancellation_broadcast")
async def gather_cancellation_broadcast():
    f = future()
    a, b = task(waiter("a", f)), task(waiter("b", f))

    async def outer():
        await asyncio.gather(a, b)
        trace("not reached")

    t = task(outer())
    await sleep(0)
    trace(f"{t.cancel()}")
    trace(await outcome(t))
    trace(f"{state(f)} {a.cancelled()} {b.cancelled()} {a.cancelling()} {t.cancelling()}")


@scenario("test_tasks.test_cancellation_broadcast")
async def gather_cancelled_itself():
    a, b = task(worker("a", 5)), task(worker("b", 5))
    g = asyncio.gather(a, b)
    g.add_done_callback(tell("gather"))
    await sleep(1)
    trace(f"{g.cancel()} {state(g)}")
    trace(await outcome(g))


@scenario("test_tasks.test_cancellation_broadcast")
async def gather_cancelled_children_swallow():
    a, b = task(stubborn("a", 5, 1, 1)), task(stubborn("b", 5, 2, 2))
    g = asyncio.gather(a, b)
    g.add_done_callback(tell("gather"))
    await sleep(1)
    g.cancel()
    trace(await outcome(g))
    trace(f"{state(a)} {state(b)}")


@scenario("test_tasks.test_cancellation_broadcast")
async def gather_cancelled_waits_for_the_first_only():
    a, b = task(worker("a", 9)), task(slow_to_end("b", 9, 3))
    g = asyncio.gather(a, b)
    await sleep(1)
    g.cancel()
    trace(await outcome(g))
    trace(f"{state(b)}")
    trace(await outcome(b))


@scenario("test_tasks.test_exception_marking")
async def gather_exception_marking():
    async def fails(f):
        await f
        return give(EPROTO)

    a, b = future(), future()

    async def outer():
        await asyncio.gather(fails(a), fails(b))

    t = task(outer())
    await sleep(0)
    set(a, 0)
    await sleep(0)
    set(b, 0)
    await turns(2)
    trace(state(t))
    await turns(2)
    trace(state(t))


@scenario("test_tasks.test_cancel_gather_1")
async def cancel_gather_1():
    f = future()
    g = asyncio.gather(waiter("a", f))
    g.add_done_callback(tell("gather"))
    await turns(2)
    f.add_done_callback(lambda _: trace(f"cancel: {g.cancel()}"))
    set(f, 42)
    show(await g)


@scenario("test_tasks.test_cancel_gather_1", since="3.12")
async def cancel_gather_of_done_children():
    a, b = future(), future()
    set(a, 1)
    set(b, 2)
    g = asyncio.gather(a, b)
    trace(f"{state(g)} {g.cancel()}")
    show(await g)


@scenario("test_eager_task_factory.test_eager_completion", since="3.12")
async def gather_of_one_that_failed():
    a, b = future(), future()
    set(b, EPROTO)
    trace(await outcome(asyncio.gather(a, b)))
    trace(state(a))


@scenario("test_tasks.test_cancel_gather_1")
async def cancel_gather_as_all_children_end():
    a, b = future(), future()
    g = asyncio.gather(a, b)
    set(a, 1)
    set(b, 2)
    trace(f"{state(g)} {g.cancel()}")
    show(await g)


@scenario("test_tasks.test_cancel_gather_1")
async def cancel_the_awaiter_as_all_children_end():
    f = future()

    async def outer():
        try:
            await asyncio.gather(f)
        except asyncio.CancelledError:
            trace("cancelled")
            raise

    t = task(outer())
    await turns(2)
    set(f, 1)
    trace(f"{t.cancel()}")
    trace(await outcome(t))


@scenario("test_tasks.test_cancel_gather_2")
async def cancel_gather_2():
    async def repeats():
        for i in range(20):
            await asyncio.gather(sleep(0.05))
            trace(f"{i}")

    t = task(repeats())
    await sleep(0.12)
    t.cancel()
    trace(await outcome(t))


@scenario("test_tasks.test_success")
async def gather_in_gather():
    await asyncio.gather(
        asyncio.gather(worker("a", 1), worker("b", 2)),
        worker("c", 3),
        asyncio.gather(worker("d", 1.5), worker("e", 2.5)),
    )
    trace("all")


@scenario("test_tasks.test_cancellation_broadcast")
async def gather_in_gather_cancelled():
    async def outer():
        await asyncio.gather(asyncio.gather(worker("a", 9), worker("b", 9)), worker("c", 9))

    t = task(outer())
    await sleep(1)
    t.cancel()
    trace(await outcome(t))


@scenario("test_tasks.test_one_exception")
async def gather_child_fails_in_its_first_step():
    trace(await outcome(asyncio.gather(just(EPROTO), worker("b", 1))))
    await sleep(2)
    trace("b ran on")


# --- with exceptions as results -------------------------------------------------------------------


def show_all(results):
    show(error_name(r) if isinstance(r, BaseException) else plain(r) for r in results)


@scenario("test_tasks.test_result_exception_success")
async def return_exceptions_success():
    show_all(await asyncio.gather(worker("a", 2, 1), worker("b", 1, 2), return_exceptions=True))


@scenario("test_tasks.test_return_exceptions")
async def return_exceptions():
    a, b, c, d = (future() for _ in range(4))
    g = asyncio.gather(a, b, c, d, return_exceptions=True)
    g.add_done_callback(lambda _: trace("gather is done"))
    set(b, 1)
    set(c, EPROTO)
    set(a, 3)
    await turns(2)
    trace(f"{g.done()}")
    set(d, EIO)
    show_all(await g)


@scenario("test_tasks.test_result_exception_one_cancellation")
async def return_exceptions_one_cancellation():
    a, b, c, d, e, f = (future() for _ in range(6))
    g = asyncio.gather(a, b, c, d, e, f, return_exceptions=True)
    set(a, 1)
    set(b, EPROTO)
    c.cancel()
    await turns(2)
    trace(f"{g.done()}")
    set(d, 3)
    e.cancel()
    set(f, EIO)
    show_all(await g)


@scenario("test_tasks.test_cancel_gather_2")
async def return_exceptions_cancelled():
    async def outer():
        show_all(
            await asyncio.gather(
                worker("a", 5), slow_to_end("b", 5, 2), stubborn("c", 5, 1), return_exceptions=True
            )
        )

    t = task(outer())
    await sleep(1)
    t.cancel()
    trace(await outcome(t))


@scenario("test_tasks.test_return_exceptions")
async def return_exceptions_of_tasks_that_fail():
    show_all(
        await asyncio.gather(
            worker("a", 2, EPROTO), worker("b", 1, EIO), worker("c", 3, 7), return_exceptions=True
        )
    )


# --- shield ---------------------------------------------------------------------------------------


@scenario("test_tasks.test_shield_result")
async def shield_result():
    f = future()
    s = asyncio.shield(f)
    set(f, 42)
    trace(f"{await s}")


@scenario("test_tasks.test_shield_exception")
async def shield_exception():
    f = future()
    s = asyncio.shield(f)
    s.add_done_callback(tell("shield"))
    await sleep(0)
    set(f, EPROTO)
    trace(await outcome(s))


@scenario("test_tasks.test_shield_cancel_inner")
async def shield_cancel_inner():
    f = future()
    s = asyncio.shield(f)
    s.add_done_callback(tell("shield"))
    await sleep(0)
    f.cancel()
    await sleep(0)
    trace(state(s))
    trace(await outcome(s))


@scenario("test_tasks.test_shield_cancel_outer")
async def shield_cancel_outer():
    f = future()
    s = asyncio.shield(f)
    s.add_done_callback(tell("shield"))
    await sleep(0)
    trace(f"{s.cancel()}")
    await sleep(0)
    trace(f"{state(s)} {state(f)}")
    set(f, 1)
    await turns(2)
    trace(f"{state(s)} {state(f)}")


@scenario("test_tasks.test_shield_shortcut")
async def shield_shortcut():
    f = future()
    set(f, 42)
    trace(f"{await asyncio.shield(f)}")


@scenario("test_tasks.test_shield_effect")
async def shield_effect():
    f = future()

    async def outer():
        await asyncio.shield(waiter("inner", f))
        trace("not reached")

    t = task(outer())
    await turns(2)
    t.cancel()
    trace(await outcome(t))
    set(f, 1)
    await turns(2)
    trace("inner ran on")


@scenario("test_tasks.test_shield_gather")
async def shield_gather():
    a, b = future(), future()
    g = asyncio.gather(a, b)
    g.add_done_callback(tell("gather"))
    s = asyncio.shield(g)
    await sleep(0)
    s.cancel()
    await sleep(0)
    trace(f"{state(s)} {state(a)}")
    set(a, 1)
    set(b, 2)
    await turns(3)


@scenario("test_tasks.test_gather_shield")
async def gather_shield():
    a, b = future(), future()
    s1, s2 = asyncio.shield(a), asyncio.shield(b)
    s1.add_done_callback(tell("shield 1"))
    s2.add_done_callback(tell("shield 2"))
    g = asyncio.gather(s1, s2)
    g.add_done_callback(tell("gather"))
    await sleep(0)
    g.cancel()
    await turns(3)
    trace(f"{state(a)} {state(b)}")
    set(a, 1)
    set(b, 2)
    await turns(2)


@scenario("test_tasks.test_shield_coroutine_use_running_loop")
async def shield_coroutine():
    s = asyncio.shield(worker("a", 0, 42))
    trace("shielded")
    trace(f"{await s}")


@scenario("test_tasks.test_shield_effect")
async def shield_of_a_task_cancelled_later():
    inner = task(worker("inner", 5, 1))

    async def outer():
        await asyncio.shield(inner)

    t = task(outer())
    await sleep(1)
    t.cancel()
    trace(await outcome(t))
    trace(await outcome(inner))


@scenario("test_tasks.test_shield_effect")
async def shield_swallow_and_await_again():
    inner = task(worker("inner", 5, 8))

    async def outer():
        try:
            await asyncio.shield(inner)
        except asyncio.CancelledError:
            trace("cancelled, but waits")
        return await inner

    t = task(outer())
    await sleep(1)
    t.cancel()
    trace(await outcome(t))
