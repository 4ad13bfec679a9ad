/* Serves the files below a directory over HTTP/1.1.
 *
 *     http-server [-p PORT] [-b ADDRESS] [-t SECONDS] [--tls CERT KEY] [-q] DIRECTORY
 *
 * Each connection is a task that reads a request, answers it, and reads the next. SIGINT or SIGTERM
 * lets the answers that are under way come to their end; again, it ends at once. */
#include "answer.h"

#include <asyncio/tls.h>

#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Seconds: */
enum {
    PATIENCE = 30, /* with the client: for a request to begin, to end, an answer to be taken */
    LINGER = 2,    /* for it to see why it is refused */
    GRACE = 10,    /* for answers under way when the server is to end */
};

/* --- The connections of a site --- */

static void enter(struct connection *c)
{
    c->next = c->site->connections;
    c->link = &c->site->connections;
    if (c->next)
        c->next->link = &c->next;
    *c->link = c;
}

static void leave(struct connection *c)
{
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
}

/* Those that do something see it when they have done that. */
static void stop(struct site *site)
{
    site->stopping = true;
    for (struct connection *c = site->connections; c; c = c->next)
        if (c->idle)
            asyncio_stream_writer_close(c->writer);
}

static void look_at(struct connection *c)
{
    struct asyncio_stream_writer *w = c->writer;
    struct sockaddr_storage address;
    struct asyncio_ssl_object *tls = NULL;
    ssize_t n = asyncio_stream_writer_get_extra_info(w, "peername", &address, sizeof address);
    if (n < 0 || getnameinfo((struct sockaddr *)&address, (socklen_t)n, c->peer, sizeof c->peer,
                             NULL, 0, NI_NUMERICHOST) != 0)
        strcpy(c->peer, "-");
    asyncio_stream_writer_get_extra_info(w, "ssl_object", &tls, sizeof tls);
    if (tls || asyncio_stream_writer_get_extra_info(w, "socket", &c->socket, sizeof c->socket) < 0)
        c->socket = -1;
}

/* --- Requests --- */

enum { NONE = -1, REQUEST = 0 };

/* What was too long: the target where there is no end of a line. */
static async(int, too_long, (struct connection *, c))
{
    char head[MOST_HEAD];
    ssize_t n = await(asyncio_stream_reader_read(c->reader, head, sizeof head));
    return n > 0 && !memchr(head, '\n', (size_t)n) ? HTTP_STATUS_URI_TOO_LONG
                                                   : HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE;
}

/* REQUEST, NONE, or the status to refuse it with. The first byte ends the idle time, and is looked
 * at by itself: from who speaks another language, it is enough. */
static async(int, read_request, (struct connection *, c))
{
    struct http_message *m = &c->request;
    char first, *rest;
    c->idle = true;
    ssize_t n = await(asyncio_wait_for(asyncio_stream_reader_readexactly(c->reader, &first, 1),
                                       c->site->patience));
    c->idle = false;
    if (n != 1)
        return NONE;
    http_begin(m, HTTP_REQUEST);
    if (http_parse(m, &first, 1) != 0)
        return HTTP_STATUS_BAD_REQUEST;
    n = await(asyncio_wait_for(asyncio_stream_reader_readuntil(c->reader, &rest, "\n\r\n", "\n\n"),
                               c->site->patience));
    if (n == -ETIMEDOUT)
        return HTTP_STATUS_REQUEST_TIMEOUT;
    if (n == -EMSGSIZE)
        return await(too_long(c));
    if (n < 0)
        return NONE;
    int status = http_parse(m, rest, (size_t)n);
    return status ? status : http_check_request(m);
}

static async(int, drop_body, (struct connection *, c))
{
    char buf[4096];
    unsigned long long left = http_body_size(&c->request);
    async_with(asyncio_timeout(c->site->patience))
    {
        while (left > 0) {
            size_t most = left < sizeof buf ? (size_t)left : sizeof buf;
            ssize_t n = await(asyncio_stream_reader_read(c->reader, buf, most));
            if (n <= 0)
                return -ECONNRESET;
            left -= (size_t)n;
        }
    }
    return asyncio_error();
}

/* --- A connection's life --- */

/* Says why and reads on for a while: a connection that is closed with something unread is reset,
 * and the client might never see the answer. */
static async(void, refuse, (struct connection *, c), (int, status))
{
    char buf[4096];
    c->keep_alive = false;
    if (await(answer_shortly(c, status)) < 0 || asyncio_stream_writer_write_eof(c->writer) < 0)
        return;
    async_with(asyncio_timeout(LINGER))
    {
        for (int i = 0; i < 256; i++)
            if (await(asyncio_stream_reader_read(c->reader, buf, sizeof buf)) <= 0)
                break;
    }
}

