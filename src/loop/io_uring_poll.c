/* See io_uring_poll.h. */
#include "loop/io_uring_poll.h"

#include "loop/perform.h"

#include <errno.h>
#include <poll.h>

enum { EVENTS = POLLIN | POLLPRI | POLLRDHUP };

static struct ai_op *op_of(struct ai_list *link)
{
    return ai_container(link, struct ai_op, link);
}

void ai_polls_open(struct ai_polls *p, struct io_uring *uring)
{
    p->uring = uring;
    ai_descriptors_open(&p->known, -1);
    ai_list_init(&p->due);
}

void ai_polls_close(struct ai_polls *p)
{
    ai_descriptors_close(&p->known);
}

/* ── The polls ───────────────────────────────────────────────────────────────────────────────── */

static uint64_t mark(const struct ai_descriptor *d)
{
    return (uint64_t)d->generation << 32 | (uint64_t)(unsigned)d->fd << 1 | 1;
}

static struct ai_descriptor *marked(const struct ai_polls *p, uint64_t mark_)
{
    struct ai_descriptor *d = ai_descriptor_of(&p->known, (int)((uint32_t)mark_ >> 1));
    return d != NULL && d->generation == (uint32_t)(mark_ >> 32) ? d : NULL;
}

static struct io_uring_sqe *next_entry(struct ai_polls *p)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(p->uring);
    if (sqe == NULL && io_uring_submit(p->uring) > 0)
        sqe = io_uring_get_sqe(p->uring);
    return sqe;
}

static bool arm(struct ai_polls *p, struct ai_descriptor *d)
{
    struct io_uring_sqe *sqe = next_entry(p);
    if (sqe == NULL)
        return false;
    io_uring_prep_poll_multishot(sqe, d->fd, EVENTS);
    sqe->user_data = mark(d);
    d->registered = true;
    return true;
}

/* By a cancellation: the removal of a poll is refused while an event of it is on its way. */
static void disarm(struct ai_polls *p, const struct ai_descriptor *d)
{
    struct io_uring_sqe *sqe = next_entry(p);
    if (sqe == NULL)
        return;
    io_uring_prep_cancel64(sqe, mark(d), 0);
    sqe->user_data = 0;
}

/* ── Operations ──────────────────────────────────────────────────────────────────────────────── */

static int park(struct ai_polls *p, struct ai_op *op)
{
    int error = ai_descriptor_make(&p->known, op->fd);
    struct ai_descriptor *d = ai_descriptor_of(&p->known, op->fd);
    if (error != 0) {
        op->result = error;
        return 1;
    }
    if (!d->registered && !arm(p, d))
        return -EBUSY;
    ai_list_append(&d->parked, &op->link);
    return 0;
}

int ai_polls_submit(struct ai_polls *p, struct ai_op *op)
{
    struct ai_descriptor *d = ai_descriptor_of(&p->known, op->fd);
    bool drained = ai_descriptor_is_drained(d, op);
    op->result = drained ? -EAGAIN : ai_descriptor_try(&p->known, d, op);
    return op->result == -EAGAIN ? park(p, op) : 1;
}

/* A poll that has ended, as the kernel may have it, is armed again by who is parked. */
void ai_polls_told(struct ai_polls *p, const struct io_uring_cqe *cqe)
{
    struct ai_descriptor *d = marked(p, cqe->user_data);
    if (d == NULL)
        return;
    d->registered = (cqe->flags & IORING_CQE_F_MORE) != 0;
    ai_descriptor_told(d, cqe->res >= 0 ? (uint32_t)cqe->res : POLLERR);
    ai_list_move(&p->due, &d->parked);
}

struct ai_op *ai_polls_next(struct ai_polls *p)
{
    struct ai_list busy = AI_LIST_INIT(busy);
    struct ai_op *done = NULL;
    while (done == NULL && !ai_list_empty(&p->due)) {
        struct ai_op *op = op_of(p->due.next);
        ai_list_remove(&op->link);
        int taken = ai_polls_submit(p, op);
        if (taken == 1)
            done = op;
        else if (taken < 0)
            ai_list_append(&busy, &op->link);
    }
    ai_list_move(&p->due, &busy);
    return done;
}

void ai_polls_end(struct ai_polls *p, int fd, struct ai_list *list)
{
    struct ai_descriptor *d = ai_descriptor_of(&p->known, fd);
    if (d == NULL)
        return;
    ai_list_each (node, &p->due)
        if (op_of(node)->fd == fd) {
            ai_list_remove(node);
            ai_list_append(list, node);
        }
    ai_list_move(list, &d->parked);
    if (d->registered)
        disarm(p, d);
    d->generation++;
    ai_descriptor_forget(d);
}
