/* The kernel by epoll: completion made out of readiness.
 *
 * submit() tries the call; what would block is parked. An operation is in one place at a time:
 *   PARKED  its descriptor's watch, until the descriptor is ready;
 *   DUE     `due`, as it may be: it is tried once more in this wait();
 *   AWAY    with a thread, as it waits for the disk;
 *   ENDED   `ended`, result set, until wait() calls its done().
 *
 * A descriptor is registered once, edge-triggered, for all there is to read, and for what can be
 * written from when that first had to wait: the kernel tells of each change, and what it told is
 * kept in the watch. So the steady state of a connection is one recv and one
 * send. A direction is `drained` once it has answered EAGAIN, or a stream socket has given less
 * than was asked for; operations are then parked without a try.
 *
 * The registration goes with the descriptor, when it is closed. Where the program closes and opens
 * without us, the number may come back as another descriptor, of which nothing would be heard. So
 * the kernel is asked: whenever a call that was tried would block, or, for those that are parked
 * without a try, when nothing has happened for a moment; until then they are `doubted`. */
#include "base/alloc.h"
#include "loop/backend.h"
#include "loop/clock.h"
#include "loop/perform.h"
#include "loop/offload.h"
#include "loop/wake.h"

#include <errno.h>
#include <fcntl.h>
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

enum state { PARKED, DUE, AWAY, ENDED };
enum {
    BATCH = 256,
    LENT = 1 << 16,
    DOUBT_NS = 20 * 1000 * 1000,
    ALWAYS = EPOLLIN | EPOLLPRI | EPOLLRDHUP,
    FOR_GOOD = EPOLLRDHUP | EPOLLHUP | EPOLLERR,
};

struct watch {
    struct ai_list parked;  /* in the order they came */
    struct ai_list doubted; /* among those whose registration is to be asked for */
    int64_t since;          /* when it was */
    uint32_t events;        /* to be registered for */
    int fd;
    bool registered; /* as far as we know */
    bool drained_in, drained_out;
    bool ended; /* it has told of an end or an error: no edge may come any more */
    enum { UNKNOWN, STREAM, OTHER } kind;
};

struct epoll {
    int epfd;
    int timer; /* -1 until fd() is asked for */
    struct ai_wake wake;
    struct ai_list due, ended, doubted;
    unsigned parked;        /* operations on all watches */
    unsigned away;          /* with threads */
    struct watch **watches; /* by descriptor, made when first needed */
    size_t size;
    char *lent;
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
    return fd >= 0 && (size_t)fd < e->size ? e->watches[fd] : NULL;
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
    w->fd = fd;
    w->events = ALWAYS;
    ai_list_init(&w->parked);
    ai_list_init(&w->doubted);
    e->watches[fd] = w;
    return 0;
}

/* What was known of this number's last descriptor. */
static void forget_watch(struct watch *w)
{
    if (w == NULL)
        return;
    w->registered = w->drained_in = w->drained_out = w->ended = false;
    w->events = ALWAYS;
    w->kind = UNKNOWN;
    ai_list_remove(&w->doubted);
}

static int control(struct epoll *e, int how, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    return epoll_ctl(e->epfd, how, fd, &event) < 0 ? -errno : 0;
}

/* Registers it for these events too. Either call tells, by an event, of what is ready by now. */
static int register_watch(struct epoll *e, struct watch *w, uint32_t events)
{
    int how = w->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    w->events |= events;
    int error = control(e, how, w->fd, w->events | EPOLLET);
    if (error == -ENOENT) {
        forget_watch(w);
        w->events = ALWAYS | events;
        error = control(e, EPOLL_CTL_ADD, w->fd, w->events | EPOLLET);
    } else if (error == -EEXIST) {
        error = control(e, EPOLL_CTL_MOD, w->fd, w->events | EPOLLET);
    }
    w->registered = error == 0;
    ai_list_remove(&w->doubted);
    return error;
}

static void doubt(struct epoll *e, struct watch *w)
{
    w->since = ai_clock_now(NULL);
    ai_list_remove(&w->doubted);
    ai_list_append(&e->doubted, &w->doubted);
}

static void end_all(struct epoll *e, struct watch *w, int64_t result)
{
    ai_list_each (node, &w->parked)
        end(e, op_of(node), result);
}

