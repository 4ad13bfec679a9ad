"""For tests of what looks into other programs: those that are looked at.

The second and third arguments of such a test are the command, and the program `inspected`."""
import os
import pathlib
import re
import resource
import subprocess
import sys

from programs import LIMIT, PROGRAMS, Skipped

ASYNCIO, INSPECTED = map(os.path.abspath, sys.argv[2:4])


class Subject:
    """A program that runs until it has been looked at."""

    def __init__(self, backend, *command, cwd=None, core=False):
        env = {**os.environ, "ASYNCIO_BACKEND": backend}
        if core:
            env["ASAN_OPTIONS"] = "disable_coredump=0:handle_segv=0:handle_abort=0"
        limit = resource.RLIM_INFINITY if core else 0
        self.process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            cwd=cwd, env=env,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (limit, -1)))
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.process.kill()
        self.process.communicate()


def inspected(backend, *args, **options):
    subject = Subject(backend, INSPECTED, *args, **options)
    assert subject.process.stdout.readline() == "ready\n"
    return subject


def hangs(backend, name):
    """One of the examples that hang, when it does: it is looked at until there is this to see."""
    return Subject(backend, PROGRAMS / f"hangs-{name}")


def until(look, *texts):
    """What look() gives once all of these are in it. A limit that only a failure reaches."""
    for _ in range(2000):
        seen = look()
        if all(re.search(text, seen) for text in texts):
            return seen
    raise AssertionError(f"{texts} not in:\n{seen}")


def core_of(backend, kind, place, how=None):
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith(("|", "/")):
        raise Skipped(f"core files go to {pattern}")
    with inspected(backend, kind, cwd=place, core=True) as subject:
        if how:
            os.kill(subject.pid, how)
        subject.process.wait(LIMIT)
    cores = list(pathlib.Path(place).glob("core*"))
    if not cores:
        raise Skipped("no core file was written")
    return cores[0]
