/* A reverse proxy for whatever is spoken over TCP or TLS: each connection that it accepts goes on
 * to the target.
 *
 *     proxy [--tls CERT KEY] [--target-tls] [--cafile FILE] [--idle SECONDS] LISTEN TARGET
 *
 * LISTEN and TARGET are HOST:PORT; LISTEN may be a port alone. A connection is two pumps, one for
 * each direction. A pump holds one buffer and waits for its writer, so that a slow reader slows its
 * sender down. The end of one direction is passed on, and the other goes on. */
#include <asyncio.h>
#include <asyncio/tls.h>

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Seconds: */
    CONNECT = 10, /* to the target */
    IDLE = 300,   /* of silence in both directions */
    LINGER = 5,   /* of silence from whom TLS cannot tell that the other direction has ended */
    GRACE = 10,   /* for the connections when the proxy is to end */
};

struct address {
    char host[256];
    int port;
};

struct proxy {
    struct address listen, target;
    const char *cert, *key, *cafile;
    bool target_tls;
    double idle;
    struct asyncio_ssl_context *server_tls, *client_tls;
};

/* --- A connection --- */

struct link {
    struct asyncio_streams client, target;
    double idle;
    double last;               /* that anything was heard */
    struct asyncio_event over; /* one direction has come to its end */
    struct asyncio_task_group pumps;
};

/* Up to n bytes; -ETIMEDOUT when both directions have been silent for long enough. */
static async(ssize_t, read_some, (struct link *, l), (struct asyncio_stream_reader *, from),
             (char *, buf), (size_t, n))
{
    ssize_t got;
    do {
        double left = l->last + l->idle - asyncio_time();
        got = await(asyncio_wait_for(asyncio_stream_reader_read(from, buf, n), left));
    } while (got == -ETIMEDOUT && asyncio_time() < l->last + l->idle);
    if (got > 0)
        l->last = asyncio_time();
    return got;
}

static async(int, write_all, (struct link *, l), (struct asyncio_stream_writer *, to),
             (const char *, data), (size_t, n))
{
    asyncio_stream_writer_write(to, data, n);
    return await(asyncio_wait_for(asyncio_stream_writer_drain(to), l->idle));
}

/* Until the other direction ends too; or is silent, and then that is its end. */
static async(int, outlast, (struct link *, l))
{
    for (double left; (left = l->last + LINGER - asyncio_time()) > 0;)
        if (await(asyncio_wait_for(asyncio_event_wait(&l->over), left)) != -ETIMEDOUT)
            return asyncio_error();
    asyncio_task_group_cancel(&l->pumps);
    return 0;
}

/* Passes the end of one direction on. TLS has no such thing, but its own end, which is that of both
 * directions. The client may have it, which knows no more to ask; the target has to answer first.
 */
static async(int, end, (struct link *, l), (struct asyncio_stream_writer *, to))
{
    int error = 0;
    if (asyncio_stream_writer_can_write_eof(to))
        error = asyncio_stream_writer_write_eof(to);
    else if (to == l->client.writer)
        asyncio_stream_writer_close(to);
    else if (!asyncio_event_is_set(&l->over))
        return await(outlast(l));
    asyncio_event_set(&l->over);
    return error;
}

static async(int, pump, (struct link *, l), (struct asyncio_stream_reader *, from),
             (struct asyncio_stream_writer *, to))
{
    char buf[16 * 1024];
    for (ssize_t n; (n = await(read_some(l, from, buf, sizeof buf))) != 0;) {
        int error = n < 0 ? (int)n : await(write_all(l, to, buf, (size_t)n));
        if (error < 0)
            return error;
    }
    return await(end(l, to));
}

/* Sends what is left, unless nobody takes it. */
static async(void, finish, (struct link *, l), (struct asyncio_stream_writer *, w))
{
    asyncio_stream_writer_close(w);
    if (await(asyncio_wait_for(asyncio_stream_writer_wait_closed(w), l->idle)) == -ETIMEDOUT)
        asyncio_stream_writer_abort(w);
}

static async(void, relay, (struct link *, l))
{
    async_with(&l->pumps)
    {
        asyncio_task_group_create_task(&l->pumps, pump(l, l->client.reader, l->target.writer));
        asyncio_task_group_create_task(&l->pumps, pump(l, l->target.reader, l->client.writer));
    }
    if (asyncio_error() < 0) {
        asyncio_stream_writer_abort(l->client.writer);
        asyncio_stream_writer_abort(l->target.writer);
    }
    asyncio_stream_writer_close(l->target.writer);
    await(finish(l, l->client.writer));
    await(finish(l, l->target.writer));
}

