/* The functions of <asyncio/tls.h> that make contexts and count them. */
#include "ext/ssl_context.h"

#include <asyncio.h>

#include <pthread.h>

static struct asyncio_ssl_context *make(bool is_server,
                                        const struct asyncio_ssl_context_options *options)
{
    struct ai_ssl_error e;
    struct asyncio_ssl_context *c = ai_ssl_context_new(is_server, options, &e);

    asyncio__set_error(e.code, e.message);
    return c;
}

struct asyncio_ssl_context *
asyncio__ssl_context_client(const struct asyncio_ssl_context_options *options)
{
    return make(false, options);
}

struct asyncio_ssl_context *
asyncio__ssl_context_server(const struct asyncio_ssl_context_options *options)
{
    return make(true, options);
}

struct asyncio_ssl_context *asyncio_ssl_context_retain(struct asyncio_ssl_context *context)
{
    if (context)
        context->source.retain(&context->source);
    return context;
}

void asyncio_ssl_context_release(struct asyncio_ssl_context *context)
{
    if (context)
        context->source.release(&context->source);
}

/* --- The default --- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct asyncio_ssl_context *made;

static struct asyncio_ssl_context *make_once(int *error)
{
    static const struct asyncio_ssl_context_options none;
    struct ai_ssl_error e = {0};

    pthread_mutex_lock(&lock);
    if (!made)
        made = ai_ssl_context_new(false, &none, &e);
    pthread_mutex_unlock(&lock);
    *error = e.code;
    return made;
}

static struct ai_filter *make_by_default(struct ai_filter_source *source, bool is_server,
                                         const char *name, int *error)
{
    struct asyncio_ssl_context *c = make_once(error);
    (void)source;

    return c ? c->source.make(&c->source, is_server, name, error) : NULL;
}

static void count_nothing(struct ai_filter_source *source)
{
    (void)source;
}

struct asyncio_ssl_context *asyncio_ssl_context_default(void)
{
    static struct asyncio_ssl_context by_default = {
        .source = {make_by_default, count_nothing, count_nothing},
    };
    return &by_default;
}
