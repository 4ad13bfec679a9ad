/* The kernel's monotonic clock, as the back-ends that live by it need it. */
#ifndef AI_LOOP_CLOCK_H
#define AI_LOOP_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/time_types.h>

/* now() and block() of a back-end, whatever its state. */
int64_t ai_clock_now(void *state);
void ai_clock_block(void *state, int64_t ns);

/* How long until the deadline; 0 if it has passed, INT64_MAX if it never comes. A deadline of 0 or
 * less has passed without a look at the clock. */
int64_t ai_clock_until(int64_t deadline);

struct __kernel_timespec ai_clock_timespec(int64_t ns);

/* Makes a timerfd expire at the deadline, at once if that has passed, never if it is INT64_MAX. */
int ai_clock_arm(int timerfd, int64_t deadline);

#endif
