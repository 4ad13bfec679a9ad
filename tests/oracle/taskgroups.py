"""TaskGroup."""
from scenario import *


def flat(e):
    """The errors of a group, in order; a group among them is its first."""
    if isinstance(e, BaseExceptionGroup):
        return [flat(inner)[0] for inner in e.exceptions]
    return [error_name(e)]


async def grouped(name, body):
    """Runs body(group) in a group, and says with which errors that ended."""
    try:
        async with TaskGroup() as g:
            await body(g)
    except asyncio.CancelledError:
        trace(f"{name} ECANCELED")
        raise
    except BaseExceptionGroup as e:
        trace(f"{name} failed: {' '.join(flat(e))}")
        raise
    trace(f"{name} fine")


async def ended(x):
    """How it ended: in C the error of a group is the first of its errors."""
    try:
        return plain(await x)
    except BaseExceptionGroup as e:
        return flat(e)[0]
    except (Exception, asyncio.CancelledError) as e:
        return error_name(e)


def cancelling():
    trace(f"cancelling {asyncio.current_task().cancelling()}")


async def crash(name, seconds, error=EPROTO):
    """Fails after so long, also when it is cancelled."""
    try:
        await sleep(seconds)
    except asyncio.CancelledError:
        trace(f"{name} cancelled, fails")
    return give(error)


@scenario()
async def taskgroup_01():
    async def body(g):
        global t1, t2
        t1, t2 = g.create_task(worker("a", 0.1, 42)), g.create_task(worker("b", 0.2, 11))

    await grouped("group", body)
    trace(f"{state(t1)} {state(t2)}")


@scenario()
async def taskgroup_02():
    async def body(g):
        global t1, t2
        t1 = g.create_task(worker("a", 0.1, 42))
        await sleep(0.15)
        t2 = g.create_task(worker("b", 0.2, 11))

    await grouped("group", body)
    trace(f"{state(t1)} {state(t2)}")


@scenario()
async def taskgroup_03():
    async def body(g):
        global t1, t2
        t1 = g.create_task(worker("a", 1, 42))
        await sleep(0.15)
        t1.cancel()
        t2 = g.create_task(worker("b", 0.2, 11))

    await grouped("group", body)
    trace(f"{state(t1)} {state(t2)}")


@scenario()
async def taskgroup_04():
    async def body(g):
        g.create_task(worker("a", 0.1, EPROTO))
        g.create_task(worker("b", 1))

    trace(await ended(task(grouped("group", body))))


@scenario("test_taskgroups.test_taskgroup_01")
async def group_of_nothing():
    async def body(g):
        trace("body")

    await grouped("group", body)


@scenario("test_taskgroups.test_taskgroup_01")
async def group_of_tasks_done_at_its_end():
    async def body(g):
        g.create_task(worker("a", 0.1))
        await sleep(1)

    await grouped("group", body)


@scenario()
async def cancel_children_on_child_error():
    async def body(g):
        for name in "abc":
            g.create_task(crash(name, 0.1))
        g.create_task(worker("d", 5))
        await worker("body", 10)

    trace(await ended(task(grouped("group", body))))


@scenario()
async def cancellation():
    async def body(g):
        for name in "abc":
            g.create_task(worker(name, 5))

    t = task(grouped("group", body))
    await sleep(0.1)
    t.cancel()
    trace(await ended(t))
    trace(f"{t.cancelled()} {t.cancelling()}")


@scenario()
async def taskgroup_07():
    async def body(g):
        for name in "abc":
            g.create_task(worker(name, 5))
        await worker("body", 10)

    t = task(grouped("group", body))
    await sleep(0.1)
    t.cancel()
    trace(await ended(t))
    trace(f"{t.cancelled()}")


@scenario()
async def taskgroup_08():
    async def body(g):
        for name in "abc":
            g.create_task(crash(name, 10))
        await sleep(10)

    t = task(grouped("group", body))
    await sleep(0.1)
    t.cancel()
    trace(await ended(t))


