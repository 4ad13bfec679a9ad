/* What a trace is turned into. Each writes to `out`; false where that failed. */
#ifndef TRACE_OUTPUT_H
#define TRACE_OUTPUT_H

#include "trace.h"

#include <stdio.h>

/* A page of its own, that needs no network. */
bool trace_html(const struct trace *t, FILE *out);

/* A picture for documents. */
bool trace_svg(const struct trace *t, FILE *out);

/* Trace events in JSON, for viewers that know nothing else. */
bool trace_json(const struct trace *t, FILE *out);

/* A string as JSON has it, its quotes included; also within a page's script. */
void put_json_string(const char *s, FILE *out);

/* "1.5 ms" */
const char *format_duration(char *buf, size_t n, int64_t ns);

/* What a place is without its function: "file.c:12". */
const char *place_only(const char *place, char *buf, size_t n);

#endif
