/* Writing to buffered files. */
#include "base/panic.h"
#include "io/file.h"

#include <asyncio/io.h>

#include <errno.h>

enum { FULL = 64 << 10 };

ASYNCIO_ASYNC(int, ai_file_flush, (struct ai_file *, f))
{
    struct ai_buffer *b = &f->output;

    while (ai_buffer_count(b) > 0) {
        ssize_t n = ASYNCIO_AWAIT(asyncio_write(f->fd, ai_buffer_bytes(b), ai_buffer_count(b)));
        if (n < 0)
            return (int)n;
        ai_buffer_drop(b, (size_t)n);
    }
    ai_buffer_free(b);
    return 0;
}

static ASYNCIO_ASYNC(ssize_t, add, (struct ai_file *, f), (const void *, data), (size_t, n))
{
    bool full = ai_buffer_count(&f->output) > 0 && ai_buffer_count(&f->output) + n > FULL;
    int error = full ? ASYNCIO_AWAIT(ai_file_flush(f)) : 0;

    if (error)
        return error;
    ai_file_unread(f);
    return ai_buffer_append(&f->output, data, n) ? (ssize_t)n : asyncio_raise(-ENOMEM, NULL);
}

ASYNCIO_ASYNC(ssize_t, asyncio_file_write, (struct asyncio_file *, h), (const void *, data),
              (size_t, n))
{
    struct ai_file *f = ai_file_enter(h, "write");

    if (!f->writes)
        ai_panic("io.UnsupportedOperation: not writable");
    ssize_t result = n > 0 ? ASYNCIO_AWAIT(add(f, data, n)) : 0;
    ai_file_leave(f);
    return result;
}

ASYNCIO_ASYNC(int, asyncio_file_flush, (struct asyncio_file *, h))
{
    struct ai_file *f = ai_file_enter(h, "flush");
    int error = ASYNCIO_AWAIT(ai_file_flush(f));

    ai_file_leave(f);
    return error;
}
