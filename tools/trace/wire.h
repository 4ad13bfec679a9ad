/* The wire format of protocol buffers: what is in a message, field by field. Nothing is copied; no
 * byte is read beyond the message, whatever is in it. */
#ifndef TRACE_WIRE_H
#define TRACE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const unsigned char *at, *end;
};

/* One field of a message. */
struct field {
    unsigned number;
    uint64_t value;          /* of a number */
    const unsigned char *at; /* of a message or string: its bytes */
    size_t size;
};

/* The next field of the message, or false at its end, or where it makes no sense. */
bool wire_next(struct bytes *b, struct field *f);

static inline struct bytes wire_inside(const struct field *f)
{
    return (struct bytes){f->at, f->at + f->size};
}

#endif
