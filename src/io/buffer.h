/* Bytes on their way: appended at the end, taken from the beginning, in one piece of memory.
 *
 * There is always room for one byte behind the last. An empty buffer may have memory or not; its
 * users give it back when they have no use for it soon. */
#ifndef AI_IO_BUFFER_H
#define AI_IO_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct ai_buffer {
    char *data;
    size_t begin, end, size;
};

static inline size_t ai_buffer_count(const struct ai_buffer *b)
{
    return b->end - b->begin;
}

static inline char *ai_buffer_bytes(const struct ai_buffer *b)
{
    return b->data + b->begin;
}

/* Where n more bytes may be put, to be followed by ai_buffer_added(). NULL without memory. */
char *ai_buffer_room(struct ai_buffer *b, size_t n);

static inline void ai_buffer_added(struct ai_buffer *b, size_t n)
{
    b->end += n;
}

/* False without memory: then it is as it was. */
bool ai_buffer_append(struct ai_buffer *b, const void *data, size_t n);

static inline void ai_buffer_drop(struct ai_buffer *b, size_t n)
{
    b->begin += n;
    if (b->begin == b->end)
        b->begin = b->end = 0;
}

/* Gives the memory back, and with it what is in it. */
void ai_buffer_free(struct ai_buffer *b);

/* Gives the memory back that is kept for this thread's buffers to come. */
void ai_buffers_trim(void);

#endif
