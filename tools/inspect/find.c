/* Where the library's layout lies: each mapped file is asked for the note that tells. */
#include "snapshot.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

enum { MOST_HEADERS = 256, MOST_NOTES = 1 << 16 };

/* 0 where there is none. */
static uint64_t look_through_notes(struct memory *m, uint64_t at, uint64_t size)
{
    uint64_t end = at + (size < MOST_NOTES ? size : MOST_NOTES);
    Elf64_Nhdr note;

    while (at + sizeof note <= end && memory_read(m, at, &note, sizeof note)) {
        char owner[sizeof AI_INSPECT_MAGIC];
        uint64_t name = at + sizeof note;
        uint64_t descriptor = name + ((note.n_namesz + 3) & ~3u);
        int64_t distance;
        if (note.n_type == AI_INSPECT_NOTE && note.n_namesz == sizeof owner &&
            note.n_descsz == sizeof distance && memory_read(m, name, owner, sizeof owner) &&
            memcmp(owner, AI_INSPECT_MAGIC, sizeof owner) == 0 &&
            memory_read(m, descriptor, &distance, sizeof distance))
            return descriptor + (uint64_t)distance;
        at = descriptor + ((note.n_descsz + 3) & ~3u);
    }
    return 0;
}

/* A file's headers are where its first byte is. */
static uint64_t look_into_file(struct memory *m, uint64_t base)
{
    Elf64_Ehdr e;
    Elf64_Phdr p[MOST_HEADERS];
    uint64_t bias = 0, found = 0;

    if (!memory_read(m, base, &e, sizeof e) || memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 ||
        e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_phentsize != sizeof *p ||
        e.e_phnum > MOST_HEADERS || !memory_read(m, base + e.e_phoff, p, e.e_phnum * sizeof *p))
        return 0;
    for (unsigned i = e.e_phnum; i-- > 0;) {
        if (p[i].p_type == PT_LOAD)
            bias = base - (p[i].p_vaddr - p[i].p_offset);
    }
    for (unsigned i = 0; i < e.e_phnum && !found; i++) {
        if (p[i].p_type == PT_NOTE)
            found = look_through_notes(m, bias + p[i].p_vaddr, p[i].p_memsz);
    }
    return found;
}

static bool read_layout(struct memory *m, uint64_t at, struct ai_inspect *layout, char *why,
                        size_t why_size)
{
    bool read = memory_read(m, at, layout, sizeof *layout) &&
                memcmp(layout->magic, AI_INSPECT_MAGIC, sizeof layout->magic) == 0;

    layout->library[sizeof layout->library - 1] = 0;
    if (!read)
        snprintf(why, why_size, "what should tell where its tasks are cannot be read");
    else if (layout->version != AI_INSPECT_VERSION || layout->size < sizeof *layout)
        snprintf(why, why_size, "it has libasyncio %s, which this asyncio command does not know",
                 layout->library);
    else
        return true;
    return false;
}

bool snapshot_find(struct memory *m, struct ai_inspect *layout, char *why, size_t why_size)
{
    size_t n;
    const struct mapping *mappings = memory_mappings(m, &n);

    for (size_t i = 0; i < n; i++) {
        uint64_t at = mappings[i].offset == 0 ? look_into_file(m, mappings[i].start) : 0;
        if (at)
            return read_layout(m, at, layout, why, why_size);
    }
    snprintf(why, why_size, "there is no libasyncio in it");
    return false;
}
