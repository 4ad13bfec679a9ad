/* Datagram endpoints: a socket, and the calls on it. What is common to all ways to make one is in
 * datagram_open.c.
 *
 * A send or receive is the call of recvmsg() or sendmsg(), which looks for its endpoint when it
 * begins: so one that was closed meanwhile is told, whatever has become of its descriptor. */
#include "io/datagram.h"

#include "base/panic.h"
#include "io/call.h"
#include "io/now.h"
#include "task/diagnose.h"
#include "task/task.h"
#include "task/thread.h"

#include <asyncio/datagram.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct endpoint {
    struct ai_object object; /* DONE from the start: nobody waits for itself */
    int fd;                  /* -1: closed */
    socklen_t size; /* of the address that is sent to, where it is not the socket's; or 0 */
    struct sockaddr_storage to;
};

static void close_endpoint(struct endpoint *e)
{
    int fd = e->fd;

    e->fd = -1;
    if (fd >= 0)
        ai_close(fd);
}

static void destroy(void *self)
{
    close_endpoint(self);
}

static const struct asyncio_awaitable_type endpoint_type = {
    .name = "endpoint",
    .size = sizeof(struct endpoint),
    .kind = ASYNCIO__DATAGRAM,
    .destroy = destroy,
};

static struct endpoint *endpoint_if_any(const struct asyncio_datagram_endpoint *e)
{
    return (struct endpoint *)ai_object_if_any((asyncio_any)(uintptr_t)e);
}

struct asyncio_datagram_endpoint *ai_datagram_new(void)
{
    struct endpoint *e = (struct endpoint *)ai_object_new(&endpoint_type, sizeof *e);

    if (!e)
        return NULL;
    e->object.state = AI_DONE;
    e->fd = -1;
    return ai_handle(&e->object);
}

int ai_datagram_open(struct asyncio_datagram_endpoint *handle, int fd, const struct sockaddr *to,
                     unsigned size)
{
    struct endpoint *e = endpoint_if_any(handle);

    if (!e) {
        ai_close(fd);
        return -ECANCELED;
    }
    e->fd = fd;
    e->size = size < sizeof e->to ? size : sizeof e->to;
    if (to)
        memcpy(&e->to, to, e->size);
    return 0;
}

void ai_datagram_drop(struct asyncio_datagram_endpoint *handle)
{
    struct endpoint *e = endpoint_if_any(handle);

    if (e)
        ai_disown(&e->object);
}

static struct endpoint *endpoint(const struct asyncio_datagram_endpoint *handle)
{
    asyncio_any h = (asyncio_any)(uintptr_t)handle;
    struct ai_object *o = ai_object_if_any(h);

    if (o && o->type == &endpoint_type)
        return (struct endpoint *)o;
    if (!handle)
        ai_panic("ValueError: NULL is no datagram endpoint: was it made?");
    if (o)
        ai_panic("TypeError: %s '%s' is no datagram endpoint", ai_noun(o->type), o->type->name);
    ai_panic("RuntimeError: a datagram endpoint was used after the task that it belonged to ended, "
             "or after its release");
}

/* --- Sending and receiving --- */

struct transfer {
    struct ai_call call;
    asyncio_any endpoint; /* it may be gone */
    struct msghdr message;
    struct iovec part;
    socklen_t *size; /* where a received address's is to go */
};

static int step(void *self, bool cancelled)
{
    struct transfer *t = self;

    if (t->call.phase == AI_CALL_NEW) {
        const struct endpoint *e = endpoint_if_any(t->endpoint);
        t->call.op.fd = e ? e->fd : -1;
    }
    return t->call.op.fd < 0 ? -EBADF : ai_call_step(self, cancelled);
}

static void tell_size(struct ai_call *call)
{
    struct transfer *t = (struct transfer *)call;

    if (call->op.result >= 0)
        *t->size = t->message.msg_namelen;
}

#define TRANSFER_TYPE(label)                                                                       \
    {                                                                                              \
        .name = label, .size = sizeof(struct transfer), .result_size = sizeof(ssize_t),            \
        .result_offset = offsetof(struct ai_call, size), .result_signed = true,                    \
        .pool_class = ASYNCIO__POOL_CLASS(sizeof(struct transfer)), .step = step,                  \
        .cancel = ai_call_give_up,                                                                 \
    }

