#include "base/where.h"

#include <stdbool.h>
#include <stdio.h>

#ifdef AI_HAVE_LIBDW

#include "base/libdw.h"

#include <stdint.h>

struct lookup {
    const void *address;
    char *buf;
    size_t n;
};

static bool look_up(const struct ai_libdw *dw, Dwfl *session, void *arg)
{
    const struct lookup *l = arg;
    Dwarf_Addr pc = (uintptr_t)l->address - 1; /* within the call, not after it */
    int line = 0;

    Dwfl_Module *module = dw->dwfl_addrmodule(session, pc);
    const char *file = module ? ai_libdw_source(dw, module, pc, &line) : NULL;
    if (file)
        snprintf(l->buf, l->n, "%s:%d", file, line);
    return file;
}

static bool source_of(const void *address, char *buf, size_t n)
{
    struct lookup lookup = {address, buf, n};

    return address && ai_libdw_run(look_up, &lookup);
}

#else

static bool source_of(const void *address, char *buf, size_t n)
{
    (void)address, (void)buf, (void)n;
    return false;
}

#endif

void ai_where(const void *address, const char *file, int line, char *buf, size_t n)
{
    if (!source_of(address, buf, n))
        snprintf(buf, n, "%s:%d", file, line);
}
