/* Tasks: the event loop runs both call_api() at once. */
#include <asyncio.h>

async(void, call_api)
{
    printf("Hello\n");
    await(asyncio_sleep(3));
    printf("World\n");
}

async(void, async_main)
{
    double start = asyncio_time();

    awaitable(void) task_1 = asyncio_create_task(call_api());
    awaitable(void) task_2 = asyncio_create_task(call_api());
    await(task_1);
    await(task_2);

    double end = asyncio_time();
    printf("It took %f second(s) to complete.\n", end - start);
}

int main(void)
{
    asyncio_run(async_main());
}
