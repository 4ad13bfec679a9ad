/* A soak: many clients and their servers under mixed load, with faults, for as long as one likes.
 *
 *     soak [SECONDS [SEED]]
 *
 * Clients come and go, over TCP and a Unix socket: they talk, and check each byte; they reset, stop
 * reading, end half of a connection, are cancelled at any time or by a time limit; files are
 * written and read beside them. What was sent has to come back, nobody may wait for ever, and at
 * the end the ledgers have to be even: awaitables, tasks, stacks, bytes, descriptors. */
#include <asyncio.h>

#include "base/pool.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 40, MOST = 20000 };

static struct {
    double until;
    uint64_t random;
    int port;
    char path[80], folder[64];
    long talks, resets, cancels, timeouts, slow, halves, files, refused;
} soak;

static uint64_t next_random(void)
{
    uint64_t z = soak.random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
    return (unsigned)(next_random() % n);
}

static void must(bool claim, const char *what)
{
    if (claim)
        return;
    fprintf(stderr, "soak: %s; error %d %s\n", what, asyncio_error(), asyncio_error_message());
    abort();
}

/* --- The server --- */

static async(void, echo, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer *, w))
{
    char buf[4096];
    for (ssize_t n; (n = await(asyncio_stream_reader_read(r, buf, sizeof buf))) > 0;) {
        asyncio_stream_writer_write(w, buf, (size_t)n);
        if (await(asyncio_stream_writer_drain(w)) < 0)
            return;
    }
    asyncio_stream_writer_close(w);
    await(asyncio_stream_writer_wait_closed(w));
}

/* --- What clients do --- */

static async(struct asyncio_streams, open_one)
{
    if (below(3) == 0)
        return await(asyncio_open_unix_connection(soak.path));
    return await(asyncio_open_connection("127.0.0.1", soak.port));
}

static void fill(char *data, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        data[i] = (char)(seed + i * 7 + i / 251);
}

static async(int, talk_once, (struct asyncio_streams, s), (size_t, n))
{
    char *data = malloc(2 * n + 1);
    if (!data)
        return -ENOMEM;
    fill(data, n, below(256));
    asyncio_stream_writer_write(s.writer, data, n);
    int error = await(asyncio_stream_writer_drain(s.writer));
    ssize_t got = error ? error : await(asyncio_stream_reader_readexactly(s.reader, data + n, n));
    bool same = got < 0 || memcmp(data, data + n, n) == 0;
    free(data);
    must(same, "other bytes came back");
    return got < 0 ? (int)got : 0;
}

/* A connection is its task's, and a client's task lives long. */
static void forget(struct asyncio_streams s)
{
    asyncio_stream_writer_close(s.writer);
    asyncio_release(s.writer);
}

static async(int, talk)
{
    struct asyncio_streams s = await(open_one());
    if (!s.reader)
        return asyncio_error();
    int error = 0;
    for (unsigned i = below(8) + 1; i > 0 && error == 0; i--)
        error = await(talk_once(s, below(MOST) + 1));
    if (error == 0 && below(2)) {
        asyncio_stream_writer_close(s.writer);
        error = await(asyncio_stream_writer_wait_closed(s.writer));
    }
    forget(s);
    return error;
}

static async(int, reset)
{
    struct asyncio_streams s = await(open_one());
    if (!s.reader)
        return asyncio_error();
    char data[5000];
    fill(data, sizeof data, 1);
    asyncio_stream_writer_write(s.writer, data, sizeof data);
    if (below(2))
        await(asyncio_stream_writer_drain(s.writer));
    int error = asyncio_error();
    asyncio_stream_writer_abort(s.writer);
    asyncio_release(s.writer);
    return error == -ECANCELED ? error : 0;
}

static async(int, stop_reading)
{
    struct asyncio_streams s = await(open_one());
    if (!s.reader)
        return asyncio_error();
    char data[MOST];
    fill(data, sizeof data, 2);
    awaitable(int) drained = NULL;
    int error = 0;
    for (int i = 0; i < 100 && error == 0; i++) {
        asyncio_stream_writer_write(s.writer, data, sizeof data);
        asyncio_release(drained);
        drained = asyncio_create_task(asyncio_stream_writer_drain(s.writer));
        error = await(asyncio_wait_for(asyncio_shield(drained), 0.002));
    }
    asyncio_stream_writer_abort(s.writer);
    if (drained) {
        await(asyncio_wait_for(drained, 10));
        must(asyncio_error() != -ETIMEDOUT, "an aborted writer drains for ever");
    }
    asyncio_release(s.writer);
    return error == -ECANCELED ? error : 0;
}

static async(int, end_half)
{
    struct asyncio_streams s = await(open_one());
    if (!s.reader)
        return asyncio_error();
    char data[3000], *back;
    fill(data, sizeof data, 3);
    asyncio_stream_writer_write(s.writer, data, sizeof data);
    asyncio_stream_writer_write_eof(s.writer);
    ssize_t n = await(asyncio_stream_reader_read_all(s.reader, &back));
    must(n < 0 || (n == sizeof data && memcmp(data, back, sizeof data) == 0),
         "not all came back to the end");
    forget(s);
    return n < 0 ? (int)n : 0;
}

