/* Chrome's trace event format: a complete event a span, a flow a wake-up, names by metadata. */
#include "output.h"

static const char *string(const struct trace *t, uint32_t s)
{
    return s == NONE ? "" : t->strings[s];
}

static double microseconds(int64_t ns)
{
    return (double)ns / 1e3;
}

/* Every lane is a thread of the one process. */
static void put_names(const struct trace *t, FILE *out)
{
    fputs("{\"ph\":\"M\",\"pid\":1,\"tid\":0,\"name\":\"process_name\",\"args\":{\"name\":", out);
    put_json_string(t->process ? t->process : "", out);
    fputs("}}", out);
    for (size_t i = 0; i < t->lane_count; i++) {
        fprintf(
            out,
            ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%zu,\"name\":\"thread_name\",\"args\":{\"name\":",
            i + 1);
        put_json_string(t->lanes[i].name ? t->lanes[i].name : "", out);
        fputs("}}", out);
    }
}

static void put_span(const struct trace *t, const struct span *s, FILE *out)
{
    static const char *const kinds[] = {"step", "parked", "callback", "wait"};

    fprintf(
        out,
        ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%u,\"ts\":%.3f,\"dur\":%.3f,\"cat\":\"%s\",\"name\":",
        s->lane + 1, microseconds(s->begin), microseconds(s->end - s->begin), kinds[s->kind]);
    put_json_string(string(t, s->name), out);
    fputs(",\"args\":{", out);
    if (s->place != NONE) {
        fputs("\"at\":", out);
        put_json_string(string(t, s->place), out);
    }
    if (s->then != NONE) {
        fputs(s->place != NONE ? ",\"then\":" : "\"then\":", out);
        put_json_string(string(t, s->then), out);
    }
    fputs("}}", out);
}

static void put_flow(const struct span *s, size_t id, FILE *out)
{
    fprintf(out,
            ",\n{\"ph\":\"s\",\"pid\":1,\"tid\":%u,\"ts\":%.3f,\"id\":%zu,\"cat\":\"wake\","
            "\"name\":\"woke\"}",
            s->woken_by + 1, microseconds(s->woken_at), id);
    fprintf(out,
            ",\n{\"ph\":\"f\",\"bp\":\"e\",\"pid\":1,\"tid\":%u,\"ts\":%.3f,\"id\":%zu,"
            "\"cat\":\"wake\",\"name\":\"woke\"}",
            s->lane + 1, microseconds(s->begin), id);
}

bool trace_json(const struct trace *t, FILE *out)
{
    fputs("{\"traceEvents\":[\n", out);
    put_names(t, out);
    for (size_t i = 0; i < t->span_count; i++) {
        put_span(t, &t->spans[i], out);
        if (t->spans[i].woken_by != NONE)
            put_flow(&t->spans[i], i, out);
    }
    fputs("\n]}\n", out);
    return !ferror(out);
}
