/* Opening streams: to a host, to a Unix socket, of a descriptor.
 *
 * Who asks owns the streams, also where what opens them runs as a task of its
 * own: their handle is made with the awaitable, and connected in the end. */
#include "io/connect.h"
#include "io/connection.h"
#include "task/thread.h"

#include <asyncio/io.h>

#include <errno.h>
#include <sys/stat.h>

/* Fails with what the last await failed with. */
static int pass_on(int code)
{
    const char *message = asyncio_error_message();
    return message ? asyncio_raise(code, "%s", message) : asyncio_raise(code, NULL);
}

/* --- Connecting --- */

static struct asyncio_streams give_up(asyncio_any streams)
{
    struct ai_object *o = ai_object_if_any(streams);

    if (o)
        ai_disown(o);
    return (struct asyncio_streams){NULL, NULL};
}

static struct asyncio_streams give_up_connected(struct ai_connection *c, asyncio_any streams)
{
    ai_connection_abort(c, -ECONNABORTED);
    ai_connection_unref(c);
    return give_up(streams);
}

static int secure(struct ai_connection *c, const struct asyncio_connection_options *o)
{
    const char *name = o->server_hostname ? o->server_hostname : o->host;

    if (!o->ssl)
        return 0;
    c->linger_time = (float)o->ssl_shutdown_timeout;
    return ASYNCIO_AWAIT(ai_connection_secure(c, o->ssl, false, name, o->ssl_handshake_timeout));
}

/* The owner may have ended meanwhile. */
static struct asyncio_streams open_on(int fd, const struct asyncio_connection_options *o,
                                      asyncio_any streams)
{
    if (fd < 0) {
        pass_on(fd);
        return give_up(streams);
    }
    struct ai_connection *c = ai_connection_new(fd, o->limit);
    if (!c) {
        (void)ASYNCIO_AWAIT(asyncio_close(fd));
        asyncio_raise(-ENOMEM, NULL);
        return give_up(streams);
    }
    int error = secure(c, o);
    if (error) {
        pass_on(error);
        return give_up_connected(c, streams);
    }
    struct ai_object *owner = ai_object_if_any(streams);
    if (owner)
        return ai_streams_connect(owner, c);
    asyncio_raise(-ECANCELED, NULL);
    return give_up_connected(c, streams);
}

static ASYNCIO_ASYNC(struct asyncio_streams, open_connection,
                     (struct asyncio_connection_options, o), (asyncio_any, streams))
{
    struct ai_connect_options to = {
        .host = o.host,
        .port = o.port,
        .family = o.family,
        .flags = o.flags,
        .local_host = o.local_addr,
        .local_port = o.local_port,
        .happy_eyeballs_delay = o.happy_eyeballs_delay,
        .first_address_family_count = o.interleave,
    };
    return open_on(ASYNCIO_AWAIT(ai_connect_host(&to)), &o, streams);
}

static ASYNCIO_ASYNC(struct asyncio_streams, open_unix_connection,
                     (struct asyncio_connection_options, o), (asyncio_any, streams))
{
    int fd = ASYNCIO_AWAIT(ai_connect_unix(o.host));

    o.host = NULL; /* is no name of a server */
    return open_on(fd, &o, streams);
}

/* What opens them, and their owner; or neither. */
#define OPEN(opener, options)                                                                      \
    ai_thread_loop("asyncio_" #opener);                                                            \
    struct ai_object *streams = ai_streams_new();                                                  \
    if (!streams)                                                                                  \
        return NULL;                                                                               \
    ASYNCIO_AWAITABLE(struct asyncio_streams)                                                      \
    h = opener(*(options), ai_handle(streams));                                                    \
    if (!h)                                                                                        \
        ai_disown(streams);                                                                        \
    return h

ASYNCIO_AWAITABLE(struct asyncio_streams)
asyncio__open_connection(const struct asyncio_connection_options *options)
{
    OPEN(open_connection, options);
}

ASYNCIO_AWAITABLE(struct asyncio_streams)
asyncio__open_unix_connection(const struct asyncio_connection_options *options)
{
    OPEN(open_unix_connection, options);
}

/* --- Of a descriptor --- */

/* What the kernel knows nothing of is a socket of the simulation. */
static bool is_socket(int fd)
{
    struct stat s;
    return fstat(fd, &s) < 0 || S_ISSOCK(s.st_mode);
}

struct asyncio_streams asyncio_open_fd(int fd, size_t limit)
{
    ai_thread_loop("asyncio_open_fd");
    struct ai_object *o = ai_streams_new();
    struct ai_connection *c = o ? ai_connection_new(fd, limit) : NULL;

    if (c) {
        c->is_socket = is_socket(fd);
        return ai_streams_connect(o, c);
    }
    if (o)
        ai_disown(o);
    return (struct asyncio_streams){NULL, NULL};
}
