/* Failing, and asking how the last await of what runs failed. */
#include "base/panic.h"
#include "task/task.h"
#include "task/thread.h"

/* Where the error of what runs is put, NULL where nobody would look for it. */
static struct ai_error **raised_here(void)
{
    if (ai_thread.task)
        return &ai_thread.task->top->object.error;
    struct ai_plain_call *call = ai_thread_plain_call();
    return call ? &call->error : NULL;
}

int asyncio_raise(int error, const char *format, ...)
{
    struct ai_error **place = raised_here();

    if (error >= 0)
        ai_panic("asyncio_raise(%d): an error is negative", error);
    if (place) {
        va_list args;
        va_start(args, format);
        ai_error_set(place, ai_error_new(error, format, args));
        va_end(args);
    }
    return error;
}

void ai_thread_set_error(struct ai_error *error)
{
    if (ai_thread.task) {
        ai_error_set(&ai_thread.task->error, error);
    } else if (ai_thread_begin()) { /* its end lets go of it */
        ai_error_set(&ai_thread.error, error);
    } else {
        ai_error_unref(error);
        ai_thread.error = ai_error_plain(-ENOMEM);
    }
}

void asyncio__set_error(int code, const char *message)
{
    ai_thread_set_error(code && message ? ai_error_text(code, message) : ai_error_plain(code));
}

static const struct ai_error *last_error(void)
{
    return ai_thread.task ? ai_thread.task->error : ai_thread.error;
}

int asyncio_error(void)
{
    return ai_error_code(last_error());
}

const char *asyncio_error_message(void)
{
    return ai_error_message(last_error());
}

size_t asyncio_error_count(void)
{
    return ai_error_count(last_error());
}

int asyncio_error_at(size_t i, const char **message)
{
    const struct ai_error *e = last_error();

    e = i < ai_error_count(e) ? ai_error_member(e, i) : NULL;
    if (message)
        *message = ai_error_message(e);
    return ai_error_code(e);
}
