/* The client of the echo figures, which spins: it never sleeps, so that no server pays for waking
 * it. It starts the servers, each a command that prints its port and echoes what it is sent on a
 * core of its own, and asks the kernel for the processor time they take.
 *
 *     load echo CONNECTIONS SIZE -- NAME COMMAND ARGUMENT... -- NAME COMMAND ARGUMENT...
 *     load idle CONNECTIONS -- NAME COMMAND ARGUMENT...
 *
 * echo: a closed loop, one message on the way in each connection. All servers are up at once and
 * are given short slices in turn, before each of them one of the first, which is the unit: so both
 * meet the same weather. A figure is the median of the ratios of the two.
 *
 * idle: connections that have been used once and are then quiet, and what of the server's memory
 * each keeps resident. Where a process may not have so many descriptors, several of each share
 * them. */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum {
    SERVERS = 32,
    ROUNDS = 25,
    UNCOUNTED = 3, /* messages of each connection, at the beginning of a slice */
    OTHER_FDS = 64,
    PER_ADDRESS =
        10000, /* connections: fewer than half the ports, after which the search is long */
};
#define SLICE_SECONDS 0.03

struct server {
    const char *name;
    char **command;
    pid_t pid;
    int port;
    clockid_t cpu;
    int *fds;
    double us[ROUNDS], ratio[ROUNDS]; /* of processor time, a request; to the unit's */
    bool failed;
};

struct message {
    int connections;
    size_t size;
    char *out, *in;
    size_t *came; /* of the answer, by connection */
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void *zeroed(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    if (p == NULL)
        die("calloc");
    return p;
}

static double clock_seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ── Servers ─────────────────────────────────────────────────────────────────────────────────── */

static int core(bool last)
{
    cpu_set_t set;
    int found = 0;
    sched_getaffinity(0, sizeof set, &set);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &set))
            continue;
        found = i;
        if (!last)
            break;
    }
    return found;
}

static void pin(int to)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(to, &set);
    sched_setaffinity(0, sizeof set, &set);
}

static void become_server(const struct server *s, int out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, STDOUT_FILENO);
    execvp(s->command[0], s->command);
    die(s->command[0]);
}

static bool fail(struct server *s, const char *why)
{
    fprintf(stderr, "%s: %s\n", s->name, why);
    s->failed = true;
    return false;
}

/* It inherits the core it is to run on. */
static bool start(struct server *s)
{
    int out[2];
    if (pipe2(out, O_CLOEXEC) < 0 || (s->pid = fork()) < 0)
        die("fork");
    if (s->pid == 0)
        become_server(s, out[1]);
    close(out[1]);
    FILE *port = fdopen(out[0], "r");
    if (port == NULL || fscanf(port, "%d", &s->port) != 1)
        return fail(s, "no port");
    clock_getcpuclockid(s->pid, &s->cpu);
    return true; /* the pipe is left open, should it go on to print */
}

static void stop(const struct server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
}

/* The i-th connection: of many, each so many have an address of their own. Its end is a reset,
 * which leaves nothing behind. */
static int connect_to(const struct server *s, int i)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    struct linger reset = {.l_onoff = 1};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    from.sin_addr.s_addr = htonl((in_addr_t)(INADDR_LOOPBACK + 1 + i / PER_ADDRESS));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((in_port_t)s->port);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) < 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        die(s->name);
    return fd;
}

/* ── Echo ────────────────────────────────────────────────────────────────────────────────────── */

static bool ask(struct server *s, struct message *m, int i)
{
    m->came[i] = 0;
    if (send(s->fds[i], m->out, m->size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)m->size)
        return true;
    return fail(s, "does not take a message");
}

/* Whether the answer has come, and `failed` if it never will. */
static bool answered(struct server *s, struct message *m, int i)
{
    ssize_t n = recv(s->fds[i], m->in, m->size - m->came[i], MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0)
        return fail(s, n < 0 ? strerror(errno) : "closed a connection");
    m->came[i] += (size_t)n;
    return m->came[i] == m->size;
}

/* One message to and fro in each connection, and on until `seconds` have passed; then the answers
 * under way are awaited. How many there were. */
static long exchange(struct server *s, struct message *m, double seconds)
{
    double end = bench_now() + seconds;
    int waiting = m->connections;
    long n = 0;
    for (int i = 0; i < m->connections; i++)
        ask(s, m, i);
    for (bool more = true; waiting > 0 && !s->failed; more = more && bench_now() < end) {
        for (int i = 0; i < m->connections && !s->failed; i++) {
            if (m->came[i] == m->size || !answered(s, m, i))
                continue;
            n++;
            if (more)
                ask(s, m, i);
            else
                waiting--;
        }
    }
    return n;
}

/* The first few messages find the caches full of other servers, and are not counted. */
static void slice(struct server *s, struct message *m, double *us)
{
    for (int i = 0; i < UNCOUNTED; i++)
        exchange(s, m, 0);
    double before = clock_seconds(s->cpu);
    long n = exchange(s, m, SLICE_SECONDS);
    usleep(200); /* until it is asleep again, at its own expense */
    *us = (clock_seconds(s->cpu) - before) * 1e6 / (double)n;
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, bench_compare);
    return values[n / 2];
}

