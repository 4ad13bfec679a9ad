/* <asyncio/tls.h> over streams: our own client and server on all back-ends, peers that lie, stall,
 * go or are cancelled, and openssl and curl as they are. */
#include "support.h"

#include "base/alloc.h"
#include "certificates.h"

#include <asyncio/tls.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* --- What most tests use --- */

static struct asyncio_ssl_context *client_context, *server_context;

static int make_contexts(void **state)
{
    make_certificates(state);
    client_context = asyncio_ssl_context_client(.cafile = authority.cert_file);
    server_context = asyncio_ssl_context_server(.certfile = localhost.cert_file,
                                                .keyfile = localhost.key_file, .alpn = "echo");
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

/* Until its client has ended; how that was. */
static async(ssize_t, repeats, (struct asyncio_stream_reader *, r),
             (struct asyncio_stream_writer *, w))
{
    char buf[4096];
    ssize_t n;
    while ((n = await(asyncio_stream_reader_read(r, buf, sizeof buf))) > 0) {
        asyncio_stream_writer_write(w, buf, (size_t)n);
        await(asyncio_stream_writer_drain(w));
    }
    return n;
}

static async(void, echo, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer *, w))
{
    note("%zd", await(repeats(r, w)));
}

static async(struct asyncio_server *, serving, (asyncio_client_connected *, handler))
{
    struct asyncio_server *s =
        await(asyncio_start_server(handler, "127.0.0.1", 0, .ssl = server_context));
    assert_non_null(s);
    return s;
}

static async(struct asyncio_streams, dial, (struct asyncio_server *, s))
{
    struct asyncio_streams c =
        await(asyncio_open_connection("127.0.0.1", asyncio_server_port(s), .ssl = client_context,
                                      .server_hostname = "localhost"));
    if (!c.reader)
        fail_msg("%s", asyncio_error_message());
    return c;
}

static async(void, asks, (struct asyncio_streams, c), (const char *, what))
{
    char got[64] = "";
    asyncio_stream_writer_write(c.writer, what, strlen(what));
    assert_int_equal(await(asyncio_stream_reader_readexactly(c.reader, got, strlen(what))),
                     strlen(what));
    assert_string_equal(got, what);
}

static async(void, hangs_up, (struct asyncio_streams, c))
{
    asyncio_stream_writer_close(c.writer);
    assert_int_equal(await(asyncio_stream_writer_wait_closed(c.writer)), 0);
}

static async(void, all_gone, (struct asyncio_server *, s))
{
    asyncio_server_close(s);
    assert_int_equal(await(asyncio_server_wait_closed(s)), 0);
}

static struct asyncio_ssl_object *tls_of(struct asyncio_stream_writer *w)
{
    struct asyncio_ssl_object *o = NULL;
    assert_int_equal(asyncio_stream_writer_get_extra_info(w, "ssl_object", &o, sizeof o), sizeof o);
    return o;
}

/* --- Going well --- */

ASYNC_TEST(echoes)
{
    struct asyncio_server *s = await(serving(echo));
    struct asyncio_streams c = await(dial(s));
    await(asks(c, "hello"));
    await(asks(c, "world"));
    await(hangs_up(c));
    await(all_gone(s));
    assert_history("0");
}

ASYNC_TEST(extra_info)
{
    struct asyncio_server *s = await(serving(echo));
    struct asyncio_streams c = await(dial(s));
    struct asyncio_ssl_object *o = tls_of(c.writer);
    const struct asyncio_ssl_certificate *cert;
    struct asyncio_ssl_context *context;
    const char *cipher;
    int bits;
    assert_string_equal(asyncio_ssl_object_version(o), "TLSv1.3");
    assert_string_equal(asyncio_ssl_object_cipher(o, &bits), "TLS_AES_256_GCM_SHA384");
    assert_int_equal(bits, 256);
    assert_string_equal(asyncio_ssl_object_server_hostname(o), "localhost");
    assert_null(asyncio_ssl_object_selected_alpn_protocol(o));
    asyncio_stream_writer_get_extra_info(c.writer, "peercert", &cert, sizeof cert);
    assert_string_equal(cert->subject, "CN=localhost");
    asyncio_stream_writer_get_extra_info(c.writer, "sslcontext", &context, sizeof context);
    assert_ptr_equal(context, client_context);
    asyncio_stream_writer_get_extra_info(c.writer, "cipher", &cipher, sizeof cipher);
    assert_string_equal(cipher, "TLS_AES_256_GCM_SHA384");
    assert_int_equal(asyncio_stream_writer_get_extra_info(c.writer, "other", &cipher, 8), -ENOENT);
    assert_int_equal(asyncio_stream_writer_get_extra_info(c.writer, "cipher", &cipher, 1), -EINVAL);
    assert_false(asyncio_stream_writer_can_write_eof(c.writer));
    assert_int_equal(asyncio_stream_writer_write_eof(c.writer), -EOPNOTSUPP);
    await(hangs_up(c));
    await(all_gone(s));
    assert_history("0");
}

