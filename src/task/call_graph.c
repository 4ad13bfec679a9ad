/* The call graph of <asyncio/graph.h>: captured, then shown.
 *
 * Capturing goes through the waiting graph once and sorts its edges by what is awaited; so those
 * who wait for something lie side by side. From there the tasks that count are found, each once, in
 * breadth. Nothing here recurses: neither long chains nor rings do harm. */
#include "base/panic.h"
#include "task/diagnose.h"
#include "task/graph.h"
#include "task/thread.h"

#include <stdlib.h>

struct edge {
    struct ai_object *awaited, *waiter;
    size_t order;
};

/* What is waited for by whom. */
struct edges {
    struct edge *at;
    size_t count, room;
};

/* A task that is met, by its address. */
struct known {
    struct ai_object *object;
    size_t node; /* one more than its place among those found, or 0 */
};

struct search {
    struct edges edges;
    struct known *known;
    size_t known_count;
    struct ai_object **found;
    size_t found_count;
};

struct node {
    struct asyncio_call_graph graph;
    struct node *shown_by; /* by which of those that it waits for */
    size_t next;           /* of its waiters, to be shown */
    bool shown;
};

struct captured {
    size_t size;
    struct node nodes[];
};

/* --- The edges --- */

static void add_edge(struct ai_object *waiter, struct ai_object *awaited, void *arg)
{
    struct edges *e = arg;

    if (e->count < e->room)
        e->at[e->count] = (struct edge){awaited, waiter, e->count};
    e->count++;
}

static int compare(const void *a, const void *b)
{
    return a < b ? -1 : a > b;
}

static int by_awaited(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;
    int order = compare(x->awaited, y->awaited);

    return order ? order : x->order < y->order ? -1 : 1;
}

/* Of the same pairs, which lie side by side, one is left. */
static size_t unique_edges(struct edge *at, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (kept && at[kept - 1].awaited == at[i].awaited && at[kept - 1].waiter == at[i].waiter)
            continue;
        at[kept++] = at[i];
    }
    return kept;
}

static bool collect_edges(struct edges *e)
{
    ai_graph_edges(add_edge, e);
    e->room = e->count;
    e->count = 0;
    if (e->room == 0)
        return true;
    if (!(e->at = ai_allocate(e->room * sizeof *e->at)))
        return false;
    ai_graph_edges(add_edge, e);
    qsort(e->at, e->count, sizeof *e->at, by_awaited);
    e->count = unique_edges(e->at, e->count);
    return true;
}

/* The first of those who wait for it, or where they would be. */
static struct edge *waiters_of(const struct edges *e, const struct ai_object *o)
{
    size_t low = 0, high = e->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(e->at[middle].awaited, o) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? e->at + low : e->at; /* which is NULL where there are none */
}

static size_t waiter_count(const struct edges *e, const struct ai_object *o)
{
    const struct edge *first = waiters_of(e, o), *end = first;

    if (e->count == 0)
        return 0;
    while (end < e->at + e->count && end->awaited == o)
        end++;
    return (size_t)(end - first);
}

/* --- The tasks that count --- */

static int by_object(const void *a, const void *b)
{
    const struct known *x = a, *y = b;

    return compare(x->object, y->object);
}

static size_t *node_of(struct search *s, struct ai_object *o)
{
    struct known key = {.object = o}, *k;

    k = bsearch(&key, s->known, s->known_count, sizeof *s->known, by_object);
    return &k->node;
}

static size_t capacity(const struct search *s)
{
    return s->edges.room + 1;
}

/* Everything that may turn up: the root and whoever waits. */
static bool know_all(struct search *s, struct ai_object *root)
{
    const struct edges *e = &s->edges;
    size_t n = 0;

    s->known = ai_allocate(capacity(s) * sizeof *s->known);
    s->found = ai_allocate(capacity(s) * sizeof(struct ai_object *));
    if (!s->known || !s->found)
        return false;
    s->known[n++].object = root;
    for (size_t i = 0; i < e->count; i++)
        s->known[n++].object = e->at[i].waiter;
    qsort(s->known, n, sizeof *s->known, by_object);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || s->known[i].object != s->known[s->known_count - 1].object)
            s->known[s->known_count++] = s->known[i];
    }
    return true;
}

