/* The kernel by io_uring.
 *
 * `unsent` holds the operations of which the kernel has yet to be told something: to take them, or,
 * where it has them, to cancel them. wait() tells all of it, waits and times out in one system
 * call, and none where there is nothing to tell and nothing to fetch. From SENT on the kernel may
 * write to the operation's buffer until its own completion is reaped, whatever becomes of a
 * cancellation.
 *
 * An O_NONBLOCK descriptor answers -EAGAIN instead of waiting. Such an operation goes round again
 * as POLLING, and then as itself. What the kernel has no submission for is performed by the call.
 *
 * What is sent and waits for a descriptor is in a ring of that descriptor's, so that closing it
 * finds them: the kernel itself would let them wait on.
 *
 * The wake-up is an operation of our own, the read of an eventfd, always under way. It never
 * reaches `ended` and is not counted. */
#include "loop/backend.h"

#include <errno.h>
#include <stdio.h>

#ifndef AI_HAVE_LIBURING

static int no_ring(void **state, char *why, size_t why_size)
{
    (void)state;
    snprintf(why, why_size, "built without liburing");
    return -ENOSYS;
}

const struct ai_backend ai_backend_io_uring = {.name = "io_uring", .open = no_ring};

#else

#include "base/alloc.h"
#include "ctx/sanitize.h"
#include "loop/clock.h"
#include "loop/io_uring_embed.h"
#include "loop/io_uring_lent.h"
#include "loop/io_uring_poll.h"
#include "loop/io_uring_sqe.h"
#include "loop/op_table.h"
#include "loop/perform.h"
#include "loop/wake.h"

#include <liburing.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* The completions are what a busy loop has in one turn; the kernel keeps what is above that. */
static const struct size {
    unsigned submissions, completions;
} usual = {256, 4096}, least = {64, 256};

static atomic_int_least64_t last_closed; /* when a ring of this process was, or 0 */

enum state {
    SENT = 1,      /* the kernel has it */
    CANCELLED = 2, /* and was asked to give it back, or will be */
    POLLING = 4,   /* sent as a poll, as the transfer itself would not wait */
    ENDED = 8,     /* on `ended`, result set */
    CLOSED = 16,   /* cancelled, as its descriptor is being closed */
    LENT = 32,     /* its buffer is the ring's, of number `other`, once it has one */
    OWN = 64,      /* its buffer was allocated for it, where the ring has none to lend */
    PARKED = 128,  /* with the polls */
};

struct ring {
    struct io_uring uring;
    struct ai_list unsent, ended;
    struct ai_op_table
        sent; /* of those that wait for a descriptor; noted: it has more to receive */
    struct ai_lent lent;
    bool cannot_lend;
    bool lacks[AI_OPCODES]; /* what the kernel has no submission for */
    struct ai_polls polls;
    struct ai_wake wake;
    struct ai_op wake_op; /* always under way */
    uint64_t wake_count;  /* what it reads */
    struct ai_embedding embedding;
    bool closing;
};

static char mapped; /* stands for the memory of all rings, in the order the kernel gave it */

static struct ai_op *op_of(struct ai_list *link)
{
    return ai_container(link, struct ai_op, link);
}

static bool waits(const struct ai_op *op)
{
    return ai_perform_class(op) == AI_PERFORM_WAITS;
}

/* ── Lending ─────────────────────────────────────────────────────────────────────────────────── */

static int borrow(struct ring *r, struct ai_op *op)
{
    if (r->lent.ring == NULL && !r->cannot_lend)
        r->cannot_lend = ai_lent_open(&r->lent, &r->uring) != 0;
    op->size = op->size < AI_LENT_SIZE ? op->size : AI_LENT_SIZE;
    op->other = -1;
    op->state = r->cannot_lend ? OWN : LENT;
    if (r->cannot_lend)
        op->buf = ai_allocate(op->size);
    return r->cannot_lend && op->buf == NULL ? -ENOMEM : 0;
}

static void hand_over(struct ring *r, struct ai_op *op)
{
    unsigned state = op->state;
    int id = op->other;
    size_t size = op->size;
    void *buf = op->buf;
    op->done(op); /* which may be gone now */
    if ((state & LENT) != 0 && id >= 0)
        ai_lent_give_back(&r->lent, (unsigned)id);
    if ((state & OWN) != 0)
        ai_deallocate(buf, size);
}

