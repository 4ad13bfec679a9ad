#include "io/now.h"

#include "base/list.h"
#include "task/thread.h"

#include <errno.h>
#include <unistd.h>

struct now {
    struct ai_op op;
    uint8_t under_way;
};

static void done(struct ai_op *op)
{
    ai_container(op, struct now, op)->under_way = false;
}

/* A wake-up that was meant for the loop may have been taken here. */
void ai_wait_out(const uint8_t *phase, uint8_t while_it_is)
{
    struct ai_loop *loop = ai_thread.loop;

    if (*phase != while_it_is)
        return;
    while (*phase == while_it_is && ai_loop_wait(loop, INT64_MAX) >= 0)
        ;
    loop->backend->wake(loop->state);
}

int64_t ai_now(struct ai_op op)
{
    struct ai_loop *loop = ai_thread.loop;
    struct now n = {.op = op, .under_way = true};

    n.op.done = done;
    ai_list_init(&n.op.link);
    int taken = ai_loop_submit(loop, &n.op);
    if (taken < 0)
        return taken;
    if (taken == 0)
        ai_wait_out(&n.under_way, true);
    return n.op.result;
}

void ai_close(int fd)
{
    if (!ai_thread.loop || ai_now((struct ai_op){.code = AI_OP_CLOSE, .fd = fd}) == -ENOMEM)
        close(fd);
}
