/* Operations by their descriptor, so that closing it finds those that are pending on it. A row is a
 * ring without a head: the table names its first, linked by ai_op.link. */
#ifndef AI_LOOP_OP_TABLE_H
#define AI_LOOP_OP_TABLE_H

#include "loop/backend.h"

struct ai_op_table {
    struct ai_list **first;
    size_t size;
};

/* So that one with this descriptor can be added: 0 or -ENOMEM. For a number that is no descriptor
 * there is no room made, as that fails soon enough; adding it does nothing. */
int ai_op_table_make_room(struct ai_op_table *table, int fd);
void ai_op_table_close(struct ai_op_table *table);

void ai_op_table_add(struct ai_op_table *table, struct ai_op *op);

/* Takes it off, or off whatever other list it is on. */
void ai_op_table_take(struct ai_op_table *table, struct ai_op *op);

/* The first of a descriptor, or NULL. */
struct ai_op *ai_op_table_first(const struct ai_op_table *table, int fd);

#endif
