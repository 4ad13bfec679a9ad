/* What is to be started, as a program asked for it, copied so that it may be started later. */
#ifndef AI_IO_SPAWN_PROGRAM_H
#define AI_IO_SPAWN_PROGRAM_H

#include <asyncio/subprocess.h>

#include <stddef.h>

struct ai_program {
    size_t size; /* of all of it, strings included */
    struct asyncio_subprocess_options options;
    char **argv;      /* ends in NULL */
    char **env;       /* or NULL: as it is when it is started */
    const char *file; /* to be executed, or looked for */
    const char *cwd;  /* or NULL */
    int *pass;        /* ends in a negative one, or NULL */
};

/* A copy; argv is of a shell's where `shell`. NULL without memory. Frees with one ai_deallocate().
 */
struct ai_program *ai_program_new(const struct asyncio_subprocess_options *o, bool shell);
void ai_program_free(struct ai_program *p);

/* Where its file may be, by the PATH it will have; ends in NULL. To be freed in one piece by
 * ai_deallocate(paths, *size). NULL without memory. */
const char **ai_program_paths(const struct ai_program *p, size_t *size);

#endif
