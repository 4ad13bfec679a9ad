#include "task/trace.h"

#include "base/symbol.h"
#include "task/callback.h"
#include "task/diagnose.h"
#include "task/observe.h"
#include "task/task.h"
#include "task/thread.h"
#include "task/trace_clock.h"
#include "task/trace_file.h"
#include "task/trace_format.h"
#include "task/trace_map.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    MOST_FLOWS = 7,   /* in an event, which is to be short */
    MOST_NAME = 200,  /* bytes of a name in the trace, */
    MOST_FILE = 1000, /* and of a path */
    THEN = 1,         /* the interned name of the annotation that tells how a task ended */
};

/* What a slice is: the interned categories. */
enum { A_STEP = 1, A_PARKING, A_CALLBACK, A_WAIT };

/* What is known of a task, in its entry's state. */
enum {
    WOKEN = 1 << 0,   /* a flow leads to its next step */
    PARKED = 1 << 1,  /* the slice of what it is parked on is open */
    RENAMED = 1 << 2, /* its track has the name of what it stands for */
};

enum { NEAR = 16 };

struct near {
    const struct asyncio_awaitable_type *type;
    uint32_t id;
};

/* A loop's. */
struct tracer {
    struct ai_trace_window window;
    struct ai_loop *loop;
    unsigned forks;
    struct ai_trace_clock clock;
    int64_t now;            /* of the next packet */
    uint64_t lane;          /* the loop's track */
    unsigned char head[24]; /* what each packet begins with: the sequence, the time */
    unsigned char *time;    /* the latter in it */
    size_t head_size;
    uint32_t announced;        /* of the ready queue, from its front: who made them ready is told */
    uint32_t names, places;    /* interned so far */
    struct ai_traced *step;    /* under way, the innermost; NULL: the loop itself is at work */
    bool waits;                /* it asks the back-end */
    struct ai_trace_map tasks; /* by address: a new task in the place of an old one is told */
    struct ai_trace_map waiting;  /* callbacks, by their entries in the ready queue */
    struct near near[NEAR];       /* names of types */
    struct ai_trace_map interned; /* by the address of what they name */
};

static _Thread_local struct tracer *tracer;
static _Thread_local uint64_t thread_lane; /* stays the thread's for all its loops */
static _Thread_local int64_t thread_time;  /* and so does the time, which never goes back */
static _Thread_local unsigned thread_forks;

/* --- Packets --- */

static inline void fill(struct tracer *t)
{
    ai_put_filling(t->window.at, t->window.end);
}

/* The trace of this loop ends. */
static __attribute__((cold)) void stop(struct tracer *t)
{
    ai_trace_window_give(&t->window);
}

static inline unsigned forks(void)
{
    return atomic_load_explicit(&ai_trace_forks, memory_order_relaxed);
}

static inline bool is_on(const struct tracer *t)
{
    return t && t->window.at && t->forks == forks();
}

static void begin_sequence(struct tracer *t);

static __attribute__((noinline)) bool make_room(struct tracer *t)
{
    if (!t->window.at)
        return false;
    fill(t);
    if (!ai_trace_window_next(&t->window))
        return false;
    /* So that what follows is later than all that it follows, also in virtual time. */
    ai_trace_clock_advance(&t->clock);
    t->now++;
    begin_sequence(t);
    return true;
}

/* Room for the longest that is written at once; false: there is none, and never will be. */
static inline bool has_room(struct tracer *t)
{
    return __builtin_expect(t->window.end - t->window.at >= AI_TRACE_ROOM, 1) || make_room(t);
}

/* A packet that is no event. */
static unsigned char *open_packet(struct tracer *t)
{
    unsigned char *p = ai_put_open_long(t->window.at, TRACE_PACKET);

    memcpy(p, t->head, t->head_size);
    return p + t->head_size;
}

static void close_packet(struct tracer *t, unsigned char *p)
{
    ai_put_close_long(ai_put_open_long(t->window.at, TRACE_PACKET), p);
    t->window.at = p;
}

