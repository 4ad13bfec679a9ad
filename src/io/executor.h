/* The default executor of a loop: made when first asked for, shut down with it. */
#ifndef AI_IO_EXECUTOR_H
#define AI_IO_EXECUTOR_H

#include "task/object.h"

/* This thread's loop's. 0, -ENOMEM, or -ESHUTDOWN where it was shut down. */
int ai_default_executor(struct asyncio_executor **executor);

/* The loop has to do with other threads: its end waits for them. */
void ai_executor_end_later(void);

#endif
