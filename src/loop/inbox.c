/* See inbox.h. */
#include "loop/inbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

enum { BATCH = 32 }; /* slots that are made at a time */

/* Generations are in the upper 16 bits, odd while the inbox is open: no plain address is taken for
 * a handle, and a closed slot has none. */
#define ONE_GENERATION ((uintptr_t)1 << (8 * sizeof(uintptr_t) - 16))

struct ai_inbox {
    pthread_mutex_t lock;
    uintptr_t handle;                   /* its address and generation */
    struct ai_loop *loop;               /* while it is open */
    _Atomic(struct ai_message *) first; /* posted; tested without the lock */
    struct ai_message **last;           /* where the next one is linked */
    struct ai_message *fetched;         /* about to be received; the loop's thread alone */
    struct ai_ready ready;              /* receives them */
    struct ai_inbox *next_free, *next;  /* under the table's lock */
};

static struct {
    pthread_mutex_t lock;
    struct ai_inbox *free, *all;
    bool begun;
    struct ai_inbox first[BATCH]; /* more come from memory, to stay */
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct ai_inbox *slot_of(uintptr_t handle)
{
    return (struct ai_inbox *)(handle & (ONE_GENERATION - 1));
}

static bool is_open(const struct ai_inbox *inbox)
{
    return inbox->handle & ONE_GENERATION;
}

/* --- The table --- */

static void put_back(struct ai_inbox *inbox)
{
    inbox->next_free = table.free;
    table.free = inbox;
}

static bool make_more(void)
{
    struct ai_inbox *batch = table.begun ? ai_allocate(BATCH * sizeof *batch) : table.first;

    if (!batch)
        return false;
    table.begun = true;
    for (struct ai_inbox *inbox = batch + BATCH; inbox-- > batch;) {
        pthread_mutex_init(&inbox->lock, NULL);
        inbox->handle = (uintptr_t)inbox;
        inbox->next = table.all;
        table.all = inbox;
        put_back(inbox);
    }
    return true;
}

static struct ai_inbox *take_slot(void)
{
    struct ai_inbox *inbox = NULL;

    pthread_mutex_lock(&table.lock);
    if (table.free || make_more()) {
        inbox = table.free;
        table.free = inbox->next_free;
    }
    pthread_mutex_unlock(&table.lock);
    return inbox;
}

static void give_slot(struct ai_inbox *inbox)
{
    pthread_mutex_lock(&table.lock);
    put_back(inbox);
    pthread_mutex_unlock(&table.lock);
}

/* --- Posting and receiving --- */

/* All that was posted; under the lock. */
static struct ai_message *take_all(struct ai_inbox *inbox)
{
    struct ai_message *m = atomic_load_explicit(&inbox->first, memory_order_relaxed);

    atomic_store_explicit(&inbox->first, NULL, memory_order_relaxed);
    return m;
}

static void receive_all(struct ai_message *m, bool lost)
{
    for (struct ai_message *next; m; m = next) {
        next = m->next;
        m->receive(m, lost);
    }
}

static void receive(struct ai_ready *ready)
{
    struct ai_inbox *inbox = ai_container(ready, struct ai_inbox, ready);
    struct ai_message *m = inbox->fetched;

    inbox->fetched = NULL;
    receive_all(m, false);
}

static void link_message(struct ai_inbox *inbox, struct ai_message *m)
{
    m->next = NULL;
    if (atomic_load_explicit(&inbox->first, memory_order_relaxed)) {
        *inbox->last = m;
    } else { /* later ones find the loop woken already, or about to fetch */
        atomic_store_explicit(&inbox->first, m, memory_order_relaxed);
        inbox->loop->backend->wake(inbox->loop->state);
    }
    inbox->last = &m->next;
}

int ai_inbox_post(struct asyncio_loop *to, struct ai_message *m)
{
    struct ai_inbox *inbox = slot_of((uintptr_t)to);

    if (!inbox)
        return -ESHUTDOWN;
    pthread_mutex_lock(&inbox->lock);
    bool open = inbox->handle == (uintptr_t)to && is_open(inbox);
    if (open)
        link_message(inbox, m);
    pthread_mutex_unlock(&inbox->lock);
    return open ? 0 : -ESHUTDOWN;
}

void ai_inbox_fetch(struct ai_loop *loop)
{
    struct ai_inbox *inbox = loop->inbox;

    if (!atomic_load_explicit(&inbox->first, memory_order_relaxed) || inbox->fetched)
        return;
    pthread_mutex_lock(&inbox->lock);
    inbox->fetched = take_all(inbox);
    pthread_mutex_unlock(&inbox->lock);
    ai_loop_push(loop, &inbox->ready);
}

/* --- Opening and closing --- */

struct asyncio_loop *ai_inbox_open(struct ai_loop *loop)
{
    struct ai_inbox *inbox = loop->inbox;

    if (inbox)
        return (struct asyncio_loop *)inbox->handle;
    if (loop->deaf || !ai_ring_reserve(&loop->ready, 1))
        return NULL;
    if (!(inbox = take_slot())) {
        ai_ring_unreserve(&loop->ready, 1);
        return NULL;
    }
    pthread_mutex_lock(&inbox->lock);
    inbox->handle += ONE_GENERATION;
    inbox->loop = loop;
    inbox->ready.run = receive;
    pthread_mutex_unlock(&inbox->lock);
    loop->inbox = inbox;
    return (struct asyncio_loop *)inbox->handle;
}

bool ai_inbox_is_of(const struct ai_loop *loop, const struct asyncio_loop *handle)
{
    return loop && loop->inbox && loop->inbox->handle == (uintptr_t)handle;
}

void ai_inbox_close(struct ai_loop *loop)
{
    struct ai_inbox *inbox = loop->inbox;

    loop->deaf = true;
    if (!inbox)
        return;
    pthread_mutex_lock(&inbox->lock);
    inbox->handle += ONE_GENERATION;
    struct ai_message *posted = take_all(inbox);
    pthread_mutex_unlock(&inbox->lock);
    loop->inbox = NULL;
    ai_ring_unreserve(&loop->ready, 1);
    receive_all(posted, true);
    give_slot(inbox);
}

void ai_inbox_before_fork(void)
{
    pthread_mutex_lock(&table.lock);
}

void ai_inbox_after_fork(bool child)
{
    if (child) {
        table.free = NULL;
        for (struct ai_inbox *inbox = table.all; inbox; inbox = inbox->next) {
            pthread_mutex_init(&inbox->lock, NULL); /* whoever held it is not here */
            inbox->handle += is_open(inbox) ? ONE_GENERATION : 0;
            take_all(inbox);
            inbox->fetched = NULL;
            put_back(inbox);
        }
    }
    pthread_mutex_unlock(&table.lock);
}
