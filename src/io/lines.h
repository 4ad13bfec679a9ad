/* What async_for iterates over where something is read line by line. */
#ifndef AI_IO_LINES_H
#define AI_IO_LINES_H

#include <asyncio/language.h>

#include <sys/types.h>

/* The lines of `source` as readline() gives them, up to a length of 0. NULL without memory. */
ASYNCIO_ASYNC_ITERATOR(char *)
ai_lines_new(void *source, ASYNCIO_AWAITABLE(ssize_t) (*readline)(void *source, char **line));

#endif
