/* What tests/trace_test.py traces: `trace_program WHAT [N]`. */
#include <asyncio.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static async(void, pause_for, (double, seconds))
{
    await(asyncio_sleep(seconds));
}

/* Two tasks, one of which waits for the other, by name. */
static async(void, waiter, (awaitable(void), other))
{
    await(other);
}

static async(void, two_tasks)
{
    awaitable(void) first = asyncio_create_task(pause_for(1), "first");
    awaitable(void) second = asyncio_create_task(waiter(first));
    await(second);
}

static async(void, blocks)
{
    await(asyncio_sleep(0.5));
    asyncio_block(0.25);
    await(asyncio_sleep(0));
}

static async(int, fails)
{
    await(asyncio_sleep(1));
    return asyncio_raise(-EPROTO, "no");
}

static async(int, ends)
{
    awaitable(int) failing = asyncio_create_task(fails());
    awaitable(void) sleeping = asyncio_create_task(pause_for(100));
    await(failing);
    asyncio_cancel(sleeping);
    await(sleeping);
    return 0;
}

static void call_me(void *arg)
{
    asyncio_set_result((awaitable(int))arg, 1);
}

static async(void, callbacks)
{
    awaitable(int) future = asyncio_future(int);
    asyncio_call_later(2, call_me, future);
    await(future);
}

static async(void, eager)
{
    awaitable(void) t = asyncio_create_eager_task(pause_for(1));
    await(t);
}

static async(void, stackless)
{
    awaitable(int) t = asyncio_create_task(asyncio_sleep(3));
    await(t);
}

static async(void, take_turns, (long, n))
{
    while (n--)
        await(asyncio_sleep(0));
}

static async(void, many_steps, (long, n))
{
    awaitable(void) other = asyncio_create_task(take_turns(n / 2));
    await(take_turns(n / 2));
    await(other);
}

static async(void, many_tasks, (long, n))
{
    for (long i = 0; i < n; i++)
        asyncio_create_task(take_turns(2));
    await(asyncio_sleep(1));
}

/* Ends in the midst of a task, after some steps. */
static async(void, ends_by, (const char *, how))
{
    await(take_turns(5000));
    await(asyncio_sleep(0.001));
    if (!strcmp(how, "abort"))
        abort();
    if (!strcmp(how, "stuck")) /* and somebody loses patience */
        usleep(150000);
    if (!strcmp(how, "kill") || !strcmp(how, "stuck"))
        raise(SIGKILL);
    if (!strcmp(how, "exit"))
        exit(0);
    _exit(0);
}

static async(void, forks)
{
    await(asyncio_sleep(0));
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "trace_program", "two_tasks", NULL);
        _exit(127);
    }
    waitpid(child, NULL, 0);
    await(asyncio_sleep(0));
}

static async(void, answers, (struct asyncio_stream_reader *, r),
             (struct asyncio_stream_writer *, w))
{
    char byte;
    await(asyncio_stream_reader_readexactly(r, &byte, 1));
    asyncio_stream_writer_write(w, &byte, 1);
}

static async(void, serves)
{
    char byte = 'x';
    struct asyncio_server *s = await(asyncio_start_server(answers, "127.0.0.1", 0));
    struct asyncio_streams c = await(asyncio_open_connection("127.0.0.1", asyncio_server_port(s)));
    asyncio_stream_writer_write(c.writer, &byte, 1);
    await(asyncio_stream_reader_readexactly(c.reader, &byte, 1));
    asyncio_server_close(s);
}

static void *run_thread(void *arg)
{
    pthread_setname_np(pthread_self(), arg);
    asyncio_run(two_tasks());
    asyncio_run(two_tasks());
    return NULL;
}

static void threads(void)
{
    static char names[][8] = {"one", "two", "three"};
    pthread_t thread[3];

    for (int i = 0; i < 3; i++)
        pthread_create(&thread[i], NULL, run_thread, names[i]);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
}

/* A child of fork with a loop of its own. */
static void fork_alone(void)
{
    asyncio_run(two_tasks());
    pid_t child = fork();
    if (child == 0) {
        asyncio_run(blocks());
        exit(0);
    }
    waitpid(child, NULL, 0);
    asyncio_run(two_tasks());
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    long n = argc > 2 ? atol(argv[2]) : 0;

    if (!strcmp(what, "two_tasks"))
        asyncio_run(two_tasks());
    else if (!strcmp(what, "blocks"))
        asyncio_run(blocks());
    else if (!strcmp(what, "ends"))
        asyncio_run(ends());
    else if (!strcmp(what, "callbacks"))
        asyncio_run(callbacks());
    else if (!strcmp(what, "eager"))
        asyncio_run(eager());
    else if (!strcmp(what, "stackless"))
        asyncio_run(stackless());
    else if (!strcmp(what, "serves"))
        asyncio_run(serves());
    else if (!strcmp(what, "many_steps"))
        asyncio_run(many_steps(n));
    else if (!strcmp(what, "many_tasks"))
        asyncio_run(many_tasks(n));
    else if (!strcmp(what, "ends_by"))
        asyncio_run(ends_by(argc > 2 ? argv[2] : ""));
    else if (!strcmp(what, "forks"))
        asyncio_run(forks());
    else if (!strcmp(what, "threads"))
        threads();
    else if (!strcmp(what, "fork_alone"))
        fork_alone();
    else
        return 2;
    return 0;
}
