/* <asyncio/server.h>: serving, closing, waiting for connections, who owns what, and that nothing is
 * lost when the machine is short of descriptors or memory. */
#include "support.h"

#include "base/alloc.h"
#include "io/connect.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* --- Handlers and clients --- */

static async(void, echo, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer *, w))
{
    char buf[64];
    for (ssize_t n; (n = await(asyncio_stream_reader_read(r, buf, sizeof buf))) > 0;) {
        asyncio_stream_writer_write(w, buf, (size_t)n);
        await(asyncio_stream_writer_drain(w));
    }
    note("end");
}

/* Until its peer or somebody else ends it; what it ends with. */
static async(void, holds, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer *, w))
{
    char c;
    (void)w;
    note("in");
    ssize_t n = await(asyncio_stream_reader_read(r, &c, 1));
    note(n == -ECANCELED ? "cancelled" : n == 0 ? "out" : "other");
}

static async(void, ends, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer *, w))
{
    (void)r, (void)w;
    note("ends");
}

static async(int, client, (int, port))
{
    struct ai_connect_options o = {.host = "127.0.0.1", .port = port};
    return await(ai_connect_host(&o));
}

static async(void, asks, (int, fd))
{
    char buf[8] = "";
    assert_int_equal(await(asyncio_send(fd, "hello", 5, 0)), 5);
    for (ssize_t n = 0; n < 5;)
        n += await(asyncio_recv(fd, buf + n, (size_t)(5 - n), 0));
    assert_string_equal(buf, "hello");
}

/* The peer has closed it. */
static async(bool, ended, (int, fd))
{
    char c;
    ssize_t n = await(asyncio_recv(fd, &c, 1, 0));
    return n == 0 || n == -ECONNRESET;
}

static async(void, closes, (int, fd))
{
    assert_int_equal(await(asyncio_close(fd)), 0);
}

static async(struct asyncio_server *, serving, (asyncio_client_connected *, handler))
{
    struct asyncio_server *s = await(asyncio_start_server(handler, "127.0.0.1", 0));
    assert_non_null(s);
    return s;
}

/* Lets everybody come to where there is nothing more to do. */
static async(void, settle, (const char *, until))
{
    while (!strstr(history, until))
        await(asyncio_sleep(0));
}

/* --- Serving --- */

ASYNC_TEST(serves)
{
    struct asyncio_server *s = await(serving(echo));
    int a = await(client(asyncio_server_port(s))), b = await(client(asyncio_server_port(s)));
    await(asks(a));
    await(asks(b));
    await(asks(a));
    await(closes(a));
    await(closes(b));
    asyncio_server_close(s);
    assert_int_equal(await(asyncio_server_wait_closed(s)), 0);
    assert_history("end end");
}

ASYNC_TEST(started_later)
{
    struct asyncio_server *s =
        await(asyncio_start_server(ends, "127.0.0.1", 0, .start_later = true, .backlog = 5));
    assert_false(asyncio_server_is_serving(s));
    assert_int_equal(await(client(asyncio_server_port(s))), -ECONNREFUSED);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(await(asyncio_server_start_serving(s)), 0);
        assert_true(asyncio_server_is_serving(s));
    }
    int fd = await(client(asyncio_server_port(s)));
    assert_true(await(ended(fd)));
    await(closes(fd));
    assert_history("ends");
}

ASYNC_TEST(all_interfaces)
{
    struct asyncio_server *s = await(asyncio_start_server(ends, NULL, 0));
    int fds[8];
    size_t n = asyncio_server_sockets(s, fds, 8);
    assert_true(n == 1 || n == 2);
    assert_int_equal(asyncio_server_sockets(s, NULL, 0), n);
    for (size_t i = 0; i < n; i++) {
        struct sockaddr_storage name;
        assert_int_equal(
            await(asyncio_getsockname(fds[i], (struct sockaddr *)&name, &(socklen_t){sizeof name})),
            0);
        if (name.ss_family != AF_INET)
            continue;
        int fd = await(client(ntohs(((struct sockaddr_in *)&name)->sin_port)));
        assert_true(await(ended(fd)));
        await(closes(fd));
    }
}

static async(void, tells_arg, (struct asyncio_stream_reader *, r),
             (struct asyncio_stream_writer *, w))
{
    (void)r, (void)w;
    note("%s", (const char *)asyncio_server_arg());
}

