/* TLS without connections: two ends in memory, byte by byte, cut short, with garbage between them
 * and without memory. */
#include "support.h"

#include "certificates.h"
#include "ext/ssl_object.h"
#include "openssl_memory.h"

#include <openssl/err.h>

/* --- Two ends and the wires between them --- */

struct wire {
    char *data;
    size_t from, n;
};

struct end {
    struct asyncio_ssl_object tls;
    struct wire out;
    char got[1 << 17];
    size_t n;
    int code; /* of the handshake, then of what is read */
};

static int put(void *sink, const void *data, size_t n)
{
    struct wire *w = sink;
    char *more = realloc(w->data, w->n + n);
    if (!more)
        return -ENOMEM;
    w->data = more;
    memcpy(w->data + w->n, data, n);
    w->n += n;
    return 0;
}

static void end_init(struct end *e, struct asyncio_ssl_context *c, bool is_server, const char *name)
{
    memset(e, 0, sizeof *e);
    assert_true(ai_ssl_object_init(&e->tls, c, is_server, name));
    e->tls.put = put;
    e->tls.sink = &e->out;
}

static void end_fini(struct end *e)
{
    ai_ssl_object_fini(&e->tls);
    free(e->out.data);
}

/* What it makes of what it was given. */
static void look(struct end *e)
{
    e->code = ai_ssl_object_handshake(&e->tls);
    ssize_t n = 1;
    while (e->code == 1 && n > 0) {
        n = ai_ssl_object_read(&e->tls, e->got + e->n, sizeof e->got - e->n);
        if (n < 0)
            e->code = (int)n;
        else
            e->n += (size_t)n;
    }
}

/* Some of what one has sent reaches the other. */
static bool carry(struct end *from, struct end *to, size_t step)
{
    size_t n = from->out.n - from->out.from;

    n = n < step ? n : step;
    if (n == 0)
        return false;
    ai_ssl_object_give(&to->tls, from->out.data + from->out.from, n);
    from->out.from += n;
    look(to);
    return true;
}

static void talk(struct end *client, struct end *server, size_t step)
{
    look(client);
    while ((int)carry(client, server, step) | (int)carry(server, client, step))
        ;
}

/* --- Contexts --- */

static struct asyncio_ssl_context *client_context, *server_context;

static int make_contexts(void **state)
{
    make_certificates(state);
    client_context = asyncio_ssl_context_client(.cafile = authority.cert_file);
    server_context =
        asyncio_ssl_context_server(.certfile = localhost.cert_file, .keyfile = localhost.key_file);
    assert_non_null(client_context);
    assert_non_null(server_context);
    return 0;
}

static int drop_contexts(void **state)
{
    asyncio_ssl_context_release(client_context);
    asyncio_ssl_context_release(server_context);
    return drop_certificates(state);
}

struct both {
    struct end client, server;
};

static struct both *meet_by(struct asyncio_ssl_context *c, struct asyncio_ssl_context *s,
                            const char *name)
{
    struct both *b = malloc(sizeof *b);
    end_init(&b->client, c, false, name);
    end_init(&b->server, s, true, NULL);
    return b;
}

static struct both *meet(void)
{
    return meet_by(client_context, server_context, "localhost");
}

static void part(struct both *b)
{
    end_fini(&b->client);
    end_fini(&b->server);
    free(b);
}

/* --- Going well --- */

static void says(struct end *from, const char *what)
{
    assert_int_equal(ai_ssl_object_write(&from->tls, what, strlen(what)), 0);
}

static void in_pieces_of(size_t step)
{
    struct both *b = meet();
    talk(&b->client, &b->server, step);
    assert_int_equal(b->client.code, 1);
    assert_int_equal(b->server.code, 1);
    assert_string_equal(asyncio_ssl_object_version(&b->client.tls), "TLSv1.3");
    says(&b->client, "hello");
    says(&b->server, "world");
    talk(&b->client, &b->server, step);
    assert_string_equal(b->server.got, "hello");
    assert_string_equal(b->client.got, "world");
    ai_ssl_object_shutdown(&b->client.tls);
    assert_int_equal(ai_ssl_object_write(&b->client.tls, "x", 1), -EPIPE);
    talk(&b->client, &b->server, step);
    assert_true(b->server.tls.ended);
    says(&b->server, "!"); /* which it may still */
    ai_ssl_object_shutdown(&b->server.tls);
    talk(&b->client, &b->server, step);
    assert_true(b->client.tls.ended);
    assert_string_equal(b->client.got, "world!");
    part(b);
}

