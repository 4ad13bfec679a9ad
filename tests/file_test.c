/* <asyncio/io.h>, the calls on files: round trips, what is not there, a full disk, many at once,
 * cancelled; and what is moved between descriptors inside of the kernel. */
#include "support.h"

#include "namespaces.h"

#include <errno.h>
#include <linux/stat.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { MUCH = 1 << 20 };

static char folder[64]; /* of this test's files */

static int make_folder(void **state)
{
    strcpy(folder, "/tmp/file_test_XXXXXX");
    return ledger_open(state) != 0 || !mkdtemp(folder);
}

static int remove_folder(void **state)
{
    return rmdir(folder) != 0 || ledger_close(state) != 0;
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

/* A path in it, good until the next but three. */
static const char *in_folder(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof *paths, "%s/%s", folder, name);
    return path;
}

static char *pattern(void)
{
    char *data = malloc(MUCH);

    for (int i = 0; i < MUCH; i++)
        data[i] = (char)(i * 2654435761u >> 24);
    return data;
}

static int make_file(const char *path, const void *data, size_t n)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, n), n);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static int threads_alive(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* --- Reading and writing --- */

ASYNC_TEST(written_and_read)
{
    const char *path = in_folder("file");
    char buf[8] = "";

    int fd = await(asyncio_open(path, O_RDWR | O_CREAT | O_EXCL, 0640));
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(await(asyncio_write(fd, "abcdef", 6)), 6);
    assert_int_equal(await(asyncio_pwrite(fd, "XY", 2, 2)), 2);
    assert_int_equal(await(asyncio_pread(fd, buf, sizeof buf, 1)), 5);
    assert_string_equal(buf, "bXYef");
    assert_int_equal(await(asyncio_read(fd, buf, sizeof buf)), 0);
    assert_int_equal(await(asyncio_fsync(fd)), 0);
    assert_int_equal(await(asyncio_fdatasync(fd)), 0);
    assert_int_equal(await(asyncio_ftruncate(fd, 3)), 0);
    assert_int_equal(await(asyncio_fallocate(fd, 0, 0, 4096)), 0);
    assert_int_equal(lseek(fd, 0, SEEK_END), 4096);
    assert_int_equal(await(asyncio_close(fd)), 0);
    assert_int_equal(await(asyncio_open(path, O_RDWR | O_CREAT | O_EXCL, 0640)), -EEXIST);
    assert_int_equal(await(asyncio_unlink(path)), 0);
    assert_int_equal(await(asyncio_open(path, O_RDONLY)), -ENOENT);
}

ASYNC_TEST(mistakes)
{
    char buf[8];

    assert_int_equal(await(asyncio_pread(0, buf, 1, -1)), -EINVAL);
    assert_int_equal(await(asyncio_fsync(-1)), -EBADF);
    assert_int_equal(await(asyncio_close(-1)), -EBADF);
    int fd = await(asyncio_open(folder, O_RDONLY | O_DIRECTORY));
    assert_int_equal(await(asyncio_read(fd, buf, 1)), -EISDIR);
    assert_int_equal(await(asyncio_openat(fd, "none", O_RDONLY)), -ENOENT);
    assert_int_equal(await(asyncio_close(fd)), 0);
}

/* What is in memory is read without a thread of anybody's. */
ASYNC_TEST(what_is_in_memory_needs_no_thread)
{
    char *data = pattern(), *buf = malloc(MUCH);
    int fd = make_file(in_folder("file"), data, MUCH), before = threads_alive();

    assert_int_equal(await(asyncio_pread(fd, buf, MUCH, 0)), MUCH);
    assert_memory_equal(buf, data, MUCH);
    assert_int_equal(await(asyncio_read(fd, buf, 10)), 10);
    assert_int_equal(threads_alive(), before);
    close(fd);
    unlink(in_folder("file"));
    free(data);
    free(buf);
}

enum { MANY = 200 };

static async(int, write_number, (int, i))
{
    char name[16], text[16] = "";
    sprintf(name, "%d", i);
    int fd = await(asyncio_openat(AT_FDCWD, in_folder(name), O_RDWR | O_CREAT, 0600));
    if (fd < 0)
        return fd;
    await(asyncio_write(fd, name, strlen(name)));
    await(asyncio_pread(fd, text, sizeof text, 0));
    await(asyncio_close(fd));
    return atoi(text) == i ? 0 : -EIO;
}

/* The path is the caller's memory, so each has its own. */
static async(int, read_number, (const char *, path))
{
    char text[16] = "";
    int fd = await(asyncio_open(path, O_RDONLY));
    if (fd < 0)
        return fd;
    ssize_t n = await(asyncio_read(fd, text, sizeof text - 1));
    await(asyncio_close(fd));
    await(asyncio_unlink(path));
    return n < 0 ? (int)n : atoi(text);
}

ASYNC_TEST(many_at_once)
{
    static char paths[MANY][128];
    static awaitable(int) tasks[MANY];

    for (int i = 0; i < MANY; i++) {
        char name[16];
        sprintf(name, "%d", i);
        strcpy(paths[i], in_folder(name));
        assert_int_equal(await(write_number(i)), 0);
        tasks[i] = asyncio_create_task(read_number(paths[i]));
    }
    for (int i = 0; i < MANY; i++)
        assert_int_equal(await(tasks[i]), i);
}

/* --- Status and names --- */

static void assert_same(const struct stat *a, const struct stat *b)
{
    assert_int_equal(a->st_dev, b->st_dev);
    assert_int_equal(a->st_ino, b->st_ino);
    assert_int_equal(a->st_mode, b->st_mode);
    assert_int_equal(a->st_nlink, b->st_nlink);
    assert_int_equal(a->st_uid, b->st_uid);
    assert_int_equal(a->st_gid, b->st_gid);
    assert_int_equal(a->st_rdev, b->st_rdev);
    assert_int_equal(a->st_size, b->st_size);
    assert_int_equal(a->st_blksize, b->st_blksize);
    assert_int_equal(a->st_blocks, b->st_blocks);
    assert_int_equal(a->st_mtim.tv_sec, b->st_mtim.tv_sec);
    assert_int_equal(a->st_mtim.tv_nsec, b->st_mtim.tv_nsec);
    assert_int_equal(a->st_ctim.tv_nsec, b->st_ctim.tv_nsec);
}

ASYNC_TEST(status)
{
    char path[128], link[128];
    struct stat ours, theirs;
    struct statx x;

    strcpy(path, in_folder("file"));
    strcpy(link, in_folder("link"));
    int fd = make_file(path, "12345", 5);
    assert_int_equal(await(asyncio_symlink(path, link)), 0);
    assert_int_equal(await(asyncio_stat(link, &ours)), 0);
    assert_int_equal(stat(path, &theirs), 0);
    assert_same(&ours, &theirs);
    assert_int_equal(await(asyncio_lstat(link, &ours)), 0);
    assert_int_equal(lstat(link, &theirs), 0);
    assert_same(&ours, &theirs);
    assert_true(S_ISLNK(ours.st_mode));
    assert_int_equal(await(asyncio_fstat(fd, &ours)), 0);
    assert_int_equal(fstat(fd, &theirs), 0);
    assert_same(&ours, &theirs);
    assert_int_equal(await(asyncio_stat("/dev/null", &ours)), 0);
    assert_int_equal(stat("/dev/null", &theirs), 0);
    assert_same(&ours, &theirs);
    assert_int_equal(await(asyncio_statx(AT_FDCWD, path, 0, STATX_SIZE, &x)), 0);
    assert_int_equal(x.stx_size, 5);
    unlink(link);
    unlink(path);
    close(fd);
    ours.st_size = 77;
    assert_int_equal(await(asyncio_stat(path, &ours)), -ENOENT);
    assert_int_equal(ours.st_size, 77);
    assert_int_equal(await(asyncio_fstat(-1, &ours)), -EBADF);
}

ASYNC_TEST(names)
{
    char a[128], b[128];

    strcpy(a, in_folder("a"));
    strcpy(b, in_folder("b"));
    assert_int_equal(await(asyncio_mkdir(a, 0700)), 0);
    assert_int_equal(await(asyncio_mkdir(a, 0700)), -EEXIST);
    assert_int_equal(await(asyncio_rename(a, b)), 0);
    assert_int_equal(await(asyncio_rmdir(a)), -ENOENT);
    assert_int_equal(await(asyncio_unlink(b)), -EISDIR);
    assert_int_equal(await(asyncio_rmdir(b)), 0);
    close(make_file(a, "", 0));
    assert_int_equal(await(asyncio_link(a, b)), 0);
    assert_int_equal(await(asyncio_renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_NOREPLACE)), -EEXIST);
    assert_int_equal(await(asyncio_unlink(a)), 0);
    assert_int_equal(await(asyncio_unlinkat(AT_FDCWD, b, 0)), 0);
}

