#include "scenario.h"

#include "base/pool.h"
#include "task/thread.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct scenario *scenarios, **last = &scenarios;

void scenario_add(struct scenario *s)
{
    *last = s;
    last = &s->next;
}

/* --- Turns: the loop asks its back-end once in each, where that is the simulation --- */

static struct ai_backend counting;
static int (*wait_really)(void *state, int64_t deadline);
static int turn;
static double began;

static int counted_wait(void *state, int64_t deadline)
{
    turn++;
    return wait_really(state, deadline);
}

void count_turns(void)
{
    const struct ai_backend *backend = ai_thread.loop->backend;

    if (backend != &counting) {
        counting = *backend;
        wait_really = backend->wait;
        counting.wait = counted_wait;
        ai_thread.loop->backend = &counting;
    }
    turn = 0;
    began = asyncio_time();
}

/* --- Tracing --- */

void trace(const char *format, ...)
{
    double now = ai_thread.loop ? asyncio_time() - began : 0;
    va_list args;

    printf("%.6g #%d ", now, turn);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout); /* or it is lost if the program ends here */
}

static const struct {
    int code;
    const char *name;
} errors[] = {
    {-ECANCELED, "ECANCELED"}, {-ETIMEDOUT, "ETIMEDOUT"},
    {-EPROTO, "EPROTO"},       {-EIO, "EIO"},
    {-EBUSY, "EBUSY"},         {-EINVAL, "EINVAL"},
    {-EDOM, "EDOM"},           {-EPIPE, "EPIPE"},
    {-EAGAIN, "EAGAIN"},       {-ENOSPC, "ENOSPC"},
    {-ENOMEM, "ENOMEM"},       {-ESHUTDOWN, "ESHUTDOWN"},
};

const char *outcome(int result)
{
    static char text[8][16]; /* so many in one line */
    static unsigned next;

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == result)
            return errors[i].name;
    char *place = text[next++ % 8];
    snprintf(place, sizeof *text, "%d", result);
    return place;
}

const char *state(asyncio_any x)
{
    return asyncio_done(x) ? outcome(asyncio_result((awaitable(int))x)) : "pending";
}

const char *last_error(void)
{
    return outcome(asyncio_error());
}

const char *yes(bool truth)
{
    return truth ? "True" : "False";
}

/* --- Misuse --- */

static bool is_child;

#ifdef AI_POOL_ASAN
/* A child has all its parent's memory, and is not to be asked about it. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return is_child;
}
#endif

static void in_the_child(int told)
{
    is_child = true;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    prctl(PR_SET_DUMPABLE, 0);
    dup2(told, STDERR_FILENO);
}

static void tell_what_it_said(int told)
{
    char line[512] = "", *text = line;
    size_t n = 0;

    for (ssize_t got; n < sizeof line - 1 && (got = read(told, line + n, sizeof line - 1 - n)) > 0;)
        n += (size_t)got;
    line[strcspn(line, "\n")] = 0;
    if (strncmp(text, "asyncio: ", 9) == 0)
        text += 9;
    trace("%s", text);
}

bool misuse_begin(void)
{
    int ends[2], status;

    fflush(NULL);
    if (pipe(ends))
        abort();
    pid_t child = fork();
    if (child == 0) {
        in_the_child(ends[1]);
        return true;
    }
    close(ends[1]);
    tell_what_it_said(ends[0]);
    close(ends[0]);
    waitpid(child, &status, 0);
    return false;
}

void misuse_end(void)
{
    fprintf(stderr, "fine\n");
    _exit(0);
}

/* --- Players --- */

static int give(int value)
{
    return value < 0 ? asyncio_raise(value, NULL) : value;
}

async(int, just, (int, value))
{
    return give(value);
}

async(int, worker, (const char *, name), (double, seconds), (int, value))
{
    trace("%s starts", name);
    int r = await(asyncio_sleep(seconds));
    trace("%s %s", name, r ? "cancelled" : "ends");
    return r ? r : give(value);
}

async(int, slow_to_end, (const char *, name), (double, seconds), (double, more))
{
    trace("%s starts", name);
    int r = await(asyncio_sleep(seconds));
    if (r == 0)
        return 0;
    trace("%s cancelled", name);
    if (await(asyncio_sleep(more)))
        trace("%s cancelled again", name);
    trace("%s ends", name);
    return asyncio_raise(-ECANCELED, NULL);
}

async(int, stubborn, (const char *, name), (double, seconds), (double, more), (int, value))
{
    trace("%s starts", name);
    if (await(asyncio_sleep(seconds)))
        trace("%s swallows", name);
    int r = await(asyncio_sleep(more));
    trace("%s %s", name, r ? "cancelled" : "ends");
    return r ? r : give(value);
}

async(int, waiter, (const char *, name), (awaitable(int), x))
{
    int r = await(x);
    trace("%s got %s", name, outcome(r));
    return r;
}

async(void, turns, (int, n))
{
    while (n-- > 0 && await(asyncio_sleep(0)) == 0)
        ;
}

/* --- Callbacks --- */

static struct later {
    asyncio_any x;
    int value;
} laters[64];
static unsigned later_count;

void say(void *text)
{
    trace("%s", (const char *)text);
}

void tell(asyncio_any x, void *name)
{
    trace("%s is done: %s", (const char *)name, state(x));
}

void set(awaitable(int) f, int value)
{
    if (value < 0)
        asyncio_set_exception(f, value, NULL);
    else
        asyncio_set_result(f, value);
}

static void set_now(void *arg)
{
    struct later *l = arg;

    set(l->x, l->value);
}

static void cancel_now(void *x)
{
    asyncio_cancel(x);
}

void set_later(awaitable(int) f, double seconds, int value)
{
    struct later *l = &laters[later_count++ % 64];

    *l = (struct later){f, value};
    asyncio_call_later(seconds, set_now, l);
}

void cancel_later(asyncio_any x, double seconds)
{
    asyncio_call_later(seconds, cancel_now, x);
}

/* --- Running --- */

static async(void, in_loop, (struct scenario *, s))
{
    count_turns();
    await(s->main());
}

static size_t left_over(void)
{
    struct asyncio_info info;

    asyncio_info(&info);
    return info.awaitables + info.tasks;
}

static void run(struct scenario *s)
{
    size_t before = left_over();

    printf("== %s\n", s->name);
    fflush(stdout);
    alarm(20); /* one that waits for ever ends the program */
    turn = 0;
    if (s->plain)
        s->plain();
    else
        asyncio_run(in_loop(s));
    if (left_over() != before)
        printf("!! %zu awaitables before, %zu after\n", before, left_over());
}

static bool is_wanted(const char *name, char **wanted)
{
    if (!*wanted)
        return true;
    while (*wanted)
        if (strcmp(name, *wanted++) == 0)
            return true;
    return false;
}

/* PROGRAM [SCENARIO...] */
int main(int argc, char **argv)
{
    (void)argc;
    setenv("ASYNCIO_BACKEND", "sim", 1);
    signal(SIGINT, SIG_DFL); /* also where a shell started it in the background */
    for (struct scenario *s = scenarios; s; s = s->next)
        if (is_wanted(s->name, argv + 1))
            run(s);
}
