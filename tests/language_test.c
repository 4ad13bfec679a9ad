/* The words of the language: every T, parameters, async_for, async_gen, async_with, one's own
 * awaitables. */
#include "support.h"

/* --- Every T --- */

struct point {
    double x, y;
    char name[24];
};

enum colour { RED, GREEN = 7 };

#define ECHO(type, name)                                                                           \
    static async(type, name, (type, x))                                                            \
    {                                                                                              \
        await(asyncio_sleep(0));                                                                   \
        return x;                                                                                  \
    }

/* clang-format off */
ECHO(signed char, echo_schar)
ECHO(unsigned char, echo_uchar)
ECHO(short, echo_short)
ECHO(unsigned short, echo_ushort)
ECHO(int, echo_int)
ECHO(unsigned, echo_unsigned)
ECHO(long, echo_long)
ECHO(unsigned long, echo_ulong)
ECHO(long long, echo_llong)
ECHO(unsigned long long, echo_ullong)
ECHO(char, echo_char)
ECHO(bool, echo_bool)
ECHO(float, echo_float)
ECHO(double, echo_double)
ECHO(long double, echo_ldouble)
ECHO(char *, echo_pointer)
ECHO(const char *, echo_string)
ECHO(struct point, echo_point)
ECHO(enum colour, echo_enum)
ECHO(ssize_t, echo_ssize)
/* clang-format on */

static int twice(int x)
{
    return 2 * x;
}

typedef int function(int);

static async(function *, echo_function, (int (*)(int), f))
{
    return f;
}

/* Awaited as a call, and as a task. */
#define ASSERT_ECHO(echo, value)                                                                   \
    do {                                                                                           \
        assert_true(await(echo(value)) == (value));                                                \
        assert_int_equal(asyncio_error(), 0);                                                      \
        assert_true(await(asyncio_create_task(echo(value))) == (value));                           \
        assert_int_equal(asyncio_error(), 0);                                                      \
    } while (0)

ASYNC_TEST(every_number)
{
    ASSERT_ECHO(echo_schar, -128);
    ASSERT_ECHO(echo_uchar, 255);
    ASSERT_ECHO(echo_short, -32768);
    ASSERT_ECHO(echo_ushort, 65535);
    ASSERT_ECHO(echo_int, INT32_MIN);
    ASSERT_ECHO(echo_unsigned, UINT32_MAX);
    ASSERT_ECHO(echo_long, INT64_MIN);
    ASSERT_ECHO(echo_ulong, UINT64_MAX);
    ASSERT_ECHO(echo_llong, -1LL);
    ASSERT_ECHO(echo_ullong, ~0ULL);
    ASSERT_ECHO(echo_char, 'x');
    ASSERT_ECHO(echo_bool, true);
    ASSERT_ECHO(echo_bool, false);
    ASSERT_ECHO(echo_float, 1.5f);
    ASSERT_ECHO(echo_double, -0.1);
    ASSERT_ECHO(echo_ldouble, 1e4000L);
    ASSERT_ECHO(echo_enum, GREEN);
    ASSERT_ECHO(echo_ssize, -5);
}

ASYNC_TEST(every_pointer)
{
    char here[] = "here";
    ASSERT_ECHO(echo_pointer, here);
    ASSERT_ECHO(echo_pointer, NULL);
    ASSERT_ECHO(echo_string, here);
    assert_int_equal(await(echo_function(twice))(21), 42);
}

ASYNC_TEST(a_struct_by_value)
{
    struct point p = await(echo_point((struct point){1, 2, "origin, nearly"}));
    assert_true(p.x == 1 && p.y == 2);
    assert_string_equal(p.name, "origin, nearly");
    awaitable(struct point) t = asyncio_create_task(echo_point(p));
    assert_string_equal(await(t).name, "origin, nearly");
    assert_true(asyncio_result(t).y == 2);
}

static int counter;

static async(void, count)
{
    counter++;
    await(asyncio_sleep(0));
    counter++;
}

ASYNC_TEST(nothing)
{
    counter = 0;
    await(count());
    assert_int_equal(counter, 2);
    awaitable(void) t = asyncio_create_task(count());
    assert_int_equal(counter, 2);
    await(t);
    await(t);
    assert_int_equal(counter, 4);
    asyncio_result(t);
}

