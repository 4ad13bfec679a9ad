"""The table of figures: each program run for itself, what it printed, what was asked for."""
import math
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from programs import RUNS

SLOW = 2.0       # seconds: what runs longer is run once
TIMEOUT = 120    # seconds

# Figure: what it is, the most it may be, of which unit; None: bare switches; another figure of ours:
# as many times that.
TARGETS = {
    "await": ("`await` of a trivial coroutine", 2, None),
    "switch-2": ("a switch between two tasks by `sleep(0)`", 1.5, None),
    "switch-10000": ("the same, 10,000 tasks in turn", 3, None),
    "create": ("create a task, await it, release it", 8, None),
    "asleep-bytes": ("a task asleep, resident, of 1,000,000", 4400, "bytes"),
    "asleep-start": ("1,000,000 of them, all started", 3, "s"),
    "sleep-gathered": ("a bare sleep gathered, of 1,000,000", 200, "bytes"),
    "sleep-task": ("a bare sleep made a task, of 1,000,000", 200, "bytes"),
    "skynet": ("skynet", 0.30, "s"),
    "lock": ("a lock nobody else wants, acquired and released", 10, "ns"),
    "event": ("waiting for an event that is set", 10, "ns"),
    "queue": ("a put into a queue with room, or a get of an item", 10, "ns"),
    "queue-pingpong": ("a message through a queue of one, to and fro", 2, "switch-2"),
    "group-over-gather": ("a task in a TaskGroup, more than one gathered", 20, "%"),
    "files-over-pool": ("the same by io_uring, more than by epoll's pool", 0, "%"),
    "trace-event": ("an event in the trace, where that is on", 60, "ns"),
    "idle": ("a connection that waits for a line, resident, of 100,000", 5120, "bytes"),
}


def say(text):
    print(text, file=sys.stderr, flush=True)


class Table:
    """What the runs printed, and what was not to be had."""

    def __init__(self):
        self.values = defaultdict(list)  # by (figure, peer)
        self.units, self.notes, self.missing = {}, {}, {}

    def build(self, program):
        if program.build:
            say(f"bench: building {program.name} ({Path(program.run[-1]).name})")
        env = {**os.environ, **program.env}
        try:
            if program.build:
                subprocess.run(program.build, env=env, check=True, capture_output=True, text=True)
        except FileNotFoundError as e:
            self.missing[program.name] = f"no {e.filename}"
        except subprocess.CalledProcessError as e:
            say(e.stderr)
            self.missing[program.name] = "does not build: " + (e.stderr.strip() or "?").split("\n")[0]
        else:
            if not Path(program.run[-1]).exists():
                self.missing[program.name] = "not built"
            return program.name not in self.missing
        return False

    def take(self, printed, figure):
        for line in printed.splitlines():
            name, peer, value, unit_of, *note = line.split("\t")
            if peer == "fcontext":
                name = f"unit for {figure}"
            self.values[name, peer].append(float(value))
            self.units[name, peer], self.notes[name, peer] = unit_of, "".join(note)

    def run(self, program, figure):
        """Returns whether to run it again."""
        start = time.monotonic()
        try:
            r = subprocess.run([*program.run, figure, *program.args], capture_output=True, text=True,
                               env={**os.environ, **program.env}, timeout=TIMEOUT, check=False)
        except subprocess.TimeoutExpired:
            self.missing[f"{program.name}, {figure}"] = f"not done after {TIMEOUT} s"
            return False
        self.take(r.stdout, figure)
        if r.returncode or not r.stdout:
            why = (r.stderr.strip().splitlines() or [f"exit status {r.returncode}"])[-1]
            self.missing[f"{program.name}, {figure}"] = why
            say(f"bench: {program.name}, {figure}: {why}")
            return False
        return time.monotonic() - start < SLOW

    def value(self, figure, peer):
        return statistics.median(self.values[figure, peer])

    def shown(self, figure, peer):
        unit_of, note = self.units[figure, peer], self.notes[figure, peer]
        text = f"{self.value(figure, peer):,.{0 if unit_of == 'bytes' else 2}f} {unit_of}"
        return text + (f" ({note})" if note else "")

    def row(self, figure):
        what, most, unit_of = TARGETS[figure]
        relative = unit_of in TARGETS
        target = (f"{most} switches" if relative else f"{most:,} {unit_of}" if unit_of else
                  f"{most} bare")
        run = figure if figure in RUNS else "asleep"
        bare = (f"unit for {run}", "fcontext")
        mine, verdict = "missing", "miss"
        if self.values.get((figure, "ours")):
            value, mine = self.value(figure, "ours"), self.shown(figure, "ours")
            if not unit_of:
                ratios = [v / u for v, u in zip(self.values[figure, "ours"], self.values[bare])]
                value = statistics.median(ratios or [math.inf])
                mine += f" = {value:.2f} bare"
            elif relative and self.values.get((unit_of, "ours")):
                value /= self.value(unit_of, "ours")
                mine += f" = {value:.2f} switches"
            # A figure of fewer than were asked for passes nothing.
            verdict = "pass" if value <= most and " of " not in self.notes[figure, "ours"] else "miss"
        others = sorted((self.value(f, p), p) for f, p in self.values
                        if f == figure and p != "ours")
        cells = "; ".join(f"{p} {self.shown(figure, p)}" for _, p in others)
        return f"| {what} | {target} | {mine} | {verdict} | {cells} |"

    def print(self, figures):
        if not figures:
            return
        bare = [v for (f, p), values in self.values.items() if p == "fcontext" for v in values]
        if bare:
            print(f"A bare fcontext switch: {statistics.median(bare):.2f} ns "
                  f"({min(bare):.2f} to {max(bare):.2f}); a ratio is to those among its own rounds.")
        print("\n| figure | ours at most | ours | | others |\n| --- | --- | --- | --- | --- |")
        for figure in figures:
            print(self.row(figure))

    def print_missing(self):
        if self.missing:
            print("\nMissing:")
            for name, why in self.missing.items():
                print(f"- {name}: {why}")
