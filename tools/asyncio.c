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

/* `help` is what follows the name in the first line of its usage, and the rest; NULL where the
 * command has --help itself. */
static const struct command {
    const char *name, *usage, *what;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"gdb", "ARGUMENTS", "gdb, with commands for tasks: info asyncio-tasks, asyncio bt", gdb, NULL},
    {"info", "", "which back-end programs get here, and why", info, ""},
    {"new", "NAME", "make a directory with a program, its test and a Makefile", new_project,
     "NAME\n\n"
     "Makes the directory NAME with a program, a test that runs it in virtual time, and a "
     "Makefile."},
    {"ps", "PID|CORE", "list the tasks of a program: what each waits for, and where", ps,
     "[--json] [--stacks] PID|CORE\n\n"
     "Lists the tasks of a process, which goes on meanwhile, or of a core file.\n\n"
     "  --json    in JSON\n"
     "  --stacks  with the C functions that each task is in"},
    {"pstree", "PID|CORE", "the same as a tree of who waits for whom", pstree,
     "[--json] [--stacks] PID|CORE\n\n"
     "Shows the tasks of a process, or of a core file, below those whom they wait for.\n\n"
     "  --json    in JSON\n"
     "  --stacks  with the C functions that each task is in"},
    {"run", "FILE.c ...", "compile FILE.c, if it has changed, and run it", run, NULL},
    {"timeline", "FILE [WIDTH]", "draw who ran when, from a file that ASYNCIO_TRACE wrote",
     timeline,
     "FILE [WIDTH]\n\n"
     "Draws who ran when into the terminal, WIDTH characters wide, or 80."},
    {"top", "PID", "the same program as it goes on: what it does, and who holds it up", top,
     "[--once] [-d SECONDS] [-n PAGES] PID\n\n"
     "  --once      one page, of one second, as plain text\n"
     "  -d SECONDS  between two pages\n"
     "  -n PAGES    ends after so many\n\n"
     "Keys: ? tells."},
    {"trace", "PROGRAM...", "record who ran when and who woke whom: a page, a picture; --help",
     trace, NULL},
    {"--version", "", "print the version", version, ""},
};

static int help(FILE *out)
{
    fputs("Usage: asyncio COMMAND\n\n", out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-9s %-14s %s\n", commands[i].name, commands[i].usage, commands[i].what);
    return out == stdout ? 0 : 2;
}

static int run_command(const struct command *c, int argc, char **argv)
{
    char name[32];

    if (c->help && argc > 1 && !strcmp(argv[1], "--help")) {
        printf("Usage: asyncio %s %s\n", c->name, c->help);
        return 0;
    }
    snprintf(name, sizeof name, "asyncio %s", c->name);
    argv[0] = name; /* in what it, and getopt, complain of */
    return c->run(argc, argv);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return help(stderr);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))
        return help(stdout);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (!strcmp(argv[1], commands[i].name))
            return run_command(&commands[i], argc - 1, argv + 1);
    }
    fprintf(stderr, "asyncio: no command '%s'\n", argv[1]);
    return help(stderr);
}
