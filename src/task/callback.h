#ifndef AI_TASK_CALLBACK_H
#define AI_TASK_CALLBACK_H

/* Drops what has not run when the loop ends. */
void ai_callbacks_drop(void);

#endif
