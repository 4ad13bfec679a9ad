/* asyncio timeline: who ran when, drawn in the terminal.
 *
 * A lane is a task; a column is a stretch of time, in which the task ran throughout, ran for a
 * moment, was parked, or was not there. What it was parked on stands in its line where there is
 * room. */
#include "../commands.h"
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 40, NAME = 24, MOST_WIDTH = 400 };

#define BLOCKED 0.1 /* seconds: a step that long is said to block, as in debug mode */

struct step {
    double begin, end; /* seconds */
    const char *then;  /* what it was parked on until the next */
};

/* The step that `span` is, or the next one of its lane; false where there is none. */
static bool step_from(const struct trace *t, uint32_t span, struct step *s, uint32_t *after)
{
    while (span != NONE && t->spans[span].kind != STEP)
        span = t->spans[span].next;
    if (span == NONE)
        return false;
    const struct span *now = &t->spans[span];
    *after = now->next;
    bool parked = *after != NONE && t->spans[*after].kind == PARKED;
    s->begin = (double)now->begin / 1e9;
    s->end = (double)now->end / 1e9;
    s->then = parked && t->spans[*after].name != NONE ? t->strings[t->spans[*after].name] : "ready";
    return true;
}

/* A lane is drawn into cells: ' ' not there, '-' parked, '.' a short step, '#' running. */
struct lane_picture {
    char cell[MOST_WIDTH + 1];
    char label[MOST_WIDTH + 1]; /* text that stands over the cells, 0 where there is none */
};

struct scale {
    double begin, per_second;
    int width;
};

static int column(const struct scale *scale, double t)
{
    int at = (int)((t - scale->begin) * scale->per_second);
    return at < 0 ? 0 : at >= scale->width ? scale->width - 1 : at;
}

static void draw_label(struct lane_picture *l, int from, int to, const char *text)
{
    int room = to - from - 4, n = (int)strlen(text);

    if (n > room)
        return;
    int at = from + (to - from - n) / 2;
    l->label[at - 1] = l->label[at + n] = ' ';
    memcpy(l->label + at, text, (size_t)n);
}

static void format_time(char *text, size_t n, double seconds)
{
    if (seconds >= 0.1 || seconds == 0)
        snprintf(text, n, "%.3g s", seconds);
    else if (seconds >= 1e-3)
        snprintf(text, n, "%.3g ms", seconds * 1e3);
    else
        snprintf(text, n, "%.3g us", seconds * 1e6);
}

static void draw_step(struct lane_picture *l, const struct scale *scale, const struct step *s,
                      const struct step *next)
{
    int from = column(scale, s->begin), to = column(scale, s->end);

    if (to > from) {
        char text[48], time[24];
        memset(l->cell + from, '#', (size_t)(to - from) + 1);
        format_time(time, sizeof time, s->end - s->begin);
        snprintf(text, sizeof text, "%s %s", s->end - s->begin < BLOCKED ? "ran" : "blocked", time);
        draw_label(l, from, to, text);
    } else if (l->cell[from] != '#') {
        l->cell[from] = '.';
    }
    if (!next)
        return;
    int until = column(scale, next->begin);
    for (int i = to + 1; i < until; i++)
        l->cell[i] = '-';
    draw_label(l, to, until, s->then);
}

static const char *glyph(char cell)
{
    switch (cell) {
    case '#':
        return "█";
    case '.':
        return "▌";
    case '-':
        return "─";
    default:
        return " ";
    }
}

static void print_lane(const char *name, const struct lane_picture *l, int width)
{
    printf("%-*.*s", NAME, NAME, name);
    for (int i = 0; i < width; i++) {
        if (l->label[i])
            putchar(l->label[i]);
        else
            fputs(glyph(l->cell[i]), stdout);
    }
    putchar('\n');
}

static void draw_lane(const struct trace *t, const struct scale *scale, const struct lane *lane)
{
    struct lane_picture l;
    struct step s, next;
    uint32_t after;

    memset(&l, 0, sizeof l);
    memset(l.cell, ' ', (size_t)scale->width);
    for (bool more = step_from(t, lane->first, &s, &after); more; s = next) {
        more = step_from(t, after, &next, &after);
        draw_step(&l, scale, &s, more ? &next : NULL);
    }
    print_lane(lane->name ? lane->name : "", &l, scale->width);
}

/* 1, 2 or 5 times a power of ten: the least that is at least `least`. */
static double nice_step(double least)
{
    double step = 1e-9;

    for (int i = 0; step < least; i++)
        step *= i % 3 == 1 ? 2.5 : 2;
    return step;
}

static void draw_axis(const struct scale *scale, double length)
{
    char line[MOST_WIDTH + 32];
    double step = nice_step(length * 10 / scale->width);
    int at = 0;

    for (int i = 0; i == 0 || (length > 0 && i * step <= length * 1.0001); i++) {
        char text[24];
        format_time(text, sizeof text, i * step);
        int size = (int)strlen(text), place = column(scale, scale->begin + i * step);
        if (place + size > scale->width)
            place = scale->width - size;
        if (place < at)
            continue;
        at += sprintf(line + at, "%*s%s", place - at, "", text);
    }
    printf("%*s%.*s\n", NAME, "", at, line);
}

/* From the first step of a task to the end of the last. */
static struct scale scale_of(const struct trace *t, int width, double *length)
{
    double begin = -1, end = 0;

    for (size_t i = 0; i < t->span_count; i++) {
        const struct span *s = &t->spans[i];
        if (s->kind != STEP)
            continue;
        if (begin < 0 || (double)s->begin / 1e9 < begin)
            begin = (double)s->begin / 1e9;
        if ((double)s->end / 1e9 > end)
            end = (double)s->end / 1e9;
    }
    *length = begin < 0 ? -1 : end - begin;
    return (struct scale){begin, *length > 0 ? (width - 1) / *length : 0, width};
}

static int draw(const struct trace *t, int columns)
{
    int lanes = 0;
    double length;
    struct scale scale = scale_of(t, columns - NAME, &length);

    if (length < 0) {
        fputs("asyncio: no task ran in this trace\n", stderr);
        return 1;
    }
    draw_axis(&scale, length);
    for (size_t i = 0; i < t->lane_count; i++) {
        if (is_task(&t->lanes[i]) && t->lanes[i].first != NONE && lanes++ < LANES)
            draw_lane(t, &scale, &t->lanes[i]);
    }
    if (lanes > LANES)
        printf("… and %d more tasks\n", lanes - LANES);
    printf("█ runs: nobody else can   ▌ a short step   ─ parked, and on what\n");
    return 0;
}

int timeline(int argc, char **argv)
{
    struct trace t;
    int width = argc > 2 ? atoi(argv[2]) : 80;

    if (argc < 2) {
        fputs("Usage: asyncio timeline FILE [WIDTH]\n", stderr);
        return 2;
    }
    if (width < NAME + 20)
        width = NAME + 20;
    if (width > MOST_WIDTH)
        width = MOST_WIDTH;
    int status = trace_read(&t, argv[1]);
    if (status)
        return status;
    status = draw(&t, width);
    trace_free(&t);
    return status;
}
