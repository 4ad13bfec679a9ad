/* The exception handler of a thread's loop: whom the library tells of what went wrong where nobody
 * awaits it. It is the loop's and goes with it. */
#include "base/panic.h"
#include "task/task.h"
#include "task/thread.h"

#include <string.h>

void asyncio_set_exception_handler(asyncio_exception_handler *handler, void *arg)
{
    ai_thread_loop("asyncio_set_exception_handler");
    ai_thread.exception_handler = handler;
    ai_thread.exception_arg = arg;
}

asyncio_exception_handler *asyncio_get_exception_handler(void **arg)
{
    if (arg)
        *arg = ai_thread.exception_handler ? ai_thread.exception_arg : NULL;
    return ai_thread.exception_handler;
}

/* What runs meanwhile is no part of the task in which it was noticed, which may be at its end. */
void asyncio_call_exception_handler(const struct asyncio_exception_context *context)
{
    struct ai_task *task = ai_thread.task;

    if (!ai_thread.exception_handler) {
        asyncio_default_exception_handler(context);
        return;
    }
    ai_thread.task = NULL;
    ai_thread.exception_handler(context, ai_thread.exception_arg);
    ai_thread.task = task;
}

/* `\nkey: repr`, or nothing. */
static const char *line(char *buf, size_t n, const char *key, asyncio_any h)
{
    if (!h)
        return "";
    int used = snprintf(buf, n, "\n%s: ", key);
    asyncio_repr(h, buf + used, n - (size_t)used);
    return buf;
}

static const char *error_line(char *buf, size_t n, const struct asyncio_exception_context *context)
{
    const char *message = context->error_message;
    bool has_message = message && *message;

    if (!context->error)
        return "";
    snprintf(buf, n, "\nerror: %d (%s)%s%s", context->error, strerror(-context->error),
             has_message ? ": " : "", has_message ? message : "");
    return buf;
}

void asyncio_default_exception_handler(const struct asyncio_exception_context *context)
{
    char task[640], future[640], error[512];

    ai_report("%s%s%s%s", context->message ? context->message : "Unhandled exception in event loop",
              line(task, sizeof task, "task", context->task),
              line(future, sizeof future, "future", context->future),
              error_line(error, sizeof error, context));
}
