/* What the files of asyncio run share: texts, lists of words for the compiler, where the library
 * is, and the cache.
 *
 * All of it lives until the program is executed in this one's place, or this one ends: nothing is
 * freed, and what cannot go on ends in run_fail(). */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* The exit statuses of what fails before the program runs: those of a shell, but that a source that
 * does not compile ends as the compiler did. */
enum { RUN_USAGE = 2, RUN_CANNOT = 126, RUN_NO_COMPILER = 127 };

_Noreturn void run_exit(int status);
_Noreturn void run_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *run_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ended by NULL, as execv() wants it. */
struct run_words {
    char **word;
    size_t count;
};

void run_add(struct run_words *words, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void run_add_all(struct run_words *words, const struct run_words *more);
void run_split(struct run_words *words, const char *text); /* at white space, as make does */

/* A file's content, with a 0 behind it; NULL and errno where it cannot be read. */
char *run_read(const char *path, size_t *size);

uint64_t run_hash(uint64_t seed, const void *data, size_t size);
uint64_t run_hash_text(uint64_t seed, const char *text);
uint64_t run_hash_file(uint64_t seed, const char *path); /* what it is, not what it holds */

struct run_library {
    struct run_words compile, link, tls; /* tls: before link, where the program uses it */
    char *file;                          /* changes when the library does */
};

void run_find_library(struct run_library *library, bool asan);

/* A program with the files it was made of. */
struct run_source {
    const char *path; /* as the user wrote it */
    char *text;
    size_t size;
    uint64_t hash;
};

bool run_is_fresh(const char *program, const struct run_source *source);
void run_stamp(const char *program, const struct run_source *source, const char *make_rule,
               const struct timespec *begun);
bool run_uses_tls(const char *make_rule);

char *run_cache(void);
void run_trim_cache(const char *cache);

/* Compiles the source to `program`, or ends as the compiler did. */
struct run_compilation {
    struct run_words compiler, compile, link;
    const struct run_library *library;
    const struct run_source *source;
};

void run_compile(const struct run_compilation *c, const char *program);

#endif
