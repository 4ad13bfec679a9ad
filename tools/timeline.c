/* asyncio timeline: who ran when, drawn in the terminal.
 *
 * Reads the steps of a trace, one a line as the library writes them. A lane is a task; a column is
 * a stretch of time, in which the task ran throughout, ran for a moment, was parked, or was not
 * there. What it was parked on stands in its line where there is room. */
#include "commands.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 40, NAME = 24, MOST_WIDTH = 400 };

#define BLOCKED 0.1 /* seconds: a step that long is said to block, as in debug mode */

struct step {
    long track;
    double begin, end; /* seconds since the first */
    char coroutine[64], task[64], then[64];
};

struct trace {
    struct step *steps;
    size_t count, capacity;
    double begin, end;
};

/* Copies a JSON string that begins at `from` (its quote) into `to`. */
static void copy_string(char *to, size_t size, const char *from)
{
    size_t n = 0;

    if (!from || *from != '"')
        size = 0;
    for (from++; size && *from && *from != '"' && n + 1 < size; from++) {
        if (*from == '\\' && from[1])
            from++;
        to[n++] = *from;
    }
    to[n] = 0;
}

static const char *after(const char *line, const char *key)
{
    const char *at = strstr(line, key);
    return at ? at + strlen(key) : NULL;
}

static bool parse(const char *line, struct step *s)
{
    double ts, duration;
    const char *name = after(line, "\"name\":");

    if (sscanf(line, "{\"ph\":\"X\",\"pid\":%*d,\"tid\":%ld,\"ts\":%lf,\"dur\":%lf", &s->track, &ts,
               &duration) != 3 ||
        !name)
        return false;
    s->begin = ts / 1e6;
    s->end = (ts + duration) / 1e6;
    copy_string(s->coroutine, sizeof s->coroutine, name);
    copy_string(s->task, sizeof s->task, after(line, "\"task\":"));
    copy_string(s->then, sizeof s->then, after(line, "\"then\":"));
    return true;
}

static bool keep(struct trace *t, const struct step *s)
{
    if (t->count == t->capacity) {
        size_t capacity = t->capacity ? t->capacity * 2 : 256;
        struct step *steps = realloc(t->steps, capacity * sizeof *steps);
        if (!steps)
            return false;
        t->steps = steps;
        t->capacity = capacity;
    }
    t->steps[t->count++] = *s;
    return true;
}

static int read_trace(const char *path, struct trace *t)
{
    FILE *file = fopen(path, "r");
    char line[4096];
    struct step s;

    if (!file) {
        fprintf(stderr, "asyncio: %s: %s\n", path, strerror(errno));
        return 1;
    }
    while (fgets(line, sizeof line, file)) {
        if (!parse(line, &s) || s.track == 0) /* the loop's own callbacks have no lane */
            continue;
        if (!keep(t, &s)) {
            fprintf(stderr, "asyncio: %s: too large\n", path);
            fclose(file);
            return 1;
        }
    }
    fclose(file);
    if (t->count == 0) {
        fprintf(stderr, "asyncio: %s: no task ran in this trace\n", path);
        return 1;
    }
    t->begin = t->steps[0].begin;
    for (size_t i = 0; i < t->count; i++) {
        if (t->steps[i].end > t->end)
            t->end = t->steps[i].end;
    }
    return 0;
}

/* A lane is drawn into cells: ' ' not there, '-' parked, '.' a short step, '#' running. */
struct lane {
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

static void draw_label(struct lane *l, int from, int to, const char *text)
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

static void draw_step(struct lane *l, const struct scale *scale, const struct step *s,
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

static const struct step *next_of(const struct trace *t, size_t i)
{
    for (size_t j = i + 1; j < t->count; j++) {
        if (t->steps[j].track == t->steps[i].track)
            return &t->steps[j];
    }
    return NULL;
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

static void print_lane(const struct step *s, const struct lane *l, int width)
{
    char name[160];

    snprintf(name, sizeof name, "%s %s()", s->task, s->coroutine);
    printf("%-*.*s", NAME, NAME, name);
    for (int i = 0; i < width; i++) {
        if (l->label[i])
            putchar(l->label[i]);
        else
            fputs(glyph(l->cell[i]), stdout);
    }
    putchar('\n');
}

static void draw_lane(const struct trace *t, const struct scale *scale, size_t first)
{
    struct lane l;

    memset(&l, 0, sizeof l);
    memset(l.cell, ' ', (size_t)scale->width);
    for (size_t i = first; i < t->count; i++) {
        if (t->steps[i].track == t->steps[first].track)
            draw_step(&l, scale, &t->steps[i], next_of(t, i));
    }
    print_lane(&t->steps[first], &l, scale->width);
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

static bool is_first(const struct trace *t, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (t->steps[j].track == t->steps[i].track)
            return false;
    }
    return true;
}

static void draw(const struct trace *t, int columns)
{
    int width = columns - NAME, lanes = 0, hidden = 0;
    double length = t->end - t->begin;
    struct scale scale = {t->begin, 0, width};

    scale.per_second = length > 0 ? (width - 1) / length : 0;
    draw_axis(&scale, length);
    for (size_t i = 0; i < t->count; i++) {
        if (!is_first(t, i))
            continue;
        if (lanes++ < LANES)
            draw_lane(t, &scale, i);
        else
            hidden++;
    }
    if (hidden)
        printf("… and %d more tasks\n", hidden);
    printf("█ runs: nobody else can   ▌ a short step   ─ parked, and on what\n");
}

int timeline(int argc, char **argv)
{
    struct trace t = {0};
    int width = argc > 2 ? atoi(argv[2]) : 80;

    if (argc < 2) {
        fputs("Usage: asyncio timeline FILE [WIDTH]\n", stderr);
        return 2;
    }
    if (width < NAME + 20)
        width = NAME + 20;
    if (width > MOST_WIDTH)
        width = MOST_WIDTH;
    int status = read_trace(argv[1], &t);
    if (status == 0)
        draw(&t, width);
    free(t.steps);
    return status;
}
