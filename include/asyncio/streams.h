/* Streams, as in Python's asyncio: a connection as a reader and a writer.
 *
 *     struct asyncio_streams s = await(asyncio_open_connection("example.org", 80));
 *     if (!s.reader)
 *         return asyncio_error();
 *     asyncio_stream_writer_printf(s.writer, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", "example.org");
 *     await(asyncio_stream_writer_drain(s.writer));
 *     async_for (char *line, asyncio_stream_reader_lines(s.reader))
 *         printf("%s", line);
 *     asyncio_stream_writer_close(s.writer);
 *     await(asyncio_stream_writer_wait_closed(s.writer));
 *
 * A reader and its writer are one connection. They belong to the task that asked for them, or to
 * the handler of a server that was given them: when it ends, they are closed, as by
 * asyncio_stream_writer_close(), and gone; used after that they end the program. asyncio_retain()
 * of either keeps both until its asyncio_release(), asyncio_release() alone is an earlier end. They
 * are used on the thread of their loop. What the loop's end finds open it aborts.
 *
 * Nothing is received before somebody reads, so there are no buffers to pause: a connection that
 * waits has none, and what the peer sends too early waits in the kernel. */
#ifndef ASYNCIO_STREAMS_H
#define ASYNCIO_STREAMS_H

#include <asyncio/language.h>

#include <stdarg.h>
#include <stdbool.h>
#include <sys/types.h>

#pragma GCC visibility push(default)

struct asyncio_stream_reader;
struct asyncio_stream_writer;
struct asyncio_ssl_context;
struct iovec;

struct asyncio_streams {
    struct asyncio_stream_reader *reader;
    struct asyncio_stream_writer *writer;
};

/* --- Opening -----------------------------------------------------------------------------------
 */

/* Each may be left out, and is then what is said of 0. Strings, and the context of TLS (see
 * <asyncio/tls.h>), have to stay valid until the connection is open. */
struct asyncio_connection_options {
    const char *host; /* the first argument: a name or a numeric address; NULL: this machine's */
    int port;         /* the second */
    size_t limit;     /* of readline() and readuntil(); 0: 64 KiB */
    struct asyncio_ssl_context *ssl; /* NULL: no TLS */
    const char *server_hostname;     /* what the certificate has to be of; NULL: the host */
    double ssl_handshake_timeout;    /* seconds; 0: 60 */
    double ssl_shutdown_timeout;     /* seconds; 0: 30 */
    int family;                      /* AF_INET, AF_INET6; 0: any */
    int flags;                       /* of getaddrinfo(): AI_NUMERICHOST and so on */
    const char *local_addr;          /* a numeric address to bind to; NULL: any */
    int local_port;                  /* 0: any */
    double happy_eyeballs_delay; /* seconds before the next address is tried beside; 0: one address
                                  * after the other */
    int interleave; /* so many of the first family before the others; 0: as they come, and 1 with a
                     * happy_eyeballs_delay */
    int asyncio__end;
};

/* asyncio_open_connection(host, port, .limit = …, …): awaitable(struct asyncio_streams). Connects
 * to a TCP port. {NULL, NULL} where that failed, and asyncio_error() says why: an error of
 * connect(), of the first address that was tried; of the name's look-up; of TLS; -ETIMEDOUT, the
 * handshake's; -ENOMEM; -ECANCELED. */
#define asyncio_open_connection(...) ASYNCIO__OPEN_CONNECTION(__VA_ARGS__, .asyncio__end = 0)
#define ASYNCIO__OPEN_CONNECTION(h, p, ...)                                                        \
    asyncio__open_connection(                                                                      \
        &(struct asyncio_connection_options){.host = (h), .port = (p), __VA_ARGS__})
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(struct asyncio_streams)
    asyncio__open_connection(const struct asyncio_connection_options *options);

/* asyncio_open_unix_connection(path, .limit = …, .ssl = …, .server_hostname = …): the same for the
 * socket at this path; one that begins with a NUL byte is abstract and goes as far as the next.
 * Of the options these have a meaning, and ssl_handshake_timeout. */
#define asyncio_open_unix_connection(...)                                                          \
    ASYNCIO__OPEN_UNIX_CONNECTION(__VA_ARGS__, .asyncio__end = 0)
#define ASYNCIO__OPEN_UNIX_CONNECTION(path, ...)                                                   \
    asyncio__open_unix_connection(&(struct asyncio_connection_options){.host = (path), __VA_ARGS__})
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(struct asyncio_streams)
    asyncio__open_unix_connection(const struct asyncio_connection_options *options);

