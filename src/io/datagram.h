/* Making a datagram endpoint of a socket. */
#ifndef AI_IO_DATAGRAM_H
#define AI_IO_DATAGRAM_H

struct sockaddr;
struct asyncio_datagram_endpoint;

/* Owned by the task that runs; it takes the socket over. What is sent without an address goes to
 * `to`, or where the socket is connected to if `size` is 0. NULL without memory: the socket is
 * closed. */
struct asyncio_datagram_endpoint *ai_datagram_new(int fd, const struct sockaddr *to, unsigned size);

#endif
