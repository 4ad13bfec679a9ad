#include "io/process_child.h"

#include "base/alloc.h"
#include "base/panic.h"
#include "io/process_orphan.h"
#include "io/process_wait.h"
#include "task/run.h"
#include "task/thread.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of this thread, that are watched. */
static _Thread_local struct ai_list all;

struct ai_child *ai_child_new(void)
{
    struct ai_child *c = ai_allocate(sizeof *c);

    if (!c)
        return NULL;
    ai_list_init(&c->link);
    ai_list_init(&c->op.link);
    ai_list_init(&c->waiting);
    c->refs = 1;
    c->fd = -1;
    return c;
}

void ai_child_unref(struct ai_child *c)
{
    if (--c->refs == 0)
        ai_deallocate(c, sizeof *c);
}

/* What a process does takes real time. */
static void expect(struct ai_child *c, bool expected)
{
    struct ai_loop *loop = ai_thread.loop;

    if (loop && c->expected != expected)
        ai_loop_expect(loop, expected ? 1 : -1);
    c->expected = expected;
}

void ai_child_release(struct ai_child *c)
{
    expect(c, false);
    ai_child_unref(c);
}

int ai_child_signal(const struct ai_child *c, int signo)
{
    if (c->ended) /* or is not ours any more */
        return -ESRCH;
    long sent = syscall(SYS_pidfd_send_signal, (long)c->fd, (long)signo, NULL, 0L);
    return sent < 0 ? -errno : 0;
}

/* --- Its end --- */

static void leave(struct ai_child *c)
{
    ai_list_remove(&c->link);
    ai_child_unref(c);
}

static void closed(struct ai_op *op)
{
    leave(ai_container(op, struct ai_child, op));
}

/* By the back-end, which has come to know the descriptor. */
static void close_descriptor(struct ai_child *c)
{
    struct ai_loop *loop = ai_thread.loop;

    c->op = (struct ai_op){.done = closed, .code = AI_OP_CLOSE, .fd = c->fd};
    ai_list_init(&c->op.link);
    if (ai_loop_submit(loop, &c->op) == 0)
        return;
    if (c->op.result < 0)
        close(c->fd);
    leave(c);
}

/* The poll told that it has ended; or it failed, and then it is waited for here. */
static void take_status(struct ai_child *c)
{
    c->code = ai_spawn_reap(c->fd);
    if (c->code == AI_CHILD_LOST) {
        c->code = AI_CHILD_UNKNOWN;
        ai_report(
            "asyncio: child process pid %d exit status already read: will report returncode %d",
            (int)c->pid, c->code);
    }
    c->ended = true;
    expect(c, false);
    ai_child_waits_wake(c);
    close_descriptor(c);
}

static void polled(struct ai_op *op)
{
    struct ai_child *c = ai_container(op, struct ai_child, op);

    if (op->result != -ECANCELED) {
        take_status(c);
        return;
    }
    expect(c, false); /* the loop ends before it does: others will take its status */
    ai_orphan_adopt(c->fd);
    c->code = AI_CHILD_UNKNOWN;
    c->ended = true;
    leave(c);
}

/* --- The loop's end --- */

static bool wind_up(void)
{
    struct ai_loop *loop = ai_thread.loop;

    ai_list_each (node, &all) {
        struct ai_child *c = ai_container(node, struct ai_child, link);
        if (c->op.code == AI_OP_POLL)
            loop->backend->cancel(loop->state, &c->op);
    }
    if (!ai_list_empty(&all))
        return true;
    ai_orphans_leave();
    return false;
}

static void forget(void)
{
    ai_list_init(&all);
}

static _Thread_local struct ai_wind_up winding_up = {.step = wind_up, .forget = forget};

/* --- Its beginning --- */

static int watch(struct ai_child *c)
{
    struct ai_loop *loop = ai_thread.loop;

    c->op = (struct ai_op){.done = polled, .code = AI_OP_POLL, .fd = c->fd, .flags = POLLIN};
    ai_list_init(&c->op.link);
    return ai_loop_submit(loop, &c->op);
}

static int fail(struct ai_child *c, int error)
{
    ai_child_signal(c, SIGKILL);
    ai_spawn_reap(c->fd);
    close(c->fd);
    c->fd = -1;
    return error;
}

int ai_child_start(struct ai_child *c, const struct ai_spawn *s)
{
    if (ai_thread.loop->deaf) /* nobody would wind it up any more */
        return -ESHUTDOWN;
    c->fd = ai_spawn(s, &c->pid);
    if (c->fd < 0)
        return c->fd;
    int taken = watch(c);
    if (taken < 0)
        return fail(c, taken);
    if (!all.next)
        ai_list_init(&all);
    ai_list_append(&all, &c->link);
    ai_wind_up_later(&winding_up);
    c->refs++;
    if (taken > 0)
        take_status(c);
    else
        expect(c, true);
    return 0;
}
