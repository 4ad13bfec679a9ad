/* The language: awaitable(T), async, await, async_for, async_with, async_gen, async_yield.
 *
 * How it is typed. awaitable(T) is `T (**)(void)`: a pointer nobody ever follows, but whose type
 * says T, to any compiler, without a declaration. `(**h)()` has the type T, so await(h) does too.
 * The value goes through a variable of that type (of char, where T is void).
 *
 * What async(T, f, (type, x)) makes: a prototype of f, a frame that holds the arguments, a body
 * function (what stands in the braces), and f itself, which fills a frame and returns its handle.
 */
#ifndef ASYNCIO_LANGUAGE_H
#define ASYNCIO_LANGUAGE_H

#include <asyncio/macros.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is declared here is the library's interface, also where it is compiled with the rest hidden.
 */
#pragma GCC visibility push(default)

#define ASYNCIO__HOT __attribute__((hot))
#define ASYNCIO__MUST_USE __attribute__((warn_unused_result))

/* The handle of any awaitable or iterator, where its T does not matter. */
typedef void *asyncio_any;

/* What asyncio_sleep(0) gives: it names no object, since there is nothing to remember. */
#define ASYNCIO__YIELD ((asyncio_any)2)

struct asyncio__place {
    const char *file;
    int line;
    const char *function;
};

#define ASYNCIO__HERE(place)                                                                       \
    static const struct asyncio__place place = {__FILE__, __LINE__, __func__}

/* T of an awaitable or an iterator, by its handle. Not evaluated. */
#define ASYNCIO__RESULT(h) __typeof__((**(h))())
#define ASYNCIO__ELEMENT(it) __typeof__((***(it))())

#define ASYNCIO__IS_VOID(T) __builtin_types_compatible_p(__typeof__(T), void)

/* T, or char where T is void: the type of the variable that holds a result. */
#define ASYNCIO__VALUE(T)                                                                          \
    __typeof__(__builtin_choose_expr(ASYNCIO__IS_VOID(T), (char)0, ((__typeof__(T)(*)(void))0)()))

/* Whether T is a signed integer, which can carry -errno. */
#define ASYNCIO__SIGNED(T)                                                                         \
    _Generic((ASYNCIO__VALUE(T) *)0, signed char * : 1, short * : 1, int * : 1, long * : 1,        \
             long long * : 1, default : 0)

/* A compile error where h is no awaitable(T). */
#define ASYNCIO__CHECK(h) ((void)_Generic((h), ASYNCIO__RESULT(h)(**)(void) : 0))

/* What stands in for the value of something that failed without one. */
#define ASYNCIO__FAILED(T, error)                                                                  \
    __builtin_choose_expr(ASYNCIO__SIGNED(T), error, (ASYNCIO__VALUE(T)){0})

/* The value of a result variable, or nothing where T is void. */
#define ASYNCIO__GIVE(T, v)                                                                        \
    __builtin_choose_expr(ASYNCIO__IS_VOID(T), (void)0, ASYNCIO__OUT_OF_THE_BLUE(v))

/* gcc takes a pointer that was read from a variable, and went through strchr() or the like, for one
 * to the variable, and warns the user that it dangles. So it may not see where pointers are from.
 */
#if __GNUC__ >= 12 && !defined __clang__
#define ASYNCIO__IS_POINTER(v) (__builtin_classify_type(v) == 5)
#define ASYNCIO__OUT_OF_THE_BLUE(v)                                                                \
    __builtin_choose_expr(ASYNCIO__IS_POINTER(v), __extension__({                                  \
                              __auto_type asyncio__pointer =                                       \
                                  __builtin_choose_expr(ASYNCIO__IS_POINTER(v), v, (char *)0);     \
                              __asm__("" : "+r"(asyncio__pointer));                                \
                              asyncio__pointer;                                                    \
                          }),                                                                      \
                          v)
#else
#define ASYNCIO__OUT_OF_THE_BLUE(v) v
#endif

#define ASYNCIO_AWAITABLE(T) __typeof__(__typeof__(T)(**)(void))
#define ASYNCIO_ASYNC_ITERATOR(T) __typeof__(__typeof__(T)(***)(void))

/* --- What handles point to ---------------------------------------------------------------------
 */

/* The first member of every awaitable that has a type of its own; its content is the library's. */
struct asyncio_awaitable {
    _Alignas(16) unsigned char opaque[112];
};

