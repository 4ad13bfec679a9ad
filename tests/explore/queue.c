/* Queues of the three kinds, small enough to be full now and then: what was put is got once, in the
 * order that the kind says, and nothing else; who waits goes on; the counts agree. */
#include "explore.h"

#include <string.h>

enum { PRODUCERS = 3, WORKERS = 6, ITEMS = 6, ROOM = 2 };

struct item {
    int producer, number;
};

static enum kind { FIFO, PRIORITY, LIFO } kind;
static asyncio_queue(struct item) queue;
static int producing, consuming, put, got;
static int last[PRODUCERS]; /* number got of each; for LIFO a set of bits */

static void begin(void)
{
    producing = PRODUCERS;
    consuming = WORKERS - PRODUCERS;
    put = got = 0;
    memset(last, 0, sizeof last);
}

static int by_number(const void *a, const void *b)
{
    return ((const struct item *)a)->number - ((const struct item *)b)->number;
}

/* Made by a worker, it belongs to that one: others keep it. */
static bool make(void)
{
    if (queue)
        return true;
    queue = kind == FIFO   ? asyncio_queue_new(struct item, ROOM)
            : kind == LIFO ? asyncio_lifo_queue_new(struct item, ROOM)
                           : asyncio_priority_queue_new(struct item, ROOM, by_number);
    asyncio_retain(queue);
    return queue;
}

/* Without producers consumers need not wait any longer, nor producers without consumers. */
static void stop(int number)
{
    int *left = number < PRODUCERS ? &producing : &consuming;

    if (--*left == 0 && queue)
        asyncio_queue_shutdown(queue, false);
}

/* --- Producers --- */

static async(int, produce, (int, producer), (int, number))
{
    struct item item = {producer, number};
    int error;

    if (pick(4) == 0)
        error = asyncio_queue_put_nowait(queue, item);
    else if (pick(4) == 0)
        error = await(asyncio_wait_for(asyncio_queue_put(queue, item), 0.001));
    else
        error = await(asyncio_queue_put(queue, item));
    expect(error == 0 || error == -EAGAIN || error == -ETIMEDOUT || error == -ESHUTDOWN ||
           is_weather(error));
    put += error == 0;
    expect(asyncio_queue_qsize(queue) <= ROOM);
    return error;
}

static async(int, producer, (int, number))
{
    int error = 0;

    for (int i = 1; i <= ITEMS; i++) {
        error = await(produce(number, i));
        if (error == -ECANCELED || error == -ESHUTDOWN || await(nap()) == -ECANCELED)
            break;
    }
    return error;
}

/* --- Consumers --- */

static void take_note(struct item item)
{
    expect(item.producer >= 0 && item.producer < PRODUCERS);
    expect(item.number >= 1 && item.number <= ITEMS);
    int *seen = &last[item.producer];
    if (kind == FIFO) {
        expect(item.number > *seen);
        *seen = item.number;
    } else {
        expect(!(*seen & 1 << item.number));
        *seen |= 1 << item.number;
    }
    got++;
    asyncio_queue_task_done(queue);
}

static async(int, consume)
{
    struct item item = {0};
    int error;

    if (pick(4) == 0) {
        error = asyncio_queue_get_nowait(queue, &item);
    } else if (pick(4) == 0) {
        item = await(asyncio_wait_for(asyncio_queue_get(queue), 0.001));
        error = asyncio_error();
    } else {
        item = await(asyncio_queue_get(queue));
        error = asyncio_error();
    }
    expect(error == 0 || error == -EAGAIN || error == -ETIMEDOUT || error == -ESHUTDOWN ||
           is_weather(error));
    if (!error)
        take_note(item);
    return error;
}

static async(int, consumer)
{
    for (;;) {
        int error = await(consume());
        if (error == -ECANCELED || error == -ESHUTDOWN || await(nap()) == -ECANCELED)
            return error;
        if (producing == 0 && asyncio_queue_empty(queue))
            return 0;
    }
}

/* --- */

static async(int, worker, (int, number))
{
    int error = -ENOMEM;

    if (make())
        error = await(number < PRODUCERS ? producer(number) : consumer());
    stop(number);
    return error;
}

static void absent(int number)
{
    stop(number);
}

/* A put that timed out or was cancelled has not happened; whether it did is told by its error. */
static void finish(void)
{
    if (!queue)
        return;
    expect((int)asyncio_queue_qsize(queue) == put - got);
    asyncio_release(queue);
    queue = NULL;
}

static void begin_fifo(void)
{
    kind = FIFO;
    begin();
}

static void begin_priority(void)
{
    kind = PRIORITY;
    begin();
}

static void begin_lifo(void)
{
    kind = LIFO;
    begin();
}

#define EXPLORATION(label, prepare)                                                                \
    {                                                                                              \
        .name = label, .workers = WORKERS, .begin = prepare, .worker = worker, .absent = absent,   \
        .end = finish                                                                              \
    }
const struct exploration explore_queue = EXPLORATION("queue", begin_fifo);
const struct exploration explore_priority_queue = EXPLORATION("priority queue", begin_priority);
const struct exploration explore_lifo_queue = EXPLORATION("lifo queue", begin_lifo);
