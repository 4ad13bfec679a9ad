#include "sync/items.h"

#include "base/alloc.h"

#include <string.h>

enum { FEWEST = 8, ALIGNMENT = _Alignof(max_align_t) };

void ai_items_init(struct ai_items *items, size_t size, ai_compare *compare)
{
    items->size = size;
    items->stride = size ? size : 1; /* GNU C has structures without members */
    items->compare = compare;
    items->quick = !compare && (size == sizeof(uint32_t) || size == sizeof(uint64_t));
    if (compare)
        items->stride = (size + sizeof(uint64_t) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void ai_items_close(struct ai_items *items)
{
    ai_deallocate(items->slot, items->capacity * items->stride);
}

/* What the ring has wrapped around to the beginning goes behind the old end. */
bool ai_items_grow(struct ai_items *items)
{
    size_t old = items->capacity, size, first;
    size_t capacity = old ? 2 * old : FEWEST;

    if (__builtin_mul_overflow(capacity, items->stride, &size))
        return false;
    void *slot = ai_reallocate(items->slot, old * items->stride, size);
    if (!slot)
        return false;
    items->slot = slot;
    items->capacity = capacity;
    first = old ? items->first & (old - 1) : 0;
    memcpy(items->slot + old * items->stride, items->slot, first * items->stride);
    items->first = first;
    return true;
}

/* --- By priority --- */

static unsigned char *at(const struct ai_items *items, size_t n)
{
    return items->slot + n * items->stride;
}

static uint64_t *arrival(const struct ai_items *items, const unsigned char *slot)
{
    return (uint64_t *)(void *)(slot + items->stride - sizeof(uint64_t));
}

/* Whether what arrived as this comes before what lies there. */
static bool precedes(const struct ai_items *items, const void *item, uint64_t arrived,
                     const unsigned char *slot)
{
    int order = items->compare(item, slot);

    return order < 0 || (order == 0 && arrived < *arrival(items, slot));
}

void ai_items_sort_in(struct ai_items *items, const void *item)
{
    uint64_t arrived = items->arrivals++;
    size_t hole = items->count;

    while (hole > 0 && precedes(items, item, arrived, at(items, (hole - 1) / 2))) {
        memcpy(at(items, hole), at(items, (hole - 1) / 2), items->stride);
        hole = (hole - 1) / 2;
    }
    memcpy(at(items, hole), item, items->size);
    *arrival(items, at(items, hole)) = arrived;
}

static size_t first_child(const struct ai_items *items, size_t n)
{
    const unsigned char *left = at(items, 2 * n + 1), *right = at(items, 2 * n + 2);
    bool is_right =
        2 * n + 2 < items->count && precedes(items, right, *arrival(items, right), left);

    return 2 * n + 1 + is_right;
}

/* The last one, which lies just behind what is left, finds a new place from the top down. */
void ai_items_sort_out(struct ai_items *items, void *item)
{
    const unsigned char *last = at(items, items->count);
    size_t hole = 0;

    memcpy(item, at(items, 0), items->size);
    while (2 * hole + 1 < items->count) {
        size_t child = first_child(items, hole);
        if (!precedes(items, at(items, child), *arrival(items, at(items, child)), last))
            break;
        memcpy(at(items, hole), at(items, child), items->stride);
        hole = child;
    }
    memmove(at(items, hole), last, items->stride);
}
