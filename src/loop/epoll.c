/* The kernel by epoll: completion made out of readiness.
 *
 * An operation is on one list at a time, told by its state:
 *   FRESH   `fresh`, from submit() until wait() tries it;
 *   PARKED  its descriptor's watch, where it would have blocked, until the descriptor is ready;
 *   ENDED   `ended`, result set, until wait() calls its done().
 *
 * A descriptor is watched with EPOLLONESHOT for what its parked operations want, and armed anew
 * each time one is parked. So an event that nobody waits for comes once at most, and a descriptor
 * that the program closed, and whose number came back as another, is found out by epoll_ctl() the
 * next time anybody waits for it: what the kernel knows is believed, not the watch. Disarmed
 * registrations are kept, as most descriptors are waited for again; the kernel drops them at close.
 */
#include "base/alloc.h"
#include "loop/backend.h"
#include "loop/clock.h"
#include "loop/perform.h"
#include "loop/wake.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

_Static_assert(EPOLLIN == POLLIN && EPOLLPRI == POLLPRI && EPOLLOUT == POLLOUT &&
                   EPOLLERR == POLLERR && EPOLLHUP == POLLHUP,
               "epoll's events are poll's");

enum state { FRESH, PARKED, ENDED };
enum { BATCH = 128 };

struct watch {
    struct ai_list parked; /* in the order they came */
    bool registered;       /* as far as we know */
};

struct epoll {
    int epfd;
    int timer; /* -1 until fd() is asked for */
    struct ai_wake wake;
    struct ai_list fresh, ended;
    unsigned parked;        /* operations on all watches */
    struct watch **watches; /* by descriptor, made when first parked on */
    size_t size;
    bool no_pwait2;
    struct epoll_event events[BATCH];
};

static struct ai_op *op_of(struct ai_list *link)
{
    return ai_container(link, struct ai_op, link);
}

static void end(struct epoll *e, struct ai_op *op, int64_t result)
{
    if (op->state == PARKED)
        e->parked--;
    op->state = ENDED;
    op->result = result;
    ai_list_remove(&op->link);
    ai_list_append(&e->ended, &op->link);
}

/* ── Watches ─────────────────────────────────────────────────────────────────────────────────── */

/* The table is not grown for a number that is no descriptor. */
static int make_room(struct epoll *e, int fd)
{
    size_t size = e->size ? e->size : 64;
    while (size <= (size_t)fd)
        size *= 2;
    if (size == e->size)
        return 0;
    if (fcntl(fd, F_GETFD) < 0)
        return -EBADF;
    struct watch **watches =
        ai_reallocate(e->watches, e->size * sizeof *watches, size * sizeof *watches);
    if (watches == NULL)
        return -ENOMEM;
    memset(watches + e->size, 0, (size - e->size) * sizeof *watches);
    e->watches = watches;
    e->size = size;
    return 0;
}

static struct watch *watch_of(const struct epoll *e, int fd)
{
    return (size_t)fd < e->size ? e->watches[fd] : NULL;
}

static int make_watch(struct epoll *e, int fd)
{
    if (watch_of(e, fd) != NULL)
        return 0;
    int error = fd < 0 ? -EBADF : make_room(e, fd);
    if (error != 0)
        return error;
    struct watch *w = ai_allocate(sizeof *w);
    if (w == NULL)
        return -ENOMEM;
    ai_list_init(&w->parked);
    e->watches[fd] = w;
    return 0;
}

static int control(struct epoll *e, int how, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    return epoll_ctl(e->epfd, how, fd, &event) < 0 ? -errno : 0;
}

/* Arms the descriptor for what is parked on it. The registration may have gone with a descriptor
 * that was closed, or be one we gave up on. */
static int arm(struct epoll *e, int fd, struct watch *w)
{
    uint32_t events = EPOLLONESHOT;
    ai_list_each (node, &w->parked)
        events |= (unsigned short)ai_perform_events(op_of(node));
    int error = control(e, w->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, events);
    if (error == -ENOENT)
        error = control(e, EPOLL_CTL_ADD, fd, events);
    else if (error == -EEXIST)
        error = control(e, EPOLL_CTL_MOD, fd, events);
    w->registered = error == 0;
    return error;
}

/* Nobody waits any more: an armed descriptor would still wake us once. */
static void disarm(struct epoll *e, int fd, struct watch *w)
{
    if (w->registered)
        control(e, EPOLL_CTL_DEL, fd, 0);
    w->registered = false;
}

