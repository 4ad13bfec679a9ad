#include "loop/offload.h"

#include "loop/perform.h"

#include <errno.h>
#include <signal.h>

enum stage { WAITING, TAKEN };

static struct ai_op *op_of(struct ai_list *link)
{
    return ai_container(link, struct ai_op, link);
}

void ai_offload_open(struct ai_offload *o, struct ai_wake *wake)
{
    *o = (struct ai_offload){.wake = wake};
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->work, NULL);
    ai_list_init(&o->waiting);
    ai_list_init(&o->running);
    ai_list_init(&o->finished);
}

void ai_offload_close(struct ai_offload *o)
{
    pthread_mutex_lock(&o->lock);
    o->ending = true;
    pthread_cond_broadcast(&o->work);
    pthread_mutex_unlock(&o->lock);
    for (unsigned i = 0; i < o->count; i++)
        pthread_join(o->threads[i], NULL);
    pthread_cond_destroy(&o->work);
    pthread_mutex_destroy(&o->lock);
}

static struct ai_op *next(struct ai_offload *o)
{
    while (ai_list_empty(&o->waiting) && !o->ending) {
        o->idle++;
        pthread_cond_wait(&o->work, &o->lock);
        o->idle--;
    }
    if (ai_list_empty(&o->waiting))
        return NULL;
    struct ai_op *op = op_of(o->waiting.next);
    ai_list_remove(&op->link);
    ai_list_append(&o->running, &op->link);
    op->stage = TAKEN;
    o->queued--;
    return op;
}

static void *work(void *arg)
{
    struct ai_offload *o = arg;
    pthread_mutex_lock(&o->lock);
    for (struct ai_op *op; (op = next(o)) != NULL;) {
        pthread_mutex_unlock(&o->lock);
        op->result = ai_perform_blocking(op);
        pthread_mutex_lock(&o->lock);
        ai_list_remove(&op->link);
        ai_list_append(&o->finished, &op->link);
        ai_wake_up(o->wake);
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

/* Signals are for the threads of the program. */
static int start_thread(struct ai_offload *o)
{
    sigset_t all, kept;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &kept);
    int error = pthread_create(&o->threads[o->count], NULL, work, o);
    pthread_sigmask(SIG_SETMASK, &kept, NULL);
    o->count += error == 0;
    return -error;
}

int ai_offload_submit(struct ai_offload *o, struct ai_op *op)
{
    int error = 0;
    pthread_mutex_lock(&o->lock);
    if (o->queued >= o->idle && o->count < AI_OFFLOAD_THREADS)
        error = start_thread(o);
    if (o->count > 0) {
        error = 0;
        op->stage = WAITING;
        ai_list_append(&o->waiting, &op->link);
        o->queued++;
        pthread_cond_signal(&o->work);
    }
    pthread_mutex_unlock(&o->lock);
    return error;
}

bool ai_offload_cancel(struct ai_offload *o, struct ai_op *op)
{
    pthread_mutex_lock(&o->lock);
    bool waiting = op->stage == WAITING;
    if (waiting) {
        ai_list_remove(&op->link);
        o->queued--;
    }
    pthread_mutex_unlock(&o->lock);
    return waiting;
}

static bool uses(const struct ai_op *op, int fd)
{
    return op->fd == fd || (op->code == AI_OP_SPLICE && op->other == fd);
}

bool ai_offload_part(struct ai_offload *o, int fd, struct ai_list *list)
{
    bool busy = false;
    pthread_mutex_lock(&o->lock);
    ai_list_each (node, &o->waiting)
        if (uses(op_of(node), fd)) {
            ai_list_remove(node);
            ai_list_append(list, node);
            o->queued--;
        }
    ai_list_each (node, &o->running)
        busy |= uses(op_of(node), fd);
    pthread_mutex_unlock(&o->lock);
    return busy;
}

void ai_offload_reap(struct ai_offload *o, struct ai_list *list)
{
    pthread_mutex_lock(&o->lock);
    ai_list_move(list, &o->finished);
    pthread_mutex_unlock(&o->lock);
}
