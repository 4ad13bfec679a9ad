/* State Threads. Its yield is st_usleep(0). Its stacks have no guards (outside of debug builds). */
#include <st.h>

#include <stdint.h>
#include <string.h>

#include "../bench.h"

static long tasks;
static double all_turned; /* when the first found that all have had their turns */

static st_thread_t start_thread(void *(*body)(void *), void *arg, int joinable)
{
    return st_thread_create(body, arg, joinable, 0);
}

static void *take_turns(void *arg)
{
    for (long turns = (long)(intptr_t)arg; turns; turns--)
        st_usleep(0);
    if (!all_turned)
        all_turned = bench_now();
    return NULL;
}

static double switches(long n)
{
    long turns = n / tasks + 1;
    st_thread_t *all = malloc((size_t)tasks * sizeof *all);
    if (!all)
        abort();
    for (long i = 0; i < tasks; i++)
        all[i] = start_thread(take_turns, (void *)(intptr_t)(turns + 1), 1);
    all_turned = 0;
    st_usleep(0);
    double start = bench_now();
    for (long i = 0; i < tasks; i++)
        st_thread_join(all[i], NULL);
    free(all);
    return (all_turned - start) * (double)n / (double)(turns * tasks);
}

static void *identity(void *arg)
{
    return arg;
}

static double creates(long n)
{
    long sum = 0;
    double start = bench_now();
    for (long i = 0; i < n; i++) {
        void *value;
        st_thread_join(start_thread(identity, (void *)(intptr_t)i, 1), &value);
        sum += (long)(intptr_t)value;
    }
    double seconds = bench_now() - start;
    if (sum != n * (n - 1) / 2)
        abort();
    return seconds;
}

static long sleeping;

static void *sleeper(void *arg)
{
    (void)arg;
    sleeping++;
    st_sleep(BENCH_FOREVER);
    return NULL;
}

static void asleep(void)
{
    char note[96];
    double before = bench_resident(), start = bench_now();
    for (long i = 0; i < BENCH_MANY && start_thread(sleeper, NULL, 0); i++)
        ;
    st_usleep(0);
    double seconds = bench_now() - start, bytes = bench_resident() - before;
    const char *how_many = bench_how_many(sleeping);
    snprintf(note, sizeof note, "no guards%s%s", *how_many ? ", " : "", how_many);
    bench_report("asleep-bytes", "State Threads", bytes / (double)sleeping, "bytes", note);
    bench_report("asleep-start", "State Threads", seconds, "s", note);
    bench_leave();
}

struct part {
    long first, size, sum;
};

static void *skynet(void *arg)
{
    struct part *p = arg, parts[10];
    st_thread_t children[10];
    if (p->size == 1) {
        p->sum = p->first;
        return NULL;
    }
    for (int i = 0; i < 10; i++) {
        parts[i] = (struct part){p->first + i * (p->size / 10), p->size / 10, 0};
        children[i] = start_thread(skynet, &parts[i], 1);
        if (!children[i])
            abort();
    }
    for (int i = 0; i < 10; i++) {
        st_thread_join(children[i], NULL);
        p->sum += parts[i].sum;
    }
    return NULL;
}

static double skynets(void)
{
    struct part all = {0, BENCH_MANY, 0};
    double start = bench_now();
    skynet(&all);
    if (all.sum != BENCH_SKYNET_SUM)
        abort();
    return bench_now() - start;
}

int main(int argc, char **argv)
{
    const char *figure = argc > 1 ? argv[1] : "switch-2";
    if (st_init())
        return perror("st_init"), 1;
    if (!strncmp(figure, "switch-", 7)) {
        tasks = atol(figure + 7);
        bench_report(figure, "State Threads", bench_ns(switches), "ns", "");
    } else if (!strcmp(figure, "create")) {
        bench_report(figure, "State Threads", bench_ns(creates), "ns", "");
    } else if (!strcmp(figure, "asleep")) {
        asleep();
    } else if (!strcmp(figure, "skynet")) {
        bench_report(figure, "State Threads", bench_seconds(skynets), "s", "");
    }
    return 0;
}
