/* Queue, PriorityQueue, LifoQueue: turn for turn as in Python, nothing lost and nothing twice. */
#include "support.h"

#include "base/alloc.h"

static async(int, gets, (asyncio_queue(int), q), (int, name), (int, times))
{
    while (times-- > 0) {
        int v = await(asyncio_queue_get(q));
        if (asyncio_error()) {
            note("%d:%s", name, asyncio_error() == -ESHUTDOWN ? "shut" : "cancelled");
            return v;
        }
        note("%d<%d", name, v);
    }
    return 0;
}

static async(int, puts_range, (asyncio_queue(int), q), (int, first), (int, n))
{
    for (int i = first; i < first + n; i++) {
        int r = await(asyncio_queue_put(q, i));
        if (r < 0) {
            note("%d:%s", i, r == -ESHUTDOWN ? "shut" : "cancelled");
            return r;
        }
        note("%d>", i);
    }
    return 0;
}

static void must_not_run(void *unused)
{
    (void)unused;
    fail_msg("the loop took a turn");
}

ASYNC_TEST(what_can_be_had_takes_no_turn)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 1);
    struct asyncio_handle *next_turn = asyncio_call_soon(must_not_run, NULL);
    await(asyncio_queue_put(q, 1)); /* now there is memory for it */
    await(asyncio_queue_get(q));
    size_t allocated = ai_allocated();

    assert_int_equal(await(asyncio_queue_put(q, 2)), 0);
    assert_true(asyncio_queue_full(q));
    assert_int_equal(await(asyncio_queue_get(q)), 2);
    assert_int_equal(asyncio_error(), 0);
    assert_true(asyncio_queue_empty(q));
    assert_int_equal(ai_allocated(), allocated);
    asyncio_handle_cancel(next_turn);
}

ASYNC_TEST(first_in_first_out)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 0);

    for (int i = 0, next = 0; i < 100; i++) { /* around the ring, while it grows */
        assert_int_equal(asyncio_queue_put_nowait(q, i), 0);
        if (i % 3 == 2)
            assert_int_equal(await(asyncio_queue_get(q)), next++);
    }
    assert_int_equal(asyncio_queue_qsize(q), 67);
    for (int i = 33; i < 100; i++)
        assert_int_equal(await(asyncio_queue_get(q)), i);
    assert_true(asyncio_queue_empty(q));
    assert_false(asyncio_queue_full(q));
    assert_int_equal(asyncio_queue_maxsize(q), 0);
}

ASYNC_TEST(last_in_first_out)
{
    asyncio_queue(int) q = asyncio_lifo_queue_new(int, 0);

    for (int i = 0; i < 20; i++)
        assert_int_equal(asyncio_queue_put_nowait(q, i), 0);
    for (int i = 20; i-- > 0;)
        assert_int_equal(await(asyncio_queue_get(q)), i);
}

struct job {
    int priority, number;
    char text[20];
};

static int by_priority(const void *a, const void *b)
{
    const struct job *x = a, *y = b;
    return (x->priority > y->priority) - (x->priority < y->priority);
}

ASYNC_TEST(the_least_first_and_equals_in_order)
{
    asyncio_queue(struct job) q = asyncio_priority_queue_new(struct job, 0, by_priority);

    for (int i = 0; i < 70; i++)
        assert_int_equal(asyncio_queue_put_nowait(q, {i * 5 % 7, i, "a job"}), 0);
    struct job last = {-1, -1, ""};
    for (int i = 0; i < 70; i++) {
        struct job j = await(asyncio_queue_get(q));
        assert_int_equal(j.priority, i / 10);
        assert_true(j.priority > last.priority || j.number > last.number);
        assert_string_equal(j.text, "a job");
        last = j;
    }
}

ASYNC_TEST(of_any_type)
{
    asyncio_queue(double) d = asyncio_queue_new(double, 0);
    asyncio_queue(const char *) s = asyncio_queue_new(const char *, 0);
    asyncio_queue(long double) l = asyncio_queue_new(long double, 0);
    struct large {
        char c[3000];
    } large = {"large"};
    asyncio_queue(struct large) b = asyncio_queue_new(struct large, 0);

    await(asyncio_queue_put(d, 1.5));
    await(asyncio_queue_put(s, "text"));
    await(asyncio_queue_put(l, 2.5L));
    await(asyncio_queue_put(b, large));
    assert_true(await(asyncio_queue_get(d)) == 1.5);
    assert_string_equal(await(asyncio_queue_get(s)), "text");
    assert_true(await(asyncio_queue_get(l)) == 2.5L);
    assert_string_equal(await(asyncio_queue_get(b)).c, "large");
}

