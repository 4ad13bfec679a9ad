#include "base/alloc.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define AI_CHUNKS_BY_MALLOC /* so that leaks are found through them */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AI_CHUNKS_BY_MALLOC
#endif
#endif

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

#ifdef AI_CHUNKS_BY_MALLOC

void *ai_allocate_chunk(size_t alignment, size_t size)
{
    if (ai_allocation_refused(size))
        return NULL;
    void *p = aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1));
    if (p)
        memset(p, 0, size);
    return counted(p, size);
}

void ai_deallocate_chunk(void *p, size_t size)
{
    ai_deallocate(p, size);
}

#else

static void *map(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* The kernel puts one mapping next to the other, so that after the first most are aligned. */
void *ai_allocate_chunk(size_t alignment, size_t size)
{
    char *p = ai_allocation_refused(size) ? NULL : map(size);

    if (!p || (uintptr_t)p % alignment == 0)
        return counted(p, size);
    munmap(p, size);
    if (!(p = map(size + alignment)))
        return NULL;
    size_t before = -(uintptr_t)p % alignment;
    if (before)
        munmap(p, before);
    munmap(p + before + size, alignment - before);
    return counted(p + before, size);
}

void ai_deallocate_chunk(void *p, size_t size)
{
    atomic_fetch_sub_explicit(&allocated, size, memory_order_relaxed);
    munmap(p, size);
}

#endif

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
