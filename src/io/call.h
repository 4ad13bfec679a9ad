/* The awaitable of one system call: a back-end operation, and the object that waits for it.
 *
 * The object goes on in steps (task/step.h). Its first step submits the operation, and if that is
 * done at once, so is the await. Otherwise the operation is under way until its completion is
 * reaped, and for so long the object is not freed and its step does not end, however often it is
 * cancelled: the kernel may still be writing to the caller's buffer. A call that succeeded before
 * its cancellation came through has succeeded; the cancellation is put off to the next await. */
#ifndef AI_IO_CALL_H
#define AI_IO_CALL_H

#include "task/step.h"

#include <sys/types.h>

enum ai_call_phase { AI_CALL_NEW, AI_CALL_UNDER_WAY, AI_CALL_DONE };

struct ai_call {
    struct ai_object object;
    struct ai_op op;
    ssize_t size; /* the result, as a ssize_t and as an int */
    int number;
    uint8_t phase;
    bool cancelled;
    /* Called when the call has been made, with its result, on its way to the caller; or NULL. */
    void (*after)(struct ai_call *call);
};

int ai_call_step(void *self, bool cancelled);
void ai_call_give_up(void *self);

/* A type of calls whose result is of the type of this member. */
#define AI_CALL_TYPE(label, structure, member)                                                     \
    {                                                                                              \
        .name = label, .size = sizeof(structure),                                                  \
        .result_size = sizeof(((struct ai_call *)0)->member),                                      \
        .result_offset = offsetof(struct ai_call, member), .result_signed = true,                  \
        .pool_class = ASYNCIO__POOL_CLASS(sizeof(structure)), .step = ai_call_step,                \
        .cancel = ai_call_give_up,                                                                 \
    }

/* The done() of its operation. */
void ai_call_done(struct ai_op *op);

/* An unused call of this type, whose operation is to be set. NULL without memory. */
struct ai_call *ai_call_new(const struct asyncio_awaitable_type *type);

#define AI_CALL_OP(...)                                                                            \
    (struct ai_op)                                                                                 \
    {                                                                                              \
        .done = ai_call_done, __VA_ARGS__                                                          \
    }

static inline asyncio_any ai_call_handle(const struct ai_call *call)
{
    return call ? ai_handle(&call->object) : NULL;
}

/* Returns, from a constructor, the handle of a call that makes this operation. */
#define AI_CALL_SIZED(label, ...) AI_CALL_RETURN(label, size, __VA_ARGS__)
#define AI_CALL_NUMBER(label, ...) AI_CALL_RETURN(label, number, __VA_ARGS__)

#define AI_CALL_RETURN(label, member, ...)                                                         \
    static const struct asyncio_awaitable_type type = AI_CALL_TYPE(label, struct ai_call, member); \
    struct ai_call *call = ai_call_new(&type);                                                     \
    if (call)                                                                                      \
        call->op = AI_CALL_OP(__VA_ARGS__);                                                        \
    return ai_call_handle(call)

/* The offset of a transfer that is to fail with EINVAL. */
#define AI_CALL_BAD_OFFSET INT64_MIN

/* What has been had at once, time and again, keeps all others waiting: true when it is time for a
 * turn of the loop. To be asked after each operation that was done at once. */
bool ai_call_overstays(void);

#endif
