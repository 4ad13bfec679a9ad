#!/usr/bin/env python3
"""asyncio run and asyncio new, as one who types it sees it.

usage: command_test.py DIRECTORY

DIRECTORY is where the command was built; $CC is the compiler that the library was built with.
"""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

from programs import LIMIT, PROGRAMS, Skipped, run_tests_once

COMMAND = (PROGRAMS / "asyncio").resolve()
CC = os.environ.get("CC", "cc")

HELLO = """#include <asyncio.h>
async(int, add, (int, x), (int, y)) { await(asyncio_sleep(0)); return x + y; }
int main(void) { printf("%d\\n", asyncio_run(add(3, 4))); return 0; }
"""
ARGUMENTS = """#include <asyncio.h>
int main(int argc, char **argv)
{
    char line[64] = "";
    for (int i = 0; i < argc; i++)
        printf("[%s]", argv[i]);
    if (fgets(line, sizeof line, stdin))
        printf(" %s", line);
    return 7;
}
"""
VIRTUAL = """#include <asyncio.h>
#include <stdlib.h>
async(void, day) { await(asyncio_sleep(86400)); }
int main(void)
{
    const char *seed = getenv("ASYNCIO_SEED");
    asyncio_run(day());
    printf("a day %s\\n", seed ? seed : "");
    return 0;
}
"""
OVERFLOW = """#include <asyncio.h>
#include <stdlib.h>
#include <string.h>
async(int, put, (char *, p), (int, at)) { await(asyncio_sleep(0)); p[at] = 1; return p[0]; }
async(int, use, (int, at))
{
    char *p = calloc(1, 8), room[512];
    memset(room, at, sizeof room);
    awaitable(int) tasks[] = {asyncio_create_task(put(p, 0)), asyncio_create_task(put(p, at))};
    int sum = await(tasks[0]) + await(tasks[1]) + room[at];
    free(p);
    return sum;
}
async(void, forever) { await(asyncio_sleep(ASYNCIO_FOREVER)); }
async(int, all, (int, at))
{
    asyncio_create_task(forever()); /* cancelled as the loop ends */
    return await(use(at));
}
int main(int argc, char **argv) { (void)argv; return asyncio_run(all(argc > 1 ? 8 : 3)) != 5; }
"""
TLS = """#include <asyncio.h>
#include "tls.h"
int main(void)
{
    asyncio_ssl_context_server(.certfile = "/nowhere");
    puts(asyncio_error_message());
    return 0;
}
"""


class Place:
    """A directory with the cache and a log of the compiler's runs in it."""

    def __init__(self, path):
        self.path = path
        self.log = path / "log"
        self.cache = path / "cache" / "asyncio"
        wrapper = self.write("cc", f'#!/bin/sh\necho >>"{self.log}"\nexec {CC} "$@"\n')
        wrapper.chmod(0o755)
        self.environment = {**os.environ, "XDG_CACHE_HOME": str(path / "cache"), "CC": str(wrapper),
                            "TMPDIR": str(path)}
        for name in ("CFLAGS", "ASYNCIO_BACKEND"):
            self.environment.pop(name, None)

    def write(self, name, text):
        file = self.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file

    def start(self, *arguments, **options):
        return subprocess.Popen([COMMAND, "run", *map(str, arguments)], cwd=self.path, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env={**self.environment, **options})

    def run(self, *arguments, input="", status=0, **options):
        """Standard output and standard error of a run that ends as it is to."""
        process = self.start(*arguments, **options)
        try:
            out, err = process.communicate(input, timeout=3 * LIMIT)
        finally:
            process.kill()
        assert process.returncode == status, f"it ended with {process.returncode}: {out}{err}"
        return out, err

    def compiled(self):
        """How many programs were, since this was last asked."""
        runs = len(self.log.read_text()) if self.log.exists() else 0
        self.log.write_text("")
        return runs / 2  # an object, and the program

    def files(self):
        return sorted(p for p in self.cache.rglob("*") if p.is_file())


@contextlib.contextmanager
def place():
    with tempfile.TemporaryDirectory() as path:
        yield Place(pathlib.Path(path).resolve())


def equal(got, wanted):
    assert got == wanted, f"{got!r}, not {wanted!r}"


def test_program_is_its_own():
    with place() as p:
        p.write("args.c", ARGUMENTS)
        for _ in range(2):
            equal(p.run("args.c", "--debug", "a b", "", input="a line\n", status=7),
                  ("[args.c][--debug][a b][] a line\n", ""))
        p.write("die.c", "#include <signal.h>\nint main(void) { return raise(SIGTERM); }\n")
        p.run("die.c", status=-signal.SIGTERM)
        p.write("name.c", "#include <asyncio.h>\nint main(void) { char s[64] = {0}; FILE *f ="
                          ' fopen("/proc/self/comm", "r"); return !f || !fgets(s, 64, f)'
                          " || puts(s) < 0; }\n")
        equal(p.run("name.c")[0].strip(), "name")


