/* Where a thread is: its registers and a copy of the nearer part of its stack, to be looked at in
 * peace while it goes on.
 *
 * A thread that computes is asked by a signal, in whose handler it copies both itself. One that
 * sleeps in the kernel is not disturbed: the kernel tells where its stack is, and the memory is
 * read as it lies. Then only two registers are known, which is nearly always enough. */
#ifndef AI_BASE_SNAPSHOT_H
#define AI_BASE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    AI_SNAPSHOT_STACK = 64 << 10, /* the most that is copied */
#if defined(__x86_64__)
    AI_REGISTERS = 17, /* by their numbers in DWARF; the last is the return address: pc */
    AI_REGISTER_FRAME = 6,
    AI_REGISTER_STACK = 7,
#elif defined(__aarch64__)
    AI_REGISTERS = 32,
    AI_REGISTER_FRAME = 29,
    AI_REGISTER_STACK = 31,
#else /* none is ever taken */
    AI_REGISTERS = 1,
    AI_REGISTER_FRAME = 0,
    AI_REGISTER_STACK = 0,
#endif
};

struct ai_snapshot {
    uintptr_t pc;
    bool returns_there; /* it is where a call returns to; else an instruction to be run */
    bool knows_frame;   /* the frame pointer is known */
    uint64_t registers[AI_REGISTERS];
    uintptr_t base; /* what was copied begins here, a little below the stack pointer, */
    size_t size;    /* and is so long */
    char stack[AI_SNAPSHOT_STACK];
};

/* Of the thread this is called on, as a signal found it; in the handler. Nothing from `end` on is
 * copied. False where it cannot be had. */
bool ai_snapshot_interrupted(struct ai_snapshot *s, const void *ucontext, uintptr_t end);

/* In the handler of a signal that has interrupted a system call, which would fail with EINTR: it is
 * made again when the handler returns, where that can be done (x86-64, calls of a C library). Only
 * for a signal that comes as the call begins, since time-outs begin anew. */
void ai_snapshot_repeat_call(void *ucontext);

/* Of who calls this. */
bool ai_snapshot_here(struct ai_snapshot *s, uintptr_t end);

enum ai_activity { AI_RUNS, AI_SLEEPS, AI_UNKNOWN };

/* Of another thread of the process. Where it sleeps in a system call, the snapshot is taken; where
 * it runs it is to be asked by a signal, which does no harm then. */
enum ai_activity ai_snapshot_thread(struct ai_snapshot *s, pid_t thread, uintptr_t end);

/* Whether that thread would not take the signal now. */
bool ai_thread_blocks(pid_t thread, int signo);

#endif
