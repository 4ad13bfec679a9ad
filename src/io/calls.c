/* The calls on descriptors: <asyncio/io.h>, but for those on files. Each fills in an operation. */
#include "io/call.h"
#include "io/now.h"

#include <asyncio/io.h>

#include <sys/socket.h>
#include <sys/uio.h>

/* --- Reading and writing --- */

ASYNCIO_AWAITABLE(ssize_t) asyncio_read(int fd, void *buf, size_t n)
{
    AI_CALL_SIZED("read", .code = AI_OP_READ, .fd = fd, .buf = buf, .size = n, .offset = -1);
}

ASYNCIO_AWAITABLE(ssize_t) asyncio_write(int fd, const void *buf, size_t n)
{
    AI_CALL_SIZED("write", .code = AI_OP_WRITE, .fd = fd, .from = buf, .size = n, .offset = -1);
}

ASYNCIO_AWAITABLE(ssize_t) asyncio_readv(int fd, const struct iovec *v, int n)
{
    AI_CALL_SIZED("readv", .code = AI_OP_READV, .fd = fd, .from = v, .size = (size_t)n,
                  .offset = -1);
}

ASYNCIO_AWAITABLE(ssize_t) asyncio_writev(int fd, const struct iovec *v, int n)
{
    AI_CALL_SIZED("writev", .code = AI_OP_WRITEV, .fd = fd, .from = v, .size = (size_t)n,
                  .offset = -1);
}

/* A negative offset is the caller's mistake, where in an operation it is the descriptor's own. */
#define AT(offset) .offset = (offset) < 0 ? AI_CALL_BAD_OFFSET : (offset)

ASYNCIO_AWAITABLE(ssize_t) asyncio_pread(int fd, void *buf, size_t n, off_t offset)
{
    AI_CALL_SIZED("pread", .code = AI_OP_READ, .fd = fd, .buf = buf, .size = n, AT(offset));
}

ASYNCIO_AWAITABLE(ssize_t) asyncio_pwrite(int fd, const void *buf, size_t n, off_t offset)
{
    AI_CALL_SIZED("pwrite", .code = AI_OP_WRITE, .fd = fd, .from = buf, .size = n, AT(offset));
}

ASYNCIO_AWAITABLE(ssize_t) asyncio_preadv(int fd, const struct iovec *v, int n, off_t offset)
{
    AI_CALL_SIZED("preadv", .code = AI_OP_READV, .fd = fd, .from = v, .size = (size_t)n,
                  AT(offset));
}

ASYNCIO_AWAITABLE(ssize_t) asyncio_pwritev(int fd, const struct iovec *v, int n, off_t offset)
{
    AI_CALL_SIZED("pwritev", .code = AI_OP_WRITEV, .fd = fd, .from = v, .size = (size_t)n,
                  AT(offset));
}

ASYNCIO_AWAITABLE(int) asyncio_poll(int fd, short events)
{
    AI_CALL_NUMBER("poll", .code = AI_OP_POLL, .fd = fd, .flags = (unsigned short)events);
}

/* It is closed whatever happens: also without memory. */
ASYNCIO_AWAITABLE(int) asyncio_close(int fd)
{
    static const struct asyncio_awaitable_type type = AI_CALL_TYPE("close", struct ai_call, number);
    struct ai_call *call = ai_call_new(&type);

    if (call)
        call->op = AI_CALL_OP(.code = AI_OP_CLOSE, .fd = fd);
    else
        ai_close(fd);
    return ai_call_handle(call);
}

/* --- Sockets --- */

ASYNCIO_AWAITABLE(int) asyncio_socket(int domain, int type_and_flags, int protocol)
{
    AI_CALL_NUMBER("socket", .code = AI_OP_SOCKET, .fd = domain, .flags = type_and_flags,
                   .size = (size_t)protocol);
}

ASYNCIO_AWAITABLE(int) asyncio_bind(int fd, const struct sockaddr *address, socklen_t size)
{
    AI_CALL_NUMBER("bind", .code = AI_OP_BIND, .fd = fd, .from = address, .size = size);
}

ASYNCIO_AWAITABLE(int) asyncio_listen(int fd, int backlog)
{
    AI_CALL_NUMBER("listen", .code = AI_OP_LISTEN, .fd = fd, .size = (size_t)backlog);
}

ASYNCIO_AWAITABLE(int) asyncio_shutdown(int fd, int how)
{
    AI_CALL_NUMBER("shutdown", .code = AI_OP_SHUTDOWN, .fd = fd, .flags = how);
}

