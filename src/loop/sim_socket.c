/* Sockets of the simulated network, and their table by descriptor. */
#include "loop/sim_net.h"

#include "base/alloc.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SWEEP = 64 };

void ai_sim_touch(struct ai_sim_socket *s)
{
    if (ai_list_empty(&s->touched) && !ai_list_empty(&s->ops))
        ai_list_append(&s->net->touched, &s->touched);
}

int ai_sim_take_error(struct ai_sim_socket *s)
{
    int error = s->error;
    s->error = 0;
    return error;
}

int64_t ai_sim_way(const struct ai_sim_socket *s)
{
    return ai_sim_is_unix(s) ? 0 : ai_sim_latency(&s->net->weather);
}

bool ai_sim_socket_is_cut(const struct ai_sim_socket *s)
{
    return ai_sim_is_cut(&s->net->weather, &s->local, &s->remote);
}

/* ── Sockets ─────────────────────────────────────────────────────────────────────────────────── */

static void on_timer(struct ai_ready *ready)
{
    struct ai_sim_socket *s =
        (struct ai_sim_socket *)((char *)ready - offsetof(struct ai_sim_socket, timer.ready));
    if (s->state == AI_SIM_CONNECTING)
        ai_sim_connect_timer(s);
    else
        ai_sim_stream_timer(s);
}

void ai_sim_start(struct ai_sim_socket *s, int64_t when)
{
    ai_timer_stop(&s->net->timers, &s->timer);
    ai_timer_start(&s->net->timers, &s->timer, when);
}

static void init_lists(struct ai_sim_socket *s)
{
    struct ai_list *const lists[] = {&s->all,   &s->touched,   &s->named,   &s->queued,
                                     &s->ops,   &s->in.coming, &s->in.come, &s->expected,
                                     &s->queue, &s->knocking,  &s->inbox};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        ai_list_init(lists[i]);
}

struct ai_sim_socket *ai_sim_socket_new(struct ai_sim_net *net, int family, int type)
{
    struct ai_sim_socket *s = NULL;
    if (ai_timers_reserve(&net->timers, net->timed + 1) == 0)
        s = ai_allocate(sizeof *s);
    if (s == NULL)
        return NULL;
    init_lists(s);
    net->timed++;
    s->net = net;
    s->family = family;
    s->type = type;
    s->fd = -1;
    ai_timer_init(&s->timer, on_timer);
    ai_list_append(&net->sockets, &s->all);
    return s;
}

static bool linger_is_zero(const struct ai_sim_socket *s)
{
    struct linger linger = {0};
    socklen_t size = sizeof linger;
    return s->fd >= 0 && getsockopt(s->fd, SOL_SOCKET, SO_LINGER, &linger, &size) == 0 &&
           linger.l_onoff && linger.l_linger == 0;
}

void ai_sim_end(struct ai_sim_net *net, struct ai_op *op, int64_t result)
{
    op->state = AI_SIM_ENDED;
    op->result = result;
    ai_list_remove(&op->link);
    ai_list_append(net->ended, &op->link);
}

/* One that was never accepted resets its connection. The descriptor is the caller's to close. */
void ai_sim_socket_free(struct ai_sim_socket *s)
{
    bool abort = s->fd < 0 || linger_is_zero(s);
    if (s->fd >= 0)
        s->net->by_number[s->fd] = NULL;
    ai_list_remove(&s->named);
    ai_list_each (node, &s->ops)
        ai_sim_end(s->net, ai_container(node, struct ai_op, link), -EBADF);
    ai_sim_connect_close(s);
    ai_sim_stream_close(s, abort);
    ai_sim_datagram_close(s);
    ai_list_remove(&s->touched);
    ai_list_remove(&s->all);
    s->net->timed--;
    ai_deallocate(s, sizeof *s);
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────── */

static bool is_still(const struct ai_sim_socket *s)
{
    struct stat now;
    return fstat(s->fd, &now) == 0 && now.st_dev == s->device && now.st_ino == s->inode;
}

struct ai_sim_socket *ai_sim_socket_of(struct ai_sim_net *net, int fd)
{
    struct ai_sim_socket *s = NULL;
    if (fd >= 0 && (size_t)fd < net->numbers)
        s = net->by_number[fd];
    if (s == NULL || is_still(s))
        return s;
    ai_sim_socket_free(s);
    return NULL;
}

static int make_row(struct ai_sim_net *net, int fd)
{
    size_t size = net->numbers ? net->numbers : 64;
    while (size <= (size_t)fd)
        size *= 2;
    if (size == net->numbers)
        return 0;
    struct ai_sim_socket **rows =
        ai_reallocate(net->by_number, net->numbers * sizeof *rows, size * sizeof *rows);
    if (rows == NULL)
        return -ENOMEM;
    memset(rows + net->numbers, 0, (size - net->numbers) * sizeof *rows);
    net->by_number = rows;
    net->numbers = size;
    return 0;
}

int ai_sim_socket_open(struct ai_sim_socket *s, int flags, int protocol)
{
    struct stat placeholder;
    int fd = socket(s->family, s->type | SOCK_CLOEXEC | (flags & SOCK_NONBLOCK), protocol);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &placeholder) != 0 || make_row(s->net, fd) != 0) {
        close(fd);
        return -ENOMEM;
    }
    if (s->net->by_number[fd] != NULL) /* closed behind our back */
        ai_sim_socket_free(s->net->by_number[fd]);
    s->fd = fd;
    s->device = placeholder.st_dev;
    s->inode = placeholder.st_ino;
    s->net->by_number[fd] = s;
    return fd;
}

bool ai_sim_net_sweep(struct ai_sim_net *net, bool all)
{
    size_t looked_at = 0, most = all ? SIZE_MAX : SWEEP;
    bool any = false;
    for (size_t i = 0; i < net->numbers && looked_at < most; i++) {
        net->swept = net->swept + 1 < net->numbers ? net->swept + 1 : 0;
        if (net->by_number[net->swept] == NULL)
            continue;
        looked_at++;
        any |= ai_sim_socket_of(net, (int)net->swept) == NULL;
    }
    return any;
}
