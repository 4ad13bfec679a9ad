#include "strings.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST = 250, BUCKETS = 1 << 14, CHUNK = 64 << 10 };

struct known {
    struct known *next;
    uint64_t address;
    const char *text;
};

struct chunk {
    struct chunk *next;
    size_t used;
    _Alignas(16) char bytes[CHUNK];
};

struct strings {
    struct chunk *chunks;
    struct known *known[BUCKETS];
};

struct strings *strings_new(void)
{
    struct strings *s = calloc(1, sizeof *s);

    if (!s)
        abort();
    return s;
}

void strings_free(struct strings *s)
{
    for (struct chunk *c = s->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(s);
}

static void *take(struct strings *s, size_t n)
{
    n = (n + 15) & ~(size_t)15;
    if (!s->chunks || s->chunks->used + n > CHUNK) {
        struct chunk *c = malloc(sizeof *c);
        if (!c)
            abort();
        c->next = s->chunks;
        c->used = 0;
        s->chunks = c;
    }
    s->chunks->used += n;
    return s->chunks->bytes + s->chunks->used - n;
}

const char *strings_copy(struct strings *s, const char *text)
{
    size_t n = strlen(text) + 1;

    return memcpy(take(s, n), text, n);
}

static const char *fetch(struct strings *s, struct memory *m, uint64_t address)
{
    char text[LONGEST + 1];
    size_t n = 0;

    for (; n < LONGEST && memory_read(m, address + n, &text[n], 1) && text[n]; n++) {
        if ((unsigned char)text[n] < ' ' || text[n] == 127)
            text[n] = '?';
    }
    if (n == 0)
        return NULL;
    text[n] = 0;
    return strings_copy(s, text);
}

const char *strings_at(struct strings *s, struct memory *m, uint64_t address)
{
    struct known **bucket = &s->known[(address * 0x9e3779b97f4a7c15u >> 40) % BUCKETS],
                 *k = *bucket;

    if (!address)
        return NULL;
    while (k && k->address != address)
        k = k->next;
    if (!k) {
        k = take(s, sizeof *k);
        *k = (struct known){*bucket, address, fetch(s, m, address)};
        *bucket = k;
    }
    return k->text;
}
