/* asyncio trace: runs a program with the trace on, or takes a trace that is there, and turns it
 * into what is asked for. */
#include "../commands.h"
#include "output.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct request {
    const char *trace; /* -o, or the trace that is there */
    const char *html, *svg, *json;
    bool temporary; /* the trace is only for what it is turned into */
};

static const char usage[] =
    "Usage: asyncio trace [-o FILE] [--html FILE] [--svg FILE] [--json FILE] PROGRAM "
    "[ARGUMENT...]\n"
    "       asyncio trace [--html FILE] [--svg FILE] [--json FILE] TRACE\n"
    "\n"
    "Runs PROGRAM and records who ran when, who woke whom and what everybody waited for, into\n"
    "asyncio.trace; or takes a TRACE that was recorded. Perfetto opens it, and it is turned into\n"
    "\n"
    "  --html FILE  a page of its own, which needs no network\n"
    "  --svg FILE   a picture for documents\n"
    "  --json FILE  trace events in JSON, for older viewers\n"
    "  -o FILE      where the trace itself goes; then it is kept beside these\n"
    "\n"
    "FILE may be -, which is the standard output.\n";

/* --- Running --- */

static int run_child(char **argv, const char *trace)
{
    setenv("ASYNCIO_TRACE", trace, 1);
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    execvp(argv[0], argv);
    fprintf(stderr, "asyncio: %s: %s\n", argv[0], strerror(errno));
    _exit(errno == ENOENT ? 127 : 126);
}

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A program that was killed could not say until when its last step went on, and often that is what
 * somebody wants to see: a packet with nothing but the time tells. */
static void tell_end(const char *trace, int64_t nanoseconds)
{
    enum { PACKET = 10, TIMESTAMP = 8 << 3 };
    const char *backend = getenv("ASYNCIO_BACKEND");
    unsigned char packet[16] = {PACKET, 0, TIMESTAMP};
    size_t n = 3;
    uint64_t rest = (uint64_t)nanoseconds;
    FILE *f = backend && !strcmp(backend, "sim") ? NULL : fopen(trace, "r+e");

    if (!f)
        return;
    for (; rest > 127; rest >>= 7)
        packet[n++] = (unsigned char)(rest | 128);
    packet[n++] = (unsigned char)rest;
    packet[1] = (unsigned char)(n - 2);
    if (fseek(f, 0, SEEK_END) == 0 && ftell(f) > 0)
        fwrite(packet, 1, n, f);
    fclose(f);
}

/* The program's exit status, as shells have it. Keys that end the program are for it, not for us.
 */
static int run_program(char **argv, const char *trace)
{
    int status = 0;
    int64_t begun = now();

    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    pid_t child = fork();
    if (child < 0) {
        perror("asyncio: fork");
        return 1;
    }
    if (child == 0)
        run_child(argv, trace);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    if (WIFSIGNALED(status))
        tell_end(trace, now() - begun);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* --- What it is turned into --- */

static bool put(const struct trace *t, const char *path,
                bool (*write)(const struct trace *t, FILE *out))
{
    if (!path)
        return true;
    FILE *out = strcmp(path, "-") ? fopen(path, "we") : stdout;
    bool done = out && write(t, out);
    int error = errno;
    if (out && out != stdout)
        done &= fclose(out) == 0;
    else if (out)
        done &= fflush(out) == 0;
    if (!done)
        fprintf(stderr, "asyncio: cannot write %s: %s\n", path, strerror(error));
    return done;
}

/* One line, so that one knows what was recorded and what to do with it. */
static void summarise(const struct trace *t, const char *path)
{
    size_t tasks = 0, steps = 0;
    char length[32];

    for (size_t i = 0; i < t->lane_count; i++)
        tasks += is_task(&t->lanes[i]);
    for (size_t i = 0; i < t->span_count; i++)
        steps += t->spans[i].kind == STEP;
    fprintf(stderr,
            "asyncio: %s: %zu steps of %zu tasks in %s\n"
            "asyncio: open it in Perfetto, or: asyncio trace --html page.html %s\n",
            path, steps, tasks, format_duration(length, sizeof length, t->end), path);
}

static int convert(const struct request *r)
{
    struct trace t;
    int status = trace_read(&t, r->trace);

    if (status)
        return status;
    bool done = put(&t, r->html, trace_html);
    done = put(&t, r->svg, trace_svg) && done;
    done = put(&t, r->json, trace_json) && done;
    if (!r->html && !r->svg && !r->json)
        summarise(&t, r->trace);
    trace_free(&t);
    return !done;
}

/* --- The command --- */

/* Where the trace goes if nobody says so: it is kept only if it is all there will be. */
static bool choose_file(struct request *r)
{
    static char name[] = "/tmp/asyncio-trace-XXXXXX";

    if (r->trace)
        return true;
    r->trace = "asyncio.trace";
    r->temporary = r->html || r->svg || r->json;
    if (!r->temporary)
        return true;
    int fd = mkstemp(name);
    if (fd < 0) {
        perror("asyncio: /tmp");
        return false;
    }
    close(fd);
    r->trace = name;
    return true;
}

/* A temporary one is there from the beginning, and empty. */
static bool is_there(const char *path)
{
    struct stat s;

    return stat(path, &s) == 0 && s.st_size > 0;
}

static int complain(const char *program)
{
    fprintf(stderr, "asyncio: %s left no trace: it does not use libasyncio, or ran no loop\n",
            program);
    return 1;
}

static int record(struct request *r, char **argv)
{
    if (!choose_file(r))
        return 1;
    if (!r->temporary)
        unlink(r->trace);
    int status = run_program(argv, r->trace), converted = 0;
    if (status != 126 && status != 127)
        converted = is_there(r->trace) ? convert(r) : complain(argv[0]);
    if (r->temporary)
        unlink(r->trace);
    return status ? status : converted;
}

static int parse(int argc, char **argv, struct request *r)
{
    static const struct option options[] = {
        {"html", required_argument, NULL, 'h'}, {"svg", required_argument, NULL, 's'},
        {"json", required_argument, NULL, 'j'}, {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, '?'},       {NULL, 0, NULL, 0}};
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "+o:", options, NULL)) != -1) {
        if (c == 'h')
            r->html = optarg;
        else if (c == 's')
            r->svg = optarg;
        else if (c == 'j')
            r->json = optarg;
        else if (c == 'o')
            r->trace = optarg;
        else
            return 2;
    }
    return optind < argc ? 0 : 2;
}

/* A file that no program is in: it was taken for a trace. */
static bool is_data(const char *path)
{
    struct stat s;

    return stat(path, &s) == 0 && S_ISREG(s.st_mode) && !(s.st_mode & 0111);
}

int trace(int argc, char **argv)
{
    struct request r = {0};

    if (argc > 1 && !strcmp(argv[1], "--help")) {
        fputs(usage, stdout);
        return 0;
    }
    if (parse(argc, argv, &r)) {
        fputs(usage, stderr);
        return 2;
    }
    if (!trace_is_one(argv[optind]) && !is_data(argv[optind]))
        return record(&r, argv + optind);
    r.trace = argv[optind];
    return convert(&r);
}
