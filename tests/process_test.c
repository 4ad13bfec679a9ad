/* <asyncio/subprocess.h>: starting programs, their pipes and their ends; what a child inherits; and
 * that neither a process nor a descriptor is left behind. Among them the cases of CPython's
 * test_subprocess.py that are about processes and not about Python. */
#include "support.h"

#include "base/alloc.h"
#include "ctx/sanitize.h"

#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>

typedef struct asyncio_process process;

#define PIPE ASYNCIO_SUBPROCESS_PIPE
#define DEVNULL ASYNCIO_SUBPROCESS_DEVNULL
#define STDOUT ASYNCIO_SUBPROCESS_STDOUT

/* --- What the tests share --- */

/* Until it is seen in the kernel's table no more: it has ended, and its status has been taken. */
static async(void, until_gone, (pid_t, pid))
{
    while (kill(pid, 0) == 0)
        await(asyncio_sleep(MOMENT));
    assert_int_equal(errno, ESRCH);
}

static void assert_no_children(void)
{
    siginfo_t info;
    assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* What a shell's command prints and its return code, as a word of the history. */
static async(void, says, (process *, p))
{
    struct asyncio_output out = {0}, err = {0};
    assert_non_null(p);
    assert_int_equal(await(asyncio_process_communicate(p, NULL, 0, &out, &err)), 0);
    if (out.size && out.data[out.size - 1] == '\n')
        out.data[out.size - 1] = 0;
    note("%s%s:%d", out.size ? out.data : "", err.size ? err.data : "",
         asyncio_process_returncode(p));
}

#define SAYS(...) await(says(await(asyncio_create_subprocess_shell(__VA_ARGS__, .stdout = PIPE))))

/* A pipe whose reading end a child gets, and for whose end it waits. */
struct leash {
    int child, ours;
};

static struct leash new_leash(void)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    return (struct leash){fds[0], fds[1]};
}

static void drop_leash(struct leash *l)
{
    close(l->child);
    close(l->ours);
}

/* --- Input and output --- */

ASYNC_TEST(stdin_and_stdout)
{
    process *p = await(asyncio_create_subprocess_exec("cat", .stdin = PIPE, .stdout = PIPE));
    char buf[16] = "";
    assert_int_equal(asyncio_process_returncode(p), ASYNCIO_SUBPROCESS_RUNNING);
    assert_true(asyncio_process_pid(p) > 0);
    assert_null(asyncio_process_stderr(p));
    struct asyncio_stream_writer *w = asyncio_process_stdin(p);
    assert_int_equal(asyncio_stream_writer_write(w, "some data", 9), 0);
    assert_int_equal(await(asyncio_stream_writer_drain(w)), 0);
    assert_int_equal(await(asyncio_stream_reader_readexactly(asyncio_process_stdout(p), buf, 9)),
                     9);
    assert_string_equal(buf, "some data");
    asyncio_stream_writer_close(w);
    assert_int_equal(await(asyncio_stream_writer_wait_closed(w)), 0);
    assert_int_equal(await(asyncio_stream_reader_read(asyncio_process_stdout(p), buf, 9)), 0);
    assert_int_equal(await(asyncio_process_wait(p)), 0);
    assert_int_equal(asyncio_process_returncode(p), 0);
}

ASYNC_TEST(communicate)
{
    process *p = await(asyncio_create_subprocess_exec("cat", .stdin = PIPE, .stdout = PIPE));
    struct asyncio_output out, err;
    assert_int_equal(await(asyncio_process_communicate(p, "some data", 9, &out, &err)), 0);
    assert_int_equal(out.size, 9);
    assert_string_equal(out.data, "some data");
    assert_int_equal(err.size, 0);
    assert_null(err.data);
    assert_int_equal(asyncio_process_returncode(p), 0);
    /* Again, with nothing left. */
    assert_int_equal(await(asyncio_process_communicate(p, NULL, 0, &out, NULL)), 0);
    assert_int_equal(out.size, 0);
    assert_string_equal(out.data, "");
}

ASYNC_TEST(communicate_without_pipes)
{
    struct asyncio_output out = {(char *)history, 3};
    process *p = await(asyncio_create_subprocess_shell("exit 3"));
    assert_null(asyncio_process_stdin(p));
    assert_null(asyncio_process_stdout(p));
    assert_int_equal(await(asyncio_process_communicate(p, "unread", 6, &out, NULL)), 0);
    assert_null(out.data);
    assert_int_equal(asyncio_process_returncode(p), 3);
}

/* Without input, an input that ends at once. */
ASYNC_TEST(no_input)
{
    struct asyncio_output out;
    process *p = await(asyncio_create_subprocess_exec("wc", "-c", .stdin = PIPE, .stdout = PIPE));
    assert_int_equal(await(asyncio_process_communicate(p, NULL, 0, &out, NULL)), 0);
    assert_string_equal(out.data, "0\n");
    p = await(asyncio_create_subprocess_exec("wc", "-c", .stdin = DEVNULL, .stdout = PIPE));
    assert_int_equal(await(asyncio_process_communicate(p, NULL, 0, &out, NULL)), 0);
    assert_string_equal(out.data, "0\n");
}

ASYNC_TEST(standard_descriptors)
{
    SAYS("echo out; echo err >&2", .stderr = PIPE);
    SAYS("echo out; echo err >&2", .stderr = STDOUT);
    SAYS("echo out; echo err >&2", .stderr = DEVNULL);
    assert_history("outerr\n:0 out\nerr:0 out:0");
    process *p = await(asyncio_create_subprocess_shell("echo lost; echo err >&2", .stdout = DEVNULL,
                                                       .stderr = PIPE));
    assert_null(asyncio_process_stdout(p));
    await(says(p));
    assert_history("err\n:0");
}

