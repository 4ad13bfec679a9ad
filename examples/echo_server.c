/* An echo server: what a client sends comes back to it.
 *
 *     echo_server [PORT]
 *
 * Each connection is a task of its own, which reads and writes as if it were alone. */
#include <asyncio.h>

#include <stdlib.h>

static async(void, echo, (struct asyncio_stream_reader *, reader),
             (struct asyncio_stream_writer *, writer))
{
    char buf[16384];
    for (ssize_t n; (n = await(asyncio_stream_reader_read(reader, buf, sizeof buf))) > 0;) {
        asyncio_stream_writer_write(writer, buf, (size_t)n);
        if (await(asyncio_stream_writer_drain(writer)) < 0)
            return;
    }
}

static async(int, serve, (int, port))
{
    struct asyncio_server *server = await(asyncio_start_server(echo, "127.0.0.1", port));
    if (!server) {
        fprintf(stderr, "%s\n", asyncio_error_message());
        return 1;
    }
    printf("listening on 127.0.0.1:%d\n", asyncio_server_port(server));
    fflush(stdout);
    async_with(server) await(asyncio_server_serve_forever(server));
    return 0;
}

int main(int argc, char **argv)
{
    return asyncio_run(serve(argc > 1 ? atoi(argv[1]) : 8888)) != 0;
}
