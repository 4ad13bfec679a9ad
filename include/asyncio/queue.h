/* Queues, as in Python's asyncio: Queue, PriorityQueue, LifoQueue.
 *
 *     asyncio_queue(int) q = asyncio_queue_new(int, 10);
 *     await(asyncio_queue_put(q, 7));
 *     int n = await(asyncio_queue_get(q));
 *
 * An asyncio_queue(T) hands on values of any object type T, copied byte by byte; one of another T,
 * or an awaitable in its place, is a compile error. It is owned as a future is: valid until its
 * maker ends or calls asyncio_release(q); asyncio_retain(q) keeps it. When it goes, so do its
 * items, and puts, gets and joins that wait on it fail with -ECANCELED. It belongs to the thread
 * that made it. NULL is what no memory gives: to await something of it then fails with -ENOMEM.
 *
 * Puts and gets are awaitables as any other, and what can be had at once takes no turn of the loop.
 * Who is cancelled while it waits has put or got nothing. Those who wait go on in the order of
 * asking; as in Python, who comes just before they do gets ahead of them. */
#ifndef ASYNCIO_QUEUE_H
#define ASYNCIO_QUEUE_H

#include <asyncio/language.h>

#pragma GCC visibility push(default)

/* The handle of a queue of T: a pointer that nobody follows, as awaitable(T) is. */
#define asyncio_queue(T) __typeof__(__typeof__(T)(**)(struct asyncio__queue *))

/* --- Making ------------------------------------------------------------------------------------
 */

/* asyncio_queue_new(T, maxsize): a queue of at most this many items (0 or less: any number), first
 * in, first out. Memory for them is taken as they come. NULL without memory. */
#define asyncio_queue_new(T, maxsize)                                                              \
    ((asyncio_queue(T))asyncio__queue_new(sizeof(__typeof__(T)), maxsize))

/* The same, but the last in is the first out. */
#define asyncio_lifo_queue_new(T, maxsize)                                                         \
    ((asyncio_queue(T))asyncio__lifo_queue_new(sizeof(__typeof__(T)), maxsize))

/* asyncio_priority_queue_new(T, maxsize, compare): the least first. compare(a, b), as qsort() takes
 * it, gets pointers to two T; it must not use the queue. Equals leave in the order in which they
 * came (in Python: in any). */
#define asyncio_priority_queue_new(T, maxsize, compare)                                            \
    ((asyncio_queue(T))asyncio__priority_queue_new(sizeof(__typeof__(T)), maxsize, compare))

/* --- Putting and getting -----------------------------------------------------------------------
 */

/* asyncio_queue_put(q, value): awaitable(int). Waits while the queue is full, and puts the value,
 * which is copied when this is called, into it. 0, -ESHUTDOWN, -ENOMEM or -ECANCELED: then it was
 * not put. */
#define asyncio_queue_put(q, ...)                                                                  \
    ASYNCIO__PUT(asyncio__queue, "Queue.put", asyncio__queue_put, asyncio__queue_put_step,         \
                 asyncio__queue_put_at_once, q, ASYNCIO__CAT(asyncio__h, __COUNTER__),             \
                 ASYNCIO__CAT(asyncio__v, __COUNTER__), __VA_ARGS__)

/* asyncio_queue_get(q): awaitable(T). Waits while the queue is empty; its value is the item that
 * comes next. It fails with -ESHUTDOWN, -ENOMEM or -ECANCELED. */
#define asyncio_queue_get(q)                                                                       \
    ASYNCIO__GET(asyncio__queue, "Queue.get", asyncio__queue_get, asyncio__queue_get_step,         \
                 asyncio__queue_get_at_once, q, ASYNCIO__CAT(asyncio__h, __COUNTER__))

/* asyncio_queue_get_into(q, T *item): awaitable(int). The same, with the item stored there, and 0
 * or the error as its value: for items that a failure cannot be told from, and for
 * asyncio_select(). `item` must live until this is done. */
#define asyncio_queue_get_into(q, item)                                                            \
    ASYNCIO__GET_INTO(asyncio__queue, "Queue.get", asyncio__queue_get_into,                        \
                      asyncio__queue_get_step, q, item, ASYNCIO__CAT(asyncio__h, __COUNTER__),     \
                      ASYNCIO__CAT(asyncio__v, __COUNTER__))

/* asyncio_queue_put_nowait(q, value): 0, or -EAGAIN where the queue is full, -ESHUTDOWN, -ENOMEM.
 */
#define asyncio_queue_put_nowait(q, ...)                                                           \
    ASYNCIO__PUT_NOWAIT(asyncio__queue, asyncio__queue_put_nowait, q,                              \
                        ASYNCIO__CAT(asyncio__h, __COUNTER__),                                     \
                        ASYNCIO__CAT(asyncio__v, __COUNTER__), __VA_ARGS__)