ASYNC_TEST(descriptors_of_ones_own)
{
    int file = memfd_create("output", MFD_CLOEXEC);
    char buf[64] = "";
    process *p = await(
        asyncio_create_subprocess_shell("echo out; echo err >&2", .stdout = file, .stderr = file));
    assert_int_equal(await(asyncio_process_wait(p)), 0);
    assert_int_equal(pread(file, buf, sizeof buf - 1, 0), 8);
    assert_string_equal(buf, "out\nerr\n");
    assert_true(fcntl(file, F_GETFD) & FD_CLOEXEC);
    lseek(file, 4, SEEK_SET);
    p = await(asyncio_create_subprocess_exec("cat", .stdin = file, .stdout = PIPE));
    await(says(p));
    assert_history("err:0");
    close(file);
}

/* stdout and stderr the other way about; and what stands where another is to go. */
static async(void, swapped)
{
    int file = memfd_create("stdout", MFD_CLOEXEC), err = memfd_create("stderr", MFD_CLOEXEC);
    int kept[] = {dup(0), dup(1), dup(2)};
    char buf[16] = "";
    dup3(file, 1, O_CLOEXEC); /* it would be lost in an exec */
    dup3(err, 2, O_CLOEXEC);
    process *p =
        await(asyncio_create_subprocess_shell("echo out; echo err >&2", .stdout = 2, .stderr = 1));
    assert_int_equal(await(asyncio_process_wait(p)), 0);
    close(0); /* a pipe's end or a report's may now be 0 */
    p = await(asyncio_create_subprocess_shell("cat; echo more", .stdin = PIPE, .stdout = 1));
    assert_int_equal(await(asyncio_process_communicate(p, "in\n", 3, NULL, NULL)), 0);
    p = await(asyncio_create_subprocess_exec("nothing-of-that-name"));
    int error = asyncio_error();
    for (int i = 0; i < 3; i++) {
        dup2(kept[i], i);
        close(kept[i]);
    }
    assert_null(p);
    assert_int_equal(error, -ENOENT);
    assert_true(pread(file, buf, sizeof buf - 1, 0) > 0);
    assert_string_equal(buf, "err\nin\nmore\n");
    memset(buf, 0, sizeof buf);
    assert_true(pread(err, buf, sizeof buf - 1, 0) > 0);
    assert_string_equal(buf, "out\n");
    close(file);
    close(err);
}

ASYNC_TEST(descriptors_swapped)
{
    await(swapped());
}

/* More than pipes hold, in all directions at once. */
ASYNC_TEST(much)
{
    enum { MUCH = 1 << 20 };
    char *input = malloc(MUCH);
    struct asyncio_output out, err;
    for (int i = 0; i < MUCH; i++)
        input[i] = (char)('a' + i % 23);
    process *p = await(asyncio_create_subprocess_shell("tee /dev/stderr", .stdin = PIPE,
                                                       .stdout = PIPE, .stderr = PIPE));
    assert_int_equal(await(asyncio_process_communicate(p, input, MUCH, &out, &err)), 0);
    assert_int_equal(out.size, MUCH);
    assert_int_equal(err.size, MUCH);
    assert_memory_equal(out.data, input, MUCH);
    assert_memory_equal(err.data, input, MUCH);
    free(input);
}

/* Nobody reads: it waits. Then it ends. */
ASYNC_TEST(a_full_pipe_keeps_it)
{
    char *data;
    process *p =
        await(asyncio_create_subprocess_exec("head", "-c", "300000", "/dev/zero", .stdout = PIPE));
    struct asyncio_stream_reader *r = asyncio_process_stdout(p);
    assert_int_equal(await(asyncio_wait_for(asyncio_process_wait(p), MOMENT)), -ETIMEDOUT);
    assert_int_equal(await(asyncio_stream_reader_read_all(r, &data)), 300000);
    assert_int_equal(await(asyncio_process_wait(p)), 0);
}

ASYNC_TEST(read_after_its_end)
{
    char *line;
    process *p = await(asyncio_create_subprocess_shell("echo hello; echo world", .stdout = PIPE));
    assert_int_equal(await(asyncio_process_wait(p)), 0);
    struct asyncio_stream_reader *r = asyncio_process_stdout(p);
    assert_int_equal(await(asyncio_stream_reader_readline(r, &line)), 6);
    assert_string_equal(line, "hello\n");
    assert_int_equal(await(asyncio_stream_reader_readline(r, &line)), 6);
    assert_int_equal(await(asyncio_stream_reader_readline(r, &line)), 0);
}

ASYNC_TEST(limit)
{
    char *line;
    process *p =
        await(asyncio_create_subprocess_shell("echo 123456789", .stdout = PIPE, .limit = 4));
    assert_int_equal(await(asyncio_stream_reader_readline(asyncio_process_stdout(p), &line)),
                     -EMSGSIZE);
    assert_int_equal(await(asyncio_process_wait(p)), 0);
}

