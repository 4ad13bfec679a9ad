/* Operations seen through on the spot, where nothing may be awaited: on the way out of a task that
 * leaves a descriptor behind, or where what is to be done never waits.
 *
 * The thread waits meanwhile. Other operations that complete in that time are handed over as ever,
 * so none of this may be called from an operation's done(). */
#ifndef AI_IO_NOW_H
#define AI_IO_NOW_H

#include "loop/backend.h"

/* The result of an operation that the kernel does not keep waiting. It needs no memory. */
int64_t ai_now(struct ai_op op);

/* Closes a descriptor on which nothing of ours is under way; without a loop too. */
void ai_close(int fd);

/* Waits as long as *phase, which a done() will change, is this. */
void ai_wait_out(const uint8_t *phase, uint8_t while_it_is);

#endif
