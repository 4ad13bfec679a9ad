#include "task/trace.h"

#include "base/panic.h"
#include "task/task.h"
#include "task/thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *file;
static bool failed;

static void close_file(void)
{
    if (!file)
        return;
    fputs("{}]\n", file);
    fclose(file);
}

/* The child of a fork does not write into its parent's file, not even what is in the buffer. */
static void before_fork(void)
{
    pthread_mutex_lock(&lock);
    if (file)
        fflush(file);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

static void forget_in_child(void)
{
    file = NULL;
    failed = true;
    pthread_mutex_unlock(&lock);
}

static void open_file(const char *path)
{
    if (file || failed)
        return;
    file = fopen(path, "we");
    failed = !file;
    if (failed) {
        ai_report("asyncio: ASYNCIO_TRACE: cannot write %s: %s", path, strerror(errno));
        return;
    }
    fputs("[\n", file);
    atexit(close_file);
    pthread_atfork(before_fork, after_fork, forget_in_child);
}

bool ai_trace_begin(void)
{
    const char *path = getenv("ASYNCIO_TRACE");

    if (!path || !*path)
        return false;
    pthread_mutex_lock(&lock);
    open_file(path);
    pthread_mutex_unlock(&lock);
    return file != NULL;
}

void ai_trace_end(void)
{
    if (file)
        fflush(file);
}

static unsigned long track(const struct ai_object *o)
{
    if (!o)
        return 0;
    return o->name & 1 ? o->name >> 1 : (unsigned long)((uintptr_t)o >> 4 & 0xffffff) | 1 << 24;
}

/* A string as JSON has it. */
static void put_string(const char *s)
{
    putc('"', file);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            putc('\\', file);
        if ((unsigned char)*s >= ' ')
            putc(*s, file);
    }
    putc('"', file);
}

static const char *what_then(const struct ai_object *o, const struct ai_task *task)
{
    if (!o || o->state == AI_DONE)
        return "done";
    return task && task->waiting ? task->waiting->type->name : "ready";
}

static void put_step(const struct ai_object *o, int64_t begun, int64_t ended)
{
    const struct ai_task *task = o ? ai_coroutine((struct ai_object *)o)->task : NULL;
    const struct asyncio__place *place = task ? task->place : NULL;

    fprintf(file, "{\"ph\":\"X\",\"pid\":%d,\"tid\":%lu,\"ts\":%.3f,\"dur\":%.3f,\"name\":",
            (int)getpid(), track(o), (double)begun / 1e3, (double)(ended - begun) / 1e3);
    put_string(o ? o->type->name : "callback");
    fputs(",\"args\":{\"task\":", file);
    put_string(o ? asyncio_get_name(ai_handle(o)) : "");
    fputs(",\"then\":", file);
    put_string(what_then(o, task));
    if (place && o->state != AI_DONE) {
        fputs(",\"at\":", file);
        put_string(place->file);
        fprintf(file, ",\"line\":%d", place->line);
    }
    fputs("}},\n", file);
}

void ai_trace_step(const struct ai_object *o, int64_t begun, int64_t ended)
{
    if (!file)
        return;
    pthread_mutex_lock(&lock);
    put_step(o, begun, ended);
    pthread_mutex_unlock(&lock);
}
