/* Our echo server, as a program writes it: a task for each connection.
 *     echo raw           asyncio_recv() and asyncio_sendall()
 *     echo streams SIZE  readexactly(), write(), drain()
 *     echo lines         readline(), write(), drain(): what the reader holds is all the buffer */
#include <asyncio.h>

#include "peers/echo.h"

#include <string.h>

enum { BUFFER = 8192 }; /* more than a message: a receive that fills it may not have been all */

static size_t size_of_message;

static async(void, raw, (int, fd))
{
    char buffer[BUFFER];
    ssize_t n;
    while ((n = await(asyncio_recv(fd, buffer, sizeof buffer, 0))) > 0)
        if (await(asyncio_sendall(fd, buffer, (size_t)n)) < 0)
            break;
    await(asyncio_close(fd));
}

static async(void, serve_raw)
{
    int listener = echo_listen(SOCK_NONBLOCK), fd;
    echo_announce(listener);
    while ((fd = await(asyncio_accept(listener, NULL, NULL))) >= 0) {
        echo_nodelay(fd);
        asyncio_spawn(raw(fd));
    }
}

static async(void, streams, (struct asyncio_stream_reader *, r),
             (struct asyncio_stream_writer *, w))
{
    char buffer[BUFFER];
    while (await(asyncio_stream_reader_readexactly(r, buffer, size_of_message)) > 0) {
        asyncio_stream_writer_write(w, buffer, size_of_message);
        if (await(asyncio_stream_writer_drain(w)) < 0)
            break;
    }
}

static async(void, lines, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer *, w))
{
    char *line;
    ssize_t n;
    while ((n = await(asyncio_stream_reader_readline(r, &line))) > 0) {
        asyncio_stream_writer_write(w, line, (size_t)n);
        if (await(asyncio_stream_writer_drain(w)) < 0)
            break;
    }
}

static async(void, serve, (asyncio_client_connected *, handle))
{
    struct asyncio_server *server =
        await(asyncio_start_server(handle, "127.0.0.1", 0, .backlog = ECHO_BACKLOG));
    if (server == NULL)
        return;
    printf("%d\n", asyncio_server_port(server));
    fflush(stdout);
    await(asyncio_server_serve_forever(server));
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    size_of_message = argc > 2 ? (size_t)atol(argv[2]) : 1;
    if (size_of_message > BUFFER)
        return 2;
    if (strcmp(how, "raw") == 0)
        asyncio_run(serve_raw());
    else
        asyncio_run(serve(strcmp(how, "lines") == 0 ? lines : streams));
}
