/* Context variables, as in Python's contextvars: what belongs to a task without being handed down.
 *
 *     static asyncio_context_var(int) request =       request = ContextVar("request", default=0)
 *         ASYNCIO_CONTEXT_VAR("request", 0);
 *
 *     asyncio_context_var_set(&request, 7);           request.set(7)
 *     int n = asyncio_context_var_get(&request);      n = request.get()
 *
 * A task has a context of its own: a copy, made when it is created, of the one that is current
 * there. What it sets is its own, and its coroutines' and generators'; copying costs nothing before
 * something is set. A callback (call_soon, call_later, a done callback) runs in a copy made when it
 * was scheduled, what is called by asyncio_to_thread() in a copy on the thread that calls it.
 * Outside of a loop the context is the thread's, of which asyncio_run() copies. An operation made a
 * task has none of its own: where its type's functions are called by the loop, that is the one of
 * asyncio_run().
 *
 * Values are copied as plain bytes. A context is searched from its first variable to its last: they
 * are meant to be few. */
#ifndef ASYNCIO_CONTEXT_H
#define ASYNCIO_CONTEXT_H

#include <asyncio/language.h>

#pragma GCC visibility push(default)

struct asyncio__context_var {
    const char *name;
};

struct asyncio__token {
    const struct asyncio__context_var *var;
    const void *context; /* where it was set */
    bool had_value;
    bool used;
};

/* --- Variables ---------------------------------------------------------------------------------
 */

/* The type of a variable with values of type T, in static storage: it is known by its address. To
 * share one between files, name its type by a typedef. */
#define asyncio_context_var(T)                                                                     \
    struct {                                                                                       \
        struct asyncio__context_var asyncio__var;                                                  \
        __typeof__(T) asyncio__value; /* its default */                                            \
        struct {                                                                                   \
            struct asyncio__token asyncio__token;                                                  \
            __typeof__(T) asyncio__value; /* the one before */                                     \
        } * asyncio__tokens;              /* NULL: it is there for its type */                     \
        _Static_assert(_Alignof(__typeof__(T)) <= 16, "a context variable's alignment");           \
    }

/* Its initializer: ASYNCIO_CONTEXT_VAR("name", default), or ASYNCIO_CONTEXT_VAR("name"), where the
 * default is zero (and get() never fails, as it does in Python). */
#define ASYNCIO_CONTEXT_VAR(...)                                                                   \
    ASYNCIO__CAT(ASYNCIO__CONTEXT_VAR_, ASYNCIO__ONE_OR_N(__VA_ARGS__))(__VA_ARGS__)

/* asyncio_context_var_get(&v): its value in the current context, else its default.
 * asyncio_context_var_get(&v, d): else d. */
#define asyncio_context_var_get(...)                                                               \
    ASYNCIO__CAT(ASYNCIO__VAR_GET_, ASYNCIO__ONE_OR_N(__VA_ARGS__))(__VA_ARGS__)

/* asyncio_context_var_set(&v, value), asyncio_context_var_set(&v, value, &token): sets it in the
 * current context; the token can undo that. 0 or -ENOMEM. */
#define asyncio_context_var_set(...)                                                               \
    ASYNCIO__CAT(ASYNCIO__VAR_SET_, ASYNCIO__ARITY(__VA_ARGS__))(__VA_ARGS__)

/* The type of a token of this variable: `asyncio_context_token(&v) token;`. It holds nothing and
 * need not be used. */
#define asyncio_context_token(v) __typeof__(*(v)->asyncio__tokens)

/* asyncio_context_var_reset(&v, &token): what it was before, unset included. 0 or -ENOMEM. A token
 * is for one use, for its own variable, in the context where it was made: else this aborts. */
#define asyncio_context_var_reset(v, token)                                                        \
    ASYNCIO__VAR_RESET(v, token, ASYNCIO__CAT(asyncio__c, __COUNTER__),                            \
                       ASYNCIO__CAT(asyncio__t, __COUNTER__))

/* --- Contexts ----------------------------------------------------------------------------------
 */

/* Belongs to its thread. */
struct asyncio_context;

/* A copy of the current context; of this one; an empty one. For asyncio_context_release(). NULL
 * without memory (also for NULL). */
struct asyncio_context *asyncio_copy_context(void);
struct asyncio_context *asyncio_context_copy(struct asyncio_context *context);
struct asyncio_context *asyncio_context_new(void);

/* NULL does nothing. */
void asyncio_context_release(struct asyncio_context *context);

/* Calls function(arg) with this context as the current one: what it sets stays there. Unlike in
 * Python it may await. A context that is entered already aborts. */
void asyncio_context_run(struct asyncio_context *context, void (*function)(void *), void *arg);

/* A copy of what a task has now (Python's is the task's own); empty for one that is done or has no
 * coroutine. For asyncio_context_release(). NULL without memory. */
struct asyncio_context *asyncio_get_context(asyncio_any task);

/* asyncio_context_get(context, &v), asyncio_context_get(context, &v, d): the value there, else the
 * default or d. */
#define asyncio_context_get(...)                                                                   \
    ASYNCIO__CAT(ASYNCIO__CONTEXT_GET_, ASYNCIO__ARITY(__VA_ARGS__))(__VA_ARGS__)

/* --- What the macros above are made of ---------------------------------------------------------
 */

