/* See op_table.h. */
#include "loop/op_table.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

static bool has_row(const struct ai_op_table *table, int fd)
{
    return fd >= 0 && (size_t)fd < table->size;
}

int ai_op_table_make_room(struct ai_op_table *table, int fd)
{
    size_t size = table->size ? table->size : 64;
    if (fd < 0 || has_row(table, fd) || fcntl(fd, F_GETFD) < 0)
        return 0;
    while (size <= (size_t)fd)
        size *= 2;
    struct ai_list **first =
        ai_reallocate(table->first, table->size * sizeof *first, size * sizeof *first);
    if (first == NULL)
        return -ENOMEM;
    memset(first + table->size, 0, (size - table->size) * sizeof *first);
    *table = (struct ai_op_table){first, size};
    return 0;
}

void ai_op_table_close(struct ai_op_table *table)
{
    ai_deallocate(table->first, table->size * sizeof *table->first);
}

void ai_op_table_add(struct ai_op_table *table, struct ai_op *op)
{
    if (!has_row(table, op->fd))
        return;
    struct ai_list **first = &table->first[op->fd];
    if (*first == NULL)
        *first = &op->link;
    else
        ai_list_append(*first, &op->link);
}

void ai_op_table_take(struct ai_op_table *table, struct ai_op *op)
{
    if (has_row(table, op->fd) && table->first[op->fd] == &op->link)
        table->first[op->fd] = ai_list_empty(&op->link) ? NULL : op->link.next;
    ai_list_remove(&op->link);
}

struct ai_op *ai_op_table_first(const struct ai_op_table *table, int fd)
{
    struct ai_list *first = has_row(table, fd) ? table->first[fd] : NULL;
    return first != NULL ? ai_container(first, struct ai_op, link) : NULL;
}
