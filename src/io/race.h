/* Connecting to the first of several addresses that lets us.
 *
 * They are tried in order, each when the one before has failed or, where a delay is set, that much
 * time has passed since it was begun; the first that is connected wins, and the others are
 * cancelled and closed (Python: staggered_race()). */
#ifndef AI_IO_RACE_H
#define AI_IO_RACE_H

#include "loop/backend.h"
#include "task/object.h"

#include <netdb.h>

enum ai_attempt_state { AI_ATTEMPT_NEW, AI_ATTEMPT_UNDER_WAY, AI_ATTEMPT_OVER };
enum ai_attempt_stage { AI_ATTEMPT_SOCKET, AI_ATTEMPT_BIND, AI_ATTEMPT_CONNECT };

struct ai_race;

struct ai_attempt {
    struct ai_op op;
    struct ai_race *race;
    const struct addrinfo *to;
    const struct addrinfo *from; /* that it was bound to, or should have been; or NULL */
    int fd;                      /* or -1 */
    int error;                   /* of one that is over: 0 or -errno */
    uint8_t state, stage;        /* where it failed */
};

/* A connected descriptor, or the first one's error: each attempt says how it ended. They are zeroed
 * but for `to`, and the caller's until then; `from`: addresses to bind to, or NULL. */
ASYNCIO_AWAITABLE(int)
ai_race(struct ai_attempt *attempts, size_t n, const struct addrinfo *from, double delay);

/* Puts their addresses in order: one of each family in turn, the first family with so many ahead.
 */
void ai_interleave(struct ai_attempt *attempts, size_t n, int first_count);

#endif
