/* Scenarios: short programs written twice, here in C and in the .py file of the same name with the
 * same names in Python, whose traces must be equal. compare.py runs both; scenario.py says what the
 * words below mean in Python.
 *
 * A line of the trace has the virtual time and the loop's turn, counted from that in which the
 * scenario began: `0.5 #3 a ends`. Results are ints; an error is traced by its name, as in
 * `ECANCELED`, which stands for Python's CancelledError, or `ETIMEDOUT` for TimeoutError. */
#ifndef ORACLE_SCENARIO_H
#define ORACLE_SCENARIO_H

#include <asyncio.h>

#include <stdlib.h>
#include <string.h>

struct scenario {
    const char *name;
    awaitable(void) (*main)(void);
    void (*plain)(void); /* without a loop of its own */
    struct scenario *next;
};

void scenario_add(struct scenario *s);

/* A scenario: what stands in the braces is the main task of a loop. PLAIN_SCENARIO: an ordinary
 * function, which runs the loops it needs. */
#define SCENARIO(name)                                                                             \
    static awaitable(void) name##_main(void);                                                      \
    SCENARIO_ADD(name, .main = name##_main)                                                        \
    static async(void, name##_main)
#define PLAIN_SCENARIO(name)                                                                       \
    static void name##_plain(void);                                                                \
    SCENARIO_ADD(name, .plain = name##_plain)                                                      \
    static void name##_plain(void)
#define SCENARIO_ADD(title, ...)                                                                   \
    __attribute__((constructor)) static void title##_add(void)                                     \
    {                                                                                              \
        static struct scenario s = {.name = #title, __VA_ARGS__};                                  \
        scenario_add(&s);                                                                          \
    }

/* --- Tracing --- */

void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Has turns of this thread's loop counted from now on; each SCENARIO begins with it. */
void count_turns(void);

/* "5", or the name of the error. */
const char *outcome(int result);

/* The same of an awaitable(int) that is done; else "pending". */
const char *state(asyncio_any x);

/* The same of the last await. */
const char *last_error(void);

const char *yes(bool truth);

/* Does in a process of its own what must end it, and traces the message it ends with. What awaits
 * takes asyncio_run() there. */
#define MISUSE(...)                                                                                \
    do {                                                                                           \
        if (misuse_begin()) {                                                                      \
            (void)(__VA_ARGS__);                                                                   \
            misuse_end();                                                                          \
        }                                                                                          \
    } while (0)
bool misuse_begin(void); /* true in the new process */
void misuse_end(void);

/* --- Players: coroutines for many a scenario --- */

/* Says that it starts, sleeps, says that it ends or is cancelled. Returns or fails with `value`. */
awaitable(int) worker(const char *name, double seconds, int value);

/* The same, but it takes `more` seconds to be cancelled. */
awaitable(int) slow_to_end(const char *name, double seconds, double more);

/* The same, but it swallows its first cancellation, sleeps `more` seconds, returns `value`. */
awaitable(int) stubborn(const char *name, double seconds, double more, int value);

/* Says what it got by awaiting x; ends the same way. */
awaitable(int) waiter(const char *name, awaitable(int) x);

/* Returns, or fails with, `value` at once. */
awaitable(int) just(int value);

/* Lets that many turns pass. */
awaitable(void) turns(int n);

/* --- What callbacks do --- */

/* call_soon(say, "text") */
void say(void *text);

/* add_done_callback(x, tell, "name"): says how x, an awaitable(int), ended. */
void tell(asyncio_any x, void *name);

/* After so many seconds completes the future, with an error where `value` is one; cancels. */
void set_later(awaitable(int) f, double seconds, int value);
void cancel_later(asyncio_any x, double seconds);

/* Completes it at once with a value or an error. */
void set(awaitable(int) f, int value);

#endif