static void report(const struct message *m, struct server *s)
{
    char figure[64], note[64];
    snprintf(figure, sizeof figure, "echo-%d-%zu", m->connections, m->size);
    snprintf(note, sizeof note, "%.2f us", median(s->us, ROUNDS));
    bench_report(figure, s->name, median(s->ratio, ROUNDS), "of epoll", note);
}

static void ask_in_turn(struct server *unit, struct server *s, struct message *m, int round)
{
    double before, *us = &s->us[round < 0 ? 0 : round];
    if (s->failed)
        return;
    slice(unit, m, &before);
    slice(s, m, us);
    s->ratio[round < 0 ? 0 : round] = *us / before;
}

static void echo(struct server *servers, int n, int connections, size_t size)
{
    struct message m = {connections, size, zeroed(size, 1), zeroed(size, 1),
                        zeroed((size_t)connections, sizeof *m.came)};
    int first = core(false), last = core(true);
    memset(m.out, '\n', size);
    pin(first);
    for (struct server *s = servers; s < servers + n; s++) {
        if (!start(s))
            continue;
        s->fds = zeroed((size_t)connections, sizeof *s->fds);
        for (int i = 0; i < connections; i++)
            s->fds[i] = connect_to(s, i);
    }
    pin(last);
    for (int r = -1; r < ROUNDS; r++) /* the first warms up */
        for (struct server *s = servers; s < servers + n; s++)
            ask_in_turn(servers, s, &m, r);
    for (struct server *s = servers; s < servers + n; s++) {
        if (!s->failed)
            report(&m, s);
        stop(s);
    }
}

/* ── Idle connections ────────────────────────────────────────────────────────────────────────── */

static double resident(const struct server *s)
{
    char path[64];
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)s->pid);
    FILE *f = fopen(path, "r");
    if (f == NULL || fscanf(f, "%*d %ld", &pages) != 1)
        die(path);
    fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* Here nothing is timed, and the client sleeps. */
static void settle(struct server *s, int from, int to)
{
    char message = '\n';
    for (int i = from; i < to; i++) {
        s->fds[i] = connect_to(s, i);
        if (send(s->fds[i], &message, 1, MSG_NOSIGNAL) != 1)
            fail(s, strerror(errno));
    }
    for (int i = from; i < to; i++)
        if (recv(s->fds[i], &message, 1, 0) != 1)
            fail(s, "does not answer");
}

/* In a process of its own, as the descriptors are: writes to `out` how much the server grew by.
 * Some connections are made and used first, so that what the server has but once is not counted. */
static void hold(struct server *s, int connections, int out)
{
    enum { FIRST = 64 };
    s->fds = zeroed((size_t)connections + FIRST, sizeof *s->fds);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!start(s))
        exit(1);
    settle(s, 0, FIRST);
    double before = resident(s);
    settle(s, FIRST, FIRST + connections);
    double grown = resident(s) - before;
    if (s->failed || write(out, &grown, sizeof grown) != sizeof grown)
        exit(1);
    pause();
}

static void idle(struct server *s, int connections)
{
    struct rlimit limit;
    char note[64];
    int out[2], held = 0, holders = 0;
    pid_t pids[64];
    double sum = 0, grown;
    getrlimit(RLIMIT_NOFILE, &limit);
    int most = (int)limit.rlim_cur - OTHER_FDS * 2;
    if (pipe(out) < 0)
        die("pipe");
    for (; held < connections && holders < 64; holders++) {
        int n = connections - held < most ? connections - held : most;
        if ((pids[holders] = fork()) == 0) {
            close(out[0]);
            hold(s, n, out[1]);
        }
        held += n;
    }
    close(out[1]);
    for (int i = 0; i < holders; i++) {
        if (read(out[0], &grown, sizeof grown) != sizeof grown) {
            fprintf(stderr, "%s: a server failed\n", s->name);
            exit(1);
        }
        sum += grown;
    }
    snprintf(note, sizeof note, "%d in %d processes", held, holders);
    bench_report("idle", s->name, sum / held, "bytes", holders > 1 ? note : "");
    for (int i = 0; i < holders; i++)
        kill(pids[i], SIGKILL);
}

int main(int argc, char **argv)
{
    static struct server servers[SERVERS];
    struct rlimit limit;
    int n = 0;
    for (int i = 0; i + 2 < argc && n < SERVERS; i++) {
        if (strcmp(argv[i], "--") != 0)
            continue;
        argv[i] = NULL; /* ends the command before it */
        servers[n].name = argv[i + 1];
        servers[n++].command = &argv[i + 2];
    }
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    signal(SIGPIPE, SIG_IGN);
    if (argc > 4 && strcmp(argv[1], "echo") == 0 && n > 0)
        echo(servers, n, atoi(argv[2]), (size_t)atol(argv[3]));
    else if (argc > 3 && strcmp(argv[1], "idle") == 0 && n > 0)
        idle(servers, atoi(argv[2]));
    else
        return 2;
    return 0;
}
