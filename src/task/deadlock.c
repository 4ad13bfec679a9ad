/* See deadlock.h. Rings are found by going once along what each task waits for: another task,
 * perhaps through a gather and the like, or who holds the lock it waits for. */
#include "task/deadlock.h"

#include "base/panic.h"
#include "loop/signal.h"
#include "task/diagnose.h"
#include "task/graph.h"
#include "task/task.h"
#include "task/thread.h"

#include <stdlib.h>

enum {
    MOST_RINGS = 10, /* that are told of, */
    MOST_TREES = 20, /* and trees */
};

/* From a task to one that it waits for; `lock` is what that one holds, or NULL. */
struct edge {
    uint32_t to;
    struct ai_object *lock;
};

enum { NEW, ON_PATH, SEEN };

struct node {
    struct ai_object *task;
    uint32_t first, next; /* its edges, up to the next node's first; the next to be followed */
    uint8_t state;
    bool waits_for_task, in_ring;
};

struct place {
    const struct ai_object *task;
    uint32_t node;
};

struct search {
    struct node *nodes; /* in the order of the tasks' making, and one more */
    struct place *places;
    struct edge *edges;
    uint32_t *path;
    uint32_t count, edge_count, edge_room, length, rings;
};

/* --- The graph --- */

static int by_task(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return x->task < y->task ? -1 : x->task > y->task;
}

static uint32_t node_of(const struct search *s, const struct ai_object *task)
{
    struct place key = {.task = task}, *p;

    p = bsearch(&key, s->places, s->count, sizeof key, by_task);
    return p ? p->node : s->count;
}

/* Edges come waiter by waiter; without room they are only counted. */
static void add_edge(struct search *s, const struct ai_object *from, struct ai_object *to,
                     struct ai_object *lock)
{
    uint32_t target = node_of(s, to), source = node_of(s, from);

    if (target == s->count || source == s->count)
        return;
    if (s->edge_count < s->edge_room) {
        s->edges[s->edge_count] = (struct edge){target, lock};
        s->nodes[source].waits_for_task |= !lock;
        s->nodes[source + 1].first = s->edge_count + 1;
    }
    s->edge_count++;
}

static void add_holder(struct search *s, const struct ai_object *from, struct ai_object *lock)
{
    struct ai_object *holder =
        lock->type->holder ? ai_object_if_any(lock->type->holder(lock)) : NULL;

    if (holder && holder->flags & AI_TASK)
        add_edge(s, from, holder, lock);
}

static void on_edge(struct ai_object *waiter, struct ai_object *awaited, void *arg)
{
    if (awaited->flags & AI_TASK)
        add_edge(arg, waiter, awaited, NULL);
    add_holder(arg, waiter, awaited);
}

static bool collect_tasks(struct search *s)
{
    uint32_t n = s->count = (uint32_t)ai_thread.tasks_alive, i = 0;

    s->nodes = ai_allocate((n + 1) * sizeof *s->nodes);
    s->places = ai_allocate(n * sizeof *s->places);
    s->path = ai_allocate(n * sizeof *s->path);
    if (!s->nodes || !s->places || !s->path)
        return false;
    ai_list_each (node, &ai_thread.tasks) {
        struct ai_object *o = ai_container(node, struct ai_object, tasks);
        s->nodes[i].task = o;
        s->places[i] = (struct place){o, i};
        i++;
    }
    qsort(s->places, n, sizeof *s->places, by_task);
    return true;
}

/* What has no edges begins where the one before ends. */
static void close_gaps(struct search *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct node *n = &s->nodes[i + 1];
        n->first = n->first > s->nodes[i].first ? n->first : s->nodes[i].first;
        s->nodes[i].next = s->nodes[i].first;
    }
}

static bool collect_edges(struct search *s)
{
    ai_graph_edges(on_edge, s);
    if (s->edge_count == 0)
        return true;
    s->edges = ai_allocate(s->edge_count * sizeof *s->edges);
    if (!s->edges)
        return false;
    s->edge_room = s->edge_count;
    s->edge_count = 0;
    ai_graph_edges(on_edge, s);
    close_gaps(s);
    return true;
}

static void close_search(struct search *s)
{
    ai_deallocate(s->nodes, (s->count + 1) * sizeof *s->nodes);
    ai_deallocate(s->places, s->count * sizeof *s->places);
    ai_deallocate(s->path, s->count * sizeof *s->path);
    ai_deallocate(s->edges, s->edge_room * sizeof *s->edges);
}

/* --- Rings --- */

/* The edge by which a node of the path leads to the next one. */
static const struct edge *edge_taken(const struct search *s, uint32_t node)
{
    return &s->edges[s->nodes[node].next - 1];
}