struct event {
    unsigned char *packet, *event;
};

static inline unsigned char *open_event(struct tracer *t, struct event *e, unsigned type,
                                        uint64_t track)
{
    unsigned char *p = e->packet = ai_put_open(t->window.at, TRACE_PACKET);

    memcpy(p, t->head, sizeof t->head); /* whose length is known to the compiler */
    p = e->event = ai_put_open(p + t->head_size, PACKET_TRACK_EVENT);
    p = ai_put_uint(p, EVENT_TYPE, type);
    return ai_put_uint(p, EVENT_TRACK, track);
}

static inline void close_event(struct tracer *t, struct event *e, unsigned char *p)
{
    ai_put_close(e->event, p);
    ai_put_close(e->packet, p);
    t->window.at = p;
}

/* From here on that is the time. */
static inline void set_time(struct tracer *t, int64_t now)
{
    t->now = now;
    t->head_size = (size_t)(ai_put_uint(t->time, PACKET_TIMESTAMP, (uint64_t)now) - t->head);
}

/* --- Interned names --- */

static void define_name(struct tracer *t, unsigned kind, uint32_t id, const char *name)
{
    unsigned char *p = open_packet(t), *data = ai_put_open_long(p, PACKET_INTERNED_DATA);
    unsigned char *entry = ai_put_open_long(data, kind);

    p = ai_put_uint(entry, INTERNED_ID, id);
    p = ai_put_string(p, INTERNED_NAME, name, MOST_NAME);
    ai_put_close_long(entry, p);
    ai_put_close_long(data, p);
    close_packet(t, p);
}

static void define_place(struct tracer *t, uint32_t id, const char *file, int line,
                         const char *function)
{
    unsigned char *p = open_packet(t), *data = ai_put_open_long(p, PACKET_INTERNED_DATA);
    unsigned char *entry = ai_put_open_long(data, INTERNED_LOCATION);

    p = ai_put_uint(entry, INTERNED_ID, id);
    p = ai_put_string(p, LOCATION_FILE, file, MOST_FILE);
    p = ai_put_string(p, LOCATION_FUNCTION, function, MOST_NAME);
    p = ai_put_uint(p, LOCATION_LINE, (uint64_t)line);
    ai_put_close_long(entry, p);
    ai_put_close_long(data, p);
    close_packet(t, p);
}

/* The entry of something to be interned; its id is 0 if it is new. */
static inline struct ai_trace_entry *interned(struct tracer *t, const void *key)
{
    static struct ai_trace_entry none;
    struct ai_trace_entry *e = ai_trace_map_at(&t->interned, (uintptr_t)key);

    none.id = UINT32_MAX; /* without memory, something that nobody has defined */
    return e ? e : &none;
}

static inline uint32_t name_id(struct tracer *t, const void *key, const char *name)
{
    struct ai_trace_entry *e = interned(t, key);

    if (__builtin_expect(e->id == 0, 0)) {
        e->id = ++t->names;
        define_name(t, INTERNED_EVENT_NAME, e->id, name);
    }
    return e->id;
}

/* The name of a type: those that were asked for last are at hand. */
static inline uint32_t type_id(struct tracer *t, const struct asyncio_awaitable_type *type)
{
    struct near *n = &t->near[(uintptr_t)type >> 5 & (NEAR - 1)];

    if (__builtin_expect(n->type != type, 0))
        *n = (struct near){type, name_id(t, type, type->name)};
    return n->id;
}

static inline uint32_t place_id(struct tracer *t, const struct asyncio__place *place)
{
    struct ai_trace_entry *e = interned(t, place);

    if (__builtin_expect(e->id == 0, 0)) {
        e->id = ++t->places;
        define_place(t, e->id, place->file, place->line, ai_function(place));
    }
    return e->id;
}

static uint32_t definition_id(struct tracer *t, const struct asyncio_awaitable_type *type)
{
    struct ai_trace_entry *e = interned(t, &type->file);

    if (e->id == 0) {
        e->id = ++t->places;
        define_place(t, e->id, type->file, type->line, type->name);
    }
    return e->id;
}

