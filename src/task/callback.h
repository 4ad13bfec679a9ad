#ifndef AI_TASK_CALLBACK_H
#define AI_TASK_CALLBACK_H

#include "loop/ring.h"

/* The function that an entry of the ready queue calls, which is no step of a task: the program's
 * where it made the callback, else the library's own. */
const void *ai_callback_function(const struct ai_ready *ready);

/* From now on those that are there run nothing. */
void ai_callbacks_silence(void);

/* Drops what has not run when the loop ends. */
void ai_callbacks_drop(void);

#endif