static void in_pieces(void **state)
{
    (void)state;
    in_pieces_of(1);
    in_pieces_of(7);
    in_pieces_of(SIZE_MAX);
}

/* More than a record holds, and new keys on the way. */
static void much_and_new_keys(void **state)
{
    static char data[100000];
    (void)state;
    memset(data, 'x', sizeof data);
    struct both *b = meet();
    talk(&b->client, &b->server, SIZE_MAX);
    assert_int_equal(ai_ssl_object_write(&b->client.tls, data, sizeof data), 0);
    assert_int_equal(SSL_key_update(b->client.tls.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(ai_ssl_object_write(&b->client.tls, "y", 1), 0);
    talk(&b->client, &b->server, 1000);
    assert_int_equal(b->server.n, sizeof data + 1);
    says(&b->server, "ok");
    talk(&b->client, &b->server, 1000);
    assert_string_equal(b->client.got, "ok");
    part(b);
}

static void protocols(void **state)
{
    (void)state;
    struct asyncio_ssl_context *c =
        asyncio_ssl_context_client(.cafile = authority.cert_file, .alpn = "h2,http/1.1");
    struct asyncio_ssl_context *s =
        asyncio_ssl_context_server(.certfile = localhost.cert_file, .keyfile = localhost.key_file,
                                   .alpn = "x,http/1.1");
    struct both *b = meet_by(c, s, "localhost");
    talk(&b->client, &b->server, SIZE_MAX);
    assert_string_equal(asyncio_ssl_object_selected_alpn_protocol(&b->client.tls), "http/1.1");
    assert_string_equal(asyncio_ssl_object_selected_alpn_protocol(&b->server.tls), "http/1.1");
    assert_string_equal(asyncio_ssl_object_server_hostname(&b->server.tls), "localhost");
    part(b);
    b = meet_by(c, server_context, "localhost");
    talk(&b->client, &b->server, SIZE_MAX);
    assert_int_equal(b->client.code, 1);
    assert_null(asyncio_ssl_object_selected_alpn_protocol(&b->client.tls));
    part(b);
    asyncio_ssl_context_release(c);
    asyncio_ssl_context_release(s);
}

static void peers_certificate(void **state)
{
    (void)state;
    struct both *b = meet();
    assert_null(asyncio_ssl_object_getpeercert(&b->client.tls));
    talk(&b->client, &b->server, SIZE_MAX);
    assert_null(asyncio_ssl_object_getpeercert(&b->server.tls));
    const struct asyncio_ssl_certificate *cert = asyncio_ssl_object_getpeercert(&b->client.tls);
    assert_non_null(cert);
    assert_string_equal(cert->subject, "CN=localhost");
    assert_string_equal(cert->issuer, "CN=authority");
    assert_string_equal(cert->subject_alt_name[0], "DNS:localhost");
    assert_string_equal(cert->subject_alt_name[1], "IP Address:127.0.0.1");
    assert_null(cert->subject_alt_name[2]);
    assert_string_equal(cert->serial_number, "A5C2");
    assert_int_equal(cert->not_after - cert->not_before, 31 * DAY);
    assert_int_equal(cert->der[0], 0x30);
    assert_int_equal(cert->der_size, i2d_X509(localhost.cert, NULL));
    part(b);
}

/* --- Sessions --- */

static bool resumed(struct asyncio_ssl_context *c, const char *name)
{
    struct both *b = meet_by(c, server_context, name);
    talk(&b->client, &b->server, SIZE_MAX);
    assert_int_equal(b->client.code, 1);
    bool reused = asyncio_ssl_object_session_reused(&b->client.tls);
    assert_int_equal(asyncio_ssl_object_session_reused(&b->server.tls), reused);
    ai_ssl_object_shutdown(&b->client.tls);
    part(b);
    return reused;
}

static void sessions_of(enum asyncio_tls_version version)
{
    struct asyncio_ssl_context *c =
        asyncio_ssl_context_client(.cafile = authority.cert_file, .max_version = version);
    assert_false(resumed(c, "localhost"));
    for (int i = 0; i < 8; i++)
        assert_true(resumed(c, "localhost"));
    assert_true(resumed(c, "localhost."));
    assert_false(resumed(c, "127.0.0.1"));
    assert_true(resumed(c, "127.0.0.1"));
    assert_true(c->sessions.count <= 2 * AI_SSL_SESSIONS_OF_HOST);
    asyncio_ssl_context_release(c);
}

static void sessions(void **state)
{
    (void)state;
    sessions_of(ASYNCIO_TLS_VERSION_1_3);
    sessions_of(ASYNCIO_TLS_VERSION_1_2);
}

/* The oldest make room. */
static void many_sessions(void **state)
{
    struct ai_ssl_sessions *s = malloc(sizeof *s);
    char name[16];
    (void)state;
    ai_ssl_sessions_init(s);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "host%d", i);
        assert_true(ai_ssl_sessions_put(s, name, SSL_SESSION_new()));
    }
    assert_int_equal(s->count, AI_SSL_SESSIONS);
    assert_null(ai_ssl_sessions_take(s, "host0"));
    SSL_SESSION *session = ai_ssl_sessions_take(s, "host99");
    assert_non_null(session);
    SSL_SESSION_free(session);
    assert_null(ai_ssl_sessions_take(s, "host99"));
    for (int i = 0; i < 10; i++)
        assert_true(ai_ssl_sessions_put(s, "host98", SSL_SESSION_new()));
    int n = 0;
    while ((session = ai_ssl_sessions_take(s, "host98"))) {
        SSL_SESSION_free(session);
        n++;
    }
    assert_int_equal(n, AI_SSL_SESSIONS_OF_HOST);
    ai_ssl_sessions_fini(s);
    free(s);
}

