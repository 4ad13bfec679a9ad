/* The kernel by epoll: completion made out of readiness.
 *
 * submit() tries the call; what would block is parked. An operation is in one place at a time:
 *   PARKED  its descriptor, until the descriptor is ready;
 *   DUE     `due`, as it may be: it is tried once more in this wait();
 *   AWAY    with a thread, as it waits for the disk;
 *   HELD    `held`, a close, until threads have let go of the descriptor;
 *   ENDED   `ended`, result set, until wait() calls its done().
 * What is known of descriptors, so that in the steady state a connection costs one recv and one
 * send, is in descriptor.h. */
#include "base/alloc.h"
#include "loop/backend.h"
#include "loop/clock.h"
#include "loop/offload.h"
#include "loop/perform.h"
#include "loop/wake.h"
#include "loop/descriptor.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

_Static_assert(EPOLLIN == POLLIN && EPOLLPRI == POLLPRI && EPOLLOUT == POLLOUT &&
                   EPOLLERR == POLLERR && EPOLLHUP == POLLHUP,
               "epoll's events are poll's");

enum state { PARKED, DUE, AWAY, HELD, ENDED };
enum {
    BATCH = 256,
};

struct epoll {
    int epfd;
    int timer; /* -1 until fd() is asked for */
    struct ai_wake wake;
    struct ai_list due, held, ended;
    unsigned parked; /* operations on all descriptors */
    unsigned away;   /* with threads */
    struct ai_descriptors known;
    bool no_pwait2;
    bool woken; /* since wait() last returned */
    struct ai_offload offload;
    struct epoll_event events[BATCH];
};

static struct ai_op *op_of(struct ai_list *link)
{
    return ai_container(link, struct ai_op, link);
}

/* Takes it from where it is; then it is on no list. */
static void take(struct epoll *e, struct ai_op *op)
{
    e->parked -= op->state == PARKED;
    ai_list_remove(&op->link);
}

static void end(struct epoll *e, struct ai_op *op, int64_t result)
{
    take(e, op);
    op->state = ENDED;
    op->result = result;
    ai_list_append(&e->ended, &op->link);
}

static void end_all(struct epoll *e, struct ai_descriptor *d, int64_t result)
{
    ai_list_each (node, &d->parked)
        end(e, op_of(node), result);
}

/* Asks the kernel of those that have been quiet for long. */
static void resolve_doubts(struct epoll *e)
{
    struct ai_list suspects = AI_LIST_INIT(suspects);
    ai_descriptors_tick(&e->known, &suspects);
    for (struct ai_descriptor *d; (d = ai_descriptor_in_doubt(&e->known, &suspects)) != NULL;) {
        int error = ai_descriptor_register(&e->known, d, 0);
        if (error != 0)
            end_all(e, d, error);
    }
}

/* ── Trying ──────────────────────────────────────────────────────────────────────────────────── */

/* What makes a descriptor is told of. */
static inline void made(struct epoll *e, const struct ai_op *op)
{
    enum { MAKES = 1 << AI_OP_SOCKET | 1 << AI_OP_ACCEPT | 1 << AI_OP_OPENAT };
    if ((MAKES >> op->code & 1) != 0 && op->result >= 0)
        ai_descriptor_forget(ai_descriptor_of(&e->known, (int)op->result));
}

/* True: it is done, its result set. */
static inline bool finish(struct epoll *e, struct ai_op *op, int64_t result)
{
    op->result = result;
    made(e, op);
    return true;
}

static bool send_away(struct epoll *e, struct ai_op *op)
{
    op->state = AWAY;
    int error = ai_offload_submit(&e->offload, op);
    if (error != 0)
        return finish(e, op, ai_perform_blocking(op));
    e->away++;
    return false;
}

static bool park(struct epoll *e, struct ai_descriptor *d, struct ai_op *op, bool tried)
{
    int error = d != NULL ? 0 : ai_descriptor_make(&e->known, op->fd);
    d = ai_descriptor_of(&e->known, op->fd);
    uint32_t events = (unsigned short)ai_perform_events(op);
    bool doubted = error == 0 && d->registered && !tried && (events & ~d->events) == 0 &&
                   (op->owned || ai_descriptor_doubt(&e->known, d) == 0);
    if (error == 0 && !doubted)
        error = ai_descriptor_register(&e->known, d, events);
    if (error != 0)
        return finish(e, op, error == -EPERM ? ai_perform_blocking(op) : error);
    ai_list_append(&d->parked, &op->link);
    op->state = PARKED;
    e->parked++;
    return false;
}

static inline bool attempt(struct epoll *e, struct ai_op *op)
{
    struct ai_descriptor *d = ai_descriptor_of(&e->known, op->fd);
    bool drained = ai_descriptor_is_drained(d, op);
    int64_t result = drained ? -EAGAIN : ai_descriptor_try(&e->known, d, op);
    if (result == -EAGAIN)
        return park(e, d, op, !drained);
    return result != AI_PERFORM_BLOCKS ? finish(e, op, result) : send_away(e, op);
}

