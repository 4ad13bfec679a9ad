/* as_completed: several in the order in which they are done.
 *
 * The iterator watches them from its making on and queues those that are done. Whoever takes one
 * is a getter, which goes on in steps; getters stand in line, and each that is done calls the
 * first. The loop async_for has a getter a round; asyncio_as_completed_next() is a coroutine that
 * awaits one and then what it got. */
#include "base/panic.h"
#include "task/deadline.h"
#include "task/diagnose.h"
#include "task/make.h"
#include "task/proxy.h"
#include "task/step.h"
#include "task/watch.h"

struct as_completed {
    struct ai_object object;
    asyncio_any value; /* of the loop's round */
    struct ai_watches *watches;
    struct ai_watch *first, **last; /* done, and not taken */
    size_t left;                    /* to be asked for */
    size_t pending;
    struct ai_list getters; /* that have not been called */
    struct ai_timer timer;
    bool timed_out;
};

/* --- Getters --- */

struct getter {
    struct ai_object object;
    asyncio_any value;
    struct as_completed *from;
    struct ai_list link; /* in line, or alone */
};

/* One that is woken already is cancelled, and the next one's turn comes. */
static void call_next(struct as_completed *it)
{
    while (!ai_list_empty(&it->getters)) {
        struct getter *g = ai_container(it->getters.next, struct getter, link);
        ai_list_remove(&g->link);
        if (!ai_step_is_woken(&g->object)) {
            ai_step_wake(&g->object);
            return;
        }
    }
}

static bool has_something(const struct as_completed *it)
{
    return it->first || it->timed_out;
}

static int take(struct as_completed *it, asyncio_any *value)
{
    struct ai_watch *watch = it->first;

    if (!watch)
        return -ETIMEDOUT;
    if (!(it->first = watch->next))
        it->last = &it->first;
    *value = ai_handle(watch->object);
    return 1;
}

static int getter_step(void *self, bool cancelled)
{
    struct getter *g = self;
    struct as_completed *it = g->from;

    ai_list_remove(&g->link);
    if (cancelled && has_something(it))
        call_next(it); /* in case this one was called */
    if (cancelled)
        return -ECANCELED;
    if (has_something(it))
        return take(it, &g->value);
    ai_list_append(&it->getters, &g->link);
    return 0;
}

static void getter_destroy(void *self)
{
    struct getter *g = self;

    ai_list_remove(&g->link);
    ai_unref(&g->from->object);
}

static const struct asyncio__waits getter_waits =
    AI_WATCHES_WAITS(.depth = 2, .through = {offsetof(struct getter, from),
                                             offsetof(struct as_completed, watches)});

static const struct asyncio_awaitable_type getter_type = {
    .name = "as_completed",
    .size = sizeof(struct getter),
    .result_size = sizeof(asyncio_any),
    .result_offset = offsetof(struct getter, value),
    .pool_class = ASYNCIO__POOL_CLASS(sizeof(struct getter)),
    .step = getter_step,
    .destroy = getter_destroy,
    .waits = &getter_waits,
};

/* Awaits the next that is done. 0 or -errno. */
static int get(struct as_completed *it, asyncio_any *value, const struct asyncio__place *place)
{
    struct getter *g = ai_object_make(&getter_type);

    if (!g)
        return asyncio__await(NULL, value, place);
    ai_list_init(&g->link);
    g->from = (struct as_completed *)ai_ref(&it->object);
    return asyncio__await(ai_handle(&g->object), value, place);
}

/* --- The iterator --- */

static void done(void *owner, struct ai_watch *watch)
{
    struct as_completed *it = owner;

    if (it->timed_out)
        return;
    *it->last = watch;
    it->last = &watch->next;
    if (--it->pending == 0)
        ai_deadline_stop(&it->timer);
    call_next(it);
}

static void fire(struct ai_ready *ready)
{
    struct as_completed *it = ai_container(ready, struct as_completed, timer.ready);

    ai_deadline_over(&it->timer);
    it->timed_out = true;
    ai_watches_stop(it->watches);
    while (!ai_list_empty(&it->getters))
        call_next(it);
}

static int next(void *self, const struct asyncio__place *place)
{
    struct as_completed *it = self;

    if (it->left == 0) {
        ai_error_clear(&ai_thread.task->error);
        return 0;
    }
    it->left--;
    int code = get(it, &it->value, place);
    return code ? code : 1;
}

