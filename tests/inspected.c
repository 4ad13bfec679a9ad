/* inspected KIND [N]: a program to be looked at from outside, for inspect_test.py. It says "ready"
 * when there is something to see. */
#include <asyncio.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FOR_EVER = 1000000 };

static void say_ready(void *unused)
{
    (void)unused;
    puts("ready");
    fflush(stdout);
}

static async(int, inner, (double, seconds))
{
    return await(asyncio_sleep(seconds));
}

static async(int, outer, (double, seconds))
{
    return await(inner(seconds));
}

static async(int, shields, (awaitable(int), x))
{
    return await(asyncio_shield(x));
}

static async(int, gathers)
{
    return await(asyncio_gather(inner(FOR_EVER), outer(FOR_EVER)));
}

/* One of each kind of waiting. */
static async(void, waits)
{
    int ends[2];
    char c;
    struct asyncio_event event = {0};
    asyncio_queue(int) queue = asyncio_queue_new(int, 1);
    awaitable(int) future = asyncio_future(int);
    if (pipe(ends) < 0)
        abort();
    awaitable(int) chain = asyncio_create_task(outer(FOR_EVER), "chain");
    asyncio_create_task(asyncio_read(ends[0], &c, 1), "read");
    asyncio_create_task(asyncio_event_wait(&event), "event");
    asyncio_create_task(asyncio_wait_for(chain, FOR_EVER), "wait_for");
    asyncio_create_task(shields(chain), "shield");
    asyncio_create_task(asyncio_queue_get(queue), "queue");
    asyncio_any all[] = {chain, future};
    asyncio_create_task(asyncio_wait(all, 2, ASYNCIO_FOREVER, ASYNCIO_ALL_COMPLETED), "wait");
    asyncio_create_task(gathers(), "gather");
    asyncio_call_later(0.01, say_ready, NULL);
    await(future);
}

static async(void, many, (int, n))
{
    for (int i = 0; i < n; i++)
        asyncio_spawn(outer(FOR_EVER));
    asyncio_call_later(0.01, say_ready, NULL);
    await(asyncio_sleep(FOR_EVER));
}

/* A ring of three: each waits for the next. */
static awaitable(int) ring[3];

static async(int, member, (int, i))
{
    await(asyncio_sleep(0));
    return await(ring[(i + 1) % 3]);
}

static async(void, rings)
{
    static const char *const names[] = {"one", "two", "three"};
    for (int i = 0; i < 3; i++)
        ring[i] = asyncio_create_task(member(i), names[i]);
    asyncio_call_later(0.01, say_ready, NULL);
    await(asyncio_sleep(FOR_EVER));
}

static async(int, echoes, (int, from), (int, to))
{
    char c = 0;
    while (await(asyncio_write(to, &c, 1)) == 1 && await(asyncio_read(from, &c, 1)) == 1)
        ;
    return 0;
}

/* Two that keep the loop busy with each other. */
static async(void, talks)
{
    int there[2], back[2];
    if (pipe(there) < 0 || pipe(back) < 0)
        abort();
    awaitable(int) one = asyncio_create_task(echoes(there[0], back[1]), "one");
    asyncio_create_task(echoes(back[0], there[1]), "other");
    asyncio_call_soon(say_ready, NULL);
    await(one);
}

/* Holds the loop without using the processor. */
static async(int, blocks)
{
    await(asyncio_sleep(0));
    say_ready(NULL);
    for (;;)
        pause();
    return 0;
}

static async(void, crashes)
{
    say_ready(NULL);
    await(asyncio_sleep(0.01));
    volatile char *forbidden = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *forbidden = 1;
}

static pthread_barrier_t all_there;

static async(void, one_of_several)
{
    await(asyncio_sleep(0.001));
    pthread_barrier_wait(&all_there);
    await(asyncio_sleep(FOR_EVER));
}

static void *run_one(void *unused)
{
    asyncio_run(one_of_several());
    return unused;
}

static void several_loops(int n)
{
    pthread_t thread;
    pthread_barrier_init(&all_there, NULL, (unsigned)n + 1);
    for (int i = 0; i < n; i++)
        pthread_create(&thread, NULL, run_one, NULL);
    pthread_barrier_wait(&all_there);
    say_ready(NULL);
    pause();
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "";
    int n = argc > 2 ? atoi(argv[2]) : 0;
    if (!strcmp(kind, "waits"))
        asyncio_run(waits());
    else if (!strcmp(kind, "many"))
        asyncio_run(many(n));
    else if (!strcmp(kind, "rings"))
        asyncio_run(rings());
    else if (!strcmp(kind, "talks"))
        asyncio_run(talks());
    else if (!strcmp(kind, "blocks"))
        asyncio_run(blocks());
    else if (!strcmp(kind, "crashes"))
        asyncio_run(crashes());
    else if (!strcmp(kind, "loops"))
        several_loops(n);
    else if (!strcmp(kind, "none"))
        asyncio_run(asyncio_sleep(0)), say_ready(NULL), pause();
    return 2;
}
