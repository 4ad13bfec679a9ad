#include "task/broken_pipe.h"

#include <pthread.h>
#include <signal.h>

static struct {
    pthread_mutex_t lock;
    unsigned runners;
    bool ours; /* it is ignored because we set it so */
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Puts one disposition in the place of the other; false where it was neither. */
static bool exchange(void (*from)(int), void (*to)(int))
{
    struct sigaction now;

    if (sigaction(SIGPIPE, NULL, &now) || now.sa_flags & SA_SIGINFO || now.sa_handler != from)
        return false;
    return sigaction(SIGPIPE, &(struct sigaction){.sa_handler = to}, NULL) == 0;
}

static void put_back(void)
{
    if (state.ours)
        exchange(SIG_IGN, SIG_DFL);
    state.ours = false;
}

void ai_broken_pipe_begin(void)
{
    pthread_mutex_lock(&state.lock);
    if (state.runners++ == 0)
        state.ours = exchange(SIG_DFL, SIG_IGN);
    pthread_mutex_unlock(&state.lock);
}

void ai_broken_pipe_end(void)
{
    pthread_mutex_lock(&state.lock);
    if (--state.runners == 0)
        put_back();
    pthread_mutex_unlock(&state.lock);
}

void ai_broken_pipe_before_fork(void)
{
    pthread_mutex_lock(&state.lock);
}

/* The child has none of its parent's loops. */
void ai_broken_pipe_after_fork(bool child)
{
    if (child) {
        put_back();
        state.runners = 0;
    }
    pthread_mutex_unlock(&state.lock);
}
