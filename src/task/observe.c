#include "task/observe.h"

#include "task/diagnose.h"
#include "task/task.h"
#include "task/thread.h"
#include "task/trace.h"

enum { SLOW_NS = 100 * 1000 * 1000 };

/* The task whose step `ready` is, or NULL. */
static struct ai_object *task_of(struct ai_ready *ready)
{
    if (ready->run == ai_task_resume)
        return &ai_container(ready, struct ai_task, waiter.ready)->root->object;
    if (ready->run == ai_task_start || ready->run == ai_task_start_now)
        return ai_container(ready, struct ai_object, ready);
    return NULL;
}

static void check_duration(struct ai_object *o, int64_t ns)
{
    char repr[1024] = "a callback";

    if (!ai_thread.debug || ns < SLOW_NS)
        return;
    if (o)
        asyncio_repr(ai_handle(o), repr, sizeof repr);
    ai_report_slow(repr, ns);
}

static void step(struct ai_loop *loop, struct ai_ready *ready)
{
    struct ai_object *o = task_of(ready);
    int64_t begun = ai_loop_now(loop);

    if (o)
        ai_ref(o);
    ready->run(ready);
    int64_t ended = ai_loop_now(loop);
    check_duration(o, ended - begun);
    ai_trace_step(o, begun, ended);
    if (o)
        ai_unref(o);
}

void ai_observe_begin(void)
{
    bool traced = ai_trace_begin();

    ai_thread.loop->observe = traced || ai_thread.debug ? step : NULL;
}

void ai_observe_end(void)
{
    ai_trace_end();
}