/* Asks the kernel of those that have been quiet for long. */
static void resolve_doubts(struct epoll *e)
{
    int64_t long_ago = ai_clock_now(NULL) - DOUBT_NS;
    while (!ai_list_empty(&e->doubted)) {
        struct watch *w = ai_container(e->doubted.next, struct watch, doubted);
        if (w->since > long_ago)
            return;
        int error = register_watch(e, w, 0);
        if (error != 0)
            end_all(e, w, error);
    }
}

static int64_t resolve_at(const struct epoll *e)
{
    if (ai_list_empty(&e->doubted))
        return INT64_MAX;
    return ai_container(e->doubted.next, struct watch, doubted)->since + DOUBT_NS;
}

/* ── Trying ──────────────────────────────────────────────────────────────────────────────────── */

static bool is_stream(struct watch *w)
{
    if (w->kind == UNKNOWN) {
        int type = 0;
        socklen_t size = sizeof type;
        int error = getsockopt(w->fd, SOL_SOCKET, SO_TYPE, &type, &size);
        w->kind = error == 0 && type == SOCK_STREAM ? STREAM : OTHER;
    }
    return w->kind == STREAM;
}

static bool is_plain_receive(const struct ai_op *op)
{
    return op->code == AI_OP_READ || (op->code == AI_OP_RECV && op->flags == 0);
}

static void learn(struct watch *w, const struct ai_op *op, int64_t result)
{
    if (w->ended)
        return;
    if (result == -EAGAIN && ai_perform_events(op) == POLLIN)
        w->drained_in = true;
    else if (result == -EAGAIN && ai_perform_events(op) == POLLOUT)
        w->drained_out = true;
    else if (result > 0 && (size_t)result < op->size && is_plain_receive(op))
        w->drained_in = is_stream(w);
}

static bool is_drained(const struct watch *w, const struct ai_op *op)
{
    if (w == NULL || op->code == AI_OP_POLL)
        return false;
    return ai_perform_events(op) == POLLIN ? w->drained_in : w->drained_out;
}

static int64_t perform_lending(struct epoll *e, struct ai_op *op)
{
    if (e->lent == NULL && (e->lent = ai_allocate(LENT)) == NULL)
        return -ENOMEM;
    op->buf = e->lent;
    op->size = op->size < LENT ? op->size : LENT;
    int64_t result = ai_perform(op);
    if (result < 0)
        op->buf = NULL;
    return result;
}

static int64_t try(struct epoll *e, struct ai_op *op)
{
    bool lent = op->code == AI_OP_RECV && op->buf == NULL;
    int64_t result = lent ? perform_lending(e, op) : ai_perform(op);
    struct watch *w = watch_of(e, op->fd);
    if (w != NULL)
        learn(w, op, result);
    return result;
}

/* True: it is done, its result set. */
static bool finish(struct ai_op *op, int64_t result)
{
    op->result = result;
    return true;
}

static bool send_away(struct epoll *e, struct ai_op *op)
{
    op->state = AWAY;
    int error = ai_offload_submit(&e->offload, op);
    if (error != 0)
        return finish(op, ai_perform_blocking(op));
    e->away++;
    return false;
}

static bool park(struct epoll *e, struct ai_op *op, bool tried)
{
    int error = make_watch(e, op->fd);
    struct watch *w = watch_of(e, op->fd);
    uint32_t events = (unsigned short)ai_perform_events(op);
    if (error == 0 && w->registered && !tried && (events & ~w->events) == 0)
        doubt(e, w);
    else if (error == 0)
        error = register_watch(e, w, events);
    if (error != 0)
        return finish(op, error == -EPERM ? ai_perform_blocking(op) : error);
    ai_list_append(&w->parked, &op->link);
    op->state = PARKED;
    e->parked++;
    return false;
}

static bool attempt(struct epoll *e, struct ai_op *op)
{
    bool drained = is_drained(watch_of(e, op->fd), op);
    int64_t result = drained ? -EAGAIN : try(e, op);
    if (result == AI_PERFORM_BLOCKS)
        return send_away(e, op);
    return result == -EAGAIN ? park(e, op, !drained) : finish(op, result);
}

static bool perform_or_send(struct epoll *e, struct ai_op *op)
{
    int64_t result = ai_perform(op);
    return result == AI_PERFORM_BLOCKS ? send_away(e, op) : finish(op, result);
}

/* What ends a descriptor, or makes one, tells of its watch. */
static void close_watch(struct epoll *e, int fd)
{
    struct watch *w = watch_of(e, fd);
    if (w == NULL)
        return;
    end_all(e, w, -EBADF);
    ai_list_each (node, &e->due)
        if (op_of(node)->fd == fd)
            end(e, op_of(node), -EBADF);
    forget_watch(w);
}

