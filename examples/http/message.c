#include "message.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int refuse(http_parser *p, int status)
{
    struct http_message *m = p->data;
    m->refusal = status;
    return 1;
}

/* Whether there is no control character in it, but perhaps this one. http-parser as distributions
 * build it lets some of them through. */
static bool is_text(const char *at, size_t n, char but)
{
    for (size_t i = 0; i < n; i++)
        if (iscntrl((unsigned char)at[i]) && at[i] != but)
            return false;
    return true;
}

static int on_target(http_parser *p, const char *at, size_t n)
{
    struct http_message *m = p->data;
    m->target = (struct http_text){(char *)at, n};
    return is_text(at, n, ' ') ? 0 : refuse(p, HTTP_STATUS_BAD_REQUEST);
}

/* What comes behind a body (trailers) is not looked at. A space in a name, before its colon, is
 * seen as part of it by some and not by others. */
static int on_name(http_parser *p, const char *at, size_t n)
{
    struct http_message *m = p->data;
    if (m->whole)
        return 0;
    if (memchr(at, ' ', n))
        return refuse(p, HTTP_STATUS_BAD_REQUEST);
    if (m->count == HTTP_MOST_HEADERS)
        return refuse(p, HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE);
    m->headers[m->count++] = (struct http_header){.name = {(char *)at, n}};
    return 0;
}

/* A second piece of a value is a line that goes on in the next one, which nobody may send any more,
 * as not everybody understands it the same way. */
static int on_value(http_parser *p, const char *at, size_t n)
{
    struct http_message *m = p->data;
    if (m->whole)
        return 0;
    struct http_text *value = &m->headers[m->count - 1].value;
    if (value->at || !is_text(at, n, '\t'))
        return refuse(p, HTTP_STATUS_BAD_REQUEST);
    while (n > 0 && (at[n - 1] == ' ' || at[n - 1] == '\t'))
        n--;
    *value = (struct http_text){(char *)at, n};
    return 0;
}

static int on_head(http_parser *p)
{
    struct http_message *m = p->data;
    m->whole = true;
    return 0;
}

/* Into the place of what has been decoded already, the sizes of chunks for instance. A head has no
 * body in it: http-parser thinks that it ended before the empty line, at a CR without LF. */
static int on_body(http_parser *p, const char *at, size_t n)
{
    struct http_message *m = p->data;
    if (!m->body.at)
        return refuse(p, HTTP_STATUS_BAD_REQUEST);
    memmove(m->body.at + m->body.size, at, n);
    m->body.size += n;
    return 0;
}

/* What follows belongs to another message. */
static int on_end(http_parser *p)
{
    struct http_message *m = p->data;
    m->done = true;
    http_parser_pause(p, 1);
    return 0;
}

static const http_parser_settings callbacks = {
    .on_url = on_target,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_end,
};

void http_begin(struct http_message *m, enum http_parser_type type)
{
    m->target = m->body = (struct http_text){NULL, 0};
    m->count = m->refusal = 0;
    m->whole = m->done = false;
    http_parser_init(&m->parser, type);
    m->parser.data = m;
}

/* Behind each text stands a character that has been parsed; but of an empty one nobody knows where
 * it was. */
static void make_string(struct http_text *text)
{
    static char empty[1];
    if (text->size > 0)
        text->at[text->size] = '\0';
    else
        text->at = empty;
}

static void make_strings(struct http_message *m)
{
    make_string(&m->target);
    for (int i = 0; i < m->count; i++) {
        make_string(&m->headers[i].name);
        make_string(&m->headers[i].value);
    }
}

static int refusal(const struct http_message *m)
{
    if (m->refusal)
        return m->refusal;
    switch (HTTP_PARSER_ERRNO(&m->parser)) {
    case HPE_INVALID_METHOD:
    case HPE_INVALID_TRANSFER_ENCODING:
        return HTTP_STATUS_NOT_IMPLEMENTED;
    case HPE_HEADER_OVERFLOW:
        return HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE;
    default:
        return HTTP_STATUS_BAD_REQUEST;
    }
}

int http_parse(struct http_message *m, char *data, size_t n)
{
    size_t parsed = http_parser_execute(&m->parser, &callbacks, data, n);
    enum http_errno error = HTTP_PARSER_ERRNO(&m->parser);
    if (m->whole)
        make_strings(m);
    if (error != HPE_OK && error != HPE_PAUSED)
        return refusal(m);
    /* A head ends where its bytes do, or else it was cut in another way than the parser's. */
    return parsed == n ? 0 : HTTP_STATUS_BAD_REQUEST;
}

static const char *next_header(const struct http_message *m, const char *name, int *i)
{
    while (*i < m->count) {
        const struct http_header *h = &m->headers[(*i)++];
        if (strcasecmp(h->name.at, name) == 0)
            return h->value.at;
    }
    return NULL;
}

const char *http_header(const struct http_message *m, const char *name)
{
    int i = 0;
    return next_header(m, name, &i);
}

/* A client of HTTP/1.1 says once which host it wants. */
static bool has_host(const struct http_message *m)
{
    int i = 0;
    bool first = next_header(m, "Host", &i), second = first && next_header(m, "Host", &i);
    return m->parser.http_minor == 0 ? !second : first && !second;
}

unsigned long long http_body_size(const struct http_message *m)
{
    const char *length = http_header(m, "Content-Length");
    return length ? strtoull(length, NULL, 10) : 0;
}

/* Where it is not certain how long the body is, nobody knows what the next request is. */
int http_check_request(const struct http_message *m)
{
    unsigned method = m->parser.method;
    if (!m->whole)
        return HTTP_STATUS_BAD_REQUEST;
    if (m->parser.http_major != 1)
        return HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED;
    if (!has_host(m))
        return HTTP_STATUS_BAD_REQUEST;
    if (method != HTTP_GET && method != HTTP_HEAD)
        return HTTP_STATUS_METHOD_NOT_ALLOWED;
    if (http_header(m, "Transfer-Encoding"))
        return HTTP_STATUS_LENGTH_REQUIRED;
    return http_body_size(m) > HTTP_MOST_BODY ? HTTP_STATUS_PAYLOAD_TOO_LARGE : 0;
}

ssize_t http_decode(struct http_message *m, char *data, size_t n)
{
    m->body = (struct http_text){data, 0};
    http_parser_execute(&m->parser, &callbacks, data, n);
    enum http_errno error = HTTP_PARSER_ERRNO(&m->parser);
    bool fine = error == HPE_OK ? n > 0 : error == HPE_PAUSED;
    return fine ? (ssize_t)m->body.size : -EPROTO;
}
