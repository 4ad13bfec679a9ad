/* Debug mode: who holds the loop, and where it is meanwhile.
 *
 * A step of the loop, of a task or a callback, that goes on for longer than the loop's
 * slow_callback_duration T is told of when it ends, with its backtrace as it was T, 2 T and 5 T
 * after its beginning; one that goes on for 10 T, 20 T, 50 T and so on is told of while it does.
 *
 * Each such loop has a thread of the library's own for this, which sleeps for T at a time. It takes
 * a snapshot (see base/snapshot.h) without disturbing the program: a thread that sleeps in a system
 * call is looked at from outside, and only one that computes gets a signal, which interrupts
 * nothing then. That is a real-time one which the program has left alone, caught for good from the
 * first time on, with SA_RESTART and on the thread's signal stack. A thread that has it blocked is
 * let be. The watching thread itself takes no signals; the child of a fork has none.
 *
 * In the simulation, time goes on in a step only where it blocks (asyncio_block()): there the
 * backtrace is taken, on the spot, and so is the same in each run. */
#ifndef AI_TASK_WATCHDOG_H
#define AI_TASK_WATCHDOG_H

#include "task/object.h"

struct ai_watchdog;

enum { AI_SLOW = 100 * 1000 * 1000 }; /* slow_callback_duration, if nobody says otherwise */

/* Watches this thread's loop, if it does not yet; without memory it does not. Or no longer. Forget:
 * this is the child of a fork. */
void ai_watchdog_begin(void);
void ai_watchdog_end(void);
void ai_watchdog_forget(void);

/* What the loop's slow_callback_duration is now. */
void ai_watchdog_set_slow(struct ai_watchdog *w, int64_t ns);

/* A step that is watched. */
struct ai_watched {
    bool active;
    int64_t begun;        /* on the loop's clock */
    unsigned stage;       /* how often it was looked at */
    const char *function; /* the task's coroutine; NULL: a callback */
    uintptr_t number;     /* Task-number, or 0: it has a name */
    char name[32];
    uintptr_t end; /* what lies beyond on the same stack is not the step's */
};

/* Around a step of task `o` (NULL: a callback) that begins now; `outer` keeps the one that it
 * interrupts. leave: it was slow if there is `say`, which is called and says so; the backtraces
 * follow. */
void ai_watchdog_enter(struct ai_watched *outer, const struct ai_object *o, int64_t now,
                       uintptr_t end);
void ai_watchdog_leave(const struct ai_watched *outer, void (*say)(void *arg), void *arg);

/* How often the step under way was looked at, and how often a backtrace came of it: for tests. */
unsigned ai_watchdog_looks(const struct ai_watchdog *w);
unsigned ai_watchdog_backtraces(const struct ai_watchdog *w);

/* The thread is about to block for so long on its loop's clock. */
void ai_watchdog_block(int64_t ns);

#endif
