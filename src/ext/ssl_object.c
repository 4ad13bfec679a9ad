#include "ext/ssl_object.h"

#include "ext/ssl_peer.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

/* --- The BIO --- */

static int bio_read(BIO *bio, char *buf, size_t n, size_t *got)
{
    struct asyncio_ssl_object *o = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    *got = n < o->in_size ? n : o->in_size;
    if (*got > 0) {
        memcpy(buf, o->in, *got);
        o->in += *got;
        o->in_size -= *got;
        return 1;
    }
    if (!o->in_eof)
        BIO_set_retry_read(bio);
    return 0;
}

/* Never part of it: what is to be sent waits where it is put. */
static int bio_write(BIO *bio, const char *data, size_t n, size_t *written)
{
    struct asyncio_ssl_object *o = BIO_get_data(bio);
    int code = o->put(o->sink, data, n);

    BIO_clear_retry_flags(bio);
    *written = n;
    if (code == 0)
        return 1;
    ai_ssl_error_set(&o->error, code, "no memory for what is to be sent");
    return 0;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    const struct asyncio_ssl_object *o = BIO_get_data(bio);
    (void)number, (void)pointer;

    if (command == BIO_CTRL_EOF)
        return o->in_eof && o->in_size == 0;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *ai_ssl_object_bio(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "asyncio");

    if (!m)
        return NULL;
    BIO_meth_set_read_ex(m, bio_read);
    BIO_meth_set_write_ex(m, bio_write);
    BIO_meth_set_ctrl(m, bio_ctrl);
    return m;
}

static bool connect_bio(struct asyncio_ssl_object *o)
{
    BIO *bio = BIO_new(o->context->bio);

    if (!bio)
        return false;
    BIO_set_data(bio, o);
    BIO_set_init(bio, 1);
    SSL_set_bio(o->ssl, bio, bio);
    return true;
}

/* --- Whom it is with --- */

static bool is_address(const char *name)
{
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);

    ASN1_OCTET_STRING_free(address);
    return address != NULL;
}

/* As certificates and SNI have it: without the dot of the root. */
static char *copy_name(const char *name)
{
    size_t n = strlen(name);

    return OPENSSL_strndup(name, n > 1 && name[n - 1] == '.' ? n - 1 : n);
}

static void resume(struct asyncio_ssl_object *o)
{
    SSL_SESSION *session = ai_ssl_sessions_take(&o->context->sessions, o->name);

    if (session)
        SSL_set_session(o->ssl, session); /* or, without memory, not */
    SSL_SESSION_free(session);
}

/* SNI has no addresses. */
static bool expect(struct asyncio_ssl_object *o)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(o->ssl);
    bool address = is_address(o->name), verifies = !o->context->any_hostname;

    if (!address && !SSL_set_tlsext_host_name(o->ssl, o->name))
        return false;
    if (!verifies)
        return true;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return address ? X509_VERIFY_PARAM_set1_ip_asc(param, o->name)
                   : X509_VERIFY_PARAM_set1_host(param, o->name, 0);
}

static bool begin_client(struct asyncio_ssl_object *o, const char *name)
{
    SSL_set_connect_state(o->ssl);
    if (!name && !o->context->any_hostname)
        ai_ssl_error_set(&o->error, -EINVAL, "check_hostname requires server_hostname");
    else if (name && (!*name || *name == '.'))
        ai_ssl_error_set(&o->error, -EINVAL,
                         "server_hostname cannot be an empty string or start with a leading dot");
    if (!name || o->error.code)
        return true;
    if (!(o->name = copy_name(name)) || !expect(o))
        return false;
    resume(o);
    return true;
}

static bool begin(struct asyncio_ssl_object *o, bool is_server, const char *name)
{
    if (!connect_bio(o) || !SSL_set_app_data(o->ssl, o))
        return false;
    if (is_server != o->context->is_server)
        ai_ssl_error_set(&o->error, -EINVAL, "a %s's context cannot be a %s's",
                         is_server ? "client" : "server", is_server ? "server" : "client");
    if (!is_server)
        return begin_client(o, name);
    SSL_set_accept_state(o->ssl);
    return true;
}

bool ai_ssl_object_init(struct asyncio_ssl_object *o, struct asyncio_ssl_context *context,
                        bool is_server, const char *name)
{
    *o = (struct asyncio_ssl_object){.context = asyncio_ssl_context_retain(context)};
    o->ssl = SSL_new(context->ssl);
    if (o->ssl && begin(o, is_server, name)) {
        ERR_clear_error();
        return true;
    }
    ERR_clear_error();
    ai_ssl_object_fini(o);
    return false;
}

void ai_ssl_object_fini(struct asyncio_ssl_object *o)
{
    SSL_free(o->ssl);
    ai_ssl_peer_free(o->peer);
    OPENSSL_free(o->name);
    OPENSSL_free(o->protocol);
    asyncio_ssl_context_release(o->chosen);
    asyncio_ssl_context_release(o->context);
}

