#include "sync/line.h"

#include "base/panic.h"

#include <stdio.h>

/* Reading another thread's line to tell is a race; not telling would be worse. */
static void check_thread(const struct ai_caller *c)
{
    if (c && ai_pool_of(c) != &ai_pool)
        ai_panic("RuntimeError: %s() at %p is bound to a different event loop",
                 c->object.type->name, (const void *)c->line);
}

void ai_line_join(struct ai_caller *c)
{
    struct asyncio__line *line = c->line;
    struct ai_caller *last = line->last;

    check_thread(last);
    c->in_line = true;
    c->called = false;
    c->next = NULL;
    c->prev = last;
    if (last)
        last->next = c;
    else
        line->first = c;
    line->last = c;
}

static void unlink(struct ai_caller *c)
{
    struct asyncio__line *line = c->line;

    c->in_line = false;
    if (c->prev)
        c->prev->next = c->next;
    else
        line->first = c->next;
    if (c->next)
        c->next->prev = c->prev;
    else
        line->last = c->prev;
}

bool ai_line_leave(struct ai_caller *c, bool cancelled)
{
    unlink(c);
    return cancelled || !c->called;
}

void ai_caller_give_up(void *self)
{
    struct ai_caller *c = self;

    if (c->in_line)
        unlink(c);
}

void ai_caller_call(struct ai_caller *c)
{
    check_thread(c);
    c->called = true;
    ai_step_wake(&c->object);
}

void ai_line_call(struct asyncio__line *line, size_t n)
{
    for (struct ai_caller *c = line->first; c && n > 0; c = c->next) {
        if (ai_caller_is_woken(c))
            continue;
        ai_caller_call(c);
        n--;
    }
}

bool ai_line_call_next(struct asyncio__line *line)
{
    struct ai_caller *c = line->first;

    while (c && ai_caller_is_woken(c))
        c = c->next;
    if (c)
        ai_caller_call(c);
    return c;
}

bool ai_line_call_out_slowly(struct asyncio__line *line)
{
    struct ai_caller *c;

    while ((c = line->first)) {
        unlink(c);
        if (ai_caller_is_woken(c))
            continue;
        ai_caller_call(c);
        return true;
    }
    return false;
}

bool ai_line_is_waited_in_still(const struct asyncio__line *line)
{
    const struct ai_caller *c = line->first;

    while (c && ai_caller_is_woken(c) && !c->called)
        c = c->next;
    return c;
}

void ai_line_dissolve(struct asyncio__line *line)
{
    while (ai_line_call_out(line))
        continue;
}

size_t ai_line_length(const struct asyncio__line *line)
{
    size_t n = 0;

    for (const struct ai_caller *c = line->first; c; c = c->next)
        n++;
    return n;
}

char *ai_line_repr(const struct asyncio__line *line, const char *class, const void *address,
                   const char *state, char *buf, size_t n)
{
    char waiters[32] = "";
    size_t count = ai_line_length(line);

    if (count)
        snprintf(waiters, sizeof waiters, ", waiters:%zu", count);
    snprintf(buf, n, "<asyncio.locks.%s object at %p [%s%s]>", class, address, state, waiters);
    return buf;
}
