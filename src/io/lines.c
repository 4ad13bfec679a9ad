#include "io/lines.h"

#include "task/object.h"

struct lines {
    struct ai_object object;
    void *source;
    ASYNCIO_AWAITABLE(ssize_t) (*readline)(void *source, char **line);
    char *line;
};

static int next(void *self, const struct asyncio__place *place)
{
    struct lines *it = self;
    ssize_t n = 0;
    int error = asyncio__await((asyncio_any)it->readline(it->source, &it->line), &n, place);

    return error ? error : n > 0;
}

static const struct asyncio_awaitable_type lines_type = {
    .name = "lines",
    .size = sizeof(struct lines),
    .result_size = sizeof(char *),
    .result_offset = offsetof(struct lines, line),
    .kind = ASYNCIO__GENERATOR,
    .next = next,
};

ASYNCIO_ASYNC_ITERATOR(char *)
ai_lines_new(void *source, ASYNCIO_AWAITABLE(ssize_t) (*readline)(void *source, char **line))
{
    struct lines *it = (struct lines *)ai_object_new(&lines_type, sizeof *it);

    if (!it)
        return NULL;
    it->source = source;
    it->readline = readline;
    return ai_handle(&it->object);
}
