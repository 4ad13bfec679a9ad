/* See running.h. One list for the process, under a lock that is held for a few stores. The child of
 * a fork begins with a new one: whoever was in the old list, or held its lock, is not there. */
#include "io/running.h"

#include "base/backtrace.h"
#include "base/panic.h"
#include "loop/clock.h"
#include "task/thread.h"

#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    struct ai_running *first;
    unsigned forks;
} calls = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void lock(void)
{
    if (calls.forks != ai_forks) {
        pthread_mutex_init(&calls.lock, NULL);
        calls.first = NULL;
        calls.forks = ai_forks;
    }
    pthread_mutex_lock(&calls.lock);
}

static void unlock(void)
{
    pthread_mutex_unlock(&calls.lock);
}

void ai_running_begin(struct ai_running *r, const char *function, const void *owner)
{
    *r = (struct ai_running){.function = function, .owner = owner, .thread = gettid()};
    r->begun = ai_clock_now(NULL);
    lock();
    r->next = calls.first;
    r->place = &calls.first;
    if (r->next)
        r->next->place = &r->next;
    calls.first = r;
    unlock();
}

void ai_running_end(struct ai_running *r)
{
    lock();
    *r->place = r->next;
    if (r->next)
        r->next->place = r->place;
    unlock();
}

/* The memory of the call's thread is there as long as its record is in the list. */
static void say_where(const struct ai_running *r)
{
    enum { TEXT = 4096 };
    struct ai_snapshot *s = ai_allocate(sizeof *s + TEXT);

    if (s && ai_snapshot_thread(s, r->thread, (uintptr_t)r) == AI_SLEEPS) {
        char *text = (char *)(s + 1);
        ai_backtrace(s, text, TEXT);
        ai_report_block(text);
    }
    ai_deallocate(s, sizeof *s + TEXT);
}

void ai_running_say(const void *owner)
{
    int64_t now = ai_clock_now(NULL);
    bool said = false;

    lock();
    for (const struct ai_running *r = calls.first; r; r = r->next) {
        if (r->owner != owner)
            continue;
        if (!said)
            ai_report("It waits for what runs in threads:");
        said = true;
        ai_report("* %s() in thread %d, for %.3f seconds", r->function, (int)r->thread,
                  (double)(now - r->begun) / 1e9);
        say_where(r);
    }
    unlock();
}
