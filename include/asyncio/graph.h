/* The call graph: where a task is, and who waits for it. Included by <asyncio.h>.
 *
 *     asyncio_print_call_graph(NULL, stderr);
 *
 *     * Task(name='Task-3', id=0x7f0c5d10)
 *       + Call stack:
 *       |   File 'feed.c', line 12, in async fetch()
 *       |   File 'feed.c', line 20, in async update()
 *       + Awaited by:
 *         * Task(name='Task-1', id=0x7f0c5c00)
 *           + Call stack:
 *           |   File 'feed.c', line 31, in async main()
 *
 * Everywhere below, x is a task or future, or NULL for the running task; any callback may ask too.
 * Call stacks begin with what runs or waits, and end with the coroutine the task was made of. A
 * line is that of the await the coroutine is in; of a task that has not begun, that of its
 * definition. For the running task the place of the call comes first, though it be in a function
 * that is no coroutine. What the library itself waits in (`async sleep()`) has no file and line.
 * Awaited-by are the tasks that wait for x: as in Python also those that do so through a gather, a
 * wait_for and the like, in the order of their making.
 *
 * `limit` leaves that many entries of each call stack: where it is positive those nearest to what
 * runs, where it is negative those farthest from it, none where it is 0; without it all are there.
 * Python's `depth` is missing: frames of plain C functions are not known, so none need skipping. */
#ifndef ASYNCIO_GRAPH_H
#define ASYNCIO_GRAPH_H

#include <asyncio/language.h>

#include <stdio.h>

#pragma GCC visibility push(default)

/* An entry of a call stack. The strings are the program's own and stay. */
struct asyncio_call_graph_frame {
    const char *file; /* NULL where it is not known */
    int line;
    const char *function;
    const char *kind; /* "async", "async generator", or "" for a plain function */
};

/* A task or future, as it was when the graph was captured. */
struct asyncio_call_graph {
    asyncio_any future; /* to be used as long as the handle is valid */
    const struct asyncio_call_graph_frame *call_stack;
    size_t call_stack_size;
    struct asyncio_call_graph *const *awaited_by;
    size_t awaited_by_size;
};

/* asyncio_capture_call_graph(x), asyncio_capture_call_graph(x, limit): the graph as of now, to be
 * freed, by the first one alone, with asyncio_call_graph_free(). Each task is in it once: it is
 * reached on several ways where several wait for it, and on a ring where tasks wait for each other.
 * NULL without memory, and for NULL where no task runs. Aborts where x is neither task nor future,
 * and for NULL outside of any loop. */
#define asyncio_capture_call_graph(...)                                                            \
    ASYNCIO__CAT(ASYNCIO__CAPTURE_GRAPH_, ASYNCIO__ARITY(__VA_ARGS__))(__VA_ARGS__)
void asyncio_call_graph_free(struct asyncio_call_graph *graph);

/* asyncio_format_call_graph(x, buf, n), asyncio_format_call_graph(x, buf, n, limit): the graph as
 * text, cut to fit. Returns, as snprintf() does, the length it has; 0 for NULL where no task runs;
 * or -ENOMEM. What was shown above is not shown again. */
#define asyncio_format_call_graph(...)                                                             \
    ASYNCIO__CAT(ASYNCIO__FORMAT_GRAPH_, ASYNCIO__ARITY(__VA_ARGS__))(__VA_ARGS__)

/* asyncio_print_call_graph(x), asyncio_print_call_graph(x, file), asyncio_print_call_graph(x, file,
 * limit): prints that to `file` (NULL: stdout). 0 or -ENOMEM. */
#define asyncio_print_call_graph(...)                                                              \
    ASYNCIO__CAT(ASYNCIO__PRINT_GRAPH_, ASYNCIO__ARITY(__VA_ARGS__))(__VA_ARGS__)

#define ASYNCIO__CAPTURE_GRAPH_0(x) ASYNCIO__CAPTURE_GRAPH_1(x, __INT_MAX__)
#define ASYNCIO__CAPTURE_GRAPH_1(x, limit)                                                         \
    asyncio__capture_call_graph((asyncio_any)(x), limit, ASYNCIO__GRAPH_HERE())
#define ASYNCIO__FORMAT_GRAPH_2(x, buf, n) ASYNCIO__FORMAT_GRAPH_3(x, buf, n, __INT_MAX__)
#define ASYNCIO__FORMAT_GRAPH_3(x, buf, n, limit)                                                  \
    asyncio__format_call_graph((asyncio_any)(x), buf, n, limit, ASYNCIO__GRAPH_HERE())
#define ASYNCIO__PRINT_GRAPH_0(x) ASYNCIO__PRINT_GRAPH_1(x, (FILE *)0)
#define ASYNCIO__PRINT_GRAPH_1(x, file) ASYNCIO__PRINT_GRAPH_2(x, file, __INT_MAX__)
#define ASYNCIO__PRINT_GRAPH_2(x, file, limit)                                                     \
    asyncio__print_call_graph((asyncio_any)(x), file, limit, ASYNCIO__GRAPH_HERE())
#define ASYNCIO__GRAPH_HERE()                                                                      \
    __extension__({                                                                                \
        ASYNCIO__HERE(asyncio__place);                                                             \
        &asyncio__place;                                                                           \
    })

struct asyncio_call_graph *asyncio__capture_call_graph(asyncio_any x, int limit,
                                                       const struct asyncio__place *here);
int asyncio__format_call_graph(asyncio_any x, char *buf, size_t n, int limit,
                               const struct asyncio__place *here);
int asyncio__print_call_graph(asyncio_any x, FILE *file, int limit,
                              const struct asyncio__place *here);

#pragma GCC visibility pop

#endif
