/* A program that hangs, for docs/hangs.md: a parser that makes no headway on an empty field, and so
 * nobody else runs. */
#include <asyncio.h>

#include <string.h>

static int count_fields(const char *line)
{
    int n = 0;
    while (*line) {
        size_t length = strcspn(line, ",");
        if (length > 0) { /* wrong: an empty field is none, but its comma has to go */
            n++;
            line += length + (line[length] == ',');
        }
    }
    return n;
}

static async(int, parse, (const char *, line))
{
    await(asyncio_sleep(0.1)); /* it is read from somewhere */
    return count_fields(line);
}

static async(void, heartbeat)
{
    for (;;) {
        puts("alive");
        fflush(stdout);
        await(asyncio_sleep(0.05));
    }
}

static async(void, async_main)
{
    asyncio_create_task(heartbeat(), "heartbeat");
    printf("%d fields\n", await(parse("a,b,c")));
    printf("%d fields\n", await(parse("a,,c")));
}

int main(void)
{
    asyncio_run(async_main());
}
