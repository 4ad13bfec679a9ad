#include "io/linger.h"

#include "base/alloc.h"
#include "task/thread.h"

enum {
    USUAL_TIME = 30, /* Python's */
    RECEIVES = 64,   /* of which each may be 64 KiB */
};

/* It holds no reference: while it waits the receive does. */
struct ai_linger {
    struct ai_timer timer;
    struct ai_connection *connection; /* NULL: it has ended, and the timer is due */
    unsigned receives;
};

void ai_linger_end(struct ai_connection *c)
{
    struct ai_linger *l = c->linger;

    if (!l)
        return;
    c->linger = NULL;
    l->connection = NULL;
    ai_timer_stop(&ai_thread.loop->timers, &l->timer);
    if (l->timer.place != AI_TIMER_DUE)
        ai_deallocate(l, sizeof *l);
}

static void too_late(struct ai_ready *ready)
{
    struct ai_linger *l = ai_container(ready, struct ai_linger, timer.ready);
    struct ai_connection *c = l->connection;

    l->timer.place = AI_TIMER_IDLE;
    if (!c) {
        ai_deallocate(l, sizeof *l);
        return;
    }
    ai_linger_end(c);
    ai_connection_flush(c);
}

void ai_linger_begin(struct ai_connection *c)
{
    double seconds = c->linger_time > 0 ? c->linger_time : USUAL_TIME;
    struct ai_linger *l = ai_allocate(sizeof *l);

    if (!l)
        return;
    ai_timer_init(&l->timer, too_late);
    if (ai_loop_start_timer(ai_thread.loop, &l->timer, seconds) < 0) {
        ai_deallocate(l, sizeof *l);
        return;
    }
    l->connection = c;
    c->linger = l;
}

bool ai_linger_waits(struct ai_connection *c)
{
    while (c->linger && !c->in_busy) {
        if (c->out_error || c->linger->receives++ == RECEIVES || ai_connection_receive(c) < 0)
            ai_linger_end(c);
    }
    return c->linger;
}

void ai_linger_received(struct ai_connection *c, int64_t result)
{
    if (!c->linger)
        return;
    if (result <= 0 || ai_connection_decode(c, c->in.buf, (size_t)result) < 0)
        ai_linger_end(c);
}
