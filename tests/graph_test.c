/* The call graph. Coroutines stand in a file of their own, "feed.c", each from a line of its own
 * on, so that what is shown can be told exactly. */
#include "support.h"

/* The graph as text, addresses left out. */
static char shown[1 << 14];

static const char *without_ids(void)
{
    for (char *id = shown; (id = strstr(id, "id=0x")); id += 3) {
        char *end = strchr(id, ')');
        memmove(id + 3, end, strlen(end) + 1);
    }
    return shown;
}

#define assert_graph(x, expected)                                                                  \
    do {                                                                                           \
        int length_ = asyncio_format_call_graph(x, shown, sizeof shown);                           \
        assert_int_equal(length_, (int)strlen(shown));                                             \
        assert_string_equal(without_ids(), expected);                                              \
    } while (0)

/* --- Where a task is --- */

static void *parked; /* a future that they wait for */

#line 10 "feed.c"
static async(int, leaf)
{
    return await((awaitable(int))parked);
}

#line 20 "feed.c"
static async(int, middle)
{
    int r = await(leaf());
    return r;
}

#line 30 "feed.c"
static async(int, root)
{
    await(asyncio_sleep(0));
    return await(middle());
}

#line 40 "feed.c"
static async(int, waits, (awaitable(int), x))
{
    return await(x);
}

#line 50 "feed.c"
static async(int, sleeps)
{
    return await(asyncio_sleep(FOR_EVER));
}

#line 1000 "graph_test.c"
static void end(awaitable(int) task)
{
    if (parked && !asyncio_done(parked))
        asyncio_set_result((awaitable(int))parked, 0);
    asyncio_cancel(task);
}

ASYNC_TEST(of_a_parked_task)
{
    parked = asyncio_future(int);
    awaitable(int) t = asyncio_create_task(root(), "t");
    assert_graph(t, "* Task(name='t', id=)\n"
                    "  + Call stack:\n"
                    "  |   File 'feed.c', line 30, in async root()");
    await(asyncio_sleep(0));
    assert_graph(t, "* Task(name='t', id=)\n"
                    "  + Call stack:\n"
                    "  |   File 'feed.c', line 32, in async root()");
    await(asyncio_sleep(MOMENT));
    assert_graph(t, "* Task(name='t', id=)\n"
                    "  + Call stack:\n"
                    "  |   File 'feed.c', line 12, in async leaf()\n"
                    "  |   File 'feed.c', line 22, in async middle()\n"
                    "  |   File 'feed.c', line 33, in async root()");
    assert_graph(parked, "* Future(id=)\n"
                         "  + Awaited by:\n"
                         "    * Task(name='t', id=)\n"
                         "      + Call stack:\n"
                         "      |   File 'feed.c', line 12, in async leaf()\n"
                         "      |   File 'feed.c', line 22, in async middle()\n"
                         "      |   File 'feed.c', line 33, in async root()");
    end(t);
    await(t);
    assert_graph(t, "* Task(name='t', id=)");
    assert_graph(parked, "* Future(id=)");
}

ASYNC_TEST(of_an_operation)
{
    awaitable(int) t = asyncio_create_task(sleeps(), "t");
    awaitable(int) s = asyncio_create_task(asyncio_sleep(FOR_EVER), "s");
    await(asyncio_sleep(MOMENT));
    assert_graph(t, "* Task(name='t', id=)\n"
                    "  + Call stack:\n"
                    "  |   in async sleep()\n"
                    "  |   File 'feed.c', line 52, in async sleeps()");
    assert_graph(s, "* Task(name='s', id=)\n"
                    "  + Call stack:\n"
                    "  |   in async sleep()");
    asyncio_cancel(t);
    asyncio_cancel(s);
}

/* --- The running task --- */

static int limit = INT32_MAX;

#line 60 "feed.c"
static async(void, shows_itself)
{
    asyncio_format_call_graph(NULL, shown, sizeof shown, limit);
}

#line 70 "feed.c"
static void helper(asyncio_any x)
{
    asyncio_format_call_graph(x, shown, sizeof shown);
}

#line 80 "feed.c"
static async(void, shows_from_a_helper)
{
    await(shows_itself());
    helper(NULL);
}

#line 90 "feed.c"
static async(int, asks, (bool, by_helper))
{
    await(asyncio_sleep(0)); /* so that who waits for it does */
    if (by_helper)
        await(shows_from_a_helper());
    else
        await(shows_itself());
    return 0;
}

