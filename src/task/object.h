/* What handles point to: coroutine objects, tasks, futures, operations, generators, callbacks.
 *
 * Life. An object is made UNUSED, owned by its maker: linked in the list of the task that made it
 * (or of the thread). Taken, by await, create_task, gather and so on, it is PENDING; then DONE.
 * A shared one (task, future, gather) stays its maker's while it runs and may be awaited often; any
 * other is its taker's alone. It is freed when its last reference goes. References: one of the
 * maker's list (AI_OWNED), one while it is pending, one of each retain and of each runtime
 * structure that names it.
 *
 * Completion. ai_complete() makes it DONE once, and pushes its waiters on the ready queue in order;
 * so whoever waits runs in the next turn. A waiter is data: a parked task, a child's entry in a
 * gather, a done callback. */
#ifndef AI_TASK_OBJECT_H
#define AI_TASK_OBJECT_H

#include "base/list.h"
#include "base/pool.h"
#include "loop/loop.h"
#include "task/contextvar.h"
#include "task/error.h"

#ifndef ASYNCIO_NO_KEYWORDS
#define ASYNCIO_NO_KEYWORDS
#endif
#include <asyncio.h>

enum ai_state { AI_UNUSED, AI_PENDING, AI_DONE, AI_FREE };

enum ai_flag {
    AI_OWNED = 1 << 0,       /* in its maker's list */
    AI_SHARED = 1 << 1,      /* a task or future: any number may await it */
    AI_TASK = 1 << 2,        /* in the loop's list of tasks until it is done */
    AI_CANCELLED = 1 << 3,   /* it ended by its cancellation */
    AI_VALUE = 1 << 4,       /* its result is in place */
    AI_RETRIEVED = 1 << 5,   /* somebody asked how it ended */
    AI_MUST_CANCEL = 1 << 6, /* it is to be cancelled before it starts; set by cancel(): too late */
    AI_ONCE = 1 << 7,        /* shared, but the first await takes it all the same: gather, shield */
};

struct ai_object {
    struct ai_ready ready; /* its own next step: starting, finishing */
    const struct asyncio_awaitable_type *type;
    uintptr_t handle; /* the pool's */
    union {
        struct {
            uint8_t state;
            uint8_t flags;
            uint8_t cancels; /* asyncio_cancelling() */
            uint8_t retains; /* asyncio_retain() without release; neither counts beyond 255 */
            uint32_t more;   /* references, beyond one */
        };
        uint64_t life; /* all of these, for those who test or set them at once: a small number where
                        * there are no more references */
    };
    struct ai_waiter *waiters; /* a ring: the first, whose prev is the last; or NULL */
    struct ai_error *error;    /* how it failed; while it is pending, see ai_cancel() */
    struct ai_list owned;      /* among its maker's */
    struct ai_list tasks;      /* among the loop's; of a future, among the thread's futures */
    uintptr_t name;            /* of a task, else undefined: 2n + 1 for Task-n, or a string */
};

_Static_assert(offsetof(struct ai_object, handle) == AI_POOL_HANDLE, "the pool's place");
_Static_assert(sizeof(struct ai_object) == 88, "a bare sleep is to cost little");

/* What runs on a stack: see task.h. */
struct ai_coroutine {
    struct ai_object object;
    struct ai_task *task; /* that runs it; NULL before and after */
    union {
        struct ai_coroutine *parent;
        ai_scope scope; /* of a root: its task's context, until that ends */
    };
    union {
        const void *made_at;                /* unused: the return address of who called it */
        const struct asyncio__place *place; /* pending: where it is awaited; NULL for a root */
    };
};

_Static_assert(sizeof(struct ai_coroutine) == sizeof(struct asyncio_awaitable), "<asyncio.h>");

/* An object whose size, and its result's, no type knows: a future, a wait_for. */
struct ai_sized {
    union {
        struct ai_object object;
        struct ai_coroutine coroutine;
    };
    uint32_t size;
    uint32_t result_size;
    bool result_signed;
};

struct ai_waiter {
    struct ai_ready ready; /* pushed when what it waits for is done */
    struct ai_waiter *next, *prev;
};

/* Where what an object waits for lies: waits_for() as data, which can be read from outside of the
 * process, too. A holder, which is the object itself or lies behind pointers; in it, or where it
 * points to, the objects. */
