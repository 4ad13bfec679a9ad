/* Timeouts: a time limit for a block of the running task.
 *
 * One lives where its user put it, on the task's stack as a rule, with its timer in it. From
 * entering to leaving it is linked in its task's list, so that nothing refers to it should the task
 * be abandoned. */
#include "task/timeout.h"

#include "base/panic.h"
#include "task/deadline.h"
#include "task/thread.h"
#include "task/with.h"

enum state { CREATED, ACTIVE, EXPIRING, EXPIRED, FINISHED };

_Static_assert(sizeof(struct ai_timer) == sizeof((struct asyncio_timeout){0}.timer) &&
                   sizeof(struct ai_list) == sizeof((struct asyncio_timeout){0}.link),
               "<asyncio/groups.h>");

static struct ai_timer *timer_of(struct asyncio_timeout *t)
{
    return (struct ai_timer *)(void *)t->timer;
}

static struct ai_list *link_of(struct asyncio_timeout *t)
{
    return (struct ai_list *)(void *)t->link;
}

static struct asyncio_timeout timeout_new(double when, int64_t deadline)
{
    return (struct asyncio_timeout){.when = when, .deadline = deadline};
}

struct asyncio_timeout asyncio_timeout(double seconds)
{
    ai_thread_loop("asyncio_timeout");
    return timeout_new(asyncio_time() + seconds, ai_deadline_after(seconds));
}

struct asyncio_timeout asyncio_timeout_at(double when)
{
    return timeout_new(when, ai_deadline_at(when));
}

double asyncio_timeout_when(const struct asyncio_timeout *t)
{
    return t->when;
}

bool asyncio_timeout_expired(const struct asyncio_timeout *t)
{
    return t->state == EXPIRING || t->state == EXPIRED;
}

static void expire(struct ai_ready *ready)
{
    struct asyncio_timeout *t = ai_container(ready, struct asyncio_timeout, timer);
    const struct ai_task *task = t->task;

    ai_deadline_over(timer_of(t));
    ai_cancel(&task->root->object);
    t->state = EXPIRING;
}

static int start(struct asyncio_timeout *t)
{
    if (t->deadline == AI_NEVER)
        return 0;
    if (t->deadline <= ai_loop_now(ai_thread.loop))
        return ai_deadline_soon(timer_of(t));
    return ai_deadline_start(timer_of(t), t->deadline);
}

int asyncio_timeout_reschedule(struct asyncio_timeout *t, double when)
{
    static const char *const word[] = {
        [EXPIRING] = "expiring", [EXPIRED] = "expired", [FINISHED] = "finished"};

    if (t->state == CREATED)
        ai_panic("RuntimeError: Timeout has not been entered");
    if (t->state != ACTIVE)
        ai_panic("RuntimeError: Cannot change state of %s Timeout", word[t->state]);
    ai_deadline_stop(timer_of(t));
    t->when = when;
    t->deadline = ai_deadline_at(when);
    int error = start(t);
    if (error)
        t->when = ASYNCIO_FOREVER;
    return error;
}

int ai_timeout_enter(struct asyncio_timeout *t)
{
    struct ai_task *task = ai_thread.task;

    if (t->state != CREATED)
        ai_panic("RuntimeError: Timeout has already been entered");
    if (!task)
        ai_panic("RuntimeError: Timeout should be used inside a task");
    t->task = task;
    t->cancelling = ai_task_cancels_delivered(task);
    ai_timer_init(timer_of(t), expire);
    int error = start(t);
    if (error)
        return error;
    t->state = ACTIVE;
    ai_list_append(&task->timeouts, link_of(t));
    return 0;
}

bool ai_timeout_leave(struct asyncio_timeout *t)
{
    const struct ai_task *task = t->task;

    ai_deadline_stop(timer_of(t));
    ai_list_unlink(link_of(t));
    if (t->state == ACTIVE) {
        t->state = FINISHED;
        return false;
    }
    t->state = EXPIRED;
    return asyncio_uncancel(ai_handle(&task->root->object)) <= t->cancelling;
}

static int enter(void *manager, const struct asyncio__place *place)
{
    (void)place;
    return ai_timeout_enter(manager);
}

static void leave(void *manager, const struct asyncio__place *place, bool returns)
{
    struct asyncio_timeout *t = manager;
    struct ai_task *task = t->task;
    (void)place;

    if (ai_timeout_leave(t) && ai_error_code(ai_block_error(task)) == -ECANCELED)
        ai_block_leave(task, ai_error_plain(-ETIMEDOUT), returns ? AI_ERROR_RETURNS : 0, false);
}

const struct asyncio__with_type asyncio__timeout_with = {enter, leave};

void ai_timeouts_abandon(struct ai_task *task)
{
    while (!ai_list_empty(&task->timeouts)) {
        struct ai_list *link = task->timeouts.next;
        ai_deadline_stop(timer_of(ai_container(link, struct asyncio_timeout, link)));
        ai_list_unlink(link);
    }
}
