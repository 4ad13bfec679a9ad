/* Running a coroutine: asyncio.run() is the way in. */
#include <asyncio.h>

async(void, async_main)
{
    printf("hello\n");
}

int main(void)
{
    asyncio_run(async_main());
}