/* Streams of a descriptor that is open: a connected socket, an end of a pipe, a terminal. (Python's
 * open_connection(sock=…), connect_read_pipe() and connect_write_pipe().) They take it over and
 * close it. `limit` as above, 0: 64 KiB. {NULL, NULL} without memory: then it is the caller's
 * still. Never suspends. */
struct asyncio_streams asyncio_open_fd(int fd, size_t limit);

/* --- Reading -----------------------------------------------------------------------------------
 */

/* All reads are awaitables. They suspend while there is not enough, and take what has come by the
 * time they are awaited. One at a time may wait for more on a reader; a second ends the program.
 *
 * Beside what is said of each, they fail with what the connection failed with (-ECONNRESET,
 * -ETIMEDOUT, …), once what came before it has been read (in Python: at once); with -ENOMEM, after
 * which nothing more can be read; and with -ECANCELED, and no byte is lost by that.
 *
 * Who gets a pointer gets one into the reader's own memory: it is good until the next read of this
 * reader begins, a NUL byte stands behind what it points to, and it may be written to. */

/* Up to n bytes, and at least one: how many; 0 at the end of the stream, or where n is 0. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_stream_reader_read(struct asyncio_stream_reader *r, void *buf, size_t n);

/* All there is until the end of the stream, Python's read(-1): how many bytes, *data where. There
 * is no limit. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_stream_reader_read_all(struct asyncio_stream_reader *r, char **data);

/* Exactly n bytes: n. -ENODATA (Python's IncompleteReadError) if the stream ends before: what came
 * is in buf, and asyncio_stream_reader_partial() says how much. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_stream_reader_readexactly(struct asyncio_stream_reader *r, void *buf, size_t n);

/* A line, with its "\n": its length, *line where. The stream's last line may have none; after that
 * 0, with *line empty. -EMSGSIZE (Python's ValueError) for a line longer than the limit: that line
 * is dropped, as far as it has come. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_stream_reader_readline(struct asyncio_stream_reader *r, char **line);

/* asyncio_stream_reader_readuntil(r, char **data, separator, …): up to and with the first of these
 * strings, which have to stay valid until it is done: how many bytes, *data where. Where several
 * match, the one that ends first.
 *
 * -ENODATA (IncompleteReadError) if the stream ends before: what came is at *data, and
 * asyncio_stream_reader_partial() says how much. -EMSGSIZE (LimitOverrunError) if more than the
 * limit stands before the separator: everything stays to be read, and
 * asyncio_stream_reader_partial() (Python's `consumed`) says how much of it has no separator. */
#define asyncio_stream_reader_readuntil(r, data, ...)                                              \
    asyncio__stream_reader_readuntil(r, data, (const char *const[]){__VA_ARGS__, NULL})
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio__stream_reader_readuntil(struct asyncio_stream_reader *r, char **data,
                                     const char *const *separators);

/* async_for (char *line, asyncio_stream_reader_lines(r)): each line as readline() gives it, up to
 * the end of the stream (Python's `async for line in reader`). asyncio_error() behind the loop
 * tells whether it was left by a failure. */
ASYNCIO__MUST_USE ASYNCIO_ASYNC_ITERATOR(char *)
    asyncio_stream_reader_lines(struct asyncio_stream_reader *r);

/* Of the read that failed last: see readexactly() and readuntil(). */
size_t asyncio_stream_reader_partial(const struct asyncio_stream_reader *r);

/* The end of the stream has been seen, and everything before it read. As nothing is received before
 * somebody reads, it is seen by a read. */
bool asyncio_stream_reader_at_eof(const struct asyncio_stream_reader *r);

/* What the connection failed with, or 0. */
int asyncio_stream_reader_exception(const struct asyncio_stream_reader *r);

/* The writer of the same connection, and the other way round. */
struct asyncio_stream_writer *asyncio_stream_reader_writer(struct asyncio_stream_reader *r);
struct asyncio_stream_reader *asyncio_stream_writer_reader(struct asyncio_stream_writer *w);

/* --- Writing -----------------------------------------------------------------------------------
 */

/* None of these suspends: they append to what is to be sent. It is sent, all that was written in
 * one go, by the next drain() or close(), or else when the loop next waits. 0, or why it will never
 * be sent, which the next drain() says too, so this need not be looked at: -ENOMEM, what the
 * connection failed with, -EPIPE after close(). After write_eof() they end the program. */
