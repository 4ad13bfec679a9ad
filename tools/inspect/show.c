#include "show.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Arguments --- */

static int usage(const char *command)
{
    fprintf(stderr, "Usage: %s [--json] [--stacks] PID|CORE\n", command);
    return 2;
}

static int complain(const char *command, const char *why)
{
    fprintf(stderr, "%s: %s\n", command, why);
    return 1;
}

static struct memory *open_memory(const char *name, char *why, size_t why_size)
{
    char *end;
    long pid = strtol(name, &end, 10);

    if (*name && !*end && pid > 0 && pid <= INT32_MAX)
        return memory_of_process((pid_t)pid, why, why_size);
    return memory_of_core(name, why, why_size);
}

int view_find(struct view *v, const char *command, const char *name)
{
    char why[512] = "", whole[640];

    v->memory = open_memory(name, why, sizeof why);
    if (!v->memory)
        return complain(command, why);
    if (snapshot_find(v->memory, &v->layout, why, sizeof why))
        return 0;
    snprintf(whole, sizeof whole, "%s%s: %s", memory_core(v->memory) ? "" : "process ", name, why);
    return complain(command, whole);
}

static void forget(struct view *v)
{
    if (v->backtracer)
        backtrace_close(v->backtracer);
    if (v->s)
        snapshot_free(v->s);
    v->backtracer = NULL;
    v->s = NULL;
}

void view_look(struct view *v)
{
    forget(v);
    *v->why = 0;
    v->s = snapshot_take(v->memory, &v->layout, v->stacks);
    if (v->stacks)
        v->backtracer = backtrace_open(v->s, v->why, sizeof v->why);
}

static int take(struct view *v, const char *command, const char *name)
{
    int status = view_find(v, command, name);

    if (status)
        return status;
    view_look(v);
    if (*v->s->warning)
        complain(command, v->s->warning);
    if (*v->why)
        complain(command, v->why);
    return 0;
}

int view_open(struct view *v, int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"stacks", no_argument, NULL, 's'}, {0}};
    int option;

    *v = (struct view){0};
    while ((option = getopt_long(argc, argv, "js", options, NULL)) >= 0) {
        if (option == '?')
            return usage(argv[0]);
        v->json |= option == 'j';
        v->stacks |= option == 's';
    }
    if (optind + 1 != argc)
        return usage(argv[0]);
    int status = take(v, argv[0], argv[optind]);
    if (status)
        view_close(v);
    return status;
}

void view_close(struct view *v)
{
    forget(v);
    if (v->memory)
        memory_close(v->memory);
}

/* --- Words --- */

void show_seconds(double seconds, char *to, size_t n)
{
    if (seconds < 0)
        seconds = 0;
    if (seconds < 0.9995)
        snprintf(to, n, "%.0f ms", seconds * 1e3);
    else if (seconds < 99.95)
        snprintf(to, n, "%.1f s", seconds);
    else if (seconds < 3600)
        snprintf(to, n, "%.0f min", seconds / 60);
    else
        snprintf(to, n, "%.1f h", seconds / 3600);
}

void show_state(const struct task *t, char *to, size_t n)
{
    char seconds[32];

    if (t->state != WAITING || !t->record) {
        snprintf(to, n, "%s",
                 t->state == RUNNING ? "running"
                 : t->state == READY ? "ready"
                                     : "waiting");
        return;
    }
    show_seconds(t->seconds, seconds, sizeof seconds);
    snprintf(to, n, "waiting %s", seconds);
}

void show_line(const struct line *l, char *to, size_t n)
{
    const char *slash = l->file ? strrchr(l->file, '/') : NULL;

    *to = 0;
    if (l->file)
        snprintf(to, n, "%s:%d", slash ? slash + 1 : l->file, l->number);
}

/* Along one ring of a component. */
static void show_cycle(const struct snapshot *s, size_t first)
{
    enum { MOST_SHOWN = 20 };
    size_t at = first;
    int shown = 0;

    printf("deadlock: %s", s->tasks[first].name);
    do {
        const struct task *t = &s->tasks[at];
        size_t next = at;
        for (size_t i = 0; i < t->awaits.count; i++) {
            if (s->tasks[t->awaits.at[i]].cycle == t->cycle)
                next = t->awaits.at[i];
        }
        at = next;
        printf(" waits for %s%s", s->tasks[at].name, at == first ? "" : ", which");
    } while (at != first && ++shown < MOST_SHOWN);
    printf("%s\n", at == first ? "" : " ...");
}

void show_cycles(const struct snapshot *s)
{
    for (size_t ring = 1; ring <= s->cycles; ring++) {
        for (size_t i = 0; i < s->tasks_count; i++) {
            if (s->tasks[i].cycle == (int)ring) {
                show_cycle(s, i);
                break;
            }
        }
    }
}

void show_loops(const struct snapshot *s)
{
    if (s->loops_count == 0)
        puts("no loop is running");
    for (size_t i = 0; i < s->loops_count; i++) {
        const struct loop *l = &s->loops[i];
        printf("loop of thread %d on %s: %zu task%s\n", l->tid, l->backend ? l->backend : "?",
               l->tasks, l->tasks == 1 ? "" : "s");
    }
}

/* --- Backtraces --- */

struct printing {
    FILE *out;
    const char *indent;
    int number;
};

static void print_frame(const struct frame *f, void *arg)
{
    struct printing *p = arg;
    const char *file = f->file ? strrchr(f->file, '/') : NULL;

    fprintf(p->out, "%s#%-2d ", p->indent, p->number++);
    if (f->function)
        fprintf(p->out, "%s", f->function);
    else
        fprintf(p->out, "%#llx", (unsigned long long)f->pc);
    if (f->file)
        fprintf(p->out, " at %s:%d", file ? file + 1 : f->file, f->line);
    else if (f->module)
        fprintf(p->out, " in %s", f->module);
    putc('\n', p->out);
}

void show_backtrace(FILE *out, struct view *v, size_t task, const char *indent)
{
    struct printing p = {.out = out, .indent = indent};

    if (v->backtracer)
        backtrace_of(v->backtracer, task, print_frame, &p);
}
