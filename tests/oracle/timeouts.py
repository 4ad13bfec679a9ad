"""timeout, timeout_at."""
import math

from scenario import *


async def limited(name, cm, body):
    """Awaits the body within the time-out, and says how that ended."""
    try:
        async with cm:
            await body
            trace(f"{name} in time")
    except (Exception, asyncio.CancelledError) as e:
        trace(f"{name} {error_name(e)}, expired {cm.expired()}")
        raise
    trace(f"{name} fine, expired {cm.expired()}")


def now():
    return asyncio.get_running_loop().time()


def cancelling():
    trace(f"cancelling {asyncio.current_task().cancelling()}")


@scenario()
async def timeout_basic():
    trace(await outcome(limited("a", asyncio.timeout(0.01), worker("w", 10))))
    cancelling()


@scenario()
async def timeout_at_basic():
    deadline = now() + 0.01
    cm = asyncio.timeout_at(deadline)
    trace(await outcome(limited("a", cm, worker("w", 10))))
    trace(f"{cm.when() == deadline}")


@scenario()
async def nested_timeouts():
    deadline = now() + 0.01
    outer, inner = asyncio.timeout_at(deadline), asyncio.timeout_at(deadline)
    trace(await outcome(limited("outer", outer, limited("inner", inner, worker("w", 10)))))


@scenario("test_timeouts.test_nested_timeouts")
async def nested_timeouts_inner_first():
    outer, inner = asyncio.timeout(2), asyncio.timeout(1)
    trace(await outcome(limited("outer", outer, limited("inner", inner, worker("w", 10)))))
    cancelling()


@scenario("test_timeouts.test_nested_timeouts")
async def nested_timeouts_outer_first():
    outer, inner = asyncio.timeout(1), asyncio.timeout(2)
    trace(await outcome(limited("outer", outer, limited("inner", inner, worker("w", 10)))))
    cancelling()


@scenario()
async def timeout_not_called():
    cm = asyncio.timeout(10)
    await limited("a", cm, worker("w", 0.01))
    trace(f"{cm.when() > now()}")


@scenario()
async def timeout_disabled():
    cm = asyncio.timeout(None)
    await limited("a", cm, worker("w", 100))


@scenario()
async def timeout_zero():
    trace(await outcome(limited("a", asyncio.timeout(0), worker("w", 10))))


@scenario()
async def timeout_zero_sleep_zero():
    trace(await outcome(limited("a", asyncio.timeout(0), sleep(0))))


@scenario()
async def timeout_in_the_past_sleep_zero():
    trace(await outcome(limited("a", asyncio.timeout(-11), sleep(0))))


@scenario("test_timeouts.test_timeout_zero")
async def timeout_zero_without_await():
    trace(await outcome(limited("a", asyncio.timeout(0), just(1))))
    await sleep(0)
    trace("goes on")


@scenario()
async def foreign_exception_passed():
    trace(await outcome(limited("a", asyncio.timeout(0.01), just(EPROTO))))


async def crash():
    try:
        await sleep(1)
    finally:
        give(EPROTO)


@scenario()
async def foreign_exception_on_timeout():
    trace(await outcome(limited("a", asyncio.timeout(0.01), crash())))
    cancelling()


async def cancels_itself():
    asyncio.current_task().cancel()
    await sleep(10)


@scenario()
async def foreign_cancel_doesnt_timeout_if_not_expired():
    t = task(limited("a", asyncio.timeout(10), cancels_itself()))
    trace(await outcome(t))
    trace(f"{t.cancelled()}")


@scenario()
async def outer_task_is_not_cancelled():
    async def outer():
        await outcome(limited("a", asyncio.timeout(0.001), sleep(10)))

    t = task(outer())
    await t
    trace(f"{t.cancelled()} {t.done()} {t.cancelling()}")


async def busy(seconds):
    block(seconds)
    trace("was busy")
    await sleep(1)


@scenario()
async def nested_timeouts_concurrent():
    async def body():
        trace(await outcome(limited("inner", asyncio.timeout(0.2), busy(0.1))))

    trace(await outcome(limited("outer", asyncio.timeout(0.002), body())))


async def is_busy_then_sleeps(seconds):
    trace(await outcome(limited("inner", asyncio.timeout(0.01), busy(seconds))))
    await sleep(10)


@scenario()
async def nested_timeouts_loop_busy():
    trace(await outcome(limited("outer", asyncio.timeout(0.1), is_busy_then_sleeps(0.05))))
    cancelling()


@scenario("test_timeouts.test_nested_timeouts_loop_busy")
async def nested_timeouts_both_late():
    trace(await outcome(limited("outer", asyncio.timeout(0.1), is_busy_then_sleeps(0.1))))
    cancelling()


@scenario("test_timeouts.test_nested_timeouts_loop_busy")
async def outer_cancellation_as_it_expires():
    t = task(limited("a", asyncio.timeout(1), worker("w", 10)))
    await sleep(0)
    block(1)
    call_soon(t.cancel)
    await sleep(0)
    trace(await outcome(t))
    trace(f"{t.cancelled()} {t.cancelling()}")


