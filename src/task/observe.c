#include "task/observe.h"

#include "task/diagnose.h"
#include "task/task.h"
#include "task/thread.h"
#include "task/trace.h"
#include "task/watchdog.h"

/* The task whose step `ready` is, or NULL. */
static struct ai_object *task_of(struct ai_ready *ready)
{
    if (ready->run == ai_task_resume)
        return &ai_container(ready, struct ai_task, waiter.ready)->root->object;
    if (ready->run == ai_task_start || ready->run == ai_task_start_now)
        return ai_container(ready, struct ai_object, ready);
    return NULL;
}

struct slow {
    struct ai_object *task;
    int64_t ns;
};

static void say_slow(void *arg)
{
    const struct slow *s = arg;
    char repr[1024] = "a callback";

    if (s->task)
        asyncio_repr(ai_handle(s->task), repr, sizeof repr);
    ai_report_slow(repr, s->ns);
}

static void step(struct ai_loop *loop, struct ai_ready *ready)
{
    struct ai_watched outer;
    struct slow slow = {.task = task_of(ready)};
    int64_t begun = ai_loop_now(loop);

    if (slow.task)
        ai_ref(slow.task);
    ai_watchdog_enter(&outer, slow.task, begun, (uintptr_t)__builtin_frame_address(0));
    ready->run(ready);
    int64_t ended = ai_loop_now(loop);
    slow.ns = ended - begun;
    ai_watchdog_leave(&outer, ai_thread.debug && slow.ns >= ai_thread.slow ? say_slow : NULL,
                      &slow);
    ai_trace_step(slow.task, begun, ended);
    if (slow.task)
        ai_unref(slow.task);
}

void ai_observe_begin(void)
{
    bool traced = ai_trace_begin();

    if (ai_thread.debug)
        ai_watchdog_begin();
    else
        ai_watchdog_end();
    ai_thread.loop->observe = traced || ai_thread.debug ? step : NULL;
}

void ai_observe_end(void)
{
    ai_watchdog_end();
    ai_trace_end();
}

/* --- The loop's debug mode --- */

void asyncio_set_debug(bool on)
{
    ai_thread_begin();
    ai_thread.debug = on;
    if (ai_thread.loop)
        ai_observe_begin();
}

bool asyncio_get_debug(void)
{
    return ai_thread_begin() && ai_thread.debug;
}

void asyncio_set_slow_callback_duration(double seconds)
{
    if (!ai_thread_begin())
        return;
    ai_thread.slow = ai_nanoseconds(seconds);
    if (ai_thread.watchdog)
        ai_watchdog_set_slow(ai_thread.watchdog, ai_thread.slow);
}

double asyncio_get_slow_callback_duration(void)
{
    return ai_thread_begin() ? (double)ai_thread.slow / 1e9 : 0;
}
