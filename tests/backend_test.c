/* The back-ends, all by the same cases; those that only the kernel's can answer are skipped in the
 * simulation. ASYNCIO_BACKEND names the one to try, without it all are. */
#include "base/alloc.h"
#include "loop/backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MS = 1000000 };

static const struct ai_backend *B;
static void *S;

/* ── Help ────────────────────────────────────────────────────────────────────────────────────── */

struct request {
    struct ai_op op;
    int completions;
};

static void done(struct ai_op *op)
{
    ai_container(op, struct request, op)->completions++;
}

static int at_once; /* since the last turns() */

/* What is done at once counts as completed, and done() must not have been called. */
static void hand_in(struct request *r)
{
    int taken = B->submit(S, &r->op);
    assert_true(taken == 0 || taken == 1);
    assert_int_equal(r->completions, 0);
    r->completions = taken;
    at_once += taken;
}

static struct request *submit_at(struct request *r, enum ai_opcode code, int fd, void *buf,
                                 size_t n, int64_t offset)
{
    *r = (struct request){
        .op = {.done = done, .code = code, .fd = fd, .buf = buf, .size = n, .offset = offset}};
    hand_in(r);
    return r;
}

static struct request *submit(struct request *r, enum ai_opcode code, int fd, void *buf, size_t n)
{
    return submit_at(r, code, fd, buf, n, -1);
}

static struct request *submit_poll(struct request *r, int fd, unsigned events)
{
    *r = (struct request){.op = {.done = done, .code = AI_OP_POLL, .fd = fd, .flags = (int)events}};
    hand_in(r);
    return r;
}

/* Waits for this one, without end if need be, and sees that it ended once. */
static int64_t result(struct request *r)
{
    at_once = 0;
    while (r->completions == 0)
        assert_true(B->wait(S, INT64_MAX) >= 0);
    assert_int_equal(r->completions, 1);
    return r->op.result;
}

/* Turns without blocking, enough for whatever is ready to come through; what was done at once
 * before counts. */
static int turns(void)
{
    int n = at_once;
    at_once = 0;
    for (int i = 0; i < 4; i++) {
        int completed = B->wait(S, 0);
        assert_true(completed >= 0);
        n += completed;
    }
    return n;
}

struct pair {
    int a, b;
};

static struct pair make_pipe(int flags)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC | flags), 0);
    return (struct pair){fds[0], fds[1]};
}

static struct pair make_sockets(int flags)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, fds), 0);
    return (struct pair){fds[0], fds[1]};
}

static void drop(struct pair p)
{
    close(p.a);
    close(p.b);
}

static int open_descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

static bool polls_readable(int fd, int timeout)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, timeout) == 1 && (p.revents & POLLIN) != 0;
}

/* Each case has an instance to itself, and must leave neither descriptors nor memory behind. */
static int descriptors_before;
static size_t memory_before;

static int set_up(void **state)
{
    (void)state;
    char why[128] = "";
    at_once = 0;
    descriptors_before = open_descriptors();
    memory_before = ai_allocated();
    int error = B->open(&S, why, sizeof why);
    if (error != 0)
        print_message("%s: %s\n", B->name, why);
    return error;
}

static int tear_down(void **state)
{
    (void)state;
    B->close(S);
    assert_int_equal(open_descriptors(), descriptors_before);
    assert_int_equal(ai_allocated(), memory_before);
    return 0;
}

/* ── Transfers ───────────────────────────────────────────────────────────────────────────────── */

static void transfer_through(struct pair p)
{
    char got[8] = "";
    struct request r, w;
    submit(&r, AI_OP_READ, p.a, got, sizeof got);
    assert_int_equal(turns(), 0);
    submit(&w, AI_OP_WRITE, p.b, "hello", 5);
    assert_int_equal(result(&w), 5);
    assert_int_equal(result(&r), 5);
    assert_string_equal(got, "hello");
    drop(p);
}

