/* See clock.h. */
#include "loop/clock.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>

enum { SECOND = 1000000000 };

static struct timespec to_timespec(int64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / SECOND), .tv_nsec = (long)(ns % SECOND)};
}

int64_t ai_clock_now(void *state)
{
    (void)state;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

void ai_clock_block(void *state, int64_t ns)
{
    if (ns <= 0)
        return;
    int64_t now = ai_clock_now(state);
    struct timespec end = to_timespec(ns < INT64_MAX - now ? now + ns : INT64_MAX);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
        ;
}

int64_t ai_clock_until(int64_t deadline)
{
    if (deadline <= 0 || deadline == INT64_MAX)
        return deadline <= 0 ? 0 : INT64_MAX;
    int64_t now = ai_clock_now(NULL);
    return deadline > now ? deadline - now : 0;
}

struct __kernel_timespec ai_clock_timespec(int64_t ns)
{
    return (struct __kernel_timespec){.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
}

int ai_clock_arm(int timerfd, int64_t deadline)
{
    struct itimerspec at = {0};
    if (deadline <= 0)
        at.it_value.tv_nsec = 1; /* all zero would disarm it */
    else if (deadline != INT64_MAX)
        at.it_value = to_timespec(deadline);
    return timerfd_settime(timerfd, TFD_TIMER_ABSTIME, &at, NULL) < 0 ? -errno : 0;
}
