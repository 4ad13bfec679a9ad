/* The steps of acquiring a lock, for those who do it among other things. */
#ifndef AI_SYNC_LOCK_H
#define AI_SYNC_LOCK_H

#include "sync/line.h"

/* The first step, and that after each wake-up while the caller stands in the lock's line: as a
 * type's step() returns. A failure leaves the caller where it was before the first. */
int ai_lock_step(struct asyncio_lock *lock, struct ai_caller *c, bool cancelled);

/* Of the types of those who stand in a lock's line alone: who holds it, if anybody does. */
asyncio_any ai_lock_holder(void *self);

#endif
