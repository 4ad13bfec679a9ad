#!/usr/bin/env python3
"""embed.py OUT FILE...: the files as an array in C, for new.c. A file that git would take for its own
goes without its dot here."""
import pathlib
import sys


def literal(line):
    escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\n", "\\n")
    return f'     "{escaped}"\n'


with open(sys.argv[1], "w") as out:
    for path in map(pathlib.Path, sys.argv[2:]):
        name = path.name.replace("gitignore", ".gitignore")
        lines = path.read_text().splitlines(keepends=True)
        out.write(f'    {{"{name}",\n{"".join(map(literal, lines))}    }},\n')
