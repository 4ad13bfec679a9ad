/* The simulated network: its weather, its partitions, its seed. Included by <asyncio.h>.
 *
 * With ASYNCIO_BACKEND=sim the sockets that asyncio_socket() makes, and all that the library makes
 * for itself, are simulated: clients and servers of one loop talk to each other in its virtual
 * time, and nothing leaves the process.
 *
 *     asyncio_simulation_set(.latency = 0.02, .jitter = 0.005, .reset = 0.001);
 *     asyncio_simulation_partition("10.0.0.1", "10.0.0.2");
 *     await(asyncio_sleep(60));
 *     asyncio_simulation_heal("10.0.0.1", "10.0.0.2");
 *
 * Any address is the simulation's own and may be bound; a socket that was not bound connects from
 * the address it connects to, as a host does that talks to itself. A socket that is bound to
 * 10.0.0.2 and one bound to 10.0.0.1 are on two hosts. Names of Unix sockets exist without files.
 *
 * Chance is decided by ASYNCIO_SEED: whatever happened under a seed happens again under that seed,
 * as long as the program takes nothing from outside (the time of day, threads, real descriptors)
 * into its decisions.
 *
 * A network belongs to a loop. What is not simulated: descriptors that come from elsewhere (pipes,
 * socketpair(), files), raw and SOCK_SEQPACKET sockets, multicast, ancillary data (-EOPNOTSUPP).
 * bind(2), connect(2), send(2) and the like called directly see a real socket which was never
 * connected; setsockopt(), fcntl() work on it, and close(2) is noticed before the clock goes on
 * (among more than 64 sockets a little later).
 *
 * Where all tasks wait and nothing is left that could wake them, the simulation can be certain: it
 * says which tasks wait for what, as debug mode does elsewhere (see asyncio(7)), and cancels the
 * main task, whose run then fails with -EDEADLK. Not so where a signal or another thread may: where
 * the loop listens to any, or was asked for its handle (<asyncio/threads.h>).
 *
 * Outside of the simulation all of these functions return -ENOTSUP. */
#ifndef ASYNCIO_SIMULATION_H
#define ASYNCIO_SIMULATION_H

#include <asyncio/language.h>

#include <stdint.h>

#pragma GCC visibility push(default)

/* The weather. Where nothing is set there is none: what is sent arrives at once, whole and in
 * order. Probabilities are from 0 to 1, times seconds. What concerns the network (down to
 * `reorder`) does not touch Unix sockets. */
struct asyncio_simulation_options {
    double latency;       /* from one host to the other */
    double jitter;        /* at random up to so much more */
    double bandwidth;     /* bytes a second, of each direction of a connection; 0: unlimited */
    double refuse;        /* probability that a connect() is refused */
    double datagram_loss; /* that a datagram is lost, */
    double duplicate;     /* arrives twice, */
    double reorder;       /* is held up, by up to 10 ms and the latency, so that others overtake */
    double reset;         /* that with a receive or send the connection is reset, on both sides */
    double short_reads;   /* that a receive from a stream gives less than it could */
    double short_writes;  /* that a send to a stream takes less than it could */
    double eagain;        /* that a call which could be done at once waits for a turn first */
    double emfile;        /* that socket() or accept() finds no descriptor left: -EMFILE */
    double buffer; /* bytes under way or unread for which a sender need not wait; 0: 64 KiB */
    char asyncio__nothing; /* lets the list of settings be empty */
};

/* asyncio_simulation_set(.latency = 0.01, …): the weather from now on; what is not named is off.
 * Without it ASYNCIO_SIM decides, such as ASYNCIO_SIM=latency=0.01,reset=0.001. What is under way
 * already is not affected. 0 or -ENOTSUP. Aborts where a value is out of its range. */
#define asyncio_simulation_set(...)                                                                \
    asyncio__simulation_set(                                                                       \
        &(const struct asyncio_simulation_options){.asyncio__nothing = 0, __VA_ARGS__})
int asyncio__simulation_set(const struct asyncio_simulation_options *options);

/* Cuts two addresses off from each other, or, where one is NULL, the other from everything. While
 * it lasts, datagrams are lost; what is sent in connections waits, and arrives when it is healed;
 * connections are not made, and after the time that Linux takes by default it is -ETIMEDOUT: 127 s
 * for connect(), 924.6 s for what was sent and found no way. 0, -ENOMEM or -ENOTSUP. Aborts where
 * it is no numerical address. */
int asyncio_simulation_partition(const char *a, const char *b);

/* Ends all partitions between these two; NULL stands for any. What had to wait is sent anew. 0 or
 * -ENOTSUP. Aborts where it is no numerical address. */
int asyncio_simulation_heal(const char *a, const char *b);

/* ASYNCIO_SEED, 0 if there is none, or -ENOTSUP. To be printed by a test that fails. */
int64_t asyncio_simulation_seed(void);

#pragma GCC visibility pop

#endif
