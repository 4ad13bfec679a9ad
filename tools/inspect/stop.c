#include "stop.h"

#include <elf.h>
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

int stop_begin(struct stop *s, pid_t tid)
{
    int status;

    *s = (struct stop){.tid = tid};
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0)
        return -errno;
    if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0 || waitpid(tid, &status, __WALL) != tid) {
        int error = errno;
        stop_end(s);
        return -error;
    }
    if (!WIFSTOPPED(status))
        return -ESRCH;
    if (status >> 16 != PTRACE_EVENT_STOP)
        s->signal = WSTOPSIG(status);
    return 0;
}

void stop_end(struct stop *s)
{
    ptrace(PTRACE_DETACH, s->tid, NULL, (void *)(long)s->signal);
}

size_t stop_registers(const struct stop *s, void *to, size_t room)
{
    struct iovec all = {to, room};

    return ptrace(PTRACE_GETREGSET, s->tid, (void *)(long)NT_PRSTATUS, &all) < 0 ? 0 : all.iov_len;
}