/* The SSL has the SSL_CTX of this one, but not what its callbacks are called with. */
void ai_ssl_object_choose(struct asyncio_ssl_object *o, struct asyncio_ssl_context *chosen)
{
    asyncio_ssl_context_release(o->chosen);
    o->chosen = asyncio_ssl_context_retain(chosen);
}

int ai_ssl_object_keep(struct asyncio_ssl_object *o, SSL_SESSION *session)
{
    return o->name && ai_ssl_sessions_put(&o->context->sessions, o->name, session);
}

/* --- Going on --- */

void ai_ssl_object_give(struct asyncio_ssl_object *o, const char *data, size_t n)
{
    o->in = data;
    o->in_size = n;
}

void ai_ssl_object_give_eof(struct asyncio_ssl_object *o)
{
    o->in_size = 0;
    o->in_eof = true;
}

/* What became of a call of OpenSSL that did not succeed: 0, it needs more; -errno. */
static int consider(struct asyncio_ssl_object *o, int result)
{
    int what = SSL_get_error(o->ssl, result);

    if (what == SSL_ERROR_ZERO_RETURN)
        o->ended = true;
    else if (what != SSL_ERROR_WANT_READ && !o->error.code)
        ai_ssl_error_take_of(&o->error, o->ssl, o->name);
    ERR_clear_error();
    return o->error.code;
}

/* Up to TLS 1.2 a session that was resumed is good again, and its server gives no other. */
static void keep_resumed(struct asyncio_ssl_object *o)
{
    SSL_SESSION *session;

    if (o->context->is_server || SSL_version(o->ssl) > TLS1_2_VERSION ||
        !SSL_session_reused(o->ssl))
        return;
    session = SSL_get1_session(o->ssl);
    if (!ai_ssl_object_keep(o, session))
        SSL_SESSION_free(session);
}

static void note_protocol(struct asyncio_ssl_object *o)
{
    const unsigned char *name;
    unsigned n;

    SSL_get0_alpn_selected(o->ssl, &name, &n);
    if (n > 0 && !(o->protocol = OPENSSL_strndup((const char *)name, n)))
        ai_ssl_error_set(&o->error, -ENOMEM, "no memory for the protocol's name");
}

int ai_ssl_object_handshake(struct asyncio_ssl_object *o)
{
    if (o->shaken || o->error.code)
        return o->error.code ? o->error.code : 1;
    ERR_clear_error();
    int result = SSL_do_handshake(o->ssl);
    if (result != 1)
        return consider(o, result);
    o->shaken = true;
    keep_resumed(o);
    note_protocol(o);
    return o->error.code ? o->error.code : 1;
}

ssize_t ai_ssl_object_read(struct asyncio_ssl_object *o, void *buf, size_t n)
{
    size_t got;

    if (o->error.code || o->ended)
        return o->error.code;
    ERR_clear_error();
    if (SSL_read_ex(o->ssl, buf, n, &got))
        return (ssize_t)got;
    return consider(o, 0);
}

int ai_ssl_object_write(struct asyncio_ssl_object *o, const void *data, size_t n)
{
    size_t written;

    if (o->error.code)
        return o->error.code;
    if (!o->shaken || o->closed)
        return o->closed ? -EPIPE : -ENOTCONN;
    if (n == 0)
        return 0;
    ERR_clear_error();
    if (SSL_write_ex(o->ssl, data, n, &written))
        return o->error.code;
    int code = consider(o, 0);
    return code ? code : ai_ssl_error_set(&o->error, -EPROTO, "the peer is in another handshake");
}

void ai_ssl_object_shutdown(struct asyncio_ssl_object *o)
{
    if (o->closed || !o->shaken || o->error.code)
        return;
    o->closed = true;
    ERR_clear_error();
    SSL_shutdown(o->ssl);
    ERR_clear_error();
}

/* --- What became of it --- */

const char *asyncio_ssl_object_version(const struct asyncio_ssl_object *o)
{
    return SSL_get_version(o->ssl);
}

const char *asyncio_ssl_object_cipher(const struct asyncio_ssl_object *o, int *bits)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(o->ssl);

    if (bits)
        *bits = SSL_CIPHER_get_bits(cipher, NULL);
    return SSL_CIPHER_get_name(cipher);
}

const char *asyncio_ssl_object_selected_alpn_protocol(const struct asyncio_ssl_object *o)
{
    return o->protocol;
}

bool asyncio_ssl_object_session_reused(const struct asyncio_ssl_object *o)
{
    return SSL_session_reused(o->ssl);
}

const char *asyncio_ssl_object_server_hostname(const struct asyncio_ssl_object *o)
{
    return SSL_get_servername(o->ssl, TLSEXT_NAMETYPE_host_name);
}
