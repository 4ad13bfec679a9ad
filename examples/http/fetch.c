/* Fetches many addresses at once.
 *
 *     fetch [-d DIRECTORY] [-n AT_ONCE] [-t SECONDS] [--cafile FILE] URL...
 *
 * Into files of the directory, by the last part of each address; or to the standard output, then
 * one after the other. Prints a line for each, and fails if one of them failed. */
#include "message.h"
#include "url.h"

#include <asyncio.h>
#include <asyncio/tls.h>

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_REDIRECTIONS = 10 };

struct fetcher {
    struct asyncio_semaphore at_once;
    struct asyncio_ssl_context *tls;
    int directory; /* -1: none */
    double seconds;
    FILE *lines;
    int begun, failed;
};

struct transfer {
    struct fetcher *fetcher;
    int number;
    struct url url;
    struct asyncio_streams streams;
    struct http_message answer;
    long long size;
};

/* --- The answer --- */

static async(int, read_head, (struct transfer *, t))
{
    char *head;
    do {
        http_begin(&t->answer, HTTP_RESPONSE);
        ssize_t n =
            await(asyncio_stream_reader_readuntil(t->streams.reader, &head, "\n\r\n", "\n\n"));
        if (n < 0)
            return asyncio_raise((int)n, "no answer: %s", asyncio_error_message());
        if (http_parse(&t->answer, head, (size_t)n) != 0 || !t->answer.whole)
            return asyncio_raise(-EPROTO, "the answer is not HTTP");
    } while (t->answer.parser.status_code < 200); /* more is to come */
    return 0;
}

