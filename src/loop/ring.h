/* The ready queue: what runs next, first in first out, as far as this turn goes.
 *
 * An array, not a linked list, so that what lies some places ahead can be fetched into the cache in
 * time. Whoever may one day be pushed reserves a place when it is made, where failing is easy;
 * pushing itself never fails. Invariant: count <= reserved < capacity, a power of two; the turn's
 * end lies within the queue. */
#ifndef AI_LOOP_RING_H
#define AI_LOOP_RING_H

#include "base/alloc.h"

#include <stdint.h>

/* Something that can be run: the first member of whatever it is. */
struct ai_ready {
    void (*run)(struct ai_ready *self);
};

struct ai_ring {
    struct ai_ready **slot;
    uint32_t head, tail; /* free-running; masked when used */
    uint32_t mask;       /* capacity - 1 */
    uint32_t end;        /* of the turn: what lies from here on is for the next one */
    uint32_t reserved;
};

bool ai_ring_grow(struct ai_ring *ring);
void ai_ring_close(struct ai_ring *ring);

/* Reserves places for n more; false without memory. */
static inline bool ai_ring_reserve(struct ai_ring *ring, size_t n)
{
    ring->reserved += (uint32_t)n;
    while (__builtin_expect(ring->reserved > ring->mask, 0)) { /* there is none at first */
        if (!ai_ring_grow(ring)) {
            ring->reserved -= (uint32_t)n;
            return false;
        }
    }
    return true;
}

static inline void ai_ring_unreserve(struct ai_ring *ring, size_t n)
{
    ring->reserved -= (uint32_t)n;
}

static inline uint32_t ai_ring_count(const struct ai_ring *ring)
{
    return ring->tail - ring->head;
}

static inline void ai_ring_push(struct ai_ring *ring, struct ai_ready *ready)
{
    ring->slot[ring->tail++ & ring->mask] = ready;
}

static inline void ai_ring_push_front(struct ai_ring *ring, struct ai_ready *ready)
{
    ring->slot[--ring->head & ring->mask] = ready;
}

/* The n-th from the front. Beyond the end it is whatever was there: fit for a prefetch only. */
static inline struct ai_ready *ai_ring_peek(const struct ai_ring *ring, uint32_t n)
{
    return ring->slot[(ring->head + n) & ring->mask];
}

static inline struct ai_ready *ai_ring_pop(struct ai_ring *ring)
{
    return ring->slot[ring->head++ & ring->mask];
}

/* Puts another in the place of one that is in the queue, which is likely to be among the last. */
void ai_ring_replace(struct ai_ring *ring, const struct ai_ready *ready, struct ai_ready *other);

#endif
