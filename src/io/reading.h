/* Waiting for input: what all reads, and a filter's handshake, have in common.
 *
 * A reading tries, and where there is not enough it has the connection receive and tries again when
 * it is woken. What it has not taken stays in the connection, so that to cancel one loses nothing.
 * The exception is its short cut: where nothing else is there, a receive that brings all it needs
 * copies that to where it is wanted; cancelled after that, it has succeeded all the same. */
#ifndef AI_IO_READING_H
#define AI_IO_READING_H

#include "io/connection.h"

struct ai_reading {
    struct ai_object object;
    struct ai_connection *connection;
    const struct ai_reading_way *way;
    ssize_t result; /* as a ssize_t, */
    int number;     /* and as an int */
    bool begun, done;
    bool owns;          /* the separators */
    size_t least, most; /* the short cut: how many bytes it is for; most 0: there is none */
    union {
        char *to;    /* where they go */
        char **data; /* or, without a short cut, where to say where they are */
    };
    size_t offset;                 /* how much of the input has been searched */
    const char *const *separators; /* ends in NULL */
};

/* 1 where it is done, its result set; 0 where there is not enough; -errno. */
struct ai_reading_way {
    const char *name; /* as messages have it */
    int (*attempt)(struct ai_reading *r);
    int (*at_end)(struct ai_reading *r); /* and no more will come */
};

int ai_reading_step(void *self, bool cancelled);
void ai_reading_destroy(void *self);

/* A type of readings whose result is of the type of this member. */
#define AI_READING_TYPE(label, member)                                                             \
    {                                                                                              \
        .name = label, .size = sizeof(struct ai_reading),                                          \
        .result_size = sizeof(((struct ai_reading *)0)->member),                                   \
        .result_offset = offsetof(struct ai_reading, member), .result_signed = true,               \
        .pool_class = ASYNCIO__POOL_CLASS(sizeof(struct ai_reading)), .step = ai_reading_step,     \
        .destroy = ai_reading_destroy,                                                             \
    }

/* An unused one, all but the way and what is the connection's zero. NULL without memory. */
struct ai_reading *ai_reading_new(const struct asyncio_awaitable_type *type,
                                  struct ai_connection *c, const struct ai_reading_way *way);

/* Gives it a copy of these, or ends it and returns false, without memory. */
bool ai_reading_separate(struct ai_reading *r, const char *const *separators);

static inline asyncio_any ai_reading_handle(const struct ai_reading *r)
{
    return r ? ai_handle(&r->object) : NULL;
}

/* Its short cut, where there is no other input: how many of these bytes it took. */
size_t ai_reading_take(struct ai_reading *r, const char *data, size_t n);

#endif
