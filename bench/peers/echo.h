/* What the echo servers in C begin with: a socket that listens on loopback, its port printed. */
#ifndef ECHO_H
#define ECHO_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { ECHO_BUFFER = 65536, ECHO_BACKLOG = 4096 };

static inline int echo_listen(int flags)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t size = sizeof a;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, size) < 0 || listen(fd, ECHO_BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &size) < 0) {
        perror("listen");
        exit(1);
    }
    return fd;
}

/* Once connections can be accepted, or soon will be. */
static inline void echo_announce(int fd)
{
    struct sockaddr_in a;
    socklen_t size = sizeof a;
    getsockname(fd, (struct sockaddr *)&a, &size);
    printf("%d\n", ntohs(a.sin_port));
    fflush(stdout);
}

static inline void echo_nodelay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

#endif