/* asyncio_queue_get_nowait(q, T *item): 0, or -EAGAIN where the queue is empty, -ESHUTDOWN; -ENOMEM
 * for NULL. */
#define asyncio_queue_get_nowait(q, item)                                                          \
    ASYNCIO__GET_NOWAIT(asyncio__queue, asyncio__queue_get_nowait, q, item,                        \
                        ASYNCIO__CAT(asyncio__h, __COUNTER__),                                     \
                        ASYNCIO__CAT(asyncio__v, __COUNTER__))

/* --- The queue ---------------------------------------------------------------------------------
 */

/* How many items are in it; what it was made with; whether there is none, or as many as may be. */
#define asyncio_queue_qsize(q) asyncio__queue_qsize(ASYNCIO__A_QUEUE(q))
#define asyncio_queue_maxsize(q) asyncio__queue_maxsize(ASYNCIO__A_QUEUE(q))
#define asyncio_queue_empty(q) asyncio__queue_empty(ASYNCIO__A_QUEUE(q))
#define asyncio_queue_full(q) asyncio__queue_full(ASYNCIO__A_QUEUE(q))

/* An item that was got has been dealt with. More often than items were put: ends the program. */
#define asyncio_queue_task_done(q) asyncio__queue_task_done(ASYNCIO__A_QUEUE(q))

/* awaitable(int): waits until all items that were put have been dealt with. 0, -ENOMEM or
 * -ECANCELED. */
#define asyncio_queue_join(q) asyncio__queue_join(ASYNCIO__A_QUEUE(q))

/* asyncio_queue_shutdown(q), asyncio_queue_shutdown(q, bool immediate): from now on puts fail with
 * -ESHUTDOWN, and gets when the queue is empty; also those who wait. immediate, false unless given:
 * drops what is in it, as dealt with. */
#define asyncio_queue_shutdown(...)                                                                \
    ASYNCIO__CAT(ASYNCIO__SHUTDOWN_, ASYNCIO__ONE_OR_N(__VA_ARGS__))(__VA_ARGS__)
#define ASYNCIO__SHUTDOWN_1(q) asyncio__queue_shutdown(ASYNCIO__A_QUEUE(q), false)
#define ASYNCIO__SHUTDOWN_2(q, immediate) asyncio__queue_shutdown(ASYNCIO__A_QUEUE(q), immediate)

/* `<Queue at 0x… maxsize=2 _queue[1] _getters[1] tasks=1 shutdown>` into buf, cut to fit; what it
 * has none of is left out. Returns buf. (Python shows the items.) */
#define asyncio_queue_repr(q, buf, n) asyncio__queue_repr(ASYNCIO__A_QUEUE(q), buf, n)

/* --- What the macros above are made of ---------------------------------------------------------
 */

struct asyncio__queue;

asyncio_any asyncio__queue_new(size_t size, long maxsize);
asyncio_any asyncio__lifo_queue_new(size_t size, long maxsize);
asyncio_any asyncio__priority_queue_new(size_t size, long maxsize,
                                        int (*compare)(const void *a, const void *b));
ASYNCIO__HOT asyncio_any asyncio__queue_put(asyncio_any q, const void *item,
                                            const struct asyncio_awaitable_type *type);
ASYNCIO__HOT asyncio_any asyncio__queue_get(asyncio_any q,
                                            const struct asyncio_awaitable_type *type);
asyncio_any asyncio__queue_get_into(asyncio_any q, void *item,
                                    const struct asyncio_awaitable_type *type);
int asyncio__queue_put_step(void *self, bool cancelled);
int asyncio__queue_get_step(void *self, bool cancelled);
ASYNCIO__HOT int asyncio__queue_put_at_once(void *self, void *result,
                                            const struct asyncio__place *place);
ASYNCIO__HOT int asyncio__queue_get_at_once(void *self, void *result,
                                            const struct asyncio__place *place);
int asyncio__queue_put_nowait(asyncio_any q, const void *item);
int asyncio__queue_get_nowait(asyncio_any q, void *item);
size_t asyncio__queue_qsize(asyncio_any q);
long asyncio__queue_maxsize(asyncio_any q);
bool asyncio__queue_empty(asyncio_any q);
bool asyncio__queue_full(asyncio_any q);
void asyncio__queue_task_done(asyncio_any q);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio__queue_join(asyncio_any q);
void asyncio__queue_shutdown(asyncio_any q, bool immediate);
char *asyncio__queue_repr(asyncio_any q, char *buf, size_t n);

/* What a put or get is made of, before the item. */
struct asyncio__transfer {
    _Alignas(16) unsigned char opaque[144];
};
#define ASYNCIO__TRANSFER_RESULT 88
#define ASYNCIO__TRANSFER_SIZE(T)                                                                  \
    sizeof(struct {                                                                                \
        struct asyncio__transfer head;                                                             \
        T item;                                                                                    \
    })

