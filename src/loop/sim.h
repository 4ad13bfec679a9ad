/* What only the simulation has, asked of the state of its back-end. */
#ifndef AI_LOOP_SIM_H
#define AI_LOOP_SIM_H

#include <stdint.h>

struct ai_sim_net *ai_sim_net(void *state);

/* ASYNCIO_SEED, or 0. */
uint64_t ai_sim_seed(void *state);

#endif
