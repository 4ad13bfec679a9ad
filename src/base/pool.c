#include "base/pool.h"

_Thread_local struct ai_pool ai_pool;
atomic_uint ai_pools;

/* A chunk is its head, then slots of one class. */
struct ai_pool_chunk {
    struct ai_pool *pool; /* first: ai_pool_of() reads it */
    struct ai_pool_chunk *next;
    size_t size;
    char padding[40]; /* slots begin on a cache line */
};

static size_t class_size(unsigned class)
{
    unsigned small = AI_POOL_SMALL / AI_POOL_GRAIN;
    return class <= small ? (size_t) class * AI_POOL_GRAIN
                          : (size_t)AI_POOL_SMALL << (class - small);
}

/* Links the chunk's slots so that they are taken in the order of their addresses. */
static void carve(struct ai_pool *pool, struct ai_pool_chunk *chunk, unsigned class)
{
    size_t size = class_size(class);
    char *first = (char *)(chunk + 1), *end = (char *)chunk + chunk->size;

    for (char *slot = first + (size_t)(end - first) / size * size - size; slot >= first;
         slot -= size) {
        *ai_pool_handle(slot) = (uintptr_t)slot | AI_POOL_TAGGED;
        *(void **)slot = pool->free[class];
        pool->free[class] = slot;
        pool->slots++;
        AI_POOL_SHUT(slot, size);
    }
}

bool ai_pool_refill(struct ai_pool *pool, unsigned class)
{
    size_t need = sizeof(struct ai_pool_chunk) + class_size(class);
    size_t size =
        need > AI_POOL_CHUNK ? (need + AI_POOL_CHUNK - 1) & -(size_t)AI_POOL_CHUNK : AI_POOL_CHUNK;
    struct ai_pool_chunk *chunk = ai_allocate_chunk(AI_POOL_CHUNK, size);

    if (!chunk)
        return false;
    if (!pool->chunks)
        atomic_fetch_add(&ai_pools, 1);
    chunk->pool = pool;
    chunk->size = size;
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    carve(pool, chunk, class);
    return true;
}

size_t ai_pool_used(const struct ai_pool *pool)
{
    size_t used = pool->slots;

    for (unsigned class = 0; class < AI_POOL_CLASSES; class ++) {
        for (void **slot = pool->free[class]; slot; slot = *slot)
            used--;
    }
    return used;
}

void ai_pool_close(struct ai_pool *pool)
{
    if (pool->chunks)
        atomic_fetch_sub(&ai_pools, 1);
    while (pool->chunks) {
        struct ai_pool_chunk *chunk = pool->chunks;
        pool->chunks = chunk->next;
        AI_POOL_OPEN(chunk, chunk->size);
        ai_deallocate_chunk(chunk, chunk->size);
    }
    *pool = (struct ai_pool){0};
}
