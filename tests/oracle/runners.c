/* asyncio_run, runners, the end of a loop, SIGINT, the exception handler. */
#include "scenario.h"

#include <signal.h>

/* What asyncio_run(x) gives, also where SIGINT ended it. */
#define RUN(x) told(asyncio_run(x))

static const char *told(int result)
{
    return result == -EINTR ? "EINTR" : outcome(result);
}

static async(int, gives, (int, value))
{
    trace("runs");
    await(asyncio_sleep(1));
    return value < 0 ? asyncio_raise(value, NULL) : value;
}

static async(int, counts, (awaitable(int), main))
{
    count_turns();
    return await(main);
}

PLAIN_SCENARIO(run_return)
{
    trace("%s", RUN(counts(gives(42))));
}

PLAIN_SCENARIO(run_raises)
{
    trace("%s", RUN(counts(gives(-EPROTO))));
}

PLAIN_SCENARIO(run_twice)
{
    trace("%s", RUN(counts(gives(1))));
    trace("%s", RUN(counts(gives(2))));
}

static async(int, cancels_itself)
{
    count_turns();
    asyncio_cancel(asyncio_current_task());
    return await(asyncio_sleep(1));
}

PLAIN_SCENARIO(run_cancelled)
{
    trace("%s", RUN(cancels_itself()));
}

static async(int, leaves_a_task)
{
    count_turns();
    asyncio_spawn(worker("leftover", 5, 0));
    await(asyncio_sleep(1));
    trace("main ends");
    return 123;
}

PLAIN_SCENARIO(run_cancels_hanging_tasks)
{
    trace("%s", RUN(leaves_a_task()));
}

static async(int, leaves_several)
{
    count_turns();
    asyncio_spawn(worker("a", 5, 0));
    asyncio_spawn(worker("b", 5, 0));
    asyncio_spawn(worker("c", 5, 0));
    asyncio_spawn(slow_to_end("d", 5, 3));
    await(asyncio_sleep(1));
    return 1;
}

PLAIN_SCENARIO(run_waits_for_what_it_cancels)
{
    trace("%s", RUN(leaves_several()));
}

static async(int, leaves_one_not_begun)
{
    count_turns();
    asyncio_spawn(worker("never", 5, 0));
    return 1;
}

PLAIN_SCENARIO(run_cancels_what_main_made_at_its_end)
{
    trace("%s", RUN(leaves_one_not_begun()));
}

static async(int, makes_more)
{
    int r = await(asyncio_sleep(5));
    trace("makes another");
    asyncio_spawn(worker("another", 1, 0));
    return r;
}

static async(int, leaves_one_that_makes_more)
{
    count_turns();
    asyncio_spawn(makes_more());
    await(asyncio_sleep(1));
    return 0;
}

PLAIN_SCENARIO(run_task_made_at_the_end)
{
    trace("%s", RUN(leaves_one_that_makes_more()));
}

static void handler(const struct asyncio_exception_context *context, void *unused)
{
    (void)unused;
    trace("handler: %s: %s", context->message, context->error ? outcome(context->error) : "None");
}

static async(int, fails_when_cancelled)
{
    return await(asyncio_sleep(5)) ? asyncio_raise(-EPROTO, NULL) : 0;
}

static async(int, leaves_one_that_fails)
{
    count_turns();
    asyncio_set_exception_handler(handler, NULL);
    asyncio_spawn(fails_when_cancelled());
    await(asyncio_sleep(1));
    return 123;
}

PLAIN_SCENARIO(run_reports_hanging_tasks_errors)
{
    trace("%s", RUN(leaves_one_that_fails()));
}

static void say_it_ends(int *unused)
{
    (void)unused;
    trace("generator ends");
}

static async_gen(int, ticks)
{
    __attribute__((cleanup(say_it_ends))) int end;
    (void)end;
    for (;;) {
        async_yield(1);
        if (await(asyncio_sleep(1)))
            break;
    }
}

static async(int, spins)
{
    async_for (int i, ticks())
        trace("tick%.0d", i - 1);
    return asyncio_error();
}

static async(int, leaves_a_generator)
{
    count_turns();
    asyncio_spawn(spins());
    await(asyncio_sleep(1.5));
    return asyncio_raise(-EPROTO, NULL);
}

PLAIN_SCENARIO(run_closes_generators)
{
    trace("%s", RUN(leaves_a_generator()));
}

static struct asyncio_runner *nested;

static async(int, runs_again)
{
    return asyncio_run(just(1));
}

static async(int, runs_within)
{
    count_turns();
    MISUSE(asyncio_run(runs_again()));
    return 0;
}

PLAIN_SCENARIO(run_from_running_loop)
{
    asyncio_run(runs_within());
}

/* --- Runner --- */

PLAIN_SCENARIO(runner_run)
{
    struct asyncio_runner runner = {0};
    trace("%s", outcome(asyncio_runner_run(&runner, counts(gives(1)))));
    trace("%s", outcome(asyncio_runner_run(&runner, gives(2))));
    trace("%s", outcome(asyncio_runner_run(&runner, gives(-EPROTO))));
    asyncio_runner_close(&runner);
}

