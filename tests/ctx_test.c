/* Contexts and stacks, by themselves. It needs nothing but the C library, so
 * that it runs wherever the switch does, foreign architectures included.
 * Arguments name the tests to run; without any, all do. */
#include "base/alloc.h"
#include "ctx/context.h"
#include "ctx/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <unwind.h>
#endif

static int failures;
static const char *skipped;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition);                               \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

enum { OVERFLOWED = 42, MISSED };

static struct ai_stack_pool pool;
static size_t page;

/* --- A computation that can be resumed from one place --- */

struct routine {
    struct ai_context context, caller;
    struct ai_stack stack;
    void (*body)(struct routine *);
    uint64_t number;
    bool ended;
};

static void run_body(void *arg)
{
    struct routine *r = arg;

    r->body(r);
    r->ended = true;
    ai_context_leave(&r->context, &r->caller);
}

static bool begin(struct routine *r, void (*body)(struct routine *))
{
    if (!ai_stack_take(&pool, &r->stack))
        return false;
    r->body = body;
    r->ended = false;
    ai_context_adopt(&r->caller);
    ai_context_init(&r->context, r->stack.low, r->stack.high, run_body, r);
    return true;
}

static void resume(struct routine *r)
{
    ai_context_switch(&r->caller, &r->context);
}

static void yield(struct routine *r)
{
    ai_context_switch(&r->context, &r->caller);
}

static void run_once(struct routine *r, void (*body)(struct routine *))
{
    CHECK(begin(r, body));
    resume(r);
    CHECK(r->ended);
    ai_stack_give(&pool, &r->stack);
}

/* Whether the kernel may read there, which is how to look at a guard and
 * survive. */
static bool readable(const void *address)
{
    static int ends[2] = {-1, -1};
    char byte;

#ifdef VALGRIND_MAKE_MEM_DEFINED
    (void)VALGRIND_MAKE_MEM_DEFINED(address, 1);
#endif
    if (ends[0] < 0 && pipe(ends))
        return false;
    return write(ends[1], address, 1) == 1 && read(ends[0], &byte, 1) == 1;
}

static bool guarded(const struct ai_stack *stack)
{
    return !readable(stack->low - 1) && !readable(stack->low - pool.guard_size) &&
           readable(stack->low) && readable(stack->high - 1);
}

/* --- The switch --- */

static void note_arg(struct routine *r)
{
    char here;

    r->number = &here > r->stack.low && &here < r->stack.high;
#ifdef AI_ASAN
    r->number = 1; /* its locals may be in a fake stack */
#endif
}

static void entry(void)
{
    struct routine r = {.number = 7};

    run_once(&r, note_arg);
    CHECK(r.number == 1);
}

#if defined(__x86_64__) || defined(__aarch64__)

#ifdef __x86_64__
#define SAVED 6
/* clang-format off */
__asm__(".text\n"
        ".type switch_with, @function\n"
        "switch_with:\n"
        "  pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15; pushq %rdx\n"
        "  movq 0(%rdx), %rbx; movq 8(%rdx), %rbp; movq 16(%rdx), %r12\n"
        "  movq 24(%rdx), %r13; movq 32(%rdx), %r14; movq 40(%rdx), %r15\n"
        "  call *%rcx\n"
        "  popq %rdx\n"
        "  movq %rbx, 0(%rdx); movq %rbp, 8(%rdx); movq %r12, 16(%rdx)\n"
        "  movq %r13, 24(%rdx); movq %r14, 32(%rdx); movq %r15, 40(%rdx)\n"
        "  popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx\n"
        "  ret\n"
        ".size switch_with, . - switch_with\n");
#else
#define SAVED 19
#define EACH(op, at)                                                                               \
        "  " op " x19, x20, [" at ", #0]\n   " op " x21, x22, [" at ", #16]\n"                     \
        "  " op " x23, x24, [" at ", #32]\n  " op " x25, x26, [" at ", #48]\n"                     \
        "  " op " x27, x28, [" at ", #64]\n  " op " d8, d9, [" at ", #80]\n"                       \
        "  " op " d10, d11, [" at ", #96]\n  " op " d12, d13, [" at ", #112]\n"                    \
        "  " op " d14, d15, [" at ", #128]\n"
