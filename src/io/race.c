/* See race.h.
 *
 * The race goes on in steps: each looks at what has ended and begins what is to be begun. An
 * attempt's operation under way and a timer that runs hold a reference each. Once it is over, won,
 * lost or cancelled, it goes on until the last operation has come back. */
#include "io/race.h"

#include "io/now.h"
#include "task/step.h"
#include "task/thread.h"

#include <errno.h>
#include <sys/socket.h>

struct ai_race {
    struct ai_object object;
    struct ai_attempt *attempts;
    const struct addrinfo *from;
    size_t n, begun;
    unsigned under_way;
    int result;
    double delay;
    struct ai_timer timer;
    bool timer_runs; /* or is due */
    bool next;       /* its time has come */
    bool over;
    bool cancelled;
};

/* --- The timer --- */

static void timer_ended(struct ai_race *r)
{
    r->timer_runs = false;
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
    ai_unref(&r->object);
}

static void time_is_up(struct ai_ready *ready)
{
    struct ai_race *r = ai_container(ready, struct ai_race, timer.ready);

    r->next = true;
    if (r->object.state == AI_PENDING)
        ai_step_wake(&r->object);
    timer_ended(r);
}

static void stop_timer(struct ai_race *r)
{
    if (!r->timer_runs || r->timer.place == AI_TIMER_DUE)
        return;
    ai_timer_stop(&ai_thread.loop->timers, &r->timer);
    timer_ended(r);
}

/* Without memory for it the next attempt waits for this one to fail. */
static void start_timer(struct ai_race *r)
{
    struct ai_loop *loop = ai_thread.loop;

    if (r->timer_runs || !(r->delay > 0) || !ai_ring_reserve(&loop->ready, 1))
        return;
    ai_timer_init(&r->timer, time_is_up);
    ai_ref(&r->object);
    r->timer_runs = true;
    if (ai_loop_start_timer(loop, &r->timer, r->delay))
        timer_ended(r);
}

/* --- Attempts --- */

static void ended(struct ai_attempt *a, int error)
{
    a->state = AI_ATTEMPT_OVER;
    a->error = error;
    if (error && a->fd >= 0) {
        ai_close(a->fd);
        a->fd = -1;
    }
}

/* Closing it is left to the next step. */
static void connected(struct ai_op *op)
{
    struct ai_attempt *a = ai_container(op, struct ai_attempt, op);
    struct ai_race *r = a->race;

    a->state = AI_ATTEMPT_OVER;
    a->error = (int)op->result;
    r->under_way--;
    if (r->object.state == AI_PENDING)
        ai_step_wake(&r->object);
    ai_unref(&r->object);
}

/* To the first local address of its family that will have it. */
static int bind_local(struct ai_attempt *a, const struct addrinfo *from)
{
    int error = -EADDRNOTAVAIL;

    a->stage = AI_ATTEMPT_BIND;
    for (; from; from = from->ai_next) {
        if (from->ai_family != a->to->ai_family)
            continue;
        a->from = from;
        error = (int)ai_now((struct ai_op){
            .code = AI_OP_BIND, .fd = a->fd, .from = from->ai_addr, .size = from->ai_addrlen});
        if (error == 0)
            break;
    }
    return error;
}

static int open_socket(struct ai_attempt *a)
{
    a->fd = (int)ai_now((struct ai_op){.code = AI_OP_SOCKET,
                                       .fd = a->to->ai_family,
                                       .flags = a->to->ai_socktype,
                                       .size = (size_t)a->to->ai_protocol});
    int error = a->fd < 0 ? a->fd : 0;
    return error == 0 && a->race->from ? bind_local(a, a->race->from) : error;
}

static int begin_connecting(struct ai_attempt *a)
{
    struct ai_loop *loop = ai_thread.loop;

    a->stage = AI_ATTEMPT_CONNECT;
    a->op = (struct ai_op){.done = connected,
                           .code = AI_OP_CONNECT,
                           .fd = a->fd,
                           .from = a->to->ai_addr,
                           .size = a->to->ai_addrlen};
    ai_list_init(&a->op.link);
    int taken = ai_loop_submit(loop, &a->op);
    if (taken == 0) {
        a->state = AI_ATTEMPT_UNDER_WAY;
        a->race->under_way++;
        ai_ref(&a->race->object);
    }
    return taken > 0 ? (int)a->op.result : taken;
}

