/* Queues: first in first out, last in first out, by priority. */
#include "scenario.h"

#include <asyncio/queue.h>

typedef asyncio_queue(int) queue;

/* The value of get_nowait(), or the error. */
static const char *get_now(queue q)
{
    int item, r = asyncio_queue_get_nowait(q, &item);
    return outcome(r < 0 ? r : item);
}

static const char *put_now(queue q, int item)
{
    return outcome(asyncio_queue_put_nowait(q, item));
}

static void about(queue q)
{
    trace("%zu of %ld, empty %s, full %s", asyncio_queue_qsize(q), asyncio_queue_maxsize(q),
          yes(asyncio_queue_empty(q)), yes(asyncio_queue_full(q)));
}

/* Puts n items. */
static async(int, putter, (const char *, name), (queue, q), (int, first), (int, n))
{
    for (int i = first; i < first + n; i++) {
        int r = await(asyncio_queue_put(q, i));
        if (r < 0) {
            trace("%s %s", name, outcome(r));
            return asyncio_raise(r, NULL);
        }
        trace("%s put %d", name, i);
    }
    return 0;
}

/* Gets n items. */
static async(int, getter, (const char *, name), (queue, q), (int, n))
{
    while (n-- > 0) {
        int r = await(asyncio_queue_get(q));
        if (r < 0) {
            trace("%s %s", name, outcome(r));
            return asyncio_raise(r, NULL);
        }
        trace("%s got %d", name, r);
    }
    return 0;
}

static awaitable(int) puts_item(const char *name, queue q, int first)
{
    return asyncio_create_task(putter(name, q, first, 1));
}

static awaitable(int) gets_item(const char *name, queue q)
{
    return asyncio_create_task(getter(name, q, 1));
}

SCENARIO(empty)
{
    queue q = asyncio_queue_new(int, 0);
    about(q);
    await(asyncio_queue_put(q, 1));
    about(q);
    trace("%d", await(asyncio_queue_get(q)));
    about(q);
}

SCENARIO(full)
{
    about(asyncio_queue_new(int, 0));
    queue q = asyncio_queue_new(int, 1);
    await(asyncio_queue_put(q, 1));
    about(q);
}

SCENARIO(maxsize_negative)
{
    queue q = asyncio_queue_new(int, -1);
    const char *before = yes(asyncio_queue_full(q)), *r = put_now(q, 1);
    trace("%s %s %s", before, r, yes(asyncio_queue_full(q)));
}

static async(void, puts_and_gets, (queue, q))
{
    static const int items[] = {1, 3, 2};
    for (int i = 0; i < 3; i++)
        await(asyncio_queue_put(q, items[i]));
    int a = await(asyncio_queue_get(q)), b = await(asyncio_queue_get(q));
    trace("%d %d %d", a, b, await(asyncio_queue_get(q)));
}

SCENARIO(order)
{
    await(puts_and_gets(asyncio_queue_new(int, 0)));
}

SCENARIO(maxsize)
{
    queue q = asyncio_queue_new(int, 2);
    awaitable(int) t = asyncio_create_task(putter("p", q, 0, 3));
    await(turns(2));
    trace("got %d", await(asyncio_queue_get(q)));
    await(asyncio_sleep(0));
    trace("got %d", await(asyncio_queue_get(q)));
    trace("got %d", await(asyncio_queue_get(q)));
    trace("%s", yes(asyncio_done(t)));
}

SCENARIO(blocking_get)
{
    queue q = asyncio_queue_new(int, 0);
    put_now(q, 1);
    trace("%d", await(asyncio_queue_get(q)));
}

static void put_1(void *q)
{
    put_now(q, 1);
}

SCENARIO(blocking_get_wait)
{
    queue q = asyncio_queue_new(int, 0);
    awaitable(int) t = gets_item("g", q);
    await(asyncio_sleep(0));
    asyncio_call_later(1, put_1, q);
    await(t);
}

SCENARIO(nonblocking_get)
{
    queue q = asyncio_queue_new(int, 0);
    put_now(q, 1);
    trace("%s", get_now(q));
}

SCENARIO(nonblocking_get_exception)
{
    trace("%s", get_now(asyncio_queue_new(int, 0)));
}

