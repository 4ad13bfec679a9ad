#!/usr/bin/env python3
"""compile_test.py INCLUDE [CC...]: what must compile, without a word under all warnings; what must
not, even without any; and what must be warned of: with the user's own file and line in the message,
for each compiler (gcc and clang, those that are there) and each C it is told to be."""
import concurrent.futures
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

STANDARDS = ["gnu11", "gnu2x"]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
FINE, WRONG, WARNED = [*STRICT, "-O2"], ["-fsyntax-only"], [*STRICT, "-O2"]
PRELUDE = """#include <asyncio.h>
#include <stdlib.h>
#include <string.h>
async(int, add, (int, x), (int, y)) { return x + y; }
async(double, half, (int, x)) { return x / 2.0; }
async(void, nothing) { }
async_gen(int, numbers, (int, n)) { for (int i = 0; i < n; i++) async_yield(i); }
struct pair { int a, b; };
async(struct pair, pair) { return (struct pair){1, 2}; }
async(char *, path) { return "x:1"; }
"""

# Statements of a coroutine that returns an int.
GOOD = {
    "nothing used": "",
    "await": "int r = await(add(1, 2)); return r;",
    "await within await": "return await(add(await(add(1, 2)), await(add(3, 4))));",
    "await of void": "await(nothing());",
    "a struct": "return await(pair()).a;",
    "a value that is not used": "await(add(1, 2)); await(asyncio_sleep(0));",
    "a task that is not used": (
        "asyncio_create_task(add(1, 2)); asyncio_create_task(nothing(), \"n\");"
    ),
    "handles": (
        "awaitable(int) a[2] = {add(1, 2), asyncio_create_task(add(3, 4))}; await(a[0]);"
        " await(a[1]);"
    ),
    "gather": "double d[2]; await(asyncio_gather()); await(asyncio_gather(add(1, 2), nothing()));"
    " await(asyncio_gather_into(d, half(1), half(2))); return (int)d[0];",
    "gather in gather": "await(asyncio_gather(asyncio_gather(nothing()), asyncio_gather()));",
    "gather_n": "awaitable(int) a[] = {add(1, 2)}; await(asyncio_gather_n(a, 1));",
    "gather of exceptions": "int e[2]; double d[2]; awaitable(int) const a[] = {add(1, 2)};"
    " await(asyncio_gather_return_exceptions(e, add(1, 2), nothing()));"
    " await(asyncio_gather_n_return_exceptions(e, a, 1));"
    " await(asyncio_gather_into_return_exceptions(d, e, half(1), half(2))); return e[0];",
    "wait": "awaitable(double) a[] = {asyncio_create_task(half(1))}; asyncio_any b[1] = {a[0]};"
    " await(asyncio_wait(b, 1, 1, ASYNCIO_ALL_COMPLETED));"
    " return (int)await(asyncio_wait(a, 1, ASYNCIO_FOREVER, ASYNCIO_FIRST_EXCEPTION));",
    "as_completed": "awaitable(double) a[] = {half(1)}; awaitable(void) const b[] = {nothing()};"
    " async_for (awaitable(double) x, asyncio_as_completed(a, 1, 2)) return (int)await(x);"
    " async_iterator(awaitable(void)) it = asyncio_as_completed(b, 1, ASYNCIO_FOREVER);"
    " await(asyncio_as_completed_next(it)); return (int)await(asyncio_as_completed_next("
    "asyncio_as_completed(a, 1, 2)));",
    "futures": (
        "awaitable(int) f = asyncio_future(int); asyncio_set_result(f, 1); return"
        " asyncio_result(f);"
    ),
    "a future of void": (
        "awaitable(void) f = asyncio_future(void); asyncio_set_result(f); await(f);"
    ),
    "a future of a struct": "awaitable(struct pair) f = asyncio_future(struct pair);"
    " asyncio_set_result(f, {1, 2}); return await(f).b;",
    "async_for": "int s = 0; async_for (int i, numbers(3)) s += i; return s;",
    "async_for in async_for": (
        "async_for (int i, numbers(3)) { async_for (int k, numbers(i)) { if (k) break; } }"
    ),
    "async_with": (
        "struct asyncio_lock l = {0}; struct asyncio_condition *c = 0; struct asyncio_context_manager"
        " *const m = 0; async_with (&l) { async_with (c) { break; } async_with (m) return 1; }"
    ),
    "async_with of a timeout": (
        "struct asyncio_timeout t = asyncio_timeout(1); async_with (&t) continue; async_with (t)"
        " continue; async_with (asyncio_timeout(ASYNCIO_FOREVER)) return 1;"
    ),
    "a group of tasks": (
        "struct asyncio_task_group tg = {0}; async_with (&tg) { awaitable(int) t ="
        ' asyncio_task_group_create_task(&tg, add(1, 2), "n");'
        " asyncio_task_group_create_task(&tg, nothing()); return await(t); }"
    ),
    "any handle": "asyncio_any h = add(1, 2); asyncio_release(h);",
    "retain": (
        "awaitable(int) t = asyncio_retain(asyncio_create_task(add(1, 2))); asyncio_release(t);"
    ),
    "a pointer into a string": (
        "const char *s = await(path()); int n = atoi(strrchr(s, ':') + 1); awaitable(char *) t ="
        " asyncio_create_task(path()); const char *of_task = await(t); return n +"
        " atoi(strrchr(of_task, ':'));"
    ),
    "two on one line": "int a = await(add(1, 2)), b = await(add(3, 4)); return a + b;",
    "in a condition": "if (await(add(0, 1)) && await(half(1)) > 0) return 1;",
    "raise": 'return asyncio_raise(-EPROTO, "no %s", "luck");',
    "threads": (
        "struct asyncio_loop *loop = asyncio_get_running_loop();"
        " asyncio_concurrent_future(int) f = asyncio_run_coroutine_threadsafe(add(1, 2), loop);"
        " double d = await(asyncio_to_thread(half(1))) + await(asyncio_run_in_executor(NULL, half(1)));"
        " await(asyncio_to_thread(nothing())); int r = await(asyncio_wrap_future(f));"
        " return asyncio_concurrent_result(f, ASYNCIO_FOREVER) + r + (int)d;"
    ),
    "a concurrent future of void and of a struct": (
        "asyncio_concurrent_future(void) f = asyncio_run_coroutine_threadsafe(nothing(), NULL);"
        " asyncio_concurrent_result(f, 1); await(asyncio_wrap_future(f));"
        " return asyncio_concurrent_result(asyncio_run_coroutine_threadsafe(pair(), NULL), 1).a;"
    ),
    "a task of a task": "await(asyncio_create_task(asyncio_create_task(add(1, 2))));",
    "queues": (
        "asyncio_queue(struct pair) q = asyncio_queue_new(struct pair, 1);"
        " asyncio_queue_put_nowait(q, {1, 2});"
        " await(asyncio_queue_put(q, await(asyncio_queue_get(q))));"
        " struct pair p; await(asyncio_queue_get_into(q, &p)); await(asyncio_queue_join(q));"
        " return (int)asyncio_queue_qsize(q) + await(asyncio_queue_get(q)).a + p.a;"
    ),
    "channels": (
        "asyncio_channel(struct pair) c = asyncio_channel_new(struct pair, 1); struct pair p;"
        " asyncio_channel_send_nowait(c, {1, 2});"
        " await(asyncio_channel_send(c, await(asyncio_channel_recv(c))));"
        " int r = await(asyncio_select(asyncio_channel_recv_into(c, &p), nothing(),"
        " asyncio_sleep(1))); await(asyncio_select()); return r + (int)asyncio_channel_size(c);"
    ),
}

