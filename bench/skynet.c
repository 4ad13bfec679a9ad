/* Skynet: each task gathers ten more, six levels deep, down to a million that return their number;
 * the sum comes up again. 1,111,111 tasks. */
#include <asyncio.h>

#include "bench.h"

static async(long, skynet, (long, first), (long, size))
{
    if (size == 1)
        return first;
    long n = size / 10, sums[10], sum = 0;
    int error = await(asyncio_gather_into(sums, skynet(first, n), skynet(first + n, n),
                                          skynet(first + 2 * n, n), skynet(first + 3 * n, n),
                                          skynet(first + 4 * n, n), skynet(first + 5 * n, n),
                                          skynet(first + 6 * n, n), skynet(first + 7 * n, n),
                                          skynet(first + 8 * n, n), skynet(first + 9 * n, n)));
    if (error)
        return error;
    for (int i = 0; i < 10; i++)
        sum += sums[i];
    return sum;
}

static double round_of(void)
{
    double start = bench_now();
    long sum = asyncio_run(skynet(0, BENCH_MANY));
    if (sum != BENCH_SKYNET_SUM) {
        fprintf(stderr, "skynet: the sum is %ld\n", sum);
        exit(1);
    }
    return bench_now() - start;
}

int main(void)
{
    bench_report("skynet", "ours", bench_seconds(round_of), "s", "");
}
