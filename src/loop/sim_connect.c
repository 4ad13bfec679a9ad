/* Making connections in the simulated network.
 *
 * Who connects goes through phases, with the way to the other side between each two:
 *   KNOCK     at the listener. If it has no room, WAITING in its list until it has; otherwise the
 *             socket to be accepted is made, and is in the listener's `expected`;
 *   ANSWERED  back here: connected. The other socket is told, and when it is, gets in the `queue`;
 *   REFUSED   back here: it failed.
 * Cut off from the other side it is stalled in its phase until that is healed. */
#include "loop/sim_net.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum phase { KNOCK, WAITING, ANSWERED, REFUSED };
enum { MOST_BACKLOG = 4096 };

static const int64_t GIVE_UP = INT64_C(127000000000); /* six retries of Linux */

static struct ai_sim_socket *queued(struct ai_list *list)
{
    return ai_list_empty(list) ? NULL : ai_container(list->next, struct ai_sim_socket, queued);
}

/* ── The phases ──────────────────────────────────────────────────────────────────────────────── */

static void step(struct ai_sim_socket *s);

/* Goes on to a phase on the other side, or back on this. */
static void go(struct ai_sim_socket *s, enum phase phase)
{
    int64_t way = ai_sim_way(s);
    s->phase = (uint8_t)phase;
    if (way > 0)
        ai_sim_start(s, ai_sim_now(s) + way);
    else
        step(s);
}

static void stop_connecting(struct ai_sim_socket *s)
{
    struct ai_sim_socket *peer = s->peer;
    ai_timer_stop(&s->net->timers, &s->timer);
    ai_list_remove(&s->queued);
    s->stalled = false;
    s->peer = NULL;
    if (peer != NULL) {
        peer->peer = NULL;
        ai_sim_socket_free(peer);
    }
}

static void fail(struct ai_sim_socket *s, int error)
{
    s->state = AI_SIM_NEW;
    s->remote = (struct ai_sim_name){0};
    s->error = error;
    stop_connecting(s);
    ai_sim_touch(s);
}

/* Makes the socket that is to be accepted. */
static void be_expected(struct ai_sim_socket *s, struct ai_sim_socket *listener)
{
    struct ai_sim_socket *peer = ai_sim_socket_new(s->net, listener->family, listener->type);
    if (peer == NULL) {
        fail(s, -ENOMEM);
        return;
    }
    peer->local = s->remote;
    peer->remote = s->local;
    peer->state = AI_SIM_CONNECTED;
    peer->told = true;
    peer->listener = listener;
    peer->peer = s;
    s->peer = peer;
    listener->waiting++;
    ai_list_append(&listener->expected, &peer->queued);
    go(s, ANSWERED);
}

static void knock(struct ai_sim_socket *s)
{
    struct ai_sim_weather *w = &s->net->weather;
    struct ai_sim_socket *listener = ai_sim_find_listener(s->net, &s->remote);
    if (listener == NULL || (!ai_sim_is_unix(s) && ai_sim_happens(w, w->set.refuse))) {
        go(s, REFUSED);
    } else if (listener->waiting <= listener->backlog) {
        be_expected(s, listener);
    } else {
        s->phase = WAITING;
        ai_list_append(&listener->knocking, &s->queued);
        if (!ai_sim_is_unix(s))
            ai_sim_start(s, s->give_up);
    }
}

static void answered(struct ai_sim_socket *s)
{
    if (s->peer == NULL) { /* the listener has gone meanwhile */
        fail(s, -ECONNREFUSED);
        return;
    }
    s->state = AI_SIM_CONNECTED;
    ai_sim_touch(s);
    ai_sim_stream_open(s->peer);
}

static void refused(struct ai_sim_socket *s)
{
    bool path = ai_sim_is_unix(s) && s->remote.path[0] != '\0';
    fail(s, path && !ai_sim_name_is_known(s->net, &s->remote) ? -ENOENT : -ECONNREFUSED);
}

static void step(struct ai_sim_socket *s)
{
    s->stalled = ai_sim_socket_is_cut(s);
    if (s->stalled)
        ai_sim_start(s, s->give_up);
    else if (s->phase == KNOCK)
        knock(s);
    else if (s->phase == ANSWERED)
        answered(s);
    else
        refused(s);
}

void ai_sim_connect_timer(struct ai_sim_socket *s)
{
    if (s->stalled || s->phase == WAITING)
        fail(s, -ETIMEDOUT);
    else
        step(s);
}

void ai_sim_connect_resume(struct ai_sim_socket *s)
{
    ai_timer_stop(&s->net->timers, &s->timer);
    s->stalled = false;
    go(s, s->phase);
}

/* ── The operations ──────────────────────────────────────────────────────────────────────────── */

