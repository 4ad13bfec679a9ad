/* The switch from one stack to another.
 *
 * A context is where a suspended computation goes on. Exactly one runs per thread; it has no
 * context of its own until it switches away. What the platform's calling convention saves across
 * a call is saved across a switch, except the floating-point control words (rounding mode,
 * exception masks), which belong to the thread: saving them would double the price of a switch.
 *
 * One folder an architecture holds the switch by hand; ucontext/ is the portable one.
 * AddressSanitizer and ThreadSanitizer are told of every switch here and nowhere else. */
#ifndef AI_CTX_CONTEXT_H
#define AI_CTX_CONTEXT_H

#include "ctx/sanitize.h"

#ifdef AI_CONTEXT_UCONTEXT
#include <ucontext.h>
#endif

struct ai_context {
#ifdef AI_CONTEXT_UCONTEXT
    ucontext_t machine;
#else
    void *sp; /* the rest of the state lies on the stack it points to */
#endif
    struct ai_sanitizer_fiber fiber; /* empty unless built with a sanitizer */
};

/* What an architecture provides: a computation's first state, and the switch. */
void ai_machine_init(struct ai_context *c, void *low, void *high, void (*entry)(void *), void *arg);
void ai_machine_switch(struct ai_context *from, struct ai_context *to);
void ai_machine_leave(struct ai_context *to);
void ai_machine_enter(struct ai_context *from, void *high, void (*entry)(void *), void *arg);
void ai_machine_become(struct ai_context *unused, void *high, void (*entry)(void *), void *arg);

/* Makes `c` a computation that begins with entry(arg) on the stack [low, high) when it is first
 * switched to. `high` is 16-byte aligned. `entry` never returns: it ends by ai_context_leave(). */
#ifdef AI_SANITIZED
void ai_context_init(struct ai_context *c, void *low, void *high, void (*entry)(void *), void *arg);
#else
#define ai_context_init ai_machine_init
#endif

/* Makes `c` fit to hold the calling thread's own computation (for the first `from`). */
void ai_context_adopt(struct ai_context *c);

/* Suspends the running computation in `from` and goes on with `to`; returns when somebody
 * switches to `from`. */
#ifdef AI_SANITIZED
void ai_context_switch(struct ai_context *from, struct ai_context *to);
#else
#define ai_context_switch ai_machine_switch
#endif

/* The same for a computation that has ended: nobody will ever switch to `from` again. It does not
 * return, but is not declared so: compilers then jump to it, which keeps the processor's prediction
 * of returns in step. It has to be the last thing its caller does. */
#ifdef AI_SANITIZED
void ai_context_leave(struct ai_context *from, struct ai_context *to);
#else
#define ai_context_leave(from, to) ai_machine_leave(((void)(from), to))
#endif

/* Making a computation and going there at once, in one: shorter, and better predicted. */
#if defined(AI_SANITIZED) || defined(AI_CONTEXT_UCONTEXT)
#define ai_context_enter(from, to, low, high, entry, arg)                                          \
    (ai_context_init(to, low, high, entry, arg), ai_context_switch(from, to))
#define ai_context_become(from, to, low, high, entry, arg)                                         \
    (ai_context_init(to, low, high, entry, arg), ai_context_leave(from, to))
#else
#define ai_context_enter(from, to, low, high, entry, arg) ai_machine_enter(from, high, entry, arg)
#define ai_context_become(from, to, low, high, entry, arg) ai_machine_become(from, high, entry, arg)
#endif

/* Frees what the sanitizers hold for a context that is suspended and will never run again. */
void ai_context_discard(struct ai_context *c);

#endif
