#!/usr/bin/env python3
"""tutorial_test.py BUILT: runs every program of examples/tutorial, built in the directory BUILT, in
the simulation and in real time, all at once, and compares what it prints with NAME.expected (stdout)
and NAME.expected-err (stderr; none: nothing).

In those files {N} is a time: N.000000 exactly in the simulation, N to N + 1 seconds in real time;
{...} is anything within a line."""
import concurrent.futures
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent / "examples" / "tutorial"
TOKEN = re.compile(r"\{(\d+|\.\.\.)\}")
WRAPPER = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))  # runs a foreign architecture's
IN_NO_TIME = 2.5  # seconds for a simulated program: less than any sleeping one takes in real time


def pattern(text, simulated):
    """The expected text as a regular expression."""

    def token(match):
        if match[1] == "...":
            return r"[^\n]*"
        return match[1] + (r"\.000000" if simulated else r"\.\d{6}")

    pieces, end = [], 0
    for match in TOKEN.finditer(text):
        pieces += [re.escape(text[end : match.start()]), token(match)]
        end = match.end()
    return "".join(pieces) + re.escape(text[end:])


def expected(program, suffix):
    path = SOURCE / (program + suffix)
    return path.read_text() if path.exists() else ""


def run(built, program, simulated):
    """What is wrong with a run of the program: nothing, if all is well."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ASYNCIO_")}
    if simulated:
        environment["ASYNCIO_BACKEND"] = "sim"
    begun = time.monotonic()
    done = subprocess.run(
        [*WRAPPER, built / program], env=environment, capture_output=True, text=True, timeout=60
    )
    took = time.monotonic() - begun
    wrong = []
    if done.returncode:
        wrong.append(f"it ended with {done.returncode}")
    if simulated and took > IN_NO_TIME:
        wrong.append(f"simulated, it took {took:.1f} s")
    for name, suffix, got in (
        ("stdout", ".expected", done.stdout),
        ("stderr", ".expected-err", done.stderr),
    ):
        want = expected(program, suffix)
        if not re.fullmatch(pattern(want, simulated), got):
            wrong.append(f"{name} is\n{got}instead of\n{want}")
    return wrong


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    built = pathlib.Path(sys.argv[1]).resolve()
    programs = sorted(p.stem for p in SOURCE.glob("*.c"))
    runs = [(p, simulated) for p in programs for simulated in (True, False)]
    with concurrent.futures.ThreadPoolExecutor(len(runs)) as pool:
        results = list(pool.map(lambda r: run(built, *r), runs))
    for (program, simulated), wrong in zip(runs, results):
        print("not ok" if wrong else "ok", program, "(sim)" if simulated else "(real time)")
        for line in "\n".join(wrong).splitlines():
            print("  #", line)
    return 1 if not runs or any(results) else 0


if __name__ == "__main__":
    sys.exit(main())
