/* <asyncio/tls.h> where there is no OpenSSL: everything is to be had but a context. */
#include "io/filter.h"

#include <asyncio.h>
#include <asyncio/tls.h>

#include <errno.h>

struct asyncio_ssl_context {
    struct ai_filter_source source;
};

static const char why[] = "this libasyncio-tls was built without OpenSSL";

struct asyncio_ssl_context *
asyncio__ssl_context_client(const struct asyncio_ssl_context_options *options)
{
    (void)options;
    asyncio__set_error(-ENOTSUP, why);
    return NULL;
}

struct asyncio_ssl_context *
asyncio__ssl_context_server(const struct asyncio_ssl_context_options *options)
{
    return asyncio__ssl_context_client(options);
}

struct asyncio_ssl_context *asyncio_ssl_context_retain(struct asyncio_ssl_context *context)
{
    return context;
}

void asyncio_ssl_context_release(struct asyncio_ssl_context *context)
{
    (void)context;
}

/* --- The default, which refuses every connection --- */

static struct ai_filter *refuse(struct ai_filter_source *source, bool is_server, const char *name,
                                int *error)
{
    (void)source, (void)is_server, (void)name;
    *error = -ENOTSUP;
    return NULL;
}

static void count_nothing(struct ai_filter_source *source)
{
    (void)source;
}

struct asyncio_ssl_context *asyncio_ssl_context_default(void)
{
    static struct asyncio_ssl_context by_default = {{refuse, count_nothing, count_nothing}};
    return &by_default;
}

/* --- Connections, of which there are none --- */

const char *asyncio_ssl_object_version(const struct asyncio_ssl_object *o)
{
    (void)o;
    return NULL;
}

const char *asyncio_ssl_object_cipher(const struct asyncio_ssl_object *o, int *bits)
{
    (void)o, (void)bits;
    return NULL;
}

const char *asyncio_ssl_object_selected_alpn_protocol(const struct asyncio_ssl_object *o)
{
    (void)o;
    return NULL;
}

bool asyncio_ssl_object_session_reused(const struct asyncio_ssl_object *o)
{
    (void)o;
    return false;
}

const char *asyncio_ssl_object_server_hostname(const struct asyncio_ssl_object *o)
{
    (void)o;
    return NULL;
}

const struct asyncio_ssl_certificate *asyncio_ssl_object_getpeercert(struct asyncio_ssl_object *o)
{
    (void)o;
    return NULL;
}
