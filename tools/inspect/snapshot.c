/* What is read is another program's, perhaps broken: every number is bounded, and what cannot be
 * read is left out. */
#include "snapshot.h"

#include "cycles.h"
#include "stop.h"
#include "strings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    FEW = 5000, /* tasks, of which everything is read while the process stands; of more, who they
                   are */
    MOST_LOOPS = 4096,
    MOST_TASKS = 50 * 1000 * 1000,
    MOST_CALLS = 1000,
    MOST_DEPTH = 64,
    MOST_CHILDREN = 1 << 20,
    MOST_STACK = 1 << 20,
};

#define ADDRESS ((UINT64_C(1) << 48) - 1) /* of a handle: above is its generation */

/* While it is being taken. */
struct taker {
    struct snapshot *s;
    struct memory *memory;
    const struct ai_inspect *layout;
    struct stop *stops;
    size_t stops_count;
    size_t *by_address, mask; /* tasks by their objects: numbers + 1 */
    char *records;            /* the tasks' */
    size_t room;              /* for tasks */
};

static void *grown(void *array, size_t count, size_t size)
{
    if ((count & (count - 1)) == 0)
        array = realloc(array, (count ? 2 * count : 1) * size);
    if (!array)
        abort();
    return array;
}

/* --- Reading --- */

static uint64_t word(struct taker *t, uint64_t at)
{
    uint64_t value = 0;

    return at && memory_read(t->memory, at, &value, sizeof value) ? value : 0;
}

static uint8_t byte(struct taker *t, uint64_t at)
{
    uint8_t value = 0;

    return memory_read(t->memory, at, &value, sizeof value) ? value : 0;
}

static uint16_t half(struct taker *t, uint64_t at)
{
    uint16_t value = 0;

    return memory_read(t->memory, at, &value, sizeof value) ? value : 0;
}

static int32_t number(struct taker *t, uint64_t at)
{
    int32_t value = 0;

    return memory_read(t->memory, at, &value, sizeof value) ? value : 0;
}

static const char *string(struct taker *t, uint64_t at)
{
    return strings_at(t->s->strings, t->memory, at);
}

static uint64_t in_record(struct taker *t, size_t task, unsigned offset)
{
    uint64_t value;

    memcpy(&value, t->records + task * t->layout->task.size + offset, sizeof value);
    return value;
}

/* --- Loops --- */

static void read_loop(struct taker *t, uint64_t thread)
{
    const struct ai_inspect *l = t->layout;
    struct snapshot *s = t->s;
    uint64_t loop = word(t, thread + l->thread.loop);

    if (!loop)
        return;
    s->loops = grown(s->loops, s->loops_count, sizeof *s->loops);
    s->loops[s->loops_count++] = (struct loop){
        .tid = number(t, thread + l->thread.tid),
        .backend = string(t, word(t, word(t, loop + l->loop.backend))),
        .thread = thread,
        .polls = word(t, loop + l->loop.polls),
        .submitted = word(t, loop + l->loop.submitted),
        .now = (int64_t)word(t, loop + l->loop.asked),
        .steps = (uint32_t)number(t, loop + l->loop.head),
        .ready =
            (uint32_t)number(t, loop + l->loop.tail) - (uint32_t)number(t, loop + l->loop.head),
    };
}

static void read_loops(struct taker *t)
{
    uint64_t head = (uint64_t)(uintptr_t)t->layout->threads, link = word(t, head);

    t->s->loops_count = 0;
    for (int i = 0; link && link != head && i < MOST_LOOPS; i++) {
        read_loop(t, link - t->layout->thread.link);
        link = word(t, link);
    }
}

/* --- Tasks --- */

/* The type a task goes by. */
static uint64_t type_shown(struct taker *t, uint64_t object)
{
    const struct ai_inspect *l = t->layout;
    uint64_t type = word(t, object + l->object.type);
    unsigned at = half(t, type + l->type.stands_for);
    uint64_t other = at ? word(t, object + at) : 0;

    return other ? other : type;
}

