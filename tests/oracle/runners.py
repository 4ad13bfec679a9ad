"""asyncio.run, Runner, the end of a loop, SIGINT, the exception handler. What the end of a loop and
a signal do takes C its own number of turns."""
import signal

from scenario import *

END = "how many turns the end of a loop takes is C's own"
SIGNAL = "a signal is told of in the loop's next turn"


def begins(of, differs=END, **more):
    return scenario(of, turns=False, differs=differs, plain=True, **more)


def run_(main):
    """asyncio.run() in virtual time."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main)


def outcome_of(run, *arguments):
    """What asyncio_run() gives."""
    try:
        return plain(run(*arguments))
    except KeyboardInterrupt:
        return "EINTR"
    except BaseException as e:
        return error_name(e)


async def counts(main):
    count_turns()
    return await main


async def gives(value):
    trace("runs")
    await sleep(1)
    return give(value)


@begins("test_runners.test_asyncio_run_return")
def run_return():
    trace(outcome_of(run_, counts(gives(42))))


@begins("test_runners.test_asyncio_run_raises")
def run_raises():
    trace(outcome_of(run_, counts(gives(EPROTO))))


@begins("test_runners.test_asyncio_run_return")
def run_twice():
    trace(outcome_of(run_, counts(gives(1))))
    trace(outcome_of(run_, counts(gives(2))))


async def cancels_itself():
    count_turns()
    asyncio.current_task().cancel()
    await sleep(1)


@begins("test_runners.test_asyncio_run_without_uncancel")
def run_cancelled():
    trace(outcome_of(run_, cancels_itself()))


async def leaves_a_task():
    count_turns()
    task(worker("leftover", 5))
    await sleep(1)
    trace("main ends")
    return 123


@begins("test_runners.test_asyncio_run_cancels_hanging_tasks")
def run_cancels_hanging_tasks():
    trace(outcome_of(run_, leaves_a_task()))


async def leaves_several():
    count_turns()
    for name in "abc":
        task(worker(name, 5))
    task(slow_to_end("d", 5, 3))
    await sleep(1)
    return 1


@begins(
    "test_runners.test_asyncio_run_cancels_hanging_tasks",
    differs="in C they come in order, not in a set; and the cancellation sticks: see <asyncio.h>",
    c="""0 a starts
         0 b starts
         0 c starts
         0 d starts
         1 a cancelled
         1 b cancelled
         1 c cancelled
         1 d cancelled
         1 d cancelled again
         1 d ends
         0 1""",
)
def run_waits_for_what_it_cancels():
    trace(outcome_of(run_, leaves_several()))


async def leaves_one_not_begun():
    count_turns()
    task(worker("never", 5))
    return 1


@begins("test_runners.test_asyncio_run_cancels_hanging_tasks")
def run_cancels_what_main_made_at_its_end():
    trace(outcome_of(run_, leaves_one_not_begun()))


async def makes_more():
    try:
        await sleep(5)
    finally:
        trace("makes another")
        task(worker("another", 1))


async def leaves_one_that_makes_more():
    count_turns()
    task(makes_more())
    await sleep(1)


@begins(
    "test_runners.test_asyncio_run_cancels_hanging_tasks",
    differs="at its end C's loop cancels and waits for what is made then, too",
    c="""1 makes another
         0 0""",
)
def run_task_made_at_the_end():
    trace(outcome_of(run_, leaves_one_that_makes_more()))


def handler(loop, context):
    e = context.get("exception")
    trace(f"handler: {context['message']}: {error_name(e) if e else None}")


async def fails_when_cancelled():
    try:
        await sleep(5)
    except asyncio.CancelledError:
        give(EPROTO)


async def leaves_one_that_fails():
    count_turns()
    asyncio.get_running_loop().set_exception_handler(handler)
    task(fails_when_cancelled())
    await sleep(1)
    return 123


@begins("test_runners.test_asyncio_run_reports_hanging_tasks_errors")
def run_reports_hanging_tasks_errors():
    trace(outcome_of(run_, leaves_one_that_fails()))


async def ticks():
    try:
        while True:
            yield 1
            await sleep(1)
    finally:
        trace("generator ends")


async def spins():
    async for _ in ticks():
        trace("tick")


async def leaves_a_generator():
    count_turns()
    task(spins())
    await sleep(1.5)
    return give(EPROTO)


@begins("test_runners.test_asyncio_run_closes_gens_after_hanging_tasks_errors")
def run_closes_generators():
    trace(outcome_of(run_, leaves_a_generator()))


async def runs_within():
    count_turns()
    c = just(1)
    await misuse(lambda: asyncio.run(c))
    c.close()


@begins(
    "test_runners.test_asyncio_run_from_running_loop",
    differs="asyncio_run() in the message",
    c="0 RuntimeError: asyncio_run() cannot be called from a running event loop",
)
def run_from_running_loop():
    run_(runs_within())


# --- Runner ---------------------------------------------------------------------------------------


@begins("test_runners.test_run")
def runner_run():
    with asyncio.Runner(loop_factory=Loop) as runner:
        trace(outcome_of(runner.run, counts(gives(1))))
        trace(outcome_of(runner.run, gives(2)))
        trace(outcome_of(runner.run, gives(EPROTO)))


@begins("test_runners.test_run")
def runner_goes_on_in_the_next_run():
    with asyncio.Runner(loop_factory=Loop) as runner:
        trace(outcome_of(runner.run, leaves_a_task()))
        trace(outcome_of(runner.run, gives(2)))
        trace("closes")


@begins("test_runners.test_double_close")
def runner_double_close():
    runner = asyncio.Runner(loop_factory=Loop)
    trace(outcome_of(runner.run, counts(gives(1))))
    runner.close()
    runner.close()
    trace("closed")


@begins("test_runners.test_explicit_close")
def runner_closed():
    runner = asyncio.Runner(loop_factory=Loop)
    trace(outcome_of(runner.run, counts(gives(1))))
    runner.close()
    c = gives(2)
    try:
        runner.run(c)
    except RuntimeError as e:
        trace(f"RuntimeError: {e}")
    c.close()


@begins("test_runners.test_debug")
def runner_debug():
    for debug in (True, False):
        with asyncio.Runner(loop_factory=Loop, debug=debug) as runner:
            trace(f"{runner.get_loop().get_debug()}")


@begins(
    "test_runners.test_recursive_run",
    differs="asyncio_runner_run() in the message",
    c="0 RuntimeError: asyncio_runner_run() cannot be called from a running event loop",
)
def runner_recursive_run():
    with asyncio.Runner(loop_factory=Loop) as runner:

        async def recursive():
            count_turns()
            c = just(1)
            await misuse(lambda: runner.run(c))
            c.close()

        runner.run(recursive())


# --- SIGINT ---------------------------------------------------------------------------------------


def interrupt_later(seconds):
    call_later(seconds, signal.raise_signal, signal.SIGINT)


async def spins_until_interrupted():
    count_turns()
    interrupt_later(0)
    try:
        while True:
            await sleep(0)
    except asyncio.CancelledError:
        trace("cancelled")
        raise


@begins("test_runners.test_interrupt_call_soon", SIGNAL)
def interrupt_call_soon():
    trace(outcome_of(run_, spins_until_interrupted()))


async def waits_until_interrupted():
    count_turns()
    interrupt_later(0.1)
    f = future()
    f.add_done_callback(tell("future"))
    try:
        await f
    except asyncio.CancelledError:
        trace("cancelled")
        raise


@begins("test_runners.test_interrupt_wait", SIGNAL)
def interrupt_wait():
    trace(outcome_of(run_, waits_until_interrupted()))


async def is_cancelled_and_interrupted():
    count_turns()
    me = asyncio.current_task()

    async def interrupts():
        me.cancel()
        signal.raise_signal(signal.SIGINT)

    task(interrupts())
    await sleep(10)


@begins("test_runners.test_interrupt_cancelled_task", SIGNAL)
def interrupt_cancelled_task():
    trace(outcome_of(run_, is_cancelled_and_interrupted()))


async def swallows_the_interrupt():
    count_turns()
    interrupt_later(1)
    try:
        await sleep(10)
    except asyncio.CancelledError:
        trace("swallowed")
    await sleep(1)
    return 7


@begins("test_runners.test_interrupt_wait", SIGNAL)
def interrupt_swallowed():
    trace(outcome_of(run_, swallows_the_interrupt()))


async def leaves_a_task_and_waits():
    count_turns()
    task(worker("child", 10))
    interrupt_later(1)
    await sleep(5)


@begins("test_runners.test_interrupt_wait", SIGNAL)
def interrupt_with_children():
    trace(outcome_of(run_, leaves_a_task_and_waits()))


# --- The exception handler ------------------------------------------------------------------------


@scenario("test_tasks.test_log_traceback")
async def task_exception_never_retrieved():
    asyncio.get_running_loop().set_exception_handler(handler)
    task(just(EPROTO))
    await turns(3)
    trace("three turns later")


@scenario("test_tasks.test_tb_logger_not_called_after_cancel")
async def task_cancelled_is_not_reported():
    asyncio.get_running_loop().set_exception_handler(handler)
    t = task(worker("a", 5))
    await sleep(0)
    t.cancel()
    del t
    await turns(3)
    trace("nothing reported")


@scenario("test_futures.test_tb_logger_exception_unretrieved")
async def future_exception_never_retrieved():
    asyncio.get_running_loop().set_exception_handler(handler)
    f = future()
    set(f, EPROTO)
    del f
    trace("let go")


@scenario("test_futures.test_tb_logger_exception_retrieved")
async def future_exception_retrieved():
    asyncio.get_running_loop().set_exception_handler(handler)
    f = future()
    set(f, EPROTO)
    trace(f"{error_name(f.exception())}")
    del f
    trace("let go")


@scenario("test_futures.test_tb_logger_result_unretrieved")
async def future_result_not_retrieved():
    asyncio.get_running_loop().set_exception_handler(handler)
    f = future()
    set(f, 1)
    del f
    trace("let go")


@scenario("test_base_events.test_set_exc_handler_custom")
async def call_exception_handler():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(handler)
    loop.call_exception_handler({"message": "mine", "exception": OSError(-EIO, "")})
    loop.call_exception_handler({"message": "no exception"})
