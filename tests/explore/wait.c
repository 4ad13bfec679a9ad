/* wait, as_completed and gathers with exceptions as results, over tasks that take their time, fail
 * and are cancelled: each is told once, as it ended, and none is left out. */
#include "explore.h"

enum { TASKS = 4 };

static async(int, leaf, (int, value))
{
    int error = await(nap());
    if (error < 0)
        return error;
    return pick(5) ? value : asyncio_raise(-EPROTO, "leaf %d", value);
}

static bool is_outcome(int n, int value)
{
    return n == value || n == -EPROTO || is_weather(n);
}

/* Whoever was not made is NULL, which all of these close the others for. */
static void make(awaitable(int) tasks[TASKS])
{
    for (int i = 0; i < TASKS; i++)
        tasks[i] = asyncio_create_task(leaf(i + 1));
}

static void let_go(awaitable(int) tasks[TASKS])
{
    for (int i = 0; i < TASKS; i++)
        asyncio_release(tasks[i]);
}

static async(int, waits)
{
    awaitable(int) tasks[TASKS], given[TASKS];
    enum asyncio_return_when when = (enum asyncio_return_when)pick(3);

    make(tasks);
    for (int i = 0; i < TASKS; i++)
        given[i] = tasks[i];
    int n = (int)await(asyncio_wait(given, TASKS, pick(2) ? 0.002 : ASYNCIO_FOREVER, when));
    if (n >= 0) {
        for (int i = 0; i < TASKS; i++)
            expect(asyncio_done(given[i]) == (i < n));
        for (int i = 0; i < n; i++)
            asyncio_exception(given[i]);
    } else {
        expect(is_weather(n));
    }
    let_go(tasks);
    return n < 0 ? n : 0;
}

static async(int, completes)
{
    awaitable(int) tasks[TASKS];
    int seen = 0;

    make(tasks);
    async_for (awaitable(int) t, asyncio_as_completed(tasks, TASKS, ASYNCIO_FOREVER)) {
        expect(asyncio_done(t));
        int i = 0;
        while (i < TASKS && tasks[i] != t)
            i++;
        expect(i < TASKS && !(seen & 1 << i));
        seen |= 1 << i;
        int n = await(t);
        expect(is_outcome(n, i + 1));
    }
    int error = asyncio_error();
    expect(seen == (1 << TASKS) - 1 || error);
    let_go(tasks);
    return is_weather(error) ? error : 0;
}

static async(int, gathers)
{
    int errors[2] = {1, 1};
    int error = await(asyncio_gather_return_exceptions(errors, leaf(1), leaf(2)));

    expect(error == 0 || is_weather(error));
    for (int i = 0; !error && i < 2; i++)
        expect(errors[i] == 0 || errors[i] == -EPROTO || is_weather(errors[i]));
    return error;
}

static async(int, worker, (int, unused))
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        unsigned way = pick(3);
        int error = await(way == 0 ? waits() : way == 1 ? completes() : gathers());
        if (error == -ECANCELED || await(nap()) == -ECANCELED)
            return -ECANCELED;
    }
    return 0;
}

const struct exploration explore_wait = {.name = "wait", .workers = 4, .worker = worker};