#line 2000 "graph_test.c"
ASYNC_TEST(of_the_running_task)
{
    asyncio_set_name(asyncio_current_task(), "main");
    await(asyncio_create_task(waits(asyncio_create_task(asks(false), "t")), "w"));
    assert_string_equal(without_ids(), "* Task(name='t', id=)\n"
                                       "  + Call stack:\n"
                                       "  |   File 'feed.c', line 62, in async shows_itself()\n"
                                       "  |   File 'feed.c', line 96, in async asks()\n"
                                       "  + Awaited by:\n"
                                       "    * Task(name='w', id=)\n"
                                       "      + Call stack:\n"
                                       "      |   File 'feed.c', line 42, in async waits()\n"
                                       "      + Awaited by:\n"
                                       "        * Task(name='main', id=)\n"
                                       "          + Call stack:\n"
                                       "          |   File 'graph_test.c', line 2003, in async "
                                       "of_the_running_task_main()");
}

/* What was awaited last was in another coroutine: the definition stands for a line not known. */
ASYNC_TEST(from_a_plain_function)
{
    await(asyncio_create_task(asks(true), "t"));
    *strstr(without_ids(), "\n  + Awaited") = 0;
    assert_string_equal(shown, "* Task(name='t', id=)\n"
                               "  + Call stack:\n"
                               "  |   File 'feed.c', line 72, in helper()\n"
                               "  |   File 'feed.c', line 80, in async shows_from_a_helper()\n"
                               "  |   File 'feed.c', line 94, in async asks()");
}

static void show_in_callback(void *task)
{
    assert_null(asyncio_capture_call_graph(NULL));
    assert_int_equal(asyncio_format_call_graph(NULL, shown, sizeof shown), 0);
    assert_string_equal(shown, "");
    helper(task);
}

#line 2100 "graph_test.c"
ASYNC_TEST(from_a_callback)
{
    asyncio_set_name(asyncio_current_task(), "main");
    asyncio_call_soon(show_in_callback, asyncio_current_task());
    await(asyncio_sleep(MOMENT));
    assert_string_equal(without_ids(),
                        "* Task(name='main', id=)\n"
                        "  + Call stack:\n"
                        "  |   in async sleep()\n"
                        "  |   File 'graph_test.c', line 2104, in async from_a_callback_main()");
}

/* --- Generators --- */

#line 100 "feed.c"
static async_gen(int, counts)
{
    async_yield(1);
    await(waits((awaitable(int))parked));
    async_yield(2);
    await(shows_itself());
}

#line 110 "feed.c"
static async(int, consumes)
{
    int sum = 0;
    async_for (int x, counts()) {
        sum += x;
        if (x == 1)
            helper(NULL);
    }
    return sum;
}

#line 3000 "graph_test.c"
ASYNC_TEST(of_a_generator)
{
    parked = asyncio_future(int);
    awaitable(int) t = asyncio_create_task(consumes(), "t");
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    assert_string_equal(without_ids(), "* Task(name='t', id=)\n"
                                       "  + Call stack:\n"
                                       "  |   File 'feed.c', line 72, in helper()\n"
                                       "  |   File 'feed.c', line 110, in async consumes()");
    assert_graph(t, "* Task(name='t', id=)\n"
                    "  + Call stack:\n"
                    "  |   File 'feed.c', line 42, in async waits()\n"
                    "  |   File 'feed.c', line 103, in async generator counts()\n"
                    "  |   File 'feed.c', line 113, in async consumes()");
    asyncio_set_result((awaitable(int))parked, 0);
    assert_int_equal(await(asyncio_wait_for(t, FOR_EVER)), 3);
    *strstr(without_ids(), "\n  + Awaited") = 0;
    assert_string_equal(shown, "* Task(name='t', id=)\n"
                               "  + Call stack:\n"
                               "  |   File 'feed.c', line 62, in async shows_itself()\n"
                               "  |   File 'feed.c', line 105, in async generator counts()\n"
                               "  |   File 'feed.c', line 113, in async consumes()");
}

/* --- Who waits --- */

#line 120 "feed.c"
static async(int, gathers, (awaitable(int), a), (awaitable(int), b))
{
    return await(asyncio_gather(asyncio_gather(a, a), asyncio_wait_for(b, FOR_EVER)));
}

#line 130 "feed.c"
static async(int, shields, (awaitable(int), x))
{
    return await(asyncio_shield(x));
}

