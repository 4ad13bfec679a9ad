/* Waiting for a process. */
#ifndef AI_IO_PROCESS_WAIT_H
#define AI_IO_PROCESS_WAIT_H

#include "io/process_child.h"

#include <asyncio/language.h>

/* For its return code. */
ASYNCIO_AWAITABLE(int) ai_child_wait(struct ai_child *c);

/* It has ended: all who wait go on. */
void ai_child_waits_wake(struct ai_child *c);

#endif
