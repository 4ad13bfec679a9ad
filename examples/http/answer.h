/* A connection of the server, and the answers to its requests. */
#ifndef EXAMPLES_HTTP_ANSWER_H
#define EXAMPLES_HTTP_ANSWER_H

#include "message.h"

#include <asyncio.h>

#include <stdbool.h>

/* Bytes: */
enum {
    MOST_HEAD = 16 * 1024, /* of a request */
    PIECE = 2 * MOST_HEAD, /* of an answer */
    SLICE = 1024 * 1024,   /* of a file, in the kernel */
};

struct site {
    int root;
    double patience; /* seconds */
    bool quiet, stopping;
    struct connection *connections;
};

struct connection {
    struct site *site;
    struct asyncio_stream_reader *reader;
    struct asyncio_stream_writer *writer;
    struct connection *next, **link;
    int socket;      /* -1: it speaks TLS */
    bool idle;       /* between requests */
    bool keep_alive; /* after this one */
    char peer[64];
    struct http_message request;
    char *piece; /* of the answer, what has not been written yet */
    size_t used; /* of it */
};

/* Answers the request, which is whole. 0; -errno where not all of it could be sent. */
awaitable(int) answer_request(struct connection *c);

/* Answers in the few words that belong to this status. The request need not be whole. */
awaitable(int) answer_shortly(struct connection *c, int status);

#endif
