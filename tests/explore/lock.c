/* A lock: one holder at a time, in the order of asking, and nobody is forgotten. */
#include "explore.h"

static struct asyncio_lock lock;
static int holders;
static unsigned asked, served;

static void begin(void)
{
    lock = (struct asyncio_lock){0};
    holders = 0;
    asked = served = 0;
}

static async(int, hold)
{
    expect(++holders == 1);
    expect(asyncio_lock_locked(&lock));
    int error = await(nap());
    expect(--holders == 0);
    asyncio_lock_release(&lock);
    return error;
}

/* Who asks by an await of its own is served in order; a task that asks for it comes later. */
static async(int, in_order)
{
    unsigned number = ++asked;
    int error = await(asyncio_lock_acquire(&lock));

    if (error < 0)
        return error;
    expect(number > served);
    served = number;
    return await(hold());
}

static async(int, in_time)
{
    int error = await(asyncio_wait_for(asyncio_lock_acquire(&lock), pick(2) ? 0.001 : 0));

    return error < 0 ? error : await(hold());
}

static async(int, in_a_block)
{
    int error = -ENOMEM;

    async_with(&lock)
    {
        expect(++holders == 1);
        error = await(nap());
        expect(--holders == 0);
    }
    return error;
}

static async(int, worker, (int, number))
{
    (void)number;
    for (int i = 0; i < 5; i++) {
        unsigned way = pick(6);
        int error = await(way == 0 ? in_time() : way == 1 ? in_a_block() : in_order());
        expect(error == 0 || error == -ETIMEDOUT || is_weather(error));
        if (error == -ECANCELED)
            return error;
        if (await(nap()) == -ECANCELED)
            return -ECANCELED;
    }
    return 0;
}

static void end(void)
{
    expect(!asyncio_lock_locked(&lock));
    expect(!lock.line.first);
}

const struct exploration explore_lock = {
    .name = "lock", .workers = 6, .begin = begin, .worker = worker, .end = end};
