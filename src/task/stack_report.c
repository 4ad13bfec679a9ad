/* See stack_report.h. What was measured is the process's, under a lock: a table by the types of the
 * coroutines, which are constants of the program. */
#include "task/stack_report.h"

#include "base/panic.h"
#include "task/task.h"
#include "task/thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LEAST = 16 << 10, /* what a stack has at least */
    PAGE = 4 << 10,
    ROOM = 8 << 10, /* for what no run has shown: a signal's frame, another path through libc */
};

struct entry {
    const struct asyncio_awaitable_type *type;
    size_t tasks, deepest;
};

static struct {
    pthread_mutex_t lock;
    struct entry *entries;
    size_t count, capacity;
    size_t size; /* of the stacks */
    pid_t process;
} report = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- Saying it --- */

static int deepest_first(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return x->deepest > y->deepest ? -1 : x->deepest < y->deepest;
}

static size_t suggestion(size_t deepest)
{
    size_t size = (deepest + deepest / 2 + ROOM + PAGE - 1) & ~(size_t)(PAGE - 1);

    return size > LEAST ? size : LEAST;
}

static void say_entry(const struct entry *e)
{
    const struct asyncio_awaitable_type *t = e->type;

    ai_report("%9zu %10zu %10zu  %s() at %s:%d", e->tasks, e->deepest, suggestion(e->deepest),
              t->name, t->file ? t->file : "?", t->line);
}

static void say(void)
{
    qsort(report.entries, report.count, sizeof *report.entries, deepest_first);
    ai_report("Stacks, of %zu bytes each, by the coroutine functions that tasks were made of:",
              report.size);
    ai_report("    tasks    deepest  suggested  function");
    for (size_t i = 0; i < report.count; i++)
        say_entry(&report.entries[i]);
    size_t size = suggestion(report.entries[0].deepest);
    ai_report("For all of these ASYNCIO_STACK_SIZE=%zu, or asyncio_set_stack_size(%zu), would do.",
              size, size);
#ifdef AI_SANITIZED
    ai_report("(With a sanitizer; without, they take less.)");
#endif
}

/* The child of a fork has nothing to say of its parent's tasks. */
static void say_at_exit(void)
{
    pthread_mutex_lock(&report.lock);
    if (report.count && report.process == getpid())
        say();
    ai_deallocate(report.entries, report.capacity * sizeof *report.entries);
    report.entries = NULL;
    report.count = report.capacity = 0;
    pthread_mutex_unlock(&report.lock);
}

/* --- Measuring --- */

static bool make_room(void)
{
    size_t capacity = report.capacity ? 2 * report.capacity : 32;
    struct entry *entries = ai_reallocate(report.entries, report.capacity * sizeof *entries,
                                          capacity * sizeof *entries);

    if (!entries)
        return false;
    report.entries = entries;
    report.capacity = capacity;
    return true;
}

/* Programs have few of them. */
static struct entry *entry_of(const struct asyncio_awaitable_type *type)
{
    for (size_t i = 0; i < report.count; i++) {
        if (report.entries[i].type == type)
            return &report.entries[i];
    }
    if (report.count == report.capacity && !make_room())
        return NULL;
    report.entries[report.count] = (struct entry){.type = type};
    return &report.entries[report.count++];
}

static void note(const struct asyncio_awaitable_type *type, size_t depth)
{
    pthread_mutex_lock(&report.lock);
    struct entry *e = entry_of(type);
    if (e) {
        e->tasks++;
        e->deepest = depth > e->deepest ? depth : e->deepest;
    }
    report.size = ai_thread.stacks.usable_size;
    pthread_mutex_unlock(&report.lock);
}

/* What it takes is clean. */
static bool will_start(const struct ai_ready *ready, const struct ai_object *o,
                       struct ai_stack *stack)
{
    if (ready->run != ai_task_start && ready->run != ai_task_start_now)
        return false;
    if (o->flags & AI_MUST_CANCEL || ai_thread.closing)
        return false;
    return ai_task_clean_next(stack);
}

void ai_stack_report_enter(struct ai_measured *m, const struct ai_ready *ready,
                           const struct ai_object *o)
{
    m->on = false;
    if (!ai_thread.reports_stacks || !o)
        return;
    if (ready->run == ai_task_resume) {
        m->stack = ai_container((struct ai_ready *)ready, struct ai_task, waiter.ready)->stack;
        m->on = true;
    } else {
        m->on = will_start(ready, o, &m->stack);
    }
}

void ai_stack_report_leave(const struct ai_measured *m, const struct ai_object *o)
{
    if (m->on && o->state == AI_DONE && o != ai_thread.main)
        note(ai_type_shown(o), ai_stack_high_water(&m->stack));
}

void ai_stack_report_main(const struct ai_task *task)
{
    note(task->root->object.type, ai_stack_high_water(&task->stack));
}

bool ai_stack_report_begin(void)
{
    static bool registered;
    const char *wanted = getenv("ASYNCIO_STACK_REPORT");

    ai_thread.reports_stacks = wanted && *wanted && *wanted != '0';
    if (!ai_thread.reports_stacks)
        return false;
    pthread_mutex_lock(&report.lock);
    if (!registered)
        atexit(say_at_exit);
    registered = true;
    if (report.process != getpid())
        report.count = 0;
    report.process = getpid();
    pthread_mutex_unlock(&report.lock);
    return true;
}
