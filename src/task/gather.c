/* gather: several at once.
 *
 * It is a future of its own kind: begun when it is made, shared by nobody (the first await takes
 * it). Each child is a task or future; its entry is a waiter on it. The gather is pending until the
 * last child is done or the first fails; it lives, by one reference a child, until the last has
 * reported. Only a pending gather writes results: the array is its awaiter's and gone after that.
 */
#include "task/diagnose.h"
#include "task/task.h"
#include "task/thread.h"

struct child {
    struct ai_waiter waiter;
    struct ai_object *object;
    struct gather *gather;
};

struct gather {
    struct ai_object object;
    struct child *children;
    size_t count, capacity, pending;
    char *results; /* or NULL */
    size_t size;   /* of one */
    int *errors;   /* or NULL: then the first one is the gather's */
    int result;
    bool cancelled;
};

static void store(struct gather *g, struct child *c)
{
    const struct ai_object *o = c->object;
    size_t i = (size_t)(c - g->children);

    if (g->errors)
        g->errors[i] = ai_error_code(o->error);
    if (!g->results)
        return;
    char *place = g->results + g->size * i;
    int error = ai_result(o, place);
    if (error)
        ai_result_fail(o, error, place);
}

static void settle(struct gather *g, struct ai_error *error)
{
    if (!error)
        g->object.flags |= AI_VALUE; /* 0, which is there already */
    ai_complete(&g->object, error);
}

static void report(struct gather *g, struct child *c)
{
    struct ai_object *o = c->object;

    o->flags |= AI_RETRIEVED;
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
    g->pending--;
    if (g->object.state == AI_PENDING) {
        store(g, c);
        if (o->error && !g->errors)
            settle(g, ai_error_ref(o->error));
        else if (g->pending == 0) /* cancelled, it is so even if no child minded */
            settle(g, ai_error_plain(g->cancelled ? -ECANCELED : 0));
    }
}

static void child_done(struct ai_ready *ready)
{
    struct child *c = ai_container(ready, struct child, waiter.ready);
    struct gather *g = c->gather;

    report(g, c);
    ai_unref(c->object);  /* the waiter's */
    ai_unref(&g->object); /* the child's */
}

/* With every child done, and only reports still to come, it is too late. */
static void cancel(void *self)
{
    struct gather *g = self;
    bool asked = false;

    for (size_t i = 0; i < g->count; i++)
        asked |= ai_cancel(g->children[i].object);
    if (asked)
        g->cancelled = true;
    else
        g->object.flags |= AI_MUST_CANCEL;
}

static void destroy(void *self)
{
    struct gather *g = self;

    for (size_t i = 0; i < g->count; i++)
        ai_unref(g->children[i].object);
    ai_deallocate(g->children, g->capacity * sizeof *g->children);
}

static const struct asyncio__waits waits = {
    .form = AI_WAITS_ARRAY,
    .at = offsetof(struct gather, children),
    .count = offsetof(struct gather, count),
    .stride = sizeof(struct child),
    .object = offsetof(struct child, object),
};

static const struct asyncio_awaitable_type gather_type = {
    .name = "gather",
    .size = sizeof(struct gather),
    .cancel = cancel,
    .destroy = destroy,
    .waits = &waits,
    .result_size = sizeof(int),
    .result_offset = offsetof(struct gather, result),
    .result_signed = true,
};

/* Schedules what the handle names and keeps it. NULL without memory: then it is closed. */
static struct ai_object *adopt(asyncio_any h)
{
    struct ai_object *o = ai_object_to_take(h);

    if (!o)
        return NULL;
    ai_adopt(o);
    if (ai_ensure_task(o))
        return o;
    ai_unref(o);
    return NULL;
}

static void watch(struct gather *g, struct child *c)
{
    c->waiter.ready.run = child_done;
    c->gather = g;
    ai_ref(&g->object);
    ai_wait_on(c->object, &c->waiter);
}

/* Those that are done already report at once: with all of them done, so is the gather. */
static void begin(struct gather *g)
{
    g->object.state = AI_PENDING;
    g->object.flags |= AI_SHARED | AI_ONCE;
    ai_ref(&g->object); /* what is pending holds itself */
    for (size_t i = 0; i < g->count; i++) {
        if (g->children[i].object->state != AI_DONE)
            watch(g, &g->children[i]);
    }
    for (size_t i = 0; i < g->count; i++) {
        if (g->children[i].object->state == AI_DONE)
            report(g, &g->children[i]);
    }
    if (g->count == 0)
        settle(g, NULL);
}

/* What could not be gathered is closed; what was scheduled already is cancelled. */
static void *give_up(struct gather *g, asyncio_any const *handles, size_t n)
{
    size_t taken = g ? g->count : 0;

    ai_close_unused(handles + taken, n - taken);
    if (!g)
        return NULL;
    for (size_t i = 0; i < g->count; i++) {
        if (g->children[i].object->more == 1) /* the runtime's and ours: nobody else holds it */
            ai_cancel(g->children[i].object);
    }
    ai_ring_unreserve(&ai_thread.loop->ready, n);
    ai_disown(&g->object);
    return NULL;
}

static struct gather *gather_new(struct ai_loop *loop, size_t n)
{
    struct gather *g = (struct gather *)ai_object_new(&gather_type, sizeof *g);

    if (!g || n == 0)
        return g;
    g->capacity = n;
    g->children = ai_allocate(n * sizeof *g->children);
    if (g->children && ai_ring_reserve(&loop->ready, n))
        return g;
    ai_disown(&g->object);
    return NULL;
}

ASYNCIO_AWAITABLE(int)
asyncio__gather(asyncio_any const *handles, size_t n, void *results, size_t size, int *errors)
{
    struct gather *g = gather_new(ai_thread_loop("asyncio_gather"), n);

    for (size_t i = 0; g && i < n; i++, g->count++) {
        if (!(g->children[i].object = adopt(handles[i])))
            return give_up(g, handles, n);
    }
    if (!g)
        return give_up(NULL, handles, n);
    g->results = results;
    g->size = size;
    g->errors = errors;
    g->pending = n;
    begin(g);
    return ai_handle(&g->object);
}
