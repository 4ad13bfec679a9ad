#!/usr/bin/env python3
"""compare.py PROGRAM...: Python as the oracle. Each program is the C half of a module of scenarios,
MODULE.c, whose Python half is MODULE.py; each scenario's traces must be equal. Speaks TAP.

compare.py --list                what there is, and the case of CPython's tests each comes from
compare.py --trace MODULE.NAME   the trace in Python (and, after a PROGRAM, in C)
compare.py --record PYTHON       writes traces/*.txt anew: what the Python of Debian does not have

In traces/MODULE.txt a section `== NAME` is what the Python named at the head gave; one that is
marked `by hand` follows the documentation of the version named there, and is kept."""
import difflib
import importlib
import os
import pathlib
import platform
import re
import subprocess
import sys
import warnings

HERE = pathlib.Path(__file__).resolve().parent
TRACES = HERE / "traces"
ORACLE = (3, 11)
SECTION = re.compile(r"^== (\w+)(?: \((by hand, .*)\))?$")

sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))
import scenario

warnings.simplefilter("ignore")  # coroutines that are meant not to be awaited


def version(text):
    return tuple(int(part) for part in text.split("."))


def is_recorded(s):
    return s.since is not None and version(s.since) > ORACLE


def modules():
    others = ("scenario", "compare")
    return sorted(p.stem for p in HERE.glob("*.py") if p.stem not in others)


def load(name):
    importlib.import_module(name)
    return scenario.scenarios.get(name, {})


def sections(text):
    """{name: (mark, [line...])} of what a C program prints, or of a file of traces."""
    found, lines = {}, []
    for line in text.splitlines():
        if m := SECTION.match(line):
            lines = []
            found[m[1]] = (m[2], lines)
        elif line and not line.startswith("# "):
            lines.append(line)
    return found


def without_turns(lines):
    return [re.sub(r"^(\S+) #\d+ ", r"\1 ", line) for line in lines]


# --- Both halves ----------------------------------------------------------------------------------


class Program:
    """The C half. One that dies is started again with the scenarios it has not come to."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.module = self.path.stem
        self.start([])

    def start(self, names):
        self.process = subprocess.Popen(
            [self.path, *names],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, "ASYNCIO_BACKEND": "sim"},
        )

    def finish(self, names):
        """{name: [line...]}, and what it said on stderr if it did not end well."""
        traces, said = {}, ""
        while True:
            out, err = self.process.communicate()
            found = sections(out)
            traces.update((name, lines) for name, (_, lines) in found.items())
            code = self.process.returncode
            if code == 0:
                return traces, said
            said += f"{self.module} ended with {code}\n{err}"
            if found and code < 0 or "ERROR: AddressSanitizer" in err:
                traces[next(reversed(found))].append(f"!! it died here: {code}")
            rest = [name for name in names if name not in traces]
            if not found or not rest:
                traces.setdefault("the program's end", []).append(f"!! {code}")
                return traces, said
            self.start(rest)


def expected(s, recorded):
    if s.c is not None:
        return [line.strip() for line in s.c.strip().splitlines()]
    if not is_recorded(s):
        return scenario.run(s)
    return recorded[s.name][1] if s.name in recorded else ["!! nothing recorded"]


def read_traces(module):
    path = TRACES / f"{module}.txt"
    return sections(path.read_text()) if path.exists() else {}


# --- What can be asked for ------------------------------------------------------------------------


class Tap:
    def __init__(self):
        self.number, self.failed = 0, 0

    def say(self, fine, name, notes=()):
        self.number += 1
        self.failed += not fine
        print("ok" if fine else "not ok", self.number, "-", name)
        for note in notes:
            print("  #", note)


def compare_one(tap, s, want, got):
    name = f"{s.module}.{s.name} ({s.of})"
    if got is None:
        tap.say(False, name, ["no such scenario in C"])
        return
    if not s.turns:  # also a stated expectation may leave them out
        want, got = without_turns(want), without_turns(got)
    if want == got:
        tap.say(True, name)
        return
    told = "what the scenario says of C" if s.c else "Python"
    diff = difflib.unified_diff(want, got, told, "C", n=3, lineterm="")
    tap.say(False, name, diff)


def compare(paths):
    tap = Tap()
    programs = [Program(path) for path in paths]
    for p in programs:
        ours = load(p.module)
        recorded = read_traces(p.module)
        wanted = {name: expected(s, recorded) for name, s in ours.items()}
        traces, said = p.finish(list(ours))
        for name, s in ours.items():
            compare_one(tap, s, wanted[name], traces.pop(name, None))
        for name, lines in traces.items():
            tap.say(False, f"{p.module}.{name}: not in Python", lines)
        for line in said.splitlines():
            print("#", line)
    print(f"1..{tap.number}")
    return 1 if tap.failed else 0


def show_list():
    for module in modules():
        for s in load(module).values():
            why = f" -- {s.differs}" if s.differs else ""
            since = f" (recorded, {s.since})" if is_recorded(s) else ""
            print(f"{module}.{s.name}: {s.of}{since}{why}")


def show_trace(name, program=None):
    module, _, one = name.partition(".")
    s = load(module)[one]
    if program is None:
        print("\n".join(scenario.run(s)))
        return 0
    wanted = expected(s, read_traces(module))
    done = subprocess.run([program, one], stdout=subprocess.PIPE, text=True)
    found = sections(done.stdout).get(one, (None, []))
    print("\n".join(difflib.ndiff(wanted, found[1])))
    return done.returncode


def dump():
    """For record(), under the Python that is to be recorded: {module: traces}."""
    for module in modules():
        print(f"module {module} {platform.python_version()}")
        for s in load(module).values():
            if is_recorded(s) and version(s.since) <= sys.version_info[:2]:
                print("\n".join([f"== {s.name}", *scenario.run(s)]))


def write_traces(module, python, found):
    kept = {n: (mark, lines) for n, (mark, lines) in read_traces(module).items() if mark}
    path = TRACES / f"{module}.txt"
    if not found and not kept:
        path.unlink(missing_ok=True)
        return
    text = f"# Recorded with Python {python} by compare.py --record.\n"
    for name, (mark, lines) in {**found, **kept}.items():
        title = f"\n== {name}" + (f" ({mark})" if mark else "")
        text += "\n".join([title, *lines, ""])
    path.write_text(text)


def record(python):
    done = subprocess.run(
        [python, __file__, "--dump"], stdout=subprocess.PIPE, text=True, check=True
    )
    TRACES.mkdir(exist_ok=True)
    for part in re.split(r"^module ", done.stdout, flags=re.M)[1:]:
        head, _, rest = part.partition("\n")
        module, which = head.split()
        write_traces(module, which, sections(rest))


def main(arguments):
    match arguments:
        case ["--list"]:
            return show_list()
        case ["--trace", name, *program]:
            return show_trace(name, *program)
        case ["--record", python]:
            return record(python)
        case ["--dump"]:
            return dump()
        case [first, *_] if not first.startswith("--"):
            return compare(arguments)
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
