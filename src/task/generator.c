/* Asynchronous generators and the loops over them.
 *
 * A generator runs on a stack of its own but as part of the task that iterates: a step switches to
 * it and back, without the loop, and while it awaits, that task is parked. Its loop owns it and
 * ends it: where the loop is left early, async_yield makes the body return. Begun and not at its
 * end, it is linked by `owned` in its task's list of generators. */
#include "base/panic.h"
#include "task/diagnose.h"
#include "task/task.h"
#include "task/thread.h"

#include <string.h>

/* At the top of the generator's stack. */
struct run {
    struct ai_context context, consumer;
    struct ai_stack stack;
    struct ai_coroutine *generator;
    bool closing;
};

/* The generator's frame is a coroutine's; while it is begun, `task` is its run instead. */
static struct run *run_of(struct ai_coroutine *g)
{
    return (struct run *)g->task;
}

asyncio_any asyncio__generator(const struct asyncio_awaitable_type *type, void *made_at)
{
    return asyncio__coroutine(type, made_at);
}

static void end(struct run *run)
{
    struct ai_coroutine *g = run->generator;

    g->object.state = AI_DONE;
    g->task = NULL;
    ai_list_remove(&g->object.owned);
    ai_stack_give(&ai_thread.stacks, &run->stack);
    ai_context_leave(&run->context, &run->consumer);
}

static void run_body(void *arg)
{
    struct run *run = arg;

    run->generator->object.type->iterate(run->generator);
    end(run);
}

static bool begin(struct ai_task *task, struct ai_coroutine *g)
{
    struct ai_stack stack;

    if (!ai_stack_take(&ai_thread.stacks, &stack))
        return false;
    struct run *run = (struct run *)((uintptr_t)(stack.high - sizeof *run) & ~(uintptr_t)63);
    memset(run, 0, sizeof *run);
    run->stack = stack;
    run->generator = g;
    ai_context_init(&run->context, stack.low, run, run_body, run);
    g->object.state = AI_PENDING;
    g->task = (struct ai_task *)run;
    ai_list_append(&task->generators, &g->object.owned);
    return true;
}

/* How a generator that has come to its end ended: as a coroutine that returns nothing. */
static void settle(struct ai_task *task, struct ai_coroutine *g)
{
    struct ai_error *raised = g->object.error, *last = task->error;
    bool passed_on = ai_error_code(last) == -ECANCELED || ai_error_marks(last) & AI_ERROR_RETURNS;

    g->object.error = NULL;
    if (raised || !passed_on)
        ai_error_set(&task->error, raised);
    task->error = ai_error_marked(task->error, 0);
}

/* Lets the generator run to its next yield or its end; false at its end. */
static bool step(struct ai_task *task, struct ai_coroutine *g, const struct asyncio__place *place)
{
    struct run *run = run_of(g);

    g->place = place;
    g->parent = task->top;
    task->top = g;
    ai_error_set(&task->error, NULL);
    ai_context_switch(&run->consumer, &run->context);
    task->top = g->parent;
    if (g->object.state != AI_DONE)
        return true;
    settle(task, g);
    return false;
}

bool asyncio__yield(void *self, const struct asyncio__place *place)
{
    struct run *run = run_of(self);

    if (ai_thread.task)
        ai_thread.task->place = place;
    if (run->closing)
        return true;
    ai_context_switch(&run->context, &run->consumer);
    return run->closing;
}

static struct ai_task *iterating(void)
{
    if (!ai_thread.task)
        ai_panic("RuntimeError: async_for outside of a task");
    return ai_thread.task;
}

struct asyncio__for asyncio__for_begin(asyncio_any it, const struct asyncio__place *place)
{
    struct ai_task *task = iterating();
    struct asyncio__for f = {.place = place, .again = true};

    if (!it) {
        ai_error_set(&task->error, ai_error_plain(-ENOMEM));
        return f;
    }
    task->place = place;
    struct ai_object *o = ai_object(it);
    if (o->type->kind != ASYNCIO__GENERATOR)
        ai_panic("TypeError: 'async for' requires an async iterator, got %s '%s'", ai_noun(o->type),
                 o->type->name);
    ai_take(o);
    if (!o->type->next && !begin(task, ai_coroutine(o))) {
        ai_error_set(&task->error, ai_error_plain(-ENOMEM));
        ai_unref(o);
        return f;
    }
    f.iterator = ai_handle(o);
    f.value = ai_result_place(o);
    return f;
}

bool asyncio__for_next(struct asyncio__for *f)
{
    if (!f->iterator || !f->again)
        return false;
    f->again = false;
    struct ai_object *o = ai_object(f->iterator);
    if (o->type->next ? o->type->next(o, f->place) > 0
                      : step(iterating(), ai_coroutine(o), f->place))
        return true;
    f->iterator = NULL;
    ai_unref(o);
    return false;
}

static void close_generator(struct ai_coroutine *g, const struct asyncio__place *place)
{
    struct ai_task *task = iterating();
    struct ai_error *kept = ai_error_keep(task);

    run_of(g)->closing = true;
    while (step(task, g, place))
        continue;
    ai_error_restore(task, kept);
}

void asyncio__for_end(struct asyncio__for *f)
{
    if (!f->iterator)
        return;
    struct ai_object *o = ai_object(f->iterator);

    f->iterator = NULL;
    if (!o->type->next)
        close_generator(ai_coroutine(o), f->place);
    ai_unref(o);
}

void ai_generators_abandon(struct ai_task *task)
{
    while (!ai_list_empty(&task->generators)) {
        struct ai_object *o = ai_container(task->generators.next, struct ai_object, owned);
        struct run *run = run_of(ai_coroutine(o));
        ai_list_remove(&o->owned);
        ai_stack_give(&ai_thread.stacks, &run->stack);
        ai_unref(o);
    }
}
