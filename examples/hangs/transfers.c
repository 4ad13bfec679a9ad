/* A program that hangs, for docs/hangs.md: two transfers, each with the lock that the other waits
 * for. */
#include <asyncio.h>

struct account {
    const char *owner;
    int balance;
    struct asyncio_lock lock;
};

static async(void, transfer, (struct account *, from), (struct account *, to), (int, amount))
{
    async_with(&from->lock)
    {
        await(asyncio_sleep(0.1)); /* the bank is asked */
        async_with(&to->lock)
        {
            from->balance -= amount;
            to->balance += amount;
            printf("%s paid %s %d\n", from->owner, to->owner, amount);
        }
    }
}

static async(void, async_main)
{
    struct account ann = {.owner = "Ann", .balance = 100}, bob = {.owner = "Bob", .balance = 100};
    awaitable(void) rent = asyncio_create_task(transfer(&ann, &bob, 30), "rent");
    awaitable(void) wages = asyncio_create_task(transfer(&bob, &ann, 50), "wages");
    await(asyncio_gather(rent, wages));
}

int main(void)
{
    asyncio_run(async_main());
}