__asm__(".text\n"
        ".type switch_with, %function\n"
        "switch_with:\n"
        "  sub sp, sp, #176\n"
        EACH("stp", "sp")
        "  stp x29, x30, [sp, #144]\n"
        "  str x2, [sp, #160]\n"
        EACH("ldp", "x2")
        "  ldr x29, [x2, #144]\n"
        "  blr x3\n"
        "  ldr x2, [sp, #160]\n"
        EACH("stp", "x2")
        "  str x29, [x2, #144]\n"
        EACH("ldp", "sp")
        "  ldp x29, x30, [sp, #144]\n"
        "  add sp, sp, #176\n"
        "  ret\n"
        ".size switch_with, . - switch_with\n");
#endif
/* clang-format on */

/* Switches with these values in all the registers that a call preserves, and
 * stores what is there afterwards. */
void switch_with(struct ai_context *from, struct ai_context *to, uint64_t values[SAVED],
                 void (*how)(struct ai_context *, struct ai_context *));

static void fill(uint64_t values[SAVED], uint64_t salt)
{
    for (uint64_t i = 0; i < SAVED; i++)
        values[i] = (i + salt) * 0x9e3779b97f4a7c15U;
}

static bool filled(const uint64_t values[SAVED], uint64_t salt)
{
    uint64_t expected[SAVED];

    fill(expected, salt);
    return memcmp(values, expected, sizeof expected) == 0;
}

static void spoil_registers(struct routine *r)
{
    uint64_t values[SAVED];

    for (int i = 0; i < 3; i++) {
        fill(values, r->number);
        switch_with(&r->context, &r->caller, values, ai_context_switch);
        CHECK(filled(values, r->number));
    }
}

static void registers(void)
{
    struct routine a = {.number = 1000}, b = {.number = 2000};
    uint64_t values[SAVED];

    CHECK(begin(&a, spoil_registers) && begin(&b, spoil_registers));
    for (uint64_t i = 0; i < 8; i++) {
        struct routine *r = i % 2 ? &b : &a;
        fill(values, i);
        switch_with(&r->caller, &r->context, values, ai_context_switch);
        CHECK(filled(values, i));
    }
    CHECK(a.ended && b.ended);
    ai_stack_give(&pool, &a.stack);
    ai_stack_give(&pool, &b.stack);
}

#else

static void registers(void)
{
    skipped = "written for x86-64 and aarch64";
}

#endif

static uint64_t descend(struct routine *r, unsigned levels)
{
    volatile uint64_t local[4] = {levels, r->number, levels * 3, ~levels};

    if (levels % 16 == 0)
        yield(r);
    uint64_t below = levels ? descend(r, levels - 1) : 0;
    CHECK(local[0] == levels && local[1] == r->number && local[3] == ~levels);
    return below + local[2];
}

static void recurse(struct routine *r)
{
    r->number = descend(r, 256) == 3 * 256 * 257 / 2;
}

static void deep_recursion(void)
{
    struct routine r = {.number = 5};

    CHECK(begin(&r, recurse));
    int resumed = 0;
    while (!r.ended && resumed < 100) {
        resume(&r);
        resumed++;
    }
    CHECK(resumed == 18 && r.number == 1);
    ai_stack_give(&pool, &r.stack);
}

static void sum(struct routine *r)
{
    double a = (double)r->number, b = a * 0.5, c = 1 / (a + 1), d = a;

    for (int i = 0; i < 50; i++) {
        yield(r);
        d += b;
        c *= 2;
        yield(r);
        d -= b;
        c /= 2;
    }
    r->number = d == a && b == a * 0.5 && c == 1 / (a + 1);
}

static void many_in_turn(void)
{
    enum { N = 200 };
    static struct routine r[N];

    for (unsigned i = 0; i < N; i++) {
        r[i].number = i;
        CHECK(begin(&r[i], sum));
    }
    for (int round = 0; round <= 100; round++) {
        for (unsigned i = 0; i < N; i++)
            resume(&r[i]);
    }
    for (unsigned i = 0; i < N; i++) {
        CHECK(r[i].ended && r[i].number == 1);
        ai_stack_give(&pool, &r[i].stack);
    }
}

