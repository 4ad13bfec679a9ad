/* What a lock costs that nobody else wants, and waiting for an event that is set. */
#include <asyncio.h>

#include "bench.h"

#include <string.h>

static async(double, locks, (long, n))
{
    struct asyncio_lock lock = {0};
    double start = bench_now();
    for (long i = 0; i < n; i++) {
        await(asyncio_lock_acquire(&lock));
        asyncio_lock_release(&lock);
    }
    return bench_now() - start;
}

static async(double, waits, (long, n))
{
    struct asyncio_event event = {0};
    asyncio_event_set(&event);
    double start = bench_now();
    for (long i = 0; i < n; i++)
        await(asyncio_event_wait(&event));
    return bench_now() - start;
}

static double round_of_locks(long n)
{
    return asyncio_run(locks(n));
}

static double round_of_waits(long n)
{
    return asyncio_run(waits(n));
}

int main(int argc, char **argv)
{
    const char *figure = argc > 1 ? argv[1] : "";

    if (strcmp(figure, "event") != 0)
        bench_report("lock", "ours", bench_ns(round_of_locks), "ns", "");
    if (strcmp(figure, "lock") != 0)
        bench_report("event", "ours", bench_ns(round_of_waits), "ns", "");
}
