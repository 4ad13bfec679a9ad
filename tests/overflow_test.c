/* A stack that is too small: the task is named, and what to do about it; whatever runs on it. */
#include "support.h"

/* Uses more than the stack there is; a compiler has to do as it is told. */
static __attribute__((noinline)) int burn(volatile char *above, int depth)
{
    volatile char page[2048];

    memset((char *)page, depth, sizeof page);
    return depth == 0 ? page[7] + above[0] : burn(page, depth - 1) + page[1];
}

enum { TOO_DEEP = 1 << 20 };

static async(int, overflows)
{
    volatile char here = 1;
    return burn(&here, TOO_DEEP);
}

static async(int, outer)
{
    return await(overflows());
}

static async_gen(int, generator)
{
    volatile char here = 1;
    async_yield(1);
    async_yield(burn(&here, TOO_DEEP));
}

static async(void, in_a_task)
{
    await(asyncio_create_task(overflows(), "too deep"));
}

static async(void, in_a_call)
{
    await(asyncio_create_task(outer(), "too deep"));
}

static async(void, in_a_generator)
{
    async_for (int i, generator())
        note("%d", i);
}

static async(int, recursion, (int, n))
{
    volatile char page[512];
    memset((char *)page, n, sizeof page);
    return n == 0 ? page[0] : await(recursion(n - 1)) + page[1];
}

static async(void, in_coroutines)
{
    await(recursion(TOO_DEEP));
}

/* --- Programs of their own: without cmocka, which catches faults itself --- */

static void in_a_task_program(void)
{
    asyncio_run(in_a_task());
}

static void in_a_call_program(void)
{
    asyncio_run(in_a_call());
}

static void in_a_generator_program(void)
{
    asyncio_run(in_a_generator());
}

static void in_coroutines_program(void)
{
    asyncio_run(in_coroutines());
}

static void small_program(void)
{
    asyncio_set_stack_size(64 << 10);
    asyncio_run(in_a_task());
}

static void large_program(void)
{
    asyncio_set_stack_size(64 << 20);
    asyncio_run(recursion(10000));
}

static int *volatile nowhere = (int *)8;

static async(void, faults)
{
    await(asyncio_sleep(0));
    *nowhere = 1;
}

static void fault_program(void)
{
    asyncio_run(faults());
}

static void on_fault(int signal)
{
    (void)signal;
    _exit(42);
}

static void handler_program(void)
{
    signal(SIGSEGV, on_fault);
    asyncio_run(faults());
}

static void (*const programs[])(void) = {
    in_a_task_program, in_a_call_program, in_a_generator_program, in_coroutines_program,
    small_program,     large_program,     fault_program,          handler_program,
};

static char number[4]; /* of the program to be run */

static void execute(void)
{
    execl("/proc/self/exe", "overflow_test", number, (char *)NULL);
}

static int status_of(void (*program)(void))
{
    int i = 0;

    while (programs[i] != program)
        i++;
    number[0] = (char)('0' + i);
    return in_child(execute);
}

/* --- Tests --- */

static void assert_overflows(void (*program)(void), const char *who)
{
    int status = status_of(program);

    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV)
        fail_msg("it ended with status %#x and said: %s", (unsigned)status, said.text);
    assert_says(said.text, "asyncio: stack overflow in ");
    assert_says(said.text, who);
    assert_says(said.text, "KiB. Set ASYNCIO_STACK_SIZE=");
    assert_says(said.text, "asyncio_set_stack_size(");
}

static void a_task(void **state)
{
    (void)state;
    assert_overflows(in_a_task_program, "name='too deep' coro=<overflows()");
}

static void a_call(void **state)
{
    (void)state;
    assert_overflows(in_a_call_program, "name='too deep' coro=<outer()");
    assert_says(said.text, "in coroutine overflows\n");
}

static void a_generator(void **state)
{
    (void)state;
    assert_overflows(in_a_generator_program, "coro=<in_a_generator()");
    assert_says(said.text, "in coroutine generator\n");
}

static void coroutines_in_coroutines(void **state)
{
    (void)state;
    assert_overflows(in_coroutines_program, "coro=<in_coroutines()");
}

static void a_size_of_ones_own(void **state)
{
    (void)state;
    assert_overflows(small_program, "Its stack has 64 KiB. Set ASYNCIO_STACK_SIZE=262144 ");
}

/* With what it says to set, it runs. */
static void large_enough(void **state)
{
    (void)state;
    assert_int_equal(status_of(large_program), 0);
    assert_string_equal(said.text, "");
}

/* A fault that is no overflow is not ours. */
static void no_overflow(void **state)
{
    (void)state;
    int status = status_of(fault_program);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    assert_string_equal(said.text, "");
}

static void the_handler_before_ours(void **state)
{
    (void)state;
    int status = status_of(handler_program);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_task),
        TEST(a_call),
        TEST(a_generator),
        TEST(coroutines_in_coroutines),
        TEST(a_size_of_ones_own),
        TEST(large_enough),
        TEST(no_overflow),
        TEST(the_handler_before_ours),
    };
#ifdef AI_POOL_ASAN
    puts("1..0 # SKIP AddressSanitizer has a handler of its own");
    return 0;
#endif
    if (argc > 1) {
        programs[argv[1][0] - '0']();
        return 0;
    }
    return cmocka_run_group_tests_name("overflow", tests, NULL, NULL);
}
