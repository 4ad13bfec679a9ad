/* See listener.h.
 *
 * An accept is idle, under way, or done: then its result waits for the listener's turn, or, where
 * nobody could take it, for better times. In a turn as many connections are taken as there are, up
 * to the backlog. References: the owner's, and one each for being in the ready queue, for a turn
 * under way and for a timer that runs; so its owner may close it at any time. */
#include "io/listener.h"

#include "base/alloc.h"
#include "io/now.h"
#include "task/thread.h"

#include <errno.h>

enum {
    MOST = 8,        /* accepts at a time */
    RETRY_DELAY = 1, /* seconds; Python's */
    PLACES = 2,      /* in the ready queue */
};

enum phase { IDLE, UNDER_WAY, DONE };

struct accept {
    struct ai_op op;
    struct ai_listener *listener;
    uint8_t phase;
};

struct ai_listener {
    struct ai_ready ready;
    struct ai_timer timer; /* until accepting is tried again */
    void *owner;
    ai_accepted *accepted;
    unsigned refs;
    int fd, backlog;
    bool queued;     /* `ready` is */
    bool pausing;    /* until the timer comes */
    bool over;       /* closed, or of no use any more */
    bool complained; /* since the last connection */
    unsigned count;  /* of accepts that are used */
    struct accept accepts[MOST];
};

static void turn(struct ai_ready *ready);
static void pause_ends(struct ai_ready *ready);

/* A back-end that tries a call gives all there is, one after the other. One that hands it to the
 * kernel gives as many in a turn as it has. */
static unsigned accepts_at_a_time(void)
{
    return ai_thread.loop->backend == &ai_backend_io_uring ? MOST : 1;
}

struct ai_listener *ai_listener_new(int fd, void *owner, ai_accepted *accepted)
{
    struct ai_listener *l = ai_allocate(sizeof *l);

    if (!l || !ai_ring_reserve(&ai_thread.loop->ready, PLACES)) {
        ai_deallocate(l, sizeof *l);
        return NULL;
    }
    l->ready.run = turn;
    ai_timer_init(&l->timer, pause_ends);
    l->owner = owner;
    l->accepted = accepted;
    l->refs = 1;
    l->fd = fd;
    l->count = accepts_at_a_time();
    return l;
}

int ai_listener_fd(const struct ai_listener *l)
{
    return l->fd;
}

static void unref(struct ai_listener *l)
{
    if (--l->refs)
        return;
    ai_ring_unreserve(&ai_thread.loop->ready, PLACES);
    ai_deallocate(l, sizeof *l);
}

static void queue(struct ai_listener *l)
{
    if (l->queued || l->over)
        return;
    l->queued = true;
    l->refs++;
    ai_loop_push(ai_thread.loop, &l->ready);
}

/* --- What goes wrong --- */

static void tell(const char *message, int error)
{
    asyncio_call_exception_handler(
        &(struct asyncio_exception_context){.message = message, .error = error});
}

/* Without memory for the timer it is tried again in the next turn. */
static void pause(struct ai_listener *l)
{
    l->refs++;
    l->pausing = true;
    if (ai_loop_start_timer(ai_thread.loop, &l->timer, RETRY_DELAY)) {
        l->pausing = false;
        l->refs--;
        queue(l);
    }
}

/* What else failed at that time is forgotten. */
static void pause_ends(struct ai_ready *ready)
{
    struct ai_listener *l = ai_container(ready, struct ai_listener, timer.ready);

    l->timer.place = AI_TIMER_IDLE;
    l->pausing = false;
    for (unsigned i = 0; i < l->count; i++) {
        if (l->accepts[i].phase == DONE && l->accepts[i].op.result < 0)
            l->accepts[i].phase = IDLE;
    }
    queue(l);
    unref(l);
}

static void cut_pause(struct ai_listener *l)
{
    if (!l->pausing || l->timer.place == AI_TIMER_DUE)
        return;
    ai_timer_stop(&ai_thread.loop->timers, &l->timer);
    l->pausing = false;
    unref(l);
}