struct asyncio__waits {
    uint8_t form;        /* enum ai_waits_form */
    uint8_t depth;       /* pointers on the way to the holder, */
    uint16_t through[2]; /* each at this offset, the first of them in the object */
    uint16_t at;         /* in the holder: the one pointer, the first element, the list's head */
    uint16_t count;      /* in the holder, a size_t: of elements */
    uint16_t stride;     /* from one to the next */
    uint16_t object;     /* the pointer in an element, or behind a list's link */
};

enum ai_waits_form {
    AI_WAITS_ONE,      /* `at` is the pointer to it, or NULL */
    AI_WAITS_ELEMENTS, /* `at` is the first element */
    AI_WAITS_ARRAY,    /* `at` is a pointer to that */
    AI_WAITS_LIST,
};

/* Visits each of them. */
void ai_waits_visit(const struct ai_object *o, void (*visit)(struct ai_object *x, void *arg),
                    void *arg);

/* --- Handles --- */

_Noreturn void ai_bad_handle(asyncio_any h) __attribute__((cold));

static inline void *ai_handle(const struct ai_object *o)
{
    return (void *)o->handle;
}

/* Whether it is a handle at all, so that its object may be looked at. */
static inline bool ai_is_handle(asyncio_any h)
{
    return (uintptr_t)h & AI_POOL_TAGGED;
}

/* Whether the handle names an object of this thread. */
static inline bool ai_is_valid(asyncio_any h)
{
    const struct ai_object *o = asyncio_awaitable_object(h);

    return ai_is_handle(h) && o->handle == (uintptr_t)h && ai_pool_of(o) == &ai_pool;
}

/* The object of a valid handle of this thread, NULL where it is none (or its object has gone). */
static inline struct ai_object *ai_object_if_any(asyncio_any h)
{
    struct ai_object *o = asyncio_awaitable_object(h);

    return ai_is_valid(h) && o->state != AI_FREE ? o : NULL;
}

/* The thread's stand-in for ASYNCIO__YIELD; anything else that is no handle ends the program. */
struct ai_object *ai_object_otherwise(asyncio_any h) __attribute__((cold));

static inline struct ai_object *ai_object(asyncio_any h)
{
    struct ai_object *o = ai_object_if_any(h);

    return __builtin_expect(o != NULL, 1) ? o : ai_object_otherwise(h);
}

/* --- Making, using, freeing --- */

/* An unused object, zeroed, owned by who runs. `size` counts where type->size is 0. NULL without
 * memory. */
struct ai_object *ai_object_new(const struct asyncio_awaitable_type *type, size_t size);

/* Marks an unused object as pending and passes its maker's reference to the caller; aborts if it
 * was used before. */
void ai_take(struct ai_object *o);

/* By shifts: compilers build the union in memory, which costs more than all else. */
static inline uint64_t ai_life(uint32_t more, uint8_t state, uint8_t flags)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return state | (uint64_t)flags << 8 | (uint64_t)more << 32;
#else
    return (uint64_t)state << 56 | (uint64_t)flags << 48 | more;
#endif
}

/* Gives the object's slot back: handles to it are invalid from here on. */
static inline void ai_object_bury(struct ai_object *o, asyncio_any h, unsigned class, size_t size)
{
    o->state = AI_FREE; /* the rest is not looked at, but by who was late */
    ai_pool_give(&ai_pool, o, (uintptr_t)h, class, size);
}

static inline struct ai_object *ai_ref(struct ai_object *o)
{
    o->more++;
    return o;
}

/* Nobody has taken it: not even a wait_for, which starts it later. */
static inline bool ai_is_unused(const struct ai_object *o)
{
    return o->state == AI_UNUSED && (o->flags & AI_OWNED || o->retains);
}

void ai_object_free(struct ai_object *o);

static inline void ai_unref(struct ai_object *o)
{
    if (o->more-- == 0)
        ai_object_free(o);
}

/* Passes the maker's reference to the caller where it takes the object (unused, or to be taken
 * once); else adds one. */
struct ai_object *ai_adopt(struct ai_object *o);

/* Gives up the maker's reference. */
void ai_disown(struct ai_object *o);

/* Closes those of these handles that nobody has used: what they were for has failed. */
void ai_close_unused(asyncio_any const *handles, size_t n);

/* Ends what a maker leaves behind: unused objects are warned of, all are let go. */
void ai_disown_all(struct ai_list *owned);

