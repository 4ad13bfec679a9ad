/* asyncio gdb: gdb with the commands that know tasks. */
#include "../commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern const char gdb_script[];

/* A descriptor that gdb inherits. */
static int script_descriptor(void)
{
    size_t size = strlen(gdb_script);
    int fd = memfd_create("asyncio-gdb.py", 0);

    return fd >= 0 && write(fd, gdb_script, size) == (ssize_t)size ? fd : -1;
}

int gdb(int argc, char **argv)
{
    char load[128];
    char **all = calloc((size_t)argc + 4, sizeof *all);
    int fd = script_descriptor();

    if (!all || fd < 0) {
        perror("asyncio gdb");
        free(all);
        return 1;
    }
    snprintf(load, sizeof load, "python exec(open('/proc/self/fd/%d').read())", fd);
    all[0] = "gdb";
    all[1] = "-iex";
    all[2] = load;
    for (int i = 1; i < argc; i++)
        all[i + 2] = argv[i];
    execvp("gdb", all);
    fprintf(stderr, "asyncio gdb: gdb: %s\n", strerror(errno));
    free(all);
    return 127;
}
