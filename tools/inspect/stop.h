/* Stopping threads for a moment, so that what they have is read as of one time. */
#ifndef INSPECT_STOP_H
#define INSPECT_STOP_H

#include <stddef.h>
#include <sys/types.h>

struct stop {
    pid_t tid;
    int signal; /* that it was just about to be given */
};

/* Stops a thread; 0 or -errno. It goes on by stop_end(), or when this program ends. */
int stop_begin(struct stop *s, pid_t tid);
void stop_end(struct stop *s);

/* The general registers of a thread that was stopped; their size, or 0. */
size_t stop_registers(const struct stop *s, void *to, size_t room);

#endif
