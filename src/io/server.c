/* See server.h.
 *
 * The server is in the list of its thread until it is closed, so that the loop's end closes what is
 * retained. Its connections are in its list until they are closed; they and their handlers know
 * nothing of it and outlive it. Neither do those who wait hold it: when it goes they are told. */
#include "io/server.h"

#include "base/alloc.h"
#include "base/panic.h"
#include "io/listener.h"
#include "io/now.h"
#include "task/diagnose.h"
#include "task/run.h"
#include "task/step.h"
#include "task/task.h"
#include "task/thread.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 100 }; /* Python's */

struct socket {
    struct socket *next;
    struct ai_listener *listener;
    int port;
    dev_t device; /* of the socket at `path` */
    ino_t inode;
    char *path; /* to be removed, or NULL */
};

struct ai_server {
    struct ai_object object; /* DONE from the start: nobody waits for itself */
    struct ai_list link;     /* among the thread's */
    struct ai_client_options *client;
    int backlog;
    bool serving, closed;
    struct socket *sockets, **last;
    struct ai_list clients; /* connections that are not closed, by `peers` */
    struct ai_list waiters;
    ai_scope scope; /* of who started it: the handlers' */
};

/* --- The loop's end --- */

static _Thread_local struct ai_list all;

static void close_server(struct ai_server *s);
static void close_clients(struct ai_server *s);

static bool wind_up(void)
{
    ai_list_each (node, &all)
        close_server(ai_container(node, struct ai_server, link));
    return false;
}

static void forget(void)
{
    ai_list_init(&all);
}

static _Thread_local struct ai_wind_up winding_up = {.step = wind_up, .forget = forget};

static void enlist(struct ai_server *s)
{
    if (!all.next)
        ai_list_init(&all);
    ai_list_append(&all, &s->link);
    ai_wind_up_later(&winding_up);
}

/* --- Those who wait --- */

struct waiter {
    struct ai_object object;
    int result;
    struct ai_server *server; /* NULL: it has gone */
    struct ai_list link;      /* in its waiters */
    bool forever;             /* it serves: */
    bool serving;             /* it has begun to, */
    bool ending;              /* and waits for the connections */
};

static bool is_over(const struct ai_server *s)
{
    return !s || (s->closed && ai_list_empty(&s->clients));
}

static void wake_all(struct ai_server *s)
{
    ai_list_each (node, &s->waiters) {
        struct waiter *w = ai_container(node, struct waiter, link);
        if (w->object.state == AI_PENDING)
            ai_step_wake(&w->object);
    }
}

static void waiter_destroy(void *self)
{
    ai_list_remove(&((struct waiter *)self)->link);
}

static int wait_step(void *self, bool cancelled)
{
    struct waiter *w = self;

    if (is_over(w->server))
        return 1;
    return cancelled ? -ECANCELED : 0;
}

/* Closed by whomever, it ends as if it were cancelled: with its connections, for which who is
 * cancelled again does not wait. */
static void begin_to_end(struct waiter *w)
{
    w->ending = true;
    if (!w->server)
        return;
    close_server(w->server);
    close_clients(w->server);
}

static int end_step(struct waiter *w, bool cancelled)
{
    bool again = cancelled && w->ending;

    if (!w->ending && (cancelled || !w->server || w->server->closed))
        begin_to_end(w);
    return w->ending && (again || is_over(w->server)) ? -ECANCELED : 0;
}

static bool somebody_serves(const struct ai_server *s)
{
    ai_list_each (node, &s->waiters) {
        if (ai_container(node, struct waiter, link)->serving)
            return true;
    }
    return false;
}

static int forever_step(void *self, bool cancelled)
{
    struct waiter *w = self;

    if (w->serving)
        return end_step(w, cancelled);
    if (!w->server || w->server->closed)
        ai_panic("RuntimeError: server is closed");
    if (somebody_serves(w->server))
        ai_panic("RuntimeError: server is already being awaited on serve_forever()");
    w->serving = true;
    return ai_server_start(w->server);
}

static int start_step(void *self, bool cancelled)
{
    struct waiter *w = self;
    (void)cancelled;

    if (!w->server || w->server->closed)
        ai_panic("RuntimeError: server is closed");
    int error = ai_server_start(w->server);
    return error ? error : 1;
}

