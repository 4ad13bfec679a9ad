/* A semaphore: never more within than it counts, and at the end as many as at the beginning. */
#include "explore.h"

enum { PLACES = 2 };

static struct asyncio_bounded_semaphore semaphore;
static int within;

static void begin(void)
{
    semaphore = asyncio_bounded_semaphore(PLACES);
    within = 0;
}

static async(int, stay)
{
    expect(++within <= PLACES);
    int error = await(nap());
    within--;
    return error;
}

static async(int, enters)
{
    int error =
        await(pick(4) ? asyncio_bounded_semaphore_acquire(&semaphore)
                      : asyncio_wait_for(asyncio_bounded_semaphore_acquire(&semaphore), 0.001));

    if (error < 0)
        return error;
    error = await(stay());
    asyncio_bounded_semaphore_release(&semaphore);
    return error;
}

static async(int, enters_a_block)
{
    int error = -ENOMEM;

    async_with(&semaphore) error = await(stay());
    return error;
}

static async(int, worker, (int, number))
{
    (void)number;
    for (int i = 0; i < 5; i++) {
        int error = await(pick(3) ? enters() : enters_a_block());
        expect(error == 0 || error == -ETIMEDOUT || is_weather(error));
        if (error == -ECANCELED || await(nap()) == -ECANCELED)
            return -ECANCELED;
    }
    return 0;
}

static void end(void)
{
    expect(within == 0);
    expect(semaphore.semaphore.value == PLACES);
    expect(!semaphore.semaphore.line.first);
}

const struct exploration explore_semaphore = {
    .name = "semaphore", .workers = 7, .begin = begin, .worker = worker, .end = end};
