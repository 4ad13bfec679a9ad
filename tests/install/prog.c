/* What a program outside of the project looks like; its last lines clash with internal names. */
#include <asyncio.h>

async(int, add, (int, x), (int, y))
{
    await(asyncio_sleep(0.01));
    return x + y;
}

async(int, total)
{
    awaitable(int) t = asyncio_create_task(add(8, 5));
    int sums[2];
    await(asyncio_gather_into(sums, add(1, 2), add(3, 4)));
    return await(t) + sums[0] + sums[1];
}

int ai_panic, ai_loop_new, io_uring_queue_init;

int main(void)
{
    int n = asyncio_run(total());
    printf("%d\n", n);
    return n + ai_panic + ai_loop_new + io_uring_queue_init != 23;
}
