/* Where compiled programs are kept: a directory each, KEY/NAME, so that a program has its own name
 * in ps and in gdb. What was not used for longest goes when there are too many or too large ones.
 */
#include "run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { MOST_PROGRAMS = 200, MOST_BYTES = 256 << 20 };

/* Made if it is not there; ours alone to write, and programs can be executed from it. */
static bool is_usable(const char *path)
{
    struct stat st;
    struct statvfs fs;

    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return false;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           !(st.st_mode & 022) && access(path, W_OK | X_OK) == 0 && statvfs(path, &fs) == 0 &&
           !(fs.f_flag & (ST_RDONLY | ST_NOEXEC));
}

static char *cache_of_user(void)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *base;

    if (xdg && *xdg == '/')
        base = run_text("%s", xdg);
    else if (home && *home == '/')
        base = run_text("%s/.cache", home);
    else
        return NULL;
    mkdir(base, 0700);
    return run_text("%s/asyncio", base);
}

/* The user's cache; where that cannot be had, a directory among the temporary files. */
char *run_cache(void)
{
    const char *temporary = getenv("TMPDIR");
    char *cache = cache_of_user();

    if (cache && is_usable(cache))
        return cache;
    cache = run_text("%s/asyncio-%ld", temporary && *temporary == '/' ? temporary : "/tmp",
                     (long)geteuid());
    if (!is_usable(cache))
        run_fail(RUN_CANNOT, "no directory for compiled programs: %s cannot be used", cache);
    return cache;
}

struct entry {
    char *path;
    struct timespec used;
    off_t bytes;
};

/* Calls what, with the path, for all that lies in a directory. */
static void each(const char *path, void (*what)(const char *path, void *arg), void *arg)
{
    DIR *directory = opendir(path);

    if (!directory)
        return;
    for (struct dirent *d; (d = readdir(directory));) {
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            what(run_text("%s/%s", path, d->d_name), arg);
    }
    closedir(directory);
}

static void remove_file(const char *path, void *arg)
{
    (void)arg;
    unlink(path);
}

static void add_bytes(const char *path, void *arg)
{
    struct stat st;

    if (stat(path, &st) == 0)
        *(off_t *)arg += st.st_size;
}

struct list {
    struct entry *entry;
    size_t count;
};

static void add_entry(const char *path, void *arg)
{
    struct list *l = arg;
    struct stat st;

    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return;
    struct entry *entry = realloc(l->entry, (l->count + 1) * sizeof *entry);
    if (!entry)
        return;
    l->entry = entry;
    l->entry[l->count] = (struct entry){run_text("%s", path), st.st_mtim, 0};
    each(path, add_bytes, &l->entry[l->count++].bytes);
}

static int by_last_use(const void *one, const void *other)
{
    const struct timespec *a = &((const struct entry *)one)->used;
    const struct timespec *b = &((const struct entry *)other)->used;

    if (a->tv_sec != b->tv_sec)
        return a->tv_sec < b->tv_sec ? 1 : -1;
    return a->tv_nsec < b->tv_nsec ? 1 : a->tv_nsec > b->tv_nsec ? -1 : 0;
}

/* The one used last stays, however large. Another run may be about to execute one that goes: it
 * compiles it again. */
void run_trim_cache(const char *cache)
{
    struct list l = {0};
    off_t bytes = 0;

    each(cache, add_entry, &l);
    if (l.count)
        qsort(l.entry, l.count, sizeof *l.entry, by_last_use);
    for (size_t i = 0; i < l.count; i++) {
        bytes += l.entry[i].bytes;
        if (i > 0 && (i >= MOST_PROGRAMS || bytes > MOST_BYTES)) {
            each(l.entry[i].path, remove_file, NULL);
            rmdir(l.entry[i].path);
        }
    }
}
