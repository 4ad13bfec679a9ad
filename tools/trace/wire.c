#include "wire.h"

static bool varint(struct bytes *b, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; b->at < b->end && shift < 64; shift += 7) {
        unsigned char byte = *b->at++;
        *v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool fixed(struct bytes *b, uint64_t *v, size_t size)
{
    if ((size_t)(b->end - b->at) < size)
        return false;
    *v = 0;
    for (size_t i = size; i-- > 0;)
        *v = *v << 8 | b->at[i];
    b->at += size;
    return true;
}

bool wire_next(struct bytes *b, struct field *f)
{
    uint64_t key;

    if (b->at == b->end || !varint(b, &key) || key >> 3 == 0)
        return false;
    *f = (struct field){.number = (unsigned)(key >> 3)};
    switch (key & 7) {
    case 0:
        return varint(b, &f->value);
    case 1:
        return fixed(b, &f->value, 8);
    case 5:
        return fixed(b, &f->value, 4);
    case 2:
        if (!varint(b, &f->value) || f->value > (size_t)(b->end - b->at))
            return false;
        f->at = b->at;
        f->size = (size_t)f->value;
        b->at += f->size;
        return true;
    default:
        return false;
    }
}