#line 4000 "graph_test.c"
static const char gathers_waits[] = "    * Task(name='g', id=)\n"
                                    "      + Call stack:\n"
                                    "      |   File 'feed.c', line 122, in async gathers()";

/* Through whatever stands between: it is the task that is shown. */
ASYNC_TEST(through_gather_and_the_like)
{
    char expected[1024];
    awaitable(int) a = asyncio_create_task(sleeps(), "a"), b = asyncio_create_task(sleeps(), "b");
    awaitable(int) g = asyncio_create_task(gathers(a, b), "g");
    awaitable(int) s = asyncio_create_task(shields(a), "s");
    await(asyncio_sleep(MOMENT));
    snprintf(expected, sizeof expected,
             "* Task(name='a', id=)\n"
             "  + Call stack:\n"
             "  |   in async sleep()\n"
             "  |   File 'feed.c', line 52, in async sleeps()\n"
             "  + Awaited by:\n"
             "%s\n"
             "    * Task(name='s', id=)\n"
             "      + Call stack:\n"
             "      |   File 'feed.c', line 132, in async shields()",
             gathers_waits);
    assert_graph(a, expected);
    /* A wait_for in a gather is a task, there as in Python. */
    asyncio_format_call_graph(b, shown, sizeof shown, 0);
    assert_says(without_ids(), "* Task(name='b', id=)\n"
                               "  + Awaited by:\n"
                               "    * Task(name='Task-");
    assert_says(shown, "', id=)\n"
                       "      + Awaited by:\n"
                       "        * Task(name='g', id=)");
    asyncio_cancel(a);
    asyncio_cancel(b);
    await(asyncio_sleep(MOMENT));
    assert_true(asyncio_done(g) && asyncio_done(s));
}

/* Those that are done are waited for no more. */
ASYNC_TEST(not_when_done)
{
    awaitable(int) a = asyncio_create_task(asyncio_sleep(0), "a");
    awaitable(int) g = asyncio_create_task(gathers(a, asyncio_create_task(sleeps())));
    await(asyncio_sleep(MOMENT));
    assert_true(asyncio_done(a));
    assert_graph(a, "* Task(name='a', id=)");
    asyncio_cancel(g);
}

struct pair {
    struct asyncio_awaitable head;
    asyncio_any both[2];
};

static int pair_start(void *self)
{
    (void)self;
    return 0;
}

static void pair_waits_for(void *self, void (*visit)(asyncio_any x, void *arg), void *arg)
{
    struct pair *p = self;
    visit(p->both[0], arg);
    visit(p->both[1], arg);
    visit(NULL, arg);
}

static const struct asyncio_awaitable_type pair_type = {
    .name = "pair",
    .size = sizeof(struct pair),
    .start = pair_start,
    .waits_for = pair_waits_for,
};

/* A type of one's own takes part. */
ASYNC_TEST(through_a_type_of_ones_own)
{
    awaitable(int) a = asyncio_future(int), b = asyncio_future(int);
    awaitable(void) p = (awaitable(void))asyncio_awaitable_new(&pair_type);
    struct pair *pair = asyncio_awaitable_object(p);
    pair->both[0] = a;
    pair->both[1] = b;
    p = asyncio_create_task(p, "p");
    await(asyncio_sleep(MOMENT));
    assert_graph(b, "* Future(id=)\n"
                    "  + Awaited by:\n"
                    "    * Task(name='p', id=)\n"
                    "      + Call stack:\n"
                    "      |   in async pair()");
    asyncio_cancel(p);
}

/* --- What would go on for ever --- */

static awaitable(int) ring[2];

#line 140 "feed.c"
static async(int, waits_in_ring, (int, i))
{
    return await(ring[i]);
}

#line 5000 "graph_test.c"
ASYNC_TEST(of_a_ring)
{
    ring[0] = asyncio_create_task(waits_in_ring(1), "a");
    ring[1] = asyncio_create_task(waits_in_ring(0), "b");
    await(asyncio_sleep(MOMENT));
    assert_graph(ring[0], "* Task(name='a', id=)\n"
                          "  + Call stack:\n"
                          "  |   File 'feed.c', line 142, in async waits_in_ring()\n"
                          "  + Awaited by:\n"
                          "    * Task(name='b', id=)\n"
                          "      + Call stack:\n"
                          "      |   File 'feed.c', line 142, in async waits_in_ring()\n"
                          "      + Awaited by:\n"
                          "        * Task(name='a', id=) (shown above)");
    struct asyncio_call_graph *g = asyncio_capture_call_graph(ring[0]);
    assert_ptr_equal(g->awaited_by[0]->awaited_by[0], g);
    asyncio_call_graph_free(g);
    asyncio_cancel(ring[0]);
}

