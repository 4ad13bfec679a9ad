/* Several tasks or futures watched by one owner, who may stop that at any time.
 *
 * Each watch is a waiter whose place in the ready queue is reserved. One whose object is done is in
 * that queue until it has run; so the block that holds them all outlives its owner until the last
 * of those has. */
#ifndef AI_TASK_WATCH_H
#define AI_TASK_WATCH_H

#include "task/object.h"

struct ai_watch {
    struct ai_waiter waiter;
    struct ai_object *object; /* a reference */
    struct ai_watches *all;
    struct ai_watch *next; /* the owner's */
    bool made;             /* the owner's too: it made the object a task */
    bool on;               /* it has not run */
};

struct ai_watches {
    void *owner;                                       /* NULL once it has closed this */
    void (*done)(void *owner, struct ai_watch *watch); /* in the turn after the object is done */
    size_t count, capacity, on;
    struct ai_watch at[];
};

/* Room for n; NULL without memory. */
struct ai_watches *ai_watches_new(size_t n);

/* One more, not begun; takes a reference of its own. */
void ai_watches_add(struct ai_watches *all, struct ai_object *o);

/* false without memory. */
bool ai_watches_begin(struct ai_watches *all, void *owner,
                      void (*done)(void *owner, struct ai_watch *watch));

/* Nothing is told of those that are not done. */
void ai_watches_stop(struct ai_watches *all);

/* Nor of any, and all are let go of. NULL does nothing. */
void ai_watches_close(struct ai_watches *all);

/* The waits of a type, whose objects lead to these: the pointers on that way. */
#define AI_WATCHES_WAITS(...)                                                                      \
    {                                                                                              \
        .form = AI_WAITS_ELEMENTS, .at = offsetof(struct ai_watches, at),                          \
        .count = offsetof(struct ai_watches, count), .stride = sizeof(struct ai_watch),            \
        .object = offsetof(struct ai_watch, object), __VA_ARGS__                                   \
    }

#endif
