/* Stacks: guarded, pooled, committed page by page.
 *
 * A pool belongs to one thread. It reserves stacks in slabs, mappings of many stacks side by side
 * (MAP_NORESERVE, never huge pages), of growing number. The lowest pages of each stack are its
 * guard: MADV_GUARD_INSTALL where the kernel has it (a whole slab in one process_madvise), which
 * costs no mapping, else mprotect. A stack whose guard cannot be had is no stack: ai_stack_take
 * fails instead.
 *
 * Invariants: a stack is with its user or free, never both; a free stack that was never used has no
 * page touched; the one freed last is taken first (its page is warm); guards last as long as their
 * slab. */
#ifndef AI_CTX_STACK_H
#define AI_CTX_STACK_H

#include "ctx/sanitize.h"

#include <stdbool.h>
#include <stddef.h>

struct ai_stack_slab;

struct ai_stack {
    char *low;  /* first usable byte, right above the guard */
    char *high; /* one past the last usable byte, 64-byte aligned; coloured: it differs from stack
                 * to stack within the top page by a multiple of the cache line, so that the tops
                 * of many stacks do not fight for the same cache sets */
    struct ai_stack_slab *slab; /* where it belongs: the pool's business */
    unsigned index;             /* in its slab */
    unsigned valgrind;          /* its number for valgrind */
};

struct ai_stack_pool {
    size_t size; /* from one stack to the next: an odd number of pages, so that the page table
                  * entries of their tops do not fight for the same cache sets */
    size_t usable_size; /* of one, as asked for */
    size_t guard_size;
    bool on_valgrind;
    size_t taken; /* stacks that are with their users: the ledger */
    size_t idle;  /* free ones that may have pages */
    const char
        *guard; /* how guards are made: "process_madvise", "madvise", "mprotect"; NULL before any */
    struct ai_stack_slab *slabs;  /* all, the newest first */
    struct ai_stack_slab *usable; /* that have a free stack, the one freed to last first */
    unsigned next_count;          /* stacks in the next slab */
    unsigned warm_count;
    struct ai_stack warm[16]; /* given back just now, the last one last: taken again first */
};

/* size 0 means the default (ASYNCIO_STACK_SIZE in the environment, else 128 KiB); sizes are rounded
 * up to whole pages and to a minimum that holds a signal frame; the guard is added. Reserves
 * nothing yet. */
void ai_stack_pool_init(struct ai_stack_pool *pool, size_t size);

/* Unmaps all slabs. Every stack must have been given back. */
void ai_stack_pool_close(struct ai_stack_pool *pool);

/* Gives pages of idle stacks back to the kernel, beyond a few hundred. For when there is time. */
void ai_stack_pool_trim(struct ai_stack_pool *pool);

bool ai_stack_take_cold(struct ai_stack_pool *pool, struct ai_stack *stack);
void ai_stack_give_cold(struct ai_stack_pool *pool, const struct ai_stack *stack);

/* Checkers forget the frames of whoever had the stack before, and left them without returning. */
static inline void ai_stack_wipe(const struct ai_stack_pool *pool, char *low, char *high)
{
    AI_ASAN_USABLE(low, high);
    if (__builtin_expect(pool->on_valgrind, 0))
        AI_VALGRIND_USABLE(low, high);
}

/* Fills in *stack and returns true, or returns false: no memory, or no guard to be had. */
static inline bool ai_stack_take(struct ai_stack_pool *pool, struct ai_stack *stack)
{
    pool->taken++;
    if (__builtin_expect(pool->warm_count == 0, 0))
        return ai_stack_take_cold(pool, stack);
    *stack = pool->warm[--pool->warm_count];
    ai_stack_wipe(pool, stack->low, stack->high);
    return true;
}

/* Takes it back. May be called while still running on it: its pages stay until the next take. */
static inline void ai_stack_give(struct ai_stack_pool *pool, const struct ai_stack *stack)
{
    pool->taken--;
    if (__builtin_expect(pool->warm_count == sizeof pool->warm / sizeof *pool->warm, 0))
        ai_stack_give_cold(pool, &pool->warm[--pool->warm_count]);
    pool->warm[pool->warm_count++] = *stack;
}

/* Whether the address lies in the guard of one of the pool's stacks, and of which one. Safe in a
 * signal handler of the pool's thread. */
bool ai_stack_guards(const struct ai_stack_pool *pool, const void *address, struct ai_stack *stack);

/* How many bytes of the stack have ever been touched, by its resident pages. */
size_t ai_stack_depth(const struct ai_stack *stack);

/* Zeroes a stack that nobody runs on, up to `top`. Afterwards: how many bytes of it have been
 * written to, down to the lowest word that is not zero. */
void ai_stack_clear(const struct ai_stack *stack, char *top);
size_t ai_stack_high_water(const struct ai_stack *stack);

#endif