static async(int, use_file)
{
    char name[128], data[2000], back[2000];
    snprintf(name, sizeof name, "%s/%llx", soak.folder, (unsigned long long)next_random());
    int fd = await(asyncio_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
    if (fd < 0)
        return fd;
    fill(data, sizeof data, 4);
    ssize_t n = await(asyncio_write(fd, data, sizeof data));
    if (n == sizeof data)
        n = await(asyncio_pread(fd, back, sizeof back, 0));
    await(asyncio_close(fd));
    unlink(name);
    must(n == -ECANCELED || (n == sizeof back && memcmp(data, back, sizeof back) == 0), "a file");
    return n < 0 ? (int)n : 0;
}

/* --- A client's life --- */

static bool is_fair(int error)
{
    return error == 0 || error == -ECONNRESET || error == -EPIPE || error == -ECANCELED ||
           error == -ENODATA || error == -ECONNREFUSED || error == -ETIMEDOUT;
}

static async(int, do_something)
{
    switch (below(8)) {
    case 0:
        soak.resets++;
        return await(reset());
    case 1:
        soak.slow++;
        return await(stop_reading());
    case 2:
        soak.halves++;
        return await(end_half());
    case 3:
        soak.files++;
        return await(use_file());
    default:
        soak.talks++;
        return await(talk());
    }
}

static async(int, cancelled_some_time)
{
    awaitable(int) t = asyncio_create_task(do_something());
    await(asyncio_sleep(below(2) ? 0 : below(1000) * 1e-6));
    asyncio_cancel(t);
    int result = await(t);
    asyncio_release(t);
    soak.cancels++;
    return result;
}

static async(int, limited)
{
    soak.timeouts++;
    return await(asyncio_wait_for(do_something(), below(2000) * 1e-6));
}

static async(void, client)
{
    while (asyncio_time() < soak.until) {
        unsigned how = below(4);
        awaitable(int) what = how == 0   ? cancelled_some_time()
                              : how == 1 ? limited()
                                         : do_something();
        int error = await(asyncio_wait_for(what, 60));
        must(error != -ETIMEDOUT || how == 1, "somebody waits for ever");
        soak.refused += error == -ECONNREFUSED;
        must(is_fair(error), "an error that nothing explains");
    }
}

static async(void, soak_for, (double, seconds))
{
    struct asyncio_server *tcp = await(asyncio_start_server(echo, "127.0.0.1", 0));
    must(tcp != NULL, "no server");
    struct asyncio_server *local = await(asyncio_start_unix_server(echo, soak.path));
    must(local != NULL, "no Unix server");
    soak.port = asyncio_server_port(tcp);
    soak.until = asyncio_time() + seconds;
    struct asyncio_task_group clients = {0};
    async_with(&clients) for (int i = 0; i < CLIENTS; i++)
        asyncio_task_group_create_task(&clients, client());
    must(asyncio_error() == 0, "a client failed");
    asyncio_server_close(tcp);
    asyncio_server_close(local);
    asyncio_server_close_clients(tcp);
    asyncio_server_close_clients(local);
    int closed = await(asyncio_wait_for(asyncio_server_wait_closed(tcp), 60));
    if (closed == 0)
        closed = await(asyncio_wait_for(asyncio_server_wait_closed(local), 60));
    must(closed == 0, "a server does not close");
}

/* --- The ledgers --- */

struct ledger {
    size_t awaitables, tasks, stacks, allocated, descriptors; /* compared as bytes: no padding */
};

static struct ledger ledger_now(void)
{
    struct asyncio_info info;
    size_t descriptors = 0;
    asyncio_run(asyncio_sleep(0)); /* the error of the last run goes */
    asyncio_set_stack_size(0);     /* and idle stacks */
    asyncio_info(&info);
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        descriptors++;
    closedir(d);
    return (struct ledger){info.awaitables, info.tasks, info.stacks, ai_allocated() % AI_POOL_CHUNK,
                           descriptors};
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 5;
    soak.random = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    snprintf(soak.folder, sizeof soak.folder, "/tmp/soak.XXXXXX");
    if (!mkdtemp(soak.folder))
        return 1;
    snprintf(soak.path, sizeof soak.path, "%s/socket", soak.folder);
    struct ledger before = ledger_now();
    asyncio_run(soak_for(seconds));
    struct ledger after = ledger_now();
    unlink(soak.path);
    rmdir(soak.folder);
    printf(
        "%ld talks, %ld resets, %ld half ends, %ld that stop reading, %ld files; of these %ld were "
        "cancelled, %ld had a time limit; %ld were refused\n",
        soak.talks, soak.resets, soak.halves, soak.slow, soak.files, soak.cancels, soak.timeouts,
        soak.refused);
    printf(
        "ledger: awaitables %zu %zu, tasks %zu %zu, stacks %zu %zu, bytes %zu %zu, descriptors %zu "
        "%zu\n",
        before.awaitables, after.awaitables, before.tasks, after.tasks, before.stacks, after.stacks,
        before.allocated, after.allocated, before.descriptors, after.descriptors);
    return memcmp(&before, &after, sizeof before) != 0;
}
