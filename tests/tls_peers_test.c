/* TLS with programs that are not ours: openssl s_client and s_server, and curl, as they are. */
#include "support.h"

#include "certificates.h"

#include <asyncio/tls.h>

#include <spawn.h>
#include <sys/wait.h>

/* --- Programs --- */

struct program {
    pid_t pid;
    struct asyncio_streams in, out; /* its stdin; its stdout and stderr */
};

extern char **environ;

/* The words of the command are divided by single spaces. */
static struct program start(const char *format, ...) __attribute__((format(printf, 1, 2)));

static struct program start(const char *format, ...)
{
    char command[1024], *words[40];
    int to[2], from[2], n = 0;
    struct program p;
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    for (char *word = strtok(command, " "); word; word = strtok(NULL, " "))
        words[n++] = word;
    words[n] = NULL;
    assert_int_equal(pipe2(to, O_CLOEXEC), 0);
    assert_int_equal(pipe2(from, O_CLOEXEC), 0);
    posix_spawn_file_actions_t a;
    posix_spawn_file_actions_init(&a);
    posix_spawn_file_actions_adddup2(&a, to[0], 0);
    posix_spawn_file_actions_adddup2(&a, from[1], 1);
    posix_spawn_file_actions_adddup2(&a, from[1], 2);
    assert_int_equal(posix_spawnp(&p.pid, words[0], &a, NULL, words, environ), 0);
    posix_spawn_file_actions_destroy(&a);
    close(to[0]);
    close(from[1]);
    p.in = asyncio_open_fd(to[1], 0);
    p.out = asyncio_open_fd(from[0], 0);
    return p;
}

static async(void, tell, (struct program, p), (const char *, text))
{
    asyncio_stream_writer_write(p.in.writer, text, strlen(text));
    await(asyncio_stream_writer_drain(p.in.writer));
}

/* Reads as far as a line that has this in it. */
static async(char *, hear, (struct program, p), (const char *, text))
{
    char *line;
    while (await(asyncio_stream_reader_readline(p.out.reader, &line)) > 0) {
        if (strstr(line, text))
            return line;
    }
    fail_msg("it never said %s", text);
    return NULL;
}

/* Reads to the end of what it says, and waits for its own: its exit status. */
static async(int, finish, (struct program, p), (const char *, last))
{
    char *all;
    int status;
    ssize_t n = await(asyncio_stream_reader_read_all(p.out.reader, &all));
    assert_true(n >= 0);
    if (!strstr(all, last))
        fail_msg("'%s' is not in: %s", last, all);
    asyncio_stream_writer_close(p.in.writer);
    asyncio_stream_writer_close(p.out.writer);
    assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool runs(const char *command)
{
    return system(command) == 0;
}

static const char *no_openssl, *no_curl; /* why there is no such peer */

static void look_for_peers(void)
{
    const char *inside = simulated() ? "programs are outside of the simulation" : NULL;

    no_openssl = inside || runs("openssl version >/dev/null") ? inside : "no openssl";
    no_curl = inside || runs("curl --version >/dev/null") ? inside : "no curl";
}

/* --- As a server --- */

static struct asyncio_ssl_context *client_context, *server_context;
static struct identity stranger; /* an authority that vouches for nobody */

static int make_contexts(void **state)
{
    make_certificates(state);
    stranger = make_identity((struct wanted){.name = "stranger", .is_authority = true});
    client_context = asyncio_ssl_context_client(.cafile = authority.cert_file);
    server_context = asyncio_ssl_context_server(.certfile = localhost.cert_file,
                                                .keyfile = localhost.key_file, .alpn = "http/1.1");
    return 0;
}

static int drop_contexts(void **state)
{
    asyncio_ssl_context_release(client_context);
    asyncio_ssl_context_release(server_context);
    drop_identity(&stranger);
    return drop_certificates(state);
}

static async(void, echo, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer *, w))
{
    char *line;
    ssize_t n;
    while ((n = await(asyncio_stream_reader_readline(r, &line))) > 0) {
        asyncio_stream_writer_printf(w, "you said %s", line);
        await(asyncio_stream_writer_drain(w));
    }
    note("%zd", n);
}

static async(void, all_gone, (struct asyncio_server *, s))
{
    asyncio_server_close(s);
    assert_int_equal(await(asyncio_server_wait_closed(s)), 0);
}

