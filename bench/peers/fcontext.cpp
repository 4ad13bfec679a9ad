// The unit of all ratios: a bare switch of Boost.Context, there and back between two contexts, with
// nothing around it.
#include <boost/context/detail/fcontext.hpp>

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

int main()
{
    bench_report("unit", "fcontext", bench_ns(round_of), "ns", "");
}