static int hand_over_all(struct ring *r)
{
    struct ai_list now = AI_LIST_INIT(now);
    int n = 0;
    ai_list_move(&now, &r->ended);
    for (; !ai_list_empty(&now); n++) {
        struct ai_op *op = op_of(now.next);
        ai_list_remove(&op->link);
        hand_over(r, op);
    }
    return n;
}

/* ── Taking on ───────────────────────────────────────────────────────────────────────────────── */

static void end(struct ring *r, struct ai_op *op, int64_t result)
{
    op->state = (uint8_t)(ENDED | (op->state & (LENT | OWN)));
    op->result = result;
    ai_list_append(&r->ended, &op->link);
}

/* Before it is sent the kernel need not hear of it. */
static void ask_back(struct ring *r, struct ai_op *op, unsigned why, int result)
{
    if ((op->state & (CANCELLED | ENDED)) != 0)
        return;
    ai_op_table_take(&r->sent, op);
    if ((op->state & SENT) == 0) {
        end(r, op, result);
        return;
    }
    op->state |= (uint8_t)(CANCELLED | why);
    ai_list_append(&r->unsent, &op->link);
}

static void ring_cancel(void *state, struct ai_op *op)
{
    struct ring *r = state;
    if ((op->state & PARKED) != 0) {
        ai_list_remove(&op->link);
        end(r, op, -ECANCELED);
        return;
    }
    if (op->code != AI_OP_CLOSE)
        ask_back(r, op, 0, -ECANCELED);
}

static void end_all_on(struct ring *r, int fd)
{
    ai_list_each (node, &r->unsent)
        if (op_of(node)->fd == fd && waits(op_of(node)))
            ask_back(r, op_of(node), CLOSED, -EBADF);
    struct ai_list parked = AI_LIST_INIT(parked);
    ai_polls_end(&r->polls, fd, &parked);
    ai_list_each (node, &parked) {
        ai_list_remove(node);
        end(r, op_of(node), -EBADF);
    }
    for (struct ai_op *op; (op = ai_op_table_first(&r->sent, fd)) != NULL;)
        ask_back(r, op, CLOSED, -EBADF);
}

static int receive_by_poll(struct ring *r, struct ai_op *op)
{
    int taken = ai_polls_submit(&r->polls, op);
    op->state = taken == 0 ? PARKED : 0;
    return taken;
}

/* A send on the ring costs as much as the system call it saves, and a turn of the loop besides; a
 * splice costs a thread, which only files are worth. */
static bool call_now(struct ai_op *op)
{
    op->result = ai_perform(op);
    return op->result != (op->code == AI_OP_SEND ? -EAGAIN : AI_PERFORM_BLOCKS);
}

static int ring_submit(void *state, struct ai_op *op)
{
    struct ring *r = state;
    op->state = 0;
    if (r->lacks[op->code]) {
        op->result = ai_perform_blocking(op);
        return 1;
    }
    if ((op->code == AI_OP_SEND || op->code == AI_OP_SPLICE) && call_now(op))
        return 1;
    int taken = ai_polls_wait_for(op) ? receive_by_poll(r, op) : -EBUSY;
    if (taken != -EBUSY)
        return taken;
    if (op->code == AI_OP_CLOSE && op->fd >= 0)
        end_all_on(r, op->fd);
    int error = waits(op) ? ai_op_table_make_room(&r->sent, op->fd) : 0;
    if (error == 0 && op->code == AI_OP_RECV && op->buf == NULL)
        error = borrow(r, op);
    if (error == 0)
        ai_list_append(&r->unsent, &op->link);
    return error;
}

/* ── Telling the kernel ──────────────────────────────────────────────────────────────────────── */

static void prepare(struct ring *r, struct io_uring_sqe *sqe, struct ai_op *op)
{
    bool cancels = (op->state & SENT) != 0;
    if (cancels)
        io_uring_prep_cancel(sqe, op, 0);
    else if ((op->state & POLLING) != 0)
        io_uring_prep_poll_add(sqe, op->fd, (unsigned short)ai_perform_events(op));
    else
        ai_sqe_prepare(sqe, op);
    if ((op->state & (SENT | POLLING | LENT)) == LENT) {
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = AI_LENT_GROUP;
    }
    io_uring_sqe_set_data(sqe, cancels ? NULL : op);
    op->state |= SENT;
    if (!cancels && waits(op))
        ai_op_table_add(&r->sent, op);
}

