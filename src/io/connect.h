/* From a host and port, or a path, to a connected socket. */
#ifndef AI_IO_CONNECT_H
#define AI_IO_CONNECT_H

#include "task/object.h"

/* Python's keyword arguments to open_connection() and create_connection(); zero leaves one out. */
struct ai_connect_options {
    const char *host; /* NULL: this machine */
    int port;
    int family, proto, flags; /* for getaddrinfo() */
    const char *local_host;
    int local_port;                 /* Python: local_addr; both, or the port alone */
    double happy_eyeballs_delay;    /* > 0: seconds until the next address is tried too */
    int first_address_family_count; /* Python: interleave; > 0, or with a delay: families alternate,
                                     * after so many of the first */
    bool all_errors;                /* fail with a group of all errors */
};

/* A connected descriptor, close-on-exec, TCP_NODELAY set; or -errno. Options are to be valid until
 * then. Where every address failed the error is that of the first, and its message has them all. */
ASYNCIO_AWAITABLE(int) ai_connect_host(const struct ai_connect_options *options);

/* The same by the path of a Unix socket, which is to be valid until then. */
ASYNCIO_AWAITABLE(int) ai_connect_unix(const char *path);

#endif
