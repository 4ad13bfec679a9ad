/* What a task in a TaskGroup costs, from its making to the group's end, beside one that is
 * gathered: `group-over-gather` is by how many percent it is more. */
#include <asyncio.h>

#include "bench.h"

#include <string.h>

enum { AT_ONCE = 100 };

static async(int, child, (int, n))
{
    return n;
}

static async(double, gathers, (long, n))
{
    awaitable(int) c[AT_ONCE];
    double start = bench_now();
    for (long done = 0; done < n; done += AT_ONCE) {
        for (int i = 0; i < AT_ONCE; i++)
            c[i] = child(i);
        await(asyncio_gather_n(c, AT_ONCE));
    }
    return bench_now() - start;
}

static async(double, groups, (long, n))
{
    double start = bench_now();
    for (long done = 0; done < n; done += AT_ONCE) {
        struct asyncio_task_group tg = {0};
        async_with(&tg)
        {
            for (int i = 0; i < AT_ONCE; i++)
                asyncio_release(asyncio_task_group_create_task(&tg, child(i)));
        }
    }
    return bench_now() - start;
}

static double round_of_gathers(long n)
{
    return asyncio_run(gathers(n));
}

static double round_of_groups(long n)
{
    return asyncio_run(groups(n));
}

int main(int argc, char **argv)
{
    const char *figure = argc > 1 ? argv[1] : "";
    double gather = bench_ns(round_of_gathers), group = bench_ns(round_of_groups);

    if (strcmp(figure, "group-over-gather") != 0) {
        bench_report("gather", "ours", gather, "ns", "");
        bench_report("group", "ours", group, "ns", "");
    }
    bench_report("group-over-gather", "ours", (group / gather - 1) * 100, "%", "");
}
