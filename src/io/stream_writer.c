/* StreamWriter: writing, draining and the end of <asyncio/streams.h>.
 *
 * Who drains or waits for the end stands in the connection's list, is woken when anything there
 * may have changed, and looks again. */
#include "base/panic.h"
#include "io/call.h"
#include "io/connection.h"
#include "task/make.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* --- Writing --- */

int asyncio_stream_writer_write(struct asyncio_stream_writer *w, const void *data, size_t n)
{
    return ai_connection_write(ai_connection_of(w), data, n);
}

int asyncio_stream_writer_writelines(struct asyncio_stream_writer *w, const struct iovec *lines,
                                     int n)
{
    struct ai_connection *c = ai_connection_of(w);
    int error = 0;

    for (int i = 0; i < n && !error; i++)
        error = ai_connection_write(c, lines[i].iov_base, lines[i].iov_len);
    return error;
}

/* What is longer than most is formatted twice. */
int asyncio_stream_writer_vprintf(struct asyncio_stream_writer *w, const char *format, va_list args)
{
    struct ai_connection *c = ai_connection_of(w);
    struct ai_buffer text = {0};
    char some[512], *all = some;
    va_list again;

    va_copy(again, args);
    int n = vsnprintf(some, sizeof some, format, args);
    if (n >= (int)sizeof some) {
        all = ai_buffer_room(&text, (size_t)n);
        if (all)
            vsnprintf(all, (size_t)n + 1, format, again);
    }
    va_end(again);
    int error = n < 0 ? -EINVAL : all ? ai_connection_write(c, all, (size_t)n) : -ENOMEM;
    if (!all)
        ai_connection_fail_output(c, -ENOMEM);
    ai_buffer_free(&text);
    return error ? error : n;
}

int asyncio_stream_writer_printf(struct asyncio_stream_writer *w, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = asyncio_stream_writer_vprintf(w, format, args);
    va_end(args);
    return n;
}

/* --- Waiting --- */

static int step(struct ai_waiting *w, bool cancelled, int (*look)(struct ai_waiting *w))
{
    int code = cancelled ? -ECANCELED : look(w);

    ai_list_remove(&w->link);
    if (code == 0)
        ai_list_append(&w->connection->waiting, &w->link);
    w->result = 0;
    return code < 0 ? ai_connection_explain(w->connection, &w->object, code) : code;
}

static void destroy(void *self)
{
    struct ai_waiting *w = self;

    ai_list_unlink(&w->link);
    ai_connection_unref(w->connection);
}

#define WAITING_TYPE(label, steps)                                                                 \
    {                                                                                              \
        .name = label, .size = sizeof(struct ai_waiting), .result_size = sizeof(int),              \
        .result_offset = offsetof(struct ai_waiting, result), .result_signed = true,               \
        .pool_class = ASYNCIO__POOL_CLASS(sizeof(struct ai_waiting)), .step = steps,               \
        .destroy = destroy,                                                                        \
    }

static asyncio_any waiting(const struct asyncio_awaitable_type *type, const void *writer)
{
    struct ai_connection *c = ai_connection_of(writer);
    struct ai_waiting *w = ai_object_make(type);

    if (!w)
        return NULL;
    w->connection = ai_connection_ref(c);
    ai_list_init(&w->link);
    return ai_handle(&w->object);
}

static int is_drained(struct ai_waiting *w)
{
    struct ai_connection *c = w->connection;

    if (c->out_error || c->in_error)
        return c->out_error ? c->out_error : c->in_error;
    if (c->closed)
        return -ECONNRESET;
    return !c->paused;
}

/* Sends, where anything is left to send: what was sent at once, time and again, lets others have
 * their turn. */
static int drain_step(void *self, bool cancelled)
{
    struct ai_waiting *w = self;
    struct ai_connection *c = w->connection;

    if (!cancelled && !c->out_busy) {
        bool overstays = ai_connection_flush(c) && ai_call_overstays();
        c->paused |= ai_connection_unsent(c) > c->high;
        if (overstays) {
            ai_step_wake(&w->object);
            return 0;
        }
    } else {
        c->paused |= ai_connection_unsent(c) > c->high;
    }
    return step(w, cancelled, is_drained);
}

ASYNCIO_AWAITABLE(int) asyncio_stream_writer_drain(struct asyncio_stream_writer *w)
{
    static const struct asyncio_awaitable_type type =
        WAITING_TYPE("StreamWriter.drain", drain_step);
    return waiting(&type, w);
}

