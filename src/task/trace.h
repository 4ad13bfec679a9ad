/* ASYNCIO_TRACE=FILE: what ran when, in the trace event format that Perfetto and Chrome open.
 *
 * One file a process; a line an event. Each task is a track; a step is a slice of it, named after
 * its coroutine, with what it did then (parked on what, ready, done) and where. */
#ifndef AI_TASK_TRACE_H
#define AI_TASK_TRACE_H

#include "task/object.h"

/* Whether this loop is traced. */
bool ai_trace_begin(void);
void ai_trace_end(void);

/* The step of task `o`, or of a callback where it is NULL, from begun to ended on the loop's clock.
 */
void ai_trace_step(const struct ai_object *o, int64_t begun, int64_t ended);

#endif
