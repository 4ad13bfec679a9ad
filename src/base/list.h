/* An intrusive circular doubly linked list.
 *
 * A list is a node of its own kind: the head links to the first and the last member, and an empty
 * list or an unlinked node links to itself, so unlinking is always legal and needs no head. */
#ifndef AI_BASE_LIST_H
#define AI_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct ai_list {
    struct ai_list *next, *prev;
};

#define AI_LIST_INIT(list)                                                                         \
    {                                                                                              \
        &(list), &(list)                                                                           \
    }

/* The structure of this type whose member lies at this address. */
#define ai_container(address, type, member) ((type *)((char *)(address)-offsetof(type, member)))

static inline void ai_list_init(struct ai_list *l)
{
    l->next = l->prev = l;
}

static inline bool ai_list_empty(const struct ai_list *l)
{
    return l->next == l;
}

static inline void ai_list_append(struct ai_list *list, struct ai_list *node)
{
    node->next = list;
    node->prev = list->prev;
    list->prev->next = node;
    list->prev = node;
}

/* For a node that is not looked at again before it is linked again. */
static inline void ai_list_unlink(struct ai_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
}

static inline void ai_list_remove(struct ai_list *node)
{
    ai_list_unlink(node);
    ai_list_init(node);
}

/* Moves all members of `from` to the end of `to`; `from` is empty afterwards. */
static inline void ai_list_move(struct ai_list *to, struct ai_list *from)
{
    if (ai_list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    ai_list_init(from);
}

/* The loop variable may be unlinked in the body, but not its successor. */
#define ai_list_each(node, list)                                                                   \
    for (struct ai_list *node = (list)->next, *node##_next = node->next; node != (list);           \
         node = node##_next, node##_next = node->next)

#endif