@scenario()
async def taskgroup_09():
    async def body(g):
        global t1, t2
        t1, t2 = g.create_task(worker("a", 1)), g.create_task(worker("b", 2))
        await sleep(0.1)
        give(EPROTO)

    trace(await ended(grouped("group", body)))
    trace(f"{state(t1)} {state(t2)}")


@scenario()
async def taskgroup_10():
    async def body(g):
        global t1, t2
        t1, t2 = g.create_task(worker("a", 1)), g.create_task(worker("b", 2))
        give(EPROTO)

    trace(await ended(grouped("group", body)))
    trace(f"{state(t1)} {state(t2)}")


async def inner_crashes(g):
    for name in "ab":
        g.create_task(crash(name, 10))
    await sleep(10)


@scenario()
async def taskgroup_11():
    async def body(g):
        await grouped("inner", inner_crashes)

    t = task(grouped("outer", body))
    await sleep(0.1)
    t.cancel()
    trace(await ended(t))


@scenario()
async def taskgroup_12():
    async def body(g):
        g.create_task(worker("c", 10))
        await grouped("inner", inner_crashes)

    t = task(grouped("outer", body))
    await sleep(0.1)
    t.cancel()
    trace(await ended(t))


@scenario()
async def taskgroup_13():
    async def inner(g):
        g.create_task(worker("late", 10, EIO))

    async def body(g):
        g.create_task(worker("soon", 0.1, EPROTO))
        await grouped("inner", inner)

    trace(await ended(task(grouped("outer", body))))


@scenario()
async def taskgroup_14():
    async def inner(g):
        g.create_task(worker("soon", 0.1, EIO))

    async def body(g):
        g.create_task(worker("late", 10, EPROTO))
        await grouped("inner", inner)

    trace(await ended(task(grouped("outer", body))))


async def takes_its_time(g):
    g.create_task(worker("child", 0.3, EPROTO))
    await slow_to_end("body", 10, 0.5)


@scenario()
async def taskgroup_15():
    t = task(grouped("group", takes_its_time))
    await sleep(0.1)
    t.cancel()
    trace(await ended(t))


@scenario()
async def taskgroup_16():
    async def outer():
        await task(grouped("group", takes_its_time))

    t = task(outer())
    await sleep(0.1)
    t.cancel()
    trace(await ended(t))


@scenario()
async def taskgroup_17():
    async def body(g):
        await worker("body", 10)

    t = task(grouped("group", body))
    await sleep(0.1)
    t.cancel()
    trace(await ended(t))


@scenario()
async def taskgroup_18():
    async def body(g):
        await crash("body", 10, EIO)

    t = task(grouped("group", body))
    await sleep(0.1)
    t.cancel()
    trace(await ended(t))


@scenario()
async def taskgroup_19():
    async def body(g):
        g.create_task(worker("a", 0.1, EPROTO))
        await crash("body", 10, EIO)

    trace(await ended(task(grouped("group", body))))


@scenario()
async def taskgroup_22():
    async def body(g):
        g.create_task(worker("a", 1))
        g.create_task(worker("b", 2))

    t = task(grouped("group", body))
    await sleep(0.05)
    t.cancel()
    trace(await ended(t))


@scenario()
async def taskgroup_23():
    async def body(g):
        for i in range(4):
            await sleep(1)
            g.create_task(worker(f"w{i}", 1.5))
        await sleep(3)

    await grouped("group", body)


@scenario()
async def taskgroup_24():
    async def root(g):
        await sleep(0.1)
        g.create_task(worker("a", 0.1))
        g.create_task(worker("b", 0.2))

    async def body(g):
        g.create_task(root(g))

    await grouped("group", body)


