/* Where the library is that programs are compiled with: beside this very program, whether that was
 * installed, wherever its tree was moved to, or lies where it was built. */
#include "run.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run_config.h"

/* Where this program lies; "" where there is no /proc. */
static char *own_directory(void)
{
    static char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    path[n < 0 ? 0 : n] = 0;
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = 0;
    return path;
}

/* The prefix by what this program's directory ends with, else what it was configured to. */
static char *find_prefix(const char *own)
{
    char *end = run_text("/%s", RUN_BINDIR);
    size_t n = strlen(own), m = strlen(end);

    if (RUN_BINDIR[0] != '/' && n > m && !strcmp(own + n - m, end))
        return run_text("%.*s", (int)(n - m), own);
    return run_text("%s", RUN_PREFIX);
}

static char *below(const char *prefix, const char *directory)
{
    return directory[0] == '/' ? run_text("%s", directory) : run_text("%s/%s", prefix, directory);
}

/* The archive, or the shared library where that was installed alone: a program then has to be told
 * where it is. */
static char *add_library(struct run_words *words, const char *directory, const char *name)
{
    char *archive = run_text("%s/lib%s.a", directory, name);

    if (access(archive, R_OK) == 0) {
        run_add(words, "%s", archive);
        return archive;
    }
    char *shared = run_text("%s/lib%s.so", directory, name);
    run_add(words, "%s", shared);
    run_add(words, "-Wl,-rpath,%s", directory);
    return shared;
}

void run_find_library(struct run_library *l, bool asan)
{
    const char *own = own_directory(), *name = "asyncio";
    char *include, *lib, *tls;

    if (!strcmp(own, RUN_BUILD "/tools")) {
        include = RUN_SOURCE "/include";
        lib = RUN_BUILD "/src";
        tls = RUN_BUILD "/src/ext";
    } else {
        char *prefix = find_prefix(own);
        include = below(prefix, RUN_INCLUDEDIR);
        lib = tls = below(prefix, RUN_LIBDIR);
    }
    if (asan && !*RUN_ASAN)
        run_fail(RUN_CANNOT, "--asan: the library was built without AddressSanitizer");
    if (asan)
        name = RUN_ASAN;

    l->file = add_library(&l->link, lib, name);
    if (access(l->file, R_OK) != 0)
        run_fail(RUN_CANNOT, "the library is missing: %s: %s", l->file, strerror(errno));
    run_split(&l->link, RUN_LINK);
    add_library(&l->tls, tls, "asyncio-tls");
    run_split(&l->tls, RUN_TLS_LINK);
    run_split(&l->compile, RUN_FLAGS);
    if (asan)
        run_split(&l->compile, "-fsanitize=address -fno-omit-frame-pointer");
    run_add(&l->compile, "-I%s", include);
}