enum { MUCH = 3 << 20 };

static async(int, sends_much, (struct asyncio_stream_writer *, w))
{
    char block[10000];
    for (size_t sent = 0; sent < MUCH; sent += sizeof block) {
        memset(block, (int)(sent / sizeof block % 251), sizeof block);
        asyncio_stream_writer_write(w, block, sizeof block);
        int error = await(asyncio_stream_writer_drain(w));
        if (error)
            return error;
        assert_true(asyncio_stream_writer_get_write_buffer_size(w) < 1 << 17);
    }
    return 0;
}

static async(int, gets_much, (struct asyncio_stream_reader *, r))
{
    char block[10000];
    for (size_t got = 0; got < MUCH; got += sizeof block) {
        ssize_t n = await(asyncio_stream_reader_readexactly(r, block, sizeof block));
        assert_int_equal(n, sizeof block);
        assert_int_equal((unsigned char)block[0], got / sizeof block % 251);
        assert_memory_equal(block, block + 1, sizeof block - 1);
    }
    return 0;
}

static async(void, exchange, (struct asyncio_stream_reader *, r),
             (struct asyncio_stream_writer *, w))
{
    assert_int_equal(await(asyncio_gather(sends_much(w), gets_much(r))), 0);
    note("done");
}

ASYNC_TEST(much_both_ways)
{
    struct asyncio_server *s = await(serving(exchange));
    struct asyncio_streams c = await(dial(s));
    await(exchange(c.reader, c.writer));
    await(hangs_up(c));
    await(all_gone(s));
    assert_history("done done");
}

ASYNC_TEST(many_at_once)
{
    enum { MANY = 20 };
    struct asyncio_server *s = await(serving(echo));
    struct asyncio_streams c[MANY];
    awaitable(struct asyncio_streams) dials[MANY];
    for (int i = 0; i < MANY; i++)
        dials[i] = asyncio_create_task(dial(s));
    for (int i = 0; i < MANY; i++)
        c[i] = await(dials[i]);
    (void)c;
    await(all_gone(s)); /* each dial's streams went with its task */
}

/* --- The end --- */

static async(void, says_much_and_goes, (struct asyncio_stream_reader *, r),
             (struct asyncio_stream_writer *, w))
{
    static char data[300000];
    (void)r;
    memset(data, 'x', sizeof data);
    asyncio_stream_writer_write(w, data, sizeof data);
}

/* What was written before close() arrives, though the peer was writing all the time. */
ASYNC_TEST(closed_on_a_talkative_peer)
{
    static char junk[200000];
    char *data;
    struct asyncio_server *s = await(serving(says_much_and_goes));
    struct asyncio_streams c = await(dial(s));
    asyncio_stream_writer_write(c.writer, junk, sizeof junk);
    await(asyncio_stream_writer_drain(c.writer));
    assert_int_equal(await(asyncio_stream_reader_read_all(c.reader, &data)), 300000);
    await(hangs_up(c));
    await(all_gone(s));
}

static async(void, one_word, (struct asyncio_stream_reader *, r),
             (struct asyncio_stream_writer *, w))
{
    (void)r;
    asyncio_stream_writer_write(w, "bye", 3);
}

/* The other may still write after the end of what it reads; it is dropped. */
ASYNC_TEST(half_closed)
{
    char buf[8];
    struct asyncio_server *s = await(serving(one_word));
    struct asyncio_streams c = await(dial(s));
    assert_int_equal(await(asyncio_stream_reader_read(c.reader, buf, 8)), 3);
    assert_int_equal(await(asyncio_stream_reader_read(c.reader, buf, 8)), 0);
    asyncio_stream_writer_write(c.writer, "more", 4);
    assert_int_equal(await(asyncio_stream_writer_drain(c.writer)), 0);
    await(hangs_up(c));
    await(all_gone(s));
}