static void destroy(void *self)
{
    struct as_completed *it = self;

    ai_deadline_stop(&it->timer);
    ai_watches_close(it->watches);
}

static const struct asyncio_awaitable_type iterator_type = {
    .name = "as_completed",
    .size = sizeof(struct as_completed),
    .result_size = sizeof(asyncio_any),
    .result_offset = offsetof(struct as_completed, value),
    .kind = ASYNCIO__GENERATOR,
    .next = next,
    .destroy = destroy,
};

static struct as_completed *iterator_new(size_t n)
{
    struct as_completed *it = (struct as_completed *)ai_object_new(&iterator_type, sizeof *it);

    if (!it)
        return NULL;
    ai_timer_init(&it->timer, fire);
    ai_list_init(&it->getters);
    it->last = &it->first;
    it->left = it->pending = n;
    if ((it->watches = ai_watches_new(n)))
        return it;
    ai_disown(&it->object);
    return NULL;
}

static bool begin(struct as_completed *it, double timeout)
{
    int64_t deadline = ai_deadline_after(timeout);

    return ai_watches_begin(it->watches, it, done) &&
           (it->pending == 0 || deadline == AI_NEVER ||
            ai_deadline_start(&it->timer, deadline) == 0);
}

/* What was not made a task is closed; the tasks that were made of it are cancelled. */
static void *give_up(struct as_completed *it, asyncio_any const *handles, size_t n)
{
    size_t made = it ? it->watches->count : 0;

    ai_close_unused(handles + made, n - made);
    for (size_t i = 0; i < made; i++) {
        if (it->watches->at[i].made)
            ai_cancel(it->watches->at[i].object);
    }
    if (it)
        ai_disown(&it->object);
    return NULL;
}

asyncio_any asyncio__as_completed(asyncio_any const *handles, size_t n, double timeout)
{
    ai_thread_loop("asyncio_as_completed");
    struct as_completed *it = iterator_new(n);

    for (size_t i = 0; it && i < n; i++) {
        bool is_task = handles[i] && ai_object(handles[i])->flags & AI_SHARED;
        asyncio_any task = asyncio__create_task(handles[i], NULL);
        if (!task)
            return give_up(it, handles, n);
        ai_watches_add(it->watches, ai_object(task));
        it->watches->at[i].made = !is_task;
    }
    if (!it || !begin(it, timeout))
        return give_up(it, handles, n);
    return ai_handle(&it->object);
}

/* --- One by one --- */

struct one {
    struct ai_sized sized;
    struct as_completed *from;
};

/* It fails as what it awaited did. */
static void one_run(void *self, void *result)
{
    static const struct asyncio__place here = {__FILE__, __LINE__, "as_completed"};
    struct one *one = self;
    asyncio_any x;

    int code = get(one->from, &x, &here);
    if (code == 0)
        code = asyncio__await(x, result, &here);
    ai_proxy_raise(&one->sized.object, code, result);
}

static void one_destroy(void *self)
{
    ai_unref(&((struct one *)self)->from->object);
}

static const struct asyncio_awaitable_type one_type = {
    .name = "as_completed",
    .kind = ASYNCIO__COROUTINE,
    .await = one_run,
    .destroy = one_destroy,
    .result_offset = AI_PROXY_RESULT(sizeof(struct one)),
    .file = __FILE__,
    .line = __LINE__,
};

static struct as_completed *iterator(asyncio_any h)
{
    struct ai_object *o = ai_object(h);

    if (o->type != &iterator_type)
        ai_panic("TypeError: what asyncio_as_completed() made was expected, got %s '%s'",
                 ai_noun(o->type), o->type->name);
    return (struct as_completed *)o;
}

asyncio_any asyncio__as_completed_next(asyncio_any h, size_t size, bool is_signed)
{
    struct as_completed *it = h ? iterator(h) : NULL;
    struct one *one = NULL;

    if (it && it->left == 0) {
        ai_thread_set_error(NULL);
        return NULL;
    }
    if (it)
        one = (struct one *)ai_object_new(&one_type, one_type.result_offset + size);
    if (!one) {
        ai_thread_set_error(ai_error_plain(-ENOMEM));
        return NULL;
    }
    it->left--;
    one->sized.result_size = (uint32_t)size;
    one->sized.result_signed = is_signed;
    one->from = (struct as_completed *)ai_ref(&it->object);
    return ai_handle(&one->sized.object);
}