BAD = {
    "a queue of another type": "asyncio_queue(int) q = asyncio_queue_new(double, 0); (void)q;",
    "an item of another type": "asyncio_queue(int) q = NULL; await(asyncio_queue_put(q, \"x\"));",
    "a place for another type": (
        "asyncio_queue(int) q = NULL; double d; asyncio_queue_get_nowait(q, &d);"
    ),
    "a get of another type": (
        "asyncio_queue(int) q = NULL; awaitable(double) d = asyncio_queue_get(q); (void)d;"
    ),
    "await of a queue": "asyncio_queue(int) q = NULL; await(q);",
    "a channel for a queue": (
        "asyncio_channel(int) c = asyncio_channel_new(int, 0); asyncio_queue_qsize(c);"
    ),
    "a channel of another type": (
        "asyncio_channel(int) c = asyncio_channel_new(int, 0); double d;"
        " asyncio_channel_recv_nowait(c, &d);"
    ),
    "an awaitable for a queue": "asyncio_queue_qsize(add(1, 2));",
    "a handle of another type": "awaitable(double) d = add(1, 2); (void)d;",
    "a handle made a task, of another type": (
        "awaitable(double) d = asyncio_create_task(add(1, 2)); (void)d;"
    ),
    "a value of another type": "char *p = await(add(1, 2)); (void)p;",
    "void as a value": "int r = await(nothing()); return r;",
    "void as an argument": "return await(add(await(nothing()), 1));",
    "too few arguments": "return await(add(1));",
    "too many arguments": "return await(add(1, 2, 3));",
    "an argument of another type": 'return await(add("1", 2));',
    "await of an int": "return await(42);",
    "await of a string": 'await("text");',
    "await of a function not called": "return await(add);",
    "await of a struct": "await((struct pair){1, 2});",
    "await of a generator": "await(numbers(3));",
    "await of an iterator's value": "async_for (int i, add(1, 2)) (void)i;",
    "await of an untyped handle": "asyncio_any h = add(1, 2); await(h);",
    "a task of an int": "asyncio_create_task(1);",
    "a task of a function": "asyncio_create_task(add);",
    "gather into another type": "int r[1]; await(asyncio_gather_into(r, half(1)));",
    "gather of an int": "await(asyncio_gather(1));",
    "a result of another type": (
        'awaitable(int) f = asyncio_future(int); asyncio_set_result(f, "x");'
    ),
    "a result of another struct": (
        "awaitable(struct pair) f = asyncio_future(struct pair); asyncio_set_result(f, 1.0);"
    ),
    "a result for void": "awaitable(void) f = asyncio_future(void); asyncio_set_result(f, \"x\");",
    "an element of another type": "async_for (char *p, numbers(3)) (void)p;",
    "async_with of an int": "async_with (1) return 0;",
    "async_with of a struct": "struct asyncio_lock l = {0}; async_with (l) return 0;",
    "a group's task of another type": (
        "struct asyncio_task_group tg = {0}; awaitable(double) t ="
        " asyncio_task_group_create_task(&tg, add(1, 2)); (void)t;"
    ),
    "async_with of a group by value": "struct asyncio_task_group g = {0}; async_with (g) return 0;",
    "wait for ints": "int a[] = {1}; await(asyncio_wait(a, 1, 1, ASYNCIO_ALL_COMPLETED));",
    "an iterator of another type": "awaitable(double) a[] = {half(1)};"
    " async_iterator(awaitable(int)) it = asyncio_as_completed(a, 1, 1); (void)it;",
    "the next of a generator": "await(asyncio_as_completed_next(numbers(1)));",
    "returning another type": 'return "text";',
    "a handle in a sum": "return add(1, 2) + 1;",
    "yield outside of a generator": "async_yield(1);",
    "await of a concurrent future": (
        "asyncio_concurrent_future(int) f = asyncio_run_coroutine_threadsafe(add(1, 2), NULL); await(f);"
    ),
    "a concurrent future of another type": (
        "asyncio_concurrent_future(double) f = asyncio_run_coroutine_threadsafe(add(1, 2), NULL);"
        " (void)f;"
    ),
    "the result of an awaitable in another thread": (
        "return asyncio_concurrent_result(add(1, 2), 1);"
    ),
    "a wrapped awaitable": "await(asyncio_wrap_future(add(1, 2)));",
    "a generator in a thread": "await(asyncio_to_thread(numbers(3)));",
    "run of an int": "return asyncio_run(3);",
}

