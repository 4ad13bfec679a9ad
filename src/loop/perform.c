/* See perform.h.
 *
 * Reads and writes are tried with RWF_NOWAIT, receives and sends with MSG_DONTWAIT. Where a
 * descriptor does not know that (terminals, old kernels' pipes), and for accept, which has no such
 * flag, poll(2) is asked first; somebody else may still be quicker, and the call then blocks, but
 * never for want of asking. */
#include "loop/perform.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif

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

/* ── Reads and writes ────────────────────────────────────────────────────────────────────────── */

static bool is_write(const struct ai_op *op)
{
    return op->code == AI_OP_WRITE || op->code == AI_OP_WRITEV;
}

static bool is_vector(const struct ai_op *op)
{
    return op->code == AI_OP_READV || op->code == AI_OP_WRITEV;
}

/* By system call: not every libc has preadv2, and not every one that has lets -1 pass. */
static int64_t transfer_nowait(const struct ai_op *op)
{
    struct iovec part = {.iov_base = op->buf, .iov_len = op->size};
    const struct iovec *parts = is_vector(op) ? op->buf : &part;
    long count = is_vector(op) ? (long)op->size : 1;
    long call = is_write(op) ? SYS_pwritev2 : SYS_preadv2;
    return ai_perform_checked(syscall(call, (long)op->fd, parts, count, (long)op->offset,
                                      (long)(op->offset >> 32), (long)RWF_NOWAIT));
}

static int64_t transfer_once(const struct ai_op *op, size_t size)
{
    bool own = op->offset < 0;
    off_t at = (off_t)op->offset;
    switch (op->code) {
    case AI_OP_READ:
        return own ? read(op->fd, op->buf, size) : pread(op->fd, op->buf, size, at);
    case AI_OP_WRITE:
        return own ? write(op->fd, op->buf, size) : pwrite(op->fd, op->buf, size, at);
    case AI_OP_READV:
        return own ? readv(op->fd, op->buf, (int)size) : preadv(op->fd, op->buf, (int)size, at);
    default:
        return own ? writev(op->fd, op->buf, (int)size) : pwritev(op->fd, op->buf, (int)size, at);
    }
}

static int64_t transfer(const struct ai_op *op, size_t size)
{
    int64_t result;
    do
        result = ai_perform_checked(transfer_once(op, size));
    while (result == -EINTR);
    return result;
}

/* Files that wait for nothing but the disk. */
static bool is_storage(int fd)
{
    struct stat s;
    return fstat(fd, &s) == 0 && (S_ISREG(s.st_mode) || S_ISBLK(s.st_mode) || S_ISDIR(s.st_mode));
}

static size_t bytes_of(const struct ai_op *op)
{
    const struct iovec *parts = op->buf;
    size_t n = 0;
    if (!is_vector(op))
        return op->size;
    for (size_t i = 0; i < op->size; i++)
        n += parts[i].iov_len;
    return n;
}

/* A pipe that polls writable has room for PIPE_BUF bytes and would block for more. */
static int64_t write_carefully(const struct ai_op *op)
{
    const struct iovec *parts = op->buf;
    struct ai_op first = *op;
    first.code = AI_OP_WRITE;
    while (is_vector(op) && parts->iov_len == 0)
        parts++;
    if (is_vector(op)) {
        first.buf = parts->iov_base;
        first.size = parts->iov_len;
    }
    return transfer(&first, first.size < PIPE_BUF ? first.size : PIPE_BUF);
}

/* Where RWF_NOWAIT is not to be had. */
static int64_t transfer_when_ready(const struct ai_op *op)
{
    int64_t events = poll_now(op);
    if (events < 0)
        return events;
    bool careful = is_write(op) && bytes_of(op) > PIPE_BUF;
    return careful ? write_carefully(op) : transfer(op, op->size);
}

static int64_t transfer_now(const struct ai_op *op)
{
    int64_t result = transfer_nowait(op);
    bool unknown = result == -EOPNOTSUPP || result == -ENOSYS;
    if (result != -EAGAIN && !unknown)
        return result;
    if (is_storage(op->fd))
        return AI_PERFORM_BLOCKS;
    return unknown ? transfer_when_ready(op) : -EAGAIN;
}

/* ── Sockets ─────────────────────────────────────────────────────────────────────────────────── */

static int64_t accept_now(const struct ai_op *op)
{
    int64_t events = poll_now(op);
    if (events < 0)
        return events;
    return ai_perform_checked(accept4(op->fd, op->buf, op->more, op->flags | SOCK_CLOEXEC));
}

/* Called again for one that is under way it tells how that went. O_NONBLOCK is the description's,
 * which others may share: it is changed for the call only, and not for sockets of ours, which have
 * it. */
static int64_t connect_now(const struct ai_op *op)
{
    int flags = fcntl(op->fd, F_GETFL);
    bool blocks = flags >= 0 && (flags & O_NONBLOCK) == 0;
    if (blocks)
        fcntl(op->fd, F_SETFL, flags | O_NONBLOCK);
    int64_t result = ai_perform_checked(connect(op->fd, op->buf, (socklen_t)op->size));
    if (blocks)
        fcntl(op->fd, F_SETFL, flags);
    return result == -EINPROGRESS || result == -EALREADY ? -EAGAIN : result;
}

