/* Contexts: the values of context variables that belong to a task, a callback, a thread.
 *
 * A scope is what one of these has: values of its own (NULL: none), which it shares with copies of
 * it until either sets one; or a struct asyncio_context that it has entered. The current one is the
 * running task's, in the root of its coroutines; where none runs, the thread's. Everything here is
 * for one thread, but a scope that was sent to another is that thread's. */
#ifndef AI_TASK_CONTEXTVAR_H
#define AI_TASK_CONTEXTVAR_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ai_values *ai_scope;
struct ai_object;

/* A copy of the current one, for what is being made. */
ai_scope ai_scope_copy(void);

/* The one of a new task: such a copy, or the context it is given. */
ai_scope ai_scope_of_task(const struct ai_object *o);

/* Leaves NULL. */
void ai_scope_drop_slowly(ai_scope *scope) __attribute__((cold));

static inline void ai_scope_drop(ai_scope *scope)
{
    if (__builtin_expect(*scope != NULL, 0))
        ai_scope_drop_slowly(scope);
}

/* Calls function(arg) on the hub or a thread of no loop, in this scope instead of the thread's. */
void ai_scope_call(ai_scope *scope, void (*function)(void *), void *arg);

/* A copy of the current one that shares nothing with it, for another thread; that one ends with
 * ai_scope_drop(), as does this one where it was not sent. false without memory. */
bool ai_scope_send(ai_scope *scope);

#endif