/* --- Names --- */

static struct asyncio_ssl_context *other_context;

static struct asyncio_ssl_context *by_name(const char *name, void *argument)
{
    assert_ptr_equal(argument, &other_context);
    note("%s", name ? name : "-");
    if (name && strcmp(name, "other.example.test") == 0)
        return other_context;
    return name && strcmp(name, "nobody.test") == 0 ? NULL : server_context;
}

static void ask_for(struct asyncio_ssl_context *c, struct asyncio_ssl_context *s, const char *name,
                    int code, const char *subject)
{
    struct both *b = meet_by(c, s, name);
    talk(&b->client, &b->server, SIZE_MAX);
    assert_int_equal(b->client.code, code);
    if (subject)
        assert_string_equal(asyncio_ssl_object_getpeercert(&b->client.tls)->subject, subject);
    part(b);
}

static void several_names(void **state)
{
    (void)state;
    struct identity other = make_identity(
        (struct wanted){.name = "other", .alternative = "DNS:*.example.test", .by = &authority});
    struct asyncio_ssl_context *s =
        asyncio_ssl_context_server(.certfile = localhost.cert_file, .keyfile = localhost.key_file,
                                   .sni_callback = by_name, .sni_argument = &other_context);
    other_context =
        asyncio_ssl_context_server(.certfile = other.cert_file, .keyfile = other.key_file);
    ask_for(client_context, s, "localhost", 1, "CN=localhost");
    ask_for(client_context, s, "other.example.test", 1, "CN=other");
    ask_for(client_context, s, "nobody.test", -EPROTO, NULL);
    ask_for(client_context, s, "127.0.0.1", 1, "CN=localhost");
    assert_history("localhost other.example.test nobody.test -");
    asyncio_ssl_context_release(other_context);
    asyncio_ssl_context_release(s);
    drop_identity(&other);
}

/* --- Refused --- */

static void refused(struct asyncio_ssl_context *s, const char *name, const char *why)
{
    struct both *b = meet_by(client_context, s, name);
    talk(&b->client, &b->server, SIZE_MAX);
    assert_int_equal(b->client.code, -EKEYREJECTED);
    assert_string_equal(b->client.tls.error.message, why);
    assert_int_equal(b->server.code, -EPROTO); /* our alert */
    assert_says(b->server.tls.error.message, "alert");
    assert_int_equal(ai_ssl_object_write(&b->client.tls, "x", 1), -EKEYREJECTED);
    part(b);
}

static void refused_identity(struct wanted w, const char *why)
{
    struct identity i = make_identity(w);
    struct asyncio_ssl_context *s =
        asyncio_ssl_context_server(.certfile = i.cert_file, .keyfile = i.key_file);
    refused(s, "localhost", why);
    asyncio_ssl_context_release(s);
    drop_identity(&i);
}