static void test_transfer(void **state)
{
    (void)state;
    transfer_through(make_pipe(0));
    transfer_through(make_pipe(O_NONBLOCK));
    transfer_through(make_sockets(0));
    transfer_through(make_sockets(SOCK_NONBLOCK));
}

/* More than fits: the write waits its turn without blocking the thread, flags untouched. */
static void write_to_full(struct pair p)
{
    static char block[1 << 16];
    int flags = fcntl(p.b, F_GETFL);
    size_t written = 0, got = 0;
    struct request w;
    for (;;) {
        submit(&w, AI_OP_WRITE, p.b, block, sizeof block);
        if (turns() == 0)
            break;
        assert_true(w.op.result > 0);
        written += (size_t)w.op.result;
    }
    assert_true(written > 0);
    while (w.completions == 0) {
        ssize_t n = read(p.a, block, sizeof block);
        assert_true(n > 0);
        got += (size_t)n;
        turns();
    }
    assert_int_equal(w.completions, 1);
    written += (size_t)w.op.result;
    assert_int_equal(fcntl(p.b, F_GETFL), flags);
    while (got < written)
        got += (size_t)read(p.a, block, sizeof block);
    assert_int_equal(got, written);
    drop(p);
}

static void test_write_to_full(void **state)
{
    (void)state;
    write_to_full(make_pipe(0));
    write_to_full(make_sockets(0));
    write_to_full(make_sockets(SOCK_NONBLOCK));
}

static void test_file(void **state)
{
    (void)state;
    char name[] = "/tmp/backend_test.XXXXXX", got[8] = "";
    int fd = mkstemp(name);
    unlink(name);
    struct request r;
    submit(&r, AI_OP_WRITE, fd, "0123456789", 10);
    assert_int_equal(result(&r), 10);
    submit_at(&r, AI_OP_WRITE, fd, "AB", 2, 4);
    assert_int_equal(result(&r), 2);
    submit_at(&r, AI_OP_READ, fd, got, 5, 3);
    assert_int_equal(result(&r), 5);
    assert_string_equal(got, "3AB67");
    submit(&r, AI_OP_READ, fd, got, 5);
    assert_int_equal(result(&r), 0);
    submit_poll(&r, fd, POLLIN);
    assert_int_equal(result(&r), POLLIN);
    close(fd);
}

/* A directory is closed while a file is opened in it, which waits: for a fifo's other end. */
static void test_close_in_use(void **state)
{
    (void)state;
    char place[] = "/tmp/backend_test.XXXXXX", fifo[sizeof place + 8];
    assert_non_null(mkdtemp(place));
    snprintf(fifo, sizeof fifo, "%s/fifo", place);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    int directory = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct request opened = {.op = {.done = done, .code = AI_OP_OPENAT, .fd = directory}}, closed;
    opened.op.from = "fifo";
    if (B != &ai_backend_sim) { /* which would wait */
        hand_in(&opened);
        turns();
    }
    submit(&closed, AI_OP_CLOSE, directory, NULL, 0);
    turns();
    int other = open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    assert_true(other >= 0);
    assert_int_equal(result(&closed), 0);
    struct stat st; /* the number may be the fifo's by now */
    assert_true(fstat(directory, &st) < 0 || !S_ISDIR(st.st_mode));
    if (B != &ai_backend_sim && result(&opened) != -EBADF) {
        assert_true(opened.op.result >= 0);
        close((int)opened.op.result);
    }
    close(other);
    unlink(fifo);
    rmdir(place);
}

static void test_end_of_file(void **state)
{
    (void)state;
    char c;
    struct request r;
    struct pair p = make_pipe(0);
    submit(&r, AI_OP_READ, p.a, &c, 1);
    assert_int_equal(turns(), 0);
    close(p.b);
    assert_int_equal(result(&r), 0);
    close(p.a);
}

static void test_broken_pipe(void **state)
{
    (void)state;
    struct request r;
    struct pair p = make_pipe(0);
    close(p.a);
    submit(&r, AI_OP_WRITE, p.b, "x", 1);
    assert_int_equal(result(&r), -EPIPE);
    close(p.b);
}

