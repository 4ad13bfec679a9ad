/* Concurrent futures: results that one thread makes and others wait for.
 *
 * One holds a copy of a coroutine's frame, outside of any thread's pool: the arguments on their way
 * to where the coroutine runs, then its result. (A call of the library's own is its own frame.) It
 * is PENDING, perhaps RUNNING (where it cannot be cancelled any more), and DONE, once. Its state,
 * error and waits are looked at under its lock; the frame is its runner's until it is DONE, and
 * nobody's to change from then on.
 *
 * A wait is what a loop is told by when it is DONE: in the list until then, or else on its way as a
 * message to that loop, or received. It is posted under the lock, so whoever holds that can tell.
 */
#ifndef AI_IO_CONCURRENT_H
#define AI_IO_CONCURRENT_H

#include "loop/inbox.h"
#include "task/contextvar.h"
#include "task/object.h"

#include <pthread.h>
#include <stdatomic.h>

enum ai_concurrent_state { AI_CONCURRENT_PENDING, AI_CONCURRENT_RUNNING, AI_CONCURRENT_DONE };

struct ai_concurrent {
    atomic_uint refs;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint8_t state;
    bool has_value; /* it has run, to its end */
    struct ai_error *error;
    struct ai_list waits;
    const struct asyncio_awaitable_type *type; /* of the coroutine */
    void *frame;
    ai_scope scope;    /* it is to run in; its runner's from then on */
    size_t size;       /* of all this */
    const void *owner; /* who has it run, see running.h; or NULL */
    /* Where it is not run by an executor: the loop it is a task of, and what ends that task when
     * this has been cancelled. */
    struct asyncio_loop *loop;
    void (*cancelled)(struct ai_concurrent *f);
    void (*destroy)(struct ai_concurrent *f); /* releases what else it holds; or NULL */
};

struct ai_wait {
    struct ai_message message;
    struct ai_list link;
    struct asyncio_loop *loop; /* to be told */
};

/* The coroutine object of a handle, if it is one that nobody has used; else the program ends. */
struct ai_object *ai_coroutine_to_send(asyncio_any h);

/* A pending future of this size, which begins with struct ai_concurrent, for this coroutine, which
 * is closed. NULL without memory. It is to run in an empty context, or, sent, in a copy of the
 * current one. */
void *ai_concurrent_new(struct ai_object *coroutine, size_t size);
void *ai_concurrent_send(struct ai_object *coroutine, size_t size);

/* The same for what is no coroutine: type->await() is called with the future itself, of this size,
 * whose result is where the type says. */
void *ai_concurrent_plain(const struct asyncio_awaitable_type *type, size_t size);

struct ai_concurrent *ai_concurrent_ref(struct ai_concurrent *f);
void ai_concurrent_unref(struct ai_concurrent *f);

/* Whether it is to run: true once, and then it can no longer be cancelled. */
bool ai_concurrent_begin(struct ai_concurrent *f);

/* Ends it, unless it is DONE. Takes the error over. */
void ai_concurrent_finish(struct ai_concurrent *f, struct ai_error *error, bool has_value);

/* Has the wait posted when it is DONE; false if it is already. off: false if it was posted. */
bool ai_concurrent_wait_on(struct ai_concurrent *f, struct ai_wait *w);
bool ai_concurrent_wait_off(struct ai_concurrent *f, struct ai_wait *w);

static inline void *ai_concurrent_result_place(const struct ai_concurrent *f)
{
    return (char *)f->frame + f->type->result_offset;
}

#endif
