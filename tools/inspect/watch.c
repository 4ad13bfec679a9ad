#include "watch.h"

#include "strings.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST_STACK = 1 << 28, MOST_HOLDERS = 1000 };

/* A loop as it was last seen. */
struct seen {
    int tid;
    uint64_t polls, submitted;
    uint32_t steps;
    uint64_t cpu; /* ns */
};

/* The step that a sample met: it is the same one while nothing of this changes. */
struct step {
    int tid;
    uint64_t polls, task, type;
    uint32_t steps;
    double since;
};

struct past {
    double at; /* the last snapshot */
    struct seen *loops;
    struct step *steps;
    size_t count;
    unsigned samples; /* since then */
};

static void *zeroed(size_t n, size_t size)
{
    void *p = calloc(n + 1, size);

    if (!p)
        abort();
    return p;
}

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* --- Reading --- */

static uint64_t word(struct memory *m, uint64_t at)
{
    uint64_t value = 0;

    return at && memory_read(m, at, &value, sizeof value) ? value : 0;
}

static struct line line_of_type(const struct snapshot *s, uint64_t type)
{
    const struct ai_inspect *l = &s->layout;
    struct line line = {.function = "(callbacks, and the loop itself)"};
    int32_t number = 0;

    if (!type)
        return line;
    line.function = strings_at(s->strings, s->memory, word(s->memory, type + l->type.name));
    line.file = strings_at(s->strings, s->memory, word(s->memory, type + l->type.file));
    if (memory_read(s->memory, type + l->type.line, &number, sizeof number))
        line.number = number;
    line.function = line.function ? line.function : "?";
    return line;
}

/* What a thread's file of this name begins with, "" where there is none. */
static void read_thread_file(const struct snapshot *s, int tid, const char *name, char *to,
                             size_t size)
{
    char path[96];
    snprintf(path, sizeof path, "/proc/%d/task/%d/%s", (int)memory_pid(s->memory), tid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, to, size - 1);

    to[n > 0 ? n : 0] = 0;
    if (fd >= 0)
        close(fd);
}

/* In nanoseconds; a kernel may count in ticks only. */
static uint64_t cpu_time(const struct snapshot *s, int tid)
{
    char text[512];
    unsigned long long ns, user = 0, system = 0;

    read_thread_file(s, tid, "schedstat", text, sizeof text);
    if (sscanf(text, "%llu", &ns) == 1)
        return ns;
    read_thread_file(s, tid, "stat", text, sizeof text);
    const char *rest = strrchr(text, ')');
    if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
                        &system) != 2)
        return 0;
    return (user + system) * (1000000000ull / (unsigned long long)sysconf(_SC_CLK_TCK));
}

/* 'R' while it wants the processor. */
static char thread_state(const struct snapshot *s, int tid)
{
    char text[128];

    read_thread_file(s, tid, "stat", text, sizeof text);
    const char *end = strrchr(text, ')');
    return end && end[1] ? end[2] : 0;
}

/* --- Rates --- */

static const struct seen *seen_before(const struct past *p, int tid)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->loops[i].tid == tid)
            return &p->loops[i];
    }
    return NULL;
}

static struct rates rates_of(const struct seen *then, const struct seen *now, double seconds)
{
    if (!then || seconds <= 0 || now->polls < then->polls)
        return (struct rates){0};
    double turns = (double)(now->polls - then->polls), cpu = (double)(now->cpu - then->cpu) / 1e9;
    return (struct rates){
        .known = true,
        .turns = turns / seconds,
        .steps = (uint32_t)(now->steps - then->steps) / seconds,
        .operations = (double)(now->submitted - then->submitted) / seconds,
        .busy = cpu / seconds,
        .turn = turns > 0 ? cpu / turns : 0,
    };
}

