/* What a bare sleep keeps in memory among a million, the array of handles included: gathered
 * (`sleep-gathered`) or each made a task (`sleep-task`). None of them needs a stack. */
#include <asyncio.h>

#include <string.h>

#include "bench.h"

static async(void, many, (const char *, figure))
{
    double before = bench_resident();
    awaitable(int) *sleeps = malloc(BENCH_MANY * sizeof *sleeps);
    if (!sleeps)
        abort();
    for (long i = 0; i < BENCH_MANY; i++)
        sleeps[i] = asyncio_sleep(BENCH_FOREVER);
    if (!strcmp(figure, "sleep-gathered")) {
        awaitable(int) all = asyncio_gather_n(sleeps, BENCH_MANY);
        if (!all)
            abort();
    } else {
        for (long i = 0; i < BENCH_MANY; i++)
            sleeps[i] = asyncio_create_task(sleeps[i]);
    }
    for (int turn = 0; turn < 3; turn++)
        await(asyncio_sleep(0)); /* until all have started */
    double bytes = bench_resident() - before;

    bench_report(figure, "ours", bytes / (double)BENCH_MANY, "bytes", "");
    bench_leave();
}

int main(int argc, char **argv)
{
    asyncio_run(many(argc > 1 ? argv[1] : "sleep-gathered"));
}
