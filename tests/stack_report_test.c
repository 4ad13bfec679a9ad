/* ASYNCIO_STACK_REPORT=1: what is told when the program ends. Each test is a program of its own,
 * since that is then. */
#include "support.h"

#include <stdio.h>

enum { DEEP = 40000, LESS = 10000 };

static __attribute__((noinline)) size_t use(size_t bytes)
{
    volatile char *a = __builtin_alloca(bytes);

    for (size_t i = 0; i < bytes; i++)
        a[i] = 1;
    return a[bytes / 2];
}

static async(int, deep, (size_t, bytes))
{
    await(asyncio_sleep(0));
    int r = (int)use(bytes);
    await(asyncio_sleep(0));
    return r;
}

static async(int, shallow)
{
    await(asyncio_sleep(0));
    return 0;
}

static async(int, never_runs)
{
    return 0;
}

static async(int, runs_several)
{
    await(asyncio_create_task(deep(LESS)));
    await(asyncio_create_task(deep(DEEP)));
    await(asyncio_create_task(deep(1)));
    for (int i = 0; i < 5; i++)
        await(asyncio_create_task(shallow())); /* on the stack that the deep ones had */
    await(asyncio_create_eager_task(shallow()));
    asyncio_cancel(asyncio_create_task(never_runs()));
    await(asyncio_sleep(0));
    return 0;
}

static void ask_for_it(void)
{
    setenv("ASYNCIO_STACK_REPORT", "1", 1);
}

static void reports(void)
{
    ask_for_it();
    asyncio_run(runs_several());
    exit(0);
}

/* The line of a function: how many tasks, and the two sizes. */
static size_t line_of(const char *function, size_t sizes[2])
{
    char name[64];
    size_t tasks = 0;

    snprintf(name, sizeof name, "  %s() at ", function);
    const char *line = strstr(said.text, name);
    assert_non_null(line);
    while (line > said.text && line[-1] != '\n')
        line--;
    assert_int_equal(sscanf(line, "%zu %zu %zu", &tasks, &sizes[0], &sizes[1]), 3);
    return tasks;
}

static void by_function(void **state)
{
    size_t sizes[2];
    (void)state;

    assert_int_equal(in_child(reports), 0);
    assert_int_equal(line_of("deep", sizes), 3);
    assert_in_range(sizes[0], DEEP, DEEP + 30000);
    assert_in_range(sizes[1], sizes[0] + 8192, 2 * sizes[0] + 8192);
    assert_int_equal(line_of("shallow", sizes), 6);
    assert_in_range(sizes[0], 100, DEEP / 2);
    assert_int_equal(line_of("runs_several", sizes), 1);
    assert_in_range(sizes[0], 100, DEEP / 2);
    assert_null(strstr(said.text, "never_runs"));
    assert_says(said.text, "stack_report_test.c:");
    assert_true(strstr(said.text, "deep()") < strstr(said.text, "shallow()")); /* in this order */
}

static void suggests_what_would_do(void **state)
{
    size_t sizes[2];
    char line[160];
    (void)state;

    assert_int_equal(in_child(reports), 0);
    line_of("deep", sizes);
    snprintf(line, sizeof line,
             "For all of these ASYNCIO_STACK_SIZE=%zu, or asyncio_set_stack_size(%zu), would do.",
             sizes[1], sizes[1]);
    assert_says(said.text, line);
}

static void runs_on_what_was_suggested(void)
{
    asyncio_set_stack_size(128 << 10);
    if (asyncio_run(deep(LESS)) != 1)
        _exit(1);
    exit(0);
}

static void nothing_unless_asked_for(void **state)
{
    (void)state;
    assert_int_equal(in_child(runs_on_what_was_suggested), 0);
    assert_string_equal(said.text, "");
}

static async(int, parks)
{
    return await(asyncio_sleep(FOR_EVER));
}

static async(int, many)
{
    for (int i = 0; i < 100; i++)
        asyncio_spawn(shallow());
    for (int i = 0; i < 100; i++)
        asyncio_spawn(parks());
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    return 0;
}

/* More than there are records kept for; and those that the end cancels count too. */
static void runs_many(void)
{
    ask_for_it();
    asyncio_run(many());
    asyncio_run(many());
    exit(0);
}

static void of_many_tasks_and_runs(void **state)
{
    size_t sizes[2];
    (void)state;

    assert_int_equal(in_child(runs_many), 0);
    assert_int_equal(line_of("shallow", sizes), 200);
    assert_int_equal(line_of("parks", sizes), 200);
    assert_int_equal(line_of("many", sizes), 2);
}

static async(int, forks)
{
    pid_t child = fork();

    if (child == 0)
        exit(0); /* has nothing to tell of */
    waitpid(child, NULL, 0);
    return 0;
}

static void runs_and_forks(void)
{
    ask_for_it();
    asyncio_run(forks());
    exit(0);
}

static void not_by_a_forked_child(void **state)
{
    (void)state;
    assert_int_equal(in_child(runs_and_forks), 0);
    const char *first = strstr(said.text, "Stacks, of ");
    assert_non_null(first);
    assert_null(strstr(first + 1, "Stacks, of "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(by_function),
        TEST(suggests_what_would_do),
        TEST(nothing_unless_asked_for),
        TEST(of_many_tasks_and_runs),
        TEST(not_by_a_forked_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
