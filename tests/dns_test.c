/* Names and addresses, asked of a server of the test's own.
 *
 * The program goes into namespaces of its own, in which it is alone with a loopback device, its own
 * /etc/resolv.conf and so on, and a DNS server at 127.0.0.1 that answers as the name says, and
 * withholds what it is told to. Where that is forbidden, only what needs no server is tested. */
#include "support.h"

#include "namespaces.h"

#include <asyncio/dns.h>
#include <asyncio/threads.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* --- The server --- */

enum { PACKET = 512, HEADER = 12, MOST = 512 };

struct query {
    struct sockaddr_in from;
    size_t size;
    unsigned char packet[PACKET];
};

static struct {
    int fd;
    pthread_mutex_t lock;
    pthread_cond_t asked;
    struct query withheld[MOST];
    size_t count; /* of these */
} server = {.lock = PTHREAD_MUTEX_INITIALIZER, .asked = PTHREAD_COND_INITIALIZER};

/* The name's first label. */
static bool asks_for(const struct query *q, const char *word)
{
    return strncmp((const char *)q->packet + HEADER + 1, word, strlen(word)) == 0;
}

/* The query as an answer: this code, and `records` to follow the question. */
static size_t answer(struct query *q, unsigned char code, unsigned char records)
{
    unsigned char *p = q->packet;
    size_t end = HEADER;

    while (p[end])
        end += p[end] + 1u;
    p[2] |= 0x80;
    p[3] = (unsigned char)(0x80 | code);
    p[6] = 0;
    p[7] = records;
    memset(p + 8, 0, 4);
    return end + 5;
}

static bool is_for_a(const struct query *q, size_t question_end)
{
    return q->packet[question_end - 3] == 1;
}

static size_t append_address(struct query *q, size_t n)
{
    static const unsigned char a[] = {0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 5};

    memcpy(q->packet + n, a, sizeof a);
    return n + sizeof a;
}

static void tell(const struct query *q, size_t n)
{
    sendto(server.fd, q->packet, n, 0, (const struct sockaddr *)&q->from, sizeof q->from);
}

/* Sends what is no answer to anything; the true one comes after it. */
static void tell_garbage(const struct query *q)
{
    struct query other = *q;

    memset(other.packet, 0xff, PACKET);
    tell(&other, PACKET);
    other = *q;
    other.packet[0] ^= 0xff; /* to another question */
    tell(&other, answer(&other, 3, 0));
}

static void reply(struct query *q)
{
    size_t end;

    if (asks_for(q, "garbage"))
        tell_garbage(q);
    if (asks_for(q, "unknown")) {
        tell(q, answer(q, 3, 0));
    } else if (asks_for(q, "broken")) {
        tell(q, answer(q, 2, 0));
    } else if (asks_for(q, "cut")) {
        tell(q, 3);
    } else if (asks_for(q, "lie")) { /* there is an address, it says */
        tell(q, answer(q, 0, 1));
    } else if (end = answer(q, 0, 0), asks_for(q, "empty") || !is_for_a(q, end)) {
        tell(q, end);
    } else {
        q->packet[7] = 1;
        tell(q, append_address(q, end));
    }
}

static void receive(struct query *q)
{
    pthread_mutex_lock(&server.lock);
    if (asks_for(q, "slow") && server.count < MOST) {
        server.withheld[server.count++] = *q;
        pthread_cond_broadcast(&server.asked);
    } else {
        reply(q);
    }
    pthread_mutex_unlock(&server.lock);
}

static void *serve(void *arg)
{
    struct query q;
    (void)arg;

    for (;;) {
        socklen_t size = sizeof q.from;
        memset(&q, 0, sizeof q);
        ssize_t n = recvfrom(server.fd, q.packet, PACKET / 2, 0, (struct sockaddr *)&q.from, &size);
        if (n > HEADER)
            receive(&q);
    }
    return NULL;
}

/* Blocks until that many questions wait for an answer. */
static void wait_for_questions(size_t n)
{
    pthread_mutex_lock(&server.lock);
    while (server.count < n)
        pthread_cond_wait(&server.asked, &server.lock);
    pthread_mutex_unlock(&server.lock);
}

