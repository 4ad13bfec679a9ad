#include "io/process_wait.h"

#include "task/step.h"

#include <errno.h>

struct waiting {
    struct ai_object object;
    struct ai_child *child;
    struct ai_list link; /* among those who wait for it, or nowhere */
    int result;
};

static int step(void *self, bool cancelled)
{
    struct waiting *w = self;

    ai_list_remove(&w->link);
    if (cancelled)
        return -ECANCELED;
    if (!w->child->ended) {
        ai_list_append(&w->child->waiting, &w->link);
        return 0;
    }
    w->result = w->child->code;
    return 1;
}

static void give_up(void *self)
{
    ai_list_remove(&((struct waiting *)self)->link);
}

static void destroy(void *self)
{
    give_up(self);
    ai_child_unref(((struct waiting *)self)->child);
}

static const struct asyncio_awaitable_type type = {
    .name = "Process.wait",
    .size = sizeof(struct waiting),
    .result_size = sizeof(int),
    .result_offset = offsetof(struct waiting, result),
    .result_signed = true,
    .step = step,
    .cancel = give_up,
    .destroy = destroy,
};

ASYNCIO_AWAITABLE(int) ai_child_wait(struct ai_child *c)
{
    struct waiting *w = (struct waiting *)ai_object_new(&type, sizeof *w);

    if (!w)
        return NULL;
    ai_list_init(&w->link);
    w->child = c;
    c->refs++;
    return ai_handle(&w->object);
}

void ai_child_waits_wake(struct ai_child *c)
{
    ai_list_each (node, &c->waiting)
        ai_step_wake(&ai_container(node, struct waiting, link)->object);
}
