/* See contextvar.h. Here are <asyncio/context.h>'s variables and contexts.
 *
 * Values lie one behind the other in a block that is never changed while it is shared. */
#include "task/contextvar.h"

#include "base/panic.h"
#include "task/diagnose.h"
#include "task/task.h"
#include "task/thread.h"

#include <string.h>

struct binding {
    const struct asyncio__context_var *var;
    size_t size;
    _Alignas(16) char value[];
};

struct ai_values {
    size_t refs;
    size_t size; /* of the bindings */
    _Alignas(16) char bindings[];
};

struct asyncio_context {
    struct ai_values *values; /* or NULL */
    size_t refs;
    bool entered;
};

/* --- Values --- */

static size_t room(size_t size)
{
    return sizeof(struct binding) + ((size + 15) & ~(size_t)15);
}

static struct binding *find(struct ai_values *v, const struct asyncio__context_var *var)
{
    char *at = v ? v->bindings : NULL, *end = v ? at + v->size : NULL;

    while (at < end) {
        struct binding *b = (struct binding *)at;
        if (b->var == var)
            return b;
        at += room(b->size);
    }
    return NULL;
}

static struct ai_values *share(struct ai_values *v)
{
    if (v)
        v->refs++;
    return v;
}

static void unshare(struct ai_values *v)
{
    if (v && --v->refs == 0)
        ai_deallocate(v, sizeof *v + v->size);
}

/* The same but for `without`, which may be NULL, and with room for `more` bytes at the end. */
static struct ai_values *rebuild(const struct ai_values *v, const struct binding *without,
                                 size_t more)
{
    size_t size = v ? v->size : 0, gap = without ? room(without->size) : 0;
    struct ai_values *copy = ai_allocate(sizeof *copy + size - gap + more);

    if (!copy)
        return NULL;
    copy->refs = 1;
    copy->size = size - gap + more;
    size_t before = without ? (size_t)((const char *)without - v->bindings) : size;
    if (before)
        memcpy(copy->bindings, v->bindings, before);
    if (before + gap < size)
        memcpy(copy->bindings + before, v->bindings + before + gap, size - before - gap);
    return copy;
}

static void replace(struct ai_values **place, struct ai_values *v)
{
    unshare(*place);
    *place = v;
}

static int put(struct ai_values **place, const struct asyncio__context_var *var, const void *value,
               size_t size)
{
    struct binding *b = find(*place, var);

    if (!b || (*place)->refs > 1) {
        struct ai_values *v = rebuild(*place, b, room(size));
        if (!v)
            return -ENOMEM;
        b = (struct binding *)(v->bindings + v->size - room(size));
        b->var = var;
        b->size = size;
        replace(place, v);
    }
    memcpy(b->value, value, size);
    return 0;
}

static int take_out(struct ai_values **place, const struct asyncio__context_var *var)
{
    const struct binding *b = find(*place, var);

    if (!b)
        return 0;
    struct ai_values *v = NULL;
    if ((*place)->size > room(b->size) && !(v = rebuild(*place, b, 0)))
        return -ENOMEM;
    replace(place, v);
    return 0;
}

/* --- Scopes --- */

static struct asyncio_context *entered(ai_scope scope)
{
    return (uintptr_t)scope & 1 ? (struct asyncio_context *)((uintptr_t)scope - 1) : NULL;
}

static ai_scope enter(struct asyncio_context *c)
{
    return (ai_scope)((uintptr_t)c + 1);
}

static ai_scope *current(void)
{
    struct ai_thread *thread = &ai_thread;

    return thread->task ? &thread->task->root->scope : &thread->scope;
}

/* Where the values of a scope are, which also tells it from others. */
static struct ai_values **values_of(ai_scope *scope)
{
    struct asyncio_context *c = entered(*scope);

    return c ? &c->values : scope;
}

ai_scope ai_scope_copy(void)
{
    return share(*values_of(current()));
}

ai_scope ai_scope_of_task(const struct ai_object *o)
{
    struct asyncio_context *given = ai_thread.given;

    if (!given || ai_thread.given_to != o)
        return ai_scope_copy();
    given->refs++;
    return enter(given);
}

