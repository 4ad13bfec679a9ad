/* done() tells whether a task has ended. */
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

    awaitable(void) tasks[] = {task_1, task_2};
    size_t n = 2;
    while (true) {
        /* look which of the tasks have not ended yet */
        size_t left = 0;
        for (size_t i = 0; i < n; i++)
            if (!asyncio_done(tasks[i]))
                tasks[left++] = tasks[i];
        n = left;
        if (n == 0) {
            /* all of them have, the array is empty: the program can end */
            double end = asyncio_time();
            printf("It took %f second(s) to complete.\n", end - start);
            return;
        }
        /* there is a task that has not: await waits for it */
        await(tasks[0]);
    }
}

int main(void)
{
    asyncio_run(async_main());
}
