/* What runs in executors' threads for whom: for those who wait for it and wonder. */
#ifndef AI_IO_RUNNING_H
#define AI_IO_RUNNING_H

#include <stdint.h>
#include <sys/types.h>

/* A call under way, on the stack of its thread. */
struct ai_running {
    struct ai_running *next, **place; /* the list's */
    const char *function;
    const void *owner; /* whose it is: any address of their own */
    int64_t begun;
    pid_t thread;
};

/* Around the call. */
void ai_running_begin(struct ai_running *r, const char *function, const void *owner);
void ai_running_end(struct ai_running *r);

/* Says which calls of this owner are under way, and where each is that sleeps in the kernel. */
void ai_running_say(const void *owner);

#endif
