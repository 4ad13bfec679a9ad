/* The child is made by clone() as by vfork(): it runs in this process's memory, on a stack of its
 * own, while this thread stands still, until it execs or exits. So it costs the same however large
 * this process is, and gives a pidfd in the same breath, before anybody could take the process
 * away.
 *
 * The child has the memory of a process whose other threads go on, and the thread-local storage of
 * this one. So it calls the kernel and nothing else: no function of the C library that might lock,
 * allocate, or be a cancellation point, and none that a sanitizer intercepts. All signals are
 * blocked until their handlers, which are this process's, have been taken away.
 *
 * How it fails it tells through a pipe that exec closes, and not through the memory: where clone()
 * is emulated by fork (qemu, valgrind) that is not shared. Nor is the end of the pipe waited for
 * where it is shared: all has been said then, and a child that another thread forks meanwhile may
 * have the pipe for as long as it runs. */
#include "io/spawn.h"

#include "base/alloc.h"
#include "ctx/sanitize.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define CLOSE_RANGE_CLOEXEC_FLAG (1L << 2)

enum { STACK = 16 << 10, FAILED = 127 };

/* The kernel's: a bit for each signal. */
enum { SIGNALS = _NSIG - 1 };
typedef struct {
    unsigned char bits[SIGNALS / 8];
} signal_set;

struct launch {
    const struct ai_spawn *spawn;
    signal_set mask; /* of the program */
    int report;      /* the pipe to write to */
    bool shared;     /* the child has been seen in this memory: it has exec'd or exited by now */
};

/* --- In the child --- */

#define CHILD                                                                                      \
    static __attribute__((no_sanitize("address"), no_sanitize("thread"), no_sanitize("undefined")))

/* -errno where it fails. */
#define CALL(...) checked(syscall(__VA_ARGS__))

CHILD long checked(long result)
{
    return result < 0 ? -errno : result;
}

CHILD long set_mask(const signal_set *set, signal_set *old)
{
    return CALL(SYS_rt_sigprocmask, (long)SIG_SETMASK, set, old, (long)sizeof *set);
}

/* Handlers are the parent's and must not run here. What is ignored stays so, but for SIGPIPE and
 * SIGXFSZ (as in Python). An action of nothing but zeros is the default one on all architectures;
 * the handler is its first member. */
CHILD void reset_signals(void)
{
    static const unsigned long by_default[16];
    unsigned long now[16];

    for (int signo = 1; signo <= SIGNALS; signo++) {
        long size = sizeof(signal_set);
        if (CALL(SYS_rt_sigaction, (long)signo, NULL, now, size) < 0 || now[0] == 0)
            continue;
        if (now[0] != (unsigned long)SIG_IGN || signo == SIGPIPE || signo == SIGXFSZ)
            CALL(SYS_rt_sigaction, (long)signo, by_default, NULL, size);
    }
}

/* Out of the way of the standard ones. */
CHILD long move_up(int *fd)
{
    long moved = CALL(SYS_fcntl, (long)*fd, (long)F_DUPFD_CLOEXEC, 3L);

    if (moved >= 0)
        *fd = (int)moved;
    return moved;
}

CHILD long keep_open(int fd, bool keep)
{
    return CALL(SYS_fcntl, (long)fd, (long)F_SETFD, keep ? 0L : (long)FD_CLOEXEC);
}

CHILD long place_standard(const int *standard)
{
    int from[3];
    long error = 0;

    for (int fd = 0; fd < 3 && error >= 0; fd++) {
        from[fd] = standard[fd];
        if (from[fd] >= 0 && from[fd] < 3 && from[fd] != fd)
            error = move_up(&from[fd]);
    }
    for (int fd = 0; fd < 3 && error >= 0; fd++) {
        if (from[fd] == fd)
            error = keep_open(fd, true);
        else if (from[fd] >= 0)
            error = CALL(SYS_dup3, (long)from[fd], (long)fd, 0L);
    }
    return error;
}

/* All but the standard ones; one by one where the kernel cannot do it at once. */
CHILD void close_on_exec(void)
{
    struct rlimit limit;

    if (CALL(SYS_close_range, 3L, (long)UINT_MAX, CLOSE_RANGE_CLOEXEC_FLAG) >= 0)
        return;
    if (CALL(SYS_prlimit64, 0L, (long)RLIMIT_NOFILE, NULL, &limit) < 0)
        limit.rlim_cur = 1 << 16;
    for (int fd = 3; (rlim_t)fd < limit.rlim_cur && fd < INT_MAX; fd++)
        keep_open(fd, false);
}