@scenario()
async def reschedule():
    cm = asyncio.timeout_at(now() + 10)
    t = task(limited("a", cm, worker("w", 50)))
    await sleep(1)
    cm.reschedule(now() + 20)
    await sleep(15)
    trace(f"{t.done()} {cm.when() - now():g}")
    cm.reschedule(None)
    await sleep(10)
    trace(f"{t.done()}")
    t.cancel()
    trace(await outcome(t))


@scenario("test_timeouts.test_reschedule")
async def reschedule_earlier():
    cm = asyncio.timeout(10)
    t = task(limited("a", cm, worker("w", 50)))
    await sleep(1)
    cm.reschedule(now() + 1)
    trace(await outcome(t))


@scenario("test_timeouts.test_reschedule")
async def reschedule_into_the_past():
    cm = asyncio.timeout(10)
    t = task(limited("a", cm, worker("w", 50)))
    await sleep(1)
    cm.reschedule(0)
    trace(await outcome(t))


@scenario(since="3.12")
async def nested_timeout_in_finally():
    async def body():
        try:
            await sleep(1)
        except asyncio.CancelledError:
            trace(await outcome(limited("inner", asyncio.timeout(0.01), sleep(10))))
            raise

    trace(await outcome(limited("outer", asyncio.timeout(0.01), body())))
    cancelling()


@scenario(since="3.12")
async def timeout_after_cancellation():
    async def body():
        try:
            await cancels_itself()
        except asyncio.CancelledError:
            trace("cancelled")
        trace(await outcome(limited("a", asyncio.timeout(0), sleep(1))))
        cancelling()

    t = task(body())
    trace(await outcome(t))


@scenario()
async def cancel_in_timeout_after_cancellation():
    async def body():
        try:
            await cancels_itself()
        except asyncio.CancelledError:
            trace("cancelled")
        trace(await outcome(limited("a", asyncio.timeout(1), cancels_itself())))
        cancelling()

    trace(await outcome(task(body())))


@scenario(since="3.12")
async def timeout_already_entered():
    async def again(cm):
        async with cm:
            async with cm:
                pass

    await misuse(lambda: again(asyncio.timeout(0.01)))


@scenario(since="3.12")
async def timeout_double_enter():
    async def again(cm):
        async with cm:
            pass
        async with cm:
            pass

    await misuse(lambda: again(asyncio.timeout(0.01)))


@scenario()
async def timeout_finished():
    cm = asyncio.timeout(0.01)
    async with cm:
        pass
    await misuse(lambda: cm.reschedule(0.02))


@scenario()
async def timeout_expired():
    cm = asyncio.timeout(0.01)
    await outcome(limited("a", cm, sleep(1)))
    await misuse(lambda: cm.reschedule(0.02))


@scenario(since="3.12")
async def timeout_not_entered():
    cm = asyncio.timeout(0.01)
    await misuse(lambda: cm.reschedule(0.02))


@scenario("test_timeouts.test_timeout_expiring")
async def timeout_swallowed():
    trace(await outcome(limited("a", asyncio.timeout(0.01), stubborn("b", 1, 1))))
    cancelling()


@scenario("test_timeouts.test_timeout_taskgroup")
async def timeout_of_a_gather():
    trace(
        await outcome(
            limited("a", asyncio.timeout(1), asyncio.gather(worker("b", 5), worker("c", 5)))
        )
    )


# --- Cancellation, uncancelled by blocks ----------------------------------------------------------


async def make_request_with_timeout(seconds, pause):
    t = asyncio.current_task()
    try:
        async with asyncio.timeout(seconds):
            trace("request")
            await sleep(pause)
            trace("answered")
    except TimeoutError:
        trace(f"timed out, cancelling {t.cancelling()}")
    await sleep(1)
    trace("after the block")


@scenario("test_tasks.test_uncancel_structured_blocks")
async def uncancel_structured_blocks_in_time():
    t = task(make_request_with_timeout(2, 1))
    trace(await outcome(t))
    trace(f"{t.cancelling()}")


@scenario("test_tasks.test_uncancel_structured_blocks")
async def uncancel_structured_blocks_timed_out():
    t = task(make_request_with_timeout(1, 2))
    trace(await outcome(t))
    trace(f"{t.cancelling()}")


@scenario("test_tasks.test_uncancel_structured_blocks")
async def uncancel_structured_blocks_cancelled_before():
    t = task(make_request_with_timeout(2, 5))
    await sleep(1)
    t.cancel()
    trace(await outcome(t))
    trace(f"{t.cancelling()}")


@scenario("test_tasks.test_uncancel_structured_blocks")
async def uncancel_structured_blocks_cancelled_after():
    t = task(make_request_with_timeout(1, 5))
    await sleep(1.5)
    t.cancel()
    trace(await outcome(t))
    trace(f"{t.cancelling()}")


@scenario("test_tasks.test_uncancel_structured_blocks")
async def uncancel_structured_blocks_both_at_once():
    t = task(make_request_with_timeout(1, 5))
    await sleep(0)
    block(2)
    t.cancel()
    trace(await outcome(t))
    trace(f"{t.cancelling()}")
