/* See sim_name.h. */
#include "loop/sim_name.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/un.h>

static void map(struct in6_addr *ip, struct in_addr version_4)
{
    memset(ip, 0, sizeof *ip);
    ip->s6_addr[10] = ip->s6_addr[11] = 0xff;
    memcpy(&ip->s6_addr[12], &version_4, 4);
}

static bool is_version_4(const struct ai_sim_name *name)
{
    return IN6_IS_ADDR_V4MAPPED(&name->ip);
}

/* ── To and from a program ───────────────────────────────────────────────────────────────────── */

static int take_in(struct ai_sim_name *name, const struct sockaddr_in *in, size_t size)
{
    if (size < sizeof *in)
        return -EINVAL;
    if (in->sin_family != AF_INET)
        return -EAFNOSUPPORT;
    name->port = ntohs(in->sin_port);
    map(&name->ip, in->sin_addr);
    return 0;
}

static int take_in6(struct ai_sim_name *name, const struct sockaddr_in6 *in, size_t size)
{
    if (size < offsetof(struct sockaddr_in6, sin6_scope_id))
        return -EINVAL;
    if (in->sin6_family != AF_INET6)
        return -EAFNOSUPPORT;
    name->port = ntohs(in->sin6_port);
    name->ip = in->sin6_addr;
    name->scope = size < sizeof *in ? 0 : in->sin6_scope_id;
    return 0;
}

/* A path ends at its first zero, an abstract name, which begins with one, where the size says. */
static int take_un(struct ai_sim_name *name, const struct sockaddr_un *un, size_t size)
{
    size_t head = offsetof(struct sockaddr_un, sun_path);
    if (size < head || size > sizeof *un || un->sun_family != AF_UNIX)
        return -EINVAL;
    size -= head;
    if (size > 0 && un->sun_path[0] != '\0')
        size = strnlen(un->sun_path, size);
    name->size = (uint8_t)size;
    memcpy(name->path, un->sun_path, size);
    return 0;
}

int ai_sim_name_take(struct ai_sim_name *name, int family, const void *address, size_t size)
{
    *name = (struct ai_sim_name){.family = family == AF_UNIX ? AF_UNIX : AF_INET6};
    if (address == NULL)
        return -EFAULT;
    if (size < sizeof(sa_family_t))
        return -EINVAL;
    return family == AF_INET    ? take_in(name, address, size)
           : family == AF_INET6 ? take_in6(name, address, size)
                                : take_un(name, address, size);
}

static socklen_t make(const struct ai_sim_name *name, int family, struct sockaddr_storage *to)
{
    memset(to, 0, sizeof *to);
    to->ss_family = (sa_family_t)family;
    if (family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)to;
        in->sin_port = htons(name->port);
        memcpy(&in->sin_addr, &name->ip.s6_addr[12], 4);
        return sizeof *in;
    }
    if (family == AF_INET6) {
        struct sockaddr_in6 *in = (struct sockaddr_in6 *)to;
        in->sin6_port = htons(name->port);
        in->sin6_addr = name->ip;
        in->sin6_scope_id = name->scope;
        return sizeof *in;
    }
    struct sockaddr_un *un = (struct sockaddr_un *)to;
    size_t size = name->family == AF_UNIX ? name->size : 0;
    memcpy(un->sun_path, name->path, size);
    bool ends = size > 0 && size < sizeof un->sun_path && un->sun_path[0] != '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + ends);
}

void ai_sim_name_give(const struct ai_sim_name *name, int family, void *address, socklen_t *size)
{
    struct sockaddr_storage made;
    socklen_t full = make(name, family, &made);
    memcpy(address, &made, full < *size ? full : *size);
    *size = full;
}

bool ai_sim_name_read(struct ai_sim_name *name, const char *text)
{
    struct in_addr version_4;
    *name = (struct ai_sim_name){.family = AF_INET6};
    if (inet_pton(AF_INET, text, &version_4) != 1)
        return inet_pton(AF_INET6, text, &name->ip) == 1;
    map(&name->ip, version_4);
    return true;
}

/* ── Comparing ───────────────────────────────────────────────────────────────────────────────── */

struct ai_sim_name ai_sim_name_any(int family)
{
    struct ai_sim_name name = {.family = AF_INET6};
    if (family == AF_INET)
        map(&name.ip, (struct in_addr){INADDR_ANY});
    return name;
}

bool ai_sim_name_is_any(const struct ai_sim_name *name)
{
    static const uint8_t zero[4];
    if (name->family != AF_INET6)
        return false;
    return IN6_IS_ADDR_UNSPECIFIED(&name->ip) ||
           (is_version_4(name) && memcmp(&name->ip.s6_addr[12], zero, sizeof zero) == 0);
}

bool ai_sim_name_same_host(const struct ai_sim_name *a, const struct ai_sim_name *b)
{
    return a->family == AF_INET6 && b->family == AF_INET6 && IN6_ARE_ADDR_EQUAL(&a->ip, &b->ip);
}

bool ai_sim_name_same(const struct ai_sim_name *a, const struct ai_sim_name *b)
{
    if (a->family == AF_UNIX && b->family == AF_UNIX)
        return a->size == b->size && memcmp(a->path, b->path, a->size) == 0;
    return ai_sim_name_same_host(a, b) && a->port == b->port;
}

bool ai_sim_name_covers(const struct ai_sim_name *a, bool only_version_6,
                        const struct ai_sim_name *b)
{
    if (!ai_sim_name_is_any(a) || b->family != AF_INET6)
        return ai_sim_name_same(a, b);
    bool version = is_version_4(a) ? is_version_4(b) : !(only_version_6 && is_version_4(b));
    return version && a->port == b->port;
}

unsigned ai_sim_name_hash(const struct ai_sim_name *name)
{
    unsigned hash = name->port;
    for (size_t i = 0; name->family == AF_UNIX && i < name->size; i++)
        hash = hash * 31 + (unsigned char)name->path[i];
    return hash;
}
