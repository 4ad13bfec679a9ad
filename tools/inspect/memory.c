#include "memory.h"

#include "core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK ((size_t)64 << 10)
#define PAGE ((size_t)4096)
#define PAGES (BLOCK / PAGE)

enum { AT_ONCE = 512 };

struct block {
    struct block *next;
    uint64_t number;
    uint32_t there; /* a bit for each page that could be read */
    char bytes[BLOCK];
};

struct memory {
    pid_t pid;
    struct core *core;
    struct mapping *mappings;
    size_t count;
    struct block **table;
    size_t size, used;  /* of the table: a power of two */
    struct block *last; /* that was asked for */
};

/* --- Blocks --- */

static bool read_now(struct memory *m, uint64_t address, void *to, size_t n)
{
    if (m->core)
        return core_read(m->core, address, to, n);
    struct iovec here = {to, n}, there = {(void *)(uintptr_t)address, n};
    return process_vm_readv(m->pid, &here, 1, &there, 1, 0) == (ssize_t)n;
}

static void fill(struct memory *m, struct block *b)
{
    if (read_now(m, b->number * BLOCK, b->bytes, BLOCK)) {
        b->there = ~(uint32_t)0;
        return;
    }
    for (unsigned i = 0; i < PAGES; i++) {
        if (read_now(m, b->number * BLOCK + i * PAGE, b->bytes + i * PAGE, PAGE))
            b->there |= 1u << i;
    }
}

static struct block **slot(struct memory *m, uint64_t number)
{
    return &m->table[(number * 0x9e3779b97f4a7c15u >> 32) & (m->size - 1)];
}

static void grow(struct memory *m)
{
    struct block **old = m->table;
    size_t n = m->size;

    m->size = n ? n * 2 : 256;
    m->table = calloc(m->size, sizeof *m->table);
    if (!m->table)
        abort();
    for (size_t i = 0; i < n; i++) {
        for (struct block *b = old[i], *next; b; b = next) {
            next = b->next;
            b->next = *slot(m, b->number);
            *slot(m, b->number) = b;
        }
    }
    free(old);
}

static struct block *block(struct memory *m, uint64_t number)
{
    struct block *b = m->last;

    if (b && b->number == number)
        return b;
    b = m->size ? *slot(m, number) : NULL;
    while (b && b->number != number)
        b = b->next;
    if (b)
        return m->last = b;
    if (m->used >= m->size)
        grow(m);
    b = calloc(1, sizeof *b);
    if (!b)
        abort();
    b->number = number;
    b->next = *slot(m, number);
    *slot(m, number) = b;
    m->used++;
    fill(m, b);
    return b;
}

bool memory_read(struct memory *m, uint64_t address, void *to, size_t n)
{
    char *out = to;

    while (n > 0) {
        size_t at = address % BLOCK, part = PAGE - at % PAGE < n ? PAGE - at % PAGE : n;
        struct block *b = block(m, address / BLOCK);
        if (!(b->there >> at / PAGE & 1))
            return false;
        memcpy(out, b->bytes + at, part);
        out += part;
        address += part;
        n -= part;
    }
    return true;
}

void memory_forget(struct memory *m)
{
    for (size_t i = 0; i < m->size; i++) {
        for (struct block *b = m->table[i], *next; b; b = next) {
            next = b->next;
            free(b);
        }
    }
    free(m->table);
    m->table = NULL;
    m->last = NULL;
    m->size = m->used = 0;
}

/* --- Pieces --- */

static void read_piece(struct memory *m, struct piece *p)
{
    if (!read_now(m, p->address, p->to, p->size))
        memset(p->to, 0, p->size);
}

/* The kernel stops at the first that it cannot read. */
static size_t read_some(struct memory *m, struct piece *pieces, size_t n)
{
    struct iovec here[AT_ONCE] = {0}, there[AT_ONCE] = {0};

    n = n < AT_ONCE ? n : AT_ONCE;
    for (size_t i = 0; i < n; i++) {
        here[i] = (struct iovec){pieces[i].to, pieces[i].size};
        there[i] = (struct iovec){(void *)(uintptr_t)pieces[i].address, pieces[i].size};
    }
    ssize_t got = process_vm_readv(m->pid, here, n, there, n, 0);
    size_t i = 0;
    for (; i < n && got >= (ssize_t)pieces[i].size; i++)
        got -= (ssize_t)pieces[i].size;
    return i;
}

