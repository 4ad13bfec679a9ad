/* See snapshot.h. */
#include "base/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

enum { PAGE = 4096, PARTS = AI_SNAPSHOT_STACK / PAGE + 1 };

/* By the kernel, which stops where no memory is, and which no checker of memory takes amiss. The
 * call is a plain one: safe in a handler. */
static size_t read_memory(void *to, uintptr_t from, size_t size)
{
    struct iovec remote[PARTS], local = {to, size};
    unsigned long n = 0;

    for (uintptr_t at = from, next; at < from + size; at = next) {
        next = (at | (PAGE - 1)) + 1;
        if (next > from + size)
            next = from + size;
        remote[n++] = (struct iovec){(void *)at, next - at};
    }
    long got = syscall(SYS_process_vm_readv, getpid(), &local, 1UL, remote, n, 0UL);
    return got > 0 ? (size_t)got : 0;
}

/* With what lies below the stack pointer and may be used: on its way out a function's frame pointer
 * is there. */
static bool copy_stack(struct ai_snapshot *s, uintptr_t end)
{
    enum { RED_ZONE = 128 };
    uintptr_t from = (s->registers[AI_REGISTER_STACK] & ~(uintptr_t)7) - RED_ZONE;
    size_t size = end > from && end - from < AI_SNAPSHOT_STACK ? end - from : AI_SNAPSHOT_STACK;

    s->base = from;
    s->size = read_memory(s->stack, from, size & ~(size_t)7);
    return s->size > RED_ZONE;
}

#if defined(__x86_64__)

static void copy_registers(struct ai_snapshot *s, const ucontext_t *c)
{
    static const int order[AI_REGISTERS] = {
        REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
        REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP,
    };

    for (unsigned i = 0; i < AI_REGISTERS; i++)
        s->registers[i] = (uint64_t)c->uc_mcontext.gregs[order[i]];
    s->pc = (uintptr_t)c->uc_mcontext.gregs[REG_RIP];
}

/* The call's number is lost, but is in the instruction before: `mov $number, %eax; syscall`. What
 * it was given is still in its registers. */
void ai_snapshot_repeat_call(void *ucontext)
{
    enum { LENGTH = 7 };
    greg_t *registers = ((ucontext_t *)ucontext)->uc_mcontext.gregs;
    unsigned char code[LENGTH];

    if (registers[REG_RAX] != -EINTR ||
        read_memory(code, (uintptr_t)registers[REG_RIP] - LENGTH, LENGTH) != LENGTH)
        return;
    if (code[0] == 0xb8 && code[3] == 0 && code[4] == 0 && code[5] == 0x0f && code[6] == 0x05)
        registers[REG_RIP] -= LENGTH;
}

#elif defined(__aarch64__)

static void copy_registers(struct ai_snapshot *s, const ucontext_t *c)
{
    memcpy(s->registers, c->uc_mcontext.regs, 31 * sizeof *s->registers);
    s->registers[AI_REGISTER_STACK] = c->uc_mcontext.sp;
    s->pc = c->uc_mcontext.pc;
}

#else

static void copy_registers(struct ai_snapshot *s, const ucontext_t *c)
{
    (void)s, (void)c;
}

#endif

#ifndef __x86_64__
void ai_snapshot_repeat_call(void *ucontext)
{
    (void)ucontext;
}
#endif

static void begin(struct ai_snapshot *s)
{
    memset(s->registers, 0, sizeof s->registers);
    s->pc = 0;
    s->size = 0;
    s->returns_there = s->knows_frame = false;
}

/* Those that matter to whoever called the caller; the rest is not known. */
static void set(struct ai_snapshot *s, uintptr_t pc, uintptr_t sp)
{
    s->pc = pc;
    s->registers[AI_REGISTER_STACK] = sp;
#ifdef __x86_64__
    s->registers[AI_REGISTERS - 1] = pc;
#endif
}

bool ai_snapshot_interrupted(struct ai_snapshot *s, const void *ucontext, uintptr_t end)
{
    begin(s);
    copy_registers(s, ucontext);
    s->knows_frame = true;
    return s->pc && copy_stack(s, end);
}

#if defined(__x86_64__) || defined(__aarch64__)

__attribute__((noinline)) bool ai_snapshot_here(struct ai_snapshot *s, uintptr_t end)
{
    begin(s);
    set(s, (uintptr_t)__builtin_return_address(0), (uintptr_t)__builtin_dwarf_cfa());
    s->registers[AI_REGISTER_FRAME] = *(uintptr_t *)__builtin_frame_address(0);
    s->returns_there = s->knows_frame = true;
    return copy_stack(s, end);
}

#else

bool ai_snapshot_here(struct ai_snapshot *s, uintptr_t end)
{
    begin(s);
    (void)end;
    return false;
}

#endif

/* --- A thread that sleeps --- */

static bool ask_kernel(pid_t thread, const char *what, char *buf, size_t size)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/self/task/%d/%s", (int)thread, what);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, buf, size - 1);
    close(fd);
    buf[n > 0 ? n : 0] = 0;
    return n > 0;
}

/* "running", or the number of the system call, its arguments, the stack pointer and the pc. */
static bool parse(const char *line, uintptr_t *sp, uintptr_t *pc)
{
    unsigned long a, b;

    if (sscanf(line, "%*d %*x %*x %*x %*x %*x %*x %lx %lx", &a, &b) != 2)
        return false;
    *sp = a;
    *pc = b;
    return true;
}

enum ai_activity ai_snapshot_thread(struct ai_snapshot *s, pid_t thread, uintptr_t end)
{
    char line[256], again[256];
    uintptr_t sp, pc;

    begin(s);
    if (AI_REGISTERS == 1 || !ask_kernel(thread, "syscall", line, sizeof line))
        return AI_UNKNOWN;
    if (!parse(line, &sp, &pc))
        return AI_RUNS;
    set(s, pc, sp);
    if (!copy_stack(s, end))
        return AI_UNKNOWN;
    /* Copied in its sleep? */
    return ask_kernel(thread, "syscall", again, sizeof again) && strcmp(line, again) == 0
               ? AI_SLEEPS
               : AI_RUNS;
}

bool ai_thread_blocks(pid_t thread, int signo)
{
    char status[4096];
    unsigned long mask;

    if (!ask_kernel(thread, "status", status, sizeof status))
        return true;
    const char *line = strstr(status, "\nSigBlk:");
    return !line || sscanf(line, "\nSigBlk: %lx", &mask) != 1 || mask >> (signo - 1) & 1;
}
