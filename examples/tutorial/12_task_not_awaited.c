/* Tasks nobody waits for: the program is over before they are. */
#include <asyncio.h>

async(void, call_api)
{
    printf("Hello\n");
    /* where Python raises CancelledError, the await fails: we return */
    if (await(asyncio_sleep(3)) < 0)
        return;
    printf("World\n");
}

async(void, async_main)
{
    double start = asyncio_time();

    asyncio_create_task(call_api());
    asyncio_create_task(call_api());

    double end = asyncio_time();
    printf("It took %f second(s) to complete.\n", end - start);
}

int main(void)
{
    asyncio_run(async_main());
}
