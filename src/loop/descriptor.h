/* What epoll was told of each descriptor, and has told of it.
 *
 * A descriptor is registered once, edge-triggered, for all there is to read, and for what can be
 * written from when that first had to wait: the kernel tells of each change, and what it told is
 * kept here. A direction is `drained` once it has answered EAGAIN, or a stream socket has given
 * less than was asked for; an event ends that.
 *
 * The registration goes with the descriptor, when it is closed. Where the program closes and opens
 * without us, the number may come back as another descriptor, of which nothing would be heard. So
 * the kernel is asked: whenever a call that was tried would block, or, for those that are parked
 * without a try, when nothing has happened for a tick; until then they are `doubted`. (A timer of
 * its own ticks, since a time limit on each wait would cost more than the wait.) */
#ifndef AI_LOOP_DESCRIPTOR_H
#define AI_LOOP_DESCRIPTOR_H

#include "loop/perform.h"

#include <stdbool.h>

struct ai_descriptor {
    struct ai_list parked;  /* operations, in the order they came */
    struct ai_list doubted; /* among those whose registration is to be asked for, if one waits */
    uint32_t since;         /* the tick when that was last said */
    uint32_t events;        /* to be registered for */
    uint32_t generation;    /* whoever counts the descriptors that had this number */
    int fd;
    short drained;   /* POLLIN, POLLOUT */
    bool registered; /* as far as we know */
    bool ended;      /* it has told of an end or an error: no edge may come any more */
    enum { AI_DESCRIPTOR_UNKNOWN, AI_DESCRIPTOR_STREAM, AI_DESCRIPTOR_OTHER } kind;
};

struct ai_descriptors {
    int epfd;
    struct ai_descriptor **table; /* by descriptor, made when first needed */
    size_t size;
    struct ai_list doubted;
    char *lent;    /* memory for one receive at a time */
    uint32_t tick; /* counts */
    int timer;     /* that ticks while anything is doubted; -1 until then */
    bool ticking;
};

void ai_descriptors_open(struct ai_descriptors *all, int epfd);
void ai_descriptors_close(struct ai_descriptors *all);

static inline struct ai_descriptor *ai_descriptor_of(const struct ai_descriptors *all, int fd)
{
    return fd >= 0 && (size_t)fd < all->size ? all->table[fd] : NULL;
}

/* Makes one, if there is none: 0, -EBADF or -ENOMEM. */
int ai_descriptor_make(struct ai_descriptors *all, int fd);

/* Forgets what was known of this number's last descriptor. NULL: nothing was. */
void ai_descriptor_forget(struct ai_descriptor *d);

/* Has the kernel tell of these events too, and at once of what is ready by now. 0 or -errno;
 * -EPERM: the descriptor is never waited for. */
int ai_descriptor_register(struct ai_descriptors *all, struct ai_descriptor *d, uint32_t events);

int ai_descriptors_start_ticking(struct ai_descriptors *all);

/* 0, or -errno where there is no timer to be had. */
static inline int ai_descriptor_doubt(struct ai_descriptors *all, struct ai_descriptor *d)
{
    int error = all->ticking ? 0 : ai_descriptors_start_ticking(all);
    d->since = all->tick;
    if (error == 0 && ai_list_empty(&d->doubted))
        ai_list_append(&all->doubted, &d->doubted);
    return error;
}

/* The timer, which is registered too, has come: one tick has passed. All that are doubted move to
 * this list. */
void ai_descriptors_tick(struct ai_descriptors *all, struct ai_list *suspects);

/* One of them that was doubted for a whole tick, to be registered anew; NULL: none, until another
 * tick. */
struct ai_descriptor *ai_descriptor_in_doubt(struct ai_descriptors *all, struct ai_list *suspects);

/* Whether there is no use in trying it. */
static inline bool ai_descriptor_is_drained(const struct ai_descriptor *d, const struct ai_op *op)
{
    return d != NULL && (d->drained & ai_perform_events(op)) != 0 && op->code != AI_OP_POLL;
}

/* Lends the receive memory, good until the next time. 0 or -ENOMEM. */
int ai_descriptor_lend(struct ai_descriptors *all, struct ai_op *op);

/* Keeps what a result tells that is no whole success. */
void ai_descriptor_learn(struct ai_descriptor *d, const struct ai_op *op, int64_t result);

/* Does the operation, as ai_perform() does, lends it memory where it asks for that, and keeps what
 * the result tells of the descriptor (or NULL). */
static inline int64_t ai_descriptor_try(struct ai_descriptors *all, struct ai_descriptor *d,
                                        struct ai_op *op)
{
    bool lent = op->code == AI_OP_RECV && op->buf == NULL;
    int error = lent ? ai_descriptor_lend(all, op) : 0;
    int64_t result = error != 0 ? error : ai_perform(op);
    if (d != NULL && result != (int64_t)op->size)
        ai_descriptor_learn(d, op, result);
    if (lent && result < 0)
        op->buf = NULL;
    return result;
}

/* Keeps what an event tells. */
void ai_descriptor_told(struct ai_descriptor *d, uint32_t events);

#endif
