/* Texts, lists of words, files and their hashes, for asyncio run. */
#include "run.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* At once, rather than after a search for what was not freed. */
void run_exit(int status)
{
    fflush(NULL);
    _exit(status);
}

void run_fail(int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("asyncio run: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    run_exit(status);
}

static void *check(void *memory)
{
    if (!memory)
        run_fail(RUN_CANNOT, "%s", strerror(ENOMEM));
    return memory;
}

static char *format_text(const char *format, va_list args)
{
    char *text;
    return check(vasprintf(&text, format, args) < 0 ? NULL : text);
}

char *run_text(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = format_text(format, args);
    va_end(args);
    return text;
}

static void append(struct run_words *words, char *word)
{
    words->word = check(realloc(words->word, (words->count + 2) * sizeof *words->word));
    words->word[words->count++] = word;
    words->word[words->count] = NULL;
}

void run_add(struct run_words *words, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    append(words, format_text(format, args));
    va_end(args);
}

void run_add_all(struct run_words *words, const struct run_words *more)
{
    for (size_t i = 0; i < more->count; i++)
        append(words, more->word[i]);
}

void run_split(struct run_words *words, const char *text)
{
    char *copy = run_text("%s", text), *rest = copy;

    for (char *word; (word = strtok_r(rest, " \t\n", &rest));)
        append(words, word);
}

static char *read_all(int fd, size_t *size)
{
    size_t room = 1 << 14, n = 0;
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        room = (size_t)st.st_size + 2; /* one more than it holds, so that its end is seen */
    for (char *text = check(malloc(room));; text = check(realloc(text, room *= 2))) {
        while (n < room - 1) {
            ssize_t r = read(fd, text + n, room - 1 - n);
            if (r > 0) {
                n += (size_t)r;
            } else if (r == 0) {
                text[ *size = n] = 0;
                return text;
            } else if (errno != EINTR) {
                free(text);
                return NULL;
            }
        }
    }
}

char *run_read(const char *path, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return NULL;
    char *text = read_all(fd, size);
    int error = errno;
    close(fd);
    errno = error;
    return text;
}

/* Eight bytes at a time; the length is part of it, so that zeros at an end count. */
uint64_t run_hash(uint64_t seed, const void *data, size_t size)
{
    const char *at = data;
    uint64_t h = (seed ^ size) * 0x9e3779b97f4a7c15U;

    while (size > 0) {
        uint64_t word = 0;
        size_t n = size < sizeof word ? size : sizeof word;
        memcpy(&word, at, n);
        h = (h ^ word) * 0xd6e8feb86659fd93U;
        h ^= h >> 32;
        at += n;
        size -= n;
    }
    return h;
}

uint64_t run_hash_text(uint64_t seed, const char *text)
{
    return run_hash(seed, text, strlen(text));
}

uint64_t run_hash_file(uint64_t seed, const char *path)
{
    struct stat st;
    int64_t what[5] = {0};

    if (stat(path, &st) == 0) {
        what[0] = (int64_t)st.st_ino;
        what[1] = st.st_size;
        what[2] = st.st_mtim.tv_sec;
        what[3] = st.st_mtim.tv_nsec;
        what[4] = (int64_t)st.st_dev;
    }
    return run_hash(run_hash_text(seed, path), what, sizeof what);
}
