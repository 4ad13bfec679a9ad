/* Connections in the simulated network.
 *
 * Each socket has the pipe that leads to it. What is sent is cut into segments, which are `coming`
 * until they are due, then have `come` and can be read; that there is a connection, that the other
 * side has ended what it sends, and that it has reset the connection are marks in the pipe, which
 * need no memory and come in this order, after everything sent before. So a socket's timer is the
 * due time of the first of these.
 *
 * A sender has room while fewer bytes are in the pipe than the buffer holds. It learns at once that
 * they were read: there are no acknowledgements. Cut off from each other, a pipe is stalled with
 * all that is coming, until that is healed and it is sent anew, or the sender gives up.
 *
 * A socket whose peer is NULL has lost it: it was closed, or the connection has broken. */
#include "loop/sim_net.h"

#include "base/alloc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { SMALL = 512, PACKET = 1448 };

static const int64_t GIVE_UP = INT64_C(924600000000); /* fifteen retransmissions of Linux */

struct segment {
    struct ai_list link;
    int64_t due;
    size_t begin, end, room; /* what is there of `bytes`, and how many these are */
    unsigned char bytes[];
};

static struct segment *segment_of(struct ai_list *node)
{
    return ai_container(node, struct segment, link);
}

static void free_segment(struct segment *g)
{
    ai_list_remove(&g->link);
    ai_deallocate(g, sizeof *g + g->room);
}

static void drop_all(struct ai_list *segments)
{
    while (!ai_list_empty(segments))
        free_segment(segment_of(segments->next));
}

/* ── What is due ─────────────────────────────────────────────────────────────────────────────── */

static bool is_coming(const struct ai_sim_mark *m)
{
    return m->sent && !m->come;
}

static int64_t next_due(const struct ai_sim_pipe *p)
{
    if (is_coming(&p->open))
        return p->open.due;
    if (!ai_list_empty(&p->coming))
        return segment_of(p->coming.next)->due;
    if (is_coming(&p->end))
        return p->end.due;
    return is_coming(&p->reset) ? p->reset.due : INT64_MAX;
}

/* Into the last one that has come, if there is room. */
static void bring_segment(struct ai_sim_pipe *p)
{
    struct segment *g = segment_of(p->coming.next), *last = segment_of(p->come.prev);
    size_t n = g->end - g->begin;
    p->readable += n;
    if (!ai_list_empty(&p->come) && last->room - last->end >= n) {
        memcpy(last->bytes + last->end, g->bytes + g->begin, n);
        last->end += n;
        free_segment(g);
        return;
    }
    ai_list_remove(&g->link);
    ai_list_append(&p->come, &g->link);
}

/* Nothing comes any more, and nothing is sent; what has come can be read. */
static void break_off(struct ai_sim_socket *s, int error)
{
    struct ai_sim_pipe *p = &s->in;
    ai_timer_stop(&s->net->timers, &s->timer);
    drop_all(&p->coming);
    p->held = p->readable;
    p->end.sent = p->end.come;
    p->reset.sent = p->reset.come;
    s->stalled = false;
    s->broken = true;
    s->error = error;
    ai_sim_touch(s);
}

static void bring_reset(struct ai_sim_socket *s)
{
    struct ai_sim_socket *peer = s->peer;
    s->in.reset.come = true;
    break_off(s, s->in.end.come ? -EPIPE : -ECONNRESET);
    s->peer = NULL;
    if (peer != NULL)
        peer->peer = NULL;
}

static void bring_next(struct ai_sim_socket *s)
{
    struct ai_sim_pipe *p = &s->in;
    if (is_coming(&p->open)) {
        p->open.come = true;
        ai_sim_arrived(s);
    } else if (!ai_list_empty(&p->coming)) {
        bring_segment(p);
    } else if (is_coming(&p->end)) {
        p->end.come = true;
    } else {
        bring_reset(s);
    }
}

void ai_sim_stream_bring(struct ai_sim_socket *s)
{
    int64_t due = next_due(&s->in);
    if (s->stalled)
        return;
    ai_timer_stop(&s->net->timers, &s->timer);
    s->stalled = due <= ai_sim_now(s) && ai_sim_socket_is_cut(s);
    if (s->stalled) {
        ai_sim_start(s, ai_sim_now(s) + GIVE_UP);
        return;
    }
    for (; due <= ai_sim_now(s); due = next_due(&s->in)) {
        bring_next(s);
        ai_sim_touch(s);
    }
    if (due != INT64_MAX)
        ai_sim_start(s, due);
}

/* ── Partitions ──────────────────────────────────────────────────────────────────────────────── */

/* The sender knows that it failed. Here nobody does: nothing more will come. */
static void give_up(struct ai_sim_socket *s)
{
    struct ai_sim_socket *peer = s->peer;
    s->stalled = false;
    s->peer = NULL;
    drop_all(&s->in.coming);
    s->in.held = s->in.readable;
    s->in.end.sent = s->in.end.come;
    s->in.reset.sent = s->in.reset.come;
    if (peer != NULL) {
        peer->peer = NULL;
        break_off(peer, -ETIMEDOUT);
    }
    if (is_coming(&s->in.open)) /* it will never be accepted */
        ai_sim_socket_free(s);
}