static void bad_certificates(void **state)
{
    (void)state;
    struct identity stranger =
        make_identity((struct wanted){.name = "stranger", .is_authority = true});
    struct wanted w = {.name = "bad", .alternative = "DNS:localhost", .by = &authority};
    struct wanted expired = w, early = w, alone = w, unknown = w, nameless = w;

    expired.from = -3 * DAY;
    expired.until = -DAY;
    early.from = DAY;
    early.until = 2 * DAY;
    alone.by = NULL;
    unknown.by = &stranger;
    nameless.alternative = NULL;
    nameless.name = "localhost-by-subject";
    refused_identity(expired, "certificate verify failed: certificate has expired");
    refused_identity(early, "certificate verify failed: certificate is not yet valid");
    refused_identity(alone, "certificate verify failed: self-signed certificate");
    refused_identity(unknown, "certificate verify failed: unable to get local issuer certificate");
    refused_identity(nameless, "certificate verify failed: hostname mismatch, certificate is not "
                               "valid for 'localhost'");
    refused(server_context, "example.org",
            "certificate verify failed: hostname mismatch, "
            "certificate is not valid for 'example.org'");
    refused(server_context, "127.0.0.2",
            "certificate verify failed: IP address mismatch, "
            "certificate is not valid for '127.0.0.2'");
    drop_identity(&stranger);
}

/* Unless it does not matter. */
static void not_verified(void **state)
{
    (void)state;
    struct asyncio_ssl_context *none = asyncio_ssl_context_client(.verify = ASYNCIO_SSL_CERT_NONE);
    struct asyncio_ssl_context *chain =
        asyncio_ssl_context_client(.cafile = authority.cert_file, .any_hostname = true);
    ask_for(none, server_context, "example.org", 1, "CN=localhost");
    ask_for(none, server_context, NULL, 1, "CN=localhost");
    ask_for(chain, server_context, "example.org", 1, "CN=localhost");
    ask_for(chain, server_context, NULL, 1, "CN=localhost");
    asyncio_ssl_context_release(none);
    asyncio_ssl_context_release(chain);
}

/* The system's authorities do not know ours. */
static void by_default(void **state)
{
    (void)state;
    struct asyncio_ssl_context *c = asyncio_ssl_context_client();
    ask_for(c, server_context, "localhost", -EKEYREJECTED, NULL);
    asyncio_ssl_context_release(c);
}

static void clients_verified(void **state)
{
    (void)state;
    struct asyncio_ssl_context *s =
        asyncio_ssl_context_server(.certfile = localhost.cert_file, .keyfile = localhost.key_file,
                                   .cafile = authority.cert_file);
    struct both *b = meet_by(client_context, s, "localhost");
    talk(&b->client, &b->server, SIZE_MAX);
    assert_int_equal(b->server.code, -EPROTO);
    assert_string_equal(b->server.tls.error.message, "peer did not return a certificate");
    assert_int_equal(b->client.code, -EPROTO);
    assert_says(b->client.tls.error.message, "certificate required");
    part(b);

    struct identity user =
        make_identity((struct wanted){.name = "user", .by = &authority, .password = "secret"});
    struct asyncio_ssl_context *c =
        asyncio_ssl_context_client(.cafile = authority.cert_file, .certfile = user.cert_file,
                                   .keyfile = user.key_file, .password = "secret");
    b = meet_by(c, s, "localhost");
    talk(&b->client, &b->server, SIZE_MAX);
    assert_int_equal(b->server.code, 1);
    assert_string_equal(asyncio_ssl_object_getpeercert(&b->server.tls)->subject, "CN=user");
    part(b);
    assert_true(resumed(c, "localhost") || resumed(c, "localhost"));
    asyncio_ssl_context_release(c);
    asyncio_ssl_context_release(s);
    drop_identity(&user);
}

/* --- A peer that lies or goes --- */

static void garbage(void **state)
{
    static const char *const lies[] = {"GET / HTTP/1.0\r\n\r\n", "SSH-2.0-x\r\n",
                                       "\x16\x03\x01\xff\xff\x01"};
    static const char *const whys[] = {"http request", "wrong version number", "packet length"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct both *b = meet();
        ai_ssl_object_give(&b->server.tls, lies[i], strlen(lies[i]));
        look(&b->server);
        assert_int_equal(b->server.code, -EPROTO);
        assert_says(b->server.tls.error.message, whys[i]);
        look(&b->server);
        assert_int_equal(b->server.code, -EPROTO);
        part(b);
    }
}