static struct transfer *transfer_new(const struct asyncio_awaitable_type *type, uint8_t code,
                                     const struct endpoint *e, const void *buf, size_t n)
{
    struct transfer *t = (struct transfer *)ai_call_new(type);

    if (!t)
        return NULL;
    t->endpoint = ai_handle(&e->object);
    t->part = (struct iovec){(void *)(uintptr_t)buf, n};
    t->message = (struct msghdr){.msg_iov = &t->part, .msg_iovlen = 1};
    t->call.op = AI_CALL_OP(.code = code, .buf = &t->message);
    return t;
}

static void set_address(struct transfer *t, const struct sockaddr *address, socklen_t size)
{
    t->message.msg_name = (void *)(uintptr_t)address;
    t->message.msg_namelen = size;
}

ASYNCIO_AWAITABLE(ssize_t)
asyncio_datagram_endpoint_recvfrom(struct asyncio_datagram_endpoint *e, void *buf, size_t n,
                                   struct sockaddr *address, socklen_t *size)
{
    static const struct asyncio_awaitable_type type = TRANSFER_TYPE("recvfrom");
    struct transfer *t = transfer_new(&type, AI_OP_RECVMSG, endpoint(e), buf, n);

    if (!t)
        return NULL;
    if (address && size) {
        set_address(t, address, *size);
        t->size = size;
        t->call.after = tell_size;
    }
    return ai_call_handle(&t->call);
}

ASYNCIO_AWAITABLE(ssize_t)
asyncio_datagram_endpoint_recv(struct asyncio_datagram_endpoint *e, void *buf, size_t n)
{
    return asyncio_datagram_endpoint_recvfrom(e, buf, n, NULL, NULL);
}

ASYNCIO_AWAITABLE(ssize_t)
asyncio_datagram_endpoint_sendto(struct asyncio_datagram_endpoint *e, const void *buf, size_t n,
                                 const struct sockaddr *address, socklen_t size)
{
    static const struct asyncio_awaitable_type type = TRANSFER_TYPE("sendto");
    struct transfer *t = transfer_new(&type, AI_OP_SENDMSG, endpoint(e), buf, n);

    if (!t)
        return NULL;
    set_address(t, address, size);
    return ai_call_handle(&t->call);
}

ASYNCIO_AWAITABLE(ssize_t)
asyncio_datagram_endpoint_send(struct asyncio_datagram_endpoint *handle, const void *buf, size_t n)
{
    const struct endpoint *e = endpoint(handle);
    const struct sockaddr *to = e->size ? (const struct sockaddr *)&e->to : NULL;

    return asyncio_datagram_endpoint_sendto(handle, buf, n, to, e->size);
}

/* --- The rest --- */

void asyncio_datagram_endpoint_close(struct asyncio_datagram_endpoint *e)
{
    close_endpoint(endpoint(e));
}

bool asyncio_datagram_endpoint_is_closing(const struct asyncio_datagram_endpoint *e)
{
    return endpoint(e)->fd < 0;
}

static ssize_t name_of(int fd, uint8_t code, void *value, size_t size)
{
    socklen_t n = (socklen_t)size;
    int64_t result = ai_now((struct ai_op){.code = code, .fd = fd, .buf = value, .more = &n});

    return result < 0 ? (ssize_t)result : (ssize_t)(n < size ? n : size);
}

static ssize_t copy(const void *from, size_t n, void *value, size_t size)
{
    memcpy(value, from, n < size ? n : size);
    return (ssize_t)(n < size ? n : size);
}

static ssize_t descriptor(const struct endpoint *e, void *value, size_t size)
{
    return size < sizeof e->fd ? -EINVAL : copy(&e->fd, sizeof e->fd, value, size);
}

ssize_t asyncio_datagram_endpoint_get_extra_info(const struct asyncio_datagram_endpoint *handle,
                                                 const char *name, void *value, size_t size)
{
    const struct endpoint *e = endpoint(handle);

    if (e->fd < 0)
        return -EBADF;
    if (strcmp(name, "peername") == 0)
        return e->size ? copy(&e->to, e->size, value, size)
                       : name_of(e->fd, AI_OP_GETPEERNAME, value, size);
    if (strcmp(name, "sockname") == 0)
        return name_of(e->fd, AI_OP_GETSOCKNAME, value, size);
    return strcmp(name, "socket") == 0 ? descriptor(e, value, size) : -ENOENT;
}