PLAIN_SCENARIO(runner_goes_on_in_the_next_run)
{
    struct asyncio_runner runner = {0};
    trace("%s", outcome(asyncio_runner_run(&runner, leaves_a_task())));
    trace("%s", outcome(asyncio_runner_run(&runner, gives(2))));
    trace("closes");
    asyncio_runner_close(&runner);
}

PLAIN_SCENARIO(runner_double_close)
{
    struct asyncio_runner runner = {0};
    trace("%s", outcome(asyncio_runner_run(&runner, counts(gives(1)))));
    asyncio_runner_close(&runner);
    asyncio_runner_close(&runner);
    trace("closed");
}

PLAIN_SCENARIO(runner_closed)
{
    struct asyncio_runner runner = {0};
    trace("%s", outcome(asyncio_runner_run(&runner, counts(gives(1)))));
    asyncio_runner_close(&runner);
    MISUSE(asyncio_runner_run(&runner, gives(2)));
}

PLAIN_SCENARIO(runner_debug)
{
    for (int debug = 1; debug >= -1; debug -= 2) {
        struct asyncio_runner runner = {.debug = debug};
        asyncio_runner_init(&runner);
        trace("%s", yes(asyncio_get_debug()));
        asyncio_runner_close(&runner);
    }
}

static async(int, recursive)
{
    count_turns();
    return asyncio_runner_run(nested, just(1));
}

static void run_recursively(void)
{
    struct asyncio_runner runner = {0};
    nested = &runner;
    asyncio_runner_run(&runner, recursive());
}

PLAIN_SCENARIO(runner_recursive_run)
{
    MISUSE(run_recursively());
}

/* --- SIGINT --- */

static void interrupt(void *unused)
{
    (void)unused;
    raise(SIGINT);
}

static async(int, spins_until_interrupted)
{
    count_turns();
    asyncio_call_later(0, interrupt, NULL);
    int r;
    while ((r = await(asyncio_sleep(0))) == 0)
        ;
    trace("cancelled");
    return r;
}

PLAIN_SCENARIO(interrupt_call_soon)
{
    trace("%s", RUN(spins_until_interrupted()));
}

static async(int, waits_until_interrupted)
{
    count_turns();
    asyncio_call_later(0.1, interrupt, NULL);
    awaitable(int) f = asyncio_future(int);
    asyncio_add_done_callback(f, tell, "future");
    int r = await(f);
    if (r == -ECANCELED)
        trace("cancelled");
    return r;
}

PLAIN_SCENARIO(interrupt_wait)
{
    trace("%s", RUN(waits_until_interrupted()));
}

static async(int, interrupts, (asyncio_any, other))
{
    asyncio_cancel(other);
    raise(SIGINT);
    return 0;
}

static async(int, is_cancelled_and_interrupted)
{
    count_turns();
    asyncio_spawn(interrupts(asyncio_current_task()));
    return await(asyncio_sleep(10));
}

PLAIN_SCENARIO(interrupt_cancelled_task)
{
    trace("%s", RUN(is_cancelled_and_interrupted()));
}

static async(int, swallows_the_interrupt)
{
    count_turns();
    asyncio_call_later(1, interrupt, NULL);
    if (await(asyncio_sleep(10)))
        trace("swallowed");
    await(asyncio_sleep(1));
    return 7;
}

PLAIN_SCENARIO(interrupt_swallowed)
{
    trace("%s", RUN(swallows_the_interrupt()));
}

static async(int, leaves_a_task_and_waits)
{
    count_turns();
    asyncio_spawn(worker("child", 10, 0));
    asyncio_call_later(1, interrupt, NULL);
    return await(asyncio_sleep(5));
}

PLAIN_SCENARIO(interrupt_with_children)
{
    trace("%s", RUN(leaves_a_task_and_waits()));
}

/* --- The exception handler --- */

SCENARIO(task_exception_never_retrieved)
{
    asyncio_set_exception_handler(handler, NULL);
    asyncio_spawn(just(-EPROTO));
    await(turns(3));
    trace("three turns later");
}

SCENARIO(task_cancelled_is_not_reported)
{
    asyncio_set_exception_handler(handler, NULL);
    awaitable(int) t = asyncio_create_task(worker("a", 5, 0));
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    asyncio_release(t);
    await(turns(3));
    trace("nothing reported");
}

SCENARIO(future_exception_never_retrieved)
{
    asyncio_set_exception_handler(handler, NULL);
    awaitable(int) f = asyncio_future(int);
    set(f, -EPROTO);
    asyncio_release(f);
    trace("let go");
}

SCENARIO(future_exception_retrieved)
{
    asyncio_set_exception_handler(handler, NULL);
    awaitable(int) f = asyncio_future(int);
    set(f, -EPROTO);
    trace("%s", outcome(asyncio_exception(f)));
    asyncio_release(f);
    trace("let go");
}

SCENARIO(future_result_not_retrieved)
{
    asyncio_set_exception_handler(handler, NULL);
    awaitable(int) f = asyncio_future(int);
    set(f, 1);
    asyncio_release(f);
    trace("let go");
}

SCENARIO(call_exception_handler)
{
    asyncio_set_exception_handler(handler, NULL);
    asyncio_call_exception_handler(
        &(struct asyncio_exception_context){.message = "mine", .error = -EIO});
    asyncio_call_exception_handler(&(struct asyncio_exception_context){.message = "no exception"});
}