/* Whether another one may follow. */
static async(bool, serve_request, (struct connection *, c))
{
    int status = await(read_request(c));
    if (status == NONE)
        return false;
    if (status != REQUEST) {
        await(refuse(c, status));
        return false;
    }
    c->keep_alive = http_should_keep_alive(&c->request.parser) && !c->site->stopping;
    if (await(answer_request(c)) < 0) {
        asyncio_stream_writer_abort(c->writer);
        return false;
    }
    return c->keep_alive && await(drop_body(c)) == 0;
}

static async(void, serve_connection, (struct asyncio_stream_reader *, reader),
             (struct asyncio_stream_writer *, writer))
{
    char piece[PIECE];
    struct connection c = {
        .site = asyncio_server_arg(), .reader = reader, .writer = writer, .piece = piece};
    look_at(&c);
    enter(&c);
    while (!c.site->stopping && await(serve_request(&c)))
        ;
    leave(&c);
    asyncio_stream_writer_close(writer);
    if (await(asyncio_wait_for(asyncio_stream_writer_wait_closed(writer), c.site->patience)) ==
        -ETIMEDOUT)
        asyncio_stream_writer_abort(writer); /* what is left of an answer, nobody takes it */
}

/* --- The program --- */

struct options {
    const char *address, *cert, *key;
    int port;
};

static async(int, serve, (struct site *, site), (const struct options *, o))
{
    struct asyncio_ssl_context *tls = NULL;
    if (o->cert) {
        tls = asyncio_ssl_context_server(.certfile = o->cert, .keyfile = o->key);
        if (!tls)
            return asyncio_raise(asyncio_error(), "%s: %s", o->cert, asyncio_error_message());
    }
    struct asyncio_server *server = await(asyncio_start_server(
        serve_connection, o->address, o->port, .limit = MOST_HEAD, .backlog = 1024, .arg = site,
        .ssl = tls, .ssl_shutdown_timeout = LINGER));
    asyncio_ssl_context_release(tls);
    if (!server)
        return asyncio_error();
    printf("listening on %s://%s:%d/\n", tls ? "https" : "http", o->address,
           asyncio_server_port(server));
    fflush(stdout);
    await(asyncio_signal_wait(SIGINT, SIGTERM));
    asyncio_remove_signal_handler(SIGINT);
    asyncio_remove_signal_handler(SIGTERM);
    asyncio_server_close(server);
    stop(site);
    if (await(asyncio_wait_for(asyncio_server_wait_closed(server), GRACE)) < 0)
        asyncio_server_abort_clients(server);
    return 0;
}

static const struct option long_options[] = {
    {"port", required_argument, NULL, 'p'},
    {"bind", required_argument, NULL, 'b'},
    {"time", required_argument, NULL, 't'},
    {"tls", required_argument, NULL, 'T'}, /* and one more argument */
    {"quiet", no_argument, NULL, 'q'},
    {NULL, 0, NULL, 0},
};

static bool parse_options(int argc, char **argv, struct options *o, struct site *site)
{
    for (int option; (option = getopt_long(argc, argv, "p:b:t:q", long_options, NULL)) != -1;)
        switch (option) {
        case 'p':
            o->port = atoi(optarg);
            break;
        case 'b':
            o->address = optarg;
            break;
        case 't':
            site->patience = strtod(optarg, NULL);
            break;
        case 'T':
            o->cert = optarg;
            o->key = optind < argc ? argv[optind++] : NULL;
            break;
        case 'q':
            site->quiet = true;
            break;
        default:
            return false;
        }
    return optind + 1 == argc && o->port >= 0 && o->port <= 65535 && site->patience > 0;
}

int main(int argc, char **argv)
{
    struct options o = {.address = "127.0.0.1", .port = 8000};
    struct site site = {.root = -1, .patience = PATIENCE};
    if (!parse_options(argc, argv, &o, &site)) {
        fprintf(stderr,
                "usage: %s [-p PORT] [-b ADDRESS] [-t SECONDS] [--tls CERT KEY] [-q] DIRECTORY\n",
                argv[0]);
        return 2;
    }
    site.root = open(argv[optind], O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (site.root < 0) {
        perror(argv[optind]);
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    int error = asyncio_run(serve(&site, &o));
    if (error < 0)
        fprintf(stderr, "%s: %s\n", argv[0], asyncio_error_message());
    close(site.root);
    return error < 0;
}
