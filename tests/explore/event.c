/* An event: who waits goes on once it is set, and not before. */
#include "explore.h"

static struct asyncio_event event;
static unsigned sets;
static bool setting; /* somebody will set it in the end */

static void begin(void)
{
    event = (struct asyncio_event){0};
    sets = 0;
    setting = false;
}

static void set(void)
{
    sets++;
    asyncio_event_set(&event);
    expect(asyncio_event_is_set(&event));
}

/* Leaves it set, whatever happens, so that nobody has to wait for ever. */
static async(int, setter)
{
    int error = 0;

    setting = true;

    for (int i = 0; i < 6 && !error; i++) {
        error = await(nap());
        set();
        if (pick(2))
            asyncio_event_clear(&event);
    }
    set();
    setting = false;
    return error;
}

static async(int, waiter)
{
    for (int i = 0; i < 6; i++) {
        bool was_set = asyncio_event_is_set(&event);
        unsigned before = sets;
        int error = await(setting && pick(4) ? asyncio_event_wait(&event)
                                             : asyncio_wait_for(asyncio_event_wait(&event), 0.002));
        expect(error == 0 || error == -ETIMEDOUT || is_weather(error));
        expect(error || was_set || sets > before);
        if (error == -ECANCELED || await(nap()) == -ECANCELED)
            return -ECANCELED;
    }
    return 0;
}

static awaitable(int) worker(int number)
{
    return number == 0 ? setter() : waiter();
}

/* A worker that memory was refused for may be the setter. */
static void end(void)
{
    expect(!event.line.first);
}

const struct exploration explore_event = {
    .name = "event", .workers = 5, .begin = begin, .worker = worker, .end = end};
