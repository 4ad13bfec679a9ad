/* What it costs to create a task, to await it and to release it. */
#include <asyncio.h>

#include "bench.h"

static async(int, add, (int, x), (int, y))
{
    return x + y;
}

static async(double, creates, (long, n))
{
    unsigned sum = 0;
    double start = bench_now();
    for (long i = 0; i < n; i++) {
        awaitable(int) t = asyncio_create_task(add((int)(i & 7), 1));
        sum += (unsigned)await(t);
        asyncio_release(t);
    }
    double seconds = bench_now() - start;
    if (!sum)
        abort();
    return seconds;
}

static double round_of(long n)
{
    return asyncio_run(creates(n));
}

int main(void)
{
    bench_report("create", "ours", bench_ns(round_of), "ns", "");
}