def test_cache():
    with place() as p:
        p.write("a.c", '#include <asyncio.h>\n#include "b.h"\nint main(void) { puts(B); return 0; }\n')
        header = p.write("b.h", '#define B "one"\n')
        os.utime(header, (1, 1))  # long before the compiler ran
        equal(p.run("a.c")[0], "one\n")
        equal(p.run("a.c")[0], "one\n")
        equal(p.compiled(), 1)
        os.utime(header)
        equal(p.run("a.c")[0], "one\n")
        equal(p.compiled(), 0)
        header.write_text('#define B "two"\n')
        os.utime(header, (1, 1))  # no time tells it
        equal(p.run("a.c")[0], "two\n")
        equal(p.compiled(), 1)
        p.write("a.c", "#include <asyncio.h>\nint main(void) { return 3; }\n")
        p.run("a.c", status=3)
        equal(p.compiled(), 1)
        p.run("-O2", "a.c", status=3)
        p.run("-O2", "a.c", status=3)
        equal(p.compiled(), 1)
        equal([f.name for f in p.files()], ["a", "a"])


def test_included_while_compiling():
    """A header written meanwhile may be another than the compiler read: it is read again."""
    with place() as p:
        header = p.write("b.h", "#define B 0\n")
        os.utime(header, (4e9, 4e9))
        p.write("a.c", '#include "b.h"\nint main(void) { return B; }\n')
        p.run("a.c")
        p.run("a.c")
        equal(p.compiled(), 2)


def test_cache_is_bounded():
    with place() as p:
        p.cache.mkdir(parents=True, mode=0o700)
        p.cache.parent.chmod(0o700)
        for i in range(250):
            (p.cache / f"{i:016x}").mkdir()
            (p.cache / f"{i:016x}" / "old").write_text("")
            os.utime(p.cache / f"{i:016x}", (i + 1, i + 1))
        p.write("a.c", HELLO)
        equal(p.run("a.c")[0], "7\n")
        left = sorted(d.name for d in p.cache.iterdir())
        equal(len(left), 200)
        assert f"{249:016x}" in left and f"{50:016x}" not in left, left
        equal(p.run("a.c")[0], "7\n")
        equal(p.compiled(), 1)


def test_many_at_once():
    with place() as p:
        p.write("a.c", HELLO)
        runs = [p.start("a.c") for _ in range(6)]
        for run in runs:
            out, err = run.communicate(timeout=3 * LIMIT)
            equal((run.returncode, out, err), (0, "7\n", ""))
        equal([f.name for f in p.files()], ["a"])


def test_compiler_errors():
    with place() as p:
        p.write("a.c", "#include <asyncio.h>\n\nasync(int, f) { return nothing; }\n")
        for _ in range(2):
            out, err = p.run("a.c", status=1)
            equal(out, "")
            assert "a.c:3:" in err and "nothing" in err and "asyncio run:" not in err, err
        equal(p.files(), [])
        p.write("a.c", "int main(void) { return there_is_none(); }\nint there_is_none(void);\n")
        p.run("a.c", status=1)
        equal(p.files(), [])
        interrupted = p.write("interrupted", "#!/bin/sh\nkill -INT $$\n")
        interrupted.chmod(0o755)
        p.run("a.c", status=-signal.SIGINT, CC=str(interrupted))
        equal(p.files(), [])


def test_what_cannot_be_run():
    with place() as p:
        p.write("a.c", HELLO)
        for arguments, status, text in (
            (["none.c"], 2, "none.c: No such file or directory"),
            (["."], 2, ".: Is a directory"),
            ([], 2, "Usage:"),
            (["--none", "a.c"], 2, "none"),
            (["--seed", "x", "a.c"], 2, "--seed x: not a number"),
            (["-static", "a.c"], 2, "-static"),
        ):
            out, err = p.run(*arguments, status=status)
            equal(out, "")
            assert text in err, err
        err = p.run("a.c", CC="/nowhere/cc -x", status=127)[1]
        assert "cannot run the compiler /nowhere/cc: No such file" in err, err
        assert "Usage: asyncio run" in p.run("--help")[0]


def test_names():
    with place() as p:
        for name in ("a b.c", 'quo"te.c', "-x.c", "no_ending", "dir name/.c"):
            p.write(name, HELLO)
            equal(p.run("--", name)[0], "7\n")
            equal(p.run("--", name)[0], "7\n")
            equal(p.compiled(), 1)
        # A path that can be read once, whose messages tell its name all the same.
        equal(p.run("/dev/stdin", input=HELLO)[0], "7\n")
        assert "/dev/stdin:2:" in p.run("/dev/stdin", input="\n?\n", status=1)[1]


def test_script():
    with place() as p:
        p.write("dir/b.h", "#define B 4\n")
        script = p.write("dir/a.c", '#!/usr/bin/env -S asyncio run\n#include "b.h"\n'
                                    "int main(void) { return __LINE__ + B; }\n")
        script.chmod(0o755)
        path = f"{COMMAND.parent}:{os.environ['PATH']}"
        done = subprocess.run([script], env={**p.environment, "PATH": path}, timeout=3 * LIMIT)
        equal(done.returncode, 7)
        p.run("dir/a.c", status=7)
        p.write("dir/a.c", "#!x\n\n?\n")
        assert "dir/a.c:3:" in p.run("dir/a.c", status=1)[1]


