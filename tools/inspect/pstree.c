/* asyncio pstree: the tasks as a tree, each below the one that waits for it, with its coroutines.
 */
#include "../commands.h"
#include "show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 200 };

struct tree {
    struct view *v;
    bool *shown;
    char indent[MOST_DEPTH * 8]; /* of the lines below the one that is being printed */
};

static void print_state(const struct task *t)
{
    char state[64];

    show_state(t, state, sizeof state);
    printf("%s  %s%s%s\n", t->name, state, *t->waits_for ? " for " : "", t->waits_for);
}

static void print_calls(struct tree *tree, size_t i, bool parent)
{
    const struct task *t = &tree->v->s->tasks[i];
    char place[160], indent[sizeof tree->indent + 16];

    for (size_t k = 0; k < t->calls_count; k++) {
        show_line(&t->calls[k], place, sizeof place);
        printf("%s%s  %s%s%s\n", tree->indent, parent ? "│" : " ",
               t->calls[k].function ? t->calls[k].function : "?", *place ? " at " : "", place);
    }
    snprintf(indent, sizeof indent, "%s%s    ", tree->indent, parent ? "│" : " ");
    show_backtrace(stdout, tree->v, i, indent);
}

static void print_task(struct tree *tree, size_t i, int depth);

static void print_children(struct tree *tree, const struct links *children, int depth)
{
    size_t length = strlen(tree->indent);

    for (size_t k = 0; k < children->count; k++) {
        bool last = k + 1 == children->count;
        printf("%s%s", tree->indent, last ? "└─ " : "├─ ");
        snprintf(tree->indent + length, sizeof tree->indent - length, "%s", last ? "   " : "│  ");
        print_task(tree, children->at[k], depth + 1);
        tree->indent[length] = 0;
    }
}

static void print_task(struct tree *tree, size_t i, int depth)
{
    const struct task *t = &tree->v->s->tasks[i];
    bool again = tree->shown[i], deep = depth >= MOST_DEPTH - 2;

    if (again || deep) {
        printf("%s  %s\n", t->name, again ? "(shown above)" : "(and so on)");
        return;
    }
    tree->shown[i] = true;
    print_state(t);
    print_calls(tree, i, t->awaits.count > 0);
    print_children(tree, &t->awaits, depth);
}

/* Those that nobody waits for; then those in rings. */
static void print_all(struct tree *tree)
{
    const struct snapshot *s = tree->v->s;

    for (size_t i = 0; i < s->tasks_count; i++) {
        if (s->tasks[i].awaited_by.count == 0)
            print_task(tree, i, 0);
    }
    for (size_t i = 0; i < s->tasks_count; i++) {
        if (!tree->shown[i] && s->tasks[i].cycle)
            print_task(tree, i, 0);
    }
}

int pstree(int argc, char **argv)
{
    struct view v;
    int status = view_open(&v, argc, argv);

    if (status)
        return status;
    if (v.json) {
        status = show_json(&v);
    } else {
        struct tree tree = {.v = &v, .shown = calloc(v.s->tasks_count + 1, sizeof *tree.shown)};
        if (!tree.shown)
            abort();
        show_loops(v.s);
        print_all(&tree);
        show_cycles(v.s);
        free(tree.shown);
    }
    view_close(&v);
    return status;
}