/* GNU C knows things without a size. */
ASYNC_TEST(of_nothing_but_their_number)
{
    __extension__ typedef struct {
    } nothing;
    static nothing none;
    asyncio_queue(nothing) q = asyncio_queue_new(nothing, 0);

    for (int i = 0; i < 20; i++)
        assert_int_equal(await(asyncio_queue_put(q, none)), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(await(asyncio_queue_get_into(q, &none)), 0);
    assert_true(asyncio_queue_empty(q));
}

ASYNC_TEST(without_waiting)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 2);
    int v = 5;

    assert_int_equal(asyncio_queue_get_nowait(q, &v), -EAGAIN);
    assert_int_equal(v, 5);
    assert_int_equal(asyncio_queue_put_nowait(q, 1), 0);
    assert_int_equal(asyncio_queue_put_nowait(q, 2), 0);
    assert_int_equal(asyncio_queue_put_nowait(q, 3), -EAGAIN);
    assert_int_equal(asyncio_queue_qsize(q), 2);
    assert_int_equal(asyncio_queue_maxsize(q), 2);
    assert_int_equal(asyncio_queue_get_nowait(q, &v), 0);
    assert_int_equal(v, 1);
    asyncio_queue_shutdown(q);
    assert_int_equal(asyncio_queue_put_nowait(q, 3), -ESHUTDOWN);
    assert_int_equal(asyncio_queue_get_nowait(q, &v), 0);
    assert_int_equal(asyncio_queue_get_nowait(q, &v), -ESHUTDOWN);
    assert_int_equal(v, 2);
}

ASYNC_TEST(into_a_place_of_ones_own)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 0);
    int v = 0;

    awaitable(int) t = asyncio_create_task(asyncio_queue_get_into(q, &v));
    await(asyncio_sleep(0));
    asyncio_queue_put_nowait(q, -7);
    assert_int_equal(await(t), 0);
    assert_int_equal(v, -7);
    asyncio_queue_shutdown(q, false);
    assert_int_equal(await(asyncio_queue_get_into(q, &v)), -ESHUTDOWN);
    assert_int_equal(v, -7);
}

ASYNC_TEST(who_waits_to_get_goes_on_in_order)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 0);

    for (int i = 1; i <= 3; i++)
        asyncio_spawn(gets(q, i, 1));
    await(asyncio_sleep(0));
    for (int i = 1; i <= 3; i++)
        assert_int_equal(asyncio_queue_put_nowait(q, i * 10), 0);
    assert_history("");
    await(asyncio_sleep(0));
    assert_history("1<10 2<20 3<30");
}

ASYNC_TEST(who_waits_to_put_goes_on_in_order)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 1);

    for (int i = 1; i <= 3; i++)
        asyncio_spawn(puts_range(q, i, 1));
    await(asyncio_sleep(0));
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(await(asyncio_queue_get(q)), i);
        await(asyncio_sleep(0));
    }
    assert_history("1> 2> 3>");
}

ASYNC_TEST(a_queue_of_one_takes_turns)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 1);

    awaitable(int) p = asyncio_create_task(puts_range(q, 0, 3));
    awaitable(int) g = asyncio_create_task(gets(q, 1, 3));
    await(asyncio_gather(p, g));
    assert_history("0> 1<0 1> 1<1 2> 1<2");
}

/* Called, but not there yet: who comes meanwhile gets it, and who was called waits again, last. */
ASYNC_TEST(who_is_faster_gets_it)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 0);

    asyncio_spawn(gets(q, 1, 1));
    asyncio_spawn(gets(q, 2, 1));
    await(asyncio_sleep(0));
    asyncio_queue_put_nowait(q, 10);
    assert_int_equal(await(asyncio_queue_get(q)), 10);
    await(asyncio_sleep(0));
    assert_history("");
    asyncio_queue_put_nowait(q, 20);
    asyncio_queue_put_nowait(q, 30);
    await(asyncio_sleep(0));
    assert_history("2<20 1<30");
}

