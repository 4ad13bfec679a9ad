/* TLS, in a library of its own: `pkg-config --libs asyncio-tls`, which brings <asyncio.h>'s.
 *
 *     #include <asyncio.h>
 *     #include <asyncio/tls.h>
 *
 *     asyncio_open_connection("example.org", 443, .ssl = ASYNCIO_SSL_DEFAULT)
 *
 *     struct asyncio_ssl_context *ctx =
 *         asyncio_ssl_context_server(.certfile = "cert.pem", .keyfile = "key.pem");
 *     if (!ctx)
 *         return asyncio_error();
 *     asyncio_start_server(handler, NULL, 8443, .ssl = ctx)
 *     asyncio_ssl_context_release(ctx);
 *
 * A context is what connections have in common: certificates, whom to trust, versions, sessions
 * (Python: ssl.SSLContext, as ssl.create_default_context() makes it). Peers are verified unless it
 * says otherwise: a client checks the server's chain against the system's authorities and its name
 * against the one that was asked for.
 *
 * Errors of connections. asyncio_error_message() has OpenSSL's own words.
 *   -EKEYREJECTED  the peer's certificate was not accepted: expired, of an unknown authority, for
 *                  another name
 *   -EPROTO        what the peer sent is not TLS, or broken, or it refused us with an alert
 *   -ECONNRESET    the peer went without saying so (no close_notify): what was received may be cut
 *                  short. An orderly end is an end of file. (asyncio takes both for an end of file)
 *   -ETIMEDOUT     the handshake took longer than ssl_handshake_timeout
 *
 * Built where there is no OpenSSL, the library has these functions too, and making a context fails
 * with -ENOTSUP. */
#ifndef ASYNCIO_TLS_H
#define ASYNCIO_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#pragma GCC visibility push(default)

struct asyncio_ssl_context;
struct asyncio_ssl_object;

/* How the peer's certificate is looked at (Python: ssl.VerifyMode). */
enum asyncio_ssl_verify {
    ASYNCIO_SSL_CERT_DEFAULT,  /* a client's: REQUIRED. A server's: REQUIRED if it has a cafile, a
                                * capath or cadata, else NONE */
    ASYNCIO_SSL_CERT_NONE,     /* not at all, nor for whom it is: anybody may listen in */
    ASYNCIO_SSL_CERT_OPTIONAL, /* a server: clients may come without one */
    ASYNCIO_SSL_CERT_REQUIRED,
};

enum asyncio_tls_version {
    ASYNCIO_TLS_VERSION_DEFAULT, /* from 1.2 to what OpenSSL has */
    ASYNCIO_TLS_VERSION_1_2 = 0x0303,
    ASYNCIO_TLS_VERSION_1_3 = 0x0304,
};

/* Strings are only read while the context is made. */
struct asyncio_ssl_context_options {
    int asyncio__begin;
    const char
        *cafile; /* whom to trust, PEM: a file, a directory as `openssl rehash` makes them, */
    const char *capath; /* or the text. None of the three: the system's authorities */
    const char *cadata;
    const char *certfile; /* one's own certificate and those of its chain, PEM; a server needs it */
    const char *keyfile;  /* its key, PEM; NULL: in certfile too */
    const char *password; /* of the key */
    const char *alpn;     /* protocols, the preferred one first: "h2,http/1.1" */
    const char *ciphers;  /* up to TLS 1.2, as openssl-ciphers(1) writes them */
    enum asyncio_tls_version min_version, max_version;
    enum asyncio_ssl_verify verify;
    bool any_hostname; /* a client: the chain is verified, the name is not */
    /* A server: the context to go on with for a client that asks for this name (NULL where it does
     * not say): `argument` is sni_argument. It needs to be valid for the call only. NULL: the
     * client is refused. It must not suspend. (Python: SSLContext.sni_callback) */
    struct asyncio_ssl_context *(*sni_callback)(const char *server_name, void *argument);
    void *sni_argument;
};

/* asyncio_ssl_context_client(), asyncio_ssl_context_client(.cafile = "ca.pem", …): a context for
 * connections one opens. It keeps the sessions that servers give it, by host name, and resumes
 * them. asyncio_ssl_context_server(.certfile = …, …): for those one accepts; it gives tickets.
 *
 * Contexts are counted: it is the caller's, until asyncio_ssl_context_release(); connections and
 * servers hold their own references. Any thread may use it. Both read files, on the spot.
 *
 * NULL where that failed, and asyncio_error() and asyncio_error_message() tell why, as they do of
 * an await: -ENOENT and the like from the file; -EINVAL: what is in it is no certificate or not the
 * key of it, or an option makes no sense; -ENOMEM; -ENOTSUP. Look at it: `.ssl = NULL` is a
 * connection without TLS. */
#define asyncio_ssl_context_client(...)                                                            \
    asyncio__ssl_context_client(                                                                   \
        &(const struct asyncio_ssl_context_options){.asyncio__begin = 0, __VA_ARGS__})
#define asyncio_ssl_context_server(...)                                                            \
    asyncio__ssl_context_server(                                                                   \
        &(const struct asyncio_ssl_context_options){.asyncio__begin = 0, __VA_ARGS__})

struct asyncio_ssl_context *
asyncio__ssl_context_client(const struct asyncio_ssl_context_options *options);
struct asyncio_ssl_context *
asyncio__ssl_context_server(const struct asyncio_ssl_context_options *options);

/* One reference more, and returns it; one fewer. NULL does nothing. */
struct asyncio_ssl_context *asyncio_ssl_context_retain(struct asyncio_ssl_context *context);
void asyncio_ssl_context_release(struct asyncio_ssl_context *context);

/* Python's `ssl=True`: a client's context with all defaults, the same one for the whole program. It
 * is made when it is first used; if that fails, so does the connection. */
#define ASYNCIO_SSL_DEFAULT (asyncio_ssl_context_default())
struct asyncio_ssl_context *asyncio_ssl_context_default(void);

/* --- What became of a connection ---------------------------------------------------------------
 *
 * asyncio_stream_writer_get_extra_info(w, "ssl_object"), NULL without TLS, is valid as long as the
 * connection, and so is what these return. */

/* "TLSv1.3". */
const char *asyncio_ssl_object_version(const struct asyncio_ssl_object *o);

/* "TLS_AES_256_GCM_SHA384"; the length of its keys goes to *bits unless that is NULL. */
const char *asyncio_ssl_object_cipher(const struct asyncio_ssl_object *o, int *bits);

/* What both had in their alpn, NULL where there is none. */
const char *asyncio_ssl_object_selected_alpn_protocol(const struct asyncio_ssl_object *o);

/* Whether an earlier session was resumed, so that no certificate was sent. */
bool asyncio_ssl_object_session_reused(const struct asyncio_ssl_object *o);

/* The name that the client asked for, NULL where it did not: an address, for instance. */
const char *asyncio_ssl_object_server_hostname(const struct asyncio_ssl_object *o);

/* A certificate. Names are as in RFC 2253: "CN=example.org,O=Example". */
struct asyncio_ssl_certificate {
    const char *subject, *issuer;
    const char *serial_number; /* hexadecimal */
    time_t not_before, not_after;
    const char *const *subject_alt_name; /* "DNS:example.org", "IP Address:127.0.0.1", …, NULL */
    const unsigned char *der;            /* the whole of it */
    size_t der_size;
};

/* The peer's, verified or not; NULL where it sent none, or for want of memory. */
const struct asyncio_ssl_certificate *asyncio_ssl_object_getpeercert(struct asyncio_ssl_object *o);

#pragma GCC visibility pop

#endif
