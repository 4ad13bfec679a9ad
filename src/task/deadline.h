/* A timer whose owner may stop it for good at any time: after ai_deadline_stop() nothing refers to
 * it, though it was due and in the ready queue already. While it runs, its place there is reserved.
 */
#ifndef AI_TASK_DEADLINE_H
#define AI_TASK_DEADLINE_H

#include "loop/timer.h"

/* Starts a timer that is initialised and idle. soon: without a time, it runs in the next turn,
 * after all that is ready by now; one that is due runs in it too, after all that became ready
 * before. 0 or -ENOMEM. */
int ai_deadline_start(struct ai_timer *t, int64_t deadline);
int ai_deadline_soon(struct ai_timer *t);

void ai_deadline_stop(struct ai_timer *t);

/* What its function begins with. */
void ai_deadline_over(struct ai_timer *t);

/* What so many seconds from now, or so many on the loop's clock, are as a deadline; infinity is
 * AI_NEVER, at which no timer has to be started. */
#define AI_NEVER INT64_MAX
int64_t ai_deadline_after(double seconds);
int64_t ai_deadline_at(double when);

#endif