ASYNC_TEST(cancelled_it_has_taken_nothing)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 1);

    awaitable(int) g = asyncio_create_task(gets(q, 1, 1));
    await(asyncio_sleep(0));
    asyncio_cancel(g);
    assert_int_equal(await(g), -ECANCELED);
    asyncio_queue_put_nowait(q, 10);
    awaitable(int) p = asyncio_create_task(puts_range(q, 1, 1));
    await(asyncio_sleep(0));
    asyncio_cancel(p);
    assert_int_equal(await(p), -ECANCELED);
    assert_int_equal(await(asyncio_queue_get(q)), 10);
    assert_true(asyncio_queue_empty(q));
    assert_history("1:cancelled 1:cancelled");
}

ASYNC_TEST(a_getter_passes_its_call_on)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 0);

    awaitable(int) a = asyncio_create_task(gets(q, 1, 1));
    awaitable(int) b = asyncio_create_task(asyncio_queue_get(q));
    awaitable(int) c = asyncio_create_task(gets(q, 3, 1));
    await(asyncio_sleep(0));
    asyncio_queue_put_nowait(q, 10);
    asyncio_cancel(a);
    await(asyncio_sleep(0)); /* a calls b */
    asyncio_cancel(b);
    assert_int_equal(await(c), 0);
    assert_int_equal(await(a), -ECANCELED);
    assert_int_equal(await(b), -ECANCELED);
    assert_history("1:cancelled 3<10");
}

ASYNC_TEST(a_putter_passes_its_call_on)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 1);

    asyncio_queue_put_nowait(q, 0);
    awaitable(int) a = asyncio_create_task(puts_range(q, 1, 1));
    awaitable(int) b = asyncio_create_task(asyncio_queue_put(q, 2));
    awaitable(int) c = asyncio_create_task(puts_range(q, 3, 1));
    await(asyncio_sleep(0));
    assert_int_equal(await(asyncio_queue_get(q)), 0);
    asyncio_cancel(a);
    await(asyncio_sleep(0));
    asyncio_cancel(b);
    assert_int_equal(await(c), 0);
    assert_int_equal(await(a), -ECANCELED);
    assert_int_equal(await(b), -ECANCELED);
    assert_int_equal(await(asyncio_queue_get(q)), 3);
    assert_history("1:cancelled 3>");
}

/* Cancelled before it is its turn to be called, it is passed over. */
ASYNC_TEST(the_cancelled_are_not_called)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 0);

    awaitable(int) a = asyncio_create_task(gets(q, 1, 1));
    awaitable(int) b = asyncio_create_task(gets(q, 2, 1));
    await(asyncio_sleep(0));
    asyncio_cancel(a);
    asyncio_queue_put_nowait(q, 10);
    assert_int_equal(await(b), 0);
    assert_int_equal(await(a), -ECANCELED);
    assert_history("1:cancelled 2<10");
}

ASYNC_TEST(timeouts_lose_nothing)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 1);

    assert_int_equal(await(asyncio_wait_for(asyncio_queue_get(q), MOMENT)), -ETIMEDOUT);
    assert_int_equal(await(asyncio_wait_for(asyncio_queue_put(q, 1), MOMENT)), 0);
    assert_int_equal(await(asyncio_wait_for(asyncio_queue_put(q, 2), MOMENT)), -ETIMEDOUT);
    assert_int_equal(await(asyncio_wait_for(asyncio_queue_get(q), FOR_EVER)), 1);
    assert_true(asyncio_queue_empty(q));
}

ASYNC_TEST(gathered_they_need_no_stack)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 1);
    struct asyncio_info info;
    int results[3];

    awaitable(int) all = asyncio_gather_into(results, asyncio_queue_get(q), asyncio_queue_get(q),
                                             asyncio_queue_get(q));
    asyncio_spawn(asyncio_gather(asyncio_queue_put(q, 1), asyncio_queue_put(q, 2)));
    await(asyncio_sleep(0));
    asyncio_info(&info);
    assert_int_equal(info.stacks, 1);
    await(asyncio_sleep(MOMENT));
    asyncio_queue_shutdown(q, false);
    assert_int_equal(await(all), -ESHUTDOWN);
    assert_int_equal(results[0], 1);
    assert_int_equal(results[1], 2);
    assert_int_equal(results[2], -ESHUTDOWN);
}

