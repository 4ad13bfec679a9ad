/* A trace that ASYNCIO_TRACE wrote, in memory: lanes, and what was in them.
 *
 * A lane is a loop's, in which its callbacks are and its waiting for the kernel, or a task's. Its
 * spans follow each other in time and never overlap; where a task has none it was ready and waited
 * for its turn. Times are nanoseconds since the trace began. */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NONE UINT32_MAX

/* In the order in which the interned categories are known: see read.c. */
enum kind { STEP, PARKED, CALLBACK, WAIT };

struct span {
    int64_t begin, end;
    int64_t woken_at;  /* who woke it: when, */
    uint32_t woken_by; /* and the lane, or NONE */
    uint32_t lane;
    uint32_t next;              /* of the lane, or NONE */
    uint32_t name, place, then; /* strings; NONE: it has none */
    uint8_t kind;
    bool open; /* at the end of the trace */
};

struct lane {
    uint64_t track;
    char *name;      /* "Task-1 main()"; a loop's: the thread's */
    uint32_t parent; /* a task's loop; NONE: it is a loop */
    uint32_t pid, tid;
    int64_t made;         /* when a task was, or -1 */
    uint32_t made_by;     /* in whose lane, or NONE */
    uint32_t place;       /* where a task's coroutine is defined */
    uint32_t first, last; /* spans, or NONE */
};

struct trace {
    struct span *spans; /* each lane's in order */
    size_t span_count, span_room;
    struct lane *lanes; /* in the order in which they came */
    size_t lane_count, lane_room;
    char **strings;
    size_t string_count, string_room;
    char *process;
    int64_t end;
    bool cut; /* it ends within a packet */
};

/* 0, or an exit status, and it has said why. */
int trace_read(struct trace *t, const char *path);
void trace_free(struct trace *t);

/* Whether the file looks like one. */
bool trace_is_one(const char *path);

static inline bool is_task(const struct lane *l)
{
    return l->parent != NONE;
}

#endif
