/* The simulation: time is a number that jumps, and a seed decides what the kernel leaves open.
 *
 * Sockets are simulated (sim_net.h), other descriptors are real. Each wait() first asks poll(2),
 * without waiting, which pending operations on those are due, and tries them in the order they were
 * submitted, then lets the network do what it has to do now. Only when none completes does the
 * clock jump to the deadline, or to where the network goes on; without either there is nothing to
 * jump to, and the thread blocks for real, on the descriptors and the wake-up. Time stands still
 * between two calls of wait() and block().
 *
 * While results are expected from other threads, the thread blocks for as long as the clock would
 * jump: what they do takes real time, and no virtual time unless it takes longer than that. */
#include "base/alloc.h"
#include "loop/backend.h"
#include "loop/clock.h"
#include "loop/perform.h"
#include "loop/sim.h"
#include "loop/sim_net.h"
#include "loop/wake.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SECOND = 1000000000, LENT = 1 << 16 };

struct sim {
    int64_t clock;
    int64_t waited;    /* for real, since the clock moved */
    unsigned expected; /* results from other threads */
    uint64_t seed;     /* 0: things stay in order */
    uint64_t random;
    struct ai_sim_net *net;
    struct ai_wake wake;
    struct ai_list pending, ended;
    unsigned count;       /* of pending ones, on real descriptors */
    struct pollfd *polls; /* the wake-up, then each pending one in order */
    unsigned room;
    char *lent;
    bool is_lent; /* until what has ended is handed over */
};

static struct ai_op *op_of(struct ai_list *link)
{
    return ai_container(link, struct ai_op, link);
}

static void end(struct sim *s, struct ai_op *op, int64_t result)
{
    op->state = AI_SIM_ENDED;
    op->result = result;
    s->count--;
    ai_list_remove(&op->link);
    ai_list_append(&s->ended, &op->link);
}

/* One operation at a time is lent the memory there is; others stay for the next wait(). */
static int64_t try_lending(struct sim *s, struct ai_op *op)
{
    if (s->is_lent)
        return -EAGAIN;
    op->buf = s->lent;
    op->size = op->size < LENT ? op->size : LENT;
    int64_t result = ai_perform(op);
    if (result < 0)
        op->buf = NULL;
    s->is_lent = result >= 0;
    return result;
}

static int64_t try(struct sim *s, struct ai_op *op)
{
    if (op->code == AI_OP_RECV && op->buf == NULL)
        return try_lending(s, op);
    int64_t result = ai_perform(op);
    return result == AI_PERFORM_BLOCKS ? ai_perform_blocking(op) : result;
}

/* Tries what poll(2) says is due, waiting at most so long for an operation or the wake-up;
 * INT64_MAX waits for ever. Negative descriptors are not polled, but tried, to fail. Returns 0 if
 * there was nothing, 1 if there was, or -errno. */
static int try_pending(struct sim *s, int64_t timeout)
{
    struct pollfd *p = s->polls;
    *p++ = (struct pollfd){.fd = s->wake.fd, .events = POLLIN};
    ai_list_each (node, &s->pending) {
        struct ai_op *op = op_of(node);
        *p++ = (struct pollfd){.fd = op->fd, .events = ai_perform_events(op)};
        timeout = op->fd < 0 ? 0 : timeout;
    }
    struct timespec limit = {.tv_sec = (time_t)(timeout / SECOND),
                             .tv_nsec = (long)(timeout % SECOND)};
    int n = ppoll(s->polls, s->count + 1, timeout == INT64_MAX ? NULL : &limit, NULL);
    if (n < 0)
        return errno == EINTR ? 1 : -errno;
    p = s->polls;
    if (p->revents != 0)
        ai_wake_take(&s->wake);
    ai_list_each (node, &s->pending) {
        struct ai_op *op = op_of(node);
        unsigned seen = (unsigned short)(++p)->revents;
        int64_t result = op->fd < 0 || seen != 0 ? try(s, op) : -EAGAIN;
        if (result != -EAGAIN)
            end(s, op, result);
    }
    return n > 0 || !ai_list_empty(&s->ended);
}

static void jump(struct sim *s, int64_t deadline)
{
    s->clock = deadline > s->clock ? deadline : s->clock;
    s->waited = 0;
}

/* How long it takes, for real, until the deadline has come. */
static int64_t until(const struct sim *s, int64_t deadline)
{
    if (deadline == INT64_MAX)
        return INT64_MAX;
    int64_t left = s->expected != 0 ? deadline - s->clock - s->waited : 0;
    return left > 0 ? left : 0;
}

/* Nothing is due: waits for what may come before the deadline, if anything may. */
static int wait_until(struct sim *s, int64_t deadline)
{
    int64_t left = until(s, deadline), begun = left > 0 ? ai_clock_now(NULL) : 0;
    int n = left > 0 ? try_pending(s, left) : 0;
    if (n == 0)
        jump(s, deadline);
    else
        s->waited += ai_clock_now(NULL) - begun;
    return n;
}

/* A socket that somebody has closed without telling ends its operations, and its peer's. */
static int idle(struct sim *s, int64_t deadline)
{
    int64_t next = ai_sim_net_next(s->net);
    next = next < deadline ? next : deadline;
    int n = 1;
    if (next <= s->clock || !ai_sim_net_sweep(s->net, next == INT64_MAX))
        n = wait_until(s, next);
    if (n >= 0)
        ai_sim_net_run(s->net);
    return n;
}

