/* Datagrams in the simulated network. Those of the internet are under way one by one, each with its
 * own timer, and find out who has the name they go to when they are there: nobody, or one without
 * room, and they are lost. Those of Unix sockets are there at once, and wait for room. */
#include "loop/sim_net.h"

#include "base/alloc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { MOST = 65507 };

struct datagram {
    struct ai_list link; /* under way, or in the inbox */
    struct ai_timer timer;
    struct ai_sim_net *net;
    struct ai_sim_name from, to;
    size_t size;
    bool returned; /* it is the word that nobody was there */
    unsigned char bytes[];
};

static struct datagram *datagram_of(struct ai_list *node)
{
    return ai_container(node, struct datagram, link);
}

static void free_datagram(struct datagram *d)
{
    ai_timer_stop(&d->net->timers, &d->timer);
    d->net->timed--;
    ai_list_remove(&d->link);
    ai_deallocate(d, sizeof *d + d->size);
}

static void free_all(struct ai_list *list)
{
    while (!ai_list_empty(list))
        free_datagram(datagram_of(list->next));
}

/* An empty one takes room, too. */
static size_t room_of(size_t size)
{
    return size + 1;
}

static bool has_room(const struct ai_sim_socket *s, size_t size)
{
    return s->inbox_held == 0 || s->inbox_held + size <= ai_sim_buffer(&s->net->weather);
}

/* ── Under way ───────────────────────────────────────────────────────────────────────────────── */

static void put_in(struct ai_sim_socket *s, struct datagram *d)
{
    s->inbox_held += room_of(d->size);
    ai_list_remove(&d->link);
    ai_list_append(&s->inbox, &d->link);
    ai_sim_touch(s);
}

static void launch(struct datagram *d, int64_t way);

/* Only a connected sender learns that nobody is there. */
static void come_back(struct datagram *d)
{
    struct ai_sim_socket *s = ai_sim_find_receiver(d->net, &d->from, &d->to);
    if (s != NULL && s->remote.family != AF_UNSPEC) {
        s->error = -ECONNREFUSED;
        ai_sim_touch(s);
    }
    free_datagram(d);
}

static void arrive(struct datagram *d)
{
    struct ai_sim_weather *w = &d->net->weather;
    struct ai_sim_socket *to = ai_sim_find_receiver(d->net, &d->to, &d->from);
    bool cut = ai_sim_is_cut(w, &d->from, &d->to);
    if (d->returned && !cut) {
        come_back(d);
    } else if (!cut && to == NULL) {
        d->returned = true;
        launch(d, ai_sim_latency(w));
    } else if (!cut && has_room(to, d->size)) {
        put_in(to, d);
    } else {
        free_datagram(d);
    }
}

static void on_timer(struct ai_ready *ready)
{
    arrive((struct datagram *)((char *)ready - offsetof(struct datagram, timer.ready)));
}

/* Its place among the timers is reserved. */
static void launch(struct datagram *d, int64_t way)
{
    if (way > 0)
        ai_timer_start(&d->net->timers, &d->timer, *d->net->clock + way);
    else
        arrive(d);
}

static struct datagram *make(struct ai_sim_socket *s, const struct ai_sim_transfer *t,
                             const struct ai_sim_name *to)
{
    struct ai_sim_net *net = s->net;
    struct datagram *d = NULL;
    if (ai_timers_reserve(&net->timers, net->timed + 1) == 0)
        d = ai_allocate(sizeof *d + t->size);
    if (d == NULL)
        return NULL;
    net->timed++;
    d->net = net;
    d->from = s->local;
    d->to = *to;
    d->size = t->size;
    if (ai_sim_name_is_any(&d->from))
        d->from.ip = to->ip;
    ai_timer_init(&d->timer, on_timer);
    ai_sim_gather(t, 0, d->bytes, t->size);
    ai_list_append(&net->datagrams, &d->link);
    return d;
}

/* ── Sending ─────────────────────────────────────────────────────────────────────────────────── */

static int send_one(struct ai_sim_socket *s, const struct ai_sim_transfer *t,
                    const struct ai_sim_name *to)
{
    struct ai_sim_weather *w = &s->net->weather;
    struct datagram *d = make(s, t, to);
    if (d == NULL)
        return -ENOMEM;
    int64_t way = ai_sim_latency(w);
    if (ai_sim_happens(w, w->set.reorder))
        way += ai_sim_detour(w);
    launch(d, way);
    return 0;
}

static int64_t send_to_host(struct ai_sim_socket *s, const struct ai_sim_transfer *t,
                            const struct ai_sim_name *to)
{
    struct ai_sim_weather *w = &s->net->weather;
    if (t->size > MOST)
        return -EMSGSIZE;
    int error = ai_sim_bind_any(s);
    struct ai_sim_name from = s->local;
    if (ai_sim_name_is_any(&from))
        from.ip = to->ip;
    if (error != 0)
        return error;
    if (ai_sim_is_cut(w, &from, to) || ai_sim_happens(w, w->set.datagram_loss))
        return (int64_t)t->size;
    error = send_one(s, t, to);
    if (error == 0 && ai_sim_happens(w, w->set.duplicate))
        error = send_one(s, t, to);
    return error != 0 ? error : (int64_t)t->size;
}

