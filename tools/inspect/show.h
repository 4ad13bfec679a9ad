/* What ps, pstree and top share: taking their arguments and saying things in the same words. */
#ifndef INSPECT_SHOW_H
#define INSPECT_SHOW_H

#include "backtrace.h"
#include "snapshot.h"

#include <stdio.h>

struct view {
    bool json, stacks;
    struct memory *memory;
    struct ai_inspect layout;
    struct snapshot *s;
    struct backtracer *backtracer; /* with stacks, where it can be */
    char why[256];                 /* it can not, or "" */
};

/* Opens the process or core file that the arguments name, and takes a snapshot. 0, or the status to
 * exit with: what is wrong has been said. */
int view_open(struct view *v, int argc, char **argv);

/* The same in two steps: of the process or core file of that name; then a snapshot, in place of the
 * one before. */
int view_find(struct view *v, const char *command, const char *name);
void view_look(struct view *v);

void view_close(struct view *v);

/* "running", "ready", "waiting 2.1 s". */
void show_state(const struct task *t, char *to, size_t n);
void show_seconds(double seconds, char *to, size_t n);

/* "main.c:12", without its folder. */
void show_line(const struct line *l, char *to, size_t n);

/* Which tasks wait for each other. */
void show_cycles(const struct snapshot *s);

/* What loops there are, on stdout; what could not be done, on stderr. */
void show_loops(const struct snapshot *s);

/* The C backtrace of a task, each line behind this. */
void show_backtrace(FILE *out, struct view *v, size_t task, const char *indent);

int show_json(struct view *v);

#endif
