/* Moving bytes between descriptors without reading them: asyncio_splice(), asyncio_sendfile(), and
 * asyncio_sock_sendfile(), which is the same under Python's name. */
#include "base/alloc.h"
#include "io/call.h"
#include "io/now.h"

#include <asyncio/io.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

/* --- splice() --- */

/* A splice waits for two descriptors: tried in vain, it polls first the one, then the other, and is
 * tried again, all by one call after the other. */
enum stage { SPLICE, WAIT_IN, WAIT_OUT };

struct splice {
    struct ai_call call;
    struct ai_op op;
    off_t *in, *out;
    uint8_t stage;
};

static void next_stage(struct splice *s)
{
    struct ai_call *call = &s->call;

    s->stage = s->stage == WAIT_OUT ? SPLICE : s->stage + 1;
    if (s->stage == SPLICE)
        call->op = s->op;
    else
        call->op =
            AI_CALL_OP(.code = AI_OP_POLL, .fd = s->stage == WAIT_IN ? s->op.fd : s->op.other,
                       .flags = s->stage == WAIT_IN ? POLLIN : POLLOUT);
    call->phase = AI_CALL_NEW;
}

static bool only_waited(const struct splice *s)
{
    return s->call.phase == AI_CALL_DONE && (s->stage != SPLICE || s->call.op.result == -EAGAIN);
}

static int go_on(struct splice *s, bool cancelled)
{
    struct ai_call *call = &s->call;

    if (cancelled || call->cancelled)
        return -ECANCELED;
    if (s->stage != SPLICE && call->op.result < 0)
        return (int)call->op.result;
    next_stage(s);
    return 0;
}

/* As the call does, for what has been moved. */
static void advance(struct splice *s)
{
    if (s->in)
        *s->in += s->call.size;
    if (s->out)
        *s->out += s->call.size;
}

static int step(void *self, bool cancelled)
{
    struct splice *s = self;

    for (;;) {
        int code = only_waited(s) ? go_on(s, cancelled) : 0;
        if (code < 0)
            return code;
        code = ai_call_step(s, cancelled);
        if (code != 0 && only_waited(s))
            continue;
        if (code > 0)
            advance(s);
        return code;
    }
}

static int64_t offset_of(const off_t *place)
{
    if (!place)
        return -1;
    return *place < 0 ? AI_CALL_BAD_OFFSET : *place;
}

ASYNCIO_AWAITABLE(ssize_t)
asyncio_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t n, unsigned flags)
{
    static const struct asyncio_awaitable_type type = {
        .name = "splice",
        .size = sizeof(struct splice),
        .result_size = sizeof(ssize_t),
        .result_offset = offsetof(struct ai_call, size),
        .result_signed = true,
        .pool_class = ASYNCIO__POOL_CLASS(sizeof(struct splice)),
        .step = step,
        .cancel = ai_call_give_up,
    };
    bool bad = out_offset && *out_offset < 0;
    struct splice *s = (struct splice *)ai_call_new(&type);

    if (!s)
        return NULL;
    s->op = AI_CALL_OP(.code = AI_OP_SPLICE, .fd = in, .other = out,
                       .offset = bad ? AI_CALL_BAD_OFFSET : offset_of(in_offset),
                       .offset2 = offset_of(out_offset), .size = n, .flags = (int)flags);
    s->call.op = s->op;
    s->in = in_offset;
    s->out = out_offset;
    s->stage = SPLICE;
    return ai_handle(&s->call.object);
}

/* --- sendfile() --- */

enum { PIECE = 64 << 10 }; /* what a pipe holds */

/* From where to where, and how far it is. */
struct sending {
    int out, in;
    off_t at;
    size_t left, sent;
    int pipe[2];
};

static size_t piece(const struct sending *s)
{
    return s->left < PIECE ? s->left : PIECE;
}

static void went(struct sending *s, size_t n)
{
    s->at += (off_t)n;
    s->sent += n;
    s->left -= n;
}

/* What a piece is moved by: 0 at the end of the file, -errno; 1. */

static ASYNCIO_ASYNC(int, splice_piece, (struct sending *, s))
{
    off_t at = s->at;
    ssize_t got = ASYNCIO_AWAIT(asyncio_splice(s->in, &at, s->pipe[1], NULL, piece(s), 0));
    int result = got > 0;

    while (got > 0) {
        ssize_t n = ASYNCIO_AWAIT(asyncio_splice(s->pipe[0], NULL, s->out, NULL, (size_t)got, 0));
        if (n < 0)
            return (int)n;
        went(s, (size_t)n);
        got -= n;
    }
    return got < 0 ? (int)got : result;
}

static ASYNCIO_ASYNC(int, copy_through, (struct sending *, s), (char *, buf))
{
    ssize_t got = ASYNCIO_AWAIT(asyncio_pread(s->in, buf, piece(s), s->at));
    int result = got > 0;

    for (char *from = buf; got > 0;) {
        ssize_t n = ASYNCIO_AWAIT(asyncio_write(s->out, from, (size_t)got));
        if (n < 0)
            return (int)n;
        went(s, (size_t)n);
        from += n;
        got -= n;
    }
    return got < 0 ? (int)got : result;
}

static ASYNCIO_ASYNC(int, splice_all, (struct sending *, s))
{
    int result = 1;

    if (pipe2(s->pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return -errno;
    while (result > 0 && s->left > 0)
        result = ASYNCIO_AWAIT(splice_piece(s));
    ai_close(s->pipe[0]);
    ai_close(s->pipe[1]);
    return result;
}

static ASYNCIO_ASYNC(int, copy_all, (struct sending *, s))
{
    char *buf = ai_allocate(PIECE);
    int result = buf ? 1 : -ENOMEM;

    while (result > 0 && s->left > 0)
        result = ASYNCIO_AWAIT(copy_through(s, buf));
    ai_deallocate(buf, PIECE);
    return result;
}

/* -EINVAL is what descriptors say that cannot be spliced: files of /proc, those written to with
 * O_APPEND, the simulation's sockets. */
static ASYNCIO_ASYNC(int, send_all, (struct sending *, s))
{
    int result = ASYNCIO_AWAIT(splice_all(s));

    return result == -EINVAL ? ASYNCIO_AWAIT(copy_all(s)) : result;
}

ASYNCIO_ASYNC(ssize_t, asyncio_sendfile, (int, out), (int, in), (off_t *, offset), (size_t, n))
{
    off_t at = offset ? *offset : lseek(in, 0, SEEK_CUR);

    if (at < 0)
        return asyncio_raise(offset ? -EINVAL : -errno, NULL);
    struct sending s = {.out = out, .in = in, .at = at, .left = n < SSIZE_MAX ? n : SSIZE_MAX};
    int error = ASYNCIO_AWAIT(send_all(&s));
    if (offset)
        *offset = s.at;
    else
        lseek(in, s.at, SEEK_SET);
    return error < 0 ? error : (ssize_t)s.sent;
}

ASYNCIO_ASYNC(ssize_t, asyncio_sock_sendfile, (int, fd), (int, file), (off_t, offset), (size_t, n))
{
    return ASYNCIO_AWAIT(asyncio_sendfile(fd, file, &offset, n ? n : SIZE_MAX));
}
