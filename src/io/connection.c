#include "io/connection.h"

#include "base/panic.h"
#include "io/linger.h"
#include "io/reading.h"
#include "task/diagnose.h"
#include "task/run.h"
#include "task/step.h"
#include "task/thread.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum {
    LIMIT = 1 << 16,   /* Python's */
    HIGH = 64 << 10,   /* Python's */
    LOW = 16 << 10,    /* Python's */
    RECEIVE = 1 << 16, /* at a time, of memory that is lent */
    CHUNK = 1 << 14,   /* of our own */
};

/* Of this thread, that have not been closed. */
static _Thread_local struct ai_list all;

/* --- The loop's end --- */

/* What was written has one chance to be sent. */
static bool wind_up(void)
{
    struct ai_loop *loop = ai_thread.loop;

    ai_list_each (node, &all)
        ai_connection_flush(ai_container(node, struct ai_connection, link));
    if (!ai_list_empty(&all))
        ai_loop_wait(loop, 0);
    ai_list_each (node, &all)
        ai_connection_abort(ai_container(node, struct ai_connection, link), -ECONNABORTED);
    return !ai_list_empty(&all);
}

static void forget(void)
{
    ai_list_init(&all);
}

static _Thread_local struct ai_wind_up winding_up = {.step = wind_up, .forget = forget};

/* --- Life --- */

static void in_done(struct ai_op *op);
static void out_done(struct ai_op *op);
static void send_later(struct ai_before *before);

struct ai_connection *ai_connection_new(int fd, size_t limit)
{
    struct ai_connection *c = ai_allocate(sizeof *c);

    if (!c)
        return NULL;
    if (!all.next)
        ai_list_init(&all);
    ai_list_append(&all, &c->link);
    ai_wind_up_later(&winding_up);
    ai_list_init(&c->peers);
    ai_list_init(&c->before.link);
    c->before.run = send_later;
    ai_list_init(&c->in.link);
    ai_list_init(&c->out.link);
    c->in.done = in_done;
    c->out.done = out_done;
    ai_list_init(&c->waiting);
    c->refs = 1;
    c->fd = fd;
    c->is_socket = true;
    c->limit = limit ? limit : LIMIT;
    c->high = HIGH;
    c->low = LOW;
    return c;
}

void ai_connection_free(struct ai_connection *c)
{
    if (c->filter)
        c->filter->type->free(c->filter);
    ai_buffer_free(&c->input);
    ai_buffer_free(&c->held);
    ai_buffer_free(&c->output);
    ai_deallocate(c, sizeof *c);
}

void ai_connection_drop(struct ai_connection *c)
{
    ai_connection_close(c);
    ai_connection_unref(c);
}

static void wake_reading(struct ai_connection *c)
{
    if (c->reading)
        ai_step_wake(&c->reading->object);
}

static void wake_waiting(struct ai_connection *c)
{
    ai_list_each (node, &c->waiting)
        ai_step_wake(&ai_container(node, struct ai_waiting, link)->object);
}

/* --- Input --- */

void ai_connection_fail_input(struct ai_connection *c, int error)
{
    if (!c->in_eof && !c->in_error)
        c->in_error = error;
}

/* What a read has pointed to stays where it is, and what is behind it moves on. */
static bool hold(struct ai_connection *c)
{
    struct ai_buffer moved = {0};

    *c->line_end = c->line_byte;
    bool fits = ai_buffer_append(&moved, ai_buffer_bytes(&c->input), ai_buffer_count(&c->input));
    *c->line_end = 0;
    if (!fits)
        return false;
    c->held = c->input;
    c->input = moved;
    c->line_end = NULL;
    return true;
}

int ai_connection_feed(struct ai_connection *c, const char *data, size_t n)
{
    if (c->closing)
        return 0;
    if (c->reading && ai_buffer_count(&c->input) == 0) {
        size_t taken = ai_reading_take(c->reading, data, n);
        data += taken;
        n -= taken;
    }
    if (n == 0)
        return 0;
    if (c->line_end && !hold(c))
        return -ENOMEM;
    return ai_buffer_append(&c->input, data, n) ? 0 : -ENOMEM;
}

void ai_connection_feed_eof(struct ai_connection *c)
{
    c->in_eof = true;
    ai_linger_end(c);
}