/* From one to the next without a place in between, as tasks do. */
enum { IN_RING = 17, TURNS = 100 };
static struct routine ring[IN_RING];
static unsigned turns; /* not atomic: a switch is an order between the two */

static struct ai_context *next_in_ring(const struct routine *r)
{
    return &ring[(r->number + 1) % IN_RING].context;
}

static void pass_on(void *arg)
{
    struct routine *r = arg;

    for (int i = 0; i < TURNS; i++) {
        turns++;
        ai_context_switch(&r->context, next_in_ring(r));
    }
    ai_context_leave(&r->context, r->number + 1 < IN_RING ? next_in_ring(r) : &ring[0].caller);
}

static void from_one_to_the_next(void)
{
    for (unsigned i = 0; i < IN_RING; i++) {
        ring[i].number = i;
        CHECK(ai_stack_take(&pool, &ring[i].stack));
        ai_context_init(&ring[i].context, ring[i].stack.low, ring[i].stack.high, pass_on, &ring[i]);
    }
    ai_context_adopt(&ring[0].caller);
    ai_context_switch(&ring[0].caller, &ring[0].context);
    CHECK(turns == IN_RING * TURNS);
    for (unsigned i = 0; i < IN_RING; i++)
        ai_stack_give(&pool, &ring[i].stack);
}

static void resume_inner(struct routine *r)
{
    struct routine inner = {.number = 3};

    CHECK(begin(&inner, sum));
    while (!inner.ended) {
        resume(&inner);
        yield(r);
    }
    r->number = inner.number;
    ai_stack_give(&pool, &inner.stack);
}

static void nested(void)
{
    struct routine r = {.number = 0};

    CHECK(begin(&r, resume_inner));
    while (!r.ended)
        resume(&r);
    CHECK(r.number == 1);
    ai_stack_give(&pool, &r.stack);
}

/* Frames of other shapes than those that were left there: what an ended or
 * dropped computation left in AddressSanitizer's shadow must be gone. */
static void leave_small_arrays(struct routine *r)
{
    volatile char a[24], b[40], c[72];

    memset((char *)a, 1, sizeof a);
    memset((char *)b, 2, sizeof b);
    memset((char *)c, 3, sizeof c);
    if (r->number)
        yield(r);
    r->ended = true;
    ai_context_leave(&r->context, &r->caller);
}

static void use_large_array(struct routine *r)
{
    char a[3000];

    memset(a, (int)r->number, sizeof a);
    yield(r);
    for (size_t i = 0; i < sizeof a; i++)
        CHECK(a[i] == (char)r->number);
}

static void reuse_of_a_stack(void)
{
    struct routine r = {.number = 0};

    for (unsigned i = 0; i < 200; i++) {
        r.number = i % 2; /* the odd ones are dropped where they wait */
        CHECK(begin(&r, leave_small_arrays));
        resume(&r);
        if (!r.ended)
            ai_context_discard(&r.context);
        ai_stack_give(&pool, &r.stack);
        CHECK(begin(&r, use_large_array));
        resume(&r);
        resume(&r);
        CHECK(r.ended);
        ai_stack_give(&pool, &r.stack);
        CHECK(ai_stack_take(&pool, &r.stack));
        memset(r.stack.high - 4096, 0, 4096); /* what lay there as frames holds a record now */
        ai_stack_give(&pool, &r.stack);
    }
    CHECK(begin(&r, use_large_array));
    ai_context_discard(&r.context); /* never begun */
    ai_stack_give(&pool, &r.stack);
}