/* One byte of the talk is another: it ends in an error, wherever that is. */
static bool broken_at(size_t at)
{
    struct both *b = meet();
    size_t carried = 0;
    look(&b->client);
says_on_handshake:
    while (b->client.out.from < b->client.out.n || b->server.out.from < b->server.out.n) {
        struct end *from = b->client.out.from < b->client.out.n ? &b->client : &b->server;
        if (carried++ == at)
            from->out.data[from->out.from] ^= 0x20;
        carry(from, from == &b->client ? &b->server : &b->client, 1);
    }
    if (b->client.code == 1 && b->server.code == 1 && b->client.n + b->server.n == 0 &&
        !b->client.tls.closed) {
        says(&b->client, "hello");
        ai_ssl_object_shutdown(&b->client.tls);
        goto says_on_handshake;
    }
    bool fine = b->client.code == 1 && b->server.code == 1 && b->server.tls.ended;
    if (fine)
        assert_string_equal(b->server.got, "hello");
    part(b);
    return at >= carried ? fine : !fine || at < 11; /* the versions of early records do not count */
}

static void one_wrong_byte(void **state)
{
    (void)state;
    for (size_t at = 11; at < 3000; at += 37)
        broken_at(at);
    assert_true(broken_at(SIZE_MAX));
}

/* At the start of the handshake, in it, and behind it: what came before is read. */
static void cut_short(void **state)
{
    (void)state;
    for (size_t many = 0; many < 5; many++) {
        struct both *b = meet();
        look(&b->client);
        for (size_t i = 0; i < 100 * many; i++)
            carry(&b->client, &b->server, 1);
        ai_ssl_object_give_eof(&b->server.tls);
        look(&b->server);
        assert_int_equal(b->server.code, -ECONNRESET);
        assert_string_equal(b->server.tls.error.message,
                            "unexpected eof while reading: the peer went without close_notify");
        part(b);
    }
    struct both *b = meet();
    talk(&b->client, &b->server, SIZE_MAX);
    says(&b->client, "hello");
    carry(&b->client, &b->server, SIZE_MAX);
    ai_ssl_object_give_eof(&b->server.tls);
    look(&b->server);
    assert_string_equal(b->server.got, "hello");
    assert_int_equal(b->server.code, -ECONNRESET);
    assert_false(b->server.tls.ended);
    part(b);
}

/* --- What cannot be made --- */

static void not_made(struct asyncio_ssl_context *c, int code, const char *why)
{
    assert_null(c);
    assert_int_equal(asyncio_error(), code);
    assert_says(asyncio_error_message(), why);
}

static void contexts_refused(void **state)
{
    const char *cert = localhost.cert_file, *key = localhost.key_file;
    (void)state;
    struct identity locked =
        make_identity((struct wanted){.name = "locked", .by = &authority, .password = "secret"});
    not_made(asyncio_ssl_context_client(.cafile = "/nowhere"), -ENOENT,
             "/nowhere: No such file or directory");
    not_made(asyncio_ssl_context_client(.cafile = key), -EINVAL, key);
    not_made(asyncio_ssl_context_client(.cadata = "nothing"), -EINVAL, "cadata: ");
    not_made(asyncio_ssl_context_server(), -EINVAL, "a server needs a certfile");
    not_made(asyncio_ssl_context_client(.keyfile = key), -EINVAL, "without a certfile");
    not_made(asyncio_ssl_context_server(.certfile = cert), -EINVAL, cert);
    not_made(asyncio_ssl_context_server(.certfile = cert, .keyfile = "/nowhere"), -ENOENT,
             "/nowhere");
    not_made(asyncio_ssl_context_server(.certfile = cert, .keyfile = authority.key_file), -EINVAL,
             "key values mismatch");
    not_made(asyncio_ssl_context_server(.certfile = locked.cert_file, .keyfile = locked.key_file),
             -EINVAL, locked.key_file);
    not_made(asyncio_ssl_context_client(.alpn = "a,,b"), -EINVAL, "'a,,b'");
    not_made(asyncio_ssl_context_client(.ciphers = "none of them"), -EINVAL, "no cipher match");
    not_made(asyncio_ssl_context_client(.min_version = ASYNCIO_TLS_VERSION_1_3,
                                        .max_version = ASYNCIO_TLS_VERSION_1_2),
             -EINVAL, "no such versions");
    struct asyncio_ssl_context *c = asyncio_ssl_context_client();
    assert_int_equal(asyncio_error(), 0);
    asyncio_ssl_context_release(asyncio_ssl_context_retain(c));
    asyncio_ssl_context_release(c);
    asyncio_ssl_context_release(NULL);
    drop_identity(&locked);
}

