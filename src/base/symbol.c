#include "base/symbol.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct image {
    const char *data;
    size_t size;
};

static bool map(struct image *i, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    void *data = MAP_FAILED;

    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && st.st_size > (off_t)sizeof(ElfW(Ehdr)))
        data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    *i = (struct image){data, (size_t)st.st_size};
    return data != MAP_FAILED;
}

/* `size` bytes at `offset`, or NULL beyond the end. */
static const void *at(const struct image *i, size_t offset, size_t size)
{
    return offset <= i->size && size <= i->size - offset ? i->data + offset : NULL;
}

static const ElfW(Shdr) * section(const struct image *i, const ElfW(Ehdr) * h, size_t index)
{
    return index < h->e_shnum ? at(i, h->e_shoff + index * sizeof(ElfW(Shdr)), sizeof(ElfW(Shdr)))
                              : NULL;
}

/* The name of the function at `value` in one symbol table, or NULL. */
static const char *search(const struct image *i, const ElfW(Shdr) * table,
                          const ElfW(Shdr) * strings, uintptr_t value)
{
    size_t n = table->sh_size / sizeof(ElfW(Sym));
    const ElfW(Sym) *symbol = at(i, table->sh_offset, table->sh_size);
    const char *names = at(i, strings->sh_offset, strings->sh_size);

    for (size_t k = 0; symbol && names && k < n; k++) {
        if ((symbol[k].st_info & 15) == STT_FUNC &&
            value - symbol[k].st_value < symbol[k].st_size && symbol[k].st_name < strings->sh_size)
            return names + symbol[k].st_name;
    }
    return NULL;
}

static const char *find(const struct image *i, uintptr_t value)
{
    const ElfW(Ehdr) *h = at(i, 0, sizeof *h);

    if (!h || memcmp(h->e_ident, ELFMAG, SELFMAG) || h->e_shentsize != sizeof(ElfW(Shdr)))
        return NULL;
    for (size_t k = 0; k < h->e_shnum; k++) {
        const ElfW(Shdr) *s = section(i, h, k);
        const ElfW(Shdr) *strings = s ? section(i, h, s->sh_link) : NULL;
        if (s && strings && s->sh_type == SHT_SYMTAB)
            return search(i, s, strings, value);
    }
    return NULL;
}

struct place {
    uintptr_t address, base;
    char path[4096];
    bool found;
};

/* Whether it is this object that the address lies in. */
static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct place *p = arg;
    (void)size;

    for (int k = 0; k < info->dlpi_phnum; k++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[k];
        if (h->p_type != PT_LOAD || p->address - (info->dlpi_addr + h->p_vaddr) >= h->p_memsz)
            continue;
        p->base = info->dlpi_addr;
        snprintf(p->path, sizeof p->path, "%s",
                 *info->dlpi_name ? info->dlpi_name : "/proc/self/exe");
        return p->found = true;
    }
    return 0;
}

static bool in_file(const void *address, char *buf, size_t n)
{
    struct place p = {.address = (uintptr_t)address};
    struct image i;

    dl_iterate_phdr(look, &p);
    if (!p.found || !map(&i, p.path))
        return false;
    const char *name = find(&i, p.address - p.base);
    if (name)
        snprintf(buf, n, "%s", name);
    munmap((void *)i.data, i.size);
    return name;
}

bool ai_symbol(const void *address, char *buf, size_t n)
{
    Dl_info info;

    if (in_file(address, buf, n))
        return true;
    if (!dladdr(address, &info) || !info.dli_sname)
        return false;
    snprintf(buf, n, "%s", info.dli_sname);
    return true;
}
