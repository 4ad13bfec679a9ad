/* Doing an operation by its system call: what back-ends built on readiness share. It is done
 * without blocking and without touching the descriptor's flags, which other processes may share. */
#ifndef AI_LOOP_PERFORM_H
#define AI_LOOP_PERFORM_H

#include "loop/backend.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>

enum ai_perform_class {
    AI_PERFORM_AT_ONCE, /* never waits for anything */
    AI_PERFORM_WAITS,   /* for a descriptor to become ready */
    AI_PERFORM_STORAGE, /* for the disk, if at all */
};

static inline enum ai_perform_class ai_perform_class(const struct ai_op *op)
{
    if (op->code <= AI_OP_CONNECT)
        return AI_PERFORM_WAITS;
    return op->code <= AI_OP_GETPEERNAME ? AI_PERFORM_AT_ONCE : AI_PERFORM_STORAGE;
}

/* Instead of a result: only by the plain call, which waits for the disk. */
#define AI_PERFORM_BLOCKS INT64_MIN

/* What a call has returned, as a result. */
static inline int64_t ai_perform_checked(int64_t result)
{
    return result < 0 ? -errno : result;
}

/* All but the two below. */
int64_t ai_perform_other(const struct ai_op *op);

static inline int64_t ai_perform_once(const struct ai_op *op)
{
    if (op->code == AI_OP_RECV)
        return ai_perform_checked(recv(op->fd, op->buf, op->size, op->flags | MSG_DONTWAIT));
    if (op->code == AI_OP_SEND)
        return ai_perform_checked(
            send(op->fd, op->from, op->size, op->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
    return ai_perform_other(op);
}

/* The operation's result as of now, or -EAGAIN where the descriptor has to become ready first, or
 * AI_PERFORM_BLOCKS. A receive of a lent buffer has to be given one before.
 *
 * What servers do all the time is done in line, here and on its way from the await to here: a
 * system call leaves the processor with little memory of the code around it, so that each return,
 * jump and line of code after it costs far more than the instructions do. */
static inline int64_t ai_perform(const struct ai_op *op)
{
    int64_t result;
    do
        result = ai_perform_once(op);
    while (result == -EINTR);
    return result;
}

/* Of those that have become possible a back-end performs so many, and lets their tasks go on,
 * before it comes to the next: what a connection's receive has touched, here and in the kernel, is
 * then still in the first cache when its answer is sent. */
enum { AI_PERFORM_BATCH = 8 };

/* The same by the plain call, which may block. */
int64_t ai_perform_blocking(const struct ai_op *op);

/* The poll(2) events that the operation waits for, and whether these mean its turn has come: errors
 * and hang-ups wake everybody. */
static inline short ai_perform_events(const struct ai_op *op)
{
    enum {
        WRITES = 1 << AI_OP_WRITE | 1 << AI_OP_WRITEV | 1 << AI_OP_SEND | 1 << AI_OP_SENDMSG |
                 1 << AI_OP_CONNECT
    };
    if (op->code == AI_OP_POLL)
        return (short)op->flags;
    return (WRITES >> op->code & 1) != 0 ? POLLOUT : POLLIN;
}

static inline bool ai_perform_due(const struct ai_op *op, unsigned events)
{
    unsigned wanted = (unsigned short)ai_perform_events(op);
    return (events & (wanted | POLLERR | POLLHUP | POLLNVAL)) != 0;
}

/* Completes all operations that are on the list now, and returns their number; those their done()
 * adds stay for the next time. */
int ai_complete_all(struct ai_list *ended);

#endif
