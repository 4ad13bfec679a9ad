/* A snapshot as a person reads it. */
#ifndef AI_BASE_BACKTRACE_H
#define AI_BASE_BACKTRACE_H

#include "base/snapshot.h"

/* Writes the calls that are under way in it, innermost first, a line each that ends in a newline:
 *
 *     |   File 'feed.c', line 12, in parse()
 *     |   File 'feed.c', line 31, in async update()
 *
 * Coroutines have the names that their users gave them, what the compiler inlined is there, and of
 * the library itself only public functions are. Cut to fit; "" where nothing can be told. May take
 * as long as reading the debug information does. */
void ai_backtrace(const struct ai_snapshot *s, char *buf, size_t n);

/* The name of a function as its user gave it: that of a coroutine is the macros'. *kind is set to
 * what to put in front: "async ", "async generator " or "". */
const char *ai_function_name(const char *name, const char **kind);

#endif
