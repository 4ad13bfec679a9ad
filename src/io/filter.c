/* Filters put in place, and their handshakes: see connection.h. */
#include "io/connection.h"
#include "io/reading.h"

#include <errno.h>

/* It is no more than a detour for what has come already. */
int ai_connection_set_filter(struct ai_connection *c, struct ai_filter *filter)
{
    struct ai_filter *old = c->filter;
    int error = 0;

    ai_connection_reclaim(c);
    struct ai_buffer early = c->input;
    c->filter = filter;
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
    struct ai_filter_source *source = (struct ai_filter_source *)context;
    int error = -ENOMEM;
    struct ai_filter *filter = source->make(source, is_server, name, &error);

    if (filter)
        error = ai_connection_set_filter(c, filter);
    if (!filter || error)
        return asyncio_raise(error, NULL);
    return ASYNCIO_AWAIT(asyncio_wait_for(ai_connection_handshake(c), seconds > 0 ? seconds : 60));
}
