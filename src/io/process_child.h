/* A process of a loop, from its start until its status has been taken: whoever still has a handle
 * of it, or nobody. It is watched by polling its pidfd, so no signal is involved and no other
 * process touched.
 *
 * Life. References: one while it is watched, one of its handle, one of each wait. It is in the
 * thread's list while it is watched. */
#ifndef AI_IO_PROCESS_CHILD_H
#define AI_IO_PROCESS_CHILD_H

#include "base/list.h"
#include "io/spawn.h"
#include "loop/backend.h"

#include <stdint.h>

struct ai_child {
    struct ai_op op; /* watches, then closes the descriptor */
    struct ai_list link;
    struct ai_list waiting; /* struct ai_child_wait */
    uint32_t refs;
    pid_t pid;
    int fd;
    int code; /* once it has ended */
    bool ended;
    bool expected; /* the simulation's clock stands still for it */
};

/* A new one, not yet started, with the caller's reference. NULL without memory. */
struct ai_child *ai_child_new(void);

/* Starts and watches it. 0 or -errno: then there is no process. */
int ai_child_start(struct ai_child *c, const struct ai_spawn *s);

void ai_child_unref(struct ai_child *c);

/* Gives up the handle's reference: nobody asks for it any more. */
void ai_child_release(struct ai_child *c);

/* 0 or -errno; -ESRCH once it has ended. */
int ai_child_signal(const struct ai_child *c, int signo);

#endif
