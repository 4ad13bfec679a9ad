/* How every C and C++ program in bench/ measures and reports.
 *
 * A program takes the name of a figure and prints `figure<TAB>peer<TAB>value<TAB>unit`, with a
 * fifth column where something must be said about the value. A figure in nanoseconds is a function
 * that does something n times and returns the seconds it took: n is chosen so that a round lasts
 * ROUND_SECONDS, which also warms up, and the median of the rounds is printed. The peers in other
 * languages do the same. */
#ifndef BENCH_H
#define BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BENCH_ROUNDS 3
#define BENCH_ROUND_SECONDS 0.2
#define BENCH_SLOW_SECONDS 2.0 /* what takes longer than this is not repeated */

/* The sizes of the figures. */
#define BENCH_MANY 1000000L
#define BENCH_IN_TURN 10000L
#define BENCH_SKYNET_SUM 499999500000L
#define BENCH_FOREVER 3600 /* seconds: nothing measured here wakes up by itself */

static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Resident bytes of this process; page tables are not among them. */
static inline double bench_resident(void)
{
    long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &size, &resident) != 2) {
        perror("/proc/self/statm");
        exit(1);
    }
    fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static inline int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double bench_median(double *values)
{
    qsort(values, BENCH_ROUNDS, sizeof *values, bench_compare);
    return values[BENCH_ROUNDS / 2];
}

/* Nanoseconds of one of the n things that round(n) does. */
static inline double bench_ns(double (*round)(long n))
{
    long n = 1000;
    double seconds, values[BENCH_ROUNDS];
    while ((seconds = round(n)) < BENCH_ROUND_SECONDS / 4)
        n *= 2;
    n = (long)((double)n * BENCH_ROUND_SECONDS * 1.1 / seconds) + 1;
    for (int i = 0; i < BENCH_ROUNDS; i++)
        values[i] = round(n) * 1e9 / (double)n;
    return bench_median(values);
}

/* Seconds that round() takes. */
static inline double bench_seconds(double (*round)(void))
{
    double values[BENCH_ROUNDS], first = round();
    if (first > BENCH_SLOW_SECONDS)
        return first;
    for (int i = 0; i < BENCH_ROUNDS; i++)
        values[i] = round();
    return bench_median(values);
}

static inline void bench_report(const char *figure, const char *peer, double value,
                                const char *unit, const char *note)
{
    printf("%s\t%s\t%.4g\t%s\t%s\n", figure, peer, value, unit, note);
}

/* "n of 1000000" where not all that were asked for came about, else "". */
static inline const char *bench_how_many(long n)
{
    static char note[64];
    if (n != BENCH_MANY)
        snprintf(note, sizeof note, "%ld of %ld", n, BENCH_MANY);
    return note;
}

/* Ends the process where its million sleepers are, whose end is nobody's figure. */
static inline void bench_leave(void)
{
    fflush(stdout);
    _exit(0);
}

#endif
