#include "base/libdw.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct ai_libdw dw;
static bool loaded;

static void load(void)
{
    void *library = dlopen("libdw.so.1", RTLD_LAZY | RTLD_LOCAL);

    if (!library)
        return;
    loaded = true;
#define SYMBOL(name) loaded &= !!(*(void **)&dw.name = dlsym(library, #name))
    AI_LIBDW_FUNCTIONS(SYMBOL);
#undef SYMBOL
}

struct call {
    bool (*use)(const struct ai_libdw *dw, Dwfl *session, void *arg);
    void *arg;
    bool result;
};

static bool know_what_is_mapped(Dwfl *session)
{
    return !dw.dwfl_linux_proc_report(session, getpid()) &&
           !dw.dwfl_report_end(session, NULL, NULL);
}

static void *run(void *arg)
{
    static char *no_path;
    const Dwfl_Callbacks callbacks = {
        .find_elf = dw.dwfl_linux_proc_find_elf,
        .find_debuginfo = dw.dwfl_standard_find_debuginfo,
        .debuginfo_path = &no_path,
    };
    struct call *call = arg;
    Dwfl *session = dw.dwfl_begin(&callbacks);

    if (!session)
        return NULL;
    call->result = know_what_is_mapped(session) && call->use(&dw, session, call->arg);
    dw.dwfl_end(session);
    return NULL;
}

/* The program's signals are none of that thread's business. */
static bool run_on_thread(struct call *call)
{
    pthread_t thread;
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool created = !pthread_create(&thread, NULL, run, call);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (created)
        pthread_join(thread, NULL);
    return created && call->result;
}

bool ai_libdw_run(bool (*use)(const struct ai_libdw *dw, Dwfl *session, void *arg), void *arg)
{
    struct call call = {use, arg, false};

    pthread_once(&once, load);
    return loaded && run_on_thread(&call);
}

/* Not all compilers write an index of addresses, and where some did it is wrong for the others. */
Dwarf_Die *ai_libdw_unit(const struct ai_libdw *lib, Dwfl_Module *module, Dwarf_Addr pc,
                         Dwarf_Addr *bias)
{
    Dwarf_Die *unit = lib->dwfl_module_addrdie(module, pc, bias);

    if (unit && lib->dwarf_haspc(unit, pc - *bias) > 0)
        return unit;
    unit = NULL;
    while ((unit = lib->dwfl_module_nextcu(module, unit, bias))) {
        if (lib->dwarf_haspc(unit, pc - *bias) > 0)
            return unit;
    }
    return NULL;
}

const char *ai_libdw_source(const struct ai_libdw *lib, Dwfl_Module *module, Dwarf_Addr pc,
                            int *line)
{
    Dwarf_Addr bias;
    Dwarf_Die *unit = ai_libdw_unit(lib, module, pc, &bias);
    Dwarf_Line *at = unit ? lib->dwarf_getsrc_die(unit, pc - bias) : NULL;

    return at && lib->dwarf_lineno(at, line) == 0 ? lib->dwarf_linesrc(at, NULL, NULL) : NULL;
}
