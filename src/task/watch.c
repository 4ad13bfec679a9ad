#include "task/watch.h"

#include "task/thread.h"

static size_t size_of(size_t n)
{
    return sizeof(struct ai_watches) + n * sizeof(struct ai_watch);
}

struct ai_watches *ai_watches_new(size_t n)
{
    struct ai_watches *all = ai_allocate(size_of(n));

    if (all)
        *all = (struct ai_watches){.capacity = n};
    return all;
}

void ai_watches_add(struct ai_watches *all, struct ai_object *o)
{
    all->at[all->count++] = (struct ai_watch){.object = ai_ref(o), .all = all};
}

static void free_unless_in_use(struct ai_watches *all)
{
    if (!all->owner && all->on == 0)
        ai_deallocate(all, size_of(all->capacity));
}

static void turn_off(struct ai_watch *watch)
{
    watch->on = false;
    watch->all->on--;
    ai_ring_unreserve(&ai_thread.loop->ready, 1);
}

static void run(struct ai_ready *ready)
{
    struct ai_watch *watch = ai_container(ready, struct ai_watch, waiter.ready);
    struct ai_watches *all = watch->all;

    turn_off(watch);
    ai_unref(watch->object); /* the waiter's */
    if (all->owner)
        all->done(all->owner, watch);
    else
        free_unless_in_use(all);
}

bool ai_watches_begin(struct ai_watches *all, void *owner,
                      void (*done)(void *owner, struct ai_watch *watch))
{
    if (!ai_ring_reserve(&ai_thread.loop->ready, all->count))
        return false;
    all->owner = owner;
    all->done = done;
    all->on = all->count;
    for (size_t i = 0; i < all->count; i++) {
        struct ai_watch *watch = &all->at[i];
        watch->on = true;
        watch->waiter.ready.run = run;
        ai_wait_on(watch->object, &watch->waiter);
    }
    return true;
}

void ai_watches_stop(struct ai_watches *all)
{
    for (size_t i = 0; i < all->count; i++) {
        struct ai_watch *watch = &all->at[i];
        if (!watch->on || watch->object->state == AI_DONE)
            continue;
        ai_wait_off(watch->object, &watch->waiter);
        turn_off(watch);
    }
}

void ai_watches_close(struct ai_watches *all)
{
    if (!all)
        return;
    ai_watches_stop(all);
    for (size_t i = 0; i < all->count; i++)
        ai_unref(all->at[i].object); /* that of one in the ready queue is kept by its waiter */
    all->owner = NULL;
    free_unless_in_use(all);
}
