/* A whole example of `async def` and `await`. */
#include <asyncio.h>

async(int, add, (int, x), (int, y))
{
    return x + y;
}

async(void, get_results)
{
    /* Printing add(3, 4) itself gives a coroutine object.
     * This coroutine object is awaitable.
     * There will also be: RuntimeWarning: coroutine 'add' was never awaited
     * because this awaitable is never awaited. */
    char buf[100];
    printf("%s\n", asyncio_repr(add(3, 4), buf, sizeof(buf)));

    /* prints 7 */
    printf("%d\n", await(add(3, 4)));

    int res1 = await(add(3, 4));
    int res2 = await(add(8, 5));
    /* prints 7 13 */
    printf("%d %d\n", res1, res2);
}

int main(void)
{
    asyncio_run(get_results());
}
