#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void no_memory(void)
{
    fputs("asyncio: not enough memory for this trace\n", stderr);
    exit(1);
}

static struct table_entry *probe(const struct table *m, uint64_t key)
{
    size_t i = (size_t)((key + 1) * 0x9e3779b97f4a7c15u >> 20) & m->mask;

    while (m->entry[i].key && m->entry[i].key != key + 1)
        i = (i + 1) & m->mask;
    return &m->entry[i];
}

static void widen(struct table *m)
{
    struct table larger = {.mask = m->entry ? m->mask * 2 + 1 : 255, .used = m->used};

    larger.entry = calloc(larger.mask + 1, sizeof *larger.entry);
    if (!larger.entry)
        no_memory();
    for (size_t i = 0; m->entry && i <= m->mask; i++) {
        if (m->entry[i].key)
            *probe(&larger, m->entry[i].key - 1) = m->entry[i];
    }
    free(m->entry);
    *m = larger;
}

struct table_entry *table_at(struct table *m, uint64_t key)
{
    if (!m->entry || m->used * 2 > m->mask)
        widen(m);
    return probe(m, key);
}

void table_put(struct table *m, uint64_t key, uint64_t a, uint64_t b)
{
    struct table_entry *e = table_at(m, key);

    m->used += !e->key;
    *e = (struct table_entry){key + 1, {a, b}};
}

const struct table_entry *table_find(const struct table *m, uint64_t key)
{
    const struct table_entry *e = m->entry ? probe(m, key) : NULL;

    return e && e->key ? e : NULL;
}

void table_clear(struct table *m)
{
    if (m->entry)
        memset(m->entry, 0, (m->mask + 1) * sizeof *m->entry);
    m->used = 0;
}

void table_free(struct table *m)
{
    free(m->entry);
    *m = (struct table){0};
}

void *grown(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    *room = *room ? *room * 2 : 256;
    array = realloc(array, *room * size);
    if (!array)
        no_memory();
    return array;
}
