#include "loop/signal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

struct caught {
    unsigned users; /* receivers, and who catches it for itself */
    struct sigaction before;
    _Atomic(void (*)(int)) otherwise;
};

/* `inside` counts the handlers that run. All else but what is atomic is under the lock. */
static struct {
    pthread_mutex_t lock;
    _Atomic(struct ai_signal_receiver *) first;
    atomic_uint inside;
    struct caught of[AI_SIGNALS];
} signals = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- In the handler --- */

static void note(struct ai_signal_receiver *l, int signo)
{
    atomic_fetch_add(&l->came[signo], 1);
    atomic_store(&l->some, true);
    l->loop->backend->wake(l->loop->state);
}

static bool note_everywhere(int signo)
{
    bool wanted = false;

    for (struct ai_signal_receiver *l = atomic_load(&signals.first); l; l = atomic_load(&l->next)) {
        if (!atomic_load(&l->wanted[signo]))
            continue;
        note(l, signo);
        wanted = true;
    }
    return wanted;
}

/* Where nobody wants it any more, this handler is on its way out: the signal comes again when it
 * returns, for what is to become of it now. */
static void on_signal(int signo)
{
    atomic_fetch_add(&signals.inside, 1);
    if (!note_everywhere(signo)) {
        void (*otherwise)(int) = atomic_load(&signals.of[signo].otherwise);
        if (otherwise)
            otherwise(signo);
        else
            raise(signo);
    }
    atomic_fetch_sub(&signals.inside, 1);
}

/* When the handler returns, the signal is let through. */
void ai_signal_die_of(int signo)
{
    sigaction(signo, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    raise(signo);
}

/* Handlers that began before see what there was before; they are short. */
static void wait_for_handlers(void)
{
    while (atomic_load(&signals.inside))
        sched_yield();
}

/* --- Dispositions --- */

static bool is(const struct sigaction *action, void (*handler)(int))
{
    return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == handler;
}

/* Calls that a task makes are not to fail for it, nor is its small stack to be needed. */
static int install(int signo)
{
    struct sigaction ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK}, now;

    sigfillset(&ours.sa_mask);
    if (sigaction(signo, &ours, &now))
        return -errno;
    if (!is(&now, on_signal))
        signals.of[signo].before = now;
    return 0;
}

static void restore(int signo)
{
    struct sigaction now;

    if (sigaction(signo, NULL, &now) == 0 && is(&now, on_signal))
        sigaction(signo, &signals.of[signo].before, NULL);
}

static int catch (int signo)
{
    int error = install(signo);

    signals.of[signo].users += !error;
    return error;
}

static void release(int signo)
{
    if (--signals.of[signo].users == 0)
        restore(signo);
    wait_for_handlers();
}

bool ai_signal_catch(int signo, void (*otherwise)(int signo))
{
    struct sigaction now;

    pthread_mutex_lock(&signals.lock);
    bool caught = sigaction(signo, NULL, &now) == 0 && is(&now, SIG_DFL);
    if (caught) {
        atomic_store(&signals.of[signo].otherwise, otherwise);
        caught = catch (signo) == 0;
        if (!caught)
            atomic_store(&signals.of[signo].otherwise, NULL);
    }
    pthread_mutex_unlock(&signals.lock);
    return caught;
}

void ai_signal_release(int signo)
{
    pthread_mutex_lock(&signals.lock);
    release(signo);
    atomic_store(&signals.of[signo].otherwise, NULL);
    wait_for_handlers();
    pthread_mutex_unlock(&signals.lock);
}

/* --- Receivers --- */

static void receive(struct ai_ready *ready)
{
    struct ai_signal_receiver *l = ai_container(ready, struct ai_signal_receiver, ready);

    l->fetched = false;
    for (int signo = 1; signo < AI_SIGNALS; signo++) {
        for (unsigned n = atomic_exchange(&l->came[signo], 0); n > 0; n--)
            l->deliver(l, signo);
    }
}

void ai_signal_receiver_fetch(struct ai_signal_receiver *l)
{
    if (!atomic_load_explicit(&l->some, memory_order_relaxed) || l->fetched)
        return;
    atomic_store(&l->some, false);
    l->fetched = true;
    ai_loop_push(l->loop, &l->ready);
}

int ai_signal_receiver_open(struct ai_signal_receiver *l, struct ai_loop *loop)
{
    if (!ai_ring_reserve(&loop->ready, 1))
        return -ENOMEM;
    l->ready.run = receive;
    l->loop = loop;
    loop->receiver = l;
    pthread_mutex_lock(&signals.lock);
    atomic_store(&l->next, atomic_load(&signals.first));
    atomic_store(&signals.first, l);
    pthread_mutex_unlock(&signals.lock);
    return 0;
}

bool ai_signal_receiver_listens(const struct ai_signal_receiver *l)
{
    for (int signo = 1; signo < AI_SIGNALS; signo++) {
        if (l->wanted[signo])
            return true;
    }
    return false;
}

static void take_out(struct ai_signal_receiver *l)
{
    _Atomic(struct ai_signal_receiver *) *place = &signals.first;

    while (atomic_load(place) != l)
        place = &atomic_load(place)->next;
    atomic_store(place, atomic_load(&l->next));
}

bool ai_signal_receiver_close(struct ai_signal_receiver *l)
{
    l->loop->receiver = NULL;
    if (l->fetched)
        return false;
    for (int signo = 1; signo < AI_SIGNALS; signo++)
        ai_signal_receiver_remove(l, signo);
    pthread_mutex_lock(&signals.lock);
    take_out(l);
    wait_for_handlers();
    pthread_mutex_unlock(&signals.lock);
    ai_ring_unreserve(&l->loop->ready, 1);
    return true;
}

int ai_signal_receiver_add(struct ai_signal_receiver *l, int signo)
{
    if (l->wanted[signo])
        return 0;
    atomic_store(&l->wanted[signo], true);
    pthread_mutex_lock(&signals.lock);
    int error = catch (signo);
    pthread_mutex_unlock(&signals.lock);
    if (error)
        atomic_store(&l->wanted[signo], false);
    return error;
}

/* Not before the handlers that run are through is it no longer wanted: what came in time is
 * dropped, and not taken for what nobody ever wanted. */
void ai_signal_receiver_remove(struct ai_signal_receiver *l, int signo)
{
    if (!l->wanted[signo])
        return;
    pthread_mutex_lock(&signals.lock);
    release(signo);
    pthread_mutex_unlock(&signals.lock);
    atomic_store(&l->wanted[signo], false);
    atomic_store(&l->came[signo], 0);
}

/* --- Fork --- */

void ai_signals_before_fork(void)
{
    pthread_mutex_lock(&signals.lock);
}

/* The loops, and whoever was in a handler, are the parent's. */
static void forget(void)
{
    atomic_store(&signals.first, NULL);
    atomic_store(&signals.inside, 0);
    for (int signo = 1; signo < AI_SIGNALS; signo++) {
        if (signals.of[signo].users == 0)
            continue;
        restore(signo);
        signals.of[signo].users = 0;
        atomic_store(&signals.of[signo].otherwise, NULL);
    }
}

void ai_signals_after_fork(bool child)
{
    if (child)
        forget();
    pthread_mutex_unlock(&signals.lock);
}
