/* See backtrace.h. With elfutils the stack is unwound as debuggers do it; without, by frame
 * pointers, and places are addresses within a file, as addr2line wants them. */
#include "base/backtrace.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FRAMES = 40 };

/* A buffer that is written to its end and no further. */
struct text {
    char *at;
    size_t left;
    const char *last; /* the coroutine told of last, if that is all that was since */
};

static void add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = vsnprintf(t->at, t->left, format, args);
    va_end(args);
    size_t used = n < 0 ? 0 : (size_t)n < t->left ? (size_t)n : t->left ? t->left - 1 : 0;
    t->at += used;
    t->left -= used;
}

/* --- Names --- */

static const struct made_name {
    const char *prefix, *kind;
    bool is_body;
} made_names[] = {
    {"asyncio__body_", "async ", true},
    {"asyncio__await_", "async ", false},
    {"asyncio__iterate_", "async generator ", false},
};

static const struct made_name *made_name(const char *name)
{
    for (size_t i = 0; i < sizeof made_names / sizeof *made_names; i++) {
        if (strncmp(name, made_names[i].prefix, strlen(made_names[i].prefix)) == 0)
            return &made_names[i];
    }
    return NULL;
}

const char *ai_function_name(const char *name, const char **kind)
{
    const struct made_name *made = made_name(name);

    *kind = made ? made->kind : "";
    return name + (made ? strlen(made->prefix) : 0);
}

/* A coroutine is two functions, of which the compiler may leave one. */
static bool is_told(struct text *t, const char *name)
{
    const struct made_name *made = made_name(name);
    const char *function = made ? name + strlen(made->prefix) : NULL;
    bool told = made && !made->is_body && t->last && strcmp(t->last, function) == 0;

    t->last = made && made->is_body ? function : NULL;
    return told;
}

static void add_place(struct text *t, const char *file, int line, const char *name)
{
    const char *kind;

    if (is_told(t, name))
        return;
    const char *function = ai_function_name(name, &kind);
    if (file)
        add(t, "  |   File '%s', line %d, in %s%s()\n", file, line, kind, function);
    else
        add(t, "  |   in %s%s()\n", kind, function);
}

/* --- The stack --- */

static bool word_at(const struct ai_snapshot *s, uint64_t address, uint64_t *word)
{
    uint64_t offset = address - s->base;

    if (offset >= s->size || s->size - offset < sizeof *word)
        return false;
    memcpy(word, s->stack + offset, sizeof *word);
    return true;
}

/* Of a thread that sleeps in the kernel the frame pointer is not known. What it called preserves
 * it: it is still that of the first frame that has one, which looks like this: a pointer farther up
 * the stack, to a frame like it, and the address of a call's return. Any that does not preserve it
 * has saved it, and then it is restored whatever it is taken for. The first that looks so from `at`
 * on, or 0. */
static uint64_t guess_frame(const struct ai_snapshot *s, uint64_t at,
                            bool (*is_code)(uint64_t address, const void *arg), const void *arg)
{
    uint64_t up, back, further;

    for (; word_at(s, at, &up) && word_at(s, at + sizeof up, &back); at += sizeof up) {
        if (up > at && up % sizeof up == 0 && word_at(s, up + sizeof up, &further) &&
            is_code(back, arg) && is_code(further, arg))
            return at;
    }
    return 0;
}

#ifdef AI_HAVE_LIBDW

#include "base/libdw.h"

#include <dwarf.h>
#include <unistd.h>

struct reader {
    const struct ai_libdw *dw;
    Dwfl *session;
    const struct ai_snapshot *snapshot;
    struct text text;
    unsigned frames;
    uint64_t frame;   /* pointer */
    Dwfl_Module *own; /* the library's, if that is one of its own */
    char root[512];   /* where its sources are */
};

/* --- Unwinding --- */

static pid_t next_thread(Dwfl *session, void *arg, void **thread)
{
    (void)session;
    if (*thread)
        return 0;
    *thread = arg;
    return getpid();
}

static bool read_stack(Dwfl *session, Dwarf_Addr at, Dwarf_Word *result, void *arg)
{
    const struct reader *r = arg;
    (void)session;

    return word_at(r->snapshot, at, result);
}

static bool is_code(uint64_t address, const void *arg)
{
    const struct reader *r = arg;

    return r->dw->dwfl_addrmodule(r->session, address);
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
    const struct reader *r = arg;
    uint64_t registers[AI_REGISTERS];

    memcpy(registers, r->snapshot->registers, sizeof registers);
    registers[AI_REGISTER_FRAME] = r->frame;
    r->dw->dwfl_thread_state_register_pc(thread, r->snapshot->pc);
    return r->dw->dwfl_thread_state_registers(thread, 0, AI_REGISTERS, registers);
}

