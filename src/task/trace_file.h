/* The file of ASYNCIO_TRACE, which the process's traced loops share.
 *
 * Each loop writes into a window of the file that is its own, mapped and shared, so what is written
 * is in the file at once, whatever becomes of the process. A full window is copied to the file's
 * end and begun anew: new pages are had far more cheaply by write(2) than by mapping them. A window
 * is filled up with a packet of nothing, so the file is a whole trace at any time; and since what
 * lies in a window is younger than what follows it in the file, each filling of one is readable by
 * itself, a sequence of its own.
 *
 * The file is one process's: another that finds it in use (a child that inherited the variable)
 * takes FILE.PID, and so does the child of a fork. */
#ifndef AI_TASK_TRACE_FILE_H
#define AI_TASK_TRACE_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ai_trace_window {
    unsigned char *at, *end; /* to be written to; NULL: none */
    unsigned char *begin;
    int64_t offset; /* in the file */
};

/* Whether this process is to be traced; opens its file. */
bool ai_trace_file_open(void);

/* A window for a loop that has none, or a full one emptied: with room for AI_TRACE_ROOM bytes.
 * False where it is not to be had, which is said once, and the window is given up. */
enum { AI_TRACE_ROOM = 2048 };
bool ai_trace_window_next(struct ai_trace_window *w);

/* The loop ends: what it has not used is for the next. */
void ai_trace_window_give(struct ai_trace_window *w);

/* How often this process is the child of a fork, while traced: what it was before is not there. */
extern atomic_uint ai_trace_forks;

/* For tracks: unique in the file, where that of the process is AI_TRACE_PROCESS. */
enum { AI_TRACE_PROCESS = 1 };
uint64_t ai_trace_unique(void);

/* What to add to times of a loop's clock: the file's begin at 0, where `now` is the first. */
int64_t ai_trace_shift(int64_t now);

uint32_t ai_trace_sequence(void);

#endif
