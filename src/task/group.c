/* TaskGroup: tasks that end before their block does, all of them.
 *
 * The group is an object of its own, made when its block is entered and owned by the task that
 * entered, its parent: so it goes with that, should it be abandoned, and, by a reference each, with
 * the last of its members. Leaving the block lets it go on in steps until no member is left. A
 * member is a waiter on a child; one whose child failed keeps the error until the group ends, so
 * that no failure ever needs memory. */
#include "base/panic.h"
#include "task/diagnose.h"
#include "task/make.h"
#include "task/step.h"
#include "task/with.h"

enum state { NEW, NEW_CANCELLED, ENTERED, FINISHED };

struct group {
    struct ai_object object;
    struct ai_object *parent;
    struct ai_list members, failed; /* in the order of making; of failing */
    size_t failures;
    struct ai_error *last; /* the parent's when it left the body */
    struct ai_error *body; /* what the body failed with, or the cancellation it was left by */
    struct ai_error *cancellation; /* of the parent while it waited for the members */
    bool aborting;
    bool asked_parent; /* it was cancelled by the group */
};

struct member {
    struct ai_list link;
    uintptr_t handle; /* the pool's */
    uint64_t life;    /* as of an object under way: so no stale handle takes this for a free one */
    struct ai_waiter waiter;
    struct group *group;
    union {
        struct ai_object *object;
        struct ai_error *error;
    };
};

_Static_assert(offsetof(struct member, handle) == AI_POOL_HANDLE, "the pool's place");

enum { MEMBER_CLASS = ASYNCIO__POOL_CLASS(sizeof(struct member)) };

/* --- Members --- */

static struct member *member_new(void)
{
    struct member *m = ai_pool_reuse(&ai_pool, MEMBER_CLASS, sizeof *m);

    if (__builtin_expect(!m, 0))
        m = ai_pool_take(&ai_pool, sizeof *m);
    if (__builtin_expect(!m, 0))
        return NULL;
    if (ai_ring_reserve(&ai_thread.loop->ready, 1)) {
        m->life = ai_life(0, AI_PENDING, 0);
        return m;
    }
    ai_pool_give(&ai_pool, m, m->handle, MEMBER_CLASS, sizeof *m);
    return NULL;
}

static void member_free(struct member *m)
{
    ai_pool_give(&ai_pool, m, m->handle, MEMBER_CLASS, sizeof *m);
}

static void abort_all(struct group *g)
{
    g->aborting = true;
    ai_list_each (link, &g->members)
        ai_cancel(ai_container(link, struct member, link)->object);
}

static void cancel_parent(struct group *g)
{
    if (g->asked_parent)
        return;
    g->asked_parent = true;
    ai_cancel(g->parent);
}

/* The first failure ends all others and the body. */
static void keep_failure(struct group *g, struct member *m)
{
    struct ai_object *o = m->object;

    o->flags |= AI_RETRIEVED;
    m->error = ai_error_ref(o->error);
    ai_list_append(&g->failed, &m->link);
    g->failures++;
    if (g->aborting || g->asked_parent)
        return;
    abort_all(g);
    cancel_parent(g);
}

static void report(struct group *g, struct member *m)
{
    const struct ai_object *o = m->object;
    bool failed = o->error && !(o->flags & AI_CANCELLED) && g->parent->state != AI_DONE;

    ai_list_unlink(&m->link);
    if (ai_list_empty(&g->members) && g->object.waiters)
        ai_step_wake(&g->object);
    if (__builtin_expect(failed, 0))
        keep_failure(g, m);
    else
        member_free(m);
}

static void child_done(struct ai_ready *ready)
{
    struct member *m = ai_container(ready, struct member, waiter.ready);
    struct group *g = m->group;
    struct ai_object *o = m->object;

    ai_ring_unreserve(&ai_thread.loop->ready, 1);
    report(g, m);
    ai_unref(o);          /* the waiter's */
    ai_unref(&g->object); /* the member's */
}

/* --- The group as an object --- */