SCENARIO(get_cancelled_race)
{
    queue q = asyncio_queue_new(int, 0);
    awaitable(int) a = gets_item("a", q), b = gets_item("b", q);
    await(asyncio_sleep(0));
    asyncio_cancel(a);
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_done(a)));
    await(asyncio_queue_put(q, 7));
    await(asyncio_sleep(0));
    await(b);
}

SCENARIO(get_with_waiting_putters)
{
    queue q = asyncio_queue_new(int, 1);
    asyncio_spawn(asyncio_queue_put(q, 1));
    asyncio_spawn(asyncio_queue_put(q, 2));
    trace("%d", await(asyncio_queue_get(q)));
    trace("%d", await(asyncio_queue_get(q)));
}

SCENARIO(why_are_getters_waiting)
{
    queue q = asyncio_queue_new(int, 1);
    await(asyncio_gather(putter("p", q, 0, 5), getter("g", q, 5)));
}

SCENARIO(cancelled_getter_is_gone)
{
    queue q = asyncio_queue_new(int, 5);
    awaitable(int) t = gets_item("a", q);
    await(asyncio_sleep(0.1));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    put_now(q, 1);
    trace("%zu", asyncio_queue_qsize(q));
    await(getter("main", q, 1));
}

SCENARIO(blocking_put)
{
    queue q = asyncio_queue_new(int, 0);
    await(asyncio_queue_put(q, 1));
    trace("%d", await(asyncio_queue_get(q)));
}

static void get_1(void *q)
{
    get_now(q);
}

SCENARIO(blocking_put_wait)
{
    queue q = asyncio_queue_new(int, 1);
    asyncio_call_later(0.01, get_1, q);
    awaitable(int) t = asyncio_create_task(putter("p", q, 1, 2));
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_done(t)));
    await(t);
}

SCENARIO(get_cancel_drop_one_pending_reader)
{
    queue q = asyncio_queue_new(int, 0);
    awaitable(int) t = gets_item("a", q);
    await(asyncio_sleep(0));
    put_now(q, 1);
    put_now(q, 2);
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    await(getter("main", q, 2));
}

SCENARIO(get_cancel_drop_many_pending_readers)
{
    queue q = asyncio_queue_new(int, 0);
    awaitable(int) a = gets_item("a", q), b = gets_item("b", q), c = gets_item("c", q);
    await(asyncio_sleep(0));
    put_now(q, 1);
    put_now(q, 2);
    asyncio_cancel(a);
    trace("%s", outcome(await(a)));
    await(b);
    await(c);
    trace("%zu", asyncio_queue_qsize(q));
}

SCENARIO(put_cancel_drop)
{
    queue q = asyncio_queue_new(int, 1);
    put_now(q, 1);
    awaitable(int) t = puts_item("p", q, 2);
    await(asyncio_sleep(0));
    trace("%s", get_now(q));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    await(putter("main", q, 2, 1));
    const char *got = get_now(q);
    trace("%s %zu", got, asyncio_queue_qsize(q));
}

SCENARIO(nonblocking_put_exception)
{
    queue q = asyncio_queue_new(int, 1);
    trace("%s", put_now(q, 1));
    trace("%s", put_now(q, 2));
}

SCENARIO(put_cancelled)
{
    queue q = asyncio_queue_new(int, 0);
    awaitable(int) t = puts_item("p", q, 1);
    trace("%d", await(asyncio_queue_get(q)));
    trace("%s", yes(asyncio_done(t)));
}

SCENARIO(put_cancelled_race)
{
    queue q = asyncio_queue_new(int, 1);
    awaitable(int) a = puts_item("a", q, 0), b = puts_item("b", q, 1), c = puts_item("c", q, 2);
    await(asyncio_sleep(0));
    trace("%s %s", yes(asyncio_done(a)), yes(asyncio_done(b)));
    asyncio_cancel(c);
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_done(c)));
    trace("%s", get_now(q));
    await(asyncio_sleep(0));
    trace("%s", get_now(q));
    await(b);
}

SCENARIO(put_with_waiting_getters)
{
    queue q = asyncio_queue_new(int, 0);
    awaitable(int) t = gets_item("g", q);
    await(asyncio_sleep(0));
    await(asyncio_queue_put(q, 5));
    trace("put");
    await(t);
}

