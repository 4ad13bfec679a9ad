/* Reads a trace: protocol buffers, of which only those fields are looked at that the library
 * writes.
 *
 * A file consists of fillings of the library's windows, each a sequence of packets with names of
 * its own. They are read in the order of their numbers, in which each lane's events are in order.
 */
#include "table.h"
#include "trace.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The fields, by their public names: TracePacket's, */
enum { SEQUENCE = 10, TIMESTAMP = 8, TRACK_EVENT = 11, INTERNED = 12, FLAGS = 13, DESCRIPTOR = 60 };
/* TrackEvent's, */
enum {
    CATEGORY = 3,
    ANNOTATION = 4,
    TYPE = 9,
    NAME = 10,
    TRACK = 11,
    LOCATION = 34,
    FLOW = 47,
    FLOW_END = 48
};
enum { BEGIN = 1, END = 2, INSTANT = 3 };

/* The number of what is known by it, or NONE. */
static uint32_t found(const struct table *m, uint64_t key)
{
    const struct table_entry *e = table_find(m, key);

    return e ? (uint32_t)e->value[0] : NONE;
}

/* --- Reading --- */

struct reader {
    struct trace *t;
    struct table lanes;                     /* by track */
    struct table flows;                     /* under way: the lane and time they come from */
    struct table strings;                   /* by hash */
    struct table names, places, categories; /* of the filling */
};

static char *copy(const unsigned char *s, size_t n)
{
    char *text = malloc(n + 1);

    if (!text)
        exit(1);
    memcpy(text, s, n);
    text[n] = 0;
    return text;
}

static uint64_t hash(const unsigned char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ s[i]) * 0x100000001b3u;
    return h;
}

/* The number of a string, each once. */
static uint32_t string(struct reader *r, const unsigned char *s, size_t n)
{
    struct trace *t = r->t;
    uint64_t h = hash(s, n);
    const struct table_entry *e;

    for (; (e = table_find(&r->strings, h)); h++) {
        const char *known = t->strings[e->value[0]];
        if (strlen(known) == n && !memcmp(known, s, n))
            return (uint32_t)e->value[0];
    }
    t->strings = grown(t->strings, t->string_count, &t->string_room, sizeof *t->strings);
    t->strings[t->string_count] = copy(s, n);
    table_put(&r->strings, h, t->string_count, 0);
    return (uint32_t)t->string_count++;
}

static uint32_t lane_of(struct reader *r, uint64_t track)
{
    struct trace *t = r->t;
    const struct table_entry *e = table_find(&r->lanes, track);

    if (e)
        return (uint32_t)e->value[0];
    t->lanes = grown(t->lanes, t->lane_count, &t->lane_room, sizeof *t->lanes);
    t->lanes[t->lane_count] = (struct lane){.track = track,
                                            .parent = NONE,
                                            .made = -1,
                                            .made_by = NONE,
                                            .place = NONE,
                                            .first = NONE,
                                            .last = NONE};
    table_put(&r->lanes, track, t->lane_count, 0);
    return (uint32_t)t->lane_count++;
}

/* ThreadDescriptor: pid 1, tid 2, name 5. ProcessDescriptor: name 6. */
static void describe_thread(struct lane *l, struct bytes b)
{
    struct field f;

    while (wire_next(&b, &f)) {
        if (f.number == 1)
            l->pid = (uint32_t)f.value;
        else if (f.number == 2)
            l->tid = (uint32_t)f.value;
        else if (f.number == 5) {
            free(l->name);
            l->name = copy(f.at, f.size);
        }
    }
}

static void describe_process(struct trace *t, struct bytes b)
{
    struct field f;

    while (wire_next(&b, &f)) {
        if (f.number != 6)
            continue;
        free(t->process);
        t->process = copy(f.at, f.size);
    }
}

/* TrackDescriptor: uuid 1, name 2, process 3, thread 4, parent 5. */
static void describe(struct reader *r, struct bytes b)
{
    struct field f, name = {0}, thread = {0};
    uint64_t track = 0, parent = 0;
    bool process = false;

    while (wire_next(&b, &f)) {
        if (f.number == 1)
            track = f.value;
        else if (f.number == 2)
            name = f;
        else if (f.number == 3) {
            describe_process(r->t, wire_inside(&f));
            process = true;
        } else if (f.number == 4)
            thread = f;
        else if (f.number == 5)
            parent = f.value;
    }
    if (process)
        return;
    uint32_t above = thread.at ? NONE : lane_of(r, parent), i = lane_of(r, track);
    struct lane *l = &r->t->lanes[i];
    l->parent = above;
    if (thread.at)
        describe_thread(l, wire_inside(&thread));
    if (name.at) {
        free(l->name);
        l->name = copy(name.at, name.size);
    }
}