/* --- Parameters, prototypes, expressions --- */

awaitable(int) declared_in_a_header(int x, char *p);
awaitable(int) declared_in_a_header(int x, char *p); /* twice does no harm */

async(int, declared_in_a_header, (int, x), (char *, p))
{
    return x + p[0];
}

static async(int, sum8, (int, a), (long, b), (char, c), (short, d), (double, e), (float, f),
             (unsigned char, g), (const int *, h))
{
    await(asyncio_sleep(0));
    return (int)(a + b + c + d + (long)e + (long)f + g + *h);
}

static async(int, sum2, (int, a), (int, b))
{
    return a + b;
}

static async(int, changes_its_argument, (int, n))
{
    int sum = 0;
    for (; n > 0; n--)
        sum += n;
    return sum;
}

static async(long, factorial, (int, n))
{
    return n < 2 ? 1 : n * await(factorial(n - 1));
}

ASYNC_TEST(parameters)
{
    int h = 128;
    assert_int_equal(await(sum8(1, 2, 4, 8, 16, 32, 64, &h)), 255);
    assert_int_equal(await(asyncio_create_task(sum8(1, 2, 4, 8, 16, 32, 64, &h))), 255);
    assert_int_equal(await(declared_in_a_header(1, "A")), 66);
    assert_int_equal(await(changes_its_argument(4)), 10);
    assert_int_equal(await(factorial(20)), 2432902008176640000);
}

ASYNC_TEST(expressions)
{
    assert_int_equal(await(sum2(await(sum2(1, 2)), await(sum2(3, await(sum2(4, 5)))))), 15);
    assert_int_equal(await(await(sum2(1, 1)) == 2 ? sum2(1, 2) : sum2(3, 4)), 3);
    int one = await(sum2(0, 1)), two = await(sum2(1, 1)); /* two on a line */
    assert_int_equal(one + two, 3);
    if (await(sum2(0, 0)) || await(sum2(0, 1)))
        counter = 77;
    assert_int_equal(counter, 77);
    for (int i = await(sum2(0, 0)); i < await(sum2(1, 2)); i += await(sum2(0, 1)))
        counter++;
    assert_int_equal(counter, 80);
    awaitable(int) both[] = {sum2(1, 2), asyncio_create_task(sum2(3, 4))};
    assert_int_equal(await(both[1]) * 10 + await(both[0]), 73);
    struct {
        awaitable(int) member;
        awaitable(int) * list;
    } held = {sum2(5, 6), (awaitable(int)[]){sum2(7, 8)}};
    assert_int_equal(await(held.member) + await(held.list[0]), 26);
}

/* A handle's T may be chosen where it is made, and functions pass handles like any value. */
static awaitable(int) choose(bool other)
{
    return other ? sum2(10, 20) : asyncio_create_task(sum2(30, 40));
}

static async(int, await_each, (awaitable(int) *, list), (int, n))
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += await(list[i]);
    return sum;
}

ASYNC_TEST(handles_are_values)
{
    assert_int_equal(await(choose(true)) + await(choose(false)), 100);
    awaitable(int) list[] = {sum2(1, 2), sum2(3, 4), choose(true)};
    assert_int_equal(await(await_each(list, 3)), 40);
    asyncio_any any = sum2(1, 1);
    assert_int_equal(await((awaitable(int))any), 2);
}

static awaitable(int) parity(int n);

static async(int, odd, (int, n))
{
    return n == 0 ? 0 : await(parity(n - 1));
}

static async(int, parity, (int, n))
{
    return n == 0 ? 1 : await(odd(n - 1));
}

ASYNC_TEST(mutual_recursion)
{
    assert_int_equal(await(parity(100)), 1);
    assert_int_equal(await(parity(101)), 0);
}

/* --- The long names --- */

static ASYNCIO_ASYNC_GEN(int, count_to, (int, n))
{
    for (int i = 1; i <= n; i++)
        ASYNCIO_ASYNC_YIELD(i);
}

static ASYNCIO_ASYNC(int, long_sum, (int, n))
{
    ASYNCIO_AWAITABLE(int) nothing = asyncio_sleep(0);
    int sum = ASYNCIO_AWAIT(nothing);
    ASYNCIO_ASYNC_ITERATOR(int) numbers = count_to(n);
    ASYNCIO_ASYNC_FOR(int i, numbers)
    sum += i;
    return sum;
}