static void test_bad_descriptor(void **state)
{
    (void)state;
    static const int bad[] = {-1, 999, INT32_MAX};
    char c = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct request r;
        submit(&r, AI_OP_READ, bad[i], &c, 1);
        assert_int_equal(result(&r), -EBADF);
        submit(&r, AI_OP_WRITE, bad[i], &c, 1);
        assert_int_equal(result(&r), -EBADF);
        submit_poll(&r, bad[i], POLLIN);
        assert_int_equal(result(&r), -EBADF);
    }
}

static void test_poll(void **state)
{
    (void)state;
    struct pair p = make_sockets(0);
    struct request in, out;
    submit_poll(&in, p.a, POLLIN);
    submit_poll(&out, p.a, POLLOUT);
    assert_int_equal(result(&out), POLLOUT);
    assert_int_equal(in.completions, 0);
    assert_int_equal(write(p.b, "x", 1), 1);
    assert_int_equal(result(&in), POLLIN);
    submit_poll(&in, p.a, POLLIN);
    assert_int_equal(result(&in), POLLIN);
    close(p.b);
    submit_poll(&in, p.a, POLLIN | POLLRDHUP);
    assert_int_equal(result(&in), POLLIN | POLLRDHUP | POLLHUP);
    close(p.a);
}

static void test_both_directions(void **state)
{
    (void)state;
    static char block[1 << 20], c;
    struct pair p = make_sockets(0);
    struct request in, out, dup_in;
    submit(&out, AI_OP_WRITE, p.a, block, sizeof block);
    while (turns() != 0)
        submit(&out, AI_OP_WRITE, p.a, block, sizeof block);
    int twin = dup(p.a);
    submit(&in, AI_OP_READ, p.a, &c, 1);
    submit_poll(&dup_in, twin, POLLIN);
    assert_int_equal(turns(), 0);
    assert_int_equal(write(p.b, "x", 1), 1);
    assert_int_equal(result(&in), 1);
    assert_int_equal(out.completions, 0);
    while (out.completions == 0) {
        assert_true(read(p.b, block, sizeof block) > 0);
        turns();
    }
    assert_int_equal(out.completions, 1);
    assert_int_equal(write(p.b, "y", 1), 1);
    assert_int_equal(result(&dup_in), POLLIN);
    close(twin);
    drop(p);
}

/* Readers of one descriptor each get a share, and none is left behind. */
static void test_several_readers(void **state)
{
    (void)state;
    struct pair p = make_pipe(0);
    struct request r[3];
    char c[3] = "";
    for (int i = 0; i < 3; i++)
        submit(&r[i], AI_OP_READ, p.a, &c[i], 1);
    assert_int_equal(turns(), 0);
    assert_int_equal(write(p.b, "a", 1), 1);
    while (r[0].completions + r[1].completions + r[2].completions < 1)
        B->wait(S, INT64_MAX);
    assert_int_equal(turns(), 0);
    assert_int_equal(write(p.b, "bc", 2), 2);
    int sum = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(result(&r[i]), 1);
        sum += c[i];
    }
    assert_int_equal(sum, 'a' + 'b' + 'c');
    drop(p);
}

enum { MANY = 1500 };

/* As many pipes, where so many files may be open. */
static int most_pipes(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    return files.rlim_cur > 2 * MANY + 100 ? MANY : (int)(files.rlim_cur - 100) / 2;
}

static void test_many(void **state)
{
    (void)state;
    const int many = most_pipes();
    static struct request r[MANY], w[MANY];
    static struct pair p[MANY];
    static int got[MANY], sent[MANY];
    for (int i = 0; i < many; i++) {
        p[i] = make_pipe(0);
        submit(&r[i], AI_OP_READ, p[i].a, &got[i], sizeof got[i]);
    }
    assert_int_equal(turns(), 0);
    for (int i = 0; i < many; i++) {
        sent[i] = i + 1;
        submit(&w[i], AI_OP_WRITE, p[i].b, &sent[i], sizeof sent[i]);
    }
    for (int i = 0; i < many; i++) {
        assert_int_equal(result(&w[i]), sizeof sent[i]);
        assert_int_equal(result(&r[i]), sizeof got[i]);
        assert_int_equal(got[i], i + 1);
        drop(p[i]);
    }
}

