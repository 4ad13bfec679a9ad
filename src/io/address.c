#include "io/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static void write_inet(const struct sockaddr_in *a, char *buf, size_t n)
{
    char host[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &a->sin_addr, host, sizeof host);
    snprintf(buf, n, "('%s', %u)", host, ntohs(a->sin_port));
}

static void write_inet6(const struct sockaddr_in6 *a, char *buf, size_t n)
{
    char host[INET6_ADDRSTRLEN];

    inet_ntop(AF_INET6, &a->sin6_addr, host, sizeof host);
    snprintf(buf, n, "('%s', %u, %u, %u)", host, ntohs(a->sin6_port), ntohl(a->sin6_flowinfo),
             a->sin6_scope_id);
}

/* The path ends with the address or before; an abstract name begins with a NUL byte. */
static void write_unix(const struct sockaddr_un *a, unsigned size, char *buf, size_t n)
{
    size_t most = size - offsetof(struct sockaddr_un, sun_path);
    bool abstract = most > 1 && !a->sun_path[0];
    size_t length = strnlen(a->sun_path + abstract, most - abstract);

    snprintf(buf, n, "'%s%.*s'", abstract ? "\\x00" : "", (int)length, a->sun_path + abstract);
}

char *ai_address_repr(const struct sockaddr *address, unsigned size, char *buf, size_t n)
{
    const void *a = address;

    switch (address->sa_family) {
    case AF_INET:
        write_inet(a, buf, n);
        break;
    case AF_INET6:
        write_inet6(a, buf, n);
        break;
    case AF_UNIX:
        write_unix(a, size, buf, n);
        break;
    default:
        snprintf(buf, n, "(address family %d)", address->sa_family);
    }
    return buf;
}

int ai_address_unix(struct sockaddr_un *address, const char *path)
{
    bool abstract = !path[0];
    size_t n = strlen(path + abstract) + 1; /* with the NUL in front, or behind */

    if (n > sizeof address->sun_path)
        return -ENAMETOOLONG;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, n);
    return (int)(offsetof(struct sockaddr_un, sun_path) + n);
}
