/* A task is a thread to elfutils: it has registers, those that the switch has saved, and memory. */
#include "backtrace.h"

#include <stdio.h>

#ifdef HAVE_LIBDW
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FRAMES = 256, BUCKETS = 1024 };

/* A backtrace that was made, for other tasks that are in the same place: most of many are. */
struct known {
    struct known *next;
    uint64_t key;
    size_t count;
    struct frame frames[];
};

struct backtracer {
    const struct snapshot *s;
    Dwfl *dwfl;
    struct known *known[BUCKETS];
    size_t task; /* that is being unwound */
    struct frame found[MOST_FRAMES];
    size_t found_count;
    int frames;
    size_t call;  /* of the task's coroutines, the next to be met */
    bool skipped; /* the library's own frames are being left out */
};

/* --- What elfutils asks for --- */

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
    struct backtracer *b = arg;
    (void)dwfl;

    if (*thread_arg)
        return 0;
    *thread_arg = b;
    return 1;
}

/* The parked stack as it was in the snapshot; else what is there now. */
static bool read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *result, void *arg)
{
    struct backtracer *b = arg;
    const struct task *t = &b->s->tasks[b->task];
    (void)dwfl;

    if (t->stack && address >= t->sp && address + sizeof *result <= t->high) {
        memcpy(result, t->stack + (address - t->sp), sizeof *result);
        return true;
    }
    return memory_read(b->s->memory, address, result, sizeof *result);
}

/* By DWARF's numbers. */
static bool set_x86_64(Dwfl_Thread *thread, const struct task *t)
{
    static const int order[] = {15, 14, 13, 12, 3, 6, 16}; /* r15 to r12, rbx, rbp, the address */
    Dwarf_Word saved[7], sp = t->sp + sizeof saved;

    memcpy(saved, t->stack, sizeof saved);
    for (int i = 0; i < 7; i++) {
        if (!dwfl_thread_state_registers(thread, order[i], 1, &saved[i]))
            return false;
    }
    return dwfl_thread_state_registers(thread, 7, 1, &sp);
}

static bool set_aarch64(Dwfl_Thread *thread, const struct task *t)
{
    enum { FRAME = 160 };
    Dwarf_Word saved[12], sp = t->sp + FRAME; /* x19 to x30 */

    memcpy(saved, t->stack, sizeof saved);
    dwfl_thread_state_register_pc(thread, saved[11]);
    return dwfl_thread_state_registers(thread, 19, 12, saved) &&
           dwfl_thread_state_registers(thread, 31, 1, &sp);
}

/* As struct user_regs_struct of the two has them. */
static bool set_running(Dwfl_Thread *thread, const struct loop *loop, int machine)
{
    static const int x86_64[] = {15, 14, 13, 12, 6, 3,  11, 10, 9,  8,
                                 0,  2,  1,  4,  5, -1, 16, -1, -1, 7};
    Dwarf_Word words[64] = {0};
    bool set = loop->registers.size > 0;

    memcpy(words, loop->registers.bytes,
           loop->registers.size < sizeof words ? loop->registers.size : sizeof words);
    if (machine == AI_INSPECT_AARCH64) {
        dwfl_thread_state_register_pc(thread, words[32]);
        return set && dwfl_thread_state_registers(thread, 0, 32, words);
    }
    for (int i = 0; i < 20 && set; i++)
        set = x86_64[i] < 0 || dwfl_thread_state_registers(thread, x86_64[i], 1, &words[i]);
    return set;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
    struct backtracer *b = arg;
    const struct task *t = &b->s->tasks[b->task];
    int machine = b->s->layout.machine;

    if (t->state == RUNNING)
        return set_running(thread, &b->s->loops[t->loop], machine);
    if (machine == AI_INSPECT_AARCH64)
        return t->high - t->sp >= 160 && set_aarch64(thread, t);
    return machine == AI_INSPECT_X86_64 && t->high - t->sp >= 56 && set_x86_64(thread, t);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
    .next_thread = next_thread,
    .memory_read = read_memory,
    .set_initial_registers = set_registers,
};

/* --- Frames --- */

static const char *without(const char *name, const char *prefix)
{
    size_t n = strlen(prefix);

    return name && strncmp(name, prefix, n) == 0 ? name + n : NULL;
}

/* Whether the frame is of the function that the task's next coroutine is awaiting in: below it the
 * user's frames go on. */
static bool goes_on(const struct backtracer *b, const char *function)
{
    const struct task *t = &b->s->tasks[b->task];

    return b->call < t->calls_count && function && t->calls[b->call].function &&
           strcmp(function, t->calls[b->call].function) == 0;
}

