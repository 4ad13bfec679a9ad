#include "io/spawn_program.h"

#include "base/alloc.h"
#include "base/panic.h"

#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS = 32 };

#define FIRST offsetof(struct asyncio_subprocess_options, program)

_Static_assert(offsetof(struct asyncio_subprocess_options, asyncio__argument_31) - FIRST ==
                   (ARGUMENTS - 1) * sizeof(char *),
               "what stands first is an array");

/* What was asked for, as it is to be copied. */
struct request {
    char *const *argv, *const *env;
    const char *file, *cwd;
    size_t argc, envc, passed; /* without what ends them */
};

static size_t count(char *const *v)
{
    size_t n = 0;

    while (v && v[n])
        n++;
    return n;
}

static size_t count_descriptors(const int *fds)
{
    size_t n = 0;

    while (fds && fds[n] >= 0)
        n++;
    return n;
}

/* --- One piece of memory for all of it --- */

/* Where the next pointers and the next characters go. Without memory it only measures. */
struct copier {
    char **pointers;
    char *characters;
    size_t pointer_count, size;
};

static char *copy_string(struct copier *c, const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = c->characters;

    c->size += n;
    if (!copy)
        return NULL;
    c->characters += n;
    return memcpy(copy, s, n);
}

static char **copy_strings(struct copier *c, char *const *v, size_t n)
{
    char **copy = c->pointers;

    c->pointer_count += n + 1;
    if (copy)
        c->pointers += n + 1;
    for (size_t i = 0; i < n; i++) {
        char *s = copy_string(c, v[i]);
        if (copy)
            copy[i] = s;
    }
    return copy;
}

static void copy(struct copier *c, struct ai_program *p, const struct request *r)
{
    p->argv = copy_strings(c, r->argv, r->argc);
    p->env = r->env ? copy_strings(c, r->env, r->envc) : NULL;
    p->file = copy_string(c, r->file);
    p->cwd = r->cwd ? copy_string(c, r->cwd) : NULL;
}

/* The program, its descriptors, its pointers, its characters; zeroed, so that all ends are there
 * but that of the descriptors. */
static struct ai_program *allocate(const struct request *r, struct copier *c)
{
    struct ai_program measured;

    copy(c, &measured, r);
    size_t head = sizeof(struct ai_program);
    size_t descriptors = (r->passed + 1 + (r->passed + 1) % 2) * sizeof(int);
    size_t pointers = c->pointer_count * sizeof(char *);
    size_t size = head + descriptors + pointers + c->size;
    struct ai_program *p = ai_allocate(size);
    if (!p)
        return NULL;
    p->size = size;
    p->pass = (int *)((char *)p + head);
    c->pointers = (char **)(void *)((char *)p + head + descriptors);
    c->characters = (char *)p + head + descriptors + pointers;
    return p;
}

static struct ai_program *make(const struct asyncio_subprocess_options *o, const struct request *r)
{
    struct copier c = {0};
    struct ai_program *p = allocate(r, &c);

    if (!p)
        return NULL;
    copy(&c, p, r);
    p->options = *o;
    if (r->passed > 0)
        memcpy(p->pass, o->pass_fds, r->passed * sizeof(int));
    p->pass[r->passed] = -1;
    return p;
}

struct ai_program *ai_program_new(const struct asyncio_subprocess_options *o, bool shell)
{
    char *given[ARGUMENTS + 1] = {0}, *command[4] = {"/bin/sh", "-c"};
    struct request r = {.env = o->env, .cwd = o->cwd};

    memcpy(given, (const char *)o + FIRST, ARGUMENTS * sizeof *given);
    r.argv = o->argv ? o->argv : given;
    if (!r.argv[0])
        ai_panic("TypeError: create_subprocess: a program was expected, got NULL");
    command[2] = r.argv[0];
    if (shell)
        r.argv = command;
    r.argc = count(r.argv);
    r.envc = count(r.env);
    r.passed = count_descriptors(o->pass_fds);
    r.file = o->executable ? o->executable : r.argv[0];
    return make(o, &r);
}

void ai_program_free(struct ai_program *p)
{
    if (p)
        ai_deallocate(p, p->size);
}

/* --- Where it may be --- */

static const char *path_of(const struct ai_program *p)
{
    const char *path = p->env ? NULL : getenv("PATH");

    for (char **e = p->env; e && *e; e++) {
        if (strncmp(*e, "PATH=", 5) == 0)
            path = *e + 5;
    }
    return path ? path : "/bin:/usr/bin";
}

static size_t count_directories(const char *path)
{
    size_t n = 1;

    for (; *path; path++)
        n += *path == ':';
    return n;
}

/* An empty directory is the current one. */
static char *join(char *to, const char *directory, size_t n, const char *file)
{
    if (n > 0) {
        memcpy(to, directory, n);
        to += n;
        *to++ = '/';
    }
    return stpcpy(to, file) + 1;
}

const char **ai_program_paths(const struct ai_program *p, size_t *size)
{
    bool is_path = strchr(p->file, '/') || !*p->file;
    const char *path = is_path ? "" : path_of(p);
    size_t n = count_directories(path);

    *size = (n + 1) * sizeof(char *) + strlen(path) + n * (strlen(p->file) + 2);
    const char **paths = ai_allocate(*size);
    if (!paths)
        return NULL;
    char *to = (char *)(paths + n + 1);
    for (size_t i = 0; i < n; i++) {
        size_t length = strcspn(path, ":");
        paths[i] = to;
        to = join(to, path, length, p->file);
        path += length + 1;
    }
    return paths;
}
