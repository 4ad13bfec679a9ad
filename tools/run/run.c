/* asyncio run: one C source, compiled with the library and run, as python runs a file.
 *
 * The compiled program takes this one's place (exec), so its arguments, its streams, its signals
 * and how it ends are its own. It is kept in a cache, where the key holds what stands on the
 * command line and in the environment, and the program itself tells which files it was made of. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <asyncio.h>
#include "../commands.h"
#include "run_config.h"

static const char usage[] =
    "Usage: asyncio run [OPTION...] FILE.c [ARGUMENT...]\n\n"
    "Compiles FILE.c with the library, if it or what it includes has changed, and runs it.\n\n"
    "  --debug       in debug mode, compiled for a debugger\n"
    "  --sim         in virtual time, on the simulated network\n"
    "  --seed N      ... in the order that N stands for\n"
    "  --trace FILE  write a trace of the run to FILE\n"
    "  --asan        with AddressSanitizer\n"
    "  -I -D -L -l -O -W -f -g -std\n"
    "                are handed on to the compiler, $CC, after $CFLAGS\n";

struct options {
    bool debug, asan;
    struct run_words compile, link;
};

enum { DEBUG = 256, SIM, SEED, TRACE, ASAN, HELP };

static const struct option names[] = {
    {"debug", no_argument, NULL, DEBUG},
    {"sim", no_argument, NULL, SIM},
    {"seed", required_argument, NULL, SEED},
    {"trace", required_argument, NULL, TRACE},
    {"asan", no_argument, NULL, ASAN},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static void set(const char *name, const char *value)
{
    if (setenv(name, value, 1) < 0)
        run_fail(RUN_CANNOT, "%s: %s", name, strerror(errno));
}

static void set_seed(const char *text)
{
    char *end;

    errno = 0;
    strtoull(text, &end, 0);
    if (!*text || *end || errno)
        run_fail(RUN_USAGE, "--seed %s: not a number", text);
    set("ASYNCIO_SEED", text);
}

/* What is the linker's the compiler would complain of. */
static void add_flag(struct options *o, const char *flag)
{
    bool links = !strncmp(flag, "-l", 2) || !strncmp(flag, "-L", 2) || !strncmp(flag, "-Wl,", 4);
    run_add(links ? &o->link : &o->compile, "%s", flag);
}

static void take_option(struct options *o, int option)
{
    switch (option) {
    case DEBUG:
        o->debug = true;
        set("ASYNCIO_DEBUG", "1");
        break;
    case SIM:
        set("ASYNCIO_BACKEND", "sim");
        break;
    case SEED:
        set_seed(optarg);
        break;
    case TRACE:
        set("ASYNCIO_TRACE", optarg);
        break;
    case ASAN:
        o->asan = true;
        break;
    case HELP:
        fputs(usage, stdout);
        run_exit(0);
    case '?':
        fputs(usage, stderr);
        run_exit(RUN_USAGE);
    default:
        if (option == 's' && strncmp(optarg, "td=", 3) != 0)
            run_fail(RUN_USAGE, "-s%s: no such option", optarg);
        add_flag(o, run_text("-%c%s", option, optarg ? optarg : ""));
    }
}

/* The index of FILE. */
static int parse(struct options *o, int argc, char **argv)
{
    for (int c; (c = getopt_long(argc, argv, "+I:D:L:l:O::W::f:g::s:", names, NULL)) != -1;)
        take_option(o, c);
    if (optind == argc) {
        fputs(usage, stderr);
        run_exit(RUN_USAGE);
    }
    return optind;
}

static void read_source(struct run_source *s, const char *path)
{
    s->path = path;
    s->text = run_read(path, &s->size);
    if (!s->text)
        run_fail(RUN_USAGE, "%s: %s", path, strerror(errno));
    s->hash = run_hash(0, s->text, s->size);
}

static const char *environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && value[strspn(value, " \t")] ? value : otherwise;
}

