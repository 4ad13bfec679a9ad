/* Filters put in place, and their handshakes: see connection.h. */
#include "io/connection.h"
#include "io/reading.h"

#include "base/panic.h"
#include "task/step.h"

#include <errno.h>

static const struct ai_filter_port port = {
    ai_connection_feed,
    ai_connection_feed_eof,
    ai_connection_put,
};

/* It is no more than a detour for what has come already. */
int ai_connection_set_filter(struct ai_connection *c, struct ai_filter *filter)
{
    struct ai_filter *old = c->filter;
    int error = 0;

    ai_connection_reclaim(c);
    struct ai_buffer early = c->input;
    c->filter = filter;
    if (filter)
        filter->port = &port;
    if (filter && ai_buffer_count(&early) > 0) {
        c->input = (struct ai_buffer){0};
        error = ai_connection_decode(c, ai_buffer_bytes(&early), ai_buffer_count(&early));
        ai_buffer_free(&early);
    }
    if (old)
        old->type->free(old);
    if (error)
        ai_connection_fail_input(c, error);
    return error;
}

int ai_connection_explain(struct ai_connection *c, struct ai_object *o, int code)
{
    const struct ai_filter *f = c->filter;
    const char *message = f && f->type->message ? f->type->message(c->filter, code) : NULL;

    if (message)
        ai_step_explain(o, code, message);
    return code;
}

static int shake(struct ai_reading *r)
{
    struct ai_connection *c = r->connection;
    int code = c->filter->type->handshake(c->filter, c);

    ai_connection_flush(c);
    r->result = 0;
    return code;
}

static int cut_short(struct ai_reading *r)
{
    (void)r;
    return -ECONNRESET;
}

ASYNCIO_AWAITABLE(int) ai_connection_handshake(struct ai_connection *c)
{
    static const struct asyncio_awaitable_type type = AI_READING_TYPE("start_tls", number);
    static const struct ai_reading_way way = {"start_tls", shake, cut_short};
    return ai_reading_handle(ai_reading_new(&type, c, &way));
}

ASYNCIO_ASYNC(int, ai_connection_secure, (struct ai_connection *, c),
              (struct asyncio_ssl_context *, context), (bool, is_server), (const char *, name),
              (double, seconds))
{
    struct ai_filter_source *source = ai_filter_source(context);
    int error = -ENOMEM;
    struct ai_filter *filter = source->make(source, is_server, name, &error);

    if (!filter)
        return asyncio_raise(error, NULL);
    ai_connection_set_filter(c, filter);
    return ASYNCIO_AWAIT(asyncio_wait_for(ai_connection_handshake(c), seconds > 0 ? seconds : 60));
}

/* --- In mid-stream --- */

static int pass_on(int error)
{
    const char *message = asyncio_error_message();
    return message ? asyncio_raise(error, "%s", message) : asyncio_raise(error, NULL);
}

static ASYNCIO_ASYNC(int, start_tls, (struct asyncio_start_tls_options, o))
{
    struct ai_connection *c = ai_connection_ref(ai_connection_of(o.writer));

    if (c->filter)
        ai_panic("RuntimeError: TLS has been started already");
    c->linger_time = (float)o.ssl_shutdown_timeout;
    int error = ASYNCIO_AWAIT(ai_connection_secure(c, o.context, o.server_side, o.server_hostname,
                                                   o.ssl_handshake_timeout));
    if (error) {
        pass_on(error);
        ai_connection_close(c);
    }
    ai_connection_unref(c);
    return error;
}

ASYNCIO_AWAITABLE(int)
asyncio__stream_writer_start_tls(const struct asyncio_start_tls_options *options)
{
    return start_tls(*options);
}
