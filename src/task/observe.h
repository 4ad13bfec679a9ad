/* Looking at every step the loop takes: debug mode (what held it for too long) and the trace. Where
 * neither is on, the loop does not come by here. */
#ifndef AI_TASK_OBSERVE_H
#define AI_TASK_OBSERVE_H

#include "task/object.h"

/* Starts observing this thread's loop if debug mode or ASYNCIO_TRACE asks for it. */
void ai_observe_begin(void);
void ai_observe_end(void);

#endif