/* More completions at once than any queue holds. */
static void test_flood(void **state)
{
    (void)state;
    enum { FLOOD = 6000 };
    static struct request r[FLOOD];
    struct pair p = make_pipe(0);
    for (int i = 0; i < FLOOD; i++)
        submit_poll(&r[i], p.a, POLLIN);
    assert_int_equal(turns(), 0);
    assert_int_equal(write(p.b, "x", 1), 1);
    for (int i = 0; i < FLOOD; i++)
        assert_int_equal(result(&r[i]), POLLIN);
    drop(p);
}

static struct request *next_request;

static void done_then_submit(struct ai_op *op)
{
    done(op);
    assert_int_equal(B->submit(S, &next_request->op), 0);
}

static void test_submit_from_done(void **state)
{
    (void)state;
    char c[3] = "";
    struct pair p = make_pipe(0), q = make_pipe(0);
    struct request first, r = {.op = {.done = done, .code = AI_OP_READ, .fd = q.a, .offset = -1}};
    r.op.buf = &c[0];
    r.op.size = 1;
    next_request = &r;
    submit(&first, AI_OP_READ, p.a, &c[1], 1)->op.done = done_then_submit;
    assert_int_equal(write(p.b, "x", 1), 1);
    assert_int_equal(result(&first), 1);
    assert_int_equal(write(q.b, "y", 1), 1);
    assert_int_equal(result(&r), 1);
    assert_string_equal(c, "yx");
    drop(p);
    drop(q);
}

/* The program closes a descriptor while an operation is pending, and its number comes back. */
static void test_reused_descriptor(void **state)
{
    (void)state;
    char c[2] = "";
    struct request old, new;
    struct pair p = make_pipe(0);
    submit(&old, AI_OP_READ, p.a, &c[0], 1);
    assert_int_equal(turns(), 0);
    int number = p.a;
    drop(p);
    p = make_pipe(0);
    assert_int_equal(p.a, number);
    turns();
    if (old.completions == 0)
        B->cancel(S, &old.op);
    turns();
    assert_int_equal(old.completions, 1);
    submit(&new, AI_OP_READ, p.a, &c[1], 1);
    assert_int_equal(turns(), 0);
    assert_int_equal(write(p.b, "n", 1), 1);
    assert_int_equal(result(&new), 1);
    assert_int_equal(c[1], 'n');
    drop(p);
}

/* ── Cancellation ────────────────────────────────────────────────────────────────────────────── */

static void test_cancel(void **state)
{
    (void)state;
    static const int flags[] = {0, O_NONBLOCK};
    for (int i = 0; i < 2; i++) {
        char c;
        struct pair p = make_pipe(flags[i]);
        struct request early, late, polled;
        submit(&early, AI_OP_READ, p.a, &c, 1);
        B->cancel(S, &early.op); /* before anybody heard of it */
        assert_int_equal(early.completions, 0);
        assert_int_equal(result(&early), -ECANCELED);

        submit(&late, AI_OP_READ, p.a, &c, 1);
        submit_poll(&polled, p.a, POLLIN);
        assert_int_equal(turns(), 0);
        B->cancel(S, &late.op);
        B->cancel(S, &late.op); /* twice is harmless */
        assert_int_equal(late.completions, 0);
        assert_int_equal(result(&late), -ECANCELED);
        assert_int_equal(polled.completions, 0);

        assert_int_equal(write(p.b, "x", 1), 1);
        assert_int_equal(result(&polled), POLLIN);
        submit(&late, AI_OP_READ, p.a, &c, 1);
        assert_int_equal(result(&late), 1);
        drop(p);
    }
}

