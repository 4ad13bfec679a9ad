/* Running a coroutine: await a coroutine object. */
#include <asyncio.h>

async(const char *, hello)
{
    return "hello";
}

async(void, async_main)
{
    awaitable(const char *) coro = hello();
    const char *h = await(coro);
    printf("%s\n", h);
}

int main(void)
{
    asyncio_run(async_main());
}