/* Who does not read its input is no error for communicate(), but for who drains. */
ASYNC_TEST(stdin_closed_early)
{
    enum { MUCH = 1 << 20 };
    char *input = calloc(1, MUCH);
    struct asyncio_output out;
    process *p = await(
        asyncio_create_subprocess_shell("exec <&-; echo closed", .stdin = PIPE, .stdout = PIPE));
    assert_int_equal(await(asyncio_process_communicate(p, input, MUCH, &out, NULL)), 0);
    assert_string_equal(out.data, "closed\n");
    p = await(asyncio_create_subprocess_exec("true", .stdin = PIPE));
    assert_int_equal(asyncio_stream_writer_write(asyncio_process_stdin(p), input, MUCH), 0);
    assert_int_equal(await(asyncio_stream_writer_drain(asyncio_process_stdin(p))), -EPIPE);
    assert_int_equal(await(asyncio_process_wait(p)), 0);
    free(input);
}

/* A pipe to one process is no business of the next: it would keep it open. */
ASYNC_TEST(pipes_are_not_inherited)
{
    process *p = await(asyncio_create_subprocess_exec("cat", .stdin = PIPE, .stdout = PIPE));
    struct leash l = new_leash();
    process *q = await(asyncio_create_subprocess_exec("cat", .stdin = l.child, .stdout = DEVNULL,
                                                      .inherit_fds = true));
    assert_int_equal(await(asyncio_process_communicate(p, NULL, 0, NULL, NULL)), 0);
    drop_leash(&l);
    assert_int_equal(await(asyncio_process_wait(q)), 0);
}

/* --- Its end --- */

ASYNC_TEST(return_codes)
{
    process *p = await(asyncio_create_subprocess_shell("exit 7"));
    assert_int_equal(await(asyncio_process_wait(p)), 7);
    assert_int_equal(await(asyncio_process_wait(p)), 7);
    assert_int_equal(asyncio_process_returncode(p), 7);
    p = await(asyncio_create_subprocess_shell("kill -USR2 $$"));
    assert_int_equal(await(asyncio_process_wait(p)), -SIGUSR2); /* which is -ENOMEM */
    assert_int_equal(asyncio_error(), 0);
}

static async(int, waits, (process *, p))
{
    return await(asyncio_process_wait(p));
}

ASYNC_TEST(signals)
{
    process *p = await(asyncio_create_subprocess_exec("cat", .stdin = PIPE));
    assert_int_equal(asyncio_process_send_signal(p, 0), 0);
    assert_int_equal(asyncio_process_send_signal(p, 1000), -EINVAL);
    assert_int_equal(asyncio_process_send_signal(p, SIGHUP), 0);
    assert_int_equal(await(asyncio_process_wait(p)), -SIGHUP);
    assert_int_equal(asyncio_process_send_signal(p, SIGHUP), -ESRCH);
    assert_int_equal(asyncio_process_kill(p), -ESRCH);
    p = await(asyncio_create_subprocess_exec("cat", .stdin = PIPE));
    assert_int_equal(asyncio_process_terminate(p), 0);
    assert_int_equal(await(asyncio_process_wait(p)), -SIGTERM);
    p = await(asyncio_create_subprocess_exec("cat", .stdin = PIPE));
    assert_int_equal(asyncio_process_kill(p), 0);
    assert_int_equal(await(asyncio_process_wait(p)), -SIGKILL);
}

/* It has ended, but nobody has looked: the signal reaches nobody, above all nobody else. */
ASYNC_TEST(signal_in_between)
{
    struct leash l = new_leash();
    siginfo_t info;
    process *p = await(asyncio_create_subprocess_exec("cat", .stdin = l.child));
    drop_leash(&l);
    assert_int_equal(waitid(P_PID, (id_t)asyncio_process_pid(p), &info, WEXITED | WNOWAIT), 0);
    asyncio_process_kill(p);
    assert_int_equal(await(asyncio_process_wait(p)), 0);
}

ASYNC_TEST(ignores_sigterm)
{
    char *line;
    process *p = await(asyncio_create_subprocess_shell("trap '' TERM; echo ready; read x",
                                                       .stdin = PIPE, .stdout = PIPE));
    assert_int_equal(await(asyncio_stream_reader_readline(asyncio_process_stdout(p), &line)), 6);
    assert_int_equal(asyncio_process_terminate(p), 0);
    assert_int_equal(await(asyncio_wait_for(asyncio_process_wait(p), MOMENT)), -ETIMEDOUT);
    assert_int_equal(asyncio_process_kill(p), 0);
    assert_int_equal(await(asyncio_process_wait(p)), -SIGKILL);
}

