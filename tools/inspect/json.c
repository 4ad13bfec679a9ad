/* The same as JSON, for programs. */
#include "show.h"

#include <stdio.h>

#ifdef HAVE_JSON_C
#include <json-c/json.h>

static struct json_object *text(const char *s)
{
    return s ? json_object_new_string(s) : NULL;
}

static struct json_object *names(const struct snapshot *s, const struct links *l)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < l->count; i++)
        json_object_array_add(array, text(s->tasks[l->at[i]].name));
    return array;
}

static struct json_object *place(const char *function, const char *file, int line)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "function", text(function));
    json_object_object_add(o, "file", text(file));
    json_object_object_add(o, "line", file ? json_object_new_int(line) : NULL);
    return o;
}

static void add_frame(const struct frame *f, void *arg)
{
    struct json_object *o = place(f->function, f->file, f->line);

    json_object_object_add(o, "module", text(f->module));
    json_object_object_add(o, "pc", json_object_new_uint64(f->pc));
    json_object_array_add(arg, o);
}

static struct json_object *task(struct view *v, size_t i)
{
    static const char *const states[] = {"ready", "running", "waiting"};
    const struct task *t = &v->s->tasks[i];
    struct json_object *o = json_object_new_object(), *calls = json_object_new_array();

    for (size_t k = 0; k < t->calls_count; k++)
        json_object_array_add(calls,
                              place(t->calls[k].function, t->calls[k].file, t->calls[k].number));
    json_object_object_add(o, "name", text(t->name));
    json_object_object_add(o, "coroutine", text(t->function));
    json_object_object_add(o, "thread", json_object_new_int(v->s->loops[t->loop].tid));
    json_object_object_add(o, "state", text(states[t->state]));
    if (t->state == WAITING) {
        json_object_object_add(o, "seconds", t->record ? json_object_new_double(t->seconds) : NULL);
        json_object_object_add(o, "waits_for", text(t->waits_for));
    }
    json_object_object_add(o, "calls", calls);
    json_object_object_add(o, "awaits", names(v->s, &t->awaits));
    json_object_object_add(o, "awaited_by", names(v->s, &t->awaited_by));
    json_object_object_add(o, "cycle", t->cycle ? json_object_new_int(t->cycle) : NULL);
    if (v->backtracer) {
        struct json_object *frames = json_object_new_array();
        backtrace_of(v->backtracer, i, add_frame, frames);
        json_object_object_add(o, "backtrace", frames);
    }
    return o;
}

int show_json(struct view *v)
{
    struct json_object *all = json_object_new_object();
    struct json_object *loops = json_object_new_array(), *tasks = json_object_new_array();

    for (size_t i = 0; i < v->s->loops_count; i++) {
        struct json_object *o = json_object_new_object();
        json_object_object_add(o, "thread", json_object_new_int(v->s->loops[i].tid));
        json_object_object_add(o, "backend", text(v->s->loops[i].backend));
        json_object_object_add(o, "tasks", json_object_new_int64((int64_t)v->s->loops[i].tasks));
        json_object_array_add(loops, o);
    }
    for (size_t i = 0; i < v->s->tasks_count; i++)
        json_object_array_add(tasks, task(v, i));
    json_object_object_add(all, "asyncio", text(v->layout.library));
    json_object_object_add(all, "stopped_seconds", json_object_new_double(v->s->stopped));
    json_object_object_add(all, "loops", loops);
    json_object_object_add(all, "tasks", tasks);
    puts(json_object_to_json_string_ext(all,
                                        JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(all);
    return 0;
}

#else

int show_json(struct view *v)
{
    (void)v;
    fputs("asyncio: no JSON: this command was built without json-c\n", stderr);
    return 1;
}

#endif
