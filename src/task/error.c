#include "task/error.h"

#include "base/alloc.h"

#include <stdatomic.h>
#include <stdio.h>

struct ai_error {
    int code;
    atomic_uint refs; /* of a concurrent future, it is shared by threads */
    size_t size;
    char message[];
};

static bool is_plain(const struct ai_error *e)
{
    return (uintptr_t)e & 1;
}

struct ai_error *ai_error_new(int code, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = format ? vsnprintf(NULL, 0, format, again) : -1;
    va_end(again);
    if (length < 0)
        return ai_error_plain(code);

    size_t size = sizeof(struct ai_error) + (size_t)length + 1;
    struct ai_error *e = ai_allocate(size);
    if (!e)
        return ai_error_plain(code);
    *e = (struct ai_error){.code = code, .refs = 1, .size = size};
    vsnprintf(e->message, (size_t)length + 1, format, args);
    return e;
}

static struct ai_error *formatted(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static struct ai_error *formatted(int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    struct ai_error *e = ai_error_new(code, format, args);
    va_end(args);
    return e;
}

struct ai_error *ai_error_text(int code, const char *message)
{
    return formatted(code, "%s", message);
}

int ai_error_code_of(const struct ai_error *e)
{
    if (is_plain(e))
        return -(int)((uintptr_t)e >> 1);
    return e->code;
}

const char *ai_error_message(const struct ai_error *e)
{
    return e && !is_plain(e) ? e->message : "";
}

struct ai_error *ai_error_share(struct ai_error *e)
{
    if (!is_plain(e))
        atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return e;
}

void ai_error_unref(struct ai_error *e)
{
    if (e && !is_plain(e) && atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1)
        ai_deallocate(e, e->size);
}