/* Ready and cancelled at once: either, but once, and a byte that was taken is told of. */
static void test_cancel_race(void **state)
{
    (void)state;
    for (int round = 0; round < 64; round++) {
        char c = 0, rest;
        struct pair p = make_pipe(O_NONBLOCK * (round & 1));
        struct request r;
        submit(&r, AI_OP_READ, p.a, &c, 1);
        if (round & 2)
            turns();
        assert_int_equal(write(p.b, "x", 1), 1);
        B->cancel(S, &r.op);
        if (round & 4)
            B->wait(S, 0);
        if (r.completions == 0)
            B->cancel(S, &r.op);
        int64_t n = result(&r);
        turns();
        assert_int_equal(r.completions, 1);
        fcntl(p.a, F_SETFL, O_NONBLOCK);
        bool left = read(p.a, &rest, 1) == 1;
        if (n == 1)
            assert_true(c == 'x' && !left);
        else
            assert_true(n == -ECANCELED && left);
        drop(p);
    }
}

static struct request *victim;

static void done_then_cancel(struct ai_op *op)
{
    done(op);
    B->cancel(S, &victim->op);
}

/* Two complete together, and the first one's done() cancels the second: too late. */
static void test_cancel_from_done(void **state)
{
    (void)state;
    struct pair p = make_pipe(0);
    struct request first, second;
    submit(&first, AI_OP_WRITE, p.b, "1", 1)->op.done = done_then_cancel;
    submit(&second, AI_OP_WRITE, p.b, "2", 1);
    victim = &second;
    assert_int_equal(result(&first), 1);
    assert_int_equal(result(&second), 1);
    drop(p);
}

/* ── Waiting ─────────────────────────────────────────────────────────────────────────────────── */

static void test_deadlines(void **state)
{
    (void)state;
    int64_t start = B->now(S);
    assert_int_equal(B->wait(S, 0), 0);
    assert_int_equal(B->wait(S, start), 0);
    int64_t deadline = start + MS;
    while (B->now(S) < deadline)
        assert_int_equal(B->wait(S, deadline), 0);
    B->block(S, MS);
    assert_true(B->now(S) >= deadline + MS);
    B->block(S, -1);
    if (B == &ai_backend_sim)
        assert_int_equal(B->now(S), 2 * MS);
}

/* The kernels' deadlines must come with operations pending, too, and the simulation's must not
 * overtake an operation that is ready. */
static void test_deadline_with_operations(void **state)
{
    (void)state;
    char c;
    struct pair p = make_pipe(0);
    struct request r;
    submit(&r, AI_OP_READ, p.a, &c, 1);
    int64_t deadline = B->now(S) + MS;
    while (B->now(S) < deadline)
        assert_int_equal(B->wait(S, deadline), 0);
    assert_int_equal(write(p.b, "x", 1), 1);
    int64_t before = B->now(S), far = before + INT64_C(3600000) * MS;
    while (r.completions == 0)
        assert_true(B->wait(S, far) >= 0);
    assert_true(B->now(S) < far);
    if (B == &ai_backend_sim)
        assert_int_equal(B->now(S), before);
    drop(p);
}

static void test_wake_before_wait(void **state)
{
    (void)state;
    B->wake(S);
    B->wake(S);
    assert_int_equal(B->wait(S, INT64_MAX), 0); /* it would hang */
    B->wake(S);
    assert_int_equal(B->wait(S, 0), 0);
    B->wake(S);
    assert_int_equal(B->wait(S, INT64_MAX), 0);
}

enum { WAKES = 200 };
static _Atomic int published;

static void *wake_often(void *unused)
{
    for (int i = 0; i < WAKES; i++) {
        published++;
        B->wake(S);
    }
    return unused;
}

/* No work may be missed: what is published before a wake is seen after the wait that it ends. */
static void wake_from_thread(struct request *pending)
{
    pthread_t thread;
    published = 0;
    assert_int_equal(pthread_create(&thread, NULL, wake_often, NULL), 0);
    while (published < WAKES)
        assert_int_equal(B->wait(S, INT64_MAX), 0);
    pthread_join(thread, NULL);
    assert_true(pending == NULL || pending->completions == 0);
}

