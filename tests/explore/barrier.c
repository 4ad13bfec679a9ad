/* A barrier: a round has as many as its parties, each with a number of its own; who gives up breaks
 * it, so that nobody waits for ever; reset, it holds again. */
#include "explore.h"

enum { PARTIES = 5, ROUNDS = 4 };

static struct asyncio_barrier barrier;
static unsigned passed[PARTIES];
static bool calm;

static void begin(void)
{
    barrier = asyncio_barrier(PARTIES);
    for (int i = 0; i < PARTIES; i++)
        passed[i] = 0;
    calm = true;
}

/* However often it is cancelled or refused memory meanwhile. */
static async(int, give_up)
{
    calm = false;
    while (await(asyncio_barrier_abort(&barrier)) < 0)
        continue;
    return 0;
}

static async(int, round_of)
{
    int number = await(asyncio_barrier_wait(&barrier));

    expect(number < PARTIES);
    expect(asyncio_barrier_n_waiting(&barrier) <= PARTIES);
    if (number >= 0)
        passed[number]++;
    return number;
}

static async(int, rounds)
{
    for (int i = 0; i < ROUNDS; i++) {
        int number = await(round_of());
        expect(number >= 0 || number == -EPIPE || is_weather(number));
        int error = number < 0 ? number : await(nap());
        if (error < 0)
            return error;
    }
    return 0;
}

static async(int, worker, (int, unused))
{
    int error = await(rounds());
    (void)unused;

    while (error < 0 && await(give_up()) < 0)
        continue;
    return error;
}

static void absent(int number)
{
    (void)number;
    awaitable(int) giving_up;

    while (!(giving_up = asyncio_create_task(give_up())))
        continue;
    asyncio_release(giving_up);
}

static void end(void)
{
    expect(asyncio_barrier_n_waiting(&barrier) == 0);
    for (int i = 0; calm && i < PARTIES; i++)
        expect(passed[i] == ROUNDS);
}

const struct exploration explore_barrier = {.name = "barrier",
                                            .workers = PARTIES,
                                            .begin = begin,
                                            .worker = worker,
                                            .absent = absent,
                                            .end = end};
