/* asyncio_select(): the first of several.
 *
 * What goes on in steps is stepped here, as its task would: tried in an order that chance decides
 * until one goes through, and tried again when it is woken. So it is select alone that says which
 * one goes on, and the others are told that they are cancelled, which leaves everything as if they
 * had never been. Only a send or receive goes through by the hand of somebody else: that is noted
 * in `choice`, once. All other awaitables are tasks, or made tasks, and waited for. */
#include "sync/transfer.h"
#include "task/thread.h"

struct clause {
    struct ai_waiter waiter; /* in line for the object while it is watched */
    struct ai_object *object;
    struct select *select;
    size_t order;
    bool begun, over;
    bool watched; /* until look() has run, or nothing will bring it about */
    bool coming;
    bool ours; /* a task that was made here */
};

struct select {
    struct ai_object object;
    int result;
    int code;     /* what the step that decided came to */
    void *choice; /* what has gone through, or anything where that comes too late */
    bool begun, cancelled;
    size_t count, capacity;
    struct clause *clauses;
};

static int select_step(void *self, bool cancelled);

/* Any number below n. The simulation's seed has its say, so it shuffles this too, and repeats it.
 */
static size_t any_below(size_t n)
{
    static _Thread_local uint64_t state;
    const struct ai_loop *loop = ai_thread.loop;

    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    if (loop->backend->choose)
        state += loop->backend->choose(loop->state, UINT16_MAX);
    return (size_t)((state >> 32) * n >> 32);
}

static void shuffle(struct select *s)
{
    for (size_t i = 0; i < s->count; i++) {
        size_t k = any_below(i + 1);
        s->clauses[i].order = s->clauses[k].order;
        s->clauses[k].order = i;
    }
}

/* --- One clause --- */

/* A select within another is a task: it may have gone through when the outer one chooses. */
static bool steps(const struct clause *c)
{
    const struct asyncio_awaitable_type *type = c->object->type;
    return type->step && type->step != select_step && !(c->object->flags & AI_SHARED);
}

static bool is_transfer(const struct ai_object *o)
{
    return o->type->step == asyncio__channel_send_step ||
           o->type->step == asyncio__channel_recv_step;
}

/* Whether look() is in the ready queue; once it is, it stays there whatever becomes of the object.
 */
static bool is_coming(struct clause *c)
{
    const struct ai_object *o = c->object;

    c->coming |= c->watched && (steps(c) ? ai_step_is_woken(o) : o->state == AI_DONE);
    return c->coming;
}

static void unwatch(struct clause *c)
{
    c->watched = c->coming = false;
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
    ai_unref(&c->select->object);
}

/* It may come when all is over. */
static void look(struct ai_ready *ready)
{
    struct clause *c = ai_container(ready, struct clause, waiter.ready);
    struct select *s = c->select;

    if (!steps(c))
        ai_unref(c->object); /* the waiter's */
    if (s->object.state == AI_PENDING)
        ai_step_wake(&s->object);
    unwatch(c);
}

static bool watch(struct clause *c)
{
    struct ai_object *o = c->object;
    struct ai_waiter *w = &c->waiter;

    if (!ai_ring_reserve(&ai_thread.loop->ready, 1))
        return false;
    c->watched = true;
    ai_ref(&c->select->object);
    w->ready.run = look;
    if (!steps(c)) {
        ai_wait_on(o, w);
        return true;
    }
    o->waiters = w->next = w->prev = w;
    if (ai_step_is_woken(o))
        ai_loop_push(ai_thread.loop, &w->ready);
    return true;
}

/* It is not looked at any more, nor stepped. */
static void end(struct clause *c)
{
    struct ai_object *o = c->object;

    c->over = true;
    if (!is_coming(c) && c->watched) {
        if (!steps(c))
            ai_wait_off(o, &c->waiter);
        unwatch(c);
    }
    if (steps(c)) {
        o->state = AI_DONE;
        o->waiters = NULL;
    }
}

/* To be woken again; without memory it ends. */
static int keep(struct clause *c)
{
    if (c->watched || watch(c))
        return 0;
    if (c->object->type->step(c->object, true) == 0)
        ai_step_give_up(c->object);
    end(c);
    return -ENOMEM;
}

static int step(struct clause *c, bool cancelled)
{
    struct ai_object *o = c->object;

    if (is_coming(c))
        o->waiters = NULL; /* what wakes it from here on is found when look() has run */
    else if (c->watched)
        unwatch(c);
    ai_step_begin(o);
    int code = o->type->step(o, cancelled);
    if (code == 0)
        return keep(c);
    end(c);
    return code;
}

/* How the outcome of what is waited for reads as that of a step. */
static int outcome(struct clause *c)
{
    if (c->object->state != AI_DONE)
        return 0;
    c->over = true;
    int code = ai_error_code(c->object->error);
    return code ? code : 1;
}

/* What can go through without being waited for. */
static int attempt(struct clause *c)
{
    struct ai_object *o = c->object;

    if (!steps(c))
        return o->flags & AI_SHARED ? outcome(c) : 0;
    c->begun = true;
    o->state = AI_PENDING;
    if (is_transfer(o))
        ((struct ai_transfer *)o)->choice = &c->select->choice;
    return step(c, false);
}

