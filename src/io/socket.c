#include "io/socket.h"

#include "base/panic.h"
#include "io/address.h"
#include "io/now.h"
#include "task/task.h"
#include "task/thread.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void ai_set_option(int fd, int level, int option, bool wanted)
{
    if (wanted)
        setsockopt(fd, level, option, &(int){1}, sizeof(int));
}

void ai_set_nodelay(int fd, int family)
{
    ai_set_option(fd, IPPROTO_TCP, TCP_NODELAY, family == AF_INET || family == AF_INET6);
}

int ai_bind(int fd, const struct sockaddr *address, unsigned size)
{
    char text[160];
    int error =
        (int)ai_now((struct ai_op){.code = AI_OP_BIND, .fd = fd, .from = address, .size = size});

    if (error)
        asyncio_raise(error, "error while attempting to bind on address %s: %s",
                      ai_address_repr(address, size, text, sizeof text), strerror(-error));
    return error;
}

/* Python's words. */
void ai_remove_stale(const char *path)
{
    struct stat now;

    if (stat(path, &now) == 0 && S_ISSOCK(now.st_mode) && unlink(path) < 0)
        ai_report("Unable to check or remove stale UNIX socket '%s': %s", path, strerror(errno));
}

void ai_raise_again(int error)
{
    if (!ai_thread.task->top->object.error)
        asyncio_raise(error, "%s", asyncio_error() == error ? asyncio_error_message() : "");
}
