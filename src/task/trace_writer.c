#include "task/trace_writer.h"

#include "base/symbol.h"
#include "task/diagnose.h"
#include "task/task.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum {
    MOST_NAME = 200,  /* bytes of a name in the trace, */
    MOST_FILE = 1000, /* and of a path */
};

static _Thread_local uint64_t thread_lane; /* stays the thread's for all its loops */
static _Thread_local int64_t thread_time;  /* and so does the time, which never goes back */
static _Thread_local unsigned thread_forks;

/* --- Packets that are no events --- */

static unsigned char *open_packet(struct ai_trace_writer *w)
{
    unsigned char *p = ai_put_open_long(w->window.at, TRACE_PACKET);

    memcpy(p, w->head, w->head_size);
    return p + w->head_size;
}

static void close_packet(struct ai_trace_writer *w, unsigned char *p)
{
    ai_put_close_long(ai_put_open_long(w->window.at, TRACE_PACKET), p);
    w->window.at = p;
}

/* --- Interned names and places --- */

static void define_name(struct ai_trace_writer *w, unsigned kind, uint32_t id, const char *name)
{
    unsigned char *p = open_packet(w), *data = ai_put_open_long(p, PACKET_INTERNED_DATA);
    unsigned char *entry = ai_put_open_long(data, kind);

    p = ai_put_uint(entry, INTERNED_ID, id);
    p = ai_put_string(p, INTERNED_NAME, name, MOST_NAME);
    ai_put_close_long(entry, p);
    ai_put_close_long(data, p);
    close_packet(w, p);
}

static void define_place(struct ai_trace_writer *w, uint32_t id, const char *file, int line,
                         const char *function)
{
    unsigned char *p = open_packet(w), *data = ai_put_open_long(p, PACKET_INTERNED_DATA);
    unsigned char *entry = ai_put_open_long(data, INTERNED_LOCATION);

    p = ai_put_uint(entry, INTERNED_ID, id);
    p = ai_put_string(p, LOCATION_FILE, file, MOST_FILE);
    p = ai_put_string(p, LOCATION_FUNCTION, function, MOST_NAME);
    p = ai_put_uint(p, LOCATION_LINE, (uint64_t)line);
    ai_put_close_long(entry, p);
    ai_put_close_long(data, p);
    close_packet(w, p);
}

uint32_t ai_trace_define_name(struct ai_trace_writer *w, struct ai_trace_entry *e, const char *name)
{
    e->id = ++w->names;
    define_name(w, INTERNED_EVENT_NAME, e->id, name);
    return e->id;
}

uint32_t ai_trace_define_place(struct ai_trace_writer *w, struct ai_trace_entry *e,
                               const char *file, int line, const char *function)
{
    e->id = ++w->places;
    define_place(w, e->id, file, line, function);
    return e->id;
}

uint32_t ai_trace_define_function(struct ai_trace_writer *w, struct ai_trace_entry *e,
                                  const void *function)
{
    char name[MOST_NAME + 1];

    if (!ai_symbol(function, name, sizeof name))
        snprintf(name, sizeof name, "callback %p", function);
    return ai_trace_define_name(w, e, name);
}

/* --- Tracks --- */

static void describe_process(struct ai_trace_writer *w)
{
    unsigned char *p = open_packet(w), *track = ai_put_open_long(p, PACKET_TRACK_DESCRIPTOR);
    unsigned char *process =
        ai_put_open_long(ai_put_uint(track, TRACK_UUID, AI_TRACE_PROCESS), TRACK_PROCESS);

    p = ai_put_uint(process, PROCESS_PID, (uint64_t)getpid());
    p = ai_put_string(p, PROCESS_NAME, program_invocation_short_name, MOST_NAME);
    ai_put_close_long(process, p);
    ai_put_close_long(track, p);
    close_packet(w, p);
}