static void take_rates(struct watch *w, const struct snapshot *s)
{
    struct past *p = w->past;
    double now = seconds_now();
    struct seen *loops = zeroed(s->loops_count, sizeof *loops);

    free(w->rates);
    w->rates = zeroed(s->loops_count, sizeof *w->rates);
    for (size_t i = 0; i < s->loops_count; i++) {
        const struct loop *l = &s->loops[i];
        loops[i] = (struct seen){l->tid, l->polls, l->submitted, l->steps, cpu_time(s, l->tid)};
        w->rates[i] = rates_of(seen_before(p, l->tid), &loops[i], now - p->at);
    }
    free(p->loops);
    p->loops = loops;
    p->count = s->loops_count;
    p->at = now;
}

/* --- Groups --- */

/* As in the kernel's pagemap: it has been swapped out, or is there and nobody else's. Pages that
 * were only ever read, as by who looks from outside, are all the same one, of zeros. */
static bool is_written(uint64_t page)
{
    const uint64_t there = UINT64_C(1) << 63, swapped = UINT64_C(1) << 62, own = UINT64_C(1) << 56;

    return page & swapped || (page & there && page & own);
}

/* Stacks grow down: what was touched reaches from the lowest page that was written. */
static uint64_t touched(int pagemap, uint64_t low, uint64_t high)
{
    enum { AT_ONCE = 512 };
    uint64_t pages[AT_ONCE], page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t end = (high + page - 1) / page; /* a stack may begin within its top page */

    for (uint64_t at = low / page; at < end; at += AT_ONCE) {
        size_t n = end - at < AT_ONCE ? end - at : AT_ONCE;
        ssize_t got = pread(pagemap, pages, n * sizeof *pages, (off_t)(at * sizeof *pages));
        for (size_t i = 0; got > 0 && i < (size_t)got / sizeof *pages; i++) {
            if (is_written(pages[i]))
                return (end - at - i) * page;
        }
    }
    return 0;
}

static void add_to_group(struct group *g, const struct task *t, int pagemap)
{
    bool has_stack = t->record && t->low < t->high && t->high - t->low <= MOST_STACK;
    uint64_t stack = has_stack && pagemap >= 0 ? touched(pagemap, t->low, t->high) : 0;

    g->count++;
    g->running += t->state == RUNNING;
    g->ready += t->state == READY;
    g->waiting += t->state == WAITING;
    if (t->state == WAITING && t->record && t->seconds > g->longest)
        g->longest = t->seconds;
    if (stack > g->stack)
        g->stack = stack;
}

static int by_type(const void *a, const void *b)
{
    uint64_t x = (*(const struct task *const *)a)->type, y = (*(const struct task *const *)b)->type;

    return (x > y) - (x < y);
}

static void take_groups(struct watch *w, const struct snapshot *s)
{
    const struct task **tasks = zeroed(s->tasks_count, sizeof *tasks);
    char path[64];
    size_t n = 0;

    snprintf(path, sizeof path, "/proc/%d/pagemap", (int)memory_pid(s->memory));
    int pagemap = open(path, O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < s->tasks_count; i++)
        tasks[i] = &s->tasks[i];
    qsort(tasks, s->tasks_count, sizeof *tasks, by_type);
    free(w->groups);
    w->groups = zeroed(s->tasks_count, sizeof *w->groups);
    for (size_t i = 0; i < s->tasks_count; i++) {
        uint64_t type = tasks[i]->type;
        if (i == 0 || type != tasks[i - 1]->type)
            w->groups[n++] =
                (struct group){.type = type, .at = line_of_type(s, type), .longest = -1};
        add_to_group(&w->groups[n - 1], tasks[i], pagemap);
    }
    w->groups_count = n;
    free(tasks);
    if (pagemap >= 0)
        close(pagemap);
}

/* --- Who holds a loop --- */

static struct holder *holder_of(struct watch *w, uint64_t type)
{
    for (size_t i = 0; i < w->holders_count; i++) {
        if (w->holders[i].type == type)
            return &w->holders[i];
    }
    if (w->holders_count == MOST_HOLDERS)
        return NULL;
    w->holders = realloc(w->holders, (w->holders_count + 1) * sizeof *w->holders);
    if (!w->holders)
        abort();
    w->holders[w->holders_count] = (struct holder){.type = type};
    return &w->holders[w->holders_count++];
}

