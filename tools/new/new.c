/* asyncio new: the beginning of a project. Its files are those of template/, which the build puts
 * in here; @NAME@ in them stands for the project's name. What is there is never touched. */
#include "../commands.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name, *text;
} files[] = {
#include "new_template.h"
};

enum { LONGEST = 64 };

/* A word in a shell, in make and in C's comments; no option, no hidden file. */
static bool is_name(const char *text)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)text[i]) && !strchr("_-", text[i]))
            return false;
    }
    return n > 0 && n <= LONGEST && isalpha((unsigned char)text[0]);
}

static void put(FILE *out, const char *text, const char *name)
{
    static const char mark[] = "@NAME@";

    for (const char *at; (at = strstr(text, mark)); text = at + sizeof mark - 1)
        fprintf(out, "%.*s%s", (int)(at - text), text, name);
    fputs(text, out);
}

static int make_file(int directory, const char *file, const char *text, const char *name)
{
    int fd = openat(directory, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

    if (!out)
        return -errno;
    put(out, text, name);
    int failed = ferror(out) ? -EIO : 0;
    return fclose(out) < 0 ? -errno : failed;
}

static int make_files(int directory, const char *path, const char *name)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        int r = make_file(directory, files[i].name, files[i].text, name);
        if (r < 0) {
            fprintf(stderr, "asyncio new: %s/%s: %s\n", path, files[i].name, strerror(-r));
            return 1;
        }
    }
    return 0;
}

/* What is behind the last slash, of a path without one at its end. */
static const char *name_in(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int make_project(const char *path)
{
    const char *name = name_in(path);
    int directory;

    if (!is_name(name)) {
        fprintf(stderr,
                "asyncio new: '%s': a name is a letter, then letters, digits, - or _, %d at most\n",
                name, LONGEST);
        return 2;
    }
    if (mkdir(path, 0777) < 0 || (directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        fprintf(stderr, "asyncio new: %s: %s\n", path, strerror(errno));
        return 1;
    }
    int status = make_files(directory, path, name);
    close(directory);
    if (status == 0)
        printf("%s is there. Next: cd %s && make test\n", name, path);
    return status;
}

int new_project(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "--help")) {
        puts("Usage: asyncio new NAME");
        return 0;
    }
    if (argc != 2) {
        fputs("Usage: asyncio new NAME\n", stderr);
        return 2;
    }
    return make_project(argv[1]);
}
