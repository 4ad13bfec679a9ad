/* The steps of waiting on a condition, for those who do it among other things. */
#ifndef AI_SYNC_CONDITION_H
#define AI_SYNC_CONDITION_H

#include "sync/lock.h"

/* Until its first step that waits it is `asking`, and again whenever a step returned 1. */
enum ai_condition_phase { AI_ASKING, AI_WAITING, AI_LOCKING };

struct ai_condition_caller {
    struct ai_caller caller;
    struct asyncio_condition *condition;
    bool (*predicate)(void *arg); /* NULL: one notification is enough */
    void *arg;
    uint8_t phase;
    bool cancelled; /* to be told once the lock is held again */
};

static inline struct asyncio_lock *ai_condition_lock(struct asyncio_condition *condition)
{
    return condition->lock ? condition->lock : &condition->own;
}

/* One for this condition, which does not wait yet; NULL without memory. */
struct ai_condition_caller *ai_condition_caller_new(const struct asyncio_awaitable_type *type,
                                                    struct asyncio_condition *condition);

/* Waits until the predicate holds: as a type's step() returns, each time with the lock held unless
 * that is 0. */
int ai_condition_step(struct ai_condition_caller *c, bool cancelled);

#endif
