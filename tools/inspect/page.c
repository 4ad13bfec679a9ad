#include "page.h"

#include "screen.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_HOLDERS = 5, MOST_TASKS = 1000, CELL = 64 };

/* --- Numbers --- */

static void show_number(double x, char *to, size_t n)
{
    snprintf(to, n, x < 99.95 ? "%.1f" : "%.0f", x);
}

static void show_size(uint64_t bytes, char *to, size_t n)
{
    if (bytes == 0)
        snprintf(to, n, "-");
    else if (bytes < 10 << 20)
        snprintf(to, n, "%llu KiB", (unsigned long long)bytes >> 10);
    else
        snprintf(to, n, "%llu MiB", (unsigned long long)bytes >> 20);
}

static void show_turn(double seconds, char *to, size_t n)
{
    if (seconds < 1e-3)
        snprintf(to, n, "%.1f us", seconds * 1e6);
    else
        snprintf(to, n, "%.1f ms", seconds * 1e3);
}

/* --- Loops --- */

static void print_head(FILE *out, const struct view *v)
{
    const struct snapshot *s = v->s;
    size_t states[3] = {0};

    for (size_t i = 0; i < s->tasks_count; i++)
        states[s->tasks[i].state]++;
    fprintf(out,
            " process %d: %zu task%s, %zu running, %zu ready, %zu waiting; stopped for %.1f ms\n",
            (int)memory_pid(v->memory), s->tasks_count, s->tasks_count == 1 ? "" : "s",
            states[RUNNING], states[READY], states[WAITING], s->stopped * 1e3);
    if (*s->warning)
        fprintf(out, "!%s\n", s->warning);
    if (s->loops_count == 0)
        fputs(" no loop is running\n", out);
    if (s->cycles)
        fprintf(out, "!%zu deadlock%s of tasks: see asyncio pstree %d\n", s->cycles,
                s->cycles == 1 ? "" : "s", (int)memory_pid(v->memory));
}

static void print_loop(FILE *out, const struct loop *l, const struct rates *r)
{
    char turns[CELL], steps[CELL], operations[CELL], turn[CELL];

    show_number(r->turns, turns, sizeof turns);
    show_number(r->steps, steps, sizeof steps);
    show_number(r->operations, operations, sizeof operations);
    show_turn(r->turn, turn, sizeof turn);
    fprintf(out, "%cloop of thread %d on %s: %u ready", r->known && r->busy > 0.9 ? ALARM : PLAIN,
            l->tid, l->backend ? l->backend : "?", l->ready);
    if (r->known)
        fprintf(out, ", %s turns/s, %s steps/s, %s I/O/s, busy %.0f %%", turns, steps, operations,
                r->busy * 100);
    if (r->turn > 0)
        fprintf(out, ", %s a turn", turn);
    putc('\n', out);
}

static void print_holders(FILE *out, const struct watch *w)
{
    char at[160];
    size_t n = w->samples ? w->holders_count : 0;

    if (n == 0 || w->holders[0].seen == 0)
        return;
    fprintf(out, " \n#%-6s  %-7s  %-8s  %s\n", "HELD", "BLOCKED", "LONGEST", "BY");
    for (size_t i = 0; i < n && i < MOST_HOLDERS; i++) {
        const struct holder *h = &w->holders[i];
        char longest[CELL] = "-";
        if (h->seen == 0 && h->longest <= 0)
            continue;
        show_line(&h->at, at, sizeof at);
        if (h->longest > 0)
            show_seconds(h->longest, longest, sizeof longest);
        fprintf(out, "%c%4.0f %%  %5.0f %%  %8s  %s  %s\n",
                h->longest > 0.1 && h->seen ? ALARM : PLAIN, 100.0 * h->seen / w->samples,
                100.0 * h->blocked / w->samples, longest, h->at.function, at);
    }
}

/* --- Functions --- */

static int by_name(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    int order = strcmp(x->at.function, y->at.function);

    return order ? order : (x->type > y->type) - (x->type < y->type);
}

static int by_count(const void *a, const void *b)
{
    const struct group *x = a, *y = b;

    return x->count != y->count ? (x->count < y->count ? 1 : -1) : by_name(a, b);
}

