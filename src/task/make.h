/* Making objects in a hurry: for constructors that set what they need themselves. */
#ifndef AI_TASK_MAKE_H
#define AI_TASK_MAKE_H

#include "task/task.h"
#include "task/thread.h"

/* The head of a fresh object but its waiters, which only those have that others wait for. */
static inline void ai_object_init(struct ai_object *o, const struct asyncio_awaitable_type *type)
{
    struct ai_task *task = ai_thread.task;

    o->type = type;
    o->life = ai_life(1, AI_UNUSED, AI_OWNED);
    o->error = NULL;
    ai_list_append(task ? &task->owned : &ai_thread.owned, &o->owned);
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
