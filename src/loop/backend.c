/* The choice of a back-end. */
#include "loop/backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ai_backend *const backends[] = {
    &ai_backend_io_uring,
    &ai_backend_epoll,
    &ai_backend_sim,
};

static const struct ai_backend *find(const char *name)
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (strcmp(backends[i]->name, name) == 0)
            return backends[i];
    return NULL;
}

/* `who` asks for it: the environment, or the program. */
static int open_named(const char *who, const char *name, const struct ai_backend **backend,
                      void **state, char *why, size_t why_size)
{
    const struct ai_backend *b = find(name);
    if (b == NULL) {
        snprintf(why, why_size, "%s=%s: it can be io_uring, epoll or sim", who, name);
        return -EINVAL;
    }
    char reason[128];
    int error = b->open(state, reason, sizeof reason);
    if (error != 0) {
        snprintf(why, why_size, "%s=%s: %s", who, name, reason);
        return error;
    }
    snprintf(why, why_size, "%s: as %s says", name, who);
    *backend = b;
    return 0;
}

static int open_best(const struct ai_backend **backend, void **state, char *why, size_t why_size)
{
    char refusal[128], reason[128];
    if (ai_backend_io_uring.open(state, refusal, sizeof refusal) == 0) {
        snprintf(why, why_size, "io_uring: the kernel allows it");
        *backend = &ai_backend_io_uring;
        return 0;
    }
    int error = ai_backend_epoll.open(state, reason, sizeof reason);
    if (error != 0) {
        snprintf(why, why_size, "neither io_uring (%s) nor epoll (%s)", refusal, reason);
        return error;
    }
    snprintf(why, why_size, "epoll: io_uring is not to be had (%s)", refusal);
    *backend = &ai_backend_epoll;
    return 0;
}

int ai_backend_open(const char *asked, const struct ai_backend **backend, void **state, char *why,
                    size_t why_size)
{
    if (asked != NULL)
        return open_named("asyncio_runner.backend", asked, backend, state, why, why_size);
    const char *name = getenv("ASYNCIO_BACKEND");
    if (name != NULL && *name != '\0')
        return open_named("ASYNCIO_BACKEND", name, backend, state, why, why_size);
    return open_best(backend, state, why, why_size);
}
