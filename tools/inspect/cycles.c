/* Rings of waiting tasks: strongly connected components, by Tarjan's algorithm, on a stack of its
 * own, since a chain of tasks may be as long as they are many. */
#include "cycles.h"

#include <stdlib.h>

struct visit {
    size_t task, next; /* its next edge */
};

struct search {
    struct snapshot *s;
    size_t *index, *low; /* 0: not seen */
    bool *open;
    size_t *path, path_count;
    struct visit *visits;
    size_t depth, seen, rings;
};

static void enter(struct search *x, size_t task)
{
    x->index[task] = x->low[task] = ++x->seen;
    x->open[task] = true;
    x->path[x->path_count++] = task;
    x->visits[x->depth++] = (struct visit){task, 0};
}

static bool waits_for_itself(const struct task *t, size_t number)
{
    for (size_t i = 0; i < t->awaits.count; i++) {
        if (t->awaits.at[i] == number)
            return true;
    }
    return false;
}

/* The members of a component are on top of the path. */
static void close_component(struct search *x, size_t task)
{
    bool ring = x->path[x->path_count - 1] != task || waits_for_itself(&x->s->tasks[task], task);
    size_t member;

    x->rings += ring;
    do {
        member = x->path[--x->path_count];
        x->open[member] = false;
        if (ring)
            x->s->tasks[member].cycle = (int)x->rings;
    } while (member != task);
}

static void leave(struct search *x, size_t task)
{
    if (x->low[task] == x->index[task])
        close_component(x, task);
    x->depth--;
    if (x->depth > 0) {
        size_t parent = x->visits[x->depth - 1].task;
        if (x->low[task] < x->low[parent])
            x->low[parent] = x->low[task];
    }
}

static void step(struct search *x)
{
    struct visit *v = &x->visits[x->depth - 1];
    const struct links *awaits = &x->s->tasks[v->task].awaits;

    if (v->next == awaits->count) {
        leave(x, v->task);
        return;
    }
    size_t to = awaits->at[v->next++];
    if (!x->index[to])
        enter(x, to);
    else if (x->open[to] && x->index[to] < x->low[v->task])
        x->low[v->task] = x->index[to];
}

size_t cycles_find(struct snapshot *s)
{
    size_t n = s->tasks_count + 1;
    struct search x = {.s = s,
                       .index = calloc(n, sizeof *x.index),
                       .low = calloc(n, sizeof *x.low),
                       .open = calloc(n, sizeof *x.open),
                       .path = calloc(n, sizeof *x.path),
                       .visits = calloc(n, sizeof *x.visits)};

    if (!x.index || !x.low || !x.open || !x.path || !x.visits)
        abort();
    for (size_t i = 0; i < s->tasks_count; i++) {
        if (!x.index[i])
            enter(&x, i);
        while (x.depth > 0)
            step(&x);
    }
    free(x.index);
    free(x.low);
    free(x.open);
    free(x.path);
    free(x.visits);
    return x.rings;
}
