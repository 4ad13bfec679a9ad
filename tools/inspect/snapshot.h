/* The loops and tasks of a process as they were at one moment, and who waits for whom. */
#ifndef INSPECT_SNAPSHOT_H
#define INSPECT_SNAPSHOT_H

#include "inspect/layout.h"
#include "memory.h"

struct strings;

struct line {
    const char *function, *file; /* NULL where it is not known */
    int number;
};

enum state { READY, RUNNING, WAITING };

struct links {
    size_t *at, count; /* numbers of tasks */
};

struct task {
    uint64_t object, type;
    uint64_t record; /* addresses; no record: it has not begun, or needs no stack */
    size_t loop;     /* the number of its loop */
    const char *name, *function;
    enum state state;
    double seconds;      /* it has waited so long */
    char waits_for[128]; /* what it says of it: "sleep", "recv(fd 7)", "gather of 3" */
    struct line *calls;  /* its coroutines, the innermost first, each where it is */
    size_t calls_count;
    struct links awaits, awaited_by;
    int cycle;              /* tasks with the same number other than 0 wait for each other */
    uint64_t sp, low, high; /* of its stack */
    char *stack;            /* what is between sp and high; NULL where it was not asked for */
};

struct loop {
    int tid;
    const char *backend;
    uint64_t thread, polls, submitted;
    int64_t now;
    uint32_t ready, steps; /* in its queue now; taken out of it, ever, modulo 2^32 */
    size_t tasks;          /* of this loop */
    struct {
        char bytes[512]; /* its thread's, as ptrace(2) has them */
        size_t size;
    } registers;
};

struct snapshot {
    struct memory *memory;
    struct ai_inspect layout;
    struct loop *loops;
    size_t loops_count;
    struct task *tasks; /* in the order of their making, loop by loop */
    size_t tasks_count;
    size_t cycles;
    double stopped;    /* for so many seconds */
    char warning[256]; /* what could not be done, or "" */
    struct strings *strings;
};

/* Whether there is a libasyncio in this process; else `why` says what is wrong. */
bool snapshot_find(struct memory *m, struct ai_inspect *layout, char *why, size_t why_size);

/* With the stacks that are parked, or without. The process is stopped meanwhile, if it may be. */
struct snapshot *snapshot_take(struct memory *m, const struct ai_inspect *layout, bool stacks);
void snapshot_free(struct snapshot *s);

#endif
