/* Slabs of stacks: how they are reserved, guarded, handed out and cooled down. What the pool's user
 * relies on is in stack.h; most takes and gives end there, with the few stacks that are warm. */
#include "ctx/stack.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

enum {
    FIRST_COUNT = 8,   /* stacks in the first slab, */
    MOST_COUNT = 1024, /* and in the largest: as many as one process_madvise takes */
    KEPT_IDLE = 256,   /* free stacks that may keep their pages */
    COLOURS = 16,
    LINE = 64, /* bytes a colour: a cache line */
    LEAST_SIZE = 16 << 10,
#ifdef AI_SANITIZED
    DEFAULT_SIZE = 1 << 20, /* instrumented frames are several times as large */
#else
    DEFAULT_SIZE = 128 << 10,
#endif
};

/* `count` stacks side by side; those from `fresh` on were never used. Of the others, the free ones
 * are listed: the first `cold` have no pages, the rest, freed later, may have. */
struct ai_stack_slab {
    struct ai_stack_slab *next; /* in the pool */
    struct ai_stack_slab *usable,
        **usable_at; /* among those with a free stack; NULL if it is not */
    char *base;
    unsigned count, fresh, free_count, cold;
    uint16_t free[]; /* the used ones that are free, the last freed last */
};

static size_t slab_bytes(unsigned count)
{
    return sizeof(struct ai_stack_slab) + count * sizeof(uint16_t);
}

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* More than one page, so that few local arrays step over it; up to here more costs nothing. */
static size_t guard_size(void)
{
    return 4 * page_size();
}

static size_t size_from_environment(void)
{
    const char *text = getenv("ASYNCIO_STACK_SIZE");
    char *end;
    unsigned long size = text ? strtoul(text, &end, 10) : 0;

    if (size && (*end == 'k' || *end == 'K'))
        size <<= 10;
    else if (size && (*end == 'm' || *end == 'M'))
        size <<= 20;
    return size ? size : DEFAULT_SIZE;
}

void ai_stack_pool_init(struct ai_stack_pool *pool, size_t size)
{
    size_t page = page_size();

    if (size == 0)
        size = size_from_environment();
    if (size < LEAST_SIZE)
        size = LEAST_SIZE;
    if (size > SIZE_MAX / 4 / MOST_COUNT)
        size = SIZE_MAX / 4 / MOST_COUNT;
    size_t pages = (size + guard_size() + page - 1) / page;
    *pool = (struct ai_stack_pool){
        .size = (pages | 1) * page,
        .usable_size = size,
        .guard_size = guard_size(),
        .on_valgrind = AI_ON_VALGRIND,
        .next_count = FIRST_COUNT,
    };
}

/* --- Advice for parts of a slab --- */

static bool advise_all(const struct iovec *parts, unsigned count, int advice)
{
    size_t bytes = 0;
    /* valgrind does not know these calls, and says so. */
    int self = AI_ON_VALGRIND ? -1 : (int)syscall(SYS_pidfd_open, getpid(), 0);

    if (self < 0)
        return false;
    for (unsigned i = 0; i < count; i++)
        bytes += parts[i].iov_len;
    long n = syscall(SYS_process_madvise, self, parts, (size_t)count, advice, 0);
    close(self);
    return n == (long)bytes;
}

static bool advise_each(const struct iovec *parts, unsigned count, int advice)
{
    for (unsigned i = 0; i < count; i++) {
        if (madvise(parts[i].iov_base, parts[i].iov_len, advice))
            return false;
    }
    return true;
}

/* --- Guards --- */

/* Emulators accept advice that they do not know: a guard counts when it has been seen to refuse. */
static bool refuses(const struct iovec *guard)
{
    return madvise(guard->iov_base, guard->iov_len, MADV_POPULATE_READ) && errno == EFAULT;
}

static bool guard_all_at_once(const struct iovec *guards, unsigned count)
{
    return advise_all(guards, count, MADV_GUARD_INSTALL) && refuses(&guards[count - 1]);
}

static bool guard_one_by_one(const struct iovec *guards, unsigned count)
{
    return advise_each(guards, count, MADV_GUARD_INSTALL) && refuses(&guards[count - 1]);
}

