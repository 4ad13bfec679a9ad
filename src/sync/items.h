/* The items of a queue or channel: plain bytes of one size, copied in and out.
 *
 * An array that grows by doubling as it has to and is not made before its first item. First in,
 * first out, it is a ring; last in, first out, its end is a stack's; by priority, it is a binary
 * heap in which each item is followed by the number of its arrival, so that equals leave in the
 * order they came in. Invariant: count <= capacity, which is 0 or a power of two. */
#ifndef AI_SYNC_ITEMS_H
#define AI_SYNC_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As qsort() takes it. */
typedef int ai_compare(const void *a, const void *b);

struct ai_items {
    unsigned char *slot;
    size_t size;         /* of an item */
    size_t stride;       /* of a slot */
    size_t first, count; /* first: free-running, masked when used */
    size_t capacity;
    ai_compare *compare; /* NULL where there is no priority */
    uint64_t arrivals;   /* of a heap */
    bool lifo;
    bool quick; /* first in, first out, of a usual size */
};

/* Where it is zeroed: of this size; in the order of compare, unless that is NULL. */
void ai_items_init(struct ai_items *items, size_t size, ai_compare *compare);
void ai_items_close(struct ai_items *items);

/* Drops them all. */
static inline void ai_items_clear(struct ai_items *items)
{
    items->first = items->count = 0;
}

/* Makes room for one more; false without memory. */
bool ai_items_grow(struct ai_items *items);

/* The same for those that are not just taken in the order they came. */
void ai_items_sort_in(struct ai_items *items, const void *item);
void ai_items_sort_out(struct ai_items *items, void *item);

/* In line for what is usual. */
static inline void ai_item_copy(void *to, const void *from, size_t size)
{
    if (size == sizeof(uint32_t))
        __builtin_memcpy(to, from, sizeof(uint32_t));
    else if (size == sizeof(uint64_t))
        __builtin_memcpy(to, from, sizeof(uint64_t));
    else
        __builtin_memcpy(to, from, size);
}

static inline void *ai_items_slot(const struct ai_items *items, size_t n)
{
    return items->slot + (n & (items->capacity - 1)) * items->stride;
}

/* An item of the usual sizes. */
static inline void ai_item_copy_quickly(void *to, const void *from, size_t size)
{
    if (size == sizeof(uint32_t))
        __builtin_memcpy(to, from, sizeof(uint32_t));
    else
        __builtin_memcpy(to, from, sizeof(uint64_t));
}

/* The same as below for quick ones, with room and with an item. */
static inline void ai_items_put_quickly(struct ai_items *items, const void *item)
{
    ai_item_copy_quickly(ai_items_slot(items, items->first + items->count), item, items->size);
    items->count++;
}

static inline void ai_items_get_quickly(struct ai_items *items, void *item)
{
    ai_item_copy_quickly(item, ai_items_slot(items, items->first++), items->size);
    items->count--;
}

/* false without memory. */
static inline bool ai_items_put(struct ai_items *items, const void *item)
{
    if (__builtin_expect(items->count == items->capacity, 0) && !ai_items_grow(items))
        return false;
    if (__builtin_expect(items->compare != NULL, 0))
        ai_items_sort_in(items, item);
    else
        ai_item_copy(ai_items_slot(items, items->first + items->count), item, items->size);
    items->count++;
    return true;
}

/* There is one. */
static inline void ai_items_get(struct ai_items *items, void *item)
{
    items->count--;
    if (__builtin_expect(items->compare != NULL, 0))
        ai_items_sort_out(items, item);
    else if (__builtin_expect(items->lifo, 0))
        ai_item_copy(item, ai_items_slot(items, items->first + items->count), items->size);
    else
        ai_item_copy(item, ai_items_slot(items, items->first++), items->size);
}

#endif
