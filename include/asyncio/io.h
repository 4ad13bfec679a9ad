/* System calls that wait: each is the POSIX call of its name, with that call's arguments, as an
 * awaitable.
 *
 *     ssize_t n = await(asyncio_recv(fd, buf, sizeof buf, 0));
 *
 * The result is the call's own, or -errno; never -EAGAIN and never -EINTR: what would block
 * suspends, be the descriptor O_NONBLOCK or not. Reads and writes may be short, as anywhere.
 *
 * Pointers that are passed have to stay valid until the call is done, and so they do where it is
 * awaited at once: cancelled, a call ends only when the kernel has let go of the memory. If it
 * succeeded all the same, that result is given, and the cancellation comes with the task's next
 * await; so no byte is lost that was read, and no descriptor that was opened. (Python, which reads
 * into memory of its own, loses them.)
 *
 * Beside what the call itself returns, any of these fails with -ENOMEM for want of memory and
 * -ECANCELED when it was cancelled.
 *
 * New descriptors are close-on-exec. Sends never raise SIGPIPE; asyncio_run() ignores that signal
 * where the program leaves it at its default, so writes do not either. */
#ifndef ASYNCIO_IO_H
#define ASYNCIO_IO_H

#include <asyncio/language.h>

#include <sys/types.h>

#pragma GCC visibility push(default)

/* Not included, so that a program's own send() or connect() is its own: what uses these includes
 * <sys/socket.h> and <sys/uio.h> itself. A socklen_t is an unsigned int. */
struct iovec;
struct msghdr;
struct sockaddr;
struct stat;
struct statx;

/* --- Reading and writing -----------------------------------------------------------------------
 */

/* Of anything that has a descriptor. Of files the simulation and epoll read and write what is in
 * memory at once and leave the rest to threads; io_uring has the kernel do it. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t) asyncio_read(int fd, void *buf, size_t n);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t) asyncio_write(int fd, const void *buf, size_t n);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t) asyncio_readv(int fd, const struct iovec *v, int n);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t) asyncio_writev(int fd, const struct iovec *v, int n);

/* At an offset, which leaves the descriptor's own alone. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_pread(int fd, void *buf, size_t n, off_t offset);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_pwrite(int fd, const void *buf, size_t n, off_t offset);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_preadv(int fd, const struct iovec *v, int n, off_t offset);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_pwritev(int fd, const struct iovec *v, int n, off_t offset);

/* Moves up to n bytes from one descriptor to another, one of which is a pipe, inside of the kernel:
 * how many, 0 at the end. An offset that is not NULL is where to read or write instead of the
 * descriptor's own position, and is moved on. It waits for both, whatever the flags. -EINVAL where
 * one of them cannot do that, as in a simulation its sockets. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t n, unsigned flags);

/* Moves n bytes of a file, or all there are up to its end, to any descriptor, inside of the kernel
 * where that can be: how many (n or, at the end of the file, fewer; sendfile(2) may stop before).
 * They are taken at *offset, which is moved on, or where that is NULL at the file's own position;
 * which after a failure tells how far it came. -ESPIPE for what has no position. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_sendfile(int out, int in, off_t *offset, size_t n);

/* Waits until one of these events (POLLIN, POLLOUT, …) has come; those that have, POLLERR and
 * POLLHUP among them. (The poll(2) of one descriptor and without a time limit, for which there is
 * asyncio_wait_for().) */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_poll(int fd, short events);

/* Closes the descriptor. What waits on it in other tasks ends with -EBADF, where after a close(2)
 * it might wait for ever. 0 or -errno; it is closed in either case. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_close(int fd);

/* --- Sockets -----------------------------------------------------------------------------------
 */

/* socket(), bind(), listen(), shutdown(), getsockname(), getpeername() never suspend. They are here
 * for the simulation, in which sockets made by asyncio_socket() are simulated: what is connected,
 * sent and received through them takes place in its virtual time. In place of the plain calls they
 * cost nothing. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_socket(int domain, int type, int protocol);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_bind(int fd, const struct sockaddr *address, unsigned size);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_listen(int fd, int backlog);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_shutdown(int fd, int how);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_getsockname(int fd, struct sockaddr *address, unsigned *size);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_getpeername(int fd, struct sockaddr *address, unsigned *size);

/* A connection, from who connected: a new descriptor. address and size may be NULL. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_accept(int fd, struct sockaddr *address, unsigned *size);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_accept4(int fd, struct sockaddr *address, unsigned *size, int flags);

/* 0 once it is connected. A socket whose connect was cancelled is good for nothing but close(). */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_connect(int fd, const struct sockaddr *address, unsigned size);

ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t) asyncio_recv(int fd, void *buf, size_t n, int flags);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_send(int fd, const void *buf, size_t n, int flags);

/* Sends all of it, in as many calls as it takes: 0 or -errno (Python's loop.sock_sendall()). Where
 * it fails or is cancelled, nobody knows how much has been sent. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_sendall(int fd, const void *buf, size_t n);

/* asyncio_sendfile() under the name of Python's: n bytes of a file from this offset on, or all
 * there are where n is 0 or more than that: how many. -errno of either descriptor, and then nobody
 * knows. The file's own offset stays. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_sock_sendfile(int fd, int file, off_t offset, size_t n);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_recvmsg(int fd, struct msghdr *message, int flags);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_sendmsg(int fd, const struct msghdr *message, int flags);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *address,
                     unsigned *size);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *address,
                   unsigned size);

/* --- Files -------------------------------------------------------------------------------------
 */

/* asyncio_open(path, flags), asyncio_open(path, flags, mode), and asyncio_openat() with a directory
 * in front. */
#define asyncio_open(path, ...) asyncio_openat(AT_FDCWD, path, __VA_ARGS__)
#define asyncio_openat(directory, path, ...)                                                       \
    ASYNCIO__CAT(ASYNCIO__OPENAT_, ASYNCIO__ONE_OR_N(__VA_ARGS__))(directory, path, __VA_ARGS__)
#define ASYNCIO__OPENAT_1(directory, path, flags) asyncio__openat(directory, path, flags, 0)
#define ASYNCIO__OPENAT_2(directory, path, flags, mode)                                            \
    asyncio__openat(directory, path, flags, mode)
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio__openat(int directory, const char *path, int flags, mode_t mode);

ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_fsync(int fd);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_fdatasync(int fd);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_ftruncate(int fd, off_t size);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_fallocate(int fd, int mode, off_t offset, off_t size);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_statx(int directory, const char *path, int flags, unsigned mask, struct statx *st);

/* The status of a file, of a link itself, or of what a descriptor is of. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_stat(const char *path, struct stat *st);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_lstat(const char *path, struct stat *st);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_fstat(int fd, struct stat *st);

ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_unlink(const char *path);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_unlinkat(int directory, const char *path, int flags);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_rmdir(const char *path);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_mkdir(const char *path, mode_t mode);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_mkdirat(int directory, const char *path, mode_t mode);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_rename(const char *from, const char *to);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int)
    asyncio_renameat2(int from_directory, const char *from, int to_directory, const char *to,
                      unsigned flags);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_link(const char *from, const char *to);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_symlink(const char *target, const char *path);

#pragma GCC visibility pop

#endif