static void find(struct search *s, struct ai_object *o)
{
    size_t *node = node_of(s, o);

    if (*node)
        return;
    s->found[s->found_count++] = o;
    *node = s->found_count;
}

static void find_all(struct search *s, struct ai_object *root)
{
    find(s, root);
    for (size_t i = 0; i < s->found_count; i++) {
        const struct edge *e = waiters_of(&s->edges, s->found[i]);
        for (size_t n = waiter_count(&s->edges, s->found[i]); n > 0; n--)
            find(s, e++->waiter);
    }
}

static void close_search(struct search *s)
{
    ai_deallocate(s->edges.at, s->edges.room * sizeof *s->edges.at);
    ai_deallocate(s->known, capacity(s) * sizeof *s->known);
    ai_deallocate(s->found, capacity(s) * sizeof(struct ai_object *));
}

/* --- The result, in one piece --- */

struct bounds {
    size_t skip, count;
};

static struct bounds bounds_of(const struct ai_object *o, int limit,
                               const struct asyncio__place *here)
{
    size_t all = ai_call_stack(o, here, 0, NULL, 0);
    size_t most = limit < 0 ? -(size_t)limit : (size_t)limit;
    size_t count = all < most ? all : most;

    return (struct bounds){.skip = limit < 0 ? all - count : 0, .count = count};
}

/* Pointers and frames are carved from what lies behind the nodes. */
static void fill(struct search *s, struct captured *c, int limit, const struct asyncio__place *here)
{
    struct asyncio_call_graph_frame *frame = (void *)&c->nodes[s->found_count];
    struct asyncio_call_graph **link;

    for (size_t i = 0; i < s->found_count; i++) {
        struct asyncio_call_graph *g = &c->nodes[i].graph;
        struct bounds b = bounds_of(s->found[i], limit, here);
        g->future = ai_handle(s->found[i]);
        g->call_stack = frame;
        g->call_stack_size = b.count;
        ai_call_stack(s->found[i], here, b.skip, frame, b.count);
        frame += b.count;
    }
    link = (void *)frame;
    for (size_t i = 0; i < s->found_count; i++) {
        struct asyncio_call_graph *g = &c->nodes[i].graph;
        const struct edge *e = waiters_of(&s->edges, s->found[i]);
        g->awaited_by = link;
        g->awaited_by_size = waiter_count(&s->edges, s->found[i]);
        for (size_t n = g->awaited_by_size; n > 0; n--)
            *link++ = &c->nodes[*node_of(s, e++->waiter) - 1].graph;
    }
}

static struct captured *store(struct search *s, int limit, const struct asyncio__place *here)
{
    size_t size = sizeof(struct captured) + s->found_count * sizeof(struct node);

    for (size_t i = 0; i < s->found_count; i++) {
        size += bounds_of(s->found[i], limit, here).count * sizeof(struct asyncio_call_graph_frame);
        size += waiter_count(&s->edges, s->found[i]) * sizeof(struct asyncio_call_graph *);
    }
    struct captured *c = ai_allocate(size);
    if (!c)
        return NULL;
    c->size = size;
    fill(s, c, limit, here);
    return c;
}

static struct captured *capture(struct ai_object *root, int limit,
                                const struct asyncio__place *here)
{
    struct search s = {0};
    struct captured *c = NULL;

    if (collect_edges(&s.edges) && know_all(&s, root)) {
        find_all(&s, root);
        c = store(&s, limit, here);
    }
    close_search(&s);
    return c;
}

/* What is asked about: NULL where no task runs. */
static struct ai_object *subject(asyncio_any h)
{
    if (!h && !ai_thread.loop)
        ai_panic("RuntimeError: capture_call_graph() is called outside of a running event loop and "
                 "no future to introspect was provided");
    if (!h && !(h = asyncio_current_task()))
        return NULL;
    struct ai_object *o = ai_object(h);
    if (!(o->flags & AI_SHARED))
        ai_panic("TypeError: a task or future was expected, got %s '%s'", ai_noun(o->type),
                 o->type->name);
    return o;
}