/* The peer never answers the end: it is waited for so long and no longer. */
ASYNC_TEST(a_peer_that_does_not_end)
{
    double seconds = simulated() ? 30 : MOMENT;
    struct asyncio_server *s = await(asyncio_start_server(
        one_word, "127.0.0.1", 0, .ssl = server_context, .ssl_shutdown_timeout = seconds));
    struct asyncio_streams c = await(dial(s));
    double begun = asyncio_time();
    asyncio_server_close(s);
    assert_int_equal(await(asyncio_server_wait_closed(s)), 0);
    if (simulated())
        assert_int_equal((int)(asyncio_time() - begun), 30);
    asyncio_stream_writer_abort(c.writer);
}

/* A connection that goes without close_notify is no end of file. */
ASYNC_TEST(cut_short)
{
    struct asyncio_server *s = await(serving(echo));
    struct asyncio_streams c = await(dial(s));
    await(asks(c, "hello"));
    asyncio_stream_writer_abort(c.writer);
    await(all_gone(s));
    char expected[8];
    snprintf(expected, sizeof expected, "%d", -ECONNRESET);
    assert_history(expected);
}

static async(void, leaves, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer *, w))
{
    char c;
    asyncio_stream_writer_write(w, "hello", 5);
    assert_int_equal(await(asyncio_stream_reader_read(r, &c, 1)), 1);
    asyncio_stream_writer_abort(w);
}

ASYNC_TEST(cut_short_in_words)
{
    char buf[8];
    struct asyncio_server *s = await(serving(leaves));
    struct asyncio_streams c = await(dial(s));
    assert_int_equal(await(asyncio_stream_reader_read(c.reader, buf, 8)), 5);
    asyncio_stream_writer_write(c.writer, "x", 1);
    assert_int_equal(await(asyncio_stream_reader_read(c.reader, buf, 8)), -ECONNRESET);
    assert_string_equal(asyncio_error_message(),
                        "unexpected eof while reading: the peer went without close_notify");
    awaitable(ssize_t) t = asyncio_create_task(asyncio_stream_reader_read(c.reader, buf, 8));
    assert_int_equal(await(t), -ECONNRESET); /* the same of a task */
    assert_says(asyncio_error_message(), "close_notify");
    await(all_gone(s));
}

/* --- Sessions --- */

static async(bool, resumed, (struct asyncio_server *, s))
{
    struct asyncio_streams c = await(dial(s));
    await(asks(c, "x")); /* tickets come with the first data */
    bool reused = asyncio_ssl_object_session_reused(tls_of(c.writer));
    await(hangs_up(c));
    return reused;
}

ASYNC_TEST(resumption)
{
    struct asyncio_ssl_context *kept = client_context;
    client_context = asyncio_ssl_context_client(.cafile = authority.cert_file);
    struct asyncio_server *s = await(serving(echo));
    assert_false(await(resumed(s)));
    for (int i = 0; i < 5; i++)
        assert_true(await(resumed(s)));
    await(all_gone(s));
    asyncio_ssl_context_release(client_context);
    client_context = kept;
    assert_history("0 0 0 0 0 0");
}

/* --- Refused --- */

static async(void, refused, (struct asyncio_ssl_context *, server),
             (struct asyncio_ssl_context *, client), (const char *, name), (int, code),
             (const char *, why))
{
    struct asyncio_server *s = await(asyncio_start_server(echo, "127.0.0.1", 0, .ssl = server));
    struct asyncio_streams c = await(asyncio_open_connection(
        "127.0.0.1", asyncio_server_port(s), .ssl = client, .server_hostname = name));
    int error = asyncio_error();
    assert_null(c.reader);
    assert_int_equal(error, code);
    assert_says(asyncio_error_message(), why);
    await(all_gone(s));
}

ASYNC_TEST(certificates_refused)
{
    struct identity old = make_identity((struct wanted){.name = "old",
                                                        .alternative = "DNS:localhost",
                                                        .by = &authority,
                                                        .from = -3 * DAY,
                                                        .until = -DAY});
    struct asyncio_ssl_context *expired =
        asyncio_ssl_context_server(.certfile = old.cert_file, .keyfile = old.key_file);
    await(refused(expired, client_context, "localhost", -EKEYREJECTED, "certificate has expired"));
    await(refused(server_context, client_context, "example.org", -EKEYREJECTED,
                  "hostname mismatch, certificate is not valid for 'example.org'"));
    await(refused(server_context, ASYNCIO_SSL_DEFAULT, NULL, -EKEYREJECTED,
                  "unable to get local issuer certificate"));
    asyncio_ssl_context_release(expired);
    drop_identity(&old);
    assert_history("");
}

