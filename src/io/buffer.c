/* See buffer.h. Memory comes in powers of two, its head and the byte behind. What is free stays
 * with the thread, up to a bound, so that connections which are busy in turn hand the same memory
 * round and the C library does not take it from the kernel and give it back all the time. */
#include "io/buffer.h"

#include "base/pool.h"
#include "task/run.h"
#include "task/thread.h"

#include <string.h>

enum { SMALLEST = 9, SIZES = 6 }; /* 512 bytes to 16 KiB */

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

static size_t with_head(size_t size)
{
    return offsetof(struct ai_piece, data) + size + 1;
}

/* At the loop's end. */
static bool give_back(void)
{
    for (unsigned i = 0; i < SIZES; i++) {
        while (kept.first[i]) {
            void *piece = kept.first[i];
            kept.first[i] = *(void **)piece;
            ai_deallocate(piece, with_head((size_t)1 << (SMALLEST + i)));
        }
    }
    kept.bytes = 0;
    return false;
}

/* The child of a fork has that memory too. */
static void forget(void)
{
}

static _Thread_local struct ai_wind_up winding_up = {.step = give_back, .forget = forget};

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

/* Its head is the caller's to set. */
static struct ai_piece *take(size_t size)
{
    void **first = kept_of(size);

    if (!first || !*first)
        return ai_allocate(with_head(size));
    if (ai_allocation_refused(size))
        return NULL;
    void **piece = *first;
    *first = *piece;
    kept.bytes -= size;
    return (void *)piece;
}

static void give(struct ai_piece *piece)
{
    size_t size = piece->size;
    void **first = kept_of(size);

    if (!first || kept.bytes + size > MOST_KEPT || !ai_thread.loop || ai_thread.closing) {
        ai_deallocate(piece, with_head(size));
        return;
    }
    ai_wind_up_later(&winding_up);
    *(void **)piece = *first;
    *first = piece;
    kept.bytes += size;
}

static bool grow(struct ai_buffer *b, size_t n)
{
    size_t count = ai_buffer_count(b);

    if (n > PTRDIFF_MAX / 4 || count > PTRDIFF_MAX / 4)
        return false;
    size_t size = (size_t)1 << exponent(count + n);
    struct ai_piece *larger = take(size);
    if (!larger)
        return false;
    larger->begin = 0;
    larger->end = count;
    larger->size = size;
    if (count)
        memcpy(larger->data, ai_buffer_bytes(b), count);
    ai_buffer_free(b);
    b->piece = larger;
    return true;
}

/* What moves is at most half of what there is room for, so that each byte moves seldom. */
static bool make_room(struct ai_buffer *b, size_t n)
{
    struct ai_piece *p = b->piece;
    size_t count = ai_buffer_count(b);

    if (!p || n > p->size - count || count > p->size / 2)
        return grow(b, n);
    memmove(p->data, p->data + p->begin, count);
    p->begin = 0;
    p->end = count;
    return true;
}

char *ai_buffer_room(struct ai_buffer *b, size_t n)
{
    bool fits = b->piece && n <= ai_buffer_space(b);
    return fits || make_room(b, n) ? b->piece->data + b->piece->end : NULL;
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
    if (b->piece)
        give(b->piece);
    b->piece = NULL;
}