ASYNC_TEST(argument)
{
    struct asyncio_server *s =
        await(asyncio_start_server(tells_arg, "127.0.0.1", 0, .arg = (void *)"arg"));
    assert_null(asyncio_server_arg());
    int fd = await(client(asyncio_server_port(s)));
    assert_true(await(ended(fd)));
    await(closes(fd));
    assert_history("arg");
}

ASYNC_TEST(address_in_use)
{
    struct asyncio_server *s = await(serving(ends));
    int port = asyncio_server_port(s);
    char text[200];
    assert_null(await(asyncio_start_server(ends, "127.0.0.1", port)));
    assert_int_equal(asyncio_error(), -EADDRINUSE);
    snprintf(text, sizeof text,
             "error while attempting to bind on address ('127.0.0.1', %d): Address already in use",
             port);
    assert_string_equal(asyncio_error_message(), text);
    assert_null(await(asyncio_start_server(ends, "999.0.0.1", 0, .flags = AI_NUMERICHOST)));
    assert_true(asyncio_error() < 0);
    assert_string_not_equal(asyncio_error_message(), "");
}

ASYNC_TEST(shared_port)
{
    if (simulated())
        return;
    struct asyncio_server *a =
        await(asyncio_start_server(ends, "127.0.0.1", 0, .reuse_port = true));
    struct asyncio_server *b =
        await(asyncio_start_server(ends, "127.0.0.1", asyncio_server_port(a), .reuse_port = true));
    assert_non_null(b);
}

static async(int, bound_socket)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = await(asyncio_socket(AF_INET, SOCK_STREAM, 0));
    assert_int_equal(await(asyncio_bind(fd, (struct sockaddr *)&address, sizeof address)), 0);
    return fd;
}

ASYNC_TEST(given_socket)
{
    int sock = await(bound_socket()), got;
    struct asyncio_server *s = await(asyncio_start_server(ends, NULL, 0, .sock = sock));
    assert_int_equal(asyncio_server_sockets(s, &got, 1), 1);
    assert_int_equal(got, sock);
    int fd = await(client(asyncio_server_port(s)));
    assert_true(await(ended(fd)));
    await(closes(fd));
    asyncio_release(s);
    assert_int_equal(await(asyncio_close(sock)), -EBADF);
}

/* --- Handlers --- */

static void keep_words(const struct asyncio_exception_context *context, void *arg)
{
    (void)arg;
    note("[%s %d %s]", context->message, context->error,
         context->error_message ? context->error_message : "");
}

static async(void, fails, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer *, w))
{
    (void)r, (void)w;
    asyncio_raise(-EPROTO, "bad luck");
}

ASYNC_TEST(handler_fails)
{
    struct asyncio_server *s = await(serving(fails));
    asyncio_set_exception_handler(keep_words, NULL);
    int fd = await(client(asyncio_server_port(s)));
    assert_true(await(ended(fd)));
    await(closes(fd));
    assert_history("[Unhandled exception in client_connected_cb -71 bad luck]");
}

ASYNC_TEST(handler_cancelled)
{
    struct asyncio_server *s = await(serving(holds));
    asyncio_set_exception_handler(keep_words, NULL);
    int fd = await(client(asyncio_server_port(s)));
    asyncio_any tasks[4];
    await(settle("in"));
    char repr[256];
    size_t n = asyncio_all_tasks(tasks, 4);
    assert_int_equal(n, 2);
    assert_non_null(strstr(asyncio_repr(tasks[1], repr, sizeof repr), "coro=<holds() running at "));
    asyncio_cancel(tasks[1]);
    assert_true(await(ended(fd)));
    await(closes(fd));
    assert_history("in cancelled");
}

/* Its streams are the handler's, and end with it, but not where it retains them. */
static struct asyncio_stream_writer *kept;

static async(void, keeps, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer *, w))
{
    (void)r;
    kept = asyncio_retain(w);
    note("kept");
}

ASYNC_TEST(streams_retained)
{
    struct asyncio_server *s = await(serving(keeps));
    int fd = await(client(asyncio_server_port(s)));
    char c;
    await(settle("kept"));
    await(asyncio_sleep(MOMENT));
    asyncio_stream_writer_write(kept, "x", 1);
    assert_int_equal(await(asyncio_recv(fd, &c, 1, 0)), 1);
    asyncio_release(kept);
    assert_true(await(ended(fd)));
    await(closes(fd));
    *history = 0;
}

static asyncio_context_var(int) number;

static async(void, tells_context, (struct asyncio_stream_reader *, r),
             (struct asyncio_stream_writer *, w))
{
    (void)r, (void)w;
    note("%d", asyncio_context_var_get(&number));
}

