#include "shout.h"

#include <ctype.h>

async(void, shout, (struct asyncio_stream_reader *, reader),
      (struct asyncio_stream_writer *, writer))
{
    char *line;
    ssize_t n;

    while ((n = await(asyncio_wait_for(asyncio_stream_reader_readline(reader, &line), IDLE))) > 0) {
        for (ssize_t i = 0; i < n; i++)
            line[i] = (char)toupper((unsigned char)line[i]);
        asyncio_stream_writer_write(writer, line, (size_t)n);
        if (await(asyncio_stream_writer_drain(writer)) < 0)
            return; /* the client is gone */
    }
    if (n == -ETIMEDOUT) {
        asyncio_stream_writer_printf(writer, "BYE\n");
        (void)await(asyncio_stream_writer_drain(writer));
    }
} /* which closes the connection */
