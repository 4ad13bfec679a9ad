#include "task/diagnose.h"

#include "base/alloc.h"
#include "base/backtrace.h"
#include "base/panic.h"
#include "base/where.h"
#include "task/task.h"
#include "task/thread.h"

#include <limits.h>
#include <string.h>

const char *ai_noun(const struct asyncio_awaitable_type *type)
{
    switch (type->kind) {
    case ASYNCIO__COROUTINE:
        return "coroutine";
    case ASYNCIO__GENERATOR:
        return "async generator";
    case ASYNCIO__CALLBACK:
        return "callback handle";
    case ASYNCIO__QUEUE:
        return "queue";
    case ASYNCIO__CHANNEL:
        return "channel";
    case ASYNCIO__STREAM:
        return "stream";
    case ASYNCIO__SERVER:
        return "server";
    case ASYNCIO__DATAGRAM:
        return "datagram endpoint";
    case ASYNCIO__PROCESS:
        return "process";
    case ASYNCIO__FILE:
        return "file";
    default:
        return "awaitable";
    }
}

const char *ai_function(const struct asyncio__place *place)
{
    const char *kind;

    return ai_function_name(place->function, &kind);
}

/* Where the running task is, for messages that end the program. */
static const char *here(char *buf, size_t n)
{
    struct ai_task *task = ai_thread.task;

    if (task && task->place)
        snprintf(buf, n, " (in %s() at %s:%d)", ai_function(task->place), task->place->file,
                 task->place->line);
    else
        *buf = 0;
    return buf;
}

void ai_bad_handle(asyncio_any h)
{
    struct ai_object *o = asyncio_awaitable_object(h);
    char at[512];

    if (!h)
        ai_panic("TypeError: NULL is no awaitable%s", here(at, sizeof at));
    if (!ai_is_handle(h))
        ai_panic("TypeError: %p is no awaitable%s", h, here(at, sizeof at));
    if (o->handle == (uintptr_t)h && o->state != AI_FREE)
        ai_panic("RuntimeError: %s '%s' belongs to the loop of another thread%s", ai_noun(o->type),
                 o->type->name, here(at, sizeof at));
    if (o->state == AI_FREE &&
        (o->handle == (uintptr_t)h ||
         o->handle == (((uintptr_t)h + AI_POOL_ONE_GENERATION) | AI_POOL_TAGGED)))
        ai_reused(o); /* nothing has been put in its place yet */
    ai_panic(
        "RuntimeError: cannot reuse an awaitable that is gone: a coroutine awaited twice, or a "
        "task or future used after its release or its maker's end%s",
        here(at, sizeof at));
}

void ai_reused(const struct ai_object *o)
{
    char at[512];

    if ((o->flags & (AI_SHARED | AI_ONCE)) == AI_SHARED)
        ai_panic("RuntimeError: cannot use %s '%s' after its release or its maker's end%s",
                 o->flags & AI_TASK ? "task" : "future", o->type->name, here(at, sizeof at));
    ai_panic("RuntimeError: cannot reuse already awaited %s '%s'%s", ai_noun(o->type),
             o->type->name, here(at, sizeof at));
}

void ai_report_never_awaited(struct ai_object *o)
{
    char place[512];

    if (o->type->kind == ASYNCIO__GENERATOR)
        return; /* as in Python */
    if (o->type->kind == ASYNCIO__COROUTINE)
        ai_where(ai_coroutine(o)->made_at, o->type->file, o->type->line, place, sizeof place);
    else
        *place = 0;
    ai_report("%s%sRuntimeWarning: coroutine '%s' was never awaited", place, *place ? ": " : "",
              o->type->name);
}

/* What Python tells the loop's exception handler. Whoever is told has seen it. */
static void tell(const char *message, struct ai_object *o, bool is_task)
{
    o->flags |= AI_RETRIEVED;
    asyncio_call_exception_handler(&(struct asyncio_exception_context){
        .message = message,
        .task = is_task ? ai_handle(o) : NULL,
        .future = is_task ? NULL : ai_handle(o),
        .error = ai_error_code(o->error),
        .error_message = ai_error_message(o->error),
    });
}

void ai_report_never_retrieved(struct ai_object *o)
{
    tell(o->flags & AI_TASK ? "Task exception was never retrieved"
                            : "Future exception was never retrieved",
         o, false);
}

void ai_report_destroyed_pending(struct ai_object *o)
{
    tell("Task was destroyed but it is pending!", o, true);
}

void ai_report_graph(const struct ai_object *o, const struct asyncio__place *here)
{
    int n = asyncio__format_call_graph(ai_handle(o), NULL, 0, INT_MAX, here);
    size_t size = n > 0 ? (size_t)n + 2 : 0;
    char *text = size ? ai_allocate(size) : NULL;

    if (!text)
        return;
    asyncio__format_call_graph(ai_handle(o), text, size - 1, INT_MAX, here);
    text[n] = '\n';
    ai_report_block(text);
    ai_deallocate(text, size);
}

/* A handler of the program's own has been told, and can ask for the rest. */
void ai_report_abandoned(const struct ai_task *task)
{
    struct ai_object *o = &task->root->object;
    int64_t taken = ai_loop_now(ai_thread.loop) - ai_thread.closing_since;

    ai_report_destroyed_pending(o);
    if (ai_thread.exception_handler)
        return;
    ai_report("It ignored its cancellation %u times in %.3f seconds, the last time here:",
              task->ignored, (double)taken / 1e9);
    ai_report_graph(o, task->place);
}

void ai_report_shutdown_failure(struct ai_object *o)
{
    tell("unhandled exception during asyncio.run() shutdown", o, true);
}

void ai_report_main_failure(struct ai_object *o)
{
    char message[256];

    snprintf(message, sizeof message, "coroutine '%s' failed", o->type->name);
    tell(message, o, true);
}

void ai_report_slow(const char *what, int64_t ns)
{
    ai_report("Executing %s took %.3f seconds", what, (double)ns / 1e9);
}