enum asyncio__kind {
    ASYNCIO__OPERATION,
    ASYNCIO__COROUTINE,
    ASYNCIO__GENERATOR,
    ASYNCIO__CALLBACK,
    ASYNCIO__QUEUE,
    ASYNCIO__CHANNEL,
    ASYNCIO__STREAM,
    ASYNCIO__SERVER,
    ASYNCIO__DATAGRAM,
    ASYNCIO__PROCESS,
    ASYNCIO__FILE,
};

/* What a kind of awaitable is and does: one constant for each, made by async() for coroutines and
 * by hand for one's own (Python's __await__). An object begins unused. What takes it calls, on the
 * loop's thread, either
 *   - await(), where it is set: on the stack of the task that awaits, as a coroutine is; it may
 *     await others; it stores the result at `result` (NULL where result_size is 0); or else
 *   - start(): it begins what it stands for and returns; later, or already within start(), it is
 *     ended once by asyncio_complete(); or else
 *   - step(), the first time and after each asyncio_wake(): a coroutine without a stack. It returns
 *     1 when it is done, its result in place; -errno when it failed; 0 to be called again. Done at
 *     once, it costs no turn of the loop. `cancelled`: it was asked to end, and has this one chance
 *     to put things in order; it then fails with -ECANCELED, at once or in a later step.
 * The last two need no stack, also as a task of their own. cancel() asks a started one to end soon:
 * it must still complete, with -ECANCELED or with what it had reached. NULL: the library completes
 * it with -ECANCELED at once. A stepping one is told by cancel() that the shutdown gives it up, who
 * was cancelled a hundred times and goes on: no step comes after that. destroy() releases what the
 * object holds (not the object), whether it was ever used or not; NULL: nothing. waits_for() calls
 * visit(x, arg) for each awaitable that the object, under way, waits for, so that call graphs show
 * who waits for whom; NULL: for none. holder() is the task that has what the object, under way,
 * waits to get, as far as is known, for reports of deadlocks; NULL: that is not known. */
struct asyncio_awaitable_type {
    const char *name;       /* in repr and diagnostics */
    size_t size;            /* of the object */
    uint32_t result_size;   /* sizeof(T), 0 for void */
    uint32_t result_offset; /* of the T in the object */
    bool result_signed;     /* T is a signed integer: a failure without a value gives -errno */
    uint8_t kind;           /* enum asyncio__kind; 0 for one's own */
    uint8_t pool_class;     /* ASYNCIO__POOL_CLASS(size), or 0: set by async() */
    uint16_t stands_for;    /* the library's own: see ai_type_shown() */
    const char *file;       /* where it is defined, or NULL */
    int line;
    void (*await)(void *self, void *result);
    int (*start)(void *self); /* 0, or -errno: it failed at once */
    int (*step)(void *self, bool cancelled);
    void (*cancel)(void *self);
    void (*destroy)(void *self);
    void (*waits_for)(void *self, void (*visit)(asyncio_any x, void *arg), void *arg);
    asyncio_any (*holder)(void *self);
    void (*iterate)(void *self); /* set by async_gen() alone */
    /* Of iterators that need no stack, the library's own: 1 with the next value in place, 0 at the
     * end, or -errno. */
    int (*next)(void *self, const struct asyncio__place *place);
    const struct asyncio__waits *waits; /* the library's own, instead of waits_for() */
    /* The library's own, beside step(): an await of one that was just made. See task/step.h. */
    int (*at_once)(void *self, void *result, const struct asyncio__place *place);
};

/* Where the library keeps a frame of this size; 0: it will find out. */
#define ASYNCIO__POOL_CLASS(size) ((size) <= 512 ? ((size) + 15) / 16 % 64 : 0)

/* A new unused object of this type, zeroed behind its head, owned by the running task as any
 * awaitable is; NULL without memory. Cast it to the awaitable(T) that users see. */
asyncio_any asyncio_awaitable_new(const struct asyncio_awaitable_type *type);

/* The object behind a handle, for the functions of its type and its constructor. */
static inline void *asyncio_awaitable_object(asyncio_any h)
{
    /* The upper bits of a handle hold the object's generation: a handle used after its object went
     * is told from one that is valid, however soon the memory is used again. */
    return (void *)((uintptr_t)h & (UINTPTR_MAX >> 8 * (sizeof(uintptr_t) - 6)));
}

