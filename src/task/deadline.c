#include "task/deadline.h"

#include "task/thread.h"

#include <errno.h>

int64_t ai_deadline_at(double when)
{
    return when == ASYNCIO_FOREVER ? AI_NEVER : ai_nanoseconds(when);
}

int64_t ai_deadline_after(double seconds)
{
    int64_t deadline;

    if (seconds == ASYNCIO_FOREVER)
        return AI_NEVER;
    if (__builtin_add_overflow(ai_loop_now(ai_thread.loop), ai_nanoseconds(seconds), &deadline))
        return AI_NEVER - 1;
    return deadline;
}

int ai_deadline_start(struct ai_timer *t, int64_t deadline)
{
    struct ai_loop *loop = ai_thread.loop;

    if (!ai_ring_reserve(&loop->ready, 1))
        return -ENOMEM;
    int error = ai_timer_start(&loop->timers, t, deadline);
    if (error)
        ai_ring_unreserve(&loop->ready, 1);
    return error;
}

int ai_deadline_soon(struct ai_timer *t)
{
    struct ai_loop *loop = ai_thread.loop;

    if (!ai_ring_reserve(&loop->ready, 1))
        return -ENOMEM;
    t->place = AI_TIMER_DUE;
    ai_loop_push(loop, &t->ready);
    return 0;
}

void ai_deadline_over(struct ai_timer *t)
{
    t->place = AI_TIMER_IDLE;
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
}

/* Stands in the ready queue, and for the reserved place, of what was stopped too late. */
static void do_nothing(struct ai_ready *ready)
{
    (void)ready;
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
}

void ai_deadline_stop(struct ai_timer *t)
{
    static struct ai_ready nothing = {do_nothing};
    struct ai_loop *loop = ai_thread.loop;

    if (t->place == AI_TIMER_IDLE)
        return;
    if (t->place == AI_TIMER_DUE) {
        ai_ring_replace(&loop->ready, &t->ready, &nothing);
        t->place = AI_TIMER_IDLE;
    } else {
        ai_timer_stop(&loop->timers, t);
        ai_ring_unreserve(&loop->ready, 1);
    }
}
