/* The simulated network: sockets in memory, and what is under way between them.
 *
 * A socket is named by a placeholder, a real descriptor of a socket that is never connected. It is
 * at most in one state, and one timer says when the next thing happens to it:
 *
 *     NEW ──connect──> CONNECTING ──answered──> CONNECTED          (sim_connect.c, sim_stream.c)
 *      └──listen──> LISTENING                                      (sim_connect.c)
 *
 * Datagram sockets stay NEW. An operation is tried when it is submitted, and where it would block
 * it is parked with its socket. Whatever changes a socket touches it, and operations of touched
 * sockets are tried again within wait(), in the order of touching. Everything else happens through
 * timers, in the order of (time, starting); so all of it is determined.
 *
 * sim_net.c has the operations, sim_socket.c the table by descriptor, sim_bind.c who has which
 * name. */
#ifndef AI_LOOP_SIM_NET_H
#define AI_LOOP_SIM_NET_H

#include "loop/backend.h"
#include "loop/sim_name.h"
#include "loop/sim_weather.h"
#include "loop/timer.h"

#include <sys/types.h>
#include <sys/uio.h>

struct msghdr;

enum { AI_SIM_NAMES = 256, AI_SIM_NOT_OURS = 2 };

/* Of an operation of the simulation: result set; on a real descriptor; with a simulated socket. */
enum ai_sim_op_state { AI_SIM_ENDED, AI_SIM_POLLED, AI_SIM_PARKED };

enum ai_sim_state { AI_SIM_NEW, AI_SIM_CONNECTING, AI_SIM_CONNECTED, AI_SIM_LISTENING };

struct ai_sim_net {
    const int64_t *clock;
    struct ai_list *ended;            /* the simulation's operations that are to be completed */
    struct ai_sim_socket **by_number; /* by descriptor */
    size_t numbers;
    size_t swept; /* the next number to be looked at */
    struct ai_list sockets, touched, datagrams;
    struct ai_list names[AI_SIM_NAMES];
    struct ai_timers timers;
    uint32_t timed; /* how many may have a timer at once */
    uint16_t next_port;
    uint32_t next_path;
    bool in_run;
    struct ai_list lent, lent_in_run; /* until the next call, until what ended is completed */
    struct ai_sim_weather weather;
};

/* What came once it is due, and not before. */
struct ai_sim_mark {
    bool sent, come;
    int64_t due;
};

/* What is on its way to a stream socket, and what has come and was not read: see sim_stream.c. */
struct ai_sim_pipe {
    struct ai_list coming, come; /* segments */
    size_t held, readable;       /* bytes in both, and in the second */
    int64_t last_due;            /* nothing overtakes */
    int64_t line_free;           /* when it has sent what it was given */
    struct ai_sim_mark open, end, reset;
};

struct ai_sim_socket {
    struct ai_sim_net *net;
    struct ai_list all, touched, named, queued; /* links */
    struct ai_list ops;                         /* parked, in the order of submitting */
    struct ai_timer timer;
    struct ai_sim_name local, remote; /* the name it has is in the table where `named` is linked */
    int fd;                           /* -1: not accepted yet */
    int family, type;
    dev_t device; /* of the placeholder */
    ino_t inode;
    int error; /* -errno, told once */
    uint8_t state, phase;
    bool only_version_6, reuse_address, reuse_port;
    bool stalled; /* by a partition */
    bool shut_read, shut_write;
    bool told;   /* that it is connected */
    bool broken; /* the connection has ended by an error */
    struct ai_sim_socket *peer;
    struct ai_sim_socket *listener; /* of one that was not accepted yet */
    struct ai_sim_pipe in;
    int64_t give_up;                          /* connecting */
    struct ai_list expected, queue, knocking; /* of a listener: see sim_connect.c */
    unsigned waiting, backlog;
    struct ai_list inbox; /* datagrams, and the bytes they take */
    size_t inbox_held;
};

/* What an operation reads or writes. */
struct ai_sim_transfer {
    const struct iovec *parts;
    size_t count, size;
    int flags;
    struct msghdr *message; /* or NULL */
    struct iovec part;
};

static inline int64_t ai_sim_now(const struct ai_sim_socket *s)
{
    return *s->net->clock;
}

static inline bool ai_sim_is_unix(const struct ai_sim_socket *s)
{
    return s->family == AF_UNIX;
}

/* ── sim_net.c ───────────────────────────────────────────────────────────────────────────────── */

/* 0, or -errno with the reason in `why`; to be closed in either case but without memory. */
int ai_sim_net_open(struct ai_sim_net **net, const int64_t *clock, struct ai_list *ended,
                    uint64_t seed, char *why, size_t why_size);
void ai_sim_net_close(struct ai_sim_net *net);

/* As a back-end's submit(), or AI_SIM_NOT_OURS: it concerns no simulated socket. */
int ai_sim_net_submit(struct ai_sim_net *net, struct ai_op *op);

/* As a back-end's cancel(), for one that is parked. */
void ai_sim_net_cancel(struct ai_sim_net *net, struct ai_op *op);

/* When something happens next, INT64_MAX: never. */
int64_t ai_sim_net_next(const struct ai_sim_net *net);

/* Lets happen what is due, and ends the operations that can go on. */
void ai_sim_net_run(struct ai_sim_net *net);

/* To be called when what has ended is completed: lent memory goes. */
void ai_sim_net_reclaim(struct ai_sim_net *net);

