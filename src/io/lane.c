/* See lane.h.
 *
 * At its end a loop joins the lane's threads, so that nothing of it is left; but not where one of
 * them is in a look-up (`busy`): then they end by themselves. Whoever enters counts himself first
 * and looks whether the loop has ended then; the loop says so first and then looks at the count: so
 * one of the two sees the other, and none that is joined begins anything. */
#include "io/lane.h"

#include "base/alloc.h"
#include "task/run.h"

#include <errno.h>
#include <stdatomic.h>

enum { THREADS = 16 };

struct lane {
    struct asyncio_executor *threads;
    atomic_uint refs; /* the loop's, and one of each that is to run */
    atomic_uint busy;
    atomic_bool ended;
};

struct item {
    struct lane *lane;
    void (*run)(void *arg);
    void *arg;
};

static _Thread_local struct lane *mine; /* of this thread's loop */
static _Thread_local struct lane *ours; /* whose thread this is, while it runs something */

static bool wind_up(void);
static void forget(void);
static _Thread_local struct ai_wind_up winding_up = {.step = wind_up, .forget = forget};

static void unref(struct lane *lane)
{
    if (atomic_fetch_sub(&lane->refs, 1) == 1)
        ai_deallocate(lane, sizeof *lane);
}

static struct lane *begin(void)
{
    struct lane *lane = ai_allocate(sizeof *lane);

    if (!lane)
        return NULL;
    lane->threads = asyncio_thread_pool_executor(THREADS, "asyncio-dns");
    if (!lane->threads) {
        ai_deallocate(lane, sizeof *lane);
        return NULL;
    }
    atomic_init(&lane->refs, 1);
    ai_wind_up_later(&winding_up);
    return mine = lane;
}

static bool wind_up(void)
{
    struct lane *lane = mine;

    mine = NULL;
    atomic_store(&lane->ended, true);
    lane->threads->shutdown(lane->threads, atomic_load(&lane->busy) == 0);
    unref(lane);
    return false;
}

/* The child of a fork has none of these threads. */
static void forget(void)
{
    mine = NULL;
}

bool ai_lane_enter(void)
{
    atomic_fetch_add(&ours->busy, 1);
    if (!atomic_load(&ours->ended))
        return true;
    ai_lane_leave();
    return false;
}

void ai_lane_leave(void)
{
    atomic_fetch_sub(&ours->busy, 1);
}

static void run(void *arg)
{
    struct item item = *(struct item *)arg;

    ai_deallocate(arg, sizeof item);
    ours = item.lane;
    item.run(item.arg);
    unref(item.lane);
}

static int submit(struct asyncio_executor *self, void (*function)(void *), void *arg)
{
    struct lane *lane = mine ? mine : begin();
    struct item *item = lane ? ai_allocate(sizeof *item) : NULL;
    (void)self;

    if (!item)
        return -ENOMEM;
    *item = (struct item){lane, function, arg};
    atomic_fetch_add(&lane->refs, 1);
    int error = lane->threads->submit(lane->threads, run, item);
    if (error) {
        unref(lane);
        ai_deallocate(item, sizeof *item);
    }
    return error;
}

struct asyncio_executor ai_lane = {.submit = submit};