/* --- Completion --- */

/* What a pending object that ends with `error` ends with: an error without a message has the one of
 * the same error that was noted in it, as by the request to end. Takes over both. */
struct ai_error *ai_outcome(struct ai_object *o, struct ai_error *error) __attribute__((cold));

/* Makes it DONE, takes over `error`, wakes the waiters and drops the pending reference. */
void ai_complete(struct ai_object *o, struct ai_error *error);

/* The same for a started operation, which as a task takes one more turn for it. A failure may have
 * a value too, in place. */
void ai_finish(struct ai_object *o, struct ai_error *error, bool has_value);

/* Starts what has been taken and needs no stack; -ENOMEM and the like complete it. */
void ai_start(struct ai_object *o);

/* Takes an unused object and makes it a task that starts in the next turn (`name` or NULL); a
 * shared one is left as it is. Its maker keeps the handle. false without memory: then it is closed.
 */
bool ai_ensure_task(struct ai_object *o);

/* Cancels the thread's futures that somebody still waits for: nobody is left to complete them. */
void ai_futures_cancel(void);

/* Puts the waiter behind those of a pending object. */
static inline void ai_waiters_append(struct ai_object *o, struct ai_waiter *w)
{
    if (__builtin_expect(!o->waiters, 1)) {
        o->waiters = w->next = w->prev = w;
        return;
    }
    w->next = o->waiters;
    w->prev = o->waiters->prev;
    w->prev->next = w;
    w->next->prev = w;
}

/* Asks a pending object to end: true unless it is done. The request has ai_thread.cancel_message,
 * so a type's cancel() that asks others passes it on. Until an object is done, or its coroutine
 * starts, `error` keeps it: if it then ends cancelled without a message, it ends with that one. */
bool ai_cancel(struct ai_object *o);

/* Whether a started operation has come to its end, which as a task it reports a turn later. */
bool ai_is_finishing(const struct ai_object *o);

/* Runs `w` in the turn after o is done: the next one if it is already. The waiter holds a
 * reference, which passes to what it runs. off: no longer, while o is not done. */
void ai_wait_on(struct ai_object *o, struct ai_waiter *w);
void ai_wait_off(struct ai_object *o, struct ai_waiter *w);

static inline size_t ai_result_size(const struct ai_object *o)
{
    return o->type->size ? o->type->result_size : ((const struct ai_sized *)o)->result_size;
}

static inline bool ai_result_signed(const struct ai_object *o)
{
    return o->type->size ? o->type->result_signed : ((const struct ai_sized *)o)->result_signed;
}

/* What a task goes by in all that people read. One that does nothing but call another coroutine has
 * the type of that one at the offset `stands_for`, once it is known. */
static inline const struct asyncio_awaitable_type *ai_type_shown(const struct ai_object *o)
{
    const struct asyncio_awaitable_type *type = o->type, *other = NULL;

    if (__builtin_expect(type->stands_for != 0, 0))
        __builtin_memcpy(&other, (const char *)o + type->stands_for, sizeof other);
    return other ? other : type;
}

static inline void *ai_result_place(const struct ai_object *o)
{
    return (char *)o + o->type->result_offset;
}

/* The value that is in place. */
static inline void ai_result_copy(const struct ai_object *o, void *result)
{
    size_t size = ai_result_size(o);

    if (size == sizeof(int)) /* in line: nearly all there are */
        __builtin_memcpy(result, ai_result_place(o), sizeof(int));
    else if (size == sizeof(long))
        __builtin_memcpy(result, ai_result_place(o), sizeof(long));
    else
        __builtin_memcpy(result, ai_result_place(o), size);
}

/* Copies the value of a done object, if it has one, and returns 0; else its -errno. */
static inline int ai_result(const struct ai_object *o, void *result)
{
    if (__builtin_expect(!(o->flags & AI_VALUE), 0))
        return ai_error_code(o->error);
    ai_result_copy(o, result);
    return 0;
}

/* Whether the result at `value` says nothing: void, or all zero. */
bool ai_result_empty(const struct ai_object *o, const void *value);

/* What stands at `value` for a result that is not there: the error, where it is a signed integer,
 * else nothing. */
void ai_result_fail(const struct ai_object *o, int error, void *value);

/* A signed integer result. */
int64_t ai_result_integer(const struct ai_object *o, const void *value);

#endif
