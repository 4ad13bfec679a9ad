/* Making objects in a hurry: for constructors that set what they need themselves.
 *
 * Most objects are used by the next thing that is done. So the one made last is `fresh`: it is its
 * maker's, but not linked in its list before another is made or the list is let go of; `owned.next`
 * says which task that is, or none. All that are fresh have a pool_class. */
#ifndef AI_TASK_MAKE_H
#define AI_TASK_MAKE_H

#include "task/task.h"
#include "task/thread.h"

/* Links the fresh object where it belongs. */
static inline void ai_link_fresh(struct ai_object *fresh)
{
    struct ai_task *maker = (void *)fresh->owned.next;

    ai_thread.fresh = NULL;
    ai_list_append(maker ? &maker->owned : &ai_thread.owned, &fresh->owned);
}

void ai_link_fresh_if_any(void);

/* Takes an object out of its maker's list. */
static inline void ai_leave_maker(struct ai_object *o)
{
    if (ai_thread.fresh == ai_handle(o))
        ai_thread.fresh = NULL;
    else
        ai_list_unlink(&o->owned);
}

/* The head of a new object but its waiters, which only those have that others wait for. */
static inline void ai_object_init(struct ai_object *o, const struct asyncio_awaitable_type *type)
{
    o->type = type;
    o->life = ai_life(0, AI_UNUSED, AI_OWNED);
    o->error = NULL;
    o->owned.next = (void *)ai_thread.task;
    if (__builtin_expect(ai_thread.fresh != NULL, 0))
        ai_link_fresh(asyncio_awaitable_object(ai_thread.fresh));
    ai_thread.fresh = ai_handle(o);
}

/* As ai_object_new() for a type with a pool_class, but nothing behind the head is zeroed. */
static inline void *ai_object_make(const struct asyncio_awaitable_type *type)
{
    struct ai_object *o = ai_pool_reuse(&ai_pool, type->pool_class, type->size);

    if (__builtin_expect(!o, 0))
        return ai_object_new(type, type->size);
    ai_object_init(o, type);
    o->waiters = NULL;
    return o;
}

#endif
