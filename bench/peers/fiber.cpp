// Boost.Fiber, with small stacks as its own benchmarks have them; where the figure asks for guards,
// protected_fixedsize_stack.
#include <boost/fiber/all.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../bench.h"

namespace fibers = boost::fibers;
namespace this_fiber = boost::this_fiber;

static constexpr std::size_t stack_size = 16 * 1024;
static fibers::fixedsize_stack stacks(stack_size);
static long tasks;
static double all_turned; // when the first found that all have had their turns

static double switches(long n)
{
    long turns = n / tasks + 1;
    std::vector<fibers::fiber> all;
    for (long i = 0; i < tasks; i++)
        all.emplace_back(fibers::launch::post, std::allocator_arg, stacks, [turns] {
            for (long k = 0; k <= turns; k++)
                this_fiber::yield();
            if (!all_turned)
                all_turned = bench_now();
        });
    all_turned = 0;
    this_fiber::yield();
    double start = bench_now();
    for (auto &f : all)
        f.join();
    return (all_turned - start) * double(n) / double(turns * tasks);
}

static double creates(long n)
{
    long sum = 0;
    double start = bench_now();
    for (long i = 0; i < n; i++)
        fibers::fiber(fibers::launch::post, std::allocator_arg, stacks, [&sum, i] {
            sum += i;
        }).join();
    double seconds = bench_now() - start;
    if (sum != n * (n - 1) / 2)
        abort();
    return seconds;
}

// Each guard splits a mapping, of which a process has only so many: past that the guard fails, and
// Boost only asserts that it does not.
static long guards_possible()
{
    long maps = 65530;
    if (FILE *f = std::fopen("/proc/sys/vm/max_map_count", "r")) {
        if (std::fscanf(f, "%ld", &maps) != 1)
            maps = 65530;
        std::fclose(f);
    }
    return std::min((maps - 500) / 2, BENCH_MANY);
}

static void asleep()
{
    static long n;
    fibers::protected_fixedsize_stack guarded(stack_size);
    long possible = guards_possible();
    double before = bench_resident(), start = bench_now();
    for (long i = 0; i < possible; i++)
        fibers::fiber(fibers::launch::post, std::allocator_arg, guarded, [] {
            n++;
            this_fiber::sleep_for(std::chrono::seconds(BENCH_FOREVER));
        }).detach();
    while (n < possible)
        this_fiber::yield();
    double seconds = bench_now() - start, bytes = bench_resident() - before;
    bench_report("asleep-bytes", "Boost.Fiber", bytes / double(n), "bytes", bench_how_many(n));
    bench_report("asleep-start", "Boost.Fiber", seconds, "s", bench_how_many(n));
    bench_leave();
}

static long skynet(long first, long size)
{
    if (size == 1)
        return first;
    long sums[10], sum = 0;
    fibers::fiber children[10];
    for (int i = 0; i < 10; i++)
        children[i] = fibers::fiber(fibers::launch::post, std::allocator_arg, stacks, [=, &sums] {
            sums[i] = skynet(first + i * (size / 10), size / 10);
        });
    for (auto &child : children)
        child.join();
    for (long s : sums)
        sum += s;
    return sum;
}

static double skynets()
{
    double start = bench_now();
    if (skynet(0, BENCH_MANY) != BENCH_SKYNET_SUM)
        abort();
    return bench_now() - start;
}

int main(int, char **argv)
{
    const char *figure = argv[1];
    if (!std::strncmp(figure, "switch-", 7)) {
        tasks = std::atol(figure + 7);
        bench_report(figure, "Boost.Fiber", bench_ns(switches), "ns", "");
    } else if (!std::strcmp(figure, "create")) {
        bench_report(figure, "Boost.Fiber", bench_ns(creates), "ns", "");
    } else if (!std::strcmp(figure, "asleep")) {
        asleep();
    } else if (!std::strcmp(figure, "skynet")) {
        bench_report(figure, "Boost.Fiber", bench_seconds(skynets), "s", "");
    }
}
