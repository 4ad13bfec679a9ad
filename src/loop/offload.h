/* Threads for what only blocking calls do: opening, syncing, reading what is not in memory. For
 * back-ends that have no other way; each has its own, so they end with it.
 *
 * An operation is waiting, running in a thread, or finished; only the first can be taken back.
 * Threads start as they are needed and stay. They touch nothing of the loop's but what is here. */
#ifndef AI_LOOP_OFFLOAD_H
#define AI_LOOP_OFFLOAD_H

#include "loop/backend.h"
#include "loop/wake.h"

#include <pthread.h>

enum { AI_OFFLOAD_THREADS = 8 };

struct ai_offload {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct ai_list waiting, running, finished;
    unsigned queued, idle, count;
    bool ending;
    pthread_t threads[AI_OFFLOAD_THREADS];
    struct ai_wake *wake; /* woken when something has finished */
};

void ai_offload_open(struct ai_offload *o, struct ai_wake *wake);

/* Nothing may be under way. */
void ai_offload_close(struct ai_offload *o);

/* 0, or -errno where there is not one thread. The call is ai_perform_blocking(). */
int ai_offload_submit(struct ai_offload *o, struct ai_op *op);

/* Takes it back if no thread has begun it; else false. */
bool ai_offload_cancel(struct ai_offload *o, struct ai_op *op);

/* Before a descriptor is closed, whose number may come back as another: takes back, to this list,
 * what waits to be done with it. True if a thread is just about that; the close has to wait then.
 */
bool ai_offload_part(struct ai_offload *o, int fd, struct ai_list *list);

/* Moves what has finished, with its result, to this list. */
void ai_offload_reap(struct ai_offload *o, struct ai_list *list);

#endif