ASYNC_TEST(many_wait)
{
    int got[4];
    process *p = await(asyncio_create_subprocess_shell("read x; exit 9", .stdin = PIPE));
    awaitable(int) t = asyncio_create_task(waits(p));
    awaitable(int) cancelled = asyncio_create_task(asyncio_process_wait(p));
    await(asyncio_sleep(0));
    asyncio_cancel(cancelled);
    assert_int_equal(await(cancelled), -ECANCELED);
    asyncio_stream_writer_close(asyncio_process_stdin(p));
    assert_int_equal(await(asyncio_gather_into(got, asyncio_process_wait(p), waits(p), t,
                                               asyncio_create_task(asyncio_process_wait(p)))),
                     0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(got[i], 9);
}

static async(int, cancels_itself, (process *, p))
{
    asyncio_cancel(asyncio_current_task());
    int r = await(asyncio_process_wait(p));
    note("%d", r);
    return r;
}

ASYNC_TEST(wait_cancelled)
{
    process *p = await(asyncio_create_subprocess_exec("cat", .stdin = PIPE));
    assert_int_equal(await(asyncio_create_task(cancels_itself(p))), -ECANCELED);
    assert_int_equal(asyncio_process_returncode(p), ASYNCIO_SUBPROCESS_RUNNING);
    asyncio_process_kill(p);
    assert_int_equal(await(asyncio_process_wait(p)), -SIGKILL);
    assert_history("-125");
}

/* A grandchild has the pipe still: wait() is done, communicate() is not. */
ASYNC_TEST(grandchild_keeps_the_pipe)
{
    struct leash l = new_leash();
    char command[64];
    struct asyncio_output out;
    snprintf(command, sizeof command, "cat <&%d & echo gone", l.child);
    process *p = await(
        asyncio_create_subprocess_shell(command, .stdout = PIPE, .pass_fds = (int[]){l.child, -1}));
    assert_int_equal(await(asyncio_process_wait(p)), 0);
    assert_int_equal(
        await(asyncio_wait_for(asyncio_process_communicate(p, NULL, 0, &out, NULL), MOMENT)),
        -ETIMEDOUT);
    assert_null(out.data);
    assert_int_equal(write(l.ours, "still here\n", 11), 11);
    drop_leash(&l);
    assert_int_equal(await(asyncio_process_communicate(p, NULL, 0, &out, NULL)), 0);
    assert_string_equal(out.data, "gone\nstill here\n");
}

/* Cancelled in the middle, it goes on where it was: not a byte of input twice, none of output lost.
 */
ASYNC_TEST(communicate_cancelled)
{
    enum { MUCH = 200000 };
    struct leash l = new_leash();
    char command[64], *input = malloc(MUCH);
    struct asyncio_output out = {0}, err;
    memset(input, 'x', MUCH);
    snprintf(command, sizeof command, "echo one >&2; read x <&%d; cat", l.child);
    process *p = await(asyncio_create_subprocess_shell(
        command, .stdin = PIPE, .stdout = PIPE, .stderr = PIPE, .pass_fds = (int[]){l.child, -1}));
    assert_int_equal(
        await(asyncio_wait_for(asyncio_process_communicate(p, input, MUCH, &out, &err), MOMENT)),
        -ETIMEDOUT);
    free(input);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            await(asyncio_wait_for(asyncio_process_communicate(p, NULL, 0, &out, &err), MOMENT)),
            -ETIMEDOUT);
    }
    drop_leash(&l);
    assert_int_equal(await(asyncio_process_communicate(p, NULL, 0, &out, &err)), 0);
    assert_int_equal(out.size, MUCH);
    assert_int_equal(strspn(out.data, "x"), MUCH);
    assert_string_equal(err.data, "one\n");
}

/* --- What it inherits --- */

ASYNC_TEST(arguments)
{
    char *v[] = {"printf", "%s,", "a b", "", "$HOME", "'", NULL};
    process *p = await(
        asyncio_create_subprocess_exec("printf", "%s,", "a b", "", "$HOME", "'", .stdout = PIPE));
    await(says(p));
    await(says(await(asyncio_create_subprocess_exec(.argv = v, .stdout = PIPE))));
    assert_history("a b,,$HOME,',:0 a b,,$HOME,',:0");
    p = await(asyncio_create_subprocess_exec("other-name", "-c", "echo $0", .executable = "/bin/sh",
                                             .stdout = PIPE));
    await(says(p));
    assert_history("other-name:0");
    char *numbers[1002] = {"echo"}, text[1000][8];
    for (int i = 0; i < 1000; i++)
        sprintf(numbers[i + 1] = text[i], "%d", i);
    p = await(asyncio_create_subprocess_exec(.argv = numbers, .stdout = PIPE));
    memset(text, 0, sizeof text);
    struct asyncio_output out;
    assert_int_equal(await(asyncio_process_communicate(p, NULL, 0, &out, NULL)), 0);
    assert_int_equal(out.size, 10 * 2 + 90 * 3 + 900 * 4);
    assert_string_equal(out.data + out.size - 8, "998 999\n");
}

/* What it was made of may go before it is awaited. */
static awaitable(process *) make(void)
{
    char command[32] = "echo $WORD; pwd", variable[] = "WORD=kept", directory[] = "/";
    char *env[] = {variable, NULL};
    awaitable(process *) p =
        asyncio_create_subprocess_shell(command, .env = env, .cwd = directory, .stdout = PIPE);
    memset(command, 'x', sizeof command);
    memset(variable, 'x', sizeof variable);
    memset(directory, 'x', sizeof directory);
    return p;
}

ASYNC_TEST(copied)
{
    await(says(await(make())));
    assert_history("kept\n/:0");
}

ASYNC_TEST(environment_and_directory)
{
    setenv("ASYNCIO_TEST_WORD", "inherited", 1);
    SAYS("echo $ASYNCIO_TEST_WORD");
    SAYS("echo $ASYNCIO_TEST_WORD $OTHER", .env = (char *[]){"OTHER=given", NULL});
    SAYS("pwd", .cwd = "/");
    unsetenv("ASYNCIO_TEST_WORD");
    assert_history("inherited:0 given:0 /:0");
}

