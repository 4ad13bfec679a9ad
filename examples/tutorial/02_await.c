/* `await` runs an awaitable; its value is what the awaitable came to. */
#include <asyncio.h>

async(int, example_coroutine_function, (int, a), (int, b), (int, c))
{
    return a + b + c;
}

async(void, async_main)
{
    awaitable(int) r = example_coroutine_function(1, 2, 3);
    int s = await(r);
    printf("%d\n", s);

    /* the two lines in one */
    s = await(example_coroutine_function(1, 2, 3));
    printf("%d\n", s);
}

int main(void)
{
    asyncio_run(async_main());
}
