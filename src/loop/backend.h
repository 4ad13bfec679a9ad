/* The contract between the loop and what drives it: the kernel by io_uring, the kernel by epoll,
 * or a simulation.
 *
 * It is shaped as completion: an operation is submitted and, later, completes exactly once, its
 * done() called on the loop's thread from within wait(), never from submit() or cancel(). From
 * submit to done the operation and its buffer belong to the back-end and must not move or go away,
 * cancelled or not. epoll emulates this: it tries the call, and on would-block waits for readiness
 * and tries again.
 *
 * The clock belongs to the back-end too, and only the back-end blocks. All functions but wake() are
 * called on the loop's thread. Times are nanoseconds on the back-end's own monotonic clock. */
#ifndef AI_LOOP_BACKEND_H
#define AI_LOOP_BACKEND_H

#include "base/list.h"

#include <stddef.h>
#include <stdint.h>

enum ai_opcode {
    /* Waits for the events in `events` (POLLIN, …) on fd; result: the events seen. */
    AI_OP_POLL,
    /* read(fd, buf, size), or pread where offset ≥ 0; result: as the call, or -errno, but never
     * -EAGAIN: where it would block it waits, O_NONBLOCK or not. */
    AI_OP_READ,
    /* write or pwrite likewise. A broken pipe raises SIGPIPE as write(2) does: ignore it. */
    AI_OP_WRITE,
};

struct ai_op {
    /* Called once, `result` set; the operation is the caller's again. */
    void (*done)(struct ai_op *op);
    struct ai_list link; /* the back-end's, from submit to done */
    uint8_t code;        /* enum ai_opcode */
    uint8_t state;       /* the back-end's own */
    uint16_t events;     /* AI_OP_POLL only */
    int32_t fd;
    void *buf;
    size_t size;
    int64_t offset; /* -1: the descriptor's own position, and all there is for pipes and sockets */
    int64_t result; /* ≥ 0 or -errno */
};

struct ai_backend {
    const char *name; /* "io_uring", "epoll", "sim" */

    /* Makes an instance. Returns 0 and sets *state, or -errno with a short reason in `why` (such as
     * "io_uring_setup: Operation not permitted"); nothing is left behind on failure. */
    int (*open)(void **state, char *why, size_t why_size);

    /* Ends it. No operation may be pending. */
    void (*close)(void *state);

    /* Takes the operation on; the next wait() hands it over. 0, or -errno (-ENOMEM, -EINVAL), and
     * then done() is never called. */
    int (*submit)(void *state, struct ai_op *op);

    /* Asks for an early end. done() is still called, later, with -ECANCELED or, where it came too
     * late, the operation's true result. Asking twice is harmless. */
    void (*cancel)(void *state, struct ai_op *op);

    /* Hands over what was submitted, and returns once anything completed (its done() called), the
     * deadline has come, or wake() was called; INT64_MAX waits without end, a deadline that has
     * passed (0 always has) does not block at all but still reaps. It may return early, with 0,
     * on a signal or a false alarm. Returns the number of completions, or -errno when the
     * back-end itself is broken. */
    int (*wait)(void *state, int64_t deadline);

    /* Makes a wait() under way, or else the next one, return. Any thread, any signal handler. */
    void (*wake)(void *state);

    /* The time now. */
    int64_t (*now)(void *state);

    /* Lets `ns` nanoseconds pass with the thread blocked: a real sleep, or a jump of the clock. */
    void (*block)(void *state, int64_t ns);

    /* So many more, or fewer, results are on their way from other threads, each with a wake(): the
     * simulation's clock does not jump over them. NULL where the clock is real. */
    void (*expect)(void *state, int change);

    /* For those who embed the loop: hands over what was submitted and returns a descriptor that
     * polls readable once wait() would find a completion or a wake-up, or `deadline` has come.
     * To be asked anew each time before polling, as operations and the deadline change; the
     * descriptor itself stays the same until close. -errno if none (sim: its time is its own). */
    int (*fd)(void *state, int64_t deadline);

    /* Which of n runnable things goes first, 0 to n - 1: the simulation's seed decides. NULL, or 0
     * always, keeps them in order. */
    unsigned (*choose)(void *state, unsigned n);

    /* Drops the instance in a child made by fork, without touching what it shares with the
     * parent; pending operations are forgotten, their done() never called. */
    void (*forget)(void *state);
};

extern const struct ai_backend ai_backend_io_uring, ai_backend_epoll, ai_backend_sim;

/* Opens the back-end `asked` for or, where that is NULL, the one that ASYNCIO_BACKEND names, else
 * io_uring if the kernel allows it, else epoll. On success sets *backend and *state and leaves in
 * `why` a line on which one and why. A back-end asked for by name and not to be had is an error,
 * -errno, never silently another. */
int ai_backend_open(const char *asked, const struct ai_backend **backend, void **state, char *why,
                    size_t why_size);

#endif
