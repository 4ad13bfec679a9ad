/* asyncio_sleep(): a timer and what completes when it fires. Needs no stack. */
#include "task/task.h"
#include "task/thread.h"
#include "task/watchdog.h"

struct sleep {
    struct ai_object object;
    union {
        double delay; /* until it is started */
        int result;
    };
    struct ai_timer timer;
};

static void fire(struct ai_ready *ready)
{
    struct sleep *s = ai_container(ready, struct sleep, timer.ready);

    s->timer.place = AI_TIMER_IDLE;
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
    if (s->object.state == AI_PENDING && !ai_is_finishing(&s->object))
        asyncio_complete(s, 0);
    ai_unref(&s->object); /* the timer's */
}

static int start(void *self)
{
    struct sleep *s = self;
    struct ai_loop *loop = ai_thread.loop;
    double delay = s->delay;

    s->result = 0;
    ai_timer_init(&s->timer, fire);
    if (!(delay > 0)) {
        asyncio_complete(s, 0);
        return 0;
    }
    if (!ai_ring_reserve(&loop->ready, 1))
        return -ENOMEM;
    int error = ai_loop_start_timer(loop, &s->timer, delay);
    if (error)
        ai_ring_unreserve(&loop->ready, 1);
    else
        ai_ref(&s->object);
    return error;
}

static void cancel(void *self)
{
    struct sleep *s = self;
    bool running = s->timer.place != AI_TIMER_DUE && s->timer.place != AI_TIMER_IDLE;

    ai_timer_stop(&ai_thread.loop->timers, &s->timer);
    if (running)
        ai_ring_unreserve(&ai_thread.loop->ready, 1);
    asyncio_complete(s, -ECANCELED);
    if (running)
        ai_unref(&s->object);
}

static const struct asyncio_awaitable_type sleep_type = {
    .name = "sleep",
    .size = sizeof(struct sleep),
    .start = start,
    .cancel = cancel,
    .result_size = sizeof(int),
    .result_offset = offsetof(struct sleep, result),
    .result_signed = true,
};

static struct sleep *sleep_new(double delay)
{
    struct sleep *s = (struct sleep *)ai_object_new(&sleep_type, sizeof *s);
    if (s)
        s->delay = delay;
    return s;
}

ASYNCIO_AWAITABLE(int) asyncio__sleep(double seconds)
{
    struct sleep *s = sleep_new(seconds);
    return s ? ai_handle(&s->object) : NULL;
}

/* The one to call where the header's is not compiled in. */
ASYNCIO_AWAITABLE(int) asyncio_sleep(double seconds)
{
    return seconds > 0 ? asyncio__sleep(seconds) : ASYNCIO__YIELD;
}

static const struct asyncio_awaitable_type yield_type = {
    .name = "sleep",
    .size = sizeof(struct ai_object),
    .result_signed = true,
};

struct ai_object *ai_yield_new(void)
{
    struct ai_object *o = ai_object_new(&yield_type, sizeof *o);
    if (o) {
        ai_take(o);
        o->flags = 0;
    }
    return o;
}

struct ai_object *ai_object_to_take_slowly(asyncio_any h)
{
    struct sleep *s = h ? sleep_new(0) : NULL;
    return s ? &s->object : NULL;
}

void asyncio_block(double seconds)
{
    int64_t ns = ai_nanoseconds(seconds);

    ai_watchdog_block(ns);
    if (ai_thread.loop)
        ai_thread.loop->backend->block(ai_thread.loop->state, ns);
    else
        ai_backend_epoll.block(NULL, ns);
}