/* The body of a coroutine is shown under its own name; what calls it, and what the library has on
 * the stack up to the coroutine that awaits it, is not shown. */
static void meet(struct backtracer *b, struct frame *frame)
{
    const char *body = without(frame->function, "asyncio__body_");

    if (without(frame->function, "asyncio__await_")) {
        b->skipped = true;
        return;
    }
    frame->function = body ? body : frame->function;
    if (b->skipped && !goes_on(b, frame->function))
        return;
    b->skipped = false;
    b->call += body != NULL;
    if (b->found_count < MOST_FRAMES)
        b->found[b->found_count++] = *frame;
}

/* Not all compilers write an index of addresses, and where some did it is wrong for the others. */
static Dwarf_Die *unit_at(Dwfl_Module *module, Dwarf_Addr pc, Dwarf_Addr *bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(module, pc, bias);

    if (unit && dwarf_haspc(unit, pc - *bias) > 0)
        return unit;
    unit = NULL;
    while ((unit = dwfl_module_nextcu(module, unit, bias))) {
        if (dwarf_haspc(unit, pc - *bias) > 0)
            return unit;
    }
    return NULL;
}

static void locate(Dwfl_Module *module, Dwarf_Addr pc, struct frame *frame)
{
    Dwarf_Addr bias;
    Dwarf_Die *unit = unit_at(module, pc, &bias);
    Dwarf_Line *line = unit ? dwarf_getsrc_die(unit, pc - bias) : NULL;

    if (line && dwarf_lineno(line, &frame->line) == 0)
        frame->file = dwarf_linesrc(line, NULL, NULL);
}

/* Outwards from the innermost, as the code lies; dwarf_getscopes() alone goes on with where an
 * inlined function was defined. */
static int scopes_at(Dwarf_Die *cu, Dwarf_Addr pc, Dwarf_Die **scopes)
{
    Dwarf_Die *lexical = NULL;
    int n = dwarf_getscopes(cu, pc, &lexical);

    n = n > 0 ? dwarf_getscopes_die(&lexical[0], scopes) : 0;
    free(lexical);
    return n;
}

/* The functions that were inlined where this address is, each where it was called. */
static void meet_inlined(struct backtracer *b, Dwfl_Module *module, Dwarf_Addr pc,
                         struct frame *frame)
{
    Dwarf_Addr bias;
    Dwarf_Die *cu = unit_at(module, pc, &bias), *scopes = NULL;
    int n = cu ? scopes_at(cu, pc - bias, &scopes) : 0;
    const char *outer = frame->function;

    for (int i = 0; i < n; i++) {
        Dwarf_Attribute attribute;
        Dwarf_Word line = 0, file = 0;
        Dwarf_Files *files;
        if (dwarf_tag(&scopes[i]) != DW_TAG_inlined_subroutine)
            continue;
        frame->function = dwarf_diename(&scopes[i]);
        frame->inlined = true;
        meet(b, frame);
        dwarf_formudata(dwarf_attr(&scopes[i], DW_AT_call_line, &attribute), &line);
        dwarf_formudata(dwarf_attr(&scopes[i], DW_AT_call_file, &attribute), &file);
        frame->line = (int)line;
        if (dwarf_getsrcfiles(cu, &files, NULL) == 0)
            frame->file = dwarf_filesrc(files, file, NULL, NULL);
    }
    free(scopes);
    frame->function = outer;
    frame->inlined = false;
}

static int take_frame(Dwfl_Frame *state, void *arg)
{
    struct backtracer *b = arg;
    Dwarf_Addr pc;
    bool exact;

    if (!dwfl_frame_pc(state, &pc, &exact) || pc == 0)
        return DWARF_CB_ABORT;
    Dwarf_Addr at = exact ? pc : pc - 1;
    Dwfl_Module *module = dwfl_addrmodule(b->dwfl, at);
    struct frame frame = {.pc = pc};
    if (module) {
        frame.function = dwfl_module_addrname(module, at);
        frame.module = dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
        locate(module, at, &frame);
        meet_inlined(b, module, at, &frame);
    }
    meet(b, &frame);
    return ++b->frames < MOST_FRAMES ? DWARF_CB_OK : DWARF_CB_ABORT;
}