static bool is_of_a_file(struct memory *m, uint64_t address)
{
    size_t n;
    const struct mapping *mappings = memory_mappings(m, &n);

    for (size_t i = 0; i < n; i++) {
        if (address >= mappings[i].start && address < mappings[i].end)
            return true;
    }
    return false;
}

/* The process goes on meanwhile: what was read may be nonsense. A type is a file's. */
static struct step step_now(const struct snapshot *s, const struct loop *loop)
{
    const struct ai_inspect *l = &s->layout;
    uint64_t at = word(s->memory, loop->thread + l->thread.loop);
    struct step step = {
        .tid = loop->tid,
        .polls = word(s->memory, at + l->loop.polls),
        .task = word(s->memory, loop->thread + l->thread.task),
        .steps = (uint32_t)word(s->memory, at + l->loop.head),
        .since = seconds_now(),
    };
    uint64_t top = step.task ? word(s->memory, step.task + l->task.top) : 0;

    step.type = top ? word(s->memory, top + l->object.type) : 0;
    if (!is_of_a_file(s->memory, step.type))
        step.type = 0;
    return step;
}

static void meet(struct watch *w, struct step *last, struct step now, char state)
{
    struct holder *h = holder_of(w, now.type);
    bool same = last->tid == now.tid && last->polls == now.polls && last->steps == now.steps &&
                last->task == now.task && last->type == now.type;
    double since = same ? last->since : now.since, held = now.since - since;

    *last = now;
    last->since = since;
    if (!h)
        return;
    h->seen++;
    h->blocked += state != 'R';
    if (held > h->longest)
        h->longest = held;
}

void watch_sample(struct watch *w, const struct snapshot *s)
{
    struct past *p = w->past;

    memory_forget(s->memory);
    for (size_t i = 0; p->samples == 0 && i < w->holders_count; i++)
        w->holders[i].seen = w->holders[i].blocked = 0;
    for (size_t i = 0; i < s->loops_count; i++) {
        struct step now = step_now(s, &s->loops[i]);
        char state = thread_state(s, now.tid);
        bool idle = now.task ? state == 'T' || state == 't' : state != 'R';
        if (idle)
            p->steps[i] = (struct step){0};
        else
            meet(w, &p->steps[i], now, state);
    }
    p->samples++;
}

static int by_share(const void *a, const void *b)
{
    const struct holder *x = a, *y = b;

    if (x->seen != y->seen)
        return x->seen < y->seen ? 1 : -1;
    return (x->longest < y->longest) - (x->longest > y->longest);
}

/* --- A snapshot --- */

/* The steps of the loops that are still there, in their new order. */
static void keep_steps(struct past *p, const struct snapshot *s)
{
    struct step *steps = zeroed(s->loops_count, sizeof *steps);

    for (size_t i = 0; i < s->loops_count; i++) {
        for (size_t k = 0; k < p->count; k++) {
            if (p->steps[k].tid == s->loops[i].tid)
                steps[i] = p->steps[k];
        }
    }
    free(p->steps);
    p->steps = steps;
}

void watch_snapshot(struct watch *w, const struct snapshot *s)
{
    keep_steps(w->past, s);
    take_rates(w, s);
    take_groups(w, s);
    if (w->holders_count)
        qsort(w->holders, w->holders_count, sizeof *w->holders, by_share);
    for (size_t i = 0; i < w->holders_count; i++)
        w->holders[i].at = line_of_type(s, w->holders[i].type);
    w->samples = w->past->samples;
    w->past->samples = 0;
}

void watch_begin(struct watch *w)
{
    *w = (struct watch){.past = zeroed(1, sizeof *w->past)};
}

void watch_end(struct watch *w)
{
    free(w->past->loops);
    free(w->past->steps);
    free(w->past);
    free(w->rates);
    free(w->groups);
    free(w->holders);
}
