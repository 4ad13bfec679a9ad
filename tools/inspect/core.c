#include "core.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOT_OPENED = -2 };

/* n bytes of the file, or NULL where it is too short. */
static const void *at(const struct core *c, uint64_t offset, uint64_t n)
{
    return offset <= c->size && n <= c->size - offset ? c->bytes + offset : NULL;
}

static void *more(void *array, size_t count, size_t size)
{
    array = realloc(array, (count + 1) * size);
    if (!array)
        abort();
    return array;
}

/* --- Notes --- */

/* NT_FILE: how many, the size of a page; start, end, page offset of each; then their names. */
static void take_files(struct core *c, const char *data, size_t size)
{
    const uint64_t *words = (const void *)data;

    if (size < 16 || words[0] > size / 24)
        return;
    size_t n = words[0];
    const char *name = data + 16 + n * 24, *end = data + size;
    c->files = calloc(n ? n : 1, sizeof *c->files);
    c->descriptors = malloc((n ? n : 1) * sizeof *c->descriptors);
    if (!c->files || !c->descriptors)
        abort();
    for (size_t i = 0; i < n && name < end && memchr(name, 0, (size_t)(end - name)); i++) {
        const uint64_t *w = words + 2 + i * 3;
        c->files[i] = (struct mapping){w[0], w[1], w[2] * words[1], name};
        c->descriptors[i] = NOT_OPENED;
        c->files_count = i + 1;
        name += strlen(name) + 1;
    }
}

static void take_thread(struct core *c, const char *data, size_t size)
{
    const prstatus_t *status = (const void *)data;

    if (size < sizeof *status)
        return;
    c->threads = more(c->threads, c->threads_count, sizeof *c->threads);
    c->threads[c->threads_count++] =
        (struct core_thread){status->pr_pid, &status->pr_reg, sizeof status->pr_reg};
}

static void take_notes(struct core *c, const char *data, size_t size)
{
    while (size >= sizeof(Elf64_Nhdr)) {
        const Elf64_Nhdr *note = (const void *)data;
        size_t name = ((size_t)note->n_namesz + 3) & ~(size_t)3;
        size_t content = ((size_t)note->n_descsz + 3) & ~(size_t)3;
        size_t whole = sizeof *note + name + content;
        if (whole > size)
            return;
        const char *descriptor = data + sizeof *note + name;
        if (note->n_type == NT_PRSTATUS)
            take_thread(c, descriptor, note->n_descsz);
        else if (note->n_type == NT_FILE && !c->files)
            take_files(c, descriptor, note->n_descsz);
        data += whole;
        size -= whole;
    }
}

/* --- Opening --- */

static void take_segment(struct core *c, const Elf64_Phdr *p)
{
    const void *bytes = at(c, p->p_offset, p->p_filesz);

    if (p->p_type == PT_NOTE && bytes)
        take_notes(c, bytes, p->p_filesz);
    if (p->p_type != PT_LOAD || p->p_filesz == 0)
        return;
    uint64_t there = p->p_offset < c->size ? c->size - p->p_offset : 0;
    c->segments = more(c->segments, c->segments_count, sizeof *c->segments);
    c->segments[c->segments_count++] =
        (struct segment){p->p_vaddr, p->p_filesz < there ? p->p_filesz : there, p->p_offset};
}

/* Beyond 65,534 headers their number is in the first section. */
static size_t headers(const struct core *c, const Elf64_Ehdr *e)
{
    const Elf64_Shdr *first = at(c, e->e_shoff, sizeof *first);

    return e->e_phnum == PN_XNUM && first ? first->sh_info : e->e_phnum;
}

static bool is_core(const struct core *c, const Elf64_Ehdr *e)
{
    return e && memcmp(e->e_ident, ELFMAG, SELFMAG) == 0 && e->e_ident[EI_CLASS] == ELFCLASS64 &&
           e->e_type == ET_CORE && e->e_phentsize == sizeof(Elf64_Phdr) &&
           at(c, e->e_phoff, headers(c, e) * sizeof(Elf64_Phdr));
}

static bool map_file(struct core *c, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) < 0 || (st.st_size > 0 && !S_ISREG(st.st_mode))) {
        int error = fd < 0 ? errno : EINVAL;
        if (fd >= 0)
            close(fd);
        errno = error;
        return false;
    }
    c->size = (size_t)st.st_size;
    void *bytes = c->size ? mmap(NULL, c->size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    c->bytes = bytes == MAP_FAILED ? NULL : bytes;
    close(fd);
    return bytes != MAP_FAILED;
}

struct core *core_open(const char *path, char *why, size_t why_size)
{
    struct core *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->path = strdup(path);
    bool mapped = map_file(c, path);
    const Elf64_Ehdr *e = mapped ? at(c, 0, sizeof *e) : NULL;
    if (!is_core(c, e)) {
        snprintf(why, why_size, "%s: %s", path, mapped ? "is no core file" : strerror(errno));
        core_close(c);
        return NULL;
    }
    const Elf64_Phdr *p = at(c, e->e_phoff, 0);
    for (size_t i = 0; i < headers(c, e); i++)
        take_segment(c, &p[i]);
    return c;
}

void core_close(struct core *c)
{
    for (size_t i = 0; i < c->files_count; i++) {
        if (c->descriptors[i] >= 0)
            close(c->descriptors[i]);
    }
    if (c->bytes)
        munmap((void *)c->bytes, c->size);
    free(c->files);
    free(c->descriptors);
    free(c->segments);
    free(c->threads);
    free(c->path);
    free(c);
}

/* --- Reading --- */

static bool read_file(struct core *c, uint64_t address, void *to, size_t n)
{
    for (size_t i = 0; i < c->files_count; i++) {
        const struct mapping *f = &c->files[i];
        if (address < f->start || address >= f->end || n > f->end - address)
            continue;
        if (c->descriptors[i] == NOT_OPENED)
            c->descriptors[i] = open(f->path, O_RDONLY | O_CLOEXEC);
        off_t offset = (off_t)(address - f->start + f->offset);
        return c->descriptors[i] >= 0 && pread(c->descriptors[i], to, n, offset) > 0;
    }
    return false;
}

/* What was never written lies in the files. The last page of one may be short: zeroes follow. */
bool core_read(struct core *c, uint64_t address, void *to, size_t n)
{
    for (size_t i = 0; i < c->segments_count; i++) {
        const struct segment *s = &c->segments[i];
        if (address < s->start || address - s->start >= s->size ||
            n > s->size - (address - s->start))
            continue;
        memcpy(to, c->bytes + s->offset + (address - s->start), n);
        return true;
    }
    memset(to, 0, n);
    return read_file(c, address, to, n);
}

size_t core_registers(const struct core *c, pid_t tid, const void **registers)
{
    for (size_t i = 0; i < c->threads_count; i++) {
        if (c->threads[i].tid == tid) {
            *registers = c->threads[i].registers;
            return c->threads[i].size;
        }
    }
    return 0;
}
