/* See buffer.h. Memory comes in powers of two, and the byte behind. What is free stays with the
 * thread, up to a bound, so that connections which are busy in turn hand the same memory round and
 * the C library does not take it from the kernel and give it back all the time. */
#include "io/buffer.h"

#include "base/pool.h"
#include "task/thread.h"

#include <string.h>

enum { SMALLEST = 9, SIZES = 6, BEHIND = 16 }; /* 512 bytes to 16 KiB */

#ifdef AI_POOL_ASAN
enum { MOST_KEPT = 0 }; /* what is free is not to be touched */
#else
enum { MOST_KEPT = 2 << 20 };
#endif

/* What is free, by size; each begins with a pointer to the next. */
static _Thread_local struct {
    void *first[SIZES];
    size_t bytes;
} kept;

static unsigned exponent(size_t n)
{
    unsigned bits = n > 1 ? 64 - (unsigned)__builtin_clzl(n - 1) : 0;
    return bits < SMALLEST ? SMALLEST : bits;
}

static void **kept_of(size_t size)
{
    unsigned i = exponent(size) - SMALLEST;
    return i < SIZES ? &kept.first[i] : NULL;
}

static char *take(size_t size)
{
    void **first = kept_of(size);

    if (!first || !*first)
        return ai_allocate(size + BEHIND);
    if (ai_allocation_refused(size))
        return NULL;
    void **piece = *first;
    *first = *piece;
    kept.bytes -= size;
    return (char *)piece;
}

static void give(char *data, size_t size)
{
    void **first = data ? kept_of(size) : NULL;

    if (!first || kept.bytes + size > MOST_KEPT || !ai_thread.loop || ai_thread.closing) {
        ai_deallocate(data, size + BEHIND);
        return;
    }
    *(void **)(void *)data = *first;
    *first = data;
    kept.bytes += size;
}

void ai_buffers_trim(void)
{
    for (unsigned i = 0; i < SIZES; i++) {
        while (kept.first[i]) {
            void *piece = kept.first[i];
            kept.first[i] = *(void **)piece;
            ai_deallocate(piece, ((size_t)1 << (SMALLEST + i)) + BEHIND);
        }
    }
    kept.bytes = 0;
}

static bool grow(struct ai_buffer *b, size_t n)
{
    size_t count = ai_buffer_count(b);

    if (n > PTRDIFF_MAX / 4 || count > PTRDIFF_MAX / 4)
        return false;
    struct ai_buffer larger = {.size = (size_t)1 << exponent(count + n), .end = count};
    larger.data = take(larger.size);
    if (!larger.data)
        return false;
    if (count)
        memcpy(larger.data, ai_buffer_bytes(b), count);
    ai_buffer_free(b);
    *b = larger;
    return true;
}

/* What moves is at most half of what there is room for, so that each byte moves seldom. */
static bool make_room(struct ai_buffer *b, size_t n)
{
    size_t count = ai_buffer_count(b);

    if (!b->data || n > b->size - count || count > b->size / 2)
        return grow(b, n);
    memmove(b->data, ai_buffer_bytes(b), count);
    b->begin = 0;
    b->end = count;
    return true;
}

char *ai_buffer_room(struct ai_buffer *b, size_t n)
{
    bool fits = b->data && n <= b->size - b->end;
    return fits || make_room(b, n) ? b->data + b->end : NULL;
}

bool ai_buffer_append(struct ai_buffer *b, const void *data, size_t n)
{
    char *room = ai_buffer_room(b, n);

    if (!room)
        return false;
    memcpy(room, data, n);
    ai_buffer_added(b, n);
    return true;
}

void ai_buffer_free(struct ai_buffer *b)
{
    give(b->data, b->size);
    *b = (struct ai_buffer){0};
}
