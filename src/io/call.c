#include "io/call.h"

#include "io/now.h"
#include "task/make.h"

#include <errno.h>
#include <unistd.h>

enum { AT_ONCE = 32 }; /* calls in a row that one task may make without a turn of the loop */

bool ai_call_overstays(void)
{
    static _Thread_local const struct ai_task *last;
    static _Thread_local unsigned count;

    count = ai_thread.task == last ? count + 1 : 1;
    last = ai_thread.task;
    if (count <= AT_ONCE)
        return false;
    count = 0;
    return true;
}

void ai_call_done(struct ai_op *op)
{
    struct ai_call *call = ai_container(op, struct ai_call, op);

    call->phase = AI_CALL_DONE;
    if (call->object.state == AI_PENDING)
        ai_step_wake(&call->object);
    ai_unref(&call->object);
}

/* The code of a step. */
static int finish(struct ai_call *call, bool cancelled)
{
    int64_t result = call->op.result;

    if (call->after)
        call->after(call);
    if (result < 0)
        return cancelled ? -ECANCELED : (int)result;
    if (cancelled)
        ai_step_put_off(&call->object);
    call->size = (ssize_t)result;
    call->number = (int)result;
    return 1;
}

static int submit(struct ai_call *call)
{
    struct ai_loop *loop = ai_thread.loop;
    if (call->op.offset == AI_CALL_BAD_OFFSET)
        return -EINVAL;
    int taken = ai_loop_submit(loop, &call->op);

    if (taken < 0 && call->op.code == AI_OP_CLOSE)
        close(call->op.fd); /* for want of memory: it is closed whatever happens */
    if (taken < 0)
        return taken;
    if (taken == 0) {
        call->phase = AI_CALL_UNDER_WAY;
        ai_ref(&call->object);
        return 0;
    }
    call->phase = AI_CALL_DONE;
    if (!ai_call_overstays())
        return finish(call, false);
    ai_step_wake(&call->object);
    return 0;
}

static void cancel(struct ai_call *call)
{
    struct ai_loop *loop = ai_thread.loop;

    call->cancelled = true;
    if (call->op.code != AI_OP_CLOSE) /* whose descriptor would stay open */
        loop->backend->cancel(loop->state, &call->op);
}

int ai_call_step(void *self, bool cancelled)
{
    struct ai_call *call = self;

    if (call->phase == AI_CALL_DONE)
        return finish(call, cancelled || call->cancelled);
    if (call->phase == AI_CALL_NEW)
        return cancelled ? -ECANCELED : submit(call);
    if (cancelled)
        cancel(call);
    return 0;
}

/* The shutdown does not wait for it, but the kernel has to be waited for. */
void ai_call_give_up(void *self)
{
    struct ai_call *call = self;

    ai_wait_out(&call->phase, AI_CALL_UNDER_WAY);
}

struct ai_call *ai_call_new(const struct asyncio_awaitable_type *type)
{
    struct ai_call *call = ai_object_make(type);

    if (!call)
        return NULL;
    call->phase = AI_CALL_NEW;
    call->cancelled = false;
    call->after = NULL;
    return call;
}
