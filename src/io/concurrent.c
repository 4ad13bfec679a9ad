/* See concurrent.h. */
#include "io/concurrent.h"

#include "base/panic.h"
#include "loop/clock.h"
#include "task/diagnose.h"
#include "task/task.h"
#include "task/thread.h"

#include <string.h>

enum { HEAD = sizeof(struct asyncio_awaitable) };

/* --- Life --- */

struct ai_object *ai_coroutine_to_send(asyncio_any h)
{
    struct ai_object *o = ai_object(h);

    if (o->type->kind != ASYNCIO__COROUTINE || o->flags & AI_SHARED)
        ai_panic("TypeError: a coroutine object was expected, got %s '%s'",
                 o->flags & AI_TASK ? "task" : ai_noun(o->type), o->type->name);
    if (!o->type->size) /* it stands for another object, which stays here */
        ai_panic("TypeError: the coroutine of an async function was expected, got '%s'",
                 o->type->name);
    return o;
}

/* Nobody runs it here; used all the same. */
static void close_coroutine(struct ai_object *o)
{
    ai_take(o);
    o->state = AI_DONE;
    ai_unref(o);
}

static void init(struct ai_concurrent *f, const struct asyncio_awaitable_type *type, size_t size)
{
    pthread_condattr_t monotonic;

    atomic_init(&f->refs, 1);
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&f->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    ai_list_init(&f->waits);
    f->type = type;
    f->size = size;
}

void *ai_concurrent_new(struct ai_object *coroutine, size_t size)
{
    const struct asyncio_awaitable_type *type = coroutine->type;
    size_t frame = (size + 15) & ~(size_t)15;
    struct ai_concurrent *f = ai_allocate(frame + type->size);

    if (f) {
        init(f, type, frame + type->size);
        f->frame = (char *)f + frame;
        memcpy((char *)f->frame + HEAD, (char *)coroutine + HEAD, type->size - HEAD);
    }
    close_coroutine(coroutine);
    return f;
}

void *ai_concurrent_plain(const struct asyncio_awaitable_type *type, size_t size)
{
    struct ai_concurrent *f = ai_allocate(size);

    if (f) {
        init(f, type, size);
        f->frame = f;
    }
    return f;
}

void *ai_concurrent_send(struct ai_object *coroutine, size_t size)
{
    struct ai_concurrent *f = ai_concurrent_new(coroutine, size);

    if (!f || ai_scope_send(&f->scope))
        return f;
    ai_concurrent_unref(f);
    return NULL;
}

struct ai_concurrent *ai_concurrent_ref(struct ai_concurrent *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

void ai_concurrent_unref(struct ai_concurrent *f)
{
    if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) > 1)
        return;
    if (f->destroy)
        f->destroy(f);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    ai_error_unref(f->error);
    ai_scope_drop(&f->scope);
    ai_deallocate(f, f->size);
}

void asyncio_concurrent_release(void *f)
{
    if (f)
        ai_concurrent_unref(f);
}

/* --- State --- */

bool ai_concurrent_begin(struct ai_concurrent *f)
{
    pthread_mutex_lock(&f->lock);
    bool begins = f->state == AI_CONCURRENT_PENDING;
    if (begins)
        f->state = AI_CONCURRENT_RUNNING;
    pthread_mutex_unlock(&f->lock);
    return begins;
}

/* A loop that has gone has let go of its waits before; but its child of a fork has not. */
static void tell(struct ai_list *waits)
{
    ai_list_each (node, waits) {
        struct ai_wait *w = ai_container(node, struct ai_wait, link);
        ai_list_remove(&w->link);
        ai_inbox_post(w->loop, &w->message);
    }
}

/* Under the lock. */
static bool finish(struct ai_concurrent *f, struct ai_error *error, bool has_value)
{
    if (f->state == AI_CONCURRENT_DONE)
        return false;
    f->state = AI_CONCURRENT_DONE;
    f->error = error;
    f->has_value = has_value;
    pthread_cond_broadcast(&f->changed);
    tell(&f->waits);
    return true;
}

