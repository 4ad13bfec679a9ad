/* repr and names, as Python writes them. */
#include "task/task.h"
#include "task/thread.h"

#include <stdarg.h>
#include <string.h>

/* A buffer that is written to its end and no further. */
struct text {
    char *at;
    size_t left;
};

static void add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(t->at, t->left, format, args);
    va_end(args);
    size_t used = n < 0 ? 0 : (size_t)n < t->left ? (size_t)n : t->left ? t->left - 1 : 0;
    t->at += used;
    t->left -= used;
}

static void add_name(struct text *t, const struct ai_object *o)
{
    if (!(o->flags & AI_TASK))
        add(t, "''");
    else if (o->name & 1)
        add(t, "'Task-%lu'", (unsigned long)(o->name >> 1));
    else
        add(t, "'%s'", (const char *)o->name);
}

/* Where the root coroutine is: at the await of the coroutine it called. */
static const struct asyncio__place *place_in_root(const struct ai_task *task)
{
    const struct ai_coroutine *c = task->top;

    while (c->parent != task->root)
        c = c->parent;
    return c->place;
}

static void add_place(struct text *t, const struct ai_object *o)
{
    struct ai_task *task = o->type->await ? ai_coroutine((struct ai_object *)o)->task : NULL;

    if (o->state == AI_DONE)
        add(t, " done, defined at %s:%d", o->type->file, o->type->line);
    else if (task && task->top != task->root)
        add(t, " running at %s:%d", place_in_root(task)->file, place_in_root(task)->line);
    else if (task && task->place)
        add(t, " running at %s:%d", task->place->file, task->place->line);
}

static const char *state_of(const struct ai_object *o)
{
    if (o->state != AI_DONE)
        return asyncio_cancelling(ai_handle(o)) ? "cancelling" : "pending";
    return o->flags & AI_CANCELLED ? "cancelled" : "finished";
}

/* "EPROTO" where the C library can say it. */
static const char *error_name(int code)
{
#ifdef __GLIBC__
    const char *name = strerrorname_np(code);
    return name ? name : "error";
#else
    return strerror(code);
#endif
}

static void add_outcome(struct text *t, const struct ai_object *o)
{
    if (o->state != AI_DONE || o->flags & AI_CANCELLED)
        return;
    int code = ai_error_code(o->error);
    const char *message = ai_error_message(o->error);
    if (code && *message)
        add(t, " exception=%s('%s')", error_name(-code), message);
    else if (code)
        add(t, " exception=%s", error_name(-code));
    else if (ai_result_size(o) && ai_result_signed(o))
        add(t, " result=%lld", (long long)ai_result_integer(o, ai_result_place(o)));
}

static void add_waiting(struct text *t, const struct ai_object *o)
{
    struct ai_task *task = o->type->await ? ai_coroutine((struct ai_object *)o)->task : NULL;
    const struct ai_object *w = task ? task->waiting : NULL;

    if (!w)
        return;
    add(t, " wait_for=<%s %s", w->flags & AI_TASK ? "Task" : w->type->name, state_of(w));
    if (w->flags & AI_TASK) {
        add(t, " name=");
        add_name(t, w);
    }
    add(t, ">");
}

static void add_task(struct text *t, const struct ai_object *o)
{
    add(t, "<Task %s name=", state_of(o));
    add_name(t, o);
    add(t, " coro=<%s()", ai_type_shown(o)->name);
    if (o->type->await)
        add_place(t, o);
    add(t, ">");
    add_waiting(t, o);
    add_outcome(t, o);
    add(t, ">");
}

static void add_object(struct text *t, const struct ai_object *o)
{
    const void *address = o;

    if (o->flags & AI_TASK) {
        add_task(t, o);
    } else if (o->flags & AI_SHARED) {
        add(t, "<%s %s", o->type->name, state_of(o));
        add_outcome(t, o);
        add(t, ">");
    } else if (o->type->kind == ASYNCIO__COROUTINE) {
        add(t, "<coroutine object %s at %p>", o->type->name, address);
    } else if (o->type->kind == ASYNCIO__GENERATOR) {
        add(t, "<async_generator object %s at %p>", o->type->name, address);
    } else {
        add(t, "<%s object at %p>", o->type->name, address);
    }
}

char *asyncio_repr(asyncio_any h, char *buf, size_t n)
{
    struct text t = {buf, n};

    if (n)
        *buf = 0;
    if (h)
        add_object(&t, ai_object(h));
    else
        add(&t, "None");
    return buf;
}

int asyncio_set_name(asyncio_any h, const char *name)
{
    struct ai_object *o = ai_object(h);
    char *copy;

    if (!(o->flags & AI_TASK))
        return -EINVAL;
    if (!(copy = ai_string_copy(name)))
        return -ENOMEM;
    if (!(o->name & 1))
        ai_string_free((char *)o->name);
    o->name = (uintptr_t)copy;
    return 0;
}

const char *asyncio_get_name(asyncio_any h)
{
    static _Thread_local char number[32];
    struct ai_object *o = ai_object(h);

    if (!(o->flags & AI_TASK))
        return "";
    if (!(o->name & 1))
        return (const char *)o->name;
    snprintf(number, sizeof number, "Task-%lu", (unsigned long)(o->name >> 1));
    return number;
}