static void begin(struct ai_race *r)
{
    struct ai_attempt *a = &r->attempts[r->begun++];

    a->race = r;
    a->fd = -1;
    int error = open_socket(a);
    if (error == 0)
        error = begin_connecting(a);
    if (a->state != AI_ATTEMPT_UNDER_WAY)
        ended(a, error);
    r->next = false;
    stop_timer(r);
    if (a->state == AI_ATTEMPT_UNDER_WAY && r->begun < r->n)
        start_timer(r);
}

/* --- The race --- */

static bool is_connected(const struct ai_attempt *a)
{
    return a->state == AI_ATTEMPT_OVER && a->error == 0 && a->fd >= 0;
}

static struct ai_attempt *winner(struct ai_race *r)
{
    for (size_t i = 0; i < r->begun; i++) {
        if (is_connected(&r->attempts[i]))
            return &r->attempts[i];
    }
    return NULL;
}

static bool is_next_due(const struct ai_race *r)
{
    if (r->begun == r->n)
        return false;
    return r->begun == 0 || r->next || r->attempts[r->begun - 1].state == AI_ATTEMPT_OVER;
}

static void cancel_all(struct ai_race *r)
{
    struct ai_loop *loop = ai_thread.loop;

    stop_timer(r);
    for (size_t i = 0; i < r->begun; i++) {
        if (r->attempts[i].state == AI_ATTEMPT_UNDER_WAY)
            loop->backend->cancel(loop->state, &r->attempts[i].op);
    }
}

/* All descriptors but this one's. */
static void close_all(struct ai_race *r, const struct ai_attempt *but)
{
    for (size_t i = 0; i < r->begun; i++) {
        struct ai_attempt *a = &r->attempts[i];
        if (a != but && a->state == AI_ATTEMPT_OVER && a->fd >= 0)
            ended(a, a->error ? a->error : -ECANCELED);
    }
}

static int conclude(struct ai_race *r)
{
    struct ai_attempt *won = r->cancelled ? NULL : winner(r);

    close_all(r, won);
    if (r->cancelled)
        return -ECANCELED;
    r->result = won ? won->fd : r->attempts[0].error;
    return won ? 1 : r->result;
}

static int step(void *self, bool cancelled)
{
    struct ai_race *r = self;

    r->cancelled |= cancelled;
    while (!r->cancelled && !r->over && !winner(r) && is_next_due(r))
        begin(r);
    if (!r->over && (r->cancelled || winner(r) || (r->begun == r->n && r->under_way == 0))) {
        r->over = true;
        cancel_all(r);
    }
    return r->over && r->under_way == 0 ? conclude(r) : 0;
}

/* The shutdown does not wait for it, but the kernel has to be waited for. */
static void give_up(void *self)
{
    struct ai_race *r = self;

    cancel_all(r);
    for (size_t i = 0; i < r->begun; i++)
        ai_wait_out(&r->attempts[i].state, AI_ATTEMPT_UNDER_WAY);
    close_all(r, NULL);
}

ASYNCIO_AWAITABLE(int)
ai_race(struct ai_attempt *attempts, size_t n, const struct addrinfo *from, double delay)
{
    static const struct asyncio_awaitable_type type = {
        .name = "connect",
        .size = sizeof(struct ai_race),
        .result_size = sizeof(int),
        .result_offset = offsetof(struct ai_race, result),
        .result_signed = true,
        .pool_class = ASYNCIO__POOL_CLASS(sizeof(struct ai_race)),
        .step = step,
        .cancel = give_up,
    };
    struct ai_race *r = (struct ai_race *)ai_object_new(&type, sizeof *r);

    if (!r)
        return NULL;
    r->attempts = attempts;
    r->n = n;
    r->from = from;
    r->delay = delay;
    return ai_handle(&r->object);
}
