/* What only a while of looking tells: how fast the loops turn, who holds them, how many tasks there
 * are of each coroutine function.
 *
 * Rates are differences of two snapshots. Between them the process is asked at short intervals,
 * without being stopped, what it runs: a step that is met again has held the loop meanwhile. */
#ifndef INSPECT_WATCH_H
#define INSPECT_WATCH_H

#include "snapshot.h"

/* Of a loop, in the order of the snapshot's. Each second but for `turn`. */
struct rates {
    bool known; /* the loop was there in the snapshot before */
    double turns, steps, operations;
    double busy; /* CPU time, of its thread */
    double turn; /* CPU time a turn, in seconds */
};

/* The tasks of a coroutine function. */
struct group {
    uint64_t type;
    struct line at;
    size_t count, running, ready, waiting;
    double longest; /* of the waits, -1 where it is not known */
    uint64_t stack; /* the most that one of them has touched, in bytes */
};

/* A coroutine function, or 0: callbacks and the loop itself; and the share of the samples in which
 * it ran, and did so without using the processor. */
struct holder {
    uint64_t type;
    struct line at;
    unsigned seen, blocked;
    double longest; /* one step, ever */
};

struct watch {
    struct rates *rates;
    struct group *groups;
    size_t groups_count;
    struct holder *holders; /* who was met most is first */
    size_t holders_count;
    unsigned samples; /* of each loop, between the two snapshots */
    struct past *past;
};

void watch_begin(struct watch *w);
void watch_end(struct watch *w);

/* Takes in a snapshot, which tells of the time since the one before. */
void watch_snapshot(struct watch *w, const struct snapshot *s);

/* Looks who runs right now, in the loops of that snapshot. */
void watch_sample(struct watch *w, const struct snapshot *s);

#endif
