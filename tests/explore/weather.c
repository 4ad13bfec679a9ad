/* The weather over the simulated network: now one, then another, and partitions that end. */
#include "explore.h"

/* Often none, sometimes a little, seldom much. */
static double chance(double most)
{
    return pick(3) ? 0 : most * (1 + pick(10)) / 10;
}

static void change(void)
{
    asyncio_simulation_set(.latency = chance(0.005), .jitter = chance(0.01),
                           .bandwidth = chance(1e6), .refuse = chance(0.3),
                           .datagram_loss = chance(0.5), .duplicate = chance(0.5),
                           .reorder = chance(0.5), .reset = chance(0.02), .short_reads = chance(1),
                           .short_writes = chance(1), .eagain = chance(1), .emfile = chance(0.1),
                           .buffer = pick(2) ? 0 : 1 + pick(1000));
}

static const char *any_host(void)
{
    static const char *const hosts[] = {NULL, HOST, "10.0.0.2", "10.0.0.3"};

    return hosts[pick(sizeof hosts / sizeof *hosts)];
}

/* Whatever happens to it, it leaves no partition behind. */
async(int, weather)
{
    int error = 0;

    for (unsigned n = pick(10); n > 0 && error == 0; n--) {
        change();
        if (pick(3) == 0)
            asyncio_simulation_partition(any_host(), any_host());
        error = await(asyncio_sleep(pick(5) ? 0.001 * pick(30) : 1 + pick(200)));
        asyncio_simulation_heal(NULL, pick(2) ? any_host() : NULL);
    }
    asyncio_simulation_heal(NULL, NULL);
    return error;
}

bool is_network_error(int error)
{
    return error == -ECONNRESET || error == -EPIPE || error == -ECONNREFUSED ||
           error == -ETIMEDOUT || error == -EMFILE || is_weather(error);
}