/* The one it will have; a program is looked for in each of its directories. */
ASYNC_TEST(path)
{
    char directory[] = "/tmp/asyncio-process-XXXXXX", name[64], list[128];
    assert_non_null(mkdtemp(directory));
    snprintf(name, sizeof name, "%s/hello-of-the-tests", directory);
    snprintf(list, sizeof list, "PATH=/nonexistent:/etc/passwd:%s:/usr/bin:/bin", directory);
    int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "#!/bin/sh\necho hello\n", 21), 21);
    close(fd);
    char *env[] = {list, NULL};
    process *p = await(asyncio_create_subprocess_exec("hello-of-the-tests", .env = env));
    assert_null(p); /* found, but not to be executed */
    assert_int_equal(asyncio_error(), -EACCES);
    assert_string_equal(asyncio_error_message(), "Permission denied: 'hello-of-the-tests'");
    assert_int_equal(chmod(name, 0700), 0);
    p = await(asyncio_create_subprocess_exec("hello-of-the-tests", .env = env, .stdout = PIPE));
    await(says(p));
    p = await(
        asyncio_create_subprocess_exec("./hello-of-the-tests", .cwd = directory, .stdout = PIPE));
    await(says(p));
    p = await(asyncio_create_subprocess_exec("hello-of-the-tests", .cwd = directory,
                                             .env = (char *[]){"PATH=", NULL}, .stdout = PIPE));
    await(says(p));
    assert_history("hello:0 hello:0 hello:0");
    p = await(asyncio_create_subprocess_exec("hello-of-the-tests"));
    assert_null(p);
    assert_int_equal(asyncio_error(), -ENOENT);
    unlink(name);
    rmdir(directory);
}

ASYNC_TEST(sessions_and_groups)
{
    process *p =
        await(asyncio_create_subprocess_exec("cat", .stdin = PIPE, .start_new_session = true));
    assert_int_equal(getsid(asyncio_process_pid(p)), asyncio_process_pid(p));
    assert_int_equal(await(asyncio_process_communicate(p, NULL, 0, NULL, NULL)), 0);
    p = await(asyncio_create_subprocess_exec("cat", .stdin = PIPE, .process_group = -1));
    assert_int_equal(getpgid(asyncio_process_pid(p)), asyncio_process_pid(p));
    process *q = await(asyncio_create_subprocess_exec("cat", .stdin = PIPE,
                                                      .process_group = asyncio_process_pid(p)));
    assert_int_equal(getpgid(asyncio_process_pid(q)), asyncio_process_pid(p));
    assert_int_equal(kill(-asyncio_process_pid(p), SIGTERM), 0);
    assert_int_equal(await(asyncio_process_wait(p)), -SIGTERM);
    assert_int_equal(await(asyncio_process_wait(q)), -SIGTERM);
    q = await(asyncio_create_subprocess_exec("cat", .stdin = PIPE));
    assert_int_equal(getpgid(asyncio_process_pid(q)), getpgrp());
    assert_int_equal(await(asyncio_process_communicate(q, NULL, 0, NULL, NULL)), 0);
}

ASYNC_TEST(other_descriptors)
{
    char command[64];
    int a = open("/dev/zero", O_RDONLY), b = open("/dev/zero", O_RDONLY);
    int c = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    snprintf(command, sizeof command, "for i in %d %d %d; do test -e /dev/fd/$i && echo $i; done",
             a, b, c);
    struct asyncio_output out;
    char expected[64];
    process *p = await(asyncio_create_subprocess_shell(command, .stdout = PIPE));
    assert_int_equal(await(asyncio_process_communicate(p, NULL, 0, &out, NULL)), 0);
    assert_string_equal(out.data, "");
    p = await(
        asyncio_create_subprocess_shell(command, .stdout = PIPE, .pass_fds = (int[]){c, b, -1}));
    assert_int_equal(await(asyncio_process_communicate(p, NULL, 0, &out, NULL)), 0);
    snprintf(expected, sizeof expected, "%d\n%d\n", b, c);
    assert_string_equal(out.data, expected);
    p = await(asyncio_create_subprocess_shell(command, .stdout = PIPE, .inherit_fds = true));
    assert_int_equal(await(asyncio_process_communicate(p, NULL, 0, &out, NULL)), 0);
    snprintf(expected, sizeof expected, "%d\n%d\n", a, b);
    assert_string_equal(out.data, expected);
    p = await(asyncio_create_subprocess_exec("true", .pass_fds = (int[]){1000000, -1}));
    assert_null(p);
    assert_int_equal(asyncio_error(), -EBADF);
    close(a);
    close(b);
    close(c);
}

/* The mask and what is ignored, but for SIGPIPE; no handler, though the parent has some. */
ASYNC_TEST(signals_of_the_child)
{
    sigset_t set, before;
    struct asyncio_output out;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &before);
    signal(SIGUSR2, SIG_IGN);
    assert_int_equal(asyncio_add_signal_handler(SIGHUP, free, NULL), 0);
    process *p = await(asyncio_create_subprocess_exec("cat", "/proc/self/status", .stdout = PIPE));
    signal(SIGUSR2, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, &set);
    assert_true(sigismember(&set, SIGUSR1));
    assert_false(sigismember(&set, SIGTERM));
    assert_int_equal(await(asyncio_process_communicate(p, NULL, 0, &out, NULL)), 0);
    unsigned long blocked = 0, ignored = 0, caught = 1;
    sscanf(strstr(out.data, "SigBlk:"), "SigBlk: %lx", &blocked);
    sscanf(strstr(out.data, "SigIgn:"), "SigIgn: %lx", &ignored);
    sscanf(strstr(out.data, "SigCgt:"), "SigCgt: %lx", &caught);
    assert_true(blocked & 1UL << (SIGUSR1 - 1));
    assert_true(ignored & 1UL << (SIGUSR2 - 1));
    assert_false(ignored & 1UL << (SIGPIPE - 1));
    assert_int_equal(caught, 0);
    /* And so a child ends when nobody reads what it writes. */
    p = await(asyncio_create_subprocess_exec("cat", "/dev/zero", .stdout = PIPE));
    asyncio_stream_writer_close(asyncio_stream_reader_writer(asyncio_process_stdout(p)));
    assert_int_equal(await(asyncio_process_wait(p)), -SIGPIPE);
}