/* Costs two mappings a stack, of which a process has 65,530. */
static bool guard_by_mapping(const struct iovec *guards, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (mprotect(guards[i].iov_base, guards[i].iov_len, PROT_NONE))
            return false;
    }
    return true;
}

static const struct {
    const char *name;
    bool (*install)(const struct iovec *guards, unsigned count);
} ways[] = {
    {"process_madvise", guard_all_at_once},
    {"madvise", guard_one_by_one},
    {"mprotect", guard_by_mapping},
};

/* By the best way the kernel has. ASYNCIO_STACK_GUARD names one for tests. */
static const char *install_guards(const struct ai_stack_pool *pool, char *base, unsigned count)
{
    const char *only = getenv("ASYNCIO_STACK_GUARD");
    struct iovec guards[MOST_COUNT];

    for (unsigned i = 0; i < count; i++)
        guards[i] = (struct iovec){base + i * pool->size, pool->guard_size};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (only && strcmp(only, ways[i].name))
            continue;
        if (ways[i].install(guards, count))
            return ways[i].name;
    }
    return NULL;
}

/* --- Slabs --- */

static void make_usable(struct ai_stack_pool *pool, struct ai_stack_slab *slab)
{
    slab->usable = pool->usable;
    slab->usable_at = &pool->usable;
    if (slab->usable)
        slab->usable->usable_at = &slab->usable;
    pool->usable = slab;
}

static void make_unusable(struct ai_stack_slab *slab)
{
    *slab->usable_at = slab->usable;
    if (slab->usable)
        slab->usable->usable_at = slab->usable_at;
    slab->usable_at = NULL;
}

static char *reserve(struct ai_stack_pool *pool, unsigned count)
{
    size_t bytes = pool->size * count;
    char *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

    if (base == MAP_FAILED)
        return NULL;
    madvise(base, bytes, MADV_NOHUGEPAGE); /* one touched page is to cost one page */
    const char *guard = install_guards(pool, base, count);
    if (!guard) {
        munmap(base, bytes);
        return NULL;
    }
    pool->guard = guard;
    return base;
}

static bool add_slab(struct ai_stack_pool *pool, unsigned count)
{
    struct ai_stack_slab *slab = ai_allocate(slab_bytes(count));

    if (!slab)
        return false;
    if (!(slab->base = reserve(pool, count))) {
        ai_deallocate(slab, slab_bytes(count));
        return false;
    }
    slab->count = count;
    slab->next = pool->slabs;
    pool->slabs = slab;
    make_usable(pool, slab);
    pool->next_count = count < MOST_COUNT ? count * 2 : count;
    return true;
}

/* Each slab is twice as large as the last one, or as large as can still be had. */
static bool grow(struct ai_stack_pool *pool)
{
    for (unsigned count = pool->next_count; count >= FIRST_COUNT; count /= 2) {
        if (add_slab(pool, count))
            return true;
    }
    return false;
}

void ai_stack_pool_close(struct ai_stack_pool *pool)
{
    while (pool->warm_count)
        ai_stack_give_cold(pool, &pool->warm[--pool->warm_count]);
    while (pool->slabs) {
        struct ai_stack_slab *slab = pool->slabs;
        pool->slabs = slab->next;
        AI_ASAN_USABLE(slab->base, slab->base + pool->size * slab->count);
        munmap(slab->base, pool->size * slab->count);
        ai_deallocate(slab, slab_bytes(slab->count));
    }
    ai_stack_pool_init(pool, pool->usable_size);
}

/* --- Taking and giving --- */

static struct ai_stack place(const struct ai_stack_pool *pool, struct ai_stack_slab *slab,
                             unsigned index)
{
    char *base = slab->base + index * pool->size;

    return (struct ai_stack){
        .low = base + pool->guard_size,
        .high = base + pool->size - (size_t)(index % COLOURS) * LINE,
        .slab = slab,
        .index = index,
    };
}

bool ai_stack_take_cold(struct ai_stack_pool *pool, struct ai_stack *stack)
{
    if (!pool->usable && !grow(pool)) {
        pool->taken--;
        return false;
    }
    struct ai_stack_slab *slab = pool->usable;
    unsigned index;
    if (slab->free_count) {
        index = slab->free[--slab->free_count];
        if (slab->free_count < slab->cold)
            slab->cold = slab->free_count;
        else
            pool->idle--;
    } else {
        index = slab->fresh++;
    }
    if (slab->free_count == 0 && slab->fresh == slab->count)
        make_unusable(slab);

    *stack = place(pool, slab, index);
    ai_stack_wipe(pool, stack->low, stack->high);
    if (__builtin_expect(pool->on_valgrind, 0))
        stack->valgrind = AI_VALGRIND_STACK(stack->low, stack->high);
    return true;
}

