/* Entering and leaving a time limit, for whatever has one in it. */
#ifndef AI_TASK_TIMEOUT_H
#define AI_TASK_TIMEOUT_H

#include "task/task.h"

/* The running task enters it. 0 or -ENOMEM; aborts if it was entered before. */
int ai_timeout_enter(struct asyncio_timeout *t);

/* Leaves it: whether its time came and nobody else asked the task to end, so that a cancellation
 * that it is left by stands for -ETIMEDOUT. */
bool ai_timeout_leave(struct asyncio_timeout *t);

#endif