/* The name of a function; of the library's own, at least that. */
static __attribute__((noinline)) uint32_t
define_function(struct tracer *t, struct ai_trace_entry *e, const void *function)
{
    char name[MOST_NAME + 1];

    if (!ai_symbol(function, name, sizeof name))
        snprintf(name, sizeof name, "callback %p", function);
    e->id = ++t->names;
    define_name(t, INTERNED_EVENT_NAME, e->id, name);
    return e->id;
}

static inline uint32_t function_id(struct tracer *t, const void *function)
{
    struct ai_trace_entry *e = interned(t, function);

    return e->id ? e->id : define_function(t, e, function);
}

/* --- Tracks --- */

static void describe_process(struct tracer *t)
{
    unsigned char *p = open_packet(t), *track = ai_put_open_long(p, PACKET_TRACK_DESCRIPTOR);
    unsigned char *process =
        ai_put_open_long(ai_put_uint(track, TRACK_UUID, AI_TRACE_PROCESS), TRACK_PROCESS);

    p = ai_put_uint(process, PROCESS_PID, (uint64_t)getpid());
    p = ai_put_string(p, PROCESS_NAME, program_invocation_short_name, MOST_NAME);
    ai_put_close_long(process, p);
    ai_put_close_long(track, p);
    close_packet(t, p);
}

static void describe_thread(struct tracer *t)
{
    char name[MOST_NAME] = "";
    unsigned char *p = open_packet(t), *track = ai_put_open_long(p, PACKET_TRACK_DESCRIPTOR);

    p = ai_put_uint(track, TRACK_UUID, t->lane);
    p = ai_put_uint(p, TRACK_PARENT, AI_TRACE_PROCESS);
    p = ai_put_uint(p, TRACK_CHILD_ORDERING, ORDERING_EXPLICIT);
    pthread_getname_np(pthread_self(), name, sizeof name);
    unsigned char *thread = ai_put_open_long(p, TRACK_THREAD);
    p = ai_put_uint(thread, THREAD_PID, (uint64_t)getpid());
    p = ai_put_uint(p, THREAD_TID, (uint64_t)gettid());
    p = ai_put_string(p, THREAD_NAME, name, MOST_NAME);
    ai_put_close_long(thread, p);
    ai_put_close_long(track, p);
    close_packet(t, p);
}

/* "Task-3 call_api()" */
static void describe_task(struct tracer *t, const struct ai_object *o, uint64_t track_id)
{
    char name[MOST_NAME + 1];
    unsigned char *p = open_packet(t), *track = ai_put_open_long(p, PACKET_TRACK_DESCRIPTOR);

    snprintf(name, sizeof name, "%s %s()", asyncio_get_name(ai_handle(o)), ai_type_shown(o)->name);
    p = ai_put_uint(track, TRACK_UUID, track_id);
    p = ai_put_uint(p, TRACK_PARENT, t->lane);
    p = ai_put_string(p, TRACK_NAME, name, MOST_NAME);
    p = ai_put_uint(p, TRACK_RANK, track_id);
    ai_put_close_long(track, p);
    close_packet(t, p);
}