void ai_connection_reclaim(struct ai_connection *c)
{
    if (c->line_end)
        *c->line_end = c->line_byte;
    c->line_end = NULL;
    ai_buffer_free(&c->held);
    if (ai_buffer_count(&c->input) == 0)
        ai_buffer_free(&c->input);
}

char *ai_connection_point(struct ai_connection *c, size_t n)
{
    static _Thread_local char nothing[1];

    char *data = ai_buffer_bytes(&c->input);

    if (!data) { /* there is nothing at all */
        *nothing = 0;
        return nothing;
    }
    ai_buffer_pass(&c->input, n); /* to be tidied up before the next read */
    c->line_end = data + n;
    c->line_byte = *c->line_end;
    *c->line_end = 0;
    return data;
}

int ai_connection_decode(struct ai_connection *c, const char *data, size_t n)
{
    if (c->filter)
        return c->filter->type->decode(c->filter, c, data, n);
    if (n > 0)
        return ai_connection_feed(c, data, n);
    ai_connection_feed_eof(c);
    return 0;
}

/* The kernel tells of a lost connection once. If that was to who wrote, what comes after looks like
 * an end. */
static void received(struct ai_connection *c)
{
    int64_t result = c->in.result;

    if (c->closing) {
        ai_linger_received(c, result);
        return;
    }
    if (result == 0 && c->out_error)
        result = c->out_error;
    if (result >= 0)
        result = ai_connection_decode(c, c->in.buf, (size_t)result);
    if (result < 0)
        ai_connection_fail_input(c, (int)result);
    if (c->filter)
        ai_connection_flush(c); /* what it has to say */
}

static int prepare_in(struct ai_connection *c)
{
    c->in.code = c->is_socket ? AI_OP_RECV : AI_OP_READ;
    c->in.fd = c->fd;
    c->in.buf = c->is_socket ? NULL : ai_allocate(CHUNK);
    c->in.size = c->is_socket ? RECEIVE : CHUNK;
    c->in.offset = -1;
    c->in.owned = true;
    return c->is_socket || c->in.buf ? 0 : -ENOMEM;
}

/* What is lent is the back-end's. */
static void drop_chunk(struct ai_connection *c)
{
    if (c->in.code == AI_OP_READ)
        ai_deallocate(c->in.buf, CHUNK);
}

int ai_connection_receive(struct ai_connection *c)
{
    struct ai_loop *loop = ai_thread.loop;

    if (c->in_busy)
        return 0;
    int taken = prepare_in(c);
    if (taken == 0)
        taken = ai_loop_submit(loop, &c->in);
    if (taken == 0) {
        c->in_busy = true;
        ai_connection_ref(c);
        return 0;
    }
    if (taken > 0)
        received(c);
    drop_chunk(c);
    return taken;
}

/* Whoever wants so many bytes is not woken before. */
static bool wants_more(const struct ai_connection *c)
{
    const struct ai_reading *r = c->reading;

    return r && !r->done && ai_buffer_count(&c->input) < r->least && !c->in_eof && !c->in_error;
}

/* The loop's end need not look after it any more. */
static void leave_all(struct ai_connection *c)
{
    if (c->closed && !c->in_busy)
        ai_list_remove(&c->link);
}

static void in_done(struct ai_op *op)
{
    struct ai_connection *c = ai_container(op, struct ai_connection, in);

    c->in_busy = false;
    leave_all(c);
    received(c);
    drop_chunk(c);
    if (c->closing)
        ai_connection_flush(c);
    if (!wants_more(c) || ai_connection_receive(c) != 0)
        wake_reading(c);
    ai_connection_unref(c);
}

/* --- Output --- */

static bool is_idle(const struct ai_connection *c)
{
    return ai_list_empty(&c->before.link);
}

void ai_connection_fail_output(struct ai_connection *c, int error)
{
    if (!c->out_error)
        c->out_error = error;
    ai_buffer_free(&c->output);
    c->paused = false;
    wake_waiting(c);
}

int ai_connection_put(struct ai_connection *c, const void *data, size_t n)
{
    if (c->out_error || c->fd < 0)
        return 0;
    if (!ai_buffer_append(&c->output, data, n))
        return -ENOMEM;
    if (is_idle(c) && !c->out_busy)
        ai_list_append(&ai_thread.loop->before, &c->before.link);
    return 0;
}

