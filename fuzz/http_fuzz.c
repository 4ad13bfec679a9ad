/* Fuzzes what the HTTP examples make of what a peer says: requests, replies and their bodies,
 * addresses. The first byte of an input says which and how it begins, as http-parser, which does
 * not guide the fuzzer, would hardly ever be content; the second how it is cut.
 *
 * Each text is in memory of exactly its size, with the NUL behind it that the stream reader puts
 * there, so that who reads beyond it is caught. */
#include "conditions.h"
#include "message.h"
#include "resource.h"
#include "url.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void expect(bool claim, const char *what)
{
    if (claim)
        return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

static char *copy(const uint8_t *data, size_t n)
{
    char *text = malloc(n + 1);
    expect(text, "there is memory");
    memcpy(text, data, n);
    text[n] = '\0';
    return text;
}

/* As far as readuntil("\n\r\n", "\n\n") reads, 0 for ever. */
static size_t head_size(const char *text, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (text[i] == '\n' &&
            (text[i - 1] == '\n' || (i > 1 && text[i - 1] == '\r' && text[i - 2] == '\n')))
            return i + 1;
    return 0;
}

static void expect_text(const char *at)
{
    for (; *at; at++)
        expect(!iscntrl((unsigned char)*at) || *at == '\t', "there are no control characters");
}

static void check_headers(const struct http_message *m)
{
    for (int i = 0; i < m->count; i++) {
        expect(m->headers[i].name.at[0] && !strpbrk(m->headers[i].name.at, " \t:"), "a name");
        expect_text(m->headers[i].name.at);
        expect_text(m->headers[i].value.at);
    }
}

/* --- Requests --- */

static void check_path(const char *target)
{
    char path[PATH_MAX];
    if (!resource_path(target, path))
        return;
    expect(path[0] && path[0] != '/', "the path is relative");
    expect(strlen(path) <= strlen(target) + 2, "decoding makes nothing longer");
    expect(resource_type(path)[0], "every path has a type");
}

static void check_conditions(const struct http_message *m)
{
    static const off_t sizes[] = {0, 1, 1000, INT64_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct resource r = {.size = sizes[i], .modified = 784111777, .tag = "\"tag\""};
        off_t from, to;
        int status = http_status_wanted(m, &r, &from, &to);
        expect(status == 200 || status == 206 || status == 304 || status == 416, "a status");
        if (status == 200 || status == 206)
            expect(0 <= from && from <= to && to <= r.size, "a part of the file");
        if (status == 206)
            expect(from < to, "a part that is not empty");
    }
}

/* Of where the next request begins the server has to be of http-parser's opinion. */
static void check_body(const struct http_message *m)
{
    expect(m->done == (http_body_size(m) == 0), "how long the body is");
    if (!m->done)
        expect(http_body_size(m) == m->parser.content_length, "how long exactly");
}

static void fuzz_request(char *text, size_t n, unsigned cut)
{
    struct http_message m;
    size_t size = head_size(text, n), first = cut % 2; /* by itself, as the server has it */
    if (size == 0)
        return;
    http_begin(&m, HTTP_REQUEST);
    if ((first && http_parse(&m, text, first) != 0) ||
        http_parse(&m, text + first, size - first) != 0 || http_check_request(&m) != 0)
        return;
    expect(m.target.at >= text && m.target.at + strlen(m.target.at) < text + size, "the target");
    expect_text(m.target.at);
    check_headers(&m);
    check_path(m.target.at);
    check_conditions(&m);
    check_body(&m);
}

/* --- Replies --- */

/* The body that comes in pieces of this size: its length, -1 for none; it goes to `body`. */
static ssize_t decode(struct http_message m, const char *text, size_t n, size_t piece, char *body)
{
    ssize_t size = 0;
    m.parser.data = &m;
    for (size_t at = 0; !m.done;) {
        size_t next = n - at < piece ? n - at : piece;
        char *data = copy((const uint8_t *)text + at, next);
        ssize_t got = http_decode(&m, data, next);
        expect(got <= (ssize_t)next, "a body is not longer than what it comes in");
        if (got > 0)
            memcpy(body + size, data, (size_t)got);
        free(data);
        if (got < 0)
            return -1;
        size += got;
        at += next;
    }
    return size;
}

static void fuzz_reply(char *text, size_t n, unsigned cut)
{
    struct http_message m;
    size_t size = head_size(text, n);
    http_begin(&m, HTTP_RESPONSE);
    if (size == 0 || http_parse(&m, text, size) != 0 || !m.whole)
        return;
    check_headers(&m);
    char *whole = malloc(n + 1), *pieces = malloc(n + 1);
    expect(whole && pieces, "there is memory");
    ssize_t a = decode(m, text + size, n - size, n + 1, whole);
    ssize_t b = decode(m, text + size, n - size, cut + 1, pieces);
    expect(a == b && (a < 0 || memcmp(whole, pieces, (size_t)a) == 0), "cut or not, it is one");
    free(whole);
    free(pieces);
}

/* --- Addresses --- */

static void check_url(const struct url *u)
{
    char name[64];
    expect(u->host[0] && u->target[0] == '/', "an address");
    expect(u->port >= 0 && u->port <= 65535, "its port");
    for (const char *at = u->target; *at; at++)
        expect(!iscntrl((unsigned char)*at) && *at != ' ', "a target for a request's line");
    for (const char *at = u->authority; *at; at++)
        expect(!iscntrl((unsigned char)*at) && *at != ' ', "a value for the Host header");
    url_file_name(u, name, sizeof name);
    expect(name[0] && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, ".."), "a name");
}

/* A line with an address, and one with a reference there. */
static void fuzz_url(char *text, size_t n, unsigned cut)
{
    (void)n, (void)cut;
    struct url u, there;
    char *reference = strchr(text, '\n');
    if (reference)
        *reference++ = '\0';
    if (!url_parse(&u, text))
        return;
    check_url(&u);
    if (reference && url_join(&there, &u, reference))
        check_url(&there);
    if (strncmp(u.target, "//", 2) != 0 && url_join(&there, &u, u.target))
        expect(strcmp(there.target, u.target) == 0, "a target leads to itself");
}

static const struct {
    void (*fuzz)(char *text, size_t n, unsigned cut);
    const char *begin, *end;
} kinds[] = {
    {fuzz_request, "", ""},
    {fuzz_request, "GET /", " HTTP/1.1\r\nHost: x\r\n\r\n"},
    {fuzz_request, "GET / HTTP/1.1\r\nHost: x\r\n", "\r\n\r\n"},
    {fuzz_request, "GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=", "\r\n\r\n"},
    {fuzz_reply, "", ""},
    {fuzz_reply, "HTTP/1.1 200 OK\r\n", "\r\n\r\nhello"},
    {fuzz_reply, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ""},
    {fuzz_url, "", ""},
    {fuzz_url, "http://host/path\n", ""},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t kind = data[0] % (sizeof kinds / sizeof *kinds), begin = strlen(kinds[kind].begin),
           end = strlen(kinds[kind].end), n = begin + size - 2 + end;
    char *text = malloc(n + 1);
    expect(text, "there is memory");
    memcpy(text, kinds[kind].begin, begin);
    memcpy(text + begin, data + 2, size - 2);
    memcpy(text + begin + size - 2, kinds[kind].end, end + 1);
    kinds[kind].fuzz(text, n, data[1]);
    free(text);
    return 0;
}