/* --- Full disks --- */

ASYNC_TEST(a_device_that_is_full)
{
    int fd = await(asyncio_open("/dev/full", O_WRONLY));

    assert_true(fd >= 0);
    assert_int_equal(await(asyncio_write(fd, "x", 1)), -ENOSPC);
    assert_int_equal(await(asyncio_close(fd)), 0);
}

static const char *forbidden; /* why there is no disk of our own */

static async(void, fill_disk)
{
    char *data = pattern();
    int fd = await(asyncio_open(in_folder("file"), O_WRONLY | O_CREAT, 0600));

    assert_true(fd >= 0);
    assert_int_equal(await(asyncio_fallocate(fd, 0, 0, MUCH)), -ENOSPC);
    ssize_t n = await(asyncio_pwrite(fd, data, MUCH, 0));
    assert_true(n > 0 && n < MUCH);
    assert_int_equal(await(asyncio_pwrite(fd, data, MUCH, n)), -ENOSPC);
    assert_int_equal(await(asyncio_close(fd)), 0);
    free(data);
}

static void a_disk_that_is_full(void **state)
{
    (void)state;
    assert_int_equal(mount("tmpfs", folder, "tmpfs", 0, "size=64k"), 0);
    asyncio_run(fill_disk());
    assert_int_equal(umount(folder), 0);
}

