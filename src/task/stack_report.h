/* ASYNCIO_STACK_REPORT=1: how much stack the tasks took, told when the program ends.
 *
 * By the coroutine function that a task was made of: how many there were, the deepest use of a
 * stack by any of them, and what size would do. It is exact to the word: a stack is zeroed before a
 * task begins on it, and looked through when the task has ended. Whoever does not ask for it pays
 * nothing, since it is done where the loop is observed. */
#ifndef AI_TASK_STACK_REPORT_H
#define AI_TASK_STACK_REPORT_H

#include "ctx/stack.h"
#include "task/object.h"

/* A step that may be a task's last. */
struct ai_measured {
    bool on;
    struct ai_stack stack;
};

/* Whether there is to be one: asks the environment. */
bool ai_stack_report_begin(void);

/* Around a step of task `o`, or of a callback where it is NULL. */
void ai_stack_report_enter(struct ai_measured *m, const struct ai_ready *ready,
                           const struct ai_object *o);
void ai_stack_report_leave(const struct ai_measured *m, const struct ai_object *o);

/* The main task is done, but not at its end: that is farther down its stack than it needs. */
struct ai_task;
void ai_stack_report_main(const struct ai_task *task);

#endif