/* The address it connects to is in the certificate. */
ASYNC_TEST(the_host_is_the_name)
{
    struct asyncio_server *s = await(serving(echo));
    struct asyncio_streams c =
        await(asyncio_open_connection("127.0.0.1", asyncio_server_port(s), .ssl = client_context));
    assert_non_null(c.reader);
    assert_null(asyncio_ssl_object_server_hostname(tls_of(c.writer)));
    await(hangs_up(c));
    await(all_gone(s));
    assert_history("0");
}

static void complain(const struct asyncio_exception_context *context, void *arg)
{
    (void)arg;
    note("%d:%s", context->error, context->error_message ? context->error_message : "-");
}

/* What is wrong with a server's own context is told to the program, and not only to its clients. */
ASYNC_TEST(not_a_servers_context)
{
    asyncio_set_exception_handler(complain, NULL);
    await(refused(client_context, client_context, "localhost", -ECONNRESET, ""));
    assert_history("-22:a client's context cannot be a server's");
    asyncio_set_exception_handler(NULL, NULL);
}

ASYNC_TEST(a_name_is_needed)
{
    char path[] = "/tmp/tls_test.XXXXXX", file[sizeof path + 2];
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/s", path);
    struct asyncio_server *s = await(asyncio_start_unix_server(echo, file, .ssl = server_context));
    struct asyncio_streams c = await(asyncio_open_unix_connection(file, .ssl = client_context));
    assert_null(c.reader);
    assert_int_equal(asyncio_error(), -EINVAL);
    assert_string_equal(asyncio_error_message(), "check_hostname requires server_hostname");
    c = await(
        asyncio_open_unix_connection(file, .ssl = client_context, .server_hostname = "localhost"));
    await(asks(c, "hello"));
    await(hangs_up(c));
    await(all_gone(s));
    rmdir(path);
    assert_history("0");
}

/* --- Peers that are none --- */

/* Servers without TLS: they say this, or nothing, and go or stay until the client goes. */
static const char *lie;
static size_t length;

static async(void, lies, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer *, w))
{
    char buf[4096];
    while (await(asyncio_stream_reader_read(r, buf, sizeof buf)) > 0) {
        if (!lie)
            continue;
        if (length == 0)
            return;
        asyncio_stream_writer_write(w, lie, length);
        await(asyncio_stream_writer_drain(w));
    }
}

static async(void, lied_to, (const char *, by), (size_t, size), (double, seconds), (int, code),
             (const char *, why))
{
    struct asyncio_server *s = await(asyncio_start_server(lies, "127.0.0.1", 0));
    lie = by;
    length = size;
    struct asyncio_streams c =
        await(asyncio_open_connection("127.0.0.1", asyncio_server_port(s), .ssl = client_context,
                                      .ssl_handshake_timeout = seconds));
    int error = asyncio_error();
    assert_null(c.reader);
    assert_int_equal(error, code);
    if (why)
        assert_says(asyncio_error_message(), why);
    await(all_gone(s));
}

ASYNC_TEST(servers_that_lie)
{
    await(lied_to("HTTP/1.1 400 Bad Request\r\n\r\n", 28, 0, -EPROTO, "wrong version number"));
    await(lied_to("\x16\x03\x03\x40\x00garbage", 12, MOMENT, -ETIMEDOUT, NULL));
    await(lied_to("\x15\x03\x03\x00\x02\x02\x28", 7, 0, -EPROTO, "alert handshake failure"));
    await(lied_to("", 0, 0, -ECONNRESET, "close_notify"));
}

ASYNC_TEST(a_server_that_stalls)
{
    double begun = asyncio_time();
    await(lied_to(NULL, 0, simulated() ? 0 : MOMENT, -ETIMEDOUT, NULL));
    if (simulated())
        assert_int_equal((int)(asyncio_time() - begun), 60);
}

