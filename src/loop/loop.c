#include "loop/loop.h"

#include "loop/inbox.h"
#include "loop/signal.h"

#include <errno.h>
#include <string.h>

enum {
    MOST_CREDIT = 255,
    SHORT_NS = 50 * 1000, /* the back-end was asked so recently that it may be asked less often */
};

int ai_loop_open(struct ai_loop *loop, const char *backend)
{
    *loop = (struct ai_loop){0};
    ai_context_adopt(&loop->hub);
    ai_list_init(&loop->before);
    int error = ai_backend_open(backend, &loop->backend, &loop->state, loop->why, sizeof loop->why);
    if (error)
        return error;
    if (!ai_ring_reserve(&loop->ready, 1)) {
        loop->backend->close(loop->state);
        return -ENOMEM;
    }
    return 0;
}

void ai_loop_close(struct ai_loop *loop)
{
    ai_ring_close(&loop->ready);
    ai_timers_close(&loop->timers);
    loop->backend->close(loop->state);
}

int64_t ai_nanoseconds(double seconds)
{
    if (!(seconds > 0)) /* NaN too */
        return 0;
    if (seconds >= 4e9)
        return INT64_MAX / 2;
    int64_t ns = (int64_t)(seconds * 1e9);
    return ns + ((double)ns < seconds * 1e9); /* never early */
}

int ai_loop_start_timer(struct ai_loop *loop, struct ai_timer *t, double delay)
{
    int64_t deadline;

    if (__builtin_add_overflow(ai_loop_now(loop), ai_nanoseconds(delay), &deadline))
        deadline = INT64_MAX - 1;
    return ai_timer_start(&loop->timers, t, deadline);
}

static void expire_timers(struct ai_loop *loop, int64_t now)
{
    while (ai_timers_next(&loop->timers) <= now)
        ai_loop_push(loop, &ai_timers_pop(&loop->timers)->ready);
}

/* Any order of what is ready at once is legal: the simulation's seed picks one. */
static inline __attribute__((always_inline)) void shuffle(struct ai_loop *loop)
{
    struct ai_ring *ring = &loop->ready;

    for (uint32_t n = ai_ring_count(ring); n > 1; n--) {
        uint32_t pick = loop->backend->choose(loop->state, n);
        struct ai_ready **a = &ring->slot[(ring->head + n - 1) & ring->mask];
        struct ai_ready **b = &ring->slot[(ring->head + n - 1 - pick) & ring->mask];
        struct ai_ready *swap = *a;
        *a = *b;
        *b = swap;
    }
}

static void grant_credit(struct ai_loop *loop, int64_t now)
{
    if (loop->backend->choose || loop->exact)
        return;
    if (now - loop->asked > SHORT_NS)
        loop->burst = 0;
    else if (loop->burst < MOST_CREDIT)
        loop->burst = loop->burst * 2 + 1;
    loop->asked = now;
    loop->credit = loop->burst;
}

static void run_before(struct ai_loop *loop)
{
    while (!ai_list_empty(&loop->before)) {
        struct ai_before *b = ai_container(loop->before.next, struct ai_before, link);
        ai_list_remove(&b->link);
        b->run(b);
    }
}

/* Asks the back-end for what has completed, waiting for it where there is nothing else to do. */
static inline __attribute__((always_inline)) int poll(struct ai_loop *loop, bool block)
{
    run_before(loop);
    bool idle = block && ai_ring_count(&loop->ready) == 0;
    int error = idle && loop->idle ? loop->idle() : 0;
    if (error)
        return error;
    loop->polls++;
    int n = ai_loop_wait(loop, idle ? ai_timers_next(&loop->timers) : 0);
    int64_t now = ai_loop_now(loop);

    if (loop->inbox)
        ai_inbox_fetch(loop);
    if (loop->receiver)
        ai_signal_receiver_fetch(loop->receiver);
    expire_timers(loop, now);
    grant_credit(loop, now);
    return n < 0 ? n : 0;
}

/* A turn in which every step is observed: beside ai_loop_turn(), which is not to pay for it. */
static __attribute__((noinline)) int observed_turn(struct ai_loop *loop, bool block)
{
    void (*observe)(struct ai_loop *, struct ai_ready *) = loop->observe; /* a step may end it */

    loop->credit = loop->withheld;
    if (!ai_loop_next_turn(loop)) {
        loop->observe_poll(false);
        int error = poll(loop, block);
        if (error)
            return error;
    }
    loop->withheld = loop->credit;
    loop->credit = 0;
    loop->observe_poll(true);
    if (loop->backend->choose)
        shuffle(loop);
    for (uint32_t n = ai_ring_count(&loop->ready); n > 0; n--) {
        struct ai_ready *ready = ai_ring_pop(&loop->ready);
        loop->ready.end = loop->ready.head; /* so that a parking task comes back to the hub */
        observe(loop, ready);
    }
    return 0;
}

int ai_loop_turn(struct ai_loop *loop, bool block)
{
    if (loop->observe)
        return observed_turn(loop, block);
    int error = ai_loop_next_turn(loop) ? 0 : poll(loop, block);
    if (error)
        return error;
    if (loop->backend->choose)
        shuffle(loop);
    loop->ready.end = loop->ready.tail;
    while (loop->ready.head != loop->ready.end) {
        struct ai_ready *ready = ai_ring_pop(&loop->ready);
        ready->run(ready);
    }
    return 0;
}