static void made(struct epoll *e, const struct ai_op *op)
{
    bool makes = op->code == AI_OP_SOCKET || op->code == AI_OP_ACCEPT || op->code == AI_OP_OPENAT;
    if (makes && op->result >= 0)
        forget_watch(watch_of(e, (int)op->result));
}

static int epoll_backend_submit(void *state, struct ai_op *op)
{
    struct epoll *e = state;
    bool done;
    ai_list_init(&op->link);
    op->state = DUE;
    if (op->code == AI_OP_CLOSE)
        close_watch(e, op->fd);
    if (op->code == AI_OP_SOCKET)
        op->flags |= SOCK_NONBLOCK;
    done = ai_perform_class(op) == AI_PERFORM_WAITS ? attempt(e, op) : perform_or_send(e, op);
    if (done)
        made(e, op);
    return done;
}

/* ── Progress ────────────────────────────────────────────────────────────────────────────────── */

static void ready(struct epoll *e, int fd, uint32_t events)
{
    struct watch *w = watch_of(e, fd);
    if (w == NULL)
        return;
    w->ended |= (events & FOR_GOOD) != 0;
    if ((events & (EPOLLIN | EPOLLPRI | FOR_GOOD)) != 0)
        w->drained_in = false;
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
        w->drained_out = false;
    ai_list_each (node, &w->parked) {
        struct ai_op *op = op_of(node);
        if (!ai_perform_due(op, events))
            continue;
        take(e, op);
        op->state = DUE;
        ai_list_append(&e->due, &op->link);
    }
    if (ai_list_empty(&w->parked))
        ai_list_remove(&w->doubted);
}

static int hand_over(struct ai_op *op)
{
    op->state = ENDED;
    op->done(op);
    return 1;
}

/* One after the other, as what is lent is good only for the time of one done(). */
static int try_due(struct epoll *e)
{
    int n = 0;
    while (!ai_list_empty(&e->due)) {
        struct ai_op *op = op_of(e->due.next);
        ai_list_remove(&op->link);
        if (attempt(e, op)) {
            made(e, op);
            n += hand_over(op);
        }
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
        else
            ready(e, fd, e->events[i].events);
    }
    return 0;
}

static int epoll_backend_wait(void *state, int64_t deadline)
{
    struct epoll *e = state;
    int64_t until = deadline < resolve_at(e) ? deadline : resolve_at(e);
    int64_t ns = ai_list_empty(&e->ended) ? ai_clock_until(until) : 0;
    /* Embedded, what nobody waits for has to be taken too, or the descriptor stays readable. */
    bool silent = ns == 0 && e->parked == 0 && e->timer < 0 && !ai_wake_is_set(&e->wake);
    int error = silent ? 0 : gather(e, ns);
    if (e->away > 0)
        reap_away(e);
    int n = ai_complete_all(&e->ended);
    n += try_due(e);
    if (!ai_list_empty(&e->doubted))
        resolve_doubts(e);
    e->woken = false;
    return error != 0 ? error : n;
}

static void epoll_backend_cancel(void *state, struct ai_op *op)
{
    struct epoll *e = state;
    if (op->state == ENDED || (op->state == AWAY && !ai_offload_cancel(&e->offload, op)))
        return;
    e->away -= op->state == AWAY;
    end(e, op, -ECANCELED);
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
    int error = gather(e, 0); /* so that nothing is left there that nobody waits for */
    if (e->woken || !ai_list_empty(&e->ended) || !ai_list_empty(&e->due))
        ai_wake_up(&e->wake);
    if (error != 0)
        return error;
    error = ai_clock_arm(e->timer, deadline < resolve_at(e) ? deadline : resolve_at(e));
    return error != 0 ? error : e->epfd;
}

/* ── Life ────────────────────────────────────────────────────────────────────────────────────── */

/* Closing an epoll descriptor that a fork shares leaves what is registered in it alone. */
static void release(struct epoll *e)
{
    if (e->lent != NULL)
        ai_deallocate(e->lent, LENT);
    for (size_t i = 0; i < e->size; i++)
        ai_deallocate(e->watches[i], sizeof *e->watches[i]);
    ai_deallocate(e->watches, e->size * sizeof(struct watch *));
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
    ai_list_init(&e->due);
    ai_list_init(&e->ended);
    ai_list_init(&e->doubted);
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