ASYNC_TEST(long_names)
{
    assert_int_equal(await(long_sum(4)), 10);
}

/* --- async_gen, async_for --- */

static async_gen(int, plain, (int, from), (int, to))
{
    for (int i = from; i < to; i++)
        async_yield(i);
}

static async_gen(int, sleepy, (int, n))
{
    for (int i = 0; i < n; i++) {
        await(asyncio_sleep(0));
        async_yield(await(sum2(i, i)));
        await(asyncio_sleep(0));
    }
}

static async_gen(struct point, points)
{
    async_yield((struct point){1, 2, "a"});
    async_yield((struct point){3, 4, "b"});
}

static async_gen(const char *, none)
{
    await(asyncio_sleep(0));
}

ASYNC_TEST(for_to_the_end)
{
    async_for (int i, plain(0, 3))
        note("%d", i);
    async_for (int i, sleepy(3))
        note("%d", i);
    async_for (struct point p, points())
        note("%s%g", p.name, p.x + p.y);
    async_for (const char *s, none())
        note("%s", s);
    async_iterator(int) it = plain(5, 7);
    async_for (int i, it) {
        await(asyncio_sleep(0));
        note("%d", i);
    }
    assert_history("0 1 2 0 2 4 a3 b7 5 6");
}

static void note_leaving(const char **what)
{
    note("~%s", *what);
}

static async_gen(int, guarded, (const char *, name))
{
    __attribute__((cleanup(note_leaving), unused)) const char *left = name;
    for (int i = 0;; i++) {
        await(asyncio_sleep(0));
        async_yield(i);
    }
}

static async(int, find, (int, wanted))
{
    async_for (int i, guarded("find")) {
        if (i == wanted)
            return i * 10;
    }
    return -1;
}

ASYNC_TEST(leaving_a_loop)
{
    async_for (int i, guarded("break")) {
        if (i == 2)
            break;
        note("%d", i);
    }
    assert_history("0 1 ~break");
    async_for (int i, guarded("continue")) {
        if (i % 2)
            continue;
        if (i > 4)
            break;
        note("%d", i);
    }
    assert_history("0 2 4 ~continue");
    assert_int_equal(await(find(3)), 30);
    assert_history("~find");
    async_for (int i, guarded("goto")) {
        if (i == 1)
            goto out;
    }
out:
    assert_history("~goto");
}

ASYNC_TEST(nested_loops)
{
    async_for (int i, plain(0, 3)) {
        async_for (int k, sleepy(9)) {
            if (k / 2 == i)
                break;
            note("%d%d", i, k);
        }
    }
    assert_history("10 20 22");
}

static async_gen(int, chained, (int, depth))
{
    if (depth == 0) {
        async_yield(0);
    } else {
        async_for (int i, chained(depth - 1)) {
            async_yield(i + 1);
            async_yield(i + 1);
        }
    }
}

ASYNC_TEST(generators_of_generators)
{
    int n = 0, sum = 0;
    async_for (int i, chained(5))
        n++, sum += i;
    assert_int_equal(n, 32);
    assert_int_equal(sum, 160);
    async_for (int i, chained(4)) {
        assert_int_equal(i, 4);
        break; /* all four of them end */
    }
}

/* Left early, a generator may still await on its way out. */
static async_gen(int, lingering)
{
    for (int i = 0; i < 10; i++) {
        struct asyncio_info info;
        asyncio_info(&info);
        note("%zu", info.stacks);
        async_yield(i);
    }
}

ASYNC_TEST(a_generator_has_a_stack_while_it_runs)
{
    async_for (int i, lingering()) {
        if (i == 1)
            break;
    }
    assert_history("2 2");
}

ASYNC_TEST(a_generator_never_iterated)
{
    listen_to_stderr();
    async_iterator(int) it = plain(0, 1);
    asyncio_release(it);
    assert_non_null(plain(0, 1)); /* is let go at the end, and nothing is said, as in Python */
    assert_string_equal(what_was_said(), "");
}