static void add_task(struct taker *t, size_t loop, uint64_t object)
{
    struct snapshot *s = t->s;
    const struct ai_inspect *l = t->layout;
    uint64_t type = word(t, object + l->object.type);

    s->tasks = grown(s->tasks, s->tasks_count, sizeof *s->tasks);
    s->tasks[s->tasks_count++] = (struct task){
        .object = object,
        .type = type_shown(t, object),
        .record = word(t, type + l->type.await) ? word(t, object + l->coroutine.task) : 0,
        .loop = loop,
    };
    s->loops[loop].tasks++;
}

static void read_names(struct taker *t, struct task *task)
{
    const struct ai_inspect *l = t->layout;
    uint64_t name = word(t, task->object + l->object.name);
    char numbered[32];

    snprintf(numbered, sizeof numbered, "Task-%llu", (unsigned long long)name >> 1);
    task->name = name & 1 ? strings_copy(t->s->strings, numbered) : string(t, name);
    task->name = task->name ? task->name : "?";
    task->function = string(t, word(t, task->type + l->type.name));
    task->function = task->function ? task->function : "?";
}

static void read_tasks(struct taker *t, size_t loop)
{
    const struct ai_inspect *l = t->layout;
    uint64_t head = t->s->loops[loop].thread + l->thread.tasks, link = word(t, head);

    while (link && link != head && t->s->tasks_count < MOST_TASKS) {
        add_task(t, loop, link - l->object.tasks);
        link = word(t, link);
    }
}

static size_t *slot(struct taker *t, uint64_t object)
{
    size_t i = object * 0x9e3779b97f4a7c15u >> 24 & t->mask;

    while (t->by_address[i] && t->s->tasks[t->by_address[i] - 1].object != object)
        i = (i + 1) & t->mask;
    return &t->by_address[i];
}

static void number_tasks(struct taker *t)
{
    t->mask = 15;
    while (t->mask < 2 * t->s->tasks_count)
        t->mask = 2 * t->mask + 1;
    t->by_address = calloc(t->mask + 1, sizeof *t->by_address);
    if (!t->by_address)
        abort();
    for (size_t i = 0; i < t->s->tasks_count; i++)
        *slot(t, t->s->tasks[i].object) = i + 1;
}

static void read_records(struct taker *t)
{
    struct snapshot *s = t->s;
    struct piece *pieces = calloc(s->tasks_count + 1, sizeof *pieces);
    size_t size = t->layout->task.size, n = 0;

    t->records = calloc(s->tasks_count + 1, size);
    if (!pieces || !t->records)
        abort();
    for (size_t i = 0; i < s->tasks_count; i++) {
        if (s->tasks[i].record)
            pieces[n++] = (struct piece){s->tasks[i].record, t->records + i * size, size};
    }
    memory_read_pieces(t->memory, pieces, n);
    free(pieces);
}

static void read_stacks(struct taker *t)
{
    struct snapshot *s = t->s;
    struct piece *pieces = calloc(s->tasks_count + 1, sizeof *pieces);
    size_t n = 0;

    if (!pieces)
        abort();
    for (size_t i = 0; i < s->tasks_count; i++) {
        struct task *task = &s->tasks[i];
        uint64_t size = task->high - task->sp;
        if (!task->record || task->state == RUNNING || task->sp < task->low ||
            task->sp >= task->high || size > MOST_STACK)
            continue;
        task->stack = malloc(size);
        if (!task->stack)
            abort();
        pieces[n++] = (struct piece){task->sp, task->stack, size};
    }
    memory_read_pieces(t->memory, pieces, n);
    free(pieces);
}

/* --- Where they are --- */

static struct line line_at(struct taker *t, uint64_t place)
{
    static const char body[] = "asyncio__body_";
    const struct ai_inspect *l = t->layout;
    const char *function = string(t, word(t, place + l->place.function));

    if (function && strncmp(function, body, sizeof body - 1) == 0)
        function += sizeof body - 1;
    return (struct line){function, string(t, word(t, place + l->place.file)),
                         number(t, place + l->place.line)};
}