/* Goes on until no member is left. The first cancellation is passed on to them and kept. */
static int step(void *self, bool cancelled)
{
    struct group *g = self;

    if (cancelled && !g->aborting) {
        struct ai_error *message = g->object.error;
        g->cancellation = message ? ai_error_ref(message) : ai_error_plain(-ECANCELED);
        abort_all(g);
    }
    return ai_list_empty(&g->members);
}

static void destroy(void *self)
{
    struct group *g = self;

    ai_list_each (link, &g->failed) {
        struct member *m = ai_container(link, struct member, link);
        ai_error_unref(m->error);
        member_free(m);
    }
    ai_error_unref(g->last);
    ai_error_unref(g->body);
    ai_error_unref(g->cancellation);
    ai_unref(g->parent);
}

static const struct asyncio__waits waits = {
    .form = AI_WAITS_LIST,
    .at = offsetof(struct group, members),
    .object = offsetof(struct member, object) - offsetof(struct member, link),
};

static const struct asyncio_awaitable_type group_type = {
    .name = "TaskGroup",
    .size = sizeof(struct group),
    .pool_class = ASYNCIO__POOL_CLASS(sizeof(struct group)),
    .step = step,
    .waits = &waits,
    .destroy = destroy,
};

static struct group *group_new(struct ai_task *parent)
{
    struct group *g = ai_object_make(&group_type);

    if (!g)
        return NULL;
    g->object.state = AI_PENDING; /* nobody is to await it but its block's end */
    g->parent = ai_ref(&parent->root->object);
    ai_list_init(&g->members);
    ai_list_init(&g->failed);
    g->failures = 0;
    g->last = g->body = g->cancellation = NULL;
    g->aborting = g->asked_parent = false;
    return g;
}

/* --- Creating tasks, cancelling --- */

static struct group *entered(const struct asyncio_task_group *tg)
{
    if (tg->state < ENTERED)
        ai_panic("RuntimeError: TaskGroup <TaskGroup> has not been entered");
    if (tg->state == FINISHED)
        ai_panic("RuntimeError: TaskGroup <TaskGroup entered> is finished");
    return tg->group;
}

static void *refuse(asyncio_any h)
{
    struct ai_object *o = ai_object(h);

    if (o != ai_thread.yield)
        ai_disown(o);
    return NULL;
}

/* An eager task may be done by now: then it is so for the group at once. */
static void watch(struct group *g, struct member *m, struct ai_object *o)
{
    m->group = (struct group *)ai_ref(&g->object);
    m->object = o;
    m->waiter.ready.run = child_done;
    ai_list_append(&g->members, &m->link);
    if (__builtin_expect(o->state != AI_DONE, 1)) {
        ai_wait_on(o, &m->waiter);
        return;
    }
    ai_ref(o); /* as the wait would have */
    child_done(&m->waiter.ready);
}

asyncio_any asyncio__task_group_create_task(struct asyncio_task_group *tg, asyncio_any h,
                                            const char *name)
{
    struct group *g = entered(tg);

    if (!h)
        return NULL;
    const struct ai_object *given = ai_object(h);
    if ((given->flags & (AI_SHARED | AI_ONCE)) == AI_SHARED)
        ai_panic("TypeError: a coroutine was expected, got %s '%s'",
                 given->flags & AI_TASK ? "task" : "future", given->type->name);
    struct member *m = member_new();
    if (!m)
        return refuse(h);
    h = (g->aborting ? asyncio__task : asyncio__create_task)(h, name);
    if (!h) {
        ai_ring_unreserve(&ai_thread.loop->ready, 1);
        member_free(m);
        return NULL;
    }
    struct ai_object *o = ai_object(h);
    watch(g, m, o);
    if (__builtin_expect(g->aborting, 0))
        ai_cancel(o);
    return h;
}

void asyncio_task_group_cancel(struct asyncio_task_group *tg)
{
    if (tg->state < ENTERED)
        tg->state = NEW_CANCELLED;
    if (tg->state != ENTERED)
        return;
    struct group *g = tg->group;
    if (!g->aborting)
        abort_all(g);
    cancel_parent(g);
}

