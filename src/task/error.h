/* How something failed: a code, perhaps a message, perhaps members, of a group of errors.
 *
 * NULL is success. An error without a message is the code itself in a tagged pointer, so that
 * cancelling, time-outs and running out of memory allocate nothing; all others are counted.
 *
 * An error that a block puts in the place of what it was left with has marks, in the pointer too,
 * until its coroutine has ended: they tell ai_settle() what the coroutine's value says of it. */
#ifndef AI_TASK_ERROR_H
#define AI_TASK_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ai_error;

enum ai_error_mark {
    AI_ERROR_BLOCK = 2, /* stands for a cancellation, or for nothing, that a block was left with */
    AI_ERROR_RETURNS = 4, /* and the block was left by return */
    AI_ERROR_MARKS = 6,
};

/* code < 0, or 0 for NULL. */
static inline struct ai_error *ai_error_plain(int code)
{
    return code ? (struct ai_error *)((uintptr_t)(uint32_t)-code << 3 | 1) : (struct ai_error *)0;
}

/* With a formatted message; without one where memory is short or format is NULL. */
struct ai_error *ai_error_new(int code, const char *format, va_list args);

/* The same of a message as it is. */
struct ai_error *ai_error_text(int code, const char *message);

/* A group of n errors, each to be put in once, which is taken over: of the first one's code, with
 * the message "TEXT (N sub-exceptions)". NULL without memory. */
struct ai_error *ai_error_group(const struct ai_error *first, size_t n, const char *text);
void ai_error_put(struct ai_error *group, size_t i, struct ai_error *member);

/* How many errors it consists of, 0 for NULL, and the i-th; itself where it is no group. */
size_t ai_error_count(const struct ai_error *e);
const struct ai_error *ai_error_member(const struct ai_error *e, size_t i);

static inline unsigned ai_error_marks(const struct ai_error *e)
{
    return (uintptr_t)e & AI_ERROR_MARKS;
}

static inline struct ai_error *ai_error_marked(struct ai_error *e, unsigned marks)
{
    return (struct ai_error *)(((uintptr_t)e & ~(uintptr_t)AI_ERROR_MARKS) | marks);
}

int ai_error_code_of(const struct ai_error *e);
const char *ai_error_message(const struct ai_error *e);
struct ai_error *ai_error_share(struct ai_error *e);
void ai_error_unref(struct ai_error *e);

/* Success, the usual, costs no call. */
static inline int ai_error_code(const struct ai_error *e)
{
    return __builtin_expect(e != (struct ai_error *)0, 0) ? ai_error_code_of(e) : 0;
}

static inline struct ai_error *ai_error_ref(struct ai_error *e)
{
    return __builtin_expect(e != (struct ai_error *)0, 0) ? ai_error_share(e) : e;
}

static inline void ai_error_clear(struct ai_error **place)
{
    if (__builtin_expect(*place != (struct ai_error *)0, 0)) {
        ai_error_unref(*place);
        *place = (struct ai_error *)0;
    }
}

static inline void ai_error_set(struct ai_error **place, struct ai_error *e)
{
    if (__builtin_expect(*place != (struct ai_error *)0, 0))
        ai_error_unref(*place);
    *place = e;
}

#endif