POOR = {
    "a format that lies": 'return asyncio_raise(-EPROTO, "%s", 5);',
    "an operation not awaited": "asyncio_sleep(1);",
}

# Whole files.
GOOD_FILES = {
    "no keywords": (
        "#define ASYNCIO_NO_KEYWORDS\n#include <asyncio.h>\nint await, async, awaitable;\n"
        "static ASYNCIO_ASYNC(int, f)\n{ return await + async + awaitable; }\n"
        "int main(void) { return asyncio_run(f()); }\n"
    ),
    "a prototype": "#include <asyncio.h>\nawaitable(int) f(int x, char *p);\n"
    "async(int, f, (int, x), (char *, p)) { return x + p[0]; }\n",
    "eight parameters": "#include <asyncio.h>\n"
    "async(int, f, (int, a), (int, b), (int, c), (int, d), (int, e), (int, g), (int, h), (int, i))\n"
    "{ return a + b + c + d + e + g + h + i; }\n",
    "included twice": "#include <asyncio.h>\n#include <asyncio.h>\nint main(void) { return 0; }\n",
}
BAD_FILES = {
    "another prototype": (
        "#include <asyncio.h>\nawaitable(double) f(void);\nasync(int, f) { return 1; }\n"
    ),
    "nine parameters": "#include <asyncio.h>\n"
    "async(int, f, (int, a), (int, b), (int, c), (int, d), (int, e), (int, g), (int, h), (int, i),\n"
    "(int, j))\n"
    "{ return a; }\n",
}
POOR_FILES = {
    "no value returned": "#include <asyncio.h>\nasync(int, f) { }\n",
    "a value returned from void": "#include <asyncio.h>\nasync(void, f) { return 1; }\n",
}


