/* Channels. Whoever comes second, of a sender and a receiver, hands the item on for both: there and
 * then it has gone through for the one who waits, who only goes on later. So nobody has to try
 * again, nor gets ahead of others. Invariant: a receiver waits only where there is no item and no
 * sender it could take from, a sender only where there is no room. (Clauses of one select do not
 * meet each other.) */
#include "base/panic.h"
#include "sync/transfer.h"
#include "task/diagnose.h"
#include "task/thread.h"

struct channel {
    struct ai_object object; /* DONE from the start: nobody waits for itself */
    struct ai_items items;
    size_t capacity;
    struct asyncio__line receivers, senders;
    bool closed;
};

static void destroy(void *self)
{
    struct channel *ch = self;

    ai_items_close(&ch->items);
    ai_line_dissolve(&ch->receivers);
    ai_line_dissolve(&ch->senders);
}

asyncio_any asyncio__channel_new(size_t size, size_t capacity)
{
    static const struct asyncio_awaitable_type type = {
        .name = "Channel",
        .size = sizeof(struct channel),
        .kind = ASYNCIO__CHANNEL,
        .destroy = destroy,
    };
    struct channel *ch = (struct channel *)ai_object_new(&type, sizeof *ch);

    if (!ch)
        return NULL;
    ch->object.state = AI_DONE;
    ch->capacity = capacity;
    ai_items_init(&ch->items, size, NULL);
    return ai_handle(&ch->object);
}

static inline struct channel *channel(asyncio_any h)
{
    return (struct channel *)ai_queue_object(h, ASYNCIO__CHANNEL);
}

/* --- Meeting --- */

/* Whether it can go through on behalf of `who`: it has not been cancelled, and the select it is a
 * clause of, which is not that of `who`, has not chosen. */
static bool is_free(const struct ai_transfer *t, void *const *who)
{
    return !ai_caller_is_woken(&t->caller) && (!t->choice || (t->choice != who && !*t->choice));
}

/* The first in line that is free: it is called, since it goes through. NULL where nobody is. */
static __attribute__((noinline)) struct ai_transfer *find(struct asyncio__line *line,
                                                          void *const *who)
{
    struct ai_caller *c = ai_line_first(line);

    while (c && !is_free((struct ai_transfer *)c, who))
        c = c->next;
    if (!c)
        return NULL;
    struct ai_transfer *t = (struct ai_transfer *)c;
    ai_line_leave(c, false);
    ai_caller_call(c);
    if (t->choice)
        *t->choice = t;
    return t;
}

static inline struct ai_transfer *meet(struct asyncio__line *line, void *const *who)
{
    return __builtin_expect(line->first != NULL, 0) ? find(line, who) : NULL;
}

/* The place of the item of one that goes through here. */
static inline void *pass(struct ai_transfer *t)
{
    void *place = t->place;

    t->place = NULL;
    return place;
}

/* 1, or why not: -EAGAIN where one has to wait. */
static inline int send(struct channel *ch, const void *item, void *const *who)
{
    struct ai_transfer *receiver;

    if (__builtin_expect(ch->closed, 0))
        return -EPIPE;
    if ((receiver = meet(&ch->receivers, who))) {
        ai_item_copy(pass(receiver), item, ch->items.size);
        return 1;
    }
    if (ch->items.count >= ch->capacity)
        return -EAGAIN;
    return ai_items_put(&ch->items, item) ? 1 : -ENOMEM;
}

/* Who waits to send takes the room that was made; it is the one just left, so that this needs no
 * memory. */
static inline int receive(struct channel *ch, void *item, void *const *who)
{
    bool has = ch->items.count > 0;
    struct ai_transfer *sender;

    if (has)
        ai_items_get(&ch->items, item);
    if ((sender = meet(&ch->senders, who))) {
        if (!has)
            ai_item_copy(item, pass(sender), ch->items.size);
        else
            ai_items_put(&ch->items, pass(sender));
        return 1;
    }
    return has ? 1 : ch->closed ? -EPIPE : -EAGAIN;
}