/* Ends a started object: error is 0 (its result is in place) or -errno. Once only. */
void asyncio_complete(void *self, int error);

/* Has a stepping object take its next step, in the loop's next turn, in its task's stead. It must
 * be under way; more than one wake-up before that step are one. */
void asyncio_wake(void *self);

ASYNCIO__HOT asyncio_any asyncio__coroutine(const struct asyncio_awaitable_type *type,
                                            void *made_at);
/* 0 where the value was stored, else -errno. */
ASYNCIO__HOT int asyncio__await(asyncio_any h, void *result, const struct asyncio__place *place);

/* The same for ASYNCIO__YIELD, where the compiler sees that it is. */
ASYNCIO__HOT int asyncio__yield_turn(void *result, const struct asyncio__place *place);
#define ASYNCIO__IS_YIELD(h)                                                                       \
    (__builtin_constant_p((asyncio_any)(h) == ASYNCIO__YIELD) && (asyncio_any)(h) == ASYNCIO__YIELD)

/* --- async, await ------------------------------------------------------------------------------
 */

#define ASYNCIO_ASYNC(T, ...) ASYNCIO__DEFINE(T, ASYNCIO__ARITY(__VA_ARGS__), __VA_ARGS__, ~)
#define ASYNCIO__DEFINE(T, n, ...) ASYNCIO__DEFINE_(T, n, __VA_ARGS__)
#define ASYNCIO__DEFINE_(T, n, fn, ...)                                                            \
    ASYNCIO_AWAITABLE(T)                                                                           \
    fn ASYNCIO__LIST(ASYNCIO__PARAM, n, __VA_ARGS__);                                              \
    ASYNCIO__FRAME(T, n, fn, __VA_ARGS__)                                                          \
    static __typeof__(T) asyncio__body_##fn ASYNCIO__LIST(ASYNCIO__PARAM, n, __VA_ARGS__);         \
    static void asyncio__await_##fn(void *asyncio__self, void *asyncio__result)                    \
    {                                                                                              \
        struct asyncio__frame_##fn *asyncio__frame = asyncio__self;                                \
        /* Never called where T is void: choose_expr drops the call, not its type check. */        \
        ASYNCIO__VALUE(T)                                                                          \
        (*asyncio__call) ASYNCIO__LIST(ASYNCIO__TYPE, n, __VA_ARGS__) = (ASYNCIO__VALUE(           \
            T)(*) ASYNCIO__LIST(ASYNCIO__TYPE, n, __VA_ARGS__))(void (*)(void))asyncio__body_##fn; \
        (void)asyncio__frame, (void)asyncio__result, (void)asyncio__call;                          \
        __builtin_choose_expr(                                                                     \
            ASYNCIO__IS_VOID(T),                                                                   \
            (void)asyncio__body_##fn ASYNCIO__ARGS(ASYNCIO__LOAD, n, __VA_ARGS__),                 \
            (void)(*(ASYNCIO__VALUE(T) *)asyncio__result =                                         \
                       asyncio__call ASYNCIO__ARGS(ASYNCIO__LOAD, n, __VA_ARGS__)));               \
    }                                                                                              \
    static const struct asyncio_awaitable_type asyncio__type_##fn = {                              \
        .name = #fn,                                                                               \
        .size = sizeof(struct asyncio__frame_##fn),                                                \
        .result_size = ASYNCIO__IS_VOID(T) ? 0 : sizeof(ASYNCIO__VALUE(T)),                        \
        .result_offset = offsetof(struct asyncio__frame_##fn, asyncio__value),                     \
        .result_signed = ASYNCIO__SIGNED(T),                                                       \
        .pool_class = ASYNCIO__POOL_CLASS(sizeof(struct asyncio__frame_##fn)),                     \
        .kind = ASYNCIO__COROUTINE,                                                                \
        .file = __FILE__,                                                                          \
        .line = __LINE__,                                                                          \
        .await = asyncio__await_##fn,                                                              \
    };                                                                                             \
    __attribute__((noinline)) ASYNCIO_AWAITABLE(T) fn ASYNCIO__LIST(ASYNCIO__PARAM, n,             \
                                                                    __VA_ARGS__)                   \
    {                                                                                              \
        ASYNCIO__FILL(fn, n, __VA_ARGS__)                                                          \
        return (ASYNCIO_AWAITABLE(T))asyncio__h;                                                   \
    }                                                                                              \
    static __typeof__(T) asyncio__body_##fn ASYNCIO__LIST(ASYNCIO__PARAM, n, __VA_ARGS__)

#define ASYNCIO__FRAME(T, n, fn, ...)                                                              \
    struct asyncio__frame_##fn {                                                                   \
        struct asyncio_awaitable asyncio__head;                                                    \
        ASYNCIO__VALUE(T) asyncio__value;                                                          \
        ASYNCIO__EACH(ASYNCIO__FIELD, n, __VA_ARGS__)                                              \
    };

#define ASYNCIO__FILL(fn, n, ...)                                                                  \
    asyncio_any asyncio__h = asyncio__coroutine(&asyncio__type_##fn, __builtin_return_address(0)); \
    struct asyncio__frame_##fn *asyncio__frame = asyncio_awaitable_object(asyncio__h);             \
    if (asyncio__frame) {                                                                          \
        ASYNCIO__EACH(ASYNCIO__STORE, n, __VA_ARGS__)                                              \
    }

#define ASYNCIO_AWAIT(x) ASYNCIO__AWAIT(x, __COUNTER__)
#define ASYNCIO__AWAIT(x, id)                                                                      \
    ASYNCIO__AWAIT_(x, ASYNCIO__CAT(asyncio__h, id), ASYNCIO__CAT(asyncio__v, id),                 \
                    ASYNCIO__CAT(asyncio__e, id), ASYNCIO__CAT(asyncio__p, id))
#define ASYNCIO__AWAIT_(x, h, v, e, place)                                                         \
    __extension__({                                                                                \
        ASYNCIO__HERE(place);                                                                      \
        __auto_type h = (x);                                                                       \
        ASYNCIO__CHECK(h);                                                                         \
        ASYNCIO__VALUE(ASYNCIO__RESULT(h)) v;                                                      \
        int e = ASYNCIO__IS_YIELD(h) ? asyncio__yield_turn(&v, &place)                             \
                                     : asyncio__await((asyncio_any)h, &v, &place);                 \
        if (__builtin_expect(e, 0))                                                                \
            v = ASYNCIO__FAILED(ASYNCIO__RESULT(h), e);                                            \
        ASYNCIO__GIVE(ASYNCIO__RESULT(h), v);                                                      \
    })

/* --- Asynchronous generators -------------------------------------------------------------------
 */

/* The value last yielded lies behind the head of the generator's frame; `asyncio__self` is the
 * running generator, in scope in its body and nowhere else. */
#define ASYNCIO_ASYNC_GEN(T, ...) ASYNCIO__GEN(T, ASYNCIO__ARITY(__VA_ARGS__), __VA_ARGS__, ~)
#define ASYNCIO__GEN(T, n, ...) ASYNCIO__GEN_(T, n, __VA_ARGS__)
#define ASYNCIO__GEN_(T, n, fn, ...)                                                               \
    ASYNCIO_ASYNC_ITERATOR(T)                                                                      \
    fn ASYNCIO__LIST(ASYNCIO__PARAM, n, __VA_ARGS__);                                              \
    ASYNCIO__FRAME(T, n, fn, __VA_ARGS__)                                                          \
    static void asyncio__body_##fn ASYNCIO__GEN_PARAMS(fn, n, __VA_ARGS__);                        \
    static void asyncio__iterate_##fn(void *asyncio__self)                                         \
    {                                                                                              \
        struct asyncio__frame_##fn *asyncio__frame = asyncio__self;                                \
        asyncio__body_##fn ASYNCIO__GEN_ARGS(n, __VA_ARGS__);                                      \
    }                                                                                              \
    static const struct asyncio_awaitable_type asyncio__type_##fn = {                              \
        .name = #fn,                                                                               \
        .size = sizeof(struct asyncio__frame_##fn),                                                \
        .result_size = sizeof(ASYNCIO__VALUE(T)),                                                  \
        .result_offset = offsetof(struct asyncio__frame_##fn, asyncio__value),                     \
        .kind = ASYNCIO__GENERATOR,                                                                \
        .file = __FILE__,                                                                          \
        .line = __LINE__,                                                                          \
        .iterate = asyncio__iterate_##fn,                                                          \
    };                                                                                             \
    __attribute__((noinline)) ASYNCIO_ASYNC_ITERATOR(T) fn ASYNCIO__LIST(ASYNCIO__PARAM, n,        \
                                                                         __VA_ARGS__)              \
    {                                                                                              \
        ASYNCIO__FILL_GEN(fn, n, __VA_ARGS__)                                                      \
        return (ASYNCIO_ASYNC_ITERATOR(T))asyncio__h;                                              \
    }                                                                                              \
    static void asyncio__body_##fn ASYNCIO__GEN_PARAMS(fn, n, __VA_ARGS__)

#define ASYNCIO__GEN_PARAMS(fn, n, ...)                                                            \
    (struct asyncio__frame_##fn * asyncio__self __attribute__((unused))                            \
                                  ASYNCIO__EACH(ASYNCIO__COMMA_PARAM, n, __VA_ARGS__))
#define ASYNCIO__COMMA_PARAM(pair) , ASYNCIO__PARAM_ pair
#define ASYNCIO__GEN_ARGS(n, ...)                                                                  \
    (asyncio__frame ASYNCIO__EACH(ASYNCIO__COMMA_LOAD, n, __VA_ARGS__))
#define ASYNCIO__COMMA_LOAD(pair) , ASYNCIO__LOAD_ pair
#define ASYNCIO__FILL_GEN(fn, n, ...)                                                              \
    asyncio_any asyncio__h = asyncio__generator(&asyncio__type_##fn, __builtin_return_address(0)); \
    struct asyncio__frame_##fn *asyncio__frame = asyncio_awaitable_object(asyncio__h);             \
    if (asyncio__frame) {                                                                          \
        ASYNCIO__EACH(ASYNCIO__STORE, n, __VA_ARGS__)                                              \
    }

asyncio_any asyncio__generator(const struct asyncio_awaitable_type *type, void *made_at);
bool asyncio__yield(void *self, const struct asyncio__place *place);

#define ASYNCIO_ASYNC_YIELD(...)                                                                   \
    do {                                                                                           \
        ASYNCIO__HERE(asyncio__place);                                                             \
        asyncio__self->asyncio__value = __VA_ARGS__;                                               \
        if (asyncio__yield(asyncio__self, &asyncio__place))                                        \
            return;                                                                                \
    } while (0)

struct asyncio__for {
    asyncio_any iterator;
    const void *value;
    const struct asyncio__place *place;
    bool again; /* the body ran to its end, or by continue: neither break nor return */
};

struct asyncio__for asyncio__for_begin(asyncio_any it, const struct asyncio__place *place);
bool asyncio__for_next(struct asyncio__for *f);
void asyncio__for_end(struct asyncio__for *f);

#define ASYNCIO_ASYNC_FOR(declaration, it) ASYNCIO__FOR(declaration, it, __COUNTER__)
#define ASYNCIO__FOR(declaration, it, id)                                                          \
    ASYNCIO__FOR_(declaration, it, ASYNCIO__CAT(asyncio__f, id))
#define ASYNCIO__FOR_(declaration, it, f)                                                          \
    for (struct asyncio__for f __attribute__((cleanup(asyncio__for_end))) = asyncio__for_begin(    \
             __extension__({                                                                       \
                 __auto_type asyncio__it = (it);                                                   \
                 (void)_Generic(asyncio__it, ASYNCIO__ELEMENT(asyncio__it)(***)(void) : 0);        \
                 (asyncio_any) asyncio__it;                                                        \
             }),                                                                                   \
             __extension__({                                                                       \
                 ASYNCIO__HERE(asyncio__place);                                                    \
                 &asyncio__place;                                                                  \
             }));                                                                                  \
         asyncio__for_next(&f);)                                                                   \
        for (declaration = *(const ASYNCIO__ELEMENT(it) *)f.value; !f.again; f.again = true)

/* --- Context managers --------------------------------------------------------------------------
 */

/* What async_with enters and leaves (Python's __aenter__ and __aexit__): a pointer to one of one's
 * own, or to one of the library's; a timeout also by value. Both functions run on the stack of the
 * task and may await. enter() returns 0, or -errno: then the body is skipped and exit() not called.
 * exit() is called exactly once, however the body was left. Entering is an await: asyncio_error()
 * tells of it. */
struct asyncio_context_manager {
    int (*enter)(struct asyncio_context_manager *self);
    void (*exit)(struct asyncio_context_manager *self);
};

/* How the library enters and leaves what it has; `place` is where. exit() may change what the block
 * is left with; `returns`: the coroutine does not go on behind the block. */
struct asyncio__with_type {
    int (*enter)(void *manager, const struct asyncio__place *place);
    void (*exit)(void *manager, const struct asyncio__place *place, bool returns);
};

struct asyncio__with {
    void *manager;
    const struct asyncio__with_type *type;
    const struct asyncio__place *place;
    bool inside;
    bool body; /* has not come to its end */
};

struct asyncio__with asyncio__with_enter(void *manager, const struct asyncio__with_type *type,
                                         const struct asyncio__place *place);
void asyncio__with_exit(struct asyncio__with *w);
void asyncio__with_return(struct asyncio__with *w);

extern const struct asyncio__with_type asyncio__manager_with, asyncio__timeout_with,
    asyncio__task_group_with, asyncio__lock_with, asyncio__condition_with, asyncio__semaphore_with,
    asyncio__bounded_semaphore_with, asyncio__barrier_with, asyncio__server_with;
struct asyncio_timeout;
struct asyncio_task_group;
struct asyncio_lock;
struct asyncio_condition;
struct asyncio_semaphore;
struct asyncio_bounded_semaphore;
struct asyncio_barrier;
struct asyncio_server;

/* clang-format off */
#define ASYNCIO__WITH_TYPE(m)                                                                      \
    _Generic((m),                                                                                  \
             struct asyncio_context_manager *: &asyncio__manager_with,                             \
             struct asyncio_timeout *: &asyncio__timeout_with,                                     \
             struct asyncio_timeout: &asyncio__timeout_with,                                       \
             struct asyncio_task_group *: &asyncio__task_group_with,                               \
             struct asyncio_lock *: &asyncio__lock_with,                                           \
             struct asyncio_condition *: &asyncio__condition_with,                                 \
             struct asyncio_semaphore *: &asyncio__semaphore_with,                                 \
             struct asyncio_bounded_semaphore *: &asyncio__bounded_semaphore_with,                 \
             struct asyncio_barrier *: &asyncio__barrier_with,                                     \
             struct asyncio_server *: &asyncio__server_with)
/* clang-format on */

#define ASYNCIO__WITH_POINTER(m, p) _Generic((m), struct asyncio_timeout : p, default : m)

/* The innermost loop is there for break: left by that, or at its end, a body is left where the
 * coroutine goes on behind the block; any other way is the cleanup's. */
#define ASYNCIO_ASYNC_WITH(manager) ASYNCIO__WITH(manager, __COUNTER__)
#define ASYNCIO__WITH(manager, id)                                                                 \
    ASYNCIO__WITH_(manager, ASYNCIO__CAT(asyncio__m, id), ASYNCIO__CAT(asyncio__o, id),            \
                   ASYNCIO__CAT(asyncio__w, id))
#define ASYNCIO__WITH_(manager, m, once, w)                                                        \
    for (__typeof__(manager) m = (manager), *once = &m; once; once = NULL)                         \
        for (struct asyncio__with w __attribute__((cleanup(asyncio__with_return))) =               \
                 asyncio__with_enter(ASYNCIO__WITH_POINTER(m, once), ASYNCIO__WITH_TYPE(m),        \
                                     __extension__({                                               \
                                         ASYNCIO__HERE(asyncio__place);                            \
                                         &asyncio__place;                                          \
                                     }));                                                          \
             w.inside; asyncio__with_exit(&w))                                                     \
            for (; w.body; w.body = false)

/* --- The short names ---------------------------------------------------------------------------
 */

#ifndef ASYNCIO_NO_KEYWORDS
#define awaitable(T) ASYNCIO_AWAITABLE(T)
#define async_iterator(T) ASYNCIO_ASYNC_ITERATOR(T)
#define async(T, ...) ASYNCIO_ASYNC(T, __VA_ARGS__)
#define await(x) ASYNCIO_AWAIT(x)
#define async_gen(T, ...) ASYNCIO_ASYNC_GEN(T, __VA_ARGS__)
#define async_yield(...) ASYNCIO_ASYNC_YIELD(__VA_ARGS__)
#define async_for(declaration, it) ASYNCIO_ASYNC_FOR(declaration, it)
#define async_with(manager) ASYNCIO_ASYNC_WITH(manager)
#endif

#pragma GCC visibility pop

#endif