void ai_stack_give_cold(struct ai_stack_pool *pool, const struct ai_stack *stack)
{
    struct ai_stack_slab *slab = stack->slab;

    if (__builtin_expect(pool->on_valgrind, 0))
        AI_VALGRIND_NO_STACK(stack->valgrind);
    slab->free[slab->free_count++] = (uint16_t)stack->index;
    pool->idle++;
    if (pool->usable == slab)
        return;
    if (slab->usable_at)
        make_unusable(slab);
    make_usable(pool, slab);
}

/* Takes the pages of this many of a slab's free stacks, those first that were freed first. */
static void cool(struct ai_stack_pool *pool, struct ai_stack_slab *slab, unsigned count)
{
    struct iovec parts[MOST_COUNT];
    unsigned n = count;

    for (unsigned i = 0; i < count; i++) {
        char *base = slab->base + slab->free[slab->cold + i] * pool->size;
        parts[i] = (struct iovec){base + pool->guard_size, pool->size - pool->guard_size};
    }
    slab->cold += count;
    pool->idle -= count;
    if (slab->cold == slab->fresh) { /* none is in use: at one stroke; guards outlast it */
        parts[0] = (struct iovec){slab->base, pool->size * slab->fresh};
        n = 1;
    }
    if (n == 1 || !advise_all(parts, n, MADV_DONTNEED))
        advise_each(parts, n, MADV_DONTNEED);
}

void ai_stack_pool_trim(struct ai_stack_pool *pool)
{
    if (pool->idle <= KEPT_IDLE)
        return;
    for (struct ai_stack_slab *slab = pool->slabs; slab; slab = slab->next) {
        unsigned idle = slab->free_count - slab->cold;
        size_t surplus = pool->idle - KEPT_IDLE / 2;
        if (idle && surplus)
            cool(pool, slab, idle < surplus ? idle : (unsigned)surplus);
    }
}

/* --- Looking --- */

bool ai_stack_guards(const struct ai_stack_pool *pool, const void *address, struct ai_stack *stack)
{
    for (struct ai_stack_slab *slab = pool->slabs; slab; slab = slab->next) {
        size_t at = (size_t)((uintptr_t)address - (uintptr_t)slab->base);
        if ((uintptr_t)address < (uintptr_t)slab->base || at >= pool->size * slab->count)
            continue;
        if (at % pool->size >= pool->guard_size)
            return false;
        *stack = place(pool, slab, (unsigned)(at / pool->size));
        return true;
    }
    return false;
}

size_t ai_stack_depth(const struct ai_stack *stack)
{
    size_t page = page_size();
    char *top = (char *)(((uintptr_t)stack->high + page - 1) & ~(uintptr_t)(page - 1));
    char *p = stack->low;
    unsigned char there = 0;

    while (p < top && (mincore(p, page, &there) || !(there & 1)))
        p += page;
    return p < top ? (size_t)(stack->high - p) : 0;
}

void ai_stack_clear(const struct ai_stack *stack, char *top)
{
    size_t page = page_size(), whole = (size_t)(top - stack->low) & ~(page - 1);

    AI_ASAN_USABLE(stack->low, top);
    if (madvise(stack->low, whole, MADV_DONTNEED))
        whole = 0;
    memset(stack->low + whole, 0, (size_t)(top - stack->low) - whole);
}

/* Frames that were left without returning are still marked as somebody's for AddressSanitizer. */
__attribute__((no_sanitize_address)) size_t ai_stack_high_water(const struct ai_stack *stack)
{
    size_t page = page_size();
    unsigned char there;

    for (char *p = stack->low; p < stack->high; p += page) {
        if (mincore(p, page, &there) == 0 && !(there & 1))
            continue;
        char *end = p + page < stack->high ? p + page : stack->high;
        for (const char *word = p; word < end; word += sizeof(size_t)) {
            if (*(const size_t *)(const void *)word)
                return (size_t)(stack->high - word);
        }
    }
    return 0;
}