static int is_closed(struct ai_waiting *w)
{
    const struct ai_connection *c = w->connection;

    if (!c->closed)
        return 0;
    return c->out_error ? c->out_error : 1;
}

static int closed_step(void *self, bool cancelled)
{
    return step(self, cancelled, is_closed);
}

ASYNCIO_AWAITABLE(int) asyncio_stream_writer_wait_closed(struct asyncio_stream_writer *w)
{
    static const struct asyncio_awaitable_type type =
        WAITING_TYPE("StreamWriter.wait_closed", closed_step);
    return waiting(&type, w);
}

/* --- Its end --- */

int asyncio_stream_writer_write_eof(struct asyncio_stream_writer *w)
{
    struct ai_connection *c = ai_connection_of(w);

    if (c->filter)
        return -EOPNOTSUPP;
    if (c->closing)
        return 0;
    c->ends = true;
    if (c->is_socket)
        ai_connection_flush(c);
    else
        ai_connection_close(c);
    return 0;
}

bool asyncio_stream_writer_can_write_eof(const struct asyncio_stream_writer *w)
{
    return !ai_connection_of(w)->filter;
}

void asyncio_stream_writer_close(struct asyncio_stream_writer *w)
{
    ai_connection_close(ai_connection_of(w));
}

void asyncio_stream_writer_abort(struct asyncio_stream_writer *w)
{
    ai_connection_abort(ai_connection_of(w), -ECONNABORTED);
}

bool asyncio_stream_writer_is_closing(const struct asyncio_stream_writer *w)
{
    const struct ai_connection *c = ai_connection_of(w);
    return c->closing || c->out_error;
}

/* --- What is known of it --- */

static ssize_t address(const struct ai_connection *c, uint8_t code, void *value, size_t size)
{
    struct ai_loop *loop = ai_thread.loop;
    socklen_t n = (socklen_t)size;
    struct ai_op op = {.code = code, .fd = c->fd, .buf = value, .more = &n};

    if (c->fd < 0)
        return -EBADF;
    int taken = ai_loop_submit(loop, &op);
    int64_t result = taken < 0 ? taken : op.result;
    return result < 0 ? (ssize_t)result : (ssize_t)(n < size ? n : size);
}

static ssize_t descriptor(const struct ai_connection *c, void *value, size_t size)
{
    if (size < sizeof c->fd)
        return -EINVAL;
    memcpy(value, &c->fd, sizeof c->fd);
    return c->fd < 0 ? -EBADF : (ssize_t)sizeof c->fd;
}

ssize_t asyncio_stream_writer_get_extra_info(const struct asyncio_stream_writer *w,
                                             const char *name, void *value, size_t size)
{
    const struct ai_connection *c = ai_connection_of(w);

    if (c->is_socket && strcmp(name, "peername") == 0)
        return address(c, AI_OP_GETPEERNAME, value, size);
    if (c->is_socket && strcmp(name, "sockname") == 0)
        return address(c, AI_OP_GETSOCKNAME, value, size);
    if (strcmp(name, c->is_socket ? "socket" : "pipe") == 0)
        return descriptor(c, value, size);
    if (c->filter && c->filter->type->extra_info)
        return c->filter->type->extra_info(c->filter, name, value, size);
    return -ENOENT;
}

struct asyncio_stream_reader *asyncio_stream_writer_reader(struct asyncio_stream_writer *w)
{
    ai_connection_of(w);
    return (struct asyncio_stream_reader *)w;
}

/* --- Water marks --- */

enum { USUAL_HIGH = 64 << 10 };

void asyncio_stream_writer_set_write_buffer_limits(struct asyncio_stream_writer *w, ssize_t high,
                                                   ssize_t low)
{
    struct ai_connection *c = ai_connection_of(w);

    if (high == -1)
        high = low == -1 ? USUAL_HIGH : 4 * low;
    if (low == -1)
        low = high / 4;
    if (low < 0 || low > high)
        ai_panic("ValueError: high (%zd) must be >= low (%zd) must be >= 0", high, low);
    c->high = (size_t)high;
    c->low = (size_t)low;
}

void asyncio_stream_writer_get_write_buffer_limits(const struct asyncio_stream_writer *w,
                                                   size_t *low, size_t *high)
{
    const struct ai_connection *c = ai_connection_of(w);

    *low = c->low;
    *high = c->high;
}

size_t asyncio_stream_writer_get_write_buffer_size(const struct asyncio_stream_writer *w)
{
    return ai_connection_unsent(ai_connection_of(w));
}
