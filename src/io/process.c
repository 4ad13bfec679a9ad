/* <asyncio/subprocess.h>: what programs know as a process, and how it comes to be.
 *
 * The handle is made with the awaitable, so that it belongs to who asked, also where what starts
 * the process runs as a task of its own. It owns the streams; the process is a struct ai_child,
 * which may outlive it. All that could fail for want of memory or descriptors is made before the
 * process is. */
#include "base/panic.h"
#include "io/connection.h"
#include "io/process_wait.h"
#include "io/spawn_program.h"
#include "task/diagnose.h"
#include "task/task.h"
#include "task/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct process {
    struct ai_object object; /* DONE from the start: nobody waits for it */
    struct ai_child *child;  /* NULL until it runs */
    struct ai_object *streams[3];
    bool communicated;
};

/* --- The handle --- */

static void drop_streams(struct process *p)
{
    for (int i = 0; i < 3; i++) {
        if (p->streams[i])
            ai_unref(p->streams[i]);
        p->streams[i] = NULL;
    }
}

static void destroy(void *self)
{
    struct process *p = self;

    drop_streams(p);
    if (p->child)
        ai_child_release(p->child);
}

static const struct asyncio_awaitable_type process_type = {
    .name = "Process",
    .size = sizeof(struct process),
    .kind = ASYNCIO__PROCESS,
    .destroy = destroy,
};

static struct process *process_of(const struct asyncio_process *handle)
{
    asyncio_any h = (asyncio_any)(uintptr_t)handle;
    struct ai_object *o = ai_object_if_any(h);

    if (__builtin_expect(o && o->type == &process_type, 1))
        return (struct process *)o;
    if (!handle)
        ai_panic("ValueError: NULL is no process: was it started?");
    if (o)
        ai_panic("TypeError: %s '%s' is no process", ai_noun(o->type), o->type->name);
    ai_panic("RuntimeError: a process was used after the task that it belonged to ended, or after "
             "its release");
}

/* --- Its descriptors --- */

/* `made` are closed here when it has its own. */
struct ends {
    int standard[3], made[3], ours[3];
};

static void close_all(int *fds)
{
    for (int i = 0; i < 3; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
}

/* Only our end is non-blocking. */
static int open_pipe(struct ends *e, int i)
{
    int fds[2], mine = i == 0;

    if (pipe2(fds, O_CLOEXEC) || fcntl(fds[mine], F_SETFL, O_NONBLOCK))
        return -errno;
    e->ours[i] = fds[mine];
    e->standard[i] = e->made[i] = fds[!mine];
    return 0;
}

static int open_null(struct ends *e, int i)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    e->standard[i] = e->made[i] = fd;
    return fd < 0 ? -errno : 0;
}

static int open_end(struct ends *e, int i, int what)
{
    if (what == ASYNCIO_SUBPROCESS_PIPE)
        return open_pipe(e, i);
    if (what == ASYNCIO_SUBPROCESS_DEVNULL)
        return open_null(e, i);
    if (what > 0)
        e->standard[i] = what;
    else if (what == ASYNCIO_SUBPROCESS_STDOUT && i == 2)
        e->standard[i] = e->standard[1] >= 0 ? e->standard[1] : 1;
    else if (what == ASYNCIO_SUBPROCESS_STDOUT)
        ai_panic("ValueError: STDOUT can only be used for stderr");
    else if (what < 0)
        ai_panic("ValueError: %d is no descriptor", what);
    return 0;
}

static int open_ends(struct ends *e, const struct asyncio_subprocess_options *o)
{
    int what[3] = {o->stdin, o->stdout, o->stderr}, error = 0;

    for (int i = 0; i < 3 && !error; i++)
        error = open_end(e, i, what[i]);
    return error;
}

/* What has a stream is that one's. */
static int open_stream(struct process *p, int i, int *fd, size_t limit)
{
    struct ai_object *streams = ai_streams_new();

    if (!streams)
        return -ENOMEM;
    p->streams[i] = ai_ref(streams);
    ai_disown(streams);
    struct ai_connection *c = ai_connection_new(*fd, limit);
    if (!c)
        return -ENOMEM;
    c->is_socket = false;
    ai_streams_connect(streams, c);
    *fd = -1;
    return 0;
}

