/* See wake.h. */
#include "loop/wake.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int ai_wake_open(struct ai_wake *w, int flags)
{
    w->fd = eventfd(0, flags | EFD_CLOEXEC);
    return w->fd < 0 ? -errno : 0;
}

void ai_wake_up(struct ai_wake *w)
{
    if (atomic_exchange_explicit(&w->set, true, memory_order_acq_rel))
        return;
    int saved = errno;
    /* It cannot fail: the counter never passes one or two, and no signal interrupts it. */
    ssize_t written = write(w->fd, &(uint64_t){1}, sizeof(uint64_t));
    (void)written;
    errno = saved;
}

bool ai_wake_take(struct ai_wake *w)
{
    uint64_t count;
    bool taken = read(w->fd, &count, sizeof count) == sizeof count;
    if (ai_wake_is_set(w)) {
        ai_wake_clear(w);
        taken = true;
    }
    return taken;
}
