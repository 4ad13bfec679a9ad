/* What the trace knows of things by their addresses: a hash table that only grows. */
#ifndef AI_TASK_TRACE_MAP_H
#define AI_TASK_TRACE_MAP_H

#include "base/alloc.h"

#include <stdint.h>
#include <string.h>

struct ai_trace_entry {
    uintptr_t key; /* 0: free */
    uint32_t id, state;
};

struct ai_trace_map {
    struct ai_trace_entry *entry;
    size_t mask, used; /* mask: capacity - 1; at most half is used */
};

static inline size_t ai_trace_slot(const struct ai_trace_map *m, uintptr_t key)
{
    return (size_t)((uint64_t)key * 0x9e3779b97f4a7c15u >> 32) & m->mask;
}

static inline struct ai_trace_entry *ai_trace_probe(const struct ai_trace_map *m, uintptr_t key)
{
    size_t i = ai_trace_slot(m, key);

    while (m->entry[i].key && m->entry[i].key != key)
        i = (i + 1) & m->mask;
    return &m->entry[i];
}

static inline bool ai_trace_map_grow(struct ai_trace_map *m)
{
    struct ai_trace_map larger = {.mask = m->entry ? m->mask * 2 + 1 : 63, .used = m->used};
    size_t size = (larger.mask + 1) * sizeof *larger.entry;

    if (!(larger.entry = ai_allocate(size)))
        return false;
    for (size_t i = 0; m->entry && i <= m->mask; i++) {
        if (m->entry[i].key)
            *ai_trace_probe(&larger, m->entry[i].key) = m->entry[i];
    }
    ai_deallocate(m->entry, m->entry ? (m->mask + 1) * sizeof *m->entry : 0);
    *m = larger;
    return true;
}

/* The entry of the key, all else in it 0 where it is new; good until the next is asked for. NULL
 * without memory. */
static inline struct ai_trace_entry *ai_trace_map_at(struct ai_trace_map *m, uintptr_t key)
{
    if (__builtin_expect(m->entry != NULL, 1)) {
        struct ai_trace_entry *e = ai_trace_probe(m, key);
        if (__builtin_expect(e->key != 0, 1))
            return e;
    }
    if (m->used * 2 >= (m->entry ? m->mask + 1 : 0) && !ai_trace_map_grow(m))
        return NULL;
    struct ai_trace_entry *e = ai_trace_probe(m, key);
    m->used++;
    e->key = key;
    return e;
}

static inline void ai_trace_map_clear(struct ai_trace_map *m)
{
    if (m->entry)
        memset(m->entry, 0, (m->mask + 1) * sizeof *m->entry);
    m->used = 0;
}

static inline void ai_trace_map_close(struct ai_trace_map *m)
{
    ai_deallocate(m->entry, m->entry ? (m->mask + 1) * sizeof *m->entry : 0);
    *m = (struct ai_trace_map){0};
}

#endif
