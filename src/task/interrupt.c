#include "task/interrupt.h"

#include "loop/signal.h"

#include <signal.h>
#include <unistd.h>

static struct {
    struct ai_loop *loop;
    atomic_uint came;
} watch;

/* In the handler, where no loop listens to the signal itself. */
static void on_interrupt(int signo)
{
    if (atomic_fetch_add(&watch.came, 1) == 0)
        watch.loop->backend->wake(watch.loop->state);
    else
        ai_signal_die_of(signo);
}

bool ai_interrupt_begin(struct ai_loop *loop)
{
    if (gettid() != getpid())
        return false;
    atomic_store(&watch.came, 0);
    watch.loop = loop;
    return ai_signal_catch(SIGINT, on_interrupt);
}

bool ai_interrupt_came(void)
{
    return atomic_load_explicit(&watch.came, memory_order_relaxed);
}

void ai_interrupt_end(void)
{
    ai_signal_release(SIGINT);
}
