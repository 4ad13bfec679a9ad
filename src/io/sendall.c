/* Sending all of it: asyncio_sendall(). */
#include "io/call.h"

#include <asyncio/io.h>

#include <errno.h>

/* One send after the other, with the call of asyncio_send(). */
struct sendall {
    struct ai_call call;
    int result;
};

static bool is_partial(const struct ai_call *call)
{
    return call->phase == AI_CALL_DONE && call->op.result > 0 &&
           (uint64_t)call->op.result < call->op.size;
}

static void go_on(struct ai_call *call)
{
    call->op.from = (const char *)call->op.from + call->op.result;
    call->op.size -= (size_t)call->op.result;
    call->phase = AI_CALL_NEW;
}

static int step(void *self, bool cancelled)
{
    struct ai_call *call = self;

    for (;;) {
        if (is_partial(call) && (cancelled || call->cancelled))
            return -ECANCELED;
        if (is_partial(call))
            go_on(call);
        int code = ai_call_step(call, cancelled);
        if (code <= 0 || !is_partial(call))
            return code;
    }
}

ASYNCIO_AWAITABLE(int) asyncio_sendall(int fd, const void *buf, size_t n)
{
    static const struct asyncio_awaitable_type type = {
        .name = "sendall",
        .size = sizeof(struct sendall),
        .result_size = sizeof(int),
        .result_offset = offsetof(struct sendall, result),
        .result_signed = true,
        .pool_class = ASYNCIO__POOL_CLASS(sizeof(struct sendall)),
        .step = step,
        .cancel = ai_call_give_up,
    };
    struct sendall *s = (struct sendall *)ai_call_new(&type);

    if (!s)
        return NULL;
    s->call.op = AI_CALL_OP(.code = AI_OP_SEND, .fd = fd, .from = buf, .size = n);
    s->result = 0;
    return ai_handle(&s->call.object);
}
