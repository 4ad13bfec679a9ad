/* The C functions that a task is in, unwound from outside by elfutils; where the command was built
 * without that there are none. */
#ifndef INSPECT_BACKTRACE_H
#define INSPECT_BACKTRACE_H

#include "snapshot.h"

struct backtracer;

struct frame {
    uint64_t pc;
    const char *function, *file; /* NULL where it is not known */
    int line;
    const char *module;
    bool inlined;
};

/* Of a snapshot that was taken with its stacks. NULL where it cannot be, `why` says why. */
struct backtracer *backtrace_open(const struct snapshot *s, char *why, size_t why_size);
void backtrace_close(struct backtracer *b);

/* Calls take() for each frame, the innermost first, without the library's own below and between
 * the coroutines. */
void backtrace_of(struct backtracer *b, size_t task,
                  void (*take)(const struct frame *frame, void *arg), void *arg);

#endif
