/* Context variables: who sees what is set, and what undoes it. */
#include "support.h"

struct point {
    double x, y;
    char text[40];
};

static asyncio_context_var(int) number = ASYNCIO_CONTEXT_VAR("number", 7);
static asyncio_context_var(const char *) word = ASYNCIO_CONTEXT_VAR("word", "none");
static asyncio_context_var(char) letter = ASYNCIO_CONTEXT_VAR("letter");
static asyncio_context_var(struct point) place = ASYNCIO_CONTEXT_VAR("place",
                                                                     {1, 2, "the default"});

typedef asyncio_context_var(int) int_var; /* as a header would share it */
extern int_var shared;
int_var shared = ASYNCIO_CONTEXT_VAR("shared", 0);

static int get(void)
{
    return asyncio_context_var_get(&number);
}

static void set(int value)
{
    assert_int_equal(asyncio_context_var_set(&number, value), 0);
}

static async(int, gets)
{
    await(asyncio_sleep(0));
    return get();
}

static async(int, sets, (int, value))
{
    set(value);
    await(asyncio_sleep(0));
    return get();
}

/* --- Variables --- */

ASYNC_TEST(defaults)
{
    assert_int_equal(get(), 7);
    assert_int_equal(asyncio_context_var_get(&number, 8), 8);
    assert_string_equal(asyncio_context_var_get(&word), "none");
    assert_int_equal(asyncio_context_var_get(&letter), 0);
    assert_string_equal(asyncio_context_var_get(&place).text, "the default");
    assert_int_equal(asyncio_context_var_get(&shared), 0);
}

ASYNC_TEST(any_type)
{
    set(1);
    assert_int_equal(asyncio_context_var_set(&word, "set"), 0);
    assert_int_equal(asyncio_context_var_set(&letter, 'x'), 0);
    assert_int_equal(asyncio_context_var_set(&place, ((struct point){3, 4, "mine"})), 0);
    assert_int_equal(asyncio_context_var_set(&shared, get() + 1), 0);
    assert_int_equal(get(), 1);
    assert_int_equal(asyncio_context_var_get(&number, 8), 1);
    assert_string_equal(asyncio_context_var_get(&word), "set");
    assert_int_equal(asyncio_context_var_get(&letter), 'x');
    struct point p = asyncio_context_var_get(&place);
    assert_true(p.x == 3 && p.y == 4);
    assert_string_equal(p.text, "mine");
    assert_int_equal(asyncio_context_var_get(&shared), 2);
    set(-1);
    assert_int_equal(get(), -1);
    assert_string_equal(asyncio_context_var_get(&place).text, "mine");
}

/* The one in the middle, the first, the last: the others stay. */
ASYNC_TEST(tokens)
{
    asyncio_context_token(&number) n;
    asyncio_context_token(&word) w;
    asyncio_context_token(&place) p;
    assert_int_equal(asyncio_context_var_set(&number, 1, &n), 0);
    assert_int_equal(asyncio_context_var_set(&word, "a", &w), 0);
    assert_int_equal(asyncio_context_var_set(&place, ((struct point){.text = "b"}), &p), 0);
    asyncio_context_token(&word) again;
    assert_int_equal(asyncio_context_var_set(&word, "c", &again), 0);
    assert_int_equal(asyncio_context_var_reset(&word, &again), 0);
    assert_string_equal(asyncio_context_var_get(&word), "a");
    assert_int_equal(asyncio_context_var_reset(&word, &w), 0);
    assert_string_equal(asyncio_context_var_get(&word), "none");
    assert_int_equal(get(), 1);
    assert_string_equal(asyncio_context_var_get(&place).text, "b");
    assert_int_equal(asyncio_context_var_reset(&number, &n), 0);
    assert_int_equal(get(), 7);
    assert_string_equal(asyncio_context_var_get(&place).text, "b");
    assert_int_equal(asyncio_context_var_reset(&place, &p), 0);
    assert_string_equal(asyncio_context_var_get(&place).text, "the default");
}

/* A token of a variable that was set and unset since then still knows what was before it. */
ASYNC_TEST(a_token_after_others)
{
    asyncio_context_token(&number) first, second;
    assert_int_equal(asyncio_context_var_set(&number, 1, &first), 0);
    assert_int_equal(asyncio_context_var_set(&number, 2, &second), 0);
    assert_int_equal(asyncio_context_var_reset(&number, &first), 0);
    assert_int_equal(get(), 7);
    assert_int_equal(asyncio_context_var_reset(&number, &second), 0);
    assert_int_equal(get(), 1);
}

DEATH_TEST(a_token_twice, "RuntimeError: the token of context variable 'number' has already been "
                          "used once")
{
    asyncio_context_token(&number) token;
    asyncio_context_var_set(&number, 1, &token);
    asyncio_context_var_reset(&number, &token);
    asyncio_context_var_reset(&number, &token);
}