int asyncio_stream_writer_write(struct asyncio_stream_writer *w, const void *data, size_t n);
int asyncio_stream_writer_writelines(struct asyncio_stream_writer *w, const struct iovec *lines,
                                     int n);

/* What printf() would print: its length, or as above. */
int asyncio_stream_writer_printf(struct asyncio_stream_writer *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int asyncio_stream_writer_vprintf(struct asyncio_stream_writer *w, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* asyncio_stream_writer_start_tls(w, context, .server_hostname = "example.org", …): awaitable(int).
 * Goes on over TLS from here: what was written before is sent as it is; what has been received and
 * not read is taken for the peer's TLS. Nobody may read meanwhile. 0, or -errno as
 * asyncio_open_connection() of TLS: then the connection is closed. Starting TLS twice ends the
 * program. (In Python the reader's loop tells which side it is.) */
struct asyncio_start_tls_options {
    struct asyncio_stream_writer *writer;
    struct asyncio_ssl_context *context; /* has to stay valid until it is done */
    const char *server_hostname;         /* likewise; what the server's certificate has to be of */
    bool server_side;                    /* we are the server */
    double ssl_handshake_timeout;        /* seconds; 0: 60 */
    double ssl_shutdown_timeout;         /* seconds; 0: 30 */
    int asyncio__end;
};
#define asyncio_stream_writer_start_tls(...) ASYNCIO__START_TLS(__VA_ARGS__, .asyncio__end = 0)
#define ASYNCIO__START_TLS(w, c, ...)                                                              \
    asyncio__stream_writer_start_tls(                                                              \
        &(struct asyncio_start_tls_options){.writer = (w), .context = (c), __VA_ARGS__})
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio__stream_writer_start_tls(const struct asyncio_start_tls_options *options);

/* Sends what was written and, where more than the high-water mark of it is left, waits until that
 * has come down to the low one. So who drains after each write holds a bounded amount of memory,
 * however slow the peer. 0; what the connection failed with, -ECONNRESET, -EPIPE and so on;
 * -ENOMEM; -ECANCELED: then what was written is sent all the same. -ECONNRESET after it was closed.
 */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_stream_writer_drain(struct asyncio_stream_writer *w);

/* Ends the stream for the peer when all that was written has been sent; reading goes on. 0, or
 * -EOPNOTSUPP where can_write_eof() is false: over TLS. Of a pipe it is close(). */
int asyncio_stream_writer_write_eof(struct asyncio_stream_writer *w);
bool asyncio_stream_writer_can_write_eof(const struct asyncio_stream_writer *w);

/* Closes the connection when all that was written has been sent, which goes on in the background.
 * Who waits for data in another task sees the end of the stream. */
void asyncio_stream_writer_close(struct asyncio_stream_writer *w);

/* Closes it at once, and drops what has not been sent. */
void asyncio_stream_writer_abort(struct asyncio_stream_writer *w);

/* close() or abort() was called, or the connection was lost while writing. */
bool asyncio_stream_writer_is_closing(const struct asyncio_stream_writer *w);

/* Waits until it is closed, by whomever. 0 where all has been sent that was written, else why not;
 * -ECANCELED: it is closed all the same. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_stream_writer_wait_closed(struct asyncio_stream_writer *w);

/* What is known of the connection by this name, stored at value. How many bytes that are, or
 * -errno: -ENOENT for a name that has no meaning here, -EINVAL where `size` is too small for it,
 * else as the system call.
 *     "peername", "sockname"   a struct sockaddr_…, as large as there is room for
 *     "socket", "pipe"         an int, the descriptor
 * and over TLS, as pointers that are valid as long as the connection:
 *     "ssl_object"             struct asyncio_ssl_object *
 *     "sslcontext"             struct asyncio_ssl_context *
 *     "peercert"               const struct asyncio_ssl_certificate *
 *     "cipher"                 const char * */
ssize_t asyncio_stream_writer_get_extra_info(const struct asyncio_stream_writer *w,
                                             const char *name, void *value, size_t size);

/* The water marks of drain(), in bytes; -1 for one is as in Python: high is four times low or
 * 64 KiB, low a quarter of high. And how many bytes have not been sent. */
void asyncio_stream_writer_set_write_buffer_limits(struct asyncio_stream_writer *w, ssize_t high,
                                                   ssize_t low);
void asyncio_stream_writer_get_write_buffer_limits(const struct asyncio_stream_writer *w,
                                                   size_t *low, size_t *high);
size_t asyncio_stream_writer_get_write_buffer_size(const struct asyncio_stream_writer *w);

#pragma GCC visibility pop

#endif
