/* What the tests of the task layer share: a ledger around each test, a log of what happened in what
 * order, what was said on stderr, and programs that must not survive.
 *
 * Include it first. Tests use the public header as any program does; what stands in `async(...)`
 * runs in a loop of its own through ASYNC_TEST. */
#ifndef AI_TESTS_SUPPORT_H
#define AI_TESTS_SUPPORT_H

#include <asyncio.h>

#include "base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

/* A test that is a coroutine: its braces are the main task of a loop. */
#define ASYNC_TEST(name)                                                                           \
    static awaitable(void) name##_main(void);                                                      \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        asyncio_run(name##_main());                                                                \
    }                                                                                              \
    static async(void, name##_main)

#define TEST(name) cmocka_unit_test_setup_teardown(name, ledger_open, ledger_close)

/* One that is left out of its group where `why_not`, a variable, has a reason. */
/* clang-format off */
#define TEST_UNLESS(why_not, name) {#name, name, ledger_open, ledger_close, &(why_not)}
/* clang-format on */

static UNUSED int run_group(struct CMUnitTest *tests, size_t n, CMFixtureFunction set_up,
                            CMFixtureFunction tear_down)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        const char *const *why_not = tests[i].initial_state;
        if (why_not && *why_not)
            printf("# skipped: %s: %s\n", tests[i].name, *why_not);
        else
            tests[kept++] = tests[i];
    }
    return _cmocka_run_group_tests("tests", tests, kept, set_up, tear_down);
}

/* --- The ledger --- */

static struct ledger {
    size_t awaitables, allocated;
    int descriptors;
} ledger;

static UNUSED int open_descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* With the stacks given back, and with the pool's chunks, which stay for the next test, left out:
 * they are all the library allocates that comes in multiples of that size. */
static UNUSED struct ledger ledger_now(void)
{
    struct asyncio_info info;

    asyncio_run(asyncio_sleep(0)); /* the error of the last run goes */
    asyncio_info(&info);
    assert_int_equal(info.tasks, 0);
    assert_int_equal(info.stacks, 0);
    assert_int_equal(asyncio_set_stack_size(0), 0);
    return (struct ledger){
        .awaitables = info.awaitables,
        .allocated = ai_allocated() % AI_POOL_CHUNK,
        .descriptors = open_descriptors(),
    };
}

static char history[1 << 16];

static UNUSED int ledger_open(void **state)
{
    (void)state;
    if (asyncio_current_task()) /* an assertion jumped out of a loop: nothing can go on */
        _exit(1);
    ledger = ledger_now();
    *history = 0;
    return 0;
}

static UNUSED int ledger_close(void **state)
{
    struct ledger now;
    (void)state;

    if (asyncio_current_task())
        return -1;
    now = ledger_now();
    assert_int_equal(now.awaitables, ledger.awaitables);
    assert_int_equal(now.allocated, ledger.allocated);
    assert_int_equal(now.descriptors, ledger.descriptors);
    return 0;
}

/* --- What happened --- */

static void note(const char *format, ...) __attribute__((format(printf, 1, 2), unused));

/* Appends a word to the history. */
static void note(const char *format, ...)
{
    size_t at = strlen(history);
    va_list args;

    if (at)
        history[at++] = ' ';
    va_start(args, format);
    vsnprintf(history + at, sizeof history - at, format, args);
    va_end(args);
}

/* The history so far, which then begins anew. */
#define assert_history(expected)                                                                   \
    do {                                                                                           \
        assert_string_equal(history, expected);                                                    \
        *history = 0;                                                                              \
    } while (0)

static UNUSED bool simulated(void)
{
    const char *backend = getenv("ASYNCIO_BACKEND");
    return backend && strcmp(backend, "sim") == 0;
}

/* A delay that only has to be longer than none; in virtual time it costs nothing. */
#define MOMENT 0.0005

/* As long as the tests take in virtual time. */
#define FOR_EVER 1e6

/* --- What is said on stderr --- */

static struct {
    int kept, file;
    char text[1 << 14];
} said;

static UNUSED void listen_to_stderr(void)
{
    fflush(stderr);
    said.kept = dup(STDERR_FILENO);
    said.file = memfd_create("stderr", MFD_CLOEXEC);
    dup2(said.file, STDERR_FILENO);
}

static UNUSED const char *what_was_said(void)
{
    fflush(stderr);
    dup2(said.kept, STDERR_FILENO);
    close(said.kept);
    ssize_t n = pread(said.file, said.text, sizeof said.text - 1, 0);
    said.text[n > 0 ? n : 0] = 0;
    close(said.file);
    return said.text;
}

#define assert_says(text, part)                                                                    \
    do {                                                                                           \
        if (!strstr(text, part))                                                                   \
            fail_msg("'%s' is not in: %s", part, text);                                            \
    } while (0)

/* --- Programs of their own --- */

static bool is_child;

#ifdef AI_POOL_ASAN
/* A child that calls exit() has all its parent's memory, and is not to be asked about it. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return is_child;
}
#endif

/* Runs `program` in a child whose stderr goes to `said`; how it ended, as waitpid() says. */
static UNUSED int in_child(void (*program)(void))
{
    int status;

    fflush(stdout);
    listen_to_stderr();
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_DUMPABLE, 0); /* no core */
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        is_child = true;
        program();
        _exit(0);
    }
    pid_t ended = waitpid(child, &status, 0);
    what_was_said();
    assert_int_equal(ended, child);
    return status;
}

/* It must abort, and say this. */
#define assert_aborts(program, message)                                                            \
    do {                                                                                           \
        int status = in_child(program);                                                            \
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)                                   \
            fail_msg("it ended with status %#x and said: %s", (unsigned)status, said.text);        \
        assert_says(said.text, message);                                                           \
    } while (0)

/* A test that a program, a coroutine's body, ends in an abort with this message. */
#define DEATH_TEST(name, message)                                                                  \
    static awaitable(void) name##_main(void);                                                      \
    static void name##_program(void)                                                               \
    {                                                                                              \
        asyncio_run(name##_main());                                                                \
    }                                                                                              \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        assert_aborts(name##_program, message);                                                    \
    }                                                                                              \
    static async(void, name##_main)

#endif