DEATH_TEST(a_token_of_another, "ValueError: the token was created by a different context variable "
                               "than 'shared'")
{
    static int_var other = ASYNCIO_CONTEXT_VAR("other", 0);
    asyncio_context_token(&other) token;
    asyncio_context_var_set(&other, 1, &token);
    asyncio_context_var_reset(&shared, &token);
}

static asyncio_context_token(&number) handed_on;

static async(void, resets)
{
    asyncio_context_var_reset(&number, &handed_on);
    await(asyncio_sleep(0));
}

DEATH_TEST(a_token_elsewhere, "ValueError: the token of context variable 'number' was created in a "
                              "different context")
{
    asyncio_context_var_set(&number, 1, &handed_on);
    await(asyncio_create_task(resets()));
}

/* --- Tasks --- */

ASYNC_TEST(a_task_has_a_copy)
{
    awaitable(int) before = asyncio_create_task(gets());
    set(1);
    awaitable(int) one = asyncio_create_task(gets());
    set(2);
    awaitable(int) three = asyncio_create_task(sets(3));
    awaitable(int) two = asyncio_create_task(gets());
    assert_int_equal(await(before), 7);
    assert_int_equal(await(one), 1);
    assert_int_equal(await(two), 2);
    assert_int_equal(await(three), 3);
    assert_int_equal(get(), 2);
}

ASYNC_TEST(coroutines_share_it)
{
    assert_int_equal(await(sets(4)), 4);
    assert_int_equal(get(), 4);
    int results[2];
    assert_int_equal(await(asyncio_gather_into(results, sets(5), gets())), 0);
    assert_int_equal(results[0], 5);
    assert_int_equal(results[1], 4);
    assert_int_equal(await(asyncio_wait_for(gets(), FOR_EVER)), 4);
    assert_int_equal(await(asyncio_shield(gets())), 4);
    assert_int_equal(get(), 4);
}

static async(int, makes_one)
{
    set(get() + 1);
    awaitable(int) t = asyncio_create_task(gets());
    set(get() + 1);
    return await(t) * 100 + get();
}

ASYNC_TEST(a_task_of_a_task)
{
    set(10);
    assert_int_equal(await(asyncio_create_task(makes_one())), 1112);
    assert_int_equal(get(), 10);
}

ASYNC_TEST(tasks_that_never_start)
{
    set(1);
    awaitable(int) t = asyncio_create_task(gets());
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    asyncio_spawn(gets()); /* the end of the loop is its end */
}

static async_gen(int, generator)
{
    async_yield(get());
    set(22);
    await(asyncio_sleep(0));
    async_yield(get());
}

/* A generator has its consumer's. */
ASYNC_TEST(generators)
{
    set(20);
    async_iterator(int) it = generator();
    set(21);
    async_for (int n, it)
        note("%d:%d", n, get());
    assert_history("21:21 22:22");
    assert_int_equal(get(), 22);
}

/* --- Callbacks --- */

static void note_number(void *arg)
{
    note("%s%d", (const char *)arg, get());
    set(get() + 100); /* nobody else's */
    note("%d", get());
}

static void note_done(asyncio_any x, void *arg)
{
    (void)x;
    note_number(arg);
}

ASYNC_TEST(callbacks)
{
    awaitable(int) f = asyncio_future(int);
    asyncio_call_soon(note_number, "none:");
    set(1);
    asyncio_call_soon(note_number, "soon:");
    asyncio_call_later(MOMENT, note_number, "later:");
    asyncio_handle_cancel(asyncio_call_soon(note_number, "never:"));
    asyncio_handle_cancel(asyncio_call_later(MOMENT, note_number, "never:"));
    assert_int_equal(asyncio_add_done_callback(f, note_done, "done:"), 0);
    set(2);
    await(asyncio_sleep(MOMENT * 2));
    assert_history("none:7 107 soon:1 101 later:1 101");
    asyncio_set_result(f, 0);
    await(asyncio_sleep(0));
    assert_history("done:1 101");
    assert_int_equal(get(), 2);
    asyncio_call_later(FOR_EVER, note_number, "dropped:");
    f = asyncio_future(int);
    assert_int_equal(asyncio_add_done_callback(f, note_done, "dropped:"), 0);
}

static void create_task(void *arg)
{
    set(get() * 2);
    *(awaitable(int) *)arg = asyncio_retain(asyncio_create_task(gets()));
    set(0);
}

ASYNC_TEST(a_task_of_a_callback)
{
    awaitable(int) t = NULL;
    set(4);
    asyncio_call_soon(create_task, &t);
    await(asyncio_sleep(0));
    assert_int_equal(await(t), 8);
    asyncio_release(t), asyncio_release(t);
}

