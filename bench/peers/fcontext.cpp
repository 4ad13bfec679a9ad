// The unit of all ratios: a bare switch of Boost.Context, there and back between two contexts, with
// nothing around it. And, as a peer ("turns"), what no cache holding their stacks makes of it: as
// many contexts as our tasks, on stacks laid out like ours, that do nothing but go to the next.
#include <boost/context/detail/fcontext.hpp>
#include <cstring>
#include <sys/mman.h>

#include "../bench.h"

namespace context = boost::context::detail;

static void echo(context::transfer_t from)
{
    for (;;)
        from = context::jump_fcontext(from.fctx, nullptr);
}

static double round_of(long n)
{
    static char stack[64 * 1024] __attribute__((aligned(4096)));
    context::transfer_t peer{context::make_fcontext(stack + sizeof stack, sizeof stack, echo),
                             nullptr};
    double start = bench_now();
    for (long i = 0; i < n; i += 2)
        peer = context::jump_fcontext(peer.fctx, nullptr);
    return bench_now() - start;
}

// --- In turn ---

// (In memory, since a register would come from the stack that is just being fetched.)
static context::fcontext_t *volatile turn, home;
static long at, left;

// Whoever is gone to keeps where the one before it goes on.
static void keep(context::transfer_t from)
{
    *static_cast<context::fcontext_t *>(from.data) = from.fctx;
}

static void take_turns(context::transfer_t from)
{
    for (;;) {
        keep(from);
        long mine = at;
        if (left-- == 0) {
            from = context::jump_fcontext(home, &turn[mine]);
            continue;
        }
        at = mine + 1 < BENCH_IN_TURN ? mine + 1 : 0;
        from = context::jump_fcontext(turn[at], &turn[mine]);
    }
}

static void make_turns()
{
    const size_t page = 4096, stride = 33 * page;
    char *low = static_cast<char *>(mmap(nullptr, stride * BENCH_IN_TURN, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (low == MAP_FAILED)
        abort();
    madvise(low, stride * BENCH_IN_TURN, MADV_NOHUGEPAGE);
    turn = new context::fcontext_t[BENCH_IN_TURN];
    for (long i = 0; i < BENCH_IN_TURN; i++) {
        size_t colour = static_cast<size_t>(i) % 32 * 64;
        turn[i] = context::make_fcontext(low + stride * static_cast<size_t>(i + 1) - colour,
                                         stride - colour, take_turns);
    }
}

static double round_of_turns(long n)
{
    if (!turn)
        make_turns();
    left = n;
    double start = bench_now();
    keep(context::jump_fcontext(turn[at], &home));
    return bench_now() - start;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[2], "turns") == 0)
        bench_report("switch-10000", "bare fcontext", bench_ns(round_of_turns), "ns", "");
    else
        bench_report("unit", "fcontext", bench_ns(round_of), "ns", "");
}
