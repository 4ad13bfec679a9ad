/* See perform.h.
 *
 * Reads and writes are tried with RWF_NOWAIT. Where a descriptor does not know that (terminals, old
 * kernels' pipes) poll(2) is asked first; somebody else may still snatch the bytes in between, and
 * the call then blocks, but never for want of asking. */
#include "loop/perform.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif

static int64_t checked(ssize_t result)
{
    return result < 0 ? -errno : result;
}

/* By system call: not every libc has preadv2, and not every one that has lets -1 pass. */
static int64_t transfer_nowait(const struct ai_op *op)
{
    struct iovec part = {.iov_base = op->buf, .iov_len = op->size};
    long call = op->code == AI_OP_READ ? SYS_preadv2 : SYS_pwritev2;
    return checked(syscall(call, (long)op->fd, &part, 1L, (long)op->offset,
                           (long)(op->offset >> 32), (long)RWF_NOWAIT));
}

static int64_t transfer(const struct ai_op *op, size_t size)
{
    int64_t result;
    do {
        if (op->code == AI_OP_READ)
            result = checked(op->offset < 0 ? read(op->fd, op->buf, size)
                                            : pread(op->fd, op->buf, size, (off_t)op->offset));
        else
            result = checked(op->offset < 0 ? write(op->fd, op->buf, size)
                                            : pwrite(op->fd, op->buf, size, (off_t)op->offset));
    } while (result == -EINTR);
    return result;
}

static int64_t poll_now(const struct ai_op *op)
{
    struct pollfd p = {.fd = op->fd, .events = ai_perform_events(op)};
    int n = op->fd < 0 ? -1 : poll(&p, 1, 0);
    if (op->fd < 0 || (p.revents & POLLNVAL) != 0)
        return -EBADF;
    if (n < 0)
        return errno == EINTR ? -EAGAIN : -errno;
    return n == 0 ? -EAGAIN : p.revents;
}

/* Files that wait for nothing but the disk. */
static bool is_storage(int fd)
{
    struct stat s;
    return fstat(fd, &s) == 0 && (S_ISREG(s.st_mode) || S_ISBLK(s.st_mode) || S_ISDIR(s.st_mode));
}

/* Where RWF_NOWAIT is not to be had. A pipe that polls writable has room for PIPE_BUF bytes and
 * would block for more. */
static int64_t transfer_when_ready(const struct ai_op *op)
{
    int64_t events = poll_now(op);
    if (events < 0)
        return events;
    bool careful = op->code == AI_OP_WRITE && op->size > PIPE_BUF;
    return transfer(op, careful ? PIPE_BUF : op->size);
}

int64_t ai_perform(const struct ai_op *op)
{
    if (op->code == AI_OP_POLL)
        return poll_now(op);
    int64_t result = transfer_nowait(op);
    bool unknown = result == -EOPNOTSUPP || result == -ENOSYS;
    if (result != -EAGAIN && !unknown)
        return result;
    if (is_storage(op->fd))
        return transfer(op, op->size);
    return unknown ? transfer_when_ready(op) : -EAGAIN;
}

int64_t ai_perform_blocking(const struct ai_op *op)
{
    return op->code == AI_OP_POLL ? poll_now(op) : transfer(op, op->size);
}

short ai_perform_events(const struct ai_op *op)
{
    if (op->code == AI_OP_POLL)
        return (short)op->events;
    return op->code == AI_OP_READ ? POLLIN : POLLOUT;
}

bool ai_perform_due(const struct ai_op *op, unsigned events)
{
    unsigned wanted = (unsigned short)ai_perform_events(op);
    return (events & (wanted | POLLERR | POLLHUP | POLLNVAL)) != 0;
}

int ai_complete_all(struct ai_list *ended)
{
    struct ai_list now = AI_LIST_INIT(now);
    int n = 0;
    ai_list_move(&now, ended);
    for (; !ai_list_empty(&now); n++) {
        struct ai_op *op = ai_container(now.next, struct ai_op, link);
        ai_list_remove(&op->link);
        op->done(op);
    }
    return n;
}
