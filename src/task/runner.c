/* Running coroutines from outside of any loop: a runner keeps one loop for several runs, and
 * asyncio_run() is a runner for a single one.
 *
 * The thread knows the runner whose loop it has. The main task of a run stays until the next, or
 * until the loop is closed: what it leaves behind may still name it. */
#include "base/panic.h"
#include "loop/inbox.h"
#include "task/broken_pipe.h"
#include "task/diagnose.h"
#include "task/interrupt.h"
#include "task/run.h"
#include "task/task.h"
#include "task/thread.h"

enum { CREATED, OPEN, CLOSED };

static void check_outside(const struct asyncio_runner *r, const char *what)
{
    if (ai_thread.turning || (ai_thread.loop && ai_thread.runner != r))
        ai_panic("RuntimeError: %s() cannot be called from a running event loop", what);
    if (r->asyncio__state == CLOSED)
        ai_panic("RuntimeError: Runner is closed");
    if (r->asyncio__state == OPEN && ai_thread.runner != r)
        ai_panic("RuntimeError: %s(): the runner's loop is another thread's", what);
}

static void begin_debug(struct asyncio_runner *r)
{
    r->asyncio__debug = ai_thread.debug;
    if (r->debug)
        asyncio_set_debug(r->debug > 0);
}

static int open_loop(struct asyncio_runner *r)
{
    if (r->asyncio__state == OPEN)
        return 0;
    int error = ai_run_open(r->backend);
    if (error)
        return error;
    r->asyncio__state = OPEN;
    r->asyncio__main = NULL;
    ai_thread.runner = r;
    ai_broken_pipe_begin();
    begin_debug(r);
    return 0;
}

static void drop_main(struct asyncio_runner *r)
{
    struct ai_object *o = r->asyncio__main;

    if (!o)
        return;
    r->asyncio__main = NULL;
    ai_disown(o);
    ai_unref(o);
}

static void close_loop(struct asyncio_runner *r)
{
    if (r->asyncio__state != OPEN)
        return;
    ai_run_close();
    ai_broken_pipe_end();
    drop_main(r);
    ai_thread.debug = r->asyncio__debug;
    ai_thread.runner = NULL;
    r->asyncio__state = CLOSED;
}

/* --- A run --- */

static int fail(asyncio_any h, int code)
{
    asyncio_release(h);
    ai_error_set(&ai_thread.error, ai_error_plain(code));
    return code;
}

/* Makes what is to run a task, which the runner keeps. NULL without memory. */
static struct ai_object *make_main(struct asyncio_runner *r, asyncio_any h)
{
    struct ai_object *o = ai_object_to_take(h);

    if (o && o->flags & AI_SHARED)
        ai_panic("ValueError: a coroutine was expected, got %s '%s'",
                 o->flags & AI_TASK ? "task" : "future", o->type->name);
    if (!o || !ai_ensure_task(o))
        return NULL;
    drop_main(r);
    ai_thread.main = o;
    ai_thread.loop->exact = false;
    return r->asyncio__main = ai_ref(o);
}

/* What asks the main task to end: `code` is what the run then comes to. SIGINT asks once. Waiting
 * for ever in the simulation does each time, and for a task that will not hear there is an end. */
struct request {
    int code;
    unsigned deadlocks;
};

static void turn(struct ai_object *o, struct request *r)
{
    int error = ai_run_turn(true);

    if (!error)
        return;
    if (error != -EDEADLK)
        ai_panic("the %s back-end failed: error %d", ai_thread.loop->backend->name, -error);
    if (++r->deadlocks > AI_MOST_IGNORED)
        ai_panic("coroutine '%s' waits for ever and ignores its cancellation", o->type->name);
    r->code = error;
    ai_cancel(o);
}

/* Runs until the main task is done and, as in Python, one turn more: what it made ready runs. What
 * the run comes to if that is not what the main task does: -EINTR where it was interrupted, by the
 * one request to end that SIGINT made, or too late for that; -EDEADLK. */
static int run_until_done(struct ai_object *o)
{
    bool watching = ai_interrupt_begin(ai_thread.loop);
    struct request request = {0};

    while (o->state != AI_DONE) {
        if (watching && !request.code && ai_interrupt_came() && ai_cancel(o))
            request.code = -EINTR;
        turn(o, &request);
    }
    ai_run_must_turn(false);
    bool interrupted = watching && ai_interrupt_came();
    if (watching)
        ai_interrupt_end();
    if (request.code == -EDEADLK)
        return o->flags & AI_CANCELLED ? request.code : 0;
    if (request.code)
        return o->flags & AI_CANCELLED && o->cancels <= 1 ? request.code : 0;
    return interrupted ? -EINTR : 0;
}

static int outcome(struct ai_object *o, int ended_by, void *result)
{
    if (ended_by) { /* Python's KeyboardInterrupt, which hides how the task ended */
        o->flags |= AI_RETRIEVED;
        ai_error_set(&ai_thread.error, ai_error_plain(ended_by));
        return ended_by;
    }
    if (o->error && !(o->flags & AI_CANCELLED) && !ai_result_signed(o))
        ai_report_main_failure(o);
    o->flags |= AI_RETRIEVED;
    ai_error_set(&ai_thread.error, ai_error_ref(o->error));
    return ai_result(o, result);
}

static int run(struct asyncio_runner *r, asyncio_any h, void *result)
{
    int code = h ? open_loop(r) : -ENOMEM;

    if (code)
        return fail(h, code);
    struct ai_object *o = make_main(r, h);
    if (!o)
        return fail(h, -ENOMEM);
    int ended_by = run_until_done(o);
    ai_thread.main = NULL;
    return outcome(o, ended_by, result);
}

int asyncio__run(asyncio_any h, void *result)
{
    struct asyncio_runner r = {0};

    check_outside(&r, "asyncio_run");
    int code = run(&r, h, result);
    close_loop(&r);
    return code;
}

/* --- The runner --- */

int asyncio_runner_init(struct asyncio_runner *r)
{
    check_outside(r, "asyncio_runner_init");
    return open_loop(r);
}

struct asyncio_loop *asyncio_runner_get_loop(struct asyncio_runner *r)
{
    if (r->asyncio__state != OPEN || ai_thread.runner != r)
        check_outside(r, "asyncio_runner_get_loop");
    if (open_loop(r))
        return NULL;
    ai_thread.loop->is_known = true;
    return ai_inbox_open(ai_thread.loop);
}

int asyncio__runner_run(struct asyncio_runner *r, asyncio_any h, void *result)
{
    check_outside(r, "asyncio_runner_run");
    return run(r, h, result);
}

void asyncio_runner_close(struct asyncio_runner *r)
{
    if (r->asyncio__state != OPEN)
        return;
    if (ai_thread.runner != r)
        ai_panic("RuntimeError: asyncio_runner_close(): the runner's loop is another thread's");
    if (ai_thread.turning)
        ai_panic("RuntimeError: Cannot close a running event loop");
    close_loop(r);
}

void ai_runner_forget(struct asyncio_runner *r)
{
    r->asyncio__state = CLOSED;
    ai_thread.runner = NULL;
}