/* --- Send and receive --- */

/* A later step. Cancelled when it had gone through already, the await that comes next is to tell.
 */
static __attribute__((noinline)) int go_on(struct ai_transfer *t, bool cancelled)
{
    struct ai_caller *c = &t->caller;

    if (!t->place) {
        if (cancelled)
            ai_step_put_off(&c->object);
        return 1;
    }
    if (c->in_line)
        ai_line_leave(c, true);
    return -ECANCELED;
}

static __attribute__((noinline)) int wait_or_fail(struct ai_transfer *t, int code)
{
    if (code != -EAGAIN)
        return code;
    ai_line_join(&t->caller);
    return 0;
}

/* Called without having gone through: the channel was closed, or has gone. */
static inline bool is_to_try(const struct ai_transfer *t, bool cancelled)
{
    return t->caller.called && t->place && !cancelled;
}

int asyncio__channel_send_step(void *self, bool cancelled)
{
    struct ai_transfer *t = self;
    struct channel *ch = ai_transfer_queue(t);

    if (__builtin_expect(!ch || !is_to_try(t, cancelled), 0))
        return go_on(t, cancelled);
    int code = send(ch, t->place, t->choice);
    return __builtin_expect(code > 0, 1) ? code : wait_or_fail(t, code);
}

int asyncio__channel_recv_step(void *self, bool cancelled)
{
    struct ai_transfer *t = self;
    struct channel *ch = ai_transfer_queue(t);

    if (__builtin_expect(!ch || !is_to_try(t, cancelled), 0))
        return go_on(t, cancelled);
    int code = receive(ch, t->place, t->choice);
    return __builtin_expect(code > 0, 1) ? code : wait_or_fail(t, code);
}

asyncio_any asyncio__channel_send(asyncio_any h, const void *item,
                                  const struct asyncio_awaitable_type *type)
{
    struct channel *ch = channel(h);
    struct ai_transfer *t = ch ? ai_transfer_new(type, &ch->object, &ch->senders) : NULL;

    if (__builtin_expect(!t, 0))
        return NULL;
    ai_item_copy(t->place, item, ch->items.size);
    return ai_handle(&t->caller.object);
}

asyncio_any asyncio__channel_recv(asyncio_any h, const struct asyncio_awaitable_type *type)
{
    struct channel *ch = channel(h);
    struct ai_transfer *t = ch ? ai_transfer_new(type, &ch->object, &ch->receivers) : NULL;

    return __builtin_expect(t != NULL, 1) ? ai_handle(&t->caller.object) : NULL;
}

asyncio_any asyncio__channel_recv_into(asyncio_any h, void *item,
                                       const struct asyncio_awaitable_type *type)
{
    return ai_transfer_into(asyncio__channel_recv(h, type), item);
}

int asyncio__channel_send_nowait(asyncio_any h, const void *item)
{
    struct channel *ch = channel(h);
    int code = ch ? send(ch, item, NULL) : -ENOMEM;

    return code > 0 ? 0 : code;
}

int asyncio__channel_recv_nowait(asyncio_any h, void *item)
{
    struct channel *ch = channel(h);
    int code = ch ? receive(ch, item, NULL) : -ENOMEM;

    return code > 0 ? 0 : code;
}

/* --- The channel --- */

/* All who wait, even for others of their own select, wait in vain. */
void asyncio__channel_close(asyncio_any h)
{
    struct channel *ch = channel(h);

    if (!ch)
        return;
    ch->closed = true;
    ai_line_dissolve(&ch->receivers);
    ai_line_dissolve(&ch->senders);
}

size_t asyncio__channel_size(asyncio_any h)
{
    struct channel *ch = channel(h);
    return ch ? ch->items.count : 0;
}

size_t asyncio__channel_capacity(asyncio_any h)
{
    struct channel *ch = channel(h);
    return ch ? ch->capacity : 0;
}
