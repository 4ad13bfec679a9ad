#include "task/object.h"

#include "base/panic.h"
#include "task/diagnose.h"
#include "task/task.h"
#include "task/thread.h"

#include <string.h>

/* --- Handles --- */

static inline struct ai_object *check(asyncio_any h)
{
    struct ai_object *o = asyncio_awaitable_object(h);
    uint16_t generation = (uint16_t)((uintptr_t)h >> (8 * sizeof(uintptr_t) - 16));

    if (__builtin_expect(generation == 0, 0))
        return NULL; /* no handle of ours: not even to be looked at */
    if (__builtin_expect(o->generation != generation || o->state == AI_FREE, 0))
        return NULL;
    return o;
}

struct ai_object *ai_object(asyncio_any h)
{
    struct ai_object *o = check(h);

    if (__builtin_expect(!o, 0))
        ai_bad_handle(h);
    if (__builtin_expect(ai_pool_of(o) != &ai_thread.pool, 0))
        ai_panic("RuntimeError: %s '%s' belongs to the loop of another thread", ai_noun(o->type),
                 o->type->name);
    return o;
}

struct ai_object *ai_object_if_any(asyncio_any h)
{
    struct ai_object *o = h ? check(h) : NULL;
    return o && ai_pool_of(o) == &ai_thread.pool ? o : NULL;
}

/* --- Making and freeing --- */

static size_t size_of(const struct ai_object *o)
{
    return o->type->size ? o->type->size : ((const struct ai_sized *)o)->size;
}

static inline struct ai_object *make(const struct asyncio_awaitable_type *type, size_t size)
{
    struct ai_thread *thread = &ai_thread;

    if (__builtin_expect(!thread->begun, 0) && !ai_thread_begin())
        return NULL;
    struct ai_object *o = ai_pool_take(&thread->pool, size);
    if (!o)
        return NULL;
    o->type = type;
    o->refs = 1;
    o->state = AI_UNUSED;
    o->flags = AI_OWNED;
    o->waiters = NULL;
    o->error = NULL;
    o->name = 0;
    ai_list_append(thread->task ? &thread->task->owned : &thread->owned, &o->owned);
    return o;
}

struct ai_object *ai_object_new(const struct asyncio_awaitable_type *type, size_t size)
{
    if (type->size)
        size = type->size;
    struct ai_object *o = make(type, size);
    if (!o)
        return NULL;
    memset(o + 1, 0, size - sizeof *o);
    if (!type->size)
        ((struct ai_sized *)o)->size = (uint32_t)size;
    return o;
}

asyncio_any asyncio_awaitable_new(const struct asyncio_awaitable_type *type)
{
    struct ai_object *o = ai_object_new(type, type->size);
    if (o && type->await)
        ((struct ai_coroutine *)o)->place = NULL;
    return o ? ai_handle(o) : NULL;
}

/* The hot one: async() stores the arguments itself, so only the head is set. */
asyncio_any asyncio__coroutine(const struct asyncio_awaitable_type *type, void *made_at)
{
    struct ai_coroutine *c = (struct ai_coroutine *)make(type, type->size);

    if (__builtin_expect(!c, 0))
        return NULL;
    c->task = NULL;
    c->parent = NULL;
    c->made_at = made_at;
    c->cancels = 0;
    return ai_handle(&c->object);
}

void ai_object_free(struct ai_object *o)
{
    size_t size = size_of(o);

    if (__builtin_expect(o->error != NULL, 0)) {
        if ((o->flags & (AI_SHARED | AI_RETRIEVED | AI_CANCELLED)) == AI_SHARED)
            ai_report_never_retrieved(o);
        ai_error_unref(o->error);
    }
    if (o->type->destroy)
        o->type->destroy(o);
    if (o->name && !(o->name & 1))
        ai_string_free((char *)o->name);
    o->state = AI_FREE;
    ai_pool_give(&ai_thread.pool, o, size);
}

void ai_disown(struct ai_object *o)
{
    if (!(o->flags & AI_OWNED))
        return;
    o->flags &= (uint8_t)~AI_OWNED;
    ai_list_remove(&o->owned);
    ai_unref(o);
}