static int64_t at_once(const struct ai_op *op)
{
    switch (op->code) {
    case AI_OP_SOCKET:
        return socket(op->fd, op->flags | SOCK_CLOEXEC, (int)op->size);
    case AI_OP_BIND:
        return bind(op->fd, op->buf, (socklen_t)op->size);
    case AI_OP_LISTEN:
        return listen(op->fd, (int)op->size);
    case AI_OP_SHUTDOWN:
        return shutdown(op->fd, op->flags);
    case AI_OP_GETSOCKNAME:
        return getsockname(op->fd, op->buf, op->more);
    default:
        return getpeername(op->fd, op->buf, op->more);
    }
}

/* ── Files ───────────────────────────────────────────────────────────────────────────────────── */

/* A socket that blocks does so also where a splice must not, unless it has room for all. */
static size_t splice_size(const struct ai_op *op)
{
    struct stat s;
    bool careful = op->size > PIPE_BUF && fstat(op->other, &s) == 0 && S_ISSOCK(s.st_mode) &&
                   (fcntl(op->other, F_GETFL) & O_NONBLOCK) == 0;
    return careful ? PIPE_BUF : op->size;
}

static bool is_full(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 0;
}

static int64_t splice_by(const struct ai_op *op)
{
    int64_t in = op->offset, out = op->offset2;
    size_t size = splice_size(op);
    if (size < op->size && is_full(op->other)) {
        errno = EAGAIN;
        return -1;
    }
    return syscall(SYS_splice, (long)op->fd, in < 0 ? NULL : &in, (long)op->other,
                   out < 0 ? NULL : &out, size, (long)op->flags | SPLICE_F_NONBLOCK);
}

static int64_t storage_once(const struct ai_op *op)
{
    switch (op->code) {
    case AI_OP_CLOSE:
        return close(op->fd);
    case AI_OP_OPENAT:
        return openat(op->fd, op->buf, op->flags | O_CLOEXEC, (mode_t)op->size);
    case AI_OP_FSYNC:
        return fsync(op->fd);
    case AI_OP_FDATASYNC:
        return fdatasync(op->fd);
    case AI_OP_STATX:
        return syscall(SYS_statx, (long)op->fd, op->buf, (long)op->flags, (long)op->size, op->more);
    case AI_OP_FTRUNCATE:
        return ftruncate(op->fd, (off_t)op->offset);
    case AI_OP_FALLOCATE:
        return fallocate(op->fd, op->flags, (off_t)op->offset, (off_t)op->size);
    case AI_OP_UNLINKAT:
        return unlinkat(op->fd, op->buf, op->flags);
    case AI_OP_MKDIRAT:
        return mkdirat(op->fd, op->buf, (mode_t)op->size);
    case AI_OP_RENAMEAT:
        return syscall(SYS_renameat2, (long)op->fd, op->buf, (long)op->other, op->more,
                       (long)op->flags);
    case AI_OP_LINKAT:
        return linkat(op->fd, op->buf, op->other, op->more, op->flags);
    case AI_OP_SYMLINKAT:
        return symlinkat(op->buf, op->fd, op->more);
    default:
        return splice_by(op);
    }
}

/* The descriptor has gone, whatever close() says of it. */
static int64_t storage(const struct ai_op *op)
{
    int64_t result;
    do
        result = ai_perform_checked(storage_once(op));
    while (result == -EINTR && op->code != AI_OP_CLOSE);
    return result == -EINTR ? 0 : result;
}

/* ── All of them ─────────────────────────────────────────────────────────────────────────────── */

/* Only files keep close() and splice() waiting. */
static int64_t storage_now(const struct ai_op *op)
{
    bool close = op->code == AI_OP_CLOSE && !is_storage(op->fd);
    bool splice = op->code == AI_OP_SPLICE && !is_storage(op->fd) && !is_storage(op->other);
    return close || splice ? storage(op) : AI_PERFORM_BLOCKS;
}

int64_t ai_perform_other(const struct ai_op *op)
{
    switch (op->code) {
    case AI_OP_POLL:
        return poll_now(op);
    case AI_OP_READ:
    case AI_OP_WRITE:
    case AI_OP_READV:
    case AI_OP_WRITEV:
        return transfer_now(op);
    case AI_OP_RECVMSG:
        return ai_perform_checked(recvmsg(op->fd, op->buf, op->flags | MSG_DONTWAIT));
    case AI_OP_SENDMSG:
        return ai_perform_checked(
            sendmsg(op->fd, op->buf, op->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
    case AI_OP_ACCEPT:
        return accept_now(op);
    case AI_OP_CONNECT:
        return connect_now(op);
    default:
        return ai_perform_class(op) == AI_PERFORM_AT_ONCE ? ai_perform_checked(at_once(op))
                                                          : storage_now(op);
    }
}

int64_t ai_perform_blocking(const struct ai_op *op)
{
    switch (op->code) {
    case AI_OP_READ:
    case AI_OP_WRITE:
    case AI_OP_READV:
    case AI_OP_WRITEV:
        return transfer(op, op->size);
    default:
        return ai_perform_class(op) == AI_PERFORM_STORAGE ? storage(op) : ai_perform(op);
    }
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
