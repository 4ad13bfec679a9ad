/* SIGINT while a loop runs, as in Python: the first is noted and wakes the loop, the second ends
 * the process. See interrupt.c. */
#ifndef AI_TASK_INTERRUPT_H
#define AI_TASK_INTERRUPT_H

#include "loop/loop.h"

#include <stdbool.h>

/* Watches for it on behalf of this loop, if that is the business of the thread (the main one) and
 * of the library (nobody else handles or ignores the signal). */
bool ai_interrupt_begin(struct ai_loop *loop);

/* Whether it came since; to be asked between two turns. */
bool ai_interrupt_came(void);

/* The disposition is again what it was, unless the program has set another meanwhile. */
void ai_interrupt_end(void);

#endif