static int count_frame(Dwfl_Frame *frame, void *arg)
{
    struct reader *r = arg;
    (void)frame;

    return ++r->frames < MOST_FRAMES ? DWARF_CB_OK : DWARF_CB_ABORT;
}

static unsigned frames_with(struct reader *r, uint64_t frame)
{
    r->frame = frame;
    r->frames = 0;
    r->dw->dwfl_getthread_frames(r->session, getpid(), count_frame, r);
    return r->frames < MOST_FRAMES ? r->frames : 0; /* it goes round in circles */
}

/* Wrong ones lead nowhere soon. */
static uint64_t find_frame(struct reader *r)
{
    enum { MOST_TRIED = 64 };
    uint64_t at = r->snapshot->registers[AI_REGISTER_STACK], best = 0;
    unsigned most = frames_with(r, 0);

    for (int i = 0; i < MOST_TRIED && (at = guess_frame(r->snapshot, at, is_code, r)) != 0; i++) {
        unsigned n = frames_with(r, at);
        if (n > most) {
            most = n;
            best = at;
        }
        at += sizeof at;
    }
    return best;
}

/* --- Places --- */

static bool is_ours(const struct reader *r, Dwfl_Module *module, const char *file)
{
    return file ? *r->root && strncmp(file, r->root, strlen(r->root)) == 0 : module == r->own;
}

/* The library's own ways are of no interest, nor a sanitizer's; what was called of it is. */
static void add_function(struct reader *r, Dwfl_Module *module, const char *file, int line,
                         const char *name)
{
    if (strncmp(name, "__interceptor_", 14) == 0)
        return;
    if (is_ours(r, module, file) && (strncmp(name, "asyncio_", 8) != 0 || name[8] == '_'))
        return;
    add_place(&r->text, file, line, name);
}

static unsigned attribute(const struct ai_libdw *dw, Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute memory, *a = dw->dwarf_attr(die, name, &memory);
    Dwarf_Word value = 0;

    return a && dw->dwarf_formudata(a, &value) == 0 ? (unsigned)value : 0;
}

static const char *file_of_call(const struct ai_libdw *dw, Dwarf_Die *unit, Dwarf_Die *die)
{
    Dwarf_Files *files;
    size_t n;
    unsigned i = attribute(dw, die, DW_AT_call_file);

    return i && dw->dwarf_getsrcfiles(unit, &files, &n) == 0 && i < n
               ? dw->dwarf_filesrc(files, i, NULL, NULL)
               : NULL;
}

/* The function at this place, and those that it was inlined into; false where nothing is known. */
static bool add_scopes(struct reader *r, Dwfl_Module *module, Dwarf_Addr pc, const char *file,
                       int line)
{
    const struct ai_libdw *dw = r->dw;
    Dwarf_Addr bias;
    Dwarf_Die *unit = ai_libdw_unit(dw, module, pc, &bias), *scopes = NULL, *around = NULL;
    const char *inlined = "";
    bool found = false;
    int n = unit ? dw->dwarf_getscopes(unit, pc - bias, &scopes) : 0;

    n = n > 0 ? dw->dwarf_getscopes_die(&scopes[0], &around) : 0;
    for (int i = 0; i < n && !found; i++) {
        int tag = dw->dwarf_tag(&around[i]);
        const char *name = dw->dwarf_diename(&around[i]);
        found = tag == DW_TAG_subprogram;
        if ((!found && tag != DW_TAG_inlined_subroutine) || !name)
            continue;
        if (strcmp(name, inlined) != 0) /* a part of a function that was split */
            add_function(r, module, file, line, name);
        inlined = name;
        file = file_of_call(dw, unit, &around[i]);
        line = (int)attribute(dw, &around[i], DW_AT_call_line);
    }
    free(around);
    free(scopes);
    return found;
}

static const char *file_of_module(const struct reader *r, Dwfl_Module *module, Dwarf_Addr *start)
{
    const char *name = r->dw->dwfl_module_info(module, NULL, start, NULL, NULL, NULL, NULL, NULL);

    return name ? name : "";
}

static void add_unknown(struct reader *r, Dwfl_Module *module, Dwarf_Addr pc)
{
    const char *name = r->dw->dwfl_module_addrname(module, pc);
    Dwarf_Addr start = 0;
    const char *file = file_of_module(r, module, &start);

    if (name)
        add_function(r, module, NULL, 0, name);
    else if (module != r->own)
        add(&r->text, "  |   in %s+%#llx\n", file, (unsigned long long)(pc - start));
}

