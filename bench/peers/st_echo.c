/* State Threads, on epoll: a thread of its own for each connection. */
#include "echo.h"

#include <st.h>

enum { STACK = 128 * 1024, BUFFER = 4096 };

static void *serve(void *argument)
{
    st_netfd_t fd = argument;
    char buffer[BUFFER];
    ssize_t n;
    while ((n = st_read(fd, buffer, sizeof buffer, ST_UTIME_NO_TIMEOUT)) > 0)
        if (st_write(fd, buffer, (size_t)n, ST_UTIME_NO_TIMEOUT) != n)
            break;
    st_netfd_close(fd);
    return NULL;
}

int main(void)
{
    int listener = echo_listen(0);
    st_set_eventsys(ST_EVENTSYS_ALT);
    if (st_init() < 0)
        return 1;
    st_netfd_t listening = st_netfd_open_socket(listener), fd;
    echo_announce(listener);
    while ((fd = st_accept(listening, NULL, NULL, ST_UTIME_NO_TIMEOUT)) != NULL) {
        echo_nodelay(st_netfd_fileno(fd));
        if (st_thread_create(serve, fd, 0, STACK) == NULL)
            return 1;
    }
    return 1;
}