static void wrong_side(struct asyncio_ssl_context *c, bool is_server, const char *name,
                       const char *why)
{
    struct end e;
    end_init(&e, c, is_server, name);
    look(&e);
    assert_int_equal(e.code, -EINVAL);
    assert_string_equal(e.tls.error.message, why);
    assert_int_equal(e.out.n, 0);
    end_fini(&e);
}

static void misused(void **state)
{
    (void)state;
    wrong_side(client_context, true, NULL, "a client's context cannot be a server's");
    wrong_side(server_context, false, "x", "a server's context cannot be a client's");
    wrong_side(client_context, false, NULL, "check_hostname requires server_hostname");
    wrong_side(client_context, false, "",
               "server_hostname cannot be an empty string or start with a leading dot");
}

/* The text of authorities in memory, more than one. */
static void authorities_as_text(void **state)
{
    char text[8192] = "";
    (void)state;
    for (int i = 0; i < 2; i++) {
        FILE *f = fopen(i ? authority.cert_file : localhost.cert_file, "r");
        size_t n = strlen(text);
        text[n + fread(text + n, 1, 4000, f)] = 0;
        fclose(f);
    }
    struct asyncio_ssl_context *c = asyncio_ssl_context_client(.cadata = text);
    ask_for(c, server_context, "localhost", 1, "CN=localhost");
    asyncio_ssl_context_release(c);
}

/* --- Without memory --- */

/* Allocations of OpenSSL's fail, of a whole life: contexts, handshake, data. There are thousands,
 * of which some hundred do. */
static void whole_life(void)
{
    struct asyncio_ssl_context *c =
        asyncio_ssl_context_client(.cafile = authority.cert_file, .alpn = "a");
    struct asyncio_ssl_context *s =
        asyncio_ssl_context_server(.certfile = localhost.cert_file, .keyfile = localhost.key_file,
                                   .alpn = "a");
    struct both *b = calloc(1, sizeof *b);
    bool client = c && ai_ssl_object_init(&b->client.tls, c, false, "localhost");
    bool server = s && ai_ssl_object_init(&b->server.tls, s, true, NULL);
    b->client.tls.put = b->server.tls.put = put;
    b->client.tls.sink = &b->client.out;
    b->server.tls.sink = &b->server.out;
    if (client && server) {
        talk(&b->client, &b->server, SIZE_MAX);
        asyncio_ssl_object_getpeercert(&b->client.tls);
        if (b->client.code == 1 && b->server.code == 1 &&
            ai_ssl_object_write(&b->client.tls, "hello", 5) == 0)
            talk(&b->client, &b->server, SIZE_MAX);
        if (b->server.code == 1 && b->server.n)
            assert_string_equal(b->server.got, "hello");
        ai_ssl_object_shutdown(&b->client.tls);
    }
    if (client)
        end_fini(&b->client);
    if (server)
        end_fini(&b->server);
    asyncio_ssl_context_release(c);
    asyncio_ssl_context_release(s);
    free(b);
}

static void no_memory(void **state)
{
    (void)state;
    whole_life();
    openssl_memory.asked = 0;
    whole_life();
    long all = openssl_memory.asked;
    for (long at = 1; at <= all; at += 1 + all / 300) {
        openssl_memory.asked = 0;
        openssl_memory.fails_at = at;
        whole_life();
        openssl_memory.fails_at = 0;
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(in_pieces),
        TEST(much_and_new_keys),
        TEST(protocols),
        TEST(peers_certificate),
        TEST(sessions),
        TEST(many_sessions),
        TEST(several_names),
        TEST(bad_certificates),
        TEST(not_verified),
        TEST(by_default),
        TEST(clients_verified),
        TEST(garbage),
        TEST(one_wrong_byte),
        TEST(cut_short),
        TEST(contexts_refused),
        TEST(misused),
        TEST(authorities_as_text),
        TEST(no_memory),
    };
    take_openssl_memory();
    return cmocka_run_group_tests_name("tls_object", tests, make_contexts, drop_contexts);
}
