#include "task/trace.h"

#include "task/callback.h"
#include "task/diagnose.h"
#include "task/observe.h"
#include "task/task.h"
#include "task/thread.h"
#include "task/trace_writer.h"

#include <stdio.h>

enum { MOST_FLOWS = 7 }; /* in an event, which is to be short */

/* What is known of a task, in its entry's state. */
enum {
    WOKEN = 1 << 0,   /* a flow leads to its next step */
    PARKED = 1 << 1,  /* the slice of what it is parked on is open */
    RENAMED = 1 << 2, /* its track has the name of what it stands for */
};

/* A loop's. */
struct tracer {
    struct ai_trace_writer writer;
    struct ai_loop *loop;
    unsigned forks;
    uint32_t announced;        /* of the ready queue, from its front: who made them ready is told */
    struct ai_traced *step;    /* under way, the innermost; NULL: the loop itself is at work */
    bool waits;                /* it asks the back-end */
    struct ai_trace_map tasks; /* by address: a new task in the place of an old one is told */
    struct ai_trace_map waiting; /* callbacks, by their entries in the ready queue */
};

static _Thread_local struct tracer *tracer;

static inline unsigned forks(void)
{
    return atomic_load_explicit(&ai_trace_forks, memory_order_relaxed);
}

static inline bool is_on(const struct tracer *t)
{
    return t && t->writer.window.at && t->forks == forks();
}

/* The trace of this loop ends. */
static __attribute__((cold)) void stop(struct tracer *t)
{
    ai_trace_window_give(&t->writer.window);
}

/* --- Tasks --- */

/* A task that is new: its track, and on it where its coroutine is defined. */
static __attribute__((noinline)) void make_task(struct tracer *t, struct ai_trace_entry *entry,
                                                const struct ai_object *o)
{
    static const char made[] = "made";
    struct ai_trace_event e;

    entry->id = (uint32_t)ai_trace_unique();
    entry->state = 0;
    ai_trace_describe_task(&t->writer, o, entry->id);
    uint32_t name = ai_trace_name(&t->writer, made, made),
             place = o->type->file ? ai_trace_definition(&t->writer, o->type) : 0;
    unsigned char *p = ai_trace_event_open(&t->writer, &e, INSTANT, entry->id);
    p = ai_put_uint(p, EVENT_NAME, name);
    if (place)
        p = ai_put_uint(p, EVENT_LOCATION, place);
    ai_trace_event_close(&t->writer, &e, p);
}

/* The entry of a task, which is made if it is new, or unknown. NULL without memory. */
static inline struct ai_trace_entry *entry_of(struct tracer *t, const struct ai_object *o, bool new)
{
    struct ai_trace_entry *e = ai_trace_map_at(&t->tasks, (uintptr_t)o);

    if (__builtin_expect(!e, 0))
        stop(t);
    else if (__builtin_expect(new || e->id == 0, 0))
        make_task(t, e, o);
    return e;
}

/* It goes by another name than when its track was made. */
static __attribute__((noinline)) void rename_task(struct tracer *t, const struct ai_object *o)
{
    struct ai_trace_entry *e = ai_trace_map_at(&t->tasks, (uintptr_t)o);

    if (e && !(e->state & RENAMED) && ai_trace_has_room(&t->writer)) {
        e->state |= RENAMED;
        ai_trace_describe_task(&t->writer, o, e->id);
    }
}

/* --- Who woke whom --- */

/* Flows on their way into an event. Whoever is woken is named by what stands in the ready queue. */
struct flows {
    unsigned n;
    const struct ai_ready *to[MOST_FLOWS];
};

static inline unsigned char *put_flows(unsigned char *p, const struct flows *f)
{
    for (unsigned i = 0; i < f->n; i++)
        p = ai_put_fixed64(p, EVENT_FLOW, (uintptr_t)f->to[i]);
    return p;
}

static __attribute__((noinline)) void put_instant(struct tracer *t, uint64_t track, struct flows *f)
{
    static const char woke[] = "woke";
    struct ai_trace_event e;
    uint32_t name = ai_trace_name(&t->writer, woke, woke);
    unsigned char *p = ai_trace_event_open(&t->writer, &e, INSTANT, track);

    p = ai_put_uint(p, EVENT_NAME, name);
    ai_trace_event_close(&t->writer, &e, put_flows(p, f));
    f->n = 0;
}

/* It is parked no longer. */
static void end_parking(struct tracer *t, struct ai_trace_entry *entry)
{
    struct ai_trace_event e;

    entry->state &= ~(uint32_t)PARKED;
    ai_trace_event_close(&t->writer, &e, ai_trace_event_open(&t->writer, &e, SLICE_END, entry->id));
}

