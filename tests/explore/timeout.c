/* Time limits within each other, rescheduled now and then: a block ends by its own limit or by what
 * came from outside, never by another's, and takes back what it asked. */
#include "explore.h"

static async(int, limited, (int, depth))
{
    struct asyncio_timeout limit = asyncio_timeout(pick(3) ? 0.001 * (1 + pick(3)) : 0);
    double until = asyncio_timeout_when(&limit);
    int error = 0;

    async_with(&limit)
    {
        for (int i = 0; i < 3 && !error; i++)
            error = await(depth > 0 && pick(2) ? limited(depth - 1) : nap());
        if (!error && pick(4) == 0 && !asyncio_timeout_expired(&limit)) {
            until = asyncio_time() + 0.002;
            error = asyncio_timeout_reschedule(&limit, until);
            if (!error)
                error = await(asyncio_sleep(0.001));
        }
        if (error)
            break;
    }
    expect(!asyncio_timeout_expired(&limit) || asyncio_time() >= until - 1e-9);
    int now = asyncio_error();
    if (error == -ECANCELED)
        expect(now == -ECANCELED || (now == -ETIMEDOUT && asyncio_timeout_expired(&limit)));
    else if (error == -ETIMEDOUT) /* that of one within, which is a failure as any other */
        expect(now == -ETIMEDOUT);
    return error ? now : 0;
}

static async(int, worker, (int, unused))
{
    asyncio_any self = asyncio_current_task();
    (void)unused;

    for (int i = 0; i < 4; i++) {
        int before = asyncio_cancelling(self);
        int error = await(limited(3));
        expect(error == 0 || error == -ETIMEDOUT || is_weather(error));
        expect(asyncio_cancelling(self) >= before);
        if (error == -ECANCELED)
            expect(asyncio_cancelling(self) > 0);
        if (error == -ECANCELED || await(nap()) == -ECANCELED)
            return -ECANCELED;
    }
    return 0;
}

const struct exploration explore_timeout = {.name = "timeout", .workers = 5, .worker = worker};
