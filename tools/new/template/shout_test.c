/* The server and its clients in one process, in virtual time. */
#include <stdlib.h>
#include <string.h>

#include "shout.h"

static void check(bool good, const char *what)
{
    printf("%s %s\n", good ? "ok" : "not ok", what);
    if (!good)
        exit(1);
}

static async(int, test_answer, (int, port))
{
    struct asyncio_streams s = await(asyncio_open_connection("127.0.0.1", port));
    char *line = NULL;

    check(s.reader != NULL, "a client gets in");
    asyncio_stream_writer_printf(s.writer, "hello\n");
    ssize_t n = await(asyncio_stream_reader_readline(s.reader, &line));
    check(n == 6 && !memcmp(line, "HELLO\n", 6), "its line comes back in capitals");
    return 0;
}

static async(int, test_idle, (int, port))
{
    double begin = asyncio_time();
    struct asyncio_streams s = await(asyncio_open_connection("127.0.0.1", port));
    char *text = NULL;

    check(s.reader != NULL, "a silent client gets in");
    ssize_t n = await(asyncio_stream_reader_read_all(s.reader, &text));
    check(n == 4 && !memcmp(text, "BYE\n", 4), "it is sent away");
    double waited = asyncio_time() - begin;
    check(waited >= IDLE && waited < IDLE + 1, "after a minute");
    return 0;
}

static async(void, tests)
{
    struct asyncio_server *server = await(asyncio_start_server(shout, "127.0.0.1", 0));

    check(server != NULL, "the server listens");
    int port = asyncio_server_port(server);
    async_with(server) await(asyncio_gather(test_answer(port), test_idle(port)));
}

int main(void)
{
    asyncio_run(tests());
    return 0;
}