static async_gen(int, failing)
{
    async_yield(1);
    await(asyncio_sleep(0));
    asyncio_raise(-EPROTO, "after %d", 1);
}

ASYNC_TEST(a_generator_that_fails)
{
    int n = 0;
    async_for (int i, failing())
        n += i;
    assert_int_equal(n, 1);
    assert_int_equal(asyncio_error(), -EPROTO);
    assert_string_equal(asyncio_error_message(), "after 1");
    async_for (int i, plain(0, 1))
        n += i;
    assert_int_equal(asyncio_error(), 0);
}

ASYNC_TEST(no_iterator)
{
    async_iterator(int) it = NULL;
    async_for (int i, it)
        note("%d", i);
    assert_int_equal(asyncio_error(), -ENOMEM);
    assert_history("");
}

DEATH_TEST(an_iterator_used_twice, "cannot reuse already awaited async generator 'plain'")
{
    async_iterator(int) it = plain(0, 2);
    async_for (int i, it)
        note("%d", i);
    async_for (int i, it)
        note("%d", i);
}

DEATH_TEST(a_generator_is_no_task, "TypeError: a coroutine was expected, got async generator")
{
    asyncio_spawn(plain(0, 2));
}

/* What a loop that is left early failed with is not lost by the generator's end. */
static async(int, fails)
{
    await(asyncio_sleep(0));
    return asyncio_raise(-EPROTO, "deep");
}

static async(int, return_out_of_a_loop)
{
    async_for (int i, guarded("loop")) {
        (void)i;
        int error = await(fails());
        if (error < 0)
            return error;
    }
    return 0;
}

ASYNC_TEST(an_error_passes_out_of_a_loop)
{
    assert_int_equal(await(return_out_of_a_loop()), -EPROTO);
    assert_int_equal(asyncio_error(), -EPROTO);
    assert_string_equal(asyncio_error_message(), "deep");
}

/* --- async_with --- */

struct door {
    struct asyncio_context_manager manager;
    const char *name;
    int refuses;
    int inside;
};

static int open_door(struct asyncio_context_manager *m)
{
    struct door *d = (struct door *)m;
    await(asyncio_sleep(0));
    note("(%s", d->name);
    if (d->refuses)
        return asyncio_raise(d->refuses, "%s is shut", d->name);
    d->inside++;
    return 0;
}

static void close_door(struct asyncio_context_manager *m)
{
    struct door *d = (struct door *)m;
    await(asyncio_sleep(0));
    note("%s)", d->name);
    d->inside--;
}

static struct door door(const char *name)
{
    return (struct door){.manager = {open_door, close_door}, .name = name};
}

static async(int, return_from_within, (struct door *, a), (struct door *, b))
{
    async_with(&a->manager)
    {
        async_with(&b->manager)
        {
            return a->inside + b->inside;
        }
    }
    return -1;
}

ASYNC_TEST(with_all_exits)
{
    struct door a = door("a"), b = door("b");
    async_with(&a.manager) note("in");
    assert_history("(a in a)");
    async_with(&a.manager)
    {
        if (a.inside)
            break;
        note("never");
    }
    assert_history("(a a)");
    assert_int_equal(await(return_from_within(&a, &b)), 2);
    assert_history("(a (b b) a)");
    async_with(&a.manager)
    {
        goto out;
    }
out:
    assert_history("(a a)");
    for (int i = 0; i < 2; i++) {
        async_with(&a.manager) continue;
        note("%d", i);
    }
    assert_history("(a a) 0 (a a) 1");
    assert_int_equal(a.inside + b.inside, 0);
}

static async(int, through_a_door, (struct door *, d), (int, error))
{
    async_with(&d->manager)
    {
        int r = error ? await(fails()) : await(asyncio_sleep(FOR_EVER));
        if (r < 0)
            return r;
    }
    return 0;
}

ASYNC_TEST(with_a_failing_enter)
{
    struct door a = door("a");
    a.refuses = -EACCES;
    async_with(&a.manager) note("never");
    assert_history("(a");
}

ASYNC_TEST(an_error_passes_out_of_with)
{
    struct door a = door("a");
    assert_int_equal(await(through_a_door(&a, 1)), -EPROTO);
    assert_int_equal(asyncio_error(), -EPROTO);
    assert_string_equal(asyncio_error_message(), "deep");
    assert_history("(a a)");
}

