/* See shutdown.h. */
#include "task/shutdown.h"

#include "base/panic.h"
#include "task/deadline.h"
#include "task/diagnose.h"
#include "task/run.h"
#include "task/thread.h"

enum { MOST = 20 };

static void say_tasks(void)
{
    unsigned told = 0;

    if (ai_thread.tasks_alive == 0)
        return;
    ai_report("It waits for %zu task%s:", ai_thread.tasks_alive,
              ai_thread.tasks_alive == 1 ? "" : "s");
    ai_list_each (node, &ai_thread.tasks) {
        if (told++ == MOST) {
            ai_report("...");
            return;
        }
        ai_report_graph(ai_container(node, struct ai_object, tasks), NULL);
    }
}

static void say_rest(void)
{
    for (const struct ai_wind_up *w = ai_thread.winding_up; w; w = w->next) {
        if (w->say)
            w->say();
    }
}

static void start(struct ai_shutdown_watch *w)
{
    int64_t next;

    if (!__builtin_add_overflow(w->begun, w->patience, &next))
        ai_deadline_start(&w->timer, next);
}

static void on_timer(struct ai_ready *ready)
{
    struct ai_shutdown_watch *w = ai_container(ready, struct ai_shutdown_watch, timer.ready);
    int64_t taken = ai_loop_now(ai_thread.loop) - w->begun;

    ai_deadline_over(&w->timer);
    ai_report("Closing the loop is taking %.3f seconds so far", (double)taken / 1e9);
    say_tasks();
    say_rest();
    /* In virtual time, who waits for others lets all of it pass at once. */
    if (!ai_thread.loop->backend->choose && !__builtin_mul_overflow(w->patience, 10, &w->patience))
        start(w);
}

void ai_shutdown_watch(struct ai_shutdown_watch *w)
{
    ai_timer_init(&w->timer, on_timer);
    w->begun = ai_loop_now(ai_thread.loop);
    if (ai_thread.debug && !__builtin_mul_overflow(ai_thread.slow, 10, &w->patience))
        start(w);
}

void ai_shutdown_unwatch(struct ai_shutdown_watch *w)
{
    ai_deadline_stop(&w->timer);
}