enum { LAYERS = 40 };

static async(int, gathers_two, (awaitable(int), a), (awaitable(int), b))
{
    return await(asyncio_gather(a, b));
}

/* Each layer of two waits for both of the one before: 2^40 ways to the last. */
ASYNC_TEST(of_what_is_shared)
{
    awaitable(int) layer[2] = {asyncio_create_task(sleeps(), "x"), asyncio_create_task(sleeps())};
    awaitable(int) x = layer[0];
    for (int i = 0; i < LAYERS; i++) {
        awaitable(int) a = asyncio_create_task(gathers_two(layer[0], layer[1]));
        awaitable(int) b = asyncio_create_task(gathers_two(layer[0], layer[1]));
        layer[0] = a;
        layer[1] = b;
    }
    for (int i = 0; i <= LAYERS; i++)
        await(asyncio_sleep(0));
    int length = asyncio_format_call_graph(x, NULL, 0, 0);
    char *text = malloc((size_t)length + 1);
    assert_int_equal(asyncio_format_call_graph(x, text, (size_t)length + 1, 0), length);
    int tasks = 0, again = 0;
    for (char *p = text; (p = strstr(p, "* Task(")); p++)
        tasks++;
    for (char *p = text; (p = strstr(p, "(shown above)")); p++)
        again++;
    assert_int_equal(tasks - again, 2 * LAYERS + 1);
    assert_int_equal(again, 2 * (LAYERS - 1));
    free(text);
    asyncio_cancel(x); /* the first failure goes up through all; cancelling those would go down */
    await(asyncio_wait_for(layer[0], FOR_EVER));
    assert_true(asyncio_done(layer[1]));
}

enum { CHAIN = 3000 };

/* It is followed, and freed, without recursion. */
ASYNC_TEST(of_a_long_chain)
{
    awaitable(int) first = asyncio_create_task(sleeps()), last = first;
    for (int i = 0; i < CHAIN; i++)
        last = asyncio_create_task(waits(last));
    await(asyncio_sleep(MOMENT));
    struct asyncio_call_graph *graph = asyncio_capture_call_graph(first, 1), *g = graph;
    for (int i = 0; i < CHAIN; i++) {
        assert_int_equal(g->awaited_by_size, 1);
        g = g->awaited_by[0];
    }
    assert_ptr_equal(g->future, last);
    asyncio_call_graph_free(graph);
    FILE *null = fopen("/dev/null", "w");
    assert_int_equal(asyncio_print_call_graph(first, null, 0), 0);
    fclose(null);
    asyncio_cancel(first);
    await(asyncio_sleep(MOMENT));
}

/* --- Options, and the forms it comes in --- */

ASYNC_TEST(limited)
{
    parked = asyncio_future(int);
    awaitable(int) t = asyncio_create_task(root(), "t");
    await(asyncio_sleep(MOMENT));
    asyncio_format_call_graph(t, shown, sizeof shown, 2);
    assert_string_equal(without_ids(), "* Task(name='t', id=)\n"
                                       "  + Call stack:\n"
                                       "  |   File 'feed.c', line 12, in async leaf()\n"
                                       "  |   File 'feed.c', line 22, in async middle()");
    asyncio_format_call_graph(t, shown, sizeof shown, -2);
    assert_string_equal(without_ids(), "* Task(name='t', id=)\n"
                                       "  + Call stack:\n"
                                       "  |   File 'feed.c', line 22, in async middle()\n"
                                       "  |   File 'feed.c', line 33, in async root()");
    asyncio_format_call_graph(t, shown, sizeof shown, 0);
    assert_string_equal(without_ids(), "* Task(name='t', id=)");
    asyncio_format_call_graph(t, shown, sizeof shown, -100);
    assert_says(shown, "leaf()");
    assert_says(shown, "root()");
    limit = 1;
    await(shows_itself());
    limit = INT32_MAX;
    assert_says(shown, "+ Call stack:\n  |   File 'feed.c', line 62, in async shows_itself()");
    assert_null(strstr(shown, "main()"));
    end(t);
}

