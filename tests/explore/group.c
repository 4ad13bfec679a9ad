/* Task groups, also within each other: whoever leaves one leaves no child behind, every failure of
 * a child is told, and where nothing failed nothing is made up. */
#include "explore.h"

struct children {
    int alive, failed;
};

static async(void, child, (struct children *, all))
{
    all->alive++;
    int error = await(nap());
    if (!error && pick(6) == 0) {
        all->failed++;
        asyncio_raise(-EPROTO, "child %d", all->failed);
    }
    all->alive--;
}

static bool is_told(int error)
{
    for (size_t i = 0; i < asyncio_error_count(); i++) {
        if (asyncio_error_at(i, NULL) == error)
            return true;
    }
    return false;
}

static void create(struct asyncio_task_group *group, struct children *all)
{
    asyncio_release(asyncio_task_group_create_task(group, child(all)));
}

static async(int, group, (int, depth))
{
    struct asyncio_task_group tg = {0};
    struct children all = {0};
    bool inner_failed = false;

    async_with(&tg)
    {
        for (unsigned n = 1 + pick(4); n > 0; n--)
            create(&tg, &all);
        int error = await(nap());
        if (!error && depth > 0 && pick(2)) {
            error = await(group(depth - 1));
            inner_failed = error && !is_weather(error);
            if (inner_failed)
                asyncio_raise(error, "from within");
        }
        if (!error && pick(8) == 0)
            asyncio_task_group_cancel(&tg);
        if (!error && pick(4) == 0)
            create(&tg, &all);
        if (pick(8) == 0)
            break;
    }
    expect(all.alive == 0);
    int error = asyncio_error();
    if (all.failed || inner_failed)
        expect(is_told(-EPROTO));
    else
        expect(error == 0 || is_weather(error));
    return error;
}

static async(int, worker, (int, unused))
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        int error = await(group(2));
        if (error == -ECANCELED || await(nap()) == -ECANCELED)
            return -ECANCELED;
    }
    return 0;
}

const struct exploration explore_group = {.name = "group", .workers = 4, .worker = worker};
