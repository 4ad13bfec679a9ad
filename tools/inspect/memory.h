/* The memory of another process, or what a core file has kept of one. Nobody's code runs there.
 *
 * Blocks that were read are kept: so what is asked for in small pieces is fetched in large ones,
 * and a snapshot reads each byte once. */
#ifndef INSPECT_MEMORY_H
#define INSPECT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct memory;

/* A file that is mapped there, by its first byte. */
struct mapping {
    uint64_t start, end, offset;
    const char *path;
};

/* Of a process, or of a core file; NULL, with a message for its user in `why`. */
struct memory *memory_of_process(pid_t pid, char *why, size_t why_size);
struct memory *memory_of_core(const char *path, char *why, size_t why_size);
void memory_close(struct memory *m);

/* All n bytes, or false. */
bool memory_read(struct memory *m, uint64_t address, void *to, size_t n);

/* Pieces that are not worth keeping, many at a time: those that could not be read are zeroed. */
struct piece {
    uint64_t address;
    void *to;
    size_t size;
};
void memory_read_pieces(struct memory *m, struct piece *pieces, size_t n);

/* Forgets what was read. */
void memory_forget(struct memory *m);

const struct mapping *memory_mappings(const struct memory *m, size_t *n);

/* 0 for a core file. */
pid_t memory_pid(const struct memory *m);
/* NULL for a process. */
const char *memory_core(const struct memory *m);

/* A core's thread's general registers, as ptrace(2) has them; their size, or 0. */
size_t memory_registers(const struct memory *m, pid_t tid, const void **registers);

#endif