/* A task that is new: its track, and on it where its coroutine is defined. */
static __attribute__((noinline)) void make_task(struct tracer *t, struct ai_trace_entry *entry,
                                                const struct ai_object *o)
{
    static const char made[] = "made";
    struct event e;

    entry->id = (uint32_t)ai_trace_unique();
    entry->state = 0;
    describe_task(t, o, entry->id);
    uint32_t name = name_id(t, made, made), place = o->type->file ? definition_id(t, o->type) : 0;
    unsigned char *p = open_event(t, &e, INSTANT, entry->id);
    p = ai_put_uint(p, EVENT_NAME, name);
    if (place)
        p = ai_put_uint(p, EVENT_LOCATION, place);
    close_event(t, &e, p);
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

    if (e && !(e->state & RENAMED) && has_room(t)) {
        e->state |= RENAMED;
        describe_task(t, o, e->id);
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
    struct event e;
    uint32_t name = name_id(t, woke, woke);
    unsigned char *p = open_event(t, &e, INSTANT, track);

    p = ai_put_uint(p, EVENT_NAME, name);
    close_event(t, &e, put_flows(p, f));
    f->n = 0;
}

/* It is parked no longer. */
static void end_parking(struct tracer *t, struct ai_trace_entry *entry)
{
    struct event e;

    entry->state &= ~(uint32_t)PARKED;
    close_event(t, &e, open_event(t, &e, SLICE_END, entry->id));
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
        if (!has_room(t) || !is_woken(t, ready))
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

    set_time(t, ai_trace_clock_read(&t->clock));
    if (!entry)
        return;
    entry->state |= WOKEN;
    f.to[f.n++] = ready;
    announce(t, t->step->track, &f);
    if (has_room(t))
        put_instant(t, t->step->track, &f);
}

void ai_trace_enter(struct ai_traced *s, const struct ai_ready *ready, struct ai_object *task)
{
    struct tracer *t = tracer;
    struct event e;
    uint32_t name;
    bool woken;

    if (!is_on(t))
        return;
    *s = (struct ai_traced){.task = task, .track = t->lane, .outer = t->step};
    if (t->step)
        interrupt(t, ready, task);
    else
        t->announced -= t->announced > 0;
    if (!has_room(t))
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
        name = type_id(t, ai_type_shown(task));
    } else {
        struct ai_trace_entry *entry = ai_trace_map_at(&t->waiting, (uintptr_t)ready);
        woken = entry && entry->state & WOKEN;
        if (entry)
            entry->state = 0;
        name = function_id(t, ai_callback_function(ready));
    }
    unsigned char *p = open_event(t, &e, SLICE_BEGIN, s->track);
    p = ai_put_uint(p, EVENT_CATEGORY, task ? A_STEP : A_CALLBACK);
    p = ai_put_uint(p, EVENT_NAME, name);
    if (woken)
        p = ai_put_fixed64(p, EVENT_FLOW_END, (uintptr_t)ready);
    close_event(t, &e, p);
    fill(t);
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
    p = ai_put_uint(annotation, ANNOTATION_NAME, THEN);
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
    struct event e;
    struct ai_trace_entry *entry = ai_trace_map_at(&t->tasks, (uintptr_t)o);
    const struct asyncio__place *at =
        o->type->await ? ai_coroutine((struct ai_object *)o)->task->place : NULL;
    uint32_t name = type_id(t, on->type), place = at ? place_id(t, at) : 0;

    if (!entry)
        return;
    entry->state |= PARKED;
    unsigned char *p = open_event(t, &e, SLICE_BEGIN, track);
    p = ai_put_uint(p, EVENT_CATEGORY, A_PARKING);
    p = ai_put_uint(p, EVENT_NAME, name);
    if (place)
        p = ai_put_uint(p, EVENT_LOCATION, place);
    close_event(t, &e, p);
}

void ai_trace_leave(struct ai_traced *s)
{
    struct tracer *t = tracer;
    const struct ai_object *o = s->task;
    struct flows f = {0};
    struct event e;

    if (!is_on(t) || t->step != s)
        return;
    set_time(t, ai_trace_clock_read(&t->clock));
    announce(t, s->track, &f);
    t->step = s->outer;
    if (!has_room(t))
        return;
    unsigned char *p = put_flows(open_event(t, &e, SLICE_END, s->track), &f);
    bool done = o && o->state == AI_DONE;
    close_event(t, &e, done ? put_outcome(p, o) : p);
    const struct ai_object *on = o && !done ? waits_for(o) : NULL;
    if (on && !s->again)
        park(t, o, on, s->track);
    if (__builtin_expect(o && ai_type_shown(o) != o->type, 0))
        rename_task(t, o);
    fill(t);
}

/* --- Turns --- */

void ai_trace_wait(void)
{
    struct tracer *t = tracer;

    if (!is_on(t))
        return;
    set_time(t, ai_trace_clock_set(&t->clock));
    t->waits = true;
}

