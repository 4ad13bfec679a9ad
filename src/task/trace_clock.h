/* The trace's clock: the loop's, from the processor's time stamp counter where that runs evenly.
 *
 * Reading the kernel's clock takes as long as writing an event, the counter half of that. It is set
 * by the clock whenever the back-end is asked and whenever a millisecond has passed, so it is never
 * off by more than some nanoseconds, and never goes back. */
#ifndef AI_TASK_TRACE_CLOCK_H
#define AI_TASK_TRACE_CLOCK_H

#include "loop/loop.h"

struct ai_trace_clock {
    struct ai_loop *loop;
    int64_t shift;                   /* what it is ahead of the loop's */
    int64_t now;                     /* as it was read last */
    bool counts;                     /* the counter may be used */
    uint64_t scale;                  /* nanoseconds a count, times 2^32; 0: not known yet */
    int64_t first, set;              /* on the clock: when it began, and was set last; */
    uint64_t first_count, set_count; /* the counter then, */
    uint64_t due;                    /* and how far it may go until it is set again */
};

static inline uint64_t ai_trace_count(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

__extension__ typedef unsigned __int128 ai_trace_wide;

void ai_trace_clock_begin(struct ai_trace_clock *c, struct ai_loop *loop, int64_t shift);

/* Reads the loop's clock, and sets the counter by it. */
int64_t ai_trace_clock_set(struct ai_trace_clock *c);

/* Puts it a nanosecond ahead. */
static inline void ai_trace_clock_advance(struct ai_trace_clock *c)
{
    c->shift++;
    c->first++;
    c->set++;
    c->now++;
}

static inline int64_t ai_trace_clock_read(struct ai_trace_clock *c)
{
    uint64_t counted = c->scale ? ai_trace_count() - c->set_count : UINT64_MAX;

    if (__builtin_expect(counted >= c->due, 0))
        return ai_trace_clock_set(c);
    int64_t now = c->set + (int64_t)((ai_trace_wide)counted * c->scale >> 32);
    return c->now = now > c->now ? now : c->now;
}

#endif
