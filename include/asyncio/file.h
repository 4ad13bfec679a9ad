/* Buffered files, for lines and small pieces: what stdio is, without blocking. Of files, pipes,
 * terminals, whatever has a descriptor.
 *
 *     struct asyncio_file *f = await(asyncio_file_open("words", "r"));
 *     if (!f)
 *         return asyncio_error();
 *     async_for (char *line, asyncio_file_lines(f))
 *         printf("%s", line);
 *     await(asyncio_file_close(f));
 *
 * A file belongs to the task that asked for it: when that ends it is closed and gone; used after
 * that it ends the program. asyncio_retain() keeps it until its asyncio_release(), and
 * asyncio_release() alone is an earlier end. What has not been flushed by then is written as far as
 * that can be done without waiting, and what is lost is told of: close() is what waits, and returns
 * errors.
 *
 * One task at a time uses a file; a second one that begins to meanwhile ends the program.
 * Cancelled, no call loses anything that was read, or that was written. Beside what is said of
 * each, they fail with the errors of read(2) and write(2), with -ENOMEM and -ECANCELED. There is no
 * text mode: bytes are as they are, "\r\n" too. */
#ifndef ASYNCIO_FILE_H
#define ASYNCIO_FILE_H

#include <asyncio/language.h>

#include <sys/types.h>

#pragma GCC visibility push(default)

struct asyncio_file;

/* What may be left out, and then is what is said of 0. */
struct asyncio_file_options {
    const char *path;   /* the first argument */
    const char *mode;   /* the second */
    size_t limit;       /* of a line, in bytes without its "\n"; 0: none */
    mode_t permissions; /* of a file that is made; 0: 0666 */
    int asyncio__end;
};

/* asyncio_file_open(path, mode, .limit = …, .permissions = …): awaitable(struct asyncio_file *).
 * The modes are those of Python's open(): "r", "w", "a" or "x", and perhaps "+"; "b" and "t" say
 * nothing. Others end the program. NULL where it fails, and asyncio_error() says why. Both strings
 * have to stay valid until it is open. */
#define asyncio_file_open(...) ASYNCIO__FILE_OPEN(__VA_ARGS__, .asyncio__end = 0)
#define ASYNCIO__FILE_OPEN(p, m, ...)                                                              \
    asyncio__file_open(&(struct asyncio_file_options){.path = (p), .mode = (m), __VA_ARGS__})
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(struct asyncio_file *)
    asyncio__file_open(const struct asyncio_file_options *options);

/* A file of a descriptor, which it takes over and closes; `limit` of a line as above. NULL without
 * memory: then it is the caller's still. Never suspends. */
struct asyncio_file *asyncio_file_fdopen(int fd, const char *mode, size_t limit);

/* One of the standard input, which stays open. Each call makes another, with a buffer of its own,
 * so one is for all who read. NULL without memory. */
struct asyncio_file *asyncio_stdin(void);

/* --- Reading --- */

/* n bytes: n, or fewer at the end, 0 behind it. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_file_read(struct asyncio_file *f, void *buf, size_t n);

/* What pointers are stored of points into the file's own memory: it is good until the file's next
 * call, a NUL byte stands behind it, and it may be written to. */

/* All there is up to the end: how many bytes. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_file_read_all(struct asyncio_file *f, char **data);

/* A line with its "\n": its length. The last one may have none; behind that 0, with *line empty.
 * -EMSGSIZE for one longer than the limit: it is dropped, as far as it has been read. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_file_readline(struct asyncio_file *f, char **line);

/* async_for (char *line, asyncio_file_lines(f)): each line as readline() gives it. asyncio_error()
 * behind the loop tells whether it was left by a failure. */
ASYNCIO__MUST_USE ASYNCIO_ASYNC_ITERATOR(char *) asyncio_file_lines(struct asyncio_file *f);

/* --- Writing --- */

/* Takes n bytes, which are written by the next flush(), close(), seek() or read, or when there are
 * more than 64 KiB of them: n. Where that fails none of these n is taken. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(ssize_t)
    asyncio_file_write(struct asyncio_file *f, const void *data, size_t n);

/* Writes what was taken: 0, or why that failed; what has not been written stays to be. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_file_flush(struct asyncio_file *f);

/* --- The rest --- */

/* As lseek(2) and ftell(3): the position, or -ESPIPE for what has none. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(off_t)
    asyncio_file_seek(struct asyncio_file *f, off_t offset, int whence);
off_t asyncio_file_tell(const struct asyncio_file *f);

int asyncio_file_fileno(const struct asyncio_file *f);

/* Flushes and closes it: 0, or what failed; it is closed all the same, unless it was cancelled
 * while it flushed. Again: 0. */
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio_file_close(struct asyncio_file *f);

#pragma GCC visibility pop

#endif
