/* Awaiting a concurrent future, and functions in threads, which is that of one that an executor
 * runs. */
#ifndef AI_IO_WRAP_H
#define AI_IO_WRAP_H

#include "io/concurrent.h"

/* An operation that waits for f, whose reference it takes over, and, given an executor, has it run
 * there when it starts. NULL without memory. */
struct ai_object *ai_wrap_new(struct ai_concurrent *f, bool submits,
                              struct asyncio_executor *executor);

/* Starts it at once: it may be awaited later, and runs in any case. */
asyncio_any ai_wrap_start(struct ai_object *o);

/* Ends what waits for other threads still: the loop ends. */
void ai_wraps_cancel(void);

/* Says what runs in threads for this loop. */
void ai_wraps_say(void);

/* In the child of a fork. */
void ai_wraps_forget(void);

#endif
