/* What a switch between tasks costs that take turns by sleep(0): `switch-2` with two of them,
 * `switch-10000` with as many, where no cache holds their stacks. */
#include <asyncio.h>

#include <string.h>

#include "bench.h"

static long tasks;
static double all_turned; /* when the first found that all have had their turns */

static async(void, take_turns, (long, turns))
{
    while (turns--)
        await(asyncio_sleep(0));
    if (!all_turned)
        all_turned = bench_now();
}

static async(double, all_take_turns, (long, turns))
{
    awaitable(void) *task = malloc((size_t)tasks * sizeof *task);
    if (!task)
        abort();
    for (long i = 0; i < tasks; i++)
        task[i] = asyncio_create_task(take_turns(turns + 1));
    all_turned = 0;
    await(asyncio_sleep(0)); /* all have started and had one turn: the others alone are measured */
    double start = bench_now();
    for (long i = 0; i < tasks; i++)
        await(task[i]);
    free(task);
    return all_turned - start;
}

static double round_of(long n)
{
    long turns = n / tasks + 1;
    return asyncio_run(all_take_turns(turns)) * (double)n / (double)(turns * tasks);
}

int main(int argc, char **argv)
{
    const char *figure = argc > 1 ? argv[1] : "switch-2";
    tasks = strcmp(figure, "switch-2") ? BENCH_IN_TURN : 2;
    bench_report(figure, "ours", bench_ns(round_of), "ns", "");
}