static async(void, with_s_client, (const char *, version), (const char *, new_keys))
{
    struct asyncio_server *s =
        await(asyncio_start_server(echo, "127.0.0.1", 0, .ssl = server_context));
    struct program p = start("openssl s_client -connect 127.0.0.1:%d -CAfile %s -servername "
                             "localhost -verify_hostname localhost -verify_return_error -alpn "
                             "http/1.1 %s",
                             asyncio_server_port(s), authority.cert_file, version);
    await(tell(p, "hello\n"));
    await(hear(p, "ALPN protocol: http/1.1"));
    await(hear(p, "you said hello"));
    if (new_keys) {
        await(tell(p, new_keys));
        await(hear(p, "KEYUPDATE"));
    }
    await(tell(p, "again\n"));
    await(hear(p, "you said again"));
    await(tell(p, "Q\n"));
    assert_int_equal(await(finish(p, "")), 0);
    await(all_gone(s));
    assert_history("0");
}

ASYNC_TEST(s_client)
{
    await(with_s_client("-tls1_3", "K\n"));
    await(with_s_client("-tls1_2", NULL));
}

/* Renegotiation is refused, and the connection goes on. */
ASYNC_TEST(renegotiation)
{
    struct asyncio_server *s =
        await(asyncio_start_server(echo, "127.0.0.1", 0, .ssl = server_context));
    struct program p = start("openssl s_client -connect 127.0.0.1:%d -CAfile %s -tls1_2",
                             asyncio_server_port(s), authority.cert_file);
    await(tell(p, "hello\n"));
    await(hear(p, "you said hello"));
    await(tell(p, "R\n"));
    await(hear(p, "RENEGOTIATING"));
    await(finish(p, "no renegotiation"));
    await(all_gone(s));
    *history = 0;
}

static async(void, http, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer *, w))
{
    char *line;
    while (await(asyncio_stream_reader_readline(r, &line)) > 2)
        ;
    asyncio_stream_writer_printf(w, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    for (int i = 0; i < 20000; i++)
        asyncio_stream_writer_printf(w, "line %d\n", i);
}

ASYNC_TEST(curl)
{
    static const char command[] = "curl -sS --noproxy * --max-time 60 %s %s https://localhost:%d/";
    struct asyncio_server *s =
        await(asyncio_start_server(http, "127.0.0.1", 0, .ssl = server_context));
    struct program p = start(command, "--cacert", authority.cert_file, asyncio_server_port(s));
    assert_int_equal(await(finish(p, "line 19999\n")), 0);
    p = start(command, "--tlsv1.2 --tls-max 1.2 --cacert", stranger.cert_file,
              asyncio_server_port(s));
    assert_int_equal(await(finish(p, "certificate")), 60);
    await(all_gone(s));
}

/* --- As a client --- */

static async(bool, reversed, (int, port), (struct asyncio_ssl_context *, context))
{
    struct asyncio_ssl_object *o;
    struct asyncio_streams c = await(
        asyncio_open_connection("127.0.0.1", port, .ssl = context, .server_hostname = "localhost"));
    char *line;
    if (!c.reader)
        fail_msg("%s", asyncio_error_message());
    asyncio_stream_writer_get_extra_info(c.writer, "ssl_object", &o, sizeof o);
    asyncio_stream_writer_write(c.writer, "hello\n", 6);
    assert_int_equal(await(asyncio_stream_reader_readline(c.reader, &line)), 6);
    assert_string_equal(line, "olleh\n");
    bool reused = asyncio_ssl_object_session_reused(o);
    asyncio_stream_writer_close(c.writer);
    assert_int_equal(await(asyncio_stream_writer_wait_closed(c.writer)), 0);
    return reused;
}

static async(void, with_s_server, (const char *, version))
{
    struct asyncio_ssl_context *context = asyncio_ssl_context_client(.cafile = authority.cert_file);
    struct program p =
        start("openssl s_server -accept 127.0.0.1:0 -cert %s -key %s -rev -naccept 3 %s",
              localhost.cert_file, localhost.key_file, version);
    const char *line = await(hear(p, "ACCEPT"));
    int port = atoi(strrchr(line, ':') + 1);
    assert_false(await(reversed(port, context)));
    assert_true(await(reversed(port, context)));
    assert_true(await(reversed(port, context)));
    assert_int_equal(await(finish(p, "CONNECTION CLOSED")), 0);
    asyncio_ssl_context_release(context);
}

ASYNC_TEST(s_server)
{
    await(with_s_server("-tls1_3"));
    await(with_s_server("-tls1_2"));
}

int main(void)
{
    struct CMUnitTest tests[] = {
        TEST_UNLESS(no_openssl, s_client),
        TEST_UNLESS(no_openssl, renegotiation),
        TEST_UNLESS(no_curl, curl),
        TEST_UNLESS(no_openssl, s_server),
    };
    look_for_peers();
    return run_group(tests, sizeof tests / sizeof *tests, make_contexts, drop_contexts);
}
