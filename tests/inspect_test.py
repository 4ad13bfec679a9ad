#!/usr/bin/env python3
"""Looks into programs from outside, with `asyncio ps` and `asyncio pstree`.

usage: inspect_test.py DIRECTORY ASYNCIO INSPECTED

DIRECTORY is where the examples were built; then the command, and the program to be looked at.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from programs import LIMIT, PROGRAMS, Skipped, need, run, run_tests
from subjects import ASYNCIO, INSPECTED, Subject, core_of, hangs, inspected, until

def ps(what, *options, **how):
    return run(ASYNCIO, "ps", *options, what, **how)


def as_json(what, *options):
    done = subprocess.run([ASYNCIO, "ps", "--json", *options, str(what)], capture_output=True, text=True,
                          timeout=LIMIT)
    if "without json-c" in done.stderr:
        raise Skipped("built without json-c")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def tasks_of(subject):
    return {t["name"]: t for t in as_json(subject.pid)["tasks"]}


def deadlock(backend):
    with hangs(backend, "transfers") as subject:
        text = until(lambda: ps(subject.pid), "deadlock")
        assert re.search(r"Task-1 +async_main +waiting .* gather of 2 +transfers.c:\d+", text), text
        assert re.search(r"rent +transfer .* Lock.acquire, held by wages +transfers.c:\d+ +Task-1, wages",
                         text), text
        assert re.search(r"^deadlock: (rent waits for wages, which waits for rent|wages waits for rent, "
                         r"which waits for wages)$", text, re.M), text
        tree = run(ASYNCIO, "pstree", subject.pid)
        assert re.search(r"├─ rent  waiting .*\n│  │  transfer at transfers.c:\d+\n│  └─ wages", tree), tree
        assert "(shown above)" in tree and "deadlock:" in tree, tree


def ring_of_tasks(backend):
    with inspected(backend, "rings") as subject:
        text = ps(subject.pid)
        assert "deadlock: one waits for two, which waits for three, which waits for one\n" in text, text
        assert len(re.findall("deadlock", text)) == 1, text


def loop_that_is_held(backend):
    with hangs(backend, "parser") as subject:
        text = until(lambda: ps(subject.pid, "--stacks"), r"Task-1 +async_main +running +parser.c:\d+")
        assert re.search(r"heartbeat +heartbeat +(waiting|ready)", text), text
        if "built without elfutils" in text:
            raise Skipped("built without elfutils")
        text = until(lambda: ps(subject.pid, "--stacks"), "count_fields at parser.c")
        assert re.search(r"#\d+ +parse at parser.c:\d+\n +#\d+ +async_main at parser.c:\d+\n", text), text


def forgotten_worker(backend):
    with hangs(backend, "orders") as subject:
        # The worker is done, and nobody knows.
        until(lambda: run(ASYNCIO, "pstree", subject.pid),
              r"\A(?![\s\S]*worker)[\s\S]*TaskGroup of 3", r"(Event.wait[\s\S]*){3}")


def every_kind_of_wait(backend):
    with inspected(backend, "waits") as subject:
        tasks = tasks_of(subject)
        waits = {name: t["waits_for"] for name, t in tasks.items()}
        assert re.fullmatch(r"read\(fd \d+\)", waits.pop("read")), tasks
        gathered = [name for name in waits if re.fullmatch(r"Task-\d+", name)]
        assert waits["Task-1"] == "Future", waits
        for name, expected in {"chain": "sleep", "event": "Event.wait", "wait_for": "task chain",
                               "shield": "shield", "queue": "Queue.get", "wait": "wait of 2",
                               "gather": "gather of 2"}.items():
            assert waits[name] == expected, (name, waits[name])
        assert [c["function"] for c in tasks["chain"]["calls"]] == ["inner", "outer"]
        assert all(c["file"].endswith("inspected.c") and c["line"] > 0 for c in tasks["chain"]["calls"])
        assert set(tasks["chain"]["awaited_by"]) == {"wait_for", "shield", "wait"}, tasks["chain"]
        assert tasks["wait_for"]["awaits"] == ["chain"]
        assert len(tasks["gather"]["awaits"]) == 2 and len(gathered) == 3, gathered
        assert all(t["state"] == "waiting" for t in tasks.values())


def a_connection_goes_by_its_handler(backend):
    with Subject(backend, PROGRAMS / "echo_server", 0) as subject:
        port = int(subject.process.stdout.readline().rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port)) as peer:
            peer.sendall(b"x")
            assert peer.recv(1) == b"x"
            handler = tasks_of(subject)["Task-2"]
            assert handler["coroutine"] == "echo", handler
            assert "echo  " in run(ASYNCIO, "top", "--once", subject.pid)


def many_tasks(backend):
    with inspected(backend, "many", 20000) as subject:
        text = ps(subject.pid)
        assert text.count("\n") == 20003, text[-300:]
        assert len(re.findall(r"outer +waiting .* sleep +inspected.c:\d+", text)) == 20000


def several_loops(backend):
    with inspected(backend, "loops", 3) as subject:
        text = ps(subject.pid)
        assert len(set(re.findall(rf"loop of thread (\d+) on {backend}: 1 task\n", text))) == 3, text
        assert text.count("one_of_several") == 3, text


def no_loop(backend):
    with inspected(backend, "none") as subject:
        assert ps(subject.pid) == "no loop is running\n"


def stopped_process(backend):
    with inspected(backend, "rings") as subject:
        os.kill(subject.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, subject.pid, os.WSTOPPED | os.WNOWAIT)
        assert "deadlock: one" in ps(subject.pid)
        # It stands as it stood before, once the kernel has come to it.
        until(pathlib.Path(f"/proc/{subject.pid}/stat").read_text, r"\) T ")
        os.kill(subject.pid, signal.SIGCONT)


def stripped(backend):
    with tempfile.TemporaryDirectory() as place:
        program = pathlib.Path(place, "program")
        run(need("strip"), "-o", program, INSPECTED)
        with Subject(backend, program, "rings") as subject:
            assert subject.process.stdout.readline() == "ready\n"
            assert "deadlock: one waits for two" in ps(subject.pid)
            run(ASYNCIO, "pstree", "--stacks", subject.pid)


def dead_program(backend):
    with tempfile.TemporaryDirectory() as place:
        core = core_of(backend, "rings", place, signal.SIGABRT)
        text = ps(core, "--stacks")
        assert "deadlock: one waits for two" in text, text
        assert re.search(r"one +member +waiting .* task two +inspected.c:\d+", text), text
        if "without elfutils" not in text:
            assert re.search(r"#0 +member at inspected.c:\d+", text), text


def crashed_program(backend):
    with tempfile.TemporaryDirectory() as place:
        text = ps(core_of(backend, "crashes", place), "--stacks")
        assert re.search(r"Task-1 +crashes +running", text), text
        if "without elfutils" not in text:
            assert re.search(r"#\d+ +crashes at inspected.c:\d+", text), text


def damaged_core(backend):
    with tempfile.TemporaryDirectory() as place:
        core = core_of(backend, "rings", place, signal.SIGABRT)
        whole = core.read_bytes()
        for part in (0, 1, 63, 64, 100, 1000, 5000, len(whole) // 3, len(whole) - 5000):
            core.write_bytes(whole[:part])
            subprocess.run([ASYNCIO, "ps", "--stacks", core], capture_output=True, timeout=LIMIT)
        # Whatever comes of it: no crash, no endless loop.
        for seed in range(20):
            broken = bytearray(whole)
            for i in range(200):
                broken[(seed * 7919 + i * 104729 * (seed + 1)) % len(whole)] ^= 1 << i % 8
            core.write_bytes(broken)
            ended = subprocess.run([ASYNCIO, "ps", core], capture_output=True, timeout=LIMIT).returncode
            assert ended in (0, 1), ended


def not_to_be_looked_at(backend):
    assert "there is no libasyncio in it" in ps(os.getpid(), fails=True)
    assert "is not there" in ps(2 ** 30, fails=True)
    assert "is no core file" in ps(__file__, fails=True)
    assert "No such file" in ps("/nowhere", fails=True)
    assert "asyncio ps: unrecognized option" in ps("--nonsense", fails=True)
    assert "Usage: asyncio ps" in ps("--help")
    assert "Usage: asyncio pstree" in run(ASYNCIO, "pstree", fails=True)


def of_another_user(backend):
    if os.geteuid() != 0:
        raise Skipped("only root has other users' processes")
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        command = shutil.copy(ASYNCIO, place)
        with inspected(backend, "rings") as subject:
            done = subprocess.run([command, "ps", str(subject.pid)], capture_output=True, text=True,
                                  user=65534, group=65534, extra_groups=[], timeout=LIMIT)
        assert done.returncode == 1, done
        assert "cannot be read: " in done.stderr and "root" in done.stderr, done.stderr


sys.exit(run_tests(deadlock, ring_of_tasks, loop_that_is_held, forgotten_worker, every_kind_of_wait,
                   a_connection_goes_by_its_handler, many_tasks, several_loops, no_loop, stopped_process, stripped, dead_program,
                   crashed_program, damaged_core, not_to_be_looked_at, of_another_user))