static int64_t send_to_path(struct ai_sim_socket *s, const struct ai_sim_transfer *t,
                            const struct ai_sim_name *to)
{
    struct ai_sim_socket *receiver = ai_sim_find_receiver(s->net, to, &s->local);
    if (receiver == NULL)
        return to->path[0] != '\0' && !ai_sim_name_is_known(s->net, to) ? -ENOENT : -ECONNREFUSED;
    if (t->size > ai_sim_buffer(&s->net->weather))
        return -EMSGSIZE;
    if (!has_room(receiver, t->size))
        return -EAGAIN;
    struct datagram *d = make(s, t, to);
    if (d == NULL)
        return -ENOMEM;
    put_in(receiver, d);
    return (int64_t)t->size;
}

int64_t ai_sim_datagram_send(struct ai_sim_socket *s, const struct ai_sim_transfer *t)
{
    struct ai_sim_name to = s->remote;
    int error = ai_sim_take_error(s);
    if (error == 0 && s->shut_write)
        error = -EPIPE;
    if (error == 0 && t->message != NULL && t->message->msg_name != NULL)
        error = ai_sim_name_take(&to, s->family, t->message->msg_name, t->message->msg_namelen);
    if (error != 0)
        return error;
    if (to.family == AF_UNSPEC)
        return ai_sim_is_unix(s) ? -ENOTCONN : -EDESTADDRREQ;
    return (ai_sim_is_unix(s) ? send_to_path : send_to_host)(s, t, &to);
}

/* ── Receiving ───────────────────────────────────────────────────────────────────────────────── */

/* Who waits to send to a path may have room now. */
static void touch_senders(struct ai_sim_socket *s)
{
    ai_list_each (node, &s->net->sockets) {
        struct ai_sim_socket *other = ai_container(node, struct ai_sim_socket, all);
        if (other->type == SOCK_DGRAM && ai_sim_is_unix(other) && !ai_list_empty(&other->ops))
            ai_sim_touch(other);
    }
}

static void remove_first(struct ai_sim_socket *s, struct datagram *d)
{
    s->inbox_held -= room_of(d->size);
    free_datagram(d);
    if (ai_sim_is_unix(s))
        touch_senders(s);
}

static void tell(struct ai_sim_socket *s, struct msghdr *m, const struct datagram *d, bool cut)
{
    m->msg_flags = cut ? MSG_TRUNC : 0;
    if (m->msg_name != NULL)
        ai_sim_name_give(&d->from, s->family, m->msg_name, &m->msg_namelen);
}

int64_t ai_sim_datagram_receive(struct ai_sim_socket *s, const struct ai_sim_transfer *t)
{
    int error = ai_sim_take_error(s);
    if (error != 0)
        return error;
    if (ai_list_empty(&s->inbox))
        return s->shut_read ? 0 : -EAGAIN;
    struct datagram *d = datagram_of(s->inbox.next);
    size_t n = d->size < t->size ? d->size : t->size, size = d->size;
    ai_sim_scatter(t, 0, d->bytes, n);
    if (t->message != NULL)
        tell(s, t->message, d, n < size);
    if ((t->flags & MSG_PEEK) == 0)
        remove_first(s, d);
    return (int64_t)((t->flags & MSG_TRUNC) != 0 ? size : n);
}

unsigned ai_sim_datagram_events(const struct ai_sim_socket *s)
{
    unsigned events = POLLOUT | POLLWRNORM | (s->error != 0 ? POLLERR : 0);
    return events | (!ai_list_empty(&s->inbox) || s->shut_read ? POLLIN | POLLRDNORM : 0);
}

size_t ai_sim_datagram_size(const struct ai_sim_socket *s)
{
    return ai_list_empty(&s->inbox) ? 0 : datagram_of(s->inbox.next)->size;
}

/* ── The rest ────────────────────────────────────────────────────────────────────────────────── */

int ai_sim_datagram_connect(struct ai_sim_socket *s, const struct ai_op *op)
{
    const struct sockaddr *address = op->from;
    struct ai_sim_name to;
    if (address != NULL && op->size >= sizeof(sa_family_t) && address->sa_family == AF_UNSPEC) {
        s->remote = (struct ai_sim_name){0};
        return 0;
    }
    int error = ai_sim_name_take(&to, s->family, op->from, op->size);
    if (error == 0)
        error = ai_sim_bind_any(s);
    if (error != 0)
        return error;
    if (ai_sim_is_unix(s) && ai_sim_find_receiver(s->net, &to, &s->local) == NULL)
        return to.path[0] != '\0' && !ai_sim_name_is_known(s->net, &to) ? -ENOENT : -ECONNREFUSED;
    s->remote = to;
    if (ai_sim_name_is_any(&s->local))
        s->local.ip = to.ip;
    return 0;
}

void ai_sim_datagram_close(struct ai_sim_socket *s)
{
    free_all(&s->inbox);
    s->inbox_held = 0;
}

void ai_sim_datagram_forget_all(struct ai_sim_net *net)
{
    free_all(&net->datagrams);
}