static bool perform_or_send(struct epoll *e, struct ai_op *op)
{
    int64_t result = ai_perform(op);
    return result == AI_PERFORM_BLOCKS ? send_away(e, op) : finish(e, op, result);
}

/* Takes from threads what they have not begun to do with it. True: one is just about that. */
static bool is_used(struct epoll *e, int fd)
{
    struct ai_list back = AI_LIST_INIT(back);
    bool used = e->away > 0 && ai_offload_part(&e->offload, fd, &back);
    ai_list_each (node, &back) {
        e->away--;
        end(e, op_of(node), -EBADF);
    }
    return used;
}

static void end_descriptor(struct epoll *e, int fd)
{
    struct ai_descriptor *d = ai_descriptor_of(&e->known, fd);
    if (d == NULL)
        return;
    end_all(e, d, -EBADF);
    ai_list_each (node, &e->due)
        if (op_of(node)->fd == fd)
            end(e, op_of(node), -EBADF);
    ai_descriptor_forget(d);
}

static bool close_descriptor(struct epoll *e, struct ai_op *op)
{
    end_descriptor(e, op->fd);
    if (!is_used(e, op->fd))
        return perform_or_send(e, op);
    op->state = HELD;
    ai_list_append(&e->held, &op->link);
    return false;
}

static int epoll_backend_submit(void *state, struct ai_op *op)
{
    struct epoll *e = state;
    op->state = DUE;
    if (ai_perform_class(op) == AI_PERFORM_WAITS)
        return attempt(e, op);
    ai_list_init(&op->link);
    if (op->code == AI_OP_CLOSE)
        return close_descriptor(e, op);
    if (op->code == AI_OP_SOCKET)
        op->flags |= SOCK_NONBLOCK;
    return perform_or_send(e, op);
}

/* ── Progress ────────────────────────────────────────────────────────────────────────────────── */

static void ready(struct epoll *e, int fd, uint32_t events)
{
    struct ai_descriptor *d = ai_descriptor_of(&e->known, fd);
    if (d == NULL)
        return;
    ai_descriptor_told(d, events);
    ai_list_each (node, &d->parked) {
        struct ai_op *op = op_of(node);
        if (!ai_perform_due(op, events))
            continue;
        take(e, op);
        op->state = DUE;
        ai_list_append(&e->due, &op->link);
    }
}

static int hand_over(struct ai_op *op)
{
    op->state = ENDED;
    op->done(op);
    return 1;
}

/* One after the other, as what is lent is good only for the time of one done(); and no more at a
 * time than the cache holds, since those whom they wake will go on where these have been. */
static int try_due(struct epoll *e)
{
    int n = 0;
    while (!ai_list_empty(&e->due) && n < AI_PERFORM_BATCH) {
        struct ai_op *op = op_of(e->due.next);
        ai_list_remove(&op->link);
        if (attempt(e, op))
            n += hand_over(op);
    }
    return n;
}

/* Those that threads have done. */
static void reap_away(struct epoll *e)
{
    struct ai_list back = AI_LIST_INIT(back);
    ai_offload_reap(&e->offload, &back);
    ai_list_each (node, &back) {
        e->away--;
        op_of(node)->state = ENDED;
        made(e, op_of(node));
    }
    ai_list_move(&e->ended, &back);
    ai_list_move(&back, &e->held);
    while (!ai_list_empty(&back)) {
        struct ai_op *op = op_of(back.next);
        ai_list_remove(&op->link);
        if (close_descriptor(e, op))
            end(e, op, op->result);
    }
}

/* Nanoseconds where the kernel can (5.11), else milliseconds, rounded up. */
static int wait_for_events(struct epoll *e, int64_t ns)
{
#ifdef SYS_epoll_pwait2
    if (!e->no_pwait2 && ns != 0 && ns != INT64_MAX) {
        struct __kernel_timespec timeout = ai_clock_timespec(ns);
        long n =
            syscall(SYS_epoll_pwait2, (long)e->epfd, e->events, (long)BATCH, &timeout, NULL, 0L);
        if (n >= 0 || (errno != ENOSYS && errno != EPERM))
            return (int)n;
        e->no_pwait2 = true;
    }
#endif
    int64_t ms = ns / 1000000 + (ns % 1000000 != 0);
    int timeout = ns == INT64_MAX ? -1 : ms > INT32_MAX ? INT32_MAX : (int)ms;
    return epoll_wait(e->epfd, e->events, BATCH, timeout);
}