void memory_read_pieces(struct memory *m, struct piece *pieces, size_t n)
{
    for (size_t i = 0; i < n;) {
        if (!m->core)
            i += read_some(m, pieces + i, n - i);
        if (i < n)
            read_piece(m, &pieces[i++]);
    }
}

/* --- Opening --- */

static void add_mapping(struct memory *m, struct mapping mapping)
{
    if ((m->count & (m->count - 1)) == 0)
        m->mappings = realloc(m->mappings, (m->count ? m->count * 2 : 1) * sizeof *m->mappings);
    if (!m->mappings)
        abort();
    m->mappings[m->count++] = mapping;
}

static bool read_maps(struct memory *m)
{
    char name[64], *line = NULL;
    size_t size = 0;

    snprintf(name, sizeof name, "/proc/%d/maps", (int)m->pid);
    FILE *f = fopen(name, "re");
    if (!f)
        return false;
    while (getline(&line, &size, f) > 0) {
        unsigned long start, end, offset;
        int path = 0;
        if (sscanf(line, "%lx-%lx %*s %lx %*s %*s %n", &start, &end, &offset, &path) < 3 || !path)
            continue;
        line[strcspn(line, "\n")] = 0;
        if (line[path] == '/')
            add_mapping(m, (struct mapping){start, end, offset, strdup(line + path)});
    }
    bool read = !ferror(f);
    free(line);
    fclose(f);
    return read;
}

static const char *advice(int error)
{
    FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    int scope = f ? getc(f) : '0';

    if (f)
        fclose(f);
    if (error == EPERM && geteuid() != 0 && scope != '0')
        return "the system lets only parents look at a process (kernel.yama.ptrace_scope): run "
               "this "
               "as root, or `sysctl kernel.yama.ptrace_scope=0`";
    return "it belongs to another user, or is protected: run this as its owner, or as root";
}

struct memory *memory_of_process(pid_t pid, char *why, size_t why_size)
{
    struct memory *m = calloc(1, sizeof *m);
    char probe;

    if (!m)
        abort();
    m->pid = pid;
    errno = 0;
    if (!read_maps(m)) {
        bool gone = errno == ENOENT || errno == ESRCH;
        snprintf(why, why_size, "process %d %s%s", (int)pid,
                 gone ? "is not there" : "cannot be read: ", gone ? "" : advice(errno));
    } else if (m->count == 0) {
        snprintf(why, why_size, "process %d has no memory: it has ended, or is the kernel's",
                 (int)pid);
    } else if (!read_now(m, m->mappings[0].start, &probe, 1) &&
               (errno == EPERM || errno == EACCES)) {
        snprintf(why, why_size, "process %d cannot be read: %s", (int)pid, advice(errno));
    } else {
        return m;
    }
    memory_close(m);
    return NULL;
}

struct memory *memory_of_core(const char *path, char *why, size_t why_size)
{
    struct core *core = core_open(path, why, why_size);
    if (!core)
        return NULL;
    struct memory *m = calloc(1, sizeof *m);
    if (!m)
        abort();
    m->core = core;
    for (size_t i = 0; i < core->files_count; i++) {
        struct mapping mapping = core->files[i];
        mapping.path = strdup(mapping.path);
        add_mapping(m, mapping);
    }
    return m;
}

void memory_close(struct memory *m)
{
    memory_forget(m);
    for (size_t i = 0; i < m->count; i++)
        free((char *)m->mappings[i].path);
    free(m->mappings);
    if (m->core)
        core_close(m->core);
    free(m);
}

const struct mapping *memory_mappings(const struct memory *m, size_t *n)
{
    *n = m->count;
    return m->mappings;
}

pid_t memory_pid(const struct memory *m)
{
    return m->pid;
}

const char *memory_core(const struct memory *m)
{
    return m->core ? m->core->path : NULL;
}

size_t memory_registers(const struct memory *m, pid_t tid, const void **registers)
{
    return m->core ? core_registers(m->core, tid, registers) : 0;
}
