/* <asyncio/signals.h>: what a loop does with the signals it listens to.
 *
 * A signal goes to its handler, and to each taker that is in the list when it is delivered: a wait
 * leaves the list with it, an iterator counts it and stays. One that was waited for before and that
 * nobody takes is kept. The loop listens to a signal for as long as any of these needs it. */
#include "base/panic.h"
#include "loop/signal.h"
#include "task/run.h"
#include "task/step.h"
#include "task/thread.h"

#include <asyncio/signals.h>

#include <errno.h>
#include <signal.h>

struct handler {
    unsigned refs; /* one of the table, one while it is called */
    void (*function)(void *);
    void *arg;
    ai_scope scope; /* it runs in */
};

struct taker {
    struct ai_list link;
    uint64_t set;
    void (*take)(struct taker *t, int signo);
};

/* Of a loop, from its first need of them to its end. */
struct signals {
    struct ai_signal_receiver receiver;
    struct ai_list takers;
    struct handler *handlers[AI_SIGNALS];
    uint64_t awaited;
    unsigned kept[AI_SIGNALS];
};

static _Thread_local struct signals *mine;

/* --- Numbers and sets --- */

static uint64_t bit(int signo)
{
    return UINT64_C(1) << (signo - 1);
}

static bool is_for_the_thread(int signo)
{
    return signo == SIGSEGV || signo == SIGBUS || signo == SIGILL || signo == SIGFPE;
}

static void check(int signo)
{
    if (signo < 1 || signo >= AI_SIGNALS || (signo > SIGSYS && signo < SIGRTMIN))
        ai_panic("ValueError: invalid signal number %d", signo);
    if (signo == SIGKILL || signo == SIGSTOP || is_for_the_thread(signo))
        ai_panic("RuntimeError: sig %d cannot be caught", signo);
}

static uint64_t set_of(const int *signals)
{
    uint64_t set = 0;

    do {
        check(*signals);
        set |= bit(*signals);
    } while (*++signals);
    return set;
}

/* Takes one of those that are counted here, the lowest; 0: there is none. */
static int take_lowest(unsigned *counts, uint64_t set)
{
    for (int signo = 1; signo < AI_SIGNALS; signo++) {
        if (set & bit(signo) && counts[signo] > 0) {
            counts[signo]--;
            return signo;
        }
    }
    return 0;
}

/* --- Handlers --- */

static void unref(struct handler *h)
{
    if (--h->refs)
        return;
    ai_scope_drop(&h->scope);
    ai_deallocate(h, sizeof *h);
}

static void drop_handler(struct signals *s, int signo)
{
    struct handler *h = s->handlers[signo];

    s->handlers[signo] = NULL;
    if (h)
        unref(h);
}

/* It may remove itself. */
static void call(struct handler *h)
{
    h->refs++;
    ai_scope_call(&h->scope, h->function, h->arg);
    unref(h);
}

/* --- What the loop listens to --- */

static void deliver(struct ai_signal_receiver *l, int signo)
{
    struct signals *s = ai_container(l, struct signals, receiver);
    struct handler *h = s->handlers[signo];
    bool taken = h;

    ai_list_each (node, &s->takers) {
        struct taker *t = ai_container(node, struct taker, link);
        if (!(t->set & bit(signo)))
            continue;
        t->take(t, signo);
        taken = true;
    }
    if (!taken && s->awaited & bit(signo))
        s->kept[signo]++;
    if (h)
        call(h);
}

static bool wind_up(void)
{
    struct signals *s = mine;

    if (!ai_signal_receiver_close(&s->receiver))
        return true;
    for (int signo = 1; signo < AI_SIGNALS; signo++)
        drop_handler(s, signo);
    ai_list_each (node, &s->takers) /* whose tasks were given up */
        ai_list_remove(node);
    ai_deallocate(s, sizeof *s);
    mine = NULL;
    return false;
}

static void forget(void)
{
    mine = NULL;
}

