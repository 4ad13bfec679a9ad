/* See descriptor.h. */
#include "loop/descriptor.h"

#include "base/alloc.h"
#include "loop/perform.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    TICK_NS = 50 * 1000 * 1000,
    LENT = 1 << 16,
    ALWAYS = EPOLLIN | EPOLLPRI | EPOLLRDHUP,
    FOR_GOOD = EPOLLRDHUP | EPOLLHUP | EPOLLERR,
};

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

void ai_descriptors_open(struct ai_descriptors *all, int epfd)
{
    all->epfd = epfd;
    all->timer = -1;
    ai_list_init(&all->doubted);
}

void ai_descriptors_close(struct ai_descriptors *all)
{
    for (size_t i = 0; i < all->size; i++)
        ai_deallocate(all->table[i], sizeof *all->table[i]);
    ai_deallocate(all->table, all->size * sizeof *all->table);
    if (all->lent != NULL)
        ai_deallocate(all->lent, LENT);
    if (all->timer >= 0)
        close(all->timer);
}

/* The table is not grown for a number that is no descriptor. */
static int make_room(struct ai_descriptors *all, int fd)
{
    size_t size = all->size ? all->size : 64;
    while (size <= (size_t)fd)
        size *= 2;
    if (size == all->size)
        return 0;
    if (fcntl(fd, F_GETFD) < 0)
        return -EBADF;
    struct ai_descriptor **table =
        ai_reallocate(all->table, all->size * sizeof *table, size * sizeof *table);
    if (table == NULL)
        return -ENOMEM;
    memset(table + all->size, 0, (size - all->size) * sizeof *table);
    all->table = table;
    all->size = size;
    return 0;
}

int ai_descriptor_make(struct ai_descriptors *all, int fd)
{
    if (ai_descriptor_of(all, fd) != NULL)
        return 0;
    int error = fd < 0 ? -EBADF : make_room(all, fd);
    if (error != 0)
        return error;
    struct ai_descriptor *d = ai_allocate(sizeof *d);
    if (d == NULL)
        return -ENOMEM;
    d->fd = fd;
    d->events = ALWAYS;
    ai_list_init(&d->parked);
    ai_list_init(&d->doubted);
    all->table[fd] = d;
    return 0;
}

void ai_descriptor_forget(struct ai_descriptor *d)
{
    if (d == NULL)
        return;
    d->registered = d->ended = false;
    d->drained = 0;
    d->events = ALWAYS;
    d->kind = AI_DESCRIPTOR_UNKNOWN;
    ai_list_remove(&d->doubted);
}

/* ── Registrations ───────────────────────────────────────────────────────────────────────────── */

static int control(const struct ai_descriptors *all, int how, const struct ai_descriptor *d)
{
    struct epoll_event event = {.events = d->events | EPOLLET, .data.fd = d->fd};
    return epoll_ctl(all->epfd, how, d->fd, &event) < 0 ? -errno : 0;
}

int ai_descriptor_register(struct ai_descriptors *all, struct ai_descriptor *d, uint32_t events)
{
    d->events |= events;
    int error = control(all, d->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, d);
    if (error == -ENOENT) {
        ai_descriptor_forget(d);
        d->events |= events;
        error = control(all, EPOLL_CTL_ADD, d);
    } else if (error == -EEXIST) {
        error = control(all, EPOLL_CTL_MOD, d);
    }
    d->registered = error == 0;
    ai_list_remove(&d->doubted);
    return error;
}

static int make_timer(struct ai_descriptors *all)
{
    if (all->timer >= 0)
        return 0;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    event.data.fd = all->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (all->timer < 0)
        return -errno;
    if (epoll_ctl(all->epfd, EPOLL_CTL_ADD, all->timer, &event) == 0)
        return 0;
    int error = -errno;
    close(all->timer);
    all->timer = -1;
    return error;
}

int ai_descriptors_start_ticking(struct ai_descriptors *all)
{
    static const struct itimerspec tick = {.it_value.tv_nsec = TICK_NS};
    int error = make_timer(all);
    if (error == 0)
        error = timerfd_settime(all->timer, 0, &tick, NULL) < 0 ? -errno : 0;
    all->ticking = error == 0;
    return error;
}

void ai_descriptors_tick(struct ai_descriptors *all, struct ai_list *suspects)
{
    all->ticking = false;
    all->tick++;
    ai_list_move(suspects, &all->doubted);
}

/* A whole tick: between two of them, and so not what was said since the last. */
static bool goes_on(struct ai_descriptors *all, const struct ai_descriptor *d)
{
    return all->tick - d->since <= 1 && (all->ticking || ai_descriptors_start_ticking(all) == 0);
}

struct ai_descriptor *ai_descriptor_in_doubt(struct ai_descriptors *all, struct ai_list *suspects)
{
    while (!ai_list_empty(suspects)) {
        struct ai_descriptor *d = ai_container(suspects->next, struct ai_descriptor, doubted);
        ai_list_remove(&d->doubted);
        if (ai_list_empty(&d->parked))
            continue;
        if (!goes_on(all, d))
            return d;
        ai_list_append(&all->doubted, &d->doubted);
    }
    return NULL;
}

/* ── What is known ───────────────────────────────────────────────────────────────────────────── */

static bool is_stream(struct ai_descriptor *d)
{
    if (d->kind == AI_DESCRIPTOR_UNKNOWN) {
        int type = 0;
        socklen_t size = sizeof type;
        int error = getsockopt(d->fd, SOL_SOCKET, SO_TYPE, &type, &size);
        d->kind = error == 0 && type == SOCK_STREAM ? AI_DESCRIPTOR_STREAM : AI_DESCRIPTOR_OTHER;
    }
    return d->kind == AI_DESCRIPTOR_STREAM;
}

static bool is_plain_receive(const struct ai_op *op)
{
    return op->code == AI_OP_READ || (op->code == AI_OP_RECV && op->flags == 0);
}

void ai_descriptor_learn(struct ai_descriptor *d, const struct ai_op *op, int64_t result)
{
    bool is_short = result > 0 && (size_t)result < op->size && is_plain_receive(op);
    if (!d->ended && (result == -EAGAIN || (is_short && is_stream(d))))
        d->drained |= ai_perform_events(op) & (POLLIN | POLLOUT);
}

int ai_descriptor_lend(struct ai_descriptors *all, struct ai_op *op)
{
    if (all->lent == NULL && (all->lent = ai_allocate(LENT)) == NULL)
        return -ENOMEM;
    op->buf = all->lent;
    op->size = op->size < LENT ? op->size : LENT;
    return 0;
}

void ai_descriptor_told(struct ai_descriptor *d, uint32_t events)
{
    d->ended |= (events & FOR_GOOD) != 0;
    if ((events & (EPOLLIN | EPOLLPRI | FOR_GOOD)) != 0)
        d->drained &= ~POLLIN;
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
        d->drained &= ~POLLOUT;
}
