/* See sim_weather.h. */
#include "loop/sim_weather.h"

#include "base/alloc.h"
#include "loop/loop.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER = 64 << 10 };

static const struct setting {
    const char *name;
    size_t offset;
    double most;
} settings[] = {
#define SETTING(name, most)                                                                        \
    {                                                                                              \
#name, offsetof(struct asyncio_simulation_options, name), most                             \
    }
    SETTING(latency, 1e9),    SETTING(jitter, 1e9),      SETTING(bandwidth, 1e18),
    SETTING(refuse, 1),       SETTING(datagram_loss, 1), SETTING(duplicate, 1),
    SETTING(reorder, 1),      SETTING(reset, 1),         SETTING(short_reads, 1),
    SETTING(short_writes, 1), SETTING(eagain, 1),        SETTING(emfile, 1),
    SETTING(buffer, 1e9),
};

enum { SETTINGS = sizeof settings / sizeof *settings };

static double *value_of(struct asyncio_simulation_options *set, const struct setting *s)
{
    return (double *)((char *)set + s->offset);
}

/* NaN is out of any range. */
static bool is_fine(double value, const struct setting *s)
{
    return value >= 0 && value <= s->most;
}

const char *ai_sim_weather_fault(const struct asyncio_simulation_options *set)
{
    struct asyncio_simulation_options copy = *set;
    for (size_t i = 0; i < SETTINGS; i++)
        if (!is_fine(*value_of(&copy, &settings[i]), &settings[i]))
            return settings[i].name;
    return NULL;
}

/* ── The environment ─────────────────────────────────────────────────────────────────────────── */

static const struct setting *find(const char *name, size_t size)
{
    for (size_t i = 0; i < SETTINGS; i++)
        if (strlen(settings[i].name) == size && memcmp(settings[i].name, name, size) == 0)
            return &settings[i];
    return NULL;
}

/* One `name=value`; returns where it ends, or NULL. */
static const char *read_setting(struct asyncio_simulation_options *set, const char *text)
{
    size_t size = strcspn(text, "=,");
    const struct setting *s = find(text, size);
    if (s == NULL || text[size] != '=')
        return NULL;
    char *end;
    double value = strtod(text + size + 1, &end);
    if (end == text + size + 1 || (*end != ',' && *end != '\0') || !is_fine(value, s))
        return NULL;
    *value_of(set, s) = value;
    return *end == ',' ? end + 1 : end;
}

static int read_environment(struct ai_sim_weather *w, char *why, size_t why_size)
{
    const char *text = getenv("ASYNCIO_SIM");
    while (text != NULL && *text != '\0') {
        const char *next = read_setting(&w->set, text);
        if (next == NULL) {
            snprintf(why, why_size, "ASYNCIO_SIM: %.*s is no setting", (int)strcspn(text, ","),
                     text);
            return -EINVAL;
        }
        text = next;
    }
    return 0;
}

int ai_sim_weather_open(struct ai_sim_weather *w, uint64_t seed, char *why, size_t why_size)
{
    w->random = seed ^ UINT64_C(0x6e6574776f726b); /* other numbers than the order of things has */
    ai_list_init(&w->partitions);
    return read_environment(w, why, why_size);
}

/* ── Chance ──────────────────────────────────────────────────────────────────────────────────── */

/* splitmix64: the golden ratio counted up, and mixed. */
uint64_t ai_sim_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* From 0, and below 1. */
static double fraction(struct ai_sim_weather *w)
{
    return (double)(ai_sim_random(&w->random) >> 11) * 0x1p-53;
}

bool ai_sim_happens(struct ai_sim_weather *w, double probability)
{
    return probability > 0 && fraction(w) < probability;
}

size_t ai_sim_part(struct ai_sim_weather *w, size_t most)
{
    return 1 + (size_t)(fraction(w) * (double)most);
}

int64_t ai_sim_latency(struct ai_sim_weather *w)
{
    double extra = w->set.jitter > 0 ? w->set.jitter * fraction(w) : 0;
    return ai_nanoseconds(w->set.latency) + ai_nanoseconds(extra);
}

int64_t ai_sim_detour(struct ai_sim_weather *w)
{
    return ai_nanoseconds((w->set.latency + 0.01) * fraction(w));
}

int64_t ai_sim_line_time(const struct ai_sim_weather *w, size_t bytes)
{
    return w->set.bandwidth > 0 ? ai_nanoseconds((double)bytes / w->set.bandwidth) : 0;
}

size_t ai_sim_buffer(const struct ai_sim_weather *w)
{
    return w->set.buffer > 0 ? (size_t)ceil(w->set.buffer) : BUFFER;
}

/* ── Partitions ──────────────────────────────────────────────────────────────────────────────── */

struct partition {
    struct ai_list link;
    struct ai_sim_name a, b;
};

static bool stands_for(const struct ai_sim_name *pattern, const struct ai_sim_name *host)
{
    return pattern->family == AF_UNSPEC || ai_sim_name_same_host(pattern, host);
}

/* The pair of hosts, in either order. */
static bool matches(const struct ai_sim_name *p, const struct ai_sim_name *q,
                    const struct ai_sim_name *a, const struct ai_sim_name *b)
{
    return (stands_for(p, a) && stands_for(q, b)) || (stands_for(p, b) && stands_for(q, a));
}

int ai_sim_partition(struct ai_sim_weather *w, const struct ai_sim_name *a,
                     const struct ai_sim_name *b)
{
    struct partition *p = ai_allocate(sizeof *p);
    if (p == NULL)
        return -ENOMEM;
    p->a = *a;
    p->b = *b;
    ai_list_append(&w->partitions, &p->link);
    return 0;
}

static void end_partition(struct partition *p)
{
    ai_list_remove(&p->link);
    ai_deallocate(p, sizeof *p);
}

void ai_sim_heal(struct ai_sim_weather *w, const struct ai_sim_name *a, const struct ai_sim_name *b)
{
    ai_list_each (node, &w->partitions) {
        struct partition *p = ai_container(node, struct partition, link);
        if (matches(a, b, &p->a, &p->b))
            end_partition(p);
    }
}

bool ai_sim_is_cut(const struct ai_sim_weather *w, const struct ai_sim_name *a,
                   const struct ai_sim_name *b)
{
    if (a->family != AF_INET6 || b->family != AF_INET6)
        return false;
    ai_list_each (node, &w->partitions) {
        const struct partition *p = ai_container(node, struct partition, link);
        if (matches(&p->a, &p->b, a, b))
            return true;
    }
    return false;
}

void ai_sim_weather_close(struct ai_sim_weather *w)
{
    while (!ai_list_empty(&w->partitions))
        end_partition(ai_container(w->partitions.next, struct partition, link));
}
