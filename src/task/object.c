#include "task/object.h"

#include "base/panic.h"
#include "task/diagnose.h"
#include "task/make.h"

#include <string.h>

/* --- Making and freeing --- */

static size_t size_of(const struct ai_object *o)
{
    return o->type->size ? o->type->size : ((const struct ai_sized *)o)->size;
}

void ai_link_fresh_if_any(void)
{
    if (ai_thread.fresh)
        ai_link_fresh(asyncio_awaitable_object(ai_thread.fresh));
}

static struct ai_object *make(const struct asyncio_awaitable_type *type, size_t size)
{
    if (!ai_thread.begun && !ai_thread_begin())
        return NULL;
    struct ai_object *o = ai_pool_take(&ai_pool, size);
    if (!o)
        return NULL;
    ai_object_init(o, type);
    if (!type->pool_class)
        ai_link_fresh(o);
    return o;
}

struct ai_object *ai_object_new(const struct asyncio_awaitable_type *type, size_t size)
{
    if (type->size)
        size = type->size;
    struct ai_object *o = make(type, size);
    if (!o)
        return NULL;
    o->waiters = NULL;
    memset(o + 1, 0, size - sizeof *o);
    if (!type->size)
        ((struct ai_sized *)o)->size = (uint32_t)size;
    return o;
}

asyncio_any asyncio_awaitable_new(const struct asyncio_awaitable_type *type)
{
    struct ai_object *o = ai_object_new(type, type->size);
    return o ? ai_handle(o) : NULL;
}

static __attribute__((noinline)) asyncio_any
coroutine_slowly(const struct asyncio_awaitable_type *type, void *made_at)
{
    struct ai_coroutine *c = (struct ai_coroutine *)make(type, type->size);

    if (!c)
        return NULL;
    c->made_at = made_at;
    return ai_handle(&c->object);
}

/* The hot one: async() stores the arguments itself, so only the head is set. A thread that has not
 * begun has an empty pool. */
asyncio_any asyncio__coroutine(const struct asyncio_awaitable_type *type, void *made_at)
{
    struct ai_object *o = ai_pool_reuse(&ai_pool, type->pool_class, type->size);

    if (__builtin_expect(!o, 0)) /* no class is class 0, which is always empty */
        return coroutine_slowly(type, made_at);
    ai_object_init(o, type);
    ((struct ai_coroutine *)o)->made_at = made_at;
    return ai_handle(o);
}

struct ai_object *ai_object_otherwise(asyncio_any h)
{
    if (h == ASYNCIO__YIELD && ai_thread_begin())
        return ai_thread.yield;
    ai_bad_handle(h);
}

void ai_object_free(struct ai_object *o)
{
    size_t size = size_of(o);

    if (__builtin_expect(o->error != NULL, 0)) {
        if ((o->flags & (AI_SHARED | AI_RETRIEVED | AI_CANCELLED)) == AI_SHARED) {
            o->more = 0; /* whoever is told may keep it */
            ai_report_never_retrieved(o);
            if (o->more--)
                return;
        }
        ai_error_unref(o->error);
    }
    if (__builtin_expect(o->flags & AI_OWNED, 0)) /* retained too often for anybody to know */
        ai_leave_maker(o);
    if (o->type->destroy)
        o->type->destroy(o);
    if (o->flags & AI_TASK && !(o->name & 1))
        ai_string_free((char *)o->name);
    ai_object_bury(o, ai_handle(o), o->type->pool_class ? o->type->pool_class : ai_pool_class(size),
                   size);
}

struct ai_object *ai_adopt(struct ai_object *o)
{
    if (o->state == AI_UNUSED && !ai_is_unused(o))
        ai_reused(o);
    if (!(o->flags & AI_OWNED) || !(o->state == AI_UNUSED || o->flags & AI_ONCE))
        return ai_ref(o);
    o->flags &= (uint8_t)~AI_OWNED;
    ai_leave_maker(o);
    return o;
}

void ai_disown(struct ai_object *o)
{
    if (!(o->flags & AI_OWNED))
        return;
    o->flags &= (uint8_t)~AI_OWNED;
    ai_leave_maker(o);
    ai_unref(o);
}

void ai_close_unused(asyncio_any const *handles, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct ai_object *o = ai_object_if_any(handles[i]);
        if (o && o->state == AI_UNUSED)
            ai_disown(o);
    }
}