#ifdef __GLIBC__

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *c, void *frames)
{
    (void)c;
    return ++*(unsigned *)frames < 64 ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

static void unwind(struct routine *r)
{
    unsigned frames = 0;

    CHECK(_Unwind_Backtrace(count_frame, &frames) == _URC_END_OF_STACK);
    r->number = frames;
}

static void unwinding_ends_at_the_base(void)
{
    struct routine r = {.number = 0};

    run_once(&r, unwind);
    CHECK(r.number >= 2 && r.number < 12);
}

#else

static void unwinding_ends_at_the_base(void)
{
    skipped = "the unwinder is of another C library";
}

#endif

/* --- The stacks --- */

static void shape(void)
{
    struct ai_stack a, b;

    CHECK(ai_stack_take(&pool, &a) && ai_stack_take(&pool, &b));
    CHECK((uintptr_t)a.low % page == 0 && (uintptr_t)a.high % 64 == 0);
    CHECK((uintptr_t)a.high % page == 0 || page - (uintptr_t)a.high % page <= 1024);
    CHECK((uintptr_t)a.high % page != (uintptr_t)b.high % page);
    CHECK((size_t)(a.high - a.low) + 1024 >= pool.usable_size);
    CHECK(guarded(&a) && guarded(&b) && pool.taken == 2);
    ai_stack_give(&pool, &a);
    ai_stack_give(&pool, &b);
    CHECK(pool.taken == 0);
    CHECK(ai_stack_take(&pool, &a) && a.low == b.low); /* the last one given */
    ai_stack_give(&pool, &a);
}

static void sizes(void)
{
    static const char *const texts[] = {"64k", "1M", "100000", "1", "nonsense", "-1", NULL};

    for (const char *const *text = texts; *text; text++) {
        struct ai_stack_pool other;
        setenv("ASYNCIO_STACK_SIZE", *text, 1);
        ai_stack_pool_init(&other, 0);
        CHECK(other.usable_size >= 16 << 10 && other.size > other.usable_size);
        CHECK(other.size % page == 0 && other.size / page % 2 == 1);
        if (strcmp(*text, "64k") == 0)
            CHECK(other.usable_size == 64 << 10);
        if (strcmp(*text, "1M") == 0)
            CHECK(other.usable_size == 1 << 20);
        if (strcmp(*text, "-1") ==
            0) { /* more than there is: refused, and nothing is left behind */
            struct ai_stack stack;
            size_t before = ai_allocated();
            CHECK(!ai_stack_take(&other, &stack));
            CHECK(other.taken == 0 && ai_allocated() == before);
        }
    }
    unsetenv("ASYNCIO_STACK_SIZE");
}

static struct ai_stack overflowing;

static void on_fault(int number, siginfo_t *info, void *context)
{
    struct ai_stack hit;

    (void)number, (void)context;
    bool found = ai_stack_guards(&pool, info->si_addr, &hit) && hit.low == overflowing.low;
    _exit(found ? OVERFLOWED : MISSED);
}

static uint64_t overflow(uint64_t n)
{
    volatile uint64_t local[64];

    local[n % 64] = n;
    uint64_t below = n < UINT32_MAX ? overflow(n + 1) : 0;
    return below + local[n % 64];
}

static void run_over(struct routine *r)
{
    r->number = overflow(r->number);
}

static void overflow_in_child(void)
{
    static char alternative[1 << 16];
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct routine r = {.number = 0};

    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    sigaltstack(&(stack_t){.ss_sp = alternative, .ss_size = sizeof alternative}, NULL);
    sigaction(SIGSEGV, &action, NULL);
    if (!begin(&r, run_over))
        _exit(MISSED);
    overflowing = r.stack;
    resume(&r);
    _exit(MISSED);
}

static void overflow_hits_the_guard(void)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        overflow_in_child();
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == OVERFLOWED);
}

static void guards_are_told_from_the_rest(void)
{
    struct ai_stack stack, hit;

    CHECK(ai_stack_take(&pool, &stack));
    CHECK(ai_stack_guards(&pool, stack.low - 1, &hit) && hit.low == stack.low);
    CHECK(ai_stack_guards(&pool, stack.low - pool.guard_size, &hit) && hit.index == stack.index);
    CHECK(!ai_stack_guards(&pool, stack.low, &hit));
    CHECK(!ai_stack_guards(&pool, stack.high - 1, &hit));
    CHECK(!ai_stack_guards(&pool, &stack, &hit) && !ai_stack_guards(&pool, NULL, &hit));
    ai_stack_give(&pool, &stack);
}