const void *asyncio__context_var_get(const struct asyncio__context_var *var, const void *otherwise);
int asyncio__context_var_set(const struct asyncio__context_var *var, const void *value, size_t size,
                             struct asyncio__token *token, void *old);
int asyncio__context_var_reset(const struct asyncio__context_var *var, const void *old, size_t size,
                               struct asyncio__token *token);
const void *asyncio__context_get(const struct asyncio_context *context,
                                 const struct asyncio__context_var *var, const void *otherwise);

#define ASYNCIO__CONTEXT_VAR_1(text)                                                               \
    {                                                                                              \
        .asyncio__var = { text }                                                                   \
    }
#define ASYNCIO__CONTEXT_VAR_2(text, ...)                                                          \
    {                                                                                              \
        .asyncio__var = {text}, .asyncio__value = __VA_ARGS__                                      \
    }

#define ASYNCIO__VAR_VALUE(c) __typeof__((c)->asyncio__value)

#define ASYNCIO__VAR_GET_1(v) ASYNCIO__VAR_GET(v, ASYNCIO__CAT(asyncio__c, __COUNTER__))
#define ASYNCIO__VAR_GET(v, c)                                                                     \
    __extension__({                                                                                \
        __auto_type c = (v);                                                                       \
        *(const ASYNCIO__VAR_VALUE(c) *)asyncio__context_var_get(&c->asyncio__var,                 \
                                                                 &c->asyncio__value);              \
    })
#define ASYNCIO__VAR_GET_2(v, ...)                                                                 \
    ASYNCIO__VAR_GET_OR(v, ASYNCIO__CAT(asyncio__c, __COUNTER__),                                  \
                        ASYNCIO__CAT(asyncio__d, __COUNTER__), __VA_ARGS__)
#define ASYNCIO__VAR_GET_OR(v, c, d, ...)                                                          \
    __extension__({                                                                                \
        __auto_type c = (v);                                                                       \
        const ASYNCIO__VAR_VALUE(c) d = __VA_ARGS__;                                               \
        *(const ASYNCIO__VAR_VALUE(c) *)asyncio__context_var_get(&c->asyncio__var, &d);            \
    })

#define ASYNCIO__VAR_SET_1(v, value)                                                               \
    ASYNCIO__VAR_SET(v, value, ASYNCIO__CAT(asyncio__c, __COUNTER__),                              \
                     ASYNCIO__CAT(asyncio__d, __COUNTER__))
#define ASYNCIO__VAR_SET(v, value, c, d)                                                           \
    __extension__({                                                                                \
        __auto_type c = (v);                                                                       \
        const ASYNCIO__VAR_VALUE(c) d = (value);                                                   \
        asyncio__context_var_set(&c->asyncio__var, &d, sizeof d, NULL, NULL);                      \
    })
#define ASYNCIO__VAR_SET_2(v, value, token)                                                        \
    ASYNCIO__VAR_SET_TOKEN(v, value, token, ASYNCIO__CAT(asyncio__c, __COUNTER__),                 \
                           ASYNCIO__CAT(asyncio__d, __COUNTER__),                                  \
                           ASYNCIO__CAT(asyncio__t, __COUNTER__))
#define ASYNCIO__VAR_SET_TOKEN(v, value, token, c, d, t)                                           \
    __extension__({                                                                                \
        __auto_type c = (v);                                                                       \
        const ASYNCIO__VAR_VALUE(c) d = (value);                                                   \
        asyncio_context_token(c) *t = (token);                                                     \
        asyncio__context_var_set(&c->asyncio__var, &d, sizeof d, &t->asyncio__token,               \
                                 &t->asyncio__value);                                              \
    })
#define ASYNCIO__VAR_RESET(v, token, c, t)                                                         \
    __extension__({                                                                                \
        __auto_type c = (v);                                                                       \
        asyncio_context_token(c) *t = (token);                                                     \
        asyncio__context_var_reset(&c->asyncio__var, &t->asyncio__value, sizeof t->asyncio__value, \
                                   &t->asyncio__token);                                            \
    })

#define ASYNCIO__CONTEXT_GET_1(context, v)                                                         \
    ASYNCIO__CONTEXT_GET(context, v, ASYNCIO__CAT(asyncio__c, __COUNTER__))
#define ASYNCIO__CONTEXT_GET(context, v, c)                                                        \
    __extension__({                                                                                \
        __auto_type c = (v);                                                                       \
        *(const ASYNCIO__VAR_VALUE(c) *)asyncio__context_get(context, &c->asyncio__var,            \
                                                             &c->asyncio__value);                  \
    })
#define ASYNCIO__CONTEXT_GET_2(context, v, otherwise)                                              \
    ASYNCIO__CONTEXT_GET_OR(context, v, otherwise, ASYNCIO__CAT(asyncio__c, __COUNTER__),          \
                            ASYNCIO__CAT(asyncio__d, __COUNTER__))
#define ASYNCIO__CONTEXT_GET_OR(context, v, otherwise, c, d)                                       \
    __extension__({                                                                                \
        __auto_type c = (v);                                                                       \
        const ASYNCIO__VAR_VALUE(c) d = (otherwise);                                               \
        *(const ASYNCIO__VAR_VALUE(c) *)asyncio__context_get(context, &c->asyncio__var, &d);       \
    })

#pragma GCC visibility pop

#endif
