/* Looking names up: <asyncio/dns.h>.
 *
 * What goes to a thread is a concurrent future that holds all the look-up needs, and owns what it
 * finds until whoever waits takes that. So it does not matter when, or whether, somebody does. */
#include "base/alloc.h"
#include "io/concurrent.h"
#include "io/lane.h"
#include "io/wrap.h"

#include <asyncio/dns.h>

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

/* --- Errors --- */

static const struct {
    int failure, error;
} errors[] = {
    {EAI_NONAME, ENOENT},
    {EAI_AGAIN, EAGAIN},
    {EAI_FAIL, EREMOTEIO},
    {EAI_SERVICE, EPROTONOSUPPORT},
    {EAI_SOCKTYPE, ESOCKTNOSUPPORT},
    {EAI_FAMILY, EAFNOSUPPORT},
    {EAI_BADFLAGS, EINVAL},
    {EAI_OVERFLOW, EOVERFLOW},
    {EAI_MEMORY, ENOMEM},
#ifdef EAI_NODATA
    {EAI_NODATA, ENODATA},
#endif
#ifdef EAI_ADDRFAMILY
    {EAI_ADDRFAMILY, EADDRNOTAVAIL},
#endif
#ifdef EAI_IDN_ENCODE
    {EAI_IDN_ENCODE, EILSEQ},
#endif
};

static int code_of(int failure)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (errors[i].failure == failure)
            return -errors[i].error;
    }
    return -EIO;
}

/* 0, or the error that is raised. */
static int report(int failure)
{
    if (failure == 0)
        return 0;
    if (failure == EAI_SYSTEM)
        return asyncio_raise(errno ? -errno : -EIO, "%s", strerror(errno));
    return asyncio_raise(code_of(failure), "%s", gai_strerror(failure));
}

/* What has been made up to be run in the lane: its result. */
static ASYNCIO_AWAITABLE(int) run_in_lane(struct ai_concurrent *f)
{
    struct ai_object *o = ai_wrap_new(ai_concurrent_ref(f), true, &ai_lane);
    return o ? ai_handle(o) : NULL;
}

/* --- getaddrinfo() --- */

struct lookup {
    struct ai_concurrent concurrent;
    int result;
    bool hinted;
    struct addrinfo hints, *list;
    char *host, *service;
    char names[];
};

static void look_up(void *self, void *result)
{
    struct lookup *l = self;
    int failure = EAI_AGAIN;

    if (ai_lane_enter()) {
        failure = getaddrinfo(l->host, l->service, l->hinted ? &l->hints : NULL, &l->list);
        ai_lane_leave();
    }
    *(int *)result = report(failure);
}

static void drop_list(struct ai_concurrent *f)
{
    struct lookup *l = (struct lookup *)f;

    if (l->list)
        freeaddrinfo(l->list);
}

static const struct asyncio_awaitable_type lookup_type = {
    .name = "getaddrinfo",
    .result_size = sizeof(int),
    .result_offset = offsetof(struct lookup, result),
    .result_signed = true,
    .await = look_up,
};

static size_t size_of(const char *s)
{
    return s ? strlen(s) + 1 : 0;
}

static struct lookup *lookup_new(const char *host, const char *service,
                                 const struct addrinfo *hints)
{
    size_t h = size_of(host), s = size_of(service);
    struct lookup *l = ai_concurrent_plain(&lookup_type, sizeof *l + h + s);

    if (!l)
        return NULL;
    l->concurrent.destroy = drop_list;
    l->host = host ? memcpy(l->names, host, h) : NULL;
    l->service = service ? memcpy(l->names + h, service, s) : NULL;
    l->hinted = hints;
    if (hints)
        l->hints = (struct addrinfo){.ai_flags = hints->ai_flags,
                                     .ai_family = hints->ai_family,
                                     .ai_socktype = hints->ai_socktype,
                                     .ai_protocol = hints->ai_protocol};
    return l;
}

