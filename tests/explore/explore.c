/* The explorer: runs explorations on the simulation, each over many seeds. A seed decides the order
 * of whatever is ready at once, how long workers dally, which of them is cancelled when, and, where
 * the library is built for it, which allocation fails. After each run the ledger must be even. What
 * it finds it prints with the command that shows it again.
 *
 *     explore [-x] [-n SEEDS] [-s FIRST] [NAME ...]
 *
 * With -x something is known to be broken: it fails unless it finds that. */
#include "explore.h"

#include "base/alloc.h"
#include "base/pool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct exploration *const explorations[] = {
    &explore_tasks,      &explore_lock,    &explore_event,   &explore_condition,
    &explore_semaphore,  &explore_barrier, &explore_queue,   &explore_priority_queue,
    &explore_lifo_queue, &explore_channel, &explore_group,   &explore_timeout,
    &explore_wait,       &explore_network, &explore_streams,
};

enum { COUNT = sizeof explorations / sizeof *explorations, MOST_WORKERS = 16 };

static const struct exploration *running;
static unsigned long seed;
static bool is_broken;

/* --- What the seed decides --- */

static uint64_t state;

static uint64_t next_random(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

unsigned pick(unsigned n)
{
    return (unsigned)(next_random() % n);
}

async(int, nap)
{
    int error = 0;

    if (pick(8) == 0)
        return await(asyncio_sleep(0.001 * (1 + pick(3))));
    for (unsigned turns = pick(3); turns > 0 && !error; turns--)
        error = await(asyncio_sleep(0));
    return error;
}

#ifdef AI_FAULTS
static unsigned until_refused; /* allocations; 0: none is */

static bool refuse(size_t size)
{
    (void)size;
    return until_refused && --until_refused == 0;
}
#endif

/* --- What it finds --- */

static _Noreturn void found(const char *what, const char *file, int line)
{
    const char *base = strrchr(file, '/');

    printf("%s, seed %lu: %s (%s:%d)\n", running->name, seed, what, base ? base + 1 : file, line);
    printf("again with: explore -s %lu -n 1 %s\n", seed, running->name);
    fflush(stdout);
    _exit(is_broken ? 0 : 1);
}

void expect_(bool holds, const char *claim, const char *file, int line)
{
    if (!holds)
        found(claim, file, line);
}

/* --- A run --- */

static awaitable(int) workers[MOST_WORKERS];
static bool begun[MOST_WORKERS];

static async(int, work, (int, number))
{
    awaitable(int) worker = running->worker(number);

    begun[number] = worker;
    return await(worker);
}

static void look_whether_it_began(asyncio_any task, void *begun_place)
{
    bool *began = begun_place;
    (void)task;

    if (!*began && running->absent)
        running->absent((int)(began - begun));
}

static void start_workers(void)
{
    for (unsigned i = 0; i < running->workers; i++) {
        begun[i] = false;
        workers[i] = asyncio_create_task(work((int)i));
        asyncio_add_done_callback(workers[i], look_whether_it_began, &begun[i]);
    }
}

/* Cancels some worker now and then; a third of the seeds have fair weather. */
async(int, storm)
{
    for (unsigned n = pick(3) ? 0 : 1 + pick(8); n > 0; n--) {
        if (await(nap()) < 0)
            break;
        asyncio_cancel(workers[pick(running->workers)]);
    }
    return 0;
}

/* That tasks fail without being asked is part of it. */
static void say_nothing(const struct asyncio_exception_context *context, void *unused)
{
    (void)context, (void)unused;
}

/* Nobody waits for ever: virtual time jumps there when nothing else can happen. */
async(void, explore)
{
    asyncio_set_exception_handler(say_nothing, NULL);
    start_workers();
    awaitable(int) weather = asyncio_create_task(storm());
#ifdef AI_FAULTS
    until_refused = pick(4) ? 0 : 1 + pick(200);
    ai_allocation_fails = refuse;
#endif
    for (unsigned i = 0; i < running->workers; i++) {
        for (int error = -ENOMEM; error == -ENOMEM && !asyncio_done(workers[i]);) {
            await(asyncio_wait_for(asyncio_shield(workers[i]), 1e6));
            error = asyncio_error();
            if (error == -ETIMEDOUT) {
                asyncio_print_call_graph(workers[i]);
                found("a worker waits for ever", running->name, 0);
            }
        }
        asyncio_exception(workers[i]);
    }
    if (weather)
        await(weather);
}

struct ledger {
    size_t awaitables, tasks, stacks, allocated, descriptors;
};

static size_t open_descriptors(void)
{
    size_t n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* The pool's chunks stay: they are all that comes in multiples of that size. */
static struct ledger ledger_now(void)
{
    struct asyncio_info info;

    asyncio_run(asyncio_sleep(0));
    asyncio_info(&info);
    asyncio_set_stack_size(0);
    return (struct ledger){info.awaitables, info.tasks, info.stacks, ai_allocated() % AI_POOL_CHUNK,
                           open_descriptors()};
}

static void run(void)
{
    char text[24];
    struct ledger before = ledger_now();

    state = seed;
    snprintf(text, sizeof text, "%lu", seed + 1); /* 0 is no seed */
    setenv("ASYNCIO_SEED", text, 1);
    if (running->begin)
        running->begin();
    memset(workers, 0, sizeof workers);
    asyncio_run(explore());
#ifdef AI_FAULTS
    ai_allocation_fails = NULL;
#endif
    if (running->end)
        running->end();
    struct ledger after = ledger_now();
    if (memcmp(&before, &after, sizeof before)) {
        printf("%zd awaitables, %zd tasks, %zd stacks, %zd bytes, %zd descriptors are left:\n",
               after.awaitables - before.awaitables, after.tasks - before.tasks,
               after.stacks - before.stacks, after.allocated - before.allocated,
               after.descriptors - before.descriptors);
        found("something was leaked", running->name, 0);
    }
}

static bool is_wanted(const struct exploration *e, char **names)
{
    if (!*names)
        return true;
    for (; *names; names++) {
        if (strcmp(e->name, *names) == 0)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    unsigned long first = 0, count = 1000;

    for (int option; (option = getopt(argc, argv, "xn:s:")) != -1;) {
        if (option == 'n')
            count = strtoul(optarg, NULL, 0);
        else if (option == 'x')
            is_broken = true;
        else if (option == 's')
            first = strtoul(optarg, NULL, 0);
        else
            return 2;
    }
    setenv("ASYNCIO_BACKEND", "sim", 1);
    for (unsigned i = 0; i < COUNT; i++) {
        running = explorations[i];
        if (!is_wanted(running, argv + optind))
            continue;
        for (seed = first; seed < first + count; seed++)
            run();
        printf("%s: %lu seeds\n", running->name, count);
    }
    return is_broken ? 1 : 0;
}
