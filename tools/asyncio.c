/* asyncio: the command beside the library.
 *
 * A table of subcommands; each is a function in a file of its own where it is more than a few
 * lines. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

#include <asyncio.h>

static int info(int argc, char **argv)
{
    struct asyncio_info i;
    (void)argc, (void)argv;

    asyncio_info(&i);
    printf("asyncio %s\n"
           "back-end    %s (%s)\n"
           "context     %s\n"
           "stacks      %zu KiB each, pages taken as they are touched\n",
           i.version, i.backend, i.backend_reason, i.context, i.stack_size >> 10);
    return 0;
}

static int version(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("asyncio %s\n", ASYNCIO_VERSION);
    return 0;
}

static const struct command {
    const char *name, *usage, *what;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"gdb", "ARGUMENTS", "gdb, with commands for tasks: info asyncio-tasks, asyncio bt", gdb},
    {"info", "", "which back-end programs get here, and why", info},
    {"new", "NAME", "make a directory with a program, its test and a Makefile", new_project},
    {"ps", "PID|CORE", "list the tasks of a program: what each waits for, and where", ps},
    {"pstree", "PID|CORE", "the same as a tree of who waits for whom", pstree},
    {"run", "FILE.c ...", "compile FILE.c, if it has changed, and run it", run},
    {"timeline", "FILE [WIDTH]", "draw who ran when, from a file that ASYNCIO_TRACE wrote",
     timeline},
    {"top", "PID", "the same program as it goes on: what it does, and who holds it up", top},
    {"trace", "PROGRAM...", "record who ran when and who woke whom: a page, a picture; --help",
     trace},
    {"--version", "", "print the version", version},
};

static int help(FILE *out)
{
    fputs("Usage: asyncio COMMAND\n\n", out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-9s %-14s %s\n", commands[i].name, commands[i].usage, commands[i].what);
    return out == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return help(stderr);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))
        return help(stdout);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    }
    fprintf(stderr, "asyncio: no command '%s'\n", argv[1]);
    return help(stderr);
}
