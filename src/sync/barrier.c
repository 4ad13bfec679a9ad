/* Barrier: a count and a state under a condition. It fills until all parties are within, then
 * drains until the last of them has left; reset while some are within, it drains likewise but they
 * fail. Broken it stays until it is reset. Who comes while it drains waits at the gate. */
#include "base/panic.h"
#include "sync/condition.h"

#include <stdio.h>

enum { FILLING, DRAINING, RESETTING, BROKEN };

struct wait {
    struct ai_condition_caller c;
    struct asyncio_barrier *barrier;
    uint8_t stage; /* which of stages[] it is at */
};

static int broken(void)
{
    return -EPIPE;
}

static void notify(struct asyncio_barrier *b)
{
    ai_line_call(&b->condition.line, SIZE_MAX);
}

static void set_state(struct asyncio_barrier *b, int state)
{
    b->state = (unsigned char)state;
    notify(b);
}

/* --- Waiting, in stages: each goes on until it returns 1 --- */

static int lock(struct wait *w, bool cancelled)
{
    return ai_lock_step(ai_condition_lock(&w->barrier->condition), &w->c.caller, cancelled);
}

static bool is_open(void *barrier)
{
    const struct asyncio_barrier *b = barrier;
    return b->state != DRAINING && b->state != RESETTING;
}

static bool is_full(void *barrier)
{
    const struct asyncio_barrier *b = barrier;
    return b->state != FILLING;
}

static int wait_until(struct wait *w, bool (*predicate)(void *), bool cancelled)
{
    w->c.predicate = predicate;
    w->c.arg = w->barrier;
    return ai_condition_step(&w->c, cancelled);
}

static int pass_gate(struct wait *w, bool cancelled)
{
    struct asyncio_barrier *b = w->barrier;
    int code = wait_until(w, is_open, cancelled);

    if (code <= 0)
        return code;
    if (b->state == BROKEN)
        return broken();
    w->c.caller.result = b->count++;
    if (b->count == b->parties)
        set_state(b, DRAINING);
    return 1;
}

/* The last one to leave opens the gate. */
static void leave(struct asyncio_barrier *b)
{
    if (--b->count > 0)
        return;
    set_state(b, b->state == BROKEN ? BROKEN : FILLING);
}

static int fill(struct wait *w, bool cancelled)
{
    struct asyncio_barrier *b = w->barrier;
    int code = wait_until(w, is_full, cancelled);

    if (code == 0)
        return 0;
    if (code > 0 && b->state != DRAINING)
        code = broken();
    leave(b);
    return code;
}

static int (*const stages[])(struct wait *w, bool cancelled) = {lock, pass_gate, fill};
enum { LOCK, LAST = 2 };

static int wait_step(void *self, bool cancelled)
{
    struct wait *w = self;
    int code = stages[w->stage](w, cancelled);

    while (code > 0 && w->stage < LAST)
        code = stages[++w->stage](w, false);
    if (code != 0 && w->stage > LOCK)
        asyncio_condition_release(&w->barrier->condition);
    return code;
}

/* --- Changing its state --- */

static int change(void *self, bool cancelled, void (*how)(struct asyncio_barrier *b))
{
    struct wait *w = self;
    int code = lock(w, cancelled);

    if (code > 0) {
        how(w->barrier);
        asyncio_condition_release(&w->barrier->condition);
    }
    return code;
}

static void reset(struct asyncio_barrier *b)
{
    set_state(b, b->count > 0 ? RESETTING : FILLING);
}

static void abort_(struct asyncio_barrier *b)
{
    set_state(b, BROKEN);
}

static int reset_step(void *self, bool cancelled)
{
    return change(self, cancelled, reset);
}

static int abort_step(void *self, bool cancelled)
{
    return change(self, cancelled, abort_);
}

/* --- The interface --- */

static ASYNCIO_AWAITABLE(int)
    wait_new(const struct asyncio_awaitable_type *type, struct asyncio_barrier *barrier)
{
    struct wait *w = (struct wait *)ai_condition_caller_new(type, &barrier->condition);

    if (!w)
        return NULL;
    w->barrier = barrier;
    w->stage = LOCK;
    return ai_caller_handle(&w->c.caller);
}

struct asyncio_barrier asyncio_barrier(int parties)
{
    if (parties < 1)
        ai_panic("ValueError: parties must be > 0");
    return (struct asyncio_barrier){.parties = parties};
}

ASYNCIO_AWAITABLE(int) asyncio_barrier_wait(struct asyncio_barrier *barrier)
{
    static const struct asyncio_awaitable_type type =
        AI_CALLER("Barrier.wait", struct wait, wait_step);

    return wait_new(&type, barrier);
}

ASYNCIO_AWAITABLE(int) asyncio_barrier_reset(struct asyncio_barrier *barrier)
{
    static const struct asyncio_awaitable_type type =
        AI_CALLER("Barrier.reset", struct wait, reset_step);

    return wait_new(&type, barrier);
}

ASYNCIO_AWAITABLE(int) asyncio_barrier_abort(struct asyncio_barrier *barrier)
{
    static const struct asyncio_awaitable_type type =
        AI_CALLER("Barrier.abort", struct wait, abort_step);

    return wait_new(&type, barrier);
}

int asyncio_barrier_parties(const struct asyncio_barrier *barrier)
{
    return barrier->parties;
}

int asyncio_barrier_n_waiting(const struct asyncio_barrier *barrier)
{
    return barrier->state == FILLING ? barrier->count : 0;
}

bool asyncio_barrier_broken(const struct asyncio_barrier *barrier)
{
    return barrier->state == BROKEN;
}

char *asyncio_barrier_repr(const struct asyncio_barrier *barrier, char *buf, size_t n)
{
    static const char *const names[] = {"filling", "draining", "resetting", "broken"};
    static const struct asyncio__line nobody;
    char state[64];

    if (barrier->state == BROKEN)
        snprintf(state, sizeof state, "%s", names[BROKEN]);
    else
        snprintf(state, sizeof state, "%s, waiters:%d/%d", names[barrier->state],
                 asyncio_barrier_n_waiting(barrier), barrier->parties);
    return ai_line_repr(&nobody, "Barrier", barrier, state, buf, n);
}