void ai_disown_all(struct ai_list *owned)
{
    while (!ai_list_empty(owned)) {
        struct ai_object *o = ai_container(owned->next, struct ai_object, owned);
        if (o->state == AI_UNUSED)
            ai_report_never_awaited(o);
        ai_disown(o);
    }
}

void ai_take(struct ai_object *o)
{
    if (__builtin_expect(o->state != AI_UNUSED, 0))
        ai_reused(o);
    o->state = AI_PENDING;
    if (o->flags & AI_OWNED) {
        o->flags &= (uint8_t)~AI_OWNED;
        o->owned.next->prev = o->owned.prev;
        o->owned.prev->next = o->owned.next;
    }
}

asyncio_any asyncio__retain(asyncio_any h)
{
    return h ? ai_handle(ai_ref(ai_object(h))) : NULL;
}

void asyncio_release(asyncio_any h)
{
    if (!h)
        return;
    struct ai_object *o = ai_object(h);
    if (o->flags & AI_OWNED)
        ai_disown(o);
    else if (o->refs > (o->state == AI_PENDING ? 1u : 0u))
        ai_unref(o);
    else
        ai_panic("RuntimeError: %s '%s' was released more often than it was retained",
                 ai_noun(o->type), o->type->name);
}

/* --- Waiting and completion --- */

void ai_wait_on(struct ai_object *o, struct ai_waiter *w)
{
    ai_ref(o);
    if (o->state == AI_DONE) {
        ai_loop_push(ai_thread.loop, &w->ready);
        return;
    }
    if (!o->waiters) {
        w->next = w->prev = w;
        o->waiters = w;
        return;
    }
    w->next = o->waiters;
    w->prev = o->waiters->prev;
    w->prev->next = w;
    w->next->prev = w;
}

void ai_wait_off(struct ai_object *o, struct ai_waiter *w)
{
    if (w->next == w)
        o->waiters = NULL;
    else if (o->waiters == w)
        o->waiters = w->next;
    w->prev->next = w->next;
    w->next->prev = w->prev;
    ai_unref(o);
}

static void wake(struct ai_object *o)
{
    struct ai_waiter *first = o->waiters, *w = first;

    if (!first)
        return;
    o->waiters = NULL;
    do {
        struct ai_waiter *next = w->next;
        ai_loop_push(ai_thread.loop, &w->ready);
        w = next;
    } while (w != first);
}

static void leave_tasks(struct ai_object *o)
{
    ai_list_remove(&o->tasks);
    ai_thread.tasks_alive--;
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
}

void ai_complete(struct ai_object *o, struct ai_error *error)
{
    if (o->state != AI_PENDING)
        ai_panic("RuntimeError: %s '%s' was completed twice, or before it was started",
                 ai_noun(o->type), o->type->name);
    o->state = AI_DONE;
    o->error = error;
    if (ai_error_code(error) == -ECANCELED)
        o->flags |= AI_CANCELLED;
    if (o->flags & AI_TASK)
        leave_tasks(o);
    wake(o);
    ai_unref(o);
}

bool ai_result_empty(const struct ai_object *o, const void *value)
{
    const unsigned char *byte = value;

    for (size_t n = ai_result_size(o); n > 0; n--) {
        if (*byte++)
            return false;
    }
    return true;
}

int64_t ai_result_integer(const struct ai_object *o, const void *value)
{
    switch (ai_result_size(o)) {
    case 1:
        return *(const int8_t *)value;
    case 2:
        return *(const int16_t *)value;
    case 4:
        return *(const int32_t *)value;
    default:
        return *(const int64_t *)value;
    }
}

int ai_result(const struct ai_object *o, void *result)
{
    size_t size = ai_result_size(o);

    if (__builtin_expect(!(o->flags & AI_VALUE), 0))
        return ai_error_code(o->error);
    if (size == sizeof(int))
        memcpy(result, ai_result_place(o), sizeof(int));
    else
        memcpy(result, ai_result_place(o), size);
    return 0;
}