/* --- Failures --- */

static async(void, fails, (int, error), (awaitable(process *), x))
{
    process *p = await(x);
    assert_null(p);
    assert_int_equal(asyncio_error(), error);
    assert_no_children();
}

ASYNC_TEST(not_to_be_started)
{
    int before = open_descriptors();
    await(fails(-ENOENT, asyncio_create_subprocess_exec("nothing-of-that-name")));
    await(fails(-ENOENT, asyncio_create_subprocess_exec("/nonexistent/program", .stdin = PIPE,
                                                        .stdout = PIPE, .stderr = PIPE)));
    await(fails(-ENOENT, asyncio_create_subprocess_exec("")));
    await(fails(-ENOENT, asyncio_create_subprocess_exec("true", .cwd = "/nonexistent")));
    await(fails(-ENOTDIR, asyncio_create_subprocess_exec("true", .cwd = "/etc/passwd")));
    await(fails(-EACCES, asyncio_create_subprocess_exec("/etc/passwd")));
    await(fails(-EACCES, asyncio_create_subprocess_exec("/")));
    await(fails(-EBADF, asyncio_create_subprocess_exec("true", .stdout = 1000000)));
    await(fails(-EPERM, asyncio_create_subprocess_exec("true", .process_group = 1)));
    await(asyncio_sleep(MOMENT)); /* what was opened is closed in the background */
    assert_int_equal(open_descriptors(), before);
}

static async(void, without_descriptors, (struct rlimit *, limit))
{
    int now_open = open_descriptors() - 3, failures = 0; /* ".", ".." and the directory */
    process *p = NULL;
    for (int n = 0; n < 40 && !p; n++) {
        struct rlimit now = {(rlim_t)(now_open + n), limit->rlim_max};
        setrlimit(RLIMIT_NOFILE, &now);
        p = await(asyncio_create_subprocess_exec("cat", .stdin = PIPE, .stdout = PIPE,
                                                 .stderr = DEVNULL));
        int error = asyncio_error();
        setrlimit(RLIMIT_NOFILE, limit);
        failures += !p;
        if (!p && error != -EMFILE)
            fail_msg("%d", error);
        await(asyncio_sleep(MOMENT));
    }
    assert_true(failures >= 6);
    assert_int_equal(await(asyncio_process_communicate(p, NULL, 0, NULL, NULL)), 0);
}

/* With so few that each of those it needs is the first there is not. */
ASYNC_TEST(no_descriptors)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    await(without_descriptors(&limit));
}

static size_t failing;

static bool fail_this(size_t size)
{
    (void)size;
    return failing > 0 && --failing == 0;
}

static async(int, tries_everything)
{
    struct asyncio_output out = {0}, err = {0};
    process *p =
        await(asyncio_create_subprocess_exec("cat", .stdin = PIPE, .stdout = PIPE, .stderr = PIPE));
    if (!p)
        return asyncio_error();
    int r = await(asyncio_process_communicate(p, "data", 4, &out, &err));
    if (r == 0)
        assert_string_equal(out.data, "data");
    if (r == 0)
        r = await(asyncio_process_wait(p));
    return r;
}

static async(int, in_a_task_of_its_own)
{
    awaitable(int) t = asyncio_create_task(tries_everything());
    if (!t)
        return -ENOMEM;
    int r = await(t);
    failing = 0;
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        await(asyncio_sleep(MOMENT)); /* its pipes were closed */
    return r;
}

static void without_memory(void **state)
{
    int r = -ENOMEM;
    (void)state;
    for (size_t n = 1; r == -ENOMEM; n++) {
        failing = n;
        ai_allocation_fails = fail_this;
        listen_to_stderr();
        r = asyncio_run(in_a_task_of_its_own());
        what_was_said();
        ai_allocation_fails = NULL;
        failing = 0;
        assert_no_children();
    }
    assert_int_equal(r, 0);
}

/* --- Ownership --- */

ASYNC_TEST(never_started)
{
    asyncio_release(asyncio_create_subprocess_exec("true"));
    awaitable(process *) t = asyncio_create_task(asyncio_create_subprocess_exec("true"));
    asyncio_cancel(t);
    assert_null(await(t));
    assert_int_equal(asyncio_error(), -ECANCELED);
    assert_null(await(asyncio_wait_for(asyncio_create_subprocess_exec("true"), 0)));
    assert_no_children();
}

/* Started by a task of its own, it is still who asked for it that it belongs to. */
ASYNC_TEST(started_in_a_task)
{
    process *several[3];
    awaitable(process *) t = asyncio_create_task(asyncio_create_subprocess_exec("true"));
    process *p = await(t);
    assert_int_equal(await(asyncio_process_wait(p)), 0);
    assert_int_equal(await(asyncio_gather_into(several, asyncio_create_subprocess_exec("true"),
                                               asyncio_create_subprocess_exec("false"),
                                               asyncio_create_subprocess_shell("exit 2"))),
                     0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(await(asyncio_process_wait(several[i])), i);
    asyncio_release(p);
}

static async(pid_t, starts_and_leaves, (int, leash))
{
    process *p = await(asyncio_create_subprocess_exec("cat", .stdin = leash, .stdout = DEVNULL));
    process *q = await(asyncio_create_subprocess_exec("cat", .stdin = PIPE));
    note("%d", asyncio_process_pid(q) > 0);
    asyncio_release(q);
    return asyncio_process_pid(p);
}

/* Let go, it runs on, and is reaped in the end; one that reads from us sees the end of that. */
ASYNC_TEST(released)
{
    struct leash l = new_leash();
    pid_t pid = await(asyncio_create_task(starts_and_leaves(l.child)));
    await(asyncio_sleep(MOMENT));
    assert_int_equal(kill(pid, 0), 0);
    drop_leash(&l);
    await(until_gone(pid));
    siginfo_t info;
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) /* the other */
        await(asyncio_sleep(MOMENT));
    *history = 0;
}