ASYNC_TEST(a_cancellation_passes_out_of_with)
{
    struct door a = door("a");
    awaitable(int) t = asyncio_create_task(through_a_door(&a, 0));
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    await(asyncio_sleep(0));
    assert_true(asyncio_cancel(t));
    assert_int_equal(await(t), -ECANCELED);
    assert_true(asyncio_cancelled(t));
    assert_history("(a a)");
}

/* --- Awaitables of one's own --- */

struct squared {
    struct asyncio_awaitable head;
    int x, result;
};

static void squared_await(void *self, void *result)
{
    struct squared *s = self;
    await(asyncio_sleep(0));
    *(int *)result = await(sum2(s->x * s->x, 0));
}

static void squared_destroy(void *self)
{
    struct squared *s = self;
    note("~%d", s->x);
}

static const struct asyncio_awaitable_type squared_type = {
    .name = "squared",
    .size = sizeof(struct squared),
    .result_size = sizeof(int),
    .result_offset = offsetof(struct squared, result),
    .result_signed = true,
    .await = squared_await,
    .destroy = squared_destroy,
};

static awaitable(int) squared(int x)
{
    awaitable(int) h = asyncio_awaitable_new(&squared_type);
    struct squared *s = asyncio_awaitable_object(h);
    s->x = x;
    return h;
}

static async(int, own_in_all_ways)
{
    assert_int_equal(await(squared(3)), 9);
    assert_history("~3");
    awaitable(int) t = asyncio_create_task(squared(4));
    assert_int_equal(await(t), 16);
    assert_int_equal(asyncio_result(t), 16);
    int results[2];
    assert_int_equal(await(asyncio_gather_into(results, squared(5), squared(6))), 0);
    assert_int_equal(results[0] + results[1], 61);
    asyncio_release(squared(7));
    return 0;
}

ASYNC_TEST(own_type_with_await)
{
    assert_int_equal(await(own_in_all_ways()), 0);
    await(asyncio_sleep(0));
    assert_true(strstr(history, "~7") != NULL);
}

/* An operation: started, ended by somebody else, cancelled. */
struct bell {
    struct asyncio_awaitable head;
    long result;
    int refuse, at_once;
    bool stubborn;
};

static struct bell *bells[4];

static int bell_start(void *self)
{
    struct bell *b = self;
    note("start");
    for (int i = 0; i < 4; i++) {
        if (!bells[i]) {
            bells[i] = b;
            break;
        }
    }
    if (b->at_once) {
        b->result = b->at_once;
        asyncio_complete(b, 0);
    }
    return b->refuse;
}

static void bell_cancel(void *self)
{
    struct bell *b = self;
    note("cancel");
    if (!b->stubborn)
        asyncio_complete(b, -ECANCELED);
}

static void bell_destroy(void *self)
{
    for (int i = 0; i < 4; i++) {
        if (bells[i] == self)
            bells[i] = NULL;
    }
    note("destroy");
}

static const struct asyncio_awaitable_type bell_type = {
    .name = "bell",
    .size = sizeof(struct bell),
    .result_size = sizeof(long),
    .result_offset = offsetof(struct bell, result),
    .result_signed = true,
    .start = bell_start,
    .cancel = bell_cancel,
    .destroy = bell_destroy,
};

static awaitable(long) bell(struct bell *like)
{
    awaitable(long) h = asyncio_awaitable_new(&bell_type);
    struct bell *b = asyncio_awaitable_object(h);
    b->refuse = like ? like->refuse : 0;
    b->at_once = like ? like->at_once : 0;
    b->stubborn = like ? like->stubborn : false;
    return h;
}

static void ring(void *unused)
{
    struct bell *b = bells[0];
    (void)unused;
    b->result = 42;
    asyncio_complete(b, 0);
}

ASYNC_TEST(own_type_with_start)
{
    asyncio_call_soon(ring, NULL);
    assert_int_equal(await(bell(NULL)), 42);
    assert_history("start destroy");
    assert_int_equal(await(bell(&(struct bell){.at_once = 7})), 7);
    assert_history("start destroy");
    assert_int_equal(await(bell(&(struct bell){.refuse = -EPERM})), -EPERM);
    assert_int_equal(asyncio_error(), -EPERM);
    assert_history("start destroy");
    asyncio_release(bell(NULL));
    assert_history("destroy");
}