/* Whether a flow is to lead to `ready`. A task that goes on by itself needs none. */
static inline bool is_woken(struct tracer *t, const struct ai_ready *ready)
{
    struct ai_object *o = ai_observed_task(ready);

    if (o && t->step && t->step->task == o) {
        t->step->again = true;
        return false;
    }
    struct ai_trace_entry *entry = o ? entry_of(t, o, ai_observed_is_new(ready))
                                     : ai_trace_map_at(&t->waiting, (uintptr_t)ready);
    if (!entry)
        return false;
    if (entry->state & PARKED)
        end_parking(t, entry);
    entry->state |= WOKEN;
    return true;
}

/* Takes in what the step of `track` has made ready since this was last asked. */
static inline void announce(struct tracer *t, uint64_t track, struct flows *f)
{
    const struct ai_ring *ring = &t->loop->ready;
    uint32_t count = ai_ring_count(ring);

    for (; t->announced < count; t->announced++) {
        const struct ai_ready *ready = ai_ring_peek(ring, t->announced);
        if (!ai_trace_has_room(&t->writer) || !is_woken(t, ready))
            continue;
        if (f->n == MOST_FLOWS)
            put_instant(t, track, f);
        f->to[f->n++] = ready;
    }
}

/* --- Steps --- */

/* A task starts within a step of another: what that has woken so far is told before. */
static __attribute__((noinline)) void interrupt(struct tracer *t, const struct ai_ready *ready,
                                                struct ai_object *task)
{
    struct flows f = {0};
    struct ai_trace_entry *entry = task ? entry_of(t, task, true) : NULL;

    ai_trace_set_time(&t->writer, ai_trace_clock_read(&t->writer.clock));
    if (!entry)
        return;
    entry->state |= WOKEN;
    f.to[f.n++] = ready;
    announce(t, t->step->track, &f);
    if (ai_trace_has_room(&t->writer))
        put_instant(t, t->step->track, &f);
}

void ai_trace_enter(struct ai_traced *s, const struct ai_ready *ready, struct ai_object *task)
{
    struct tracer *t = tracer;
    struct ai_trace_event e;
    uint32_t name;
    bool woken;

    if (!is_on(t))
        return;
    *s = (struct ai_traced){.task = task, .track = t->writer.lane, .outer = t->step};
    if (t->step)
        interrupt(t, ready, task);
    else
        t->announced -= t->announced > 0;
    if (!ai_trace_has_room(&t->writer))
        return;
    if (task) {
        struct ai_trace_entry *entry = entry_of(t, task, false);
        if (!entry)
            return;
        woken = entry->state & WOKEN;
        if (__builtin_expect(entry->state & PARKED,
                             0)) /* woken by what it interrupted itself for */
            end_parking(t, entry);
        entry->state &= RENAMED;
        s->track = entry->id;
        name = ai_trace_type(&t->writer, ai_type_shown(task));
    } else {
        struct ai_trace_entry *entry = ai_trace_map_at(&t->waiting, (uintptr_t)ready);
        woken = entry && entry->state & WOKEN;
        if (entry)
            entry->state = 0;
        name = ai_trace_function(&t->writer, ai_callback_function(ready));
    }
    unsigned char *p = ai_trace_event_open(&t->writer, &e, SLICE_BEGIN, s->track);
    p = ai_put_uint(p, EVENT_CATEGORY, task ? AI_TRACE_STEP : AI_TRACE_CALLBACK);
    p = ai_put_uint(p, EVENT_NAME, name);
    if (woken)
        p = ai_put_fixed64(p, EVENT_FLOW_END, (uintptr_t)ready);
    ai_trace_event_close(&t->writer, &e, p);
    ai_trace_fill(&t->writer);
    t->step = s;
}

/* How a task ended that is done. */
static unsigned char *put_outcome(unsigned char *p, const struct ai_object *o)
{
    char text[64] = "done";

    if (o->flags & AI_CANCELLED)
        strcpy(text, "cancelled");
    else if (o->error)
        snprintf(text, sizeof text, "failed: %s", strerror(-ai_error_code(o->error)));
    unsigned char *annotation = ai_put_open(p, EVENT_ANNOTATION);
    p = ai_put_uint(annotation, ANNOTATION_NAME, AI_TRACE_THEN);
    p = ai_put_string(p, ANNOTATION_STRING, text, 32);
    ai_put_close(annotation, p);
    return p;
}

/* What a task waits for whose step is over: NULL where it is just not its turn. */
static inline const struct ai_object *waits_for(const struct ai_object *o)
{
    if (o->type->await)
        return ai_coroutine((struct ai_object *)o)->task->waiting;
    return o->ready.run ? NULL : o;
}

