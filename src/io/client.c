/* See client.h.
 *
 * The task is of a coroutine object with a type of its own, since it holds the connection from the
 * beginning, whether or not it ever runs. */
#include "io/client.h"

#include "task/task.h"
#include "task/thread.h"

#include <errno.h>

struct client {
    struct ai_coroutine coroutine;
    struct ai_client_options options;
    struct ai_connection *connection;
};

/* In Python's words. A cancellation is no failure. */
static void report(void)
{
    int error = asyncio_error();

    if (error == 0 || error == -ECANCELED)
        return;
    asyncio_call_exception_handler(&(struct asyncio_exception_context){
        .message = "Unhandled exception in client_connected_cb",
        .task = asyncio_current_task(),
        .error = error,
        .error_message = asyncio_error_message(),
    });
}

static int shake_hands(const struct ai_client_options *o, struct ai_connection *c)
{
    if (!o->tls)
        return 0;
    c->linger_time = o->shutdown_timeout;
    return ASYNCIO_AWAIT(ai_connection_secure(c, o->tls, true, NULL, o->handshake_timeout));
}

/* A peer that cannot shake hands is no matter for the program, but a context that cannot is. */
static void handle(void *self, void *result)
{
    struct client *client = self;
    struct ai_connection *c = client->connection;
    (void)result;

    client->connection = NULL;
    struct asyncio_streams s = ai_connection_streams(c);
    int error = s.reader ? shake_hands(&client->options, c) : -ENOMEM;
    if (error == -EINVAL || error == -ENOTSUP)
        report();
    if (error)
        return;
    ASYNCIO_AWAIT(client->options.handler(s.reader, s.writer));
    report();
}

/* If it has a connection, it never ran. */
static void destroy(void *self)
{
    struct client *client = self;

    if (client->connection)
        ai_connection_drop(client->connection);
    ai_filter_source_release(client->options.tls);
}

static const struct asyncio_awaitable_type client_type = {
    .name = "client_connected_cb",
    .size = sizeof(struct client),
    .pool_class = ASYNCIO__POOL_CLASS(sizeof(struct client)),
    .kind = ASYNCIO__COROUTINE,
    .file = __FILE__,
    .line = __LINE__,
    .await = handle,
    .destroy = destroy,
};

static struct ai_connection *give_up(struct client *client)
{
    ai_disown(&client->coroutine.object);
    return NULL;
}

struct ai_connection *ai_client_new(int fd, const struct ai_client_options *options)
{
    struct client *client = (struct client *)ai_object_new(&client_type, sizeof *client);

    if (!client)
        return NULL;
    client->options = *options;
    ai_filter_source_retain(options->tls);
    struct ai_connection *c = ai_connection_new(fd, options->limit);
    if (!c)
        return give_up(client);
    client->connection = c;
    ai_connection_ref(c);
    asyncio_spawn(ai_handle(&client->coroutine.object));
    return c;
}

void *asyncio_server_arg(void)
{
    struct ai_task *task = ai_thread.task;
    struct ai_coroutine *root = task ? task->root : NULL;

    return root && root->object.type == &client_type ? ((struct client *)root)->options.arg : NULL;
}
