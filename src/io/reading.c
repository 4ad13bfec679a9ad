#include "io/reading.h"

#include "base/panic.h"
#include "io/call.h"
#include "task/make.h"

#include <errno.h>
#include <string.h>

struct ai_reading *ai_reading_new(const struct asyncio_awaitable_type *type,
                                  struct ai_connection *c, const struct ai_reading_way *way)
{
    struct ai_reading *r = ai_object_make(type);

    if (!r)
        return NULL;
    memset(&r->object + 1, 0, sizeof *r - sizeof r->object);
    r->connection = ai_connection_ref(c);
    r->way = way;
    return r;
}

static void leave(struct ai_reading *r)
{
    if (r->connection->reading == r)
        r->connection->reading = NULL;
}

static size_t size_of(const char *const *separators)
{
    size_t n = 1;

    while (separators[n - 1])
        n++;
    return n * sizeof *separators;
}

void ai_reading_destroy(void *self)
{
    struct ai_reading *r = self;

    leave(r);
    ai_connection_unref(r->connection);
    if (r->owns)
        ai_deallocate((void *)(uintptr_t)r->separators, size_of(r->separators));
}

bool ai_reading_separate(struct ai_reading *r, const char *const *separators)
{
    size_t size = size_of(separators);
    const char **copy = ai_allocate(size);

    if (!copy) {
        ai_disown(&r->object);
        return false;
    }
    memcpy(copy, separators, size);
    r->separators = copy;
    r->owns = true;
    return true;
}

size_t ai_reading_take(struct ai_reading *r, const char *data, size_t n)
{
    if (r->most == 0 || r->done || n < r->least)
        return 0;
    size_t taken = n < r->most ? n : r->most;
    memcpy(r->to, data, taken);
    r->result = (ssize_t)taken;
    r->done = true;
    return taken;
}

static int attempt(struct ai_reading *r)
{
    struct ai_connection *c = r->connection;
    int code = r->way->attempt(r);

    if (code == 0 && c->in_error)
        return c->in_error;
    return code == 0 && c->in_eof ? r->way->at_end(r) : code;
}

static void enter(struct ai_reading *r)
{
    struct ai_connection *c = r->connection;

    if (c->reading && c->reading != r)
        ai_panic("RuntimeError: %s() called while another coroutine is already waiting for "
                 "incoming data",
                 r->way->name);
    c->reading = r;
}

/* 1 or -errno; 0: to be woken. */
static int go_on(struct ai_reading *r)
{
    for (;;) {
        int code = attempt(r);
        if (code != 0)
            return code;
        enter(r);
        code = ai_connection_receive(r->connection);
        if (code <= 0)
            return code;
        if (ai_call_overstays()) {
            ai_step_wake(&r->object);
            return 0;
        }
        if (r->done)
            return 1;
    }
}

int ai_reading_step(void *self, bool cancelled)
{
    struct ai_reading *r = self;
    int code = 1;

    if (r->done) {
        if (cancelled)
            ai_step_put_off(&r->object);
    } else if (cancelled) {
        code = -ECANCELED;
    } else {
        if (!r->begun)
            ai_connection_reclaim(r->connection);
        r->begun = true;
        code = go_on(r);
    }
    if (code != 0)
        leave(r);
    return code < 0 ? ai_connection_explain(r->connection, &r->object, code) : code;
}
