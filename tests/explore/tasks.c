/* Tasks that gather, shield and wait for each other's work: everything started is done when who
 * started it is, nothing is done twice, and no result comes from another. */
#include "explore.h"

static int alive;

static async(int, leaf, (int, value))
{
    alive++;
    int error = await(nap());
    alive--;
    return error < 0 ? error : value;
}

static async(int, gathers, (int, number))
{
    int results[3] = {-1, -1, -1};
    int error = await(asyncio_gather_into(results, leaf(number), leaf(number + 1), leaf(2)));

    if (error < 0) {
        expect(is_weather(error));
        return error;
    }
    expect(results[0] == number);
    expect(results[1] == number + 1);
    expect(results[2] == 2);
    return 0;
}

static async(int, in_time, (int, number))
{
    int n = await(asyncio_wait_for(leaf(number), pick(2) ? 0.001 : 10));

    expect(n == number || n == -ETIMEDOUT || is_weather(n));
    return n;
}

static async(int, shields, (int, number))
{
    awaitable(int) task = asyncio_create_task(leaf(number));
    int n = await(asyncio_shield(task));

    expect(n == number || is_weather(n));
    if (n < 0 && task) /* cancelled from outside: the one inside goes on */
        n = await(task);
    expect(n == number || is_weather(n));
    return n;
}

static async(int, worker, (int, number))
{
    for (int i = 0; i < 4; i++) {
        unsigned way = pick(3);
        int n = await(way == 0 ? gathers(number) : way == 1 ? in_time(number) : shields(number));
        if (n == -ECANCELED)
            return n;
    }
    return 0;
}

static void begin(void)
{
    alive = 0;
}

static void end(void)
{
    expect(alive == 0);
}

const struct exploration explore_tasks = {
    .name = "tasks", .workers = 6, .begin = begin, .worker = worker, .end = end};