/* A source location as one string: iid 1, file 2, function 3, line 4. */
static void intern_place(struct reader *r, struct bytes b)
{
    struct field f, file = {0}, function = {0};
    uint64_t id = 0, line = 0;
    char text[2048];

    while (wire_next(&b, &f)) {
        if (f.number == 1)
            id = f.value;
        else if (f.number == 2)
            file = f;
        else if (f.number == 3)
            function = f;
        else if (f.number == 4)
            line = f.value;
    }
    int n = snprintf(text, sizeof text, "%.*s:%u %.*s", (int)file.size, (const char *)file.at,
                     (unsigned)line, (int)function.size, (const char *)function.at);
    if (n > 0 && (size_t)n < sizeof text)
        table_put(&r->places, id, string(r, (unsigned char *)text, (size_t)n), 0);
}

/* EventName, EventCategory: iid 1, name 2. */
static void intern_name(struct reader *r, struct table *names, struct bytes b)
{
    struct field f, name = {0};
    uint64_t id = 0;

    while (wire_next(&b, &f)) {
        if (f.number == 1)
            id = f.value;
        else if (f.number == 2)
            name = f;
    }
    table_put(names, id, string(r, name.at, name.size), 0);
}

static void intern(struct reader *r, struct bytes b)
{
    struct field f;

    while (wire_next(&b, &f)) {
        if (f.number == 1)
            intern_name(r, &r->categories, wire_inside(&f));
        else if (f.number == 2)
            intern_name(r, &r->names, wire_inside(&f));
        else if (f.number == 4)
            intern_place(r, wire_inside(&f));
    }
}

/* DebugAnnotation: string_value 6. */
static uint32_t annotation(struct reader *r, struct bytes b)
{
    struct field f;

    while (wire_next(&b, &f)) {
        if (f.number == 6)
            return string(r, f.at, f.size);
    }
    return NONE;
}

enum { MOST_FLOWS = 16 };

struct event {
    uint64_t type, track, flows[MOST_FLOWS], flow_end;
    unsigned flow_count;
    bool woken;
    uint32_t name, place, category, then;
};

static struct event parse_event(struct reader *r, struct bytes b)
{
    struct event e = {.name = NONE, .place = NONE, .category = NONE, .then = NONE};
    struct field f;

    while (wire_next(&b, &f)) {
        switch (f.number) {
        case CATEGORY:
            e.category = found(&r->categories, f.value);
            break;
        case ANNOTATION:
            e.then = annotation(r, wire_inside(&f));
            break;
        case TYPE:
            e.type = f.value;
            break;
        case NAME:
            e.name = found(&r->names, f.value);
            break;
        case TRACK:
            e.track = f.value;
            break;
        case LOCATION:
            e.place = found(&r->places, f.value);
            break;
        case FLOW:
            if (e.flow_count < MOST_FLOWS)
                e.flows[e.flow_count++] = f.value;
            break;
        case FLOW_END:
            e.flow_end = f.value;
            e.woken = true;
            break;
        default:
            break;
        }
    }
    return e;
}

static enum kind kind_of(const struct trace *t, uint32_t category)
{
    static const char *const names[] = {"step", "parked", "callback", "wait"};

    for (unsigned k = 0; category != NONE && k < sizeof names / sizeof *names; k++) {
        if (!strcmp(t->strings[category], names[k]))
            return (enum kind)k;
    }
    return CALLBACK;
}

static void begin_span(struct reader *r, const struct event *e, uint32_t lane, int64_t time)
{
    struct trace *t = r->t;
    const struct table_entry *flow = e->woken ? table_find(&r->flows, e->flow_end) : NULL;
    uint32_t i = (uint32_t)t->span_count;

    t->spans = grown(t->spans, t->span_count, &t->span_room, sizeof *t->spans);
    t->spans[t->span_count++] =
        (struct span){.begin = time,
                      .end = time,
                      .woken_by = flow && flow->value[0] != NONE ? (uint32_t)flow->value[0] : NONE,
                      .woken_at = flow ? (int64_t)flow->value[1] : 0,
                      .lane = lane,
                      .next = NONE,
                      .name = e->name,
                      .place = e->place,
                      .then = NONE,
                      .kind = (uint8_t)kind_of(t, e->category),
                      .open = true};
    if (flow)
        table_put(&r->flows, e->flow_end, NONE, 0);
    struct lane *l = &t->lanes[lane];
    if (l->last == NONE) {
        l->first = i;
        l->made_by = t->spans[i].woken_by;
    } else {
        t->spans[l->last].next = i;
    }
    l->last = i;
}

static void end_span(struct reader *r, const struct event *e, const struct lane *l, int64_t time)
{
    if (l->last == NONE)
        return;
    struct span *s = &r->t->spans[l->last];
    s->end = time;
    s->open = false;
    s->then = e->then;
}

static void read_event(struct reader *r, struct bytes b, int64_t time)
{
    struct event e = parse_event(r, b);
    uint32_t lane = lane_of(r, e.track);
    struct lane *l = &r->t->lanes[lane];

    for (unsigned i = 0; i < e.flow_count; i++)
        table_put(&r->flows, e.flows[i], lane, (uint64_t)time);
    if (e.type == BEGIN) {
        begin_span(r, &e, lane, time);
    } else if (e.type == END) {
        end_span(r, &e, l, time);
    } else if (e.type == INSTANT && l->made < 0 && is_task(l)) {
        l->made = time;
        l->place = e.place;
    }
}

