/* What a task that sleeps keeps in memory, stack and all, and how long a million of them take to
 * start: from the first create_task until the last one sleeps. */
#include <asyncio.h>

#include "bench.h"

static long asleep;

static async(void, sleeper)
{
    asleep++;
    await(asyncio_sleep(BENCH_FOREVER));
}

static async(void, many)
{
    double before = bench_resident(), start = bench_now();
    for (long i = 0; i < BENCH_MANY; i++)
        asyncio_spawn(sleeper());
    for (int turn = 0; turn < 3 && asleep < BENCH_MANY; turn++)
        await(asyncio_sleep(0));
    double seconds = bench_now() - start, bytes = bench_resident() - before;

    const char *note = bench_how_many(asleep);
    bench_report("asleep-bytes", "ours", bytes / (double)asleep, "bytes", note);
    bench_report("asleep-start", "ours", seconds, "s", note);
    bench_leave();
}

int main(void)
{
    asyncio_run(many());
}