/* Handlers run in the context in which the server was started. */
ASYNC_TEST(context)
{
    asyncio_context_var_set(&number, 1);
    struct asyncio_server *s = await(serving(tells_context));
    asyncio_context_var_set(&number, 2);
    int fd = await(client(asyncio_server_port(s)));
    assert_true(await(ended(fd)));
    await(closes(fd));
    assert_history("1");
}

ASYNC_TEST(eager_handlers)
{
    struct asyncio_server *s = await(serving(echo));
    asyncio_set_task_factory(asyncio_eager_task_factory);
    int fd = await(client(asyncio_server_port(s)));
    await(asks(fd));
    await(closes(fd));
    asyncio_server_close(s);
    await(asyncio_server_wait_closed(s));
    *history = 0;
}

/* --- Its end --- */

ASYNC_TEST(closed)
{
    struct asyncio_server *s = await(serving(ends));
    int port = asyncio_server_port(s);
    for (int again = 0; again < 2; again++) {
        asyncio_server_close(s);
        assert_false(asyncio_server_is_serving(s));
        assert_int_equal(asyncio_server_sockets(s, NULL, 0), 0);
        assert_int_equal(asyncio_server_port(s), 0);
    }
    assert_int_equal(await(client(port)), -ECONNREFUSED);
    assert_int_equal(await(asyncio_server_wait_closed(s)), 0);
}

static async(int, waits, (struct asyncio_server *, s))
{
    int r = await(asyncio_server_wait_closed(s));
    note("waited:%d", r);
    return r;
}

/* For its sockets, and for its connections too. */
ASYNC_TEST(waited_for)
{
    struct asyncio_server *s = await(serving(holds));
    int fd = await(client(asyncio_server_port(s)));
    awaitable(int) w = asyncio_create_task(waits(s));
    await(settle("in"));
    asyncio_server_close(s);
    await(asyncio_sleep(0));
    note("closed");
    await(closes(fd));
    assert_int_equal(await(w), 0);
    assert_history("in closed out waited:0");
}

ASYNC_TEST(waiting_cancelled)
{
    struct asyncio_server *s = await(serving(holds));
    assert_int_equal(await(asyncio_wait_for(asyncio_server_wait_closed(s), MOMENT)), -ETIMEDOUT);
    awaitable(int) w = asyncio_create_task(waits(s));
    await(asyncio_sleep(0));
    asyncio_release(s);
    assert_int_equal(await(w), 0);
    assert_history("waited:0");
}

static async(int, serves_forever, (struct asyncio_server *, s))
{
    int r = await(asyncio_server_serve_forever(s));
    note("served:%d", r);
    return r;
}

/* It takes its connections with it. */
ASYNC_TEST(serve_forever_cancelled)
{
    struct asyncio_server *s =
        await(asyncio_start_server(holds, "127.0.0.1", 0, .start_later = true));
    awaitable(int) t = asyncio_create_task(serves_forever(s));
    await(asyncio_sleep(0));
    int fd = await(client(asyncio_server_port(s)));
    await(settle("in"));
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    assert_true(asyncio_cancelled(t));
    assert_false(asyncio_server_is_serving(s));
    assert_true(await(ended(fd)));
    await(closes(fd));
    await(settle("out"));
    assert_int_equal(await(asyncio_server_wait_closed(s)), 0);
    *history = 0;
}

/* Its connection is not closed before all of this is sent. */
static async(void, floods, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer *, w))
{
    static char much[16 << 20];
    (void)r;
    asyncio_stream_writer_write(w, much, sizeof much);
    note("in");
}

ASYNC_TEST(serve_forever_cancelled_twice)
{
    struct asyncio_server *s = await(serving(floods));
    awaitable(int) t = asyncio_create_task(serves_forever(s));
    int fd = await(client(asyncio_server_port(s)));
    await(settle("in"));
    asyncio_cancel(t);
    for (int i = 0; i < 10; i++)
        await(asyncio_sleep(0));
    assert_false(asyncio_done(t));
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    await(closes(fd));
    assert_int_equal(await(asyncio_server_wait_closed(s)), 0);
    assert_history("in served:-125");
}

ASYNC_TEST(serve_forever_closed)
{
    struct asyncio_server *s = await(serving(ends));
    awaitable(int) t = asyncio_create_task(serves_forever(s));
    await(asyncio_sleep(0));
    asyncio_server_close(s);
    assert_int_equal(await(t), -ECANCELED);
    assert_history("served:-125");
}

