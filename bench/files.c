/* Small reads over a file tree that is in the page cache: open, read, close, so many at a time.
 * `files-over-pool` is how much more time than on epoll, which has a pool of threads for what may
 * wait for the disk, it takes on io_uring; and how much more plain threads take than that pool,
 * each doing it by the calls themselves. */
#include <asyncio.h>

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

enum { DIRECTORIES = 50, PER_DIRECTORY = 100, FILES = DIRECTORIES * PER_DIRECTORY, SIZE = 2000 };
enum { AT_A_TIME = 64, THREADS = 4, ROUNDS = 9 };

static char tree[] = "/tmp/asyncio-bench-XXXXXX";

static const char *path_of(char path[64], int i)
{
    snprintf(path, 64, "%s/%d/%d", tree, i / PER_DIRECTORY, i % PER_DIRECTORY);
    return path;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* ── The tree ────────────────────────────────────────────────────────────────────────────────── */

static void make_tree(void)
{
    static const char content[SIZE];
    char path[64];
    if (mkdtemp(tree) == NULL)
        fail(tree);
    for (int i = 0; i < FILES; i++) {
        if (i % PER_DIRECTORY == 0) {
            snprintf(path, sizeof path, "%s/%d", tree, i / PER_DIRECTORY);
            if (mkdir(path, 0700) < 0)
                fail(path);
        }
        int fd = open(path_of(path, i), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, content, sizeof content) != sizeof content)
            fail(path);
        close(fd);
    }
}

static void remove_tree(void)
{
    char path[64];
    for (int i = 0; i < FILES; i++)
        unlink(path_of(path, i));
    for (int i = 0; i < DIRECTORIES; i++) {
        snprintf(path, sizeof path, "%s/%d", tree, i);
        rmdir(path);
    }
    rmdir(tree);
}

/* ── The ways to read it ─────────────────────────────────────────────────────────────────────── */

static async(void, read_some, (int *, next))
{
    char path[64], buffer[4096];
    while (*next < FILES) {
        int fd = await(asyncio_open(path_of(path, (*next)++), O_RDONLY));
        if (fd < 0 || await(asyncio_read(fd, buffer, sizeof buffer)) != SIZE)
            fail(path);
        await(asyncio_close(fd));
    }
}

static async(double, read_all)
{
    awaitable(void) readers[AT_A_TIME];
    int next = 0;
    double start = bench_now();
    for (int i = 0; i < AT_A_TIME; i++)
        readers[i] = read_some(&next);
    await(asyncio_gather_n(readers, AT_A_TIME));
    return bench_now() - start;
}

static double by_backend(const char *name)
{
    setenv("ASYNCIO_BACKEND", name, 1);
    return asyncio_run(read_all());
}

static void *read_some_in_thread(void *argument)
{
    atomic_int *next = argument;
    char path[64], buffer[4096];
    int i;
    while ((i = atomic_fetch_add(next, 1)) < FILES) {
        int fd = open(path_of(path, i), O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, buffer, sizeof buffer) != SIZE)
            fail(path);
        close(fd);
    }
    return NULL;
}

static double by_threads(void)
{
    pthread_t threads[THREADS];
    atomic_int next = 0;
    double start = bench_now();
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, read_some_in_thread, &next) != 0)
            fail("pthread_create");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return bench_now() - start;
}

/* ── Figures ─────────────────────────────────────────────────────────────────────────────────── */

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, bench_compare);
    return values[ROUNDS / 2];
}

int main(void)
{
    double ring[ROUNDS], threads[ROUNDS], us[ROUNDS];
    char note[64];
    make_tree();
    atexit(remove_tree);
    for (int r = -1; r < ROUNDS; r++) { /* the first warms up */
        int to = r < 0 ? 0 : r;
        double pool = by_backend("epoll");
        us[to] = by_backend("io_uring") * 1e6 / FILES;
        ring[to] = (us[to] * FILES / 1e6 / pool - 1) * 100;
        threads[to] = (by_threads() / pool - 1) * 100;
    }
    snprintf(note, sizeof note, "%.1f us", median(us));
    bench_report("files-over-pool", "ours", median(ring), "%", note);
    bench_report("files-over-pool", "4 threads", median(threads), "%", "");
}