static async(process *, starts_and_hands_over)
{
    process *p = await(asyncio_create_subprocess_exec("cat", .stdin = PIPE, .stdout = PIPE));
    return (process *)asyncio__retain(p);
}

ASYNC_TEST(retained)
{
    struct asyncio_output out;
    process *p = await(asyncio_create_task(starts_and_hands_over()));
    assert_int_equal(await(asyncio_process_communicate(p, "x", 1, &out, NULL)), 0);
    assert_string_equal(out.data, "x");
    asyncio_release(p);
}

static pid_t outliving[12];

static async(void, leaves_them_running, (int, leash))
{
    for (int i = 0; i < 12; i++) {
        process *p =
            await(asyncio_create_subprocess_exec("cat", .stdin = leash, .stdout = DEVNULL));
        outliving[i] = asyncio_process_pid(p);
        if (i % 2)
            asyncio_release(p);
    }
    process *dead = await(asyncio_create_subprocess_exec("true")); /* to be reaped meanwhile */
    siginfo_t info;
    waitid(P_PID, (id_t)asyncio_process_pid(dead), &info, WEXITED | WNOWAIT);
}

static void outlives_the_loop(void **state)
{
    struct leash l = new_leash();
    struct ledger now;
    (void)state;
    asyncio_run(leaves_them_running(l.child));
    for (int i = 0; i < 12; i++)
        assert_int_equal(kill(outliving[i], 0), 0);
    drop_leash(&l);
    for (int i = 0; i < 12; i++) {
        while (kill(outliving[i], 0) == 0)
            sched_yield();
    }
    do /* what looks after them ends too */
        now = ledger_now();
    while (now.descriptors != ledger.descriptors || now.allocated != ledger.allocated);
    assert_no_children();
}

static async(process *, starts_one, (int, leash))
{
    return (process *)asyncio__retain(
        await(asyncio_create_subprocess_exec("cat", .stdin = leash, .stdout = DEVNULL)));
}

/* Of its status nothing is known any more, and it cannot be reached. */
static void a_handle_that_outlives_the_loop(void **state)
{
    struct leash l = new_leash();
    (void)state;
    process *p = asyncio_run(starts_one(l.child));
    assert_int_equal(asyncio_process_kill(p), -ESRCH);
    assert_int_equal(asyncio_process_returncode(p), 255);
    assert_int_equal(asyncio_run(asyncio_process_wait(p)), 255);
    pid_t pid = asyncio_process_pid(p);
    asyncio_release(p);
    drop_leash(&l);
    struct ledger now;
    do
        now = ledger_now();
    while (now.descriptors != ledger.descriptors || now.allocated != ledger.allocated);
    assert_int_equal(kill(pid, 0), -1);
}

/* --- Many --- */

enum { MANY = 2000, AT_ONCE = 200 };

static async(int, one_of_many, (struct asyncio_semaphore *, s), (int, i))
{
    int code = 0;
    async_with(s)
    {
        process *p = await(asyncio_create_subprocess_exec(i % 2 ? "true" : "false"));
        if (!p)
            return asyncio_error();
        code = await(asyncio_process_wait(p));
        asyncio_release(p);
    }
    return code == (i % 2 ? 0 : 1) ? 0 : -EPROTO;
}

ASYNC_TEST(many)
{
    struct asyncio_semaphore s = asyncio_semaphore(AT_ONCE);
    awaitable(int) tasks[MANY];
    for (int i = 0; i < MANY; i++)
        tasks[i] = one_of_many(&s, i);
    assert_int_equal(await(asyncio_gather_n(tasks, MANY)), 0);
    assert_no_children();
}

/* All alive at once, each with pipes. */
ASYNC_TEST(alive_at_once)
{
    enum { ALIVE = 100 };
    process *p[ALIVE];
    struct asyncio_output out;
    char text[16];
    for (int i = 0; i < ALIVE; i++)
        p[i] = await(asyncio_create_subprocess_exec("cat", .stdin = PIPE, .stdout = PIPE));
    for (int i = ALIVE; i-- > 0;) {
        int n = sprintf(text, "%d", i);
        assert_int_equal(await(asyncio_process_communicate(p[i], text, (size_t)n, &out, NULL)), 0);
        assert_string_equal(out.data, text);
    }
    assert_no_children();
}

static async(int, spawns_in_a_thread, (int, thread))
{
    struct asyncio_output out;
    char command[32], expected[32];
    for (int i = 0; i < 20; i++) {
        snprintf(command, sizeof command, "echo %d.%d; exit %d", thread, i, i);
        snprintf(expected, sizeof expected, "%d.%d\n", thread, i);
        process *p = await(asyncio_create_subprocess_shell(command, .stdout = PIPE));
        if (!p)
            return asyncio_error();
        if (await(asyncio_process_communicate(p, NULL, 0, &out, NULL)) ||
            strcmp(out.data, expected) != 0 || asyncio_process_returncode(p) != i)
            return -EPROTO;
        asyncio_release(p);
    }
    return 0;
}