static async(int, drains, (queue, q))
{
    await(asyncio_sleep(0));
    for (size_t n = asyncio_queue_qsize(q); n > 0; n--)
        trace("drained %s", get_now(q));
    return 0;
}

SCENARIO(why_are_putters_waiting)
{
    queue q = asyncio_queue_new(int, 2);
    await(asyncio_gather(drains(q), putter("a", q, 0, 1), putter("b", q, 1, 1),
                         putter("c", q, 2, 1), putter("d", q, 3, 1)));
}

SCENARIO(cancelled_putter_is_gone)
{
    queue q = asyncio_queue_new(int, 1);
    put_now(q, 1);
    awaitable(int) t = puts_item("a", q, 2);
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    const char *first = get_now(q);
    trace("%s %s", first, get_now(q));
}

SCENARIO(woken_putter_is_cancelled)
{
    queue q = asyncio_queue_new(int, 1);
    put_now(q, 1);
    awaitable(int) a = puts_item("a", q, 2), b = puts_item("b", q, 3);
    await(asyncio_sleep(0));
    trace("%s", get_now(q));
    asyncio_cancel(a);
    trace("%s", outcome(await(a)));
    await(b);
    trace("%s", get_now(q));
}

SCENARIO(woken_getter_is_cancelled)
{
    queue q = asyncio_queue_new(int, 0);
    awaitable(int) a = gets_item("a", q), b = gets_item("b", q);
    await(asyncio_sleep(0));
    put_now(q, 1);
    asyncio_cancel(a);
    trace("%s", outcome(await(a)));
    await(b);
}

SCENARIO(two_producers_two_consumers)
{
    queue q = asyncio_queue_new(int, 2);
    await(asyncio_gather(putter("p", q, 0, 4), putter("q", q, 10, 4), getter("a", q, 4),
                         getter("b", q, 4)));
    trace("%zu", asyncio_queue_qsize(q));
}

SCENARIO(getters_in_order)
{
    queue q = asyncio_queue_new(int, 0);
    awaitable(int) a = gets_item("a", q), b = gets_item("b", q), c = gets_item("c", q);
    await(asyncio_sleep(0));
    for (int i = 0; i < 3; i++)
        put_now(q, i);
    await(asyncio_gather(a, b, c));
}

