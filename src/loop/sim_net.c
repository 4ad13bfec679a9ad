/* See sim_net.h: the operations, and the turns of the network. */
#include "loop/sim_net.h"

#include "base/alloc.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ai_op *op_of(struct ai_list *link)
{
    return ai_container(link, struct ai_op, link);
}

static struct ai_sim_socket *first_touched(struct ai_sim_net *net)
{
    return ai_container(net->touched.next, struct ai_sim_socket, touched);
}

/* ── Transfers ───────────────────────────────────────────────────────────────────────────────── */

static size_t sum(const struct iovec *parts, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += parts[i].iov_len;
    return size;
}

static struct ai_sim_transfer transfer_of(const struct ai_op *op)
{
    struct ai_sim_transfer t = {.flags = op->flags};
    bool message = op->code == AI_OP_RECVMSG || op->code == AI_OP_SENDMSG;
    bool vector = op->code == AI_OP_READV || op->code == AI_OP_WRITEV;
    t.message = message ? op->buf : NULL;
    t.parts = message ? t.message->msg_iov : op->buf;
    t.count = message ? (size_t)t.message->msg_iovlen : op->size;
    if (message || vector)
        t.size = sum(t.parts, t.count <= IOV_MAX ? t.count : 0);
    else
        t.size = op->size;
    return t;
}

/* A transfer of one part names its own, so it must not be copied after this. */
static void begin_transfer(struct ai_sim_transfer *t, const struct ai_op *op)
{
    *t = transfer_of(op);
    bool one = op->code == AI_OP_READ || op->code == AI_OP_WRITE || op->code == AI_OP_RECV ||
               op->code == AI_OP_SEND;
    if (!one)
        return;
    t->part = (struct iovec){op->buf, op->size};
    t->parts = &t->part;
    t->count = 1;
}

/* The part of a transfer that the byte `at` is in, of which *left bytes are left. */
static const struct iovec *part_at(const struct ai_sim_transfer *t, size_t at, size_t *left)
{
    const struct iovec *p = t->parts;
    for (; at >= p->iov_len; p++)
        at -= p->iov_len;
    *left = p->iov_len - at;
    return p;
}

void ai_sim_scatter(const struct ai_sim_transfer *t, size_t at, const void *from, size_t n)
{
    for (size_t done = 0, size; done < n; done += size) {
        const struct iovec *p = part_at(t, at + done, &size);
        unsigned char *place = (unsigned char *)p->iov_base + (p->iov_len - size);
        size = size < n - done ? size : n - done;
        memcpy(place, (const unsigned char *)from + done, size);
    }
}

void ai_sim_gather(const struct ai_sim_transfer *t, size_t at, void *to, size_t n)
{
    for (size_t done = 0, size; done < n; done += size) {
        const struct iovec *p = part_at(t, at + done, &size);
        const unsigned char *place = (const unsigned char *)p->iov_base + (p->iov_len - size);
        size = size < n - done ? size : n - done;
        memcpy((unsigned char *)to + done, place, size);
    }
}

/* What has a meaning that is not simulated. */
static int refuse_transfer(const struct ai_op *op, const struct ai_sim_transfer *t, bool out)
{
    bool plain = op->code <= AI_OP_WRITEV;
    bool control = t->message != NULL && out && t->message->msg_controllen > 0;
    if (plain && op->offset >= 0)
        return -ESPIPE;
    if (t->count > IOV_MAX)
        return t->message != NULL ? -EMSGSIZE : -EINVAL;
    if (control || (t->flags & (MSG_OOB | MSG_ERRQUEUE)) != 0 ||
        (out && (t->flags & MSG_FASTOPEN) != 0))
        return -EOPNOTSUPP;
    return 0;
}

static int64_t send_now(struct ai_sim_socket *s, const struct ai_op *op)
{
    struct ai_sim_transfer t;
    begin_transfer(&t, op);
    int error = refuse_transfer(op, &t, true);
    if (error != 0)
        return error;
    return s->type == SOCK_STREAM ? ai_sim_stream_send(s, &t) : ai_sim_datagram_send(s, &t);
}

