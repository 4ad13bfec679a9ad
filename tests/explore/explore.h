/* What the explorations share. An exploration is a number of workers that use something together,
 * and claims about it (expect) that hold in whatever order they run, wherever one of them is
 * cancelled, and whichever allocation fails. The explorer (explore.c) runs it over seeds, each of
 * which decides all of that. */
#ifndef AI_TESTS_EXPLORE_H
#define AI_TESTS_EXPLORE_H

#include <asyncio.h>

struct exploration {
    const char *name;
    unsigned workers;
    void (*begin)(void);                  /* what they share is made anew; NULL: nothing is */
    awaitable(int) (*worker)(int number); /* the body of each */
    void (*absent)(int number);           /* told of one that ended before it began; or NULL */
    void (*end)(void);                    /* what must hold when all have ended; or NULL */
};

/* One per file, in explore.c's table. */
extern const struct exploration explore_lock, explore_event, explore_condition, explore_semaphore,
    explore_barrier, explore_queue, explore_priority_queue, explore_lifo_queue, explore_channel,
    explore_group, explore_timeout, explore_wait, explore_tasks, explore_network, explore_streams;

/* A number below n, by the seed. */
unsigned pick(unsigned n);

/* Lets others run: not at all, some turns, or some time. 0, or the error of the await. */
awaitable(int) nap(void);

/* Changes the weather of the simulated network for a while, and leaves it without partitions. The
 * server is on HOST, clients are there too or on 10.0.0.2 and 10.0.0.3. */
#define HOST "10.0.0.1"
awaitable(int) weather(void);

/* An error that it may lead to. */
bool is_network_error(int error);

/* A claim: when it is false the seed has found a fault. */
#define expect(claim) expect_(claim, #claim, __FILE__, __LINE__)
void expect_(bool holds, const char *claim, const char *file, int line);

/* An error that an exploration may meet anywhere: it was cancelled, or memory was refused. */
static inline bool is_weather(int error)
{
    return error == -ECANCELED || error == -ENOMEM;
}

#endif
