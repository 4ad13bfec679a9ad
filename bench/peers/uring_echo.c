/* The least an io_uring server does: multishot receive into a ring of buffers, few enough to stay
 * in the cache, and the sends with it in one system call a turn; or, with the argument `send`, each
 * send a system call of its own. */
#include "echo.h"

#include <liburing.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { BUFFERS = 64, SIZE = 4096, ENTRIES = 1024, COMPLETIONS = 8192 };
enum kind { ACCEPT, RECEIVE, SEND };

static struct io_uring ring;
static struct io_uring_buf_ring *buffers;
static char memory[BUFFERS][SIZE];

static struct io_uring_sqe *entry(enum kind kind, int fd, int buffer)
{
    struct io_uring_sqe *sqe;
    while ((sqe = io_uring_get_sqe(&ring)) == NULL)
        io_uring_submit(&ring);
    io_uring_prep_nop(sqe);
    sqe->user_data = (unsigned)kind | (unsigned)fd << 2 | (__u64)buffer << 32;
    return sqe;
}

/* What prepares an entry leaves its user_data alone, in all versions of liburing since 2.2. */
static void receive(int fd)
{
    struct io_uring_sqe *sqe = entry(RECEIVE, fd, 0);
    __u64 data = sqe->user_data;
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    sqe->user_data = data;
}

static void give_back(int buffer)
{
    io_uring_buf_ring_add(buffers, memory[buffer], SIZE, (unsigned short)buffer,
                          io_uring_buf_ring_mask(BUFFERS), 0);
    io_uring_buf_ring_advance(buffers, 1);
}

static void answer(int fd, int buffer, int n, bool by_call)
{
    if (by_call) {
        if (send(fd, memory[buffer], (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) != n)
            shutdown(fd, SHUT_RDWR);
        give_back(buffer);
        return;
    }
    struct io_uring_sqe *sqe = entry(SEND, fd, buffer);
    __u64 data = sqe->user_data;
    io_uring_prep_send(sqe, fd, memory[buffer], (size_t)n, MSG_NOSIGNAL | MSG_WAITALL);
    sqe->user_data = data;
}

static void received(const struct io_uring_cqe *cqe, int fd, bool by_call)
{
    bool more = (cqe->flags & IORING_CQE_F_MORE) != 0;
    if (cqe->res > 0)
        answer(fd, (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT), cqe->res, by_call);
    if (cqe->res > 0 ? !more : cqe->res == -ENOBUFS)
        receive(fd);
    else if (cqe->res <= 0)
        close(fd);
}

static void completed(const struct io_uring_cqe *cqe, bool by_call)
{
    int fd = (int)((unsigned)cqe->user_data >> 2);
    switch ((enum kind)(cqe->user_data & 3)) {
    case ACCEPT:
        echo_nodelay(cqe->res);
        receive(cqe->res);
        break;
    case RECEIVE:
        received(cqe, fd, by_call);
        break;
    case SEND:
        give_back((int)(cqe->user_data >> 32));
    }
}

static void set_up(void)
{
    struct io_uring_params p = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
        .cq_entries = COMPLETIONS,
    };
    struct io_uring_buf_reg reg = {.ring_entries = BUFFERS};
    void *page = NULL;
    int error = posix_memalign(&page, 4096, BUFFERS * sizeof(struct io_uring_buf));
    reg.ring_addr = (__u64)(uintptr_t)page;
    buffers = page;
    if (error == 0)
        error = io_uring_queue_init_params(ENTRIES, &ring, &p);
    if (error == 0)
        error = io_uring_register_buf_ring(&ring, &reg, 0);
    if (error != 0) {
        fprintf(stderr, "io_uring: %s\n", strerror(abs(error)));
        exit(1);
    }
    io_uring_register_ring_fd(&ring);
    io_uring_buf_ring_init(buffers);
    for (int i = 0; i < BUFFERS; i++)
        give_back(i);
}

int main(int argc, char **argv)
{
    bool by_call = argc > 1 && strcmp(argv[1], "send") == 0;
    int listener = echo_listen(0);
    set_up();
    struct io_uring_sqe *sqe = entry(ACCEPT, listener, 0);
    __u64 data = sqe->user_data;
    io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
    sqe->user_data = data;
    echo_announce(listener);
    for (;;) {
        struct io_uring_cqe *cqe;
        unsigned head, n = 0;
        io_uring_submit_and_wait(&ring, 1);
        io_uring_for_each_cqe(&ring, head, cqe)
        {
            completed(cqe, by_call);
            n++;
        }
        io_uring_cq_advance(&ring, n);
    }
}
