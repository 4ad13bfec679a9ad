/* Objects with an __await__ of one's own. */
#include <asyncio.h>

/* An object that gives its value after a while. */
struct later {
    struct asyncio_awaitable head;
    int value;
    double delay;
    struct asyncio_handle *timer;
};

static awaitable(int) later_init(asyncio_any h, int value, double delay)
{
    struct later *self = asyncio_awaitable_object(h);
    if (self) {
        self->value = value;
        self->delay = delay;
    }
    return h;
}

/* One way: on the stack of the task that awaits it, by awaiting others. */
static void later_await(void *object, void *result)
{
    struct later *self = object;
    int error = await(asyncio_sleep(self->delay));
    *(int *)result = error ? error : self->value;
}

static const struct asyncio_awaitable_type sleeping_type = {
    .name = "sleeping",
    .size = sizeof(struct later),
    .result_size = sizeof(int),
    .result_offset = offsetof(struct later, value),
    .result_signed = true,
    .await = later_await,
};

static awaitable(int) sleeping(int value, double delay)
{
    return later_init(asyncio_awaitable_new(&sleeping_type), value, delay);
}

/* The other way, without a stack: begin, and say when it is complete. */
static void ring(void *object)
{
    asyncio_complete(object, 0);
}

static int later_start(void *object)
{
    struct later *self = object;
    self->timer = asyncio_call_later(self->delay, ring, self);
    return self->timer ? 0 : -ENOMEM;
}

static void later_cancel(void *object)
{
    struct later *self = object;
    asyncio_handle_cancel(self->timer);
    asyncio_complete(self, -ECANCELED);
}

static const struct asyncio_awaitable_type ringing_type = {
    .name = "ringing",
    .size = sizeof(struct later),
    .result_size = sizeof(int),
    .result_offset = offsetof(struct later, value),
    .result_signed = true,
    .start = later_start,
    .cancel = later_cancel,
};

static awaitable(int) ringing(int value, double delay)
{
    return later_init(asyncio_awaitable_new(&ringing_type), value, delay);
}

async(void, async_main)
{
    printf("%d\n", await(sleeping(1, 0.2)));
    printf("%d\n", await(ringing(2, 0.2)));

    /* They are used wherever a coroutine is. */
    int results[2];
    double start = asyncio_time();
    await(asyncio_gather_into(results, sleeping(3, 0.2), ringing(4, 0.2)));
    double end = asyncio_time();
    printf("%d %d\n", results[0], results[1]);
    printf("It took %.1f second(s) to complete.\n", end - start);

    awaitable(int) task = asyncio_create_task(ringing(5, 10));
    await(asyncio_sleep(0));
    asyncio_cancel(task);
    printf("%s\n", await(task) == -ECANCELED ? "cancelled" : "not cancelled");
}

int main(void)
{
    asyncio_run(async_main());
}
