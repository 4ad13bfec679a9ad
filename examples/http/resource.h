/* What the target of a request names: a file below a directory. */
#ifndef EXAMPLES_HTTP_RESOURCE_H
#define EXAMPLES_HTTP_RESOURCE_H

#include <asyncio.h>

#include <limits.h>
#include <stdbool.h>
#include <time.h>

struct resource {
    int fd; /* -1: none */
    off_t size;
    time_t modified;
    char tag[64]; /* an entity-tag, with its quotes */
    const char *type;
};

/* The path that a target names: percent-decoded, without its query, relative. false if it names
 * none. */
bool resource_path(const char *target, char path[static PATH_MAX]);

/* Opens it, or the index.html of a directory. 0; or the status that tells why not, with what was to
 * be opened: 301 where a slash is missing behind the path of a directory. The path may be changed.
 */
awaitable(int) resource_open(struct resource *r, int root, char *path);
void resource_close(struct resource *r);

/* "text/css; charset=utf-8" for "a/b.CSS". */
const char *resource_type(const char *path);

#endif