/* Of a coroutine, awaiting at `place`: where that is, unless it is elsewhere; else where it is
 * defined. */
static struct line line_of(struct taker *t, uint64_t coroutine, uint64_t place, bool running)
{
    const struct ai_inspect *l = t->layout;
    uint64_t type = word(t, coroutine + l->object.type);
    const char *name = string(t, word(t, type + l->type.name));
    struct line here = place ? line_at(t, place) : (struct line){0};

    if (!here.file || (running && (!here.function || !name || strcmp(here.function, name) != 0)))
        return (struct line){name, string(t, word(t, type + l->type.file)),
                             number(t, type + l->type.line)};
    here.function = name;
    return here;
}

static void read_calls(struct taker *t, size_t i)
{
    const struct ai_inspect *l = t->layout;
    struct task *task = &t->s->tasks[i];
    struct line calls[MOST_CALLS];
    size_t n = 0;
    uint64_t place = 0, c = task->object, root = c;

    if (task->record) {
        c = in_record(t, i, l->task.top);
        root = in_record(t, i, l->task.root);
        place = in_record(t, i, l->task.place);
    }
    while (c && n < MOST_CALLS) {
        calls[n] = line_of(t, c, place, task->state == RUNNING && n == 0);
        n++;
        if (c == root)
            break;
        place = word(t, c + l->coroutine.place);
        c = word(t, c + l->coroutine.parent);
    }
    task->calls = malloc((n + 1) * sizeof *calls);
    if (!task->calls)
        abort();
    memcpy(task->calls, calls, n * sizeof *calls);
    task->calls_count = n;
}

/* --- Who waits for whom --- */

static void link_tasks(struct taker *t, size_t waiter, size_t awaited)
{
    struct links *a = &t->s->tasks[waiter].awaits, *b = &t->s->tasks[awaited].awaited_by;

    for (size_t i = 0; i < a->count && i < 8; i++) {
        if (a->at[i] == awaited)
            return;
    }
    a->at = grown(a->at, a->count, sizeof *a->at);
    a->at[a->count++] = awaited;
    b->at = grown(b->at, b->count, sizeof *b->at);
    b->at[b->count++] = waiter;
}

static void follow(struct taker *t, size_t waiter, uint64_t object, unsigned depth);

/* See struct asyncio__waits. */
static size_t follow_waits(struct taker *t, size_t waiter, uint64_t object, unsigned depth)
{
    enum { ONE, ELEMENTS, ARRAY, LIST };
    const struct ai_inspect *l = t->layout;
    uint64_t waits = word(t, word(t, object + l->object.type) + l->type.waits), holder = object;

    if (!waits)
        return 0;
    unsigned form = byte(t, waits + l->waits.form), through = byte(t, waits + l->waits.depth);
    uint64_t at, stride = half(t, waits + l->waits.stride),
                 element = half(t, waits + l->waits.object);
    for (unsigned i = 0; i < through && holder; i++)
        holder = word(t, holder + half(t, waits + l->waits.through + 2UL * i));
    if (!holder)
        return 0;
    at = holder + half(t, waits + l->waits.at);
    size_t n = 0;
    if (form == ONE) {
        follow(t, waiter, word(t, at), depth);
        return 1;
    }
    if (form == LIST) {
        for (uint64_t link = word(t, at); link && link != at && n < MOST_CHILDREN; n++) {
            follow(t, waiter, word(t, link + element), depth);
            link = word(t, link);
        }
        return n;
    }
    uint64_t first = form == ARRAY ? word(t, at) : at;
    uint64_t count = word(t, holder + half(t, waits + l->waits.count));
    for (; n < count && n < MOST_CHILDREN; n++)
        follow(t, waiter, word(t, first + n * stride + element), depth);
    return n;
}

/* A task that is waited for speaks for itself. */
static void follow(struct taker *t, size_t waiter, uint64_t object, unsigned depth)
{
    const struct ai_inspect *l = t->layout;

    if (!object || depth > MOST_DEPTH || byte(t, object + l->object.state) != l->object.pending)
        return;
    size_t known = *slot(t, object);
    if (known)
        link_tasks(t, waiter, known - 1);
    else
        follow_waits(t, waiter, object, depth + 1);
}