ASYNC_TEST(joined_when_all_is_done)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 0);

    assert_int_equal(await(asyncio_queue_join(q)), 0);
    asyncio_queue_put_nowait(q, 1);
    asyncio_queue_put_nowait(q, 2);
    awaitable(int) j = asyncio_create_task(asyncio_queue_join(q));
    await(asyncio_queue_get(q));
    await(asyncio_queue_get(q));
    asyncio_queue_task_done(q);
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    assert_false(asyncio_done(j));
    asyncio_queue_task_done(q);
    asyncio_queue_put_nowait(q, 3); /* it goes on all the same */
    assert_int_equal(await(j), 0);
    assert_int_equal(await(asyncio_wait_for(asyncio_queue_join(q), MOMENT)), -ETIMEDOUT);
}

DEATH_TEST(done_more_often_than_put, "ValueError: task_done() called too many times")
{
    asyncio_queue(int) q = asyncio_queue_new(int, 0);

    asyncio_queue_put_nowait(q, 1);
    asyncio_queue_task_done(q);
    asyncio_queue_task_done(q);
}

ASYNC_TEST(shut_down_it_is_emptied_first)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 1);

    asyncio_queue_put_nowait(q, 1);
    awaitable(int) p = asyncio_create_task(puts_range(q, 2, 1));
    await(asyncio_sleep(0));
    asyncio_queue_shutdown(q, false);
    assert_int_equal(await(p), -ESHUTDOWN);
    assert_int_equal(await(asyncio_queue_put(q, 3)), -ESHUTDOWN);
    assert_int_equal(await(asyncio_queue_get(q)), 1);
    assert_int_equal(await(asyncio_queue_get(q)), -ESHUTDOWN);
    assert_int_equal(asyncio_error(), -ESHUTDOWN);
    assert_history("2:shut");
}

ASYNC_TEST(shut_down_at_once_all_is_dropped)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 0);
    asyncio_queue(int) empty = asyncio_queue_new(int, 0);

    asyncio_queue_put_nowait(q, 1);
    asyncio_queue_put_nowait(q, 2);
    await(asyncio_queue_get(q));
    awaitable(int) j = asyncio_create_task(asyncio_queue_join(q));
    awaitable(int) g = asyncio_create_task(gets(empty, 1, 1));
    await(asyncio_sleep(0));
    asyncio_queue_shutdown(q, true);
    asyncio_queue_shutdown(empty, true);
    assert_int_equal(await(asyncio_queue_get(q)), -ESHUTDOWN);
    await(asyncio_sleep(0));
    assert_false(asyncio_done(j)); /* the one that was got */
    asyncio_queue_task_done(q);
    assert_int_equal(await(j), 0);
    assert_int_equal(await(g), -ESHUTDOWN);
    assert_history("1:shut");
}

/* --- Ownership --- */

ASYNC_TEST(gone_it_cancels_who_waits)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 1);

    awaitable(int) g = asyncio_create_task(gets(q, 1, 1));
    await(asyncio_sleep(0));
    asyncio_release(q);
    assert_int_equal(await(g), -ECANCELED);

    q = asyncio_queue_new(int, 1);
    asyncio_queue_put_nowait(q, 1);
    awaitable(int) p = asyncio_create_task(asyncio_queue_put(q, 2));
    awaitable(int) j = asyncio_create_task(asyncio_queue_join(q));
    awaitable(int) unbegun = asyncio_queue_get(q);
    await(asyncio_sleep(0));
    asyncio_release(q);
    assert_int_equal(await(p), -ECANCELED);
    assert_int_equal(await(j), -ECANCELED);
    assert_int_equal(await(unbegun), -ECANCELED);
    assert_history("1:cancelled");
}

static asyncio_queue(int) kept;

static async(void, makes_a_queue)
{
    kept = asyncio_retain(asyncio_queue_new(int, 0));
    asyncio_queue_put_nowait(kept, 4);
}

ASYNC_TEST(retained_it_outlives_its_maker)
{
    await(asyncio_create_task(makes_a_queue()));
    assert_int_equal(await(asyncio_queue_get(kept)), 4);
    asyncio_release(kept);
}

static async(void, makes_one_that_goes)
{
    kept = asyncio_queue_new(int, 0);
}

DEATH_TEST(used_after_it_went, "Queue")
{
    await(asyncio_create_task(makes_one_that_goes()));
    asyncio_queue_put_nowait(kept, 1);
}

DEATH_TEST(it_cannot_be_awaited, "TypeError: queue 'Queue' can't be used in 'await' expression")
{
    asyncio_any q = asyncio_queue_new(int, 0);
    await((awaitable(int))q);
}

