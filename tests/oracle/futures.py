"""Futures and callbacks: states, results, who is called when."""
from scenario import *


@scenario()
async def initial_state():
    f = future()
    trace(f"{f.done()} {f.cancelled()} {state(f)}")
    trace(f"{f.cancel()} {f.done()} {f.cancelled()}")


@scenario()
async def cancel():
    f = future()
    trace(f"{f.cancel()} {f.cancelled()} {state(f)}")
    trace(f"{f.cancel()}")
    trace(await outcome(f))


def refused(act):
    try:
        act()
    except asyncio.InvalidStateError:
        return "EBUSY"
    return "0"


@scenario()
async def result():
    f = future()
    trace(refused(f.result))
    trace(refused(lambda: f.set_result(42)))
    trace(f"{f.done()} {f.cancelled()} {state(f)}")
    trace(refused(lambda: f.set_result(43)))
    trace(f"{state(f)} {f.cancel()}")


@scenario()
async def exception():
    f = future()
    trace(refused(f.exception))
    trace(refused(lambda: set(f, EPROTO)))
    trace(f"{f.done()} {f.cancelled()} {state(f)}")
    trace(refused(lambda: set(f, EIO)))
    trace(refused(lambda: set(f, 1)))
    trace(f"{state(f)} {f.cancel()}")


@scenario("test_futures.test_exception")
async def no_exception():
    f = future()
    set(f, 1)
    trace(f"{f.exception()}")


@scenario("test_futures.test_cancel")
async def set_after_cancel():
    f = future()
    f.cancel()
    trace(refused(lambda: set(f, 1)))
    trace(refused(lambda: set(f, EIO)))
    trace(state(f))


@scenario()
async def yield_from_twice():
    f = future()
    t = task(waiter("a", f))
    await sleep(0)
    set(f, 3)
    trace(f"{await f}")
    trace(f"{await t}")
    trace(f"{await f}")


@scenario("test_futures.test_iter")
async def awaited_by_many():
    f = future()
    for name in "abc":
        task(waiter(name, f))
    set_later(f, 1, 5)
    trace(f"main got {await f}")
    await sleep(0)


@scenario("test_futures.test_tb_logger_exception_result_retrieved")
async def fails_for_all_who_wait():
    f = future()
    a, b = task(waiter("a", f)), task(waiter("b", f))
    await sleep(0)
    set(f, EPROTO)
    trace(f"{await outcome(a)} {await outcome(b)} {await outcome(f)}")


@scenario("test_futures.test_cancel")
async def cancelled_for_all_who_wait():
    f = future()
    a, b = task(waiter("a", f)), task(waiter("b", f))
    await sleep(0)
    f.cancel()
    trace(f"{await outcome(a)} {await outcome(b)} {a.cancelled()} {b.cancelling()}")


@scenario("test_futures.test_future_iter_throw")
async def waiter_stops_waiting():
    f = future()
    a, b = task(waiter("a", f)), task(waiter("b", f))
    await sleep(0)
    trace(f"{state(f)}")
    f2 = asyncio.shield(f)
    set(f, 1)
    trace(f"{await f2} {await a} {await b}")


# --- Callbacks ------------------------------------------------------------------------------------


def one(f):
    trace(f"one {state(f)}")


def two(f):
    trace(f"two {state(f)}")


def three(f):
    trace(f"three {state(f)}")


def add(f, *callbacks):
    for c in callbacks:
        f.add_done_callback(c)


@scenario()
async def callbacks_invoked_on_set_result():
    f = future()
    add(f, one, two)
    set(f, 42)
    trace("set")
    await sleep(0)
    trace("a turn later")


@scenario()
async def callbacks_invoked_on_set_exception():
    f = future()
    add(f, one)
    set(f, EPROTO)
    trace("set")
    await sleep(0)


@scenario("test_futures.test_callbacks_invoked_on_set_result")
async def callbacks_invoked_on_cancel():
    f = future()
    add(f, one)
    f.cancel()
    trace("cancelled")
    await sleep(0)


@scenario("test_futures.test_callbacks_invoked_on_set_result")
async def callbacks_of_one_that_is_done():
    f = future()
    set(f, 1)
    add(f, one)
    trace("added")
    await sleep(0)
    trace("a turn later")


