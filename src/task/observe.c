#include "task/observe.h"

#include "task/diagnose.h"
#include "task/stack_report.h"
#include "task/step.h"
#include "task/task.h"
#include "task/thread.h"
#include "task/trace.h"
#include "task/watchdog.h"

struct ai_object *ai_observed_task_slowly(struct ai_ready *ready)
{
    if (ai_observed_is_new(ready) || ai_operation_is_finishing(ready) || ai_step_is_due(ready))
        return ai_container(ready, struct ai_object, ready);
    return NULL;
}

bool ai_observed_is_new(const struct ai_ready *ready)
{
    return ready->run == ai_task_start || ready->run == ai_task_start_now ||
           ready->run == ai_operation_begin;
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

static void run(struct ai_ready *ready, struct ai_object *o)
{
    struct ai_traced traced = {0};
    struct ai_measured measured;

    ai_stack_report_enter(&measured, ready, o);
    ai_trace_enter(&traced, ready, o);
    ready->run(ready);
    ai_trace_leave(&traced);
    ai_stack_report_leave(&measured, o);
}

/* Where the trace or the report on stacks alone asks for it. */
static void step(struct ai_loop *loop, struct ai_ready *ready)
{
    struct ai_object *o = ai_observed_task(ready);
    (void)loop;

    if (o)
        ai_ref(o);
    run(ready, o);
    if (o)
        ai_unref(o);
}

static void watched_step(struct ai_loop *loop, struct ai_ready *ready)
{
    struct ai_watched outer;
    struct slow slow = {.task = ai_observed_task(ready)};
    int64_t begun = ai_loop_now(loop);

    if (slow.task)
        ai_ref(slow.task);
    ai_watchdog_enter(&outer, slow.task, begun, (uintptr_t)__builtin_frame_address(0));
    run(ready, slow.task);
    slow.ns = ai_loop_now(loop) - begun;
    ai_watchdog_leave(&outer, ai_thread.debug && slow.ns >= ai_thread.slow ? say_slow : NULL,
                      &slow);
    if (slow.task)
        ai_unref(slow.task);
}

static void poll(bool ended)
{
    if (ended)
        ai_trace_turn();
    else
        ai_trace_wait();
}

void ai_observe_begin(void)
{
    bool traced = ai_trace_begin(), measured = ai_stack_report_begin();

    if (ai_thread.debug)
        ai_watchdog_begin();
    else
        ai_watchdog_end();
    ai_thread.loop->observe = ai_thread.debug ? watched_step : traced || measured ? step : NULL;
    ai_thread.loop->observe_poll = poll;
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
