#include "task/proxy.h"

#include "task/thread.h"

struct ai_proxy *ai_proxy_new(const struct asyncio_awaitable_type *type, struct ai_object *inner)
{
    if (!inner)
        return NULL;
    size_t size = ai_result_size(inner);
    struct ai_proxy *p = (struct ai_proxy *)ai_object_new(type, type->result_offset + size);
    if (!p) {
        if (inner->state == AI_UNUSED)
            ai_disown(inner);
        return NULL;
    }
    p->sized.result_size = (uint32_t)size;
    p->sized.result_signed = ai_result_signed(inner);
    p->inner = ai_adopt(inner);
    return p;
}

const struct asyncio__waits ai_proxy_waits = {
    .form = AI_WAITS_ONE,
    .at = offsetof(struct ai_proxy, inner),
};

void ai_proxy_destroy(void *self)
{
    struct ai_proxy *p = self;

    if (p->inner)
        ai_unref(p->inner);
}

void ai_proxy_raise(struct ai_object *o, int code, void *result)
{
    struct ai_task *task = ai_thread.task;

    if (code)
        ai_result_fail(o, code, result);
    o->error = task->error;
    task->error = NULL;
}
