/* Namespaces of a test's own, in which it may mount and listen as it likes, also for users who are
 * not root, where the system allows that. */
#ifndef AI_TESTS_NAMESPACES_H
#define AI_TESTS_NAMESPACES_H

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return good;
}

/* As who owns the machine, or as who is only said to. */
static bool unshare_all(int namespaces)
{
    char users[64], groups[64];
    snprintf(users, sizeof users, "0 %u 1", (unsigned)getuid());
    snprintf(groups, sizeof groups, "0 %u 1", (unsigned)getgid());

    if (unshare(namespaces) == 0)
        return true;
    return unshare(CLONE_NEWUSER | namespaces) == 0 && write_file("/proc/self/uid_map", users) &&
           write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/gid_map", groups);
}

/* With a view of the file system that others do not share: NULL, or why not. */
static const char *enter_namespaces(int namespaces)
{
    if (!unshare_all(CLONE_NEWNS | namespaces))
        return "namespaces are forbidden";
    bool mounts = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                  mount("tmpfs", "/tmp", "tmpfs", 0, "size=64k") == 0 && umount("/tmp") == 0;
    return mounts ? NULL : "mounting is forbidden";
}

#endif