/* Who has what it waits to get: the number of that task + 1, or 0. */
static size_t holder_of(struct taker *t, uint64_t object)
{
    const struct ai_inspect *l = t->layout;
    uint64_t type = word(t, object + l->object.type), line = word(t, object + l->caller.line);

    if (word(t, type + l->type.holder) != (uint64_t)(uintptr_t)l->lock_holder ||
        !byte(t, line + l->caller.locked))
        return 0;
    return *slot(t, word(t, line + l->caller.holder) & ADDRESS);
}

/* What a task is parked on, in words; and whom that leads to. */
static void read_wait(struct taker *t, size_t i, uint64_t object)
{
    const struct ai_inspect *l = t->layout;
    struct task *task = &t->s->tasks[i];
    size_t known = object == task->object ? 0 : *slot(t, object);
    uint64_t type = word(t, object + l->object.type);
    const char *name = string(t, word(t, type + l->type.name));

    name = name ? name : "?";
    if (known) {
        snprintf(task->waits_for, sizeof task->waits_for, "task %s", t->s->tasks[known - 1].name);
        link_tasks(t, i, known - 1);
        return;
    }
    size_t children = follow_waits(t, i, object, 0), holder = holder_of(t, object);
    bool call = word(t, type + l->type.step) == (uint64_t)(uintptr_t)l->call_step;
    int fd = call ? number(t, object + l->call.fd) : -1;
    if (holder) {
        snprintf(task->waits_for, sizeof task->waits_for, "%s, held by %s", name,
                 t->s->tasks[holder - 1].name);
        link_tasks(t, i, holder - 1);
    } else if (fd >= 0) {
        snprintf(task->waits_for, sizeof task->waits_for, "%s(fd %d)", name, fd);
    } else if (children > 1) {
        snprintf(task->waits_for, sizeof task->waits_for, "%s of %zu", name, children);
    } else {
        snprintf(task->waits_for, sizeof task->waits_for, "%s", name);
    }
}

static void read_whereabouts(struct taker *t, size_t i)
{
    const struct ai_inspect *l = t->layout;
    struct task *task = &t->s->tasks[i];
    uint64_t thread = t->s->loops[task->loop].thread;

    if (!task->record)
        return;
    task->sp = in_record(t, i, l->task.sp);
    task->low = in_record(t, i, l->task.low);
    task->high = in_record(t, i, l->task.high);
    if (task->record == word(t, thread + l->thread.task))
        task->state = RUNNING;
}

static void read_state(struct taker *t, size_t i)
{
    const struct ai_inspect *l = t->layout;
    struct task *task = &t->s->tasks[i];
    const struct loop *loop = &t->s->loops[task->loop];
    uint64_t waiting = task->record ? in_record(t, i, l->task.waiting) : 0;
    bool begins = !task->record && word(t, word(t, task->object + l->object.type) + l->type.await);

    if (task->state == RUNNING)
        return;
    if (waiting && byte(t, waiting + l->object.state) == l->object.pending)
        task->state = WAITING;
    else
        task->state = task->record || begins ? READY : WAITING;
    if (task->state != WAITING)
        return;
    if (task->record)
        task->seconds = (double)(loop->now - (int64_t)in_record(t, i, l->task.since)) / 1e9;
    read_wait(t, i, task->record ? waiting : task->object);
}

/* --- Taking it --- */

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void warn(struct snapshot *s, int error)
{
    snprintf(s->warning, sizeof s->warning,
             "it could not be stopped (%s): what is shown may not fit together", strerror(error));
}

static void stop(struct taker *t)
{
    read_loops(t);
    t->stops = calloc(t->s->loops_count + 1, sizeof *t->stops);
    if (!t->stops)
        abort();
    for (size_t i = 0; i < t->s->loops_count; i++) {
        int error = stop_begin(&t->stops[t->stops_count], t->s->loops[i].tid);
        if (error < 0)
            warn(t->s, -error);
        else
            t->stops_count++;
    }
    memory_forget(t->memory);
}