static void *run_in_a_thread(void *thread)
{
    return (void *)(intptr_t)asyncio_run(spawns_in_a_thread((int)(intptr_t)thread));
}

static void threads(void **state)
{
    pthread_t t[4];
    void *r;
    (void)state;
#ifdef AI_TSAN /* does not see the ring close what another thread then opens */
    const char *backend = getenv("ASYNCIO_BACKEND");
    if (backend && strcmp(backend, "io_uring") == 0)
        return;
#endif
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, run_in_a_thread, (void *)(intptr_t)i);
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], &r);
        assert_int_equal((intptr_t)r, 0);
    }
    assert_no_children();
}

/* --- Beside the program's own children --- */

ASYNC_TEST(the_programs_own_children)
{
    int status;
    pid_t own = fork();
    if (own == 0)
        _exit(5);
    process *p = await(asyncio_create_subprocess_shell("exit 6"));
    assert_int_equal(await(asyncio_process_wait(p)), 6);
    assert_int_equal(waitpid(own, &status, 0), own);
    assert_int_equal(WEXITSTATUS(status), 5);
}

ASYNC_TEST(a_status_that_others_take)
{
    struct leash l = new_leash();
    process *p = await(asyncio_create_subprocess_shell("read x; exit 6", .stdin = l.child));
    drop_leash(&l);
    listen_to_stderr();
    assert_int_equal(waitpid(asyncio_process_pid(p), NULL, 0), asyncio_process_pid(p));
    int code = await(asyncio_process_wait(p));
    assert_non_null(
        strstr(what_was_said(), "exit status already read: will report returncode 255"));
    assert_int_equal(code, 255);
    listen_to_stderr();
    signal(SIGCHLD, SIG_IGN);
    p = await(asyncio_create_subprocess_shell("exit 6"));
    code = await(asyncio_process_wait(p));
    signal(SIGCHLD, SIG_DFL);
    assert_non_null(strstr(what_was_said(), "exit status already read"));
    assert_int_equal(code, 255);
    listen_to_stderr();
    p = await(asyncio_create_subprocess_shell("exit 255"));
    code = await(asyncio_process_wait(p));
    assert_string_equal(what_was_said(), "");
    assert_int_equal(code, 255);
}

/* --- Misuse --- */

DEATH_TEST(no_process, "ValueError: NULL is no process")
{
    await(asyncio_process_wait(await(asyncio_create_subprocess_exec("nothing-of-that-name"))));
}

DEATH_TEST(no_program, "TypeError: create_subprocess: a program was expected, got NULL")
{
    await(asyncio_create_subprocess_exec(NULL));
}

DEATH_TEST(stdout_for_stdout, "ValueError: STDOUT can only be used for stderr")
{
    await(asyncio_create_subprocess_exec("true", .stdout = STDOUT));
}

DEATH_TEST(not_a_process, "TypeError: queue 'Queue' is no process")
{
    asyncio_process_kill((process *)(void *)asyncio_queue_new(int, 1));
}

DEATH_TEST(used_after_release, "RuntimeError: a process was used after")
{
    process *p = await(asyncio_create_subprocess_exec("true"));
    asyncio_release(p);
    asyncio_process_kill(p);
}

DEATH_TEST(not_to_be_awaited, "TypeError: process 'Process' can't be used in 'await' expression")
{
    process *p = await(asyncio_create_subprocess_exec("true"));
    await((awaitable(int))(void *)p);
}

DEATH_TEST(input_twice, "ValueError: Cannot send input after starting communication")
{
    process *p = await(asyncio_create_subprocess_exec("cat", .stdin = PIPE, .stdout = DEVNULL));
    await(asyncio_process_communicate(p, "x", 1, NULL, NULL));
    await(asyncio_process_communicate(p, "x", 1, NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stdin_and_stdout),
        TEST(communicate),
        TEST(communicate_without_pipes),
        TEST(no_input),
        TEST(standard_descriptors),
        TEST(descriptors_of_ones_own),
        TEST(descriptors_swapped),
        TEST(much),
        TEST(a_full_pipe_keeps_it),
        TEST(read_after_its_end),
        TEST(limit),
        TEST(stdin_closed_early),
        TEST(pipes_are_not_inherited),
        TEST(return_codes),
        TEST(signals),
        TEST(signal_in_between),
        TEST(ignores_sigterm),
        TEST(many_wait),
        TEST(wait_cancelled),
        TEST(grandchild_keeps_the_pipe),
        TEST(communicate_cancelled),
        TEST(arguments),
        TEST(copied),
        TEST(environment_and_directory),
        TEST(path),
        TEST(sessions_and_groups),
        TEST(other_descriptors),
        TEST(signals_of_the_child),
        TEST(not_to_be_started),
        TEST(no_descriptors),
        TEST(without_memory),
        TEST(never_started),
        TEST(started_in_a_task),
        TEST(released),
        TEST(retained),
        TEST(outlives_the_loop),
        TEST(a_handle_that_outlives_the_loop),
        TEST(many),
        TEST(alive_at_once),
        TEST(threads),
        TEST(the_programs_own_children),
        TEST(a_status_that_others_take),
        TEST(no_process),
        TEST(no_program),
        TEST(stdout_for_stdout),
        TEST(not_a_process),
        TEST(used_after_release),
        TEST(not_to_be_awaited),
        TEST(input_twice),
    };
    signal(SIGPIPE, SIG_DFL); /* whatever the tests are run by */
    signal(SIGCHLD, SIG_DFL);
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
