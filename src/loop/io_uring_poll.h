/* Receives that wait by a poll which stays: for descriptors that nobody closes but us.
 *
 * On a ring a receive of its own for each message costs more than the call it saves. So it is the
 * call, where there may be something; else it is parked, and a multishot poll of the descriptor,
 * armed once and left armed, tells when to try again. The poll holds on to what the descriptor
 * stands for, which a plain close(2) would leave open; hence only operations that are `owned`.
 *
 * An operation is parked with its descriptor, or `due`, until it is tried again; what is known of
 * descriptors is in descriptor.h. A completion of a poll carries the descriptor and its generation,
 * and is of no account once that has been closed. */
#ifndef AI_LOOP_IO_URING_POLL_H
#define AI_LOOP_IO_URING_POLL_H

#include "loop/descriptor.h"

#include <liburing.h>

struct ai_polls {
    struct io_uring *uring;
    struct ai_descriptors known;
    struct ai_list due;
};

void ai_polls_open(struct ai_polls *p, struct io_uring *uring);
void ai_polls_close(struct ai_polls *p);

/* Whether this is one for us. */
static inline bool ai_polls_wait_for(const struct ai_op *op)
{
    return op->owned && op->code == AI_OP_RECV;
}

/* Tries it: 1, it is done, its result set; 0, it is parked; -EBUSY, it cannot be for now. */
int ai_polls_submit(struct ai_polls *p, struct ai_op *op);

/* Whether a completion is a poll's; takes it. */
static inline bool ai_polls_are_meant(const struct io_uring_cqe *cqe)
{
    return (cqe->user_data & 1) != 0;
}
void ai_polls_told(struct ai_polls *p, const struct io_uring_cqe *cqe);

/* The next one that is done by now, its result set and good until the next call; or NULL. */
struct ai_op *ai_polls_next(struct ai_polls *p);

/* Before a descriptor is closed: its poll ends, and what is parked moves to this list. */
void ai_polls_end(struct ai_polls *p, int fd, struct ai_list *list);

#endif
