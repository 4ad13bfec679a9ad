/* What a block of async_with is left with, for the exit() of its manager. */
#ifndef AI_TASK_WITH_H
#define AI_TASK_WITH_H

#include "task/task.h"

/* What was raised in it, or else the last await's error, or NULL. */
static inline struct ai_error *ai_block_error(const struct ai_task *task)
{
    struct ai_error *raised = task->top->object.error;

    return raised ? raised : task->error;
}

/* Puts this in its place, NULL for nothing; takes it over. `raise`: the coroutine fails with it
 * whatever its value is. */
void ai_block_leave(struct ai_task *task, struct ai_error *error, unsigned marks, bool raise);

#endif