static void test_wake_from_thread(void **state)
{
    (void)state;
    char c;
    struct pair p = make_pipe(0);
    struct request r;
    wake_from_thread(NULL);
    submit(&r, AI_OP_READ, p.a, &c, 1);
    wake_from_thread(&r);
    B->cancel(S, &r.op);
    assert_int_equal(result(&r), -ECANCELED);
    drop(p);
}

static void on_signal(int number)
{
    (void)number;
    B->wake(S);
}

static void test_wake_from_signal(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;
    sigaction(SIGUSR1, &action, &old);
    for (int i = 0; i < 10; i++) {
        raise(SIGUSR1);
        assert_int_equal(B->wait(S, INT64_MAX), 0);
    }
    sigaction(SIGUSR1, &old, NULL);
}

/* ── Embedding, forking ──────────────────────────────────────────────────────────────────────── */

static void *write_late(void *fd)
{
    assert_int_equal(write(*(int *)fd, "x", 1), 1);
    return fd;
}

static void test_foreign_poll(void **state)
{
    (void)state;
    char c;
    struct request r;
    struct pair p = make_pipe(0);
    int fd = B->fd(S, INT64_MAX);
    if (B == &ai_backend_sim) {
        assert_int_equal(fd, -ENOTSUP);
        drop(p);
        return;
    }
    for (int round = 0; round < 3; round++) {
        assert_int_equal(B->fd(S, INT64_MAX), fd);
        assert_false(polls_readable(fd, 0));

        submit(&r, AI_OP_READ, p.a, &c, 1); /* a completion */
        B->fd(S, INT64_MAX);
        assert_false(polls_readable(fd, 0));
        assert_int_equal(write(p.b, "x", 1), 1);
        assert_true(polls_readable(fd, -1));
        while (r.completions == 0)
            assert_true(B->wait(S, 0) >= 0);

        uint64_t count = 1; /* one that an eventfd leads to */
        int event = eventfd(0, EFD_CLOEXEC);
        submit(&r, AI_OP_READ, event, &count, sizeof count);
        B->fd(S, INT64_MAX);
        assert_false(polls_readable(fd, 0));
        assert_int_equal(write(event, &count, sizeof count), sizeof count);
        assert_true(polls_readable(fd, -1));
        assert_int_equal(result(&r), sizeof count);
        close(event);

        submit(&r, AI_OP_READ, p.a, &c, 1); /* one that comes during the poll, if it has time to */
        B->fd(S, INT64_MAX);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, write_late, &p.b), 0);
        assert_true(polls_readable(fd, -1));
        pthread_join(thread, NULL);
        assert_int_equal(result(&r), 1);

        submit(&r, AI_OP_WRITE, p.b, "x", 1); /* one that does not wait */
        B->fd(S, INT64_MAX);
        assert_true(r.completions == 1 || polls_readable(fd, -1));
        while (r.completions == 0)
            assert_true(B->wait(S, 0) >= 0);
        assert_int_equal(read(p.a, &c, 1), 1);

        submit(&r, AI_OP_READ, p.a, &c, 1); /* one cancelled before it is heard of */
        B->cancel(S, &r.op);
        B->fd(S, INT64_MAX);
        assert_true(polls_readable(fd, -1));
        turns();
        assert_int_equal(r.completions, 1);

        B->fd(S, INT64_MAX);
        assert_false(polls_readable(fd, 0));
        B->wake(S); /* a wake-up */
        assert_true(polls_readable(fd, -1));
        turns();

        B->fd(S, B->now(S) + MS); /* a deadline, to come and passed */
        assert_true(polls_readable(fd, -1));
        turns();
        B->fd(S, 0);
        assert_true(polls_readable(fd, -1));
        turns();
    }
    drop(p);
}