/* How many were answered. */
static size_t answer_withheld(void)
{
    pthread_mutex_lock(&server.lock);
    size_t n = server.count;
    for (size_t i = 0; i < n; i++)
        reply(&server.withheld[i]);
    server.count = 0;
    pthread_mutex_unlock(&server.lock);
    return n;
}

/* --- Namespaces --- */

static const char *forbidden; /* why there is no server */

static bool replace(const char *path, const char *text)
{
    char made[] = "/tmp/dns_test_XXXXXX";
    int fd = access(path, F_OK) == 0 ? mkstemp(made) : -1;
    bool good = fd >= 0 && fchmod(fd, 0644) == 0 && write_file(made, text) &&
                mount(made, path, NULL, MS_BIND, NULL) == 0;

    if (fd >= 0) {
        close(fd);
        unlink(made);
    }
    return good;
}

static bool bring_loopback_up(void)
{
    struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool good = ioctl(fd, SIOCSIFFLAGS, &r) == 0;

    close(fd);
    return good;
}

static bool start_server(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    pthread_t thread;

    server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(server.fd, (struct sockaddr *)&address, sizeof address) != 0)
        return false;
    return pthread_create(&thread, NULL, serve, NULL) == 0;
}

static const char *set_up(void)
{
    const char *why_not = enter_namespaces(CLONE_NEWNET);

    if (why_not)
        return why_not;
    if (!replace("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n") ||
        !replace("/etc/hosts", "127.0.0.1 localhost\n127.0.0.9 of-the-file\n"))
        return "there is no resolv.conf or hosts to be replaced";
    if (access("/etc/nsswitch.conf", F_OK) == 0 &&
        !replace("/etc/nsswitch.conf", "hosts: files dns\nservices: files\n"))
        return "nsswitch.conf cannot be replaced";
    return bring_loopback_up() && start_server() ? NULL : "there is no loopback device";
}

#define SERVER_TEST(name)                                                                          \
    static awaitable(void) name##_main(void);                                                      \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        asyncio_run(name##_main());                                                                \
        wait_for_end_of_threads();                                                                 \
    }                                                                                              \
    static async(void, name##_main)

static int threads_alive(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static int threads_before;

/* Look-ups that were left behind end by themselves, when they are answered. */
static void wait_for_end_of_threads(void)
{
    answer_withheld();
    while (threads_alive() > threads_before) {
        answer_withheld();
        sched_yield();
    }
}

/* --- Numbers --- */

static const struct addrinfo stream = {.ai_socktype = SOCK_STREAM},
                             one_question = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};

static const char *address_of(const struct addrinfo *a)
{
    static char text[INET6_ADDRSTRLEN + 16];
    char host[INET6_ADDRSTRLEN], port[8];

    getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(text, sizeof text, "%s %s", host, port);
    return text;
}

static async(int, note_first, (const char *, host), (const char *, service))
{
    struct addrinfo *list;
    int error = await(asyncio_getaddrinfo(host, service, &stream, &list));

    if (error) {
        assert_null(list);
        return asyncio_raise(error, "%s", asyncio_error_message());
    }
    note("%s", address_of(list));
    freeaddrinfo(list);
    return 0;
}

ASYNC_TEST(numbers_need_no_thread)
{
    int before = threads_alive();

    assert_int_equal(await(note_first("127.0.0.3", "80")), 0);
    assert_int_equal(await(note_first("::1", "0")), 0);
    assert_int_equal(await(note_first("127.0.0.4", NULL)), 0);
    assert_int_equal(threads_alive(), before);
    assert_history("127.0.0.3 80 ::1 0 127.0.0.4 0");
}

static async(void, note_turn)
{
    note("turn");
}

ASYNC_TEST(numbers_need_no_turn_either)
{
    asyncio_create_task(note_turn());
    assert_int_equal(await(note_first("127.0.0.3", "80")), 0);
    await(asyncio_sleep(0));
    assert_history("127.0.0.3 80 turn");
}

ASYNC_TEST(null_host_is_this_machine_or_any)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET}, *list;

    assert_int_equal(await(asyncio_getaddrinfo(NULL, "7", &hints, &list)), 0);
    note("%s", address_of(list));
    freeaddrinfo(list);
    hints.ai_flags = AI_PASSIVE;
    assert_int_equal(await(asyncio_getaddrinfo(NULL, "7", &hints, &list)), 0);
    note("%s", address_of(list));
    freeaddrinfo(list);
    assert_history("127.0.0.1 7 0.0.0.0 7");
}