static int begin_to_wait(struct clause *c)
{
    if (c->begun)
        return 0;
    c->begun = true;
    c->ours = !(c->object->flags & AI_SHARED) || c->object->flags & AI_ONCE;
    if (ai_ensure_task(c->object) && watch(c))
        return 0;
    if (c->ours)
        asyncio_cancel(ai_handle(c->object));
    return -ENOMEM;
}

/* Looked at since: it may go through, or it was woken for nothing. */
static int go_on(struct clause *c)
{
    if (!c->begun || c->over || c->watched)
        return 0;
    if (!steps(c))
        return outcome(c);
    if (ai_step_is_woken(c->object))
        return step(c, false);
    return keep(c);
}

/* One that is not chosen. What does not end at once is waited for. */
static void withdraw(struct clause *c)
{
    if (!c->begun || c->over)
        return;
    if (steps(c))
        step(c, true);
    else if (!c->ours)
        end(c);
    else if (c->object->state != AI_DONE)
        ai_cancel(c->object);
    else
        c->over = true;
}

/* --- All of them --- */

/* Until one goes through. */
static bool any(struct select *s, int (*function)(struct clause *c))
{
    shuffle(s);
    for (size_t i = 0; i < s->count && !s->choice; i++) {
        struct clause *c = &s->clauses[s->clauses[i].order];
        int code = function(c);
        if (code == 0)
            continue;
        s->code = code;
        s->choice = c->object;
        s->result = (int)(c - s->clauses);
        c->object->flags |= AI_RETRIEVED;
        c->over = true;
    }
    return s->choice;
}

/* One that somebody else has brought through. */
static void accept(struct select *s)
{
    struct clause *c = s->clauses;

    while (c->object != s->choice)
        c++;
    s->result = (int)(c - s->clauses);
    s->code = step(c, false);
}

static bool decide(struct select *s)
{
    if (s->choice) {
        accept(s);
    } else if (s->cancelled) {
        s->choice = s;
        s->code = -ECANCELED;
    } else if (!s->begun) {
        s->begun = true;
        return any(s, attempt) || any(s, begin_to_wait);
    } else {
        return any(s, go_on);
    }
    return true;
}

static bool all_are_over(struct select *s)
{
    bool over = true;

    for (size_t i = 0; i < s->count; i++) {
        struct clause *c = &s->clauses[i];
        go_on(c);
        over &= !c->begun || c->over;
    }
    return over;
}

static int select_step(void *self, bool cancelled)
{
    struct select *s = self;

    s->cancelled |= cancelled;
    if (s->code == 0) {
        if (!decide(s))
            return 0;
        for (size_t i = 0; i < s->count; i++)
            withdraw(&s->clauses[i]);
    }
    if (!all_are_over(s))
        return 0;
    if (s->choice == s)
        return s->code;
    if (s->cancelled)
        ai_step_put_off(&s->object);
    return s->code > 0 ? s->code : ai_step_fail(&s->object, s->code);
}

/* The shutdown gives it up, and so it does those that still go on. */
static void give_up(void *self)
{
    struct select *s = self;

    for (size_t i = 0; i < s->count; i++) {
        struct clause *c = &s->clauses[i];
        if (!c->begun || c->over)
            continue;
        if (steps(c))
            ai_step_give_up(c->object);
        end(c);
    }
}

static void destroy(void *self)
{
    struct select *s = self;

    for (size_t i = 0; i < s->count; i++)
        ai_unref(s->clauses[i].object);
    ai_deallocate(s->clauses, s->capacity * sizeof *s->clauses);
}

static const struct asyncio__waits waits = {
    .form = AI_WAITS_ARRAY,
    .at = offsetof(struct select, clauses),
    .count = offsetof(struct select, count),
    .stride = sizeof(struct clause),
    .object = offsetof(struct clause, object),
};

static const struct asyncio_awaitable_type select_type = {
    .name = "select",
    .size = sizeof(struct select),
    .step = select_step,
    .cancel = give_up,
    .destroy = destroy,
    .waits = &waits,
    .result_size = sizeof(int),
    .result_offset = offsetof(struct select, result),
    .result_signed = true,
};

static bool add(struct select *s, asyncio_any h)
{
    struct ai_object *o = ai_object_to_take(h);
    struct clause *c = &s->clauses[s->count];

    if (!o)
        return false;
    c->object = ai_adopt(o);
    c->select = s;
    s->count++;
    return true;
}

static ASYNCIO_AWAITABLE(int) close_all(struct select *s, asyncio_any const *handles, size_t n)
{
    size_t taken = s ? s->count : 0;

    ai_close_unused(handles + taken, n - taken);
    if (s)
        ai_disown(&s->object);
    return NULL;
}

ASYNCIO_AWAITABLE(int) asyncio__select(asyncio_any const *handles, size_t n)
{
    struct select *s = (struct select *)ai_object_new(&select_type, sizeof *s);

    if (!s || (n > 0 && !(s->clauses = ai_allocate(n * sizeof *s->clauses))))
        return close_all(s, handles, n);
    s->capacity = n;
    while (s->count < n) {
        if (!add(s, handles[s->count]))
            return close_all(s, handles, n);
    }
    return ai_handle(&s->object);
}
