#include "task/trace_file.h"

#include "base/panic.h"
#include "task/trace_format.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WINDOW = 64 << 10 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
    int fd; /* or -1 */
    bool tried;
    bool begun; /* there is a time that the file begins at */
    int64_t beginning;
    unsigned active; /* windows in use */
    int64_t size;
    struct ai_trace_window spare;
} file = {.fd = -1};

atomic_uint ai_trace_forks;
static atomic_uint_fast64_t unique;
static atomic_uint sequences;

static void give_up(const char *what, int error)
{
    ai_report("asyncio: ASYNCIO_TRACE: %s: %s", what, strerror(error));
    if (file.fd >= 0)
        close(file.fd);
    file.fd = -1;
}

/* --- Opening --- */

static int open_alone(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
        close(fd);
        errno = EWOULDBLOCK;
        return -1;
    }
    return fd;
}

static void open_file(const char *path)
{
    char other[4096];
    bool child = atomic_load(&ai_trace_forks) > 0;

    snprintf(other, sizeof other, "%s.%d", path, (int)getpid());
    file.tried = true;
    file.size = 0;
    file.fd = child ? -1 : open_alone(path);
    if (child || (file.fd < 0 && errno == EWOULDBLOCK))
        file.fd = open_alone(path = other);
    if (file.fd < 0 || ftruncate(file.fd, 0))
        give_up(path, errno);
}

/* What is not used at the end goes. Loops that still run in other threads keep their windows. */
static void close_file(void)
{
    pthread_mutex_lock(&lock);
    if (file.fd >= 0 && file.active == 0 && file.spare.at &&
        file.spare.offset + WINDOW == file.size &&
        ftruncate(file.fd, file.spare.offset + (file.spare.at - file.spare.begin)) == 0)
        file.spare.at = NULL;
    pthread_mutex_unlock(&lock);
}

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

/* The windows are the parent's, and are not mapped here. */
static void forget_in_child(void)
{
    if (file.fd >= 0)
        close(file.fd);
    file.fd = -1;
    file.tried = file.begun = false;
    file.active = 0;
    file.spare.at = NULL;
    atomic_fetch_add(&ai_trace_forks, 1);
    pthread_mutex_unlock(&lock);
}

static void once(void)
{
    atexit(close_file);
    pthread_atfork(before_fork, after_fork, forget_in_child);
}

bool ai_trace_file_open(void)
{
    static pthread_once_t begun = PTHREAD_ONCE_INIT;
    const char *path = getenv("ASYNCIO_TRACE");

    if (!path || !*path)
        return false;
    pthread_once(&begun, once);
    pthread_mutex_lock(&lock);
    if (!file.tried)
        open_file(path);
    bool open = file.fd >= 0;
    pthread_mutex_unlock(&lock);
    return open;
}

/* --- Windows --- */

/* Fills the file up to where a window can begin. 0 or an errno. */
static int align(void)
{
    unsigned char gap[AI_FILLING] = {0};
    int64_t page = sysconf(_SC_PAGESIZE), end = (file.size + page - 1) / page * page;

    if (end == file.size)
        return 0;
    if (end - file.size < AI_FILLING)
        end += page;
    ai_put_filling(gap, gap + (end - file.size));
    if (pwrite(file.fd, gap, sizeof gap, file.size) != sizeof gap || ftruncate(file.fd, end))
        return errno;
    file.size = end;
    return 0;
}

/* Extends the file by a window and maps it. The disk space is there before it is written to: else
 * a full disk would end the program. 0 or an errno. */
static int map(struct ai_trace_window *w)
{
    int error = align();

    if (error || (error = posix_fallocate(file.fd, file.size, WINDOW)))
        return error;
    unsigned char *p =
        mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file.fd, file.size);
    if (p == MAP_FAILED)
        return errno;
    madvise(p, WINDOW, MADV_DONTFORK);
    *w = (struct ai_trace_window){p, p + WINDOW, p, file.size};
    file.size += WINDOW;
    ai_put_filling(w->at, w->end);
    return 0;
}

static void unmap(struct ai_trace_window *w)
{
    if (w->at)
        munmap(w->begin, WINDOW);
    w->at = NULL;
}

static bool has_room(const struct ai_trace_window *w)
{
    return w->at && w->end - w->at >= AI_TRACE_ROOM;
}

/* Copies what is in it to the end of the file. */
static int empty(struct ai_trace_window *w)
{
    size_t size = (size_t)(w->at - w->begin);

    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(file.fd, w->begin + done, size - done, file.size + (int64_t)done);
        if (n < 0 && errno != EINTR) {
            int error = errno;
            return ftruncate(file.fd, file.size) ? errno : error; /* no half of a packet */
        }
        done += n < 0 ? 0 : (size_t)n;
    }
    file.size += (int64_t)size;
    w->at = w->begin;
    ai_put_filling(w->at, w->end);
    return 0;
}

static int take(struct ai_trace_window *w)
{
    if (!has_room(&file.spare))
        return map(w);
    *w = file.spare;
    file.spare.at = NULL;
    return 0;
}

bool ai_trace_window_next(struct ai_trace_window *w)
{
    pthread_mutex_lock(&lock);
    bool fresh = !w->at, open = file.fd >= 0;
    int error = !open ? 0 : fresh ? take(w) : empty(w);
    if (error)
        give_up("the trace ends here", error);
    if (!open || error) {
        file.active -= !fresh;
        unmap(w);
        w->end = NULL;
    } else {
        file.active += fresh;
    }
    pthread_mutex_unlock(&lock);
    return w->at;
}

void ai_trace_window_give(struct ai_trace_window *w)
{
    if (!w->at)
        return;
    ai_put_filling(w->at, w->end);
    pthread_mutex_lock(&lock);
    file.active--;
    if (!has_room(&file.spare)) {
        unmap(&file.spare);
        file.spare = *w;
    } else {
        unmap(w);
    }
    w->at = w->end = NULL;
    pthread_mutex_unlock(&lock);
}

uint64_t ai_trace_unique(void)
{
    return atomic_fetch_add_explicit(&unique, 1, memory_order_relaxed) + AI_TRACE_PROCESS + 1;
}

int64_t ai_trace_shift(int64_t now)
{
    pthread_mutex_lock(&lock);
    if (!file.begun)
        file.beginning = now;
    file.begun = true;
    int64_t shift = -file.beginning;
    pthread_mutex_unlock(&lock);
    return shift;
}

uint32_t ai_trace_sequence(void)
{
    return atomic_fetch_add_explicit(&sequences, 1, memory_order_relaxed) + 1;
}
