/* A condition: producers and consumers of a stock. Its lock is held by one at a time, also by those
 * who were cancelled while they waited; nothing is consumed that was not produced; and whoever is
 * notified, or somebody in its place, goes on. */
#include "explore.h"

static struct asyncio_condition condition;
static int holders, stock, produced, consumed, producing;

enum { WORKERS = 6 };

static void begin(void)
{
    condition = (struct asyncio_condition){0};
    holders = stock = produced = consumed = 0;
    producing = WORKERS / 2;
}

static bool is_stocked(void *unused)
{
    (void)unused;
    return stock > 0 || producing == 0;
}

/* The lock, however often this is cancelled meanwhile or refused memory. */
static async(int, insist)
{
    int error = 0, last = 0;

    while ((error = await(asyncio_condition_acquire(&condition))) < 0)
        last = error == -ECANCELED ? error : last;
    return last;
}

static async(int, produce)
{
    int error = await(asyncio_condition_acquire(&condition));

    if (error < 0)
        return error;
    expect(++holders == 1);
    error = await(nap());
    stock++;
    produced++;
    expect(--holders == 0);
    asyncio_condition_notify(&condition, 1);
    asyncio_condition_release(&condition);
    return error;
}

static async(int, producer)
{
    int error = 0;

    for (int i = 0; i < 4 && error != -ECANCELED; i++)
        error = await(produce());
    return error;
}

static async(int, stop_producing)
{
    while (await(insist()) == -ENOMEM)
        continue;
    producing--;
    asyncio_condition_notify_all(&condition);
    asyncio_condition_release(&condition);
    return 0;
}

static async(int, consume)
{
    int error = -ENOMEM;

    async_with(&condition)
    {
        expect(++holders == 1);
        holders--;
        error = pick(2) ? await(asyncio_condition_wait_for(&condition, is_stocked, NULL)) : 0;
        while (!error && !is_stocked(NULL))
            error = await(asyncio_condition_wait(&condition));
        expect(++holders == 1);
        if (!error && stock > 0) {
            error = await(nap()); /* the lock is held: the stock stays */
            expect(stock > 0);
            stock--;
            consumed++;
        }
        expect(--holders == 0);
    }
    return error;
}

static async(int, consumer)
{
    while (producing > 0 || stock > 0) {
        int error = await(consume());
        expect(error == 0 || is_weather(error));
        if (error == -ECANCELED)
            return error;
    }
    return 0;
}

static async(int, worker, (int, number))
{
    int error = await(number % 2 ? producer() : consumer());

    while (number % 2 && await(stop_producing()) < 0)
        continue;
    return error;
}

static void absent(int number)
{
    awaitable(int) stopping = NULL;

    while (number % 2 && !(stopping = asyncio_create_task(stop_producing())))
        continue;
    asyncio_release(stopping);
}

static void end(void)
{
    expect(consumed + stock == produced);
    expect(!asyncio_condition_locked(&condition));
    expect(!condition.line.first);
}

const struct exploration explore_condition = {.name = "condition",
                                              .workers = WORKERS,
                                              .begin = begin,
                                              .worker = worker,
                                              .absent = absent,
                                              .end = end};