/* Moves what is unsent to the submission queue, and that to the kernel whenever it is full. What
 * the kernel is too busy for stays, for the next wait(). */
static int fill(struct ring *r)
{
    while (!ai_list_empty(&r->unsent)) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&r->uring);
        if (sqe == NULL) {
            int n = io_uring_submit(&r->uring);
            if (n <= 0)
                return n;
            continue;
        }
        struct ai_op *op = op_of(r->unsent.next);
        ai_list_remove(&op->link);
        prepare(r, sqe, op);
    }
    return 0;
}

/* One system call, or none: submits, runs the kernel's deferred work, and waits for a completion
 * for so long. */
static int enter(struct ring *r, int64_t ns)
{
    struct io_uring *u = &r->uring;
    int error = fill(r);
    if (error < 0)
        return error;
    bool told = io_uring_sq_ready(u) == 0;
    bool fetched = io_uring_cq_ready(u) != 0;
    if (ns == 0 || fetched) {
        unsigned flags = IO_URING_READ_ONCE(*u->sq.kflags);
        if (told && (fetched || (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) == 0))
            return 0;
        return told ? io_uring_get_events(u) : io_uring_submit_and_get_events(u);
    }
    if (ns == INT64_MAX)
        return io_uring_submit_and_wait(u, 1);
    struct io_uring_cqe *cqe;
    struct __kernel_timespec timeout = ai_clock_timespec(ns);
    return io_uring_submit_and_wait_timeout(u, &cqe, 1, &timeout, NULL);
}

/* Failures that leave everything as it was, to be tried again. */
static bool is_passing(int error)
{
    return error == -ETIME || error == -EINTR || error == -EAGAIN || error == -EBUSY;
}

/* ── Hearing from it ─────────────────────────────────────────────────────────────────────────── */

static bool again(struct ring *r, struct ai_op *op, unsigned state)
{
    op->state = (uint8_t)(state | (op->state & (LENT | OWN)));
    ai_list_append(&r->unsent, &op->link);
    return true;
}

/* A result that is not the operation's own sends it round again. */
static bool went_round(struct ring *r, struct ai_op *op, int result)
{
    if ((op->state & CANCELLED) != 0)
        return false;
    if ((op->state & POLLING) != 0)
        return result >= 0 && again(r, op, 0);
    if (result == -EINTR || (result == -ENOBUFS && (op->state & LENT) != 0))
        return again(r, op, 0);
    bool waits_by_itself = op->code == AI_OP_POLL || op->code == AI_OP_SPLICE;
    return result == -EAGAIN && !waits_by_itself && again(r, op, POLLING);
}

static int64_t own_result(const struct ai_op *op, int result)
{
    bool came_round = (op->state & POLLING) != 0 && result >= 0;
    bool nothing = came_round || result == -EAGAIN || result == -EINTR || result == -ECANCELED;
    if (!nothing || (op->state & CANCELLED) == 0)
        return result;
    return (op->state & CLOSED) != 0 ? -EBADF : -ECANCELED;
}

static void woken(struct ring *r)
{
    ai_wake_clear(&r->wake);
    r->wake_op.state = 0;
    if (!r->closing)
        ring_submit(r, &r->wake_op);
}

