/* Bytes on their way: appended at the end, taken from the beginning, in one piece of memory.
 *
 * There is always room for one byte behind the last. An empty buffer may have memory or not; its
 * users give it back when they have no use for it soon, and what is left is a pointer. */
#ifndef AI_IO_BUFFER_H
#define AI_IO_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct ai_buffer {
    struct ai_piece *piece; /* or NULL */
};

struct ai_piece {
    size_t begin, end, size;
    char data[];
};

static inline size_t ai_buffer_count(const struct ai_buffer *b)
{
    return b->piece ? b->piece->end - b->piece->begin : 0;
}

/* Where they are; NULL where there is no memory. */
static inline char *ai_buffer_bytes(const struct ai_buffer *b)
{
    return b->piece ? b->piece->data + b->piece->begin : NULL;
}

/* For how many more there is memory behind them. */
static inline size_t ai_buffer_space(const struct ai_buffer *b)
{
    return b->piece ? b->piece->size - b->piece->end : 0;
}

/* Where n more bytes may be put, to be followed by ai_buffer_added(). NULL without memory. */
char *ai_buffer_room(struct ai_buffer *b, size_t n);

static inline void ai_buffer_added(struct ai_buffer *b, size_t n)
{
    b->piece->end += n;
}

/* False without memory: then it is as it was. */
bool ai_buffer_append(struct ai_buffer *b, const void *data, size_t n);

static inline void ai_buffer_drop(struct ai_buffer *b, size_t n)
{
    struct ai_piece *p = b->piece;

    if (p && (p->begin += n) == p->end)
        p->begin = p->end = 0;
}

/* The same, and what is dropped stays where it is: until the next is appended, or it is given back.
 */
static inline void ai_buffer_pass(struct ai_buffer *b, size_t n)
{
    b->piece->begin += n;
}

/* Gives the memory back, and with it what is in it. */
void ai_buffer_free(struct ai_buffer *b);

#endif
