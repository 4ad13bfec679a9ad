/* Contexts: an SSL_CTX, made of options, and what its connections share beside it. Counted; nothing
 * of it changes once it is made but its sessions, so any thread may use it. */
#ifndef AI_EXT_SSL_CONTEXT_H
#define AI_EXT_SSL_CONTEXT_H

#include "ext/ssl_error.h"
#include "ext/ssl_sessions.h"
#include "io/filter.h"

#include <asyncio/tls.h>

#include <stdatomic.h>

struct asyncio_ssl_context {
    struct ai_filter_source source;
    atomic_uint refs;
    bool is_server, any_hostname;
    SSL_CTX *ssl;
    BIO_METHOD *bio; /* of its connections */
    struct asyncio_ssl_context *(*sni_callback)(const char *server_name, void *argument);
    void *sni_argument;
    struct ai_ssl_sessions sessions; /* a client's */
    unsigned char alpn[256];         /* as TLS writes it */
    unsigned alpn_size;
};

/* NULL, and *e, where that failed. */
struct asyncio_ssl_context *ai_ssl_context_new(bool is_server,
                                               const struct asyncio_ssl_context_options *options,
                                               struct ai_ssl_error *e);

#endif