#define WAITER_TYPE(label, function)                                                               \
    {                                                                                              \
        .name = label, .size = sizeof(struct waiter), .result_size = sizeof(int),                  \
        .result_offset = offsetof(struct waiter, result), .result_signed = true,                   \
        .pool_class = ASYNCIO__POOL_CLASS(sizeof(struct waiter)), .step = function,                \
        .destroy = waiter_destroy,                                                                 \
    }

static ASYNCIO_AWAITABLE(int)
    waiter_new(const struct asyncio_awaitable_type *type, struct ai_server *s)
{
    struct waiter *w = (struct waiter *)ai_object_new(type, sizeof *w);

    if (!w)
        return NULL;
    w->server = s;
    ai_list_append(&s->waiters, &w->link);
    return ai_handle(&w->object);
}

/* --- Sockets --- */

/* Only what was put there by us is removed. */
static void remove_path(const struct socket *k)
{
    struct stat now;

    if (k->path && stat(k->path, &now) == 0 && now.st_ino == k->inode && now.st_dev == k->device)
        unlink(k->path);
}

static void socket_free(struct socket *k)
{
    ai_string_free(k->path);
    ai_deallocate(k, sizeof *k);
}

static void socket_close(struct socket *k)
{
    remove_path(k);
    ai_listener_close(k->listener);
    socket_free(k);
}

static int accepted(void *owner, int fd);

static bool socket_set_up(struct socket *k, struct ai_server *s, int fd, const char *path)
{
    struct stat now;

    if (path && stat(path, &now) == 0) {
        if (!(k->path = ai_string_copy(path)))
            return false;
        k->device = now.st_dev;
        k->inode = now.st_ino;
    }
    return (k->listener = ai_listener_new(fd, s, accepted)) != NULL;
}

int ai_server_add(struct ai_server *s, int fd, int port, const char *path)
{
    struct socket *k = ai_allocate(sizeof *k);

    if (!k || !socket_set_up(k, s, fd, path)) {
        if (k)
            socket_free(k);
        ai_close(fd);
        return -ENOMEM;
    }
    k->port = port;
    *s->last = k;
    s->last = &k->next;
    return 0;
}

int ai_server_start(struct ai_server *s)
{
    if (s->serving)
        return 0;
    for (struct socket *k = s->sockets; k; k = k->next) {
        int error = ai_listener_start(k->listener, s->backlog);
        if (error)
            return error;
    }
    s->serving = true;
    return 0;
}

/* --- Connections --- */

/* The connection is closed. */
static void lost(struct ai_connection *c)
{
    struct ai_server *s = c->owner;

    if (is_over(s))
        wake_all(s);
}

struct arrival {
    struct ai_server *server;
    int fd, error;
};

static void arrive(void *arg)
{
    struct arrival *a = arg;
    a->error = ai_client_new(a->fd, a->server->client, a->server);
}

/* A handler that starts at once may let go of the server. */
static int accepted(void *owner, int fd)
{
    struct arrival a = {.server = owner, .fd = fd};

    ai_ref(&a.server->object);
    ai_scope_call(&a.server->scope, arrive, &a);
    ai_unref(&a.server->object);
    return a.error;
}

/* --- The server --- */

static void close_server(struct ai_server *s)
{
    struct socket *k = s->sockets;

    if (s->closed)
        return;
    s->closed = true;
    s->serving = false;
    s->sockets = NULL;
    ai_list_remove(&s->link);
    for (struct socket *next; k; k = next) {
        next = k->next;
        socket_close(k);
    }
    wake_all(s);
}

static void server_destroy(void *self)
{
    struct ai_server *s = self;

    close_server(s);
    wake_all(s);
    ai_list_each (node, &s->clients) {
        struct ai_connection *c = ai_container(node, struct ai_connection, peers);
        c->lost = NULL;
        ai_list_remove(node);
    }
    ai_list_each (node, &s->waiters) {
        ai_container(node, struct waiter, link)->server = NULL;
        ai_list_remove(node);
    }
    ai_client_options_drop(s->client);
    ai_scope_drop(&s->scope);
}

static const struct asyncio_awaitable_type server_type = {
    .name = "Server",
    .size = sizeof(struct ai_server),
    .kind = ASYNCIO__SERVER,
    .destroy = server_destroy,
};

static struct ai_client_options *client_options(const struct asyncio_server_options *o)
{
    return ai_client_options_new(&(struct ai_client_options){
        .handler = o->handler,
        .arg = o->arg,
        .limit = o->limit,
        .ssl = o->ssl,
        .handshake_timeout = o->ssl_handshake_timeout,
        .shutdown_timeout = o->ssl_shutdown_timeout,
        .lost = lost,
    });
}