static void completed(struct ring *r, struct ai_op *op, const struct io_uring_cqe *cqe)
{
    int result = cqe->res;
    ai_op_table_take(&r->sent, op); /* from unsent, if that was to be a cancellation */
    if ((cqe->flags & IORING_CQE_F_BUFFER) != 0) {
        op->other = (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
        op->buf = ai_lent_buffer(&r->lent, (unsigned)op->other);
    }
    if (went_round(r, op, result))
        return;
    if (op == &r->wake_op)
        woken(r);
    else
        end(r, op, own_result(op, result));
}

/* One after the other, as what is lent is good only for the time of one done(). */
static int receive_due(struct ring *r)
{
    int n = 0;
    for (struct ai_op *op; n < AI_PERFORM_BATCH && (op = ai_polls_next(&r->polls)) != NULL; n++) {
        op->state = ENDED;
        op->done(op);
    }
    return n;
}

/* Collects first and completes afterwards, so that done() finds the queue consistent. */
static int reap(struct ring *r)
{
    struct io_uring_cqe *cqe;
    unsigned head, seen = 0;
    io_uring_for_each_cqe(&r->uring, head, cqe)
    {
        struct ai_op *op = io_uring_cqe_get_data(cqe);
        if (ai_polls_are_meant(cqe))
            ai_polls_told(&r->polls, cqe);
        else if (op != NULL)
            completed(r, op, cqe);
        seen++;
    }
    io_uring_cq_advance(&r->uring, seen);
    return hand_over_all(r) + receive_due(r);
}

static int ring_wait(void *state, int64_t deadline)
{
    struct ring *r = state;
    bool idle = ai_list_empty(&r->ended) && ai_list_empty(&r->polls.due);
    int error = enter(r, idle ? ai_clock_until(deadline) : 0);
    int n = reap(r);
    return error < 0 && !is_passing(error) ? error : n;
}

static void ring_wake(void *state)
{
    struct ring *r = state;
    ai_wake_up(&r->wake);
}

/* ── For those who embed the loop ────────────────────────────────────────────────────────────── */

/* What no descriptor tells of is told by a wake-up. */
static int ring_fd(void *state, int64_t deadline)
{
    struct ring *r = state;
    int error = ai_embedding_open(&r->embedding, &r->uring, r->wake.fd);
    if (error != 0)
        return error;
    error = fill(r);
    if (error >= 0 && io_uring_sq_ready(&r->uring) != 0)
        error = io_uring_submit(&r->uring);
    if (error < 0 && !is_passing(error))
        return error;
    bool more = error < 0 || !ai_list_empty(&r->ended) || !ai_list_empty(&r->polls.due);
    error = ai_embedding_reset_bell(&r->embedding, &r->uring);
    if (more || error > 0 || io_uring_cq_ready(&r->uring) != 0)
        ai_wake_up(&r->wake);
    if (error >= 0)
        error = ai_clock_arm(r->embedding.timer, deadline);
    return error < 0 ? error : r->embedding.fd;
}

/* ── Life ────────────────────────────────────────────────────────────────────────────────────── */

/* The ring's memory is unmapped and its descriptor closed, which leaves a ring that a fork shares
 * alone; deregistering the descriptor is refused to all but the thread that made the ring. */
static void release(struct ring *r)
{
    AI_TSAN_GIVEN_BACK(&mapped);
    if (r->uring.ring_fd >= 0) {
        io_uring_queue_exit(&r->uring);
        atomic_store_explicit(&last_closed, ai_clock_now(NULL), memory_order_relaxed);
    }
    ai_lent_close(&r->lent);
    ai_op_table_close(&r->sent);
    ai_polls_close(&r->polls);
    if (r->wake.fd >= 0)
        close(r->wake.fd);
    ai_embedding_close(&r->embedding);
    ai_deallocate(r, sizeof *r);
}

/* The kernel may write to wake_count until its read has ended. */
static void ring_close(void *state)
{
    struct ring *r = state;
    r->closing = true;
    if ((r->wake_op.state & SENT) != 0)
        ring_cancel(r, &r->wake_op);
    while ((r->wake_op.state & SENT) != 0 && ring_wait(r, INT64_MAX) >= 0)
        ;
    release(r);
}

static void ring_forget(void *state)
{
    release(state);
}

/* The best mode the kernel knows: completions worked on when we enter it (6.1), or when we cross
 * into it anyway (5.19), or whenever. */
static int set_up_mode(struct ring *r, const struct size *size)
{
    static const unsigned modes[] = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
            IORING_SETUP_SUBMIT_ALL,
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
        0,
    };
    int error = -EINVAL;
    for (size_t i = 0; error == -EINVAL && i < sizeof modes / sizeof *modes; i++) {
        struct io_uring_params p = {.flags = modes[i] | IORING_SETUP_CQSIZE,
                                    .cq_entries = size->completions};
        error = io_uring_queue_init_params(size->submissions, &r->uring, &p);
    }
    return error;
}

