#!/usr/bin/env python3
"""`asyncio gdb`: the tasks of programs, alive and dead, in gdb.

usage: gdb_test.py DIRECTORY ASYNCIO INSPECTED
"""
import re
import signal
import subprocess
import sys
import tempfile

from programs import need, run, run_tests
from subjects import ASYNCIO, INSPECTED, core_of, hangs, inspected, until


def gdb(*arguments, commands, fails=False):
    """What gdb prints when it is given these commands."""
    need("gdb")
    each = [word for command in commands for word in ("-ex", command)]
    return run(ASYNCIO, "gdb", "-q", "-batch", "-nx", "-iex", "set debuginfod enabled off", *arguments, *each,
               fails=fails, limit=60)


def tasks_and_stacks(backend):
    with inspected(backend, "waits") as subject:
        text = gdb("-p", subject.pid, commands=["info asyncio-tasks", "asyncio bt chain"])
        assert re.search(r"chain +outer +waiting for sleep +inspected.c:\d+\n", text), text
        assert re.search(r"read +read +waiting for read\(fd \d+\)", text), text
        assert re.search(r"gather +gathers +waiting for gather +inspected.c", text), text
        assert re.search(r"chain \(outer\)\n#0 .* inner \(seconds=.*\) at .*inspected.c:\d+\n"
                         r"#1 .* outer \(seconds=.*\) at .*inspected.c:\d+\n", text), text


def a_task_selected(backend):
    with inspected(backend, "waits") as subject:
        text = gdb("-p", subject.pid, commands=[
            "asyncio task chain", "info args", "up 3", "asyncio task off", "bt 1"])
        assert re.search(r"asyncio__body_inner .*\n(.*\n)*seconds = (1000000|<optimized out>)\n", text), text


def a_loop_that_is_held(backend):
    with hangs(backend, "parser") as subject:
        # Again where it is in the C library just then, which may not tell how to unwind it.
        until(lambda: gdb("-p", subject.pid, commands=["info asyncio-tasks", "asyncio bt 1"]),
              r"\* 1 +Task-1 +async_main +running",
              r"count_fields \(line=.*\n#\d+ .* parse \(.*\n#\d+ .* async_main \(\)")


def a_dead_program(backend):
    with tempfile.TemporaryDirectory() as place:
        core = core_of(backend, "rings", place, signal.SIGABRT)
        text = gdb(INSPECTED, core, commands=["info asyncio-tasks", "asyncio bt all"])
        assert re.search(r"one +member +waiting for task two +inspected.c:\d+", text), text
        assert len(re.findall(r"#0 .* member \(i=[012]\) at .*inspected.c", text)) == 3, text


def what_is_wrong_is_said(backend):
    with inspected(backend, "rings") as subject:
        text = gdb("-p", subject.pid, commands=["asyncio bt 99", "asyncio task nobody"],
                   fails=True)
        assert "there is no task 99: see info asyncio-tasks" in text, text
    with subprocess.Popen(["sleep", "100"]) as other:
        text = gdb("-p", other.pid, commands=["info asyncio-tasks"], fails=True)
        other.kill()
    assert "there is no libasyncio in this program" in text, text


sys.exit(run_tests(tasks_and_stacks, a_task_selected, a_loop_that_is_held, a_dead_program,
                   what_is_wrong_is_said))
