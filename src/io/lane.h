/* The lane of name look-ups: an executor whose threads are for them alone. A look-up may take half
 * a minute and cannot be stopped, so those that nobody waits for any more are left behind by the
 * loop's end. */
#ifndef AI_IO_LANE_H
#define AI_IO_LANE_H

#include "task/object.h"

#include <asyncio/threads.h>

/* That of the calling thread's loop, begun when it is first used and ended with the loop. */
extern struct asyncio_executor ai_lane;

/* What it runs calls these around what may take long. False: nobody waits for it any more, and it
 * must not begin. */
bool ai_lane_enter(void);
void ai_lane_leave(void);

#endif
