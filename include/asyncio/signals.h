/* Signals: handlers that the loop calls, and signals to wait for. Included by <asyncio.h>.
 *
 *     async_for (int signo, asyncio_signals(SIGHUP, SIGTERM)) {
 *         if (signo == SIGTERM)
 *             break;
 *         await(reload());
 *     }
 *
 * What these do takes place in the loop, never within a signal's handler, and may use all of the
 * library. A signal is caught for the whole process, whichever thread it was sent to; several loops
 * may want the same one, and each gets it. (Python has signals for the main thread alone.) Each
 * delivery counts, but the kernel merges those of one number that it could not deliver yet, unless
 * it is a real-time signal. System calls that a signal interrupts are restarted.
 *
 * When nobody wants the signal any more, at the end of the loop at the latest, its disposition is
 * again what it was before (in Python, the default).
 *
 * Signal numbers are those of <signal.h>. One that does not exist ends the program, and so does one
 * that cannot be caught; SIGSEGV, SIGBUS, SIGILL and SIGFPE, which the program makes itself and to
 * which it has to answer on the spot, are among these. */
#ifndef ASYNCIO_SIGNALS_H
#define ASYNCIO_SIGNALS_H

#include <asyncio/language.h>

#pragma GCC visibility push(default)

/* callback(arg) is called in the loop each time that the signal comes, in a copy of the current
 * context; it must not await. It takes the place of the one before it. 0 or -ENOMEM; -ESHUTDOWN
 * when the loop is at its very end. Aborts without a loop.
 *
 * With a handler for SIGINT, that does not end the run (see <asyncio/runner.h>). */
int asyncio_add_signal_handler(int signo, void (*callback)(void *), void *arg);

/* The handler is called no more, and what is kept of the signal (see below) forgotten. false if
 * there was neither. */
bool asyncio_remove_signal_handler(int signo);

/* asyncio_signal_wait(SIGTERM, SIGHUP, …): awaitable(int). Waits for any of these signals: which
 * one. Everybody who waits gets it. From the first wait on until the loop's end, or until
 * asyncio_remove_signal_handler(), the signal is caught, and when it comes while nobody is there
 * for it, neither a wait nor a handler nor an asyncio_signals(), it is kept for the next wait: so
 * none is missed between two waits. -ECANCELED: none came; one that did is given all the same, and
 * the cancellation comes with the next await. -ENOMEM; -ESHUTDOWN as above. */
#define asyncio_signal_wait(...) asyncio__signal_wait((const int[]){__VA_ARGS__, 0})
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio__signal_wait(const int *signals);

/* async_for (int signo, asyncio_signals(SIGTERM, SIGHUP, …)): each of these signals that comes from
 * the beginning of the loop to its end, also while its body runs; those that came meanwhile follow
 * in the order of their numbers. asyncio_error() behind the loop tells whether it was left by a
 * failure, -ECANCELED and so on, as above. */
#define asyncio_signals(...) asyncio__signals((const int[]){__VA_ARGS__, 0})
ASYNCIO__MUST_USE ASYNCIO_ASYNC_ITERATOR(int) asyncio__signals(const int *signals);

#pragma GCC visibility pop

#endif