/* --- Other threads --- */

/* A loop in a thread begins with what was sent there. */
static async(int, runs_a_loop)
{
    return asyncio_run(gets()) * 100 + asyncio_run(sets(get() + 1));
}

ASYNC_TEST(a_loop_in_a_thread)
{
    set(60);
    assert_int_equal(await(asyncio_to_thread(runs_a_loop())), 6061);
    assert_int_equal(get(), 60);
}

/* --- Contexts --- */

static void add_one(void *arg)
{
    set(get() + 1);
    *(int *)arg = get();
}

ASYNC_TEST(running_in_a_context)
{
    int seen = 0;
    set(1);
    struct asyncio_context *c = asyncio_copy_context();
    set(5);
    asyncio_context_run(c, add_one, &seen);
    assert_int_equal(seen, 2);
    asyncio_context_run(c, add_one, &seen);
    assert_int_equal(seen, 3);
    assert_int_equal(get(), 5);
    assert_int_equal(asyncio_context_get(c, &number), 3);
    assert_int_equal(asyncio_context_get(c, &shared, 9), 9);
    struct asyncio_context *copy = asyncio_context_copy(c), *fresh = asyncio_context_new();
    asyncio_context_run(c, add_one, &seen);
    assert_int_equal(asyncio_context_get(copy, &number), 3);
    assert_int_equal(asyncio_context_get(fresh, &number), 7);
    asyncio_context_run(fresh, add_one, &seen);
    assert_int_equal(asyncio_context_get(fresh, &number, 0), 8);
    asyncio_context_release(c), asyncio_context_release(copy), asyncio_context_release(fresh);
    assert_null(asyncio_context_copy(NULL));
    asyncio_context_release(NULL);
}

static void make_task(void *arg)
{
    set(30);
    *(awaitable(int) *)arg = asyncio_create_task(gets());
    assert_int_equal(await(gets()), 30); /* Python could not */
    set(31);
}

/* A task that was made in it has a copy; while it awaits there others have theirs. */
ASYNC_TEST(a_task_of_a_context)
{
    awaitable(int) t = NULL;
    struct asyncio_context *c = asyncio_context_new();
    awaitable(int) other = asyncio_create_task(sets(40));
    set(3);
    asyncio_context_run(c, make_task, &t);
    assert_int_equal(await(t), 30);
    assert_int_equal(await(other), 40);
    assert_int_equal(get(), 3);
    assert_int_equal(asyncio_context_get(c, &number), 31);
    asyncio_context_release(c);
}

/* Tasks that are given one share it. */
ASYNC_TEST(given_to_tasks)
{
    struct asyncio_context *c = asyncio_context_new();
    set(3);
    awaitable(int) t = asyncio_create_task(makes_one(), "shares", c);
    awaitable(int) too = asyncio_create_task(gets(), NULL, c);
    awaitable(int) none = asyncio_create_task(gets(), NULL, NULL);
    assert_string_equal(asyncio_get_name(t), "shares");
    assert_int_equal(await(t), 809);
    assert_int_equal(await(too), 9);
    assert_int_equal(await(none), 3);
    assert_int_equal(get(), 3);
    assert_int_equal(asyncio_context_get(c, &number), 9);
    t = asyncio_create_task(gets(), NULL, c);
    assert_ptr_equal(asyncio_create_task(t, NULL, c), t);
    assert_true(asyncio_cancel(t));
    assert_null(asyncio_create_task((awaitable(int))NULL, NULL, c));
    asyncio_context_release(c);
    awaitable(int) after = asyncio_create_task(gets());
    assert_int_equal(await(after), 3);
}

static async(int, resets_after)
{
    asyncio_context_token(&number) token;
    asyncio_context_var_set(&number, 5, &token);
    await(asyncio_sleep(0));
    assert_int_equal(asyncio_context_var_reset(&number, &token), 0);
    return get();
}

ASYNC_TEST(given_to_an_eager_task)
{
    struct asyncio_context *c = asyncio_context_new();
    asyncio_set_task_factory(asyncio_eager_task_factory);
    set(3);
    awaitable(int) t = asyncio_create_task(makes_one(), NULL, c);
    assert_int_equal(asyncio_context_get(c, &number), 9);
    assert_int_equal(await(t), 809);
    t = asyncio_create_task(resets_after(), NULL, c);
    assert_int_equal(asyncio_context_get(c, &number), 5);
    assert_int_equal(await(t), 9);
    asyncio_context_release(c);
}