static bool take_wake(struct sim *s)
{
    return ai_wake_is_set(&s->wake) && ai_wake_take(&s->wake);
}

static int sim_wait(void *state, int64_t deadline)
{
    struct sim *s = state;
    bool woken = take_wake(s);
    int error = s->count != 0 ? try_pending(s, 0) : 0;
    ai_sim_net_run(s->net);
    if (error >= 0 && ai_list_empty(&s->ended) && !woken)
        error = idle(s, deadline);
    int n = ai_complete_all(&s->ended);
    s->is_lent = false;
    ai_sim_net_reclaim(s->net);
    return error < 0 ? error : n;
}

static void sim_expect(void *state, int change)
{
    struct sim *s = state;
    s->expected += (unsigned)change;
    s->waited = 0;
}

static bool make_room(struct sim *s)
{
    if (s->count + 1 < s->room)
        return true;
    unsigned room = s->room ? 2 * s->room : 16;
    struct pollfd *polls = ai_allocate(room * sizeof *polls);
    if (polls == NULL)
        return false;
    ai_deallocate(s->polls, s->room * sizeof *polls);
    s->polls = polls;
    s->room = room;
    return true;
}

static int sim_submit(void *state, struct ai_op *op)
{
    struct sim *s = state;
    int taken = ai_sim_net_submit(s->net, op);
    if (taken != AI_SIM_NOT_OURS)
        return taken;
    if (ai_perform_class(op) != AI_PERFORM_WAITS) {
        op->result = ai_perform_blocking(op);
        return 1;
    }
    if (!make_room(s))
        return -ENOMEM;
    op->state = AI_SIM_POLLED;
    s->count++;
    ai_list_append(&s->pending, &op->link);
    return 0;
}

static void sim_cancel(void *state, struct ai_op *op)
{
    struct sim *s = state;
    if (op->state == AI_SIM_POLLED)
        end(s, op, -ECANCELED);
    else if (op->state == AI_SIM_PARKED)
        ai_sim_net_cancel(s->net, op);
}

static void sim_wake(void *state)
{
    struct sim *s = state;
    ai_wake_up(&s->wake);
}

static int64_t sim_now(void *state)
{
    const struct sim *s = state;
    return s->clock;
}

static void sim_block(void *state, int64_t ns)
{
    struct sim *s = state;
    if (ns > 0)
        s->clock = ns < INT64_MAX - s->clock ? s->clock + ns : INT64_MAX;
}

/* Its deadlines come when nothing else does, which no descriptor can tell. */
static int sim_fd(void *state, int64_t deadline)
{
    (void)state;
    (void)deadline;
    return -ENOTSUP;
}

static unsigned sim_choose(void *state, unsigned n)
{
    struct sim *s = state;
    return s->seed != 0 && n > 1 ? (unsigned)((ai_sim_random(&s->random) >> 32) * n >> 32) : 0;
}

static void sim_close(void *state)
{
    struct sim *s = state;
    if (s->wake.fd >= 0)
        close(s->wake.fd);
    if (s->lent != NULL)
        ai_deallocate(s->lent, LENT);
    if (s->net != NULL)
        ai_sim_net_close(s->net);
    ai_deallocate(s->polls, s->room * sizeof *s->polls);
    ai_deallocate(s, sizeof *s);
}

static int set_up(struct sim *s, char *why, size_t why_size)
{
    ai_list_init(&s->pending);
    ai_list_init(&s->ended);
    const char *seed = getenv("ASYNCIO_SEED");
    s->seed = s->random = seed != NULL ? strtoull(seed, NULL, 0) : 0;
    int error = ai_wake_open(&s->wake, EFD_NONBLOCK);
    if (error == 0 && (!make_room(s) || (s->lent = ai_allocate(LENT)) == NULL))
        error = -ENOMEM;
    snprintf(why, why_size, "%s", strerror(-error));
    return error != 0 ? error
                      : ai_sim_net_open(&s->net, &s->clock, &s->ended, s->seed, why, why_size);
}

static int sim_open(void **state, char *why, size_t why_size)
{
    struct sim *s = ai_allocate(sizeof *s);
    if (s == NULL) {
        snprintf(why, why_size, "%s", strerror(ENOMEM));
        return -ENOMEM;
    }
    int error = set_up(s, why, why_size);
    if (error != 0) {
        sim_close(s);
        return error;
    }
    *state = s;
    return 0;
}

struct ai_sim_net *ai_sim_net(void *state)
{
    struct sim *s = state;
    return s->net;
}

uint64_t ai_sim_seed(void *state)
{
    const struct sim *s = state;
    return s->seed;
}

const struct ai_backend ai_backend_sim = {
    .name = "sim",
    .open = sim_open,
    .close = sim_close,
    .submit = sim_submit,
    .cancel = sim_cancel,
    .wait = sim_wait,
    .wake = sim_wake,
    .now = sim_now,
    .block = sim_block,
    .expect = sim_expect,
    .fd = sim_fd,
    .choose = sim_choose,
    .forget = sim_close,
};
