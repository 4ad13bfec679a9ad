/* See client.h.
 *
 * The task is of a coroutine object with a type of its own, since it holds the connection from the
 * beginning, whether or not it ever runs. */
#include "io/client.h"

#include "base/alloc.h"
#include "task/task.h"
#include "task/thread.h"

#include <errno.h>

struct client {
    struct ai_coroutine coroutine;
    struct ai_connection *connection; /* until it has streams */
    struct ai_client_options *options;
    const struct asyncio_awaitable_type *handler; /* of its coroutine, once that is called */
};

struct ai_client_options *ai_client_options_new(const struct ai_client_options *options)
{
    struct ai_client_options *o = ai_allocate(sizeof *o);

    if (!o)
        return NULL;
    *o = *options;
    o->refs = 1;
    ai_filter_source_retain(o->ssl);
    return o;
}

void ai_client_options_drop(struct ai_client_options *o)
{
    if (--o->refs > 0)
        return;
    ai_filter_source_release(o->ssl);
    ai_deallocate(o, sizeof *o);
}

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

static int secure(const struct ai_client_options *o, struct ai_connection *c)
{
    if (!o->ssl)
        return 0;
    c->linger_time = (float)o->shutdown_timeout;
    return ASYNCIO_AWAIT(ai_connection_secure(c, o->ssl, true, NULL, o->handshake_timeout));
}

/* A peer that cannot shake hands is no matter for the program, but a context that cannot is. */
static void handle(void *self, void *result)
{
    struct client *client = self;
    struct ai_connection *c = client->connection;
    (void)result;

    client->connection = NULL;
    struct asyncio_streams s = ai_connection_streams(c);
    int error = s.reader ? secure(client->options, c) : -ENOMEM;
    if (error == -EINVAL || error == -ENOTSUP)
        report();
    if (error)
        return;
    ASYNCIO_AWAITABLE(void) handler = client->options->handler(s.reader, s.writer);
    if (handler)
        client->handler = ai_object(handler)->type;
    ASYNCIO_AWAIT(handler);
    report();
}

/* If it has a connection, it never ran. */
static void destroy(void *self)
{
    struct client *client = self;

    if (client->connection)
        ai_connection_drop(client->connection);
    ai_client_options_drop(client->options);
}

static const struct asyncio_awaitable_type client_type = {
    .name = "client_connected_cb",
    .size = sizeof(struct client),
    .pool_class = ASYNCIO__POOL_CLASS(sizeof(struct client)),
    .kind = ASYNCIO__COROUTINE,
    .stands_for = offsetof(struct client, handler),
    .file = __FILE__,
    .line = __LINE__,
    .await = handle,
    .destroy = destroy,
};

static struct client *client_new(struct ai_client_options *o)
{
    struct client *client = (struct client *)ai_object_new(&client_type, sizeof *client);

    if (!client)
        return NULL;
    client->options = o;
    o->refs++;
    return client;
}

static void file(struct ai_connection *c, const struct ai_client_options *o, void *owner)
{
    c->lost = o->lost;
    c->owner = owner;
    ai_list_append(o->peers, &c->peers);
}

/* Where it cannot be made a task, it is closed and with it the connection. */
int ai_client_new(int fd, struct ai_client_options *o, void *owner)
{
    struct client *client = client_new(o);

    if (!client)
        return -ENOMEM;
    if (!(client->connection = ai_connection_new(fd, o->limit))) {
        ai_disown(&client->coroutine.object);
        return -ENOMEM;
    }
    file(client->connection, o, owner);
    asyncio_spawn(ai_handle(&client->coroutine.object));
    return 0;
}

void *asyncio_server_arg(void)
{
    struct ai_task *task = ai_thread.task;
    struct ai_coroutine *root = task ? task->root : NULL;

    return root && root->object.type == &client_type ? ((struct client *)root)->options->arg : NULL;
}