/* Made ready by the back-end, or from outside of the loop's turns. */
static void announce_turn(struct tracer *t)
{
    struct flows f = {0};

    announce(t, t->lane, &f);
    if (f.n && has_room(t))
        put_instant(t, t->lane, &f);
}

void ai_trace_turn(void)
{
    static const char wait[] = "wait";
    struct tracer *t = tracer;
    struct event e;

    if (!is_on(t) || !has_room(t))
        return;
    int64_t now = t->waits ? ai_trace_clock_set(&t->clock) : t->now;
    t->waits = false;
    if (now == t->now && ai_ring_count(&t->loop->ready) == t->announced)
        return;
    uint32_t name = name_id(t, wait, wait);
    unsigned char *p = open_event(t, &e, SLICE_BEGIN, t->lane);
    p = ai_put_uint(p, EVENT_CATEGORY, A_WAIT);
    close_event(t, &e, ai_put_uint(p, EVENT_NAME, name));
    set_time(t, now);
    announce_turn(t);
    if (!has_room(t))
        return;
    close_event(t, &e, open_event(t, &e, SLICE_END, t->lane));
    fill(t);
}

/* --- Beginning and end --- */

/* A filling of the window: what is interned is told anew in it. */
static void begin_sequence(struct tracer *t)
{
    uint32_t sequence = ai_trace_sequence();
    unsigned char *p = ai_put_open_long(t->window.at, TRACE_PACKET);

    p = ai_put_uint(p, PACKET_SEQUENCE, sequence);
    close_packet(t, ai_put_uint(p, PACKET_SEQUENCE_FLAGS, STATE_CLEARED));
    p = ai_put_uint(t->head, PACKET_SEQUENCE, sequence);
    t->time = ai_put_uint(p, PACKET_SEQUENCE_FLAGS, NEEDS_STATE);
    set_time(t, t->now);
    ai_trace_map_clear(&t->interned);
    memset(t->near, 0, sizeof t->near);
    t->names = t->places = 0;
    define_name(t, INTERNED_ANNOTATION_NAME, THEN, "then");
    define_name(t, INTERNED_CATEGORY, A_STEP, "step");
    define_name(t, INTERNED_CATEGORY, A_PARKING, "parked");
    define_name(t, INTERNED_CATEGORY, A_CALLBACK, "callback");
    define_name(t, INTERNED_CATEGORY, A_WAIT, "wait");
}

/* The thread's lane stays the same for all its loops, one after the other, and its time goes on;
 * but in the child of a fork all is another file's. */
static void begin_thread(struct tracer *t)
{
    bool fresh = !thread_lane || thread_forks != t->forks;

    if (fresh) {
        thread_forks = t->forks;
        thread_lane = ai_trace_unique();
        thread_time = -1;
    }
    t->lane = thread_lane;
    int64_t now = ai_loop_now(t->loop);
    int64_t time = now + ai_trace_shift(now);
    if (time <= thread_time)
        time = thread_time + 1; /* later, since it may stand before that in the file */
    ai_trace_clock_begin(&t->clock, t->loop, time - now);
    t->now = t->clock.now;
    begin_sequence(t);
    if (fresh) {
        describe_process(t);
        describe_thread(t);
    }
}

static struct tracer *tracer_new(struct ai_loop *loop)
{
    struct tracer *t = ai_allocate(sizeof *t);

    if (!t)
        return NULL;
    t->loop = loop;
    t->forks = forks();
    if (!ai_trace_window_next(&t->window)) {
        ai_deallocate(t, sizeof *t);
        return NULL;
    }
    begin_thread(t);
    fill(t);
    return t;
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
    thread_time = t->now;
    if (t->forks == forks())
        ai_trace_window_give(&t->window);
    ai_trace_map_close(&t->tasks);
    ai_trace_map_close(&t->waiting);
    ai_trace_map_close(&t->interned);
    ai_deallocate(t, sizeof *t);
}