struct asyncio_call_graph *asyncio__capture_call_graph(asyncio_any h, int limit,
                                                       const struct asyncio__place *here)
{
    struct ai_object *o = subject(h);
    struct captured *c = o ? capture(o, limit, here) : NULL;

    return c ? &c->nodes[0].graph : NULL;
}

static void release(struct captured *c)
{
    ai_deallocate(c, c->size);
}

void asyncio_call_graph_free(struct asyncio_call_graph *graph)
{
    if (graph)
        release(ai_container(graph, struct captured, nodes[0].graph));
}

/* --- Text --- */

/* To a file, or else into a buffer that is written to its end and no further. */
struct text {
    FILE *file;
    char *buf;
    size_t size, length;
};

static void add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *format, ...)
{
    bool fits = t->length < t->size;
    va_list args;

    va_start(args, format);
    int n = t->file ? vfprintf(t->file, format, args)
                    : vsnprintf(fits ? t->buf + t->length : NULL, fits ? t->size - t->length : 0,
                                format, args);
    va_end(args);
    t->length += n > 0 ? (size_t)n : 0;
}

static void begin_line(struct text *t, size_t level)
{
    add(t, "%s%*s", t->length ? "\n" : "", (int)level * 4, "");
}

static void add_head(struct text *t, const struct node *n, size_t level)
{
    asyncio_any h = n->graph.future;
    const char *name = asyncio_get_name(h);

    begin_line(t, level);
    if (*name)
        add(t, "* Task(name='%s', id=%p)", name, asyncio_awaitable_object(h));
    else
        add(t, "* Future(id=%p)", asyncio_awaitable_object(h));
}

static void add_frame(struct text *t, const struct asyncio_call_graph_frame *f, size_t level)
{
    begin_line(t, level);
    add(t, "  |   ");
    if (f->file)
        add(t, "File '%s', line %d, ", f->file, f->line);
    add(t, "in %s%s%s()", f->kind, *f->kind ? " " : "", f->function);
}

static void add_node(struct text *t, struct node *n, size_t level)
{
    const struct asyncio_call_graph *g = &n->graph;

    n->shown = true;
    add_head(t, n, level);
    if (g->call_stack_size) {
        begin_line(t, level);
        add(t, "  + Call stack:");
    }
    for (size_t i = 0; i < g->call_stack_size; i++)
        add_frame(t, &g->call_stack[i], level);
    if (g->awaited_by_size) {
        begin_line(t, level);
        add(t, "  + Awaited by:");
    }
}

/* In depth, each once: what waits is shown below what it waits for. */
static void add_graph(struct text *t, struct node *root)
{
    size_t level = 0;

    add_node(t, root, level);
    for (struct node *n = root; n;) {
        if (n->next == n->graph.awaited_by_size) {
            n = n->shown_by;
            level--;
            continue;
        }
        struct node *waiter = (struct node *)n->graph.awaited_by[n->next++];
        if (waiter->shown) {
            add_head(t, waiter, level + 1);
            add(t, " (shown above)");
            continue;
        }
        waiter->shown_by = n;
        n = waiter;
        add_node(t, n, ++level);
    }
}

static int show(struct text *t, asyncio_any h, int limit, const struct asyncio__place *here)
{
    struct ai_object *o = subject(h);

    if (!o)
        return 0;
    struct captured *c = capture(o, limit, here);
    if (!c)
        return -ENOMEM;
    add_graph(t, c->nodes);
    release(c);
    return 0;
}

int asyncio__format_call_graph(asyncio_any h, char *buf, size_t n, int limit,
                               const struct asyncio__place *here)
{
    struct text t = {.buf = buf, .size = n};

    if (n)
        *buf = 0;
    int error = show(&t, h, limit, here);
    return error ? error : (int)t.length;
}

int asyncio__print_call_graph(asyncio_any h, FILE *file, int limit,
                              const struct asyncio__place *here)
{
    struct text t = {.file = file ? file : stdout};
    int error = show(&t, h, limit, here);

    if (t.length)
        fputc('\n', t.file);
    return error;
}