static int64_t receive(struct ai_sim_socket *s, const struct ai_op *op)
{
    struct ai_sim_transfer t;
    begin_transfer(&t, op);
    int error = refuse_transfer(op, &t, false);
    if (error != 0)
        return error;
    bool stream = s->type == SOCK_STREAM;
    int64_t result = stream ? ai_sim_stream_receive(s, &t) : ai_sim_datagram_receive(s, &t);
    if (result < 0 || t.message == NULL)
        return result;
    t.message->msg_controllen = 0;
    if (stream) {
        t.message->msg_namelen = 0;
        t.message->msg_flags = 0;
    }
    return result;
}

struct lent {
    struct ai_list link;
    size_t size;
    unsigned char bytes[];
};

static void reclaim(struct ai_list *lent)
{
    while (!ai_list_empty(lent)) {
        struct lent *l = ai_container(lent->next, struct lent, link);
        ai_list_remove(&l->link);
        ai_deallocate(l, sizeof *l + l->size);
    }
}

void ai_sim_net_reclaim(struct ai_sim_net *net)
{
    reclaim(&net->lent_in_run);
}

/* As much as there is to be received. */
static int64_t receive_lent(struct ai_sim_socket *s, struct ai_op *op)
{
    struct ai_sim_net *net = s->net;
    size_t there = s->type == SOCK_STREAM ? s->in.readable : ai_sim_datagram_size(s);
    size_t size = there < op->size ? there : op->size;
    struct lent *lent = ai_allocate(sizeof *lent + (size > 0 ? size : 1));
    if (lent == NULL)
        return -ENOMEM;
    lent->size = size > 0 ? size : 1;
    ai_list_append(net->in_run ? &net->lent_in_run : &net->lent, &lent->link);
    struct ai_op given = *op;
    given.buf = lent->bytes;
    given.size = lent->size;
    int64_t result = receive(s, &given);
    op->buf = result >= 0 ? lent->bytes : NULL;
    return result;
}

/* ── Operations ──────────────────────────────────────────────────────────────────────────────── */

static int64_t poll_now(struct ai_sim_socket *s, const struct ai_op *op)
{
    unsigned events = s->type == SOCK_STREAM ? ai_sim_stream_events(s) : ai_sim_datagram_events(s);
    events &= (unsigned short)op->flags | POLLERR | POLLHUP;
    return events != 0 ? (int64_t)events : -EAGAIN;
}

static int64_t bind_now(struct ai_sim_socket *s, const struct ai_op *op)
{
    struct ai_sim_name name;
    int error = ai_sim_name_take(&name, s->family, op->from, op->size);
    return error != 0 ? error : ai_sim_bind(s, &name);
}

static int64_t tell_name(struct ai_sim_socket *s, const struct ai_op *op)
{
    struct ai_sim_name any = ai_sim_is_unix(s) ? s->local : ai_sim_name_any(s->family);
    const struct ai_sim_name *name = s->local.family != AF_UNSPEC ? &s->local : &any;
    bool connected = s->type == SOCK_STREAM ? s->state == AI_SIM_CONNECTED && !s->broken
                                            : s->remote.family != AF_UNSPEC;
    if (op->buf == NULL || op->more == NULL)
        return -EFAULT;
    if (op->code == AI_OP_GETPEERNAME && !connected)
        return -ENOTCONN;
    if (op->code == AI_OP_GETPEERNAME)
        name = &s->remote;
    ai_sim_name_give(name, s->family, op->buf, op->more);
    return 0;
}

static int64_t shut_down(struct ai_sim_socket *s, const struct ai_op *op)
{
    if (s->type == SOCK_STREAM)
        return ai_sim_stream_shutdown(s, op->flags);
    if (s->remote.family == AF_UNSPEC)
        return -ENOTCONN;
    s->shut_read |= op->flags != SHUT_WR;
    s->shut_write |= op->flags != SHUT_RD;
    ai_sim_touch(s);
    return 0;
}

static int64_t close_now(struct ai_sim_socket *s)
{
    int fd = s->fd;
    ai_sim_socket_free(s);
    return close(fd) != 0 && errno != EINTR ? -errno : 0;
}

