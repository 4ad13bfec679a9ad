/* What top shows, as text: the first character of each line says how it looks, see screen.h. */
#ifndef INSPECT_PAGE_H
#define INSPECT_PAGE_H

#include "show.h"
#include "watch.h"

enum order { BY_COUNT, BY_STACK, BY_NAME, BY_WAIT };

void page_sort(struct watch *w, enum order order);

/* The loops, who held them, and the coroutine functions, of which one is `chosen` by its type, or
 * none. The number of that one's line, or of that of the heads. */
int page_of_all(FILE *out, const struct view *v, const struct watch *w, uint64_t chosen);

/* The tasks of a function, with their backtraces. How many lines do not scroll. */
int page_of_group(FILE *out, struct view *v, const struct group *g);

/* The text without its looks. */
void page_print(const char *text);

#endif
