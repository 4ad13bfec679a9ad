/* A program that hangs, for docs/hangs.md: the worker has failed, nobody has looked at it, and all
 * others wait for their orders to be done. */
#include <asyncio.h>

#include <errno.h>

struct order {
    int price;
    struct asyncio_event done;
};

typedef asyncio_queue(struct order *) orders;

static async(int, work, (orders, queue))
{
    for (;;) {
        struct order *o = await(asyncio_queue_get(queue));
        await(asyncio_sleep(0.01));
        if (o->price < 0)
            return asyncio_raise(-EINVAL, "a price of %d", o->price);
        asyncio_event_set(&o->done);
    }
}

static async(void, customer, (orders, queue), (int, price))
{
    struct order o = {.price = price};
    await(asyncio_queue_put(queue, &o));
    await(asyncio_event_wait(&o.done));
    printf("an order of %d is done\n", price);
}

static async(void, async_main)
{
    orders queue = asyncio_queue_new(struct order *, 2);
    awaitable(int) worker = asyncio_create_task(work(queue), "worker");
    struct asyncio_task_group shop = {0};
    async_with(&shop)
    {
        for (int price = 3; price > -6; price -= 2)
            asyncio_task_group_create_task(&shop, customer(queue, price));
    }
    asyncio_cancel(worker);
}

int main(void)
{
    asyncio_run(async_main());
}
