/* See watchdog.h.
 *
 * What both threads use is under the lock, which the watching one holds while it looks: so a step
 * that has been found to be slow waits at its end until its backtrace is there. Only the snapshot
 * is taken by the loop's thread itself, in a handler, between two values of `asking`. */
#include "task/watchdog.h"

#include "base/backtrace.h"
#include "base/panic.h"
#include "ctx/sanitize.h"
#include "loop/clock.h"
#include "task/thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    KEPT = 3, /* backtraces, until the step ends or has gone on for too long to wait for that */
    TEXT = 4096,
    MILLISECOND = 1000000,
    SECOND = 1000000000,
    PATIENCE = 1000, /* milliseconds for the handler to run */
};

enum { NOTHING, ASKED, TAKING, TAKEN };

struct sample {
    int64_t after;
    char text[TEXT];
};

struct ai_watchdog {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool is_virtual; /* no thread: see ai_watchdog_block() */
    bool stop;
    pid_t watched;
    int64_t slow;
    struct ai_watched step;
    unsigned kept;
    bool told; /* of the step, while it went on */
    struct sample sample[KEPT + 1];
    atomic_bool over; /* the step is, even if the lock is not taken yet */
    atomic_int asking;
    atomic_uint looks, backtraces; /* in the step */
    struct ai_snapshot snapshot;
};

/* --- When --- */

/* T, 2 T, 5 T, 10 T, ... after the step has begun. */
static int64_t due_after(const struct ai_watchdog *w, unsigned stage)
{
    static const int64_t factor[] = {1, 2, 5};
    int64_t after = w->slow;

    for (; stage >= 3; stage -= 3) {
        if (__builtin_mul_overflow(after, 10, &after))
            return INT64_MAX / 2;
    }
    return __builtin_mul_overflow(after, factor[stage], &after) ? INT64_MAX / 2 : after;
}

static int64_t due(const struct ai_watchdog *w)
{
    int64_t at;

    return __builtin_add_overflow(w->step.begun, due_after(w, w->step.stage), &at) ? INT64_MAX : at;
}

/* --- A snapshot, by a signal --- */

/* ThreadSanitizer calls handlers when it likes, from the thread's own stack then, with a context of
 * long ago. */
static bool is_late(void)
{
#ifdef AI_TSAN
    stack_t now;

    return sigaltstack(NULL, &now) == 0 && !(now.ss_flags & SS_ONSTACK);
#else
    return false;
#endif
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
    int saved_errno = errno, asked = ASKED;
    struct ai_watchdog *w = ai_thread.watchdog;
    (void)signo, (void)info, (void)context;

    if (w && atomic_compare_exchange_strong(&w->asking, &asked, TAKING)) {
        if (is_late())
            ai_snapshot_here(&w->snapshot, w->step.end);
        else
            ai_snapshot_interrupted(&w->snapshot, context, w->step.end);
        atomic_store(&w->asking, TAKEN);
    }
    ai_snapshot_repeat_call(context);
    errno = saved_errno;
}

static bool is_ours(int signo)
{
    struct sigaction now;

    return sigaction(signo, NULL, &now) == 0 && now.sa_flags & SA_SIGINFO &&
           now.sa_sigaction == on_signal;
}

static bool catch_if_free(int signo)
{
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK},
                     now;

    if (sigaction(signo, NULL, &now) || now.sa_flags & SA_SIGINFO || now.sa_handler != SIG_DFL)
        return false;
    sigfillset(&action.sa_mask);
    return sigaction(signo, &action, NULL) == 0;
}

/* The one that is caught already, or the last that the program has left alone; 0 if none is. It
 * stays caught: one that was under way would end the program. */
static int signal_to_send(void)
{
    for (int signo = SIGRTMAX - 1; signo >= SIGRTMIN; signo--) {
        if (is_ours(signo))
            return signo;
    }
    for (int signo = SIGRTMAX - 1; signo >= SIGRTMIN; signo--) {
        if (catch_if_free(signo))
            return signo;
    }
    return 0;
}

/* It is waited for as long as it may take a busy machine to let the thread run. */
static bool wait_for_snapshot(struct ai_watchdog *w)
{
    for (int i = 0; i < PATIENCE && atomic_load(&w->asking) != TAKEN; i++)
        nanosleep(&(struct timespec){.tv_nsec = MILLISECOND}, NULL);
    int asked = ASKED;
    if (atomic_compare_exchange_strong(&w->asking, &asked, NOTHING))
        return false;
    while (atomic_load(&w->asking) != TAKEN)
        nanosleep(&(struct timespec){.tv_nsec = MILLISECOND}, NULL);
    atomic_store(&w->asking, NOTHING);
    return w->snapshot.size;
}

