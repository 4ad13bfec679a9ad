/* Processes whose loop has ended run on, but are this program's children still: somebody has to
 * take their status when they end. That is a thread, which a loop that ends leaves behind if there
 * are any and which ends with the last of them. Without memory or threads they stay zombies for as
 * long as the program runs. */
#include "io/process_orphan.h"

#include "base/alloc.h"
#include "io/spawn.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

struct orphans {
    size_t count, room;
    struct pollfd fds[];
};

static _Thread_local struct orphans *adopted;

static size_t size_for(size_t room)
{
    return sizeof(struct orphans) + room * sizeof(struct pollfd);
}

static void drop(struct orphans *o)
{
    if (o)
        ai_deallocate(o, size_for(o->room));
}

/* With room for one more, or NULL. */
static struct orphans *make_room(struct orphans *o)
{
    size_t count = o ? o->count : 0, room = o ? o->room : 0;

    if (count < room)
        return o;
    size_t more = room ? 2 * room : 8;
    struct orphans *larger = ai_reallocate(o, o ? size_for(room) : 0, size_for(more));
    if (!larger)
        return NULL;
    larger->count = count;
    larger->room = more;
    return larger;
}

void ai_orphan_adopt(int pidfd)
{
    struct orphans *o = make_room(adopted);

    if (!o) {
        close(pidfd);
        return;
    }
    o->fds[o->count++] = (struct pollfd){.fd = pidfd, .events = POLLIN};
    adopted = o;
}

static void reap_those_that_ended(struct orphans *o)
{
    size_t left = 0;

    for (size_t i = 0; i < o->count; i++) {
        if (o->fds[i].revents == 0) {
            o->fds[left++] = o->fds[i];
            continue;
        }
        ai_spawn_reap(o->fds[i].fd);
        close(o->fds[i].fd);
    }
    o->count = left;
}

static void *reap(void *arg)
{
    struct orphans *o = arg;

    while (o->count > 0) {
        if (poll(o->fds, o->count, -1) > 0)
            reap_those_that_ended(o);
    }
    drop(o);
    return NULL;
}

/* No signal is for this thread. */
static int start(struct orphans *o)
{
    pthread_t thread;
    sigset_t all, mask;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    int error = pthread_create(&thread, NULL, reap, o);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    if (!error)
        pthread_detach(thread);
    return error;
}

void ai_orphans_leave(void)
{
    struct orphans *o = adopted;

    adopted = NULL;
    if (!o || start(o) == 0)
        return;
    for (size_t i = 0; i < o->count; i++)
        close(o->fds[i].fd);
    drop(o);
}
