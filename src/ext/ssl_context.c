#include "ext/ssl_context.h"

#include "ext/ssl_filter.h"
#include "ext/ssl_object.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

/* --- Whom to trust --- */

static bool has_authorities(const struct asyncio_ssl_context_options *o)
{
    return o->cafile || o->capath || o->cadata;
}

static int verify_mode(bool is_server, const struct asyncio_ssl_context_options *o)
{
    if (o->verify == ASYNCIO_SSL_CERT_NONE)
        return SSL_VERIFY_NONE;
    if (o->verify == ASYNCIO_SSL_CERT_DEFAULT && is_server && !has_authorities(o))
        return SSL_VERIFY_NONE;
    if (o->verify == ASYNCIO_SSL_CERT_OPTIONAL)
        return SSL_VERIFY_PEER;
    return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

/* All certificates of a text: how many, or -1. It ends where there is no further one, which OpenSSL
 * tells as an error. */
static int add_authorities(X509_STORE *store, BIO *text)
{
    X509 *cert;
    int n = 0;

    while ((cert = PEM_read_bio_X509(text, NULL, NULL, (void *)""))) {
        int added = X509_STORE_add_cert(store, cert);
        X509_free(cert);
        if (!added)
            return -1;
        n++;
    }
    if (n > 0 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
        ERR_clear_error();
    return ERR_peek_error() ? -1 : n;
}

static int read_authorities(SSL_CTX *ssl, const char *pem)
{
    BIO *text = BIO_new_mem_buf(pem, -1);
    int n = text ? add_authorities(SSL_CTX_get_cert_store(ssl), text) : -1;

    BIO_free(text);
    return n;
}

static int trust(struct asyncio_ssl_context *c, const struct asyncio_ssl_context_options *o,
                 struct ai_ssl_error *e)
{
    int mode = verify_mode(c->is_server, o);

    SSL_CTX_set_verify(c->ssl, mode, NULL);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(c->ssl),
                                X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN);
    if (o->cafile && !SSL_CTX_load_verify_file(c->ssl, o->cafile))
        return ai_ssl_error_take(e, o->cafile, -EINVAL);
    if (o->capath && !SSL_CTX_load_verify_dir(c->ssl, o->capath))
        return ai_ssl_error_take(e, o->capath, -EINVAL);
    if (o->cadata && read_authorities(c->ssl, o->cadata) < 0)
        return ai_ssl_error_take(e, "cadata", -EINVAL);
    if (mode != SSL_VERIFY_NONE && !has_authorities(o) && !SSL_CTX_set_default_verify_paths(c->ssl))
        return ai_ssl_error_take(e, "the system's authorities", -EINVAL);
    return 0;
}

/* --- Who one is --- */

/* OpenSSL's own would ask at the terminal. */
static int password(char *buf, int size, int for_writing, void *known)
{
    size_t n = known ? OPENSSL_strlcpy(buf, known, (size_t)size) : 0;
    (void)for_writing;

    return n > 0 && n < (size_t)size ? (int)n : -1;
}

static int identify(struct asyncio_ssl_context *c, const struct asyncio_ssl_context_options *o,
                    struct ai_ssl_error *e)
{
    const char *key = o->keyfile ? o->keyfile : o->certfile;

    if (!o->certfile && !o->keyfile && !c->is_server)
        return 0;
    if (!o->certfile)
        return ai_ssl_error_set(e, -EINVAL, "%s",
                                o->keyfile ? "a keyfile without a certfile"
                                           : "a server needs a certfile");
    SSL_CTX_set_default_passwd_cb(c->ssl, password);
    SSL_CTX_set_default_passwd_cb_userdata(c->ssl, (void *)(uintptr_t)o->password);
    int code = 0;
    if (SSL_CTX_use_certificate_chain_file(c->ssl, o->certfile) != 1)
        code = ai_ssl_error_take(e, o->certfile, -EINVAL);
    else if (SSL_CTX_use_PrivateKey_file(c->ssl, key, SSL_FILETYPE_PEM) != 1)
        code = ai_ssl_error_take(e, key, -EINVAL);
    SSL_CTX_set_default_passwd_cb_userdata(c->ssl, NULL); /* the caller's string */
    return code;
}

/* --- What is spoken --- */

static int restrict_versions(struct asyncio_ssl_context *c,
                             const struct asyncio_ssl_context_options *o, struct ai_ssl_error *e)
{
    int least = o->min_version ? o->min_version : TLS1_2_VERSION;

    if (least < TLS1_2_VERSION || (o->max_version && (int)o->max_version < least) ||
        !SSL_CTX_set_min_proto_version(c->ssl, least) ||
        !SSL_CTX_set_max_proto_version(c->ssl, o->max_version))
        return ai_ssl_error_set(e, -EINVAL, "there are no such versions of TLS");
    if (o->ciphers && !SSL_CTX_set_cipher_list(c->ssl, o->ciphers))
        return ai_ssl_error_take(e, o->ciphers, -EINVAL);
    return 0;
}

/* "h2,http/1.1", each name with its length in front. */
static bool write_protocols(struct asyncio_ssl_context *c, const char *names)
{
    for (const char *name = names; name;) {
        size_t n = strcspn(name, ",");
        if (n == 0 || n > 255 || c->alpn_size + 1 + n > sizeof c->alpn)
            return false;
        c->alpn[c->alpn_size++] = (unsigned char)n;
        memcpy(c->alpn + c->alpn_size, name, n);
        c->alpn_size += (unsigned)n;
        name = name[n] ? name + n + 1 : NULL;
    }
    return true;
}

/* With nothing in common the connection goes on without, as in Python. */
static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                           const unsigned char *in, unsigned in_size, void *context)
{
    const struct asyncio_ssl_context *c = context;
    unsigned char *selected;
    (void)ssl;

    if (SSL_select_next_proto(&selected, out_size, c->alpn, c->alpn_size, in, in_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

static int offer_protocols(struct asyncio_ssl_context *c,
                           const struct asyncio_ssl_context_options *o, struct ai_ssl_error *e)
{
    if (!o->alpn)
        return 0;
    if (!write_protocols(c, o->alpn))
        return ai_ssl_error_set(e, -EINVAL, "'%s' is no list of protocols", o->alpn);
    if (c->is_server)
        SSL_CTX_set_alpn_select_cb(c->ssl, select_protocol, c);
    else if (SSL_CTX_set_alpn_protos(c->ssl, c->alpn, c->alpn_size) != 0)
        return ai_ssl_error_take(e, "alpn", -ENOMEM);
    return 0;
}

/* --- Names and sessions --- */

/* The certificate and the authorities are the chosen one's; how clients are verified belongs to the
 * connection and is set anew. */
static int choose(SSL *ssl, int *alert, void *context)
{
    struct asyncio_ssl_context *c = context;
    struct asyncio_ssl_object *o = SSL_get_app_data(ssl);
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    struct asyncio_ssl_context *chosen = c->sni_callback(name, c->sni_argument);

    if (!chosen || !chosen->is_server) {
        *alert = chosen ? SSL_AD_INTERNAL_ERROR : SSL_AD_UNRECOGNIZED_NAME;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    if (chosen == c)
        return SSL_TLSEXT_ERR_OK;
    if (!SSL_set_SSL_CTX(ssl, chosen->ssl)) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(chosen->ssl), NULL);
    ai_ssl_object_choose(o, chosen);
    return SSL_TLSEXT_ERR_OK;
}

/* A client's: the server has given one. 1: it is kept. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    return ai_ssl_object_keep(SSL_get_app_data(ssl), session);
}

/* Servers keep none: what they know is in the tickets. */
static void share_sessions(struct asyncio_ssl_context *c)
{
    static const unsigned char id[] = "asyncio";

    if (c->is_server) {
        SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_session_id_context(c->ssl, id, sizeof id);
        return;
    }
    SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(c->ssl, keep_session);
}

static void take_callbacks(struct asyncio_ssl_context *c,
                           const struct asyncio_ssl_context_options *o)
{
    c->any_hostname = o->any_hostname || o->verify == ASYNCIO_SSL_CERT_NONE;
    c->sni_callback = o->sni_callback;
    c->sni_argument = o->sni_argument;
    if (c->is_server && c->sni_callback) {
        SSL_CTX_set_tlsext_servername_callback(c->ssl, choose);
        SSL_CTX_set_tlsext_servername_arg(c->ssl, c);
    }
}

/* --- Life --- */

static void unref(struct asyncio_ssl_context *c)
{
    if (atomic_fetch_sub(&c->refs, 1) > 1)
        return;
    SSL_CTX_free(c->ssl);
    BIO_meth_free(c->bio);
    ai_ssl_sessions_fini(&c->sessions);
    OPENSSL_free(c);
}

static void retain(struct ai_filter_source *source)
{
    atomic_fetch_add(&((struct asyncio_ssl_context *)source)->refs, 1);
}

static void release(struct ai_filter_source *source)
{
    unref((struct asyncio_ssl_context *)source);
}

static struct asyncio_ssl_context *allocate(bool is_server)
{
    struct asyncio_ssl_context *c = OPENSSL_zalloc(sizeof *c);

    if (!c)
        return NULL;
    c->source = (struct ai_filter_source){ai_ssl_filter_make, retain, release};
    c->is_server = is_server;
    atomic_init(&c->refs, 1);
    ai_ssl_sessions_init(&c->sessions);
    c->bio = ai_ssl_object_bio();
    c->ssl = c->bio ? SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method()) : NULL;
    if (c->ssl)
        return c;
    unref(c);
    return NULL;
}

static int configure(struct asyncio_ssl_context *c, const struct asyncio_ssl_context_options *o,
                     struct ai_ssl_error *e)
{
    SSL_CTX_set_options(c->ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    share_sessions(c);
    take_callbacks(c, o);
    int code = restrict_versions(c, o, e);
    if (code == 0)
        code = offer_protocols(c, o, e);
    if (code == 0)
        code = trust(c, o, e);
    if (code == 0)
        code = identify(c, o, e);
    return code;
}

struct asyncio_ssl_context *ai_ssl_context_new(bool is_server,
                                               const struct asyncio_ssl_context_options *options,
                                               struct ai_ssl_error *e)
{
    struct asyncio_ssl_context *c;

    ERR_clear_error();
    *e = (struct ai_ssl_error){0};
    if (!(c = allocate(is_server))) {
        ai_ssl_error_take(e, NULL, -ENOMEM);
        return NULL;
    }
    if (configure(c, options, e) == 0)
        return c;
    unref(c);
    return NULL;
}
