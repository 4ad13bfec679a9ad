/* The glue between streams and http-parser: heads of requests and replies, and bodies of replies.
 *
 * A head is parsed where the stream reader has it. What is said of it points there, so it is good
 * until the next read, and may be given to http_parse() in pieces as long as these stay; but a
 * target, or a header, is within one. */
#ifndef EXAMPLES_HTTP_MESSAGE_H
#define EXAMPLES_HTTP_MESSAGE_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
    HTTP_MOST_HEADERS = 64,
    HTTP_MOST_BODY = 64 * 1024, /* bytes, of a request */
};

struct http_text {
    char *at;
    size_t size;
};

struct http_header {
    struct http_text name, value;
};

struct http_message {
    http_parser parser; /* its method, version and status_code may be read */
    struct http_text target;
    struct http_header headers[HTTP_MOST_HEADERS];
    int count;
    bool whole; /* the head */
    bool done;  /* the body too */
    int refusal;
    struct http_text body; /* decoded by the http_decode() that runs */
};

/* HTTP_REQUEST or HTTP_RESPONSE. */
void http_begin(struct http_message *m, enum http_parser_type type);

/* The next piece of a head. 0, or the status to refuse it with. When the head is whole, all of it
 * are strings. */
int http_parse(struct http_message *m, char *data, size_t n);

/* The value of this header, NULL where there is none. */
const char *http_header(const struct http_message *m, const char *name);

/* Whether a request is one to answer: 0, or the status to refuse it with. */
int http_check_request(const struct http_message *m);

/* The length of its body then. */
unsigned long long http_body_size(const struct http_message *m);

/* Decodes what follows the head, in place, up to the end of the message: how many bytes of body are
 * there now, -EPROTO if it is none. n of 0 tells that the stream has ended. */
ssize_t http_decode(struct http_message *m, char *data, size_t n);

#endif
