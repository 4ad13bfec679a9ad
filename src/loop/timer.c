#include "loop/timer.h"

#include <errno.h>

enum { ARITY = 4 };

static bool before(const struct ai_timer_entry *a, const struct ai_timer_entry *b)
{
    if (a->deadline != b->deadline)
        return a->deadline < b->deadline;
    return (int32_t)(a->timer->order - b->timer->order) < 0;
}

static void put(struct ai_timers *timers, uint32_t place, struct ai_timer_entry entry)
{
    timers->heap[place] = entry;
    entry.timer->place = place;
}

static void sift_up(struct ai_timers *timers, uint32_t place, struct ai_timer_entry entry)
{
    while (place > 0) {
        uint32_t parent = (place - 1) / ARITY;
        if (!before(&entry, &timers->heap[parent]))
            break;
        put(timers, place, timers->heap[parent]);
        place = parent;
    }
    put(timers, place, entry);
}

static uint32_t least_child(const struct ai_timers *timers, uint32_t place)
{
    uint32_t first = place * ARITY + 1, least = first;

    for (uint32_t i = first + 1; i < first + ARITY && i < timers->count; i++) {
        if (before(&timers->heap[i], &timers->heap[least]))
            least = i;
    }
    return least;
}

static void sift_down(struct ai_timers *timers, uint32_t place, struct ai_timer_entry entry)
{
    while (place * ARITY + 1 < timers->count) {
        uint32_t child = least_child(timers, place);
        if (!before(&timers->heap[child], &entry))
            break;
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, entry);
}

int ai_timers_reserve(struct ai_timers *timers, uint32_t count)
{
    uint32_t capacity = timers->capacity ? timers->capacity : 64;

    if (count <= timers->capacity)
        return 0;
    while (capacity < count)
        capacity *= 2;
    void *heap = ai_reallocate(timers->heap, timers->capacity * sizeof *timers->heap,
                               capacity * sizeof *timers->heap);
    if (!heap)
        return -ENOMEM;
    timers->heap = heap;
    timers->capacity = capacity;
    return 0;
}

int ai_timer_start(struct ai_timers *timers, struct ai_timer *t, int64_t deadline)
{
    if (timers->count == timers->capacity && ai_timers_reserve(timers, timers->count + 1) != 0)
        return -ENOMEM;
    t->order = timers->order++;
    sift_up(timers, timers->count++, (struct ai_timer_entry){deadline, t});
    return 0;
}

static void take_out(struct ai_timers *timers, uint32_t place)
{
    struct ai_timer_entry last = timers->heap[--timers->count];

    if (place == timers->count)
        return;
    if (place > 0 && before(&last, &timers->heap[(place - 1) / ARITY]))
        sift_up(timers, place, last);
    else
        sift_down(timers, place, last);
}

void ai_timer_stop(struct ai_timers *timers, struct ai_timer *t)
{
    if (t->place >= AI_TIMER_DUE)
        return;
    take_out(timers, t->place);
    t->place = AI_TIMER_IDLE;
}

struct ai_timer *ai_timers_pop(struct ai_timers *timers)
{
    struct ai_timer *t = timers->heap[0].timer;

    take_out(timers, 0);
    t->place = AI_TIMER_DUE;
    return t;
}

void ai_timers_close(struct ai_timers *timers)
{
    ai_deallocate(timers->heap, timers->capacity * sizeof *timers->heap);
    *timers = (struct ai_timers){0};
}