/* The child drops its copy; the parent's goes on as if nothing had happened. */
static void test_fork(void **state)
{
    (void)state;
    char c;
    int status;
    struct request r;
    struct pair p = make_pipe(0);
    submit(&r, AI_OP_READ, p.a, &c, 1);
    B->fd(S, INT64_MAX);
    turns();
    pid_t child = fork();
    if (child == 0) {
        B->forget(S);
        char why[128];
        void *own;
        bool good = open_descriptors() == descriptors_before + 2 &&
                    ai_allocated() == memory_before && B->open(&own, why, sizeof why) == 0;
        if (good)
            B->close(own);
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(r.completions, 0);
    assert_int_equal(write(p.b, "x", 1), 1);
    assert_int_equal(result(&r), 1);
    B->wake(S);
    assert_int_equal(B->wait(S, INT64_MAX), 0);
    drop(p);
}

/* ── The simulation's own ────────────────────────────────────────────────────────────────────── */

static void draw(const char *seed, unsigned *numbers, int n)
{
    void *sim;
    char why[64];
    seed != NULL ? setenv("ASYNCIO_SEED", seed, 1) : unsetenv("ASYNCIO_SEED");
    assert_int_equal(ai_backend_sim.open(&sim, why, sizeof why), 0);
    for (int i = 0; i < n; i++) {
        numbers[i] = ai_backend_sim.choose(sim, 10);
        assert_true(numbers[i] < 10);
    }
    assert_int_equal(ai_backend_sim.choose(sim, 1), 0);
    ai_backend_sim.close(sim);
    unsetenv("ASYNCIO_SEED");
}

static void test_seed(void **state)
{
    (void)state;
    unsigned a[100], b[100], zero[100] = {0}, seen = 0;
    draw(NULL, a, 100);
    assert_memory_equal(a, zero, sizeof a);
    draw("0", a, 100);
    assert_memory_equal(a, zero, sizeof a);
    draw("7", a, 100);
    draw("7", b, 100);
    assert_memory_equal(a, b, sizeof a);
    draw("8", b, 100);
    assert_memory_not_equal(a, b, sizeof a);
    for (int i = 0; i < 100; i++)
        seen |= 1U << a[i];
    assert_int_equal(seen, 0x3ff);
}

/* ── The choice ──────────────────────────────────────────────────────────────────────────────── */

struct choice {
    int error;
    char name[16], why[200];
};

static struct choice choose(const char *name)
{
    struct choice c = {.why = ""};
    const struct ai_backend *b = NULL;
    void *s;
    name != NULL ? setenv("ASYNCIO_BACKEND", name, 1) : unsetenv("ASYNCIO_BACKEND");
    c.error = ai_backend_open(NULL, &b, &s, c.why, sizeof c.why);
    if (c.error == 0) {
        snprintf(c.name, sizeof c.name, "%s", b->name);
        b->close(s);
    }
    unsetenv("ASYNCIO_BACKEND");
    return c;
}

static void test_choice(void **state)
{
    (void)state;
    struct choice c = choose(B->name);
    assert_int_equal(c.error, 0);
    assert_string_equal(c.name, B->name);
    c = choose("nonsense");
    assert_int_equal(c.error, -EINVAL);
    assert_non_null(strstr(c.why, "nonsense"));
    c = choose("");
    assert_int_equal(c.error, 0);
    assert_true(strcmp(c.name, "io_uring") == 0 || strcmp(c.name, "epoll") == 0);
    assert_true(strncmp(c.why, c.name, strlen(c.name)) == 0);
}

/* From here on this process's io_uring system call answers with the error. */
static bool refuse(unsigned call, unsigned error)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof program / sizeof *program, program};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

static int refused_in_child(unsigned call, int error)
{
    if (!refuse(call, (unsigned)error))
        return 1;
    int before = open_descriptors();
    struct choice best = choose(NULL), named = choose("io_uring");
    if (best.error != 0 || strcmp(best.name, "epoll") != 0 || named.error >= 0)
        return 2;
#ifdef AI_HAVE_LIBURING
    if (strstr(best.why, strerror(error)) == NULL || named.error != -error)
        return 3;
#endif
    return open_descriptors() == before && ai_allocated() == memory_before ? 0 : 4;
}

