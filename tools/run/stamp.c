/* What a compiled program was made of: behind its end, where the loader does not look, stand the
 * files it includes, each with the hash of its content, so that a program and what tells whether it
 * is still the right one can be replaced by one rename().
 *
 *     HASH PATH \0 ... HASH PATH \0 SIZE MARK
 *
 * The compiler's own headers and the system's are not among them: an upgrade of these comes with
 * one of the compiler or of the library, which are part of the cache's key. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "asyncio run 1\n"

enum { DIGITS = 16, END = DIGITS + sizeof MARK - 1, MOST = 1 << 24 };

static uint64_t hash_of(const char *path)
{
    size_t size;
    char *text = run_read(path, &size);
    uint64_t hash = text ? run_hash(0, text, size) : 0;

    free(text);
    return hash;
}

/* The entries, ended by an empty one. */
static char *read_stamp(int fd)
{
    char end[END + 1] = "";
    struct stat st;

    if (fstat(fd, &st) < 0 || st.st_size < END || pread(fd, end, END, st.st_size - END) != END ||
        strcmp(end + DIGITS, MARK) != 0)
        return NULL;
    end[DIGITS] = 0;
    off_t size = strtol(end, NULL, 16);
    if (size > MOST || size > st.st_size - END)
        return NULL;
    char *stamp = calloc(1, (size_t)size + 1);
    if (stamp && pread(fd, stamp, (size_t)size, st.st_size - END - size) == size)
        return stamp;
    free(stamp);
    return NULL;
}

/* Of one entry. A hash of 0 is never fresh. */
static bool is_entry_fresh(const char *entry, const struct run_source *source)
{
    char *path;
    uint64_t hash = strtoull(entry, &path, 16);

    path++;
    return hash && hash == (strcmp(path, source->path) ? hash_of(path) : source->hash);
}

bool run_is_fresh(const char *program, const struct run_source *source)
{
    int fd = open(program, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    char *stamp = read_stamp(fd), *entry = stamp;
    close(fd);
    while (entry && *entry && is_entry_fresh(entry, source))
        entry += strlen(entry) + 1;
    bool fresh = entry && !*entry;
    free(stamp);
    return fresh;
}

/* The next file of a rule in make's syntax, of which `rest` is what follows; NULL at the end. */
static char *next_file(char **rest)
{
    char *from = *rest;

    while (*from == ' ' || *from == '\n' || (*from == '\\' && from[1] == '\n'))
        from++;
    char *to = from, *file = from;
    while (*from && *from != ' ' && *from != '\n') {
        if ((*from == '\\' && (from[1] == ' ' || from[1] == '#')) ||
            (*from == '$' && from[1] == '$'))
            from++;
        *to++ = *from++;
    }
    *rest = *from ? from + 1 : from;
    *to = 0;
    return to > file ? file : NULL;
}

static char *files_of(const char *rule)
{
    size_t size;
    char *text = run_read(rule, &size), *colon = text ? strchr(text, ':') : NULL;
    return colon ? colon + 1 : NULL;
}

bool run_uses_tls(const char *rule)
{
    static const char header[] = "/asyncio/tls.h";
    char *rest = files_of(rule);

    for (char *file; rest && (file = next_file(&rest));) {
        size_t n = strlen(file), m = sizeof header - 1;
        if (n >= m && !strcmp(file + n - m, header))
            return true;
    }
    return false;
}

static bool is_system(const char *path)
{
    return !strncmp(path, "/usr/include/", 13) || !strncmp(path, "/usr/lib/", 9);
}

/* A file written since the compiler began may be another than it read. */
static uint64_t hash_if_older(const char *path, const struct timespec *t)
{
    struct stat st;

    if (stat(path, &st) < 0 || st.st_mtim.tv_sec > t->tv_sec ||
        (st.st_mtim.tv_sec == t->tv_sec && st.st_mtim.tv_nsec >= t->tv_nsec))
        return 0;
    return hash_of(path);
}

static void put(FILE *out, uint64_t hash, const char *path)
{
    fprintf(out, "%0*llx %s", DIGITS, (unsigned long long)hash, path);
    fputc(0, out);
}

void run_stamp(const char *program, const struct run_source *source, const char *rule,
               const struct timespec *begun)
{
    FILE *out = fopen(program, "ae");
    char *rest = files_of(rule);

    if (!out)
        run_fail(RUN_CANNOT, "%s: %s", program, strerror(errno));
    fseek(out, 0, SEEK_END);
    long begin = ftell(out);
    put(out, source->hash, source->path);
    for (char *file; rest && (file = next_file(&rest));) {
        if (strcmp(file, source->path) != 0 && !is_system(file))
            put(out, hash_if_older(file, begun), file);
    }
    fprintf(out, "%0*lx%s", DIGITS, (unsigned long)(ftell(out) - begin), MARK);
    if (ferror(out) | fclose(out))
        run_fail(RUN_CANNOT, "%s: %s", program, strerror(errno));
}
