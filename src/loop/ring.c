#include "loop/ring.h"

bool ai_ring_grow(struct ai_ring *ring)
{
    uint32_t old = ring->slot ? ring->mask + 1 : 0;
    uint32_t capacity = old ? old * 2 : 256;
    struct ai_ready **slot = capacity ? ai_allocate(capacity * sizeof *slot) : NULL;

    if (!slot)
        return false;
    uint32_t n = ai_ring_count(ring);
    for (uint32_t i = 0; ring->slot && i < n; i++)
        slot[i] = ai_ring_peek(ring, i);
    ai_deallocate(ring->slot, old * sizeof *slot);
    ring->slot = slot;
    ring->mask = capacity - 1;
    ring->end -= ring->head;
    ring->head = 0;
    ring->tail = n;
    return true;
}

void ai_ring_close(struct ai_ring *ring)
{
    if (ring->slot)
        ai_deallocate(ring->slot, ((size_t)ring->mask + 1) * sizeof *ring->slot);
    *ring = (struct ai_ring){0};
}

void ai_ring_replace(struct ai_ring *ring, const struct ai_ready *ready, struct ai_ready *other)
{
    for (uint32_t i = ring->tail; i != ring->head;) {
        struct ai_ready **slot = &ring->slot[--i & ring->mask];
        if (*slot == ready) {
            *slot = other;
            return;
        }
    }
}