ASYNCIO_AWAITABLE(int) asyncio_getsockname(int fd, struct sockaddr *address, socklen_t *size)
{
    AI_CALL_NUMBER("getsockname", .code = AI_OP_GETSOCKNAME, .fd = fd, .buf = address,
                   .more = size);
}

ASYNCIO_AWAITABLE(int) asyncio_getpeername(int fd, struct sockaddr *address, socklen_t *size)
{
    AI_CALL_NUMBER("getpeername", .code = AI_OP_GETPEERNAME, .fd = fd, .buf = address,
                   .more = size);
}

ASYNCIO_AWAITABLE(int)
asyncio_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    AI_CALL_NUMBER("accept", .code = AI_OP_ACCEPT, .fd = fd, .buf = address, .more = size,
                   .flags = flags);
}

ASYNCIO_AWAITABLE(int) asyncio_accept(int fd, struct sockaddr *address, socklen_t *size)
{
    return asyncio_accept4(fd, address, size, 0);
}

ASYNCIO_AWAITABLE(int) asyncio_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    AI_CALL_NUMBER("connect", .code = AI_OP_CONNECT, .fd = fd, .from = address, .size = size);
}

ASYNCIO_AWAITABLE(ssize_t) asyncio_recv(int fd, void *buf, size_t n, int flags)
{
    AI_CALL_SIZED("recv", .code = AI_OP_RECV, .fd = fd, .buf = buf, .size = n, .flags = flags);
}

ASYNCIO_AWAITABLE(ssize_t) asyncio_send(int fd, const void *buf, size_t n, int flags)
{
    AI_CALL_SIZED("send", .code = AI_OP_SEND, .fd = fd, .from = buf, .size = n, .flags = flags);
}

ASYNCIO_AWAITABLE(ssize_t) asyncio_recvmsg(int fd, struct msghdr *message, int flags)
{
    AI_CALL_SIZED("recvmsg", .code = AI_OP_RECVMSG, .fd = fd, .buf = message, .flags = flags);
}

ASYNCIO_AWAITABLE(ssize_t) asyncio_sendmsg(int fd, const struct msghdr *message, int flags)
{
    AI_CALL_SIZED("sendmsg", .code = AI_OP_SENDMSG, .fd = fd, .from = message, .flags = flags);
}

/* --- With an address --- */

struct addressed {
    struct ai_call call;
    struct msghdr message;
    struct iovec part;
    socklen_t *size; /* where a received one's is to go */
};

static void tell_size(struct ai_call *call)
{
    struct addressed *a = (struct addressed *)call;

    if (a->size && call->op.result >= 0)
        *a->size = a->message.msg_namelen;
}

static struct addressed *addressed(const struct asyncio_awaitable_type *type, struct ai_op op)
{
    struct addressed *a = (struct addressed *)ai_call_new(type);

    if (!a)
        return NULL;
    a->part = (struct iovec){op.buf, op.size};
    a->message = (struct msghdr){.msg_iov = &a->part, .msg_iovlen = 1};
    a->call.op = op;
    a->call.op.buf = &a->message;
    a->size = NULL;
    return a;
}

ASYNCIO_AWAITABLE(ssize_t)
asyncio_recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *address, socklen_t *size)
{
    static const struct asyncio_awaitable_type type =
        AI_CALL_TYPE("recvfrom", struct addressed, size);
    struct addressed *a = addressed(
        &type, AI_CALL_OP(.code = AI_OP_RECVMSG, .fd = fd, .buf = buf, .size = n, .flags = flags));

    if (!a)
        return NULL;
    if (address && size) {
        a->message.msg_name = address;
        a->message.msg_namelen = *size;
        a->size = size;
        a->call.after = tell_size;
    }
    return ai_call_handle(&a->call);
}

ASYNCIO_AWAITABLE(ssize_t)
asyncio_sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *address,
               socklen_t size)
{
    static const struct asyncio_awaitable_type type =
        AI_CALL_TYPE("sendto", struct addressed, size);
    struct addressed *a = addressed(
        &type, AI_CALL_OP(.code = AI_OP_SENDMSG, .fd = fd, .from = buf, .size = n, .flags = flags));

    if (!a)
        return NULL;
    a->message.msg_name = (void *)(uintptr_t)address;
    a->message.msg_namelen = size;
    return ai_call_handle(&a->call);
}
