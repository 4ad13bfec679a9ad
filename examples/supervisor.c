/* Runs commands side by side and prints what they say, each line with the name of who said it.
 *
 *     supervisor [-g SECONDS] NAME=COMMAND...
 *
 * When one ends, or on SIGINT or SIGTERM, the others are asked to end too, and killed when they
 * have not within the grace of so many seconds. The exit code is that of the first that failed. */
#include <asyncio.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct service {
    const char *name, *command;
    int colour, width;
    double grace;
    awaitable(void) printing;
    int returncode;
};

static async(void, print_lines, (struct service *, s), (struct asyncio_stream_reader *, r))
{
    async_for (char *line, asyncio_stream_reader_lines(r)) {
        line[strcspn(line, "\n")] = '\0';
        if (isatty(STDOUT_FILENO))
            printf("\033[%dm%-*s |\033[0m %s\n", s->colour, s->width, s->name, line);
        else
            printf("%-*s | %s\n", s->width, s->name, line);
        fflush(stdout);
    }
}

/* Waits for its end, as long as nobody asks for it. */
static async(int, watch, (struct service *, s), (struct asyncio_process *, p))
{
    int code = await(asyncio_process_wait(p));
    if (asyncio_error() == -ECANCELED)
        return -ECANCELED;
    await(s->printing);
    printf("%-*s * ended with %d\n", s->width, s->name, code);
    s->returncode = code;
    return 0;
}

static void tell(struct asyncio_process *p, int signo)
{
    killpg(asyncio_process_pid(p), signo); /* the shell's children too */
}

static async(void, end, (struct service *, s), (struct asyncio_process *, p))
{
    tell(p, SIGTERM);
    await(asyncio_wait_for(watch(s, p), s->grace));
    if (asyncio_error() == 0)
        return;
    printf("%-*s * does not end: killed\n", s->width, s->name);
    tell(p, SIGKILL);
    await(watch(s, p));
}

/* It fails when the service has ended, so that its group ends all others. */
static async(int, run, (struct service *, s))
{
    struct asyncio_process *p = await(asyncio_create_subprocess_shell(
        s->command, .stdout = ASYNCIO_SUBPROCESS_PIPE, .stderr = ASYNCIO_SUBPROCESS_STDOUT,
        .stdin = ASYNCIO_SUBPROCESS_DEVNULL, .process_group = -1));
    if (!p) {
        s->returncode = 127;
        return asyncio_raise(asyncio_error(), "%s: %s", s->name, strerror(-asyncio_error()));
    }
    s->printing = asyncio_create_task(print_lines(s, asyncio_process_stdout(p)));
    if (await(watch(s, p)) == 0)
        return asyncio_raise(-ECHILD, "%s has ended", s->name);
    await(asyncio_shield(end(s, p)));
    return -ECANCELED;
}

static async(int, until_asked_to_end)
{
    int signo = await(asyncio_signal_wait(SIGINT, SIGTERM));
    return signo < 0 ? signo : asyncio_raise(-EINTR, "%s", strsignal(signo));
}

static async(int, supervise, (struct service *, services), (int, n))
{
    struct asyncio_task_group group = {0};
    async_with(&group)
    {
        asyncio_task_group_create_task(&group, until_asked_to_end());
        for (int i = 0; i < n; i++)
            asyncio_task_group_create_task(&group, run(&services[i]));
    }
    for (int i = 0; i < n; i++)
        if (services[i].returncode > 0)
            return services[i].returncode;
    return 0;
}

int main(int argc, char **argv)
{
    double grace = 5;
    int width = 0;
    for (int option; (option = getopt(argc, argv, "g:")) != -1;) {
        if (option != 'g')
            return 2;
        grace = strtod(optarg, NULL);
    }
    int n = argc - optind;
    struct service *services = calloc((size_t)n + 1, sizeof *services);
    for (int i = 0; services && i < n; i++) {
        char *name = argv[optind + i], *command = strchr(name, '=');
        if (!command)
            n = 0;
        else
            *command++ = '\0';
        width = (int)strlen(name) > width ? (int)strlen(name) : width;
        services[i] = (struct service){
            .name = name, .command = command, .colour = 31 + i % 6, .grace = grace};
    }
    if (n < 1) {
        fprintf(stderr, "usage: %s [-g SECONDS] NAME=COMMAND...\n", argv[0]);
        free(services);
        return 2;
    }
    for (int i = 0; i < n; i++)
        services[i].width = width;
    int status = asyncio_run(supervise(services, n));
    free(services);
    return status;
}
