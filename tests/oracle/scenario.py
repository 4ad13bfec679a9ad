"""The Python half of scenario.h: virtual time, turns, traces, and the players."""
import asyncio
import errno
import inspect
import selectors
import signal

E = {name: -code for code, name in errno.errorcode.items()}
EPROTO, EIO, EDOM, EPIPE = E["EPROTO"], E["EIO"], E["EDOM"], E["EPIPE"]

scenarios = {}  # by module and name
lines = []  # of the trace of the one that runs


class Scenario:
    def __init__(self, main, of, since, turns, differs, c, plain):
        self.main, self.name = main, main.__name__
        self.module = main.__module__
        self.of = of or f"test_{self.module}.test_{self.name}"
        self.since, self.turns, self.differs, self.c = since, turns, differs, c
        self.plain = plain


def scenario(of=None, since=None, turns=True, differs=None, c=None, plain=False):
    """A scenario; the function's name is its name.

    of:      the case of CPython's test_asyncio it comes from, `test_tasks.test_cancel`; by default
             that of its own name in the module of the same name. "own": none.
    since:   the Python that first behaves so. What is later than 3.11 is recorded in
             traces/MODULE.txt, and not run.
    turns:   False: the number of the turn is not compared; `differs` then says why.
    differs: why C differs on purpose; then `c` is its trace.
    plain:   not a coroutine function: it runs the loops it needs.
    """

    def add(main):
        made = Scenario(main, of, since, turns, differs, c, plain)
        assert (differs is None) == (turns and c is None), f"{made.name}: say why"
        scenarios.setdefault(made.module, {})[made.name] = made
        return main

    return add


# --- Virtual time ---------------------------------------------------------------------------------


class Selector(selectors.DefaultSelector):
    """Jumps to the next timer instead of waiting for it."""

    loop = None

    def select(self, timeout=None):
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:  # a thread or a signal has to come
            ready = super().select(10)
            assert ready, "nothing will ever happen again"
            return ready
        self.loop.now = max(self.loop.now, self.loop._scheduled[0].when())
        return ready


class Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        self.now, self.turn = 0.0, 0
        selector = Selector()
        selector.loop = self
        super().__init__(selector)
        self.set_exception_handler(lambda loop, context: None)

    def time(self):
        return self.now

    def _run_once(self):
        self.turn += 1
        super()._run_once()


class InOrder(dict):
    """A set in the order of adding. Python's groups cancel in the order of a set, which is none."""

    def add(self, x):
        self[x] = True

    def discard(self, x):
        self.pop(x, None)


class TaskGroup(asyncio.TaskGroup):
    def __init__(self):
        super().__init__()
        self._tasks = InOrder()


counted = None


def count_turns():
    """Counts from here on, in the loop that runs."""
    global counted
    counted = asyncio.get_running_loop()
    counted.turn, counted.began = 0, counted.now


def block(seconds):
    """time.sleep()"""
    counted.now += seconds


def run(s):
    """The trace of a scenario."""
    global counted
    counted = None
    lines.clear()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if s.plain:
        s.main()
        return list(lines)

    async def in_loop():
        count_turns()
        await s.main()

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(in_loop())
    return list(lines)


# --- Tracing --------------------------------------------------------------------------------------


def trace(text):
    turn = counted.turn if counted else 0
    running = counted and not counted.is_closed()
    lines.append(f"{round(counted.now - counted.began, 6) if running else 0:g} #{turn} {text}")


NAMES = {
    "BrokenBarrierError": "EPIPE",
    "InvalidStateError": "EBUSY",
    "QueueEmpty": "EAGAIN",
    "QueueFull": "EAGAIN",
    "QueueShutDown": "ESHUTDOWN",
}


def error_name(e):
    """The name of what C returns for it."""
    if isinstance(e, asyncio.CancelledError):
        return "ECANCELED"
    if isinstance(e, TimeoutError):
        return "ETIMEDOUT"
    if isinstance(e, OSError):
        return errno.errorcode[e.errno]
    return NAMES.get(type(e).__name__, repr(e))


def plain(value):
    """What is no int is 0 in C: nothing, a gather's list."""
    return str(value) if type(value) is int else "0"


async def outcome(x):
    """What awaiting x gives: in C, outcome(await(x))."""
    try:
        return plain(await x)
    except (Exception, asyncio.CancelledError) as e:
        return error_name(e)


def state(x):
    if not x.done():
        return "pending"
    if x.cancelled():
        return "ECANCELED"
    if x.exception():
        return error_name(x.exception())
    return plain(x.result())


async def misuse(act):
    """What is refused with an exception; in C the program ends, with the same words."""
    try:
        done = act()
        if inspect.isawaitable(done):
            await done
        trace("fine")
    except Exception as e:
        trace(f"{type(e).__name__}: {e}")


# --- Players --------------------------------------------------------------------------------------


def give(value):
    if value < 0:
        raise OSError(-value, "")
    return value


async def just(value):
    return give(value)


async def worker(name, seconds=0.0, value=0):
    trace(f"{name} starts")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        trace(f"{name} cancelled")
        raise
    trace(f"{name} ends")
    return give(value)


async def slow_to_end(name, seconds, more):
    trace(f"{name} starts")
    try:
        await asyncio.sleep(seconds)
        return 0
    except asyncio.CancelledError:
        trace(f"{name} cancelled")
        try:
            await asyncio.sleep(more)
        except asyncio.CancelledError:
            trace(f"{name} cancelled again")
        trace(f"{name} ends")
        raise


async def stubborn(name, seconds, more, value=0):
    trace(f"{name} starts")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        trace(f"{name} swallows")
    try:
        await asyncio.sleep(more)
    except asyncio.CancelledError:
        trace(f"{name} cancelled")
        raise
    trace(f"{name} ends")
    return give(value)


async def waiter(name, x):
    try:
        value = await x
    except (Exception, asyncio.CancelledError) as e:
        trace(f"{name} got {error_name(e)}")
        raise
    trace(f"{name} got {plain(value)}")
    return value


async def turns(n):
    for _ in range(n):
        await asyncio.sleep(0)


# --- Callbacks ------------------------------------------------------------------------------------


say = trace


def tell(name):
    return lambda x: trace(f"{name} is done: {state(x)}")


def set(f, value):
    if value < 0:
        f.set_exception(OSError(-value, ""))
    else:
        f.set_result(value)


def set_later(f, seconds, value):
    asyncio.get_running_loop().call_later(seconds, set, f, value)


def cancel_later(x, seconds):
    asyncio.get_running_loop().call_later(seconds, x.cancel)


def future():
    return asyncio.get_running_loop().create_future()


def call_soon(callback, *arguments):
    asyncio.get_running_loop().call_soon(callback, *arguments)


def call_later(seconds, callback, *arguments):
    return asyncio.get_running_loop().call_later(seconds, callback, *arguments)


task = asyncio.create_task
sleep = asyncio.sleep
