/* A pool of small objects, one a thread, whose memory never becomes anything else.
 *
 * Slots come in size classes and are carved from chunks; a freed slot goes to its class's free list
 * and is taken again first (its lines are warm). Because a slot stays a slot until the pool closes,
 * a stale pointer to one may be looked at: that is what lets a handle be checked. Invariants:
 *   - the word at AI_POOL_HANDLE in each slot is its handle: its address with its generation in the
 *     upper 16 bits, of which the highest is always set; it changes whenever the slot is freed, and
 *     nobody else writes it;
 *   - the first word of a free slot is the free list's link;
 *   - every slot begins within AI_POOL_CHUNK bytes of its chunk's start, which is aligned to that,
 *     so the pool it belongs to is found by a mask. */
#ifndef AI_BASE_POOL_H
#define AI_BASE_POOL_H

#include "base/alloc.h"

#include <stdatomic.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define AI_POOL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AI_POOL_ASAN 1
#endif
#endif
#ifdef AI_POOL_ASAN
#include <sanitizer/asan_interface.h>
#endif

enum {
    AI_POOL_CHUNK = 64 << 10,
    AI_POOL_GRAIN = 16,
    AI_POOL_SMALL = 512,     /* up to here a class every AI_POOL_GRAIN bytes, */
    AI_POOL_LARGE = 1 << 20, /* up to here one for each power of two */
    AI_POOL_CLASSES = AI_POOL_SMALL / AI_POOL_GRAIN + 1 + 11,
    AI_POOL_HEAD = 32, /* bytes of a free slot that may still be read */
    AI_POOL_HANDLE = 16,
};

struct ai_pool_chunk;

struct ai_pool {
    void *free[AI_POOL_CLASSES];
    struct ai_pool_chunk *chunks;
    size_t slots; /* carved so far */
};

/* This thread's. */
extern _Thread_local struct ai_pool ai_pool __attribute__((tls_model("initial-exec")));

/* How many threads have one with memory in it: where it is 1, and this thread's has, every slot is
 * its own. */
extern atomic_uint ai_pools;

#define AI_POOL_TAGGED ((uintptr_t)1 << (8 * sizeof(uintptr_t) - 1))
#define AI_POOL_ONE_GENERATION ((uintptr_t)1 << (8 * sizeof(uintptr_t) - 16))

static inline uintptr_t *ai_pool_handle(void *slot)
{
    return (uintptr_t *)((char *)slot + AI_POOL_HANDLE);
}

static inline unsigned ai_pool_class(size_t size)
{
    if (size <= AI_POOL_SMALL)
        return (unsigned)((size + AI_POOL_GRAIN - 1) / AI_POOL_GRAIN);
    return AI_POOL_SMALL / AI_POOL_GRAIN + 55 - (unsigned)__builtin_clzl(size - 1);
}

bool ai_pool_refill(struct ai_pool *pool, unsigned class);

#ifdef AI_POOL_ASAN
#define AI_POOL_OPEN(slot, size) ASAN_UNPOISON_MEMORY_REGION(slot, size)
#define AI_POOL_SHUT(slot, size)                                                                   \
    ASAN_POISON_MEMORY_REGION((char *)(slot) + AI_POOL_HEAD, (size)-AI_POOL_HEAD)
#else
#define AI_POOL_OPEN(slot, size) ((void)0)
#define AI_POOL_SHUT(slot, size) ((void)0)
#endif

/* A slot of this class that is there already, or NULL. */
static inline void *ai_pool_reuse(struct ai_pool *pool, unsigned class, size_t size)
{
    void **slot = pool->free[class];

    (void)size;
    if (__builtin_expect(!slot, 0) || ai_allocation_refused(size))
        return NULL;
    pool->free[class] = *slot;
    AI_POOL_OPEN(slot, size);
    return slot;
}

/* A slot of at least `size` bytes, not zeroed; NULL without memory or beyond AI_POOL_LARGE. */
static inline void *ai_pool_take(struct ai_pool *pool, size_t size)
{
    unsigned class = ai_pool_class(size);

    if (size > AI_POOL_LARGE || (!pool->free[class] && !ai_pool_refill(pool, class)))
        return NULL;
    return ai_pool_reuse(pool, class, size);
}

/* `handle` is the slot's. */
static inline void ai_pool_give(struct ai_pool *pool, void *slot, uintptr_t handle, unsigned class,
                                size_t size)
{
    (void)size;
    *ai_pool_handle(slot) = (handle + AI_POOL_ONE_GENERATION) | AI_POOL_TAGGED;
    *(void **)slot = pool->free[class];
    pool->free[class] = slot;
    AI_POOL_SHUT(slot, size);
}

/* How many slots are in use: the ledger. Counts the free ones. */
size_t ai_pool_used(const struct ai_pool *pool);

/* The pool a slot belongs to. */
static inline struct ai_pool *ai_pool_of(const void *slot)
{
    return *(struct ai_pool **)((uintptr_t)slot & ~(uintptr_t)(AI_POOL_CHUNK - 1));
}

/* Frees all chunks: every handle to a slot of the pool is then invalid. */
void ai_pool_close(struct ai_pool *pool);

#endif
