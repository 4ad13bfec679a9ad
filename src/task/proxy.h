/* What stands for another awaitable and has room for its result. It takes the one inside when it is
 * made. */
#ifndef AI_TASK_PROXY_H
#define AI_TASK_PROXY_H

#include "task/task.h"

struct ai_proxy {
    struct ai_sized sized;
    struct ai_object *inner; /* a reference; NULL when it was given away */
};

/* Of a type whose result lies at AI_PROXY_RESULT(sizeof its structure), where zeroed room for it
 * is made. NULL for NULL and without memory; the one inside is closed then. */
struct ai_proxy *ai_proxy_new(const struct asyncio_awaitable_type *type, struct ai_object *inner);

#define AI_PROXY_RESULT(size) (((size) + 15) & ~(size_t)15)

/* For the type: what it waits for, and letting go of it. */
extern const struct asyncio__waits ai_proxy_waits;
void ai_proxy_destroy(void *self);

/* Ends a coroutine of the library's as its last await ended: it raises what that met, and where
 * that gave no value, `code` < 0, puts in place what stands for one. */
void ai_proxy_raise(struct ai_object *o, int code, void *result);

#endif
