#include "task/error.h"

#include "base/alloc.h"

#include <stdatomic.h>
#include <stdio.h>

struct ai_error {
    int code;
    atomic_uint refs; /* of a concurrent future, it is shared by threads */
    size_t size;
    size_t count;             /* members of a group, else 0 */
    struct ai_error **member; /* behind the message */
    char message[];
};

static bool is_plain(const struct ai_error *e)
{
    return (uintptr_t)e & 1;
}

/* The block of one that is not plain. */
static struct ai_error *block(const struct ai_error *e)
{
    return ai_error_marked((struct ai_error *)e, 0);
}

/* With room for a message and for members, counted once. */
static struct ai_error *error_new(int code, size_t length, size_t count)
{
    enum { ALIGN = sizeof(struct ai_error *) };
    size_t head = (sizeof(struct ai_error) + length + 1 + ALIGN - 1) / ALIGN * ALIGN;
    size_t size = head + count * sizeof(struct ai_error *);
    struct ai_error *e = ai_allocate(size);

    if (!e)
        return NULL;
    *e = (struct ai_error){.code = code, .refs = 1, .size = size, .count = count};
    e->member = (struct ai_error **)(void *)((char *)e + head);
    return e;
}

struct ai_error *ai_error_new(int code, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = format ? vsnprintf(NULL, 0, format, again) : -1;
    va_end(again);
    struct ai_error *e = length < 0 ? NULL : error_new(code, (size_t)length, 0);
    if (!e)
        return ai_error_plain(code);
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

struct ai_error *ai_error_group(const struct ai_error *first, size_t n, const char *text)
{
    const char *format = n == 1 ? "%s (%zu sub-exception)" : "%s (%zu sub-exceptions)";
    size_t length = (size_t)snprintf(NULL, 0, format, text, n);
    struct ai_error *e = error_new(ai_error_code(first), length, n);

    if (e)
        snprintf(e->message, length + 1, format, text, n);
    return e;
}

void ai_error_put(struct ai_error *group, size_t i, struct ai_error *member)
{
    group->member[i] = member;
}

size_t ai_error_count(const struct ai_error *e)
{
    if (!e || is_plain(e) || block(e)->count == 0)
        return e != NULL;
    return block(e)->count;
}

const struct ai_error *ai_error_member(const struct ai_error *e, size_t i)
{
    return is_plain(e) || block(e)->count == 0 ? e : block(e)->member[i];
}

int ai_error_code_of(const struct ai_error *e)
{
    if (is_plain(e))
        return -(int)((uintptr_t)e >> 3);
    return block(e)->code;
}

const char *ai_error_message(const struct ai_error *e)
{
    return e && !is_plain(e) ? block(e)->message : "";
}

struct ai_error *ai_error_share(struct ai_error *e)
{
    if (!is_plain(e))
        atomic_fetch_add_explicit(&block(e)->refs, 1, memory_order_relaxed);
    return e;
}

static void destroy(struct ai_error *e)
{
    for (size_t i = 0; i < e->count; i++)
        ai_error_unref(e->member[i]);
    ai_deallocate(e, e->size);
}

void ai_error_unref(struct ai_error *e)
{
    if (!e || is_plain(e))
        return;
    e = block(e);
    if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1)
        destroy(e);
}
