/* The contract between the loop and what drives it: the kernel by io_uring, the kernel by epoll,
 * or a simulation.
 *
 * It is shaped as completion: an operation is submitted and completes exactly once, either at once,
 * as submit() says, or later: its done() is called on the loop's thread from within wait(), never
 * from submit() or cancel(). From submit to done the operation and its buffer belong to the
 * back-end and must not move or go away, cancelled or not. epoll emulates this: it tries the call,
 * and on would-block waits for readiness and tries again; what waits for the disk goes to threads.
 *
 * A receive with a NULL buffer is lent one: when it completes, `buf` points to up to `size` bytes
 * (and no more than the back-end has) that are good until done() returns, or, where submit()
 * returned 1, until the next call of the back-end. So who waits for long holds no buffer.
 *
 * The clock belongs to the back-end too, and only the back-end blocks. All functions but wake() are
 * called on the loop's thread. Times are nanoseconds on the back-end's own monotonic clock. */
#ifndef AI_LOOP_BACKEND_H
#define AI_LOOP_BACKEND_H

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an operation is, and which of its fields say so; the others are zero. Each is the system
 * call of its name, but never ends with EAGAIN or EINTR: where the call would block, it waits (but
 * for the splice, which has two descriptors to wait for). */
enum ai_opcode {
    AI_OP_POLL,        /* fd; flags: events to wait for; result: those seen */
    AI_OP_READ,        /* fd, buf, size; offset, or -1: the descriptor's own, and all pipes have */
    AI_OP_WRITE,       /* the same. A broken pipe raises SIGPIPE as write(2) does: ignore it */
    AI_OP_READV,       /* fd, buf: struct iovec *, size: how many of them, offset */
    AI_OP_WRITEV,      /* the same */
    AI_OP_RECV,        /* fd, buf, size, flags. buf NULL: one is lent, see above */
    AI_OP_SEND,        /* fd, buf, size, flags, to which MSG_NOSIGNAL is added */
    AI_OP_RECVMSG,     /* fd, buf: struct msghdr *, flags */
    AI_OP_SENDMSG,     /* the same, and MSG_NOSIGNAL */
    AI_OP_ACCEPT,      /* fd, buf: struct sockaddr * or NULL, more: its socklen_t *, flags */
    AI_OP_CONNECT,     /* fd, buf: const struct sockaddr *, size */
    AI_OP_SOCKET,      /* fd: domain, flags: type, size: protocol. Close-on-exec, and non-blocking
                        * where the back-end works better so; simulated by the simulation */
    AI_OP_BIND,        /* fd, buf: const struct sockaddr *, size */
    AI_OP_LISTEN,      /* fd, size: backlog */
    AI_OP_SHUTDOWN,    /* fd, flags: how */
    AI_OP_GETSOCKNAME, /* fd, buf: struct sockaddr *, more: its socklen_t * */
    AI_OP_GETPEERNAME, /* the same */
    AI_OP_CLOSE,       /* fd. What is pending on it ends with -EBADF */
    AI_OP_OPENAT,      /* fd: directory, buf: path, flags (O_CLOEXEC is added), size: mode */
    AI_OP_FSYNC,       /* fd */
    AI_OP_FDATASYNC,   /* fd */
    AI_OP_STATX,       /* fd: directory, buf: path, flags, size: mask, more: struct statx * */
    AI_OP_FTRUNCATE,   /* fd, offset: length */
    AI_OP_FALLOCATE,   /* fd, flags: mode, offset, size: length */
    AI_OP_UNLINKAT,    /* fd: directory, buf: path, flags */
    AI_OP_MKDIRAT,     /* fd: directory, buf: path, size: mode */
    AI_OP_RENAMEAT,    /* fd: directory, buf: path, other: directory, more: path, flags */
    AI_OP_LINKAT,      /* the same */
    AI_OP_SYMLINKAT,   /* buf: target, fd: directory, more: path */
    AI_OP_SPLICE,      /* fd: from, offset or -1, other: to, offset2 or -1, size, flags. It
                        * waits for the disk alone: -EAGAIN where one of the two is not ready */
    AI_OPCODES
};

struct ai_op {
    /* Called once, `result` set; the operation is the caller's again. */
    void (*done)(struct ai_op *op);
    struct ai_list link; /* the back-end's, from submit to done */
    uint8_t code;        /* enum ai_opcode */
    uint8_t state;       /* the back-end's own */
    uint8_t stage;       /* its threads' own */
    bool owned;          /* its descriptor is closed by AI_OP_CLOSE and by nothing else */
    int32_t fd;
    int32_t flags, other;
    union {
        void *buf;
        const void *from; /* where it is only read */
    };
    size_t size;
    int64_t offset;
    union {
        int64_t offset2;
        void *more;
        const void *to; /* likewise */
    };
    int64_t result; /* >= 0 or -errno */
};

struct ai_backend {
    const char *name; /* "io_uring", "epoll", "sim" */

    /* Makes an instance. Returns 0 and sets *state, or -errno with a short reason in `why` (such as
     * "io_uring_setup: Operation not permitted"); nothing is left behind on failure. */
    int (*open)(void **state, char *why, size_t why_size);

    /* Ends it. No operation may be pending. */
    void (*close)(void *state);

    /* Takes the operation on: 0, and done() is called from some later wait(). Or 1: it is done,
     * `result` set, and done() is never called; that is for what can be had without waiting. Or
     * -errno (-ENOMEM), and done() is never called. */
    int (*submit)(void *state, struct ai_op *op);

    /* Asks for an early end. done() is still called, later, with -ECANCELED or, where it came too
     * late, the operation's true result; a close is not stopped. Asking twice is harmless. */
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
