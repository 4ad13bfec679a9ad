#include "answer.h"
#include "conditions.h"
#include "resource.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

/* --- Pieces of an answer --- */

/* There is room for every head: what is longest in it is a target, and that has been in another. */
static void put(struct connection *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct connection *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    c->used += (size_t)vsnprintf(c->piece + c->used, PIECE - c->used, format, args);
    va_end(args);
}

/* A client that does not take it loses our patience. */
static async(int, send_out, (struct connection *, c))
{
    asyncio_stream_writer_write(c->writer, c->piece, c->used);
    c->used = 0;
    return await(asyncio_wait_for(asyncio_stream_writer_drain(c->writer), c->site->patience));
}

static async(int, copy_file, (struct connection *, c), (int, fd), (off_t, from), (off_t, to))
{
    while (from < to) {
        off_t room = PIECE - (off_t)c->used;
        size_t most = (size_t)(to - from < room ? to - from : room);
        ssize_t n = await(asyncio_pread(fd, c->piece + c->used, most, from));
        if (n <= 0)
            return n < 0 ? (int)n : -EIO; /* it has become shorter */
        c->used += (size_t)n;
        from += n;
        int error = await(send_out(c));
        if (error < 0)
            return error;
    }
    return 0;
}

/* Past the stream, and so when all is sent that went into it. */
static async(int, move_file, (struct connection *, c), (int, fd), (off_t, from), (off_t, to))
{
    asyncio_stream_writer_set_write_buffer_limits(c->writer, 0, 0);
    int error = await(send_out(c));
    while (error == 0 && from < to) {
        size_t most = to - from < SLICE ? (size_t)(to - from) : SLICE;
        ssize_t n = await(
            asyncio_wait_for(asyncio_sendfile(c->socket, fd, &from, most), c->site->patience));
        error = n > 0 ? 0 : n < 0 ? (int)n : -EIO;
    }
    asyncio_stream_writer_set_write_buffer_limits(c->writer, -1, -1);
    return error;
}

/* The head of a small file leaves together with it. */
static async(int, send_file, (struct connection *, c), (int, fd), (off_t, from), (off_t, to))
{
    bool small = to - from <= 4 * PIECE;
    return small || c->socket < 0 ? await(copy_file(c, fd, from, to))
                                  : await(move_file(c, fd, from, to));
}

/* --- Heads --- */

/* A line for each answer. What the client says has no power over the terminal. */
static void report(const struct connection *c, int status, off_t size)
{
    const char *target = c->request.whole ? c->request.target.at : "-";
    if (c->site->quiet)
        return;
    printf("%s \"%s ", c->peer, c->request.whole ? http_method_str(c->request.parser.method) : "-");
    for (const char *at = target; *at; at++)
        printf(isprint((unsigned char)*at) && !strchr("\"\\", *at) ? "%c" : "\\x%02x",
               (unsigned char)*at);
    printf("\" %d %lld\n", status, (long long)size);
}

static bool is_head(const struct connection *c)
{
    return c->request.whole && c->request.parser.method == HTTP_HEAD;
}

static void put_head(struct connection *c, int status, const char *type, off_t size)
{
    char date[HTTP_DATE];
    report(c, status, size);
    put(c, "HTTP/1.1 %d %s\r\nDate: %s\r\nConnection: %s\r\n", status, http_status_str(status),
        http_date(time(NULL), date), c->keep_alive ? "keep-alive" : "close");
    if (status != HTTP_STATUS_NOT_MODIFIED)
        put(c, "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\nContent-Length: %lld\r\n",
            type, (long long)size);
}

/* --- Answers --- */

/* With one more header, a whole line, or "". */
static async(int, answer_with_header, (struct connection *, c), (int, status),
             (const char *, header))
{
    char text[128];
    int n = snprintf(text, sizeof text, "%d %s\n", status, http_status_str(status));
    put_head(c, status, "text/plain; charset=utf-8", n);
    put(c, "%s\r\n%s", header, is_head(c) ? "" : text);
    return await(send_out(c));
}

async(int, answer_shortly, (struct connection *, c), (int, status))
{
    bool allow = status == HTTP_STATUS_METHOD_NOT_ALLOWED;
    return await(answer_with_header(c, status, allow ? "Allow: GET, HEAD\r\n" : ""));
}

/* To the same target with a slash behind its path. Two in front would lead to another host. */
static async(int, answer_elsewhere, (struct connection *, c))
{
    char location[MOST_HEAD + 64];
    const char *target = c->request.target.at;
    if (target[0] != '/') /* http://host/path */
        target = strchr(strstr(target, "://") + 3, '/');
    while (target[1] == '/' || target[1] == '\\')
        target++;
    size_t n = strcspn(target, "?#");
    snprintf(location, sizeof location, "Location: /%.*s/%s\r\n", (int)n - 1, target + 1,
             target + n);
    return await(answer_with_header(c, HTTP_STATUS_MOVED_PERMANENTLY, location));
}

static async(int, answer_with_file, (struct connection *, c), (const struct resource *, r))
{
    off_t from, to;
    char date[HTTP_DATE];
    int status = http_status_wanted(&c->request, r, &from, &to);
    if (status == HTTP_STATUS_RANGE_NOT_SATISFIABLE) {
        char range[64];
        snprintf(range, sizeof range, "Content-Range: bytes */%lld\r\n", (long long)r->size);
        return await(answer_with_header(c, status, range));
    }
    put_head(c, status, r->type, to - from);
    put(c, "ETag: %s\r\nLast-Modified: %s\r\nAccept-Ranges: bytes\r\n", r->tag,
        http_date(r->modified, date));
    if (status == HTTP_STATUS_PARTIAL_CONTENT)
        put(c, "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)from, (long long)to - 1,
            (long long)r->size);
    put(c, "\r\n");
    bool has_body = status != HTTP_STATUS_NOT_MODIFIED && !is_head(c) && from < to;
    return has_body ? await(send_file(c, r->fd, from, to)) : await(send_out(c));
}

async(int, answer_request, (struct connection *, c))
{
    struct resource r = {.fd = -1};
    char path[PATH_MAX];
    unsigned method = c->request.parser.method;
    if (method != HTTP_GET && method != HTTP_HEAD)
        return await(answer_with_header(c, HTTP_STATUS_METHOD_NOT_ALLOWED, "Allow: GET, HEAD\r\n"));
    if (!resource_path(c->request.target.at, path))
        return await(answer_shortly(c, HTTP_STATUS_BAD_REQUEST));
    int status = await(resource_open(&r, c->site->root, path));
    int error = status == 0                               ? await(answer_with_file(c, &r))
                : status == HTTP_STATUS_MOVED_PERMANENTLY ? await(answer_elsewhere(c))
                                                          : await(answer_shortly(c, status));
    resource_close(&r);
    return error;
}
