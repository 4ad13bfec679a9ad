/* Messages to a loop, from any thread.
 *
 * A loop that is to be reached opens an inbox; one that never does pays nothing for it. An inbox is
 * a slot in memory that is never given back, so that its handle, an address with a generation in
 * its upper bits, may be tried at any time: a loop that has ended is told from the one that has its
 * slot now. Whatever is in a slot is looked at and changed under its lock, under which the loop is
 * woken too, so that nobody wakes one that has gone.
 *
 * The loop fetches what has come each time it asks its back-end, and receives it all in the turn
 * that follows, in the order of posting, as one entry of its ready queue. */
#ifndef AI_LOOP_INBOX_H
#define AI_LOOP_INBOX_H

#include "loop/loop.h"

struct asyncio_loop; /* what a handle is said to point to; nothing does */

struct ai_message {
    struct ai_message *next;
    /* On the loop's thread, on the hub; the message is the receiver's. `lost`: the loop ends. */
    void (*receive)(struct ai_message *m, bool lost);
};

/* The handle of the loop's inbox, opened if need be; NULL without memory, or once it was closed. */
struct asyncio_loop *ai_inbox_open(struct ai_loop *loop);

/* Whether this is the handle of that loop, which may be NULL, on whose thread this is. */
bool ai_inbox_is_of(const struct ai_loop *loop, const struct asyncio_loop *handle);

/* Posts a message, from any thread. 0, or -ESHUTDOWN where the loop has ended: then the message is
 * the caller's still. */
int ai_inbox_post(struct asyncio_loop *to, struct ai_message *m);

/* Makes what has come ready to run. Only with an inbox. */
void ai_inbox_fetch(struct ai_loop *loop);

/* From here on nothing can be posted; what was and has not been received is lost. */
void ai_inbox_close(struct ai_loop *loop);

/* Around fork(). In the child no thread but this one is there, and no loop: all inboxes are shut,
 * what is in them forgotten. */
void ai_inbox_before_fork(void);
void ai_inbox_after_fork(bool child);

#endif
