/* async_with: entering a block and leaving it, whatever is entered.
 *
 * What a block is left with is what was raised in it, or else the last await's error. Its exit()
 * finds it there, and may put something else in its place. */
#include "task/with.h"

#include "task/thread.h"

/* What entering came to, where the manager itself did not say. */
static void entered(struct ai_task *task, int code)
{
    struct ai_error *raised = task->top->object.error;

    if (code >= 0)
        ai_error_clear(&task->error);
    else if (ai_error_code(raised) == code)
        ai_error_set(&task->error, ai_error_ref(raised));
    else if (ai_error_code(task->error) != code)
        ai_error_set(&task->error, ai_error_plain(code));
}

struct asyncio__with asyncio__with_enter(void *manager, const struct asyncio__with_type *type,
                                         const struct asyncio__place *place)
{
    int code = type->enter(manager, place);

    if (ai_thread.task)
        entered(ai_thread.task, code);
    return (struct asyncio__with){manager, type, place, .inside = code >= 0, .body = true};
}

static void leave(struct asyncio__with *w, bool returns)
{
    if (!w->inside)
        return;
    w->inside = false;
    w->type->exit(w->manager, w->place, returns);
}

void asyncio__with_exit(struct asyncio__with *w)
{
    leave(w, false);
}

void asyncio__with_return(struct asyncio__with *w)
{
    leave(w, true);
}

void ai_block_leave(struct ai_task *task, struct ai_error *error, unsigned marks, bool raise)
{
    struct ai_error **raised = &task->top->object.error;

    if (error)
        error = ai_error_marked(error, AI_ERROR_BLOCK | marks);
    if (*raised || raise)
        ai_error_set(raised, ai_error_ref(error));
    ai_error_set(&task->error, error);
}

/* --- Managers of one's own --- */

static int enter_manager(void *manager, const struct asyncio__place *place)
{
    struct asyncio_context_manager *m = manager;
    (void)place;

    return m->enter(m);
}

static void leave_manager(void *manager, const struct asyncio__place *place, bool returns)
{
    struct asyncio_context_manager *m = manager;
    struct ai_task *task = ai_thread.task;
    struct ai_error *kept = ai_error_keep(task);
    (void)place, (void)returns;

    m->exit(m);
    ai_error_restore(task, kept);
}

const struct asyncio__with_type asyncio__manager_with = {enter_manager, leave_manager};
