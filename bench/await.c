/* What `await` of a trivial coroutine costs: making its object, running it, its value. */
#include <asyncio.h>

#include "bench.h"

static async(int, add, (int, x), (int, y))
{
    return x + y;
}

static async(double, awaits, (long, n))
{
    unsigned sum = 0;
    double start = bench_now();
    for (long i = 0; i < n; i++)
        sum += (unsigned)await(add((int)(i & 7), 1));
    double seconds = bench_now() - start;
    if (!sum)
        abort();
    return seconds;
}

static double round_of(long n)
{
    return asyncio_run(awaits(n));
}

int main(void)
{
    bench_report("await", "ours", bench_ns(round_of), "ns", "");
}