/* --- Cancelled --- */

/* However early or late: a descriptor that was opened is told of. */
ASYNC_TEST(opening_cancelled)
{
    int opened = 0, cancelled = 0;

    close(make_file(in_folder("file"), "", 0));
    for (int i = 0; i < 300; i++) {
        awaitable(int) t = asyncio_create_task(asyncio_open(in_folder("file"), O_RDONLY));
        for (int turns = i % 4; turns > 0; turns--)
            await(asyncio_sleep(0));
        asyncio_cancel(t);
        int fd = await(t);
        if (fd >= 0)
            close(fd);
        opened += fd >= 0;
        cancelled += fd == -ECANCELED;
    }
    assert_int_equal(opened + cancelled, 300);
    assert_true(cancelled >= 75);
    unlink(in_folder("file"));
}

/* --- splice() --- */

struct ends {
    int r, w;
};

static struct ends make_pipe(void)
{
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    return (struct ends){fds[0], fds[1]};
}

static struct ends make_sockets(void)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return (struct ends){fds[0], fds[1]};
}

static void close_ends(struct ends p)
{
    close(p.r);
    close(p.w);
}

ASYNC_TEST(spliced_from_a_file_and_to_one)
{
    struct ends p = make_pipe();
    int fd = make_file(in_folder("file"), "0123456789", 10);
    off_t in = 3, out = 20;
    char buf[32] = "";

    assert_int_equal(await(asyncio_splice(fd, &in, p.w, NULL, 4, 0)), 4);
    assert_int_equal(in, 7);
    assert_int_equal(await(asyncio_splice(p.r, NULL, fd, &out, 100, 0)), 4);
    assert_int_equal(out, 24);
    assert_int_equal(await(asyncio_pread(fd, buf, sizeof buf, 20)), 4);
    assert_string_equal(buf, "3456");
    assert_int_equal(await(asyncio_splice(fd, NULL, p.w, NULL, 2, 0)), 2);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 2);
    in = 24;
    assert_int_equal(await(asyncio_splice(fd, &in, p.w, NULL, 4, 0)), 0);
    in = -1;
    assert_int_equal(await(asyncio_splice(fd, &in, p.w, NULL, 4, 0)), -EINVAL);
    assert_int_equal(await(asyncio_splice(-1, NULL, p.w, NULL, 4, 0)), -EBADF);
    assert_int_equal(await(asyncio_splice(fd, NULL, fd, NULL, 4, 0)), -EINVAL);
    close_ends(p);
    close(fd);
    unlink(in_folder("file"));
}

ASYNC_TEST(a_splice_waits_for_its_input)
{
    struct ends a = make_pipe(), b = make_pipe();
    char buf[8] = "";
    awaitable(ssize_t) t = asyncio_create_task(asyncio_splice(a.r, NULL, b.w, NULL, 100, 0));

    await(asyncio_sleep(MOMENT));
    assert_false(asyncio_done(t));
    assert_int_equal(write(a.w, "hello", 5), 5);
    assert_int_equal(await(t), 5);
    assert_int_equal(read(b.r, buf, sizeof buf), 5);
    assert_string_equal(buf, "hello");
    t = asyncio_create_task(asyncio_splice(a.r, NULL, b.w, NULL, 100, 0));
    await(asyncio_sleep(0));
    close(a.w);
    assert_int_equal(await(t), 0);
    close(a.r);
    close_ends(b);
}

