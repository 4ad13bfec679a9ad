/* What a trace's reader keeps: hash tables from numbers to pairs of numbers, arrays that grow.
 * Where memory runs out the command ends. */
#ifndef TRACE_TABLE_H
#define TRACE_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed, it is empty. */
struct table {
    struct table_entry {
        uint64_t key; /* plus 1; 0: free */
        uint64_t value[2];
    } * entry;
    size_t mask, used;
};

/* The entry of the key, made if it is not there: then its `key` is 0. */
struct table_entry *table_at(struct table *m, uint64_t key);
void table_put(struct table *m, uint64_t key, uint64_t a, uint64_t b);

/* NULL: there is none. */
const struct table_entry *table_find(const struct table *m, uint64_t key);

void table_clear(struct table *m);
void table_free(struct table *m);

/* The array, with room for one more than `count` of this size. */
void *grown(void *array, size_t count, size_t *room, size_t size);

#endif
