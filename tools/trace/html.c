/* The page: its two halves, which are in the command, and between them the trace: names and lanes
 * in JSON, the spans packed and in base64. data.js unpacks them.
 *
 * A span is: how long after the one before it in its lane it begins; how long it is; its kind and
 * which of the following there are; its name, place, outcome; who woke it, and how long before.
 * Each is a number in as many bytes as it needs, seven bits in each. */
#include "output.h"

#include <stdlib.h>

extern const char trace_page_head[], trace_page_tail[];

/* Base64, three bytes at a time. */
struct packer {
    FILE *out;
    uint32_t bits;
    unsigned bytes;
};

static void put_byte(struct packer *p, unsigned char byte)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    p->bits = p->bits << 8 | byte;
    if (++p->bytes < 3)
        return;
    for (int shift = 18; shift >= 0; shift -= 6)
        putc(digits[p->bits >> shift & 63], p->out);
    p->bytes = p->bits = 0;
}

static void put_number(struct packer *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        put_byte(p, (unsigned char)(v | 0x80));
    put_byte(p, (unsigned char)v);
}

static void put_last(struct packer *p)
{
    while (p->bytes)
        put_byte(p, 0);
}

static void put_span(struct packer *p, const struct span *s, int64_t before)
{
    bool place = s->place != NONE, then = s->then != NONE;
    bool woken = s->woken_by != NONE && s->woken_at <= s->begin;

    put_number(p, (uint64_t)(s->begin - before));
    put_number(p, (uint64_t)(s->end - s->begin));
    put_number(p, (unsigned)s->kind | (unsigned)s->open << 2 | (unsigned)place << 3 |
                      (unsigned)then << 4 | (unsigned)woken << 5);
    put_number(p, s->name);
    if (place)
        put_number(p, s->place);
    if (then)
        put_number(p, s->then);
    if (woken) {
        put_number(p, s->woken_by);
        put_number(p, (uint64_t)(s->begin - s->woken_at));
    }
}

static uint32_t count_spans(const struct trace *t, const struct lane *l)
{
    uint32_t n = 0;

    for (uint32_t i = l->first; i != NONE; i = t->spans[i].next)
        n++;
    return n;
}

static void put_spans(const struct trace *t, FILE *out)
{
    struct packer p = {.out = out};

    for (size_t k = 0; k < t->lane_count; k++) {
        int64_t before = 0;
        for (uint32_t i = t->lanes[k].first; i != NONE; i = t->spans[i].next) {
            put_span(&p, &t->spans[i], before);
            before = t->spans[i].end;
        }
    }
    put_last(&p);
}

/* NONE is -1. */
static int number(uint32_t v)
{
    return v == NONE ? -1 : (int)v;
}

static void put_lanes(const struct trace *t, FILE *out)
{
    for (size_t i = 0; i < t->lane_count; i++) {
        const struct lane *l = &t->lanes[i];
        fputs(i ? ",\n[" : "[", out);
        put_json_string(l->name ? l->name : "", out);
        fprintf(out, ",%d,%lld,%d,%d,%u]", number(l->parent), (long long)l->made,
                number(l->made_by), number(l->place), count_spans(t, l));
    }
}

static void put_meta(const struct trace *t, FILE *out)
{
    fputs("{\"process\":", out);
    put_json_string(t->process ? t->process : "", out);
    fprintf(out, ",\"end\":%lld,\"cut\":%s,\"spans\":%zu,\"strings\":[", (long long)t->end,
            t->cut ? "true" : "false", t->span_count);
    for (size_t i = 0; i < t->string_count; i++) {
        if (i)
            putc(',', out);
        put_json_string(t->strings[i], out);
    }
    fputs("],\"lanes\":[", out);
    put_lanes(t, out);
    fputs("]}", out);
}

bool trace_html(const struct trace *t, FILE *out)
{
    fputs(trace_page_head, out);
    fputs("<script id=\"meta\" type=\"application/json\">", out);
    put_meta(t, out);
    fputs("</script>\n<script id=\"data\" type=\"text/plain\">", out);
    put_spans(t, out);
    fputs("</script>", out);
    fputs(trace_page_tail, out);
    return !ferror(out);
}