ASYNC_TEST(no_hints)
{
    struct addrinfo *list;

    assert_int_equal(await(asyncio_getaddrinfo("127.0.0.1", "7", NULL, &list)), 0);
    assert_int_equal(list->ai_family, AF_INET);
    freeaddrinfo(list);
}

#define assert_fails(code, ...)                                                                    \
    do {                                                                                           \
        struct addrinfo *none_ = (struct addrinfo *)1;                                             \
        assert_int_equal(await(asyncio_getaddrinfo(__VA_ARGS__, &none_)), code);                   \
        assert_null(none_);                                                                        \
        assert_int_equal(asyncio_error(), code);                                                   \
    } while (0)

#define HINT(...)                                                                                  \
    &(struct addrinfo)                                                                             \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

ASYNC_TEST(mistakes_in_hints_are_told_apart)
{
    assert_fails(-EAFNOSUPPORT, "127.0.0.1", NULL, HINT(.ai_family = AF_APPLETALK));
    assert_string_equal(asyncio_error_message(), gai_strerror(EAI_FAMILY));
    assert_fails(-ENOENT, "no number", NULL, HINT(.ai_flags = AI_NUMERICHOST));
    assert_string_equal(asyncio_error_message(), gai_strerror(EAI_NONAME));
    assert_fails(-ENOENT, "127.0.0.1", "http", HINT(.ai_flags = AI_NUMERICSERV));
#ifdef __GLIBC__
    assert_fails(-EINVAL, "127.0.0.1", NULL, HINT(.ai_flags = 1 << 30));
    assert_fails(-ESOCKTNOSUPPORT, "127.0.0.1", NULL, HINT(.ai_socktype = 77));
    assert_fails(-EADDRNOTAVAIL, "::1", NULL, HINT(.ai_family = AF_INET));
    assert_fails(-EPROTONOSUPPORT, "127.0.0.1", "no-such-service", HINT(0));
#endif
}

ASYNC_TEST(neither_host_nor_service)
{
    assert_fails(-ENOENT, NULL, NULL, NULL);
}

/* --- Names --- */

ASYNC_TEST(the_hosts_file)
{
    if (!forbidden) {
        assert_int_equal(await(note_first("of-the-file", "80")), 0);
        assert_history("127.0.0.9 80");
    }
    assert_int_equal(await(note_first("localhost", "80")), 0);
}

ASYNC_TEST(a_service_by_name)
{
    struct addrinfo *list;
    int error = await(asyncio_getaddrinfo("127.0.0.1", "domain", &stream, &list));

    if (error) { /* a machine without /etc/services */
        assert_int_equal(error, -EPROTONOSUPPORT);
        return;
    }
    assert_string_equal(address_of(list), "127.0.0.1 53");
    freeaddrinfo(list);
}

SERVER_TEST(the_server_is_asked)
{
    assert_int_equal(await(note_first("quick.test", "80")), 0);
    assert_history("127.0.0.5 80");
}

SERVER_TEST(garbage_is_no_answer)
{
    assert_int_equal(await(note_first("garbage.test", "80")), 0);
    assert_history("127.0.0.5 80");
}

SERVER_TEST(failures_are_told_apart)
{
    assert_fails(-ENOENT, "unknown.test", NULL, &stream);
    assert_string_equal(asyncio_error_message(), gai_strerror(EAI_NONAME));
    assert_fails(-EAGAIN, "broken.test", NULL, &stream);
    assert_string_equal(asyncio_error_message(), gai_strerror(EAI_AGAIN));
#ifdef EAI_NODATA
    assert_fails(-ENODATA, "empty.test", NULL, &stream);
#endif
}

SERVER_TEST(an_answer_that_is_none_is_a_failure)
{
    struct addrinfo *list;

    assert_true(await(asyncio_getaddrinfo("cut.test", NULL, &stream, &list)) < 0);
    assert_null(list);
    assert_true(await(asyncio_getaddrinfo("lie.test", NULL, &stream, &list)) < 0);
    assert_null(list);
}