/* Clients of whose handshake nothing comes: the handler is never called. */
static async(void, plainly, (struct asyncio_server *, s), (const char *, says))
{
    struct asyncio_streams c = await(asyncio_open_connection("127.0.0.1", asyncio_server_port(s)));
    char *data;
    asyncio_stream_writer_write(c.writer, says, strlen(says));
    await(asyncio_stream_writer_drain(c.writer));
    if (*says)
        await(asyncio_stream_reader_read_all(c.reader, &data)); /* an alert, perhaps */
    asyncio_stream_writer_abort(c.writer);
}

ASYNC_TEST(clients_that_lie)
{
    static char record[5 + 0x101 + 1] = "\x16\x03\x01\x01\x01"; /* full of nothing known */
    memset(record + 5, 'c', 0x101);
    struct asyncio_server *s = await(serving(echo));
    await(plainly(s, "GET / HTTP/1.0\r\n\r\n"));
    await(plainly(s, record));
    await(plainly(s, ""));
    await(all_gone(s));
    assert_history("");
}

ASYNC_TEST(a_client_that_stalls)
{
    struct asyncio_server *s =
        await(asyncio_start_server(echo, "127.0.0.1", 0, .ssl = server_context,
                                   .ssl_handshake_timeout = simulated() ? 0 : MOMENT));
    struct asyncio_streams c = await(asyncio_open_connection("127.0.0.1", asyncio_server_port(s)));
    char *data;
    double begun = asyncio_time();
    assert_int_equal(await(asyncio_stream_reader_read_all(c.reader, &data)), 0);
    if (simulated())
        assert_int_equal((int)(asyncio_time() - begun), 60);
    await(all_gone(s));
    assert_history("");
}

/* --- Cancelled --- */

static async(int, dials, (struct asyncio_server *, s), (struct asyncio_ssl_context *, context))
{
    struct asyncio_streams c = await(asyncio_open_connection(
        "127.0.0.1", asyncio_server_port(s), .ssl = context, .server_hostname = "localhost"));
    char got;
    if (!c.reader)
        return asyncio_error();
    asyncio_stream_writer_write(c.writer, "x", 1);
    ssize_t n = await(asyncio_stream_reader_read(c.reader, &got, 1));
    if (n != 1)
        return n < 0 ? (int)n : -EPIPE;
    asyncio_stream_writer_close(c.writer);
    return await(asyncio_stream_writer_wait_closed(c.writer));
}

/* After so many turns, for all there are until it is through. */
ASYNC_TEST(cancelled_at_every_turn)
{
    struct asyncio_server *s = await(serving(echo));
    int code = -ECANCELED;
    for (int turns = 0; code == -ECANCELED && turns < 100000; turns += 1 + turns / 20) {
        awaitable(int) t = asyncio_create_task(dials(s, client_context));
        for (int i = 0; i < turns && !asyncio_done(t); i++)
            await(asyncio_sleep(0));
        asyncio_cancel(t);
        code = await(t);
        asyncio_release(t);
    }
    assert_int_equal(code, 0);
    await(all_gone(s));
    *history = 0;
}

ASYNC_TEST(left_behind)
{
    struct asyncio_server *s = await(serving(echo));
    asyncio_spawn(dials(s, client_context));
    for (int i = 0; i < 5; i++)
        await(asyncio_sleep(0));
}

/* --- In mid-stream --- */

static async(int, upgrade, (struct asyncio_streams, c), (struct asyncio_ssl_context *, context),
             (bool, server))
{
    return await(asyncio_stream_writer_start_tls(
        c.writer, context, .server_hostname = server ? NULL : "localhost", .server_side = server));
}

static async(void, upgrades, (struct asyncio_stream_reader *, r),
             (struct asyncio_stream_writer *, w))
{
    char *line;
    assert_int_equal(await(asyncio_stream_reader_readline(r, &line)), 9);
    assert_string_equal(line, "STARTTLS\n");
    asyncio_stream_writer_write(w, "go\n", 3);
    int error = await(upgrade((struct asyncio_streams){r, w}, server_context, true));
    note("%d", error);
    if (error == 0)
        await(echo(r, w));
}

static async(struct asyncio_streams, ask_to_upgrade, (struct asyncio_server *, s))
{
    char *line;
    struct asyncio_streams c = await(asyncio_open_connection("127.0.0.1", asyncio_server_port(s)));
    asyncio_stream_writer_write(c.writer, "STARTTLS\n", 9);
    assert_int_equal(await(asyncio_stream_reader_readline(c.reader, &line)), 3);
    return c;
}

