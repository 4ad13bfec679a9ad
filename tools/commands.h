/* The subcommands of the asyncio command: each takes its own arguments, argv[0] "asyncio NAME", and
 * returns the exit status. */
#ifndef COMMANDS_H
#define COMMANDS_H

int gdb(int argc, char **argv);
int new_project(int argc, char **argv);
int ps(int argc, char **argv);
int pstree(int argc, char **argv);
int run(int argc, char **argv);
int timeline(int argc, char **argv);
int top(int argc, char **argv);
int trace(int argc, char **argv);

#endif
