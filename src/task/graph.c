#include "task/graph.h"

#include "task/diagnose.h"
#include "task/task.h"
#include "task/thread.h"

#include <string.h>

/* --- Who waits for whom --- */

struct walk {
    ai_graph_edge *edge;
    void *arg;
    struct ai_object *waiter;
};

static struct ai_task *task_of(const struct ai_object *o)
{
    return o->type->await ? ai_coroutine((struct ai_object *)o)->task : NULL;
}

static void *pointer_at(const char *place)
{
    void *p;

    memcpy(&p, place, sizeof p);
    return p;
}

void ai_waits_visit(const struct ai_object *o, void (*visit)(struct ai_object *x, void *arg),
                    void *arg)
{
    const struct asyncio__waits *w = o->type->waits;
    char *holder = (char *)o;

    for (unsigned i = 0; i < w->depth && holder; i++)
        holder = pointer_at(holder + w->through[i]);
    if (!holder)
        return;
    if (w->form == AI_WAITS_ONE) {
        visit(pointer_at(holder + w->at), arg);
    } else if (w->form == AI_WAITS_LIST) {
        ai_list_each (link, (struct ai_list *)(void *)(holder + w->at))
            visit(pointer_at((char *)link + w->object), arg);
    } else {
        char *first = w->form == AI_WAITS_ARRAY ? pointer_at(holder + w->at) : holder + w->at;
        size_t count = *(size_t *)(void *)(holder + w->count);
        for (size_t i = 0; i < count; i++)
            visit(pointer_at(first + i * w->stride + w->object), arg);
    }
}

static void visit_handle(asyncio_any h, void *arg);
static void visit(struct ai_object *o, void *arg);

static void visit_waited_for(struct walk *w, struct ai_object *o)
{
    if (o->type->waits)
        ai_waits_visit(o, visit, w);
    else if (o->type->waits_for)
        o->type->waits_for(o, visit_handle, w);
}

/* A task among what is waited for speaks for itself. */
static void visit(struct ai_object *o, void *arg)
{
    struct walk *w = arg;

    if (!o || o->state != AI_PENDING)
        return;
    w->edge(w->waiter, o, w->arg);
    if (!(o->flags & AI_TASK))
        visit_waited_for(w, o);
}

static void visit_handle(asyncio_any h, void *arg)
{
    visit(ai_object_if_any(h), arg);
}

static void visit_task(struct walk *w)
{
    const struct ai_task *task = task_of(w->waiter);

    if (task && task->waiting)
        visit(task->waiting, w);
    else
        visit_waited_for(w, w->waiter);
}

void ai_graph_edges(ai_graph_edge *edge, void *arg)
{
    if (ai_thread.tasks_alive == 0)
        return;
    ai_list_each (node, &ai_thread.tasks) {
        struct walk w = {edge, arg, ai_container(node, struct ai_object, tasks)};
        visit_task(&w);
    }
}

/* --- Where it is --- */

struct frames {
    struct asyncio_call_graph_frame *at;
    size_t skip, room, count;
};

static void add(struct frames *f, const char *file, int line, const char *function,
                const char *kind)
{
    size_t i = f->count++;

    if (i >= f->skip && i - f->skip < f->room)
        f->at[i - f->skip] = (struct asyncio_call_graph_frame){file, line, function, kind};
}

static void add_object(struct frames *f, const struct ai_object *o,
                       const struct asyncio__place *place)
{
    const struct asyncio_awaitable_type *type = o->type;
    const char *kind = type->kind == ASYNCIO__GENERATOR ? "async generator" : "async";

    add(f, place ? place->file : type->file, place ? place->line : type->line, type->name, kind);
}

/* Whether the place is in the very body that async() made of this coroutine. */
static bool is_in_body(const struct asyncio__place *place, const struct ai_object *o)
{
    const char *function = ai_function(place);

    return function != place->function && strcmp(function, o->type->name) == 0;
}

/* Where the coroutine that runs now is: `here`, unless that is in a function it has called. What
 * the task awaited last may have been in a coroutine that has returned since. */
static const struct asyncio__place *add_running(struct frames *f, const struct ai_task *task,
                                                const struct asyncio__place *here)
{
    const struct ai_object *top = &task->top->object;

    if (here && is_in_body(here, top))
        return here;
    if (here)
        add(f, here->file, here->line, ai_function(here), "");
    return task->place && is_in_body(task->place, top) ? task->place : NULL;
}

static void add_coroutines(struct frames *f, const struct ai_task *task,
                           const struct asyncio__place *here)
{
    const struct asyncio__place *place =
        task == ai_thread.task ? add_running(f, task, here) : task->place;

    for (const struct ai_coroutine *c = task->top;; c = c->parent) {
        add_object(f, &c->object, place);
        if (c == task->root)
            return;
        place = c->place;
    }
}

size_t ai_call_stack(const struct ai_object *o, const struct asyncio__place *here, size_t skip,
                     struct asyncio_call_graph_frame *frames, size_t room)
{
    struct frames f = {.at = frames, .skip = skip, .room = room};
    const struct ai_task *task = task_of(o);

    if (!(o->flags & AI_TASK) || o->state == AI_DONE)
        return 0;
    if (!task) {
        add_object(&f, o, NULL);
        return f.count;
    }
    if (task->waiting && !(task->waiting->flags & AI_SHARED)) /* an operation is a call too */
        add_object(&f, task->waiting, NULL);
    add_coroutines(&f, task, here);
    return f.count;
}