ASYNC_TEST(own_type_with_start_as_a_task)
{
    awaitable(long) t = asyncio_create_task(bell(NULL));
    struct asyncio_info info;
    await(asyncio_sleep(0));
    asyncio_info(&info);
    assert_int_equal(info.stacks, 1);
    ring(NULL);
    assert_false(asyncio_done(t));
    assert_int_equal(await(t), 42);
    asyncio_release(t);
    assert_history("start destroy");
    t = asyncio_create_task(bell(&(struct bell){.refuse = -EPERM}));
    assert_int_equal(await(t), -EPERM);
    asyncio_release(t);
    t = asyncio_create_task(bell(&(struct bell){.at_once = 8}));
    assert_int_equal(await(t), 8);
    asyncio_release(t);
}

static async(long, wait_for_bell, (bool, stubborn))
{
    return await(bell(&(struct bell){.stubborn = stubborn}));
}

ASYNC_TEST(own_type_cancelled)
{
    awaitable(long) t = asyncio_create_task(wait_for_bell(false));
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    assert_int_equal(await(t), -ECANCELED);
    assert_true(asyncio_cancelled(t));
    assert_history("start cancel destroy");

    t = asyncio_create_task(wait_for_bell(true)); /* which completes all the same */
    await(asyncio_sleep(0));
    asyncio_cancel(t);
    await(asyncio_sleep(0));
    assert_false(asyncio_done(t));
    ring(NULL);
    assert_int_equal(await(t), 42);
    assert_false(asyncio_cancelled(t));
    assert_history("start cancel destroy");
}

DEATH_TEST(completed_twice, "awaitable 'bell' was completed twice")
{
    awaitable(long) t = asyncio_create_task(bell(NULL));
    await(asyncio_sleep(0));
    ring(NULL);
    ring(NULL);
    await(t);
}

DEATH_TEST(completed_before_its_start, "awaitable 'bell' was completed twice, or before")
{
    awaitable(long) h = bell(NULL);
    asyncio_complete(asyncio_awaitable_object(h), 0);
}

DEATH_TEST(completed_with_a_positive_error, "asyncio_complete(5): an error is negative")
{
    awaitable(long) h = bell(NULL);
    asyncio_complete(asyncio_awaitable_object(h), 5);
}

struct large {
    char bytes[8192];
};

static async(int, first_and_last, (struct large, x))
{
    await(asyncio_sleep(0));
    return x.bytes[0] + x.bytes[sizeof x.bytes - 1];
}

ASYNC_TEST(a_large_frame)
{
    struct large x = {{1}};
    x.bytes[sizeof x.bytes - 1] = 2;
    assert_int_equal(await(first_and_last(x)), 3);
    assert_int_equal(await(asyncio_create_task(first_and_last(x))), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_number),
        TEST(every_pointer),
        TEST(a_struct_by_value),
        TEST(nothing),
        TEST(parameters),
        TEST(expressions),
        TEST(handles_are_values),
        TEST(mutual_recursion),
        TEST(long_names),
        TEST(for_to_the_end),
        TEST(leaving_a_loop),
        TEST(nested_loops),
        TEST(generators_of_generators),
        TEST(a_generator_has_a_stack_while_it_runs),
        TEST(a_generator_never_iterated),
        TEST(a_generator_that_fails),
        TEST(no_iterator),
        TEST(an_iterator_used_twice),
        TEST(a_generator_is_no_task),
        TEST(an_error_passes_out_of_a_loop),
        TEST(with_all_exits),
        TEST(with_a_failing_enter),
        TEST(an_error_passes_out_of_with),
        TEST(a_cancellation_passes_out_of_with),
        TEST(own_type_with_await),
        TEST(own_type_with_start),
        TEST(own_type_with_start_as_a_task),
        TEST(own_type_cancelled),
        TEST(completed_twice),
        TEST(completed_before_its_start),
        TEST(completed_with_a_positive_error),
        TEST(a_large_frame),
    };
    return cmocka_run_group_tests_name("language", tests, NULL, NULL);
}