static void describe_thread(struct ai_trace_writer *w)
{
    char name[MOST_NAME] = "";
    unsigned char *p = open_packet(w), *track = ai_put_open_long(p, PACKET_TRACK_DESCRIPTOR);

    p = ai_put_uint(track, TRACK_UUID, w->lane);
    p = ai_put_uint(p, TRACK_PARENT, AI_TRACE_PROCESS);
    p = ai_put_uint(p, TRACK_CHILD_ORDERING, ORDERING_EXPLICIT);
    pthread_getname_np(pthread_self(), name, sizeof name);
    unsigned char *thread = ai_put_open_long(p, TRACK_THREAD);
    p = ai_put_uint(thread, THREAD_PID, (uint64_t)getpid());
    p = ai_put_uint(p, THREAD_TID, (uint64_t)gettid());
    p = ai_put_string(p, THREAD_NAME, name, MOST_NAME);
    ai_put_close_long(thread, p);
    ai_put_close_long(track, p);
    close_packet(w, p);
}

/* "Task-3 call_api()" */
void ai_trace_describe_task(struct ai_trace_writer *w, const struct ai_object *o, uint64_t id)
{
    char name[MOST_NAME + 1];
    unsigned char *p = open_packet(w), *track = ai_put_open_long(p, PACKET_TRACK_DESCRIPTOR);

    snprintf(name, sizeof name, "%s %s()", asyncio_get_name(ai_handle(o)), ai_type_shown(o)->name);
    p = ai_put_uint(track, TRACK_UUID, id);
    p = ai_put_uint(p, TRACK_PARENT, w->lane);
    p = ai_put_string(p, TRACK_NAME, name, MOST_NAME);
    p = ai_put_uint(p, TRACK_RANK, id);
    ai_put_close_long(track, p);
    close_packet(w, p);
}

/* --- Fillings of the window --- */

/* A filling of the window: what is interned is told anew in it. */
static void begin_sequence(struct ai_trace_writer *w)
{
    uint32_t sequence = ai_trace_sequence();
    unsigned char *p = ai_put_open_long(w->window.at, TRACE_PACKET);

    p = ai_put_uint(p, PACKET_SEQUENCE, sequence);
    close_packet(w, ai_put_uint(p, PACKET_SEQUENCE_FLAGS, STATE_CLEARED));
    p = ai_put_uint(w->head, PACKET_SEQUENCE, sequence);
    w->time = ai_put_uint(p, PACKET_SEQUENCE_FLAGS, NEEDS_STATE);
    ai_trace_set_time(w, w->now);
    ai_trace_map_clear(&w->interned);
    memset(w->near, 0, sizeof w->near);
    w->names = w->places = 0;
    define_name(w, INTERNED_ANNOTATION_NAME, AI_TRACE_THEN, "then");
    define_name(w, INTERNED_CATEGORY, AI_TRACE_STEP, "step");
    define_name(w, INTERNED_CATEGORY, AI_TRACE_PARKING, "parked");
    define_name(w, INTERNED_CATEGORY, AI_TRACE_CALLBACK, "callback");
    define_name(w, INTERNED_CATEGORY, AI_TRACE_WAIT, "wait");
}

bool ai_trace_make_room(struct ai_trace_writer *w)
{
    if (!w->window.at)
        return false;
    ai_trace_fill(w);
    if (!ai_trace_window_next(&w->window))
        return false;
    /* So that what follows is later than all that it follows, also in virtual time. */
    ai_trace_clock_advance(&w->clock);
    w->now++;
    begin_sequence(w);
    return true;
}

static void begin_thread(struct ai_trace_writer *w, struct ai_loop *loop, unsigned forks)
{
    bool fresh = !thread_lane || thread_forks != forks;

    if (fresh) {
        thread_forks = forks;
        thread_lane = ai_trace_unique();
        thread_time = -1;
    }
    w->lane = thread_lane;
    int64_t now = ai_loop_now(loop);
    int64_t time = now + ai_trace_shift(now);
    if (time <= thread_time)
        time = thread_time + 1; /* later, since it may stand before that in the file */
    ai_trace_clock_begin(&w->clock, loop, time - now);
    w->now = w->clock.now;
    begin_sequence(w);
    if (fresh) {
        describe_process(w);
        describe_thread(w);
    }
}

bool ai_trace_writer_open(struct ai_trace_writer *w, struct ai_loop *loop, unsigned forks)
{
    if (!ai_trace_window_next(&w->window))
        return false;
    begin_thread(w, loop, forks);
    ai_trace_fill(w);
    return true;
}

void ai_trace_writer_close(struct ai_trace_writer *w, bool ours)
{
    thread_time = w->now;
    if (ours)
        ai_trace_window_give(&w->window);
    ai_trace_map_close(&w->interned);
}
