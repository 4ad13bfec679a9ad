/* What somebody outside of the process has to know to find its tasks: where things lie.
 *
 * The library holds one of these, constant, and a note of its ELF file (owner "asyncio", type
 * AI_INSPECT_NOTE) says how far behind the note's descriptor it lies: so it is found in stripped,
 * static and position-independent programs and in core files, without symbols. A reader believes
 * nothing but this, so it may be of another version than the program. Offsets are in bytes; what
 * they lead to is of the type that is named. All pointers have 64 bits. */
#ifndef AI_INSPECT_LAYOUT_H
#define AI_INSPECT_LAYOUT_H

#include <stdint.h>

enum { AI_INSPECT_NOTE = 1, AI_INSPECT_VERSION = 1 };

#define AI_INSPECT_MAGIC "asyncio"

/* How a parked computation is saved at the stack pointer that its context holds. */
enum ai_inspect_machine {
    AI_INSPECT_UNKNOWN,
    AI_INSPECT_X86_64,  /* r15, r14, r13, r12, rbx, rbp, the return address */
    AI_INSPECT_AARCH64, /* x19 to x30, d8 to d15 */
};

struct ai_inspect {
    char magic[8];
    uint16_t version;
    uint16_t size; /* of this structure */
    uint8_t machine;
    uint8_t unused[3];
    char library[16];    /* its version */
    const void *threads; /* a list's head: two pointers, to its first member and to its last, which
                          * link back to it */
    void (*call_step)(void);   /* `step` of the types of system calls */
    void (*lock_holder)(void); /* `holder` of those that wait for a lock */
    struct {
        uint16_t link;       /* in `threads` */
        uint16_t tid;        /* int */
        uint16_t loop, task; /* pointers, or NULL */
        uint16_t tasks;      /* a list's head */
    } thread;
    struct {
        uint16_t backend;    /* a pointer to a structure that begins with a string */
        uint16_t asked;      /* int64_t: ns on the back-end's clock, a short while ago at most */
        uint16_t head, tail; /* uint32_t: so many were taken from the ready queue, so many put */
        uint16_t end;        /* uint32_t: how many will have been taken when the turn ends */
        uint16_t polls;      /* uint64_t: how often the back-end was asked */
        uint16_t submitted;  /* uint64_t: operations that it was given */
    } loop;
    struct {
        uint16_t type, handle, waiters; /* pointers */
        uint16_t state, flags;          /* uint8_t */
        uint16_t tasks;                 /* the link in the thread's list */
        uint16_t name;                  /* 2n + 1 for Task-n, or a string, or NULL */
        uint8_t pending, done;          /* values of state */
        uint8_t is_task;                /* a flag */
        uint8_t unused[5];
    } object;
    struct {
        uint16_t name, file, line, kind;     /* strings; int; uint8_t */
        uint16_t await, step, holder, waits; /* pointers, or NULL */
        uint16_t stands_for; /* uint16_t: where in an object of it a type is, which it goes by */
    } type;
    struct {
        uint16_t task, parent, place; /* pointers, or NULL */
    } coroutine;                      /* an object whose type has await() */
    struct {
        uint16_t sp;                        /* the first word of its context */
        uint16_t place, waiting, root, top; /* pointers */
        uint16_t since;                     /* int64_t: since when it is parked */
        uint16_t low, high;                 /* of its stack */
        uint16_t size;
    } task;
    struct {
        uint16_t file, function, line;
    } place;
    struct {
        uint16_t fd; /* int32_t, or -1 */
    } call;
    struct {
        uint16_t line;           /* a pointer into the lock that is waited for; from there: */
        uint16_t locked, holder; /* bool; the handle of who locked it */
    } caller;
    struct {
        uint16_t form, depth, through, at, count, stride, object; /* see struct asyncio__waits */
    } waits;
};

#endif