static async(int, write_all, (int, fd), (const char *, data), (size_t, size))
{
    while (size > 0) {
        ssize_t n = await(asyncio_write(fd, data, size));
        if (n < 0)
            return asyncio_raise((int)n, "cannot write: %s", strerror((int)-n));
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static async(int, copy_body, (struct transfer *, t), (int, fd))
{
    char buf[32 * 1024];
    while (!t->answer.done) {
        ssize_t n = await(asyncio_stream_reader_read(t->streams.reader, buf, sizeof buf));
        if (n < 0)
            return asyncio_raise((int)n, "cut short: %s", asyncio_error_message());
        bool end = n == 0;
        n = http_decode(&t->answer, buf, (size_t)n);
        if (n < 0)
            return asyncio_raise((int)n, end ? "cut short" : "the body is not HTTP");
        int error = await(write_all(fd, buf, (size_t)n));
        if (error < 0)
            return error;
        t->size += n;
    }
    return 0;
}

/* The name is there when all of the file is. */
static async(int, save_as, (struct transfer *, t), (const char *, name), (const char *, part))
{
    int directory = t->fetcher->directory;
    int fd = await(asyncio_openat(directory, part, O_WRONLY | O_CREAT | O_TRUNC, 0666));
    if (fd < 0)
        return asyncio_raise(fd, "%s: %s", part, strerror(-fd));
    int error = await(copy_body(t, fd));
    char why[128];
    snprintf(why, sizeof why, "%s", asyncio_error_message());
    await(asyncio_close(fd));
    if (error == 0) {
        error = await(asyncio_renameat2(directory, part, directory, name, 0));
        snprintf(why, sizeof why, "%s: %s", name, strerror(-error));
    }
    if (error == 0)
        return 0;
    await(asyncio_unlinkat(directory, part, 0));
    return asyncio_raise(error, "%s", why);
}

static async(int, save_body, (struct transfer *, t))
{
    char name[NAME_MAX - 20], part[NAME_MAX];
    if (t->fetcher->directory < 0)
        return await(copy_body(t, STDOUT_FILENO));
    url_file_name(&t->url, name, sizeof name);
    snprintf(part, sizeof part, "%s.%d.part", name, t->number);
    return await(save_as(t, name, part));
}

/* --- The request --- */

static async(int, ask, (struct transfer *, t))
{
    const struct url *u = &t->url;
    t->streams = await(asyncio_open_connection(u->host, u->port, .happy_eyeballs_delay = 0.25,
                                               .ssl = u->tls ? t->fetcher->tls : NULL));
    if (!t->streams.reader)
        return asyncio_error();
    asyncio_stream_writer_printf(t->streams.writer,
                                 "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: asyncio-fetch\r\n"
                                 "Accept: */*\r\nConnection: close\r\n\r\n",
                                 u->target, u->authority);
    int error = await(asyncio_stream_writer_drain(t->streams.writer));
    return error < 0 ? error : await(read_head(t));
}

/* Where it leads, at t->url: 1, 0 if it is no redirection. */
static int redirect(struct transfer *t)
{
    const char *location = http_header(&t->answer, "Location");
    struct url next;
    switch (t->answer.parser.status_code) {
    case HTTP_STATUS_MOVED_PERMANENTLY:
    case HTTP_STATUS_FOUND:
    case HTTP_STATUS_SEE_OTHER:
    case HTTP_STATUS_TEMPORARY_REDIRECT:
    case HTTP_STATUS_PERMANENT_REDIRECT:
        if (!location || !url_join(&next, &t->url, location))
            return asyncio_raise(-EPROTO, "leads nowhere: %s", location ? location : "");
        t->url = next;
        return 1;
    default:
        return 0;
    }
}

static async(int, ask_and_follow, (struct transfer *, t))
{
    for (int i = 0; i <= MOST_REDIRECTIONS; i++) {
        int error = await(ask(t));
        if (error < 0)
            return error;
        int redirected = redirect(t);
        if (redirected <= 0)
            return redirected;
        asyncio_stream_writer_close(t->streams.writer);
    }
    return asyncio_raise(-ELOOP, "too many redirections");
}

static async(int, transfer, (struct transfer *, t))
{
    int error = await(ask_and_follow(t));
    if (error < 0)
        return error;
    int status = t->answer.parser.status_code;
    if (status != HTTP_STATUS_OK)
        return asyncio_raise(-ENOENT, "%d %s", status, http_status_str((enum http_status)status));
    return await(save_body(t));
}

static async(void, fetch, (struct fetcher *, f), (const char *, text))
{
    struct transfer t = {.fetcher = f, .number = f->begun++};
    if (!url_parse(&t.url, text)) {
        fprintf(f->lines, "%s: no address of http or https\n", text);
        f->failed++;
        return;
    }
    async_with(&f->at_once)
    {
        double begun = asyncio_time();
        int error = await(asyncio_wait_for(transfer(&t), f->seconds));
        if (error == 0)
            fprintf(f->lines, "%s: %lld bytes in %.3f s\n", text, t.size, asyncio_time() - begun);
        else
            fprintf(f->lines, "%s: %s\n", text,
                    error == -ETIMEDOUT ? "timed out" : asyncio_error_message());
        f->failed += error != 0;
    }
}

static async(int, fetch_all, (struct fetcher *, f), (char **, urls), (const char *, cafile))
{
    f->tls = cafile ? asyncio_ssl_context_client(.cafile = cafile)
                    : asyncio_ssl_context_retain(asyncio_ssl_context_default());
    if (cafile && !f->tls) {
        fprintf(stderr, "%s: %s\n", cafile, asyncio_error_message());
        return 1;
    }
    struct asyncio_task_group group = {0};
    async_with(&group) for (; *urls; urls++)
        asyncio_release(asyncio_task_group_create_task(&group, fetch(f, *urls)));
    asyncio_ssl_context_release(f->tls);
    return f->failed > 0 || asyncio_error() != 0;
}

/* --- The program --- */

static const struct option long_options[] = {
    {"directory", required_argument, NULL, 'd'},
    {"at-once", required_argument, NULL, 'n'},
    {"time", required_argument, NULL, 't'},
    {"cafile", required_argument, NULL, 'c'},
    {NULL, 0, NULL, 0},
};

int main(int argc, char **argv)
{
    struct fetcher f = {.directory = -1, .seconds = 60, .lines = stderr};
    const char *cafile = NULL, *directory = NULL;
    long at_once = 16;
    bool usage = false;
    for (int option; (option = getopt_long(argc, argv, "d:n:t:", long_options, NULL)) != -1;)
        switch (option) {
        case 'd':
            directory = optarg;
            break;
        case 'n':
            at_once = strtol(optarg, NULL, 10);
            break;
        case 't':
            f.seconds = strtod(optarg, NULL);
            break;
        case 'c':
            cafile = optarg;
            break;
        default:
            usage = true;
        }
    if (usage || optind == argc || at_once < 1 || f.seconds <= 0) {
        fprintf(stderr,
                "usage: %s [-d DIRECTORY] [-n AT_ONCE] [-t SECONDS] [--cafile FILE] URL...\n",
                argv[0]);
        return 2;
    }
    if (directory && (f.directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0) {
        perror(directory);
        return 1;
    }
    f.at_once = asyncio_semaphore(directory ? at_once : 1);
    int status = asyncio_run(fetch_all(&f, argv + optind, cafile));
    return status != 0;
}