void ai_scope_drop_slowly(ai_scope *scope)
{
    struct asyncio_context *c = entered(*scope);

    if (c)
        asyncio_context_release(c);
    else
        unshare(*values_of(scope));
    *scope = NULL;
}

void ai_scope_call(ai_scope *scope, void (*function)(void *), void *arg)
{
    ai_scope outer = ai_thread.scope;

    ai_thread.scoped |= *scope != NULL; /* it may come from another thread */
    ai_thread.scope = *scope;
    function(arg);
    *scope = ai_thread.scope;
    ai_thread.scope = outer;
}

bool ai_scope_send(ai_scope *scope)
{
    struct ai_values *v = *values_of(current());

    *scope = v ? rebuild(v, NULL, 0) : NULL;
    return *scope || !v;
}

/* --- Variables --- */

const void *asyncio__context_var_get(const struct asyncio__context_var *var, const void *otherwise)
{
    const struct binding *b = find(*values_of(current()), var);

    return b ? b->value : otherwise;
}

int asyncio__context_var_set(const struct asyncio__context_var *var, const void *value, size_t size,
                             struct asyncio__token *token, void *old)
{
    if (!ai_thread_begin()) /* its end lets go of what is set outside of any loop */
        return -ENOMEM;
    struct ai_values **place = values_of(current());
    const struct binding *b = find(*place, var);

    if (token) {
        *token = (struct asyncio__token){.var = var, .context = place, .had_value = b != NULL};
        if (b)
            memcpy(old, b->value, size);
    }
    ai_thread.scoped = true;
    return put(place, var, value, size);
}

int asyncio__context_var_reset(const struct asyncio__context_var *var, const void *old, size_t size,
                               struct asyncio__token *token)
{
    struct ai_values **place = values_of(current());

    if (token->used)
        ai_panic("RuntimeError: the token of context variable '%s' has already been used once",
                 var->name);
    if (token->var != var)
        ai_panic("ValueError: the token was created by a different context variable than '%s'",
                 var->name);
    if (token->context != place)
        ai_panic("ValueError: the token of context variable '%s' was created in a different "
                 "context",
                 var->name);
    int error = token->had_value ? put(place, var, old, size) : take_out(place, var);
    token->used = error == 0;
    return error;
}

/* --- Contexts --- */

static struct asyncio_context *context_new(struct ai_values *v)
{
    struct asyncio_context *c = ai_allocate(sizeof *c);

    if (!c)
        return NULL;
    c->values = share(v);
    c->refs = 1;
    return c;
}

struct asyncio_context *asyncio_context_new(void)
{
    return context_new(NULL);
}

struct asyncio_context *asyncio_copy_context(void)
{
    return context_new(*values_of(current()));
}

struct asyncio_context *asyncio_get_context(asyncio_any h)
{
    struct ai_object *o = ai_object(h);

    if (!(o->flags & AI_TASK))
        ai_panic("TypeError: a task was expected, got %s '%s'", ai_noun(o->type), o->type->name);
    bool has_one = o->type->await && o->state == AI_PENDING;
    return context_new(has_one ? *values_of(&ai_coroutine(o)->scope) : NULL);
}

struct asyncio_context *asyncio_context_copy(struct asyncio_context *c)
{
    return c ? context_new(c->values) : NULL;
}

void asyncio_context_release(struct asyncio_context *c)
{
    if (!c || --c->refs > 0)
        return;
    unshare(c->values);
    ai_deallocate(c, sizeof *c);
}

void asyncio_context_run(struct asyncio_context *c, void (*function)(void *), void *arg)
{
    ai_scope *scope = current(), outer = *scope;

    if (!c)
        ai_panic("TypeError: NULL is no context");
    if (c->entered || outer == enter(c))
        ai_panic("RuntimeError: cannot enter context: it is already entered");
    ai_thread.scoped = true;
    c->entered = true;
    c->refs++;
    *scope = enter(c);
    function(arg);
    *scope = outer;
    c->entered = false;
    asyncio_context_release(c);
}

const void *asyncio__context_get(const struct asyncio_context *c,
                                 const struct asyncio__context_var *var, const void *otherwise)
{
    const struct binding *b = find(c->values, var);

    return b ? b->value : otherwise;
}
