/* Queue, PriorityQueue and LifoQueue: where Python's go on, so do these.
 *
 * A put or get tries, and where it cannot be done stands in line; called, it leaves the line and
 * tries again in its own step, so that it may find that somebody else was faster. Whoever was
 * called and cannot try any more calls the next. */
#include "base/panic.h"
#include "sync/transfer.h"
#include "task/diagnose.h"

#include <stdio.h>

struct queue {
    struct ai_object object; /* DONE from the start: nobody waits for itself */
    struct ai_items items;
    size_t limit;
    size_t quick; /* while so many are in it, one more can just be put behind them */
    long maxsize;
    struct asyncio__line getters, putters;
    struct asyncio_event finished; /* set: nothing is unfinished */
    size_t unfinished;
    bool shut;
};

static void destroy(void *self)
{
    struct queue *q = self;

    ai_items_close(&q->items);
    ai_line_dissolve(&q->getters);
    ai_line_dissolve(&q->putters);
    ai_line_dissolve(&q->finished.line);
}

#define QUEUE_TYPE(label)                                                                          \
    {                                                                                              \
        .name = label, .size = sizeof(struct queue), .kind = ASYNCIO__QUEUE, .destroy = destroy,   \
    }

static const struct asyncio_awaitable_type fifo_type = QUEUE_TYPE("Queue"),
                                           lifo_type = QUEUE_TYPE("LifoQueue"),
                                           priority_type = QUEUE_TYPE("PriorityQueue");

static struct queue *queue_new(const struct asyncio_awaitable_type *type, size_t size, long maxsize,
                               ai_compare *compare)
{
    struct queue *q = (struct queue *)ai_object_new(type, sizeof *q);

    if (!q)
        return NULL;
    q->object.state = AI_DONE;
    q->limit = maxsize > 0 ? (size_t)maxsize : SIZE_MAX;
    q->maxsize = maxsize;
    q->finished.set = true;
    ai_items_init(&q->items, size, compare);
    return q;
}

asyncio_any asyncio__queue_new(size_t size, long maxsize)
{
    struct queue *q = queue_new(&fifo_type, size, maxsize, NULL);
    return q ? ai_handle(&q->object) : NULL;
}

asyncio_any asyncio__lifo_queue_new(size_t size, long maxsize)
{
    struct queue *q = queue_new(&lifo_type, size, maxsize, NULL);

    if (!q)
        return NULL;
    q->items.lifo = true;
    q->items.quick = false;
    return ai_handle(&q->object);
}

asyncio_any asyncio__priority_queue_new(size_t size, long maxsize, ai_compare *compare)
{
    struct queue *q = queue_new(&priority_type, size, maxsize, compare);
    return q ? ai_handle(&q->object) : NULL;
}

static inline struct queue *queue(asyncio_any h)
{
    return (struct queue *)ai_queue_object(h, ASYNCIO__QUEUE);
}

/* --- Put and get --- */

static inline bool is_full(const struct queue *q)
{
    return q->items.count >= q->limit;
}

/* 1, or why not: -EAGAIN where there is no room. */
static inline int put(struct queue *q, const void *item)
{
    if (__builtin_expect(q->shut, 0))
        return -ESHUTDOWN;
    if (is_full(q))
        return -EAGAIN;
    if (!ai_items_put(&q->items, item))
        return -ENOMEM;
    if (q->items.quick)
        q->quick = q->items.capacity < q->limit ? q->items.capacity : q->limit;
    q->unfinished++;
    q->finished.set = false;
    ai_line_call_out(&q->getters);
    return 1;
}

static inline int get(struct queue *q, void *item)
{
    if (q->items.count == 0)
        return q->shut ? -ESHUTDOWN : -EAGAIN;
    ai_items_get(&q->items, item);
    ai_line_call_out(&q->putters);
    return 1;
}

/* Cancelled: what it was called for is there for the next. */
static __attribute__((noinline)) int give_up(struct ai_transfer *t, bool possible)
{
    struct ai_caller *c = &t->caller;

    if (c->in_line)
        ai_line_leave(c, true);
    else if (c->called && possible)
        ai_line_call_out(c->line);
    return -ECANCELED;
}

