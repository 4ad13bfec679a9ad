#!/usr/bin/env python3
"""docs_test.py [--cc CC] [--flags FLAGS] [FILE.md ...]: compiles every C block of the documents
(README*.md and docs/*.md where none is named) and runs those that are whole programs.

FLAGS is what a program compiles and links with (-I…, libasyncio.a, …; default: what pkg-config says).
What a block is, its first line tells:
  ```c         with an `int main`: a program. It runs in the simulation, and what it prints, on
               stdout and then on stderr, is what the next block shows if that is a ```text one,
               where … is anything within a line.
  ```c         without one: definitions at file scope; compiled.
  ```c body    statements of a coroutine; compiled within one.
A comment <!-- given: … --> right before a block holds what it takes for granted; its C goes in
front."""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
STRICT = ["-std=gnu11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
SNIPPET = ["-c", "-Wno-unused", "-Wno-unused-command-line-argument"]
PRELUDE = "#include <asyncio.h>\n#include <stdio.h>\n"
GIVEN = re.compile(r"<!--\s*given:((?:(?!-->).)*)-->\s*\Z", re.S)
BLOCK = re.compile(r"^```(\w+)[ ]?(\w*)\n(.*?)^```$", re.S | re.M)


class Block:
    def __init__(self, document, text, match, after):
        self.language, self.kind, self.code = match.groups()
        self.line = text.count("\n", 0, match.start()) + 2
        self.where = f"{document.name}:{self.line - 1}"
        given = GIVEN.search(text[: match.start()])
        self.given = given[1].strip() + "\n" if given else ""
        self.after = after
        self.program = re.search(r"^int main\b", self.code, re.M)

    def source(self):
        code = f"#line {self.line}\n{self.code}"
        if self.program:
            return self.given + code
        if self.kind == "body":
            code = f"async(void, snippet)\n{{\n{code}}}\n"
        return PRELUDE + self.given + code


def blocks(document):
    text = document.read_text()
    matches = list(BLOCK.finditer(text))
    texts = [m[3] if m[1] == "text" else None for m in matches[1:]] + [None]
    return [Block(document, text, m, after) for m, after in zip(matches, texts) if m[1] == "c"]


def execute(command, **more):
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, **more
    )


def prints(program, want):
    done = execute([program], env={**os.environ, "ASYNCIO_BACKEND": "sim"})
    if done.returncode:
        return f"it ended with {done.returncode}\n{done.stderr}"
    got = done.stdout + done.stderr
    if want is not None and not re.fullmatch(re.escape(want).replace("…", "[^\n]*"), got):
        return f"it prints\n{got}instead of\n{want}"
    return ""


def check(block, compiler, flags, directory):
    """What is wrong with the block, or nothing."""
    name = directory / block.where.replace(":", "-")
    source = directory / f"{name.name}.c"
    source.write_text(block.source())
    command = [*compiler, *STRICT, *([] if block.program else SNIPPET)]
    compiled = execute([*command, "-o", name, source, *flags])
    if compiled.returncode:
        return compiled.stderr
    return prints(name, block.after) if block.program else ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cc", default=os.environ.get("CC", "cc"))
    parser.add_argument("--flags")
    parser.add_argument("documents", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    if options.flags is None:
        options.flags = execute(["pkg-config", "--cflags", "--libs", "asyncio"]).stdout
    compiler, flags = shlex.split(options.cc), shlex.split(options.flags)
    documents = options.documents or sorted([*ROOT.glob("README*.md"), *ROOT.glob("docs/*.md")])
    work = [block for document in documents for block in blocks(document)]
    with tempfile.TemporaryDirectory() as directory, concurrent.futures.ThreadPoolExecutor() as pool:
        place = pathlib.Path(directory)
        results = list(pool.map(lambda b: check(b, compiler, flags, place), work))
    for block, wrong in zip(work, results):
        print("not ok" if wrong else "ok", block.where)
        for line in wrong.splitlines():
            print("  #", line)
    return 1 if not work or any(results) else 0


if __name__ == "__main__":
    sys.exit(main())
