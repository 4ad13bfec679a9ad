/* The wake-up: an eventfd written at most once between two acknowledgements.
 *
 * Whoever wakes publishes its work first, then sets the flag; the loop clears the flag, then looks
 * for work. The eventfd is always emptied before the flag is cleared: the other way about, a wake
 * in between would be swallowed and the flag keep all later ones from being written. */
#ifndef AI_LOOP_WAKE_H
#define AI_LOOP_WAKE_H

#include <stdatomic.h>
#include <stdbool.h>

struct ai_wake {
    int fd;
    atomic_bool set;
};

/* Opens it, the eventfd with EFD_NONBLOCK or with 0; 0 or -errno. */
int ai_wake_open(struct ai_wake *w, int flags);

/* From any thread, any signal handler. */
void ai_wake_up(struct ai_wake *w);

static inline bool ai_wake_is_set(const struct ai_wake *w)
{
    return atomic_load_explicit(&w->set, memory_order_relaxed);
}

/* Makes it ready for the next, the eventfd having been read. */
static inline void ai_wake_clear(struct ai_wake *w)
{
    atomic_exchange_explicit(&w->set, false, memory_order_acq_rel);
}

/* Reads a non-blocking eventfd, then clears. True if there was a wake-up. */
bool ai_wake_take(struct ai_wake *w);

#endif
