/* Making tasks: of a coroutine object or an operation, scheduled or, eagerly, started at once; by
 * the loop's factory where one is set.
 *
 * An eager task is started as any other, but with whoever makes it put in front of all that is
 * ready: so that goes on as soon as the task suspends or ends, within the same turn. */
#include "base/panic.h"
#include "task/diagnose.h"
#include "task/make.h"
#include "task/task.h"
#include "task/thread.h"

static __attribute__((cold)) void check_can_be_task(const struct ai_object *o)
{
    ai_thread_loop("a task was to be created");
    if (o->type->kind > ASYNCIO__COROUTINE)
        ai_panic("TypeError: a coroutine was expected, got %s '%s'", ai_noun(o->type),
                 o->type->name);
    ai_reused(o);
}

static inline void begin_coroutine(struct ai_object *o)
{
    o->ready.run = ai_task_start;
    ai_coroutine(o)->task = NULL;
    ai_coroutine(o)->scope = NULL;
}

static inline void enlist(struct ai_object *o)
{
    o->waiters = NULL;
    o->name = ++ai_thread.numbered * 2 + 1;
    ai_list_append(&ai_thread.tasks, &o->tasks);
    ai_thread.tasks_alive++;
}

/* Takes an unused object and makes it a task, which is not scheduled yet. */
static inline bool make(struct ai_object *o)
{
    struct ai_loop *loop = ai_thread.loop;
    const struct asyncio_awaitable_type *type = o->type;

    if (__builtin_expect(!loop || o->state != AI_UNUSED || type->kind > ASYNCIO__COROUTINE, 0))
        check_can_be_task(o);
    if (!ai_ring_reserve(&loop->ready, 1))
        return false;
    if (type->await) {
        begin_coroutine(o);
        if (__builtin_expect(ai_thread.scoped, 0))
            ai_coroutine(o)->scope = ai_scope_of_task(o);
    } else {
        o->ready.run = ai_operation_begin;
    }
    o->life += ai_life(1, AI_PENDING - AI_UNUSED, AI_SHARED | AI_TASK);
    enlist(o);
    return true;
}

static inline void schedule(struct ai_object *o)
{
    ai_loop_push(ai_thread.loop, &o->ready);
}

/* What most are made of: the coroutine object made last, within a task, by no factory, without a
 * name or a context. Whether it is that, and a task now, of which all but this is known. */
static inline bool make_fresh(asyncio_any h, const char *name)
{
    struct ai_thread *thread = &ai_thread;
    struct ai_object *o = asyncio_awaitable_object(h);

    if (h != thread->fresh || !thread->task ||
        ((uintptr_t)name | (uintptr_t)thread->task_factory | thread->scoped))
        return false;
    struct ai_ring *ring = &thread->loop->ready;
    if (!h || !o->type->await || o->life != ai_life(0, AI_UNUSED, AI_OWNED) ||
        ring->reserved == ring->mask)
        return false;
    ring->reserved++;
    ai_link_fresh(o);
    begin_coroutine(o);
    o->life = ai_life(1, AI_PENDING, AI_OWNED | AI_SHARED | AI_TASK);
    enlist(o);
    ai_ring_push(ring, &o->ready);
    return true;
}

/* Where there is a stack to go on with: not that of a call that goes on on a task's as if it were
 * another thread, nor outside of the loop's turns, when Python schedules it too. */
static bool can_start(const struct ai_object *o)
{
    return ai_thread.turning && !(o->type->await && ai_thread.plain_call);
}

static void start(struct ai_object *o)
{
    struct ai_loop *loop = ai_thread.loop;

    if (!can_start(o)) {
        schedule(o);
        return;
    }
    if (o->type->await)
        o->ready.run = ai_task_start_now;
    if (loop->observe)
        loop->observe(loop, &o->ready);
    else
        o->ready.run(&o->ready);
}

/* Takes the name over. A named task uses up no number, as in Python. */
static void name_task(struct ai_object *o, char *name)
{
    ai_thread.numbered--;
    o->name = (uintptr_t)name;
}

static __attribute__((noinline)) bool make_with_name(struct ai_object *o, const char *name)
{
    char *copy = ai_string_copy(name);

    if (!copy || !make(o)) {
        ai_string_free(copy);
        return false;
    }
    name_task(o, copy);
    return true;
}

static inline bool make_named(struct ai_object *o, const char *name)
{
    return __builtin_expect(name != NULL, 0) ? make_with_name(o, name) : make(o);
}

/* The object of a handle that is to be a task, or is one. NULL for NULL and without memory. */
static inline struct ai_object *object_to_make(asyncio_any h)
{
    if (h && h == ai_thread.fresh) {
        ai_link_fresh(asyncio_awaitable_object(h));
        return asyncio_awaitable_object(h);
    }
    struct ai_object *o = ai_object_to_take(h);

    if (o && o->state == AI_UNUSED && !ai_is_unused(o))
        ai_reused(o);
    return o;
}

