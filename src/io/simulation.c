/* <asyncio/simulation.h>: what a program says to the simulation that its loop runs in. */
#include "base/panic.h"
#include "loop/sim.h"
#include "loop/sim_net.h"
#include "task/thread.h"

#include <asyncio/simulation.h>

#include <errno.h>

static void *simulation(void)
{
    const struct ai_loop *loop = ai_thread.loop;

    return loop && loop->backend == &ai_backend_sim ? loop->state : NULL;
}

int asyncio__simulation_set(const struct asyncio_simulation_options *options)
{
    void *state = simulation();

    if (!state)
        return -ENOTSUP;
    const char *fault = ai_sim_weather_fault(options);
    if (fault)
        ai_panic("ValueError: asyncio_simulation_set(): %s is out of its range", fault);
    ai_sim_net(state)->weather.set = *options;
    return 0;
}

/* No text stands for any host. */
static struct ai_sim_name host(const char *text)
{
    struct ai_sim_name name = {0};

    if (text && !ai_sim_name_read(&name, text))
        ai_panic("ValueError: '%s' does not appear to be an IPv4 or IPv6 address", text);
    return name;
}

int asyncio_simulation_partition(const char *a, const char *b)
{
    void *state = simulation();
    struct ai_sim_name from = host(a), to = host(b);

    return state ? ai_sim_partition(&ai_sim_net(state)->weather, &from, &to) : -ENOTSUP;
}

int asyncio_simulation_heal(const char *a, const char *b)
{
    void *state = simulation();
    struct ai_sim_name from = host(a), to = host(b);

    if (!state)
        return -ENOTSUP;
    ai_sim_heal(&ai_sim_net(state)->weather, &from, &to);
    ai_sim_net_resume(ai_sim_net(state));
    return 0;
}

int64_t asyncio_simulation_seed(void)
{
    void *state = simulation();

    return state ? (int64_t)(ai_sim_seed(state) & INT64_MAX) : -ENOTSUP;
}
