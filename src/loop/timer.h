/* Timers: a four-ary heap by deadline, first in first out among equals.
 *
 * The heap holds the deadlines, so that sifting touches no timer but to note its place. A timer is
 * idle, in the heap, or due: taken from the heap and pushed on the ready queue by the loop before
 * any timer of that turn runs. */
#ifndef AI_LOOP_TIMER_H
#define AI_LOOP_TIMER_H

#include "loop/ring.h"

struct ai_timer {
    struct ai_ready ready; /* run when it is due; first */
    uint32_t place;        /* in the heap, or one of the two below */
    uint32_t order;        /* of starting: breaks ties */
};

#define AI_TIMER_IDLE UINT32_MAX
#define AI_TIMER_DUE (UINT32_MAX - 1)

struct ai_timers {
    struct ai_timer_entry {
        int64_t deadline;
        struct ai_timer *timer;
    } * heap;
    uint32_t count, capacity, order;
};

static inline void ai_timer_init(struct ai_timer *t, void (*run)(struct ai_ready *))
{
    *t = (struct ai_timer){{run}, AI_TIMER_IDLE, 0};
}

/* So that this many can be started without need of memory: 0 or -ENOMEM. */
int ai_timers_reserve(struct ai_timers *timers, uint32_t count);

/* Starts an idle timer; 0 or -ENOMEM. */
int ai_timer_start(struct ai_timers *timers, struct ai_timer *t, int64_t deadline);

/* Takes it out of the heap if it is there. One that is due runs all the same. */
void ai_timer_stop(struct ai_timers *timers, struct ai_timer *t);

/* The earliest deadline, INT64_MAX if there is none. */
static inline int64_t ai_timers_next(const struct ai_timers *timers)
{
    return timers->count ? timers->heap[0].deadline : INT64_MAX;
}

/* Takes out the earliest and marks it due; there must be one. */
struct ai_timer *ai_timers_pop(struct ai_timers *timers);

void ai_timers_close(struct ai_timers *timers);

#endif