DEATH_TEST(it_cannot_be_a_task, "TypeError: a coroutine was expected, got queue 'Queue'")
{
    asyncio_spawn(asyncio_queue_new(int, 0));
}

DEATH_TEST(a_task_is_no_queue, "TypeError: coroutine 'gets' is not of the kind that is used here")
{
    asyncio_any t = asyncio_create_task(gets(NULL, 0, 0));
    asyncio_queue_put_nowait((asyncio_queue(int))t, 1);
}

ASYNC_TEST(null_is_no_memory)
{
    asyncio_queue(int) q = NULL;
    char repr[8];
    int v;

    assert_int_equal(await(asyncio_queue_put(q, 1)), -ENOMEM);
    assert_int_equal(await(asyncio_queue_get(q)), -ENOMEM);
    assert_int_equal(await(asyncio_queue_get_into(q, &v)), -ENOMEM);
    assert_int_equal(await(asyncio_queue_join(q)), -ENOMEM);
    assert_int_equal(asyncio_queue_put_nowait(q, 1), -ENOMEM);
    assert_int_equal(asyncio_queue_get_nowait(q, &v), -ENOMEM);
    assert_int_equal(asyncio_queue_qsize(q), 0);
    assert_false(asyncio_queue_full(q));
    asyncio_queue_task_done(q);
    asyncio_queue_shutdown(q, true);
    assert_string_equal(asyncio_queue_repr(q, repr, sizeof repr), "None");
}

ASYNC_TEST(it_says_what_it_is)
{
    char repr[128], expected[128];
    asyncio_queue(int) q = asyncio_lifo_queue_new(int, 3);

    snprintf(expected, sizeof expected, "<LifoQueue at %p maxsize=3>", asyncio_awaitable_object(q));
    assert_string_equal(asyncio_queue_repr(q, repr, sizeof repr), expected);
    asyncio_spawn(gets(q, 1, 1));
    await(asyncio_sleep(0));
    assert_non_null(strstr(asyncio_queue_repr(q, repr, sizeof repr), "=3 _getters[1]>"));
    asyncio_queue_put_nowait(q, 1);
    asyncio_queue_shutdown(q, false);
    assert_non_null(
        strstr(asyncio_queue_repr(q, repr, sizeof repr), "=3 _queue[1] tasks=1 shutdown>"));
    await(asyncio_sleep(0));
    assert_history("1<1");
}

/* --- In the shutdown of the loop --- */

static async(void, leaves_some_waiting, (bool, as_tasks))
{
    asyncio_queue(int) q = asyncio_queue_new(int, 1);
    asyncio_queue(int) full = asyncio_queue_new(int, 1);

    asyncio_queue_put_nowait(full, 1);
    if (as_tasks) {
        asyncio_spawn(asyncio_queue_get(q));
        asyncio_spawn(asyncio_queue_put(full, 2));
        asyncio_spawn(asyncio_queue_join(full));
    } else {
        asyncio_spawn(gets(q, 1, 1));
        asyncio_spawn(puts_range(full, 2, 1));
    }
    await(asyncio_sleep(0));
}

static void ended_by_the_loops_end(void **state)
{
    (void)state;
    asyncio_run(leaves_some_waiting(true));
    asyncio_run(leaves_some_waiting(false));
    assert_history("1:cancelled 2:cancelled");
}

/* --- At random --- */

/* Producers and consumers, of which some are cancelled at any time, among those who try without
 * waiting: each item that was put is got once, those of one producer in order. */

enum { PRODUCERS = 6, CONSUMERS = 5, ITEMS = 40 };

static uint64_t random_state;

static unsigned below(unsigned n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((random_state >> 33) % n);
}

static struct {
    int put[PRODUCERS], got[PRODUCERS], last[PRODUCERS];
    size_t unfinished, in_it;
} tally;

static void count_put(int item)
{
    tally.put[item / ITEMS]++;
    tally.unfinished++;
    tally.in_it++;
}

static void count_got(int item, bool in_order)
{
    int producer = item / ITEMS;

    tally.in_it--;
    tally.got[producer]++;
    if (in_order)
        assert_true(item > tally.last[producer]);
    tally.last[producer] = item;
}

static async(int, produces, (asyncio_queue(int), q), (int, producer))
{
    for (int i = producer * ITEMS; i < (producer + 1) * ITEMS; i++) {
        int r = below(4) ? await(asyncio_queue_put(q, i)) : asyncio_queue_put_nowait(q, i);
        if (r == -ECANCELED)
            return r;
        if (r == 0)
            count_put(i);
        else
            assert_int_equal(r, -EAGAIN);
        if (below(3) == 0)
            await(asyncio_sleep(0));
    }
    return 0;
}

