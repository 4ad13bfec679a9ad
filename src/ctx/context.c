/* What surrounds a switch when a sanitizer watches; without one a switch is the machine's alone,
 * see context.h.
 *
 * AddressSanitizer has to know the bounds of every stack. ThreadSanitizer keeps for each fiber the
 * functions it is in: one entered on a fiber has to be left on it, so what tells of the switch in
 * the midst of a function is inlined there. */
#include "ctx/context.h"

#ifndef AI_SANITIZED

void ai_context_adopt(struct ai_context *c)
{
    (void)c;
}

void ai_context_discard(struct ai_context *c)
{
    (void)c;
}

#else

#ifdef AI_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef AI_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#include <stdbool.h>

/* Who switched last, so that whoever arrives can record what the sanitizer says of the stack that
 * was left; `ended` if it is never to be resumed. */
static _Thread_local struct {
    struct ai_context *context;
    void *ended; /* ThreadSanitizer's fiber of a computation that ended */
} left;

#define INLINED static inline __attribute__((always_inline))

INLINED void depart(struct ai_context *from, struct ai_context *to, bool ends)
{
    left.context = ends ? NULL : from;
#ifdef AI_ASAN
    __sanitizer_start_switch_fiber(ends ? NULL : &from->fiber.fake, to->fiber.bottom,
                                   to->fiber.size);
#endif
#ifdef AI_TSAN
    from->fiber.tsan = __tsan_get_current_fiber();
    left.ended = ends ? from->fiber.tsan : NULL;
    __tsan_switch_to_fiber(to->fiber.tsan, 0);
#endif
}

INLINED void arrive(void *fake)
{
    (void)fake;
#ifdef AI_ASAN
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(fake, &bottom, &size);
    if (left.context) {
        left.context->fiber.bottom = bottom;
        left.context->fiber.size = size;
    }
#endif
#ifdef AI_TSAN
    if (left.ended)
        __tsan_destroy_fiber(left.ended);
    left.ended = NULL;
#endif
}

static void begin(void *arg)
{
    struct ai_context *c = arg;

    arrive(NULL);
    c->fiber.entry(c->fiber.arg);
}

void ai_context_init(struct ai_context *c, void *low, void *high, void (*entry)(void *), void *arg)
{
    c->fiber = (struct ai_sanitizer_fiber){
        .entry = entry, .arg = arg, .bottom = low, .size = (size_t)((char *)high - (char *)low)};
#ifdef AI_TSAN
    c->fiber.tsan = __tsan_create_fiber(0);
#endif
    ai_machine_init(c, low, high, begin, c);
}

void ai_context_adopt(struct ai_context *c)
{
    c->fiber = (struct ai_sanitizer_fiber){0};
#ifdef AI_TSAN
    c->fiber.tsan = __tsan_get_current_fiber();
#endif
}

void ai_context_switch(struct ai_context *from, struct ai_context *to)
{
    depart(from, to, false);
    ai_machine_switch(from, to);
    arrive(from->fiber.fake);
}

void ai_context_leave(struct ai_context *from, struct ai_context *to)
{
    depart(from, to, true);
    ai_machine_leave(to);
}

void ai_context_discard(struct ai_context *c)
{
    (void)c;
#ifdef AI_TSAN
    __tsan_destroy_fiber(c->fiber.tsan);
#endif
}

#endif