static void depth(void)
{
    struct ai_stack stack;

    CHECK(ai_stack_take(&pool, &stack));
    stack.high[-1] = 1;
    size_t least = ai_stack_depth(&stack);
    CHECK(least > 0 && least <= page);
    stack.high[-1 - (ptrdiff_t)(9 * page)] = 1; /* and none of those in between */
    CHECK(ai_stack_depth(&stack) > 9 * page && ai_stack_depth(&stack) <= 10 * page);
    ai_stack_give(&pool, &stack);
}

static size_t resident(void)
{
    long total = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    CHECK(f && fscanf(f, "%ld %ld", &total, &pages) == 2);
    if (f)
        fclose(f);
    return (size_t)pages;
}

/* Takes n stacks and touches the top of each. */
static struct ai_stack *take_many(size_t n)
{
    struct ai_stack *stacks = malloc(n * sizeof *stacks);

    memset(stacks, 0, n * sizeof *stacks);
    for (size_t i = 0; i < n; i++) {
        if (!ai_stack_take(&pool, &stacks[i])) {
            CHECK(!"a stack was refused");
            _exit(1);
        }
        memset(stacks[i].high - 2048, (int)i, 2048);
    }
    return stacks;
}

/* Gives back all but each `kept`th. */
static void give_many(struct ai_stack *stacks, size_t n, size_t kept)
{
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || i % kept)
            ai_stack_give(&pool, &stacks[i]);
    }
}

/* So many stacks, or a part where each costs mappings or the checker is slow.
 */
static size_t many(size_t n)
{
    struct ai_stack stack;

    CHECK(ai_stack_take(&pool, &stack));
    ai_stack_give(&pool, &stack);
    return AI_ON_VALGRIND || strcmp(pool.guard, "mprotect") == 0 ? n / 10 : n;
}

/* What a sanitizer needs besides is not ours to count. */
static bool resident_at_most(size_t pages)
{
#ifdef AI_SANITIZED
    return pages > 0;
#else
    return AI_ON_VALGRIND || resident() <= pages;
#endif
}

static void forty_thousand(void)
{
    size_t n = many(40000), before = resident();

    struct ai_stack *stacks = take_many(n);
    CHECK(resident_at_most(before + n + n / 4));
    for (size_t i = 0; i < n; i += 97)
        CHECK(ai_stack_depth(&stacks[i]) <= page && guarded(&stacks[i]));
    CHECK(guarded(&stacks[n - 1]) && pool.taken == n);
    give_many(stacks, n, 0);
    free(stacks);
    CHECK(pool.taken == 0);
}

static void spike_is_given_back(void)
{
    enum { KEPT = 100 };
    size_t n = many(20000), before = resident();
    struct ai_stack *stacks = take_many(n);

    give_many(stacks, n, KEPT);
    CHECK(pool.idle > n / 2);
    ai_stack_pool_trim(&pool); /* though no slab is wholly free */
    CHECK(pool.idle > 0 && pool.idle <= 256 && resident_at_most(before + n / 2));
    size_t idle = pool.idle;
    ai_stack_pool_trim(&pool);
    CHECK(pool.idle == idle); /* what was kept stays */
    for (size_t i = 0; i < n; i += KEPT) {
        CHECK(guarded(&stacks[i]) && stacks[i].high[-1] == (char)i);
        ai_stack_give(&pool, &stacks[i]);
    }
    free(stacks);

    stacks = take_many(n);
    CHECK(pool.taken == n);
    for (size_t i = 0; i < n; i += 97) /* guards outlast what was given back */
        CHECK(guarded(&stacks[i]));
    give_many(stacks, n, 0);
    ai_stack_pool_trim(&pool); /* now whole slabs */
    CHECK(pool.taken == 0 && pool.idle <= 256 && resident_at_most(before + n / 2));
    free(stacks);
}

