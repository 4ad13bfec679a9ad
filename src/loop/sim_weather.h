/* What the simulated network leaves to chance: its settings, its partitions, its random numbers.
 * A draw is only made where a setting asks for it, so that one fault does not move the others. */
#ifndef AI_LOOP_SIM_WEATHER_H
#define AI_LOOP_SIM_WEATHER_H

#include "base/list.h"
#include "loop/sim_name.h"

#include <asyncio/simulation.h>

struct ai_sim_weather {
    struct asyncio_simulation_options set;
    uint64_t random;
    struct ai_list partitions;
};

/* The next of the simulation's random numbers after this state. */
uint64_t ai_sim_random(uint64_t *state);

/* Begins with what ASYNCIO_SIM says: 0, or -EINVAL and the reason in `why`. */
int ai_sim_weather_open(struct ai_sim_weather *w, uint64_t seed, char *why, size_t why_size);
void ai_sim_weather_close(struct ai_sim_weather *w);

/* The name of the first setting that is out of its range, or NULL. */
const char *ai_sim_weather_fault(const struct asyncio_simulation_options *set);

/* Whether something of this probability happens. */
bool ai_sim_happens(struct ai_sim_weather *w, double probability);

/* A number from 1 to `most`, which is at least 1. */
size_t ai_sim_part(struct ai_sim_weather *w, size_t most);

/* How long something takes from one host to the other; how long a datagram is held up. */
int64_t ai_sim_latency(struct ai_sim_weather *w);
int64_t ai_sim_detour(struct ai_sim_weather *w);

/* How long the line is busy with so many bytes. */
int64_t ai_sim_line_time(const struct ai_sim_weather *w, size_t bytes);

size_t ai_sim_buffer(const struct ai_sim_weather *w);

/* Partitions; names of no family stand for any host. */
int ai_sim_partition(struct ai_sim_weather *w, const struct ai_sim_name *a,
                     const struct ai_sim_name *b);
void ai_sim_heal(struct ai_sim_weather *w, const struct ai_sim_name *a,
                 const struct ai_sim_name *b);
bool ai_sim_is_cut(const struct ai_sim_weather *w, const struct ai_sim_name *a,
                   const struct ai_sim_name *b);

#endif
