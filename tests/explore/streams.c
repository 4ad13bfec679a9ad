/* Streams and a server in bad weather: clients send lines and get them back. Each line is whole, in
 * its place and there once, on both sides, as far as they come; a read that was cancelled has lost
 * nothing; and everybody comes to an end once the network is healed. */
#include "explore.h"

#include <stdio.h>
#include <string.h>

enum { SERVER, WEATHER, CLIENT, WORKERS = CLIENT + 4, ROUNDS = 2, BATCHES = 6, LONGEST = 500 };

/* A connection, in lines. */
static struct talk {
    unsigned written, heard, returned;
} talks[WORKERS * ROUNDS];

static unsigned clients;

static void begin(void)
{
    memset(talks, 0, sizeof talks);
    clients = WORKERS - CLIENT;
}

/* The line of this number: whose it is, which one, and more or less behind it. */
static size_t line_of(const struct talk *t, unsigned number, char line[LONGEST])
{
    unsigned which = (unsigned)(t - talks);
    int n = snprintf(line, LONGEST, "%u %u ", which, number);
    size_t size = (size_t)n + (number * 37 + which * 91) % 400;

    memset(line + n, 'a' + (int)(number % 26), size - (size_t)n);
    line[size++] = '\n';
    return size;
}

/* At the end of a stream that was cut short stands the beginning of a line. */
static void compare(const struct talk *t, unsigned number, const char *line, size_t size)
{
    char expected[LONGEST];
    size_t whole = line_of(t, number, expected);

    expect(size <= whole && (size == whole || line[size - 1] != '\n'));
    expect(memcmp(line, expected, size) == 0);
}

/* Patient, or again and again and longer each time. */
static async(ssize_t, read_line, (struct asyncio_stream_reader *, r), (char **, line))
{
    ssize_t n = -ETIMEDOUT;

    for (unsigned tries = 0; n == -ETIMEDOUT && !asyncio_stream_reader_exception(r); tries++) {
        double limit = pick(3) ? 1e5 : 0.001 * pick(4) * (1 << (tries < 20 ? tries : 20));
        n = await(asyncio_wait_for(asyncio_stream_reader_readline(r, line), limit));
        expect(n >= 0 || is_network_error((int)n));
    }
    return n;
}

/* --- The server --- */

static async(void, echo, (struct asyncio_stream_reader *, r), (struct asyncio_stream_writer *, w))
{
    struct talk *t = NULL;
    char *line;
    ssize_t n;

    while ((n = await(read_line(r, &line))) > 0) {
        unsigned which = 0;
        if (!t && sscanf(line, "%u ", &which) == 1 && strchr(line, ' ')) {
            expect(which < sizeof talks / sizeof *talks);
            t = &talks[which];
        }
        if (!t || line[n - 1] != '\n')
            return;
        compare(t, t->heard++, line, (size_t)n);
        expect(t->heard <= t->written);
        asyncio_stream_writer_write(w, line, (size_t)n);
        if (pick(2) && await(asyncio_stream_writer_drain(w)) < 0)
            return;
    }
}

static async(int, server)
{
    struct asyncio_server *s;
    int error = 0;

    while (!(s = await(asyncio_start_server(echo, HOST, 80, .backlog = 1 + (int)pick(3))))) {
        expect(is_network_error(asyncio_error()));
        if (asyncio_error() == -ECANCELED)
            return -ECANCELED;
    }
    while (clients > 0 && error != -ECANCELED)
        error = await(asyncio_sleep(1));
    if (error == -ECANCELED)
        return error;
    asyncio_server_close(s);
    return await(asyncio_server_wait_closed(s));
}

/* --- The clients --- */

static async(int, exchange, (struct asyncio_streams, s), (struct talk *, t))
{
    char line[LONGEST], *answer;

    for (unsigned n = 1 + pick(4); n > 0; n--) {
        size_t size = line_of(t, t->written++, line);
        int error = asyncio_stream_writer_write(s.writer, line, size);
        expect(error == 0 || is_network_error(error));
        if (error < 0)
            return error;
    }
    if (pick(2)) {
        int error = await(asyncio_stream_writer_drain(s.writer));
        expect(error == 0 || is_network_error(error));
        if (error < 0)
            return error;
    }
    while (t->returned < t->written) {
        ssize_t n = await(read_line(s.reader, &answer));
        if (n <= 0)
            return n < 0 ? (int)n : -EPIPE;
        compare(t, t->returned++, answer, (size_t)n);
    }
    return 0;
}

static async(int, converse, (int, number), (struct talk *, t))
{
    struct asyncio_streams s = await(
        asyncio_open_connection(HOST, 80, .local_addr = number % 2 ? "10.0.0.2" : "10.0.0.3"));
    int error = s.reader ? 0 : asyncio_error();

    expect(s.reader || is_network_error(error));
    for (unsigned n = pick(BATCHES); n > 0 && error == 0; n--)
        error = await(exchange(s, t));
    if (!s.reader || pick(3) == 0) /* it is closed with its task, too */
        return error;
    if (pick(4) == 0)
        asyncio_stream_writer_abort(s.writer);
    else
        asyncio_stream_writer_close(s.writer);
    return await(asyncio_stream_writer_wait_closed(s.writer)) == -ECANCELED ? -ECANCELED : error;
}

static async(int, client, (int, number))
{
    int error = 0;

    for (int i = 0; i < ROUNDS && error != -ECANCELED; i++) {
        error = await(asyncio_create_task(converse(number, &talks[number * ROUNDS + i])));
        if (error != -ECANCELED)
            error = await(nap());
    }
    return error;
}

static void absent(int number)
{
    clients -= number >= CLIENT;
}

static async(int, worker, (int, number))
{
    if (number == SERVER)
        return await(server());
    if (number == WEATHER)
        return await(weather());
    int error = await(client(number));
    clients--;
    return error;
}

const struct exploration explore_streams = {
    .name = "streams", .workers = WORKERS, .begin = begin, .worker = worker, .absent = absent};