/* --- The block --- */

static int enter(void *manager, const struct asyncio__place *place)
{
    struct asyncio_task_group *tg = manager;
    bool cancelled = tg->state == NEW_CANCELLED;
    (void)place;

    if (tg->state >= ENTERED)
        ai_panic("RuntimeError: TaskGroup <TaskGroup entered> has already been entered");
    if (!ai_thread.task)
        ai_panic("RuntimeError: TaskGroup <TaskGroup> cannot determine the parent task");
    if (!(tg->group = group_new(ai_thread.task)))
        return -ENOMEM;
    tg->state = ENTERED;
    if (cancelled)
        asyncio_task_group_cancel(tg);
    return 0;
}

/* What the body was left with, if that counts: what was raised, or a cancellation. That another
 * error came up says nothing: the body may have dealt with it. */
static struct ai_error *body_error(const struct ai_task *task)
{
    const struct ai_error *raised = task->top->object.error;
    struct ai_error *left = ai_block_error(task);

    if (!raised && ai_error_code(left) != -ECANCELED && !(ai_error_marks(left) & AI_ERROR_RETURNS))
        return NULL;
    return ai_error_marked(left, 0);
}

/* The task may be abandoned meanwhile: so what is kept is the group's. */
static void wait_for_members(struct group *g, struct ai_task *task,
                             const struct asyncio__place *place)
{
    if (ai_list_empty(&g->members))
        return;
    g->last = ai_error_keep(task);
    ai_await_steps(task, &g->object, place);
    ai_error_set(&task->error, g->last);
    g->last = NULL;
}

/* All errors in one: of the children as they failed, and of the body. */
static struct ai_error *unite(struct group *g, struct ai_error *body)
{
    size_t n = g->failures + (body != NULL), i = 0;
    struct ai_error *first = body;

    if (g->failures)
        first = ai_container(g->failed.next, struct member, link)->error;
    struct ai_error *all = ai_error_group(first, n, "unhandled errors in a TaskGroup");
    if (!all)
        return ai_error_ref(first);
    ai_list_each (link, &g->failed)
        ai_error_put(all, i++, ai_error_ref(ai_container(link, struct member, link)->error));
    if (body)
        ai_error_put(all, i, ai_error_ref(body));
    return all;
}

/* The parent may be asked to end by others as well: it is told of that at its next await. */
static void ask_again(struct group *g)
{
    if (g->parent->cancels == 0)
        return;
    asyncio_uncancel(ai_handle(g->parent));
    ai_cancel(g->parent);
}

/* What the block comes to. Errors outrank a cancellation, and one that the group asked for itself
 * ends here. */
static void conclude(struct group *g, struct ai_task *task, bool returns)
{
    bool cancelled = ai_error_code(g->body) == -ECANCELED;
    bool over = g->asked_parent && asyncio_uncancel(ai_handle(g->parent)) == 0;
    unsigned marks = returns ? AI_ERROR_RETURNS : 0;

    if (g->failures || (g->body && !cancelled)) {
        ask_again(g);
        ai_block_leave(task, unite(g, cancelled ? NULL : g->body), marks, returns);
    } else if (g->cancellation && !over) {
        ai_block_leave(task, ai_error_ref(g->cancellation), marks, returns);
    } else if (cancelled && over) {
        ai_block_leave(task, NULL, 0, false);
    }
}

static void leave(void *manager, const struct asyncio__place *place, bool returns)
{
    struct asyncio_task_group *tg = manager;
    struct group *g = tg->group;
    struct ai_task *task = ai_thread.task;

    g->body = ai_error_ref(body_error(task));
    if (g->body && !g->aborting)
        abort_all(g);
    wait_for_members(g, task, place);
    tg->state = FINISHED;
    conclude(g, task, returns);
    ai_disown(&g->object);
}

const struct asyncio__with_type asyncio__task_group_with = {enter, leave};