static _Thread_local struct ai_wind_up winding_up = {.step = wind_up, .forget = forget};

/* 0, or -errno. */
static int begin(void)
{
    struct ai_loop *loop = ai_thread.loop;

    if (mine)
        return 0;
    if (loop->deaf)
        return -ESHUTDOWN;
    struct signals *s = ai_allocate(sizeof *s);
    if (!s || ai_signal_receiver_open(&s->receiver, loop)) {
        ai_deallocate(s, sizeof *s);
        return -ENOMEM;
    }
    s->receiver.deliver = deliver;
    ai_list_init(&s->takers);
    ai_wind_up_later(&winding_up);
    mine = s;
    return 0;
}

static uint64_t needed(const struct signals *s)
{
    uint64_t set = s->awaited;

    for (int signo = 1; signo < AI_SIGNALS; signo++)
        set |= s->handlers[signo] ? bit(signo) : 0;
    ai_list_each (node, &s->takers)
        set |= ai_container(node, struct taker, link)->set;
    return set;
}

/* Those of this set that nobody needs any more are left alone again. */
static void let_go(struct signals *s, uint64_t set)
{
    set &= ~needed(s);
    for (int signo = 1; signo < AI_SIGNALS; signo++) {
        if (set & bit(signo))
            ai_signal_receiver_remove(&s->receiver, signo);
    }
}

/* 0 or -errno; then it is as it was. */
static int listen_to(uint64_t set)
{
    int error = begin();

    for (int signo = 1; signo < AI_SIGNALS && !error; signo++) {
        if (set & bit(signo))
            error = ai_signal_receiver_add(&mine->receiver, signo);
    }
    if (error && mine)
        let_go(mine, set);
    return error;
}

int asyncio_add_signal_handler(int signo, void (*function)(void *), void *arg)
{
    check(signo);
    ai_thread_loop("asyncio_add_signal_handler");
    struct handler *h = ai_allocate(sizeof *h);
    int error = h ? listen_to(bit(signo)) : -ENOMEM;

    if (error) {
        ai_deallocate(h, sizeof *h);
        return error;
    }
    *h = (struct handler){.refs = 1, .function = function, .arg = arg, .scope = ai_scope_copy()};
    drop_handler(mine, signo);
    mine->handlers[signo] = h;
    return 0;
}

bool asyncio_remove_signal_handler(int signo)
{
    check(signo);
    struct signals *s = mine;

    if (!s || !(s->handlers[signo] || s->awaited & bit(signo)))
        return false;
    drop_handler(s, signo);
    s->awaited &= ~bit(signo);
    s->kept[signo] = 0;
    let_go(s, bit(signo));
    return true;
}

/* --- Waiting for one --- */

struct waiting {
    struct ai_object object;
    struct taker taker;
    int signo; /* that came */
};

static void take_and_leave(struct taker *t, int signo)
{
    struct waiting *w = ai_container(t, struct waiting, taker);

    w->signo = signo;
    ai_list_remove(&t->link);
    ai_step_wake(&w->object);
}

static int begin_waiting(struct waiting *w)
{
    if (!ai_list_empty(&w->taker.link))
        return 0;
    int error = listen_to(w->taker.set);
    if (error)
        return error;
    mine->awaited |= w->taker.set;
    w->signo = take_lowest(mine->kept, w->taker.set);
    if (w->signo)
        return 1;
    ai_list_append(&mine->takers, &w->taker.link);
    return 0;
}

static int wait_step(void *self, bool cancelled)
{
    struct waiting *w = self;

    if (w->signo) {
        if (cancelled)
            ai_step_put_off(&w->object);
        return 1;
    }
    if (!cancelled)
        return begin_waiting(w);
    ai_list_remove(&w->taker.link);
    return -ECANCELED;
}

static void wait_end(void *self)
{
    ai_list_remove(&((struct waiting *)self)->taker.link);
}

