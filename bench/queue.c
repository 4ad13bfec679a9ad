/* What a queue costs: `queue` is a put or get that does not wait; `queue-pingpong` is a
 * message between two tasks, there and back by two queues of one item. */
#include <asyncio.h>

#include "bench.h"

#include <string.h>

static async(double, puts_and_gets, (long, n))
{
    asyncio_queue(long) q = asyncio_queue_new(long, 1);
    long sum = 0;

    double start = bench_now();
    for (long i = 0; i < n; i++) {
        await(asyncio_queue_put(q, i));
        sum += await(asyncio_queue_get(q));
    }
    double seconds = bench_now() - start;
    return sum == n * (n - 1) / 2 ? seconds : 0;
}

static async(void, pong, (asyncio_queue(long), in), (asyncio_queue(long), out), (long, n))
{
    while (n--)
        await(asyncio_queue_put(out, await(asyncio_queue_get(in))));
}

static async(double, ping, (long, n))
{
    asyncio_queue(long) there = asyncio_queue_new(long, 1);
    asyncio_queue(long) back = asyncio_queue_new(long, 1);
    awaitable(void) other = asyncio_create_task(pong(there, back, n));

    await(asyncio_sleep(0));
    double start = bench_now();
    for (long i = 0; i < n; i++) {
        await(asyncio_queue_put(there, i));
        if (await(asyncio_queue_get(back)) != i)
            abort();
    }
    double seconds = bench_now() - start;
    await(other);
    return seconds;
}

static double round_of_puts_and_gets(long n)
{
    return asyncio_run(puts_and_gets(n));
}

static double round_of_messages(long n)
{
    return asyncio_run(ping(n / 2 + 1)) * (double)n / (double)(2 * (n / 2 + 1));
}

int main(int argc, char **argv)
{
    const char *figure = argc > 1 ? argv[1] : "";

    if (strcmp(figure, "queue-pingpong") != 0)
        bench_report("queue", "ours", bench_ns(round_of_puts_and_gets) / 2, "ns", "");
    if (strcmp(figure, "queue") != 0)
        bench_report("queue-pingpong", "ours", bench_ns(round_of_messages), "ns", "");
}