static int open_streams(struct process *p, int *fds, size_t limit)
{
    int error = 0;

    for (int i = 0; i < 3 && !error; i++)
        error = fds[i] >= 0 ? open_stream(p, i, &fds[i], limit) : 0;
    return error;
}

/* --- Starting it --- */

extern char **environ;

static int spawn(struct ai_child *c, const struct ai_program *program, const struct ends *e)
{
    const struct asyncio_subprocess_options *o = &program->options;
    size_t size;
    const char **paths = ai_program_paths(program, &size);

    if (!paths)
        return -ENOMEM;
    struct ai_spawn s = {
        .paths = paths,
        .argv = program->argv,
        .env = program->env ? program->env : environ,
        .cwd = program->cwd,
        .pass = program->pass,
        .inherits = o->inherit_fds,
        .new_session = o->start_new_session,
        .group = o->process_group,
    };
    memcpy(s.standard, e->standard, sizeof s.standard);
    int error = ai_child_start(c, &s);
    ai_deallocate(paths, size);
    return error;
}

static int start_child(struct process *p, const struct ai_program *program, const struct ends *e)
{
    struct ai_child *c = ai_child_new();
    int error = c ? spawn(c, program, e) : -ENOMEM;

    if (!error)
        p->child = c;
    else if (c)
        ai_child_unref(c);
    return error;
}

static int start(struct process *p, const struct ai_program *program)
{
    struct ends e = {{-1, -1, -1}, {-1, -1, -1}, {-1, -1, -1}};
    int error = open_ends(&e, &program->options);

    if (!error)
        error = open_streams(p, e.ours, program->options.limit);
    if (!error)
        error = start_child(p, program, &e);
    close_all(e.made);
    close_all(e.ours);
    if (error)
        drop_streams(p);
    return error;
}

struct creation {
    struct ai_coroutine coroutine;
    struct process *process; /* a reference */
    struct ai_program *program;
    struct asyncio_process *result;
};

/* Where its owner has ended, nobody could use it. */
static void create(void *self, void *result)
{
    struct creation *c = self;
    struct process *p = c->process;
    bool is_owned = p->object.flags & AI_OWNED || p->object.retains;
    int error = is_owned ? start(p, c->program) : -ECANCELED;

    *(struct asyncio_process **)result = error ? NULL : ai_handle(&p->object);
    if (!error)
        return;
    asyncio_raise(error, "%s: '%s'", strerror(-error), c->program->file);
    ai_disown(&p->object);
}

static void create_destroy(void *self)
{
    struct creation *c = self;
    struct process *p = c->process;

    ai_program_free(c->program);
    if (p && !p->child)
        ai_disown(&p->object);
    if (p)
        ai_unref(&p->object);
}

static const struct asyncio_awaitable_type creation_type = {
    .name = "create_subprocess",
    .size = sizeof(struct creation),
    .kind = ASYNCIO__COROUTINE,
    .result_size = sizeof(struct asyncio_process *),
    .result_offset = offsetof(struct creation, result),
    .await = create,
    .destroy = create_destroy,
    .file = __FILE__,
    .line = __LINE__,
};

ASYNCIO_AWAITABLE(struct asyncio_process *)
asyncio__create_subprocess(const struct asyncio_subprocess_options *o, bool shell)
{
    struct ai_program *program = ai_program_new(o, shell);
    struct ai_object *made = program ? ai_object_new(&creation_type, 0) : NULL;

    if (!made) {
        ai_program_free(program);
        return NULL;
    }
    struct creation *c = (struct creation *)made;
    c->program = program;
    c->process = (struct process *)ai_object_new(&process_type, 0);
    if (!c->process) {
        ai_disown(made);
        return NULL;
    }
    c->process->object.state = AI_DONE;
    ai_ref(&c->process->object);
    return ai_handle(made);
}

/* --- What it is --- */

