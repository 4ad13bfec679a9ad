/* What the library says on stderr, in Python's words, with the place in the C source. */
#ifndef AI_TASK_DIAGNOSE_H
#define AI_TASK_DIAGNOSE_H

#include "task/object.h"

/* "coroutine", "task", … as error messages call it. */
const char *ai_noun(const struct asyncio_awaitable_type *type);

/* The function a place is in, as its user named it. */
const char *ai_function(const struct asyncio__place *place);

/* An object used by a second taker. */
_Noreturn void ai_reused(const struct ai_object *o) __attribute__((cold));

void ai_report_never_awaited(struct ai_object *o) __attribute__((cold));
void ai_report_never_retrieved(struct ai_object *o) __attribute__((cold));
void ai_report_destroyed_pending(struct ai_object *o) __attribute__((cold));

/* One that ignored its cancellation until it was given up, in the shutdown. */
struct ai_task;
void ai_report_abandoned(const struct ai_task *task) __attribute__((cold));

/* The call graph of a task; `here` is where it is, if it runs. */
void ai_report_graph(const struct ai_object *o, const struct asyncio__place *here)
    __attribute__((cold));

/* A task that failed when the loop's end cancelled it. */
void ai_report_shutdown_failure(struct ai_object *o) __attribute__((cold));

/* A main coroutine whose T cannot carry its failure to who runs it. */
void ai_report_main_failure(struct ai_object *o) __attribute__((cold));

/* Debug mode: `ready` held the loop for this long. */
void ai_report_slow(const char *what, int64_t ns) __attribute__((cold));

/* On a stack overflow: says whose, how large the stack was and what to set; see overflow.c. */
void ai_overflow_watch(void);
void ai_overflow_unwatch(void);

#endif