SERVER_TEST(names_of_an_address)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(53)};
    char host[NI_MAXHOST], service[NI_MAXSERV], little[2];

    inet_pton(AF_INET, "127.0.0.9", &a.sin_addr);
    int error = await(asyncio_getnameinfo((struct sockaddr *)&a, sizeof a, host, sizeof host,
                                          service, sizeof service, NI_NUMERICSERV));
    assert_int_equal(error, 0);
    assert_string_equal(host, "of-the-file");
    assert_string_equal(service, "53");
    error = await(asyncio_getnameinfo((struct sockaddr *)&a, sizeof a, little, sizeof little, NULL,
                                      0, NI_NAMEREQD));
    assert_int_equal(error, -EOVERFLOW);
}

ASYNC_TEST(numbers_of_an_address)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(53)};
    char host[NI_MAXHOST], service[NI_MAXSERV];
    int before = threads_alive();

    inet_pton(AF_INET, "127.0.0.9", &a.sin_addr);
    int error =
        await(asyncio_getnameinfo((struct sockaddr *)&a, sizeof a, host, sizeof host, service,
                                  sizeof service, NI_NUMERICHOST | NI_NUMERICSERV));
    assert_int_equal(error, 0);
    assert_string_equal(host, "127.0.0.9");
    assert_string_equal(service, "53");
    error = await(
        asyncio_getnameinfo((struct sockaddr *)&a, 3, host, sizeof host, NULL, 0, NI_NUMERICHOST));
    assert_int_equal(error, -EAFNOSUPPORT);
    assert_int_equal(threads_alive(), before);
}

ASYNC_TEST(a_path_for_an_address)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/somewhere"};
    char service[sizeof a.sun_path];
    int error = await(
        asyncio_getnameinfo((struct sockaddr *)&a, sizeof a, NULL, 0, service, sizeof service, 0));

    if (error == 0) /* musl knows none */
        assert_string_equal(service, "/somewhere");
}

/* --- Nobody waits any more --- */

SERVER_TEST(cancelled)
{
    struct addrinfo *list;
    awaitable(int) t =
        asyncio_create_task(asyncio_getaddrinfo("slow.test", "80", &one_question, &list));

    await(asyncio_sleep(0));
    wait_for_questions(1);
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    assert_null(list);
    answer_withheld(); /* what it finds is freed, as the ledger sees, and LeakSanitizer */
}

SERVER_TEST(timed_out)
{
    struct addrinfo *list;

    if (simulated()) /* whose clock waits for the look-up */
        return;
    assert_int_equal(await(asyncio_wait_for(
                         asyncio_getaddrinfo("slow.test", "80", &one_question, &list), MOMENT)),
                     -ETIMEDOUT);
    assert_null(list);
}

SERVER_TEST(cancelled_before_its_turn)
{
    struct addrinfo *list;
    awaitable(int) t =
        asyncio_create_task(asyncio_getaddrinfo("slow.test", "80", &one_question, &list));

    list = NULL;
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    assert_null(list);
}

/* The answer is there, and the task has not had its turn: the list is not lost, nor twice there. */
SERVER_TEST(cancelled_at_the_last_moment)
{
    for (int i = 0; i < 50; i++) {
        struct addrinfo *list = NULL;
        awaitable(int) t =
            asyncio_create_task(asyncio_getaddrinfo("slow.test", "80", &one_question, &list));
        await(asyncio_sleep(0));
        wait_for_questions(1);
        answer_withheld();
        for (int turns = i % 5 * 3; turns > 0; turns--) {
            sched_yield();
            await(asyncio_sleep(0));
        }
        asyncio_cancel(t);
        int error = await(t);
        assert_true(error == (list ? 0 : -ECANCELED));
        if (list)
            freeaddrinfo(list);
        answer_withheld();
    }
}

/* With arguments that go with the task that passed them. */
static async(int, ask_and_leave, (struct addrinfo **, list))
{
    char host[] = "slow.test", service[] = "80";
    struct addrinfo hints = one_question;
    int error = await(asyncio_getaddrinfo(host, service, &hints, list));

    memset(host, 'x', sizeof host - 1);
    memset(service, 'x', sizeof service - 1);
    return error;
}

SERVER_TEST(the_end_of_the_loop_does_not_wait)
{
    static struct addrinfo *list;

    asyncio_spawn(ask_and_leave(&list));
    await(asyncio_sleep(0));
    wait_for_questions(1);
}

