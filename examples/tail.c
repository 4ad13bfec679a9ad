/* Follows many files at once, as `tail -F` does: prints what is appended to them.
 *
 *     tail [-n LINES] FILE...
 *
 * One task reads what inotify has to say and rings the bell of the file concerned; each file has a
 * task of its own, which prints what is new, begins anew where the file became shorter, and opens
 * what has come under its name where that was moved or removed. */
#include <asyncio.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    const char *name;
    int fd, watch; /* -1 where there is none */
    off_t at;
    struct asyncio_event bell;
};

struct follower {
    struct file *files;
    int count, inotify;
    long lines;
    const struct file *last; /* that was printed from, whose heading stands above */
};

enum { EVENTS = IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF };

static void print(struct follower *f, const struct file *file, const char *text, size_t n)
{
    if (f->count > 1 && f->last != file)
        printf("%s==> %s <==\n", f->last ? "\n" : "", file->name);
    f->last = file;
    fwrite(text, 1, n, stdout);
    fflush(stdout);
}

static async(int, print_rest, (struct follower *, f), (struct file *, file))
{
    char buf[16384];
    ssize_t n;
    while ((n = await(asyncio_pread(file->fd, buf, sizeof buf, file->at))) > 0) {
        file->at += n;
        print(f, file, buf, (size_t)n);
    }
    return (int)n;
}

/* Where the last so many lines begin. */
static async(off_t, find_lines, (int, fd), (off_t, end), (long, lines))
{
    char buf[16384];
    off_t at = end;
    while (at > 0 && lines > 0) {
        size_t size = at < (off_t)sizeof buf ? (size_t)at : sizeof buf;
        at -= (off_t)size;
        ssize_t n = await(asyncio_pread(fd, buf, size, at));
        for (ssize_t i = n; i-- > 0;)
            if (buf[i] == '\n' && at + i + 1 < end && --lines == 0)
                return at + i + 1;
        if (n <= 0)
            return end;
    }
    return at;
}

static off_t size_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_size : 0;
}

static async(int, open_file, (struct follower *, f), (struct file *, file))
{
    file->fd = await(asyncio_open(file->name, O_RDONLY));
    if (file->fd < 0)
        return file->fd;
    file->watch = inotify_add_watch(f->inotify, file->name, EVENTS);
    return file->watch < 0 ? -errno : 0;
}

static async(void, close_file, (struct follower *, f), (struct file *, file))
{
    if (file->watch >= 0)
        inotify_rm_watch(f->inotify, file->watch); /* it may be gone with the file */
    if (file->fd >= 0)
        await(asyncio_close(file->fd));
    file->fd = file->watch = -1;
}

/* Whether the name still is this file's. */
static bool is_there(const struct file *file)
{
    struct stat open, named;
    return fstat(file->fd, &open) == 0 && stat(file->name, &named) == 0 &&
           open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

/* Follows one file to the end of its days: that of the name. */
static async(int, follow_one, (struct follower *, f), (struct file *, file))
{
    while (is_there(file)) {
        if (size_of(file->fd) < file->at) {
            fprintf(stderr, "tail: %s: file truncated\n", file->name);
            file->at = 0;
        }
        int error = await(print_rest(f, file));
        if (error < 0)
            return error;
        asyncio_event_clear(&file->bell);
        if (await(asyncio_event_wait(&file->bell)) < 0)
            return -ECANCELED;
    }
    return await(print_rest(f, file));
}

static async(int, follow, (struct follower *, f), (struct file *, file))
{
    int error = await(open_file(f, file));
    if (error == 0)
        file->at = await(find_lines(file->fd, size_of(file->fd), f->lines));
    while (error != -ECANCELED) {
        if (error == 0)
            error = await(follow_one(f, file));
        if (error < 0 && error != -ECANCELED)
            fprintf(stderr, "tail: %s: %s\n", file->name, strerror(-error));
        await(close_file(f, file));
        file->at = 0;
        while (error != -ECANCELED && (error = await(open_file(f, file))) != 0) {
            await(close_file(f, file));
            if (await(asyncio_sleep(0.2)) < 0)
                error = -ECANCELED;
        }
    }
    return error;
}

static void ring(struct follower *f, int watch)
{
    for (int i = 0; i < f->count; i++)
        if (f->files[i].watch == watch)
            asyncio_event_set(&f->files[i].bell);
}

static async(int, listen_to_inotify, (struct follower *, f))
{
    _Alignas(struct inotify_event) char buf[4096];
    ssize_t n;
    while ((n = await(asyncio_read(f->inotify, buf, sizeof buf))) > 0)
        for (char *at = buf; at < buf + n;) {
            struct inotify_event *event = (struct inotify_event *)at;
            ring(f, event->wd);
            at += sizeof *event + event->len;
        }
    return (int)n;
}

static async(int, follow_all, (struct follower *, f))
{
    struct asyncio_task_group group = {0};
    f->inotify = inotify_init1(IN_CLOEXEC);
    if (f->inotify < 0) {
        perror("inotify");
        return 1;
    }
    async_with(&group)
    {
        asyncio_task_group_create_task(&group, listen_to_inotify(f));
        for (int i = 0; i < f->count; i++)
            asyncio_task_group_create_task(&group, follow(f, &f->files[i]));
    }
    await(asyncio_close(f->inotify));
    return asyncio_error() ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct follower f = {.lines = 10};
    for (int option; (option = getopt(argc, argv, "n:")) != -1;) {
        if (option != 'n')
            return 2;
        f.lines = strtol(optarg, NULL, 10);
    }
    f.count = argc - optind;
    if (f.count < 1 || f.lines < 0) {
        fprintf(stderr, "usage: %s [-n LINES] FILE...\n", argv[0]);
        return 2;
    }
    f.files = calloc((size_t)f.count, sizeof *f.files);
    if (!f.files)
        return 1;
    for (int i = 0; i < f.count; i++)
        f.files[i] = (struct file){.name = argv[optind + i], .fd = -1, .watch = -1};
    int status = asyncio_run(follow_all(&f));
    free(f.files);
    return status;
}