SCENARIO(lifo_order)
{
    await(puts_and_gets(asyncio_lifo_queue_new(int, 0)));
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

SCENARIO(priority_order)
{
    static const int items[] = {5, 1, 3, 2, 4};
    queue q = asyncio_priority_queue_new(int, 0, compare);
    int r[5];
    for (int i = 0; i < 5; i++)
        await(asyncio_queue_put(q, items[i]));
    for (int i = 0; i < 5; i++)
        r[i] = await(asyncio_queue_get(q));
    trace("%d %d %d %d %d", r[0], r[1], r[2], r[3], r[4]);
}

SCENARIO(priority_of_those_who_wait)
{
    queue q = asyncio_priority_queue_new(int, 1, compare);
    awaitable(int) c = puts_item("c", q, 3), a = puts_item("a", q, 1), b = puts_item("b", q, 2);
    await(asyncio_sleep(0));
    await(getter("main", q, 3));
    await(asyncio_gather(c, a, b));
}

SCENARIO(task_done_underflow)
{
    queue q = asyncio_queue_new(int, 0);
    MISUSE(asyncio_queue_task_done(q));
}

static async(int, works, (const char *, name), (queue, q))
{
    for (;;) {
        int item = await(asyncio_queue_get(q));
        if (item < 0)
            return item;
        trace("%s got %d", name, item);
        await(asyncio_sleep(1));
        asyncio_queue_task_done(q);
    }
}

SCENARIO(task_done)
{
    queue q = asyncio_queue_new(int, 0);
    for (int i = 0; i < 6; i++)
        put_now(q, i);
    awaitable(int) a = asyncio_create_task(works("a", q)), b = asyncio_create_task(works("b", q));
    await(asyncio_queue_join(q));
    trace("joined");
    asyncio_cancel(a);
    asyncio_cancel(b);
}

SCENARIO(join_empty_queue)
{
    queue q = asyncio_queue_new(int, 0);
    await(asyncio_queue_join(q));
    await(asyncio_queue_join(q));
    trace("at once");
}

SCENARIO(join_after_more_is_put)
{
    queue q = asyncio_queue_new(int, 0);
    put_now(q, 1);
    awaitable(int) t = asyncio_create_task(asyncio_queue_join(q));
    await(asyncio_sleep(0));
    get_now(q);
    put_now(q, 2);
    asyncio_queue_task_done(q);
    await(turns(2));
    trace("%s", yes(asyncio_done(t)));
    get_now(q);
    asyncio_queue_task_done(q);
    await(t);
    trace("joined");
}

SCENARIO(join_cancelled)
{
    queue q = asyncio_queue_new(int, 0);
    put_now(q, 1);
    awaitable(int) t = asyncio_create_task(asyncio_queue_join(q));
    await(asyncio_sleep(1));
    asyncio_cancel(t);
    trace("%s", outcome(await(t)));
    get_now(q);
    asyncio_queue_task_done(q);
    await(asyncio_queue_join(q));
    trace("joined");
}

/* --- Shutdown --- */

static async(void, all_refused, (queue, q))
{
    trace("%s", outcome(await(asyncio_queue_put(q, 1))));
    trace("%s", put_now(q, 1));
    trace("%s", outcome(await(asyncio_queue_get(q))));
    trace("%s", get_now(q));
}

SCENARIO(shutdown_empty)
{
    queue q = asyncio_queue_new(int, 0);
    awaitable(int) t = gets_item("g", q);
    await(asyncio_sleep(0));
    asyncio_queue_shutdown(q, false);
    await(asyncio_queue_join(q));
    await(asyncio_sleep(0));
    const char *done = yes(asyncio_done(t));
    trace("%s %s", done, outcome(await(t)));
    await(all_refused(q));
}

SCENARIO(shutdown_nonempty)
{
    queue q = asyncio_queue_new(int, 1);
    put_now(q, 7);
    awaitable(int) j = asyncio_create_task(asyncio_queue_join(q)), p = puts_item("p", q, 8);
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_done(p)));
    asyncio_queue_shutdown(q, false);
    trace("%zu", asyncio_queue_qsize(q));
    await(asyncio_sleep(0));
    const char *done = yes(asyncio_done(p));
    trace("%s %s", done, outcome(await(p)));
    trace("%d", await(asyncio_queue_get(q)));
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_done(j)));
    await(all_refused(q));
    asyncio_queue_task_done(q);
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_done(j)));
    MISUSE(asyncio_queue_task_done(q));
}

SCENARIO(shutdown_immediate)
{
    queue q = asyncio_queue_new(int, 0);
    put_now(q, 7);
    awaitable(int) j = asyncio_create_task(asyncio_queue_join(q));
    asyncio_queue_shutdown(q, true);
    trace("%zu", asyncio_queue_qsize(q));
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_done(j)));
    await(all_refused(q));
    MISUSE(asyncio_queue_task_done(q));
}

SCENARIO(shutdown_immediate_with_unfinished)
{
    queue q = asyncio_queue_new(int, 0);
    put_now(q, 7);
    put_now(q, 8);
    awaitable(int) j = asyncio_create_task(asyncio_queue_join(q));
    trace("%d", await(asyncio_queue_get(q)));
    asyncio_queue_shutdown(q, true);
    trace("%zu", asyncio_queue_qsize(q));
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_done(j)));
    await(all_refused(q));
    asyncio_queue_task_done(q);
    MISUSE(asyncio_queue_task_done(q));
    await(asyncio_sleep(0));
    trace("%s", yes(asyncio_done(j)));
}

SCENARIO(shutdown_wakes_all_getters)
{
    queue q = asyncio_queue_new(int, 0);
    awaitable(int) a = gets_item("a", q), b = gets_item("b", q);
    await(asyncio_sleep(1));
    asyncio_queue_shutdown(q, false);
    int ra = await(a), rb = await(b);
    trace("%s %s", outcome(ra), outcome(rb));
}

SCENARIO(shutdown_wakes_all_putters)
{
    queue q = asyncio_queue_new(int, 1);
    put_now(q, 0);
    awaitable(int) a = puts_item("a", q, 1), b = puts_item("b", q, 2);
    await(asyncio_sleep(1));
    asyncio_queue_shutdown(q, true);
    int ra = await(a), rb = await(b);
    trace("%s %s %zu", outcome(ra), outcome(rb), asyncio_queue_qsize(q));
}