/* The machine is short of something: nothing is lost, it takes longer. */
static void run_short(struct ai_listener *l, int error)
{
    bool again = l->complained;

    l->complained = true;
    pause(l);
    if (!again)
        tell("socket.accept() out of system resource", error);
}

static bool is_shortage(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}

/* Of a connection that is none any more; see accept(2) on Linux. */
static bool is_passing(int error)
{
    static const int passing[] = {ECONNABORTED, EPERM,  EPROTO,       ENOPROTOOPT, ENETDOWN,
                                  ENETUNREACH,  ENONET, EHOSTUNREACH, EHOSTDOWN,   ETIMEDOUT};

    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        if (error == -passing[i])
            return true;
    }
    return false;
}

static void fail(struct ai_listener *l, int error)
{
    if (is_passing(error))
        return;
    if (is_shortage(error)) {
        run_short(l, error);
        return;
    }
    l->over = true;
    tell("Accepting connections has failed", error);
}

/* --- Accepting --- */

static void done(struct ai_op *op)
{
    struct accept *a = ai_container(op, struct accept, op);

    a->phase = DONE;
    if (!a->listener->pausing)
        queue(a->listener);
}

static void submit(struct accept *a)
{
    struct ai_loop *loop = ai_thread.loop;

    a->op = (struct ai_op){.done = done, .code = AI_OP_ACCEPT, .fd = a->listener->fd};
    ai_list_init(&a->op.link);
    a->phase = DONE;
    int taken = ai_loop_submit(loop, &a->op);
    if (taken < 0)
        a->op.result = taken;
    if (taken == 0)
        a->phase = UNDER_WAY;
}

/* Passes on what it brought, or keeps it. The listener may be closed meanwhile. */
static void take(struct ai_listener *l, struct accept *a)
{
    int fd = (int)a->op.result;

    a->phase = IDLE;
    if (fd < 0) {
        fail(l, fd);
        return;
    }
    int error = l->accepted(l->owner, fd);
    if (error == 0) {
        l->complained = false;
    } else if (l->over) {
        ai_close(fd);
    } else {
        a->phase = DONE;
        run_short(l, error);
    }
}

/* As many as there are, or as the turn is to take; the next one goes on then. */
static void take_all(struct ai_listener *l, struct accept *a, int *left)
{
    while (!l->over && !l->pausing && a->phase != UNDER_WAY) {
        if (a->phase == IDLE)
            submit(a);
        else if ((*left)-- > 0)
            take(l, a);
        else
            break;
    }
}

static void turn(struct ai_ready *ready)
{
    struct ai_listener *l = ai_container(ready, struct ai_listener, ready);
    int left = l->backlog;

    l->queued = false;
    for (unsigned i = 0; i < l->count; i++)
        take_all(l, &l->accepts[i], &left);
    if (left < 0 && !l->pausing)
        queue(l);
    unref(l);
}

int ai_listener_start(struct ai_listener *l, int backlog)
{
    int error =
        (int)ai_now((struct ai_op){.code = AI_OP_LISTEN, .fd = l->fd, .size = (size_t)backlog});

    l->backlog = backlog;
    for (unsigned i = 0; error == 0 && i < l->count; i++) {
        l->accepts[i].listener = l;
        submit(&l->accepts[i]);
        if (l->accepts[i].phase == DONE)
            queue(l);
    }
    return error;
}

/* A connection that was accepted too late goes the way of those that are still in the kernel. */
static void withdraw(struct accept *a)
{
    struct ai_loop *loop = ai_thread.loop;

    if (a->phase == UNDER_WAY)
        loop->backend->cancel(loop->state, &a->op);
    ai_wait_out(&a->phase, UNDER_WAY);
    if (a->phase == DONE && a->op.result >= 0)
        ai_close((int)a->op.result);
    a->phase = IDLE;
}

void ai_listener_close(struct ai_listener *l)
{
    l->over = true;
    cut_pause(l);
    for (unsigned i = 0; i < l->count; i++)
        withdraw(&l->accepts[i]);
    ai_close(l->fd);
    unref(l);
}
