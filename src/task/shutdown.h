/* Debug mode: a loop whose end takes too long says what it waits for.
 *
 * That is ten times its slow_callback_duration, a second unless somebody says otherwise, on the
 * loop's clock; then ten times as long, and so on. */
#ifndef AI_TASK_SHUTDOWN_H
#define AI_TASK_SHUTDOWN_H

#include "task/object.h"

struct ai_shutdown_watch {
    struct ai_timer timer;
    int64_t begun, patience;
};

/* From here on; from here on no longer. */
void ai_shutdown_watch(struct ai_shutdown_watch *w);
void ai_shutdown_unwatch(struct ai_shutdown_watch *w);

#endif
