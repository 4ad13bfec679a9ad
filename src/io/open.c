/* Opening streams: of a descriptor. */
#include "io/connection.h"
#include "task/thread.h"

#include <sys/stat.h>

/* What the kernel knows nothing of is a socket of the simulation. */
static bool is_socket(int fd)
{
    struct stat s;
    return fstat(fd, &s) < 0 || S_ISSOCK(s.st_mode);
}

struct asyncio_streams asyncio_open_fd(int fd, size_t limit)
{
    ai_thread_loop("asyncio_open_fd");
    struct ai_object *o = ai_streams_new();
    struct ai_connection *c = o ? ai_connection_new(fd, limit) : NULL;

    if (c) {
        c->is_socket = is_socket(fd);
        return ai_streams_connect(o, c);
    }
    if (o)
        ai_disown(o);
    return (struct asyncio_streams){NULL, NULL};
}