@scenario("test_futures.test_callbacks_invoked_on_set_result")
async def callbacks_of_a_task():
    t = task(worker("a", 1, 5))
    add(t, one)
    trace(f"{await t}")


@scenario("test_futures.test_callbacks_invoked_on_set_result")
async def callbacks_and_waiters_in_order():
    f = future()
    add(f, one)
    t = task(waiter("a", f))
    await sleep(0)
    add(f, two)
    set(f, 1)
    await turns(2)
    await t


@scenario("test_futures.test_callbacks_invoked_on_set_result")
async def callback_added_twice():
    f = future()
    add(f, one, one)
    set(f, 1)
    await sleep(0)
    await sleep(0)


@scenario()
async def remove_done_callback():
    f = future()
    add(f, one, two, one)
    trace(f"{f.remove_done_callback(one)}")
    trace(f"{f.remove_done_callback(one)}")
    set(f, 1)
    await sleep(0)


@scenario()
async def callbacks_remove_first_callback():
    f = future()
    add(f, one, two, three)
    trace(f"{f.remove_done_callback(one)}")
    set(f, 1)
    await sleep(0)


@scenario()
async def callbacks_remove_first_and_second_callback():
    f = future()
    add(f, one, two, three)
    trace(f"{f.remove_done_callback(one)} {f.remove_done_callback(two)}")
    set(f, 1)
    await sleep(0)


@scenario()
async def callbacks_remove_third_callback():
    f = future()
    add(f, one, two, three)
    trace(f"{f.remove_done_callback(three)}")
    set(f, 1)
    await sleep(0)


@scenario()
async def remove_done_callbacks_list_clear():
    f = future()
    add(f, one, one, two)
    trace(" ".join([str(f.remove_done_callback(c)) for c in (one, two, three)]))
    set(f, 1)
    await sleep(0)
    trace("none")


@scenario()
async def schedule_callbacks_list_mutation_1():
    f = future()

    def removes(f):
        trace("removes")
        f.remove_done_callback(two)

    add(f, one, removes)
    set(f, 1)
    add(f, three)
    await sleep(0)
    await sleep(0)


@scenario("test_futures.test_schedule_callbacks_list_mutation_2")
async def callback_adds_a_callback():
    f = future()

    def adds(f):
        trace("adds")
        add(f, two)

    add(f, adds, one)
    set(f, 1)
    await turns(3)


@scenario("test_futures.test_set_result_unless_cancelled")
async def set_in_a_callback_after_cancel():
    f = future()
    call_soon(lambda: trace(refused(lambda: set(f, 1))))
    f.cancel()
    await sleep(0)
    trace(state(f))


# --- call_soon, call_later, call_at ---------------------------------------------------------------


@scenario("test_base_events.test_call_soon")
async def call_soon_in_order():
    for name in "abc":
        call_soon(say, name)
    trace("called")
    await sleep(0)
    trace("a turn later")


@scenario("test_base_events.test_call_later")
async def call_later_in_order():
    call_later(2, say, "two")
    call_later(1, say, "one")
    call_later(0, say, "zero")
    trace("called")
    await sleep(3)


@scenario("test_base_events.test_time_and_call_at")
async def call_at_and_in_the_past():
    loop = asyncio.get_running_loop()
    loop.call_at(loop.time() + 1, say, "in a second")
    loop.call_at(loop.time() - 1, say, "past")
    await sleep(2)


@scenario("test_base_events.test_call_later")
async def callback_cancelled():
    h = call_later(1, say, "not reached")
    call_later(2, say, "reached")
    h.cancel()
    await sleep(3)
    trace("done")


@scenario("test_base_events.test_call_soon")
async def callback_calls_soon():
    def again():
        trace("callback")
        call_soon(say, "of the callback")

    call_soon(again)
    await turns(3)
    trace("three turns later")


@scenario("test_base_events.test_run_once")
async def timers_and_ready_in_one_turn():
    call_later(1, say, "timer")
    task(worker("a", 1))
    await sleep(0.5)
    block(1)
    call_soon(say, "soon")
    trace("blocked")
    await turns(3)
