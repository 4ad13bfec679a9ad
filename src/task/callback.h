#ifndef AI_TASK_CALLBACK_H
#define AI_TASK_CALLBACK_H

/* From now on those that are there run nothing. */
void ai_callbacks_silence(void);

/* Drops what has not run when the loop ends. */
void ai_callbacks_drop(void);

#endif
