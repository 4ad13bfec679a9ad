/* Whom the loop tells of what went wrong where nobody awaits it. Included by <asyncio.h>. */
#ifndef ASYNCIO_EXCEPTION_H
#define ASYNCIO_EXCEPTION_H

#include <asyncio/language.h>

#pragma GCC visibility push(default)

/* What happened, as Python's `context`. The library tells of
 *   a task or future that failed and was let go of before anybody asked how it ended,
 *   a task that was destroyed pending, for it ignored its cancellation at the loop's end,
 *   a task that failed when the loop's end cancelled it,
 *   a main task that failed and whose T cannot carry the error (void, a pointer, ...).
 * Handles and strings are valid during the call; asyncio_retain() keeps a handle. */
struct asyncio_exception_context {
    const char *message;       /* NULL: "Unhandled exception in event loop" */
    asyncio_any task, future;  /* whose it is, each or both NULL */
    int error;                 /* its -errno, or 0 */
    const char *error_message; /* its message, or "" or NULL */
};

/* It is called where the trouble was noticed, outside of any task, and must not await. */
typedef void asyncio_exception_handler(const struct asyncio_exception_context *context, void *arg);

/* The handler of this thread's loop, until that is closed; NULL: the default one. set aborts
 * without a loop; get stores its `arg` too unless that is NULL. */
void asyncio_set_exception_handler(asyncio_exception_handler *handler, void *arg);
asyncio_exception_handler *asyncio_get_exception_handler(void **arg);

/* Calls the handler: for those who find trouble of their own, in callbacks for example. */
void asyncio_call_exception_handler(const struct asyncio_exception_context *context);

/* Prints the message, what it is about and the error on stderr; one's own handler may defer to it.
 */
void asyncio_default_exception_handler(const struct asyncio_exception_context *context);

#pragma GCC visibility pop

#endif
