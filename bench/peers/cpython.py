"""CPython's asyncio, and the same program under uvloop: cpython.py FIGURE [uvloop]."""
import asyncio
import os
import statistics
import sys
import time

ROUNDS, ROUND_SECONDS, SLOW_SECONDS = 3, 0.2, 2.0
MANY, FOREVER = 1_000_000, 3600


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


async def add(x, y):
    return x + y


async def awaits(n):
    start = time.perf_counter()
    for _ in range(n):
        await add(3, 1)
    return time.perf_counter() - start


async def creates(n):
    start = time.perf_counter()
    for _ in range(n):
        await asyncio.create_task(add(3, 1))
    return time.perf_counter() - start


async def messages(n):
    there, back = asyncio.Queue(1), asyncio.Queue(1)

    async def pong():
        for _ in range(n // 2):
            await back.put(await there.get())

    other = asyncio.create_task(pong())
    await asyncio.sleep(0)
    start = time.perf_counter()
    for i in range(n // 2):
        await there.put(i)
        assert await back.get() == i
    seconds = time.perf_counter() - start
    await other
    return seconds


def switches(tasks):
    all_turned = 0  # when the first found that all have had their turns

    async def take_turns(turns):
        nonlocal all_turned
        for _ in range(turns):
            await asyncio.sleep(0)
        all_turned = all_turned or time.perf_counter()

    async def round_of(n):
        nonlocal all_turned
        turns, all_turned = n // tasks + 1, 0
        all_tasks = [asyncio.create_task(take_turns(turns + 1)) for _ in range(tasks)]
        await asyncio.sleep(0)
        start = time.perf_counter()
        for t in all_tasks:
            await t
        return (all_turned - start) * n / (turns * tasks)

    return round_of


async def ns(round_of):
    n = 1000
    while (seconds := await round_of(n)) < ROUND_SECONDS / 4:
        n *= 2
    n = int(n * ROUND_SECONDS * 1.1 / seconds) + 1
    return statistics.median([await round_of(n) * 1e9 / n for _ in range(ROUNDS)])


sleeping = 0


async def sleeper():
    global sleeping
    sleeping += 1
    await asyncio.sleep(FOREVER)


async def skynet(first, size):
    if size == 1:
        return first
    n = size // 10
    return sum(await asyncio.gather(*[skynet(first + i * n, n) for i in range(10)]))


async def skynets():
    async def round_of():
        start = time.perf_counter()
        assert await skynet(0, MANY) == 499999500000
        return time.perf_counter() - start

    first = await round_of()
    if first > SLOW_SECONDS:
        return first
    return statistics.median([await round_of() for _ in range(ROUNDS)])


async def many(start_all):
    """Bytes of each and the seconds until all sleep."""
    before, start = resident(), time.perf_counter()
    keep = start_all()
    for _ in range(3):
        await asyncio.sleep(0)
    seconds, used = time.perf_counter() - start, resident() - before
    return used / MANY, seconds, keep


async def main(figure, peer):
    def report(value, unit, name=figure):
        print(f"{name}\t{peer}\t{value:.4g}\t{unit}\t", flush=True)

    if figure == "await":
        report(await ns(awaits), "ns")
    elif figure == "create":
        report(await ns(creates), "ns")
    elif figure == "queue-pingpong":
        report(await ns(messages), "ns")
    elif figure.startswith("switch-"):
        report(await ns(switches(int(figure[7:]))), "ns")
    elif figure == "asleep":
        size, seconds, _ = await many(
            lambda: [asyncio.create_task(sleeper()) for _ in range(MANY)])
        assert sleeping == MANY
        report(size, "bytes", "asleep-bytes")
        report(seconds, "s", "asleep-start")
    elif figure == "sleep-gathered":
        size, _, _ = await many(
            lambda: asyncio.gather(*[asyncio.sleep(FOREVER) for _ in range(MANY)]))
        report(size, "bytes")
    elif figure == "sleep-task":
        size, _, _ = await many(
            lambda: [asyncio.create_task(asyncio.sleep(FOREVER)) for _ in range(MANY)])
        report(size, "bytes")
    elif figure == "skynet":
        report(await skynets(), "s")
    sys.stdout.flush()
    os._exit(0)  # ending a million sleepers is nobody's figure


if sys.argv[2:] == ["uvloop"]:
    import uvloop
    uvloop.install()
    asyncio.run(main(sys.argv[1], "uvloop"))
else:
    asyncio.run(main(sys.argv[1], "CPython"))