CHILD long arrange_descriptors(const struct ai_spawn *s)
{
    long error = place_standard(s->standard);

    if (!s->inherits)
        close_on_exec();
    for (const int *fd = s->pass; fd && *fd >= 0 && error >= 0; fd++)
        error = keep_open(*fd, true);
    return error;
}

CHILD long arrange_process(const struct ai_spawn *s)
{
    long error = 0;

    if (s->group)
        error = CALL(SYS_setpgid, 0L, s->group < 0 ? 0L : (long)s->group);
    if (s->new_session && error >= 0)
        error = CALL(SYS_setsid);
    if (s->cwd && error >= 0)
        error = CALL(SYS_chdir, s->cwd);
    return error;
}

/* What is not there is looked for further on; of anything else the first is told. */
CHILD long execute(const struct ai_spawn *s)
{
    long error = 0;

    for (const char *const *path = s->paths; *path; path++) {
        long now = CALL(SYS_execve, *path, s->argv, s->env);
        bool absent = now == -ENOENT || now == -ENOTDIR;
        if (error == 0 || ((error == -ENOENT || error == -ENOTDIR) && !absent))
            error = now;
    }
    return error;
}

CHILD int in_child(void *arg)
{
    struct launch *l = arg;
    int report = l->report;
    long error = report < 3 ? move_up(&report) : 0;

    l->shared = true;
    if (error >= 0)
        error = arrange_process(l->spawn);
    if (error >= 0)
        error = arrange_descriptors(l->spawn);
    if (error >= 0) {
        reset_signals();
        set_mask(&l->mask, NULL);
        error = execute(l->spawn);
    }
    int code = (int)error;
    CALL(SYS_write, (long)report, &code, sizeof code);
    CALL(SYS_exit_group, (long)FAILED);
    return FAILED;
}

/* --- In the parent --- */

/* What the child had to say: 0 if nothing. */
static int read_report(int fd, bool wait)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int code = 0;

    while (wait && poll(&p, 1, -1) < 0 && errno == EINTR)
        continue;
    return read(fd, &code, sizeof code) == sizeof code ? code : 0;
}

int ai_spawn_reap(int pidfd)
{
    siginfo_t info = {0};
    int error;

    do
        error = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED);
    while (error && errno == EINTR);
    if (error)
        return AI_CHILD_LOST;
    return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

/* ThreadSanitizer takes clone() for fork(), and does not know what to do where the memory is
 * shared. It need not know: no code it has put anything into runs in the child. */
#ifdef AI_TSAN
int __clone(int (*function)(void *), void *stack, int flags, void *arg, ...);
#define clone __clone
#endif

/* The child's id or -errno. On its own stack the child never comes back from in_child(). */
static long make_child(struct launch *l, int *pidfd)
{
    char *stack = ai_allocate(STACK);
    int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
    signal_set all;

    if (!stack)
        return -ENOMEM;
    __builtin_memset(&all, 0xff, sizeof all);
    set_mask(&all, &l->mask);
    long child = clone(in_child, stack + STACK, flags, l, pidfd);
    if (child < 0)
        child = -errno;
    set_mask(&l->mask, NULL);
    ai_deallocate(stack, STACK);
    return child;
}

static int settle(long child, int pidfd, int error)
{
    if (child < 0)
        return (int)child;
    if (error) {
        ai_spawn_reap(pidfd);
        close(pidfd);
        return error;
    }
    return pidfd;
}

int ai_spawn(const struct ai_spawn *s, pid_t *pid)
{
    int report[2], pidfd = -1, saved = errno;

    if (pipe2(report, O_CLOEXEC | O_NONBLOCK))
        return -errno;
    struct launch l = {.spawn = s, .report = report[1]};
    long child = make_child(&l, &pidfd);
    close(report[1]);
    int error = child < 0 ? 0 : read_report(report[0], !l.shared);
    close(report[0]);
    errno = saved;
    *pid = (pid_t)child;
    return settle(child, pidfd, error);
}