static int gather(struct epoll *e, int64_t ns)
{
    int n = wait_for_events(e, ns);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < n; i++) {
        int fd = e->events[i].data.fd;
        if (fd == e->wake.fd)
            e->woken |= ai_wake_take(&e->wake);
        else if (fd == e->timer)
            ai_clock_arm(e->timer, INT64_MAX);
        else if (fd == e->known.timer)
            resolve_doubts(e);
        else
            ready(e, fd, e->events[i].events);
    }
    return 0;
}

static int epoll_backend_wait(void *state, int64_t deadline)
{
    struct epoll *e = state;
    bool more = !ai_list_empty(&e->due); /* the kernel is not asked before these are done */
    int64_t ns = !more && ai_list_empty(&e->ended) ? ai_clock_until(deadline) : 0;
    /* Embedded, what nobody waits for has to be taken too, or the descriptor stays readable. */
    bool silent = ns == 0 && e->parked == 0 && e->timer < 0 && !ai_wake_is_set(&e->wake);
    int error = more || silent ? 0 : gather(e, ns);
    if (e->away > 0)
        reap_away(e);
    int n = ai_complete_all(&e->ended);
    n += try_due(e);
    e->woken = false;
    return error != 0 ? error : n;
}

static void epoll_backend_cancel(void *state, struct ai_op *op)
{
    struct epoll *e = state;
    if (op->state == ENDED || op->code == AI_OP_CLOSE ||
        (op->state == AWAY && !ai_offload_cancel(&e->offload, op)))
        return;
    e->away -= op->state == AWAY;
    end(e, op, -ECANCELED);
}

/* A descriptor of our own. */
static int listen_to(const struct epoll *e, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(e->epfd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static void epoll_backend_wake(void *state)
{
    struct epoll *e = state;
    ai_wake_up(&e->wake);
}

/* The epoll descriptor itself, which is readable when something in it is ready; what has ended
 * already makes itself felt as a wake-up. */
static int epoll_backend_fd(void *state, int64_t deadline)
{
    struct epoll *e = state;
    if (e->timer < 0) {
        e->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        if (e->timer < 0)
            return -errno;
        int error = listen_to(e, e->timer);
        if (error != 0) {
            close(e->timer);
            e->timer = -1;
            return error;
        }
    }
    int error = gather(e, 0); /* so that nothing is left there that nobody waits for */
    if (e->woken || !ai_list_empty(&e->ended) || !ai_list_empty(&e->due))
        ai_wake_up(&e->wake);
    if (error != 0)
        return error;
    error = ai_clock_arm(e->timer, deadline);
    return error != 0 ? error : e->epfd;
}

/* ── Life ────────────────────────────────────────────────────────────────────────────────────── */

/* Closing an epoll descriptor that a fork shares leaves what is registered in it alone. */
static void release(struct epoll *e)
{
    ai_descriptors_close(&e->known);
    for (int *fd = (int[]){e->epfd, e->wake.fd, e->timer}, *last = fd + 3; fd < last; fd++)
        if (*fd >= 0)
            close(*fd);
    ai_deallocate(e, sizeof *e);
}

static void epoll_backend_close(void *state)
{
    struct epoll *e = state;
    ai_offload_close(&e->offload);
    release(e);
}

/* The threads are the parent's. */
static void epoll_backend_forget(void *state)
{
    release(state);
}

static const char *set_up(struct epoll *e, int *error)
{
    e->epfd = epoll_create1(EPOLL_CLOEXEC);
    *error = e->epfd < 0 ? -errno : 0;
    e->known.epfd = e->epfd;
    if (*error != 0)
        return "epoll_create1";
    *error = ai_wake_open(&e->wake, EFD_NONBLOCK);
    if (*error != 0)
        return "eventfd";
    *error = listen_to(e, e->wake.fd);
    return "epoll_ctl";
}

static int epoll_backend_open(void **state, char *why, size_t why_size)
{
    struct epoll *e = ai_allocate(sizeof *e);
    if (e == NULL) {
        snprintf(why, why_size, "out of memory");
        return -ENOMEM;
    }
    e->epfd = e->timer = e->wake.fd = -1;
    ai_list_init(&e->due);
    ai_list_init(&e->ended);
    ai_list_init(&e->held);
    ai_descriptors_open(&e->known, -1);
    int error;
    const char *step = set_up(e, &error);
    if (error != 0) {
        snprintf(why, why_size, "%s: %s", step, strerror(-error));
        release(e);
        return error;
    }
    ai_offload_open(&e->offload, &e->wake);
    *state = e;
    return 0;
}

const struct ai_backend ai_backend_epoll = {
    .name = "epoll",
    .open = epoll_backend_open,
    .close = epoll_backend_close,
    .submit = epoll_backend_submit,
    .cancel = epoll_backend_cancel,
    .wait = epoll_backend_wait,
    .wake = epoll_backend_wake,
    .now = ai_clock_now,
    .block = ai_clock_block,
    .fd = epoll_backend_fd,
    .forget = epoll_backend_forget,
};
