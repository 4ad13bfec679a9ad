/* The unit of the echo figures: the least an epoll server does. Level-triggered; one recv and one
 * send for each event. */
#include "echo.h"

#include <sys/epoll.h>
#include <unistd.h>

static char buffer[ECHO_BUFFER];

static void watch(int epfd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event);
}

static void serve(int fd)
{
    ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n <= 0 || send(fd, buffer, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) != n)
        close(fd);
}

int main(void)
{
    enum { EVENTS = 1024 };
    static struct epoll_event events[EVENTS];
    int epfd = epoll_create1(EPOLL_CLOEXEC), listener = echo_listen(0);
    watch(epfd, listener);
    echo_announce(listener);
    for (;;) {
        int n = epoll_wait(epfd, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd != listener) {
                serve(events[i].data.fd);
                continue;
            }
            int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            echo_nodelay(fd);
            watch(epfd, fd);
        }
    }
}