/* (While a look-up is under way in the parent, glibc's resolver is not for its child.) */
SERVER_TEST(a_loop_in_a_forked_child_has_a_lane_of_its_own)
{
    int status;

    assert_int_equal(await(note_first("quick.test", "80")), 0);
    *history = 0;
    pid_t child = fork();
    if (child == 0) {
        int error = asyncio_run(note_first("quick.test", "80"));
        _exit(error == 0 && strcmp(history, "127.0.0.5 80") == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(await(note_first("quick.test", "80")), 0);
}

/* --- A lane of their own --- */

static async(int, seven)
{
    return 7;
}

SERVER_TEST(slow_ones_keep_neither_files_nor_functions_waiting)
{
    enum { N = 200, THREADS = 16 };
    static struct addrinfo *lists[N];
    static awaitable(int) tasks[N];
    char byte;

    for (int i = 0; i < N; i++) {
        tasks[i] =
            asyncio_create_task(asyncio_getaddrinfo("slow.test", "80", &one_question, &lists[i]));
        await(asyncio_sleep(0));
    }
    wait_for_questions(THREADS); /* all of the lane's are taken */
    int fd = await(asyncio_open("/proc/self/stat", O_RDONLY));
    assert_true(fd >= 0);
    assert_int_equal(await(asyncio_pread(fd, &byte, 1, 0)), 1);
    assert_int_equal(await(asyncio_close(fd)), 0);
    assert_int_equal(await(asyncio_to_thread(seven())), 7);
    for (size_t answered = 0; answered < N;) {
        wait_for_questions(1);
        answered += answer_withheld();
    }
    assert_int_equal(await(asyncio_gather_n((asyncio_any const *)tasks, N)), 0);
    for (int i = 0; i < N; i++)
        freeaddrinfo(lists[i]);
}

static async(int, held)
{
    wait_for_questions(1); /* which nobody asks before */
    return 0;
}

/* Nor do functions in threads, all the threads there are, keep them waiting. */
SERVER_TEST(functions_keep_no_names_waiting)
{
    enum { N = 40 };
    static awaitable(int) tasks[N];
    struct addrinfo *list;

    for (int i = 0; i < N; i++)
        tasks[i] = asyncio_create_task(asyncio_to_thread(held()));
    await(asyncio_sleep(0));
    assert_int_equal(await(note_first("quick.test", "80")), 0);
    assert_history("127.0.0.5 80");
    awaitable(int) t =
        asyncio_create_task(asyncio_getaddrinfo("slow.test", "80", &one_question, &list));
    assert_int_equal(await(asyncio_gather_n((asyncio_any const *)tasks, N)), 0);
    answer_withheld();
    assert_int_equal(await(t), 0);
    freeaddrinfo(list);
}

int main(void)
{
    struct CMUnitTest tests[] = {
        TEST(numbers_need_no_thread),
        TEST(numbers_need_no_turn_either),
        TEST(null_host_is_this_machine_or_any),
        TEST(no_hints),
        TEST(mistakes_in_hints_are_told_apart),
        TEST(neither_host_nor_service),
        TEST_UNLESS(forbidden, the_hosts_file),
        TEST(a_service_by_name),
        TEST_UNLESS(forbidden, the_server_is_asked),
        TEST_UNLESS(forbidden, garbage_is_no_answer),
        TEST_UNLESS(forbidden, failures_are_told_apart),
        TEST_UNLESS(forbidden, an_answer_that_is_none_is_a_failure),
        TEST_UNLESS(forbidden, names_of_an_address),
        TEST(numbers_of_an_address),
        TEST(a_path_for_an_address),
        TEST_UNLESS(forbidden, cancelled),
        TEST_UNLESS(forbidden, timed_out),
        TEST_UNLESS(forbidden, cancelled_before_its_turn),
        TEST_UNLESS(forbidden, cancelled_at_the_last_moment),
        TEST_UNLESS(forbidden, the_end_of_the_loop_does_not_wait),
        TEST_UNLESS(forbidden, a_loop_in_a_forked_child_has_a_lane_of_its_own),
        TEST_UNLESS(forbidden, slow_ones_keep_neither_files_nor_functions_waiting),
        TEST_UNLESS(forbidden, functions_keep_no_names_waiting),
    };
    forbidden = set_up();
    threads_before = threads_alive();
    return run_group(tests, sizeof tests / sizeof *tests, NULL, NULL);
}
