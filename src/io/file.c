/* See file.h. Here files are opened, moved in, and closed. */
#include "io/file.h"

#include "base/panic.h"
#include "io/now.h"
#include "loop/perform.h"
#include "task/diagnose.h"
#include "task/thread.h"

#include <asyncio/io.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* --- Modes --- */

/* The flags of open(2). */
static int flags_of(const char *mode)
{
    static const struct {
        char letter;
        int flags;
    } kinds[] = {
        {'r', 0}, {'w', O_CREAT | O_TRUNC}, {'a', O_CREAT | O_APPEND}, {'x', O_CREAT | O_EXCL}};
    int kind = -1;
    bool both = strchr(mode, '+');

    for (int i = 0; i < 4; i++)
        kind = *mode == kinds[i].letter ? i : kind;
    if (kind < 0 || mode[1 + strspn(mode + 1, "+bt")])
        ai_panic("ValueError: invalid mode: '%s'", mode);
    return kinds[kind].flags | (both ? O_RDWR : kind == 0 ? O_RDONLY : O_WRONLY);
}

/* --- Life --- */

static int64_t write_some(struct ai_file *f)
{
    struct ai_op op = {.code = AI_OP_WRITE,
                       .fd = f->fd,
                       .from = ai_buffer_bytes(&f->output),
                       .size = ai_buffer_count(&f->output),
                       .offset = -1};
    int64_t n = ai_perform(&op);
    return n == AI_PERFORM_BLOCKS ? ai_perform_blocking(&op) : n;
}

/* Nothing here may wait, so what a pipe does not take now is lost. */
static void write_hastily(struct ai_file *f)
{
    struct ai_buffer *b = &f->output;
    int64_t n = 1;

    while (n > 0 && ai_buffer_count(b) > 0) {
        n = write_some(f);
        ai_buffer_drop(b, n > 0 ? (size_t)n : 0);
    }
    if (ai_buffer_count(b) > 0)
        ai_report("ResourceWarning: unclosed file <fd=%d>: %zu bytes could not be written: %s",
                  f->fd, ai_buffer_count(b), strerror(n < 0 ? (int)-n : EIO));
}

static void destroy(void *self)
{
    struct ai_file *f = self;

    if (f->fd >= 0) {
        write_hastily(f);
        ai_file_unread(f);
    }
    if (f->fd >= 0 && !f->kept_open)
        ai_close(f->fd);
    ai_buffer_free(&f->input);
    ai_buffer_free(&f->output);
}

static const struct asyncio_awaitable_type file_type = {
    .name = "file",
    .size = sizeof(struct ai_file),
    .kind = ASYNCIO__FILE,
    .destroy = destroy,
};

static struct ai_file *file_new(void)
{
    struct ai_file *f = (struct ai_file *)ai_object_new(&file_type, sizeof *f);

    if (f) {
        f->object.state = AI_DONE;
        f->fd = -1;
    }
    return f;
}

static struct asyncio_file *connect_file(struct ai_file *f, int fd, int flags, size_t limit)
{
    f->fd = fd;
    f->reads = (flags & O_ACCMODE) != O_WRONLY;
    f->writes = (flags & O_ACCMODE) != O_RDONLY;
    f->limit = limit ? limit : SIZE_MAX;
    if (flags & O_APPEND)
        lseek(fd, 0, SEEK_END); /* so that the position is told before the first write, too */
    return ai_handle(&f->object);
}

static struct ai_file *file_of(const struct asyncio_file *h)
{
    struct ai_object *o = ai_object_if_any((asyncio_any)(uintptr_t)h);

    if (__builtin_expect(o && o->type == &file_type, 1))
        return (struct ai_file *)o;
    if (!h)
        ai_panic("ValueError: NULL is no file: was it opened?");
    if (o)
        ai_panic("TypeError: %s '%s' is no file", ai_noun(o->type), o->type->name);
    ai_panic("RuntimeError: a file was used after the task that it belonged to ended, or after its "
             "release");
}

static struct ai_file *open_file_of(const struct asyncio_file *h)
{
    struct ai_file *f = file_of(h);

    if (f->fd < 0)
        ai_panic("ValueError: I/O operation on closed file");
    return f;
}

static void reclaim(struct ai_file *f)
{
    if (f->line_end)
        *f->line_end = f->line_byte;
    f->line_end = NULL;
}