ASYNC_TEST(of_a_task)
{
    set(3);
    awaitable(int) t = asyncio_create_task(sets(4));
    struct asyncio_context *before = asyncio_get_context(t);
    await(asyncio_sleep(0));
    struct asyncio_context *after = asyncio_get_context(t);
    await(t);
    struct asyncio_context *done = asyncio_get_context(t);
    struct asyncio_context *mine = asyncio_get_context(asyncio_current_task());
    assert_int_equal(asyncio_context_get(before, &number), 3);
    assert_int_equal(asyncio_context_get(after, &number), 4);
    assert_int_equal(asyncio_context_get(done, &number), 7);
    assert_int_equal(asyncio_context_get(mine, &number), 3);
    asyncio_context_release(before), asyncio_context_release(after);
    asyncio_context_release(done), asyncio_context_release(mine);
    t = asyncio_create_task(asyncio_sleep(0));
    before = asyncio_get_context(t);
    assert_int_equal(asyncio_context_get(before, &number), 7);
    asyncio_context_release(before);
}

static struct asyncio_context *run_in;

static void set_with_token(void *arg)
{
    (void)arg;
    asyncio_context_var_set(&number, 1, &handed_on);
}

static void reset(void *arg)
{
    (void)arg;
    asyncio_context_var_reset(&number, &handed_on);
    note("%d", get());
}

ASYNC_TEST(a_token_in_its_context)
{
    struct asyncio_context *c = asyncio_copy_context();
    asyncio_context_run(c, set_with_token, NULL);
    asyncio_context_run(c, reset, NULL);
    assert_history("7");
    asyncio_context_release(c);
}

DEATH_TEST(a_token_outside_of_its_context, "was created in a different context")
{
    asyncio_context_run(asyncio_copy_context(), set_with_token, NULL);
    reset(NULL);
    await(asyncio_sleep(0));
}

static void run_again(void *arg)
{
    (void)arg;
    asyncio_context_run(run_in, reset, NULL);
}

DEATH_TEST(entered_twice, "RuntimeError: cannot enter context: it is already entered")
{
    run_in = asyncio_copy_context();
    asyncio_context_run(run_in, run_again, NULL);
    await(asyncio_sleep(0));
}

static void release_it(void *c)
{
    asyncio_context_release(c);
    set(9);
    note("%d", get());
}

ASYNC_TEST(released_while_it_is_run)
{
    struct asyncio_context *c = asyncio_copy_context();
    asyncio_context_run(c, release_it, c);
    assert_history("9");
    assert_int_equal(get(), 7);
}

/* --- Outside of a loop --- */

static void outside(void **state)
{
    asyncio_context_token(&number) token;
    (void)state;
    assert_int_equal(asyncio_context_var_set(&number, 50, &token), 0);
    assert_int_equal(asyncio_run(gets()), 50);
    assert_int_equal(asyncio_run(sets(51)), 51);
    assert_int_equal(get(), 50);
    assert_int_equal(asyncio_context_var_reset(&number, &token), 0);
    assert_int_equal(get(), 7);
}

/* --- No memory --- */

#ifdef AI_FAULTS
static bool refuse(size_t size)
{
    (void)size;
    return true;
}

ASYNC_TEST(without_memory)
{
    asyncio_context_token(&number) token;
    ai_allocation_fails = refuse;
    assert_int_equal(asyncio_context_var_set(&number, 1), -ENOMEM);
    assert_null(asyncio_copy_context());
    ai_allocation_fails = NULL;
    assert_int_equal(get(), 7);
    assert_int_equal(asyncio_context_var_set(&shared, 1), 0);
    assert_int_equal(asyncio_context_var_set(&number, 1, &token), 0);
    ai_allocation_fails = refuse;
    assert_int_equal(asyncio_context_var_reset(&number, &token), -ENOMEM);
    assert_int_equal(get(), 1);
    ai_allocation_fails = NULL;
    assert_int_equal(asyncio_context_var_reset(&number, &token), 0);
    assert_int_equal(get(), 7);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults),
        TEST(any_type),
        TEST(tokens),
        TEST(a_token_after_others),
        TEST(a_token_twice),
        TEST(a_token_of_another),
        TEST(a_token_elsewhere),
        TEST(a_task_has_a_copy),
        TEST(coroutines_share_it),
        TEST(a_task_of_a_task),
        TEST(tasks_that_never_start),
        TEST(generators),
        TEST(callbacks),
        TEST(a_task_of_a_callback),
        TEST(a_loop_in_a_thread),
        TEST(running_in_a_context),
        TEST(a_task_of_a_context),
        TEST(given_to_tasks),
        TEST(given_to_an_eager_task),
        TEST(of_a_task),
        TEST(a_token_in_its_context),
        TEST(a_token_outside_of_its_context),
        TEST(entered_twice),
        TEST(released_while_it_is_run),
        TEST(outside),
#ifdef AI_FAULTS
        TEST(without_memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
