/* What the trace costs when it is on: `trace-event`, for each event that it writes. What is
 * measured are switches by sleep(0) between two tasks, which are the beginning and the end of a
 * step each, with ASYNCIO_TRACE and without; the difference is the trace's. Of the processor's
 * time, the kernel's included: nothing waits here, and others on the machine are not to count. */
#include <asyncio.h>

#include "bench.h"

enum { EVENTS = 2 };

static char path[] = "/tmp/bench-trace-XXXXXX";

static double used(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static async(void, take_turns, (long, turns))
{
    while (turns--)
        await(asyncio_sleep(0));
}

static async(double, switch_between_two, (long, n))
{
    double start = used();
    awaitable(void) other = asyncio_create_task(take_turns(n / 2));
    await(take_turns(n / 2));
    await(other);
    return used() - start;
}

static double untraced(long n)
{
    unsetenv("ASYNCIO_TRACE");
    return asyncio_run(switch_between_two(n));
}

static double traced(long n)
{
    setenv("ASYNCIO_TRACE", path, 1);
    return asyncio_run(switch_between_two(n));
}

int main(int argc, char **argv)
{
    const char *figure = argc > 1 ? argv[1] : "trace-event";
    int fd = mkstemp(path);

    if (fd < 0) {
        perror(path);
        return 1;
    }
    close(fd);
    double without = bench_ns(untraced);
    bench_report(figure, "ours", (bench_ns(traced) - without) / EVENTS, "ns", "");
    unlink(path);
}
