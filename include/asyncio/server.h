/* Servers, as in Python's asyncio: a handler, a coroutine, for each connection.
 *
 *     static async(void, echo, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer
 * *, w))
 *     {
 *         char buf[4096];
 *         for (ssize_t n; (n = await(asyncio_stream_reader_read(r, buf, sizeof buf))) > 0;) {
 *             asyncio_stream_writer_write(w, buf, n);
 *             await(asyncio_stream_writer_drain(w));
 *         }
 *     }
 *
 *     async(int, serve)
 *     {
 *         struct asyncio_server *server = await(asyncio_start_server(echo, "127.0.0.1", 8888));
 *         if (!server)
 *             return asyncio_error();
 *         async_with (server)
 *             await(asyncio_server_serve_forever(server));
 *         return 0;
 *     }
 *
 * The handler runs as a task of its own, to which the reader and the writer belong: when it ends
 * they are closed. (In Python the handler has to close them.) Where it fails, the loop's exception
 * handler is told "Unhandled exception in client_connected_cb".
 *
 * A server belongs to the task that asked for it: when that ends, it stops listening and is gone,
 * and its connections go on; used after that it ends the program. asyncio_retain() keeps it until
 * its asyncio_release(); asyncio_release() alone is an earlier end. What the loop's end finds it
 * closes. */
#ifndef ASYNCIO_SERVER_H
#define ASYNCIO_SERVER_H

#include <asyncio/language.h>
#include <asyncio/streams.h>

#pragma GCC visibility push(default)

struct asyncio_server;
struct asyncio_ssl_context;

/* `async(void, handle, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer *, w))`
 */
typedef __typeof__(void (**)(void)) asyncio_client_connected(struct asyncio_stream_reader *r,
                                                             struct asyncio_stream_writer *w);

/* --- Starting ----------------------------------------------------------------------------------
 */

/* Each may be left out, and is then what is said of 0. Strings have to stay valid until the server
 * is started. */
struct asyncio_server_options {
    asyncio_client_connected *handler; /* the first argument */
    const char *host; /* the second: a name or a numeric address; NULL or "": all interfaces */
    int port;         /* the third; 0: any that is free, of each address its own */
    size_t limit;     /* of the readers, see <asyncio/streams.h>; 0: 64 KiB */
    int backlog;      /* how many connections may wait to be accepted; 0: 100 */
    void *arg;        /* for the handlers: see asyncio_server_arg() */
    struct asyncio_ssl_context *ssl; /* NULL: no TLS */
    double ssl_handshake_timeout;    /* seconds; 0: 60 */
    double ssl_shutdown_timeout;     /* seconds; 0: 30 */
    int sock;   /* > 0: a socket that is bound, instead of host and port, which the server takes
                 * over (also where it fails) and closes */
    int family; /* AF_INET, AF_INET6; 0: any */
    int flags;  /* of getaddrinfo(), beside AI_PASSIVE */
    bool reuse_port;        /* others may listen there too, and share the connections */
    bool keep_alive;        /* SO_KEEPALIVE on the connections */
    bool no_reuse_address;  /* Python: reuse_address=False */
    bool start_later;       /* Python: start_serving=False; see asyncio_server_start_serving() */
    bool no_cleanup_socket; /* Python: cleanup_socket=False: the path stays when it is closed */
    int asyncio__end;
};

/* asyncio_start_server(handler, host, port, .limit = …, …): awaitable(struct asyncio_server *).
 * Listens on all addresses of the host, and serves. NULL where that failed, and asyncio_error()
 * says why: -EADDRINUSE, -EACCES and whatever else socket(), bind() and listen() say, with the
 * address in the message; an error of the name's look-up; -EMFILE; -ENOMEM; -ECANCELED. It
 * belongs to the task that calls this, also where it is started by a task of its own. */
#define asyncio_start_server(...) ASYNCIO__START_SERVER(__VA_ARGS__, .asyncio__end = 0)
#define ASYNCIO__START_SERVER(handle, h, p, ...)                                                   \
    asyncio__start_server(&(struct asyncio_server_options){                                        \
        .handler = (handle), .host = (h), .port = (p), __VA_ARGS__})
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(struct asyncio_server *)
    asyncio__start_server(const struct asyncio_server_options *options);

/* asyncio_start_unix_server(handler, path, .limit = …, …): the same on a Unix socket. One that was
 * left at this path is removed first, and the path is removed when the server is closed, unless
 * somebody else's socket is there by then. A path that begins with a NUL byte is abstract and goes
 * as far as the next. -EADDRINUSE, -ENAMETOOLONG and so on. */
#define asyncio_start_unix_server(...) ASYNCIO__START_UNIX_SERVER(__VA_ARGS__, .asyncio__end = 0)
#define ASYNCIO__START_UNIX_SERVER(handle, path, ...)                                              \
    asyncio__start_unix_server(                                                                    \
        &(struct asyncio_server_options){.handler = (handle), .host = (path), __VA_ARGS__})
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(struct asyncio_server *)
    asyncio__start_unix_server(const struct asyncio_server_options *options);

/* --- Serving -----------------------------------------------------------------------------------
 */

/* Begins to listen where it does not yet. 0, or listen()'s error. Does not suspend. A server that
 * is closed: ends the program. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_server_start_serving(struct asyncio_server *server);

/* Serves until it is cancelled or the server is closed by another task; then the server and its
 * connections are closed and waited for, and this fails with -ECANCELED in either case. (One that
 * is cancelled again does not wait.) Also with listen()'s error. One task at a time, and none once
 * it is closed: else it ends the program. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_server_serve_forever(struct asyncio_server *server);

bool asyncio_server_is_serving(const struct asyncio_server *server);

/* Its listening sockets: the first n go to `fds`. How many there are; 0 once it is closed. */
size_t asyncio_server_sockets(const struct asyncio_server *server, int *fds, size_t n);

/* The port of its first socket, 0 where that has none. (For servers on port 0.) */
int asyncio_server_port(const struct asyncio_server *server);

/* In a handler's own task: the .arg of its server. NULL in any other. */
void *asyncio_server_arg(void);

/* --- Its end -----------------------------------------------------------------------------------
 */

/* Stops listening. Connections that nobody has accepted are reset, all others go on. Again:
 * nothing. */
void asyncio_server_close(struct asyncio_server *server);

/* Closes its connections, or aborts them (see asyncio_stream_writer_close(), …_abort()). Their
 * handlers see it at their next read or write. */
void asyncio_server_close_clients(struct asyncio_server *server);
void asyncio_server_abort_clients(struct asyncio_server *server);

/* Waits until the server is closed and so are all its connections. 0 or -ECANCELED. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_server_wait_closed(struct asyncio_server *server);

/* `async_with (server) { … }`: at its end the server is closed, and waited for. */

#pragma GCC visibility pop

#endif