pid_t asyncio_process_pid(const struct asyncio_process *p)
{
    return process_of(p)->child->pid;
}

int asyncio_process_returncode(const struct asyncio_process *p)
{
    const struct ai_child *c = process_of(p)->child;
    return c->ended ? c->code : ASYNCIO_SUBPROCESS_RUNNING;
}

static void *stream(const struct asyncio_process *p, int i)
{
    const struct ai_object *o = process_of(p)->streams[i];
    return o ? ai_handle(o) : NULL;
}

struct asyncio_stream_writer *asyncio_process_stdin(const struct asyncio_process *p)
{
    return stream(p, 0);
}

struct asyncio_stream_reader *asyncio_process_stdout(const struct asyncio_process *p)
{
    return stream(p, 1);
}

struct asyncio_stream_reader *asyncio_process_stderr(const struct asyncio_process *p)
{
    return stream(p, 2);
}

/* --- Its end --- */

ASYNCIO_AWAITABLE(int) asyncio_process_wait(struct asyncio_process *p)
{
    return ai_child_wait(process_of(p)->child);
}

int asyncio_process_send_signal(struct asyncio_process *p, int signo)
{
    return ai_child_signal(process_of(p)->child, signo);
}

int asyncio_process_terminate(struct asyncio_process *p)
{
    return asyncio_process_send_signal(p, SIGTERM);
}

int asyncio_process_kill(struct asyncio_process *p)
{
    return asyncio_process_send_signal(p, SIGKILL);
}

/* --- Communicating --- */

typedef ASYNCIO_AWAITABLE(ssize_t) reading;

/* The task, which needs no stack, puts the data there. */
static reading read_all(struct asyncio_stream_reader *r, struct asyncio_output *to)
{
    return r ? asyncio_create_task(asyncio_stream_reader_read_all(r, &to->data)) : NULL;
}

/* Goes on in the background; that nobody wants the rest is no failure. */
static int feed(struct process *p, const void *input, size_t n)
{
    struct asyncio_stream_writer *w = p->streams[0] ? ai_handle(p->streams[0]) : NULL;

    if (p->communicated && n > 0)
        ai_panic("ValueError: Cannot send input after starting communication");
    if (!w || p->communicated)
        return 0;
    int error = n > 0 ? asyncio_stream_writer_write(w, input, n) : 0;
    if (error == -ENOMEM)
        return error;
    p->communicated = true;
    asyncio_stream_writer_close(w);
    return 0;
}

static int take(reading r, int error, struct asyncio_output *from, struct asyncio_output *to)
{
    if (!r)
        return error;
    if (error)
        asyncio_cancel(r);
    else
        from->size = (size_t)asyncio_result(r);
    if (to && !error)
        *to = *from;
    asyncio_release(r);
    return error;
}

static ASYNCIO_ASYNC(int, communicate, (struct asyncio_process *, handle), (const void *, input),
                     (size_t, n), (struct asyncio_output *, out), (struct asyncio_output *, err))
{
    struct process *p = process_of(handle);
    struct asyncio_output got[2] = {{0}};
    int error = feed(p, input, n);

    if (error)
        return asyncio_raise(error, NULL);
    reading from[2] = {read_all(asyncio_process_stdout(handle), &got[0]),
                       read_all(asyncio_process_stderr(handle), &got[1])};
    asyncio_any parts[3] = {asyncio_process_wait(handle)};
    size_t count = 1;
    for (int i = 0; i < 2; i++) {
        if (p->streams[i + 1])
            parts[count++] = from[i];
    }
    if (out)
        *out = (struct asyncio_output){0};
    if (err)
        *err = (struct asyncio_output){0};
    error = ASYNCIO_AWAIT(asyncio_gather_n(parts, count));
    take(from[0], error, &got[0], out);
    return take(from[1], error, &got[1], err);
}

ASYNCIO_AWAITABLE(int)
asyncio_process_communicate(struct asyncio_process *p, const void *input, size_t n,
                            struct asyncio_output *out, struct asyncio_output *err)
{
    process_of(p);
    return communicate(p, input, n, out, err);
}
