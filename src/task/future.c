/* Futures, and what may be asked of anything that is shared: done, result, exception.
 *
 * A pending future has no reference of the runtime's: it lives by its handles and by who waits. */
#include "base/panic.h"
#include "task/diagnose.h"
#include "task/thread.h"

static void cancel(void *self)
{
    ai_complete(ai_ref(self), ai_error_plain(-ECANCELED));
}

static void destroy(void *self)
{
    ai_list_remove(&((struct ai_object *)self)->tasks);
}

static const struct asyncio_awaitable_type future_type = {
    .name = "Future",
    .cancel = cancel,
    .destroy = destroy,
    .result_offset = (sizeof(struct ai_sized) + 15) & ~(size_t)15,
};

asyncio_any asyncio__future(size_t size, bool is_signed)
{
    struct ai_object *o = ai_object_new(&future_type, future_type.result_offset + size);

    if (!o)
        return NULL;
    struct ai_sized *f = (struct ai_sized *)o;
    f->result_size = (uint32_t)size;
    f->result_signed = is_signed;
    o->state = AI_PENDING;
    o->flags |= AI_SHARED;
    ai_list_append(&ai_thread.futures, &o->tasks);
    return ai_handle(o);
}

void ai_futures_cancel(void)
{
    ai_list_each (node, &ai_thread.futures) {
        struct ai_object *o = ai_container(node, struct ai_object, tasks);
        if (o->state == AI_PENDING && o->waiters)
            cancel(o);
    }
}

static struct ai_object *future(asyncio_any h)
{
    struct ai_object *o = ai_object(h);

    if (o->type != &future_type)
        ai_panic("RuntimeError: only a future takes a result, not %s '%s'",
                 o->flags & AI_TASK ? "task" : ai_noun(o->type), o->type->name);
    return o;
}

int asyncio__set_result(asyncio_any h, const void *value)
{
    struct ai_object *o = future(h);

    if (o->state == AI_DONE)
        return -EBUSY;
    if (value)
        __builtin_memcpy(ai_result_place(o), value, ai_result_size(o));
    o->flags |= AI_VALUE;
    ai_complete(ai_ref(o), NULL);
    return 0;
}

int asyncio_set_exception(asyncio_any h, int error, const char *format, ...)
{
    struct ai_object *o = future(h);

    if (error >= 0)
        return -EINVAL;
    if (o->state == AI_DONE)
        return -EBUSY;
    va_list args;
    va_start(args, format);
    ai_complete(ai_ref(o), ai_error_new(error, format, args));
    va_end(args);
    return 0;
}

bool asyncio_done(asyncio_any h)
{
    return ai_object(h)->state == AI_DONE;
}

bool asyncio_cancelled(asyncio_any h)
{
    struct ai_object *o = ai_object(h);
    return o->state == AI_DONE && o->flags & AI_CANCELLED;
}

bool asyncio_isfuture(asyncio_any h)
{
    return ai_object(h)->flags & AI_SHARED;
}

bool asyncio_iscoroutine(asyncio_any h)
{
    const struct ai_object *o = ai_object(h);
    return o->type->kind == ASYNCIO__COROUTINE && !(o->flags & AI_SHARED);
}

int asyncio__result(asyncio_any h, void *result)
{
    struct ai_object *o = ai_object(h);

    if (o->state != AI_DONE)
        return -EBUSY;
    o->flags |= AI_RETRIEVED;
    return ai_result(o, result);
}

int asyncio_exception(asyncio_any h)
{
    struct ai_object *o = ai_object(h);

    if (o->state != AI_DONE)
        return -EBUSY;
    o->flags |= AI_RETRIEVED;
    return ai_error_code(o->error);
}

const char *asyncio_exception_message(asyncio_any h)
{
    struct ai_object *o = ai_object(h);

    if (o->state != AI_DONE)
        return "";
    o->flags |= AI_RETRIEVED;
    return ai_error_message(o->error);
}
