/* Running a coroutine: asyncio.create_task() schedules it as a task. */
#include <asyncio.h>

async(const char *, hello)
{
    printf("async function called\n");
    return "hello";
}

async(void, async_main)
{
    awaitable(const char *) t = asyncio_create_task(hello());
    const char *h = await(t);
    printf("%s\n", h);
}

int main(void)
{
    asyncio_run(async_main());
}
