/* From an address of code to its place in the source, for messages. */
#ifndef AI_BASE_WHERE_H
#define AI_BASE_WHERE_H

#include <stddef.h>

/* Writes "file:line" of the call that returns to `address`, where debug information and the means
 * to read it are there; else "file:line" as given, the place of the function that was called. */
void ai_where(const void *address, const char *file, int line, char *buf, size_t n);

#endif