static const struct asyncio_awaitable_type wait_type = {
    .name = "signal_wait",
    .size = sizeof(struct waiting),
    .result_size = sizeof(int),
    .result_offset = offsetof(struct waiting, signo),
    .result_signed = true,
    .step = wait_step,
    .cancel = wait_end,
    .destroy = wait_end,
};

ASYNCIO_AWAITABLE(int) asyncio__signal_wait(const int *signals)
{
    uint64_t set = set_of(signals);
    struct waiting *w = (struct waiting *)ai_object_new(&wait_type, sizeof *w);

    if (!w)
        return NULL;
    ai_list_init(&w->taker.link);
    w->taker.set = set;
    w->taker.take = take_and_leave;
    return ai_handle(&w->object);
}

/* --- One after the other --- */

struct arrival;

struct iterator {
    struct ai_object object;
    struct taker taker;
    int signo;               /* the value */
    bool begun;              /* it is among the takers */
    struct arrival *arrival; /* that is waited for, or NULL */
    unsigned came[AI_SIGNALS];
};

/* Done when anything has come, as the value of its iterator. */
struct arrival {
    struct ai_object object;
    struct iterator *of;
};

static void take_and_stay(struct taker *t, int signo)
{
    struct iterator *it = ai_container(t, struct iterator, taker);

    it->came[signo]++;
    if (it->arrival)
        ai_step_wake(&it->arrival->object);
}

static int arrival_step(void *self, bool cancelled)
{
    struct arrival *a = self;
    struct iterator *it = a->of;

    it->signo = take_lowest(it->came, it->taker.set);
    it->arrival = it->signo || cancelled ? NULL : a;
    if (!it->signo)
        return cancelled ? -ECANCELED : 0;
    if (cancelled)
        ai_step_put_off(&a->object);
    return 1;
}

static void arrival_end(void *self)
{
    ((struct arrival *)self)->of->arrival = NULL;
}

static void arrival_destroy(void *self)
{
    ai_unref(&((struct arrival *)self)->of->object);
}

static const struct asyncio_awaitable_type arrival_type = {
    .name = "signals",
    .size = sizeof(struct arrival),
    .step = arrival_step,
    .cancel = arrival_end,
    .destroy = arrival_destroy,
};

static int begin_taking(struct iterator *it)
{
    int error = it->begun ? 0 : listen_to(it->taker.set);

    if (error)
        ai_thread_set_error(ai_error_plain(error));
    else if (!it->begun)
        ai_list_append(&mine->takers, &it->taker.link);
    it->begun = it->begun || !error;
    return error;
}

static int next(void *self, const struct asyncio__place *place)
{
    struct iterator *it = self;
    int error = begin_taking(it);
    char none;

    if (error)
        return error;
    struct arrival *a = (struct arrival *)ai_object_new(&arrival_type, sizeof *a);
    if (a)
        a->of = (struct iterator *)ai_ref(&it->object);
    error = asyncio__await(a ? ai_handle(&a->object) : NULL, &none, place);
    return error ? error : 1;
}

static void iterator_destroy(void *self)
{
    struct iterator *it = self;

    ai_list_remove(&it->taker.link);
    if (it->begun && mine)
        let_go(mine, it->taker.set);
}

static const struct asyncio_awaitable_type iterator_type = {
    .name = "signals",
    .size = sizeof(struct iterator),
    .result_size = sizeof(int),
    .result_offset = offsetof(struct iterator, signo),
    .kind = ASYNCIO__GENERATOR,
    .next = next,
    .destroy = iterator_destroy,
};

ASYNCIO_ASYNC_ITERATOR(int) asyncio__signals(const int *signals)
{
    uint64_t set = set_of(signals);
    struct iterator *it = (struct iterator *)ai_object_new(&iterator_type, sizeof *it);

    if (!it)
        return NULL;
    ai_list_init(&it->taker.link);
    it->taker.set = set;
    it->taker.take = take_and_stay;
    return ai_handle(&it->object);
}
