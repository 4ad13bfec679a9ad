/* The event loop: turns of a ready queue, timers, and a back-end.
 *
 * A turn reaps what completed, makes due timers ready, and runs what was ready at that point; what
 * becomes ready meanwhile runs in the next turn. Everything runs either on the hub, the stack that
 * called the loop (callbacks, starts of tasks), or on a task's own stack. A task that parks
 * switches straight to the next ready task, through ai_loop_next(), and to the hub only when the
 * turn is over or the next in line is no parked task.
 *
 * Between two turns the back-end need not be asked each time: while `credit` lasts, steps of it,
 * turns follow each other without. It is earned by steps that took next to no time, so that the
 * clock is read often enough to keep timers punctual and seldom enough not to be felt. The
 * simulation gets none: there every turn is exact. */
#ifndef AI_LOOP_LOOP_H
#define AI_LOOP_LOOP_H

#include "ctx/context.h"
#include "loop/backend.h"
#include "loop/ring.h"
#include "loop/timer.h"

/* What is to be done before the loop next asks the back-end: in its list of these until then. */
struct ai_before {
    struct ai_list link;
    void (*run)(struct ai_before *self);
};

struct ai_loop {
    struct ai_ring ready;
    uint32_t credit; /* steps of further turns before the back-end is asked again */
    uint32_t burst;  /* the credit given at a time */
    bool exact;      /* none is given: each turn comes back to who asked for it */
    struct ai_context hub;
    struct ai_timers timers;
    const struct ai_backend *backend;
    void *state;            /* the back-end's */
    struct ai_list before;  /* struct ai_before */
    struct ai_inbox *inbox; /* what other threads have to say, or NULL: see inbox.h */
    bool deaf;              /* it ends: no inbox is opened any more */
    int64_t asked;          /* when the back-end was asked last */
    uint64_t polls;         /* how often it was */
    uint64_t submitted;     /* operations, ever */
    /* Where signals come in, or NULL: see signal.h. */
    struct ai_signal_receiver *receiver;
    /* Set: every step goes through it, on the hub, instead of being run directly. */
    void (*observe)(struct ai_loop *loop, struct ai_ready *ready);
    /* Then it is called too, before the back-end is asked (ended: false) and when a turn begins. */
    void (*observe_poll)(bool ended);
    uint32_t withheld; /* the credit meanwhile, so that each step comes back to the hub */
    /* Called when there is nothing to do until something completes; 0, or -errno to end the wait.
     */
    int (*idle)(void);
    uint32_t under_way; /* operations that the back-end has */
    uint32_t expected;  /* results on their way from other threads */
    bool is_known;      /* other threads may have its handle */
    char why[160];      /* this back-end */
};

/* On the back-end of this name; NULL: on the best. 0 or -errno, `why` set in both cases. */
int ai_loop_open(struct ai_loop *loop, const char *backend);
void ai_loop_close(struct ai_loop *loop);

/* One turn, on the hub. If `block`, waits until there is something to run. 0 or -errno. */
int ai_loop_turn(struct ai_loop *loop, bool block);

/* As the back-end's submit() and wait(). */
static inline int ai_loop_submit(struct ai_loop *loop, struct ai_op *op)
{
    int taken = loop->backend->submit(loop->state, op);

    loop->submitted++;
    loop->under_way += taken == 0;
    return taken;
}

static inline int ai_loop_wait(struct ai_loop *loop, int64_t deadline)
{
    int n = loop->backend->wait(loop->state, deadline);

    loop->under_way -= n > 0 ? (uint32_t)n : 0;
    return n;
}

/* So many more, or fewer, results come from other threads. */
static inline void ai_loop_expect(struct ai_loop *loop, int change)
{
    loop->expected += (uint32_t)change;
    if (loop->backend->expect)
        loop->backend->expect(loop->state, change);
}

static inline int64_t ai_loop_now(struct ai_loop *loop)
{
    return loop->backend->now(loop->state);
}

static inline void ai_loop_push(struct ai_loop *loop, struct ai_ready *ready)
{
    ai_ring_push(&loop->ready, ready);
}

/* In front of all others, in this turn: what ai_loop_next() gives next. */
static inline void ai_loop_push_front(struct ai_loop *loop, struct ai_ready *ready)
{
    ai_ring_push_front(&loop->ready, ready);
}

/* Makes the timer due after / at so many seconds, saturating. 0 or -ENOMEM. */
int ai_loop_start_timer(struct ai_loop *loop, struct ai_timer *t, double delay);
int64_t ai_nanoseconds(double seconds);

/* Begins a turn with what is ready, if the back-end need not be asked before. */
static inline bool ai_loop_next_turn(struct ai_loop *loop)
{
    uint32_t count = ai_ring_count(&loop->ready);

    if (count == 0 || count > loop->credit)
        return false;
    loop->credit -= count;
    loop->ready.end = loop->ready.tail;
    return true;
}

/* Whether something is next in line; else the hub has to go on: at the end of the turn. */
static inline bool ai_loop_has_next(struct ai_loop *loop)
{
    return __builtin_expect(loop->ready.head != loop->ready.end, 1) || ai_loop_next_turn(loop);
}

/* That, still in the queue. */
static inline struct ai_ready *ai_loop_next(const struct ai_loop *loop)
{
    return ai_ring_peek(&loop->ready, 0);
}

/* Takes it, to run it right here. */
static inline void ai_loop_take(struct ai_loop *loop)
{
    ai_ring_pop(&loop->ready);
}

/* From here on each turn, this one too, comes back to who asked for it. */
static inline void ai_loop_come_back(struct ai_loop *loop)
{
    loop->credit = loop->withheld = 0;
    loop->exact = true;
}

#endif