static inline void park(struct tracer *t, const struct ai_object *o, const struct ai_object *on,
                        uint64_t track)
{
    struct ai_trace_event e;
    struct ai_trace_entry *entry = ai_trace_map_at(&t->tasks, (uintptr_t)o);
    const struct asyncio__place *at =
        o->type->await ? ai_coroutine((struct ai_object *)o)->task->place : NULL;
    uint32_t name = ai_trace_type(&t->writer, on->type),
             place = at ? ai_trace_place(&t->writer, at) : 0;

    if (!entry)
        return;
    entry->state |= PARKED;
    unsigned char *p = ai_trace_event_open(&t->writer, &e, SLICE_BEGIN, track);
    p = ai_put_uint(p, EVENT_CATEGORY, AI_TRACE_PARKING);
    p = ai_put_uint(p, EVENT_NAME, name);
    if (place)
        p = ai_put_uint(p, EVENT_LOCATION, place);
    ai_trace_event_close(&t->writer, &e, p);
}

void ai_trace_leave(struct ai_traced *s)
{
    struct tracer *t = tracer;
    const struct ai_object *o = s->task;
    struct flows f = {0};
    struct ai_trace_event e;

    if (!is_on(t) || t->step != s)
        return;
    ai_trace_set_time(&t->writer, ai_trace_clock_read(&t->writer.clock));
    announce(t, s->track, &f);
    t->step = s->outer;
    if (!ai_trace_has_room(&t->writer))
        return;
    unsigned char *p = put_flows(ai_trace_event_open(&t->writer, &e, SLICE_END, s->track), &f);
    bool done = o && o->state == AI_DONE;
    ai_trace_event_close(&t->writer, &e, done ? put_outcome(p, o) : p);
    const struct ai_object *on = o && !done ? waits_for(o) : NULL;
    if (on && !s->again)
        park(t, o, on, s->track);
    if (__builtin_expect(o && ai_type_shown(o) != o->type, 0))
        rename_task(t, o);
    ai_trace_fill(&t->writer);
}

/* --- Turns --- */

void ai_trace_wait(void)
{
    struct tracer *t = tracer;

    if (!is_on(t))
        return;
    ai_trace_set_time(&t->writer, ai_trace_clock_set(&t->writer.clock));
    t->waits = true;
}

/* Made ready by the back-end, or from outside of the loop's turns. */
static void announce_turn(struct tracer *t)
{
    struct flows f = {0};

    announce(t, t->writer.lane, &f);
    if (f.n && ai_trace_has_room(&t->writer))
        put_instant(t, t->writer.lane, &f);
}

void ai_trace_turn(void)
{
    static const char wait[] = "wait";
    struct tracer *t = tracer;
    struct ai_trace_event e;

    if (!is_on(t) || !ai_trace_has_room(&t->writer))
        return;
    int64_t now = t->waits ? ai_trace_clock_set(&t->writer.clock) : t->writer.now;
    t->waits = false;
    if (now == t->writer.now && ai_ring_count(&t->loop->ready) == t->announced)
        return;
    uint32_t name = ai_trace_name(&t->writer, wait, wait);
    unsigned char *p = ai_trace_event_open(&t->writer, &e, SLICE_BEGIN, t->writer.lane);
    p = ai_put_uint(p, EVENT_CATEGORY, AI_TRACE_WAIT);
    ai_trace_event_close(&t->writer, &e, ai_put_uint(p, EVENT_NAME, name));
    ai_trace_set_time(&t->writer, now);
    announce_turn(t);
    if (!ai_trace_has_room(&t->writer))
        return;
    ai_trace_event_close(&t->writer, &e,
                         ai_trace_event_open(&t->writer, &e, SLICE_END, t->writer.lane));
    ai_trace_fill(&t->writer);
}

/* --- Beginning and end --- */

static struct tracer *tracer_new(struct ai_loop *loop)
{
    struct tracer *t = ai_allocate(sizeof *t);

    if (!t)
        return NULL;
    t->loop = loop;
    t->forks = forks();
    if (ai_trace_writer_open(&t->writer, loop, t->forks))
        return t;
    ai_deallocate(t, sizeof *t);
    return NULL;
}

bool ai_trace_begin(void)
{
    if (tracer && tracer->forks == forks())
        return true;
    tracer = ai_trace_file_open() ? tracer_new(ai_thread.loop) : NULL;
    return tracer;
}

void ai_trace_end(void)
{
    struct tracer *t = tracer;

    if (!t)
        return;
    tracer = NULL;
    ai_trace_writer_close(&t->writer, t->forks == forks());
    ai_trace_map_close(&t->tasks);
    ai_trace_map_close(&t->waiting);
    ai_deallocate(t, sizeof *t);
}
