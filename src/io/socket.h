/* What is done to a socket on its way to a server or an endpoint. */
#ifndef AI_IO_SOCKET_H
#define AI_IO_SOCKET_H

#include <stdbool.h>

struct sockaddr;

/* Sets an option, if it is wanted. Of sockets that the kernel does not know, the simulation's, that
 * says nothing. */
void ai_set_option(int fd, int level, int option, bool wanted);

/* Small things at once rather than together; nothing for what is no TCP socket. */
void ai_set_nodelay(int fd, int family);

/* Binds it: 0, or the error, raised with the address in its message. */
int ai_bind(int fd, const struct sockaddr *address, unsigned size);

/* Removes the socket at this path that somebody may have left, if it is one. */
void ai_remove_stale(const char *path);

/* In a coroutine whose result cannot say what failed: raises the error, if it is that of the last
 * await with its message, unless one was raised. */
void ai_raise_again(int error);

#endif
