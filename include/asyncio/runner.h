/* A loop for several runs, and what SIGINT does to a run. Included by <asyncio.h>.
 *
 *     with asyncio.Runner(debug=True) as runner:    struct asyncio_runner runner = {.debug = 1};
 *         n = runner.run(count())                   int n = asyncio_runner_run(&runner, count());
 *         runner.run(report(n))                     asyncio_runner_run(&runner, report(n));
 *                                                   asyncio_runner_close(&runner);
 *
 * SIGINT. While a run is under way on the program's main thread, and SIGINT has its default
 * disposition when the run begins, the first SIGINT cancels the main task; a task that computes
 * goes on until it awaits. Where the main task then ends cancelled, the run fails with -EINTR
 * (Python raises KeyboardInterrupt): asyncio_error() is -EINTR, the value -EINTR if T is a signed
 * integer, else zero. A main task that goes on and returns a value gives that. The second SIGINT of
 * a run ends the process as the signal does by default. After the run the disposition is what it
 * was. A program that handles or ignores SIGINT itself, before or within the run, is let alone.
 *
 * In the simulation a run that would never end fails likewise, with -EDEADLK: see
 * <asyncio/simulation.h>.
 *
 * SIGPIPE is ignored while there is a runner with a loop, if it has its default disposition when
 * the first one is made, and put back after the last: what writes to what nobody reads gets -EPIPE.
 * (In Python it is ignored for good.)
 *
 * All this holds for asyncio_run() too. On other signals see <asyncio/signals.h>. */
#ifndef ASYNCIO_RUNNER_H
#define ASYNCIO_RUNNER_H

#include <asyncio/language.h>

#pragma GCC visibility push(default)

/* All zero is a runner as asyncio_run() uses it. It belongs to the thread that uses it first, which
 * has one loop at a time. What its members say counts when its loop is made. */
struct asyncio_runner {
    const char *backend; /* "io_uring", "epoll", "sim" (Python: loop_factory); NULL: the best */
    int debug;           /* > 0: debug mode while it is open, < 0: none, 0: as it is */
    /* The library's: */
    int asyncio__state;
    bool asyncio__debug;
    void *asyncio__main;
};

/* Makes the loop now instead of at the first run, so that futures and tasks can be made before it.
 * 0 if that is done or was before, -ENOMEM, -EINVAL for a back-end there is none of, or the
 * back-end's error. Aborts on a closed runner, and where another loop is this thread's. */
int asyncio_runner_init(struct asyncio_runner *runner);

/* Its loop, made now if need be, as other threads name it: see <asyncio/threads.h>. Within a run
 * too. NULL without memory, or where asyncio_runner_init() fails; aborts as that does. */
struct asyncio_loop;
struct asyncio_loop *asyncio_runner_get_loop(struct asyncio_runner *runner);

/* asyncio_runner_run(runner, x): runs x (a coroutine, as a task) until it is done, and gives the T
 * of x as asyncio_run() does, errors included. Tasks that are left wait for the next run or for the
 * end. The task x became is valid until then too. Aborts on a closed runner, within a loop, and
 * where another loop is this thread's. */
#define asyncio_runner_run(runner, x)                                                              \
    ASYNCIO__RUNNER_RUN(runner, x, ASYNCIO__CAT(asyncio__h, __COUNTER__),                          \
                        ASYNCIO__CAT(asyncio__v, __COUNTER__),                                     \
                        ASYNCIO__CAT(asyncio__e, __COUNTER__))
#define ASYNCIO__RUNNER_RUN(runner, x, h, v, e)                                                    \
    __extension__({                                                                                \
        __auto_type h = (x);                                                                       \
        ASYNCIO__CHECK(h);                                                                         \
        ASYNCIO__VALUE(ASYNCIO__RESULT(h)) v;                                                      \
        int e = asyncio__runner_run(runner, (asyncio_any)h, &v);                                   \
        if (e)                                                                                     \
            v = ASYNCIO__FAILED(ASYNCIO__RESULT(h), e);                                            \
        ASYNCIO__GIVE(ASYNCIO__RESULT(h), v);                                                      \
    })
int asyncio__runner_run(struct asyncio_runner *runner, asyncio_any x, void *result);

/* Cancels every task that is left, waits for them and closes the loop. Nothing happens to a runner
 * that is closed or was never used. It fits a cleanup attribute. */
void asyncio_runner_close(struct asyncio_runner *runner);

#pragma GCC visibility pop

#endif