void ai_concurrent_finish(struct ai_concurrent *f, struct ai_error *error, bool has_value)
{
    pthread_mutex_lock(&f->lock);
    bool finished = finish(f, error, has_value);
    pthread_mutex_unlock(&f->lock);
    if (!finished)
        ai_error_unref(error);
}

bool asyncio_concurrent_cancel(void *self)
{
    struct ai_concurrent *f = self;

    if (!f)
        return false;
    pthread_mutex_lock(&f->lock);
    bool cancels =
        f->state == AI_CONCURRENT_PENDING && finish(f, ai_error_plain(-ECANCELED), false);
    pthread_mutex_unlock(&f->lock);
    if (cancels && f->cancelled)
        f->cancelled(f);
    return cancels;
}

bool ai_concurrent_wait_on(struct ai_concurrent *f, struct ai_wait *w)
{
    pthread_mutex_lock(&f->lock);
    bool waits = f->state != AI_CONCURRENT_DONE;
    if (waits)
        ai_list_append(&f->waits, &w->link);
    pthread_mutex_unlock(&f->lock);
    return waits;
}

bool ai_concurrent_wait_off(struct ai_concurrent *f, struct ai_wait *w)
{
    pthread_mutex_lock(&f->lock);
    bool waited = !ai_list_empty(&w->link);
    ai_list_remove(&w->link);
    pthread_mutex_unlock(&f->lock);
    return waited;
}

/* --- Asking --- */

static bool is_done(struct ai_concurrent *f)
{
    pthread_mutex_lock(&f->lock);
    bool done = f->state == AI_CONCURRENT_DONE;
    pthread_mutex_unlock(&f->lock);
    return done;
}

bool asyncio_concurrent_done(void *f)
{
    return !f || is_done(f);
}

bool asyncio_concurrent_cancelled(void *self)
{
    struct ai_concurrent *f = self;
    return f && is_done(f) && ai_error_code(f->error) == -ECANCELED;
}

const char *asyncio_concurrent_exception_message(void *self)
{
    struct ai_concurrent *f = self;
    return f && is_done(f) ? ai_error_message(f->error) : "";
}

static void check_can_block(const struct ai_concurrent *f)
{
    if (ai_inbox_is_of(ai_thread.loop, f->loop))
        ai_panic("RuntimeError: '%s' runs in the loop of this thread, which would wait for it for "
                 "ever: await asyncio_wrap_future() instead",
                 f->type->name);
}

/* Blocks until it is done; false if it is not done in time. */
static bool wait_until_done(struct ai_concurrent *f, double seconds)
{
    int64_t now = ai_clock_now(NULL), wait = ai_nanoseconds(seconds);
    int64_t end = wait < INT64_MAX - now ? now + wait : INT64_MAX;
    struct timespec deadline = {.tv_sec = (time_t)(end / 1000000000),
                                .tv_nsec = (long)(end % 1000000000)};
    int error = 0;

    if (is_done(f) || wait == 0)
        return is_done(f);
    check_can_block(f);
    pthread_mutex_lock(&f->lock);
    while (f->state != AI_CONCURRENT_DONE && error == 0)
        error = pthread_cond_timedwait(&f->changed, &f->lock, &deadline);
    bool done = f->state == AI_CONCURRENT_DONE;
    pthread_mutex_unlock(&f->lock);
    return done;
}

int asyncio_concurrent_exception(void *self, double seconds)
{
    struct ai_concurrent *f = self;

    if (!f)
        return -ENOMEM;
    return wait_until_done(f, seconds) ? ai_error_code(f->error) : -ETIMEDOUT;
}

int asyncio__concurrent_result(void *self, void *result, double seconds)
{
    struct ai_concurrent *f = self;
    int code = asyncio_concurrent_exception(f, seconds);
    bool done = f && is_done(f);

    ai_thread_set_error(done ? ai_error_ref(f->error) : ai_error_plain(code));
    if (!done || !f->has_value)
        return code;
    memcpy(result, ai_concurrent_result_place(f), f->type->result_size);
    return 0;
}