static bool ask(struct ai_watchdog *w, int signo)
{
    atomic_store(&w->asking, ASKED);
    if (syscall(SYS_tgkill, getpid(), w->watched, signo) == 0)
        return wait_for_snapshot(w);
    atomic_store(&w->asking, NOTHING);
    return false;
}

/* The signal is made out before, so that a thread that is found to compute still does when it is
 * sent; for one that does not any more see ai_snapshot_repeat_call(). */
static bool take_snapshot(struct ai_watchdog *w)
{
    int signo = signal_to_send();
    bool deaf = !signo || ai_thread_blocks(w->watched, signo);

    switch (ai_snapshot_thread(&w->snapshot, w->watched, w->step.end)) {
    case AI_SLEEPS:
        return true;
    case AI_RUNS:
        return !deaf && ask(w, signo);
    default:
        return false;
    }
}

/* --- Saying it --- */

/* "after 0.100 and 0.200 seconds", of those that were at the same place. */
static void say_samples(const struct sample *first, unsigned n, const char *verb)
{
    char line[128] = "after ";

    for (unsigned i = 0; i < n; i++) {
        size_t at = strlen(line);
        const char *before = i == 0 ? "" : i == n - 1 ? " and " : ", ";
        snprintf(line + at, sizeof line - at, "%s%.3f", before, (double)first[i].after / SECOND);
    }
    size_t at = strlen(line);
    snprintf(line + at, sizeof line - at, " seconds it %s here:\n", verb);
    ai_report_block(line);
    ai_report_block(first->text);
}

static void say_kept(struct ai_watchdog *w)
{
    for (unsigned i = 0, n; i < w->kept; i += n) {
        n = 1;
        while (i + n < w->kept && strcmp(w->sample[i].text, w->sample[i + n].text) == 0)
            n++;
        say_samples(&w->sample[i], n, "was");
    }
    w->kept = 0;
}

static void print_step(const struct ai_watched *step, char *buf, size_t n)
{
    if (!step->function)
        snprintf(buf, n, "a callback");
    else if (step->number)
        snprintf(buf, n, "<Task pending name='Task-%lu' coro=<%s()>>", (unsigned long)step->number,
                 step->function);
    else
        snprintf(buf, n, "<Task pending name='%s' coro=<%s()>>", step->name, step->function);
}

/* Not by ai_report(), which waits for stdout: the step may be held up by that. */
static void say_now(struct ai_watchdog *w, const struct sample *s)
{
    char name[256], line[512];

    print_step(&w->step, name, sizeof name);
    snprintf(line, sizeof line, "Executing %s is taking %.3f seconds so far\n", name,
             (double)s->after / SECOND);
    ai_report_block(line);
    say_kept(w);
    if (*s->text)
        say_samples(s, 1, "is");
    w->told = true;
}

/* --- The watching thread --- */

static void look(struct ai_watchdog *w)
{
    struct sample *s = &w->sample[w->kept];

    s->after = ai_clock_now(NULL) - w->step.begun;
    *s->text = 0;
    bool taken = take_snapshot(w);
    if (atomic_load(&w->over))
        return; /* just in time */
    if (taken)
        ai_backtrace(&w->snapshot, s->text, sizeof s->text);
    atomic_fetch_add(&w->looks, 1);
    atomic_fetch_add(&w->backtraces, *s->text != 0);
    if (w->step.stage++ >= KEPT)
        say_now(w, s);
    else if (*s->text)
        w->kept++;
}

static void wait_until(struct ai_watchdog *w, int64_t at)
{
    struct timespec t = {.tv_sec = (time_t)(at / SECOND), .tv_nsec = (long)(at % SECOND)};

    pthread_cond_timedwait(&w->wake, &w->lock, &t);
}

/* The pause lets the loop's thread have the lock: at a step's end, if not before. */
static void look_and_pause(struct ai_watchdog *w)
{
    if (!atomic_load(&w->over))
        look(w);
    wait_until(w, ai_clock_now(NULL) + MILLISECOND);
}