void ai_disown_all(struct ai_list *owned)
{
    ai_link_fresh_if_any();
    while (!ai_list_empty(owned)) {
        struct ai_object *o = ai_container(owned->next, struct ai_object, owned);
        if (o->state == AI_UNUSED)
            ai_report_never_awaited(o);
        ai_disown(o);
    }
}

void ai_take(struct ai_object *o)
{
    if (__builtin_expect(!ai_is_unused(o), 0))
        ai_reused(o);
    o->state = AI_PENDING;
    if (!(o->flags & AI_OWNED)) {
        ai_ref(o); /* retained beyond its maker's end: that reference is not to be had */
        return;
    }
    o->flags &= (uint8_t)~AI_OWNED;
    ai_leave_maker(o);
}

asyncio_any asyncio__retain(asyncio_any h)
{
    if (!h || h == ASYNCIO__YIELD)
        return h;
    struct ai_object *o = ai_ref(ai_object(h));
    if (o->retains < UINT8_MAX)
        o->retains++;
    return ai_handle(o);
}

static __attribute__((noinline)) void release_slowly(asyncio_any h)
{
    if (!h || h == ASYNCIO__YIELD)
        return;
    struct ai_object *o = ai_object(h);
    if (__builtin_expect(o->retains == 0, 1)) {
        if (!(o->flags & AI_OWNED))
            ai_panic("RuntimeError: %s '%s' was released more often than it was retained",
                     ai_noun(o->type), o->type->name);
        ai_disown(o);
        return;
    }
    if (o->retains < UINT8_MAX) /* else nobody knows any more */
        o->retains--;
    ai_unref(o);
}

/* Whether it is a task that has ended well, was awaited, and is nobody's but its maker's. */
static inline bool is_over(const struct ai_object *o)
{
    const uint8_t flags = AI_OWNED | AI_SHARED | AI_TASK | AI_VALUE | AI_RETRIEVED;

    return o->life == ai_life(0, AI_DONE, flags) && !o->error;
}

void asyncio_release(asyncio_any h)
{
    struct ai_object *o = asyncio_awaitable_object(h);

    if (!ai_is_valid(h) || !is_over(o) || !o->type->pool_class || o->type->destroy ||
        !(o->name & 1)) {
        release_slowly(h);
        return;
    }
    ai_list_unlink(&o->owned); /* no task is fresh */
    ai_object_bury(o, h, o->type->pool_class, o->type->size);
}

/* --- Waiting and completion --- */

void ai_wait_on(struct ai_object *o, struct ai_waiter *w)
{
    ai_ref(o);
    if (o->state == AI_DONE)
        ai_loop_push(ai_thread.loop, &w->ready);
    else
        ai_waiters_append(o, w);
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
    ai_list_unlink(&o->tasks);
    ai_thread.tasks_alive--;
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
    if (__builtin_expect(o == ai_thread.main, 0))
        ai_loop_come_back(ai_thread.loop); /* as in Python, one turn more and no other */
}

struct ai_error *ai_outcome(struct ai_object *o, struct ai_error *error)
{
    struct ai_error *asked = o->error;

    o->error = NULL;
    if (asked && error == ai_error_plain(ai_error_code(asked)))
        return asked;
    ai_error_unref(asked);
    return error;
}

static __attribute__((noinline, cold)) struct ai_error *fail(struct ai_object *o,
                                                             struct ai_error *error)
{
    error = ai_outcome(o, error);
    if (ai_error_code(error) == -ECANCELED)
        o->flags |= AI_CANCELLED;
    return error;
}

void ai_complete(struct ai_object *o, struct ai_error *error)
{
    if (o->state != AI_PENDING)
        ai_panic("RuntimeError: %s '%s' was completed twice, or before it was started",
                 ai_noun(o->type), o->type->name);
    o->state = AI_DONE;
    if (__builtin_expect((uintptr_t)error | (uintptr_t)o->error, 0))
        error = fail(o, error);
    o->error = error;
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

/* The low bytes of a little-endian integer, the high ones of another. */
void ai_result_fail(const struct ai_object *o, int error, void *value)
{
    size_t size = ai_result_size(o);
    int64_t wide = error;
    bool low = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

    memset(value, 0, size);
    if (ai_result_signed(o))
        memcpy(value, (char *)&wide + (low ? 0 : sizeof wide - size), size);
}