static void say_wait(const struct search *s, uint32_t node)
{
    const struct edge *e = edge_taken(s, node);
    char name[64];

    snprintf(name, sizeof name, "%s", asyncio_get_name(ai_handle(s->nodes[node].task)));
    const char *other = asyncio_get_name(ai_handle(s->nodes[e->to].task));
    if (e->lock)
        ai_report("  '%s' waits in %s() for what '%s' holds", name, e->lock->type->name, other);
    else
        ai_report("  '%s' waits for '%s'", name, other);
}

typedef void found_ring(struct search *s, uint32_t begin);

static void mark_ring(struct search *s, uint32_t begin)
{
    s->nodes[s->path[begin]].in_ring = true; /* one of them, to show them all */
    s->rings++;
}

static void say_ring(struct search *s, uint32_t begin)
{
    if (++s->rings > MOST_RINGS)
        return;
    ai_report("These wait for each other:");
    for (uint32_t i = begin; i < s->length; i++)
        say_wait(s, s->path[i]);
}

static uint32_t begin_of_ring(const struct search *s, uint32_t node)
{
    uint32_t i = s->length;

    while (s->path[--i] != node)
        ;
    return i;
}

static void enter(struct search *s, uint32_t node)
{
    s->nodes[node].state = ON_PATH;
    s->path[s->length++] = node;
}

/* In depth, without recursion. */
static void follow(struct search *s, uint32_t start, found_ring *found)
{
    enter(s, start);
    while (s->length) {
        struct node *n = &s->nodes[s->path[s->length - 1]];
        if (n->next == n[1].first) {
            n->state = SEEN;
            s->length--;
            continue;
        }
        uint32_t to = s->edges[n->next++].to;
        if (s->nodes[to].state == NEW)
            enter(s, to);
        else if (s->nodes[to].state == ON_PATH)
            found(s, begin_of_ring(s, to));
    }
}

static void find_rings(struct search *s, found_ring *found)
{
    s->rings = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        s->nodes[i].state = NEW;
        s->nodes[i].next = s->nodes[i].first;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->nodes[i].state == NEW)
            follow(s, i, found);
    }
}

/* --- Saying it --- */

/* Each tree is of what waits for no task, and shows who waits for it; rings have no such. */
static void say_trees(const struct search *s, bool rings_alone)
{
    unsigned told = 0;

    for (uint32_t i = 0; i < s->count; i++) {
        const struct node *n = &s->nodes[i];
        if (!(n->in_ring || (!rings_alone && !n->waits_for_task)))
            continue;
        if (told++ == MOST_TREES) {
            ai_report("...");
            return;
        }
        ai_report_graph(n->task, NULL);
    }
}

static void say(struct search *s, bool may_be_woken)
{
    if (may_be_woken)
        ai_report("Deadlock: tasks wait for each other");
    else
        ai_report("Deadlock: %u %s, and nothing in this program will wake %s unless another thread "
                  "or a signal does",
                  s->count, s->count == 1 ? "task waits" : "tasks wait",
                  s->count == 1 ? "it" : "them");
    find_rings(s, say_ring);
    say_trees(s, may_be_woken);
}

/* --- Whether it is one --- */

static bool is_under_way(const struct ai_loop *loop)
{
    return loop->timers.count || loop->under_way || loop->expected;
}

static bool may_be_woken(const struct ai_loop *loop)
{
    return loop->is_known || (loop->receiver && ai_signal_receiver_listens(loop->receiver));
}

static uintptr_t mix(uintptr_t sum, uintptr_t next)
{
    return sum * 31 + next;
}

/* Of the tasks and where they wait: the same is not told of again. */
static uintptr_t signature(void)
{
    uintptr_t sum = 1;

    ai_list_each (node, &ai_thread.tasks) {
        struct ai_object *o = ai_container(node, struct ai_object, tasks);
        const struct ai_task *task = o->type->await ? ai_coroutine(o)->task : NULL;
        sum = mix(sum, o->handle);
        if (!task)
            continue;
        sum = mix(mix(sum, (uintptr_t)task->place),
                  task->waiting ? (uintptr_t)task->waiting->type : 0);
        for (const struct ai_coroutine *c = task->top; c != task->root; c = c->parent)
            sum = mix(sum, (uintptr_t)c->place);
    }
    return sum;
}

static void look(struct search *s, bool may_be_woken)
{
    if (!collect_tasks(s) || !collect_edges(s))
        return;
    find_rings(s, mark_ring);
    if (s->rings || !may_be_woken)
        say(s, may_be_woken);
}

int ai_deadlock_look(void)
{
    struct ai_thread *thread = &ai_thread;
    struct search search = {0};

    if (thread->tasks_alive == 0 || thread->closing || is_under_way(thread->loop))
        return 0;
    bool woken = may_be_woken(thread->loop);
    uintptr_t now = signature();
    if (thread->deadlock != now) {
        thread->deadlock = now;
        look(&search, woken);
        close_search(&search);
    }
    return thread->loop->backend->choose && !woken ? -EDEADLK : 0;
}