static int add_frame(Dwfl_Frame *frame, void *arg)
{
    struct reader *r = arg;
    Dwarf_Addr pc;
    bool exact;
    int line = 0;

    if (!r->dw->dwfl_frame_pc(frame, &pc, &exact))
        return DWARF_CB_ABORT;
    if (!exact || (r->frames == 0 && r->snapshot->returns_there))
        pc--; /* within the call, not after it */
    Dwfl_Module *module = r->dw->dwfl_addrmodule(r->session, pc);
    if (!module)
        return DWARF_CB_ABORT;
    const char *file = ai_libdw_source(r->dw, module, pc, &line);
    if (!file || !add_scopes(r, module, pc, file, line))
        add_unknown(r, module, pc);
    return ++r->frames < MOST_FRAMES ? DWARF_CB_OK : DWARF_CB_ABORT;
}

/* What is the library's own is told by where this file is from. */
static void know_own(struct reader *r)
{
    static const char this[] = "base/backtrace.c";
    Dwarf_Addr here = (uintptr_t)ai_backtrace;
    int line;

    Dwfl_Module *module = r->dw->dwfl_addrmodule(r->session, here);
    const char *file = module ? ai_libdw_source(r->dw, module, here, &line) : NULL;
    size_t length = file ? strlen(file) : 0;
    if (length >= sizeof this && length < sizeof r->root &&
        strcmp(file + length - strlen(this), this) == 0)
        memcpy(r->root, file, length - strlen(this)); /* and a zero is there */
    if (module && strstr(file_of_module(r, module, NULL), "libasyncio"))
        r->own = module;
}

static bool read_all(const struct ai_libdw *dw, Dwfl *session, void *arg)
{
    static const Dwfl_Thread_Callbacks callbacks = {
        .next_thread = next_thread,
        .memory_read = read_stack,
        .set_initial_registers = set_registers,
    };
    struct reader *r = arg;

    r->dw = dw;
    r->session = session;
    know_own(r);
    if (!dw->dwfl_attach_state(session, NULL, getpid(), &callbacks, r))
        return false;
    r->frame = r->snapshot->registers[AI_REGISTER_FRAME];
    if (!r->snapshot->knows_frame)
        r->frame = find_frame(r);
    r->frames = 0;
    dw->dwfl_getthread_frames(session, getpid(), add_frame, r);
    return r->frames;
}

static bool read_by_libdw(const struct ai_snapshot *s, char *buf, size_t n)
{
    struct reader reader = {.snapshot = s, .text = {.at = buf, .left = n}};

    return ai_libdw_run(read_all, &reader);
}

#else

static bool read_by_libdw(const struct ai_snapshot *s, char *buf, size_t n)
{
    (void)s, (void)buf, (void)n;
    return false;
}

#endif

/* --- Without elfutils --- */

/* In a program linked statically there is nothing that dladdr() knows. */
extern const char __executable_start[] __attribute__((weak));
extern const char etext[] __attribute__((weak));

static bool find_file(uintptr_t pc, Dl_info *info)
{
    if (dladdr((void *)pc, info))
        return true;
    *info = (Dl_info){.dli_fname = program_invocation_name,
                      .dli_fbase = (void *)(uintptr_t)__executable_start};
    return pc >= (uintptr_t)__executable_start && pc < (uintptr_t)etext;
}

static bool is_mapped_code(uint64_t address, const void *unused)
{
    Dl_info info;
    (void)unused;

    return find_file((uintptr_t)address, &info);
}

/* As addr2line wants it. */
static uintptr_t address_in_file(const Dl_info *info, uintptr_t pc)
{
    const ElfW(Ehdr) *header = info->dli_fbase;

    return header->e_type == ET_EXEC ? pc : pc - (uintptr_t)info->dli_fbase;
}

static bool add_address(struct text *t, uintptr_t pc)
{
    Dl_info info;

    if (!find_file(pc, &info))
        return false;
    if (info.dli_sname)
        add_place(t, NULL, 0, info.dli_sname);
    else
        add(t, "  |   in %s+%#lx\n", info.dli_fname, (unsigned long)address_in_file(&info, pc));
    return true;
}

static void follow_frames(const struct ai_snapshot *s, char *buf, size_t n)
{
    struct text t = {.at = buf, .left = n};
    uint64_t frame = s->knows_frame
                         ? s->registers[AI_REGISTER_FRAME]
                         : guess_frame(s, s->registers[AI_REGISTER_STACK], is_mapped_code, NULL);
    uint64_t pc = s->pc, next;

    for (unsigned i = 0; i < MOST_FRAMES && add_address(&t, (uintptr_t)pc); i++) {
        if (!word_at(s, frame + sizeof pc, &pc) || !word_at(s, frame, &next) || next <= frame)
            return;
        frame = next;
    }
}

void ai_backtrace(const struct ai_snapshot *s, char *buf, size_t n)
{
    *buf = 0;
    if (!read_by_libdw(s, buf, n)) {
        *buf = 0;
        follow_frames(s, buf, n);
    }
}
