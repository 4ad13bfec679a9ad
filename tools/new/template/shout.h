/* Every line of a client comes back to it in capitals. */
#ifndef SHOUT_H
#define SHOUT_H

#include <asyncio.h>

enum { IDLE = 60 }; /* seconds without a line, after which a client is sent away */

/* The handler of a connection: a task for each client. */
awaitable(void) shout(struct asyncio_stream_reader *reader, struct asyncio_stream_writer *writer);

#endif