def test_places_of_the_cache():
    with place() as p:
        p.write("a.c", HELLO)
        nowhere = "/dev/null/none"
        (p.path / "home").mkdir()
        equal(p.run("a.c", XDG_CACHE_HOME="", HOME=str(p.path / "home"))[0], "7\n")
        assert (p.path / "home/.cache/asyncio").is_dir()
        for _ in range(2):
            equal(p.run("a.c", XDG_CACHE_HOME=nowhere)[0], "7\n")
        equal(p.compiled(), 2)
        temporary = p.path / f"asyncio-{os.geteuid()}"
        assert temporary.is_dir()
        temporary.chmod(0o777)  # where others write, nothing is run from
        err = p.run("a.c", XDG_CACHE_HOME=nowhere, status=126)[1]
        assert "no directory for compiled programs" in err, err
        p.run("a.c", XDG_CACHE_HOME=nowhere, TMPDIR=nowhere, status=126)


def test_options():
    with place() as p:
        p.write("there/b.h", "#define B 5\n")
        p.write("a.c", '#include <b.h>\n#include <stdlib.h>\n#include <math.h>\nint main(void) { return'
                       " (int)sqrt(N * atoi(\"4\")) + B; }\n")
        p.run("-I", "there", "-DN=4", "-std=gnu11", "-g", "-lm", "-Wl,--as-needed", "a.c", status=9)
        p.run("-Ithere", "-O2", "a.c", status=7, CFLAGS="-DN=1 -Wl,--as-needed")
        p.write("d.c", "#include <asyncio.h>\n#include <stdlib.h>\nint main(void) { puts(getenv(\"ASYN"
                       'CIO_DEBUG"));\n#ifdef __OPTIMIZE__\nreturn 1;\n#endif\nreturn 0; }\n')
        equal(p.run("--debug", "d.c", CFLAGS="-O2")[0], "1\n")


def test_simulation():
    with place() as p:
        p.write("a.c", VIRTUAL)
        equal(p.run("--sim", "a.c")[0], "a day \n")
        equal(p.run("--sim", "--seed", "5", "a.c")[0], "a day 5\n")


def test_trace():
    with place() as p:
        p.write("a.c", HELLO)
        p.run("--trace", "trace", "a.c")
        assert "add" in (p.path / "trace").read_text(errors="replace")


def test_address_sanitizer():
    with place() as p:
        p.write("a.c", OVERFLOW)
        done = p.start("--asan", "a.c")
        err = done.communicate(timeout=3 * LIMIT)[1]
        if "without AddressSanitizer" in err:
            raise Skipped("no AddressSanitizer here")
        equal((done.returncode, err), (0, ""))
        for options in ([], ["--sim"]):
            done = p.start("--asan", *options, "a.c", "over")
            err = done.communicate(timeout=3 * LIMIT)[1]
            assert done.returncode != 0 and "heap-buffer-overflow" in err, err
            # clang's library names nothing by itself
            if "(BuildId: " not in err or shutil.which("llvm-symbolizer"):
                assert "in asyncio__body_put" in err and "a.c:4" in err, err


def test_tls():
    with place() as p:
        p.write("tls.h", "#include <asyncio/tls.h>\n")
        p.write("a.c", TLS)
        out = p.run("a.c")[0]
        assert "/nowhere" in out or "OpenSSL" in out, out


def new(place, *arguments, status):
    done = subprocess.run([COMMAND, "new", *arguments], cwd=place, capture_output=True, text=True,
                          timeout=LIMIT)
    equal(done.returncode, status)
    return done.stdout if status == 0 else done.stderr


def test_new_project():
    """What tests/install/run does with it is left out here."""
    with place() as p:
        assert "cd hello" in new(p.path, "hello", status=0)
        files = {f.name: f.read_text() for f in (p.path / "hello").iterdir()}
        equal(sorted(files), [".gitignore", "Makefile", "README.md", "main.c", "shout.c", "shout.h",
                              "shout_test.c"])
        assert "NAME := hello\n" in files["Makefile"] and "@NAME@" not in "".join(files.values())
        (p.path / "hello" / "main.c").write_text("mine")
        assert "hello: File exists" in new(p.path, "hello", status=1)
        equal((p.path / "hello" / "main.c").read_text(), "mine")
        assert "none/hello: No such file" in new(p.path, "none/hello", status=1)
        for name in ("", "..", "-x", "a b", "1a", "a$b", "hello/", "a" * 65):
            assert "a name is a letter" in new(p.path, name, status=2), name
        assert "Usage" in new(p.path, status=2) and "Usage" in new(p.path, "a", "b", status=2)
        equal([f.name for f in p.path.iterdir() if f.name != "cc"], ["hello"])


if __name__ == "__main__":
    sys.exit(run_tests_once(*[test for name, test in list(globals().items())
                              if name.startswith("test_")]))
