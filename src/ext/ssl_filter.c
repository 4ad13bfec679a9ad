#include "ext/ssl_filter.h"

#include "ext/ssl_object.h"

#include <errno.h>
#include <string.h>

enum { PIECE = 4096 }; /* decoded at a time, on the stack */

struct ssl_filter {
    struct ai_filter filter;
    struct ai_connection *connection; /* of the call under way */
    struct asyncio_ssl_object object;
};

static int put(void *sink, const void *data, size_t n)
{
    struct ssl_filter *f = sink;

    return f->filter.port->put(f->connection, data, n);
}

static struct asyncio_ssl_object *object_of(struct ai_filter *filter, struct ai_connection *c)
{
    struct ssl_filter *f = (struct ssl_filter *)filter;

    f->connection = c;
    return &f->object;
}

static int handshake(struct ai_filter *f, struct ai_connection *c)
{
    return ai_ssl_object_handshake(object_of(f, c));
}

/* What can be read now. */
static int feed(struct ai_filter *filter, struct ai_connection *c)
{
    struct ssl_filter *f = (struct ssl_filter *)filter;
    bool ended = f->object.ended;
    char piece[PIECE];
    ssize_t n;

    while ((n = ai_ssl_object_read(&f->object, piece, sizeof piece)) > 0) {
        int code = f->filter.port->feed(c, piece, (size_t)n);
        if (code < 0)
            return code;
    }
    if (f->object.ended && !ended)
        f->filter.port->feed_eof(c);
    return (int)n;
}

/* Data may follow the last bytes of the handshake at once. */
static int decode(struct ai_filter *f, struct ai_connection *c, const char *data, size_t n)
{
    struct asyncio_ssl_object *o = object_of(f, c);

    if (n > 0)
        ai_ssl_object_give(o, data, n);
    else
        ai_ssl_object_give_eof(o);
    int code = ai_ssl_object_handshake(o);
    return code == 1 ? feed(f, c) : code;
}

static int encode(struct ai_filter *f, struct ai_connection *c, const char *data, size_t n)
{
    return ai_ssl_object_write(object_of(f, c), data, n);
}

static bool shutdown(struct ai_filter *f, struct ai_connection *c)
{
    struct asyncio_ssl_object *o = object_of(f, c);

    ai_ssl_object_shutdown(o);
    return o->closed && !o->ended && !o->error.code;
}

/* --- What is known of it --- */

static const void *lookup(struct asyncio_ssl_object *o, const char *name)
{
    if (strcmp(name, "ssl_object") == 0)
        return o;
    if (strcmp(name, "sslcontext") == 0)
        return o->chosen ? o->chosen : o->context;
    if (strcmp(name, "peercert") == 0)
        return asyncio_ssl_object_getpeercert(o);
    if (strcmp(name, "cipher") == 0)
        return asyncio_ssl_object_cipher(o, NULL);
    return NULL;
}

static ssize_t extra_info(struct ai_filter *f, const char *name, void *value, size_t size)
{
    const void *found = lookup(&((struct ssl_filter *)f)->object, name);

    if (!found)
        return -ENOENT;
    if (size < sizeof found)
        return -EINVAL;
    memcpy(value, &found, sizeof found);
    return sizeof found;
}

static const char *message(struct ai_filter *f, int error)
{
    const struct ai_ssl_error *e = &((struct ssl_filter *)f)->object.error;

    return e->code == error ? e->message : NULL;
}

/* --- Life --- */

static void destroy(struct ai_filter *f)
{
    ai_ssl_object_fini(&((struct ssl_filter *)f)->object);
    OPENSSL_free(f);
}

struct ai_filter *ai_ssl_filter_make(struct ai_filter_source *source, bool is_server,
                                     const char *name, int *error)
{
    static const struct ai_filter_type type = {
        .handshake = handshake,
        .decode = decode,
        .encode = encode,
        .shutdown = shutdown,
        .extra_info = extra_info,
        .message = message,
        .free = destroy,
    };
    struct ssl_filter *f = OPENSSL_zalloc(sizeof *f);

    *error = -ENOMEM;
    if (!f)
        return NULL;
    f->filter.type = &type;
    if (!ai_ssl_object_init(&f->object, (struct asyncio_ssl_context *)source, is_server, name)) {
        OPENSSL_free(f);
        return NULL;
    }
    f->object.put = put;
    f->object.sink = f;
    return &f->filter;
}
