/* Channels and select: in order, nothing lost and nothing twice, nothing taken by who loses. */
#include "support.h"

#include "base/alloc.h"

static async(int, receives, (asyncio_channel(int), ch), (int, name), (int, times))
{
    while (times-- > 0) {
        int v = await(asyncio_channel_recv(ch));
        if (asyncio_error()) {
            note("%d:%s", name, asyncio_error() == -EPIPE ? "closed" : "cancelled");
            return asyncio_error();
        }
        note("%d<%d", name, v);
    }
    return 0;
}

static async(int, sends, (asyncio_channel(int), ch), (int, first), (int, n))
{
    for (int i = first; i < first + n; i++) {
        int r = await(asyncio_channel_send(ch, i));
        if (r < 0) {
            note("%d:%s", i, r == -EPIPE ? "closed" : "cancelled");
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
    asyncio_channel(int) ch = asyncio_channel_new(int, 2);
    struct asyncio_handle *next_turn = asyncio_call_soon(must_not_run, NULL);

    for (int i = 0; i < 10; i++) {
        assert_int_equal(await(asyncio_channel_send(ch, i)), 0);
        assert_int_equal(asyncio_channel_size(ch), 1);
        assert_int_equal(await(asyncio_channel_recv(ch)), i);
    }
    assert_int_equal(asyncio_channel_capacity(ch), 2);
    asyncio_handle_cancel(next_turn);
}

ASYNC_TEST(without_room_they_meet)
{
    asyncio_channel(int) ch = asyncio_channel_new(int, 0);

    awaitable(int) s = asyncio_create_task(sends(ch, 1, 2));
    await(asyncio_sleep(0));
    assert_history("");
    assert_int_equal(await(asyncio_channel_recv(ch)), 1); /* from who waits, at once */
    await(asyncio_sleep(0));
    assert_history("1>");
    assert_int_equal(await(asyncio_channel_recv(ch)), 2);
    assert_int_equal(await(s), 0);
    awaitable(int) r = asyncio_create_task(receives(ch, 5, 1));
    await(asyncio_sleep(0));
    assert_int_equal(await(asyncio_channel_send(ch, 3)), 0);
    assert_int_equal(await(r), 0);
    assert_history("2> 5<3");
}

ASYNC_TEST(nobody_gets_ahead)
{
    asyncio_channel(int) ch = asyncio_channel_new(int, 1);
    int v;

    for (int i = 1; i <= 3; i++)
        asyncio_spawn(receives(ch, i, 1));
    await(asyncio_sleep(0));
    assert_int_equal(asyncio_channel_send_nowait(ch, 10), 0);
    assert_int_equal(asyncio_channel_recv_nowait(ch, &v), -EAGAIN);
    assert_int_equal(asyncio_channel_send_nowait(ch, 20), 0);
    assert_int_equal(asyncio_channel_send_nowait(ch, 30), 0);
    assert_int_equal(asyncio_channel_send_nowait(ch, 40), 0);
    assert_int_equal(asyncio_channel_send_nowait(ch, 50), -EAGAIN);
    asyncio_spawn(sends(ch, 50, 1));
    await(asyncio_sleep(0));
    assert_history("1<10 2<20 3<30");
    assert_int_equal(asyncio_channel_recv_nowait(ch, &v), 0);
    assert_int_equal(v, 40);
    assert_int_equal(asyncio_channel_send_nowait(ch, 60), -EAGAIN); /* the room was taken at once */
    assert_int_equal(asyncio_channel_recv_nowait(ch, &v), 0);
    assert_int_equal(v, 50);
    await(asyncio_sleep(0));
    assert_history("50>");
}

ASYNC_TEST(closed_it_is_emptied_first)
{
    asyncio_channel(int) ch = asyncio_channel_new(int, 1);
    int v = 0;

    await(asyncio_channel_send(ch, 1));
    awaitable(int) s = asyncio_create_task(sends(ch, 2, 1));
    await(asyncio_sleep(0));
    asyncio_channel_close(ch);
    asyncio_channel_close(ch);
    assert_int_equal(await(s), -EPIPE);
    assert_int_equal(await(asyncio_channel_send(ch, 3)), -EPIPE);
    assert_int_equal(asyncio_channel_send_nowait(ch, 3), -EPIPE);
    assert_int_equal(await(asyncio_channel_recv_into(ch, &v)), 0);
    assert_int_equal(v, 1);
    assert_int_equal(await(asyncio_channel_recv(ch)), -EPIPE);
    assert_int_equal(asyncio_channel_recv_nowait(ch, &v), -EPIPE);

    asyncio_channel(int) empty = asyncio_channel_new(int, 0);
    awaitable(int) r = asyncio_create_task(receives(empty, 1, 1));
    await(asyncio_sleep(0));
    asyncio_channel_close(empty);
    assert_int_equal(await(r), -EPIPE);
    assert_history("2:closed 1:closed");
}

ASYNC_TEST(cancelled_it_took_nothing)
{
    asyncio_channel(int) ch = asyncio_channel_new(int, 0);
    int v;

    awaitable(int) r = asyncio_create_task(receives(ch, 1, 1));
    await(asyncio_sleep(0));
    asyncio_cancel(r);
    assert_int_equal(asyncio_channel_send_nowait(ch, 1), -EAGAIN); /* though it stands there */
    assert_int_equal(await(r), -ECANCELED);
    awaitable(int) s = asyncio_create_task(sends(ch, 2, 1));
    await(asyncio_sleep(0));
    asyncio_cancel(s);
    assert_int_equal(asyncio_channel_recv_nowait(ch, &v), -EAGAIN);
    assert_int_equal(await(s), -ECANCELED);
    assert_history("1:cancelled 2:cancelled");
}

/* It has gone through when it is cancelled: the await tells so, the next one is cancelled. */
ASYNC_TEST(cancelled_too_late_it_went_through)
{
    asyncio_channel(int) ch = asyncio_channel_new(int, 0);
    int v;

    awaitable(int) r = asyncio_create_task(receives(ch, 1, 2));
    await(asyncio_sleep(0));
    assert_int_equal(asyncio_channel_send_nowait(ch, 1), 0);
    asyncio_cancel(r);
    assert_int_equal(await(r), -ECANCELED);
    assert_history("1<1 1:cancelled");

    awaitable(int) s = asyncio_create_task(sends(ch, 2, 2));
    await(asyncio_sleep(0));
    assert_int_equal(asyncio_channel_recv_nowait(ch, &v), 0);
    asyncio_cancel(s);
    assert_int_equal(await(s), -ECANCELED);
    assert_history("2> 3:cancelled");

    awaitable(int) t = asyncio_create_task(asyncio_channel_recv(ch));
    await(asyncio_sleep(0));
    assert_int_equal(asyncio_channel_send_nowait(ch, 4), 0);
    asyncio_cancel(t);
    assert_int_equal(await(t), 4);
}

ASYNC_TEST(gone_it_cancels_who_waits)
{
    asyncio_channel(int) ch = asyncio_channel_new(int, 0);
    int v;

    awaitable(int) r = asyncio_create_task(receives(ch, 1, 1));
    await(asyncio_sleep(0));
    asyncio_release(ch);
    assert_int_equal(await(r), -ECANCELED);
    ch = asyncio_channel_new(int, 0);
    awaitable(int) s = asyncio_create_task(asyncio_channel_send(ch, 1));
    awaitable(int) through = asyncio_create_task(asyncio_channel_send(ch, 2));
    await(asyncio_sleep(0));
    assert_int_equal(asyncio_channel_recv_nowait(ch, &v), 0);
    asyncio_release(ch);
    assert_int_equal(await(s), 0);
    assert_int_equal(await(through), -ECANCELED);
    assert_history("1:cancelled");
}

ASYNC_TEST(null_is_no_memory)
{
    asyncio_channel(int) ch = NULL;
    int v;

    assert_int_equal(await(asyncio_channel_send(ch, 1)), -ENOMEM);
    assert_int_equal(await(asyncio_channel_recv(ch)), -ENOMEM);
    assert_int_equal(await(asyncio_channel_recv_into(ch, &v)), -ENOMEM);
    assert_int_equal(asyncio_channel_send_nowait(ch, 1), -ENOMEM);
    assert_int_equal(asyncio_channel_recv_nowait(ch, &v), -ENOMEM);
    assert_int_equal(asyncio_channel_size(ch), 0);
    assert_int_equal(asyncio_channel_capacity(ch), 0);
    asyncio_channel_close(ch);
}

DEATH_TEST(a_queue_is_no_channel, "TypeError: queue 'Queue' is not of the kind that is used here")
{
    asyncio_any q = asyncio_queue_new(int, 0);
    asyncio_channel_close((asyncio_channel(int))q);
}

/* --- select --- */

ASYNC_TEST(what_is_ready_is_selected_at_once)
{
    asyncio_channel(int) a = asyncio_channel_new(int, 1), b = asyncio_channel_new(int, 1);
    struct asyncio_handle *next_turn = asyncio_call_soon(must_not_run, NULL);
    int v = 0, w = 0;

    await(asyncio_channel_send(b, 7));
    assert_int_equal(await(asyncio_select(asyncio_channel_recv_into(a, &v),
                                          asyncio_channel_recv_into(b, &w), asyncio_sleep(1))),
                     1);
    assert_int_equal(asyncio_error(), 0);
    assert_int_equal(w, 7);
    assert_int_equal(await(asyncio_select(asyncio_channel_send(a, 5))), 0);
    assert_int_equal(asyncio_channel_size(a), 1);
    asyncio_handle_cancel(next_turn);
}

ASYNC_TEST(what_comes_first_is_selected)
{
    asyncio_channel(int) a = asyncio_channel_new(int, 0), b = asyncio_channel_new(int, 0);
    int v = 0, w = 0;

    asyncio_spawn(sends(b, 8, 1));
    assert_int_equal(
        await(asyncio_select(asyncio_channel_recv_into(a, &v), asyncio_channel_recv_into(b, &w))),
        1);
    assert_int_equal(w, 8);
    await(asyncio_sleep(0));
    assert_history("8>");
    assert_int_equal(asyncio_channel_send_nowait(a, 1), -EAGAIN); /* it is not there any more */
    assert_int_equal(await(asyncio_select(asyncio_channel_recv_into(a, &v), asyncio_sleep(MOMENT))),
                     1);
    awaitable(int) s =
        asyncio_create_task(asyncio_select(asyncio_channel_send(a, 3), asyncio_sleep(FOR_EVER)));
    await(asyncio_sleep(0));
    assert_int_equal(await(asyncio_channel_recv(a)), 3);
    assert_int_equal(await(s), 0);
}

static async(int, answers, (int, value), (double, after))
{
    int r = await(asyncio_sleep(after));
    note(r < 0 ? "cancelled" : "answered");
    return r < 0 ? r : value;
}

ASYNC_TEST(among_coroutines_and_tasks)
{
    awaitable(int) t = asyncio_create_task(answers(4, MOMENT));

    assert_int_equal(await(asyncio_select(answers(5, FOR_EVER), t)), 1);
    assert_int_equal(asyncio_result(t), 4);
    assert_history("answered cancelled");                               /* it has ended */
    assert_int_equal(await(asyncio_select(asyncio_future(int), t)), 1); /* again */
    awaitable(int) f = asyncio_future(int);
    assert_int_equal(await(asyncio_select(f, answers(5, MOMENT))), 1);
    assert_false(asyncio_done(f)); /* left as it was */
    assert_history("answered");
}

static async(int, fails)
{
    await(asyncio_sleep(0));
    return asyncio_raise(-EPROTO, "no");
}

ASYNC_TEST(which_one_failed_is_told)
{
    asyncio_channel(int) ch = asyncio_channel_new(int, 0);
    int v;

    assert_int_equal(await(asyncio_select(asyncio_sleep(FOR_EVER), fails())), 1);
    assert_int_equal(asyncio_error(), -EPROTO);
    awaitable(int) s =
        asyncio_create_task(asyncio_select(asyncio_channel_recv_into(ch, &v), fails()));
    asyncio_channel_close(ch);
    assert_int_equal(await(s), 0);
    assert_int_equal(asyncio_error(), -EPIPE);
    assert_int_equal(await(asyncio_select(asyncio_channel_recv_into(ch, &v))), 0);
    assert_int_equal(asyncio_error(), -EPIPE);
}

ASYNC_TEST(among_locks_and_queues)
{
    struct asyncio_lock lock = {0};
    struct asyncio_event event = {0};
    asyncio_queue(int) q = asyncio_queue_new(int, 1);
    int v = 0;

    await(asyncio_lock_acquire(&lock));
    awaitable(int) s = asyncio_create_task(asyncio_select(
        asyncio_lock_acquire(&lock), asyncio_queue_get_into(q, &v), asyncio_event_wait(&event)));
    awaitable(int) next = asyncio_create_task(asyncio_lock_acquire(&lock));
    await(asyncio_sleep(0));
    asyncio_queue_put_nowait(q, 6); /* all three in one turn: one goes through, the rest is left */
    asyncio_lock_release(&lock);
    asyncio_event_set(&event);
    switch (await(s)) {
    case 0:
        assert_int_equal(asyncio_queue_qsize(q), 1);
        asyncio_lock_release(&lock);
        break;
    case 1:
        assert_int_equal(v, 6);
        assert_true(asyncio_queue_empty(q));
        break;
    default:
        assert_int_equal(asyncio_queue_qsize(q), 1);
    }
    assert_int_equal(await(next), 0);
    asyncio_lock_release(&lock);
}

/* Whoever was called and is withdrawn passes it on. */
ASYNC_TEST(a_loser_passes_its_call_on)
{
    asyncio_queue(int) q = asyncio_queue_new(int, 0);
    asyncio_channel(int) ch = asyncio_channel_new(int, 0);
    int v = 0, w = 0;

    awaitable(int) s = asyncio_create_task(
        asyncio_select(asyncio_queue_get_into(q, &v), asyncio_channel_recv_into(ch, &w)));
    awaitable(int) g = asyncio_create_task(asyncio_queue_get(q));
    await(asyncio_sleep(0));
    asyncio_queue_put_nowait(q, 1);
    assert_int_equal(asyncio_channel_send_nowait(ch, 2), 0);
    assert_int_equal(await(s), 1); /* what has gone through has */
    assert_int_equal(w, 2);
    assert_int_equal(await(g), 1);
    assert_int_equal(v, 0);
}

/* The lock of a condition is taken again before it has ended. */
ASYNC_TEST(it_waits_for_those_that_do_not_end_at_once)
{
    struct asyncio_condition condition = {0};
    asyncio_channel(int) ch = asyncio_channel_new(int, 0);
    int v = 0;

    await(asyncio_condition_acquire(&condition));
    awaitable(int) s = asyncio_create_task(
        asyncio_select(asyncio_condition_wait(&condition), asyncio_channel_recv_into(ch, &v)));
    await(asyncio_sleep(0));
    assert_false(asyncio_condition_locked(&condition));
    await(asyncio_condition_acquire(&condition));
    assert_int_equal(asyncio_channel_send_nowait(ch, 9), 0);
    await(asyncio_sleep(MOMENT));
    assert_false(asyncio_done(s));
    asyncio_condition_release(&condition);
    assert_int_equal(await(s), 1);
    assert_int_equal(v, 9);
    assert_true(asyncio_condition_locked(&condition));
    asyncio_condition_release(&condition);
}

static async(int, selects, (asyncio_channel(int), a), (asyncio_channel(int), b))
{
    int v = -1;
    int r = await(asyncio_select(asyncio_channel_recv_into(a, &v), asyncio_channel_send(b, 1),
                                 answers(0, FOR_EVER)));
    note("%d:%d", r, v);
    return await(asyncio_sleep(0));
}

ASYNC_TEST(cancelled_it_withdraws_them_all)
{
    asyncio_channel(int) a = asyncio_channel_new(int, 0), b = asyncio_channel_new(int, 0);
    int v;

    awaitable(int) t = asyncio_create_task(selects(a, b));
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    await(t);
    assert_int_equal(asyncio_channel_send_nowait(a, 1), -EAGAIN);
    assert_int_equal(asyncio_channel_recv_nowait(b, &v), -EAGAIN);
    assert_history("cancelled -125:-1");
}

ASYNC_TEST(cancelled_too_late_it_has_selected)
{
    asyncio_channel(int) a = asyncio_channel_new(int, 0), b = asyncio_channel_new(int, 0);
    int v;

    awaitable(int) t = asyncio_create_task(selects(a, b));
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    assert_int_equal(asyncio_channel_send_nowait(a, 5), 0);
    assert_int_equal(asyncio_channel_recv_nowait(b, &v), -EAGAIN); /* not both */
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    assert_history("cancelled 0:5");
}

ASYNC_TEST(it_does_not_meet_itself)
{
    asyncio_channel(int) ch = asyncio_channel_new(int, 0);
    int v = 0;

    assert_int_equal(await(asyncio_select(asyncio_channel_recv_into(ch, &v),
                                          asyncio_channel_send(ch, 1), asyncio_sleep(MOMENT))),
                     2);
    /* but another one */
    awaitable(int) a = asyncio_create_task(
        asyncio_select(asyncio_channel_recv_into(ch, &v), asyncio_channel_send(ch, 1)));
    awaitable(int) b = asyncio_create_task(
        asyncio_select(asyncio_channel_recv_into(ch, &v), asyncio_channel_send(ch, 1)));
    assert_int_equal(await(a) + await(b), 1);
    assert_int_equal(v, 1);
}

ASYNC_TEST(all_that_are_ready_have_their_turn)
{
    asyncio_channel(int) ch[3];
    int count[3] = {0}, v;

    for (int i = 0; i < 3; i++)
        ch[i] = asyncio_channel_new(int, 300);
    for (int i = 0; i < 900; i++)
        await(asyncio_channel_send(ch[i % 3], i));
    for (int i = 0; i < 300; i++)
        count[await(asyncio_select(asyncio_channel_recv_into(ch[0], &v),
                                   asyncio_channel_recv_into(ch[1], &v),
                                   asyncio_channel_recv_into(ch[2], &v)))]++;
    for (int i = 0; i < 3; i++)
        assert_in_range(count[i], 60, 140);
}

ASYNC_TEST(of_an_array_and_of_none)
{
    awaitable(int) some[] = {asyncio_sleep(FOR_EVER), asyncio_sleep(0)};

    assert_int_equal(await(asyncio_select_n(some, 2)), 1);
    assert_int_equal(await(asyncio_wait_for(asyncio_select(), MOMENT)), -ETIMEDOUT);
    asyncio_release(asyncio_select(asyncio_sleep(1), answers(1, 1)));
    assert_int_equal(await(asyncio_select(answers(1, 1), (awaitable(int))NULL)), -ENOMEM);
}

static async(void, leaves_selects, (asyncio_channel(int), a), (asyncio_channel(int), b))
{
    asyncio_spawn(selects(a, b));
    asyncio_spawn(asyncio_select(asyncio_channel_recv(a), asyncio_sleep(FOR_EVER)));
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
}

static void ended_by_the_loops_end(void **state)
{
    asyncio_channel(int) a = asyncio_channel_new(int, 0), b = asyncio_channel_new(int, 0);
    (void)state;

    asyncio_run(leaves_selects(a, b));
    assert_history("cancelled -125:-1");
    asyncio_release(a);
    asyncio_release(b);
}

/* --- At random --- */

enum { TASKS = 8, CHANNELS = 3, ROUNDS = 40 };

static uint64_t random_state;

static unsigned below(unsigned n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((random_state >> 33) % n);
}

/* What was sent less what was received: what is in the channels. */
static struct {
    long sent, received, count_sent, count_received;
} sums;

static void sent(int item)
{
    sums.sent += item;
    sums.count_sent++;
}

static void received(int item)
{
    sums.received += item;
    sums.count_received++;
}

static async(int, trades, (asyncio_channel(int) *, ch), (asyncio_queue(int), q), (int, name))
{
    for (int i = 0; i < ROUNDS; i++) {
        asyncio_channel(int) a = ch[below(CHANNELS)], b = ch[below(CHANNELS)];
        int x = -1, y = -1, z = -1, item = name * ROUNDS + i + 1, r = 0, k = 0;
        switch (below(3)) {
        case 0:
            if ((r = await(asyncio_channel_send(a, item))) == 0)
                sent(item);
            break;
        case 1:
            if ((r = await(asyncio_channel_recv_into(a, &x))) == 0)
                received(x);
            break;
        default:
            k = await(asyncio_select(asyncio_channel_recv_into(a, &x),
                                     asyncio_channel_send(b, item), asyncio_queue_get_into(q, &y),
                                     asyncio_queue_put(q, item), asyncio_channel_recv_into(b, &z)));
            r = asyncio_error();
            if (r == 0 && (k == 1 || k == 3))
                sent(item);
            else if (r == 0)
                received(k == 0 ? x : k == 2 ? y : z);
            else if (k >= 0)
                assert_int_equal(r, -EPIPE);
            assert_true((x >= 0) + (y >= 0) + (z >= 0) == (r == 0 && k % 2 == 0));
        }
        if (r == -ECANCELED || r == -EPIPE)
            return r;
        if (below(4) == 0 && await(asyncio_sleep(0)) < 0)
            return -ECANCELED;
    }
    return 0;
}

static async(void, at_random)
{
    asyncio_channel(int) ch[CHANNELS];
    asyncio_queue(int) q = asyncio_queue_new(int, 1);
    awaitable(int) tasks[TASKS];
    int v;

    memset(&sums, 0, sizeof sums);
    for (int i = 0; i < CHANNELS; i++)
        ch[i] = asyncio_channel_new(int, below(3));
    for (int i = 0; i < TASKS; i++)
        tasks[i] = asyncio_create_task(trades(ch, q, i));
    for (int i = 0; i < 40; i++) {
        await(asyncio_sleep(0));
        if (below(8) == 0)
            asyncio_cancel(tasks[below(TASKS)]);
    }
    for (int i = 0; i < CHANNELS; i++)
        asyncio_channel_close(ch[i]);
    for (int i = 0; i < TASKS; i++) {
        int r = await(tasks[i]);
        assert_true(r == 0 || r == -ECANCELED || r == -EPIPE);
    }
    for (int i = 0; i < CHANNELS; i++) {
        while (asyncio_channel_recv_nowait(ch[i], &v) == 0)
            received(v);
    }
    while (asyncio_queue_get_nowait(q, &v) == 0)
        received(v);
    assert_int_equal(sums.count_sent, sums.count_received);
    assert_int_equal(sums.sent, sums.received);
}

ASYNC_TEST(nothing_is_lost_and_nothing_had_twice)
{
    for (unsigned seed = 1; seed <= 400; seed++) {
        random_state = seed;
        await(asyncio_create_task(at_random()));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_can_be_had_takes_no_turn),
        TEST(without_room_they_meet),
        TEST(nobody_gets_ahead),
        TEST(closed_it_is_emptied_first),
        TEST(cancelled_it_took_nothing),
        TEST(cancelled_too_late_it_went_through),
        TEST(gone_it_cancels_who_waits),
        TEST(null_is_no_memory),
        TEST(a_queue_is_no_channel),
        TEST(what_is_ready_is_selected_at_once),
        TEST(what_comes_first_is_selected),
        TEST(among_coroutines_and_tasks),
        TEST(which_one_failed_is_told),
        TEST(among_locks_and_queues),
        TEST(a_loser_passes_its_call_on),
        TEST(it_waits_for_those_that_do_not_end_at_once),
        TEST(cancelled_it_withdraws_them_all),
        TEST(cancelled_too_late_it_has_selected),
        TEST(it_does_not_meet_itself),
        TEST(all_that_are_ready_have_their_turn),
        TEST(of_an_array_and_of_none),
        TEST(ended_by_the_loops_end),
        TEST(nothing_is_lost_and_nothing_had_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
