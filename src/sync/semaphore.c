/* Semaphore and BoundedSemaphore. Who is called has its 1 already: nobody can take it away before
 * its step, and if it is cancelled it gives it back. */
#include "base/panic.h"
#include "sync/line.h"

#include <stdio.h>

static bool call_next(struct asyncio_semaphore *s)
{
    bool called = ai_line_call_next(&s->line);

    s->value -= called;
    return called;
}

static int ask(struct asyncio_semaphore *s, struct ai_caller *c)
{
    if (asyncio_semaphore_locked(s)) {
        ai_line_join(c);
        return 0;
    }
    s->value--;
    return 1;
}

/* While one who was called had not gone on yet, others had to wait though there was enough. */
static int go_on(struct asyncio_semaphore *s, struct ai_caller *c, bool cancelled)
{
    cancelled = ai_line_leave(c, cancelled);
    s->value += cancelled && c->called;
    while (s->value > 0 && call_next(s))
        ;
    return cancelled ? -ECANCELED : 1;
}

static int acquire_step(void *self, bool cancelled)
{
    struct ai_caller *c = self;
    struct asyncio_semaphore *s = ai_container(c->line, struct asyncio_semaphore, line);

    return c->in_line ? go_on(s, c, cancelled) : ask(s, c);
}

static int acquire_at_once(void *self, void *result, const struct asyncio__place *place)
{
    const struct ai_caller *c = self;
    struct asyncio_semaphore *s = ai_container(c->line, struct asyncio_semaphore, line);

    if (s->value == 0 || s->line.first)
        return ai_await_step(self, result, place);
    s->value--;
    *(int *)result = 0;
    return ai_done_at_once(self);
}

static void check_value(long value)
{
    if (value < 0)
        ai_panic("ValueError: Semaphore initial value must be >= 0");
}

struct asyncio_semaphore asyncio_semaphore(long value)
{
    check_value(value);
    return (struct asyncio_semaphore){.value = value};
}

ASYNCIO_AWAITABLE(int) asyncio_semaphore_acquire(struct asyncio_semaphore *semaphore)
{
    static const struct asyncio_awaitable_type type = {
        AI_CALLER_MEMBERS("Semaphore.acquire", struct ai_caller, acquire_step),
        .at_once = acquire_at_once,
    };

    return ai_caller_handle(ai_caller_new(&type, &semaphore->line));
}

void asyncio_semaphore_release(struct asyncio_semaphore *semaphore)
{
    semaphore->value++;
    call_next(semaphore);
}

bool asyncio_semaphore_locked(const struct asyncio_semaphore *semaphore)
{
    return semaphore->value == 0 || ai_line_is_waited_in(&semaphore->line);
}

static char *repr(const struct asyncio_semaphore *s, const char *class, char *buf, size_t n)
{
    char state[48] = "locked";

    if (!asyncio_semaphore_locked(s))
        snprintf(state, sizeof state, "unlocked, value:%ld", s->value);
    return ai_line_repr(&s->line, class, s, state, buf, n);
}

char *asyncio_semaphore_repr(const struct asyncio_semaphore *semaphore, char *buf, size_t n)
{
    return repr(semaphore, "Semaphore", buf, n);
}

/* --- Bounded --- */

struct asyncio_bounded_semaphore asyncio_bounded_semaphore(long value)
{
    return (struct asyncio_bounded_semaphore){asyncio_semaphore(value), value};
}

ASYNCIO_AWAITABLE(int)
asyncio_bounded_semaphore_acquire(struct asyncio_bounded_semaphore *semaphore)
{
    return asyncio_semaphore_acquire(&semaphore->semaphore);
}

void asyncio_bounded_semaphore_release(struct asyncio_bounded_semaphore *semaphore)
{
    if (semaphore->semaphore.value >= semaphore->bound)
        ai_panic("ValueError: BoundedSemaphore released too many times");
    asyncio_semaphore_release(&semaphore->semaphore);
}

bool asyncio_bounded_semaphore_locked(const struct asyncio_bounded_semaphore *semaphore)
{
    return asyncio_semaphore_locked(&semaphore->semaphore);
}

char *asyncio_bounded_semaphore_repr(const struct asyncio_bounded_semaphore *semaphore, char *buf,
                                     size_t n)
{
    return repr(&semaphore->semaphore, "BoundedSemaphore", buf, n);
}