/* The memory of rings is locked, of which users who are not root have little; and the kernel gives
 * that of a ring which was closed back some milliseconds later. */
static int set_up_queues(struct ring *r)
{
    enum { PATIENCE_MS = 200, PAUSE_MS = 2 };
    int64_t closed = atomic_load_explicit(&last_closed, memory_order_relaxed);
    int error = set_up_mode(r, &usual);
    if (error == -ENOMEM)
        error = set_up_mode(r, &least);
    while (error == -ENOMEM && closed != 0 &&
           ai_clock_now(NULL) - closed < PATIENCE_MS * INT64_C(1000000)) {
        ai_clock_block(NULL, PAUSE_MS * INT64_C(1000000));
        error = set_up_mode(r, &least);
    }
    if (error != 0)
        r->uring.ring_fd = -1;
    AI_TSAN_GIVEN(&mapped);
    return error;
}

/* EXT_ARG: the wait's timeout; NODROP: the overflow is kept; FAST_POLL: no thread for a wait. */
static bool has_what_it_takes(struct ring *r)
{
    struct io_uring *u = &r->uring;
    enum { NEEDED = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_FAST_POLL };
    struct io_uring_probe *probe = io_uring_get_probe_ring(u);
    bool has = probe != NULL && (u->features & NEEDED) == NEEDED &&
               io_uring_opcode_supported(probe, IORING_OP_POLL_ADD) &&
               io_uring_opcode_supported(probe, IORING_OP_READ) &&
               io_uring_opcode_supported(probe, IORING_OP_WRITE) &&
               io_uring_opcode_supported(probe, IORING_OP_ASYNC_CANCEL);
    for (int i = 0; has && i < AI_OPCODES; i++) {
        int opcode = ai_sqe_opcode(&(struct ai_op){.code = (uint8_t)i});
        r->lacks[i] = opcode < 0 || !io_uring_opcode_supported(probe, opcode);
    }
    io_uring_free_probe(probe);
    return has;
}

/* To send the wake-up's read at once shows whether the kernel lets us enter the ring at all. */
static int start(struct ring *r)
{
    io_uring_register_ring_fd(&r->uring); /* saves a look-up each time; it need not work */
    r->wake_op = (struct ai_op){
        .code = AI_OP_READ,
        .fd = r->wake.fd,
        .buf = &r->wake_count,
        .size = sizeof r->wake_count,
        .offset = -1,
    };
    ai_list_init(&r->wake_op.link);
    int error = ring_submit(r, &r->wake_op);
    if (error == 0)
        error = fill(r);
    return error < 0 ? error : io_uring_submit(&r->uring);
}

static const char *set_up(struct ring *r, int *error)
{
    *error = set_up_queues(r);
    if (*error != 0)
        return "io_uring_setup";
    *error = has_what_it_takes(r) ? 0 : -ENOSYS;
    if (*error != 0)
        return "io_uring of this kernel";
    *error = ai_wake_open(&r->wake, 0);
    if (*error != 0)
        return "eventfd";
    *error = start(r);
    return "io_uring_enter";
}

static int ring_open(void **state, char *why, size_t why_size)
{
    struct ring *r = ai_allocate(sizeof *r);
    if (r == NULL) {
        snprintf(why, why_size, "out of memory");
        return -ENOMEM;
    }
    r->uring.ring_fd = r->wake.fd = -1;
    r->embedding = (struct ai_embedding){-1, -1, -1};
    ai_list_init(&r->unsent);
    ai_list_init(&r->ended);
    ai_polls_open(&r->polls, &r->uring);
    int error;
    const char *step = set_up(r, &error);
    if (error < 0) {
        snprintf(why, why_size, "%s: %s%s", step, strerror(-error),
                 error == -ENOMEM ? " (ulimit -l says how much may be locked)" : "");
        release(r);
        return error;
    }
    *state = r;
    return 0;
}

const struct ai_backend ai_backend_io_uring = {
    .name = "io_uring",
    .open = ring_open,
    .close = ring_close,
    .submit = ring_submit,
    .cancel = ring_cancel,
    .wait = ring_wait,
    .wake = ring_wake,
    .now = ai_clock_now,
    .block = ai_clock_block,
    .fd = ring_fd,
    .forget = ring_forget,
};

#endif
