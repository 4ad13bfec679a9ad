/* Making a datagram endpoint. */
#ifndef AI_IO_DATAGRAM_H
#define AI_IO_DATAGRAM_H

struct sockaddr;
struct asyncio_datagram_endpoint;

/* Without a socket, as one that is closed; owned by the task that runs. NULL without memory. */
struct asyncio_datagram_endpoint *ai_datagram_new(void);

/* Its socket, which it takes over. What is sent without an address goes to `to`, or where the
 * socket is connected to if `size` is 0. 0, or -ECANCELED where the endpoint has gone: the socket
 * is closed. */
int ai_datagram_open(struct asyncio_datagram_endpoint *e, int fd, const struct sockaddr *to,
                     unsigned size);

/* It came to nothing. NULL, or one that has gone, does nothing. */
void ai_datagram_drop(struct asyncio_datagram_endpoint *e);

#endif