static async(int, closes_soon, (struct asyncio_server *, s), (int, fd))
{
    await(settle("in"));
    note("closing");
    assert_false(asyncio_server_is_serving(s));
    return await(asyncio_close(fd));
}

ASYNC_TEST(with_a_server)
{
    struct asyncio_server *s = await(serving(holds));
    awaitable(int) t = NULL;
    async_with(s)
    {
        int fd = await(client(asyncio_server_port(s)));
        t = asyncio_create_task(closes_soon(s, fd));
    }
    note("behind");
    assert_int_equal(await(t), 0);
    assert_history("in closing out behind");
}

ASYNC_TEST(clients_closed)
{
    for (int abort = 0; abort < 2; abort++) {
        struct asyncio_server *s = await(serving(holds));
        int fd = await(client(asyncio_server_port(s)));
        await(settle("in"));
        if (abort)
            asyncio_server_abort_clients(s);
        else
            asyncio_server_close_clients(s);
        assert_true(await(ended(fd)));
        await(settle("out"));
        asyncio_server_close(s);
        assert_int_equal(await(asyncio_server_wait_closed(s)), 0);
        await(closes(fd));
        assert_history("in out");
    }
}

/* A handler may end the server that it is of, when it has ended its own connection. */
static struct asyncio_server *ending;

static async(void, ends_all, (struct asyncio_stream_reader *, r),
             (struct asyncio_stream_writer *, w))
{
    (void)r;
    asyncio_server_close(ending);
    asyncio_stream_writer_close(w);
    note("waited:%d", await(asyncio_server_wait_closed(ending)));
}

ASYNC_TEST(closed_by_a_handler)
{
    ending = await(serving(ends_all));
    int fd = await(client(asyncio_server_port(ending)));
    assert_true(await(ended(fd)));
    await(closes(fd));
    await(settle("waited"));
    assert_history("waited:0");
}

/* Connections that nobody has accepted yet are nobody's. */
ASYNC_TEST(closed_while_they_come)
{
    for (int turns = 0; turns < 6; turns++) {
        struct asyncio_server *s = await(serving(holds));
        int fds[20];
        for (int i = 0; i < 20; i++)
            fds[i] = await(client(asyncio_server_port(s)));
        for (int i = 0; i < turns; i++)
            await(asyncio_sleep(0));
        asyncio_server_close(s);
        for (int i = 0; i < 20; i++)
            await(closes(fds[i]));
        await(asyncio_server_wait_closed(s));
        *history = 0;
    }
}

static async(int, makes_a_server, (int *, fd))
{
    struct asyncio_server *s = await(serving(echo));
    *fd = await(client(asyncio_server_port(s)));
    await(asks(*fd));
    return asyncio_server_port(s);
}

/* It ends with the task that made it; its connections do not. */
ASYNC_TEST(owned)
{
    int fd, port = await(asyncio_create_task(makes_a_server(&fd)));
    await(asks(fd));
    assert_int_equal(await(client(port)), -ECONNREFUSED);
    await(closes(fd));
    await(settle("end"));
    *history = 0;
}

/* Also where a task of its own starts it; and then it may be gone before that. */
static async(void, asks_for_a_server, (awaitable(struct asyncio_server *) *, t))
{
    *t = asyncio_retain(asyncio_create_task(asyncio_start_server(ends, "127.0.0.1", 0)));
}

ASYNC_TEST(started_by_a_task)
{
    awaitable(struct asyncio_server *) t =
        asyncio_create_task(asyncio_start_server(ends, "127.0.0.1", 0));
    struct asyncio_server *s = await(t);
    assert_non_null(s);
    int fd = await(client(asyncio_server_port(s)));
    assert_true(await(ended(fd)));
    await(closes(fd));
    await(asyncio_create_task(asks_for_a_server(&t)));
    assert_null(await(t));
    assert_int_equal(asyncio_error(), -ECANCELED);
    asyncio_release(t);
    *history = 0;
}

static async(void, releases_it, (struct asyncio_stream_reader *, r),
             (struct asyncio_stream_writer *, w))
{
    (void)r, (void)w;
    asyncio_release(ending);
    note("released");
}

ASYNC_TEST(released_at_once_by_a_handler)
{
    ending = await(serving(releases_it));
    asyncio_set_task_factory(asyncio_eager_task_factory);
    int port = asyncio_server_port(ending), fd = await(client(port));
    assert_true(await(ended(fd)));
    await(closes(fd));
    assert_int_equal(await(client(port)), -ECONNREFUSED);
    assert_history("released");
}

