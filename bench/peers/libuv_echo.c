/* libuv: libuv_echo try|write. uv_try_write() is at once or not at all; uv_write() needs a request.
 */
#include "echo.h"

#include <stdbool.h>
#include <string.h>
#include <uv.h>

static char buffer[ECHO_BUFFER]; /* lent to one read at a time */
static bool tries;

struct answer {
    uv_write_t request;
    char data[];
};

static void lend(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    (void)handle, (void)size;
    *buf = uv_buf_init(buffer, sizeof buffer);
}

static void closed(uv_handle_t *handle)
{
    free(handle);
}

static void written(uv_write_t *request, int status)
{
    (void)status;
    free(request);
}

static void answer(uv_stream_t *stream, const char *data, size_t n)
{
    uv_buf_t buf = uv_buf_init((char *)data, (unsigned)n);
    if (tries && uv_try_write(stream, &buf, 1) == (int)n)
        return;
    struct answer *a = malloc(sizeof *a + n);
    memcpy(a->data, data, n);
    buf.base = a->data;
    uv_write(&a->request, stream, &buf, 1, written);
}

static void came(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    if (n > 0)
        answer(stream, buf->base, (size_t)n);
    else if (n < 0)
        uv_close((uv_handle_t *)stream, closed);
}

static void connected(uv_stream_t *listener, int status)
{
    uv_tcp_t *tcp = malloc(sizeof *tcp);
    uv_tcp_init(listener->loop, tcp);
    if (status < 0 || uv_accept(listener, (uv_stream_t *)tcp) < 0)
        exit(1);
    uv_tcp_nodelay(tcp, 1);
    uv_read_start((uv_stream_t *)tcp, lend, came);
}

int main(int argc, char **argv)
{
    uv_tcp_t listener;
    int fd = echo_listen(SOCK_NONBLOCK);
    tries = argc > 1 && strcmp(argv[1], "try") == 0;
    uv_tcp_init(uv_default_loop(), &listener);
    if (uv_tcp_open(&listener, fd) < 0 ||
        uv_listen((uv_stream_t *)&listener, ECHO_BACKLOG, connected) < 0)
        return 1;
    echo_announce(fd);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