static __attribute__((noinline)) int wait_or_fail(struct ai_transfer *t, int code)
{
    if (code == -EAGAIN) {
        ai_line_join(&t->caller);
        return 0;
    }
    if (code == -ENOMEM)
        ai_line_call_out(t->caller.line); /* there is room still */
    return code;
}

/* It is done, and one of those who wait for the other may try. */
static __attribute__((noinline)) int call_out(struct ai_transfer *t)
{
    struct queue *q = ai_transfer_queue(t);

    ai_line_call_out_slowly(t->caller.line == &q->getters ? &q->putters : &q->getters);
    return ai_done_at_once(&t->caller.object);
}

int asyncio__queue_put_step(void *self, bool cancelled)
{
    struct ai_transfer *t = self;
    struct queue *q = ai_transfer_queue(t);

    if (!q)
        return -ECANCELED;
    if (cancelled || !t->caller.called)
        return give_up(t, !is_full(q));
    int code = put(q, t->place);
    return code > 0 ? code : wait_or_fail(t, code);
}

int asyncio__queue_get_step(void *self, bool cancelled)
{
    struct ai_transfer *t = self;
    struct queue *q = ai_transfer_queue(t);

    if (!q)
        return -ECANCELED;
    if (cancelled || !t->caller.called)
        return give_up(t, q->items.count > 0);
    int code = get(q, t->place);
    return code > 0 ? code : wait_or_fail(t, code);
}

static __attribute__((noinline)) int wait_at_once(struct ai_transfer *t, void *result,
                                                  const struct asyncio__place *place)
{
    ai_line_join(&t->caller);
    return ai_await_later(&t->caller.object, result, place);
}

/* What put() and get() do, where that is quickly done. */
int asyncio__queue_put_at_once(void *self, void *result, const struct asyncio__place *place)
{
    struct ai_transfer *t = self;
    struct queue *q = ai_transfer_queue(t);

    if (__builtin_expect(!q, 0))
        return ai_await_step(self, result, place);
    if (q->items.count >= q->quick)
        return !q->shut && is_full(q) ? wait_at_once(t, result, place)
                                      : ai_await_step(self, result, place);
    ai_items_put_quickly(&q->items, t + 1);
    q->unfinished++;
    q->finished.set = false;
    *(int *)result = 0;
    return q->getters.first ? call_out(t) : ai_done_at_once(self);
}

int asyncio__queue_get_at_once(void *self, void *result, const struct asyncio__place *place)
{
    struct ai_transfer *t = self;
    struct queue *q = ai_transfer_queue(t);

    if (__builtin_expect(!q || q->shut || !q->items.quick, 0))
        return ai_await_step(self, result, place);
    if (q->items.count == 0)
        return wait_at_once(t, result, place);
    ai_items_get_quickly(&q->items, result);
    return q->putters.first ? call_out(t) : ai_done_at_once(self);
}

static __attribute__((noinline)) asyncio_any put_slowly(asyncio_any h, const void *item,
                                                        const struct asyncio_awaitable_type *type)
{
    struct queue *q = queue(h);
    struct ai_transfer *t = q ? ai_transfer_new(type, &q->object, &q->putters) : NULL;

    if (!t)
        return NULL;
    ai_item_copy(t->place, item, q->items.size);
    return ai_handle(&t->caller.object);
}

asyncio_any asyncio__queue_put(asyncio_any h, const void *item,
                               const struct asyncio_awaitable_type *type)
{
    struct queue *q = (struct queue *)ai_queue_if_any(h, ASYNCIO__QUEUE);
    struct ai_transfer *t = NULL;

    if (__builtin_expect(q && q->items.quick, 1))
        t = ai_transfer_reuse(type, &q->object, &q->putters);
    if (__builtin_expect(!t, 0))
        return put_slowly(h, item, type);
    ai_item_copy_quickly(t + 1, item, q->items.size);
    return ai_handle(&t->caller.object);
}

static __attribute__((noinline)) asyncio_any get_slowly(asyncio_any h,
                                                        const struct asyncio_awaitable_type *type)
{
    struct queue *q = queue(h);
    struct ai_transfer *t = q ? ai_transfer_new(type, &q->object, &q->getters) : NULL;

    return t ? ai_handle(&t->caller.object) : NULL;
}

