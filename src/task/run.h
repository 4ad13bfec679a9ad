/* What is done with a thread's loop: opened, turned, shut down. See run.c. */
#ifndef AI_TASK_RUN_H
#define AI_TASK_RUN_H

#include "task/object.h"

/* Makes the thread's loop, which has none, on this back-end (NULL: on the best). 0, or -ENOMEM, or
 * the back-end's error, of which it tells. */
int ai_run_open(const char *backend);

/* One turn, from outside of the loop. 0 or the back-end's error; must: that ends the program. */
int ai_run_turn(bool block);
void ai_run_must_turn(bool block);

/* Shuts the loop down and closes it. */
void ai_run_close(void);

/* What the end of the loop has to see to after its tasks have ended: step() is called, and the loop
 * turned, for as long as it returns true. forget(): this is the child of a fork, there is nothing
 * to see to any more. */
struct ai_wind_up {
    bool (*step)(void);
    void (*say)(void); /* reports what it waits for; or NULL */
    void (*forget)(void);
    struct ai_wind_up *next;
    bool listed;
};

/* For the loop of this thread. Again: nothing. */
void ai_wind_up_later(struct ai_wind_up *w);
void ai_wind_up_forget(void);

/* The child of a fork has no part in the loop of its parent's runner. */
void ai_runner_forget(struct asyncio_runner *runner);

#endif
