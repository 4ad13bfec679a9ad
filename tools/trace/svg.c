/* The timeline as a picture for documents: light or dark as the reader's is, and the same for the
 * same trace. */
#include "output.h"

#include <stdlib.h>
#include <string.h>

enum {
    WIDTH = 860,
    LEFT = 190,
    RIGHT = 24,
    TOP = 38,
    ROW = 34,
    BAR = 20,
    FOOT = 34,
    MOST_LANES = 60,
    LETTER = 7, /* the width of one, about */
    BLOCKED = 100 * 1000 * 1000,
};

struct picture {
    const struct trace *t;
    FILE *out;
    int64_t begin, end;
    int row[MOST_LANES]; /* lanes that are drawn */
    int rows;
};

static double x_of(const struct picture *p, int64_t time)
{
    double length = p->end > p->begin ? (double)(p->end - p->begin) : 1;

    return LEFT + (double)(time - p->begin) / length * (WIDTH - LEFT - RIGHT);
}

static int y_of(int row)
{
    return TOP + row * ROW;
}

static void put_text(const char *s, FILE *out)
{
    for (; *s; s++) {
        if (*s == '<')
            fputs("&lt;", out);
        else if (*s == '&')
            fputs("&amp;", out);
        else
            putc(*s, out);
    }
}

/* Tasks that ran, from the first step to the last. */
static bool choose(struct picture *p)
{
    const struct trace *t = p->t;

    p->begin = INT64_MAX;
    for (size_t i = 0; i < t->lane_count && p->rows < MOST_LANES; i++) {
        const struct lane *l = &t->lanes[i];
        if (!is_task(l) || l->first == NONE)
            continue;
        p->row[p->rows++] = (int)i;
        if (t->spans[l->first].begin < p->begin)
            p->begin = t->spans[l->first].begin;
        if (t->spans[l->last].end > p->end)
            p->end = t->spans[l->last].end;
    }
    return p->rows;
}

static void put_style(FILE *out)
{
    fputs("<style>\n"
          "svg { font: 12px system-ui, 'Helvetica Neue', Arial, sans-serif }\n"
          ".paper { fill: #fff } text { fill: #1c2330 } .dim, .axis { fill: #69758a } .axis { "
          "font-size: 11px }\n"
          ".grid { stroke: #e1e4e9 } .ready { fill: #e8a317 } .parked { fill: #e6ebf5 }\n"
          ".parked-text { fill: #4b5a75 } .run { fill: #2f6fde } .blocked { fill: #d92d3a }\n"
          ".run-text { fill: #fff } .shade { fill: #d92d3a; opacity: .08 }\n"
          ".arrow { stroke: #7c5cd6; fill: none; stroke-width: 1.5px } .tip { fill: #7c5cd6 }\n"
          "@media (prefers-color-scheme: dark) {\n"
          ".paper { fill: #14181f } text { fill: #e7ebf2 } .dim, .axis { fill: #95a1b5 } .grid { "
          "stroke: #2c333f }\n"
          ".ready { fill: #e0a52f } .parked { fill: #28303f } .parked-text { fill: #a9b6cc }\n"
          ".run { fill: #4f8df5 } .blocked { fill: #f04f5b } .shade { fill: #f04f5b }\n"
          ".arrow { stroke: #a98bff } .tip { fill: #a98bff }\n"
          "}\n</style>\n",
          out);
}

/* 1, 2 or 5 times a power of ten nanoseconds: a tenth of the picture or more. */
static int64_t step_of(const struct picture *p)
{
    int64_t step = 1;

    for (int i = 0; step * 9 < p->end - p->begin; i++)
        step = i % 3 == 1 ? step * 5 / 2 : step * 2;
    return step;
}

/* All in the unit of the longest. */
static void put_axis(const struct picture *p)
{
    static const struct {
        int64_t size;
        const char *name;
    } units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "µs"}, {1, "ns"}};
    int64_t step = step_of(p), length = p->end - p->begin;
    unsigned u = 0;

    while (u < 3 && length < units[u].size)
        u++;
    for (int64_t time = 0; time <= length; time += step) {
        double x = x_of(p, p->begin + time);
        fprintf(p->out, "<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>", x,
                TOP - 8, x, y_of(p->rows));
        fprintf(p->out,
                "<text class=\"axis\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g %s</text>\n", x,
                TOP - 14, (double)time / (double)units[u].size, units[u].name);
    }
}

static void put_name(const struct picture *p, const struct lane *l, int row)
{
    const char *space = l->name ? strrchr(l->name, ' ') : NULL;
    int n = space ? (int)(space - l->name) : 0, middle = y_of(row) + ROW / 2 + 4;

    fprintf(p->out, "<text x=\"12\" y=\"%d\">%.*s <tspan class=\"dim\">", middle, n,
            l->name ? l->name : "");
    put_text(space ? space + 1 : "", p->out);
    fputs("</tspan></text>\n", p->out);
}

static void put_bar(const struct picture *p, const char *class, double from, double to, int row,
                    int tall)
{
    fprintf(p->out,
            "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"%d\"/>",
            class, from, y_of(row) + (ROW - tall) / 2, to - from, tall,
            tall > 4 && to - from > 6 ? 3 : 0);
}

