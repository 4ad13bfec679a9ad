/* Starting a program: what is between fork() and exec(), without copying this process. See spawn.c.
 */
#ifndef AI_IO_SPAWN_H
#define AI_IO_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

struct ai_spawn {
    const char *const *paths; /* to be tried in turn; ends in NULL */
    char *const *argv, *const *env;
    const char *cwd; /* or NULL */
    int standard[3]; /* what becomes descriptors 0, 1 and 2; negative: inherited */
    const int *pass; /* descriptors that are inherited too; ends in a negative one; or NULL */
    bool inherits;   /* all that are not close-on-exec */
    bool new_session;
    int group; /* of processes: 0, the parent's; negative, one of its own */
};

/* Starts it: a descriptor of the process, close-on-exec, and *pid. Or -errno: what went wrong here,
 * or there before the program ran; then there is no process. Blocks until the program runs. */
int ai_spawn(const struct ai_spawn *s, pid_t *pid);

/* Waits until the process, which is a child of this one, has ended, and takes its status: the exit
 * code, or the negative number of the signal it died of; or AI_CHILD_LOST: somebody else has taken
 * it, or SIGCHLD is ignored. */
int ai_spawn_reap(int pidfd);

enum {
    AI_CHILD_LOST = 256,
    AI_CHILD_UNKNOWN = 255, /* what then is told of it, as in Python */
};

#endif
