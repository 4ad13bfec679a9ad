/* Event. */
#include "sync/line.h"

static int wait_step(void *self, bool cancelled)
{
    struct ai_caller *c = self;

    if (c->in_line)
        return ai_line_leave(c, cancelled) ? -ECANCELED : 1;
    if (ai_container(c->line, struct asyncio_event, line)->set)
        return 1;
    ai_line_join(c);
    return 0;
}

static int wait_at_once(void *self, void *result, const struct asyncio__place *place)
{
    const struct ai_caller *c = self;

    if (!ai_container(c->line, struct asyncio_event, line)->set)
        return ai_await_step(self, result, place);
    *(int *)result = 0;
    return ai_done_at_once(self);
}

ASYNCIO_AWAITABLE(int) asyncio_event_wait(struct asyncio_event *event)
{
    static const struct asyncio_awaitable_type type = {
        AI_CALLER_MEMBERS("Event.wait", struct ai_caller, wait_step),
        .at_once = wait_at_once,
    };

    return ai_caller_handle(ai_caller_new(&type, &event->line));
}

void asyncio_event_set(struct asyncio_event *event)
{
    if (event->set)
        return;
    event->set = true;
    ai_line_call(&event->line, SIZE_MAX);
}

void asyncio_event_clear(struct asyncio_event *event)
{
    event->set = false;
}

bool asyncio_event_is_set(const struct asyncio_event *event)
{
    return event->set;
}

char *asyncio_event_repr(const struct asyncio_event *event, char *buf, size_t n)
{
    return ai_line_repr(&event->line, "Event", event, event->set ? "set" : "unset", buf, n);
}
