/* One loop's part of the trace: packets, in order of time, with what is interned in them.
 *
 * A sequence is a filling of the loop's window (see trace_file.h), readable by itself: names and
 * places that are interned are told anew in each. The hot path is inlined: an event is put together
 * in place, in a room that is known to be large enough. Invariant: whoever opens a packet has asked
 * for the ids of what it names before, since defining them writes packets too. */
#ifndef AI_TASK_TRACE_WRITER_H
#define AI_TASK_TRACE_WRITER_H

#include "task/diagnose.h"
#include "task/object.h"
#include "task/trace_clock.h"
#include "task/trace_file.h"
#include "task/trace_format.h"
#include "task/trace_map.h"

#include <string.h>

enum {
    AI_TRACE_THEN = 1, /* the interned name of the annotation that tells how a task ended */
    AI_TRACE_NEAR = 16,
};

/* What a slice is: the interned categories. */
enum { AI_TRACE_STEP = 1, AI_TRACE_PARKING, AI_TRACE_CALLBACK, AI_TRACE_WAIT };

struct ai_trace_near {
    const struct asyncio_awaitable_type *type;
    uint32_t id;
};

struct ai_trace_writer {
    struct ai_trace_window window;
    struct ai_trace_clock clock;
    int64_t now;            /* of the next packet */
    uint64_t lane;          /* the loop's track */
    unsigned char head[24]; /* what each packet begins with: the sequence, the time */
    unsigned char *time;    /* the latter in it */
    size_t head_size;
    uint32_t names, places;                   /* interned so far */
    struct ai_trace_near near[AI_TRACE_NEAR]; /* names of types */
    struct ai_trace_map interned;             /* by the address of what they name */
};

/* Begins with what the thread's loops before this one were: the lane stays the same for all of
 * them, and their time goes on; but in the child of a fork (forks: how often that happened) all is
 * another file's. False where no window is to be had. */
bool ai_trace_writer_open(struct ai_trace_writer *w, struct ai_loop *loop, unsigned forks);

/* ours: its window is still this process's, which may be the child of a fork. */
void ai_trace_writer_close(struct ai_trace_writer *w, bool ours);

/* --- Packets --- */

bool ai_trace_make_room(struct ai_trace_writer *w);

/* Room for the longest that is written at once; false: there is none, and never will be. */
static inline bool ai_trace_has_room(struct ai_trace_writer *w)
{
    return __builtin_expect(w->window.end - w->window.at >= AI_TRACE_ROOM, 1) ||
           ai_trace_make_room(w);
}

/* What has been written is a whole trace. */
static inline void ai_trace_fill(struct ai_trace_writer *w)
{
    ai_put_filling(w->window.at, w->window.end);
}

/* From here on that is the time. */
static inline void ai_trace_set_time(struct ai_trace_writer *w, int64_t now)
{
    w->now = now;
    w->head_size = (size_t)(ai_put_uint(w->time, PACKET_TIMESTAMP, (uint64_t)now) - w->head);
}

struct ai_trace_event {
    unsigned char *packet, *event;
};

static inline unsigned char *ai_trace_event_open(struct ai_trace_writer *w,
                                                 struct ai_trace_event *e, unsigned type,
                                                 uint64_t track)
{
    unsigned char *p = e->packet = ai_put_open(w->window.at, TRACE_PACKET);

    memcpy(p, w->head, sizeof w->head); /* whose length is known to the compiler */
    p = e->event = ai_put_open(p + w->head_size, PACKET_TRACK_EVENT);
    p = ai_put_uint(p, EVENT_TYPE, type);
    return ai_put_uint(p, EVENT_TRACK, track);
}

static inline void ai_trace_event_close(struct ai_trace_writer *w, struct ai_trace_event *e,
                                        unsigned char *p)
{
    ai_put_close(e->event, p);
    ai_put_close(e->packet, p);
    w->window.at = p;
}

/* The track of a task, or its new name. */
void ai_trace_describe_task(struct ai_trace_writer *w, const struct ai_object *o, uint64_t track);

/* --- Interned names and places --- */

/* The entry of something to be interned; its id is 0 if it is new. */
static inline struct ai_trace_entry *ai_trace_interned(struct ai_trace_writer *w, const void *key)
{
    static struct ai_trace_entry none;
    struct ai_trace_entry *e = ai_trace_map_at(&w->interned, (uintptr_t)key);

    none.id = UINT32_MAX; /* without memory, something that nobody has defined */
    return e ? e : &none;
}

uint32_t ai_trace_define_name(struct ai_trace_writer *w, struct ai_trace_entry *e,
                              const char *name);
uint32_t ai_trace_define_place(struct ai_trace_writer *w, struct ai_trace_entry *e,
                               const char *file, int line, const char *function);
uint32_t ai_trace_define_function(struct ai_trace_writer *w, struct ai_trace_entry *e,
                                  const void *function);

static inline uint32_t ai_trace_name(struct ai_trace_writer *w, const void *key, const char *name)
{
    struct ai_trace_entry *e = ai_trace_interned(w, key);

    return __builtin_expect(e->id != 0, 1) ? e->id : ai_trace_define_name(w, e, name);
}

/* The name of a type: those that were asked for last are at hand. */
static inline uint32_t ai_trace_type(struct ai_trace_writer *w,
                                     const struct asyncio_awaitable_type *type)
{
    struct ai_trace_near *n = &w->near[(uintptr_t)type >> 5 & (AI_TRACE_NEAR - 1)];

    if (__builtin_expect(n->type != type, 0))
        *n = (struct ai_trace_near){type, ai_trace_name(w, type, type->name)};
    return n->id;
}

static inline uint32_t ai_trace_place(struct ai_trace_writer *w, const struct asyncio__place *place)
{
    struct ai_trace_entry *e = ai_trace_interned(w, place);

    return __builtin_expect(e->id != 0, 1)
               ? e->id
               : ai_trace_define_place(w, e, place->file, place->line, ai_function(place));
}

/* Where the coroutines of a type are defined. */
static inline uint32_t ai_trace_definition(struct ai_trace_writer *w,
                                           const struct asyncio_awaitable_type *type)
{
    struct ai_trace_entry *e = ai_trace_interned(w, &type->file);

    return e->id ? e->id : ai_trace_define_place(w, e, type->file, type->line, type->name);
}

/* The name of a function; of the library's own, at least that. */
static inline uint32_t ai_trace_function(struct ai_trace_writer *w, const void *function)
{
    struct ai_trace_entry *e = ai_trace_interned(w, function);

    return __builtin_expect(e->id != 0, 1) ? e->id : ai_trace_define_function(w, e, function);
}

#endif
