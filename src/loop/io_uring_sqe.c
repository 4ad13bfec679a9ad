/* See io_uring_sqe.h. */
#include "loop/io_uring_sqe.h"

#include "loop/perform.h"

#include <fcntl.h>
#include <sys/socket.h>

enum {
    LONGEST_TRANSFER = 0x7ffff000,
    FTRUNCATE = 55, /* since 6.9, newer than some headers */
};

static const signed char opcodes[AI_OPCODES] = {
    [AI_OP_POLL] = IORING_OP_POLL_ADD,
    [AI_OP_READ] = IORING_OP_READ,
    [AI_OP_WRITE] = IORING_OP_WRITE,
    [AI_OP_READV] = IORING_OP_READV,
    [AI_OP_WRITEV] = IORING_OP_WRITEV,
    [AI_OP_RECV] = IORING_OP_RECV,
    [AI_OP_SEND] = IORING_OP_SEND,
    [AI_OP_RECVMSG] = IORING_OP_RECVMSG,
    [AI_OP_SENDMSG] = IORING_OP_SENDMSG,
    [AI_OP_ACCEPT] = IORING_OP_ACCEPT,
    [AI_OP_CONNECT] = IORING_OP_CONNECT,
    [AI_OP_SOCKET] = -1,
    [AI_OP_BIND] = -1,
    [AI_OP_LISTEN] = -1,
    [AI_OP_SHUTDOWN] = -1,
    [AI_OP_GETSOCKNAME] = -1,
    [AI_OP_GETPEERNAME] = -1,
    [AI_OP_CLOSE] = IORING_OP_CLOSE,
    [AI_OP_OPENAT] = IORING_OP_OPENAT,
    [AI_OP_FSYNC] = IORING_OP_FSYNC,
    [AI_OP_FDATASYNC] = IORING_OP_FSYNC,
    [AI_OP_STATX] = IORING_OP_STATX,
    [AI_OP_FTRUNCATE] = FTRUNCATE,
    [AI_OP_FALLOCATE] = IORING_OP_FALLOCATE,
    [AI_OP_UNLINKAT] = IORING_OP_UNLINKAT,
    [AI_OP_MKDIRAT] = IORING_OP_MKDIRAT,
    [AI_OP_RENAMEAT] = IORING_OP_RENAMEAT,
    [AI_OP_LINKAT] = IORING_OP_LINKAT,
    [AI_OP_SYMLINKAT] = IORING_OP_SYMLINKAT,
    [AI_OP_SPLICE] = IORING_OP_SPLICE,
};

int ai_sqe_opcode(const struct ai_op *op)
{
    return opcodes[op->code];
}

static unsigned length(const struct ai_op *op)
{
    return op->size < LONGEST_TRANSFER ? (unsigned)op->size : LONGEST_TRANSFER;
}

static void prepare_socket(struct io_uring_sqe *sqe, const struct ai_op *op)
{
    switch (op->code) {
    case AI_OP_RECV:
        io_uring_prep_recv(sqe, op->fd, op->buf, length(op), op->flags);
        break;
    case AI_OP_SEND:
        io_uring_prep_send(sqe, op->fd, op->buf, length(op), op->flags | MSG_NOSIGNAL);
        break;
    case AI_OP_RECVMSG:
        io_uring_prep_recvmsg(sqe, op->fd, op->buf, (unsigned)op->flags);
        break;
    case AI_OP_SENDMSG:
        io_uring_prep_sendmsg(sqe, op->fd, op->buf, (unsigned)op->flags | MSG_NOSIGNAL);
        break;
    case AI_OP_ACCEPT:
        io_uring_prep_accept(sqe, op->fd, op->buf, op->more, op->flags | SOCK_CLOEXEC);
        break;
    default:
        io_uring_prep_connect(sqe, op->fd, op->buf, (socklen_t)op->size);
    }
}

static void prepare_path(struct io_uring_sqe *sqe, const struct ai_op *op)
{
    switch (op->code) {
    case AI_OP_OPENAT:
        io_uring_prep_openat(sqe, op->fd, op->buf, op->flags | O_CLOEXEC, (mode_t)op->size);
        break;
    case AI_OP_STATX:
        io_uring_prep_statx(sqe, op->fd, op->buf, op->flags, (unsigned)op->size, op->more);
        break;
    case AI_OP_UNLINKAT:
        io_uring_prep_unlinkat(sqe, op->fd, op->buf, op->flags);
        break;
    case AI_OP_MKDIRAT:
        io_uring_prep_mkdirat(sqe, op->fd, op->buf, (mode_t)op->size);
        break;
    case AI_OP_RENAMEAT:
        io_uring_prep_renameat(sqe, op->fd, op->buf, op->other, op->more, (unsigned)op->flags);
        break;
    case AI_OP_LINKAT:
        io_uring_prep_linkat(sqe, op->fd, op->buf, op->other, op->more, op->flags);
        break;
    default:
        io_uring_prep_symlinkat(sqe, op->buf, op->fd, op->more);
    }
}

static void prepare_file(struct io_uring_sqe *sqe, const struct ai_op *op)
{
    switch (op->code) {
    case AI_OP_CLOSE:
        io_uring_prep_close(sqe, op->fd);
        break;
    case AI_OP_FSYNC:
        io_uring_prep_fsync(sqe, op->fd, 0);
        break;
    case AI_OP_FDATASYNC:
        io_uring_prep_fsync(sqe, op->fd, IORING_FSYNC_DATASYNC);
        break;
    case AI_OP_FTRUNCATE:
        io_uring_prep_rw(FTRUNCATE, sqe, op->fd, NULL, 0, (__u64)op->offset);
        break;
    case AI_OP_FALLOCATE:
        io_uring_prep_fallocate(sqe, op->fd, op->flags, op->offset, (off_t)op->size);
        break;
    default:
        io_uring_prep_splice(sqe, op->fd, op->offset, op->other, op->offset2, length(op),
                             (unsigned)op->flags | SPLICE_F_NONBLOCK);
    }
}

static void prepare_transfer(struct io_uring_sqe *sqe, const struct ai_op *op)
{
    int opcode = ai_sqe_opcode(op);
    io_uring_prep_rw(opcode, sqe, op->fd, op->buf, length(op), (__u64)op->offset);
}

void ai_sqe_prepare(struct io_uring_sqe *sqe, const struct ai_op *op)
{
    if (op->code == AI_OP_POLL)
        io_uring_prep_poll_add(sqe, op->fd, (unsigned short)op->flags);
    else if (op->code <= AI_OP_WRITEV)
        prepare_transfer(sqe, op);
    else if (op->code <= AI_OP_CONNECT)
        prepare_socket(sqe, op);
    else if (op->code == AI_OP_OPENAT || op->code == AI_OP_STATX ||
             (op->code >= AI_OP_UNLINKAT && op->code <= AI_OP_SYMLINKAT))
        prepare_path(sqe, op);
    else
        prepare_file(sqe, op);
}