void ai_sim_stream_timer(struct ai_sim_socket *s)
{
    if (s->stalled)
        give_up(s);
    else
        ai_sim_stream_bring(s);
}

static void put_off(int64_t *due, int64_t until)
{
    *due = *due < until ? until : *due;
}

void ai_sim_stream_resume(struct ai_sim_socket *s)
{
    struct ai_sim_pipe *p = &s->in;
    int64_t due = ai_sim_now(s) + ai_sim_way(s);
    ai_list_each (node, &p->coming)
        put_off(&segment_of(node)->due, due);
    put_off(&p->open.due, due);
    put_off(&p->end.due, due);
    put_off(&p->reset.due, due);
    put_off(&p->last_due, due);
    s->stalled = false;
    ai_sim_stream_bring(s);
}

/* ── Sending ─────────────────────────────────────────────────────────────────────────────────── */

/* When so many bytes that are sent now are there. */
static int64_t due_of(struct ai_sim_socket *s, size_t bytes)
{
    struct ai_sim_pipe *p = &s->in;
    int64_t now = ai_sim_now(s);
    put_off(&p->line_free, now);
    if (!ai_sim_is_unix(s))
        p->line_free += ai_sim_line_time(&s->net->weather, bytes);
    put_off(&p->last_due, p->line_free + ai_sim_way(s));
    return p->last_due;
}

static void send_mark(struct ai_sim_socket *to, struct ai_sim_mark *m, int64_t not_before)
{
    if (m->sent)
        return;
    m->sent = true;
    m->due = due_of(to, 0);
    put_off(&m->due, not_before);
    put_off(&to->in.last_due, m->due);
    ai_sim_stream_bring(to);
}

void ai_sim_stream_open(struct ai_sim_socket *s)
{
    send_mark(s, &s->in.open, 0);
}

static int send_segment(struct ai_sim_socket *to, const struct ai_sim_transfer *t, size_t at,
                        size_t n)
{
    size_t room = n < SMALL ? SMALL : n;
    struct segment *g = ai_allocate(sizeof *g + room);
    if (g == NULL)
        return -ENOMEM;
    g->end = n;
    g->room = room;
    g->due = due_of(to, n);
    ai_sim_gather(t, at, g->bytes, n);
    ai_list_append(&to->in.coming, &g->link);
    to->in.held += n;
    return 0;
}

/* All of it at once, or at the pace of the line. */
static int64_t send_segments(struct ai_sim_socket *to, const struct ai_sim_transfer *t, size_t size)
{
    size_t most = to->net->weather.set.bandwidth > 0 ? PACKET : size, at = 0;
    while (at < size) {
        size_t n = size - at < most ? size - at : most;
        if (send_segment(to, t, at, n) != 0)
            break;
        at += n;
    }
    ai_sim_stream_bring(to);
    return at > 0 ? (int64_t)at : -ENOMEM;
}

/* Nobody is there any more, which is answered by a reset. */
static int64_t send_to_nobody(struct ai_sim_socket *s, size_t size)
{
    if (ai_sim_is_unix(s))
        return -EPIPE;
    send_mark(s, &s->in.reset, ai_sim_now(s) + ai_sim_way(s) + ai_sim_way(s));
    return (int64_t)size;
}

static size_t shortened(struct ai_sim_socket *s, double probability, size_t size)
{
    struct ai_sim_weather *w = &s->net->weather;
    return size > 1 && ai_sim_happens(w, probability) ? ai_sim_part(w, size - 1) : size;
}

static size_t room_for(const struct ai_sim_socket *to)
{
    size_t buffer = ai_sim_buffer(&to->net->weather), held = to->in.held;
    return buffer > held ? buffer - held : 0;
}

int64_t ai_sim_stream_send(struct ai_sim_socket *s, const struct ai_sim_transfer *t)
{
    struct ai_sim_socket *peer = s->peer;
    if (s->state == AI_SIM_CONNECTING)
        return -EAGAIN;
    int error = ai_sim_take_error(s);
    if (error != 0)
        return error;
    if (s->state != AI_SIM_CONNECTED)
        return ai_sim_is_unix(s) ? -ENOTCONN : -EPIPE;
    if (s->shut_write || s->broken)
        return -EPIPE;
    if (t->size == 0)
        return 0;
    if (peer == NULL || (peer->shut_read && ai_sim_is_unix(s)))
        return send_to_nobody(s, t->size);
    size_t room = room_for(peer), size = t->size < room ? t->size : room;
    if (size == 0)
        return -EAGAIN;
    return send_segments(peer, t, shortened(s, s->net->weather.set.short_writes, size));
}

/* ── Receiving ───────────────────────────────────────────────────────────────────────────────── */