static int64_t perform(struct ai_sim_socket *s, struct ai_op *op)
{
    switch (op->code) {
    case AI_OP_POLL:
        return poll_now(s, op);
    case AI_OP_RECV:
        return op->buf == NULL ? receive_lent(s, op) : receive(s, op);
    case AI_OP_READ:
    case AI_OP_READV:
    case AI_OP_RECVMSG:
        return receive(s, op);
    case AI_OP_SEND:
    case AI_OP_WRITE:
    case AI_OP_WRITEV:
    case AI_OP_SENDMSG:
        return send_now(s, op);
    case AI_OP_ACCEPT:
        return ai_sim_accept(s, op);
    case AI_OP_CONNECT:
        return s->type == SOCK_STREAM ? ai_sim_connect(s, op) : ai_sim_datagram_connect(s, op);
    case AI_OP_BIND:
        return bind_now(s, op);
    case AI_OP_LISTEN:
        return ai_sim_listen(s, (int)op->size);
    case AI_OP_SHUTDOWN:
        return shut_down(s, op);
    case AI_OP_GETSOCKNAME:
    case AI_OP_GETPEERNAME:
        return tell_name(s, op);
    case AI_OP_CLOSE:
        return close_now(s);
    default:
        return -EINVAL; /* splice: as of a descriptor that does not know it */
    }
}

/* Which of a socket's queues an operation stands in; 0: in none. */
enum { RECEIVES = 1, SENDS = 2 };

static unsigned queue_of(const struct ai_op *op)
{
    switch (op->code) {
    case AI_OP_READ:
    case AI_OP_READV:
    case AI_OP_RECV:
    case AI_OP_RECVMSG:
    case AI_OP_ACCEPT:
        return RECEIVES;
    case AI_OP_WRITE:
    case AI_OP_WRITEV:
    case AI_OP_SEND:
    case AI_OP_SENDMSG:
        return SENDS;
    default:
        return 0;
    }
}

static bool others_wait(struct ai_sim_socket *s, unsigned queue)
{
    ai_list_each (node, &s->ops)
        if ((queue_of(op_of(node)) & queue) != 0)
            return true;
    return false;
}

static bool may_wait(const struct ai_op *op)
{
    return op->code <= AI_OP_CONNECT;
}

/* ── Submitting ──────────────────────────────────────────────────────────────────────────────── */

static bool is_simulated(int family, int type, int protocol)
{
    bool stream = type == SOCK_STREAM, internet = family == AF_INET || family == AF_INET6;
    if (!stream && type != SOCK_DGRAM)
        return false;
    if (family == AF_UNIX)
        return true;
    return internet && (protocol == 0 || protocol == (stream ? IPPROTO_TCP : IPPROTO_UDP));
}

static int open_socket(struct ai_sim_net *net, struct ai_op *op)
{
    struct ai_sim_weather *w = &net->weather;
    int flags = op->flags & (SOCK_NONBLOCK | SOCK_CLOEXEC), type = op->flags & ~flags;
    if (!is_simulated(op->fd, type, (int)op->size))
        return AI_SIM_NOT_OURS;
    bool refused = ai_sim_happens(w, w->set.emfile);
    struct ai_sim_socket *s = refused ? NULL : ai_sim_socket_new(net, op->fd, type);
    op->result = refused ? -EMFILE : -ENOMEM;
    if (s == NULL)
        return 1;
    op->result = ai_sim_socket_open(s, flags, (int)op->size);
    if (op->result < 0)
        ai_sim_socket_free(s);
    return 1;
}

/* Faults that come before the operation. True: it has to wait for the next run. */
static bool inject(struct ai_sim_socket *s, const struct ai_op *op, unsigned queue)
{
    struct ai_sim_weather *w = &s->net->weather;
    if (op->code != AI_OP_ACCEPT && queue != 0 && s->type == SOCK_STREAM &&
        ai_sim_happens(w, w->set.reset))
        ai_sim_stream_reset(s);
    return may_wait(op) && ai_sim_happens(w, w->set.eagain);
}

static int submit(struct ai_sim_socket *s, struct ai_op *op)
{
    unsigned queue = queue_of(op);
    bool put_off = inject(s, op, queue);
    int64_t result = put_off || others_wait(s, queue) ? -EAGAIN : perform(s, op);
    if (result != -EAGAIN) {
        op->result = result;
        return 1;
    }
    op->state = AI_SIM_PARKED;
    ai_list_append(&s->ops, &op->link);
    if (put_off || op->code == AI_OP_CONNECT)
        ai_sim_touch(s);
    return 0;
}