/* A host that talks to itself does so from the address that it talks to. */
static void choose_hosts(struct ai_sim_socket *s)
{
    static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
    if (ai_sim_is_unix(s))
        return;
    if (ai_sim_name_is_any(&s->remote) && s->family == AF_INET)
        ai_sim_name_read(&s->remote, "127.0.0.1");
    else if (ai_sim_name_is_any(&s->remote))
        s->remote.ip = loopback;
    if (ai_sim_name_is_any(&s->local))
        s->local.ip = s->remote.ip;
}

static int begin(struct ai_sim_socket *s, const struct ai_op *op)
{
    struct ai_sim_name to;
    int error = ai_sim_name_take(&to, s->family, op->buf, op->size);
    if (error == 0)
        error = ai_sim_bind_any(s);
    if (error != 0)
        return error;
    s->remote = to;
    choose_hosts(s);
    s->remote.port = to.port;
    s->state = AI_SIM_CONNECTING;
    s->told = false;
    s->give_up = ai_sim_now(s) + GIVE_UP;
    go(s, KNOCK);
    return 0;
}

/* Begun, it is tried again. */
int64_t ai_sim_connect(struct ai_sim_socket *s, const struct ai_op *op)
{
    if (s->state == AI_SIM_NEW) {
        int error = s->error != 0 ? ai_sim_take_error(s) : begin(s, op);
        return error != 0 ? error : -EAGAIN;
    }
    if (s->state == AI_SIM_CONNECTING)
        return -EAGAIN;
    bool news = s->state == AI_SIM_CONNECTED && !s->told;
    s->told = true;
    return news ? 0 : -EISCONN;
}

int ai_sim_listen(struct ai_sim_socket *s, int backlog)
{
    if (s->type != SOCK_STREAM)
        return -EOPNOTSUPP;
    if (s->state != AI_SIM_NEW && s->state != AI_SIM_LISTENING)
        return -EINVAL;
    int error = ai_sim_bind_any(s);
    if (error == 0 && s->local.family == AF_UNSPEC)
        error = -EINVAL;
    if (error == 0 && s->state == AI_SIM_NEW)
        error = ai_sim_may_listen(s);
    if (error != 0)
        return error;
    s->state = AI_SIM_LISTENING;
    s->backlog = backlog < 0 || backlog > MOST_BACKLOG ? MOST_BACKLOG : (unsigned)backlog;
    return 0;
}

void ai_sim_arrived(struct ai_sim_socket *s)
{
    ai_list_remove(&s->queued);
    ai_list_append(&s->listener->queue, &s->queued);
    ai_sim_touch(s->listener);
}

/* It is not waited for any more; there is room for the next. */
static void leave_listener(struct ai_sim_socket *s)
{
    struct ai_sim_socket *listener = s->listener;
    s->listener = NULL;
    ai_list_remove(&s->queued);
    listener->waiting--;
    struct ai_sim_socket *next = queued(&listener->knocking);
    if (next == NULL)
        return;
    ai_list_remove(&next->queued);
    ai_timer_stop(&next->net->timers, &next->timer);
    next->phase = KNOCK;
    step(next);
}

int64_t ai_sim_accept(struct ai_sim_socket *s, const struct ai_op *op)
{
    struct ai_sim_weather *w = &s->net->weather;
    if (s->type != SOCK_STREAM)
        return -EOPNOTSUPP;
    if (s->state != AI_SIM_LISTENING)
        return -EINVAL;
    struct ai_sim_socket *next = queued(&s->queue);
    if (next == NULL)
        return -EAGAIN;
    if (ai_sim_happens(w, w->set.emfile))
        return -EMFILE;
    int fd = ai_sim_socket_open(next, op->flags, 0);
    if (fd < 0)
        return fd;
    leave_listener(next);
    if (op->buf != NULL && op->more != NULL)
        ai_sim_name_give(&next->remote, next->family, op->buf, op->more);
    return fd;
}

/* ── The end ─────────────────────────────────────────────────────────────────────────────────── */

static void turn_away(struct ai_list *list)
{
    for (struct ai_sim_socket *s; (s = queued(list)) != NULL;) {
        struct ai_sim_socket *peer = s->peer;
        s->listener->waiting--;
        s->listener = NULL;
        ai_list_remove(&s->queued);
        if (peer != NULL && peer->state == AI_SIM_CONNECTING)
            s->peer = peer->peer = NULL;
        ai_sim_socket_free(s);
    }
}

static void stop_listening(struct ai_sim_socket *s)
{
    s->state = AI_SIM_NEW; /* nobody finds it any more */
    turn_away(&s->queue);
    turn_away(&s->expected);
    for (struct ai_sim_socket *next; (next = queued(&s->knocking)) != NULL;) {
        ai_list_remove(&next->queued);
        ai_timer_stop(&next->net->timers, &next->timer);
        next->phase = KNOCK;
        step(next);
    }
}

void ai_sim_connect_close(struct ai_sim_socket *s)
{
    if (s->state == AI_SIM_LISTENING)
        stop_listening(s);
    else if (s->state == AI_SIM_CONNECTING)
        stop_connecting(s);
    if (s->listener != NULL)
        leave_listener(s);
}