def source(statements):
    return PRELUDE + f"async(int, snippet)\n{{\n#line 1000\n{statements}\n#line 2000\nreturn 0;\n}}\n"


def compile_one(compiler, standard, flags, include, path):
    done = subprocess.run(
        [*shlex.split(compiler), f"-std={standard}", *flags]
        + ["-I", include, "-c", path, "-o", os.devnull],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


def check(compiler, standard, name, text, flags, line, include, directory):
    """What is wrong with it, or nothing."""
    path = pathlib.Path(directory) / (re.sub(r"\W+", "_", f"{name} {compiler} {standard}") + ".c")
    path.write_text(text)
    code, said = compile_one(compiler, standard, flags, include, path)
    if flags is FINE:
        return said if code or said.strip() else ""
    if code == 0:
        return "it compiles"
    if not re.search(rf"{re.escape(path.name)}:{line}:\d+: ", said):
        return f"no message names its line:\n{said}"
    return ""


def cases():
    """Name, text, flags, and the lines a message may be about."""
    for statements, flags in (GOOD, FINE), (BAD, WRONG), (POOR, WARNED):
        yield from ((name, source(text), flags, r"100\d") for name, text in statements.items())
    for files, flags in (GOOD_FILES, FINE), (BAD_FILES, WRONG), (POOR_FILES, WARNED):
        yield from ((name, text, flags, r"\d+") for name, text in files.items())


def main():
    include, compilers = sys.argv[1], sys.argv[2:]
    compilers = compilers or [c for c in ("gcc", "clang") if shutil.which(c)]
    runs = [(c, s, *case) for c in compilers for s in STANDARDS for case in cases()]
    failed = 0
    print(f"1..{len(runs)}")
    with tempfile.TemporaryDirectory() as place, concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda run: check(*run, include, place), runs)
        for i, ((compiler, standard, name, *_), wrong) in enumerate(zip(runs, results), 1):
            print(f"{'not ok' if wrong else 'ok'} {i} - {compiler} {standard}: {name}")
            if wrong:
                print("\n".join("# " + line for line in wrong.splitlines()))
            failed += bool(wrong)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
