/* Filters: what stands between a connection's descriptor and its streams. TLS is one, and lies in a
 * library of its own, so that all that either side calls of the other is in these tables.
 *
 * What was received goes through decode(), which feeds the reader; what is written goes through
 * encode(), which puts what is to be sent. All of a filter's functions are called on the loop's
 * thread and never suspend. Those that return an int return 0 or -errno, with which that direction
 * of the connection fails. */
#ifndef AI_IO_FILTER_H
#define AI_IO_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ai_connection;

/* What connections have for filters. */
struct ai_filter_port {
    /* These bytes may be read. 0 or -ENOMEM. */
    int (*feed)(struct ai_connection *c, const char *data, size_t n);

    /* Nothing comes after those. */
    void (*feed_eof)(struct ai_connection *c);

    /* These bytes are to be sent. 0 or -ENOMEM. */
    int (*put)(struct ai_connection *c, const void *data, size_t n);
};

struct ai_filter {
    const struct ai_filter_type *type;
    const struct ai_filter_port *port; /* set when it is put in place */
};

struct ai_filter_type {
    /* Goes on with what comes before any data: 1 when that is done, 0 to be called again when
     * something more was decoded. What it put is sent then. */
    int (*handshake)(struct ai_filter *f, struct ai_connection *c);

    /* n bytes have been received: feeds what they mean, and perhaps puts an answer. n is 0 where
     * the peer has ended the stream: it feeds that end, or fails if that comes too early. (The end
     * may come within the data too.) */
    int (*decode)(struct ai_filter *f, struct ai_connection *c, const char *data, size_t n);

    /* n bytes were written: puts them. */
    int (*encode)(struct ai_filter *f, struct ai_connection *c, const char *data, size_t n);

    /* Nothing more will be written: may put what says so. Whether the peer is to be waited for to
     * say so too. */
    bool (*shutdown)(struct ai_filter *f, struct ai_connection *c);

    /* asyncio_stream_writer_get_extra_info(), for what it knows; else -ENOENT. Or NULL. */
    ssize_t (*extra_info)(struct ai_filter *f, const char *name, void *value, size_t size);

    /* Its words for this error, if that is what it failed with; else NULL. Or NULL. */
    const char *(*message)(struct ai_filter *f, int error);

    void (*free)(struct ai_filter *f);
};

/* The first member of what programs know as a struct asyncio_ssl_context. */
struct ai_filter_source {
    /* A new filter, or NULL and *error set. `name`: of the server, where this is its client. */
    struct ai_filter *(*make)(struct ai_filter_source *source, bool is_server, const char *name,
                              int *error);

    /* One reference more, one fewer. */
    void (*retain)(struct ai_filter_source *source);
    void (*release)(struct ai_filter_source *source);
};

struct asyncio_ssl_context;

static inline struct ai_filter_source *ai_filter_source(struct asyncio_ssl_context *context)
{
    return (struct ai_filter_source *)context;
}

static inline void ai_filter_source_retain(struct asyncio_ssl_context *context)
{
    if (context)
        ai_filter_source(context)->retain(ai_filter_source(context));
}

static inline void ai_filter_source_release(struct asyncio_ssl_context *context)
{
    if (context)
        ai_filter_source(context)->release(ai_filter_source(context));
}

#endif