static void *watch(void *arg)
{
    struct ai_watchdog *w = arg;

    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        int64_t now = ai_clock_now(NULL);
        int64_t next = w->step.active ? due(w) : INT64_MAX;
        if (now < next) /* whatever begins meanwhile is not due before that */
            wait_until(w, next < now + w->slow ? next : now + w->slow);
        else
            look_and_pause(w);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static bool start_thread(struct ai_watchdog *w)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = !pthread_create(&w->thread, NULL, watch, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_setname_np(w->thread, "asyncio-watch");
    return started;
}

static void stop_thread(struct ai_watchdog *w)
{
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
}

/* --- For the loop's thread --- */

static void init(struct ai_watchdog *w)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&w->lock, NULL);
    w->watched = gettid();
    w->is_virtual = ai_thread.loop->backend->choose;
}

static void destroy(struct ai_watchdog *w)
{
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    ai_deallocate(w, sizeof *w);
}

void ai_watchdog_begin(void)
{
    if (ai_thread.watchdog)
        return;
    struct ai_watchdog *w = ai_allocate(sizeof *w);
    if (!w)
        return;
    init(w);
    ai_watchdog_set_slow(w, ai_thread.slow);
    if (w->is_virtual || start_thread(w))
        ai_thread.watchdog = w;
    else
        destroy(w);
}

void ai_watchdog_end(void)
{
    struct ai_watchdog *w = ai_thread.watchdog;

    if (!w)
        return;
    if (!w->is_virtual)
        stop_thread(w);
    ai_thread.watchdog = NULL;
    destroy(w);
}

void ai_watchdog_forget(void)
{
    ai_thread.watchdog = NULL;
}

void ai_watchdog_set_slow(struct ai_watchdog *w, int64_t ns)
{
    pthread_mutex_lock(&w->lock);
    w->slow = ns > MILLISECOND ? ns : MILLISECOND;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

static void name_step(struct ai_watched *step, const struct ai_object *o)
{
    step->function = o ? ai_type_shown(o)->name : NULL;
    step->number = o && o->name & 1 ? o->name >> 1 : 0;
    if (o && !step->number)
        snprintf(step->name, sizeof step->name, "%s", (const char *)o->name);
}

static void begin_looking(struct ai_watchdog *w)
{
    w->kept = 0;
    w->told = false;
    atomic_store(&w->looks, 0);
    atomic_store(&w->backtraces, 0);
    atomic_store(&w->over, !w->step.active);
}

void ai_watchdog_enter(struct ai_watched *outer, const struct ai_object *o, int64_t now,
                       uintptr_t end)
{
    struct ai_watchdog *w = ai_thread.watchdog;

    outer->active = false;
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    *outer = w->step;
    w->step = (struct ai_watched){.active = true, .begun = now, .end = end};
    name_step(&w->step, o);
    begin_looking(w);
    pthread_mutex_unlock(&w->lock);
}

void ai_watchdog_leave(const struct ai_watched *outer, void (*say)(void *arg), void *arg)
{
    struct ai_watchdog *w = ai_thread.watchdog;

    if (!w) {
        if (say)
            say(arg);
        return;
    }
    atomic_store(&w->over, true);
    pthread_mutex_lock(&w->lock);
    if (say)
        say(arg);
    if (say && !w->told)
        say_kept(w);
    w->step = *outer; /* which is watched anew */
    begin_looking(w);
    pthread_mutex_unlock(&w->lock);
}

unsigned ai_watchdog_looks(const struct ai_watchdog *w)
{
    return atomic_load(&w->looks);
}

unsigned ai_watchdog_backtraces(const struct ai_watchdog *w)
{
    return atomic_load(&w->backtraces);
}

void ai_watchdog_block(int64_t ns)
{
    struct ai_watchdog *w = ai_thread.watchdog;
    int64_t end;

    if (!w || !w->is_virtual || !w->step.active ||
        __builtin_add_overflow(ai_loop_now(ai_thread.loop), ns, &end) || end < due(w) ||
        w->kept == KEPT || !ai_snapshot_here(&w->snapshot, w->step.end))
        return;
    struct sample *first = &w->sample[w->kept];
    ai_backtrace(&w->snapshot, first->text, sizeof first->text);
    for (; *first->text && w->kept < KEPT && due(w) <= end; w->step.stage++) {
        struct sample *s = &w->sample[w->kept++];
        s->after = due_after(w, w->step.stage);
        if (s != first)
            memcpy(s->text, first->text, sizeof s->text);
    }
}
