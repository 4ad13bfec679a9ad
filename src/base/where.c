#include "base/where.h"

#include <stdio.h>

#ifdef AI_HAVE_LIBDW

#include <dlfcn.h>
#include <elfutils/libdwfl.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

/* elfutils reads the debug information. It is loaded when the first message needs it, so that no
 * program depends on it. */
static struct {
    void *library;
    __typeof__(dwfl_begin) *begin;
    __typeof__(dwfl_end) *end;
    __typeof__(dwfl_linux_proc_report) *report;
    __typeof__(dwfl_report_end) *report_end;
    __typeof__(dwfl_linux_proc_find_elf) *find_elf;
    __typeof__(dwfl_standard_find_debuginfo) *find_debuginfo;
    __typeof__(dwfl_addrmodule) *module;
    __typeof__(dwfl_module_getsrc) *source;
    __typeof__(dwfl_lineinfo) *line;
} dw;

static int load(void)
{
    if (dw.library)
        return 1;
    void *library = dlopen("libdw.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (!library)
        return 0;
    int complete = 1;
#define SYMBOL(field, name) complete &= !!(*(void **)&dw.field = dlsym(library, #name))
    SYMBOL(begin, dwfl_begin);
    SYMBOL(end, dwfl_end);
    SYMBOL(report, dwfl_linux_proc_report);
    SYMBOL(report_end, dwfl_report_end);
    SYMBOL(find_elf, dwfl_linux_proc_find_elf);
    SYMBOL(find_debuginfo, dwfl_standard_find_debuginfo);
    SYMBOL(module, dwfl_addrmodule);
    SYMBOL(source, dwfl_module_getsrc);
    SYMBOL(line, dwfl_lineinfo);
#undef SYMBOL
    if (!complete)
        return 0;
    dw.library = library;
    return 1;
}

static int look_up(Dwfl *dwfl, const void *address, char *buf, size_t n)
{
    Dwarf_Addr pc = (uintptr_t)address - 1; /* within the call, not after it */
    int line = 0;

    if (dw.report(dwfl, getpid()) || dw.report_end(dwfl, NULL, NULL))
        return 0;
    Dwfl_Module *module = dw.module(dwfl, pc);
    Dwfl_Line *source = module ? dw.source(module, pc) : NULL;
    const char *file = source ? dw.line(source, NULL, &line, NULL, NULL, NULL) : NULL;
    if (!file)
        return 0;
    snprintf(buf, n, "%s:%d", file, line);
    return 1;
}

struct lookup {
    const void *address;
    char *buf;
    size_t n;
    int found;
};

static void *run(void *arg)
{
    static char *no_path;
    struct lookup *l = arg;
    Dwfl_Callbacks callbacks = {
        .find_elf = dw.find_elf,
        .find_debuginfo = dw.find_debuginfo,
        .debuginfo_path = &no_path,
    };
    Dwfl *dwfl = dw.begin(&callbacks);

    l->found = dwfl && look_up(dwfl, l->address, l->buf, l->n);
    if (dwfl)
        dw.end(dwfl);
    return NULL;
}

/* On a thread of its own: the library puts whole line tables on the stack, more than a task has. */
static int source_of(const void *address, char *buf, size_t n)
{
    struct lookup lookup = {address, buf, n, 0};
    pthread_t thread;

    if (!address || !load() || pthread_create(&thread, NULL, run, &lookup))
        return 0;
    pthread_join(thread, NULL);
    return lookup.found;
}

#else

static int source_of(const void *address, char *buf, size_t n)
{
    (void)address, (void)buf, (void)n;
    return 0;
}

#endif

void ai_where(const void *address, const char *file, int line, char *buf, size_t n)
{
    if (!source_of(address, buf, n))
        snprintf(buf, n, "%s:%d", file, line);
}