ASYNC_TEST(captured)
{
    parked = asyncio_future(int);
    awaitable(int) t = asyncio_create_task(root(), "t");
    awaitable(int) w = asyncio_create_task(waits(t), "w");
    await(asyncio_sleep(MOMENT));
    struct asyncio_call_graph *g = asyncio_capture_call_graph(t);
    assert_ptr_equal(g->future, t);
    assert_int_equal(g->call_stack_size, 3);
    assert_string_equal(g->call_stack[0].function, "leaf");
    assert_string_equal(g->call_stack[0].file, "feed.c");
    assert_int_equal(g->call_stack[0].line, 12);
    assert_string_equal(g->call_stack[2].kind, "async");
    assert_int_equal(g->awaited_by_size, 1);
    assert_ptr_equal(g->awaited_by[0]->future, w);
    assert_int_equal(g->awaited_by[0]->awaited_by_size, 0);
    end(w);
    await(asyncio_sleep(MOMENT));
    assert_string_equal(g->awaited_by[0]->call_stack[0].function, "waits"); /* as it was */
    asyncio_call_graph_free(g);
    asyncio_call_graph_free(NULL);
}

ASYNC_TEST(cut_to_fit)
{
    char small[12] = "untouched", whole[512];
    int length = asyncio_format_call_graph(NULL, whole, sizeof whole);
    assert_int_equal(length, (int)strlen(whole));
    assert_int_equal(asyncio_format_call_graph(NULL, NULL, 0), length);
    assert_int_equal(asyncio_format_call_graph(NULL, small, sizeof small), length);
    assert_string_equal(small, "* Task(name");
}

ASYNC_TEST(printed)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    awaitable(int) t = asyncio_create_task(root(), "t");
    assert_int_equal(asyncio_print_call_graph(t, file), 0);
    assert_int_equal(asyncio_print_call_graph(t, file, 0), 0);
    fclose(file);
    memcpy(shown, text, size + 1);
    free(text);
    assert_string_equal(without_ids(), "* Task(name='t', id=)\n"
                                       "  + Call stack:\n"
                                       "  |   File 'feed.c', line 30, in async root()\n"
                                       "* Task(name='t', id=)\n");
    asyncio_cancel(t);
}

/* --- No memory, misuse --- */

#ifdef AI_FAULTS

static int allocations_left;

static bool refuse(size_t size)
{
    (void)size;
    return allocations_left-- <= 0;
}

ASYNC_TEST(without_memory)
{
    awaitable(int) t = asyncio_create_task(sleeps(), "t"), w = asyncio_create_task(waits(t));
    struct asyncio_call_graph *g = NULL;
    int tries = 0;
    await(asyncio_sleep(MOMENT));
    for (; !g; tries++) {
        allocations_left = tries;
        ai_allocation_fails = refuse;
        g = asyncio_capture_call_graph(t);
        ai_allocation_fails = NULL;
    }
    assert_in_range(tries, 3, 6);
    assert_int_equal(g->awaited_by_size, 1);
    asyncio_call_graph_free(g);
    allocations_left = 0;
    ai_allocation_fails = refuse;
    int formatted = asyncio_format_call_graph(t, shown, sizeof shown);
    int printed_so = asyncio_print_call_graph(t);
    ai_allocation_fails = NULL;
    assert_int_equal(formatted, -ENOMEM);
    assert_string_equal(shown, "");
    assert_int_equal(printed_so, -ENOMEM);
    asyncio_cancel(w);
}

#endif

static void outside_program(void)
{
    asyncio_print_call_graph(NULL);
}

static void outside_of_a_loop(void **state)
{
    (void)state;
    assert_aborts(outside_program, "is called outside of a running event loop and no future to "
                                   "introspect was provided");
}

DEATH_TEST(of_a_coroutine, "TypeError: a task or future was expected, got coroutine 'sleeps'")
{
    asyncio_print_call_graph(sleeps());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(of_a_parked_task),
        TEST(of_an_operation),
        TEST(of_the_running_task),
        TEST(from_a_plain_function),
        TEST(from_a_callback),
        TEST(of_a_generator),
        TEST(through_gather_and_the_like),
        TEST(not_when_done),
        TEST(through_a_type_of_ones_own),
        TEST(of_a_ring),
        TEST(of_what_is_shared),
        TEST(of_a_long_chain),
        TEST(limited),
        TEST(captured),
        TEST(cut_to_fit),
        TEST(printed),
#ifdef AI_FAULTS
        TEST(without_memory),
#endif
        TEST(outside_of_a_loop),
        TEST(of_a_coroutine),
    };

    return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