static bool is_mapped(const struct backtracer *b, uint64_t address)
{
    size_t count, low = 0;
    const struct mapping *m = memory_mappings(b->s->memory, &count);

    for (size_t high = count; low < high;) {
        size_t middle = (low + high) / 2;
        if (address >= m[middle].end)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && address >= m[low].start;
}

/* What unwinding depends on: the addresses of code on the stack, and those within it, which are
 * taken from its own beginning, each with its place. */
static uint64_t key_of(const struct backtracer *b, const struct task *t)
{
    uint64_t key = 14695981039346656037u;

    for (uint64_t at = 0; at + 8 <= t->high - t->sp; at += 8) {
        uint64_t word;
        memcpy(&word, t->stack + at, sizeof word);
        bool inside = word >= t->sp && word < t->high;
        if (inside || is_mapped(b, word))
            key = ((key ^ (inside ? word - t->sp : word)) * 1099511628211u ^ at) * 1099511628211u;
    }
    return key;
}

static void unwind(struct backtracer *b, size_t task)
{
    b->task = task;
    b->frames = 0;
    b->found_count = 0;
    b->call = 0;
    b->skipped = b->s->tasks[task].state != RUNNING;
    dwfl_getthread_frames(b->dwfl, 1, take_frame, b);
}

static const struct known *remember(struct backtracer *b, uint64_t key)
{
    struct known *k = malloc(sizeof *k + b->found_count * sizeof *k->frames);

    if (!k)
        abort();
    *k = (struct known){b->known[key % BUCKETS], key, b->found_count};
    memcpy(k->frames, b->found, b->found_count * sizeof *k->frames);
    return b->known[key % BUCKETS] = k;
}

static const struct known *look_up(struct backtracer *b, size_t task)
{
    uint64_t key = key_of(b, &b->s->tasks[task]);

    for (const struct known *k = b->known[key % BUCKETS]; k; k = k->next) {
        if (k->key == key)
            return k;
    }
    unwind(b, task);
    return remember(b, key);
}

void backtrace_of(struct backtracer *b, size_t task,
                  void (*take)(const struct frame *frame, void *arg), void *arg)
{
    const struct task *t = &b->s->tasks[task];

    if (t->state == RUNNING) {
        unwind(b, task);
        for (size_t i = 0; i < b->found_count; i++)
            take(&b->found[i], arg);
    } else if (t->stack) {
        const struct known *k = look_up(b, task);
        for (size_t i = 0; i < k->count; i++)
            take(&k->frames[i], arg);
    }
}

/* --- Opening --- */

static char *debuginfo_path;

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_linux_proc_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .debuginfo_path = &debuginfo_path,
};

static const Dwfl_Callbacks core_callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .debuginfo_path = &debuginfo_path,
};

/* Each file that is mapped, where it lies. */
static bool report_core(struct backtracer *b)
{
    size_t n;
    const struct mapping *m = memory_mappings(b->s->memory, &n);

    dwfl_report_begin(b->dwfl);
    for (size_t i = 0; i < n; i++) {
        if (m[i].offset == 0 && (i == 0 || strcmp(m[i].path, m[i - 1].path) != 0))
            dwfl_report_elf(b->dwfl, m[i].path, m[i].path, -1, m[i].start, false);
    }
    return dwfl_report_end(b->dwfl, NULL, NULL) == 0;
}

static bool report(struct backtracer *b)
{
    pid_t pid = memory_pid(b->s->memory);

    b->dwfl = dwfl_begin(pid ? &callbacks : &core_callbacks);
    if (!b->dwfl)
        return false;
    if (pid)
        return dwfl_linux_proc_report(b->dwfl, pid) == 0 &&
               dwfl_report_end(b->dwfl, NULL, NULL) == 0;
    return report_core(b);
}

struct backtracer *backtrace_open(const struct snapshot *s, char *why, size_t why_size)
{
    struct backtracer *b = calloc(1, sizeof *b);

    if (!b)
        abort();
    b->s = s;
    if (report(b) && dwfl_attach_state(b->dwfl, NULL, 1, &thread_callbacks, b))
        return b;
    snprintf(why, why_size, "no backtraces: %s", dwfl_errmsg(-1));
    backtrace_close(b);
    return NULL;
}

void backtrace_close(struct backtracer *b)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct known *k = b->known[i], *next; k; k = next) {
            next = k->next;
            free(k);
        }
    }
    if (b->dwfl)
        dwfl_end(b->dwfl);
    free(b);
}

#else

struct backtracer *backtrace_open(const struct snapshot *s, char *why, size_t why_size)
{
    (void)s;
    snprintf(why, why_size,
             "no backtraces: this asyncio command was built without elfutils (libdw)");
    return NULL;
}

void backtrace_close(struct backtracer *b)
{
    (void)b;
}

void backtrace_of(struct backtracer *b, size_t task,
                  void (*take)(const struct frame *frame, void *arg), void *arg)
{
    (void)b, (void)task, (void)take, (void)arg;
}

#endif
