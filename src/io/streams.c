/* What programs know as a reader and a writer: the handle of an object that owns a connection. Both
 * are the same handle, so that one gives the other. */
#include "base/panic.h"
#include "io/connection.h"
#include "task/diagnose.h"

struct streams {
    struct ai_object object; /* DONE from the start: nobody waits for it */
    struct ai_connection *connection;
};

static void streams_destroy(void *self)
{
    struct streams *s = self;

    if (s->connection)
        ai_connection_drop(s->connection);
}

static const struct asyncio_awaitable_type streams_type = {
    .name = "streams",
    .size = sizeof(struct streams),
    .kind = ASYNCIO__STREAM,
    .destroy = streams_destroy,
};

struct ai_object *ai_streams_new(void)
{
    struct ai_object *o = ai_object_new(&streams_type, sizeof(struct streams));

    if (o)
        o->state = AI_DONE;
    return o;
}

struct asyncio_streams ai_streams_connect(struct ai_object *o, struct ai_connection *c)
{
    ((struct streams *)o)->connection = c;
    return (struct asyncio_streams){ai_handle(o), ai_handle(o)};
}

struct asyncio_streams ai_connection_streams(struct ai_connection *c)
{
    struct ai_object *o = ai_streams_new();

    if (o)
        return ai_streams_connect(o, c);
    ai_connection_drop(c);
    return (struct asyncio_streams){NULL, NULL};
}

struct ai_connection *ai_connection_of(const void *stream)
{
    asyncio_any h = (asyncio_any)(uintptr_t)stream;
    const struct ai_object *o = ai_object_if_any(h);

    if (__builtin_expect(o && o->type == &streams_type, 1))
        return ((const struct streams *)o)->connection;
    if (!stream)
        ai_panic("ValueError: NULL is no stream: was it opened?");
    if (o)
        ai_panic("TypeError: %s '%s' is no stream", ai_noun(o->type), o->type->name);
    ai_panic("RuntimeError: a stream was used after the task that it belonged to ended, or after "
             "its release");
}
