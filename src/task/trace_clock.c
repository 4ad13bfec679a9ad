#include "task/trace_clock.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

enum { DUE = 1000 * 1000 }; /* nanoseconds */

/* Whether it counts at one rate whatever the processor does. */
static bool can_count(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;

    return __get_cpuid(0x80000007, &a, &b, &c, &d) && d & 1 << 8;
#else
    return false;
#endif
}

void ai_trace_clock_begin(struct ai_trace_clock *c, struct ai_loop *loop, int64_t shift)
{
    *c = (struct ai_trace_clock){.loop = loop, .shift = shift, .now = INT64_MIN};
    c->counts = !loop->backend->choose && can_count(); /* virtual time is no counter's */
    c->first = ai_loop_now(loop) + shift;
    c->first_count = ai_trace_count();
    ai_trace_clock_set(c);
}

/* What a count is worth, of all that were counted. */
static void measure(struct ai_trace_clock *c)
{
    uint64_t counted = c->set_count - c->first_count;

    if (c->set - c->first < DUE || !counted)
        return;
    c->scale = (uint64_t)(((ai_trace_wide)(c->set - c->first) << 32) / counted);
    c->due = c->scale ? ((uint64_t)DUE << 32) / c->scale : 0;
}

int64_t ai_trace_clock_set(struct ai_trace_clock *c)
{
    c->set = ai_loop_now(c->loop) + c->shift;
    if (c->counts) {
        c->set_count = ai_trace_count();
        measure(c);
    }
    return c->now = c->set > c->now ? c->set : c->now;
}