struct asyncio_server *ai_server_new(const struct asyncio_server_options *o)
{
    struct ai_client_options *client = client_options(o);

    if (!client)
        return NULL;
    struct ai_server *s = (struct ai_server *)ai_object_new(&server_type, sizeof *s);
    if (!s) {
        ai_client_options_drop(client);
        return NULL;
    }
    s->object.state = AI_DONE;
    s->client = client;
    s->client->peers = &s->clients;
    s->backlog = o->backlog > 0 ? o->backlog : BACKLOG;
    s->last = &s->sockets;
    ai_list_init(&s->clients);
    ai_list_init(&s->waiters);
    s->scope = ai_scope_copy();
    enlist(s);
    return ai_handle(&s->object);
}

struct ai_server *ai_server_hold(struct asyncio_server *server)
{
    struct ai_object *o = ai_object_if_any(server);
    return o ? (struct ai_server *)ai_ref(o) : NULL;
}

struct asyncio_server *ai_server_let_go(struct ai_server *s, bool fine)
{
    struct asyncio_server *handle = ai_handle(&s->object);

    if (!fine)
        ai_disown(&s->object);
    ai_unref(&s->object);
    return ai_object_if_any(handle) ? handle : NULL;
}

static struct ai_server *server_of(const struct asyncio_server *server)
{
    asyncio_any h = (asyncio_any)(uintptr_t)server;
    struct ai_object *o = ai_object_if_any(h);

    if (o && o->type == &server_type)
        return (struct ai_server *)o;
    if (!server)
        ai_panic("ValueError: NULL is no server: was it started?");
    if (o)
        ai_panic("TypeError: %s '%s' is no server", ai_noun(o->type), o->type->name);
    ai_panic("RuntimeError: a server was used after the task that it belonged to ended, or after "
             "its release");
}

/* --- What programs do with it --- */

ASYNCIO_AWAITABLE(int) asyncio_server_start_serving(struct asyncio_server *server)
{
    static const struct asyncio_awaitable_type type =
        WAITER_TYPE("Server.start_serving", start_step);
    return waiter_new(&type, server_of(server));
}

ASYNCIO_AWAITABLE(int) asyncio_server_serve_forever(struct asyncio_server *server)
{
    static const struct asyncio_awaitable_type type =
        WAITER_TYPE("Server.serve_forever", forever_step);
    return waiter_new(&type, server_of(server));
}

ASYNCIO_AWAITABLE(int) asyncio_server_wait_closed(struct asyncio_server *server)
{
    static const struct asyncio_awaitable_type type = WAITER_TYPE("Server.wait_closed", wait_step);
    return waiter_new(&type, server_of(server));
}

bool asyncio_server_is_serving(const struct asyncio_server *server)
{
    return server_of(server)->serving;
}

size_t asyncio_server_sockets(const struct asyncio_server *server, int *fds, size_t n)
{
    size_t count = 0;

    for (struct socket *k = server_of(server)->sockets; k; k = k->next, count++) {
        if (count < n)
            fds[count] = ai_listener_fd(k->listener);
    }
    return count;
}

int asyncio_server_port(const struct asyncio_server *server)
{
    const struct socket *first = server_of(server)->sockets;
    return first ? first->port : 0;
}

void asyncio_server_close(struct asyncio_server *server)
{
    close_server(server_of(server));
}

static void close_clients(struct ai_server *s)
{
    ai_list_each (node, &s->clients)
        ai_connection_close(ai_container(node, struct ai_connection, peers));
}

void asyncio_server_close_clients(struct asyncio_server *server)
{
    close_clients(server_of(server));
}

void asyncio_server_abort_clients(struct asyncio_server *server)
{
    ai_list_each (node, &server_of(server)->clients)
        ai_connection_abort(ai_container(node, struct ai_connection, peers), -ECONNABORTED);
}

/* --- async_with --- */

static int enter(void *manager, const struct asyncio__place *place)
{
    (void)place;
    server_of(manager);
    return 0;
}

static void leave(void *manager, const struct asyncio__place *place, bool returns)
{
    struct ai_task *task = ai_thread.task;
    struct ai_error *kept = ai_error_keep(task);
    (void)place, (void)returns;

    asyncio_server_close(manager);
    ASYNCIO_AWAIT(asyncio_server_wait_closed(manager));
    ai_error_restore(task, kept);
}

const struct asyncio__with_type asyncio__server_with = {enter, leave};
