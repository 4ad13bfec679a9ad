/* A deadlock: every task waits, and nothing is under way that could end a wait.
 *
 * Looked for when the loop is about to wait for ever: nothing is ready, no timer runs, the back-end
 * has no operation, no thread owes a result. Then only a signal that the loop listens to, or a
 * thread that was given the loop's handle, could go on; where either may be, only tasks that wait
 * for each other in a ring are told of. Each such state is told of once. */
#ifndef AI_TASK_DEADLOCK_H
#define AI_TASK_DEADLOCK_H

#include "task/object.h"

/* Tells of one, if this is one. 0, or -EDEADLK in the simulation, where nothing else ever happens;
 * there the run is to end. */
int ai_deadlock_look(void);

#endif
