/* @NAME@ [PORT] */
#include <stdlib.h>

#include "shout.h"

static async(int, serve, (int, port))
{
    struct asyncio_server *server = await(asyncio_start_server(shout, "127.0.0.1", port));

    if (!server) {
        fprintf(stderr, "@NAME@: %s\n", asyncio_error_message());
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