ASYNC_TEST(started_in_mid_stream)
{
    struct asyncio_server *s = await(asyncio_start_server(upgrades, "127.0.0.1", 0));
    struct asyncio_streams c = await(ask_to_upgrade(s));
    assert_int_equal(await(upgrade(c, client_context, false)), 0);
    await(asks(c, "hello"));
    assert_string_equal(asyncio_ssl_object_version(tls_of(c.writer)), "TLSv1.3");
    await(hangs_up(c));
    await(all_gone(s));
    assert_history("0 0");
}

ASYNC_TEST(not_started_in_mid_stream)
{
    struct asyncio_server *s = await(asyncio_start_server(upgrades, "127.0.0.1", 0));
    struct asyncio_streams c = await(asyncio_open_connection("127.0.0.1", asyncio_server_port(s)));
    char *data;
    asyncio_stream_writer_write(c.writer, "STARTTLS\nplain text, injected\n", 30);
    assert_int_equal(await(asyncio_stream_reader_read_all(c.reader, &data)), 3);
    assert_string_equal(data, "go\n");
    await(hangs_up(c));
    await(all_gone(s));
    char expected[8];
    snprintf(expected, sizeof expected, "%d", -EPROTO);
    assert_history(expected);
}

DEATH_TEST(started_twice, "RuntimeError: TLS has been started already")
{
    struct asyncio_server *s = await(serving(echo));
    struct asyncio_streams c = await(dial(s));
    await(upgrade(c, client_context, false));
}

/* --- From two threads --- */

static async(void, quiet_echo, (struct asyncio_stream_reader *, r),
             (struct asyncio_stream_writer *, w))
{
    await(repeats(r, w));
}

static async(void, a_loop_of_its_own)
{
    struct asyncio_server *s = await(serving(quiet_echo));
    for (int i = 0; i < 5; i++)
        assert_int_equal(await(dials(s, client_context)), 0);
    await(all_gone(s));
}

static void *thread(void *arg)
{
    (void)arg;
    asyncio_run(a_loop_of_its_own());
    return NULL;
}

static void contexts_of_threads(void **state)
{
    pthread_t threads[2];
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, thread, NULL), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

/* --- Without memory --- */

#ifdef AI_FAULTS
static long allocations, fails_at;

static bool fails(size_t size)
{
    (void)size;
    return ++allocations == fails_at;
}

/* Each of the library's allocations while a connection is opened, used and closed fails once. */
ASYNC_TEST(no_memory)
{
    struct asyncio_server *s = await(serving(echo));
    int code = -1;
    asyncio_set_exception_handler(complain, NULL);
    await(dials(s, client_context));
    for (fails_at = 1; allocations < fails_at && fails_at < 1000; fails_at++) {
        ai_allocation_fails = fails;
        allocations = 0;
        struct asyncio_streams c =
            await(asyncio_open_connection("127.0.0.1", asyncio_server_port(s),
                                          .ssl = client_context, .server_hostname = "localhost"));
        code = c.reader ? asyncio_stream_writer_write(c.writer, "x", 1) : -1;
        char got;
        if (code == 0)
            code = (int)await(asyncio_stream_reader_read(c.reader, &got, 1));
        ai_allocation_fails = NULL;
        if (c.writer)
            asyncio_stream_writer_abort(c.writer);
        if (allocations < fails_at)
            break;
    }
    assert_int_equal(code, 1);
    asyncio_set_exception_handler(NULL, NULL);
    await(all_gone(s));
    *history = 0;
}
#endif

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(echoes),
        TEST(extra_info),
        TEST(much_both_ways),
        TEST(many_at_once),
        TEST(closed_on_a_talkative_peer),
        TEST(half_closed),
        TEST(a_peer_that_does_not_end),
        TEST(cut_short),
        TEST(cut_short_in_words),
        TEST(resumption),
        TEST(certificates_refused),
        TEST(the_host_is_the_name),
        TEST(not_a_servers_context),
        TEST(a_name_is_needed),
        TEST(servers_that_lie),
        TEST(a_server_that_stalls),
        TEST(clients_that_lie),
        TEST(a_client_that_stalls),
        TEST(cancelled_at_every_turn),
        TEST(left_behind),
        TEST(started_in_mid_stream),
        TEST(not_started_in_mid_stream),
        TEST(started_twice),
        TEST(contexts_of_threads),
#ifdef AI_FAULTS
        TEST(no_memory),
#endif
    };
    return cmocka_run_group_tests_name("tls", tests, make_contexts, drop_contexts);
}
