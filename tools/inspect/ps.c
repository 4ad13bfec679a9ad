/* asyncio ps: a line for each task. */
#include "../commands.h"
#include "show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME, COROUTINE, STATE, WAITS, AT, AWAITED_BY, COLUMNS };

struct row {
    char cell[COLUMNS][160];
};

static const struct row heads = {{"TASK", "COROUTINE", "STATE", "WAITS FOR", "AT", "AWAITED BY"}};

static void list_names(const struct snapshot *s, const struct links *l, char *to, size_t n)
{
    enum { MOST_SHOWN = 3 };
    size_t used = 0;

    *to = 0;
    for (size_t i = 0; i < l->count && i < MOST_SHOWN && used < n; i++)
        used +=
            (size_t)snprintf(to + used, n - used, "%s%s", i ? ", " : "", s->tasks[l->at[i]].name);
    if (l->count > MOST_SHOWN && used < n)
        snprintf(to + used, n - used, ", %zu more", l->count - MOST_SHOWN);
}

static void make_row(const struct snapshot *s, size_t i, struct row *r)
{
    const struct task *t = &s->tasks[i];

    snprintf(r->cell[NAME], sizeof *r->cell, "%s", t->name);
    snprintf(r->cell[COROUTINE], sizeof *r->cell, "%s", t->function);
    show_state(t, r->cell[STATE], sizeof *r->cell);
    snprintf(r->cell[WAITS], sizeof *r->cell, "%s", t->waits_for);
    *r->cell[AT] = 0;
    if (t->calls_count)
        show_line(&t->calls[0], r->cell[AT], sizeof *r->cell);
    list_names(s, &t->awaited_by, r->cell[AWAITED_BY], sizeof *r->cell);
}

static void widen(int *widths, const struct row *r)
{
    for (int i = 0; i < COLUMNS; i++) {
        int n = (int)strlen(r->cell[i]);
        widths[i] = n > widths[i] ? n : widths[i];
    }
}

static void print_row(const int *widths, const struct row *r)
{
    int last = COLUMNS - 1;

    while (last > 0 && !*r->cell[last])
        last--;
    for (int i = 0; i < last; i++)
        printf("%-*s  ", widths[i], r->cell[i]);
    puts(r->cell[last]);
}

static void print_tasks(struct view *v)
{
    int widths[COLUMNS] = {0};
    struct row r;

    if (v->s->tasks_count == 0)
        return;
    widen(widths, &heads);
    for (size_t i = 0; i < v->s->tasks_count; i++) {
        make_row(v->s, i, &r);
        widen(widths, &r);
    }
    print_row(widths, &heads);
    for (size_t i = 0; i < v->s->tasks_count; i++) {
        make_row(v->s, i, &r);
        print_row(widths, &r);
        show_backtrace(stdout, v, i, "    ");
    }
}

int ps(int argc, char **argv)
{
    struct view v;
    int status = view_open(&v, argc, argv);

    if (status)
        return status;
    if (v.json) {
        status = show_json(&v);
    } else {
        show_loops(v.s);
        print_tasks(&v);
        show_cycles(v.s);
    }
    view_close(&v);
    return status;
}