static void go_on(struct taker *t)
{
    for (size_t i = 0; i < t->stops_count; i++)
        stop_end(&t->stops[i]);
    free(t->stops);
}

static void read_registers(struct taker *t)
{
    for (size_t i = 0; i < t->s->loops_count; i++) {
        struct loop *loop = &t->s->loops[i];
        const void *kept;
        size_t n = memory_registers(t->memory, loop->tid, &kept);
        if (n > 0 && n <= sizeof loop->registers.bytes)
            memcpy(loop->registers.bytes, kept, loop->registers.size = n);
        for (size_t k = 0; k < t->stops_count; k++) {
            if (t->stops[k].tid == loop->tid)
                loop->registers.size = stop_registers(&t->stops[k], loop->registers.bytes,
                                                      sizeof loop->registers.bytes);
        }
    }
}

/* In the simulation, and of the dead, the time is what it was last. */
static void tell_time(struct taker *t)
{
    for (size_t i = 0; i < t->s->loops_count; i++) {
        struct loop *loop = &t->s->loops[i];
        if (memory_pid(t->memory) && loop->backend && strcmp(loop->backend, "sim") != 0)
            loop->now = (int64_t)(seconds_now() * 1e9);
    }
}

/* What is read of a process that goes on may be another task's by now. */
static void drop_strangers(struct taker *t)
{
    size_t missing = 0;

    for (size_t i = 0; i < t->s->tasks_count; i++) {
        struct task *task = &t->s->tasks[i];
        if (!task->record || in_record(t, i, t->layout->task.root) == task->object)
            continue;
        missing += in_record(t, i, t->layout->task.root) == 0;
        task->record = 0;
    }
    if (missing && memory_core(t->memory))
        snprintf(t->s->warning, sizeof t->s->warning,
                 "the stacks of %zu tasks are not in this core file: those that gdb's gcore writes "
                 "leave out what has guards; `kill -ABRT` has the kernel write one",
                 missing);
}

static void read_details(struct taker *t, bool stacks)
{
    size_t n = t->s->tasks_count;

    read_records(t);
    drop_strangers(t);
    for (size_t i = 0; i < n; i++)
        read_whereabouts(t, i);
    if (stacks)
        read_stacks(t);
    number_tasks(t);
    for (size_t i = 0; i < n; i++)
        read_names(t, &t->s->tasks[i]);
    for (size_t i = 0; i < n; i++) {
        read_state(t, i);
        read_calls(t, i);
    }
}

static void read_tasks_of_all(struct taker *t)
{
    read_loops(t);
    read_registers(t);
    tell_time(t);
    for (size_t i = 0; i < t->s->loops_count; i++)
        read_tasks(t, i);
}

struct snapshot *snapshot_take(struct memory *m, const struct ai_inspect *layout, bool stacks)
{
    struct snapshot *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    struct taker t = {.s = s, .memory = m, .layout = layout};
    s->memory = m;
    s->layout = *layout;
    s->strings = strings_new();
    memory_forget(m);
    double begun = seconds_now();
    if (memory_pid(m))
        stop(&t);
    read_tasks_of_all(&t);
    bool few = s->tasks_count <= FEW;
    if (few)
        read_details(&t, stacks);
    go_on(&t);
    s->stopped = t.stops_count ? seconds_now() - begun : 0;
    if (!few)
        read_details(&t, stacks);
    s->cycles = cycles_find(s);
    free(t.by_address);
    free(t.records);
    return s;
}

void snapshot_free(struct snapshot *s)
{
    for (size_t i = 0; i < s->tasks_count; i++) {
        free(s->tasks[i].calls);
        free(s->tasks[i].awaits.at);
        free(s->tasks[i].awaited_by.at);
        free(s->tasks[i].stack);
    }
    strings_free(s->strings);
    free(s->tasks);
    free(s->loops);
    free(s);
}