/* What is retained, and in use, at the loop's end: it is closed, and there to be released. */
static struct asyncio_server *left;

static async(void, leaves_behind)
{
    left = asyncio_retain(await(serving(holds)));
    asyncio_spawn(serves_forever(left));
    int fd = await(client(asyncio_server_port(left)));
    await(settle("in"));
    await(closes(fd));
    await(closes(await(client(asyncio_server_port(left)))));
}

static void left_behind(void **state)
{
    (void)state;
    asyncio_run(leaves_behind());
    assert_false(asyncio_server_is_serving(left));
    asyncio_release(left);
}

/* --- Many --- */

static async(int, comes_and_goes, (int, port))
{
    int fd = await(client(port));
    return fd < 0 ? fd : await(asyncio_close(fd));
}

static int handled;

static async(void, counts, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer *, w))
{
    char c;
    (void)w;
    await(asyncio_stream_reader_read(r, &c, 1));
    handled++;
}

ASYNC_TEST(dropped_at_once)
{
    enum { WAVE = 100, WAVES = 10 };
    struct asyncio_server *s = await(serving(counts));
    handled = 0;
    for (int wave = 1; wave <= WAVES; wave++) {
        awaitable(int) all[WAVE];
        for (int i = 0; i < WAVE; i++)
            all[i] = comes_and_goes(asyncio_server_port(s));
        assert_int_equal(await(asyncio_gather_n(all, WAVE)), 0);
        while (handled < wave * WAVE)
            await(asyncio_sleep(0));
    }
    asyncio_server_close(s);
    assert_int_equal(await(asyncio_server_wait_closed(s)), 0);
}

/* --- Unix sockets --- */

static char directory[32], path[64];

static void make_directory(void)
{
    strcpy(directory, "/tmp/server_test.XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/s", directory);
}

static bool is_there(void)
{
    struct stat s;
    return stat(path, &s) == 0;
}

ASYNC_TEST(unix_server)
{
    make_directory();
    struct asyncio_server *s = await(asyncio_start_unix_server(echo, path));
    assert_non_null(s);
    assert_int_equal(asyncio_server_port(s), 0);
    int fd = await(ai_connect_unix(path));
    await(asks(fd));
    await(closes(fd));
    asyncio_server_close(s);
    await(asyncio_server_wait_closed(s));
    assert_false(is_there());
    rmdir(directory);
    assert_history("end");
}

/* A path is removed by whom it belongs to, unless it is to stay; what is left is no hindrance. */
ASYNC_TEST(unix_paths)
{
    if (simulated())
        return;
    make_directory();
    struct asyncio_server *a =
        await(asyncio_start_unix_server(ends, path, .no_cleanup_socket = true));
    asyncio_server_close(a);
    assert_true(is_there());
    struct asyncio_server *b = await(asyncio_start_unix_server(ends, path));
    struct asyncio_server *c = await(asyncio_start_unix_server(ends, path));
    assert_non_null(c);
    asyncio_server_close(b);
    assert_true(is_there());
    asyncio_server_close(c);
    assert_false(is_there());

    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(file);
    assert_null(await(asyncio_start_unix_server(ends, path)));
    assert_int_equal(asyncio_error(), -EADDRINUSE);
    assert_says(asyncio_error_message(), "is already in use");
    unlink(path);
    strcat(directory, "/none");
    assert_null(await(asyncio_start_unix_server(ends, strcat(path, "/none"))));
    assert_int_equal(asyncio_error(), -ENOENT);
    *strrchr(directory, '/') = 0;
    rmdir(directory);
}

/* --- What the machine lacks --- */

/* None of the connections is lost, and it is told of once. */
ASYNC_TEST(descriptors_run_out)
{
    enum { N = 5 };
    struct rlimit limit, low;
    int fds[N];
    if (simulated())
        return;
    struct asyncio_server *s = await(serving(echo));
    asyncio_set_exception_handler(keep_words, NULL);
    for (int i = 0; i < N; i++)
        fds[i] = await(asyncio_socket(AF_INET, SOCK_STREAM, 0));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = (rlim_t)fds[N - 1] + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)asyncio_server_port(s))};
    for (int i = 0; i < N; i++)
        assert_int_equal(await(asyncio_connect(fds[i], (struct sockaddr *)&to, sizeof to)), 0);
    await(settle("]"));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < N; i++) {
        await(asks(fds[i]));
        await(closes(fds[i]));
    }
    asyncio_server_close(s);
    await(asyncio_server_wait_closed(s));
    assert_history("[socket.accept() out of system resource -24 ] end end end end end");
}