/* The T of a queue or channel, told by the structure that its type names; a compile error where h
 * is none. */
#define ASYNCIO__ITEM(h, queue) __typeof__((**(h))((struct queue *)0))
#define ASYNCIO__CHECK_QUEUE(h, queue)                                                             \
    ((void)_Generic((h), ASYNCIO__ITEM(h, queue)(**)(struct queue *) : 0))

#define ASYNCIO__ANY_QUEUE(queue, q, h)                                                            \
    __extension__({                                                                                \
        __auto_type h = (q);                                                                       \
        ASYNCIO__CHECK_QUEUE(h, queue);                                                            \
        (asyncio_any) h;                                                                           \
    })
#define ASYNCIO__A_QUEUE(q)                                                                        \
    ASYNCIO__ANY_QUEUE(asyncio__queue, q, ASYNCIO__CAT(asyncio__h, __COUNTER__))

/* A type made where the call stands: with the item behind the head, where a get has its result. */
#define ASYNCIO__TRANSFER_TYPE(label, T, r_size, r_offset, r_signed, first, quick)                 \
    static const struct asyncio_awaitable_type asyncio__type = {                                   \
        .name = label,                                                                             \
        .size = ASYNCIO__TRANSFER_SIZE(T),                                                         \
        .result_size = r_size,                                                                     \
        .result_offset = r_offset,                                                                 \
        .result_signed = r_signed,                                                                 \
        .pool_class = ASYNCIO__POOL_CLASS(ASYNCIO__TRANSFER_SIZE(T)),                              \
        .step = first,                                                                             \
        .at_once = quick,                                                                          \
    }
#define ASYNCIO__PUT_TYPE(label, T, step, at_once)                                                 \
    ASYNCIO__TRANSFER_TYPE(label, T, sizeof(int), ASYNCIO__TRANSFER_RESULT, true, step, at_once)
#define ASYNCIO__GET_TYPE(label, T, step, at_once)                                                 \
    ASYNCIO__TRANSFER_TYPE(label, T, sizeof(T), sizeof(struct asyncio__transfer),                  \
                           ASYNCIO__SIGNED(T), step, at_once)

#define ASYNCIO__PUT(queue, label, function, step, at_once, q, h, v, ...)                          \
    __extension__({                                                                                \
        __auto_type h = (q);                                                                       \
        ASYNCIO__CHECK_QUEUE(h, queue);                                                            \
        ASYNCIO__ITEM(h, queue) v = __VA_ARGS__;                                                   \
        ASYNCIO__PUT_TYPE(label, ASYNCIO__ITEM(h, queue), step, at_once);                          \
        (ASYNCIO_AWAITABLE(int)) function((asyncio_any)h, &v, &asyncio__type);                     \
    })

#define ASYNCIO__GET(queue, label, function, step, at_once, q, h)                                  \
    __extension__({                                                                                \
        __auto_type h = (q);                                                                       \
        ASYNCIO__CHECK_QUEUE(h, queue);                                                            \
        ASYNCIO__GET_TYPE(label, ASYNCIO__ITEM(h, queue), step, at_once);                          \
        (ASYNCIO_AWAITABLE(ASYNCIO__ITEM(h, queue))) function((asyncio_any)h, &asyncio__type);     \
    })

#define ASYNCIO__GET_INTO(queue, label, function, step, q, place, h, v)                            \
    __extension__({                                                                                \
        __auto_type h = (q);                                                                       \
        ASYNCIO__CHECK_QUEUE(h, queue);                                                            \
        ASYNCIO__ITEM(h, queue) *v = (place);                                                      \
        ASYNCIO__PUT_TYPE(label, ASYNCIO__ITEM(h, queue), step, NULL);                             \
        (ASYNCIO_AWAITABLE(int)) function((asyncio_any)h, v, &asyncio__type);                      \
    })

#define ASYNCIO__PUT_NOWAIT(queue, function, q, h, v, ...)                                         \
    __extension__({                                                                                \
        __auto_type h = (q);                                                                       \
        ASYNCIO__CHECK_QUEUE(h, queue);                                                            \
        ASYNCIO__ITEM(h, queue) v = __VA_ARGS__;                                                   \
        function((asyncio_any)h, &v);                                                              \
    })

#define ASYNCIO__GET_NOWAIT(queue, function, q, place, h, v)                                       \
    __extension__({                                                                                \
        __auto_type h = (q);                                                                       \
        ASYNCIO__CHECK_QUEUE(h, queue);                                                            \
        ASYNCIO__ITEM(h, queue) *v = (place);                                                      \
        function((asyncio_any)h, v);                                                               \
    })

#pragma GCC visibility pop

#endif
