/* The calls on files: the rest of <asyncio/io.h>. */
#include "io/call.h"

#include <asyncio/io.h>

#include <fcntl.h>
#include <linux/stat.h> /* older C libraries have no struct statx */
#include <sys/stat.h>
#include <sys/sysmacros.h>

ASYNCIO_AWAITABLE(int) asyncio__openat(int directory, const char *path, int flags, mode_t mode)
{
    AI_CALL_NUMBER("openat", .code = AI_OP_OPENAT, .fd = directory, .from = path, .flags = flags,
                   .size = mode);
}

ASYNCIO_AWAITABLE(int) asyncio_fsync(int fd)
{
    AI_CALL_NUMBER("fsync", .code = AI_OP_FSYNC, .fd = fd);
}

ASYNCIO_AWAITABLE(int) asyncio_fdatasync(int fd)
{
    AI_CALL_NUMBER("fdatasync", .code = AI_OP_FDATASYNC, .fd = fd);
}

ASYNCIO_AWAITABLE(int) asyncio_ftruncate(int fd, off_t size)
{
    AI_CALL_NUMBER("ftruncate", .code = AI_OP_FTRUNCATE, .fd = fd, .offset = size);
}

ASYNCIO_AWAITABLE(int) asyncio_fallocate(int fd, int mode, off_t offset, off_t size)
{
    AI_CALL_NUMBER("fallocate", .code = AI_OP_FALLOCATE, .fd = fd, .flags = mode, .offset = offset,
                   .size = (size_t)size);
}

ASYNCIO_AWAITABLE(int)
asyncio_statx(int directory, const char *path, int flags, unsigned mask, struct statx *st)
{
    AI_CALL_NUMBER("statx", .code = AI_OP_STATX, .fd = directory, .from = path, .flags = flags,
                   .size = mask, .more = st);
}

/* --- stat(), by statx() --- */

struct status {
    struct ai_call call;
    struct statx from;
    struct stat *to;
};

static struct timespec time_of(struct statx_timestamp t)
{
    return (struct timespec){.tv_sec = t.tv_sec, .tv_nsec = (long)t.tv_nsec};
}

static void translate(struct ai_call *call)
{
    const struct statx *x = &((struct status *)call)->from;

    if (call->op.result < 0)
        return;
    *((struct status *)call)->to = (struct stat){
        .st_dev = makedev(x->stx_dev_major, x->stx_dev_minor),
        .st_ino = x->stx_ino,
        .st_mode = x->stx_mode,
        .st_nlink = x->stx_nlink,
        .st_uid = x->stx_uid,
        .st_gid = x->stx_gid,
        .st_rdev = makedev(x->stx_rdev_major, x->stx_rdev_minor),
        .st_size = (off_t)x->stx_size,
        .st_blksize = (blksize_t)x->stx_blksize,
        .st_blocks = (blkcnt_t)x->stx_blocks,
        .st_atim = time_of(x->stx_atime),
        .st_mtim = time_of(x->stx_mtime),
        .st_ctim = time_of(x->stx_ctime),
    };
}

static asyncio_any status(int fd, const char *path, int flags, struct stat *to)
{
    static const struct asyncio_awaitable_type type = AI_CALL_TYPE("stat", struct status, number);
    struct status *s = (struct status *)ai_call_new(&type);

    if (!s)
        return NULL;
    s->call.op = AI_CALL_OP(.code = AI_OP_STATX, .fd = fd, .from = path, .flags = flags,
                            .size = STATX_BASIC_STATS, .more = &s->from);
    s->call.after = translate;
    s->to = to;
    return ai_call_handle(&s->call);
}

ASYNCIO_AWAITABLE(int) asyncio_stat(const char *path, struct stat *st)
{
    return status(AT_FDCWD, path, 0, st);
}

ASYNCIO_AWAITABLE(int) asyncio_lstat(const char *path, struct stat *st)
{
    return status(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, st);
}

ASYNCIO_AWAITABLE(int) asyncio_fstat(int fd, struct stat *st)
{
    return status(fd, "", AT_EMPTY_PATH, st);
}

/* --- Names --- */

ASYNCIO_AWAITABLE(int) asyncio_unlinkat(int directory, const char *path, int flags)
{
    AI_CALL_NUMBER("unlink", .code = AI_OP_UNLINKAT, .fd = directory, .from = path, .flags = flags);
}

ASYNCIO_AWAITABLE(int) asyncio_unlink(const char *path)
{
    return asyncio_unlinkat(AT_FDCWD, path, 0);
}

ASYNCIO_AWAITABLE(int) asyncio_rmdir(const char *path)
{
    return asyncio_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

ASYNCIO_AWAITABLE(int) asyncio_mkdirat(int directory, const char *path, mode_t mode)
{
    AI_CALL_NUMBER("mkdir", .code = AI_OP_MKDIRAT, .fd = directory, .from = path, .size = mode);
}

ASYNCIO_AWAITABLE(int) asyncio_mkdir(const char *path, mode_t mode)
{
    return asyncio_mkdirat(AT_FDCWD, path, mode);
}

ASYNCIO_AWAITABLE(int)
asyncio_renameat2(int from_directory, const char *from, int to_directory, const char *to,
                  unsigned flags)
{
    AI_CALL_NUMBER("rename", .code = AI_OP_RENAMEAT, .fd = from_directory, .from = from,
                   .other = to_directory, .to = to, .flags = (int)flags);
}

ASYNCIO_AWAITABLE(int) asyncio_rename(const char *from, const char *to)
{
    return asyncio_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

ASYNCIO_AWAITABLE(int) asyncio_link(const char *from, const char *to)
{
    AI_CALL_NUMBER("link", .code = AI_OP_LINKAT, .fd = AT_FDCWD, .from = from, .other = AT_FDCWD,
                   .to = to);
}

ASYNCIO_AWAITABLE(int) asyncio_symlink(const char *target, const char *path)
{
    AI_CALL_NUMBER("symlink", .code = AI_OP_SYMLINKAT, .from = target, .fd = AT_FDCWD, .to = path);
}