int ai_connection_write(struct ai_connection *c, const void *data, size_t n)
{
    if (c->ends)
        ai_panic("RuntimeError: Cannot call write() after write_eof()");
    if (c->out_error || c->closing)
        return c->out_error ? c->out_error : -EPIPE;
    if (n == 0)
        return 0;
    int error =
        c->filter ? c->filter->type->encode(c->filter, c, data, n) : ai_connection_put(c, data, n);
    if (error)
        ai_connection_fail_output(c, error);
    return error;
}

static void prepare_send(struct ai_connection *c)
{
    if (ai_buffer_count(&c->sending) == 0) {
        ai_buffer_free(&c->sending);
        c->sending = c->output;
        c->output = (struct ai_buffer){0};
    }
    c->out.code = c->is_socket ? AI_OP_SEND : AI_OP_WRITE;
    c->out.from = ai_buffer_bytes(&c->sending);
    c->out.size = ai_buffer_count(&c->sending);
    c->out.offset = -1;
}

static void prepare_end(struct ai_connection *c)
{
    c->out.code = AI_OP_SHUTDOWN;
    c->out.flags = SHUT_WR;
    c->ended = true;
}

static void prepare_close(struct ai_connection *c)
{
    c->out.code = AI_OP_CLOSE;
    c->fd = -1;
}

/* What is next: false, nothing. */
static bool prepare_out(struct ai_connection *c)
{
    c->out.flags = 0;
    c->out.fd = c->fd;
    if (c->fd < 0)
        return false;
    if (c->closing && ai_linger_waits(c) && ai_connection_unsent(c) == 0)
        return false;
    if (ai_connection_unsent(c) > 0)
        prepare_send(c);
    else if (c->ends && !c->ended && !c->out_error && c->is_socket)
        prepare_end(c);
    else if (c->closing)
        prepare_close(c);
    else
        return false;
    return true;
}

static void sent(struct ai_connection *c, int64_t result)
{
    if (result >= 0)
        ai_buffer_drop(&c->sending, (size_t)result);
    if (c->out_error || result < 0) {
        ai_buffer_free(&c->sending);
        ai_connection_fail_output(c, (int)result);
    }
    if (ai_buffer_count(&c->sending) == 0)
        ai_buffer_free(&c->sending);
    if (c->paused && ai_connection_unsent(c) <= c->low) {
        c->paused = false;
        wake_waiting(c);
    }
}

static void closed(struct ai_connection *c)
{
    c->closed = true;
    leave_all(c);
    wake_waiting(c);
    ai_list_remove(&c->peers);
    if (c->lost)
        c->lost(c);
}

static void out_result(struct ai_connection *c, int64_t result)
{
    if (c->out.code == AI_OP_CLOSE)
        closed(c);
    else if (c->out.code != AI_OP_SHUTDOWN)
        sent(c, result);
    else if (result < 0 && result != -ENOTCONN)
        ai_connection_fail_output(c, (int)result);
}

bool ai_connection_flush(struct ai_connection *c)
{
    struct ai_loop *loop = ai_thread.loop;
    bool any = false;

    ai_list_remove(&c->before.link);
    while (!c->out_busy && prepare_out(c)) {
        int taken = ai_loop_submit(loop, &c->out);
        if (taken == 0) {
            c->out_busy = true;
            ai_connection_ref(c);
            break;
        }
        any = true;
        out_result(c, taken < 0 ? taken : c->out.result);
    }
    return any;
}

static void out_done(struct ai_op *op)
{
    struct ai_connection *c = ai_container(op, struct ai_connection, out);

    c->out_busy = false;
    out_result(c, op->result);
    ai_connection_flush(c);
    ai_connection_unref(c);
}

static void send_later(struct ai_before *before)
{
    ai_connection_flush(ai_container(before, struct ai_connection, before));
}

/* --- Its end --- */

static void end(struct ai_connection *c)
{
    c->closing = true;
    c->in_eof = true;
    wake_reading(c);
    ai_connection_flush(c);
}

void ai_connection_close(struct ai_connection *c)
{
    if (c->closing)
        return;
    if (c->filter && !c->out_error && c->filter->type->shutdown(c->filter, c) && !c->in_eof)
        ai_linger_begin(c);
    end(c);
}

void ai_connection_abort(struct ai_connection *c, int error)
{
    struct ai_loop *loop = ai_thread.loop;

    if (c->closed)
        return;
    ai_linger_end(c);
    if (ai_connection_unsent(c) > 0)
        ai_connection_fail_output(c, error);
    if (c->out_busy && c->fd >= 0)
        loop->backend->cancel(loop->state, &c->out);
    end(c);
}