static void read_packet(struct reader *r, struct bytes b)
{
    struct field f;
    int64_t time = 0;

    while (wire_next(&b, &f)) {
        switch (f.number) {
        case TIMESTAMP: /* it comes first; one alone tells when all was over */
            time = (int64_t)f.value;
            if (time > r->t->end)
                r->t->end = time;
            break;
        case INTERNED:
            intern(r, wire_inside(&f));
            break;
        case DESCRIPTOR:
            describe(r, wire_inside(&f));
            break;
        case TRACK_EVENT:
            read_event(r, wire_inside(&f), time);
            break;
        default:
            break;
        }
    }
}

/* --- Fillings --- */

struct filling {
    uint64_t sequence;
    const unsigned char *begin, *end;
};

struct fillings {
    struct filling *list;
    size_t count, room;
};

/* Whether a packet begins a filling, and then its number. */
static bool begins_filling(struct bytes b, uint64_t *sequence)
{
    struct field f;
    uint64_t flags = 0;

    for (int i = 0; i < 2 && wire_next(&b, &f); i++) { /* they come first */
        if (f.number == SEQUENCE)
            *sequence = f.value;
        else if (f.number == FLAGS)
            flags = f.value;
    }
    return flags & 1;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = ((const struct filling *)a)->sequence, y = ((const struct filling *)b)->sequence;

    return (x > y) - (x < y);
}

/* False where the data ends within a packet. */
static bool find_fillings(struct fillings *all, struct bytes b)
{
    struct field f;
    const unsigned char *start = b.at;
    uint64_t sequence = 0;

    for (; wire_next(&b, &f); start = b.at) {
        if (f.number == 1 && begins_filling(wire_inside(&f), &sequence)) {
            all->list = grown(all->list, all->count, &all->room, sizeof *all->list);
            all->list[all->count++] = (struct filling){sequence, start, b.at};
        }
        if (all->count)
            all->list[all->count - 1].end = b.at;
    }
    if (all->count)
        qsort(all->list, all->count, sizeof *all->list, compare);
    return start == b.end;
}

static void read_filling(struct reader *r, const struct filling *filling)
{
    struct bytes b = {filling->begin, filling->end};
    struct field f;

    table_clear(&r->names);
    table_clear(&r->places);
    table_clear(&r->categories);
    while (wire_next(&b, &f)) {
        if (f.number == 1)
            read_packet(r, wire_inside(&f));
    }
}

/* What was under way at the end lasts until then. */
static void end_open_spans(struct trace *t)
{
    for (size_t i = 0; i < t->span_count; i++) {
        if (t->spans[i].open)
            t->spans[i].end = t->end;
    }
}

static void read_all(struct trace *t, struct bytes b)
{
    struct reader r = {.t = t};
    struct fillings all = {0};

    t->cut = !find_fillings(&all, b);
    for (size_t i = 0; i < all.count; i++)
        read_filling(&r, &all.list[i]);
    end_open_spans(t);
    free(all.list);
    table_free(&r.lanes);
    table_free(&r.flows);
    table_free(&r.strings);
    table_free(&r.names);
    table_free(&r.places);
    table_free(&r.categories);
}

/* --- Files --- */

static bool map(const char *path, struct bytes *b)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        errno = EINVAL;
        return false;
    }
    void *p = st.st_size
                  ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0)
                  : NULL;
    close(fd);
    if (p == MAP_FAILED)
        return false;
    *b = (struct bytes){p, p ? (unsigned char *)p + st.st_size : p};
    return true;
}

static void unmap(struct bytes b)
{
    if (b.at)
        munmap((void *)b.at, (size_t)(b.end - b.at));
}

bool trace_is_one(const char *path)
{
    struct bytes b;
    struct field f;
    uint64_t sequence;

    if (!map(path, &b))
        return false;
    struct bytes whole = b;
    bool is = wire_next(&b, &f) && f.number == 1 && begins_filling(wire_inside(&f), &sequence);
    unmap(whole);
    return is;
}

int trace_read(struct trace *t, const char *path)
{
    struct bytes b;

    *t = (struct trace){0};
    if (!map(path, &b)) {
        fprintf(stderr, "asyncio: %s: %s\n", path, strerror(errno));
        return 1;
    }
    read_all(t, b);
    unmap(b);
    if (t->span_count)
        return 0;
    fprintf(stderr, "asyncio: %s: %s\n", path,
            t->lane_count ? "nothing ran in this trace" : "this is no trace of ASYNCIO_TRACE");
    trace_free(t);
    return 1;
}

void trace_free(struct trace *t)
{
    for (size_t i = 0; i < t->lane_count; i++)
        free(t->lanes[i].name);
    for (size_t i = 0; i < t->string_count; i++)
        free(t->strings[i]);
    free(t->strings);
    free(t->lanes);
    free(t->spans);
    free(t->process);
    *t = (struct trace){0};
}
