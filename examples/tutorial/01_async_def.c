/* `async def`: calling a coroutine function runs none of it. */
#include <asyncio.h>

async(int, example_coroutine_function, (int, a), (int, b), (int, c))
{
    /* asynchronous code */
    printf("example_coroutine_function runs\n");
    return a + b + c;
}

static int example_function(int a, int b, int c)
{
    /* synchronous code */
    printf("example_function runs\n");
    return a + b + c;
}

async(void, async_main)
{
    /* runs at once, and r is what it returns */
    int r = example_function(1, 2, 3);
    printf("%d\n", r);

    /* runs nothing: c is a coroutine object, and nobody ever awaits it */
    awaitable(int) c = example_coroutine_function(1, 2, 3);
    char buf[100];
    printf("%s\n", asyncio_repr(c, buf, sizeof(buf)));
}

int main(void)
{
    asyncio_run(async_main());
}
