/* Processes, as in Python's asyncio.subprocess. Included by <asyncio.h>.
 *
 *     struct asyncio_process *p = await(asyncio_create_subprocess_exec(
 *         "grep", "-c", "needle", .stdin = ASYNCIO_SUBPROCESS_PIPE,
 *         .stdout = ASYNCIO_SUBPROCESS_PIPE));
 *     if (!p)
 *         return asyncio_error();
 *     struct asyncio_output out;
 *     await(asyncio_process_communicate(p, hay, strlen(hay), &out, NULL));
 *     printf("%s, exit code %d\n", out.data, asyncio_process_returncode(p));
 *
 * A process belongs to the task that asked for it: when that ends, its handle is good no more, and
 * its pipes are closed. asyncio_retain() keeps both until its asyncio_release(), asyncio_release()
 * alone is an earlier end. The process itself is let run, as in Python: to end it, kill it. In
 * either case, also when nobody waits for it, nor the loop is there any more, its status is taken
 * when it ends: it leaves no zombie.
 *
 * All this needs Linux 5.4, and neither uses SIGCHLD nor waits for any process but its own; nor
 * should the program: where it ignores SIGCHLD or takes the status of all its children, return
 * codes are lost. In the simulation processes are real, and so is time while one runs: its clock
 * does not jump then. */
#ifndef ASYNCIO_SUBPROCESS_H
#define ASYNCIO_SUBPROCESS_H

#include <asyncio/language.h>

#include <limits.h>
#include <stdio.h>
#include <sys/types.h>

/* Members are called as in Python. In every libc these are macros, in some of more than the name
 * itself. */
#undef stdin
#undef stdout
#undef stderr
#define stdin stdin
#define stdout stdout
#define stderr stderr

#pragma GCC visibility push(default)

struct asyncio_process;
struct asyncio_stream_reader;
struct asyncio_stream_writer;

enum {
    ASYNCIO_SUBPROCESS_PIPE = -1,         /* a pipe to this program */
    ASYNCIO_SUBPROCESS_STDOUT = -2,       /* of stderr: the same as stdout */
    ASYNCIO_SUBPROCESS_DEVNULL = -3,      /* /dev/null */
    ASYNCIO_SUBPROCESS_RUNNING = INT_MIN, /* in place of a return code (Python: None) */
};

/* --- Starting one ------------------------------------------------------------------------------
 */

#define ASYNCIO__ARGUMENTS(m)                                                                      \
    m(1), m(2), m(3), m(4), m(5), m(6), m(7), m(8), m(9), m(10), m(11), m(12), m(13), m(14),       \
        m(15), m(16), m(17), m(18), m(19), m(20), m(21), m(22), m(23), m(24), m(25), m(26), m(27), \
        m(28), m(29), m(30), m(31)
#define ASYNCIO__ARGUMENT(n) *asyncio__argument_##n

/* Each may be left out, and is then what is said of 0. All of it is copied when the awaitable is
 * made; but descriptors have to stay open until it is done. */
struct asyncio_subprocess_options {
    const char *program; /* what stands first: the program, or the command of a shell */
    const char ASYNCIO__ARGUMENTS(ASYNCIO__ARGUMENT); /* and its arguments, up to 31 */
    int stdin, stdout, stderr; /* as above, or a descriptor; 0: this program's own */
    char *const *argv;         /* program and arguments, ending in NULL, in place of the above */
    const char *executable;    /* what is executed, where argv[0] is another name; or the shell */
    const char *cwd;           /* the directory to run in; NULL: this program's */
    char *const *env;          /* "NAME=value", ending in NULL; NULL: this program's */
    size_t limit;              /* of the readers, see <asyncio/streams.h>; 0: 64 KiB */
    const int *pass_fds;       /* further descriptors to inherit, ending in a negative one */
    bool inherit_fds;          /* all that are not close-on-exec (Python: close_fds=False) */
    bool start_new_session;    /* setsid() */
    int process_group;         /* 0: this program's, -1: its own, else that one */
    int asyncio__end;
};

