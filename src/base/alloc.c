#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#ifdef AI_FAULTS
bool (*ai_allocation_fails)(size_t size);
#endif

static atomic_size_t allocated;

static void *counted(void *p, size_t size)
{
    if (p)
        atomic_fetch_add_explicit(&allocated, size, memory_order_relaxed);
    return p;
}

void *ai_allocate(size_t size)
{
    return ai_allocation_refused(size) ? NULL : counted(calloc(1, size), size);
}

void *ai_allocate_aligned(size_t alignment, size_t size)
{
    if (ai_allocation_refused(size))
        return NULL;
    void *p = aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1));
    if (p)
        memset(p, 0, size);
    return counted(p, size);
}

void ai_deallocate(void *p, size_t size)
{
    if (p)
        atomic_fetch_sub_explicit(&allocated, size, memory_order_relaxed);
    free(p);
}

void *ai_reallocate(void *from, size_t old_size, size_t size)
{
    if (ai_allocation_refused(size))
        return NULL;
    void *p = realloc(from, size);
    if (p)
        atomic_fetch_add_explicit(&allocated, size - old_size, memory_order_relaxed);
    return p;
}

char *ai_string_copy(const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = ai_allocate(size);
    return copy ? memcpy(copy, s, size) : NULL;
}

void ai_string_free(char *s)
{
    if (s)
        ai_deallocate(s, strlen(s) + 1);
}

size_t ai_allocated(void)
{
    return atomic_load_explicit(&allocated, memory_order_relaxed);
}
