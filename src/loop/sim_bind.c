/* Who has which name in the simulated network: a table by port or path. */
#include "loop/sim_net.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { FIRST_PORT = 32768, LAST_PORT = 60999 }; /* that are picked, as Linux has it */

static struct ai_list *row_of(struct ai_sim_net *net, const struct ai_sim_name *name)
{
    return &net->names[ai_sim_name_hash(name) % AI_SIM_NAMES];
}

static struct ai_sim_socket *socket_of(struct ai_list *node)
{
    return ai_container(node, struct ai_sim_socket, named);
}

/* ── Conflicts ───────────────────────────────────────────────────────────────────────────────── */

static bool overlap(const struct ai_sim_socket *s, const struct ai_sim_name *name,
                    const struct ai_sim_socket *other)
{
    return ai_sim_name_covers(name, s->only_version_6, &other->local) ||
           ai_sim_name_covers(&other->local, other->only_version_6, name);
}

static bool agree(const struct ai_sim_socket *s, const struct ai_sim_socket *other)
{
    if (s->reuse_port && other->reuse_port)
        return true;
    return s->reuse_address && other->reuse_address && other->state != AI_SIM_LISTENING;
}

static bool is_taken(struct ai_sim_socket *s, const struct ai_sim_name *name, bool alone)
{
    ai_list_each (node, row_of(s->net, name)) {
        const struct ai_sim_socket *other = socket_of(node);
        bool same_kind = other->type == s->type || ai_sim_is_unix(s);
        if (other != s && same_kind && overlap(s, name, other) && (alone || !agree(s, other)))
            return true;
    }
    return false;
}

int ai_sim_may_listen(struct ai_sim_socket *s)
{
    ai_list_each (node, row_of(s->net, &s->local)) {
        const struct ai_sim_socket *other = socket_of(node);
        if (other != s && other->state == AI_SIM_LISTENING && overlap(s, &s->local, other) &&
            !(s->reuse_port && other->reuse_port))
            return -EADDRINUSE;
    }
    return 0;
}

/* ── Binding ─────────────────────────────────────────────────────────────────────────────────── */

static bool option(const struct ai_sim_socket *s, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(s->fd, level, name, &value, &size) == 0 && value != 0;
}

/* The next port that nobody has anything on. */
static bool pick_port(struct ai_sim_socket *s, struct ai_sim_name *name)
{
    for (int n = FIRST_PORT; n <= LAST_PORT; n++) {
        uint16_t *next = &s->net->next_port;
        name->port = *next;
        *next = *next == LAST_PORT ? FIRST_PORT : (uint16_t)(*next + 1);
        if (!is_taken(s, name, true))
            return true;
    }
    return false;
}

/* An abstract name of five digits. */
static bool pick_path(struct ai_sim_socket *s, struct ai_sim_name *name)
{
    for (uint32_t n = 0; n < 1 << 20; n++) {
        snprintf(name->path + 1, 6, "%05x", (unsigned)(s->net->next_path++ & 0xfffff));
        name->size = 6;
        if (!is_taken(s, name, true))
            return true;
    }
    return false;
}

int ai_sim_bind(struct ai_sim_socket *s, const struct ai_sim_name *name)
{
    struct ai_sim_name own = *name;
    if (s->local.family != AF_UNSPEC || s->state != AI_SIM_NEW)
        return -EINVAL;
    s->reuse_address = !ai_sim_is_unix(s) && option(s, SOL_SOCKET, SO_REUSEADDR);
    s->reuse_port = !ai_sim_is_unix(s) && option(s, SOL_SOCKET, SO_REUSEPORT);
    s->only_version_6 = s->family == AF_INET6 && option(s, IPPROTO_IPV6, IPV6_V6ONLY);
    bool complete = ai_sim_is_unix(s) ? own.size > 0 : own.port > 0;
    bool found =
        complete ? !is_taken(s, &own, false) : (ai_sim_is_unix(s) ? pick_path : pick_port)(s, &own);
    if (!found)
        return -EADDRINUSE;
    s->local = own;
    ai_list_append(row_of(s->net, &own), &s->named);
    return 0;
}

int ai_sim_bind_any(struct ai_sim_socket *s)
{
    struct ai_sim_name any = ai_sim_name_any(s->family);
    if (ai_sim_is_unix(s) || s->local.family != AF_UNSPEC)
        return 0;
    return ai_sim_bind(s, &any);
}

/* ── Finding ─────────────────────────────────────────────────────────────────────────────────── */

/* How well what goes to this name fits a socket; 0: not at all. */
static int fit(const struct ai_sim_socket *s, const struct ai_sim_name *to)
{
    if (!ai_sim_name_covers(&s->local, s->only_version_6, to))
        return 0;
    if (!ai_sim_name_is_any(&s->local))
        return 3;
    return s->family == AF_INET ? 2 : 1;
}

static int fit_listener(const struct ai_sim_socket *s, const struct ai_sim_name *to,
                        const struct ai_sim_name *from)
{
    (void)from;
    return s->state == AI_SIM_LISTENING ? fit(s, to) : 0;
}

static int fit_receiver(const struct ai_sim_socket *s, const struct ai_sim_name *to,
                        const struct ai_sim_name *from)
{
    bool connected = s->remote.family != AF_UNSPEC;
    if (s->type != SOCK_DGRAM ||
        (connected && !ai_sim_is_unix(s) && !ai_sim_name_same(&s->remote, from)))
        return 0;
    int well = fit(s, to);
    return well > 0 ? well + 4 * connected : 0;
}

/* Among several that fit as well, which share a port, chance decides. */
static struct ai_sim_socket *find(struct ai_sim_net *net,
                                  int (*fits)(const struct ai_sim_socket *,
                                              const struct ai_sim_name *,
                                              const struct ai_sim_name *),
                                  const struct ai_sim_name *to, const struct ai_sim_name *from)
{
    struct ai_sim_socket *best = NULL;
    int highest = 0;
    size_t equals = 0;
    ai_list_each (node, row_of(net, to)) {
        struct ai_sim_socket *s = socket_of(node);
        int well = fits(s, to, from);
        if (well == 0 || well < highest)
            continue;
        equals = well > highest ? 1 : equals + 1;
        if (equals == 1 || ai_sim_part(&net->weather, equals) == equals)
            best = s;
        highest = well;
    }
    return best;
}

struct ai_sim_socket *ai_sim_find_listener(struct ai_sim_net *net, const struct ai_sim_name *to)
{
    return find(net, fit_listener, to, NULL);
}

struct ai_sim_socket *ai_sim_find_receiver(struct ai_sim_net *net, const struct ai_sim_name *to,
                                           const struct ai_sim_name *from)
{
    return find(net, fit_receiver, to, from);
}

bool ai_sim_name_is_known(struct ai_sim_net *net, const struct ai_sim_name *name)
{
    ai_list_each (node, row_of(net, name))
        if (ai_sim_name_same(&socket_of(node)->local, name))
            return true;
    return false;
}
