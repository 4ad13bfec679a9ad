/* The handler does no more than count and wake, which is safe in any thread at any point. The loop
 * it wakes stays there as long as a handler may be on its way to it: who ends the watch takes the
 * loop away first, then waits until none is inside. */
#include "task/interrupt.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static struct {
    _Atomic(struct ai_loop *) loop; /* NULL: nobody watches */
    atomic_uint came;
    atomic_uint inside; /* handlers that run */
    struct sigaction before;
} watch;

/* Ends the process as the signal does: when the handler returns, which lets the signal through. */
static void die_of(int signal)
{
    sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    raise(signal);
}

static void on_interrupt(int signal)
{
    atomic_fetch_add(&watch.inside, 1);
    struct ai_loop *loop = atomic_load(&watch.loop);
    if (loop && atomic_fetch_add(&watch.came, 1) == 0)
        loop->backend->wake(loop->state);
    else
        die_of(signal);
    atomic_fetch_sub(&watch.inside, 1);
}

static bool is(const struct sigaction *action, void (*handler)(int))
{
    return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == handler;
}

bool ai_interrupt_begin(struct ai_loop *loop)
{
    if (gettid() != getpid() || sigaction(SIGINT, NULL, &watch.before) ||
        !is(&watch.before, SIG_DFL))
        return false;
    atomic_store(&watch.came, 0);
    atomic_store(&watch.loop, loop);
    /* Calls that a task makes are not to fail for it, nor its small stack to be needed. */
    struct sigaction ours = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigemptyset(&ours.sa_mask);
    return sigaction(SIGINT, &ours, NULL) == 0;
}

bool ai_interrupt_came(void)
{
    return atomic_load_explicit(&watch.came, memory_order_relaxed);
}

static void restore(void)
{
    struct sigaction now;

    if (sigaction(SIGINT, NULL, &now) == 0 && is(&now, on_interrupt))
        sigaction(SIGINT, &watch.before, NULL);
}

void ai_interrupt_end(void)
{
    restore();
    atomic_store(&watch.loop, NULL);
    while (atomic_load(&watch.inside))
        sched_yield();
}

void ai_interrupt_forget(void)
{
    if (!atomic_load(&watch.loop))
        return;
    restore();
    atomic_store(&watch.loop, NULL);
    atomic_store(&watch.inside, 0); /* those were other threads' */
}