int ai_sim_net_submit(struct ai_sim_net *net, struct ai_op *op)
{
    if (op->code == AI_OP_SOCKET)
        return open_socket(net, op);
    if (op->code > AI_OP_CLOSE && op->code != AI_OP_SPLICE)
        return AI_SIM_NOT_OURS;
    reclaim(&net->lent);
    struct ai_sim_socket *s = ai_sim_socket_of(net, op->fd);
    if (s == NULL && op->code == AI_OP_SPLICE)
        s = ai_sim_socket_of(net, op->other);
    return s != NULL ? submit(s, op) : AI_SIM_NOT_OURS;
}

/* Those behind it in its queue go on. */
void ai_sim_net_cancel(struct ai_sim_net *net, struct ai_op *op)
{
    ai_sim_end(net, op, -ECANCELED);
    ai_sim_touch(net->by_number[op->fd]);
}

/* ── Running ─────────────────────────────────────────────────────────────────────────────────── */

int64_t ai_sim_net_next(const struct ai_sim_net *net)
{
    return ai_timers_next(&net->timers);
}

static void retry(struct ai_sim_socket *s)
{
    unsigned blocked = 0;
    ai_list_each (node, &s->ops) {
        struct ai_op *op = op_of(node);
        unsigned queue = queue_of(op);
        int64_t result = (blocked & queue) != 0 ? -EAGAIN : perform(s, op);
        if (result == -EAGAIN)
            blocked |= queue;
        else
            ai_sim_end(s->net, op, result);
    }
}

static void run_timers(struct ai_sim_net *net)
{
    while (ai_timers_next(&net->timers) <= *net->clock) {
        struct ai_timer *t = ai_timers_pop(&net->timers);
        t->place = AI_TIMER_IDLE;
        t->ready.run(&t->ready);
    }
}

void ai_sim_net_run(struct ai_sim_net *net)
{
    reclaim(&net->lent);
    net->in_run = true;
    run_timers(net);
    while (!ai_list_empty(&net->touched)) {
        struct ai_sim_socket *s = first_touched(net);
        ai_list_remove(&s->touched);
        retry(s);
    }
    net->in_run = false;
}

void ai_sim_net_resume(struct ai_sim_net *net)
{
    ai_list_each (node, &net->sockets) {
        struct ai_sim_socket *s = ai_container(node, struct ai_sim_socket, all);
        if (!s->stalled || ai_sim_socket_is_cut(s))
            continue;
        if (s->state == AI_SIM_CONNECTING)
            ai_sim_connect_resume(s);
        else
            ai_sim_stream_resume(s);
    }
}

/* ── The network ─────────────────────────────────────────────────────────────────────────────── */

int ai_sim_net_open(struct ai_sim_net **made, const int64_t *clock, struct ai_list *ended,
                    uint64_t seed, char *why, size_t why_size)
{
    struct ai_sim_net *net = *made = ai_allocate(sizeof *net);
    snprintf(why, why_size, "%s", strerror(ENOMEM));
    if (net == NULL)
        return -ENOMEM;
    struct ai_list *const lists[] = {&net->sockets, &net->touched, &net->datagrams, &net->lent,
                                     &net->lent_in_run};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        ai_list_init(lists[i]);
    for (size_t i = 0; i < AI_SIM_NAMES; i++)
        ai_list_init(&net->names[i]);
    net->clock = clock;
    net->ended = ended;
    net->next_port = 32768;
    return ai_sim_weather_open(&net->weather, seed, why, why_size);
}

/* The placeholders that the program has not closed are its own. */
void ai_sim_net_close(struct ai_sim_net *net)
{
    while (!ai_list_empty(&net->sockets))
        ai_sim_socket_free(ai_container(net->sockets.next, struct ai_sim_socket, all));
    ai_sim_datagram_forget_all(net);
    reclaim(&net->lent);
    reclaim(&net->lent_in_run);
    ai_sim_weather_close(&net->weather);
    ai_timers_close(&net->timers);
    ai_deallocate(net->by_number, net->numbers * sizeof *net->by_number);
    ai_deallocate(net, sizeof *net);
}