static inline asyncio_any made(struct ai_object *o)
{
    if (__builtin_expect(o->flags & AI_ONCE, 0))
        o->flags &= (uint8_t)~AI_ONCE; /* from now on it is held as a task is */
    return ai_handle(o);
}

static asyncio_any not_made(struct ai_object *o)
{
    ai_disown(o);
    return NULL;
}

asyncio_any asyncio__task(asyncio_any h, const char *name)
{
    struct ai_object *o = object_to_make(h);

    if (!o)
        return NULL;
    if (!(o->flags & AI_SHARED)) {
        if (!make_named(o, name))
            return not_made(o);
        schedule(o);
    }
    return made(o);
}

/* Whoever makes it has one place in the ready queue, where it may be already: it needs another. The
 * task itself may give its handle up meanwhile. */
static asyncio_any make_eager(struct ai_object *o, const char *name)
{
    struct ai_ring *ring = &ai_thread_loop("an eager task was to be created")->ready;

    if (!ai_ring_reserve(ring, 1))
        return not_made(o);
    ai_ref(o);
    bool fine = make_named(o, name);
    if (fine)
        start(o);
    asyncio_any h = fine ? ai_handle(o) : not_made(o);
    ai_ring_unreserve(ring, 1);
    ai_unref(o);
    return h;
}

asyncio_any asyncio_eager_task_factory(asyncio_any h, const char *name)
{
    struct ai_object *o = object_to_make(h);

    if (!o)
        return NULL;
    return o->flags & AI_SHARED ? made(o) : make_eager(o, name);
}

/* --- Factories --- */

void asyncio_set_task_factory(asyncio_task_factory *factory)
{
    ai_thread_loop("asyncio_set_task_factory");
    ai_thread.task_factory = factory;
}

asyncio_task_factory *asyncio_get_task_factory(void)
{
    return ai_thread.task_factory;
}

static void own(struct ai_object *o)
{
    ai_ref(o);
    o->flags |= AI_OWNED;
    ai_list_append(ai_thread.task ? &ai_thread.task->owned : &ai_thread.owned, &o->owned);
}

/* The factory gets it as its maker has it: unused and owned. Where it fails it has closed it, but
 * not for us. */
static __attribute__((noinline, cold)) bool make_by_factory(struct ai_object *o, const char *name)
{
    bool owned = o->flags & AI_OWNED;
    asyncio_any given = ai_handle(o);

    ai_ref(o);
    if (!owned)
        own(o);
    asyncio_any h = ai_thread.task_factory(given, name);
    if (h && (h != given || !(o->flags & AI_TASK)))
        ai_panic("TypeError: a task factory has to make a task of what it is given, '%s'",
                 o->type->name);
    if (!owned)
        ai_disown(o);
    else if (!(o->flags & AI_OWNED))
        own(o);
    ai_unref(o);
    return h;
}

bool ai_ensure_task(struct ai_object *o)
{
    if (o->flags & AI_SHARED)
        return true;
    if (__builtin_expect(ai_thread.task_factory != NULL, 0))
        return make_by_factory(o, NULL);
    if (!make(o))
        return false;
    schedule(o);
    return true;
}

static __attribute__((noinline, cold)) asyncio_any create_by_factory(asyncio_any h,
                                                                     const char *name)
{
    struct ai_object *o = object_to_make(h);

    if (!o)
        return NULL;
    if (!(o->flags & AI_SHARED) && !make_by_factory(o, name))
        return not_made(o);
    return made(o);
}

static __attribute__((noinline)) asyncio_any create_slowly(asyncio_any h, const char *name)
{
    if (__builtin_expect(ai_thread.task_factory != NULL, 0))
        return create_by_factory(h, name);
    return asyncio__task(h, name);
}

asyncio_any asyncio__create_task(asyncio_any h, const char *name)
{
    return __builtin_expect(make_fresh(h, name), 1) ? h : create_slowly(h, name);
}

asyncio_any asyncio__create_task_in(asyncio_any h, const char *name,
                                    struct asyncio_context *context)
{
    struct asyncio_context *outer = ai_thread.given;
    const struct ai_object *outer_to = ai_thread.given_to;

    ai_thread.scoped |= context != NULL;
    ai_thread.given = context;
    ai_thread.given_to = asyncio_awaitable_object(h);
    h = asyncio__create_task(h, name);
    ai_thread.given = outer;
    ai_thread.given_to = outer_to;
    return h;
}

void asyncio_spawn(asyncio_any h)
{
    h = asyncio__create_task(h, NULL);
    if (h)
        ai_disown(ai_object(h));
}
