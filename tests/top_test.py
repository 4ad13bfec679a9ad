#!/usr/bin/env python3
"""Watches programs with `asyncio top`: as text, and in a terminal.

usage: top_test.py DIRECTORY ASYNCIO INSPECTED

DIRECTORY is where the examples were built; then the command, and the program to be looked at.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

from programs import LIMIT, run, run_tests
from subjects import ASYNCIO, hangs, inspected, until


def once(subject):
    return run(ASYNCIO, "top", "--once", "-d", "0.15", subject.pid)


def row(text, name):
    """The numbers of a function: tasks, running, ready, waiting; its longest wait and its stack."""
    found = re.search(rf"^{re.escape(name)} +(\d+) +(\d+) +(\d+) +(\d+)  +(\S.*?)  +(\S.*?)  ", text, re.M)
    assert found, f"no {name} in\n{text}"
    return [int(n) for n in found.groups()[:4]] + list(found.groups()[4:])


def many_tasks(backend):
    with inspected(backend, "many", 20000) as subject:
        text = once(subject)
        assert "20001 tasks, 0 running, 0 ready, 20001 waiting" in text, text
        assert re.search(rf"loop of thread {subject.pid} on {backend}: 0 ready, ", text), text
        count, running, ready, waiting, longest, stack = row(text, "outer")
        assert (count, running, ready, waiting) == (20000, 0, 0, 20000), text
        assert re.fullmatch(r"[\d.]+ (ms|s)", longest) and re.fullmatch(r"\d+ KiB", stack), text
        assert row(once(subject), "outer")[-1] == stack, "having been read is no use of a stack"
        assert text.index("\nouter") < text.index("\nmany"), text


def every_kind_of_wait(backend):
    with inspected(backend, "waits") as subject:
        text = once(subject)
        assert row(text, "Event.wait") == [1, 0, 0, 1, "-", "-"], text
        assert row(text, "outer")[:4] == [2, 0, 0, 2] and row(text, "inner")[:4] == [1, 0, 0, 1], text
        assert re.search(r"^outer .*  inspected.c:\d+$", text, re.M), text


def deadlock(backend):
    with inspected(backend, "rings") as subject:
        text = once(subject)
        assert f"1 deadlock of tasks: see asyncio pstree {subject.pid}\n" in text, text
        assert row(text, "member")[:4] == [3, 0, 0, 3], text


def busy_loop(backend):
    with inspected(backend, "talks") as subject:
        rates = r"([\d.]+) turns/s, ([\d.]+) steps/s, ([\d.]+) I/O/s, busy (\d+) %, ([\d.]+) [mu]s a turn"
        text = until(lambda: once(subject), rates)
        turns, steps, operations, _, a_turn = map(float, re.search(rates, text).groups())
        # Looking is worth one turn at the most.
        assert turns > 20 and steps > 20 and operations > 20 and a_turn > 0, text


def several_loops(backend):
    with inspected(backend, "loops", 3) as subject:
        text = once(subject)
        assert len(set(re.findall(rf"loop of thread (\d+) on {backend}", text))) == 3, text
        assert row(text, "one_of_several")[:4] == [3, 0, 0, 3], text


def no_loop(backend):
    with inspected(backend, "none") as subject:
        assert "no loop is running" in once(subject)


def loop_that_is_held(backend):
    with hangs(backend, "parser") as subject:
        text = until(lambda: once(subject), " 0.0 turns/s, 0.0 steps/s, 0.0 I/O/s",
                     r" 100 % +\d+ % +[1-9]\d* m?s  parse  parser.c:\d+")
        assert row(text, "async_main")[1] == 1, text


def loop_that_is_blocked(backend):
    with inspected(backend, "blocks") as subject:
        until(lambda: once(subject), r" 100 % +100 % +[1-9]\d* m?s  blocks  inspected.c:\d+")


def pages(backend):
    with inspected(backend, "waits") as subject:
        text = run(ASYNCIO, "top", "-n", "3", "-d", "0.06", subject.pid)
        assert text.count("11 tasks") == 3 and text.count("\n\nprocess ") == 2, text
        assert "\33" not in text, text


def process_that_ends(backend):
    with inspected(backend, "waits") as subject:
        watching = subprocess.Popen([ASYNCIO, "top", "-d", "0.05", str(subject.pid)], text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert "11 tasks" in watching.stdout.readline()
        subject.process.kill()
        _, said = watching.communicate(timeout=LIMIT)
        assert said == f"asyncio top: process {subject.pid} has ended\n", said
        assert watching.returncode == 0, watching.returncode


def not_to_be_watched(backend):
    def fails(*args):
        return run(ASYNCIO, "top", *args, fails=True)
    assert "there is no libasyncio in it" in fails(os.getpid())
    assert "is not there" in fails(2 ** 30)
    for args in ([], ["x"], ["-d", "0", "1"], ["-d", "x", "1"], ["-n", "0", "1"], ["1", "2"], ["-x", "1"]):
        assert "Usage: asyncio top" in fails(*args), args


class Terminal:
    """One in which top runs; the last page that it drew."""

    def __init__(self, subject, rows=30, columns=120, colours=True):
        environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        if not colours:
            environment["NO_COLOR"] = "1"
        self.master, slave = pty.openpty()
        self.before = termios.tcgetattr(slave)
        self.resize(rows, columns)
        self.process = subprocess.Popen(
            [ASYNCIO, "top", "-d", "0.2", str(subject.pid)], stdin=slave, stdout=slave, stderr=slave,
            env=environment, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.slave, self.drawn = slave, ""

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys):
        """What is drawn from now on counts."""
        os.write(self.master, keys.encode())
        self.drawn = ""

    def read(self, limit=LIMIT):
        assert select.select([self.master], [], [], limit)[0], self.drawn[-2000:]
        self.drawn += os.read(self.master, 65536).decode(errors="replace")

    def page(self):
        whole = re.findall(r"\x1b\[H(.*?\x1b\[J)\x1b\[\d+;1H\x1b\[2m(.*?)\x1b\[0m", self.drawn, re.S)
        return re.sub(r"\x1b\[[KJ]", "", "".join(whole[-1])) if whole else ""

    def until(self, *texts):
        end = time.monotonic() + LIMIT
        while not all(re.search(text, self.page()) for text in texts):
            assert time.monotonic() < end, f"{texts} not in:\n{self.page()}"
            self.read()
        return self.page()

    def ends(self, status):
        """With the terminal as it was before."""
        while self.process.poll() is None or select.select([self.master], [], [], 0)[0]:
            if select.select([self.master], [], [], 0.05)[0]:
                self.read()
        assert self.process.returncode == status, self.process.returncode
        assert termios.tcgetattr(self.slave) == self.before
        assert "\33[?25h\33[?1049l" in self.drawn, self.drawn[-300:]
        assert not re.search(r"\x1b\[H", self.drawn.split("\33[?1049l")[-1])


CHOSEN = "\33\\[7m"
NAMES = r"[\s\S]*\n".join


def sorting(backend):
    with inspected(backend, "waits") as subject, Terminal(subject) as terminal:
        terminal.until(rf"{CHOSEN}outer ", NAMES(["outer", "Event.wait"]))
        terminal.press("n")
        terminal.until(NAMES(["Event.wait", "gathers", "inner", CHOSEN + "outer", "waits"]))
        terminal.press("w")
        text = terminal.until("sorted by longest wait")
        assert re.search(NAMES(["waits", "Event.wait"]), text), text
        terminal.press("s")
        text = terminal.until("sorted by stack")
        stacks = [int(n) for n in re.findall(r" (\d+) KiB", text)]
        assert len(stacks) == 6 and stacks == sorted(stacks, reverse=True), text
        assert re.search(NAMES(["waits", "Event.wait"]), text), text
        terminal.press("c")
        text = terminal.until("sorted by count")
        assert re.search(NAMES([CHOSEN + "outer", "Event.wait"]), text), text
        terminal.press("q")
        terminal.ends(0)


def choosing_and_opening(backend):
    with inspected(backend, "many", 300) as subject, Terminal(subject) as terminal:
        terminal.until(rf"{CHOSEN}outer ")
        terminal.press("\33[B")
        terminal.until(rf"{CHOSEN}many ")
        terminal.press("\33[A\r")
        text = terminal.until(r"outer at inspected.c:\d+: 300 tasks",
                              r"Task-\d+  waiting .* for sleep  inspected.c:\d+")
        terminal.press("\33[6~\33[6~")
        text = terminal.until(r"outer at inspected.c:\d+: 300 tasks")
        if "built without elfutils" not in text:
            terminal.until(r"#\d +inner at inspected.c:\d+.*\r\n.*#\d +outer at inspected.c:\d+")
        terminal.press("\177")
        terminal.until(rf"{CHOSEN}outer ")
        terminal.press("q")
        terminal.ends(0)


def size_of_the_terminal(backend):
    with inspected(backend, "waits") as subject, Terminal(subject) as terminal:
        terminal.until("outer", "waits")
        terminal.drawn = ""
        terminal.resize(8, 40)
        terminal.until(r"\A([^\n]*\n){7}[^\n]*\Z")
        terminal.press("n" + 20 * "\33[B")
        lines = re.sub(r"\x1b\[\d*m", "", terminal.until(rf"{CHOSEN}waits ")).split("\r\n")
        assert max(map(len, lines)) == 40 and lines[0].startswith("process "), lines
        terminal.press("q")
        terminal.ends(0)


def colours(backend):
    with inspected(backend, "rings") as subject:
        with Terminal(subject) as terminal:
            terminal.until("\33\\[31m1 deadlock")
        with Terminal(subject, colours=False) as terminal:
            assert "\33[31m" not in terminal.until("1 deadlock")


def signals(backend):
    with inspected(backend, "waits") as subject:
        for how in (signal.SIGTERM, signal.SIGHUP):
            with Terminal(subject) as terminal:
                terminal.until("outer")
                os.kill(terminal.process.pid, how)
                terminal.ends(-how)
        with Terminal(subject) as terminal:
            terminal.until("outer")
            terminal.press("\3")
            terminal.ends(-signal.SIGINT)


def suspended(backend):
    with inspected(backend, "waits") as subject, Terminal(subject) as terminal:
        terminal.until("outer")
        os.kill(terminal.process.pid, signal.SIGTSTP)
        os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WNOWAIT)
        while "\33[?1049l" not in terminal.drawn:
            terminal.read()
        assert termios.tcgetattr(terminal.slave) == terminal.before
        terminal.drawn = ""
        os.kill(terminal.process.pid, signal.SIGCONT)
        terminal.until("outer")
        terminal.press("q")
        terminal.ends(0)


def process_that_ends_in_the_terminal(backend):
    with inspected(backend, "waits") as subject, Terminal(subject) as terminal:
        terminal.until("outer")
        subject.process.kill()
        terminal.ends(0)
        assert f"process {subject.pid} has ended" in terminal.drawn


sys.exit(run_tests(many_tasks, every_kind_of_wait, deadlock, busy_loop, several_loops, no_loop,
                   loop_that_is_held, loop_that_is_blocked, pages, process_that_ends, not_to_be_watched,
                   sorting, choosing_and_opening, size_of_the_terminal, colours, signals, suspended,
                   process_that_ends_in_the_terminal))
