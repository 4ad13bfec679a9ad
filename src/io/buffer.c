/* See buffer.h. Memory comes in powers of two; of each size that is common a few pieces stay with
 * the thread, so that connections which are busy in turn hand the same memory round. */
#include "io/buffer.h"

#include "base/pool.h"
#include "task/thread.h"

#include <string.h>

enum { SMALLEST = 9, SIZES = 6 }; /* 512 bytes to 16 KiB */

#ifdef AI_POOL_ASAN
enum { KEPT = 0 }; /* what is free is not to be touched */
#else
enum { KEPT = 8 };
#endif

/* What is free begins with a pointer to the next. */
static _Thread_local struct kept {
    void *first;
    unsigned count;
} kept[SIZES];

static unsigned exponent(size_t n)
{
    unsigned bits = n > 1 ? 64 - (unsigned)__builtin_clzl(n - 1) : 0;
    return bits < SMALLEST ? SMALLEST : bits;
}

static struct kept *kept_of(size_t size)
{
    unsigned i = exponent(size) - SMALLEST;
    return i < SIZES ? &kept[i] : NULL;
}

static char *take(size_t size)
{
    struct kept *k = kept_of(size);
    void **piece = k ? k->first : NULL;

    if (!piece)
        return ai_allocate(size);
    if (ai_allocation_refused(size))
        return NULL;
    k->first = *piece;
    k->count--;
    return (char *)piece;
}

static void give(char *data, size_t size)
{
    struct kept *k = data ? kept_of(size) : NULL;

    if (!k || k->count == KEPT || !ai_thread.loop || ai_thread.closing) {
        ai_deallocate(data, size);
        return;
    }
    *(void **)(void *)data = k->first;
    k->first = data;
    k->count++;
}

void ai_buffers_trim(void)
{
    for (unsigned i = 0; i < SIZES; i++) {
        while (kept[i].first) {
            void *piece = kept[i].first;
            kept[i].first = *(void **)piece;
            ai_deallocate(piece, (size_t)1 << (SMALLEST + i));
        }
        kept[i].count = 0;
    }
}

static bool grow(struct ai_buffer *b, size_t n)
{
    size_t count = ai_buffer_count(b);

    if (n > PTRDIFF_MAX / 4 || count > PTRDIFF_MAX / 4)
        return false;
    struct ai_buffer larger = {.size = (size_t)1 << exponent(count + n + 1), .end = count};
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

    if (n >= b->size - count || count > b->size / 2)
        return grow(b, n);
    memmove(b->data, ai_buffer_bytes(b), count);
    b->begin = 0;
    b->end = count;
    return true;
}

char *ai_buffer_room(struct ai_buffer *b, size_t n)
{
    bool fits = b->data && n < b->size - b->end;
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
