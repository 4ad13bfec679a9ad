/* async_with: entering and leaving, whatever is entered. */
#include "task/task.h"
#include "task/thread.h"

struct asyncio__with asyncio__with_enter(void *manager, const struct asyncio__with_type *type,
                                         const struct asyncio__place *place)
{
    return (struct asyncio__with){manager, type, place, type->enter(manager, place) >= 0};
}

void asyncio__with_exit(struct asyncio__with *w)
{
    if (!w->inside)
        return;
    struct ai_task *task = ai_thread.task;
    struct ai_error *kept = ai_error_keep(task);
    w->inside = false;
    w->type->exit(w->manager, w->place);
    ai_error_restore(task, kept);
}

static int enter(void *manager, const struct asyncio__place *place)
{
    struct asyncio_context_manager *m = manager;
    (void)place;

    return m->enter(m);
}

static void leave(void *manager, const struct asyncio__place *place)
{
    struct asyncio_context_manager *m = manager;
    (void)place;

    m->exit(m);
}

const struct asyncio__with_type asyncio__manager_with = {enter, leave};