static async(void, serve_client, (struct asyncio_stream_reader *, reader),
             (struct asyncio_stream_writer *, writer))
{
    const struct proxy *p = asyncio_server_arg();
    struct asyncio_streams target = await(asyncio_wait_for(
        asyncio_open_connection(p->target.host, p->target.port, .ssl = p->client_tls,
                                .ssl_shutdown_timeout = LINGER, .happy_eyeballs_delay = 0.25),
        CONNECT));
    if (!target.reader) {
        fprintf(stderr, "%s:%d: %s\n", p->target.host, p->target.port, asyncio_error_message());
        asyncio_stream_writer_abort(writer);
        return;
    }
    struct link l = {
        .client = {reader, writer}, .target = target, .idle = p->idle, .last = asyncio_time()};
    await(relay(&l));
}

/* --- The program --- */

static struct asyncio_ssl_context *checked(struct asyncio_ssl_context *tls, const char *file)
{
    if (!tls)
        fprintf(stderr, "%s: %s\n", file, asyncio_error_message());
    return tls;
}

static bool prepare_tls(struct proxy *p)
{
    if (p->cert &&
        !(p->server_tls =
              checked(asyncio_ssl_context_server(.certfile = p->cert, .keyfile = p->key), p->cert)))
        return false;
    if (p->target_tls && !(p->client_tls = checked(asyncio_ssl_context_client(.cafile = p->cafile),
                                                   p->cafile ? p->cafile : "certificates")))
        return false;
    return true;
}

static async(int, serve, (struct proxy *, p))
{
    if (!prepare_tls(p))
        return 1;
    struct asyncio_server *server =
        await(asyncio_start_server(serve_client, p->listen.host, p->listen.port, .backlog = 1024,
                                   .arg = p, .ssl = p->server_tls, .ssl_shutdown_timeout = LINGER));
    if (!server) {
        fprintf(stderr, "%s\n", asyncio_error_message());
        return 1;
    }
    printf("listening on %s:%d\n", p->listen.host, asyncio_server_port(server));
    fflush(stdout);
    await(asyncio_signal_wait(SIGINT, SIGTERM));
    asyncio_remove_signal_handler(SIGINT); /* again, it ends at once */
    asyncio_remove_signal_handler(SIGTERM);
    asyncio_server_close(server);
    if (await(asyncio_wait_for(asyncio_server_wait_closed(server), GRACE)) < 0)
        asyncio_server_abort_clients(server);
    return 0;
}

/* "host:port", "[::1]:port", and ":port" or "port" where there is a host to be had. */
static bool parse_address(struct address *a, const char *text, const char *host)
{
    const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
    const char *from = text, *to = colon ? colon : text;
    if (from < to && *from == '[' && to[-1] == ']')
        from++, to--;
    if (from == to && host)
        from = host, to = host + strlen(host);
    snprintf(a->host, sizeof a->host, "%.*s", (int)(to - from), from);
    char *end;
    long n = strtol(port, &end, 10);
    a->port = (int)n;
    return a->host[0] && *port && !*end && n >= (host ? 0 : 1) && n <= 65535;
}

static const struct option long_options[] = {
    {"tls", required_argument, NULL, 't'}, /* and one more argument */
    {"target-tls", no_argument, NULL, 'T'}, {"cafile", required_argument, NULL, 'c'},
    {"idle", required_argument, NULL, 'i'}, {NULL, 0, NULL, 0},
};

static bool parse_options(int argc, char **argv, struct proxy *p)
{
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
        switch (option) {
        case 't':
            p->cert = optarg;
            p->key = optind < argc ? argv[optind++] : NULL;
            break;
        case 'T':
            p->target_tls = true;
            break;
        case 'c':
            p->cafile = optarg;
            break;
        case 'i':
            p->idle = strtod(optarg, NULL);
            break;
        default:
            return false;
        }
    return optind + 2 == argc && p->idle > 0 &&
           parse_address(&p->listen, argv[optind], "127.0.0.1") &&
           parse_address(&p->target, argv[optind + 1], NULL);
}

int main(int argc, char **argv)
{
    struct proxy p = {.idle = IDLE};
    if (!parse_options(argc, argv, &p)) {
        fprintf(stderr,
                "usage: %s [--tls CERT KEY] [--target-tls] [--cafile FILE] [--idle SECONDS] "
                "LISTEN TARGET\n",
                argv[0]);
        return 2;
    }
    int status = asyncio_run(serve(&p));
    asyncio_ssl_context_release(p.server_tls);
    asyncio_ssl_context_release(p.client_tls);
    return status != 0;
}
