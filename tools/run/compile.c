/* Runs the compiler: the source to an object, that with the library to a program, which takes the
 * place of an older one at once. Runs at the same time do not meet: each has its own temporary
 * files. What the compiler says goes to the terminal untouched. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct files {
    char *object, *rule, *program;
};

static void remove_files(const struct files *f)
{
    unlink(f->object);
    unlink(f->rule);
    unlink(f->program);
}

/* In memory, with the first line, which is the kernel's, as another that keeps the numbers of the
 * lines; what is no file that can be read twice is handed on in this way, too. */
static int open_source(const struct run_source *s)
{
    const char *text = s->text;
    int fd = memfd_create("source", MFD_CLOEXEC);
    FILE *out = fd < 0 ? NULL : fdopen(dup(fd), "w");

    if (!out)
        run_fail(RUN_CANNOT, "%s: %s", s->path, strerror(errno));
    if (!strncmp(text, "#!", 2)) {
        text += strcspn(text, "\n");
        text += *text == '\n';
        fprintf(out, "#line 2 \"");
    } else {
        fprintf(out, "#line 1 \"");
    }
    for (const char *c = s->path; *c; c++)
        fprintf(out, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    fprintf(out, "\"\n");
    fwrite(text, 1, s->size - (size_t)(text - s->text), out);
    if (ferror(out) | fclose(out))
        run_fail(RUN_CANNOT, "%s: %s", s->path, strerror(errno));
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static bool is_plain(const struct run_source *s)
{
    struct stat st;
    return strncmp(s->text, "#!", 2) && stat(s->path, &st) == 0 && S_ISREG(st.st_mode);
}

static void add_source(struct run_words *command, const struct run_source *s, int *input)
{
    const char *slash = strrchr(s->path, '/');

    *input = -1;
    run_add(command, "-xc");
    if (is_plain(s)) {
        run_add(command, s->path[0] == '-' ? "./%s" : "%s", s->path);
        return;
    }
    *input = open_source(s);
    run_add(command, "-iquote%.*s", slash ? (int)(slash - s->path + 1) : 1, slash ? s->path : ".");
    run_add(command, "-");
}

/* Its standard output is not the program's. */
static pid_t start(const struct run_words *command, int input, const sigset_t *defaults)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    pid_t pid;

    posix_spawn_file_actions_init(&files);
    if (input >= 0)
        posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    else
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    int error = posix_spawnp(&pid, command->word[0], &files, &attributes, command->word, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    errno = error;
    return error ? -1 : pid;
}

/* How it ended. The keys that interrupt reach it as they do us, who then have files to remove. */
static int run_command(const struct run_words *command, int input)
{
    static const int keys[] = {SIGINT, SIGQUIT};
    void (*handler[2])(int);
    sigset_t defaults;
    int status = -1;

    sigemptyset(&defaults);
    for (int i = 0; i < 2; i++) {
        handler[i] = signal(keys[i], SIG_IGN);
        if (handler[i] != SIG_IGN)
            sigaddset(&defaults, keys[i]);
    }
    pid_t pid = start(command, input, &defaults);
    int error = errno;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    for (int i = 0; i < 2; i++)
        signal(keys[i], handler[i]);
    errno = error;
    return status;
}

static void must(const struct run_words *command, int input, const struct files *files)
{
    int status = run_command(command, input);
    int error = errno;

    if (status == 0)
        return;
    remove_files(files);
    if (status == -1)
        run_fail(RUN_NO_COMPILER, "cannot run the compiler %s: %s; CC names another",
                 command->word[0], strerror(error));
    if (WIFSIGNALED(status)) {
        raise(WTERMSIG(status));
        run_exit(128 + WTERMSIG(status));
    }
    run_exit(WEXITSTATUS(status));
}

static void compile_object(const struct run_compilation *c, const struct files *files)
{
    struct run_words command = {0};
    int input;

    run_add_all(&command, &c->compiler);
    run_add_all(&command, &c->compile);
    run_add_all(&command, &c->library->compile);
    run_add(&command, "-MD");
    run_add(&command, "-MTx");
    run_add(&command, "-MF");
    run_add(&command, "%s", files->rule);
    run_add(&command, "-c");
    run_add(&command, "-o");
    run_add(&command, "%s", files->object);
    add_source(&command, c->source, &input);
    must(&command, input, files);
    if (input >= 0)
        close(input);
}

static void link_program(const struct run_compilation *c, const struct files *files)
{
    struct run_words command = {0};

    run_add_all(&command, &c->compiler);
    run_add_all(&command, &c->compile);
    run_add_all(&command, &c->library->compile);
    run_add(&command, "-o");
    run_add(&command, "%s", files->program);
    run_add(&command, "%s", files->object);
    run_add_all(&command, &c->link);
    if (run_uses_tls(files->rule))
        run_add_all(&command, &c->library->tls);
    run_add_all(&command, &c->library->link);
    must(&command, -1, files);
}

void run_compile(const struct run_compilation *c, const char *program)
{
    struct timespec begun;

    clock_gettime(CLOCK_REALTIME_COARSE, &begun); /* the clock of files */
    /* Another machine, or a container, may have the same cache and the same process number. */
    char *temporary = run_text("%s.%ld.%ld", program, (long)getpid(), begun.tv_nsec);
    struct files files = {run_text("%s.o", temporary), run_text("%s.d", temporary), temporary};

    compile_object(c, &files);
    link_program(c, &files);
    run_stamp(files.program, c->source, files.rule, &begun);
    if (rename(files.program, program) < 0) {
        int error = errno;
        remove_files(&files);
        run_fail(RUN_CANNOT, "%s: %s", program, strerror(error));
    }
    remove_files(&files);
}