struct ai_file *ai_file_enter(struct asyncio_file *h, const char *what)
{
    struct ai_file *f = open_file_of(h);

    if (f->user)
        ai_panic("RuntimeError: %s() called while another coroutine is already in %s() of the same "
                 "file",
                 what, f->user);
    f->user = what;
    reclaim(f);
    ai_ref(&f->object);
    return f;
}

void ai_file_leave(struct ai_file *f)
{
    f->user = NULL;
    ai_unref(&f->object);
}

/* --- Opening --- */

/* The owner may have ended meanwhile. */
static ASYNCIO_ASYNC(struct asyncio_file *, open_file, (struct asyncio_file_options, o),
                     (asyncio_any, owner))
{
    int flags = flags_of(o.mode);
    mode_t permissions = o.permissions ? o.permissions : 0666;
    int fd = ASYNCIO_AWAIT(asyncio_open(o.path, flags, permissions));
    struct ai_object *file = ai_object_if_any(owner);

    if (fd >= 0 && file)
        return connect_file((struct ai_file *)file, fd, flags, o.limit);
    if (fd >= 0)
        ai_close(fd);
    if (file)
        ai_disown(file);
    asyncio_raise(fd < 0 ? fd : -ECANCELED, "%s: '%s'", strerror(fd < 0 ? -fd : ECANCELED), o.path);
    return NULL;
}

ASYNCIO_AWAITABLE(struct asyncio_file *)
asyncio__file_open(const struct asyncio_file_options *options)
{
    flags_of(options->mode);
    struct ai_file *f = file_new();
    ASYNCIO_AWAITABLE(struct asyncio_file *)
    h = f ? open_file(*options, ai_handle(&f->object)) : NULL;
    if (f && !h)
        ai_disown(&f->object);
    return h;
}

struct asyncio_file *asyncio_file_fdopen(int fd, const char *mode, size_t limit)
{
    int flags = flags_of(mode);
    struct ai_file *f = file_new();

    return f ? connect_file(f, fd, flags, limit) : NULL;
}

struct asyncio_file *asyncio_stdin(void)
{
    struct ai_file *f = file_new();

    if (!f)
        return NULL;
    f->kept_open = true;
    return connect_file(f, STDIN_FILENO, O_RDONLY, 0);
}

/* --- Position --- */

void ai_file_unread(struct ai_file *f)
{
    size_t n = ai_buffer_count(&f->input);

    reclaim(f);
    if (n > 0 && lseek(f->fd, -(off_t)n, SEEK_CUR) >= 0)
        ai_buffer_drop(&f->input, n);
}

ASYNCIO_ASYNC(off_t, asyncio_file_seek, (struct asyncio_file *, h), (off_t, offset), (int, whence))
{
    struct ai_file *f = ai_file_enter(h, "seek");
    off_t at = ASYNCIO_AWAIT(ai_file_flush(f));

    if (at == 0) {
        ai_file_unread(f);
        at = lseek(f->fd, offset, whence);
        at = at < 0 ? asyncio_raise(-errno, NULL) : at;
    }
    ai_file_leave(f);
    return at;
}

off_t asyncio_file_tell(const struct asyncio_file *h)
{
    const struct ai_file *f = open_file_of(h);
    off_t at = lseek(f->fd, 0, SEEK_CUR);

    if (at < 0)
        return -errno;
    return at - (off_t)ai_buffer_count(&f->input) + (off_t)ai_buffer_count(&f->output);
}

int asyncio_file_fileno(const struct asyncio_file *h)
{
    return open_file_of(h)->fd;
}

/* --- Closing --- */

static ASYNCIO_ASYNC(int, close_file, (struct ai_file *, f))
{
    int error = ASYNCIO_AWAIT(ai_file_flush(f)), fd = f->fd;

    if (error == -ECANCELED)
        return error;
    ai_file_unread(f);
    f->fd = -1;
    ai_buffer_free(&f->input);
    ai_buffer_free(&f->output);
    int failed = f->kept_open ? 0 : ASYNCIO_AWAIT(asyncio_close(fd));
    return error ? asyncio_raise(error, NULL) : failed;
}

ASYNCIO_ASYNC(int, asyncio_file_close, (struct asyncio_file *, h))
{
    if (file_of(h)->fd < 0)
        return 0;
    struct ai_file *f = ai_file_enter(h, "close");
    int error = ASYNCIO_AWAIT(close_file(f));
    ai_file_leave(f);
    return error;
}