/* asyncio_create_subprocess_exec("program", "argument", …, .stdout = …, …), or without arguments
 * asyncio_create_subprocess_exec(.argv = v, …): awaitable(struct asyncio_process *). Starts a
 * program, which is looked for in the PATH it gets, unless its name has a slash.
 *
 * Done when the program runs. NULL where that failed: asyncio_error() is what the call that failed
 * said, in this process or in the new one. -ENOENT and -EACCES are about the program or its cwd,
 * -EMFILE about the pipes and a descriptor of the process; -EAGAIN, too many processes; -ENOMEM;
 * -ECANCELED. Never suspends, but holds the loop until the program runs, as Python does.
 *
 * Only descriptors 0 to 2 are inherited, and those that are passed. The program has the signal mask
 * of this thread; signals that this program ignores are ignored there too, except SIGPIPE. */
#define asyncio_create_subprocess_exec(...)                                                        \
    asyncio__create_subprocess(                                                                    \
        &(struct asyncio_subprocess_options){__VA_ARGS__, .asyncio__end = 0}, false)

/* asyncio_create_subprocess_shell("command", .stdout = …, …): the same for a command of /bin/sh.
 * Beware of what it is made of: a shell runs whatever it is told. */
#define asyncio_create_subprocess_shell(...)                                                       \
    asyncio__create_subprocess(                                                                    \
        &(struct asyncio_subprocess_options){__VA_ARGS__, .asyncio__end = 0}, true)

ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(struct asyncio_process *)
    asyncio__create_subprocess(const struct asyncio_subprocess_options *options, bool shell);

/* --- What it is --------------------------------------------------------------------------------
 */

pid_t asyncio_process_pid(const struct asyncio_process *p);

/* How it ended: its exit code, or the negative number of the signal that it died of;
 * ASYNCIO_SUBPROCESS_RUNNING while it runs. 255 if its status was taken by somebody else
 * (waitpid(), or the kernel where SIGCHLD is ignored), of which a line on stderr tells, or will be,
 * as its loop has ended. */
int asyncio_process_returncode(const struct asyncio_process *p);

/* The other ends of its pipes, as good as its handle; NULL where there is none. */
struct asyncio_stream_writer *asyncio_process_stdin(const struct asyncio_process *p);
struct asyncio_stream_reader *asyncio_process_stdout(const struct asyncio_process *p);
struct asyncio_stream_reader *asyncio_process_stderr(const struct asyncio_process *p);

/* --- Its end -----------------------------------------------------------------------------------
 */

/* Waits until it has ended, for its return code. Any number may wait. A return code may be negative
 * without being an error: asyncio_error() tells. -ECANCELED, -ENOMEM.
 *
 * A process that writes to a pipe nobody reads does not end. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_process_wait(struct asyncio_process *p);

/* n bytes, with a NUL behind, that belong to the process's reader: good as long as its handle, or
 * until something else is read of it. */
struct asyncio_output {
    char *data;
    size_t size;
};

/* Writes n bytes of input and closes stdin, reads stdout and stderr to their ends, and waits for
 * the process. out and err may be NULL; what has no pipe gives nothing, with data NULL. The input
 * has to stay valid until it is done. 0; or what reading failed with, -ENOMEM or -ECANCELED. That
 * the process does not read all of its input is no failure.
 *
 * It goes well with asyncio_wait_for(): cancelled, it has lost nothing. It may be called again,
 * without input (the first one's is written to its end), and then gives all there is from the
 * beginning. With input the second time, or for a process without a pipe to stdin, it ends the
 * program. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_process_communicate(struct asyncio_process *p, const void *input, size_t n,
                                struct asyncio_output *out, struct asyncio_output *err);

/* Sends it a signal: SIGTERM, SIGKILL, any. It cannot reach another process. 0; -ESRCH if it has
 * ended, -EPERM, -EINVAL for no signal. */
int asyncio_process_send_signal(struct asyncio_process *p, int signo);
int asyncio_process_terminate(struct asyncio_process *p);
int asyncio_process_kill(struct asyncio_process *p);

#pragma GCC visibility pop

#endif
