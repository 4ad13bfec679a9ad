/* Strings of the other process, each fetched once. */
#ifndef INSPECT_STRINGS_H
#define INSPECT_STRINGS_H

#include "memory.h"

struct strings;

struct strings *strings_new(void);
void strings_free(struct strings *s);

/* The string at this address, cut where it is longer than a line; NULL where none can be read. What
 * would disturb a terminal in it is replaced. It lives as long as `s`, as copies do. */
const char *strings_at(struct strings *s, struct memory *m, uint64_t address);
const char *strings_copy(struct strings *s, const char *text);

#endif