@scenario()
async def taskgroup_25():
    heads = 0

    async def hydra(g):
        nonlocal heads
        heads += 1
        await sleep(0.01)
        g.create_task(hydra(g))
        g.create_task(hydra(g))

    async def hercules():
        while heads < 10:
            await sleep(0.015)
        give(EPROTO)

    async def body(g):
        g.create_task(hydra(g))
        g.create_task(hercules())

    trace(await ended(grouped("group", body)))
    trace(f"{heads}")


@scenario()
async def taskgroup_task_name():
    async def body(g):
        t = g.create_task(just(1), name="yolo")
        trace(t.get_name())

    await grouped("group", body)


@scenario()
async def taskgroup_not_entered():
    g, c = TaskGroup(), just(1)
    await misuse(lambda: g.create_task(c))
    c.close()


@scenario()
async def taskgroup_finished():
    g, c = TaskGroup(), just(1)
    async with g:
        pass
    await misuse(lambda: g.create_task(c))
    c.close()


@scenario(since="3.13")
async def taskgroup_already_entered():
    async with TaskGroup() as g:
        await misuse(g.__aenter__)


@scenario(since="3.13")
async def taskgroup_double_enter():
    async with TaskGroup() as g:
        pass
    await misuse(g.__aenter__)


@scenario(
    differs="no misuse in C, which has nothing to raise: the task is cancelled before it runs",
    c="""0 #1 a starts
         0.001 #3 a ends
         0.001 #5 b cancelled
         0.001 #7 the late one ECANCELED
         0.001 #9 group failed: EPROTO
         0.001 #9 EPROTO""",
)
async def taskgroup_no_create_task_after_failure():
    async def makes_another(g):
        try:
            await sleep(1)
        except asyncio.CancelledError:
            trace("b cancelled")
            c = just(1)
            await misuse(lambda: g.create_task(c))
            c.close()

    async def body(g):
        g.create_task(worker("a", 0.001, EPROTO))
        g.create_task(makes_another(g))

    trace(await ended(grouped("group", body)))


@scenario(since="3.13")
async def cancelling_level_preserved():
    async def body(g):
        g.create_task(worker("a", 0, EPROTO))

    trace(await ended(grouped("group", body)))
    cancelling()


@scenario(since="3.13")
async def nested_groups_both_cancelled():
    async def body(outer):
        async def inner_body(inner):
            inner.create_task(worker("a", 0, EPROTO))
            outer.create_task(worker("b", 0, EIO))

        trace(await ended(grouped("inner", inner_body)))
        cancelling()

    trace(await ended(grouped("outer", body)))
    cancelling()


@scenario(since="3.13")
async def error_and_cancel():
    async def body(g):
        g.create_task(worker("a", 0, EPROTO))
        await worker("body", 1)

    async def inner():
        trace(await ended(grouped("group", body)))
        cancelling()
        await sleep(1)
        trace("not reached")

    t = task(inner())
    await turns(2)
    t.cancel()
    trace(f"{t.cancelling()}")
    trace(await ended(t))
    trace(f"{t.cancelled()}")


@scenario("test_taskgroups.test_taskgroup_04", since="3.13")
async def child_fails_in_its_first_step():
    async def body(g):
        g.create_task(just(EPROTO))
        g.create_task(worker("b", 1))
        trace("body ends")

    trace(await ended(grouped("group", body)))
    cancelling()


@scenario("test_taskgroups.test_taskgroup_04")
async def child_fails_while_the_body_sleeps():
    async def body(g):
        g.create_task(worker("a", 1, EPROTO))
        g.create_task(slow_to_end("b", 10, 2))
        await worker("body", 5)

    trace(await ended(grouped("group", body)))
    cancelling()


@scenario("test_taskgroups.test_taskgroup_04")
async def body_swallows_the_cancellation():
    async def body(g):
        g.create_task(worker("a", 1, EPROTO))
        await stubborn("body", 5, 1)

    trace(await ended(grouped("group", body)))
    cancelling()


@scenario("test_taskgroups.test_taskgroup_03")
async def child_cancelled_by_itself():
    async def body(g):
        t = g.create_task(worker("a", 5))
        g.create_task(worker("b", 2))
        cancel_later(t, 1)

    await grouped("group", body)