static void park(struct epoll *e, struct ai_op *op)
{
    int error = make_watch(e, op->fd);
    if (error != 0) {
        end(e, op, error);
        return;
    }
    struct watch *w = watch_of(e, op->fd);
    ai_list_remove(&op->link);
    ai_list_append(&w->parked, &op->link);
    op->state = PARKED;
    e->parked++;
    error = arm(e, op->fd, w);
    if (error != 0)
        end(e, op, error == -EPERM ? ai_perform_blocking(op) : error);
}

/* ── Progress ────────────────────────────────────────────────────────────────────────────────── */

/* A poll is parked without a try: epoll itself is the try. */
static void hand_over(struct epoll *e)
{
    while (!ai_list_empty(&e->fresh)) {
        struct ai_op *op = op_of(e->fresh.next);
        int64_t result = op->code == AI_OP_POLL ? -EAGAIN : ai_perform(op);
        if (result == -EAGAIN)
            park(e, op);
        else
            end(e, op, result);
    }
}

static void ready(struct epoll *e, int fd, uint32_t events)
{
    struct watch *w = watch_of(e, fd);
    if (w == NULL)
        return;
    ai_list_each (node, &w->parked) {
        struct ai_op *op = op_of(node);
        if (!ai_perform_due(op, events))
            continue;
        unsigned seen = events & ((unsigned)op->events | EPOLLERR | EPOLLHUP);
        int64_t result = op->code == AI_OP_POLL ? (int64_t)seen : ai_perform(op);
        if (result != -EAGAIN)
            end(e, op, result);
    }
    int error = ai_list_empty(&w->parked) ? 0 : arm(e, fd, w);
    if (error != 0)
        ai_list_each (node, &w->parked)
            end(e, op_of(node), error);
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
            ai_wake_take(&e->wake);
        else if (fd == e->timer)
            ai_clock_arm(e->timer, INT64_MAX);
        else
            ready(e, fd, e->events[i].events);
    }
    return 0;
}

static int epoll_backend_wait(void *state, int64_t deadline)
{
    struct epoll *e = state;
    hand_over(e);
    int64_t ns = ai_list_empty(&e->ended) ? ai_clock_until(deadline) : 0;
    bool silent = ns == 0 && e->parked == 0 && !ai_wake_is_set(&e->wake);
    int error = silent ? 0 : gather(e, ns);
    int n = ai_complete_all(&e->ended);
    return error != 0 ? error : n;
}

static int epoll_backend_submit(void *state, struct ai_op *op)
{
    struct epoll *e = state;
    op->state = FRESH;
    ai_list_append(&e->fresh, &op->link);
    return 0;
}

static void epoll_backend_cancel(void *state, struct ai_op *op)
{
    struct epoll *e = state;
    if (op->state == ENDED)
        return;
    struct watch *w = op->state == PARKED ? watch_of(e, op->fd) : NULL;
    end(e, op, -ECANCELED);
    if (w != NULL && ai_list_empty(&w->parked))
        disarm(e, op->fd, w);
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
        int error = control(e, EPOLL_CTL_ADD, e->timer, EPOLLIN);
        if (error != 0) {
            close(e->timer);
            e->timer = -1;
            return error;
        }
    }
    hand_over(e);
    if (!ai_list_empty(&e->ended))
        ai_wake_up(&e->wake);
    int error = ai_clock_arm(e->timer, deadline);
    return error != 0 ? error : e->epfd;
}

/* ── Life ────────────────────────────────────────────────────────────────────────────────────── */

/* Closing an epoll descriptor that a fork shares leaves what is registered in it alone. */
static void epoll_backend_close(void *state)
{
    struct epoll *e = state;
    for (size_t i = 0; i < e->size; i++)
        ai_deallocate(e->watches[i], sizeof *e->watches[i]);
    ai_deallocate(e->watches, e->size * sizeof(struct watch *));
    for (int *fd = (int[]){e->epfd, e->wake.fd, e->timer}, *last = fd + 3; fd < last; fd++)
        if (*fd >= 0)
            close(*fd);
    ai_deallocate(e, sizeof *e);
}

static const char *set_up(struct epoll *e, int *error)
{
    e->epfd = epoll_create1(EPOLL_CLOEXEC);
    *error = e->epfd < 0 ? -errno : 0;
    if (*error != 0)
        return "epoll_create1";
    *error = ai_wake_open(&e->wake, EFD_NONBLOCK);
    if (*error != 0)
        return "eventfd";
    *error = control(e, EPOLL_CTL_ADD, e->wake.fd, EPOLLIN);
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
    ai_list_init(&e->fresh);
    ai_list_init(&e->ended);
    int error;
    const char *step = set_up(e, &error);
    if (error != 0) {
        snprintf(why, why_size, "%s: %s", step, strerror(-error));
        epoll_backend_close(e);
        return error;
    }
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
    .forget = epoll_backend_close,
};
