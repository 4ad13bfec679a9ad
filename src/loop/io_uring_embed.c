/* See io_uring_embed.h. */
#include "loop/io_uring_embed.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

static bool is_deferred(const struct io_uring *uring)
{
    return (uring->flags & IORING_SETUP_DEFER_TASKRUN) != 0;
}

static int listen_to(const struct ai_embedding *e, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd < 0)
        return -errno;
    return epoll_ctl(e->fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int set_up(struct ai_embedding *e, const struct io_uring *uring, int wake_fd)
{
    e->fd = epoll_create1(EPOLL_CLOEXEC);
    e->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (is_deferred(uring))
        e->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int error = listen_to(e, wake_fd);
    if (error == 0)
        error = listen_to(e, e->timer);
    return error != 0 ? error : listen_to(e, is_deferred(uring) ? e->bell : uring->ring_fd);
}

int ai_embedding_open(struct ai_embedding *e, const struct io_uring *uring, int wake_fd)
{
    int error = e->fd < 0 ? set_up(e, uring, wake_fd) : 0;
    if (error != 0)
        ai_embedding_close(e);
    return error;
}

void ai_embedding_close(struct ai_embedding *e)
{
    int *fds[] = {&e->fd, &e->timer, &e->bell};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}

/* It is registered anew, as kernels seen up to 6.18 ring it only once in its life where the
 * deferred work comes from the write of another eventfd. */
int ai_embedding_reset_bell(struct ai_embedding *e, struct io_uring *uring)
{
    uint64_t count;
    if (!is_deferred(uring))
        return 0;
    ssize_t n = read(e->bell, &count, sizeof count);
    (void)n;
    io_uring_unregister_eventfd(uring);
    int error = io_uring_register_eventfd(uring, e->bell);
    unsigned flags = __atomic_load_n(uring->sq.kflags, __ATOMIC_ACQUIRE);
    return error < 0 ? error : (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}
