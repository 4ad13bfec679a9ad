/* Signals, on their way from the handler to the loops that listen.
 *
 * There is one handler for all of the process. It counts at each receiver that wants the signal,
 * and wakes that one's loop, which is safe in any thread at any point: what has been counted before
 * the wake-up is found by the turn after it, so nothing is lost, and nobody need be interrupted.
 *
 * The receivers are a list that handlers walk without a lock. Who takes one out waits until no
 * handler is inside, and only then may it, and its loop, go away.
 *
 * A signal is caught while anybody wants it; then its disposition is again what it was, unless the
 * program has set another meanwhile. */
#ifndef AI_LOOP_SIGNAL_H
#define AI_LOOP_SIGNAL_H

#include "loop/loop.h"

#include <stdatomic.h>

enum { AI_SIGNALS = 65 }; /* they are numbered from 1 */

struct ai_signal_receiver {
    /* On the loop's thread, on the hub: the signal was delivered, once for each call. */
    void (*deliver)(struct ai_signal_receiver *l, int signo);
    /* This module's: */
    struct ai_ready ready; /* delivers what has come */
    struct ai_loop *loop;
    _Atomic(struct ai_signal_receiver *) next;
    atomic_bool some; /* has come since it was fetched */
    bool fetched;     /* and is about to be delivered */
    atomic_bool wanted[AI_SIGNALS];
    atomic_uint came[AI_SIGNALS];
};

/* Makes it the receiver of its loop, which has none. 0 or -ENOMEM. */
int ai_signal_receiver_open(struct ai_signal_receiver *l, struct ai_loop *loop);

/* Ends that. False where something is still to be delivered: again after another turn. */
bool ai_signal_receiver_close(struct ai_signal_receiver *l);

/* From here on the signal is delivered; 0, or -EINVAL for one that cannot be caught. Or no longer:
 * what has not been delivered is dropped. Both are without effect the second time. */
int ai_signal_receiver_add(struct ai_signal_receiver *l, int signo);
void ai_signal_receiver_remove(struct ai_signal_receiver *l, int signo);

/* Whether any signal is delivered. */
bool ai_signal_receiver_listens(const struct ai_signal_receiver *l);

/* Makes what has come ready to be delivered. */
void ai_signal_receiver_fetch(struct ai_signal_receiver *l);

/* Catches a signal that has its default disposition, which nobody else wants: what comes while no
 * receiver wants it is told to `otherwise`, within the handler. False if it has another. */
bool ai_signal_catch(int signo, void (*otherwise)(int signo));

/* Ends that. Afterwards `otherwise` does not run any more. */
void ai_signal_release(int signo);

/* Ends the process as the signal does, within its handler. */
void ai_signal_die_of(int signo);

/* Around fork(). In the child no loop listens. */
void ai_signals_before_fork(void);
void ai_signals_after_fork(bool child);

#endif
