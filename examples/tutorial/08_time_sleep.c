/* time.sleep() blocks: one call_api() after the other. */
#include <asyncio.h>

async(void, call_api)
{
    printf("Hello\n");
    asyncio_block(3);
    printf("World\n");
}

async(void, async_main)
{
    double start = asyncio_time();
    await(asyncio_gather(call_api(), call_api()));
    double end = asyncio_time();
    printf("It took %f second(s) to complete.\n", end - start);
}

int main(void)
{
    asyncio_run(async_main());
}