/* Fills it; how much is in it. */
static size_t fill(int fd)
{
    static char zeros[4096];
    size_t n = 0;
    int flags = fcntl(fd, F_GETFL);

    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    for (ssize_t put; (put = write(fd, zeros, sizeof zeros)) > 0;)
        n += (size_t)put;
    fcntl(fd, F_SETFL, flags);
    return n;
}

static void drain(int fd, size_t n)
{
    static char buf[4096];

    while (n > 0) {
        ssize_t got = read(fd, buf, n < sizeof buf ? n : sizeof buf);
        assert_true(got > 0);
        n -= (size_t)got;
    }
}

ASYNC_TEST(a_splice_waits_for_its_output)
{
    struct ends a = make_pipe(), b = make_pipe();
    size_t full = fill(b.w);
    char c;

    assert_int_equal(write(a.w, "x", 1), 1);
    awaitable(ssize_t) t = asyncio_create_task(asyncio_splice(a.r, NULL, b.w, NULL, 100, 0));
    await(asyncio_sleep(MOMENT));
    assert_false(asyncio_done(t));
    drain(b.r, full);
    assert_int_equal(await(t), 1);
    assert_int_equal(read(b.r, &c, 1), 1);
    assert_int_equal(c, 'x');
    close_ends(a);
    close_ends(b);
}

ASYNC_TEST(a_file_waits_for_a_full_pipe)
{
    struct ends p = make_pipe();
    int fd = make_file(in_folder("file"), "x", 1);
    size_t full = fill(p.w);
    awaitable(ssize_t) t = asyncio_create_task(asyncio_splice(fd, NULL, p.w, NULL, 1, 0));

    await(asyncio_sleep(MOMENT));
    assert_false(asyncio_done(t));
    drain(p.r, full);
    assert_int_equal(await(t), 1);
    close_ends(p);
    close(fd);
    unlink(in_folder("file"));
}

/* A socket that blocks, and is full, does not keep the loop waiting. */
ASYNC_TEST(a_splice_into_a_socket_that_blocks)
{
    struct ends p = make_pipe(), s = make_sockets();
    size_t full = fill(s.w), piped = fill(p.w);
    awaitable(ssize_t) t = asyncio_create_task(asyncio_splice(p.r, NULL, s.w, NULL, piped, 0));

    await(asyncio_sleep(MOMENT));
    assert_false(asyncio_done(t));
    drain(s.r, full);
    ssize_t n = await(t);
    assert_true(n > 0);
    drain(s.r, (size_t)n);
    close_ends(p);
    close_ends(s);
}

ASYNC_TEST(a_splice_cancelled)
{
    struct ends a = make_pipe(), b = make_pipe();
    size_t full = fill(b.w);

    for (int i = 0; i < 2; i++) { /* waiting for the one, then for the other */
        awaitable(ssize_t) t = asyncio_create_task(asyncio_splice(a.r, NULL, b.w, NULL, 100, 0));
        for (int turns = 0; turns < 3; turns++)
            await(asyncio_sleep(0));
        asyncio_cancel(t);
        assert_int_equal(await(t), -ECANCELED);
        assert_int_equal(write(a.w, "x", 1), 1);
    }
    drain(b.r, full);
    assert_int_equal(await(asyncio_splice(a.r, NULL, b.w, NULL, 100, 0)), 2);
    close_ends(a);
    close_ends(b);
}

/* --- sendfile() --- */

/* Up to the end: whether it is what it should be. */
static async(bool, compares, (int, fd), (const char *, data), (size_t, n))
{
    char buf[5000];
    size_t at = 0;

    for (ssize_t got; (got = await(asyncio_read(fd, buf, sizeof buf))) > 0;) {
        if (at + (size_t)got > n || memcmp(buf, data + at, (size_t)got) != 0)
            return false;
        at += (size_t)got;
    }
    return at == n;
}

static async(void, sends, (struct ends, to), (int, fd), (const char *, data), (off_t *, offset),
             (size_t, n))
{
    awaitable(bool) c = asyncio_create_task(compares(to.r, data, n));

    assert_int_equal(await(asyncio_sendfile(to.w, fd, offset, n)), n);
    close(to.w);
    assert_true(await(c));
    close(to.r);
}

ASYNC_TEST(a_file_sent)
{
    char *data = pattern();
    int fd = make_file(in_folder("file"), data, MUCH);
    off_t at = 1000;

    await(sends(make_sockets(), fd, data, NULL, MUCH));
    assert_int_equal(lseek(fd, 0, SEEK_CUR), MUCH);
    await(sends(make_pipe(), fd, data + 1000, &at, 200000));
    assert_int_equal(at, 201000);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), MUCH);
    close(fd);
    unlink(in_folder("file"));
    free(data);
}

