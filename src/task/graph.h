/* The waiting graph of a thread: who waits for whom, and where in the source.
 *
 * Nothing is recorded for it. A task knows what it is parked on, and whatever stands for others
 * (gather, wait_for, ...) lists them by its type's waits_for(). All else is derived from these
 * forward edges by going through the thread's tasks. */
#ifndef AI_TASK_GRAPH_H
#define AI_TASK_GRAPH_H

#include "task/object.h"

/* Called for each task that is not done and each pending object that it waits for, also through
 * objects that are no tasks; these are told of themselves too. Tasks come in the order of their
 * making; a pair may come twice. No user's code runs meanwhile but waits_for(). */
typedef void ai_graph_edge(struct ai_object *waiter, struct ai_object *awaited, void *arg);
void ai_graph_edges(ai_graph_edge *edge, void *arg);

/* The call stack of a task, innermost first; that of any other object is empty. Stores up to `room`
 * entries after the first `skip`; returns how many there are in all. `here` is where the question
 * is asked, for the running task. */
size_t ai_call_stack(const struct ai_object *o, const struct asyncio__place *here, size_t skip,
                     struct asyncio_call_graph_frame *frames, size_t room);

#endif