static void put_label(const struct picture *p, const char *class, double from, double to, int row,
                      const char *text)
{
    if ((double)strlen(text) * LETTER > to - from - 8)
        return;
    fprintf(p->out, "<text class=\"%s\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", class,
            (from + to) / 2, y_of(row) + ROW / 2 + 4);
    put_text(text, p->out);
    fputs("</text>", p->out);
}

static void put_step(const struct picture *p, const struct span *s, int row)
{
    char took[32], text[64];
    int64_t ns = s->end - s->begin;
    double from = x_of(p, s->begin), to = x_of(p, s->end);

    if (to - from < 3) { /* it stands for a moment */
        put_bar(p, "run", from - 1.5, from + 1.5, row, BAR);
        return;
    }
    put_bar(p, ns >= BLOCKED ? "blocked" : "run", from, to, row, BAR);
    snprintf(text, sizeof text, "%s %s", ns >= BLOCKED ? "blocked" : "ran",
             format_duration(took, sizeof took, ns));
    put_label(p, "run-text", from, to, row, text);
}

static void put_span(const struct picture *p, const struct span *s, int row)
{
    if (s->kind == STEP) {
        put_step(p, s, row);
    } else if (s->kind == PARKED && s->name != NONE) {
        double from = x_of(p, s->begin), to = x_of(p, s->end);
        put_bar(p, "parked", from, to, row, BAR);
        put_label(p, "parked-text", from, to, row, p->t->strings[s->name]);
    }
}

/* What it is ready for stands below what it did; steps, which are thin, stand above. */
static void put_lane(const struct picture *p, int row)
{
    const struct trace *t = p->t;
    const struct lane *l = &t->lanes[p->row[row]];

    put_name(p, l, row);
    put_bar(p, "ready", x_of(p, l->made < p->begin ? p->begin : l->made),
            x_of(p, t->spans[l->last].end), row, 3);
    for (int steps = 0; steps < 2; steps++) {
        for (uint32_t i = l->first; i != NONE; i = t->spans[i].next) {
            if ((t->spans[i].kind == STEP) == steps)
                put_span(p, &t->spans[i], row);
        }
    }
    fputs("\n", p->out);
}

/* While one blocks, all others stand still. */
static void put_standstills(const struct picture *p)
{
    for (size_t i = 0; i < p->t->span_count; i++) {
        const struct span *s = &p->t->spans[i];
        if (s->kind != STEP || s->end - s->begin < BLOCKED)
            continue;
        double from = x_of(p, s->begin), to = x_of(p, s->end);
        fprintf(p->out,
                "<rect class=\"shade\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>\n", from,
                TOP, to - from, p->rows * ROW);
    }
}

static int row_of(const struct picture *p, uint32_t lane)
{
    for (int row = 0; row < p->rows; row++) {
        if (p->row[row] == (int)lane)
            return row;
    }
    return -1;
}

/* From who woke it to where it was ready, which may be long before its turn. */
static void put_arrow(const struct picture *p, const struct span *s)
{
    int from = row_of(p, s->woken_by), to = row_of(p, s->lane);

    if (from < 0 || to < 0 || from == to)
        return;
    double x = x_of(p, s->woken_at);
    int y0 = y_of(from) + ROW / 2, y1 = y_of(to) + ROW / 2, bend = 16 + 2 * abs(to - from);
    fprintf(p->out, "<path class=\"arrow\" d=\"M%.1f %dC%.1f %d %.1f %d %.1f %d\"/>", x + 1.5, y0,
            x + bend, y0, x + bend, y1, x + 7, y1);
    fprintf(p->out, "<path class=\"tip\" d=\"M%.1f %dl7 -4v8z\"/>\n", x + 1.5, y1);
}

static void put_legend(const struct picture *p)
{
    static const struct {
        const char *class, *text;
        int width;
    } entries[] = {{"run", "runs: nobody else can", 170},
                   {"blocked", "blocks", 80},
                   {"parked", "parked, and on what", 155},
                   {"ready", "ready, not its turn", 145},
                   {"tip", "made or woken by", 120}};
    int x = 12, y = y_of(p->rows) + FOOT - 10;

    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        int tall = i < 3 ? 10 : i == 3 ? 3 : 2;
        fprintf(p->out,
                "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"16\" height=\"%d\" rx=\"1\"/>"
                "<text class=\"axis\" x=\"%d\" y=\"%d\">%s</text>\n",
                entries[i].class, x, y - 4 - tall / 2, tall, x + 22, y, entries[i].text);
        x += entries[i].width;
    }
}

bool trace_svg(const struct trace *t, FILE *out)
{
    struct picture p = {.t = t, .out = out};

    if (!choose(&p)) {
        fputs("asyncio: no task ran in this trace\n", stderr);
        return false;
    }
    int height = y_of(p.rows) + FOOT;
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\" role=\"img\">\n<title>",
            WIDTH, height, WIDTH, height);
    put_text(t->process ? t->process : "", out);
    fputs(": who ran when</title>\n", out);
    put_style(out);
    fprintf(out, "<rect class=\"paper\" width=\"%d\" height=\"%d\" rx=\"8\"/>\n", WIDTH, height);
    put_axis(&p);
    put_standstills(&p);
    for (int row = 0; row < p.rows; row++)
        put_lane(&p, row);
    for (size_t i = 0; i < t->span_count; i++) {
        if (t->spans[i].woken_by != NONE)
            put_arrow(&p, &t->spans[i]);
    }
    put_legend(&p);
    fputs("</svg>\n", out);
    return !ferror(out);
}
