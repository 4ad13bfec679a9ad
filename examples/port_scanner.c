/* Tries to connect to many ports at once and prints those that are open.
 *
 *     port_scanner [-c MOST_AT_ONCE] [-t SECONDS] ADDRESS [FIRST [LAST]]
 *
 * Each port is a coroutine; a semaphore bounds how many are under way, a time limit each of them.
 */
#include <asyncio.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct scan {
    struct sockaddr_storage address;
    socklen_t size;
    struct asyncio_semaphore at_once;
    double seconds;
    int open, closed, silent;
};

static struct sockaddr_storage with_port(const struct scan *s, int port)
{
    struct sockaddr_storage address = s->address;
    if (address.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&address)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)&address)->sin_port = htons((uint16_t)port);
    return address;
}

static async(int, try_port, (struct scan *, s), (int, port))
{
    struct sockaddr_storage address = with_port(s, port);
    int fd = await(asyncio_socket(address.ss_family, SOCK_STREAM, 0));
    if (fd < 0)
        return fd;
    int result = await(
        asyncio_wait_for(asyncio_connect(fd, (struct sockaddr *)&address, s->size), s->seconds));
    await(asyncio_close(fd));
    return result;
}

static async(int, scan_port, (struct scan *, s), (int, port))
{
    async_with(&s->at_once)
    {
        int result = await(try_port(s, port));
        if (result == 0)
            printf("%d open\n", port);
        else if (result == -EMFILE || result == -ENFILE || result == -ECANCELED)
            return asyncio_raise(result, "port %d: %s", port, strerror(-result));
        s->open += result == 0;
        s->silent += result == -ETIMEDOUT;
        s->closed += result != 0 && result != -ETIMEDOUT;
    }
    return asyncio_error();
}

static async(int, scan_ports, (struct scan *, s), (int, first), (int, last))
{
    struct asyncio_task_group group = {0};
    async_with(&group) for (int port = first; port <= last; port++)
        asyncio_task_group_create_task(&group, scan_port(s, port));
    if (asyncio_error() != 0) {
        fprintf(stderr, "%s\n", asyncio_error_message());
        return 1;
    }
    printf("%d open, %d closed, %d silent\n", s->open, s->closed, s->silent);
    return 0;
}

static bool parse_address(struct scan *s, const char *text)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&s->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&s->address;
    bool is_v4 = inet_pton(AF_INET, text, &v4->sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
        return false;
    s->address.ss_family = is_v4 ? AF_INET : AF_INET6;
    s->size = is_v4 ? sizeof *v4 : sizeof *v6;
    return true;
}

int main(int argc, char **argv)
{
    struct scan s = {.seconds = 1};
    long at_once = 500;
    for (int option; (option = getopt(argc, argv, "c:t:")) != -1;) {
        if (option == 'c')
            at_once = strtol(optarg, NULL, 10);
        else if (option == 't')
            s.seconds = strtod(optarg, NULL);
        else
            return 2;
    }
    int first = argc > optind + 1 ? atoi(argv[optind + 1]) : 1;
    int last = argc > optind + 2 ? atoi(argv[optind + 2]) : first > 1 ? first : 65535;
    if (optind >= argc || !parse_address(&s, argv[optind]) || at_once < 1 || s.seconds <= 0 ||
        first < 1 || last > 65535) {
        fprintf(stderr, "usage: %s [-c MOST_AT_ONCE] [-t SECONDS] ADDRESS [FIRST [LAST]]\n",
                argv[0]);
        return 2;
    }
    s.at_once = asyncio_semaphore(at_once);
    return asyncio_run(scan_ports(&s, first, last));
}