ASYNC_TEST(a_file_sent_to_its_end)
{
    struct ends p = make_pipe();
    int fd = make_file(in_folder("file"), "0123456789", 10);
    off_t at = 4;

    assert_int_equal(await(asyncio_sendfile(p.w, fd, &at, SIZE_MAX)), 6);
    assert_int_equal(await(asyncio_sendfile(p.w, fd, &at, SIZE_MAX)), 0);
    assert_int_equal(await(asyncio_sendfile(p.w, fd, NULL, 0)), 0);
    assert_int_equal(at, 10);
    at = -1;
    assert_int_equal(await(asyncio_sendfile(p.w, fd, &at, 1)), -EINVAL);
    assert_int_equal(await(asyncio_sendfile(p.w, p.r, NULL, 1)), -ESPIPE);
    assert_int_equal(await(asyncio_sendfile(p.w, -1, NULL, 1)), -EBADF);
    at = 0;
    assert_int_equal(await(asyncio_sendfile(-1, fd, &at, 1)), -EBADF);
    close_ends(p);
    close(fd);
    unlink(in_folder("file"));
}

/* Where nothing can be spliced it is copied. */
ASYNC_TEST(a_file_sent_to_where_it_has_to_be_copied)
{
    char *data = pattern();
    char path[128];
    int fd = make_file(in_folder("file"), data, MUCH);

    strcpy(path, in_folder("copy"));
    int copy = await(asyncio_open(path, O_RDWR | O_APPEND | O_CREAT, 0600));
    assert_int_equal(await(asyncio_sendfile(copy, fd, NULL, MUCH)), MUCH);
    lseek(copy, 0, SEEK_SET);
    assert_true(await(compares(copy, data, MUCH)));
    close(copy);
    unlink(path);
    close(fd);
    unlink(in_folder("file"));
    free(data);
}

ASYNC_TEST(a_file_that_is_made_up)
{
    struct ends p = make_pipe();
    char sent[64] = "", read_plainly[64] = "";
    int fd = open("/proc/version", O_RDONLY | O_CLOEXEC);

    assert_true(await(asyncio_sendfile(p.w, fd, NULL, 40)) > 0);
    assert_true(read(p.r, sent, 40) > 0);
    assert_true(pread(fd, read_plainly, 40, 0) > 0);
    assert_string_equal(sent, read_plainly);
    close(fd);
    close_ends(p);
}

/* How far it came is told. */
ASYNC_TEST(sending_a_file_fails_halfway)
{
    char *data = pattern();
    struct ends s = make_sockets();
    int fd = make_file(in_folder("file"), data, MUCH);
    off_t at = 0;
    awaitable(ssize_t) t = asyncio_create_task(asyncio_sendfile(s.w, fd, &at, MUCH));

    await(asyncio_poll(s.r, POLLIN));
    assert_false(asyncio_done(t));
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    assert_true(at > 0 && at < MUCH);
    drain(s.r, (size_t)at);
    t = asyncio_create_task(asyncio_sendfile(s.w, fd, &at, MUCH));
    await(asyncio_poll(s.r, POLLIN));
    close(s.r);
    assert_int_equal(await(t), -EPIPE);
    assert_true(at < MUCH);
    close(s.w);
    close(fd);
    unlink(in_folder("file"));
    free(data);
}

int main(void)
{
    struct CMUnitTest tests[] = {
        FILE_TEST(written_and_read),
        FILE_TEST(mistakes),
        FILE_TEST(what_is_in_memory_needs_no_thread),
        FILE_TEST(many_at_once),
        FILE_TEST(status),
        FILE_TEST(names),
        FILE_TEST(a_device_that_is_full),
        {"a_disk_that_is_full", a_disk_that_is_full, make_folder, remove_folder, &forbidden},
        FILE_TEST(opening_cancelled),
        FILE_TEST(spliced_from_a_file_and_to_one),
        FILE_TEST(a_splice_waits_for_its_input),
        FILE_TEST(a_splice_waits_for_its_output),
        FILE_TEST(a_file_waits_for_a_full_pipe),
        FILE_TEST(a_splice_into_a_socket_that_blocks),
        FILE_TEST(a_splice_cancelled),
        FILE_TEST(a_file_sent),
        FILE_TEST(a_file_sent_to_its_end),
        FILE_TEST(a_file_sent_to_where_it_has_to_be_copied),
        FILE_TEST(a_file_that_is_made_up),
        FILE_TEST(sending_a_file_fails_halfway),
    };
    forbidden = enter_namespaces(0);
    return run_group(tests, sizeof tests / sizeof *tests, NULL, NULL);
}