static int by_stack(const void *a, const void *b)
{
    const struct group *x = a, *y = b;

    return x->stack != y->stack ? (x->stack < y->stack ? 1 : -1) : by_name(a, b);
}

static int by_wait(const void *a, const void *b)
{
    const struct group *x = a, *y = b;

    return x->longest < y->longest ? 1 : x->longest > y->longest ? -1 : by_name(a, b);
}

void page_sort(struct watch *w, enum order order)
{
    static int (*const orders[])(const void *, const void *) = {by_count, by_stack, by_name,
                                                                by_wait};

    if (w->groups_count)
        qsort(w->groups, w->groups_count, sizeof *w->groups, orders[order]);
}

static int name_width(const struct watch *w)
{
    enum { LEAST = 9, MOST = 32 };
    int width = LEAST;

    for (size_t i = 0; i < w->groups_count; i++) {
        int n = (int)strlen(w->groups[i].at.function);
        width = n > width ? n : width;
    }
    return width < MOST ? width : MOST;
}

static void print_group(FILE *out, const struct group *g, int width, bool chosen)
{
    char longest[CELL] = "-", stack[CELL], at[160];

    if (g->longest >= 0)
        show_seconds(g->longest, longest, sizeof longest);
    show_size(g->stack, stack, sizeof stack);
    show_line(&g->at, at, sizeof at);
    fprintf(out, "%c%-*s  %8zu  %8zu  %8zu  %8zu  %8s  %8s  %s\n", chosen ? CHOSEN : PLAIN, width,
            g->at.function, g->count, g->running, g->ready, g->waiting, longest, stack, at);
}

static void print_groups(FILE *out, const struct watch *w, uint64_t chosen, int *line)
{
    int width = name_width(w), head = *line;

    if (w->groups_count == 0)
        return;
    fprintf(out, "#%-*s  %8s  %8s  %8s  %8s  %8s  %8s  %s\n", width, "COROUTINE", "TASKS",
            "RUNNING", "READY", "WAITING", "LONGEST", "STACK", "DEFINED AT");
    for (size_t i = 0; i < w->groups_count; i++) {
        bool this = chosen && w->groups[i].type == chosen;
        print_group(out, &w->groups[i], width, this);
        if (this)
            *line = head + 1 + (int)i;
    }
}

static int lines_of(const char *text)
{
    int n = 0;

    for (; (text = strchr(text, '\n')) != NULL; text++)
        n++;
    return n;
}

int page_of_all(FILE *out, const struct view *v, const struct watch *w, uint64_t chosen)
{
    char *head = NULL;
    size_t size;
    FILE *above = open_memstream(&head, &size);

    if (!above)
        abort();
    print_head(above, v);
    for (size_t i = 0; i < v->s->loops_count; i++)
        print_loop(above, &v->s->loops[i], &w->rates[i]);
    print_holders(above, w);
    fputs(" \n", above);
    fclose(above);
    int line = lines_of(head);
    fputs(head, out);
    free(head);
    print_groups(out, w, chosen, &line);
    return line;
}

/* --- Tasks of a function --- */

int page_of_group(FILE *out, struct view *v, const struct group *g)
{
    char state[CELL], at[160];
    size_t shown = 0;

    show_line(&g->at, at, sizeof at);
    fprintf(out, "#%s at %s: %zu task%s\n", g->at.function, at, g->count, g->count == 1 ? "" : "s");
    if (*v->why)
        fprintf(out, "!%s\n", v->why);
    for (size_t i = 0; i < v->s->tasks_count && shown < MOST_TASKS; i++) {
        const struct task *t = &v->s->tasks[i];
        if (t->type != g->type)
            continue;
        show_state(t, state, sizeof state);
        *at = 0;
        if (t->calls_count)
            show_line(&t->calls[0], at, sizeof at);
        fprintf(out, "#%s  %s%s%s  %s\n", t->name, state, *t->waits_for ? " for " : "",
                t->waits_for, at);
        show_backtrace(out, v, i, "     ");
        shown++;
    }
    if (shown < g->count)
        fprintf(out, " and %zu more\n", g->count - shown);
    return 1 + (*v->why != 0);
}

void page_print(const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (length > 0)
            printf("%.*s\n", (int)length - 1, text + 1);
        text += length + (text[length] == '\n');
    }
    fflush(stdout);
}
