/* The line in front of a lock, an event and so on: who waits, in the order of asking.
 *
 * What waits is the object of the call itself (asyncio_lock_acquire() and the like), which goes on
 * in steps: see task/step.h. It stands in line from the step that finds it has to wait to the one
 * that goes on, also after it has been called, for so long others have to stay behind it.
 * Invariant: one that stands in line is under way, and is woken either because the primitive called
 * it or, not called, because it is cancelled. (Called first and then cancelled, it is both, and its
 * step has to pass on what it was called for.) A zeroed line is empty. */
#ifndef AI_SYNC_LINE_H
#define AI_SYNC_LINE_H

#include "task/make.h"
#include "task/step.h"

struct ai_caller {
    struct ai_object object;
    int result;
    bool in_line;
    bool called; /* Python: its future has its result */
    struct ai_caller *next, *prev;
    struct asyncio__line *line; /* where it stands or will stand */
};

/* A type of callers, and the members of one that has more. */
#define AI_CALLER(label, structure, function)                                                      \
    {                                                                                              \
        AI_CALLER_MEMBERS(label, structure, function)                                              \
    }
#define AI_CALLER_MEMBERS(label, structure, function)                                              \
    .name = label, .size = sizeof(structure), .result_size = sizeof(int),                          \
    .result_offset = offsetof(struct ai_caller, result), .result_signed = true,                    \
    .pool_class = ASYNCIO__POOL_CLASS(sizeof(structure)), .step = function,                        \
    .cancel = ai_caller_give_up

/* Leaves the line: it was given up in the shutdown. */
void ai_caller_give_up(void *self);

/* A new one for this line, as long as its type says; NULL without memory. */
static inline void *ai_caller_new(const struct asyncio_awaitable_type *type,
                                  struct asyncio__line *line)
{
    struct ai_caller *c = ai_object_make(type);

    if (__builtin_expect(c != NULL, 1)) {
        c->result = 0;
        c->in_line = false;
        c->line = line;
    }
    return c;
}

/* The awaitable(int) that users see. */
static inline ASYNCIO_AWAITABLE(int) ai_caller_handle(const struct ai_caller *c)
{
    return __builtin_expect(c != NULL, 1) ? ai_handle(&c->object) : NULL;
}

static inline struct ai_caller *ai_line_first(const struct asyncio__line *line)
{
    return line->first;
}

/* Goes to the end of its line. */
void ai_line_join(struct ai_caller *c);

/* Leaves the line to go on: whether it is cancelled. */
bool ai_line_leave(struct ai_caller *c, bool cancelled);

/* Python: its future is done. */
static inline bool ai_caller_is_woken(const struct ai_caller *c)
{
    return ai_step_is_woken(&c->object);
}

/* Lets it go on. It has not been woken. */
void ai_caller_call(struct ai_caller *c);

/* Calls the first one who has not been woken; false where there is none. */
bool ai_line_call_next(struct asyncio__line *line);

/* The same, and nobody has to stay behind those who are woken: with them it leaves the line. */
bool ai_line_call_out_slowly(struct asyncio__line *line);

static inline bool ai_line_call_out(struct asyncio__line *line)
{
    return __builtin_expect(line->first != NULL, 0) && ai_line_call_out_slowly(line);
}

/* Calls as many. */
void ai_line_call(struct asyncio__line *line, size_t n);

/* Ends the line: all leave it and are woken. */
void ai_line_dissolve(struct asyncio__line *line);

/* How many stand there. */
size_t ai_line_length(const struct asyncio__line *line);

bool ai_line_is_waited_in_still(const struct asyncio__line *line);

/* Whether somebody stands there who has not been cancelled. */
static inline bool ai_line_is_waited_in(const struct asyncio__line *line)
{
    return __builtin_expect(line->first != NULL, 0) && ai_line_is_waited_in_still(line);
}

/* `<asyncio.locks.CLASS object at ADDRESS [STATE, waiters:N]>`; without the last where it is 0. */
char *ai_line_repr(const struct asyncio__line *line, const char *class, const void *address,
                   const char *state, char *buf, size_t n);

#endif