/* What can be had without asking anybody; EAI_NONAME where it is not known whether there is more.
 */
static int look_at_numbers(const char *host, const char *service, const struct addrinfo *hints,
                           struct addrinfo **list)
{
    struct addrinfo numeric = hints ? *hints : (struct addrinfo){0};

    numeric.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
    return getaddrinfo(host, service, &numeric, list);
}

/* A cancellation may come between the look-up's end and this task's turn, so its list is taken from
 * it when it has come to that, and not before. */
static int take_list(struct lookup *l, int error, struct addrinfo **list)
{
    if (error == 0) {
        *list = l->list;
        l->list = NULL;
    }
    ai_concurrent_unref(&l->concurrent);
    return error;
}

ASYNCIO_ASYNC(int, asyncio_getaddrinfo, (const char *, host), (const char *, service),
              (const struct addrinfo *, hints), (struct addrinfo **, list))
{
    *list = NULL;
    int failure = look_at_numbers(host, service, hints, list);
    if (failure != EAI_NONAME)
        return report(failure);
    struct lookup *l = lookup_new(host, service, hints);
    if (!l)
        return asyncio_raise(-ENOMEM, NULL);
    return take_list(l, ASYNCIO_AWAIT(run_in_lane(&l->concurrent)), list);
}

/* --- getnameinfo() --- */

enum { LONGEST = NI_MAXHOST }; /* also of a service: the path of a Unix socket */

struct naming {
    struct ai_concurrent concurrent;
    int result;
    struct sockaddr_storage address;
    socklen_t size, host_size, service_size;
    int flags;
    char host[LONGEST], service[LONGEST];
};

static void look_up_names(void *self, void *result)
{
    struct naming *n = self;
    int failure = EAI_AGAIN;

    if (ai_lane_enter()) {
        failure = getnameinfo((struct sockaddr *)&n->address, n->size, n->host, n->host_size,
                              n->service, n->service_size, n->flags);
        ai_lane_leave();
    }
    *(int *)result = report(failure);
}

static const struct asyncio_awaitable_type naming_type = {
    .name = "getnameinfo",
    .result_size = sizeof(int),
    .result_offset = offsetof(struct naming, result),
    .result_signed = true,
    .await = look_up_names,
};

static socklen_t at_most(socklen_t n, size_t most)
{
    return n < most ? n : (socklen_t)most;
}

static struct naming *naming_new(const struct sockaddr *address, socklen_t size)
{
    struct naming *n = ai_concurrent_plain(&naming_type, sizeof *n);

    if (!n)
        return NULL;
    n->size = at_most(size, sizeof n->address);
    memcpy(&n->address, address, n->size);
    return n;
}

static void copy_name(char *to, const char *name, socklen_t size)
{
    if (to && size > 0)
        memcpy(to, name, strlen(name) + 1);
}

static int take_names(struct naming *n, int error, char *host, char *service)
{
    if (error == 0) {
        copy_name(host, n->host, n->host_size);
        copy_name(service, n->service, n->service_size);
    }
    ai_concurrent_unref(&n->concurrent);
    return error;
}

ASYNCIO_ASYNC(int, asyncio_getnameinfo, (const struct sockaddr *, address), (socklen_t, size),
              (char *, host), (socklen_t, host_size), (char *, service), (socklen_t, service_size),
              (int, flags))
{
    bool numeric = (flags & NI_NUMERICHOST || !host) && (flags & NI_NUMERICSERV || !service);

    if (numeric)
        return report(getnameinfo(address, size, host, host_size, service, service_size, flags));
    struct naming *n = naming_new(address, size);
    if (!n)
        return asyncio_raise(-ENOMEM, NULL);
    n->host_size = host ? at_most(host_size, LONGEST) : 0;
    n->service_size = service ? at_most(service_size, LONGEST) : 0;
    n->flags = flags;
    return take_names(n, ASYNCIO_AWAIT(run_in_lane(&n->concurrent)), host, service);
}