/* Closed while it waits for better times. */
ASYNC_TEST(closed_without_descriptors)
{
    struct rlimit limit, low;
    if (simulated())
        return;
    struct asyncio_server *s = await(serving(echo));
    asyncio_set_exception_handler(keep_words, NULL);
    int fd = await(asyncio_socket(AF_INET, SOCK_STREAM, 0));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = (rlim_t)fd + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)asyncio_server_port(s))};
    assert_int_equal(await(asyncio_connect(fd, (struct sockaddr *)&to, sizeof to)), 0);
    await(settle("]"));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    asyncio_server_close(s);
    assert_true(await(ended(fd)));
    await(closes(fd));
    *history = 0;
}

#ifdef AI_FAULTS
static int countdown;

static bool fails_once(size_t size)
{
    (void)size;
    return countdown > 0 && --countdown == 0;
}

/* Each allocation fails once, up to where a connection has been served. */
ASYNC_TEST(without_memory)
{
    bool fine = false;
    asyncio_set_exception_handler(keep_words, NULL);
    for (int n = 1; !fine; n++) {
        int port = 0, fd = -1;
        countdown = n;
        ai_allocation_fails = fails_once;
        struct asyncio_server *s = await(asyncio_start_server(ends, "127.0.0.1", 0));
        if (s)
            port = asyncio_server_port(s);
        if (s)
            fd = await(client(port));
        if (fd >= 0)
            await(asyncio_sleep(MOMENT));
        ai_allocation_fails = NULL;
        fine = countdown > 0;
        countdown = 0;
        if (fd >= 0) {
            assert_true(await(ended(fd)));
            await(closes(fd));
        }
        asyncio_release(s);
    }
    *history = 0;
}
#endif

/* --- Misuse --- */

DEATH_TEST(served_twice, "server is already being awaited on serve_forever()")
{
    struct asyncio_server *s = await(serving(ends));
    asyncio_spawn(serves_forever(s));
    await(asyncio_sleep(0));
    await(asyncio_server_serve_forever(s));
}

DEATH_TEST(served_when_closed, "RuntimeError: server is closed")
{
    struct asyncio_server *s = await(serving(ends));
    asyncio_server_close(s);
    await(asyncio_server_serve_forever(s));
}

DEATH_TEST(used_when_gone, "a server was used after the task that it belonged to ended")
{
    struct asyncio_server *s = await(serving(ends));
    asyncio_release(s);
    asyncio_server_close(s);
}

DEATH_TEST(no_server, "NULL is no server")
{
    asyncio_server_close(NULL);
    await(asyncio_sleep(0));
}

DEATH_TEST(awaited, "TypeError: server 'Server' can't be used in 'await' expression")
{
    await((awaitable(void))await(serving(ends)));
}

DEATH_TEST(two_sockets, "host/port and sock can not be specified at the same time")
{
    await(asyncio_start_server(ends, "127.0.0.1", 0, .sock = 5));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(serves),
        TEST(started_later),
        TEST(all_interfaces),
        TEST(argument),
        TEST(address_in_use),
        TEST(shared_port),
        TEST(given_socket),
        TEST(handler_fails),
        TEST(handler_cancelled),
        TEST(streams_retained),
        TEST(context),
        TEST(eager_handlers),
        TEST(closed),
        TEST(waited_for),
        TEST(waiting_cancelled),
        TEST(serve_forever_cancelled),
        TEST(serve_forever_cancelled_twice),
        TEST(serve_forever_closed),
        TEST(with_a_server),
        TEST(clients_closed),
        TEST(closed_by_a_handler),
        TEST(closed_while_they_come),
        TEST(owned),
        TEST(started_by_a_task),
        TEST(released_at_once_by_a_handler),
        TEST(left_behind),
        TEST(dropped_at_once),
        TEST(unix_server),
        TEST(unix_paths),
        TEST(descriptors_run_out),
        TEST(closed_without_descriptors),
#ifdef AI_FAULTS
        TEST(without_memory),
#endif
        TEST(served_twice),
        TEST(served_when_closed),
        TEST(used_when_gone),
        TEST(no_server),
        TEST(awaited),
        TEST(two_sockets),
    };
    return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
