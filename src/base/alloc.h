/* All memory of the library comes through here, so that tests can count it and make it fail. */
#ifndef AI_BASE_ALLOC_H
#define AI_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed memory, or NULL. */
void *ai_allocate(size_t size);

/* Frees it; `size` as it was asked for. NULL does nothing. */
void ai_deallocate(void *p, size_t size);

/* Large zeroed memory, whole pages, aligned to a power of two of them. */
void *ai_allocate_chunk(size_t alignment, size_t size);
void ai_deallocate_chunk(void *p, size_t size);

/* A larger copy of an array: `from` of old_size is freed and NULL returned on failure leaves it. */
void *ai_reallocate(void *from, size_t old_size, size_t size);

/* A copy of a string, to be freed with ai_string_free(). */
char *ai_string_copy(const char *s);
void ai_string_free(char *s);

/* Bytes allocated and not freed, by all threads: the ledger. */
size_t ai_allocated(void);

/* Asked before every allocation, of pool slots too; true makes it fail. Only where built for that.
 */
#ifdef AI_FAULTS
extern bool (*ai_allocation_fails)(size_t size);

static inline bool ai_allocation_refused(size_t size)
{
    return ai_allocation_fails && ai_allocation_fails(size);
}
#else
#define ai_allocation_refused(size) ((void)(size), false)
#endif

#endif