static void each_way_to_guard(void)
{
    static const char *const ways[] = {"process_madvise", "madvise", "mprotect"};
    struct ai_stack stack;

    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
        ai_stack_pool_close(&pool);
        setenv("ASYNCIO_STACK_GUARD", ways[i], 1);
        if (!ai_stack_take(&pool, &stack)) { /* old kernels, emulators */
            CHECK(strcmp(ways[i], "mprotect") != 0);
            continue;
        }
        CHECK(strcmp(pool.guard, ways[i]) == 0 && guarded(&stack));
        ai_stack_give(&pool, &stack);
        overflow_hits_the_guard();
    }
    setenv("ASYNCIO_STACK_GUARD", "prayer", 1);
    ai_stack_pool_close(&pool);
    CHECK(!ai_stack_take(&pool, &stack) && pool.taken == 0 && !pool.guard);
    unsetenv("ASYNCIO_STACK_GUARD");
}

static long most_mappings(void)
{
    long n = 0;
    FILE *f = fopen("/proc/sys/vm/max_map_count", "r");

    if (!f || fscanf(f, "%ld", &n) != 1)
        n = 0;
    if (f)
        fclose(f);
    return n;
}

static void refused_without_a_guard(void)
{
    long most = most_mappings();
    struct ai_stack *stacks = most ? malloc((size_t)most * sizeof *stacks) : NULL;
    size_t n = 0;

#ifdef AI_TSAN
    most = 0; /* it does not survive a lack of mappings */
#endif
    if (most == 0 || most > 100000 || AI_ON_VALGRIND) {
        skipped = "mappings cannot be used up here";
        free(stacks);
        return;
    }
    setenv("ASYNCIO_STACK_GUARD", "mprotect", 1);
    while (n < (size_t)most && ai_stack_take(&pool, &stacks[n]))
        n++;
    CHECK(n > (size_t)most / 4 && n < (size_t)most && pool.taken == n);
    for (size_t i = 0; i < n; i += 97)
        CHECK(guarded(&stacks[i]));
    CHECK(guarded(&stacks[n - 1]));
    ai_stack_give(&pool, &stacks[n - 1]);
    CHECK(ai_stack_take(&pool, &stacks[n - 1])); /* those there are can still be used */
    give_many(stacks, n, 0);
    free(stacks);
    unsetenv("ASYNCIO_STACK_GUARD");
}

static void little_address_space(void)
{
#ifdef AI_SANITIZED
    skipped = "sanitizers need all of it";
#else
    int status = 0;

    if (AI_ON_VALGRIND) {
        skipped = "valgrind needs all of it";
        return;
    }
    pid_t child = fork();

    if (child == 0) {
        struct ai_stack stack;
        size_t n = 0;
        setrlimit(RLIMIT_AS, &(struct rlimit){256 << 20, 256 << 20});
        while (ai_stack_take(&pool, &stack))
            n++;
        _exit(n * pool.size > 64 << 20 ? 0 : 1); /* most of it is used, however large slabs are */
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
#endif
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    {"entry", entry},
    {"registers", registers},
    {"deep recursion", deep_recursion},
    {"many in turn", many_in_turn},
    {"from one to the next", from_one_to_the_next},
    {"nested", nested},
    {"reuse of a stack", reuse_of_a_stack},
    {"unwinding ends at the base", unwinding_ends_at_the_base},
    {"shape", shape},
    {"sizes", sizes},
    {"overflow hits the guard", overflow_hits_the_guard},
    {"guards are told from the rest", guards_are_told_from_the_rest},
    {"depth", depth},
    {"forty thousand", forty_thousand},
    {"spike is given back", spike_is_given_back},
    {"each way to guard", each_way_to_guard},
    {"refused without a guard", refused_without_a_guard},
    {"little address space", little_address_space},
};

static bool wanted(const char *name, char **names)
{
    if (!*names)
        return true;
    while (*names) {
        if (strcmp(*names++, name) == 0)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    int bad = 0;

    (void)argc;
    setvbuf(stdout, NULL, _IOLBF, 0);
    page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        if (!wanted(tests[i].name, argv + 1))
            continue;
        failures = 0;
        skipped = NULL;
        size_t allocated = ai_allocated();
        ai_stack_pool_init(&pool, 0);
        tests[i].run();
        ai_stack_pool_close(&pool);
        CHECK(ai_allocated() == allocated);
        printf("%sok %s%s%s\n", failures ? "not " : "", tests[i].name, skipped ? " # SKIP " : "",
               skipped ? skipped : "");
        bad += failures != 0;
    }
    return bad != 0;
}
