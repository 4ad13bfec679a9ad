#include "resource.h"

#include <ctype.h>
#include <fcntl.h>
#include <http_parser.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- From target to path --- */

/* One byte, percent-encoded or as it is, which may not be NUL: '\0' for what is none. */
static char decode(const char **from)
{
    const char *at = *from;
    if (*at != '%') {
        *from = at + 1;
        return *at;
    }
    if (!isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2]))
        return '\0';
    *from = at + 3;
    return (char)strtol((char[]){at[1], at[2], '\0'}, NULL, 16);
}

bool resource_path(const char *target, char path[static PATH_MAX])
{
    struct http_parser_url url;
    http_parser_url_init(&url);
    if (http_parser_parse_url(target, strlen(target), 0, &url) != 0)
        return false;
    const char *from = target + url.field_data[UF_PATH].off;
    const char *end = from + url.field_data[UF_PATH].len;
    size_t n = 0;
    while (from < end) {
        char c = decode(&from);
        if (!c || n + 1 == PATH_MAX)
            return false;
        if (c != '/' || n > 0)
            path[n++] = c;
    }
    if (n == 0)
        path[n++] = '.', path[n++] = '/';
    path[n] = '\0';
    return true;
}

/* --- From path to file --- */

/* The kernel sees to it that neither ".." nor a link leads out of the root. O_NONBLOCK: a pipe that
 * nobody writes to keeps nobody waiting. */
static int open_beneath(int root, const char *path, unsigned long long resolve)
{
    struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve,
    };
    int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    return fd < 0 ? -errno : fd;
}

static async(int, open_in_thread, (int, root), (const char *, path))
{
    return open_beneath(root, path, 0);
}

/* At once where the kernel need not ask the disk; by a thread where it has to, or is too old to say
 * so. */
static async(int, open_file, (int, root), (const char *, path))
{
    int fd = open_beneath(root, path, RESOLVE_CACHED);
    return fd == -EAGAIN || fd == -EINVAL ? await(asyncio_to_thread(open_in_thread(root, path)))
                                          : fd;
}

static int status_of(int error)
{
    switch (-error) {
    case EACCES:
    case EPERM:
    case EXDEV: /* it would lead out of the root */
        return HTTP_STATUS_FORBIDDEN;
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO: /* a socket */
        return HTTP_STATUS_NOT_FOUND;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN: /* it was moved meanwhile */
        return HTTP_STATUS_SERVICE_UNAVAILABLE;
    default:
        return HTTP_STATUS_INTERNAL_SERVER_ERROR;
    }
}

static void describe(struct resource *r, const struct stat *st, const char *path)
{
    r->size = st->st_size;
    r->modified = st->st_mtim.tv_sec;
    r->type = resource_type(path);
    snprintf(r->tag, sizeof r->tag, "\"%llx-%llx.%lx\"", (unsigned long long)st->st_size,
             (unsigned long long)st->st_mtim.tv_sec, (unsigned long)st->st_mtim.tv_nsec);
}

static async(int, open_any, (struct resource *, r), (int, root), (const char *, path),
             (struct stat *, st))
{
    r->fd = await(open_file(root, path));
    if (r->fd < 0)
        return status_of(r->fd);
    return fstat(r->fd, st) == 0 ? 0 : HTTP_STATUS_INTERNAL_SERVER_ERROR;
}

static async(int, open_index, (struct resource *, r), (int, root), (char *, path),
             (struct stat *, st))
{
    size_t n = strlen(path);
    if (path[n - 1] != '/')
        return HTTP_STATUS_MOVED_PERMANENTLY;
    if (n + sizeof "index.html" > PATH_MAX)
        return HTTP_STATUS_NOT_FOUND;
    strcpy(path + n, "index.html");
    resource_close(r);
    return await(open_any(r, root, path, st));
}

async(int, resource_open, (struct resource *, r), (int, root), (char *, path))
{
    struct stat st;
    int status = await(open_any(r, root, path, &st));
    if (status == 0 && S_ISDIR(st.st_mode))
        status = await(open_index(r, root, path, &st));
    if (status == 0 && !S_ISREG(st.st_mode))
        status = HTTP_STATUS_FORBIDDEN;
    if (status == 0)
        describe(r, &st, path);
    return status;
}

/* Nothing was written to it, so its close does not wait. */
void resource_close(struct resource *r)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
}

/* --- Its type --- */

static const struct {
    const char *suffix, *type;
} types[] = {
    {"css", "text/css; charset=utf-8"},
    {"gif", "image/gif"},
    {"htm", "text/html; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"ico", "image/x-icon"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"md", "text/markdown; charset=utf-8"},
    {"mp4", "video/mp4"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"txt", "text/plain; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"webp", "image/webp"},
    {"woff2", "font/woff2"},
    {"xml", "application/xml"},
};

const char *resource_type(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(dot + 1, types[i].suffix) == 0)
            return types[i].type;
    return "application/octet-stream";
}
