/* Channels, one with room and one without, and select over both: what was sent is received once,
 * and what a select did not report it neither sent nor received. (Not in order, as seen from here:
 * of two that an item was handed to, either may go on first.) */
#include "explore.h"

#include <string.h>

enum { SENDERS = 3, WORKERS = 6, ITEMS = 6, CHANNELS = 2, ROOM = 2 };

struct item {
    int sender, number;
};

static asyncio_channel(struct item) channels[CHANNELS];
static int left[2], sent, received;
static unsigned seen[SENDERS]; /* a bit for each item */

static void begin(void)
{
    left[0] = SENDERS;
    left[1] = WORKERS - SENDERS;
    sent = received = 0;
    memset(seen, 0, sizeof seen);
}

/* Made by a worker, they belong to that one: others keep them. */
static bool make(void)
{
    for (int i = 0; i < CHANNELS; i++) {
        if (!channels[i])
            channels[i] = asyncio_retain(asyncio_channel_new(struct item, i ? ROOM : 0));
        if (!channels[i])
            return false;
    }
    return true;
}

/* Without senders nobody need wait to receive, nor the other way round. */
static void stop(int number)
{
    if (--left[number >= SENDERS] > 0)
        return;
    for (int i = 0; i < CHANNELS; i++) {
        if (channels[i])
            asyncio_channel_close(channels[i]);
    }
}

static bool is_expected(int error)
{
    return error == 0 || error == -EAGAIN || error == -ETIMEDOUT || error == -EPIPE ||
           is_weather(error);
}

/* --- Sending --- */

static async(int, send_one, (struct item, item), (int, where))
{
    if (pick(5) == 0)
        return asyncio_channel_send_nowait(channels[where], item);
    if (pick(3))
        return await(asyncio_channel_send(channels[where], item));
    int which =
        await(asyncio_select(asyncio_sleep(0.001), asyncio_channel_send(channels[where], item)));
    return which == 0 ? -ETIMEDOUT : which == 1 ? asyncio_error() : which;
}

static async(int, sender, (int, number))
{
    for (int i = 1; i <= ITEMS; i++) {
        int error = await(send_one((struct item){number, i}, (int)pick(CHANNELS)));
        expect(is_expected(error));
        sent += error == 0;
        if (error == -ECANCELED || error == -EPIPE || await(nap()) == -ECANCELED)
            return error;
    }
    return 0;
}

/* --- Receiving --- */

static void take_note(struct item item)
{
    expect(item.sender >= 0 && item.sender < SENDERS);
    expect(item.number >= 1 && item.number <= ITEMS);
    expect(!(seen[item.sender] & 1u << item.number));
    seen[item.sender] |= 1u << item.number;
    received++;
}

static async(int, receive_any)
{
    struct item items[CHANNELS] = {{-1, -1}, {-1, -1}};
    int which = await(asyncio_select(asyncio_channel_recv_into(channels[0], &items[0]),
                                     asyncio_channel_recv_into(channels[1], &items[1]),
                                     asyncio_sleep(0.001)));
    int error = which < 0 ? which : asyncio_error();

    if (which == CHANNELS)
        error = -ETIMEDOUT;
    for (int i = 0; i < CHANNELS; i++)
        expect(i == which && !error ? items[i].number > 0 : items[i].number == -1);
    if (!error)
        take_note(items[which]);
    return error;
}

static async(int, receive_one)
{
    int where = (int)pick(CHANNELS);
    struct item item = {0};
    int error;

    if (pick(4) == 0) {
        error = asyncio_channel_recv_nowait(channels[where], &item);
    } else {
        item = await(asyncio_wait_for(asyncio_channel_recv(channels[where]), 0.005));
        error = asyncio_error();
    }
    if (!error)
        take_note(item);
    return error;
}

static async(int, receiver)
{
    for (int closed = 0; closed < 6;) {
        int error = await(pick(2) ? receive_any() : receive_one());
        expect(is_expected(error));
        closed += error == -EPIPE;
        if (error == -ECANCELED || await(nap()) == -ECANCELED)
            return -ECANCELED;
    }
    return 0;
}

/* --- */

static async(int, worker, (int, number))
{
    int error = -ENOMEM;

    if (make())
        error = await(number < SENDERS ? sender(number) : receiver());
    stop(number);
    return error;
}

static void end(void)
{
    int within = 0;

    for (int i = 0; i < CHANNELS; i++) {
        if (channels[i])
            within += (int)asyncio_channel_size(channels[i]);
        asyncio_release(channels[i]);
        channels[i] = NULL;
    }
    expect(sent == received + within);
}

const struct exploration explore_channel = {.name = "channel",
                                            .workers = WORKERS,
                                            .begin = begin,
                                            .worker = worker,
                                            .absent = stop,
                                            .end = end};
