/* One item on its way into or out of a queue or channel: the object of a put, get, send or receive,
 * behind which that item lies. Its type is made where the call stands, by the macros of
 * <asyncio/queue.h>, which know the T.
 *
 * It holds no reference to its queue: that goes with its last handle, and lets those who wait go
 * on, who then find that it has gone and are cancelled. */
#ifndef AI_SYNC_TRANSFER_H
#define AI_SYNC_TRANSFER_H

#include "sync/items.h"
#include "sync/line.h"

struct ai_transfer {
    struct ai_caller caller; /* called: it may try, as it may the first time */
    asyncio_any queue;
    void *place;   /* the item, or where it is to go; NULL: it has gone through */
    void **choice; /* of the select it is a clause of: which one has gone through, or NULL */
};

_Static_assert(offsetof(struct ai_caller, result) == ASYNCIO__TRANSFER_RESULT, "<asyncio/queue.h>");
_Static_assert(sizeof(struct ai_transfer) == sizeof(struct asyncio__transfer), "<asyncio/queue.h>");

static inline void ai_transfer_init(struct ai_transfer *t, const struct ai_object *queue,
                                    struct asyncio__line *line)
{
    t->caller.result = 0;
    t->caller.in_line = false;
    t->caller.called = true;
    t->caller.line = line;
    t->queue = ai_handle(queue);
    t->place = t + 1;
    t->choice = NULL;
}

/* A new one; NULL without memory. */
static inline struct ai_transfer *ai_transfer_new(const struct asyncio_awaitable_type *type,
                                                  const struct ai_object *queue,
                                                  struct asyncio__line *line)
{
    struct ai_transfer *t = ai_object_make(type);

    if (t)
        ai_transfer_init(t, queue, line);
    return t;
}

/* The same where that takes no more than a slot: NULL otherwise. Nothing is called, so that who
 * leaves the rest to a function that it ends in has nothing to save. */
static inline struct ai_transfer *ai_transfer_reuse(const struct asyncio_awaitable_type *type,
                                                    const struct ai_object *queue,
                                                    struct asyncio__line *line)
{
    struct ai_object *o = ai_pool_reuse(&ai_pool, type->pool_class, type->size);

    if (__builtin_expect(!o, 0))
        return NULL;
    ai_object_init(o, type);
    o->waiters = NULL;
    ai_transfer_init((struct ai_transfer *)o, queue, line);
    return (struct ai_transfer *)o;
}

/* Has the get or receive put the item there instead. NULL gives NULL. */
static inline asyncio_any ai_transfer_into(asyncio_any h, void *item)
{
    if (h)
        ((struct ai_transfer *)asyncio_awaitable_object(h))->place = item;
    return h;
}

/* The queue or channel, NULL where it has gone. */
static inline void *ai_transfer_queue(const struct ai_transfer *t)
{
    const struct ai_object *o = asyncio_awaitable_object(t->queue);

    return __builtin_expect(o->handle == (uintptr_t)t->queue, 1) ? (void *)o : NULL;
}

_Noreturn void ai_not_a_queue(const struct ai_object *o) __attribute__((cold));

/* The object of a valid handle of this kind; anything else but NULL ends the program. */
static inline struct ai_object *ai_queue_object(asyncio_any h, enum asyncio__kind kind)
{
    struct ai_object *o = h ? ai_object(h) : NULL;

    if (__builtin_expect(o && o->type->kind != kind, 0))
        ai_not_a_queue(o);
    return o;
}

/* The same, but NULL for anything else. */
static inline struct ai_object *ai_queue_if_any(asyncio_any h, enum asyncio__kind kind)
{
    struct ai_object *o = ai_object_if_any(h);

    return __builtin_expect(o && o->type->kind == kind, 1) ? o : NULL;
}

#endif
