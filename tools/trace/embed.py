#!/usr/bin/env python3
"""embed.py PAGE CSS JS...: the page of a trace as C source, on stdout: in two halves, between which
the data goes."""
import pathlib
import sys

page, css, *js = (pathlib.Path(p).read_text() for p in sys.argv[1:])
strict = '"use strict";\n'
script = strict + "".join(part.removeprefix(strict) for part in js)
assert "</script" not in script and "</style" not in css
page = page.replace("@CSS@", "\n" + css).replace("@JS@", "\n" + script)
head, tail = page.split("@DATA@")
for name, half in (("trace_page_head", head), ("trace_page_tail", tail)):
    data = half.encode() + b"\0"
    print(f"extern const char {name}[];\nconst char {name}[] = {{")
    for at in range(0, len(data), 20):
        print("   ", "".join(f" {byte - 256 if byte > 127 else byte}," for byte in data[at : at + 20]))
    print("};")