@scenario("test_taskgroups.test_cancellation")
async def cancelled_before_the_body_begins():
    async def body(g):
        g.create_task(worker("a", 1))
        await worker("body", 1)

    t = task(grouped("group", body))
    t.cancel()
    trace(await ended(t))


@scenario("test_taskgroups.test_cancellation")
async def cancelled_while_it_waits_for_slow_children():
    async def body(g):
        g.create_task(slow_to_end("a", 10, 2))
        g.create_task(stubborn("b", 10, 3))

    t = task(grouped("group", body))
    await sleep(1)
    t.cancel()
    await sleep(1)
    t.cancel()
    trace(await ended(t))
    trace(f"{t.cancelled()}")


@scenario("test_taskgroups.test_cancellation")
async def child_fails_after_the_group_was_cancelled():
    async def body(g):
        g.create_task(crash("a", 10, EIO))
        g.create_task(worker("b", 10))

    t = task(grouped("group", body))
    await sleep(1)
    t.cancel()
    trace(await ended(t))
    trace(f"{t.cancelled()}")


@scenario("test_timeouts.test_timeout_taskgroup")
async def timeout_taskgroup():
    async def body(g):
        g.create_task(crash("a", 2, EIO))
        await worker("body", 1)

    async def limited():
        async with asyncio.timeout(0.01):
            await grouped("group", body)

    trace(await ended(limited()))
    cancelling()


@scenario("test_timeouts.test_timeout_taskgroup")
async def timeout_taskgroup_in_time():
    async def body(g):
        g.create_task(worker("a", 5))
        g.create_task(worker("b", 5))

    async def limited():
        async with asyncio.timeout(1):
            await grouped("group", body)

    trace(await ended(limited()))
    cancelling()


# --- TaskGroup.cancel, of Python 3.15 -------------------------------------------------------------


def by_hand(main):
    return scenario(
        "own",
        since="3.15",
        turns=False,
        differs="by hand: how many turns it takes is not documented",
    )(main)


@by_hand
async def cancel_group_in_its_body():
    async def body(g):
        g.create_task(worker("a", 5))
        await sleep(1)
        g.cancel()
        await worker("body", 5)

    trace(await ended(grouped("group", body)))
    cancelling()


@by_hand
async def cancel_group_from_a_child():
    async def cancels(g):
        await sleep(1)
        trace("cancels")
        g.cancel()

    async def body(g):
        g.create_task(worker("a", 5))
        g.create_task(cancels(g))
        await worker("body", 5)

    trace(await ended(grouped("group", body)))
    cancelling()


@by_hand
async def cancel_group_whose_body_is_over():
    async def body(g):
        g.create_task(worker("a", 5))
        call_later(1, g.cancel)

    trace(await ended(grouped("group", body)))
    cancelling()


@by_hand
async def cancel_group_twice_and_after_its_end():
    async with TaskGroup() as g:
        g.create_task(worker("a", 5))
        await sleep(1)
        g.cancel()
        g.cancel()
    g.cancel()
    await sleep(1)
    trace("nothing is cancelled")


@by_hand
async def cancel_group_before_it_is_entered():
    g = TaskGroup()
    g.cancel()
    async with g:
        await worker("body", 5)
        trace("not reached")
    trace("left")
    cancelling()


@by_hand
async def cancel_group_and_a_child_fails():
    async def body(g):
        g.create_task(crash("a", 5, EIO))
        await sleep(1)
        g.cancel()

    trace(await ended(grouped("group", body)))
    cancelling()


@by_hand
async def cancel_group_and_its_task():
    async def body(g):
        g.create_task(slow_to_end("a", 5, 5))
        await sleep(1)
        g.cancel()
        await sleep(5)

    t = task(grouped("group", body))
    await sleep(2)
    t.cancel()
    trace(await ended(t))
    trace(f"{t.cancelled()}")