asyncio_any asyncio__queue_get(asyncio_any h, const struct asyncio_awaitable_type *type)
{
    struct queue *q = (struct queue *)ai_queue_if_any(h, ASYNCIO__QUEUE);
    struct ai_transfer *t = q ? ai_transfer_reuse(type, &q->object, &q->getters) : NULL;

    return __builtin_expect(t != NULL, 1) ? ai_handle(&t->caller.object) : get_slowly(h, type);
}

asyncio_any asyncio__queue_get_into(asyncio_any h, void *item,
                                    const struct asyncio_awaitable_type *type)
{
    return ai_transfer_into(asyncio__queue_get(h, type), item);
}

static int nowait(int code)
{
    return code > 0 ? 0 : code;
}

int asyncio__queue_put_nowait(asyncio_any h, const void *item)
{
    struct queue *q = queue(h);
    return q ? nowait(put(q, item)) : -ENOMEM;
}

int asyncio__queue_get_nowait(asyncio_any h, void *item)
{
    struct queue *q = queue(h);
    return q ? nowait(get(q, item)) : -ENOMEM;
}

/* --- Join and shutdown --- */

static void finish(struct queue *q, size_t n)
{
    q->unfinished -= n < q->unfinished ? n : q->unfinished;
    if (q->unfinished == 0)
        asyncio_event_set(&q->finished);
}

void asyncio__queue_task_done(asyncio_any h)
{
    struct queue *q = queue(h);

    if (!q)
        return;
    if (q->unfinished == 0)
        ai_panic("ValueError: task_done() called too many times");
    finish(q, 1);
}

static int join_step(void *self, bool cancelled)
{
    struct ai_transfer *t = self;
    struct queue *q = ai_transfer_queue(t);

    if (!q)
        return -ECANCELED;
    if (t->caller.in_line)
        return ai_line_leave(&t->caller, cancelled) ? -ECANCELED : 1;
    if (q->finished.set)
        return 1;
    ai_line_join(&t->caller);
    return 0;
}

ASYNCIO_AWAITABLE(int) asyncio__queue_join(asyncio_any h)
{
    static const struct asyncio_awaitable_type type =
        AI_CALLER("Queue.join", struct ai_transfer, join_step);
    struct queue *q = queue(h);
    struct ai_transfer *t = q ? ai_transfer_new(&type, &q->object, &q->finished.line) : NULL;

    return t ? ai_handle(&t->caller.object) : NULL;
}

void asyncio__queue_shutdown(asyncio_any h, bool immediate)
{
    struct queue *q = queue(h);

    if (!q)
        return;
    q->shut = true;
    q->quick = 0;
    if (immediate) {
        finish(q, q->items.count);
        ai_items_clear(&q->items);
    }
    ai_line_dissolve(&q->getters);
    ai_line_dissolve(&q->putters);
}

/* --- What it is like --- */

size_t asyncio__queue_qsize(asyncio_any h)
{
    struct queue *q = queue(h);
    return q ? q->items.count : 0;
}

long asyncio__queue_maxsize(asyncio_any h)
{
    struct queue *q = queue(h);
    return q ? q->maxsize : 0;
}

bool asyncio__queue_empty(asyncio_any h)
{
    return asyncio__queue_qsize(h) == 0;
}

bool asyncio__queue_full(asyncio_any h)
{
    struct queue *q = queue(h);
    return q && is_full(q);
}

struct count {
    char text[48];
};

/* The number with what stands before and after it; nothing where it is 0. */
static struct count count(const char *before, size_t n, const char *after)
{
    struct count c = {""};

    if (n)
        snprintf(c.text, sizeof c.text, "%s%zu%s", before, n, after);
    return c;
}

char *asyncio__queue_repr(asyncio_any h, char *buf, size_t n)
{
    struct queue *q = queue(h);

    if (!q) {
        snprintf(buf, n, "None");
        return buf;
    }
    struct count items = count(" _queue[", q->items.count, "]");
    struct count getters = count(" _getters[", ai_line_length(&q->getters), "]");
    struct count putters = count(" _putters[", ai_line_length(&q->putters), "]");
    struct count tasks = count(" tasks=", q->unfinished, "");
    snprintf(buf, n, "<%s at %p maxsize=%ld%s%s%s%s%s>", q->object.type->name, (void *)q,
             q->maxsize, items.text, getters.text, putters.text, tasks.text,
             q->shut ? " shutdown" : "");
    return buf;
}
