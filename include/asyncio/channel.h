/* Channels, and waiting for the first of several things: what C programs want and Python's asyncio
 * has no name for.
 *
 *     asyncio_channel(int) ch = asyncio_channel_new(int, 0);
 *     int v;
 *     switch (await(asyncio_select(asyncio_channel_recv_into(ch, &v), asyncio_sleep(1)))) {
 *     case 0: printf("%d\n", v); break;
 *     case 1: puts("nothing for a second");
 *     }
 *
 * An asyncio_channel(T) is typed and owned as an asyncio_queue(T), and is strict where that is
 * Python's: who comes later never gets ahead of who waits, and an item goes straight to the one who
 * waits for it. What has gone through has, even if its task is cancelled before it goes on: then
 * the await succeeds, and the next one that suspends is cancelled. */
#ifndef ASYNCIO_CHANNEL_H
#define ASYNCIO_CHANNEL_H

#include <asyncio/queue.h>

#pragma GCC visibility push(default)

/* The handle of a channel of T. */
#define asyncio_channel(T) __typeof__(__typeof__(T)(**)(struct asyncio__channel *))

/* asyncio_channel_new(T, size_t capacity): a channel that holds this many items on their way; with
 * none, to send is to wait for who receives. NULL without memory. */
#define asyncio_channel_new(T, capacity)                                                           \
    ((asyncio_channel(T))asyncio__channel_new(sizeof(__typeof__(T)), capacity))

/* asyncio_channel_send(ch, value): awaitable(int). Hands the value, which is copied when this is
 * called, to who waits to receive or to the channel, or else waits. 0, or -EPIPE where the channel
 * is closed, -ENOMEM, -ECANCELED: then it was not sent. */
#define asyncio_channel_send(ch, ...)                                                              \
    ASYNCIO__PUT(asyncio__channel, "Channel.send", asyncio__channel_send,                          \
                 asyncio__channel_send_step, NULL, ch, ASYNCIO__CAT(asyncio__h, __COUNTER__),      \
                 ASYNCIO__CAT(asyncio__v, __COUNTER__), __VA_ARGS__)

/* asyncio_channel_recv(ch): awaitable(T), the next item. It fails with -EPIPE where the channel is
 * closed and empty, -ENOMEM, -ECANCELED. */
#define asyncio_channel_recv(ch)                                                                   \
    ASYNCIO__GET(asyncio__channel, "Channel.recv", asyncio__channel_recv,                          \
                 asyncio__channel_recv_step, NULL, ch, ASYNCIO__CAT(asyncio__h, __COUNTER__))

/* asyncio_channel_recv_into(ch, T *item): awaitable(int). The same, with the item stored there and
 * 0 or the error as its value. `item` must live until this is done. */
#define asyncio_channel_recv_into(ch, item)                                                        \
    ASYNCIO__GET_INTO(asyncio__channel, "Channel.recv", asyncio__channel_recv_into,                \
                      asyncio__channel_recv_step, ch, item, ASYNCIO__CAT(asyncio__h, __COUNTER__), \
                      ASYNCIO__CAT(asyncio__v, __COUNTER__))

/* asyncio_channel_send_nowait(ch, value), asyncio_channel_recv_nowait(ch, T *item): 0, or -EAGAIN
 * where it would have to wait, -EPIPE, -ENOMEM. */
#define asyncio_channel_send_nowait(ch, ...)                                                       \
    ASYNCIO__PUT_NOWAIT(asyncio__channel, asyncio__channel_send_nowait, ch,                        \
                        ASYNCIO__CAT(asyncio__h, __COUNTER__),                                     \
                        ASYNCIO__CAT(asyncio__v, __COUNTER__), __VA_ARGS__)
#define asyncio_channel_recv_nowait(ch, item)                                                      \
    ASYNCIO__GET_NOWAIT(asyncio__channel, asyncio__channel_recv_nowait, ch, item,                  \
                        ASYNCIO__CAT(asyncio__h, __COUNTER__),                                     \
                        ASYNCIO__CAT(asyncio__v, __COUNTER__))

/* Nothing more is sent: who sends, or waits to, fails with -EPIPE, and so does who receives, once
 * the channel is empty. Closing it again does nothing. */
#define asyncio_channel_close(ch) asyncio__channel_close(ASYNCIO__A_CHANNEL(ch))

/* How many items are in it, and how many it can hold. */
#define asyncio_channel_size(ch) asyncio__channel_size(ASYNCIO__A_CHANNEL(ch))
#define asyncio_channel_capacity(ch) asyncio__channel_capacity(ASYNCIO__A_CHANNEL(ch))

/* --- select ------------------------------------------------------------------------------------
 */

/* asyncio_select(a, b, ...), asyncio_select_n(handles, n): awaitable(int). Waits for the first of
 * several awaitables of any types, and gives its index; asyncio_error() tells how that one failed,
 * if it did. Of those that could go through at once any may be it, by chance (and by the seed, in
 * the simulation).
 *
 * The others are withdrawn before it returns. A send, receive, put, get, acquire or wait on what
 * <asyncio/sync.h> has took nothing then, nor did any of them if select itself is cancelled. A
 * coroutine or another operation (a select too) is made a task of its own; it is cancelled, and
 * waited for until it has ended. A task or future is left as it is. Only the index is given: have
 * what is received by ..._into, and other values by making a task first.
 *
 * -ECANCELED, or -ENOMEM: NULL among them, or no memory; then all are closed. With none to wait
 * for, it waits until it is cancelled. */
#define asyncio_select(...) ASYNCIO__SELECT(__VA_ARGS__)
#define asyncio_select_n(handles, n)                                                               \
    asyncio__select(                                                                               \
        (asyncio_any const *)(1 ? (handles)                                                        \
                                : ((void)sizeof((handles)[0] == (asyncio_any)0), (handles))),      \
        n)

/* --- What the macros above are made of ---------------------------------------------------------
 */

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#endif
#define ASYNCIO__SELECT(...)                                                                       \
    asyncio__select((asyncio_any const[]){NULL, ##__VA_ARGS__} + 1,                                \
                    sizeof((asyncio_any[]){NULL, ##__VA_ARGS__}) / sizeof(asyncio_any) - 1)
#if defined(__clang__)
#pragma clang diagnostic pop
#endif
#define ASYNCIO__A_CHANNEL(ch)                                                                     \
    ASYNCIO__ANY_QUEUE(asyncio__channel, ch, ASYNCIO__CAT(asyncio__h, __COUNTER__))

struct asyncio__channel;

asyncio_any asyncio__channel_new(size_t size, size_t capacity);
ASYNCIO__HOT asyncio_any asyncio__channel_send(asyncio_any ch, const void *item,
                                               const struct asyncio_awaitable_type *type);
ASYNCIO__HOT asyncio_any asyncio__channel_recv(asyncio_any ch,
                                               const struct asyncio_awaitable_type *type);
asyncio_any asyncio__channel_recv_into(asyncio_any ch, void *item,
                                       const struct asyncio_awaitable_type *type);
int asyncio__channel_send_step(void *self, bool cancelled);
int asyncio__channel_recv_step(void *self, bool cancelled);
int asyncio__channel_send_nowait(asyncio_any ch, const void *item);
int asyncio__channel_recv_nowait(asyncio_any ch, void *item);
void asyncio__channel_close(asyncio_any ch);
size_t asyncio__channel_size(asyncio_any ch);
size_t asyncio__channel_capacity(asyncio_any ch);
ASYNCIO__MUST_USE ASYNCIO_AWAITABLE(int) asyncio__select(asyncio_any const *x, size_t n);

#pragma GCC visibility pop

#endif