static void test_ring_refused(void **state)
{
    (void)state;
    static const int errors[] = {EPERM, ENOSYS, ENOMEM, EINVAL};
    B->close(S); /* the child's ledger starts empty */
    for (int i = 0; i < 8; i++) {
        int status;
        pid_t child = fork();
        if (child == 0)
            _exit(refused_in_child(i < 4 ? SYS_io_uring_setup : SYS_io_uring_enter, errors[i % 4]));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    char why[64];
    assert_int_equal(B->open(&S, why, sizeof why), 0);
}

/* ── Out of memory ───────────────────────────────────────────────────────────────────────────── */

#ifdef AI_FAULTS

static int allowed;

static bool run_out(size_t size)
{
    (void)size;
    return allowed-- <= 0;
}

/* Allocation by allocation: what fails says so, and leaves nothing behind. */
static void test_out_of_memory(void **state)
{
    (void)state;
    struct pair p = make_pipe(0);
    char why[128];
    void *own = S;
    bool through = false;
    for (int n = 0; !through; n++) {
        char c;
        struct request r = {.op = {.done = done, .code = AI_OP_READ, .fd = p.a, .offset = -1}};
        r.op.buf = &c;
        r.op.size = 1;
        allowed = n;
        ai_allocation_fails = run_out;
        int opened = B->open(&S, why, sizeof why);
        int submitted = opened == 0 ? B->submit(S, &r.op) : opened;
        r.completions += submitted == 1;
        if (submitted >= 0) {
            turns();
            if (r.completions == 0)
                B->cancel(S, &r.op);
            through = result(&r) == -ECANCELED;
            assert_true(through || r.op.result == -ENOMEM);
        } else {
            assert_int_equal(submitted, -ENOMEM);
        }
        ai_allocation_fails = NULL;
        if (opened == 0)
            B->close(S);
    }
    S = own;
    drop(p);
}

#endif

#define CASE(name)                                                                                 \
    {                                                                                              \
#name, test_##name, set_up, tear_down, NULL                                                \
    }

static const struct CMUnitTest cases[] = {
    CASE(transfer),
    CASE(write_to_full),
    CASE(file),
    CASE(end_of_file),
    CASE(close_in_use),
    CASE(broken_pipe),
    CASE(bad_descriptor),
    CASE(poll),
    CASE(both_directions),
    CASE(several_readers),
    CASE(many),
    CASE(flood),
    CASE(submit_from_done),
    CASE(reused_descriptor),
    CASE(cancel),
    CASE(cancel_race),
    CASE(cancel_from_done),
    CASE(deadlines),
    CASE(deadline_with_operations),
    CASE(wake_before_wait),
    CASE(wake_from_thread),
    CASE(wake_from_signal),
    CASE(foreign_poll),
    CASE(fork),
    CASE(seed),
    CASE(choice),
    CASE(ring_refused),
#ifdef AI_FAULTS
    CASE(out_of_memory),
#endif
};

static int try_backend(const struct ai_backend *b)
{
    char why[128];
    B = b;
    if (b->open(&S, why, sizeof why) != 0) {
        print_message("1..0 # SKIP %s: %s\n", b->name, why);
        return 0;
    }
    b->close(S);
    return cmocka_run_group_tests_name(b->name, cases, NULL, NULL);
}

int main(void)
{
    static const struct ai_backend *const all[] = {
        &ai_backend_io_uring,
        &ai_backend_epoll,
        &ai_backend_sim,
    };
    const char *environment = getenv("ASYNCIO_BACKEND");
    char *only = environment != NULL ? strdup(environment) : NULL;
    struct rlimit files;
    int failed = 0;
    signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (int i = 0; i < 3; i++)
        if (only == NULL || strcmp(only, all[i]->name) == 0)
            failed += try_backend(all[i]);
    free(only);
    return failed;
}
