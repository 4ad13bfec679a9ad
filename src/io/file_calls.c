/* The calls on files: the rest of <asyncio/io.h>. */
#include "io/call.h"

#include <asyncio/io.h>

#include <fcntl.h>

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
