/* The name of a function by its address, from the symbol table of the program or of the shared
 * library that it is in. Needs no debug information; what is stripped has no name. */
#ifndef AI_BASE_SYMBOL_H
#define AI_BASE_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>

/* Writes it to buf, cut to fit; false where nobody knows it. */
bool ai_symbol(const void *address, char *buf, size_t n);

#endif
