/* A connection: a descriptor with one receive and one send under way at most, what was received and
 * not read, and what was written and not sent. The streams of <asyncio/streams.h> are two views of
 * it, and its owner.
 *
 * Input is pulled. A receive is submitted when somebody reads and there is not enough; its memory
 * is lent by the back-end when something has come, and copied from there. Output is pushed: sends
 * follow each other as long as there is something to send, then what was asked for comes, the end
 * of the stream, the descriptor's close.
 *
 * Life. References: one of the streams, one of each operation under way, one of each awaitable that
 * reads, drains or waits. Without streams it is closing, and in the end there is only its close. It
 * is in the thread's list until that is done, so that the loop's end aborts it. */
#ifndef AI_IO_CONNECTION_H
#define AI_IO_CONNECTION_H

#include "io/buffer.h"
#include "io/filter.h"
#include "loop/loop.h"
#include "task/object.h"

#include <asyncio/streams.h>

struct ai_linger;
struct ai_reading;

/* Who drains, or waits for its end. */
struct ai_waiting {
    struct ai_object object;
    struct ai_connection *connection;
    struct ai_list link; /* in `waiting`, or nowhere */
    int result;
};

/* --- The connection --- */

struct ai_connection {
    struct ai_op in, out;
    struct ai_list link;                   /* among the thread's */
    struct ai_list peers;                  /* among its server's */
    void (*lost)(struct ai_connection *c); /* it has been closed; or NULL */
    void *owner;                           /* for that */
    struct ai_before before;
    uint32_t refs;
    int fd; /* -1 from its close on */
    int in_error, out_error;
    bool is_socket;
    bool in_busy, out_busy; /* the operation is under way */
    bool in_eof;            /* the end of what the peer sends */
    bool paused;            /* who drains waits */
    bool closing, closed;
    bool ends;  /* no more will be written */
    bool ended; /* and the peer has been told */
    char line_byte;
    float linger_time; /* seconds; 0: the usual */
    char *line_end; /* where a NUL stands for line_byte, in what a read has pointed to; or NULL */
    struct ai_buffer input;
    struct ai_buffer held;            /* what a read has pointed to, where it had to be moved */
    struct ai_buffer output, sending; /* `sending` is the operation's */
    size_t limit, high, low;
    size_t partial;             /* asyncio_stream_reader_partial() */
    struct ai_reading *reading; /* who waits for input, or NULL */
    struct ai_list waiting;     /* who drains, and waits for its end */
    struct ai_filter *filter;
    struct ai_linger *linger; /* closing, and the peer may say so too; or NULL: see linger.h */
};

/* A connection of a socket, which it takes over; limit 0: the usual. (Of another descriptor, where
 * is_socket is then set to false.) The caller has the one
 * reference, for ai_connection_streams() or ai_connection_drop(). NULL without memory: then the
 * descriptor is the caller's still. Needs a loop. */
struct ai_connection *ai_connection_new(int fd, size_t limit);

/* Passes the reference on to streams, owned by the task that runs now. {NULL, NULL} without memory:
 * the connection is closed. */
struct asyncio_streams ai_connection_streams(struct ai_connection *c);

/* The same in two steps, where the owner is known before the connection is there. The first gives a
 * handle that is a reader and a writer (or NULL); the second never fails. Without the second, it is
 * the caller who drops the first by ai_disown(). */
struct ai_object *ai_streams_new(void);
struct asyncio_streams ai_streams_connect(struct ai_object *streams, struct ai_connection *c);

/* The connection of a reader or a writer; anything else ends the program. */
struct ai_connection *ai_connection_of(const void *stream);

static inline struct ai_connection *ai_connection_ref(struct ai_connection *c)
{
    c->refs++;
    return c;
}

void ai_connection_free(struct ai_connection *c);

static inline void ai_connection_unref(struct ai_connection *c)
{
    if (--c->refs == 0)
        ai_connection_free(c);
}

/* Closes it and gives up the caller's reference. */
void ai_connection_drop(struct ai_connection *c);

/* What was written is sent, and then the descriptor is closed. Again: nothing. */
void ai_connection_close(struct ai_connection *c);

/* What was written is dropped, with this as the reason. */
void ai_connection_abort(struct ai_connection *c, int error);

/* --- Input --- */

/* Sees to it that more comes: 1, something has (or its end, or an error); 0, it is under way, and
 * the reading will be woken; -errno. */
int ai_connection_receive(struct ai_connection *c);

/* These bytes were received, 0: the end was. Through the filter, or as they are. 0 or -errno. */
int ai_connection_decode(struct ai_connection *c, const char *data, size_t n);

/* Nothing more can be received, for this reason. */
void ai_connection_fail_input(struct ai_connection *c, int error);

/* What filters call: these bytes may be read; nothing comes after those. 0 or -ENOMEM. */
int ai_connection_feed(struct ai_connection *c, const char *data, size_t n);
void ai_connection_feed_eof(struct ai_connection *c);

/* Before a read: what the one before has pointed to is taken back. */
void ai_connection_reclaim(struct ai_connection *c);

/* Takes n bytes of input that stay where they are until then, with a NUL behind; 0 too. */
char *ai_connection_point(struct ai_connection *c, size_t n);

/* --- Output --- */

/* Nothing more can be sent, for this reason. */
void ai_connection_fail_output(struct ai_connection *c, int error);

/* Through the filter, or as it is. 0 or -errno, which the connection then keeps. */
int ai_connection_write(struct ai_connection *c, const void *data, size_t n);

/* What filters call: these bytes are to be sent. 0 or -ENOMEM. */
int ai_connection_put(struct ai_connection *c, const void *data, size_t n);

/* Sends what there is. Whether anything was done at once. */
bool ai_connection_flush(struct ai_connection *c);

/* What has not been sent. */
static inline size_t ai_connection_unsent(const struct ai_connection *c)
{
    return ai_buffer_count(&c->output) + ai_buffer_count(&c->sending);
}

/* --- With a filter --- */

/* In the step of an awaitable of this connection, which is about to fail with this code: its error
 * has the filter's words. Returns the code. */
int ai_connection_explain(struct ai_connection *c, struct ai_object *o, int code);

/* Puts a filter in place (NULL: takes it away, and frees it), which then is the connection's. Input
 * that was not read goes through it. 0 or -errno, with the filter in place. */
int ai_connection_set_filter(struct ai_connection *c, struct ai_filter *filter);

/* awaitable(int): goes on with the filter's handshake to its end. 0 or -errno. */
ASYNCIO_AWAITABLE(int) ai_connection_handshake(struct ai_connection *c);

/* awaitable(int): both, with a filter of this context (a struct ai_filter_source) and within so
 * many seconds; 0: 60. It has to be without a filter. 0 or -errno, -ETIMEDOUT among them: the
 * connection is then good for nothing but its end. */
ASYNCIO_AWAITABLE(int)
ai_connection_secure(struct ai_connection *c, struct asyncio_ssl_context *context, bool is_server,
                     const char *name, double seconds);

#endif
