/* How something failed: a code and perhaps a message.
 *
 * NULL is success. An error without a message is the code itself in a tagged pointer, so that
 * cancelling, time-outs and running out of memory allocate nothing; one with a message is counted.
 */
#ifndef AI_TASK_ERROR_H
#define AI_TASK_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

struct ai_error;

/* code < 0, or 0 for NULL. */
static inline struct ai_error *ai_error_plain(int code)
{
    return code ? (struct ai_error *)((uintptr_t)(uint32_t)-code << 1 | 1) : (struct ai_error *)0;
}

/* With a formatted message; without one where memory is short or format is NULL. */
struct ai_error *ai_error_new(int code, const char *format, va_list args);

/* The same of a message as it is. */
struct ai_error *ai_error_text(int code, const char *message);

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