static void take_bytes(struct ai_sim_socket *s, const struct ai_sim_transfer *t, size_t size)
{
    bool peek = (t->flags & MSG_PEEK) != 0;
    size_t at = 0;
    ai_list_each (node, &s->in.come) {
        struct segment *g = segment_of(node);
        size_t n = g->end - g->begin < size - at ? g->end - g->begin : size - at;
        ai_sim_scatter(t, at, g->bytes + g->begin, n);
        at += n;
        if (!peek && (g->begin += n) == g->end)
            free_segment(g);
        if (at == size)
            break;
    }
    if (peek)
        return;
    s->in.held -= size;
    s->in.readable -= size;
    if (s->peer != NULL)
        ai_sim_touch(s->peer);
}

/* Nothing more will come. */
static bool has_ended(const struct ai_sim_socket *s)
{
    return s->in.end.come || s->shut_read || s->broken;
}

static int64_t receive_end(struct ai_sim_socket *s)
{
    if (s->in.end.come || s->shut_read)
        return 0;
    int error = ai_sim_take_error(s);
    return error != 0 || s->broken ? error : -EAGAIN;
}

/* MSG_WAITALL waits for as much as the buffer can hold. */
static bool is_enough(const struct ai_sim_socket *s, const struct ai_sim_transfer *t)
{
    size_t buffer = ai_sim_buffer(&s->net->weather);
    size_t wanted = t->size < buffer ? t->size : buffer;
    return (t->flags & MSG_WAITALL) == 0 || s->in.readable >= wanted || has_ended(s);
}

int64_t ai_sim_stream_receive(struct ai_sim_socket *s, const struct ai_sim_transfer *t)
{
    size_t n = s->in.readable;
    if (s->state == AI_SIM_CONNECTING)
        return -EAGAIN;
    if (s->state != AI_SIM_CONNECTED)
        return s->error != 0 ? ai_sim_take_error(s) : -ENOTCONN;
    if (t->size == 0)
        return 0;
    if (n == 0)
        return receive_end(s);
    if (!is_enough(s, t))
        return -EAGAIN;
    n = n < t->size ? n : t->size;
    if ((t->flags & MSG_WAITALL) == 0)
        n = shortened(s, s->net->weather.set.short_reads, n);
    take_bytes(s, t, n);
    return (int64_t)n;
}

unsigned ai_sim_stream_events(const struct ai_sim_socket *s)
{
    bool over = s->in.end.come || s->shut_read || s->broken;
    bool done = s->shut_write || s->broken;
    if (s->state == AI_SIM_LISTENING)
        return ai_list_empty(&s->queue) ? 0 : POLLIN | POLLRDNORM;
    if (s->state == AI_SIM_CONNECTING)
        return 0;
    if (s->state == AI_SIM_NEW)
        return POLLOUT | POLLWRNORM | POLLHUP | (s->error != 0 ? POLLERR : 0);
    unsigned events = s->error != 0 ? POLLERR : 0;
    if (s->in.readable > 0 || over)
        events |= POLLIN | POLLRDNORM;
    if (over)
        events |= POLLRDHUP;
    if (done || s->peer == NULL || room_for(s->peer) > 0)
        events |= POLLOUT | POLLWRNORM;
    return events | (over && done ? POLLHUP : 0);
}

/* ── The end ─────────────────────────────────────────────────────────────────────────────────── */

int ai_sim_stream_shutdown(struct ai_sim_socket *s, int how)
{
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    if (s->state == AI_SIM_LISTENING && how != SHUT_WR) {
        ai_sim_connect_close(s);
        ai_sim_touch(s);
        return 0;
    }
    if (s->state != AI_SIM_CONNECTED)
        return -ENOTCONN;
    s->shut_read |= how != SHUT_WR;
    s->shut_write |= how != SHUT_RD;
    ai_sim_touch(s);
    if (s->peer != NULL && how != SHUT_RD)
        send_mark(s->peer, &s->peer->in.end, 0);
    if (s->peer != NULL)
        ai_sim_touch(s->peer);
    return 0;
}

void ai_sim_stream_reset(struct ai_sim_socket *s)
{
    struct ai_sim_socket *peer = s->peer;
    if (s->state != AI_SIM_CONNECTED || s->broken)
        return;
    s->peer = NULL;
    break_off(s, -ECONNRESET);
    if (peer != NULL) {
        peer->peer = NULL;
        send_mark(peer, &peer->in.reset, 0);
        ai_sim_touch(peer);
    }
}

/* What was read never, or will come to nobody, is answered by a reset. */
void ai_sim_stream_close(struct ai_sim_socket *s, bool abort)
{
    struct ai_sim_socket *peer = s->peer;
    bool unread = s->in.readable > 0;
    int64_t coming = ai_list_empty(&s->in.coming) ? -1 : segment_of(s->in.coming.next)->due;
    ai_timer_stop(&s->net->timers, &s->timer);
    drop_all(&s->in.coming);
    drop_all(&s->in.come);
    s->peer = NULL;
    if (peer == NULL)
        return;
    peer->peer = NULL;
    ai_sim_touch(peer);
    if (!abort && !unread)
        send_mark(peer, &peer->in.end, 0);
    if (abort || unread || coming >= 0)
        send_mark(peer, &peer->in.reset, coming + ai_sim_way(peer));
}