static async(int, consumes, (asyncio_queue(int), q), (bool, in_order))
{
    for (;;) {
        int item = -1;
        int r =
            below(4) ? await(asyncio_queue_get_into(q, &item)) : asyncio_queue_get_nowait(q, &item);
        if (r == 0) {
            count_got(item, in_order);
            tally.unfinished--;
            asyncio_queue_task_done(q);
        } else if (r != -EAGAIN) {
            return r;
        }
        assert_int_equal(asyncio_queue_qsize(q), tally.in_it);
        if (r || below(3) == 0)
            await(asyncio_sleep(0));
        if (asyncio_error())
            return asyncio_error();
    }
}

static async(void, at_random, (asyncio_queue(int), q), (bool, in_order))
{
    awaitable(int) producers[PRODUCERS], consumers[CONSUMERS];

    memset(&tally, 0, sizeof tally);
    for (int i = 0; i < PRODUCERS; i++) {
        tally.last[i] = -1;
        producers[i] = asyncio_create_task(produces(q, i));
    }
    for (int i = 0; i < CONSUMERS; i++)
        consumers[i] = asyncio_create_task(consumes(q, in_order));
    for (int i = 0; i < 30; i++) {
        await(asyncio_sleep(0));
        if (below(6) == 0)
            asyncio_cancel(producers[below(PRODUCERS)]);
        if (below(6) == 0)
            asyncio_cancel(consumers[1 + below(CONSUMERS - 1)]);
    }
    for (int i = 0; i < PRODUCERS; i++)
        await(producers[i]);
    assert_int_equal(await(asyncio_queue_join(q)), 0);
    assert_true(asyncio_queue_empty(q));
    assert_int_equal(tally.unfinished, 0);
    for (int i = 0; i < PRODUCERS; i++)
        assert_int_equal(tally.put[i], tally.got[i]);
    asyncio_queue_shutdown(q, false);
    for (int i = 0; i < CONSUMERS; i++) {
        int r = await(consumers[i]);
        assert_true(r == -ESHUTDOWN || (i > 0 && r == -ECANCELED));
    }
}

static int backwards(const void *a, const void *b)
{
    return *(const int *)b - *(const int *)a;
}

ASYNC_TEST(nothing_is_lost_and_nothing_had_twice)
{
    for (unsigned seed = 1; seed <= 200; seed++) {
        random_state = seed;
        long maxsize = below(4);
        await(asyncio_create_task(at_random(asyncio_queue_new(int, maxsize), true)));
        await(asyncio_create_task(at_random(asyncio_lifo_queue_new(int, maxsize), false)));
        await(asyncio_create_task(
            at_random(asyncio_priority_queue_new(int, maxsize, backwards), false)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_can_be_had_takes_no_turn),
        TEST(first_in_first_out),
        TEST(last_in_first_out),
        TEST(the_least_first_and_equals_in_order),
        TEST(of_any_type),
        TEST(of_nothing_but_their_number),
        TEST(without_waiting),
        TEST(into_a_place_of_ones_own),
        TEST(who_waits_to_get_goes_on_in_order),
        TEST(who_waits_to_put_goes_on_in_order),
        TEST(a_queue_of_one_takes_turns),
        TEST(who_is_faster_gets_it),
        TEST(cancelled_it_has_taken_nothing),
        TEST(a_getter_passes_its_call_on),
        TEST(a_putter_passes_its_call_on),
        TEST(the_cancelled_are_not_called),
        TEST(timeouts_lose_nothing),
        TEST(gathered_they_need_no_stack),
        TEST(joined_when_all_is_done),
        TEST(done_more_often_than_put),
        TEST(shut_down_it_is_emptied_first),
        TEST(shut_down_at_once_all_is_dropped),
        TEST(gone_it_cancels_who_waits),
        TEST(retained_it_outlives_its_maker),
        TEST(used_after_it_went),
        TEST(it_cannot_be_awaited),
        TEST(it_cannot_be_a_task),
        TEST(a_task_is_no_queue),
        TEST(null_is_no_memory),
        TEST(it_says_what_it_is),
        TEST(ended_by_the_loops_end),
        TEST(nothing_is_lost_and_nothing_had_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
