/* A core file: the segments that it keeps, the files that were mapped (whose unchanged pages it
 * leaves out, and which are read instead), the registers of its threads. */
#ifndef INSPECT_CORE_H
#define INSPECT_CORE_H

#include "memory.h"

struct segment {
    uint64_t start, size; /* of what is in the file */
    uint64_t offset;
};

struct core_thread {
    pid_t tid;
    const void *registers;
    size_t size;
};

struct core {
    char *path;
    const char *bytes; /* the whole file, mapped */
    size_t size;
    struct segment *segments;
    size_t segments_count;
    struct mapping *files; /* their paths lie in the core */
    int *descriptors;      /* of these, -1 where it could not be opened, -2 before */
    size_t files_count;
    struct core_thread *threads;
    size_t threads_count;
};

struct core *core_open(const char *path, char *why, size_t why_size);
void core_close(struct core *c);

bool core_read(struct core *c, uint64_t address, void *to, size_t n);
size_t core_registers(const struct core *c, pid_t tid, const void **registers);

#endif
