/* A buffered file: a descriptor, what was read from it and not taken, what was taken and not
 * written. Only one of the two holds anything where the descriptor has a position; that is the
 * reader's or the writer's then, minus, or plus, what the buffer holds.
 *
 * Whoever uses it enters and leaves, and none meanwhile: so memory of a buffer may be the kernel's.
 * Entering holds a reference. */
#ifndef AI_IO_FILE_H
#define AI_IO_FILE_H

#include "io/buffer.h"
#include "task/object.h"

#include <asyncio/file.h>

struct ai_file {
    struct ai_object object; /* DONE from the start: nobody waits for it */
    int fd;                  /* -1: closed */
    bool reads, writes, kept_open;
    const char *user; /* what is going on, or NULL */
    size_t limit;
    char line_byte;
    char *line_end; /* where a NUL stands for line_byte, in what a read has pointed to; or NULL */
    char nothing[1];
    struct ai_buffer input, output;
};

/* The file of a handle, which must not be closed; `what` is done with it. */
struct ai_file *ai_file_enter(struct asyncio_file *h, const char *what);
void ai_file_leave(struct ai_file *f);

/* Writes what there is to be written. Of who has entered. 0 or -errno. */
ASYNCIO_AWAITABLE(int) ai_file_flush(struct ai_file *f);

/* Gives what was read and not taken back to a descriptor that has a position. */
void ai_file_unread(struct ai_file *f);

#endif