/* Where the shell finds a command; NULL where it does not. */
static char *find_command(const char *name)
{
    const char *path = environment("PATH", "/usr/bin:/bin");

    if (strchr(name, '/'))
        return access(name, X_OK) == 0 ? run_text("%s", name) : NULL;
    for (size_t n; *path; path += n + (path[n] == ':')) {
        n = strcspn(path, ":");
        char *found = run_text("%.*s/%s", (int)n, path, name);
        if (access(found, X_OK) == 0)
            return found;
    }
    return NULL;
}

/* The user's, else the one the library was built with, else the system's. */
static void find_compiler(struct run_words *compiler)
{
    run_split(compiler, environment("CC", RUN_CC));
    if (!getenv("CC") && !find_command(compiler->word[0])) {
        *compiler = (struct run_words){0};
        run_add(compiler, "cc");
    }
}

static void add_flags(struct run_words *compile, const struct options *o, struct run_words *link)
{
    struct run_words flags = {0};
    struct options sorted = {0};

    run_split(&flags, "-g -O1 -Wall");
    run_split(&flags, environment("CFLAGS", ""));
    if (o->debug)
        run_split(&flags, "-g -O0");
    for (size_t i = 0; i < flags.count; i++)
        add_flag(&sorted, flags.word[i]);
    run_add_all(compile, &sorted.compile);
    run_add_all(compile, &o->compile);
    run_add_all(link, &sorted.link);
    run_add_all(link, &o->link);
}

static uint64_t hash_words(uint64_t h, const struct run_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        h = run_hash_text(h, words->word[i]);
    return h;
}

/* Of all that a program depends on but its sources, whose paths are relative. */
static uint64_t key_of(const struct run_compilation *c)
{
    static const char *const variables[] = {"CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH"};
    char *directory = getcwd(NULL, 0), *compiler = find_command(c->compiler.word[0]);
    uint64_t h = run_hash_text(1, ASYNCIO_VERSION);

    h = run_hash_text(h, directory ? directory : "");
    h = run_hash_text(h, c->source->path);
    h = run_hash_file(h, compiler ? compiler : "");
    h = run_hash_file(h, c->library->file);
    h = hash_words(h, &c->compiler);
    h = hash_words(h, &c->compile);
    h = hash_words(h, &c->link);
    h = hash_words(h, &c->library->compile);
    h = hash_words(h, &c->library->link);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        h = run_hash_text(h, environment(variables[i], ""));
    return h;
}

/* What ps shows: the source's without its ending. */
static char *name_of(const char *path)
{
    char *name = basename(run_text("%s", path)), *dot = strrchr(name, '.');

    if (dot && dot > name)
        *dot = 0;
    return name;
}

/* The path of the program, which is there and up to date. */
static char *make_program(const struct run_compilation *c)
{
    char *cache = run_cache(), *slot = run_text("%s/%016llx", cache, (unsigned long long)key_of(c));
    char *program = run_text("%s/%s", slot, name_of(c->source->path));

    if (run_is_fresh(program, c->source)) {
        utimensat(AT_FDCWD, slot, NULL, 0); /* used now */
        return program;
    }
    if (mkdir(slot, 0700) < 0 && errno != EEXIST)
        run_fail(RUN_CANNOT, "%s: %s", slot, strerror(errno));
    run_compile(c, program);
    run_trim_cache(cache);
    return program;
}

int run(int argc, char **argv)
{
    struct options o = {0};
    struct run_library library = {0};
    struct run_source source;
    struct run_compilation c = {.library = &library, .source = &source};
    char **arguments = argv + parse(&o, argc, argv), *program;

    read_source(&source, arguments[0]);
    run_find_library(&library, o.asan);
    find_compiler(&c.compiler);
    add_flags(&c.compile, &o, &c.link);
    for (int tries = 0; tries < 3; tries++) { /* another run may have removed it from the cache */
        program = make_program(&c);
        execv(program, arguments);
        if (errno != ENOENT)
            break;
    }
    run_fail(RUN_CANNOT, "%s: %s", program, strerror(errno));
}