/* Sends anew what partitions that were healed have held up. */
void ai_sim_net_resume(struct ai_sim_net *net);

/* Copies bytes to or from the memory of a transfer, from so many bytes on. */
void ai_sim_scatter(const struct ai_sim_transfer *t, size_t at, const void *from, size_t n);
void ai_sim_gather(const struct ai_sim_transfer *t, size_t at, void *to, size_t n);

/* ── sim_socket.c ────────────────────────────────────────────────────────────────────────────── */

/* A socket without a descriptor; NULL without memory. */
struct ai_sim_socket *ai_sim_socket_new(struct ai_sim_net *net, int family, int type);
void ai_sim_socket_free(struct ai_sim_socket *s);

/* A descriptor for it: its number, or -errno. */
int ai_sim_socket_open(struct ai_sim_socket *s, int flags, int protocol);

/* Its operations are tried again. */
void ai_sim_touch(struct ai_sim_socket *s);

/* How long something takes from here to its peer; whether nothing gets through. */
int64_t ai_sim_way(const struct ai_sim_socket *s);
bool ai_sim_socket_is_cut(const struct ai_sim_socket *s);

/* The timer of the socket, which has its place reserved. */
void ai_sim_start(struct ai_sim_socket *s, int64_t when);

/* Its error, which is told once; 0 if there is none. */
int ai_sim_take_error(struct ai_sim_socket *s);

/* Ends an operation: it will be completed. */
void ai_sim_end(struct ai_sim_net *net, struct ai_op *op, int64_t result);

/* The socket of this descriptor, or NULL. One that was closed behind its back is found out. */
struct ai_sim_socket *ai_sim_socket_of(struct ai_sim_net *net, int fd);

/* Looks for sockets that were closed behind its back: at some of them, or at all. True if there
 * were any. */
bool ai_sim_net_sweep(struct ai_sim_net *net, bool all);

/* ── sim_bind.c ──────────────────────────────────────────────────────────────────────────────── */

/* Gives it this name, or where that is not complete, one like it: 0 or -errno. */
int ai_sim_bind(struct ai_sim_socket *s, const struct ai_sim_name *name);

/* Gives an internet socket without a name one: 0 or -errno. */
int ai_sim_bind_any(struct ai_sim_socket *s);

/* 0, or -EADDRINUSE where another listens. */
int ai_sim_may_listen(struct ai_sim_socket *s);

/* Where something to this name arrives, or NULL. A datagram comes from `from`. */
struct ai_sim_socket *ai_sim_find_listener(struct ai_sim_net *net, const struct ai_sim_name *to);
struct ai_sim_socket *ai_sim_find_receiver(struct ai_sim_net *net, const struct ai_sim_name *to,
                                           const struct ai_sim_name *from);

/* Whether any socket has the name, of any type. */
bool ai_sim_name_is_known(struct ai_sim_net *net, const struct ai_sim_name *name);

/* ── sim_connect.c ───────────────────────────────────────────────────────────────────────────── */

int ai_sim_listen(struct ai_sim_socket *s, int backlog);
int64_t ai_sim_connect(struct ai_sim_socket *s, const struct ai_op *op);
int64_t ai_sim_accept(struct ai_sim_socket *s, const struct ai_op *op);

/* The timer of one that is connecting has come. */
void ai_sim_connect_timer(struct ai_sim_socket *s);

/* Its way is free again. */
void ai_sim_connect_resume(struct ai_sim_socket *s);

/* What it was connected to knows of it: it may be accepted. */
void ai_sim_arrived(struct ai_sim_socket *s);

/* Ends connecting and listening, and being waited for. */
void ai_sim_connect_close(struct ai_sim_socket *s);

/* ── sim_stream.c ────────────────────────────────────────────────────────────────────────────── */

int64_t ai_sim_stream_send(struct ai_sim_socket *s, const struct ai_sim_transfer *t);
int64_t ai_sim_stream_receive(struct ai_sim_socket *s, const struct ai_sim_transfer *t);
unsigned ai_sim_stream_events(const struct ai_sim_socket *s);
int ai_sim_stream_shutdown(struct ai_sim_socket *s, int how);

/* Tells it that its connection is made. */
void ai_sim_stream_open(struct ai_sim_socket *s);

/* Brings what is due. */
void ai_sim_stream_bring(struct ai_sim_socket *s);

/* Its timer has come. */
void ai_sim_stream_timer(struct ai_sim_socket *s);
void ai_sim_stream_resume(struct ai_sim_socket *s);

/* Resets the connection, as seen from both sides. */
void ai_sim_stream_reset(struct ai_sim_socket *s);

/* Leaves it: what was sent still arrives. If `abort`, as if unread data were left. */
void ai_sim_stream_close(struct ai_sim_socket *s, bool abort);

/* ── sim_datagram.c ──────────────────────────────────────────────────────────────────────────── */

int64_t ai_sim_datagram_send(struct ai_sim_socket *s, const struct ai_sim_transfer *t);
int64_t ai_sim_datagram_receive(struct ai_sim_socket *s, const struct ai_sim_transfer *t);
unsigned ai_sim_datagram_events(const struct ai_sim_socket *s);
int ai_sim_datagram_connect(struct ai_sim_socket *s, const struct ai_op *op);
size_t ai_sim_datagram_size(const struct ai_sim_socket *s);
void ai_sim_datagram_close(struct ai_sim_socket *s);
void ai_sim_datagram_forget_all(struct ai_sim_net *net);

#endif
